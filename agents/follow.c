/* The connection of a feed: subscribing, frames, and coming back after a loss. */
#include "agents/follow_internal.h"

#include "agents/say.h"
#include "proto/frame.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define GATHER_MESSAGES (FOLLOW_WINDOW_MESSAGES / 2) /* before they are shown and committed together */
#define CACHED_BATCHES 4096
#define CONNECT_MS 10000 /* one round of trying; until-end gives up after it */
#define PAUSE_MS 500
#define PAUSE_MAX_MS 30000
#define SETTLE_MS 3000

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

void
follow_count(struct follow *follow)
{
	if (++follow->handled >= follow->options->count && follow->options->count > 0)
		follow->is_over = true;
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
		err = reading_receive(&follow->reading, lane, delivery->items[i]->index,
			follow_credit_bytes(delivery->items[i]), fault);
	if (err == LIAISON_OK && delivery->n_items > 0) {
		if (follow_enqueue(follow, lane, frame))
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

	follow_clear_queues(follow);
	if (code == LIAISON_OK || err_is_for_now(code)) {
		say_note(follow->app, "the broker begins the feed anew: %s",
			unsubscribe->message != NULL ? unsubscribe->message : "it does not say why");
		return follow_exec_stop(follow, fault) == LIAISON_OK ? follow_subscribe(follow, fault) : fault->code;
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
		if (frame->delivery->channel == FOLLOW_CHANNEL)
			return take_delivery(follow, frame, fault);
		break;
	case LIAISON__FRAME__FRAME_PROGRESS:
		if (frame->progress->channel == FOLLOW_CHANNEL)
			err = take_progress(follow, frame->progress, fault);
		break;
	case LIAISON__FRAME__FRAME_UNSUBSCRIBE:
		if (frame->unsubscribe->channel == FOLLOW_CHANNEL)
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
		/* Whatever ended it (a suspension, too): who follows on is there when it is over. */
		if (event == LINK_LOST)
			return follow->options->is_until_end ? fault->code : LIAISON_UNREACHABLE;
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
	err = follow_subscribe(follow, fault);
	if (err == LIAISON_OK)
		err = run_session(follow, fault);
	struct fault stopped;
	if (follow_exec_stop(follow, &stopped) != LIAISON_OK && err == LIAISON_OK) {
		*fault = stopped;
		err = stopped.code;
	}
	/* The next reader need not wait until the broker notices that this one has gone. */
	if (err == LIAISON_OK)
		follow_unsubscribe(follow);
	if (err == LIAISON_OK && link_settle(follow->link, SETTLE_MS, &stopped) != LIAISON_OK)
		say_detail(follow->app, "%s", stopped.message);
	follow_clear_queues(follow);
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
