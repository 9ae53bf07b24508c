/* `liaison sandbox`: a whole throw-away network on loopback, for trying, teaching and testing. */
#include "agents/sandbox.h"

#include "agents/commands.h"
#include "agents/line.h"
#include "agents/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct sandbox_options {
	const char *dir, *countries, *brokers;
	bool is_wiped;
};

enum { OPTION_BROKERS = 256, OPTION_WIPE };

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct sandbox_options *chosen = state->input;

	switch (key) {
	case 'c': chosen->countries = arg; return 0;
	case OPTION_BROKERS: chosen->brokers = arg; return 0;
	case OPTION_WIPE: chosen->is_wiped = true; return 0;
	case ARGP_KEY_ARG:
		if (chosen->dir != NULL)
			argp_error(state, "one folder at a time");
		chosen->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->dir == NULL || chosen->dir[0] == '\0')
			argp_error(state, "name the sandbox's folder");
		if (chosen->brokers != NULL && strcmp(chosen->brokers, "one") != 0)
			argp_error(state, "--brokers takes `one`: one broker serves all countries");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- what is said of one ---------------------------------------------------------------------------------------------- */

static enum liaison_err
say_json(const struct app *app, const struct sandbox *sandbox, pid_t pid, struct fault *fault)
{
	struct line line;

	line_begin(&line, app);
	line_text(&line, "network", sandbox->network);
	line_open_array(&line, "brokers");
	line_open_object(&line, NULL);
	line_text(&line, "id", sandbox->broker.text);
	line_text(&line, "endpoint", sandbox->endpoint);
	if (pid != 0)
		line_number(&line, "pid", (uint64_t)pid);
	else
		line_json(&line, "pid", "null", 4);
	/* The broker has no operator page yet. */
	line_json(&line, "operator", "null", 4);
	line_json(&line, "tokenFile", "null", 4);
	line_close_object(&line);
	line_close_array(&line);
	line_open_array(&line, "offices");
	for (size_t i = 0; i < sandbox->office_count; i++) {
		char *home = home_file(sandbox->dir, sandbox->offices[i].text);
		line_open_object(&line, NULL);
		line_text(&line, "id", sandbox->offices[i].text);
		line_text(&line, "home", home);
		line_close_object(&line);
		free(home);
	}
	line_close_array(&line);
	return line_end(&line, fault);
}

/* A line for each country. */
static void
say_offices(const struct app *app, const struct sandbox *sandbox)
{
	char text[512];
	size_t used = 0;

	for (size_t i = 0; i < sandbox->office_count; i++) {
		used += (size_t)snprintf(text + used, sizeof text - used, " %s", sandbox->offices[i].text);
		if (sandbox_kind(i % SANDBOX_KINDS + 1) != NULL)
			continue;
		say_result(app, " %s", text);
		used = 0;
	}
}

static enum liaison_err
say_state(const struct app *app, const struct sandbox *sandbox, struct fault *fault)
{
	const char *countries[SANDBOX_COUNTRIES_MAX];
	pid_t pid = sandbox_broker_pid(sandbox);
	char list[128];

	for (size_t i = 0; i < sandbox->country_count; i++)
		countries[i] = sandbox->countries[i];
	if (pid != 0)
		say_result(app, "network %s: %s runs as process %ld at %s", sandbox->network, sandbox->broker.text,
			(long)pid, sandbox->endpoint);
	else
		say_result(app, "network %s: %s does not run; `liaison sandbox up %s` starts it", sandbox->network,
			sandbox->broker.text, sandbox->dir);
	say_result(app, "%zu offices in %s, each with its home in %s:", sandbox->office_count,
		text_list(countries, sandbox->country_count, list, sizeof list), sandbox->dir);
	say_offices(app, sandbox);
	return say_json(app, sandbox, pid, fault);
}

/* --- up --------------------------------------------------------------------------------------------------------------- */

static const struct argp_option up_options[] = {
	{"countries", 'c', "CC,...", 0, "Which countries take part (KH,TH,VN); fixed once the sandbox is made", 0},
	{"brokers", OPTION_BROKERS, "one", 0, "One broker serves all countries: the only way until brokers are peered",
		0},
	{0},
};

static const struct argp up_argp = {
	.options = up_options,
	.parser = read_option,
	.args_doc = "DIR",
	.doc = "Make a throw-away network on loopback in DIR, or start what of it is down: root, authorities, rosters, "
	       "a "
	       "running broker, and the homes of five offices in each country (DIR/kh.blo.demo and atu, piu, ncc, "
	       "nrm). "
	       "Until brokers are peered, the first country's broker serves them all. Returns when all is ready.\v"
	       "Examples:\n"
	       "  liaison sandbox up /tmp/net --countries KH,TH,VN\n"
	       "  liaison --home /tmp/net/kh.blo.demo publish config/examples/route-road.json\n"
	       "  liaison --home /tmp/net/th.blo.demo feed\n"
	       "  liaison sandbox down /tmp/net --wipe",
};

