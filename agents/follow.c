/* The connection of a feed: subscribing, frames, and coming back after a loss. */
#include "agents/follow_internal.h"

#include "agents/say.h"
#include "proto/frame.h"

#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define WINDOW_MESSAGES (LINK_RECEIVE_HIGH_WATER / 2)
#define WINDOW_BYTES (4U * 1024 * 1024)
#define GATHER_MESSAGES (WINDOW_MESSAGES / 4) /* shown and committed together at most */
#define CACHED_BATCHES 4096
#define CONNECT_MS 10000 /* one round of trying; until-end gives up after it */
#define PAUSE_MS 500
#define PAUSE_MAX_MS 30000
#define ANSWER_MS 15000
#define SETTLE_MS 3000
#define CHANNEL 1

void
follow_end_quietly(struct follow *follow, int exit_code)
{
	follow->is_over = true;
	follow->exit_code = err_worse_exit(follow->exit_code, exit_code);
}

void
follow_end(struct follow *follow, const struct fault *fault)
{
	follow_end_quietly(follow, say_fault(follow->app, fault));
}

struct item_context
follow_context(const struct follow *follow)
{
	return (struct item_context){
		.trust = follow->link != NULL ? link_trust(follow->link) : follow->agent.trust,
		.office = follow->agent.home->office.text,
		.crossings = follow->agent.crossings,
		.cache = follow->cache,
		.now = app_now(follow->app),
	};
}

/* --- what waits ------------------------------------------------------------------------------------------------------ */

/* A varint's bytes. */
static uint64_t
varint_size(uint64_t value)
{
	uint64_t size = 1;

	for (; value >= 0x80; value >>= 7)
		size++;
	return size;
}

/* What an item costs of the credit: its field in the delivery, whole (proto/README.md, "Credit"). */
static uint64_t
credit_bytes(const Liaison__DeliveryItem *item)
{
	uint64_t inner = liaison__delivery_item__get_packed_size(item);

	return 1 + varint_size(inner) + inner;
}

static bool
enqueue(struct follow *follow, enum reading_lane lane, Liaison__Frame *frame)
{
	struct waiting_queue *queue = &follow->queues[lane];
	struct waiting *node = calloc(1, sizeof *node);

	if (node == NULL)
		return false;
	node->frame = frame;
	if (queue->last != NULL)
		queue->last->next = node;
	else
		queue->first = node;
	queue->last = node;
	return true;
}

static void
clear_queues(struct follow *follow)
{
	for (int lane = 0; lane < READING_LANES; lane++) {
		struct waiting_queue *queue = &follow->queues[lane];
		while (queue->first != NULL) {
			struct waiting *node = queue->first;
			queue->first = node->next;
			frame_free(node->frame);
			free(node);
		}
		queue->last = NULL;
	}
}

bool
follow_peek(const struct follow *follow, enum reading_lane lane, struct place_in_lane *out)
{
	const struct waiting *node = follow->queues[lane].first;

	if (node == NULL || follow->link == NULL)
		return false;
	const Liaison__DeliveryItem *wire = node->frame->delivery->items[node->at];
	const Liaison__Checkpoint *checkpoint = link_checkpoint(follow->link);
	if (checkpoint == NULL || wire->index >= checkpoint->size)
		return false;
	*out = (struct place_in_lane){
		.place = {.broker = follow->broker, .index = wire->index}, .wire = wire, .bytes = credit_bytes(wire)};
	memcpy(out->place.epoch, follow->epoch, sizeof out->place.epoch);
	return true;
}

Liaison__Frame *
follow_pass(struct follow *follow, enum reading_lane lane)
{
	struct waiting_queue *queue = &follow->queues[lane];
	struct waiting *node = queue->first;

	assert(node != NULL);
	if (++node->at < node->frame->delivery->n_items)
		return NULL;
	Liaison__Frame *frame = node->frame;
	queue->first = node->next;
	if (queue->first == NULL)
		queue->last = NULL;
	free(node);
	return frame;
}

bool
follow_is_idle(const struct follow *follow)
{
	return follow->queues[READING_URGENT].first == NULL && follow->queues[READING_ORDINARY].first == NULL;
}

/* --- telling the broker ---------------------------------------------------------------------------------------------- */

