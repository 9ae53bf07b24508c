/* `liaison doctor`: is this home in order, and if not, what is to be done. */
#include "agents/doctor.h"

#include "agents/commands.h"
#include "agents/line.h"
#include "agents/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define SENTENCE_BYTES 1024

static const char *const health_names[] = {[HEALTH_GOOD] = "ok", [HEALTH_WARNING] = "warning", [HEALTH_BAD] = "FAILED"};
static const char *const health_words[] = {[HEALTH_GOOD] = "ok", [HEALTH_WARNING] = "warning", [HEALTH_BAD] = "failed"};

void
doctor_say(struct doctor *doctor, const char *check, enum health health, const char *todo, const char *what, ...)
{
	char sentence[SENTENCE_BYTES];
	struct line line;
	struct fault fault;
	va_list args;

	va_start(args, what);
	vsnprintf(sentence, sizeof sentence, what, args);
	va_end(args);
	text_make_safe(sentence);
	doctor->warnings += health == HEALTH_WARNING;
	doctor->failures += health == HEALTH_BAD;
	say_result(doctor->app, "%-8s%-12s%s", health_names[health], check, sentence);
	if (todo != NULL)
		say_result(doctor->app, "%-20s-> %s", "", todo);
	line_begin(&line, doctor->app);
	line_text(&line, "check", check);
	line_text(&line, "state", health_words[health]);
	line_text(&line, "what", sentence);
	line_text(&line, "todo", todo);
	if (line_end(&line, &fault) != LIAISON_OK)
		say_error(doctor->app, "%s", fault.message);
}

struct doctor_options {
	bool is_off_line;
};

enum { OPTION_OFF_LINE = 256 };

static const struct argp_option options[] = {
	{"offline", OPTION_OFF_LINE, NULL, 0, "Look at what lies here only, and call no broker", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct doctor_options *chosen = state->input;

	(void)arg;
	if (key != OPTION_OFF_LINE)
		return ARGP_ERR_UNKNOWN;
	chosen->is_off_line = true;
	return 0;
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.doc = "Tell whether this office's home is in order: keys, trust and what expires soon, the outbox, the disk, "
	       "the "
	       "line, the broker and the clock; and what to do where it is not. Exit code 0: in order, perhaps with "
	       "warnings; 1: something has to be done.\vExamples:\n"
	       "  liaison doctor\n"
	       "  liaison --json doctor --offline",
};

int
command_doctor(struct app *app, int argc, char **argv)
{
	struct doctor_options chosen = {0};
	struct doctor doctor = {.app = app, .agent = {.app = app}};

	command_parse(app, &argp, argc, argv, &chosen);
	if (doctor_look_at_home(&doctor) && !chosen.is_off_line)
		doctor_look_at_line(&doctor);
	agent_close(&doctor.agent);
	if (doctor.failures == 0 && doctor.warnings == 0)
		say_note(app, "all is in order");
	return doctor.failures > 0 ? 1 : EX_OK;
}
