#include "agents/trust_import.h"

#include "agents/evidence.h"
#include "agents/home.h"
#include "agents/line.h"
#include "agents/say.h"
#include "proto/base/message.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#define FILES_MAX 4096

enum import_kind {
	IMPORT_ROOT_KEYS, /* in the order in which they are taken: each needs the ones before */
	IMPORT_CHARTER,
	IMPORT_ROSTER,
	IMPORT_SUSPENSION,
	IMPORT_KINDS,
};

struct import_file {
	char *path; /* owned */
	enum import_kind kind;
	bool is_chain; /* of charters */
	bool is_done;
};

struct import {
	const struct app *app;
	struct import_file files[FILES_MAX];
	size_t file_count;
	char *folder;        /* trust/ of the home */
	struct trust *trust; /* owned; NULL before root keys */
	size_t taken, known;
	int exit_code;
};

/* --- which files ------------------------------------------------------------------------------------------------------ */

static void
count_trouble(struct import *import, int exit_code)
{
	import->exit_code = err_worse_exit(import->exit_code, exit_code);
}

static bool
is_root_keys(const char *path)
{
	char head[32] = "";
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	size_t got = fread(head, 1, sizeof head - 1, file);
	fclose(file);
	return got > 0 && strncmp(head, "liaison root keys", 17) == 0;
}

static enum liaison_err
look(const char *path, struct import_file *file, struct fault *fault)
{
	enum docfile_type type;

	if (is_root_keys(path)) {
		file->kind = IMPORT_ROOT_KEYS;
		return LIAISON_OK;
	}
	enum liaison_err err = docfile_look(path, &type, fault);
	if (err == LIAISON_NOT_FOUND)
		return fault_set(fault, LIAISON_IO, "there is no %s", path);
	if (err != LIAISON_OK)
		return err;
	switch (type) {
	case DOCFILE_CHARTERS: file->is_chain = true; /* fall through */
	case DOCFILE_CHARTER: file->kind = IMPORT_CHARTER; return LIAISON_OK;
	case DOCFILE_ROSTER: file->kind = IMPORT_ROSTER; return LIAISON_OK;
	case DOCFILE_SUSPENSION: file->kind = IMPORT_SUSPENSION; return LIAISON_OK;
	case DOCFILE_CARD: break;
	}
	return fault_set(fault, LIAISON_MALFORMED,
		"%s is a card: an authority takes it into a roster by `liaison roster set ROSTER --card %s`", path,
		path);
}

static enum liaison_err
add_file(struct import *import, const char *path, struct fault *fault)
{
	struct import_file file = {0};
	struct fault why;

	if (look(path, &file, &why) != LIAISON_OK) {
		count_trouble(import, say_fault(import->app, &why));
		return LIAISON_OK;
	}
	if (import->file_count == FILES_MAX)
		return fault_set(fault, LIAISON_BAD_USAGE, "more than %d files at a time", FILES_MAX);
	file.path = strdup(path);
	if (file.path == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	import->files[import->file_count++] = file;
	return LIAISON_OK;
}

/* A folder hands over all files in it, and those of its suspensions/. */
static enum liaison_err
add_path(struct import *import, const char *path, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	struct stat status;

	DIR *folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode) ? opendir(path) : NULL;
	if (folder == NULL)
		return add_file(import, path, fault);
	for (struct dirent *entry = readdir(folder); entry != NULL && err == LIAISON_OK; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		char *file = home_file(path, entry->d_name);
		if (file == NULL)
			err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		else if (strcmp(entry->d_name, "suspensions") == 0)
			err = add_path(import, file, fault);
		else if (stat(file, &status) == 0 && S_ISREG(status.st_mode))
			err = add_file(import, file, fault);
		free(file);
	}
	closedir(folder);
	return err;
}

/* --- taking ----------------------------------------------------------------------------------------------------------- */

static bool
same_root_keys(const struct trust *a, const struct trust *b)
{
	size_t counts[2], thresholds[2];
	const struct public_key *mine = trust_root_keys(a, &counts[0], &thresholds[0]);
	const struct public_key *theirs = trust_root_keys(b, &counts[1], &thresholds[1]);

	if (strcmp(trust_network(a), trust_network(b)) != 0 || counts[0] != counts[1] || thresholds[0] != thresholds[1])
		return false;
	for (size_t i = 0; i < counts[0]; i++) {
		bool is_there = false;
		for (size_t k = 0; k < counts[1]; k++)
			is_there = is_there || public_key_equal(&mine[i], &theirs[k]);
		if (!is_there)
			return false;
	}
	return true;
}

