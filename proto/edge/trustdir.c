#include "proto/edge/docfile.h"

#include "proto/edge/file.h"
#include "proto/signature.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOTKEYS_LINE "liaison root keys v1"
#define ROOTKEYS_BYTES_MAX 8192
#define ROOTKEYS_FILE "root.keys"
#define CHARTERS_FILE "charters"
#define SUSPENSIONS_FOLDER "suspensions"

/* --- root keys ------------------------------------------------------------------------------------------------------ */

struct rootkeys {
	const char *path;
	char *rest;
	unsigned line;
	char network[NETWORK_ID_BYTES_MAX + 1];
	unsigned long threshold;
	struct public_key keys[TRUST_ROOT_KEYS_MAX];
	size_t key_count;
};

/* The next line without its end; NULL after the last. */
static char *
rootkeys_line(struct rootkeys *roots)
{
	char *line = roots->rest, *end = strchr(line, '\n');

	if (*line == '\0')
		return NULL;
	roots->line++;
	roots->rest = end != NULL ? end + 1 : line + strlen(line);
	if (end != NULL)
		*end = '\0';
	return line;
}

static enum liaison_err
rootkeys_take(struct rootkeys *roots, const char *line, struct fault *fault)
{
	unsigned long number;
	size_t got;
	char *end;

	if (line[0] == '#' || line[0] == '\0')
		return LIAISON_OK;
	if (strncmp(line, "network: ", 9) == 0 && network_id_is_valid(line + 9)) {
		strcpy(roots->network, line + 9);
		return LIAISON_OK;
	}
	if (strncmp(line, "threshold: ", 11) == 0) {
		number = strtoul(line + 11, &end, 10);
		if (line[11] >= '1' && line[11] <= '9' && *end == '\0' && number <= TRUST_ROOT_KEYS_MAX) {
			roots->threshold = number;
			return LIAISON_OK;
		}
	}
	if (strncmp(line, "key: ", 5) == 0 && roots->key_count < TRUST_ROOT_KEYS_MAX &&
		sodium_hex2bin(roots->keys[roots->key_count].bytes, PUBLIC_KEY_BYTES, line + 5, strlen(line + 5), NULL,
			&got, NULL) == 0 &&
		got == PUBLIC_KEY_BYTES) {
		roots->key_count++;
		return LIAISON_OK;
	}
	return fault_set(fault, LIAISON_BAD_CONFIG,
		"%s, line %u: allowed are \"network: ID\", \"threshold: NUMBER\", up to %d \"key: 64 HEX DIGITS\" and "
		"# comments",
		roots->path, roots->line, TRUST_ROOT_KEYS_MAX);
}

enum liaison_err
rootkeys_read(const char *path, struct trust **out, struct fault *fault)
{
	struct rootkeys roots = {.path = path};
	struct buf text;
	struct fault why;
	char *line;

	buf_init(&text, ROOTKEYS_BYTES_MAX);
	enum liaison_err err = file_read(path, FILE_SAFE, &text, fault);
	if (err == LIAISON_OK) {
		buf_put_u8(&text, 0);
		err = buf_check(&text);
	}
	if (err == LIAISON_TOO_LARGE)
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s is too large to be a file of root keys", path);
	if (err != LIAISON_OK)
		goto out;
	roots.rest = (char *)text.data;
	line = rootkeys_line(&roots);
	if (line == NULL || strcmp(line, ROOTKEYS_LINE) != 0)
		err = fault_set(fault, LIAISON_BAD_CONFIG,
			"%s is not a file of root keys (\"%s\" should be its first line)", path, ROOTKEYS_LINE);
	while (err == LIAISON_OK && (line = rootkeys_line(&roots)) != NULL)
		err = rootkeys_take(&roots, line, fault);
	if (err == LIAISON_OK) {
		err = trust_new(roots.network, roots.keys, roots.key_count, roots.threshold, out, &why);
		if (err != LIAISON_OK)
			fault_set(fault, err, "%s: %s", path, why.message);
	}
out:
	buf_clear(&text);
	return err;
}

enum liaison_err
rootkeys_create(const char *path, const struct trust *trust, struct fault *fault)
{
	char hex[2 * PUBLIC_KEY_BYTES + 1];
	size_t count, threshold;
	struct buf text;
	const struct public_key *keys = trust_root_keys(trust, &count, &threshold);

	buf_init(&text, ROOTKEYS_BYTES_MAX);
	buf_put_format(&text, "%s\nnetwork: %s\nthreshold: %zu\n", ROOTKEYS_LINE, trust_network(trust), threshold);
	for (size_t i = 0; i < count; i++) {
		sodium_bin2hex(hex, sizeof hex, keys[i].bytes, PUBLIC_KEY_BYTES);
		buf_put_format(&text, "key: %s\n", hex);
	}
	enum liaison_err err = buf_check(&text);
	if (err != LIAISON_OK)
		fault_set(fault, err, "out of memory");
	else
		err = file_create(path, text.data, text.len, 0644, fault);
	buf_clear(&text);
	return err;
}

