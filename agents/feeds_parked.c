/* `liaison feeds parked`: deliveries that a feed passed over. */
#include "agents/feeds.h"

#include "agents/agent.h"
#include "agents/feed_post.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"

#include <inttypes.h>
#include <stdio.h>
#include <sysexits.h>

enum key { KEY_RETRY = 0x300, KEY_DROP };

struct parked_options {
	const char *name; /* NULL: all feeds */
	bool is_retry, is_drop;
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct parked_options *chosen = state->input;

	switch (key) {
	case KEY_RETRY: chosen->is_retry = true; return 0;
	case KEY_DROP: chosen->is_drop = true; return 0;
	case ARGP_KEY_ARG:
		if (chosen->name != NULL)
			argp_error(state, "`%s` is one word too many", arg);
		chosen->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->is_retry && chosen->is_drop)
			argp_error(state, "--retry or --drop, not both");
		if ((chosen->is_retry || chosen->is_drop) && chosen->name == NULL)
			argp_error(state, "say which feed");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

struct parked_list {
	const struct app *app;
	struct table *table;
	size_t count;
};

static enum liaison_err
list_parked(void *arg, const struct parked_row *row, struct fault *fault)
{
	struct parked_list *list = arg;
	char index[24], tries[24], at[RFC3339_BYTES];
	struct line line;

	snprintf(index, sizeof index, "%" PRIu64, row->place.index);
	snprintf(tries, sizeof tries, "%" PRIu64, row->tries);
	time_format(row->parked_at, at);
	list->count++;
	table_row(list->table, (const char *const[]){row->feed_name, row->id, index, tries,
				       row->code == LIAISON_OK ? "command" : err_name(row->code),
				       row->is_due ? "to be tried again" : at, row->reason});
	line_begin(&line, list->app);
	line_text(&line, "feed", row->feed_name);
	line_text(&line, "broker", row->place.broker);
	line_bytes(&line, "epoch", row->place.epoch, sizeof row->place.epoch);
	line_number(&line, "index", row->place.index);
	line_text(&line, "id", row->id[0] != '\0' ? row->id : NULL);
	line_number(&line, "tries", row->tries);
	line_text(&line, "code", row->code != LIAISON_OK ? err_name(row->code) : NULL);
	line_text(&line, "message", row->reason);
	line_time(&line, "parkedAt", row->parked_at);
	line_bool(&line, "retry", row->is_due);
	return line_end(&line, fault);
}

static enum liaison_err
change_parked(struct app *app, struct post *post, const struct parked_options *chosen, struct fault *fault)
{
	uint64_t count = 0;
	char text[64];

	enum liaison_err err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = chosen->is_drop ? parked_drop(post, chosen->name, &count, fault)
				      : parked_set_due(post, chosen->name, &count, fault);
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK) {
		post_rollback(post);
		return err;
	}
	text_count((size_t)count, "delivery", "deliveries", text);
	if (chosen->is_drop)
		say_note(app, "%s forgotten; the inbox keeps what was verified", text);
	else
		say_note(app, "%s will be tried again when `liaison feed %s` runs", text, chosen->name);
	return LIAISON_OK;
}

int
feeds_parked(struct app *app, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"retry", KEY_RETRY, NULL, 0, "Try them once more, when the feed runs", 0},
		{"drop", KEY_DROP, NULL, 0, "Forget them", 0},
		{0},
	};
	static const struct argp argp = {.options = options,
		.parser = read_option,
		.args_doc = "[NAME]",
		.doc = "List deliveries that a feed passed over: those its command did not take, and those that did "
		       "not "
		       "verify.\vExamples:\n"
		       "  liaison feeds parked\n"
		       "  liaison feeds parked drugs --retry"};
	static const char *const columns[] = {"FEED", "ALERT", ">RECORD", ">TRIES", "WHY", "SINCE", "REASON", NULL};
	struct parked_options chosen = {0};
	struct agent agent = {0};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = agent_open(app, AGENT_POST, &agent, &fault);
	if (err == LIAISON_OK && (chosen.is_retry || chosen.is_drop)) {
		err = change_parked(app, agent.post, &chosen, &fault);
	} else if (err == LIAISON_OK) {
		struct parked_list list = {.app = app, .table = table_new(app, columns)};
		err = parked_each(agent.post, chosen.name, list_parked, &list, &fault);
		table_end(list.table);
		if (err == LIAISON_OK && list.count == 0)
			say_note(app, "nothing is parked");
	}
	agent_close(&agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
