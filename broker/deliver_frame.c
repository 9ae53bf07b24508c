/* Frames of deliveries: items are put together for each feed and lane, and leave in the same turn. */
#include "broker/deliver_internal.h"

#include "broker/note.h"

#include <stdlib.h>

#define BATCH_BYTES (256 * 1024) /* a delivery frame is sent when it holds so much */

/* What was put together is searched for again once the reader, or memory, has room. */
static void
take_back(struct core *core, struct feed *feed, enum feed_lane lane)
{
	feed->session->gathered_bytes -= feed->outgoing[lane].items.len;
	feed_take_back(feed, lane);
	deliver_stall(core, feed->session);
}

/* False: nothing of it was sent, and the lane fell behind. */
static bool
send_outgoing(struct core *core, struct feed *feed, enum feed_lane lane)
{
	struct session *session = feed->session;
	const struct buf *items = &feed->outgoing[lane].items;
	Liaison__Delivery tail = LIAISON__DELIVERY__INIT;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	size_t len;

	if (items->len == 0 || session == NULL)
		return true;
	tail.has_channel = tail.has_lane = 1;
	tail.channel = feed->channel;
	tail.lane = lane == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
	if (!core->is_tree_lost && session->checkpoint_size < core->checkpoint.message.size) {
		tail.checkpoint = &core->checkpoint.message;
		tail.n_consistency = path_fields(checkpoint_consistency(core, session->checkpoint_size), fields);
		tail.consistency = fields;
	}
	uint8_t *bytes = delivery_encode(&tail, items, &len);
	if (bytes == NULL || accept_offer(core->accept, session, bytes, len) != LIAISON_OK) {
		note(NOTE_DEBUG, "delivery-not-sent", "office=%s", session->office.text);
		take_back(core, feed, lane);
		return false;
	}
	if (tail.checkpoint != NULL)
		session->checkpoint_size = core->checkpoint.message.size;
	session->gathered_bytes -= items->len;
	feed_sent(feed, lane);
	return true;
}

/* Remembers that the feed has something to be sent at the end of this turn. False: no memory. */
static bool
touch(struct deliver_state *state, struct feed *feed)
{
	if (feed->outgoing[FEED_URGENT].count > 0 || feed->outgoing[FEED_ORDINARY].count > 0)
		return true;
	if (state->touched_count == state->touched_cap) {
		size_t cap = state->touched_cap > 0 ? state->touched_cap * 2 : 256;
		struct feed **touched = realloc(state->touched, cap * sizeof(struct feed *));
		if (touched == NULL)
			return false;
		state->touched = touched;
		state->touched_cap = cap;
	}
	state->touched[state->touched_count++] = feed;
	return true;
}

bool
deliver_put(struct core *core, struct feed *feed, enum feed_lane lane, uint64_t index, const struct blob *bytes)
{
	struct session *session = feed->session;

	if (session->is_stalled || !feed_has_room(feed, lane, bytes->len))
		return false;
	if (!accept_has_room(core->accept, session, session->gathered_bytes + bytes->len) ||
		!touch(core->delivery, feed)) {
		deliver_stall(core, session);
		return false;
	}
	if (feed->outgoing[lane].items.len + bytes->len > BATCH_BYTES && !send_outgoing(core, feed, lane))
		return false;
	if (feed_put(feed, lane, index, bytes->data, bytes->len) != LIAISON_OK) {
		take_back(core, feed, lane);
		return false;
	}
	session->gathered_bytes += bytes->len;
	return true;
}

void
deliver_flush(struct core *core)
{
	struct deliver_state *state = core->delivery;

	for (size_t i = 0; i < state->touched_count; i++) {
		struct feed *feed = state->touched[i];
		(void)send_outgoing(core, feed, FEED_URGENT);
		(void)send_outgoing(core, feed, FEED_ORDINARY);
	}
	state->touched_count = 0;
}

bool
deliver_send_progress(struct core *core, struct feed *feed, bool at_end)
{
	Liaison__Progress progress = LIAISON__PROGRESS__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__LaneState lanes[FEED_LANES], *pointers[FEED_LANES];
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];

	if (feed->session->is_stalled)
		return false;
	if (!accept_has_room(core->accept, feed->session, 0)) {
		deliver_stall(core, feed->session);
		return false;
	}
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
	if (accept_send_frame(core->accept, feed->session, &frame) == LIAISON_OK)
		return true;
	note(NOTE_DEBUG, "progress-not-sent", "office=%s", feed->office.text);
	return false;
}
