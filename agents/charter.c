/* `liaison charter`: what the root keys sign - the network, its members, each one's authority keys. */
#include "proto/charter.h"
#include "agents/commands.h"
#include "agents/home.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/signer.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"

#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MEMBERS_MAX 256
#define KEYS_MAX 32

/* --- new ------------------------------------------------------------------------------------------------------------- */

struct member_option {
	const char *code, *name, *threshold, *duty;
	const char *authority[KEYS_MAX];
	size_t authority_count;
};

struct new_options {
	const char *network, *previous, *days, *out, *threshold;
	const char *roots[KEYS_MAX], *removed[MEMBERS_MAX];
	size_t root_count, removed_count;
	struct member_option members[MEMBERS_MAX];
	size_t member_count;
};

enum { OPTION_AUTHORITY_THRESHOLD = 256, OPTION_ROOT_THRESHOLD, OPTION_REMOVE, OPTION_DAYS };

static const struct argp_option new_options[] = {
	{"network", 'n', "ID", 0, "The network's id, for a first charter", 0},
	{"previous", 'p', "FILE", 0, "The charters so far (trust/charters), for a next one", 0},
	{"root", 'r', "KEY", 0, "A root key: hexadecimal, base64 or key file; repeat", 0},
	{"root-threshold", OPTION_ROOT_THRESHOLD, "K", 0, "How many of the root keys sign (a majority)", 0},
	{"member", 'm', "CC", 0, "A member; the options below belong to the member before them", 1},
	{"authority", 'a', "KEY", 0, "One of its authority keys; repeat", 1},
	{"authority-threshold", OPTION_AUTHORITY_THRESHOLD, "K", 0, "How many of them sign a roster (a majority)", 1},
	{"duty", 'd', "KEY", 0, "Its duty key, which suspends at night", 1},
	{"name", 'N', "TEXT", 0, "Its name", 1},
	{"remove", OPTION_REMOVE, "CC", 0, "Take a member out", 2},
	{"days", OPTION_DAYS, "DAYS", 0, "How long it holds (730)", 2},
	{0},
};

static struct member_option *
last_member(struct argp_state *state, struct new_options *chosen, const char *option)
{
	if (chosen->member_count == 0)
		argp_error(state, "--%s belongs to a --member before it", option);
	return &chosen->members[chosen->member_count - 1];
}

static error_t
read_new(int key, char *arg, struct argp_state *state)
{
	struct new_options *chosen = state->input;
	struct member_option *member;

	switch (key) {
	case 'n': chosen->network = arg; return 0;
	case 'p': chosen->previous = arg; return 0;
	case 'r':
		if (chosen->root_count == KEYS_MAX)
			argp_error(state, "at most %d root keys", KEYS_MAX);
		chosen->roots[chosen->root_count++] = arg;
		return 0;
	case OPTION_ROOT_THRESHOLD: chosen->threshold = arg; return 0;
	case 'm':
		if (chosen->member_count == MEMBERS_MAX)
			argp_error(state, "at most %d members at a time", MEMBERS_MAX);
		chosen->members[chosen->member_count++].code = arg;
		return 0;
	case 'a':
		member = last_member(state, chosen, "authority");
		if (member->authority_count == KEYS_MAX)
			argp_error(state, "at most %d authority keys", KEYS_MAX);
		member->authority[member->authority_count++] = arg;
		return 0;
	case OPTION_AUTHORITY_THRESHOLD: last_member(state, chosen, "authority-threshold")->threshold = arg; return 0;
	case 'd': last_member(state, chosen, "duty")->duty = arg; return 0;
	case 'N': last_member(state, chosen, "name")->name = arg; return 0;
	case OPTION_REMOVE:
		if (chosen->removed_count == MEMBERS_MAX)
			argp_error(state, "at most %d members at a time", MEMBERS_MAX);
		chosen->removed[chosen->removed_count++] = arg;
		return 0;
	case OPTION_DAYS: chosen->days = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->out != NULL)
			argp_error(state, "one file to write");
		chosen->out = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->out == NULL)
			argp_error(state, "name the file to write");
		if ((chosen->network == NULL) == (chosen->previous == NULL))
			argp_error(state, "--network begins a network, --previous goes on with one; say one of them");
		if (chosen->network != NULL && (chosen->root_count == 0 || chosen->member_count == 0))
			argp_error(state, "a first charter needs --root keys and a --member");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp new_argp = {
	.options = new_options,
	.parser = read_new,
	.args_doc = "FILE",
	.doc = "Write a charter for the root keys to sign. A first one also writes root.keys beside it, which every "
	       "office and "
	       "broker is given in person.\vExamples:\n"
	       "  liaison charter new --network asean.example --root root-1.key --root root-2.key --root-threshold 2 "
	       "\\\n"
	       "      --member kh --authority kh-1.key --duty kh-duty.key --member th --authority 9f31... charter\n"
	       "  liaison charter new --previous trust/charters --member la --authority 77c0... charter-2",
};

