/* `liaison feeds`: what feeds this office has at its broker, and moving, forgetting and unparking them. */
#include "agents/agent.h"
#include "agents/commands.h"
#include "agents/feed_post.h"
#include "agents/filter_text.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"
#include "proto/frame.h"
#include "proto/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define CONNECT_MS 10000
#define ANSWER_MS 15000
#define JSON_BYTES_MAX (1024U * 1024)

/* --- asking the broker ----------------------------------------------------------------------------------------------- */

struct feeds_session {
	struct agent agent;
	struct link *link;
	Liaison__Frame *answer; /* of kind feeds */
};

static enum liaison_err
ask(struct feeds_session *session, Liaison__FeedsRequest *request, struct fault *fault)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	request->has_request = 1;
	request->request = link_next_request(session->link);
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS_REQUEST;
	frame.feeds_request = request;
	return link_ask(session->link, &frame, request->request, LIAISON__FRAME__FRAME_FEEDS, ANSWER_MS,
		&session->answer, fault);
}

static enum liaison_err
open_and_ask(struct app *app, struct feeds_session *session, Liaison__FeedsRequest *request, struct fault *fault)
{
	enum liaison_err err = agent_open(app, AGENT_ALL, &session->agent, fault);

	if (err == LIAISON_OK)
		err = agent_connect(&session->agent, app_monotonic(app) + CONNECT_MS, &session->link, fault);
	return err == LIAISON_OK ? ask(session, request, fault) : err;
}

static void
session_clear(struct feeds_session *session)
{
	frame_free(session->answer);
	link_close(session->link);
	agent_close(&session->agent);
}

static const Liaison__FeedInfo *
find_feed(const struct feeds_session *session, const char *name)
{
	const Liaison__Feeds *feeds = session->answer->feeds;

	for (size_t i = 0; i < feeds->n_feeds; i++)
		if (feeds->feeds[i]->feed != NULL && strcmp(feeds->feeds[i]->feed, name) == 0)
			return feeds->feeds[i];
	return NULL;
}

static uint64_t
cursor_of(const Liaison__FeedInfo *info, Liaison__Lane lane)
{
	for (size_t i = 0; i < info->n_lanes; i++)
		if (info->lanes[i]->lane == lane)
			return info->lanes[i]->cursor;
	return 0;
}

/* --- ls and info ----------------------------------------------------------------------------------------------------- */

static void
put_line(const struct app *app, const struct feeds_session *session, const Liaison__FeedInfo *info)
{
	struct line line;
	struct buf filter;
	struct fault fault;

	buf_init(&filter, JSON_BYTES_MAX);
	if (info->filter != NULL)
		json_from_message(&info->filter->base, &filter);
	else
		buf_put_text(&filter, "{}");
	line_begin(&line, app);
	line_text(&line, "feed", info->feed);
	line_text(&line, "broker", link_broker(session->link));
	line_json(&line, "filter", (const char *)filter.data, filter.len);
	line_number(&line, "urgent", cursor_of(info, LIAISON__LANE__LANE_URGENT));
	line_number(&line, "ordinary", cursor_of(info, LIAISON__LANE__LANE_ORDINARY));
	line_number(&line, "size", session->answer->feeds->log_size);
	line_number(&line, "waiting", info->waiting);
	line_bool(&line, "attached", info->attached);
	if (line_end(&line, &fault) != LIAISON_OK)
		say_fault(app, &fault);
	buf_clear(&filter);
}