/* The root keys are pinned once; whoever could replace them could replace everything. */
static enum liaison_err
take_root_keys(struct import *import, const char *path, struct fault *fault)
{
	struct trust *given = NULL;

	enum liaison_err err = rootkeys_read(path, &given, fault);
	if (err != LIAISON_OK)
		return err;
	if (import->trust == NULL) {
		import->trust = given;
		import->taken++;
		say_note(import->app,
			"%s: the root keys of network %s are pinned; compare them with what the root published before "
			"you "
			"rely on them",
			path, trust_network(given));
		return LIAISON_OK;
	}
	if (!same_root_keys(import->trust, given))
		err = fault_set(fault, LIAISON_BAD_CONFIG,
			"%s holds other root keys (network %s) than this home is pinned to (network %s); root keys "
			"change by a "
			"new charter only, and a home belongs to one network",
			path, trust_network(given), trust_network(import->trust));
	else
		import->known++;
	trust_unref(given);
	return err;
}

/* What this home holds under the version of `document`, for the alarm. */
static const Liaison__Signed *
held_version(const struct import *import, enum document_type type, const struct document *document)
{
	if (type == DOCUMENT_ROSTER)
		return trust_signed_roster(import->trust, document->roster->member);
	for (size_t i = 0; i < trust_charter_count(import->trust); i++)
		if (i + 1 == document->charter->version)
			return trust_signed_charter(import->trust, i);
	return NULL;
}

/* Two that were signed under one version: the authority (or the root) lies, or its key is stolen. */
static void
alarm_fork(struct import *import, const char *path, enum document_type type, const Liaison__Signed *second)
{
	struct document *document = NULL;
	struct buf first_bytes, second_bytes;
	char *kept = NULL;
	struct fault why = {.message = ""};

	buf_init(&first_bytes, DOCUMENT_BYTES_MAX + 65536);
	buf_init(&second_bytes, DOCUMENT_BYTES_MAX + 65536);
	if (document_new(type, second, &document, &why) == LIAISON_OK) {
		const Liaison__Signed *first = held_version(import, type, document);
		bool is_roster = type == DOCUMENT_ROSTER;
		if (first != NULL)
			message_pack(&first->base, &first_bytes);
		message_pack(&second->base, &second_bytes);
		if (buf_check(&first_bytes) != LIAISON_OK || buf_check(&second_bytes) != LIAISON_OK ||
			evidence_keep(import->app->home,
				is_roster ? LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_ROSTER_FORK
					  : LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_CHARTER_FORK,
				is_roster ? document->roster->member : document->charter->network, first_bytes.data,
				first_bytes.len, second_bytes.data, second_bytes.len, &kept, &why) != LIAISON_OK)
			say_error(import->app, "the evidence could not be kept: %s", why.message);
	}
	say_error(import->app,
		"ALARM: %s is signed under a version that this home holds with other content. Whoever signs lies, or a "
		"key is "
		"stolen. Tell the other countries; the proof is in %s",
		path, kept != NULL ? kept : path);
	free(kept);
	buf_clear(&first_bytes);
	buf_clear(&second_bytes);
	document_unref(document);
}

static enum liaison_err
add_document(struct import *import, const char *path, enum document_type type, const Liaison__Signed *document,
	struct fault *fault)
{
	const int64_t now = app_now(import->app);
	enum trust_change change = TRUST_UNCHANGED;
	struct trust *next = NULL;
	enum liaison_err err = LIAISON_INTERNAL;

	switch (type) {
	case DOCUMENT_CHARTER: err = trust_add_charter(import->trust, document, now, &change, &next, fault); break;
	case DOCUMENT_ROSTER: err = trust_add_roster(import->trust, document, now, &change, &next, fault); break;
	case DOCUMENT_SUSPENSION:
		err = trust_add_suspension(import->trust, document, now, &change, &next, fault);
		break;
	case DOCUMENT_CARD: break;
	}
	if (err == LIAISON_EQUIVOCATION)
		alarm_fork(import, path, type, document);
	if (err != LIAISON_OK)
		return err;
	trust_unref(import->trust);
	import->trust = next;
	if (change == TRUST_CHANGED)
		import->taken++;
	else
		import->known++;
	say_detail(import->app, "%s: %s %s", path, document_type_name(type),
		change == TRUST_CHANGED ? "taken" : "was known");
	return LIAISON_OK;
}

static enum liaison_err
take_chain(struct import *import, const char *path, struct fault *fault)
{
	Liaison__CharterChain *chain = NULL;

	enum liaison_err err = docfile_read_charters(path, &chain, fault);
	if (err != LIAISON_OK)
		return err;
	for (size_t i = 0; err == LIAISON_OK && i < chain->n_charters; i++)
		err = add_document(import, path, DOCUMENT_CHARTER, chain->charters[i], fault);
	liaison__charter_chain__free_unpacked(chain, NULL);
	return err;
}

