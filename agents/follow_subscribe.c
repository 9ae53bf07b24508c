/* Subscribing: where the feed stands at the broker, and where it stands here. */
#include "agents/follow_internal.h"

#include "agents/say.h"
#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (4U * 1024 * 1024)
#define ANSWER_MS 15000

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

/* Reads what is kept here of the feed; follow->epoch is the present one. The caller frees *out. */
static enum liaison_err
find_kept(struct follow *follow, struct kept_feed **out, struct fault *fault)
{
	struct kept_feed *kept = calloc(1, sizeof *kept);

	if (kept == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	kept->epoch = follow->epoch;
	enum liaison_err err =
		feed_post_each(follow->agent.post, follow->broker, follow->options->name, read_kept, kept, fault);
	if (err != LIAISON_OK) {
		free(kept);
		return err;
	}
	*out = kept;
	return LIAISON_OK;
}

static enum liaison_err
take_subscribed(struct follow *follow, struct kept_feed *kept, const uint64_t theirs[READING_LANES], bool is_elsewhere,
	struct fault *fault)
{
	struct post *post = follow->agent.post;

	reading_init(&follow->reading, FOLLOW_WINDOW_MESSAGES, WINDOW_BYTES);
	reading_subscribed(
		&follow->reading, theirs, kept->is_there && kept->is_of_epoch && !is_elsewhere ? kept->cursors : NULL);
	enum liaison_err err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = keep_feed(follow, kept, is_elsewhere, fault);
	if (err == LIAISON_OK)
		return follow_commit(follow, fault); /* grants the first credit, too */
	post_rollback(post);
	return err;
}

/*
 * The broker was told that more is safe here than is: post.db is an older copy that was put back, or a new one. True with
 * where the feed has to begin again.
 */
static bool
has_lost(const struct kept_feed *kept, const uint64_t theirs[READING_LANES], uint64_t *from)
{
	bool has_lost = false;

	if (kept->is_there && !kept->is_of_epoch)
		return false; /* it is the log that is another */
	*from = UINT64_MAX;
	for (int lane = 0; lane < READING_LANES; lane++) {
		has_lost = has_lost || kept->cursors[lane] < theirs[lane];
		if (kept->cursors[lane] < *from)
			*from = kept->cursors[lane];
	}
	return has_lost;
}

void
follow_unsubscribe(struct follow *follow)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Unsubscribe over = LIAISON__UNSUBSCRIBE__INIT;
	struct fault unsent;

	over.has_channel = 1;
	over.channel = FOLLOW_CHANNEL;
	frame.frame_case = LIAISON__FRAME__FRAME_UNSUBSCRIBE;
	frame.unsubscribe = &over;
	if (link_send(follow->link, &frame, &unsent) != LIAISON_OK)
		say_detail(follow->app, "%s", unsent.message);
}

/* Asks for the feed, from `start` on (`index`, of START_INDEX), and reads the broker's answer. */
static enum liaison_err
ask(struct follow *follow, Liaison__Start start, uint64_t index, uint64_t theirs[READING_LANES], bool *is_new,
	struct fault *fault)
{
	const struct follow_options *options = follow->options;
	Liaison__Frame frame = LIAISON__FRAME__INIT, *answer = NULL;
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;

	subscribe.has_request = subscribe.has_channel = subscribe.has_start = 1;
	subscribe.request = link_next_request(follow->link);
	subscribe.channel = FOLLOW_CHANNEL;
	subscribe.feed = (char *)(uintptr_t)options->name;
	subscribe.filter = (Liaison__Filter *)(uintptr_t)options->filter;
	subscribe.start = start;
	subscribe.has_index = start == LIAISON__START__START_INDEX;
	subscribe.index = index;
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
	*is_new = answer->subscribed->created;
	err = read_subscribed(follow, answer->subscribed, theirs, fault);
	frame_free(answer);
	return err;
}

enum liaison_err
follow_subscribe(struct follow *follow, struct fault *fault)
{
	const struct follow_options *options = follow->options;
	const bool is_elsewhere = !follow->has_begun && options->start != LIAISON__START__START_CURSOR;
	struct kept_feed *kept = NULL;
	uint64_t theirs[READING_LANES] = {0}, from = 0;
	bool is_new = false;

	enum liaison_err err = ask(follow, is_elsewhere ? options->start : LIAISON__START__START_CURSOR, options->index,
		theirs, &is_new, fault);
	if (err == LIAISON_OK)
		err = find_kept(follow, &kept, fault);
	/* Later in this reader's life it is `feeds seek` that moves the broker's cursor past ours. */
	if (err == LIAISON_OK && !is_elsewhere && !is_new && !follow->has_begun && has_lost(kept, theirs, &from)) {
		say_note(follow->app, "%s knows the feed %s further than this home: it gives again what was lost here",
			follow->broker, options->name);
		follow_unsubscribe(follow);
		err = ask(follow, LIAISON__START__START_INDEX, from, theirs, &is_new, fault);
	}
	if (err == LIAISON_OK) {
		follow->is_at_end = false;
		follow->may_be_due = true;
		err = take_subscribed(follow, kept, theirs, is_elsewhere, fault);
	}
	free(kept);
	follow->has_begun = follow->has_begun || err == LIAISON_OK;
	return err;
}