static void
list_feeds(const struct app *app, const struct feeds_session *session)
{
	static const char *const columns[] = {"FEED", ">URGENT", ">ORDINARY", ">BEHIND", "READ", "FILTER", NULL};
	const Liaison__Feeds *feeds = session->answer->feeds;
	struct table *table = table_new(app, columns);
	struct buf filter;

	buf_init(&filter, JSON_BYTES_MAX);
	for (size_t i = 0; i < feeds->n_feeds; i++) {
		const Liaison__FeedInfo *info = feeds->feeds[i];
		char urgent[24], ordinary[24], waiting[24];
		snprintf(urgent, sizeof urgent, "%" PRIu64, cursor_of(info, LIAISON__LANE__LANE_URGENT));
		snprintf(ordinary, sizeof ordinary, "%" PRIu64, cursor_of(info, LIAISON__LANE__LANE_ORDINARY));
		snprintf(waiting, sizeof waiting, "%" PRIu64, info->waiting);
		buf_reset(&filter);
		filter_text(info->filter, &filter);
		buf_put_u8(&filter, '\0');
		table_row(table, (const char *const[]){info->feed, urgent, ordinary, waiting,
					 info->attached ? "now" : "-", (const char *)filter.data});
		put_line(app, session, info);
	}
	table_end(table);
	buf_clear(&filter);
	if (feeds->n_feeds == 0)
		say_note(app, "no feeds yet; `liaison feed NAME` makes one");
}

static void
tell_feed(const struct app *app, struct feeds_session *session, const Liaison__FeedInfo *info)
{
	struct buf filter;

	buf_init(&filter, JSON_BYTES_MAX);
	filter_text(info->filter, &filter);
	buf_put_u8(&filter, '\0');
	say_result(app, "feed       %s, at %s", info->feed, link_broker(session->link));
	say_result(app, "filter     %s", text_make_safe((char *)filter.data));
	say_result(app, "urgent     read up to record %" PRIu64, cursor_of(info, LIAISON__LANE__LANE_URGENT));
	say_result(app, "ordinary   read up to record %" PRIu64, cursor_of(info, LIAISON__LANE__LANE_ORDINARY));
	say_result(app, "log        %" PRIu64 " records, of which %" PRIu64 " are not yet read or passed over",
		session->answer->feeds->log_size, info->waiting);
	say_result(app, "reader     %s", info->attached ? "a program reads it now" : "nobody reads it now");
	put_line(app, session, info);
	buf_clear(&filter);
}

/* --- options --------------------------------------------------------------------------------------------------------- */

enum key { KEY_RETRY = 0x300, KEY_DROP };

struct feeds_options {
	unsigned least, most; /* words that it takes */
	const char *words[2];
	unsigned count;
	bool is_retry, is_drop;
};

