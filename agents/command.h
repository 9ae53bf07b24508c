/*
 * How commands are found and how their options are read. A table of `struct command` is a whole menu: the program's own
 * and that of a command with verbs (`liaison keys new`). A wrong name is answered with the nearest right one.
 */
#ifndef LIAISON_AGENTS_COMMAND_H
#define LIAISON_AGENTS_COMMAND_H

#include "agents/app.h"

#include <argp.h>
#include <stddef.h>

/* Returns the exit code. argv[0] is the full name, "liaison keys new", as it stands in messages. */
typedef int command_run_fn(struct app *app, int argc, char **argv);

struct command {
	const char *name;
	const char *summary;
	command_run_fn *run;
};

/*
 * Runs the command of `menu` (ended by a row without name) that argv[1] names. Says what there is on --help, and on
 * stderr, with EX_USAGE, where the name is missing or wrong. `about` is one sentence for the help.
 */
int command_choose(struct app *app, const struct command *menu, const char *about, int argc, char **argv);

/*
 * Reads a command's own options together with the global ones (--home, --json, -q, -v), which may stand anywhere.
 * Usage mistakes end the program with EX_USAGE, as argp does it. `argp->doc` carries the examples after a '\v'.
 */
void command_parse(struct app *app, const struct argp *argp, int argc, char **argv, void *input);

/* The global options alone, for main: stops at the first word that is not an option and returns its place in argv. */
int command_parse_globals(struct app *app, int argc, char **argv, const char *menu_text);

#endif
