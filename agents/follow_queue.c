/* What was delivered and waits, and what the broker is told of it. */
#include "agents/follow_internal.h"

#include "agents/say.h"
#include "proto/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
uint64_t
follow_credit_bytes(const Liaison__DeliveryItem *item)
{
	uint64_t inner = liaison__delivery_item__get_packed_size(item);

	return 1 + varint_size(inner) + inner;
}

bool
follow_enqueue(struct follow *follow, enum reading_lane lane, Liaison__Frame *frame)
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

void
follow_clear_queues(struct follow *follow)
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
	*out = (struct place_in_lane){.place = {.broker = follow->broker, .index = wire->index},
		.wire = wire,
		.bytes = follow_credit_bytes(wire)};
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
	credit.channel = FOLLOW_CHANNEL;
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
	acknowledge.channel = FOLLOW_CHANNEL;
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
