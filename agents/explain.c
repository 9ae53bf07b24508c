/* `liaison explain`: what a code means, and rule by rule why an office may or may not see an alert. */
#include "agents/commands.h"
#include "agents/line.h"
#include "agents/say.h"

#include <string.h>
#include <sysexits.h>

struct explain_options {
	const char *code;
	const char *office;
	const char *id;
};

static const struct argp_option options[] = {
	{"code", 'c', "CODE", 0, "What this code means: a refusal, a reason, a kind, an action, ...", 0},
	{"office", 'o', "OFFICE", 0, "Whether this office may see alert ID, rule by rule", 0},
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
	.doc = "Explain a code, or why an office may or may not see an alert.\v"
	       "Examples:\n"
	       "  liaison explain --code bad-handling\n"
	       "  liaison explain kh.blo.poipet/42 --office th.blo.aranyaprathet",
};

int
command_explain(struct app *app, int argc, char **argv)
{
	struct explain_options chosen = {0};
	struct fault fault;
	struct line line;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err code = chosen.code != NULL ? err_from_name(chosen.code) : LIAISON_OK;
	if (code == LIAISON_OK) {
		say_error(app, "no code is called `%s`", chosen.code != NULL ? chosen.code : "");
		return EX_DATAERR;
	}
	say_result(app, "%s: %s", err_name(code), err_meaning(code));
	line_begin(&line, app);
	line_text(&line, "code", err_name(code));
	line_text(&line, "meaning", err_meaning(code));
	return line_end(&line, &fault) == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