static enum liaison_err
send_credit(struct follow *follow, struct fault *fault)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Credit credit = LIAISON__CREDIT__INIT;

	if (!reading_credit(&follow->reading, &credit.messages, &credit.bytes))
		return LIAISON_OK;
	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = CHANNEL;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	return link_send(follow->link, &frame, fault);
}

static enum liaison_err
send_acknowledge(struct follow *follow, enum reading_lane lane, struct fault *fault)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Acknowledge acknowledge = LIAISON__ACKNOWLEDGE__INIT;

	if (!reading_acknowledge(&follow->reading, lane, &acknowledge.cursor))
		return LIAISON_OK;
	acknowledge.has_channel = acknowledge.has_lane = acknowledge.has_epoch = acknowledge.has_cursor = 1;
	acknowledge.channel = CHANNEL;
	acknowledge.lane = lane == READING_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
	acknowledge.epoch = (ProtobufCBinaryData){sizeof follow->epoch, follow->epoch};
	frame.frame_case = LIAISON__FRAME__FRAME_ACKNOWLEDGE;
	frame.acknowledge = &acknowledge;
	return link_send(follow->link, &frame, fault);
}

enum liaison_err
follow_commit(struct follow *follow, struct fault *fault)
{
	struct post *post = follow->agent.post;
	struct reading *reading = &follow->reading;
	struct fault unsent;

	enum liaison_err err = follow->link != NULL ? link_keep_checkpoint(follow->link, fault) : LIAISON_OK;
	if (err == LIAISON_OK)
		err = feed_post_move(post, follow->feed, reading->lanes[READING_URGENT].cursor,
			reading->lanes[READING_ORDINARY].cursor, fault);
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK) {
		post_rollback(post);
		return err;
	}
	for (int lane = 0; lane < READING_LANES; lane++)
		follow->saved[lane] = reading->lanes[lane].cursor;
	if (follow->link == NULL)
		return LIAISON_OK;
	/* What does not leave is found out by the next wait on the link, and told again on the next one. */
	for (int lane = 0; lane < READING_LANES; lane++)
		if (send_acknowledge(follow, (enum reading_lane)lane, &unsent) != LIAISON_OK)
			say_detail(follow->app, "%s", unsent.message);
	if (send_credit(follow, &unsent) != LIAISON_OK)
		say_detail(follow->app, "%s", unsent.message);
	return LIAISON_OK;
}

enum liaison_err
follow_save_cursors(struct follow *follow, struct fault *fault)
{
	const struct reading *reading = &follow->reading;

	if (reading->lanes[READING_URGENT].cursor == follow->saved[READING_URGENT] &&
		reading->lanes[READING_ORDINARY].cursor == follow->saved[READING_ORDINARY])
		return LIAISON_OK;
	enum liaison_err err = post_begin(follow->agent.post, fault);
	return err == LIAISON_OK ? follow_commit(follow, fault) : err;
}

/* --- subscribing ----------------------------------------------------------------------------------------------------- */

struct kept_feed {
	const uint8_t *epoch; /* the present one */
	uint64_t cursors[READING_LANES];
	uint8_t filter[64 * 1024];
	size_t filter_len;
	bool is_there, is_of_epoch;
};

static enum liaison_err
read_kept(void *arg, const struct feed_row *row, struct fault *fault)
{
	struct kept_feed *kept = arg;

	(void)fault;
	kept->is_there = true;
	kept->is_of_epoch = memcmp(row->epoch, kept->epoch, INBOX_EPOCH_BYTES) == 0;
	kept->cursors[READING_URGENT] = row->urgent;
	kept->cursors[READING_ORDINARY] = row->ordinary;
	if (row->filter_len <= sizeof kept->filter) {
		kept->filter_len = row->filter_len;
		if (row->filter_len > 0)
			memcpy(kept->filter, row->filter, row->filter_len);
	}
	return LIAISON_OK;
}

static enum liaison_err
read_subscribed(struct follow *follow, const Liaison__Subscribed *subscribed, uint64_t theirs[READING_LANES],
	struct fault *fault)
{
	const Liaison__Checkpoint *checkpoint = link_checkpoint(follow->link);
	bool has[READING_LANES] = {false};

