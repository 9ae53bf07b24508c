/* `liaison trust`: root keys, charters, rosters and suspensions that came by whatever road, and what they say. */
#include "agents/commands.h"
#include "agents/home.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#define IMPORT_FILES_MAX 4096

/* --- import ---------------------------------------------------------------------------------------------------------- */

struct import {
	struct app *app;
	char *files[IMPORT_FILES_MAX]; /* owned */
	size_t file_count;
	char *folder; /* trust/ of the home */
	struct trust *trust;
	size_t taken, known;
	int exit_code;
};

static enum liaison_err
add_file(struct import *import, const char *path)
{
	if (import->file_count == IMPORT_FILES_MAX)
		return LIAISON_TOO_LARGE;
	import->files[import->file_count] = strdup(path);
	if (import->files[import->file_count] == NULL)
		return LIAISON_NO_MEMORY;
	import->file_count++;
	return LIAISON_OK;
}

/* A trust folder hands over all that is in it. */
static enum liaison_err
add_path(struct import *import, const char *path)
{
	struct stat status;
	enum liaison_err err = LIAISON_OK;

	DIR *folder = stat(path, &status) == 0 && S_ISDIR(status.st_mode) ? opendir(path) : NULL;
	if (folder == NULL)
		return add_file(import, path);
	for (struct dirent *entry = readdir(folder); entry != NULL && err == LIAISON_OK; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		char *file = home_file(path, entry->d_name);
		err = file == NULL                                ? LIAISON_NO_MEMORY
		      : strcmp(entry->d_name, "suspensions") == 0 ? add_path(import, file)
								  : add_file(import, file);
		free(file);
	}
	closedir(folder);
	return err;
}

static error_t
read_import(int key, char *arg, struct argp_state *state)
{
	struct import *import = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (add_path(import, arg) != LIAISON_OK)
			argp_failure(state, EX_OSERR, 0, "out of memory, or more than %d files", IMPORT_FILES_MAX);
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "name the files: root.keys, charters, rosters, suspensions"); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp import_argp = {
	.parser = read_import,
	.args_doc = "FILE|FOLDER...",
	.doc = "Take root keys (once), charters, rosters and suspensions into the home's trust, in whatever order they "
	       "are named. "
	       "Each is verified; what does not verify is left out and told.\vExamples:\n"
	       "  liaison trust import root.keys charter kh.roster\n"
	       "  liaison trust import /media/usb/trust",
};

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

/* The root keys are pinned once; whoever could replace them could replace everything. */
static enum liaison_err
take_root_keys(struct import *import, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; i < import->file_count; i++) {
		struct trust *given = NULL;
		if (!is_root_keys(import->files[i]))
			continue;
		err = rootkeys_read(import->files[i], &given, fault);
		if (err != LIAISON_OK)
			return err;
		if (import->trust == NULL) {
			import->trust = given;
			import->taken++;
			say_note(import->app, "%s: the root keys of network %s are pinned", import->files[i],
				trust_network(given));
			continue;
		}
		if (strcmp(trust_network(import->trust), trust_network(given)) != 0)
			err = fault_set(fault, LIAISON_BAD_CONFIG,
				"%s is of network %s, but this home is pinned to network %s; a home belongs to one "
				"network",
				import->files[i], trust_network(given), trust_network(import->trust));
		trust_unref(given);
		if (err != LIAISON_OK)
			return err;
		import->known++;
	}
	return LIAISON_OK;
}

typedef enum liaison_err add_fn(struct trust *trust, const Liaison__Signed *document, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault);

static void
take_document(struct import *import, const char *path, const char *what, add_fn *add, const Liaison__Signed *document)
{
	enum trust_change change = TRUST_UNCHANGED;
	struct trust *next = NULL;
	struct fault why;

	enum liaison_err err = add(import->trust, document, app_now(import->app), &change, &next, &why);
	if (err != LIAISON_OK) {
		say_error(import->app, "%s: the %s is not taken: %s", path, what, why.message);
		import->exit_code = err_worse_exit(import->exit_code,
			err == LIAISON_EQUIVOCATION || err == LIAISON_STALE || err == LIAISON_BAD_REFERENCE
				? EX_DATAERR
				: err_exit_code(err));
		return;
	}
	trust_unref(import->trust);
	import->trust = next;
	if (change == TRUST_CHANGED)
		import->taken++;
	else
		import->known++;
	say_detail(import->app, "%s: %s %s", path, what, change == TRUST_CHANGED ? "taken" : "was known");
}

