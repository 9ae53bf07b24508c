/*
 * What every command is given: the global options as they were understood, and the seams to clock and randomness. Made
 * once in main, passed down, never stored elsewhere.
 */
#ifndef LIAISON_AGENTS_APP_H
#define LIAISON_AGENTS_APP_H

#include "proto/base/rand.h"
#include "proto/base/time.h"

#include <stdbool.h>

enum verbosity {
	VERBOSITY_QUIET = -1, /* results and errors only */
	VERBOSITY_NORMAL = 0,
	VERBOSITY_DETAILS = 1,
};

struct app {
	char *home; /* owned; never NULL: --home, $LIAISON_HOME, $XDG_CONFIG_HOME/liaison or ~/.config/liaison */
	bool json;  /* results as one JSON object a line */
	enum verbosity verbosity;
	bool has_progress; /* stderr is a terminal */
	bool has_colour;   /* stdout is a terminal and NO_COLOR is not set */
	const struct clock *clock;
	const struct rng *rng;
};

enum liaison_err app_init(struct app *app, struct fault *fault) LIAISON_MUST_CHECK;
void app_clear(struct app *app);

/* Replaces the home's path. */
enum liaison_err app_set_home(struct app *app, const char *path, struct fault *fault) LIAISON_MUST_CHECK;

int64_t app_now(const struct app *app);       /* wall clock, ms */
int64_t app_monotonic(const struct app *app); /* for time-outs, ms */

#endif