	for (size_t i = 0; i < subscribed->n_lanes; i++) {
		enum reading_lane lane =
			subscribed->lanes[i]->lane == LIAISON__LANE__LANE_URGENT ? READING_URGENT : READING_ORDINARY;
		theirs[lane] = subscribed->lanes[i]->cursor;
		has[lane] = true;
	}
	if (!has[READING_URGENT] || !has[READING_ORDINARY] || subscribed->epoch.len != INBOX_EPOCH_BYTES)
		return fault_set(fault, LIAISON_MALFORMED, "the broker's answer does not say where the feed stands");
	if (checkpoint != NULL && memcmp(checkpoint->epoch.data, subscribed->epoch.data, INBOX_EPOCH_BYTES) != 0)
		return fault_set(fault, LIAISON_INCONSISTENT,
			"%s feeds from another log than the one it signs; tell its operator and keep this message",
			follow->broker);
	memcpy(follow->epoch, subscribed->epoch.data, INBOX_EPOCH_BYTES);
	return LIAISON_OK;
}

/* What of the feed is to be kept from now on: filter, epoch, cursors. Inside a transaction. */
static enum liaison_err
keep_feed(struct follow *follow, struct kept_feed *kept, bool is_elsewhere, struct fault *fault)
{
	const Liaison__Filter *filter = follow->options->filter;
	const struct reading *reading = &follow->reading;
	struct feed_row row = {.broker = follow->broker,
		.name = follow->options->name,
		.filter = kept->filter,
		.filter_len = kept->filter_len,
		.urgent = reading->lanes[READING_URGENT].cursor,
		.ordinary = reading->lanes[READING_ORDINARY].cursor};
	struct inbox_place from = {.broker = follow->broker};
	uint64_t first = row.urgent < row.ordinary ? row.urgent : row.ordinary;

	if (filter != NULL && liaison__filter__get_packed_size(filter) <= sizeof kept->filter)
		row.filter_len = liaison__filter__pack(filter, kept->filter);
	memcpy(row.epoch, follow->epoch, sizeof row.epoch);
	memcpy(from.epoch, follow->epoch, sizeof from.epoch);
	from.index = first;
	enum liaison_err err = feed_post_keep(follow->agent.post, &row, &follow->feed, fault);
	if (err == LIAISON_OK && is_elsewhere)
		err = shown_forget(follow->agent.post, follow->feed, &from, fault);
	return err;
}

