#include "agents/command.h"

#include "agents/say.h"
#include "proto/base/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const struct argp_option global_options[] = {
	{"home", 'H', "DIR", 0, "The office's home (default: $LIAISON_HOME, else $XDG_CONFIG_HOME/liaison)", 0},
	{"json", 'J', NULL, 0, "Results as one JSON object a line", 0},
	{"quiet", 'q', NULL, 0, "Results and errors only", 0},
	{"verbose", 'v', NULL, 0, "Say more", 0},
	{0},
};

static error_t
read_global(int key, char *arg, struct argp_state *state)
{
	struct app *app = state->input;
	struct fault fault;

	switch (key) {
	case 'H':
		if (arg[0] == '\0')
			argp_error(state, "--home needs the path of a folder");
		if (app_set_home(app, arg, &fault) != LIAISON_OK)
			argp_failure(state, EX_OSERR, 0, "%s", fault.message);
		return 0;
	case 'J': app->json = true; return 0;
	case 'q': app->verbosity = VERBOSITY_QUIET; return 0;
	case 'v': app->verbosity = VERBOSITY_DETAILS; return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp global_argp = {.options = global_options, .parser = read_global};

/* --- a command's own options with the global ones ------------------------------------------------------------------ */

struct both {
	struct app *app;
	void *input;
};

static error_t
pass_inputs(int key, char *arg, struct argp_state *state)
{
	struct both *both = state->input;

	(void)arg;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = both->input;
	state->child_inputs[1] = both->app;
	return 0;
}

void
command_parse(struct app *app, const struct argp *argp, int argc, char **argv, void *input)
{
	struct argp own = *argp;
	own.doc = NULL;
	own.args_doc = NULL;
	const struct argp_child children[] = {
		{&own, 0, NULL, 0},
		{&global_argp, 0, "For every command:", 90},
		{0},
	};
	const struct argp whole = {
		.parser = pass_inputs,
		.args_doc = argp->args_doc,
		.doc = argp->doc,
		.children = children,
	};
	struct both both = {app, input};

	argp_parse(&whole, argc, argv, 0, NULL, &both);
}

/* --- menus --------------------------------------------------------------------------------------------------------- */

static void
print_menu(FILE *out, const char *name, const struct command *menu, const char *about)
{
	size_t width = 0;

	for (const struct command *row = menu; row->name != NULL; row++)
		width = strlen(row->name) > width ? strlen(row->name) : width;
	fprintf(out, "Usage: %s COMMAND ...\n%s\n\n", name, about);
	for (const struct command *row = menu; row->name != NULL; row++)
		fprintf(out, "  %-*s  %s\n", (int)width, row->name, row->summary);
	fprintf(out, "\n`%s COMMAND --help` says more about one, with examples.\n", name);
}

static const struct command *
find_command(const struct command *menu, const char *name)
{
	for (const struct command *row = menu; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static int
say_unknown(const struct app *app, const struct command *menu, const char *program, const char *name)
{
	struct suggest nearest;

	suggest_init(&nearest, name);
	for (const struct command *row = menu; row->name != NULL; row++)
		suggest_offer(&nearest, row->name);
	if (nearest.best != NULL)
		say_error(app, "there is no command `%s %s`; did you mean `%s`?", program, name, nearest.best);
	else
		say_error(app, "there is no command `%s %s`; `%s --help` lists what there is", program, name, program);
	return EX_USAGE;
}

int
command_choose(struct app *app, const struct command *menu, const char *about, int argc, char **argv)
{
	char full_name[128];
	int at = 1;

	/* Global options may stand before the verb, too: `liaison outbox --json ls`. */
	while (at < argc && argv[at][0] == '-' && strcmp(argv[at], "--help") != 0 && strcmp(argv[at], "-?") != 0 &&
		strcmp(argv[at], "--usage") != 0)
		at += strcmp(argv[at], "--home") == 0 || strcmp(argv[at], "-H") == 0 ? 2 : 1;
	if (at >= argc) {
		print_menu(stderr, argv[0], menu, about);
		return EX_USAGE;
	}
	if (argv[at][0] == '-') {
		print_menu(stdout, argv[0], menu, about);
		return EX_OK;
	}
	const struct command *row = find_command(menu, argv[at]);
	/* `liaison help` and `liaison help roster set`, as `--help` behind the rest. */
	char help[] = "--help";
	if (row == NULL && strcmp(argv[at], "help") == 0) {
		for (int i = at; i + 1 < argc; i++)
			argv[i] = argv[i + 1];
		argv[argc - 1] = help;
		row = find_command(menu, argv[at]);
	}
	if (argv[at] == help) {
		print_menu(stdout, argv[0], menu, about);
		return EX_OK;
	}
	if (row == NULL)
		return say_unknown(app, menu, argv[0], argv[at]);
	snprintf(full_name, sizeof full_name, "%s %s", argv[0], row->name);
	/* What stood before the verb moves into its place; the full name comes before all. */
	for (int i = at; i > 1; i--)
		argv[i] = argv[i - 1];
	argv[1] = full_name;
	return row->run(app, argc - 1, argv + 1);
}

/* --- main's own ---------------------------------------------------------------------------------------------------- */

static error_t
read_main(int key, char *arg, struct argp_state *state)
{
	struct both *both = state->input;

	(void)arg;
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = both->app; return 0;
	case ARGP_KEY_ARG:
		*(int *)both->input = state->next - 1;
		state->next = state->argc;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

int
command_parse_globals(struct app *app, int argc, char **argv, const char *menu_text)
{
	const struct argp_child children[] = {{&global_argp, 0, "For every command:", 0}, {0}};
	const struct argp whole = {
		.parser = read_main, .args_doc = "COMMAND ...", .doc = menu_text, .children = children};
	int first = argc;
	struct both both = {app, &first};

	argp_parse(&whole, argc, argv, ARGP_IN_ORDER, NULL, &both);
	return first;
}
