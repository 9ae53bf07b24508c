/* `liaison cancel`: the contentless word that an alert no longer holds. */
#include "agents/codes_arg.h"
#include "agents/commands.h"
#include "agents/follow_up.h"

#include <sysexits.h>

struct cancel_options {
	const char *id, *reason;
	int wait_seconds;
};

static const struct argp_option options[] = {
	{"reason", 'r', "REASON", 0, "DONE, FOUND, ERROR, WITHDRAWN, LEGAL or PROTECTION (WITHDRAWN)", 0},
	{"wait", 'w', "SECONDS", 0, "How long to wait for the receipt (30); 0: leave it to the outbox", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct cancel_options *chosen = state->input;

	switch (key) {
	case 'r': chosen->reason = arg; return 0;
	case 'w': chosen->wait_seconds = follow_up_wait(state, arg); return 0;
	case ARGP_KEY_ARG:
		if (chosen->id != NULL)
			argp_error(state, "one alert at a time");
		chosen->id = arg;
		return 0;
	case ARGP_KEY_NO_ARGS: argp_error(state, "name the alert: kh.blo.poipet/42"); return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "ID",
	.doc = "Cancel an alert of this office (or of its country, with the right RECALL). Every office that was given "
	       "it, or "
	       "that it addressed, hears of it. It cannot be taken back.\vExamples:\n"
	       "  liaison cancel kh.blo.poipet/42 --reason FOUND\n"
	       "  liaison cancel kh.blo.poipet/43 --reason ERROR",
};

int
command_cancel(struct app *app, int argc, char **argv)
{
	struct cancel_options chosen = {.reason = "WITHDRAWN", .wait_seconds = -1};
	struct follow_up follow_up = {0};
	struct draft draft = {0};
	struct fault fault;
	int reason = 0;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err =
		code_parse(&liaison__notice_reason__descriptor, "reason", chosen.reason, &reason, &fault);
	if (err == LIAISON_OK && reason == LIAISON__NOTICE_REASON__NOTICE_REASON_REPLACED)
		err = fault_set(&fault, LIAISON_BAD_USAGE,
			"REPLACED is what `liaison update` says by itself; name another reason");
	if (err == LIAISON_OK)
		err = follow_up_open(&follow_up, app, chosen.id, chosen.wait_seconds, &fault);
	if (err == LIAISON_OK)
		err = follow_up_notice(&follow_up, LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL,
			(Liaison__NoticeReason)reason, &draft, &fault);
	int exit_code = err == LIAISON_OK ? follow_up_send(&follow_up, &draft, 1) : say_fault(app, &fault);
	follow_up_clear(&follow_up);
	return exit_code;
}
