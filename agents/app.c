#include "agents/app.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *
env_or_null(const char *name)
{
	const char *value = getenv(name);
	return value != NULL && value[0] != '\0' ? value : NULL;
}

static char *
default_home(void)
{
	const char *home = env_or_null("LIAISON_HOME");
	const char *config = env_or_null("XDG_CONFIG_HOME");
	const char *user = env_or_null("HOME");
	char *path = NULL;

	if (home != NULL)
		return strdup(home);
	int written = config != NULL ? asprintf(&path, "%s/liaison", config)
				     : asprintf(&path, "%s/.config/liaison", user != NULL ? user : ".");
	return written < 0 ? NULL : path;
}

enum liaison_err
app_init(struct app *app, struct fault *fault)
{
	char *home = default_home();

	if (home == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	*app = (struct app){
		.home = home,
		.verbosity = VERBOSITY_NORMAL,
		.has_progress = isatty(STDERR_FILENO) == 1,
		.has_colour = isatty(STDOUT_FILENO) == 1 && env_or_null("NO_COLOR") == NULL,
		.clock = clock_system(),
		.rng = rng_system(),
	};
	return LIAISON_OK;
}

void
app_clear(struct app *app)
{
	free(app->home);
	app->home = NULL;
}

enum liaison_err
app_set_home(struct app *app, const char *path, struct fault *fault)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	free(app->home);
	app->home = copy;
	return LIAISON_OK;
}

int64_t
app_now(const struct app *app)
{
	return app->clock->now_ms(app->clock->arg);
}

int64_t
app_monotonic(const struct app *app)
{
	return app->clock->monotonic_ms(app->clock->arg);
}