static error_t
read_word(int key, char *arg, struct argp_state *state)
{
	struct feeds_options *chosen = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (chosen->count == chosen->most)
			argp_error(state, "`%s` is one word too many", arg);
		if (chosen->count == 0 && !feed_post_name_is_valid(arg))
			argp_error(state, "`%s` is no feed's name: 1 to %d of A-Z a-z 0-9 . _ -", arg, FEED_NAME_MAX);
		chosen->words[chosen->count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->count < chosen->least)
			argp_error(state, "%s", chosen->count == 0 ? "say which feed" : "say which record");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static error_t
read_parked(int key, char *arg, struct argp_state *state)
{
	struct feeds_options *chosen = state->input;

	switch (key) {
	case KEY_RETRY: chosen->is_retry = true; return 0;
	case KEY_DROP: chosen->is_drop = true; return 0;
	case ARGP_KEY_END:
		if (chosen->is_retry && chosen->is_drop)
			argp_error(state, "--retry or --drop, not both");
		if ((chosen->is_retry || chosen->is_drop) && chosen->count == 0)
			argp_error(state, "say which feed");
		return 0;
	default: return read_word(key, arg, state);
	}
}

/* --- verbs ----------------------------------------------------------------------------------------------------------- */

static int
end(struct app *app, struct feeds_session *session, enum liaison_err err, const struct fault *fault)
{
	int exit_code = err == LIAISON_OK ? EX_OK : say_fault(app, fault);

	session_clear(session);
	return exit_code;
}

static int
run_ls(struct app *app, int argc, char **argv)
{
	static const struct argp argp = {.parser = read_word,
		.doc = "List this office's feeds at its broker.\vExample:\n  liaison feeds ls --json"};
	struct feeds_options chosen = {0};
	struct feeds_session session = {0};
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = open_and_ask(app, &session, &request, &fault);
	if (err == LIAISON_OK)
		list_feeds(app, &session);
	return end(app, &session, err, &fault);
}

static int
run_info(struct app *app, int argc, char **argv)
{
	static const struct argp argp = {.parser = read_word,
		.args_doc = "NAME",
		.doc = "Say where a feed stands.\vExample:\n  liaison feeds info drugs"};
	struct feeds_options chosen = {.least = 1, .most = 1};
	struct feeds_session session = {0};
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = open_and_ask(app, &session, &request, &fault);
	const Liaison__FeedInfo *info = err == LIAISON_OK ? find_feed(&session, chosen.words[0]) : NULL;
	if (info != NULL)
		tell_feed(app, &session, info);
	else if (err == LIAISON_OK)
		err = fault_set(&fault, LIAISON_BAD_USAGE,
			"this office has no feed `%s`; `liaison feeds ls` lists them", chosen.words[0]);
	return end(app, &session, err, &fault);
}

/* What is kept here follows what the broker was told. */
struct seeking {
	uint64_t index;
	int64_t number;
	uint8_t epoch[INBOX_EPOCH_BYTES];
};

static enum liaison_err
read_feed(void *arg, const struct feed_row *row, struct fault *fault)
{
	struct seeking *seeking = arg;

	(void)fault;
	seeking->number = row->number;
	memcpy(seeking->epoch, row->epoch, sizeof seeking->epoch);
	return LIAISON_OK;
}

static enum liaison_err
move_kept(struct feeds_session *session, const char *name, uint64_t index, struct fault *fault)
{
	struct post *post = session->agent.post;
	struct seeking seeking = {.index = index};
	struct inbox_place from = {.broker = link_broker(session->link), .index = index};

	enum liaison_err err = feed_post_each(post, from.broker, name, read_feed, &seeking, fault);
	if (err != LIAISON_OK || seeking.number == 0)
		return err;
	memcpy(from.epoch, seeking.epoch, sizeof from.epoch);
	err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = feed_post_move(post, seeking.number, index, index, fault);
	if (err == LIAISON_OK)
		err = shown_forget(post, seeking.number, &from, fault);
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK)
		post_rollback(post);
	return err;
}

static enum liaison_err
read_place(const char *text, uint64_t *index, struct fault *fault)
{
	char *end_of = NULL;

	if (strcmp(text, "start") == 0 || strcmp(text, "end") == 0) {
		*index = text[0] == 's' ? 0 : (UINT64_C(1) << 40) - 1;
		return LIAISON_OK;
	}
	errno = 0;
	unsigned long long value = strtoull(text, &end_of, 10);
	if (text[0] < '0' || text[0] > '9' || *end_of != '\0' || errno != 0 || value >= UINT64_C(1) << 40)
		return fault_set(fault, LIAISON_BAD_USAGE, "`%s` is no record's number, nor `start` or `end`", text);
	*index = value;
	return LIAISON_OK;
}

static int
run_seek(struct app *app, int argc, char **argv)
{
	static const struct argp argp = {.parser = read_word,
		.args_doc = "NAME N|start|end",
		.doc = "Move a feed's cursors to a record of the log: what was read from there on comes "
		       "again.\vExamples:\n"
		       "  liaison feeds seek drugs 1200\n"
		       "  liaison feeds seek drugs end"};
	struct feeds_options chosen = {.least = 2, .most = 2};
	struct feeds_session session = {0};
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	request.seek = (char *)(uintptr_t)chosen.words[0];
	request.has_index = 1;
	enum liaison_err err = read_place(chosen.words[1], &request.index, &fault);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	/* The broker first: if the answer is lost, the cursor here is ahead, and nothing comes twice or is lost. */
	err = open_and_ask(app, &session, &request, &fault);
	const Liaison__FeedInfo *info = err == LIAISON_OK ? find_feed(&session, chosen.words[0]) : NULL;
	uint64_t index = info != NULL ? cursor_of(info, LIAISON__LANE__LANE_ORDINARY) : 0;
	if (info != NULL)
		err = move_kept(&session, chosen.words[0], index, &fault);
	if (info != NULL && err == LIAISON_OK) {
		say_note(app, "feed %s goes on at record %" PRIu64, chosen.words[0], index);
		put_line(app, &session, info);
	}
	return end(app, &session, err, &fault);
}

