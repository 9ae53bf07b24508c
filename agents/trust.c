/* `liaison trust`: root keys, charters, rosters and suspensions that came by whatever road, and what they say. */
#include "agents/commands.h"
#include "agents/home.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"
#include "agents/trust_import.h"
#include "proto/edge/docfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define PATHS_MAX 256

/* --- import ---------------------------------------------------------------------------------------------------------- */

struct paths {
	const char *items[PATHS_MAX];
	size_t count;
};

static error_t
read_import(int key, char *arg, struct argp_state *state)
{
	struct paths *paths = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (paths->count == PATHS_MAX)
			argp_error(state, "at most %d files or folders at a time", PATHS_MAX);
		paths->items[paths->count++] = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name the files, or a folder of them: root.keys, charters, rosters, suspensions");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp import_argp = {
	.parser = read_import,
	.args_doc = "FILE|FOLDER...",
	.doc = "Take root keys (once), charters, rosters and suspensions into the home's trust, in whatever order they "
	       "are "
	       "named. Each is verified; what does not verify is left out and told. With --home of a broker's folder "
	       "they "
	       "become the broker's.\vExamples:\n"
	       "  liaison trust import root.keys charter kh.roster\n"
	       "  liaison trust import /media/usb/trust\n"
	       "  liaison --home /var/lib/liaisond trust import root.keys charter kh.roster",
};

static int
trust_import_command(struct app *app, int argc, char **argv)
{
	struct paths paths = {.count = 0};

	command_parse(app, &import_argp, argc, argv, &paths);
	return trust_import(app, paths.items, paths.count);
}

/* --- show ------------------------------------------------------------------------------------------------------------ */

static const struct argp show_argp = {
	.doc = "Show which network, charter and rosters this home trusts, how old they are and when they "
	       "end.\vExample:\n"
	       "  liaison trust show",
};

static const char *
state_text(enum roster_state state)
{
	switch (state) {
	case ROSTER_VALID: return "valid";
	case ROSTER_GRACE: return "expired, in grace";
	case ROSTER_EXPIRED: return "expired";
	case ROSTER_NONE: return "none held";
	}
	return "?";
}

static size_t
count_offices(const struct trust *trust, const struct member *member)
{
	size_t count = 0;

	for (size_t i = 0; i < trust_office_count(trust); i++)
		count += trust_office_at(trust, i)->member == member;
	return count;
}

static enum liaison_err
show_member(struct app *app, struct table *table, const struct trust *trust, const struct member *member,
	struct fault *fault)
{
	enum roster_state state = trust_roster_state(trust, member, app_now(app));
	char since[24] = "", version[24] = "", expires[RFC3339_BYTES] = "", offices[24];
	struct line line;

	snprintf(offices, sizeof offices, "%zu", count_offices(trust, member));
	line_begin(&line, app);
	line_text(&line, "member", member->code);
	line_text(&line, "state", state_text(state));
	if (member->roster != NULL) {
		snprintf(since, sizeof since, "%" PRIu64, member->roster->since);
		snprintf(version, sizeof version, "%" PRIu64, member->roster->version);
		time_format(member->roster->expires, expires);
		line_number(&line, "since", member->roster->since);
		line_number(&line, "version", member->roster->version);
		line_time(&line, "issued", member->roster->issued);
		line_time(&line, "expires", member->roster->expires);
		line_text(&line, "broker", member->roster->broker);
	}
	line_number(&line, "offices", count_offices(trust, member));
	table_row(table, (const char *const[]){member->code, state_text(state), since, version, expires, offices,
				 member->roster != NULL ? member->roster->broker : ""});
	return line_end(&line, fault);
}

static enum liaison_err
show_head(struct app *app, const struct trust *trust, struct fault *fault)
{
	const Liaison__Charter *charter = trust_charter(trust);
	char expires[RFC3339_BYTES] = "";
	struct line line;

	if (charter != NULL)
		time_format(charter->expires, expires);
	say_result(app, "network %s, charter version %" PRIu64 "%s%s", trust_network(trust),
		trust_charter_version(trust), charter != NULL ? ", expires " : " (none held)", expires);
	line_begin(&line, app);
	line_text(&line, "network", trust_network(trust));
	line_number(&line, "charterVersion", trust_charter_version(trust));
	if (charter != NULL) {
		line_time(&line, "expires", charter->expires);
		line_number(&line, "rootKeys", charter->n_root_keys);
		line_number(&line, "threshold", charter->threshold);
	}
	line_number(&line, "suspensions", trust_suspension_count(trust));
	return line_end(&line, fault);
}

static int
trust_show(struct app *app, int argc, char **argv)
{
	static const char *const columns[] = {
		"MEMBER", "ROSTER", ">SINCE", ">VERSION", "EXPIRES", ">OFFICES", "BROKER", NULL};
	struct trust *trust = NULL;
	struct fault fault;

	command_parse(app, &show_argp, argc, argv, NULL);
	char *folder = home_file(app->home, "trust");
	if (folder == NULL)
		return EX_OSERR;
	enum liaison_err err = trust_load_dir(folder, app_now(app), NULL, NULL, &trust, &fault);
	free(folder);
	if (err == LIAISON_NOT_FOUND)
		err = fault_set(&fault, LIAISON_BAD_CONFIG,
			"%s has no root keys yet; hand over root.keys, charters and rosters by `liaison trust import "
			"FILE...`",
			app->home);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	err = show_head(app, trust, &fault);
	struct table *table = table_new(app, columns);
	for (size_t i = 0; i < trust_member_count(trust) && err == LIAISON_OK; i++)
		err = show_member(app, table, trust, trust_member_at(trust, i), &fault);
	table_end(table);
	trust_unref(trust);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"import", "take root keys, charters, rosters, suspensions", trust_import_command},
	{"show", "what is trusted, how old, until when", trust_show},
	{NULL, NULL, NULL},
};

int
command_trust(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "Whom this office trusts, and why.", argc, argv);
}
