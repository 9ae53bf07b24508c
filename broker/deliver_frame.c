/* Frames of deliveries: items are put together for each feed and lane, and leave in the same turn. */
#include "broker/deliver_internal.h"

#include "broker/note.h"

#include <stdlib.h>

#define BATCH_BYTES (256 * 1024) /* a delivery frame is sent when it holds so much */
#define TAKEN_CHECK_MS 10        /* how soon a reader that had too much on its way is looked at again */

static void
send_outgoing(struct core *core, struct feed *feed, enum feed_lane lane)
{
	struct session *session = feed->session;
	struct buf *items = &feed->outgoing[lane];
	Liaison__Delivery tail = LIAISON__DELIVERY__INIT;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	size_t len;

	if (items->len == 0 || session == NULL)
		return;
	tail.has_channel = tail.has_lane = 1;
	tail.channel = feed->channel;
	tail.lane = lane == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
	if (!core->is_tree_lost && session->checkpoint_size < core->checkpoint.message.size) {
		tail.checkpoint = &core->checkpoint.message;
		tail.n_consistency = path_fields(checkpoint_consistency(core, session->checkpoint_size), fields);
		tail.consistency = fields;
		session->checkpoint_size = core->checkpoint.message.size;
	}
	uint8_t *bytes = delivery_encode(&tail, items, &len);
	buf_reset(items);
	/* What could not be sent was not acknowledged either: the reader gets it when it is back. */
	if (bytes == NULL)
		accept_shut(core->accept, session, LIAISON_RATE_LIMITED, "the broker is out of memory");
	else if (accept_send(core->accept, session, bytes, len) != LIAISON_OK)
		note(NOTE_DEBUG, "delivery-not-sent", "office=%s", session->office.text);
}

static void
touch(struct deliver_state *state, struct feed *feed)
{
	if (feed->outgoing[FEED_URGENT].len > 0 || feed->outgoing[FEED_ORDINARY].len > 0)
		return;
	if (state->touched_count == state->touched_cap) {
		size_t cap = state->touched_cap > 0 ? state->touched_cap * 2 : 256;
		struct feed **touched = realloc(state->touched, cap * sizeof(struct feed *));
		if (touched == NULL)
			return; /* the caller finds no room and the feed is searched for later */
		state->touched = touched;
		state->touched_cap = cap;
	}
	state->touched[state->touched_count++] = feed;
}

bool
deliver_put(struct core *core, struct feed *feed, enum feed_lane lane, const struct blob *bytes)
{
	if (!feed_has_room(feed, lane, bytes->len))
		return false;
	if (!accept_has_room(core->accept, feed->session)) {
		deliver_search_later(core, feed, TAKEN_CHECK_MS);
		return false;
	}
	touch(core->delivery, feed);
	if (core->delivery->touched_count == 0)
		return false;
	if (feed->outgoing[lane].len + bytes->len > BATCH_BYTES)
		send_outgoing(core, feed, lane);
	buf_put(&feed->outgoing[lane], bytes->data, bytes->len);
	if (buf_check(&feed->outgoing[lane]) != LIAISON_OK) {
		buf_reset(&feed->outgoing[lane]);
		accept_shut(core->accept, feed->session, LIAISON_RATE_LIMITED, "the broker is out of memory");
		return false;
	}
	feed_count_sent(feed, bytes->len);
	return true;
}

void
deliver_flush(struct core *core)
{
	struct deliver_state *state = core->delivery;

	for (size_t i = 0; i < state->touched_count; i++) {
		struct feed *feed = state->touched[i];
		send_outgoing(core, feed, FEED_URGENT);
		send_outgoing(core, feed, FEED_ORDINARY);
	}
	state->touched_count = 0;
}

void
deliver_send_progress(struct core *core, struct feed *feed, bool at_end)
{
	Liaison__Progress progress = LIAISON__PROGRESS__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__LaneState lanes[FEED_LANES], *pointers[FEED_LANES];
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];

	for (int i = 0; i < FEED_LANES; i++) {
		liaison__lane_state__init(&lanes[i]);
		lanes[i].has_lane = lanes[i].has_cursor = 1;
		lanes[i].lane = i == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
		lanes[i].cursor = feed_searched(feed, (enum feed_lane)i, index_size(core->index));
		pointers[i] = &lanes[i];
	}
	progress.has_channel = progress.has_at_end = 1;
	progress.channel = feed->channel;
	progress.n_lanes = FEED_LANES;
	progress.lanes = pointers;
	progress.at_end = at_end;
	progress.checkpoint = checkpoint_newest(core);
	progress.n_consistency = path_fields(checkpoint_consistency(core, feed->session->checkpoint_size), fields);
	progress.consistency = fields;
	feed->session->checkpoint_size = core->checkpoint.message.size;
	frame.frame_case = LIAISON__FRAME__FRAME_PROGRESS;
	frame.progress = &progress;
	if (accept_send_frame(core->accept, feed->session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "progress-not-sent", "office=%s", feed->office.text);
}