static int
run_rm(struct app *app, int argc, char **argv)
{
	static const struct argp argp = {.parser = read_word,
		.args_doc = "NAME",
		.doc = "Forget a feed, at the broker and here, with what it has parked. The inbox stays.\vExample:\n"
		       "  liaison feeds rm drugs"};
	struct feeds_options chosen = {.least = 1, .most = 1};
	struct feeds_session session = {0};
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	request.remove = (char *)(uintptr_t)chosen.words[0];
	enum liaison_err err = open_and_ask(app, &session, &request, &fault);
	if (err == LIAISON_OK)
		err = post_begin(session.agent.post, &fault);
	if (err == LIAISON_OK)
		err = feed_post_forget(session.agent.post, link_broker(session.link), chosen.words[0], &fault);
	if (err == LIAISON_OK)
		err = post_commit(session.agent.post, &fault);
	if (err == LIAISON_OK)
		say_note(app, "feed %s is forgotten", chosen.words[0]);
	return end(app, &session, err, &fault);
}

/* --- parked ---------------------------------------------------------------------------------------------------------- */

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
change_parked(struct app *app, struct post *post, const struct feeds_options *chosen, struct fault *fault)
{
	uint64_t count = 0;
	char text[64];

	enum liaison_err err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = chosen->is_drop ? parked_drop(post, chosen->words[0], &count, fault)
				      : parked_set_due(post, chosen->words[0], &count, fault);
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
		say_note(app, "%s will be tried again when `liaison feed %s` runs", text, chosen->words[0]);
	return LIAISON_OK;
}

static int
run_parked(struct app *app, int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"retry", KEY_RETRY, NULL, 0, "Try them once more, when the feed runs", 0},
		{"drop", KEY_DROP, NULL, 0, "Forget them", 0},
		{0},
	};
	static const struct argp argp = {.options = options,
		.parser = read_parked,
		.args_doc = "[NAME]",
		.doc = "List deliveries that a feed passed over: those its command did not take, and those that did "
		       "not "
		       "verify.\vExamples:\n"
		       "  liaison feeds parked\n"
		       "  liaison feeds parked drugs --retry"};
	static const char *const columns[] = {"FEED", "ALERT", ">RECORD", ">TRIES", "WHY", "SINCE", "REASON", NULL};
	struct feeds_options chosen = {.most = 1};
	struct agent agent = {0};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = agent_open(app, AGENT_POST, &agent, &fault);
	if (err == LIAISON_OK && (chosen.is_retry || chosen.is_drop)) {
		err = change_parked(app, agent.post, &chosen, &fault);
	} else if (err == LIAISON_OK) {
		struct parked_list list = {.app = app, .table = table_new(app, columns)};
		err = parked_each(agent.post, chosen.words[0], list_parked, &list, &fault);
		table_end(list.table);
		if (err == LIAISON_OK && list.count == 0)
			say_note(app, "nothing is parked");
	}
	agent_close(&agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"ls", "list this office's feeds", run_ls},
	{"info", "where a feed stands", run_info},
	{"seek", "move a feed's cursors", run_seek},
	{"rm", "forget a feed", run_rm},
	{"parked", "what a feed passed over", run_parked},
	{NULL, NULL, NULL},
};

int
command_feeds(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "Feeds: named, durable views of the broker's log.", argc, argv);
}
