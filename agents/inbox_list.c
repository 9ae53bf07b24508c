/* `liaison inbox`: what this office has received and verified. */
#include "agents/agent.h"
#include "agents/commands.h"
#include "agents/filter_options.h"
#include "agents/inbox.h"
#include "agents/kept.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"
#include "agents/view.h"
#include "proto/filter.h"
#include "proto/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DEFAULT_ROWS 50
#define CELL_BYTES_MAX (64U * 1024)
#define CELLS 6

struct inbox_options {
	struct filter_options filter;
	uint64_t limit; /* 0: all */
	bool is_limit_given;
};

static const struct argp_option options[] = {
	{"limit", 'n', "N", 0, "The newest N (default: 50; as JSON: all); 0: all", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct inbox_options *chosen = state->input;
	char *end = NULL;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &chosen->filter; return 0;
	case 'n':
		errno = 0;
		chosen->limit = strtoull(arg, &end, 10);
		chosen->is_limit_given = true;
		if (arg[0] < '0' || arg[0] > '9' || *end != '\0' || errno != 0)
			argp_error(state, "--limit takes a whole number, not `%s`", arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "`%s` is one word too many; `liaison show ID` shows one alert", arg);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = {{&filter_argp, 0, NULL, 1}, {0}};

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.children = children,
	.doc = "List what this office received and verified, oldest first. Exercises are left out unless --status asks "
	       "for "
	       "them.\v"
	       "Examples:\n"
	       "  liaison inbox\n"
	       "  liaison inbox --kind VEHICLE --country TH --limit 10\n"
	       "  liaison inbox --json | jq .alert.id",
};

/* --- a walk ---------------------------------------------------------------------------------------------------------- */

struct row_cells {
	char *cells[CELLS];
};

struct listing {
	struct app *app;
	const struct agent *agent;
	struct filter *filter;
	struct view view;
	uint64_t limit;
	struct row_cells *ring; /* the newest `limit` that match; NULL: as JSON, printed at once */
	uint64_t seen;
};

static void
clear_cells(struct row_cells *row)
{
	for (size_t i = 0; i < CELLS; i++) {
		free(row->cells[i]);
		row->cells[i] = NULL;
	}
}

static enum liaison_err
print_json(const struct listing *listing, const struct inbox_row *row, const struct kept *kept, struct fault *fault)
{
	struct item item = {.type = ITEM_DELIVERY,
		.place = row->place,
		.admitted = kept->admitted,
		.is_disputed = row->is_disputed};
	struct line line;

	line_begin(&line, listing->app);
	view_json_fields(&item, &line);
	line_time(&line, "receivedAt", row->received_at);
	if (row->state != INBOX_LIVE)
		line_text(&line, "state", view_state_name(row->state));
	if (row->reason != 0)
		line_text(&line, "reason", json_enum_name(&liaison__notice_reason__descriptor, (int)row->reason));
	return line_end(&line, fault);
}

static char *
headline_of(const struct listing *listing, const struct inbox_row *row, const Liaison__Alert *alert)
{
	struct buf text;
	char *copy = NULL;

	buf_init(&text, CELL_BYTES_MAX);
	view_marks(alert, row->is_disputed, &text);
	buf_put_text(&text, view_headline(&listing->view, alert));
	buf_put_u8(&text, '\0');
	if (buf_check(&text) == LIAISON_OK)
		copy = strdup((const char *)text.data);
	buf_clear(&text);
	return copy;
}

static const char *
state_of(const struct listing *listing, const struct inbox_row *row, const Liaison__Alert *alert)
{
	if (row->state == INBOX_LIVE && alert->has_expires && alert->expires <= app_now(listing->app))
		return "EXPIRED";
	return view_state_name(row->state);
}

static void
keep_cells(struct listing *listing, const struct inbox_row *row, const Liaison__Alert *alert)
{
	struct row_cells *cells = &listing->ring[listing->seen % listing->limit];
	const char *kind = json_enum_name(&liaison__kind__descriptor, (int)alert->kind);
	char at[VIEW_TIME_BYTES];

	clear_cells(cells);
	cells->cells[0] = strdup(view_time(alert->sent, at));
	cells->cells[1] = strdup(view_level(alert));
	cells->cells[2] = strdup(kind != NULL ? kind : "-");
	cells->cells[3] = strdup(row->id);
	cells->cells[4] = strdup(state_of(listing, row, alert));
	cells->cells[5] = headline_of(listing, row, alert);
}

/* Notices are not listed: what they ended says so in its own line. */
static enum liaison_err
take_row(void *arg, const struct inbox_row *row, struct fault *fault)
{
	struct listing *listing = arg;
	struct kept kept;

	if (row->kind == 0 || row->envelope == NULL)
		return LIAISON_OK;
	enum liaison_err err =
		kept_from_envelope(row->id, row->envelope, row->envelope_len, listing->agent->crossings, &kept, fault);
	if (err != LIAISON_OK)
		return err;
	if (filter_matches(listing->filter, kept.admitted.facts)) {
		if (listing->ring != NULL)
			keep_cells(listing, row, kept.admitted.alert);
		else
			err = print_json(listing, row, &kept, fault);
		listing->seen++;
	}
	kept_clear(&kept);
	return err;
}

static void
print_ring(struct listing *listing)
{
	static const char *const columns[] = {"SENT", "LEVEL", "KIND", "ALERT", "STATE", "HEADLINE", NULL};
	struct table *table = table_new(listing->app, columns);
	uint64_t count = listing->seen < listing->limit ? listing->seen : listing->limit;

	for (uint64_t i = listing->seen - count; i < listing->seen; i++) {
		char *const *cells = listing->ring[i % listing->limit].cells;
		const char *shown[CELLS];
		for (size_t k = 0; k < CELLS; k++)
			shown[k] = cells[k];
		table_row(table, shown);
	}
	table_end(table);
	if (listing->seen == 0)
		say_note(listing->app, "nothing; `liaison feed` receives");
	else if (listing->seen > count)
		say_note(listing->app, "%llu older ones are not shown; `--limit 0` shows all",
			(unsigned long long)(listing->seen - count));
}

static enum liaison_err
list(struct listing *listing, const struct inbox_options *chosen, struct fault *fault)
{
	static const Liaison__Filter everything = LIAISON__FILTER__INIT;
	uint64_t count = 0;

	enum liaison_err err = filter_new(
		chosen->filter.message != NULL ? chosen->filter.message : &everything, &listing->filter, fault);
	if (err == LIAISON_OK)
		err = inbox_count(listing->agent->post, &count, fault);
	if (err != LIAISON_OK)
		return err;
	listing->limit = chosen->is_limit_given ? chosen->limit : DEFAULT_ROWS;
	if (listing->limit == 0 || listing->limit > count)
		listing->limit = count + 1;
	if (!listing->app->json) {
		listing->ring = calloc(listing->limit, sizeof *listing->ring);
		if (listing->ring == NULL)
			return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	/* A filter may leave out any of the newest; as JSON a limit counts rows of the inbox. */
	err = inbox_each(listing->agent->post, listing->app->json && chosen->is_limit_given ? chosen->limit : 0,
		take_row, listing, fault);
	if (err == LIAISON_OK && listing->ring != NULL)
		print_ring(listing);
	return err;
}

int
command_inbox(struct app *app, int argc, char **argv)
{
	struct inbox_options chosen = {0};
	struct agent agent = {0};
	struct listing listing = {.app = app, .agent = &agent};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = agent_open(app, AGENT_POST | AGENT_CROSSINGS, &agent, &fault);
	if (err == LIAISON_OK) {
		listing.view = (struct view){.langs = agent.home->langs, .lang_count = agent.home->lang_count};
		err = list(&listing, &chosen, &fault);
	}
	for (uint64_t i = 0; listing.ring != NULL && i < listing.limit; i++)
		clear_cells(&listing.ring[i]);
	free(listing.ring);
	filter_free(listing.filter);
	filter_options_clear(&chosen.filter);
	agent_close(&agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