static void
take_chain(struct import *import, const char *path)
{
	Liaison__CharterChain *chain = NULL;
	struct fault why;

	if (docfile_read_charters(path, &chain, &why) != LIAISON_OK) {
		import->exit_code = err_worse_exit(import->exit_code, say_fault(import->app, &why));
		return;
	}
	for (size_t i = 0; i < chain->n_charters; i++)
		take_document(import, path, "charter", trust_add_charter, chain->charters[i]);
	liaison__charter_chain__free_unpacked(chain, NULL);
}

static void
take_signed(struct import *import, const char *path, enum document_type type, const char *what, add_fn *add)
{
	Liaison__Signed *document = NULL;
	struct fault why;

	if (docfile_read(path, type, &document, &why) != LIAISON_OK) {
		import->exit_code = err_worse_exit(import->exit_code, say_fault(import->app, &why));
		return;
	}
	take_document(import, path, what, add, document);
	liaison__signed__free_unpacked(document, NULL);
}

/* Charters before rosters before suspensions: each needs the one before. `round` is which. */
static void
take_file(struct import *import, const char *path, int round)
{
	enum docfile_type type;
	struct fault why;

	if (is_root_keys(path))
		return;
	if (docfile_look(path, &type, &why) != LIAISON_OK) {
		if (round == 0)
			import->exit_code = err_worse_exit(import->exit_code, say_fault(import->app, &why));
		return;
	}
	switch (type) {
	case DOCFILE_CHARTERS:
		if (round == 0)
			take_chain(import, path);
		break;
	case DOCFILE_CHARTER:
		if (round == 0)
			take_signed(import, path, DOCUMENT_CHARTER, "charter", trust_add_charter);
		break;
	case DOCFILE_ROSTER:
		if (round == 1)
			take_signed(import, path, DOCUMENT_ROSTER, "roster", trust_add_roster);
		break;
	case DOCFILE_SUSPENSION:
		if (round == 2)
			take_signed(import, path, DOCUMENT_SUSPENSION, "suspension", trust_add_suspension);
		break;
	case DOCFILE_CARD:
		if (round == 0) {
			say_error(import->app, "%s is a card; it goes into a roster by `liaison roster set --card %s`",
				path, path);
			import->exit_code = err_worse_exit(import->exit_code, EX_DATAERR);
		}
		break;
	}
}