/* --- loading -------------------------------------------------------------------------------------------------------- */

struct load {
	const char *folder;
	int64_t now;
	trust_trouble_fn *trouble;
	void *arg;
	struct trust *trust;
	struct fault *fault;
};

/* Takes over the new view that adding a document gave. */
static void
load_step(struct load *load, struct trust *view)
{
	trust_unref(load->trust);
	load->trust = view;
}

static enum liaison_err
load_charters(struct load *load, const char *path)
{
	Liaison__CharterChain *chain = NULL;
	enum trust_change change;
	struct trust *view;
	struct fault why;
	enum liaison_err err = docfile_read_charters(path, &chain, &why);

	if (err == LIAISON_NOT_FOUND)
		return LIAISON_OK; /* a home that has just begun */
	for (size_t i = 0; err == LIAISON_OK && i < chain->n_charters; i++) {
		err = trust_add_charter(load->trust, chain->charters[i], load->now, &change, &view, &why);
		if (err == LIAISON_OK)
			load_step(load, view);
	}
	if (chain != NULL)
		liaison__charter_chain__free_unpacked(chain, NULL);
	if (err == LIAISON_OK)
		return LIAISON_OK;
	return fault_set(load->fault, LIAISON_BAD_CONFIG,
		"%s does not hold (%s): %s; get the charters and root keys again", path, err_name(err), why.message);
}

/* A file that does not hold: told and left out, or the end. */
static enum liaison_err
load_trouble(struct load *load, const char *path, enum liaison_err err, const struct fault *why)
{
	if (load->trouble != NULL) {
		load->trouble(load->arg, path, err, why->message);
		return LIAISON_OK;
	}
	if (err == LIAISON_EXPIRED)
		return LIAISON_OK;
	return fault_set(
		load->fault, LIAISON_BAD_CONFIG, "%s is not taken (%s): %s", path, err_name(err), why->message);
}

static enum liaison_err
load_document(struct load *load, const char *path, enum document_type type)
{
	Liaison__Signed *signed_message;
	enum trust_change change;
	struct trust *view;
	struct fault why;
	enum liaison_err err = docfile_read(path, type, &signed_message, &why);

	if (err == LIAISON_NOT_FOUND)
		return LIAISON_OK;
	if (err != LIAISON_OK)
		return load_trouble(load, path, err, &why);
	if (type == DOCUMENT_ROSTER)
		err = trust_add_roster(load->trust, signed_message, load->now, &change, &view, &why);
	else
		err = trust_add_suspension(load->trust, signed_message, load->now, &change, &view, &why);
	liaison__signed__free_unpacked(signed_message, NULL);
	if (err != LIAISON_OK)
		return load_trouble(load, path, err, &why);
	load_step(load, view);
	return LIAISON_OK;
}

static enum liaison_err
load_rosters(struct load *load)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; err == LIAISON_OK && i < trust_member_count(load->trust); i++) {
		char *path;
		if (asprintf(&path, "%s/%s.roster", load->folder, trust_member_at(load->trust, i)->code) < 0)
			return fault_set(load->fault, LIAISON_NO_MEMORY, "out of memory");
		err = load_document(load, path, DOCUMENT_ROSTER);
		free(path);
	}
	return err;
}

static int
is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strstr(entry->d_name, ".new-") == NULL;
}