static enum liaison_err
take_subscribed(struct follow *follow, const Liaison__Subscribed *subscribed, bool is_elsewhere, struct fault *fault)
{
	struct kept_feed *kept = calloc(1, sizeof *kept);
	struct post *post = follow->agent.post;
	uint64_t theirs[READING_LANES] = {0};

	if (kept == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = read_subscribed(follow, subscribed, theirs, fault);
	kept->epoch = follow->epoch;
	if (err == LIAISON_OK)
		err = feed_post_each(post, follow->broker, follow->options->name, read_kept, kept, fault);
	if (err != LIAISON_OK)
		goto out;
	reading_init(&follow->reading, WINDOW_MESSAGES, WINDOW_BYTES);
	reading_subscribed(
		&follow->reading, theirs, kept->is_there && kept->is_of_epoch && !is_elsewhere ? kept->cursors : NULL);
	err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = keep_feed(follow, kept, is_elsewhere, fault);
	if (err == LIAISON_OK)
		err = follow_commit(follow, fault); /* grants the first credit, too */
	else
		post_rollback(post);
out:
	free(kept);
	return err;
}

static enum liaison_err
subscribe(struct follow *follow, struct fault *fault)
{
	const struct follow_options *options = follow->options;
	Liaison__Frame frame = LIAISON__FRAME__INIT, *answer = NULL;
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	bool is_elsewhere = !follow->has_begun && options->start != LIAISON__START__START_CURSOR;

	subscribe.has_request = subscribe.has_channel = subscribe.has_start = 1;
	subscribe.request = link_next_request(follow->link);
	subscribe.channel = CHANNEL;
	subscribe.feed = (char *)(uintptr_t)options->name;
	subscribe.filter = (Liaison__Filter *)(uintptr_t)options->filter;
	subscribe.start = is_elsewhere ? options->start : LIAISON__START__START_CURSOR;
	subscribe.has_index = is_elsewhere && options->start == LIAISON__START__START_INDEX;
	subscribe.index = options->index;
	subscribe.has_take_over = subscribe.has_replace = 1;
	/* After a loss the broker may still hold our own old session. */
	subscribe.take_over = options->is_take_over || follow->has_begun;
	subscribe.replace = options->is_replace && !follow->has_begun;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	enum liaison_err err = link_ask(
		follow->link, &frame, subscribe.request, LIAISON__FRAME__FRAME_SUBSCRIBED, ANSWER_MS, &answer, fault);
	if (err != LIAISON_OK)
		return err;
	follow->is_at_end = false;
	follow->may_be_due = true;
	err = take_subscribed(follow, answer->subscribed, is_elsewhere, fault);
	frame_free(answer);
	follow->has_begun = follow->has_begun || err == LIAISON_OK;
	return err;
}

/* --- frames ---------------------------------------------------------------------------------------------------------- */

/* A checkpoint that came along, where one did. */
static enum liaison_err
take_checkpoint(struct follow *follow, const Liaison__Checkpoint *checkpoint, size_t path_len,
	const ProtobufCBinaryData *path, struct fault *fault)
{
	if (checkpoint == NULL)
		return LIAISON_OK;
	return link_take_checkpoint(follow->link, checkpoint, path_len, path, fault);
}

/* Takes the frame. */
static enum liaison_err
take_delivery(struct follow *follow, Liaison__Frame *frame, struct fault *fault)
{
	const Liaison__Delivery *delivery = frame->delivery;
	enum reading_lane lane = delivery->lane == LIAISON__LANE__LANE_URGENT ? READING_URGENT : READING_ORDINARY;

	enum liaison_err err =
		take_checkpoint(follow, delivery->checkpoint, delivery->n_consistency, delivery->consistency, fault);
	for (size_t i = 0; err == LIAISON_OK && i < delivery->n_items; i++)
		err = reading_receive(
			&follow->reading, lane, delivery->items[i]->index, credit_bytes(delivery->items[i]), fault);
	if (err == LIAISON_OK && delivery->n_items > 0) {
		if (enqueue(follow, lane, frame))
			return LIAISON_OK;
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	frame_free(frame);
	return err;
}

/* Whatever the broker delivered before must be part of the log that it signs with this. */
static enum liaison_err
check_covered(const struct follow *follow, const Liaison__Checkpoint *checkpoint, struct fault *fault)
{
	for (int lane = 0; checkpoint != NULL && lane < READING_LANES; lane++) {
		const struct waiting *node = follow->queues[lane].last;
		if (node == NULL)
			continue;
		uint64_t index = node->frame->delivery->items[node->frame->delivery->n_items - 1]->index;
		if (index >= checkpoint->size)
			return fault_set(fault, LIAISON_INCONSISTENT,
				"%s delivered record %" PRIu64 " and signs a log of %" PRIu64
				" records; tell its operator and keep this message",
				follow->broker, index, checkpoint->size);
	}
	return LIAISON_OK;
}

static enum liaison_err
take_progress(struct follow *follow, const Liaison__Progress *progress, struct fault *fault)
{
	enum liaison_err err =
		take_checkpoint(follow, progress->checkpoint, progress->n_consistency, progress->consistency, fault);
	if (err == LIAISON_OK)
		err = check_covered(follow, progress->checkpoint, fault);
	if (err != LIAISON_OK)
		return err;
	if (follow->options->command == NULL) {
		err = follow_show(follow, fault); /* what came before it is shown before it */
		if (err != LIAISON_OK || follow->is_over)
			return err;
	}
	for (size_t i = 0; i < progress->n_lanes; i++)
		reading_progress(&follow->reading,
			progress->lanes[i]->lane == LIAISON__LANE__LANE_URGENT ? READING_URGENT : READING_ORDINARY,
			progress->lanes[i]->cursor);
	follow->is_at_end = follow->is_at_end || progress->at_end;
	follow->may_be_due = true;
	err = follow_save_cursors(follow, fault);
	if (err == LIAISON_OK && follow->options->command == NULL)
		err = follow_show_progress(follow, fault);
	return err;
}

static enum liaison_err
take_unsubscribe(struct follow *follow, const Liaison__Unsubscribe *unsubscribe, struct fault *fault)
{
	enum liaison_err code = unsubscribe->has_code ? (enum liaison_err)unsubscribe->code : LIAISON_OK;

	clear_queues(follow);
	if (code == LIAISON_OK || err_is_for_now(code)) {
		say_note(follow->app, "the broker begins the feed anew: %s",
			unsubscribe->message != NULL ? unsubscribe->message : "it does not say why");
		return follow_exec_stop(follow, fault) == LIAISON_OK ? subscribe(follow, fault) : fault->code;
	}
	return fault_set(fault, code, "the broker ended the feed %s: %s", follow->options->name,
		unsubscribe->message != NULL ? unsubscribe->message : "it does not say why");
}

/* Takes the frame. */
static enum liaison_err
take_frame(struct follow *follow, Liaison__Frame *frame, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	switch (frame->frame_case) {
	case LIAISON__FRAME__FRAME_DELIVERY:
		if (frame->delivery->channel == CHANNEL)
			return take_delivery(follow, frame, fault);
		break;
	case LIAISON__FRAME__FRAME_PROGRESS:
		if (frame->progress->channel == CHANNEL)
			err = take_progress(follow, frame->progress, fault);
		break;
	case LIAISON__FRAME__FRAME_UNSUBSCRIBE:
		if (frame->unsubscribe->channel == CHANNEL)
			err = take_unsubscribe(follow, frame->unsubscribe, fault);
		break;
	case LIAISON__FRAME__FRAME_REFUSAL:
		err = fault_set(fault,
			frame->refusal->code != LIAISON__CODE__CODE_OK ? (enum liaison_err)frame->refusal->code
								       : LIAISON_NOT_PERMITTED,
			"the broker refused what this reader sent: %s",
			frame->refusal->message != NULL ? frame->refusal->message : "it does not say why");
		break;
	default: break;
	}
	frame_free(frame);
	return err;
}

/* --- a session ------------------------------------------------------------------------------------------------------- */

/* Moves on whatever can be moved on; *wait_ms says when it wants to be called again at the latest. */
static enum liaison_err
advance(struct follow *follow, int *wait_ms, struct fault *fault)
{
	*wait_ms = -1;
	if (follow->options->command != NULL)
		return follow_exec(follow, wait_ms, fault);
	enum liaison_err err = follow_show(follow, fault);
	return err == LIAISON_OK ? follow_show_due(follow, fault) : err;
}

static bool
has_reached_end(const struct follow *follow)
{
	return follow->options->is_until_end && follow->is_at_end && follow_is_idle(follow) &&
	       follow_exec_is_idle(follow) && !follow->may_be_due;
}

/* LIAISON_OK: the feed is over. LIAISON_UNREACHABLE and the like: the link is lost. */
static enum liaison_err
run_session(struct follow *follow, struct fault *fault)
{
	Liaison__Frame *frame = NULL;
	int wait_ms = -1;

	for (;;) {
		/* Frames that have come already are taken together. */
		uint64_t gathered = follow->reading.received_messages - follow->reading.handled_messages;
		bool may_gather = follow->options->command == NULL && gathered > 0 && gathered < GATHER_MESSAGES;
		enum link_event event = LINK_TIMEOUT;
		if (may_gather)
			event = link_wait(follow->link, 0, follow->signals.fd, &frame, fault);
		if (event == LINK_TIMEOUT) {
			enum liaison_err err = advance(follow, &wait_ms, fault);
			if (err != LIAISON_OK || follow->is_over)
				return err;
			if (has_reached_end(follow))
				return LIAISON_OK;
			event = link_wait(follow->link, wait_ms, follow->signals.fd, &frame, fault);
		}
		if (signals_ask_for_end(&follow->signals)) {
			if (event == LINK_FRAME)
				frame_free(frame);
			follow->is_over = true;
			return LIAISON_OK;
		}
		if (event == LINK_LOST)
			return fault->code;
		enum liaison_err err = event == LINK_FRAME ? take_frame(follow, frame, fault) : LIAISON_OK;
		if (err != LIAISON_OK || follow->is_over)
			return err;
	}
}

/* Whether another connection may help. */
static bool
is_passing(const struct follow *follow, enum liaison_err err)
{
	if (err == LIAISON_UNREACHABLE || err_is_for_now(err))
		return true;
	/* Somebody who has read before waits until the office is let in again. */
	return follow->has_begun && !follow->options->is_until_end && err == LIAISON_UNKNOWN_OFFICE;
}

/* So that the next reader need not wait until the broker notices that this one has gone. */
static void
unsubscribe(struct follow *follow)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Unsubscribe over = LIAISON__UNSUBSCRIBE__INIT;
	struct fault unsent;

	over.has_channel = 1;
	over.channel = CHANNEL;
	frame.frame_case = LIAISON__FRAME__FRAME_UNSUBSCRIBE;
	frame.unsubscribe = &over;
	if (link_send(follow->link, &frame, &unsent) != LIAISON_OK)
		say_detail(follow->app, "%s", unsent.message);
}

static enum liaison_err
connect_and_run(struct follow *follow, struct fault *fault)
{
	const struct link_setup setup = {
		.app = follow->app,
		.home = follow->agent.home,
		.keys = follow->agent.keys,
		.trust = follow->agent.trust,
		.post = follow->agent.post,
		.stop_fd = follow->signals.fd,
	};

	enum liaison_err err = link_open(&setup, app_monotonic(follow->app) + CONNECT_MS, &follow->link, fault);
	if (err != LIAISON_OK)
		return err;
	memcpy(follow->broker, link_broker(follow->link), strlen(link_broker(follow->link)) + 1);
	err = subscribe(follow, fault);
	if (err == LIAISON_OK)
		err = run_session(follow, fault);
	struct fault stopped;
	if (follow_exec_stop(follow, &stopped) != LIAISON_OK && err == LIAISON_OK) {
		*fault = stopped;
		err = stopped.code;
	}
	if (err == LIAISON_OK)
		unsubscribe(follow);
	if (err == LIAISON_OK && link_settle(follow->link, SETTLE_MS, &stopped) != LIAISON_OK)
		say_detail(follow->app, "%s", stopped.message);
	clear_queues(follow);
	agent_follow(&follow->agent, follow->link);
	link_close(follow->link);
	follow->link = NULL;
	return err;
}

/* False: an end was asked for meanwhile. */
static bool
pause_before_next(struct follow *follow, int pause_ms)
{
	struct pollfd item = {.fd = follow->signals.fd, .events = POLLIN};

	(void)poll(&item, 1, pause_ms);
	return !signals_ask_for_end(&follow->signals);
}

static void
run(struct follow *follow)
{
	struct fault fault = {.code = LIAISON_OK}, told = {.code = LIAISON_OK};
	int pause_ms = PAUSE_MS;

	while (!follow->is_over) {
		bool had_begun = follow->has_begun;
		uint64_t handled = follow->handled;
		enum liaison_err err = connect_and_run(follow, &fault);
		if (err == LIAISON_OK || signals_ask_for_end(&follow->signals))
			return;
		if (!is_passing(follow, err) || follow->options->is_until_end) {
			follow_end(follow, &fault);
			return;
		}
		if (!had_begun || follow->handled > handled)
			pause_ms = PAUSE_MS;
		if (strcmp(told.message, fault.message) != 0)
			say_warning(follow->app, "%s; trying again", fault.message);
		told = fault;
		if (!pause_before_next(follow, pause_ms))
			return;
		pause_ms = pause_ms * 2 < PAUSE_MAX_MS ? pause_ms * 2 : PAUSE_MAX_MS;
	}
}

int
follow_run(struct app *app, const struct follow_options *options)
{
	struct follow *follow = calloc(1, sizeof *follow);
	struct fault fault;

	if (follow == NULL) {
		fault_set(&fault, LIAISON_NO_MEMORY, "out of memory");
		return say_fault(app, &fault);
	}
	follow->app = app;
	follow->options = options;
	follow->running = -1;
	enum liaison_err err = signals_open(&follow->signals, &fault);
	if (err == LIAISON_OK)
		err = agent_open(app, AGENT_ALL, &follow->agent, &fault);
	if (err != LIAISON_OK) {
		follow_end(follow, &fault);
		goto out;
	}
	follow->view = (struct view){.langs = follow->agent.home->langs,
		.lang_count = follow->agent.home->lang_count,
		.has_colour = app->has_colour};
	follow->cache = batch_cache_new(CACHED_BATCHES);
	run(follow);
out:
	for (int i = 0; i < JOB_SOURCES; i++)
		job_clear(&follow->jobs[i]);
	batch_cache_free(follow->cache);
	if (err == LIAISON_OK)
		agent_close(&follow->agent);
	signals_close(&follow->signals);
	int exit_code = follow->exit_code;
	free(follow);
	return exit_code;
}
