/* `liaison feed`: follow a feed. */
#include "agents/commands.h"
#include "agents/feed_post.h"
#include "agents/filter_options.h"
#include "agents/follow.h"
#include "agents/say.h"
#include "proto/crossings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DEFAULT_NAME "main"

enum key { KEY_FROM = 0x300, KEY_UNTIL_END, KEY_FORMAT, KEY_EXEC, KEY_TAKE_OVER, KEY_REPLACE };

struct feed_options {
	struct app *app;
	struct follow_options follow;
	struct filter_options filter;
};

static const struct argp_option options[] = {
	{"from", KEY_FROM, "N|start|new", 0,
		"Begin at record N of the broker's log, at its start, or with what is new (default: where this feed "
		"stands; a "
		"new feed at the start)",
		0},
	{"count", 'n', "N", 0, "End after N deliveries", 0},
	{"until-end", KEY_UNTIL_END, NULL, 0, "End when all that the log holds for this feed was read", 0},
	{"format", KEY_FORMAT, "FORMAT", 0, "table (the default) or json", 0},
	{"exec", KEY_EXEC, "CMD", 0,
		"Run `sh -c CMD` for each delivery, one JSON line on its standard input: exit 0 moves the cursor, 75 "
		"is tried "
		"again later, anything else parks it after five tries",
		0},
	{"take-over", KEY_TAKE_OVER, NULL, 0, "End the program that reads this feed now", 0},
	{"replace", KEY_REPLACE, NULL, 0, "Give this feed another filter", 0},
	{0},
};

static uint64_t
read_number(const char *option, const char *text, struct argp_state *state)
{
	char *end = NULL;

	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
		argp_error(state, "%s takes a whole number, not `%s`", option, text);
	return value;
}

static void
read_from(struct follow_options *follow, const char *text, struct argp_state *state)
{
	if (strcmp(text, "start") == 0) {
		follow->start = LIAISON__START__START_LOG;
	} else if (strcmp(text, "new") == 0) {
		follow->start = LIAISON__START__START_NEW;
	} else {
		if (text[0] < '0' || text[0] > '9')
			argp_error(state, "--from takes a record's number, `start` or `new`, not `%s`", text);
		follow->start = LIAISON__START__START_INDEX;
		follow->index = read_number("--from", text, state);
	}
}

static void
read_format(struct feed_options *chosen, const char *text, struct argp_state *state)
{
	static const char *const later[] = {"cap", "geojson", "stix", "misp", "csv"};

	if (strcmp(text, "json") == 0) {
		chosen->app->json = true;
		return;
	}
	if (strcmp(text, "table") == 0)
		return;
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
		if (strcmp(text, later[i]) == 0)
			argp_error(state, "this version shows feeds as table or json; %s is not there yet", text);
	argp_error(state, "--format takes table or json, not `%s`", text);
}

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct feed_options *chosen = state->input;
	struct follow_options *follow = &chosen->follow;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &chosen->filter; return 0;
	case KEY_FROM: read_from(follow, arg, state); return 0;
	case 'n':
		follow->count = read_number("--count", arg, state);
		if (follow->count == 0)
			argp_error(state, "--count takes a number from 1 on");
		return 0;
	case KEY_UNTIL_END: follow->is_until_end = true; return 0;
	case KEY_FORMAT: read_format(chosen, arg, state); return 0;
	case KEY_EXEC: follow->command = arg; return 0;
	case KEY_TAKE_OVER: follow->is_take_over = true; return 0;
	case KEY_REPLACE: follow->is_replace = true; return 0;
	case ARGP_KEY_ARG:
		if (follow->name != NULL)
			argp_error(state, "one feed at a time; `%s` is a second name", arg);
		if (!feed_post_name_is_valid(arg))
			argp_error(state, "`%s` is no feed's name: 1 to %d of A-Z a-z 0-9 . _ -", arg, FEED_NAME_MAX);
		follow->name = arg;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 1}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "[NAME]",
	.children = children,
	.doc = "Follow a feed: a named view of the broker's log that goes on where it stood. Each delivery is verified "
	       "end to "
	       "end before it is shown, and kept in the inbox. Without NAME it is called `" DEFAULT_NAME
	       "`. The filter is kept with the feed: "
	       "name it once. Word of an alert that was cancelled comes whatever the filter says.\v"
	       "Examples:\n"
	       "  liaison feed                      # what this office may see, from the start of the log\n"
	       "  liaison feed drugs --crime DRUGS,PRECURSORS --country KH --country TH\n"
	       "  liaison feed here --near 13.66,102.55,50 --min-severity SEVERE --from new\n"
	       "  liaison feed archive --until-end --json \\\n"
	       "      | jq -c 'select(.type == \"delivery\").alert' >> alerts.jsonl\n"
	       "  liaison feed match --exec './check-against-register'",
};

/* A crossing that nobody knows is most likely a slip; a later version may know more. */
static void
warn_of_crossings(const struct app *app, const Liaison__Filter *filter)
{
	struct crossings *crossings = NULL;
	struct fault fault;

	if (filter == NULL || filter->n_crossings == 0 || crossings_builtin(&crossings, &fault) != LIAISON_OK)
		return;
	for (size_t i = 0; i < filter->n_crossings; i++) {
		if (crossings_find(crossings, filter->crossings[i]) != NULL)
			continue;
		const struct crossing *nearest = crossings_nearest_name(crossings, filter->crossings[i]);
		say_warning(app, "no crossing is called `%s`%s%s%s", filter->crossings[i],
			nearest != NULL ? "; did you mean `" : "", nearest != NULL ? nearest->id : "",
			nearest != NULL ? "`?" : "");
	}
	crossings_free(crossings);
}

int
command_feed(struct app *app, int argc, char **argv)
{
	struct feed_options chosen = {.app = app, .follow = {.start = LIAISON__START__START_CURSOR}};
	struct fault fault;
	int exit_code;

	command_parse(app, &argp, argc, argv, &chosen);
	if (chosen.follow.name == NULL)
		chosen.follow.name = DEFAULT_NAME;
	if (filter_options_finish(&chosen.filter, &fault) == LIAISON_OK) {
		warn_of_crossings(app, chosen.filter.message);
		chosen.follow.filter = chosen.filter.message;
		exit_code = follow_run(app, &chosen.follow);
	} else {
		say_error(app, "%s", fault.message);
		exit_code = EX_USAGE;
	}
	filter_options_clear(&chosen.filter);
	return exit_code;
}
