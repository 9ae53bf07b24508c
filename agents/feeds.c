/* `liaison feeds`: what feeds this office has at its broker, and moving, forgetting and unparking them. */
#include "agents/feeds.h"
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
open_session(struct app *app, struct feeds_session *session, struct fault *fault)
{
	enum liaison_err err = agent_open(app, AGENT_ALL, &session->agent, fault);

	if (err == LIAISON_OK)
		err = agent_connect(&session->agent, app_monotonic(app) + CONNECT_MS, &session->link, fault);
	return err;
}

static enum liaison_err
open_and_ask(struct app *app, struct feeds_session *session, Liaison__FeedsRequest *request, struct fault *fault)
{
	enum liaison_err err = open_session(app, session, fault);

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

struct feeds_options {
	unsigned least, most; /* words that it takes */
	const char *words[2];
	unsigned count;
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
		err = fault_set(&fault, LIAISON_BAD_REFERENCE, /* as the broker answers seek and rm */
			"this office has no feed `%s`; `liaison feeds ls` lists them", chosen.words[0]);
	return end(app, &session, err, &fault);
}

struct seeking {
	int64_t number; /* 0: this home knows no such feed */
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
end_transaction(struct post *post, enum liaison_err err, struct fault *fault)
{
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK)
		post_rollback(post);
	return err;
}

/*
 * What was shown from there on is forgotten before the broker is asked: a program that reads the feed now begins anew at
 * the broker's word, and must find nothing shown. The cursor follows what the broker made of it.
 */
static enum liaison_err
seek(struct feeds_session *session, Liaison__FeedsRequest *request, uint64_t *index, struct fault *fault)
{
	struct post *post = session->agent.post;
	struct seeking seeking = {.number = 0};
	struct inbox_place from = {.broker = link_broker(session->link), .index = request->index};

	enum liaison_err err = feed_post_each(post, from.broker, request->seek, read_feed, &seeking, fault);
	memcpy(from.epoch, seeking.epoch, sizeof from.epoch);
	if (err == LIAISON_OK && seeking.number != 0) {
		err = post_begin(post, fault);
		if (err == LIAISON_OK)
			err = end_transaction(post, shown_forget(post, seeking.number, &from, fault), fault);
	}
	if (err == LIAISON_OK)
		err = ask(session, request, fault);
	const Liaison__FeedInfo *info = err == LIAISON_OK ? find_feed(session, request->seek) : NULL;
	if (info == NULL)
		return err;
	*index = cursor_of(info, LIAISON__LANE__LANE_ORDINARY);
	if (seeking.number == 0)
		return LIAISON_OK;
	err = post_begin(post, fault);
	return err == LIAISON_OK
		       ? end_transaction(post, feed_post_move(post, seeking.number, *index, *index, fault), fault)
		       : err;
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
	uint64_t index = 0;
	err = open_session(app, &session, &fault);
	if (err == LIAISON_OK)
		err = seek(&session, &request, &index, &fault);
	const Liaison__FeedInfo *info = err == LIAISON_OK ? find_feed(&session, chosen.words[0]) : NULL;
	if (info != NULL) {
		say_note(app, "feed %s goes on at record %" PRIu64, chosen.words[0], index);
		put_line(app, &session, info);
	}
	return end(app, &session, err, &fault);
}

static enum liaison_err
forget_kept(struct feeds_session *session, const char *name, struct fault *fault)
{
	struct post *post = session->agent.post;
	enum liaison_err err = post_begin(post, fault);

	return err == LIAISON_OK
		       ? end_transaction(post, feed_post_forget(post, link_broker(session->link), name, fault), fault)
		       : err;
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
	/* What the broker does not know (any more) is forgotten here all the same. */
	if (err == LIAISON_OK || err == LIAISON_BAD_REFERENCE) {
		struct fault why;
		enum liaison_err forgotten = forget_kept(&session, chosen.words[0], &why);
		if (forgotten != LIAISON_OK) {
			err = forgotten;
			fault = why;
		}
	}
	if (err == LIAISON_OK)
		say_note(app, "feed %s is forgotten", chosen.words[0]);
	return end(app, &session, err, &fault);
}

static const struct command menu[] = {
	{"ls", "list this office's feeds", run_ls},
	{"info", "where a feed stands", run_info},
	{"seek", "move a feed's cursors", run_seek},
	{"rm", "forget a feed", run_rm},
	{"parked", "what a feed passed over", feeds_parked},
	{NULL, NULL, NULL},
};

int
command_feeds(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "Feeds: named, durable views of the broker's log.", argc, argv);
}
