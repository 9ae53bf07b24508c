/* `liaison explain`: what a code means, and rule by rule why an office may or may not see an alert. */
#include "agents/commands.h"
#include "agents/explain_alert.h"
#include "agents/line.h"
#include "agents/say.h"
#include "proto/base/suggest.h"
#include "proto/codes.h"
#include "proto/release.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#define CODES_END 128 /* above every number of enum liaison_err */

struct explain_options {
	const char *code;
	const char *office;
	const char *id;
};

static const struct argp_option options[] = {
	{"code", 'c', "CODE", 0, "What this code means: a refusal, a reason, a kind, an action, ...", 0},
	{"office", 'o', "OFFICE", 0, "Whether this office may see alert ID, rule by rule (default: this office)", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct explain_options *chosen = state->input;

	switch (key) {
	case 'c': chosen->code = arg; return 0;
	case 'o': chosen->office = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->id != NULL)
			argp_error(state, "one alert id at a time");
		chosen->id = arg;
		return 0;
	case ARGP_KEY_END:
		if ((chosen->code != NULL) == (chosen->id != NULL))
			argp_error(state, "say what to explain: --code CODE, or ID --office OFFICE");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "--code CODE\nID --office OFFICE",
	.doc = "Explain a code, or why an office may or may not see an alert of the inbox or of this office's own.\v"
	       "Examples:\n"
	       "  liaison explain --code bad-handling\n"
	       "  liaison explain --code DISCREET_CHECK\n"
	       "  liaison explain kh.blo.poipet/42 --office th.blo.aranyaprathet\n"
	       "Exit code 1: the office may not see it.",
};

/* --- codes ----------------------------------------------------------------------------------------------------------- */

struct explained {
	struct app *app;
	size_t count;
	struct suggest nearest;
};

static void
tell(struct explained *explained, const char *group, const char *code, const char *meaning)
{
	struct line line;
	struct fault fault;

	explained->count++;
	say_result(explained->app, "%s (%s): %s", code, group, meaning);
	line_begin(&line, explained->app);
	line_text(&line, "code", code);
	line_text(&line, "group", group);
	line_text(&line, "meaning", meaning);
	if (line_end(&line, &fault) != LIAISON_OK)
		say_fault(explained->app, &fault);
}

static void
offer(struct explained *explained, const char *wanted, const char *group, const char *code, const char *meaning)
{
	if (strcasecmp(wanted, code) == 0)
		tell(explained, group, code, meaning);
	suggest_offer(&explained->nearest, code);
}

/* A code may stand in several groups: `expired` is a refusal and a reason, UNKNOWN is of urgency and of severity. */
static enum liaison_err
explain_code(struct explained *explained, const char *wanted, struct fault *fault)
{
	struct codes *codes = NULL;
	char group[64];

	enum liaison_err err = codes_builtin(&codes, fault);
	if (err != LIAISON_OK)
		return err;
	suggest_init(&explained->nearest, wanted);
	for (int i = 1; i < CODES_END; i++) {
		enum liaison_err code = (enum liaison_err)i;
		if (err_from_name(err_name(code)) == code)
			offer(explained, wanted, err_is_refusal(code) ? "refusal" : "result", err_name(code),
				err_meaning(code));
	}
	for (int reason = RELEASE_NO_ROSTER; reason < RELEASE_REASONS; reason++)
		offer(explained, wanted, "reason of the release rule", release_reason_name((enum release_reason)reason),
			release_reason_meaning((enum release_reason)reason));
	for (size_t i = 0; i < codes_count(codes); i++) {
		const struct code *code = codes_at(codes, i);
		snprintf(group, sizeof group, "%s", code->group);
		for (char *at = group; *at != '\0'; at++)
			if (*at == '_')
				*at = ' ';
		offer(explained, wanted, group, code->code, code->meaning);
	}
	if (explained->count == 0 && explained->nearest.best != NULL)
		err = fault_set(fault, LIAISON_BAD_USAGE, "no code is called `%s`; did you mean `%s`?", wanted,
			explained->nearest.best);
	else if (explained->count == 0)
		err = fault_set(fault, LIAISON_BAD_USAGE, "no code is called `%s`", wanted);
	codes_free(codes);
	return err;
}

int
command_explain(struct app *app, int argc, char **argv)
{
	struct explain_options chosen = {0};
	struct explained explained = {.app = app};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	if (chosen.id != NULL)
		return explain_alert(app, chosen.id, chosen.office);
	return explain_code(&explained, chosen.code, &fault) == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