static enum liaison_err
open_trust(struct import *import, struct fault *fault)
{
	import->folder = home_file(import->app->home, "trust");
	if (import->folder == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = trust_load_dir(import->folder, app_now(import->app), NULL, NULL, &import->trust, fault);
	return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
}

static int
trust_import(struct app *app, int argc, char **argv)
{
	struct import *import = calloc(1, sizeof *import);
	struct fault fault;
	struct line line;

	if (import == NULL)
		return EX_OSERR;
	import->app = app;
	command_parse(app, &import_argp, argc, argv, import);
	enum liaison_err err = open_trust(import, &fault);
	if (err == LIAISON_OK)
		err = take_root_keys(import, &fault);
	if (err == LIAISON_OK && import->trust == NULL)
		err = fault_set(&fault, LIAISON_BAD_CONFIG,
			"%s has no root keys yet: name the file root.keys, which the network's root hands over in "
			"person",
			app->home);
	for (int round = 0; round < 3 && err == LIAISON_OK; round++)
		for (size_t i = 0; i < import->file_count; i++)
			take_file(import, import->files[i], round);
	if (err == LIAISON_OK)
		err = folder_make(app->home, 0700, &fault);
	if (err == LIAISON_OK)
		err = trust_save_dir(import->folder, import->trust, app_now(app), &fault);
	if (err == LIAISON_OK) {
		say_result(app, "%zu taken, %zu known before; charter version %" PRIu64, import->taken, import->known,
			trust_charter_version(import->trust));
		line_begin(&line, app);
		line_number(&line, "taken", import->taken);
		line_number(&line, "known", import->known);
		line_number(&line, "charterVersion", trust_charter_version(import->trust));
		err = line_end(&line, &fault);
	}
	int exit_code =
		err == LIAISON_OK ? import->exit_code : err_worse_exit(import->exit_code, say_fault(app, &fault));
	for (size_t i = 0; i < import->file_count; i++)
		free(import->files[i]);
	if (import->trust != NULL)
		trust_unref(import->trust);
	free(import->folder);
	free(import);
	return exit_code;
}

/* --- show ------------------------------------------------------------------------------------------------------------ */

static const struct argp show_argp = {
	.doc = "Show which network, charter and rosters this home trusts, how old they are and when they "
	       "end.\vExample:\n"
	       "  liaison trust show",
};

static const char *
state_text(enum roster_state state)
{
	switch (state) {
	case ROSTER_VALID: return "valid";
	case ROSTER_GRACE: return "expired, in grace";
	case ROSTER_EXPIRED: return "expired";
	case ROSTER_NONE: return "none held";
	}
	return "?";
}

static size_t
count_offices(const struct trust *trust, const struct member *member)
{
	size_t count = 0;

	for (size_t i = 0; i < trust_office_count(trust); i++)
		count += trust_office_at(trust, i)->member == member;
	return count;
}

static enum liaison_err
show_member(struct app *app, struct table *table, const struct trust *trust, const struct member *member,
	struct fault *fault)
{
	enum roster_state state = trust_roster_state(trust, member, app_now(app));
	char since[24] = "", version[24] = "", expires[RFC3339_BYTES] = "", offices[24];
	struct line line;

	snprintf(offices, sizeof offices, "%zu", count_offices(trust, member));
	line_begin(&line, app);
	line_text(&line, "member", member->code);
	line_text(&line, "state", state_text(state));
	if (member->roster != NULL) {
		snprintf(since, sizeof since, "%" PRIu64, member->roster->since);
		snprintf(version, sizeof version, "%" PRIu64, member->roster->version);
		time_format(member->roster->expires, expires);
		line_number(&line, "since", member->roster->since);
		line_number(&line, "version", member->roster->version);
		line_time(&line, "issued", member->roster->issued);
		line_time(&line, "expires", member->roster->expires);
		line_text(&line, "broker", member->roster->broker);
	}
	line_number(&line, "offices", count_offices(trust, member));
	table_row(table, (const char *const[]){member->code, state_text(state), since, version, expires, offices,
				 member->roster != NULL ? member->roster->broker : ""});
	return line_end(&line, fault);
}

static enum liaison_err
show_head(struct app *app, const struct trust *trust, struct fault *fault)
{
	const Liaison__Charter *charter = trust_charter(trust);
	char expires[RFC3339_BYTES] = "";
	struct line line;

	if (charter != NULL)
		time_format(charter->expires, expires);
	say_result(app, "network %s, charter version %" PRIu64 "%s%s", trust_network(trust),
		trust_charter_version(trust), charter != NULL ? ", expires " : " (none held)", expires);
	line_begin(&line, app);
	line_text(&line, "network", trust_network(trust));
	line_number(&line, "charterVersion", trust_charter_version(trust));
	if (charter != NULL) {
		line_time(&line, "expires", charter->expires);
		line_number(&line, "rootKeys", charter->n_root_keys);
		line_number(&line, "threshold", charter->threshold);
	}
	line_number(&line, "suspensions", trust_suspension_count(trust));
	return line_end(&line, fault);
}

static int
trust_show(struct app *app, int argc, char **argv)
{
	static const char *const columns[] = {
		"MEMBER", "ROSTER", ">SINCE", ">VERSION", "EXPIRES", ">OFFICES", "BROKER", NULL};
	struct trust *trust = NULL;
	struct fault fault;

	command_parse(app, &show_argp, argc, argv, NULL);
	char *folder = home_file(app->home, "trust");
	if (folder == NULL)
		return EX_OSERR;
	enum liaison_err err = trust_load_dir(folder, app_now(app), NULL, NULL, &trust, &fault);
	free(folder);
	if (err == LIAISON_NOT_FOUND)
		err = fault_set(&fault, LIAISON_BAD_CONFIG,
			"%s has no root keys yet; hand over root.keys, charters and rosters by `liaison trust import "
			"FILE...`",
			app->home);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	err = show_head(app, trust, &fault);
	struct table *table = table_new(app, columns);
	for (size_t i = 0; i < trust_member_count(trust) && err == LIAISON_OK; i++)
		err = show_member(app, table, trust, trust_member_at(trust, i), &fault);
	table_end(table);
	trust_unref(trust);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"import", "take root keys, charters, rosters, suspensions", trust_import},
	{"show", "what is trusted, how old, until when", trust_show},
	{NULL, NULL, NULL},
};

int
command_trust(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "Whom this office trusts, and why.", argc, argv);
}