/* Calls `each` with the path of every file in trust/suspensions, in the order of their names. */
static enum liaison_err
each_suspension(
	const char *folder, enum liaison_err (*each)(void *arg, const char *path), void *arg, struct fault *fault)
{
	struct dirent **entries = NULL;
	enum liaison_err err = LIAISON_OK;
	char *suspensions = path_join(folder, SUSPENSIONS_FOLDER);

	if (suspensions == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	int count = scandir(suspensions, &entries, is_visible, alphasort);
	if (count < 0 && errno != ENOENT)
		err = fault_errno(fault, LIAISON_IO, errno, "cannot read folder %s", suspensions);
	for (int i = 0; i < count; i++) {
		char *path = err == LIAISON_OK ? path_join(suspensions, entries[i]->d_name) : NULL;
		if (path != NULL)
			err = each(arg, path);
		else if (err == LIAISON_OK)
			err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		free(path);
		free(entries[i]);
	}
	free(entries);
	free(suspensions);
	return err;
}

static enum liaison_err
load_suspension(void *arg, const char *path)
{
	return load_document(arg, path, DOCUMENT_SUSPENSION);
}

enum liaison_err
trust_load_dir(
	const char *folder, int64_t now, trust_trouble_fn *trouble, void *arg, struct trust **out, struct fault *fault)
{
	struct load load = {.folder = folder, .now = now, .trouble = trouble, .arg = arg, .fault = fault};
	char *roots = path_join(folder, ROOTKEYS_FILE), *charters = path_join(folder, CHARTERS_FILE);
	enum liaison_err err = folder_check(folder, fault);

	if (roots == NULL || charters == NULL)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (err == LIAISON_OK)
		err = rootkeys_read(roots, &load.trust, fault);
	if (err == LIAISON_OK)
		err = load_charters(&load, charters);
	if (err == LIAISON_OK)
		err = load_rosters(&load);
	if (err == LIAISON_OK)
		err = each_suspension(folder, load_suspension, &load, fault);
	if (err == LIAISON_OK)
		*out = load.trust;
	else
		trust_unref(load.trust);
	free(roots);
	free(charters);
	return err;
}

/* --- saving --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
save_charters(const char *folder, const struct trust *trust, struct fault *fault)
{
	char *path = path_join(folder, CHARTERS_FILE);

	if (path == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = trust_charter_count(trust) > 0 ? docfile_write_charters(path, trust, fault) : LIAISON_OK;
	free(path);
	return err;
}

/* Takes `path`. */
static enum liaison_err
save_document(char *path, enum document_type type, const Liaison__Signed *signed_message, struct fault *fault)
{
	if (path == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = docfile_write(path, type, signed_message, fault);
	free(path);
	return err;
}

static enum liaison_err
save_rosters(const char *folder, const struct trust *trust, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; err == LIAISON_OK && i < trust_member_count(trust); i++) {
		const char *code = trust_member_at(trust, i)->code;
		const Liaison__Signed *roster = trust_signed_roster(trust, code);
		char *path = NULL;
		if (roster == NULL)
			continue;
		if (asprintf(&path, "%s/%s.roster", folder, code) < 0)
			path = NULL;
		err = save_document(path, DOCUMENT_ROSTER, roster, fault);
	}
	return err;
}

static enum liaison_err
save_suspensions(const char *folder, const struct trust *trust, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	char hex[DIGEST_HEX_BYTES];
	struct digest hash;

	for (size_t i = 0; err == LIAISON_OK && i < trust_suspension_count(trust); i++) {
		const Liaison__Signed *suspension = trust_signed_suspension(trust, i);
		char *path = NULL;
		document_hash(suspension, &hash);
		digest_hex(&hash, hex);
		if (asprintf(&path, "%s/%s/%.32s", folder, SUSPENSIONS_FOLDER, hex) < 0)
			path = NULL;
		err = save_document(path, DOCUMENT_SUSPENSION, suspension, fault);
	}
	return err;
}

/* One that is long over; what cannot be read stays, for a person to look at. */
static enum liaison_err
remove_if_over(void *arg, const char *path)
{
	const int64_t *now = arg;
	Liaison__Signed *signed_message;
	struct document *document;
	struct fault why;

	if (docfile_read(path, DOCUMENT_SUSPENSION, &signed_message, &why) != LIAISON_OK)
		return LIAISON_OK;
	if (document_new(DOCUMENT_SUSPENSION, signed_message, &document, &why) == LIAISON_OK) {
		if (document->suspension->has_until && document->suspension->until <= *now - SUSPENSION_KEPT_MS)
			unlink(path);
		document_unref(document);
	}
	liaison__signed__free_unpacked(signed_message, NULL);
	return LIAISON_OK;
}

enum liaison_err
trust_save_dir(const char *folder, const struct trust *trust, int64_t now, struct fault *fault)
{
	char *roots = path_join(folder, ROOTKEYS_FILE), *suspensions = path_join(folder, SUSPENSIONS_FOLDER);
	enum liaison_err err = LIAISON_OK;

	if (roots == NULL || suspensions == NULL)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (err == LIAISON_OK)
		err = folder_make(folder, 0755, fault);
	if (err == LIAISON_OK)
		err = folder_make(suspensions, 0755, fault);
	if (err == LIAISON_OK && access(roots, F_OK) != 0)
		err = rootkeys_create(roots, trust, fault);
	if (err == LIAISON_OK)
		err = save_charters(folder, trust, fault);
	if (err == LIAISON_OK)
		err = save_rosters(folder, trust, fault);
	if (err == LIAISON_OK)
		err = save_suspensions(folder, trust, fault);
	if (err == LIAISON_OK)
		err = each_suspension(folder, remove_if_over, &now, fault);
	free(roots);
	free(suspensions);
	return err;
}