static enum liaison_err
take_signed(struct import *import, const char *path, enum document_type type, struct fault *fault)
{
	Liaison__Signed *document = NULL;

	enum liaison_err err = docfile_read(path, type, &document, fault);
	if (err != LIAISON_OK)
		return err;
	err = add_document(import, path, type, document, fault);
	liaison__signed__free_unpacked(document, NULL);
	return err;
}

static enum liaison_err
take(struct import *import, const struct import_file *file, struct fault *fault)
{
	switch (file->kind) {
	case IMPORT_ROOT_KEYS: return take_root_keys(import, file->path, fault);
	case IMPORT_CHARTER:
		return file->is_chain ? take_chain(import, file->path, fault)
				      : take_signed(import, file->path, DOCUMENT_CHARTER, fault);
	case IMPORT_ROSTER: return take_signed(import, file->path, DOCUMENT_ROSTER, fault);
	case IMPORT_SUSPENSION: return take_signed(import, file->path, DOCUMENT_SUSPENSION, fault);
	case IMPORT_KINDS: break;
	}
	return LIAISON_OK;
}

/*
 * All files of one kind. A charter that is named before the one that it follows is tried again as long as others were
 * taken; each round takes one at least, so there are at most as many rounds as files.
 */
static void
take_kind(struct import *import, enum import_kind kind)
{
	bool has_moved = true;
	struct fault why;

	while (has_moved) {
		has_moved = false;
		for (size_t i = 0; i < import->file_count; i++) {
			struct import_file *file = &import->files[i];
			if (file->kind == kind && !file->is_done && take(import, file, &why) == LIAISON_OK)
				file->is_done = has_moved = true;
			else if (file->kind == kind && !file->is_done && why.code != LIAISON_BAD_REFERENCE) {
				file->is_done = true;
				say_error(import->app, "%s is not taken: %s", file->path, why.message);
				count_trouble(import, why.code == LIAISON_BAD_CONFIG ? EX_CONFIG : EX_DATAERR);
			}
		}
	}
	for (size_t i = 0; i < import->file_count; i++) {
		struct import_file *file = &import->files[i];
		if (file->kind != kind || file->is_done || take(import, file, &why) == LIAISON_OK)
			continue;
		say_error(import->app, "%s is not taken: %s", file->path, why.message);
		count_trouble(import, EX_DATAERR);
	}
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

static enum liaison_err
open_trust(struct import *import, struct fault *fault)
{
	import->folder = home_file(import->app->home, "trust");
	if (import->folder == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = trust_load_dir(import->folder, app_now(import->app), NULL, NULL, &import->trust, fault);
	return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
}

static enum liaison_err
take_all(struct import *import, struct fault *fault)
{
	enum liaison_err err = open_trust(import, fault);
	if (err != LIAISON_OK)
		return err;
	take_kind(import, IMPORT_ROOT_KEYS);
	if (import->trust == NULL)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s has no root keys yet: name the file root.keys, which the network's root hands over in "
			"person",
			import->app->home);
	for (enum import_kind kind = IMPORT_CHARTER; kind < IMPORT_KINDS; kind++)
		take_kind(import, kind);
	err = folder_make(import->app->home, 0700, fault);
	return err == LIAISON_OK ? trust_save_dir(import->folder, import->trust, app_now(import->app), fault) : err;
}

static enum liaison_err
say_taken(const struct import *import, struct fault *fault)
{
	struct line line;

	say_result(import->app, "%zu taken, %zu known before; network %s, charter version %" PRIu64, import->taken,
		import->known, trust_network(import->trust), trust_charter_version(import->trust));
	line_begin(&line, import->app);
	line_number(&line, "taken", import->taken);
	line_number(&line, "known", import->known);
	line_text(&line, "network", trust_network(import->trust));
	line_number(&line, "charterVersion", trust_charter_version(import->trust));
	return line_end(&line, fault);
}

int
trust_import(const struct app *app, const char *const *paths, size_t path_count)
{
	struct import *import = calloc(1, sizeof *import);
	enum liaison_err err = LIAISON_OK;
	struct fault fault;

	if (import == NULL)
		return EX_OSERR;
	import->app = app;
	for (size_t i = 0; err == LIAISON_OK && i < path_count; i++)
		err = add_path(import, paths[i], &fault);
	if (err == LIAISON_OK)
		err = take_all(import, &fault);
	if (err == LIAISON_OK)
		err = say_taken(import, &fault);
	if (err != LIAISON_OK)
		count_trouble(import, say_fault(app, &fault));
	const int exit_code = import->exit_code;
	for (size_t i = 0; i < import->file_count; i++)
		free(import->files[i].path);
	trust_unref(import->trust);
	free(import->folder);
	free(import);
	return exit_code;
}