static enum liaison_err
check_countries(const struct sandbox *sandbox, const char *countries, struct fault *fault)
{
	struct sandbox asked = {0};

	enum liaison_err err = sandbox_set_countries(&asked, countries, fault);
	if (err != LIAISON_OK)
		return err;
	if (asked.country_count == sandbox->country_count &&
		memcmp(asked.countries, sandbox->countries, sizeof asked.countries) == 0)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_BAD_USAGE,
		"%s has other countries, and they are fixed; leave --countries out, or make another sandbox",
		sandbox->dir);
}

static enum liaison_err
make(const struct app *app, const struct sandbox_options *chosen, struct sandbox *sandbox, struct fault *fault)
{
	const char *countries = chosen->countries != NULL ? chosen->countries : "KH,TH,VN";

	enum liaison_err err = sandbox_set_countries(sandbox, countries, fault);
	if (err == LIAISON_OK)
		err = sandbox_begin(sandbox, chosen->dir, fault);
	if (err == LIAISON_OK)
		err = sandbox_make(app, sandbox, fault);
	if (err == LIAISON_OK)
		sandbox_finish(sandbox);
	return err;
}

static int
sandbox_up(struct app *app, int argc, char **argv)
{
	struct sandbox_options chosen = {0};
	struct sandbox sandbox = {0};
	struct fault fault;
	int lock = -1;

	command_parse(app, &up_argp, argc, argv, &chosen);
	enum liaison_err err = sandbox_open(chosen.dir, &sandbox, &fault);
	if (err == LIAISON_OK && chosen.countries != NULL)
		err = check_countries(&sandbox, chosen.countries, &fault);
	if (err == LIAISON_NOT_FOUND)
		err = make(app, &chosen, &sandbox, &fault);
	if (err == LIAISON_OK)
		err = home_lock(sandbox.dir, "sandbox", &lock, &fault);
	if (err == LIAISON_OK)
		err = sandbox_broker_start(app, &sandbox, &fault);
	if (err == LIAISON_OK)
		err = say_state(app, &sandbox, &fault);
	if (lock >= 0)
		home_unlock(lock);
	sandbox_clear(&sandbox);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- status ----------------------------------------------------------------------------------------------------------- */

static const struct argp status_argp = {
	.parser = read_option,
	.args_doc = "DIR",
	.doc = "Say what runs in a sandbox and where its homes are. Exit code 1: its broker does not run.\vExamples:\n"
	       "  liaison sandbox status /tmp/net\n"
	       "  liaison sandbox status /tmp/net --json | jq -r '.offices[].home'",
};

static int
sandbox_status(struct app *app, int argc, char **argv)
{
	struct sandbox_options chosen = {0};
	struct sandbox sandbox = {0};
	struct fault fault;
	bool runs = false;

	command_parse(app, &status_argp, argc, argv, &chosen);
	enum liaison_err err = sandbox_open(chosen.dir, &sandbox, &fault);
	if (err == LIAISON_OK) {
		runs = sandbox_broker_pid(&sandbox) != 0;
		err = say_state(app, &sandbox, &fault);
	}
	sandbox_clear(&sandbox);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	return runs ? EX_OK : 1;
}

/* --- down ------------------------------------------------------------------------------------------------------------- */

static const struct argp_option down_options[] = {
	{"wipe", OPTION_WIPE, NULL, 0, "Remove the folder with all that is in it", 0},
	{0},
};

static const struct argp down_argp = {
	.options = down_options,
	.parser = read_option,
	.args_doc = "DIR",
	.doc = "Stop a sandbox's broker; `up` starts it again with everything that it had, unless --wipe removes it.\v"
	       "Examples:\n"
	       "  liaison sandbox down /tmp/net\n"
	       "  liaison sandbox down /tmp/net --wipe",
};

static int
sandbox_down(struct app *app, int argc, char **argv)
{
	struct sandbox_options chosen = {0};
	struct sandbox sandbox = {0};
	struct fault fault;
	int lock = -1;

	command_parse(app, &down_argp, argc, argv, &chosen);
	enum liaison_err err = sandbox_open(chosen.dir, &sandbox, &fault);
	if (err == LIAISON_OK)
		err = home_lock(sandbox.dir, "sandbox", &lock, &fault);
	if (err == LIAISON_OK)
		err = sandbox_broker_stop(app, &sandbox, &fault);
	if (err == LIAISON_OK && chosen.is_wiped)
		err = sandbox_wipe(sandbox.dir, &fault);
	if (err == LIAISON_OK)
		say_note(app, "%s is down%s", sandbox.dir, chosen.is_wiped ? " and removed" : "");
	if (lock >= 0)
		home_unlock(lock);
	sandbox_clear(&sandbox);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"up", "make it, or start what is down", sandbox_up},
	{"status", "what runs, and where the homes are", sandbox_status},
	{"down", "stop it, and remove it on request", sandbox_down},
	{NULL, NULL, NULL},
};

int
command_sandbox(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "A whole throw-away network on loopback.", argc, argv);
}