static enum liaison_err
read_threshold(const char *text, size_t keys, uint32_t *out, struct fault *fault)
{
	char *end = NULL;

	if (text == NULL) {
		*out = (uint32_t)(keys / 2 + 1);
		return LIAISON_OK;
	}
	unsigned long value = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || value < 1 || value > keys)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"a threshold is from 1 to the number of keys (%zu), not `%.16s`", keys, text);
	*out = (uint32_t)value;
	return LIAISON_OK;
}

static enum liaison_err
read_keys(const char *const *texts, size_t count, struct public_key *out, struct fault *fault)
{
	for (size_t i = 0; i < count; i++) {
		enum liaison_err err = signer_public_key(texts[i], &out[i], fault);
		if (err != LIAISON_OK)
			return err;
	}
	return LIAISON_OK;
}

/* Its authority keys as given, or those that it had. */
static enum liaison_err
set_member(Liaison__Charter *charter, const Liaison__Charter *previous, const struct member_option *option,
	struct fault *fault)
{
	struct public_key authority[CHARTER_KEYS_MAX], duty;
	struct charter_member_keys keys = {.code = option->code, .name = option->name, .authority_keys = authority};
	const Liaison__CharterMember *before = previous != NULL ? charter_member(previous, option->code) : NULL;

	enum liaison_err err = read_keys(option->authority, option->authority_count, authority, fault);
	if (err != LIAISON_OK)
		return err;
	keys.authority_key_count = option->authority_count;
	if (keys.authority_key_count == 0 && before != NULL)
		keys.authority_key_count = charter_authority_keys(before, authority);
	if (keys.authority_key_count == 0)
		return fault_set(fault, LIAISON_BAD_USAGE, "member %s needs --authority keys", option->code);
	if (option->threshold == NULL && option->authority_count == 0 && before != NULL)
		keys.threshold = before->threshold;
	else
		err = read_threshold(option->threshold, keys.authority_key_count, &keys.threshold, fault);
	if (err == LIAISON_OK && option->duty != NULL) {
		err = signer_public_key(option->duty, &duty, fault);
		keys.duty_key = &duty;
	} else if (err == LIAISON_OK && before != NULL && before->has_duty_key &&
		   before->duty_key.len == PUBLIC_KEY_BYTES) {
		memcpy(duty.bytes, before->duty_key.data, PUBLIC_KEY_BYTES);
		keys.duty_key = &duty;
	}
	if (err != LIAISON_OK)
		return err;
	err = charter_set_member(charter, previous, &keys);
	return err == LIAISON_OK
		       ? err
		       : fault_set(fault, err, "member %s could not be set: %s", option->code, err_meaning(err));
}

static enum liaison_err
apply(Liaison__Charter *charter, const Liaison__Charter *previous, const struct new_options *chosen,
	struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; i < chosen->member_count && err == LIAISON_OK; i++)
		err = set_member(charter, previous, &chosen->members[i], fault);
	for (size_t i = 0; i < chosen->removed_count && err == LIAISON_OK; i++) {
		err = charter_remove_member(charter, chosen->removed[i]);
		if (err != LIAISON_OK)
			fault_set(fault, err, "%s is no member", chosen->removed[i]);
	}
	if (err == LIAISON_OK)
		err = charter_validate(charter, fault);
	if (err == LIAISON_OK && previous != NULL)
		err = charter_validate_successor(charter, previous, fault);
	return err;
}

