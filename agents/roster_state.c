/* `liaison roster suspend`, `resume` and `remove`. At night the duty key suspends by a paper of its own. */
#include "agents/commands.h"
#include "agents/passphrase.h"
#include "agents/roster_work.h"
#include "agents/say.h"
#include "agents/signer.h"
#include "proto/edge/docfile.h"
#include "proto/signing.h"
#include "proto/suspension.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct state_options {
	const char *file, *office, *reason, *duty, *out, *trust, *hours, *key;
};

enum { OPTION_TRUST = 256, OPTION_DUTY, OPTION_OUT, OPTION_HOURS, OPTION_KEY };

static error_t
read_state(int key, char *arg, struct argp_state *state)
{
	struct state_options *chosen = state->input;

	switch (key) {
	case 'r': chosen->reason = arg; return 0;
	case OPTION_TRUST: chosen->trust = arg; return 0;
	case OPTION_DUTY: chosen->duty = arg; return 0;
	case OPTION_OUT: chosen->out = arg; return 0;
	case OPTION_HOURS: chosen->hours = arg; return 0;
	case OPTION_KEY: chosen->key = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->office == NULL)
			chosen->office = arg;
		else if (chosen->file == NULL)
			chosen->file = arg;
		else
			argp_error(state, "an office and a roster, no more");
		return 0;
	case ARGP_KEY_END:
		if (chosen->office == NULL || (chosen->file == NULL && chosen->duty == NULL))
			argp_error(state, "name the office and the roster's file");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

typedef enum liaison_err edit_fn(Liaison__Roster *roster, const char *office, const char *reason, struct fault *fault);

static int
edit(struct app *app, const struct state_options *chosen, edit_fn *apply)
{
	struct roster_work work = {0};
	struct fault fault;

	enum liaison_err err = roster_work_open(&work, app, chosen->file, chosen->trust, &fault);
	if (err == LIAISON_OK)
		err = apply(work.roster, chosen->office, chosen->reason, &fault);
	if (err == LIAISON_OK)
		err = roster_work_save(&work, &fault);
	roster_work_clear(&work);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- suspend --------------------------------------------------------------------------------------------------------- */

static const struct argp_option suspend_options[] = {
	{"reason", 'r', "TEXT", 0, "Why; every reader of the roster sees it", 0},
	{"trust", OPTION_TRUST, "FOLDER", 0, "The charter to go by (the home's trust/)", 0},
	{"duty", OPTION_DUTY, "FILE", 0, "Without the authority: by the duty key, for at most 7 days", 1},
	{"out", OPTION_OUT, "FILE", 0, "Where to write the duty key's suspension (OFFICE.suspension)", 1},
	{"hours", OPTION_HOURS, "N", 0, "How long it lasts (72)", 1},
	{"key", OPTION_KEY, "KEY", 0, "One key of the office only", 1},
	{0},
};

static const struct argp suspend_argp = {
	.options = suspend_options,
	.parser = read_state,
	.args_doc = "OFFICE ROSTER\n--duty KEY-FILE OFFICE",
	.doc = "Suspend an office in the roster, or by the duty key at once.\vExamples:\n"
	       "  liaison roster suspend --reason 'key reported stolen' kh.blo.poipet kh.roster\n"
	       "  liaison roster suspend --duty kh-duty.key --hours 48 --reason 'post unreachable' kh.blo.poipet",
};

static enum liaison_err
read_hours(const char *text, int64_t *ms, struct fault *fault)
{
	char *end = NULL;
	long hours = text != NULL ? strtol(text, &end, 10) : 72;

	if (text != NULL && (end == text || *end != '\0' || hours < 1 || hours > 168))
		return fault_set(fault, LIAISON_BAD_USAGE, "a duty key suspends for 1 to 168 hours, not `%.16s`", text);
	*ms = hours * MS_PER_HOUR;
	return LIAISON_OK;
}

static enum liaison_err
make_suspension(struct app *app, const struct state_options *chosen, struct fault *fault)
{
	const struct passphrase_source source = passphrase_source();
	struct trust *trust = NULL;
	struct secret_keys *keys = NULL;
	struct public_key key;
	Liaison__Suspension *suspension = NULL;
	Liaison__Signed *signed_message = NULL;
	int64_t lasts = 0;
	char *path = NULL;

	enum liaison_err err = read_hours(chosen->hours, &lasts, fault);
	if (err == LIAISON_OK)
		err = roster_trust(app, chosen->trust, &trust, fault);
	if (err == LIAISON_OK && trust == NULL)
		err = fault_set(fault, LIAISON_BAD_CONFIG,
			"there is no charter in this home's trust/; name its folder with --trust");
	if (err == LIAISON_OK && chosen->key != NULL)
		err = signer_public_key(chosen->key, &key, fault);
	if (err == LIAISON_OK)
		err = keyfile_load(chosen->duty, &source, &keys, NULL, fault);
	if (err != LIAISON_OK)
		goto out;
	suspension = suspension_new(trust_network(trust), chosen->office, chosen->key != NULL ? &key : NULL,
		app_now(app), app_now(app) + lasts,
		chosen->reason != NULL ? chosen->reason : "suspended by the duty officer");
	if (suspension == NULL || (chosen->out == NULL && asprintf(&path, "%s.suspension", chosen->office) < 0)) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	err = suspension_validate(suspension, fault);
	if (err == LIAISON_OK)
		err = document_sign(
			DOCUMENT_SUSPENSION, &suspension->base, trust_network(trust), keys, &signed_message, fault);
	if (err == LIAISON_OK)
		err = docfile_write(
			chosen->out != NULL ? chosen->out : path, DOCUMENT_SUSPENSION, signed_message, fault);
	if (err == LIAISON_OK)
		say_result(app, "%s: hand it over by `liaison roster push`, or `liaison trust import` at the broker",
			chosen->out != NULL ? chosen->out : path);
out:
	if (signed_message != NULL)
		liaison__signed__free_unpacked(signed_message, NULL);
	suspension_free(suspension);
	secret_keys_free(keys);
	if (trust != NULL)
		trust_unref(trust);
	free(path);
	return err;
}

static enum liaison_err
suspend(Liaison__Roster *roster, const char *office, const char *reason, struct fault *fault)
{
	return roster_suspend_office(roster, office, reason != NULL ? reason : "suspended by the authority", fault);
}

int
command_roster_suspend(struct app *app, int argc, char **argv)
{
	struct state_options chosen = {0};
	struct fault fault;

	command_parse(app, &suspend_argp, argc, argv, &chosen);
	if (chosen.duty == NULL)
		return edit(app, &chosen, suspend);
	return make_suspension(app, &chosen, &fault) == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- resume and remove ----------------------------------------------------------------------------------------------- */

static const struct argp_option edit_options[] = {
	{"reason", 'r', "TEXT", 0, "Why; every reader of the roster sees it", 0},
	{"trust", OPTION_TRUST, "FOLDER", 0, "The charter to go by (the home's trust/)", 0},
	{0},
};

static const struct argp resume_argp = {
	.options = edit_options,
	.parser = read_state,
	.args_doc = "OFFICE ROSTER",
	.doc = "End an office's suspension in the roster.\vExample:\n  liaison roster resume kh.blo.poipet kh.roster",
};

static enum liaison_err
resume(Liaison__Roster *roster, const char *office, const char *reason, struct fault *fault)
{
	(void)reason;
	return roster_resume_office(roster, office, fault);
}

int
command_roster_resume(struct app *app, int argc, char **argv)
{
	struct state_options chosen = {0};

	command_parse(app, &resume_argp, argc, argv, &chosen);
	return edit(app, &chosen, resume);
}

static const struct argp remove_argp = {
	.options = edit_options,
	.parser = read_state,
	.args_doc = "OFFICE ROSTER",
	.doc = "Take an office out of the network for good: suspended, its keys retired. What it signed stays "
	       "valid.\vExample:\n"
	       "  liaison roster remove --reason 'post closed' kh.blo.poipet kh.roster",
};

static enum liaison_err
take_out(Liaison__Roster *roster, const char *office, const char *reason, struct fault *fault)
{
	return roster_remove_office(roster, office, reason != NULL ? reason : "removed by the authority", fault);
}

int
command_roster_remove(struct app *app, int argc, char **argv)
{
	struct state_options chosen = {0};

	command_parse(app, &remove_argp, argc, argv, &chosen);
	return edit(app, &chosen, take_out);
}
