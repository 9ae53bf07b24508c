/* `liaison roster sign` and `push`: a roster leaves the authority's desk. */
#include "agents/agent.h"
#include "agents/commands.h"
#include "agents/line.h"
#include "agents/roster_work.h"
#include "agents/say.h"
#include "agents/signer.h"
#include "proto/charter.h"
#include "proto/edge/docfile.h"
#include "proto/frame.h"
#include "proto/roster.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define PUSH_FILES_MAX 64
#define PUSH_WAIT_MS 15000

struct hand_options {
	const char *key;
	const char *files[PUSH_FILES_MAX];
	size_t file_count;
};

static error_t
read_hand(int key, char *arg, struct argp_state *state)
{
	struct hand_options *chosen = state->input;

	switch (key) {
	case 'k': chosen->key = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->file_count == PUSH_FILES_MAX)
			argp_error(state, "at most %d files at a time", PUSH_FILES_MAX);
		chosen->files[chosen->file_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->file_count == 0)
			argp_error(state, "name the roster's file");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- sign ------------------------------------------------------------------------------------------------------------ */

static const struct argp_option sign_options[] = {
	{"key", 'k', "FILE", 0, "The authority key to sign with", 0},
	{0},
};

static const struct argp sign_argp = {
	.options = sign_options,
	.parser = read_hand,
	.args_doc = "--key AUTHORITY-KEY FILE",
	.doc = "Add an authority key's signature to a roster. Check it first with `liaison roster check`.\vExample:\n"
	       "  liaison roster sign --key kh-authority-1.key kh.roster",
};

/* Signatures that count for nothing, where a charter is at hand to tell: the wrong key was taken. */
static void
warn_of_strangers(const struct app *app, const char *path, const struct document *document)
{
	const Liaison__Signed *signed_roster = document->signed_message;
	struct public_key keys[CHARTER_KEYS_MAX];
	struct trust *trust = NULL;
	struct fault why;

	if (roster_trust(app, NULL, &trust, &why) != LIAISON_OK || trust == NULL)
		return;
	const struct member *member = trust_member(trust, document->roster->member);
	size_t count = member != NULL ? charter_authority_keys(member->entry, keys) : 0;
	for (size_t i = 0; member != NULL && i < signed_roster->n_signatures; i++) {
		const ProtobufCBinaryData *key = &signed_roster->signatures[i]->key;
		bool is_known = false;
		for (size_t k = 0; k < count; k++)
			is_known = is_known || (key->len == PUBLIC_KEY_BYTES &&
						       memcmp(key->data, keys[k].bytes, PUBLIC_KEY_BYTES) == 0);
		if (!is_known)
			say_warning(app,
				"%s carries a signature by a key that is none of the authority of %s, and counts for "
				"nothing; "
				"`liaison charter show` lists its keys",
				path, member->code);
	}
	trust_unref(trust);
}

static enum liaison_err
sign(const struct app *app, const char *path, const char *key, struct fault *fault)
{
	struct document *document = NULL;

	enum liaison_err err = signer_open(path, DOCUMENT_ROSTER, &document, fault);
	if (err == LIAISON_OK)
		err = roster_validate(document->roster, fault);
	document_unref(document);
	if (err == LIAISON_OK)
		err = signer_sign(app, path, DOCUMENT_ROSTER, key, fault);
	if (err == LIAISON_OK && signer_open(path, DOCUMENT_ROSTER, &document, fault) == LIAISON_OK) {
		warn_of_strangers(app, path, document);
		document_unref(document);
	}
	return err;
}

int
command_roster_sign(struct app *app, int argc, char **argv)
{
	struct hand_options chosen = {0};
	struct fault fault;
	enum liaison_err err = LIAISON_OK;

	command_parse(app, &sign_argp, argc, argv, &chosen);
	if (chosen.key == NULL)
		err = fault_set(&fault, LIAISON_BAD_USAGE, "say with which key: --key kh-authority-1.key");
	for (size_t i = 0; i < chosen.file_count && err == LIAISON_OK; i++)
		err = sign(app, chosen.files[i], chosen.key, &fault);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- push ------------------------------------------------------------------------------------------------------------ */

static const struct argp push_argp = {
	.parser = read_hand,
	.args_doc = "FILE...",
	.doc = "Hand charters, rosters and suspensions to the broker, which takes them at once and sends them on. This "
	       "office "
	       "needs the right OPERATE.\vExample:\n"
	       "  liaison roster push kh.roster",
};

/* One frame, one document: what fails names its file. The caller frees the answer, a trust-state frame. */
static enum liaison_err
push_one(struct link *link, const char *path, enum docfile_type type, Liaison__Frame **answer, struct fault *fault)
{
	static const enum document_type types[] = {
		[DOCFILE_CHARTER] = DOCUMENT_CHARTER,
		[DOCFILE_ROSTER] = DOCUMENT_ROSTER,
		[DOCFILE_SUSPENSION] = DOCUMENT_SUSPENSION,
	};
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Trust trust = LIAISON__TRUST__INIT;
	Liaison__Signed *document = NULL;

	enum liaison_err err = docfile_read(path, types[type], &document, fault);
	if (err != LIAISON_OK)
		return err;
	trust.has_request = 1;
	trust.request = link_next_request(link);
	trust.charters = trust.rosters = trust.suspensions = &document;
	trust.n_charters = type == DOCFILE_CHARTER;
	trust.n_rosters = type == DOCFILE_ROSTER;
	trust.n_suspensions = type == DOCFILE_SUSPENSION;
	frame.frame_case = LIAISON__FRAME__FRAME_TRUST;
	frame.trust = &trust;
	err = link_ask(link, &frame, trust.request, LIAISON__FRAME__FRAME_TRUST_STATE, PUSH_WAIT_MS, answer, fault);
	liaison__signed__free_unpacked(document, NULL);
	return err;
}

static enum liaison_err
say_pushed(const struct app *app, const char *path, const char *broker, const Liaison__TrustState *state,
	struct fault *fault)
{
	struct line line;

	say_result(app, "%s: taken by %s", path, broker);
	line_begin(&line, app);
	line_text(&line, "file", path);
	line_text(&line, "broker", broker);
	line_number(&line, "charterVersion", state->charter_version);
	line_open_array(&line, "rosters");
	for (size_t i = 0; i < state->n_rosters; i++) {
		line_open_object(&line, NULL);
		line_text(&line, "member", state->rosters[i]->member);
		line_number(&line, "since", state->rosters[i]->since);
		line_number(&line, "version", state->rosters[i]->version);
		line_close_object(&line);
	}
	line_close_array(&line);
	return line_end(&line, fault);
}

static enum liaison_err
push(const struct app *app, struct link *link, const char *path, struct fault *fault)
{
	Liaison__Frame *answer = NULL;
	enum docfile_type type;

	enum liaison_err err = docfile_look(path, &type, fault);
	if (err == LIAISON_OK && (type == DOCFILE_CARD || type == DOCFILE_CHARTERS))
		err = fault_set(fault, LIAISON_BAD_USAGE,
			"%s is %s; a broker takes single charters, rosters and suspensions", path,
			type == DOCFILE_CARD ? "a card" : "a chain of charters");
	if (err == LIAISON_OK)
		err = push_one(link, path, type, &answer, fault);
	if (err != LIAISON_OK)
		return err;
	err = say_pushed(app, path, link_broker(link), answer->trust_state, fault);
	frame_free(answer);
	return err;
}

int
command_roster_push(struct app *app, int argc, char **argv)
{
	struct hand_options chosen = {0};
	struct agent agent = {0};
	struct link *link = NULL;
	struct fault fault;
	int exit_code = EX_OK;

	command_parse(app, &push_argp, argc, argv, &chosen);
	enum liaison_err err = agent_open(app, AGENT_TRUST | AGENT_KEYS | AGENT_POST, &agent, &fault);
	if (err == LIAISON_OK)
		err = agent_connect(
			&agent, app_monotonic(app) + agent.home->wait_seconds * MS_PER_SECOND, &link, &fault);
	for (size_t i = 0; i < chosen.file_count && err == LIAISON_OK; i++) {
		if (push(app, link, chosen.files[i], &fault) == LIAISON_OK)
			continue;
		say_error(app, "%s: %s", chosen.files[i], fault.message);
		exit_code = err_worse_exit(exit_code, err_exit_code(fault.code));
	}
	link_close(link);
	agent_close(&agent);
	return err == LIAISON_OK ? exit_code : say_fault(app, &fault);
}