/* Beside the charter: what an office or broker begins its trust with. */
static enum liaison_err
write_root_keys(struct app *app, const char *out, const Liaison__Charter *charter, struct fault *fault)
{
	struct public_key roots[CHARTER_KEYS_MAX];
	struct trust *trust = NULL;

	char *copy = strdup(out);
	char *path = copy != NULL ? home_file(dirname(copy), "root.keys") : NULL;
	free(copy);
	if (path == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	size_t count = charter_root_keys(charter, roots);
	enum liaison_err err = trust_new(charter->network, roots, count, charter->threshold, &trust, fault);
	if (err == LIAISON_OK)
		err = rootkeys_create(path, trust, fault);
	if (err == LIAISON_OK)
		say_result(app, "%s: the root keys, to be handed to every office and broker in person", path);
	if (trust != NULL)
		trust_unref(trust);
	free(path);
	return err;
}

/* The newest of a chain. */
static enum liaison_err
open_previous(const char *path, struct document **out, struct fault *fault)
{
	Liaison__CharterChain *chain = NULL;
	enum docfile_type type;

	enum liaison_err err = docfile_look(path, &type, fault);
	if (err == LIAISON_OK && type == DOCFILE_CHARTER)
		return signer_open(path, DOCUMENT_CHARTER, out, fault);
	if (err == LIAISON_OK)
		err = docfile_read_charters(path, &chain, fault);
	if (err == LIAISON_OK && chain->n_charters == 0)
		err = fault_set(fault, LIAISON_MALFORMED, "%s holds no charter", path);
	if (err == LIAISON_OK)
		err = document_new(DOCUMENT_CHARTER, chain->charters[chain->n_charters - 1], out, fault);
	if (chain != NULL)
		liaison__charter_chain__free_unpacked(chain, NULL);
	return err;
}

static enum liaison_err
begin(struct app *app, const struct new_options *chosen, const Liaison__Charter *previous, Liaison__Charter **out,
	struct fault *fault)
{
	struct public_key roots[KEYS_MAX];
	int64_t now = app_now(app), lasts = 730 * MS_PER_DAY;
	uint32_t threshold = 0;

	enum liaison_err err = chosen->days != NULL ? days_parse(chosen->days, &lasts, fault) : LIAISON_OK;
	if (err == LIAISON_OK)
		err = read_keys(chosen->roots, chosen->root_count, roots, fault);
	if (err == LIAISON_OK && chosen->root_count > 0)
		err = read_threshold(chosen->threshold, chosen->root_count, &threshold, fault);
	if (err != LIAISON_OK)
		return err;
	Liaison__Charter *charter =
		previous == NULL ? charter_new(chosen->network, roots, chosen->root_count, threshold, now, now + lasts)
				 : charter_next(previous, now, now + lasts);
	if (charter != NULL && previous != NULL && chosen->root_count > 0 &&
		charter_set_roots(charter, roots, chosen->root_count, threshold) != LIAISON_OK) {
		charter_free(charter);
		charter = NULL;
	}
	if (charter == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	*out = charter;
	return LIAISON_OK;
}

static int
charter_new_command(struct app *app, int argc, char **argv)
{
	struct new_options *chosen = calloc(1, sizeof *chosen);
	struct document *previous = NULL;
	Liaison__Charter *charter = NULL;
	struct fault fault;

	if (chosen == NULL)
		return EX_OSERR;
	command_parse(app, &new_argp, argc, argv, chosen);
	enum liaison_err err =
		chosen->previous != NULL ? open_previous(chosen->previous, &previous, &fault) : LIAISON_OK;
	const Liaison__Charter *before = previous != NULL ? previous->charter : NULL;
	if (err == LIAISON_OK)
		err = begin(app, chosen, before, &charter, &fault);
	if (err == LIAISON_OK)
		err = apply(charter, before, chosen, &fault);
	if (err == LIAISON_OK && before == NULL)
		err = write_root_keys(app, chosen->out, charter, &fault);
	if (err == LIAISON_OK)
		err = signer_write(chosen->out, DOCUMENT_CHARTER, &charter->base, &fault);
	if (err == LIAISON_OK)
		say_result(app,
			"%s: charter version %" PRIu64 " of %s, %zu members; to be signed by %u of %zu root keys%s",
			chosen->out, charter->version, charter->network, charter->n_members, charter->threshold,
			charter->n_root_keys, before != NULL ? ", and by the threshold of the charter before" : "");
	charter_free(charter);
	document_unref(previous);
	free(chosen);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- sign and show --------------------------------------------------------------------------------------------------- */

struct file_options {
	const char *file, *key;
};

static const struct argp_option sign_options[] = {
	{"key", 'k', "FILE", 0, "The root key to sign with", 0},
	{0},
};

static error_t
read_file_option(int key, char *arg, struct argp_state *state)
{
	struct file_options *chosen = state->input;

	switch (key) {
	case 'k': chosen->key = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->file != NULL)
			argp_error(state, "one file at a time");
		chosen->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->file == NULL)
			argp_error(state, "name the charter's file");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp sign_argp = {
	.options = sign_options,
	.parser = read_file_option,
	.args_doc = "--key ROOT-KEY FILE",
	.doc = "Add a root key's signature to a charter. Each holder does so on a computer of their own.\vExample:\n"
	       "  liaison charter sign --key root-1.key charter",
};

/* Signatures that count for nothing in a first charter, which names its own root keys: the wrong key was taken. */
static void
warn_of_strangers(const struct app *app, const char *path)
{
	struct document *document = NULL;
	struct public_key roots[CHARTER_KEYS_MAX];
	struct fault ignored;

	if (open_previous(path, &document, &ignored) != LIAISON_OK)
		return;
	size_t count = document->charter->version == 1 ? charter_root_keys(document->charter, roots) : 0;
	for (size_t i = 0; count > 0 && i < document->signed_message->n_signatures; i++) {
		const ProtobufCBinaryData *key = &document->signed_message->signatures[i]->key;
		bool is_known = false;
		for (size_t k = 0; k < count; k++)
			is_known = is_known || (key->len == PUBLIC_KEY_BYTES &&
						       memcmp(key->data, roots[k].bytes, PUBLIC_KEY_BYTES) == 0);
		if (!is_known)
			say_warning(app,
				"%s carries a signature by a key that is none of its root keys, and counts for nothing",
				path);
	}
	document_unref(document);
}

static int
charter_sign(struct app *app, int argc, char **argv)
{
	struct file_options chosen = {0};
	struct fault fault;

	command_parse(app, &sign_argp, argc, argv, &chosen);
	enum liaison_err err = chosen.key == NULL
				       ? fault_set(&fault, LIAISON_BAD_USAGE, "say with which key: --key root-1.key")
				       : signer_sign(app, chosen.file, DOCUMENT_CHARTER, chosen.key, &fault);
	if (err == LIAISON_OK)
		warn_of_strangers(app, chosen.file);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct argp show_argp = {
	.parser = read_file_option,
	.args_doc = "FILE",
	.doc = "Show what a charter says, and how many of its root keys have signed it.\vExample:\n"
	       "  liaison charter show charter",
};

static size_t
count_good(const struct document *document)
{
	const Liaison__Charter *charter = document->charter;
	struct public_key roots[CHARTER_KEYS_MAX];
	size_t good = 0, count = charter_root_keys(charter, roots);
	struct fault ignored;

	for (size_t i = 0; i < count; i++)
		if (signed_verify(document->signed_message, DOMAIN_CHARTER, charter->network, &roots[i], 1, 1,
			    &ignored) == LIAISON_OK)
			good++;
	return good;
}

static enum liaison_err
show(struct app *app, const struct document *document, struct fault *fault)
{
	const Liaison__Charter *charter = document->charter;
	char issued[RFC3339_BYTES], expires[RFC3339_BYTES], hex[2 * PUBLIC_KEY_BYTES + 1];
	size_t good = count_good(document);
	struct line line;

	time_format(charter->issued, issued);
	time_format(charter->expires, expires);
	say_result(app, "charter of %s, version %" PRIu64 ", issued %s, expires %s", charter->network, charter->version,
		issued, expires);
	say_result(
		app, "signed by %zu of its %zu root keys; it needs %u", good, charter->n_root_keys, charter->threshold);
	line_begin(&line, app);
	line_text(&line, "network", charter->network);
	line_number(&line, "version", charter->version);
	line_text(&line, "issued", issued);
	line_text(&line, "expires", expires);
	line_number(&line, "signed", good);
	line_number(&line, "threshold", charter->threshold);
	line_open_array(&line, "members");
	for (size_t i = 0; i < charter->n_members; i++) {
		const Liaison__CharterMember *member = charter->members[i];
		say_result(app, "member %s%s%s: %u of %zu authority keys, %s, since charter %" PRIu64, member->code,
			member->name != NULL ? " " : "", member->name != NULL ? member->name : "", member->threshold,
			member->n_authority_keys, member->has_duty_key ? "a duty key" : "no duty key", member->since);
		line_open_object(&line, NULL);
		line_text(&line, "code", member->code);
		line_text(&line, "name", member->name);
		line_number(&line, "since", member->since);
		line_number(&line, "threshold", member->threshold);
		line_open_array(&line, "authorityKeys");
		for (size_t k = 0; k < member->n_authority_keys; k++) {
			sodium_bin2hex(hex, sizeof hex, member->authority_keys[k].data, PUBLIC_KEY_BYTES);
			line_element(&line, hex);
		}
		line_close_array(&line);
		line_close_object(&line);
	}
	line_close_array(&line);
	return line_end(&line, fault);
}

static int
charter_show(struct app *app, int argc, char **argv)
{
	struct file_options chosen = {0};
	struct document *document = NULL;
	struct fault fault;

	command_parse(app, &show_argp, argc, argv, &chosen);
	enum liaison_err err = open_previous(chosen.file, &document, &fault);
	if (err == LIAISON_OK)
		err = charter_validate(document->charter, &fault);
	if (err == LIAISON_OK)
		err = show(app, document, &fault);
	document_unref(document);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"new", "write a charter, the first or the next", charter_new_command},
	{"sign", "add a root key's signature", charter_sign},
	{"show", "what a charter says, and who has signed it", charter_show},
	{NULL, NULL, NULL},
};

int
command_charter(struct app *app, int argc, char **argv)
{
	return command_choose(
		app, menu, "The root's work, off line: which countries take part, by which keys.", argc, argv);
}
