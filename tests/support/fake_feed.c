/* What the fake broker delivers to who subscribes. */
#include "tests/support/fake_broker_internal.h"

#include "proto/alert_leaf.h"
#include "proto/envelope.h"
#include "proto/signing.h"
#include "tests/support/alerts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CREDIT_OVERDRAWN 100000

/* As assert_true, which may not be used in a second thread. */
#define MUST(call)                                                                                                     \
	do {                                                                                                           \
		if (!(call)) {                                                                                         \
			fprintf(stderr, "fake broker: %s failed at %s:%d\n", #call, __FILE__, __LINE__);               \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* --- what there is to deliver ---------------------------------------------------------------------------------------- */

uint64_t
fake_broker_append(struct fake_broker *fake, Liaison__Alert *alert, const struct secret_keys *keys)
{
	struct envelope envelope;
	struct digest hash, leaf;
	struct buf bytes;
	size_t len;

	uint8_t *body = alert_bytes(alert, &len);
	MUST(envelope_sign(WORLD_NETWORK, keys, body, len, &envelope) == LIAISON_OK);
	envelope_body_hash(body, len, &hash);
	buf_init(&bytes, 256 * 1024);
	envelope_encode(&envelope, &bytes);
	MUST(buf_check(&bytes) == LIAISON_OK);
	struct facts *facts = facts_of(alert);
	MUST(alert_leaf(facts, &hash, &envelope.key, NULL, &leaf) == LIAISON_OK);
	facts_free(facts);
	free(body);
	pthread_mutex_lock(&fake->lock);
	assert(fake->item_count < FAKE_ITEMS_MAX);
	uint64_t index = merkle_tree_size(fake->tree);
	fake_append(fake, &leaf);
	fake->items[fake->item_count++] = (struct told){.index = index, .envelope = bytes.data, .len = bytes.len};
	pthread_mutex_unlock(&fake->lock);
	return index;
}

static struct told *
find(struct fake_broker *fake, uint64_t index)
{
	for (size_t i = 0; i < fake->item_count; i++)
		if (fake->items[i].index == index)
			return &fake->items[i];
	abort();
}

void
fake_broker_spoil(struct fake_broker *fake, uint64_t index)
{
	pthread_mutex_lock(&fake->lock);
	struct told *told = find(fake, index);
	Liaison__Envelope *envelope = liaison__envelope__unpack(NULL, told->len, told->envelope);

	MUST(NULL != envelope);
	envelope->signature.data[9] ^= 4;
	MUST(liaison__envelope__pack(envelope, told->envelope) == told->len);
	liaison__envelope__free_unpacked(envelope, NULL);
	pthread_mutex_unlock(&fake->lock);
}

void
fake_broker_repeat(struct fake_broker *fake, uint64_t index)
{
	pthread_mutex_lock(&fake->lock);
	assert(fake->item_count < FAKE_ITEMS_MAX);
	struct told *again = &fake->items[fake->item_count];
	const struct told *told = find(fake, index);

	*again = (struct told){.index = index, .envelope = malloc(told->len), .len = told->len};
	MUST(NULL != again->envelope);
	memcpy(again->envelope, told->envelope, told->len);
	fake->item_count++;
	pthread_mutex_unlock(&fake->lock);
}

/* --- delivering it ---------------------------------------------------------------------------------------------------- */

void
fake_take_subscribe(struct fake_broker *fake, uint32_t route, const Liaison__Subscribe *subscribe)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Subscribed subscribed = LIAISON__SUBSCRIBED__INIT;
	uint8_t epoch[FAKE_EPOCH_BYTES];
	Liaison__LaneState urgent = LIAISON__LANE_STATE__INIT, ordinary = LIAISON__LANE_STATE__INIT;
	Liaison__LaneState *lanes[] = {&urgent, &ordinary};

	urgent.has_lane = ordinary.has_lane = urgent.has_cursor = ordinary.has_cursor = 1;
	urgent.lane = LIAISON__LANE__LANE_URGENT;
	ordinary.lane = LIAISON__LANE__LANE_ORDINARY;
	fake->begins_at = subscribe->has_index          ? subscribe->index
			  : fake->lie == FAKE_REMEMBERS ? fake->acknowledged
							: 0;
	urgent.cursor = ordinary.cursor = fake->begins_at;
	memset(epoch, 7, sizeof epoch);
	subscribed.has_request = subscribed.has_channel = subscribed.has_epoch = 1;
	subscribed.request = subscribe->request;
	subscribed.channel = subscribe->channel;
	subscribed.epoch = (ProtobufCBinaryData){sizeof epoch, epoch};
	subscribed.n_lanes = 2;
	subscribed.lanes = lanes;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBED;
	frame.subscribed = &subscribed;
	(void)fake_send(fake, route, &frame);
}

static enum liaison_err
send_item(struct fake_broker *fake, uint32_t route, uint32_t channel, const struct told *told)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Delivery delivery = LIAISON__DELIVERY__INIT;
	Liaison__DeliveryItem item = LIAISON__DELIVERY_ITEM__INIT, *items[] = {&item};

	item.has_index = 1;
	item.index = told->index;
	item.envelope = liaison__envelope__unpack(NULL, told->len, told->envelope);
	MUST(item.envelope != NULL);
	delivery.has_channel = delivery.has_lane = 1;
	delivery.channel = channel;
	delivery.lane = LIAISON__LANE__LANE_ORDINARY;
	delivery.n_items = 1;
	delivery.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_DELIVERY;
	frame.delivery = &delivery;
	enum liaison_err err = fake_send(fake, route, &frame);
	liaison__envelope__free_unpacked(item.envelope, NULL);
	return err;
}

static void
send_progress(struct fake_broker *fake, uint32_t route, uint32_t channel)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Progress progress = LIAISON__PROGRESS__INIT;
	Liaison__LaneState urgent = LIAISON__LANE_STATE__INIT, ordinary = LIAISON__LANE_STATE__INIT;
	Liaison__LaneState *lanes[] = {&urgent, &ordinary};
	const enum fake_lie lie = fake->lie;
	struct signed_checkpoint checkpoint;

	/* What comes behind the deliveries lies as any checkpoint would; what came before them was the truth. */
	if (lie == FAKE_FORKS_BEHIND)
		fake->lie = FAKE_REWRITTEN;
	if (lie == FAKE_ROLLS_BACK_BEHIND)
		fake->lie = FAKE_DELIVERS_BEYOND;
	fake_checkpoint(fake, &checkpoint);
	fake->lie = lie;
	urgent.has_lane = ordinary.has_lane = urgent.has_cursor = ordinary.has_cursor = 1;
	urgent.lane = LIAISON__LANE__LANE_URGENT;
	ordinary.lane = LIAISON__LANE__LANE_ORDINARY;
	urgent.cursor = ordinary.cursor = checkpoint.message.size;
	progress.has_channel = progress.has_at_end = 1;
	progress.channel = channel;
	progress.at_end = true;
	progress.n_lanes = 2;
	progress.lanes = lanes;
	progress.checkpoint = &checkpoint.message;
	frame.frame_case = LIAISON__FRAME__FRAME_PROGRESS;
	frame.progress = &progress;
	(void)fake_send(fake, route, &frame);
}

void
fake_take_credit(struct fake_broker *fake, uint32_t route, const Liaison__Credit *credit)
{
	enum liaison_err err = LIAISON_OK;

	if (fake->lie == FAKE_OVERDRAWS)
		for (size_t i = 0; i < CREDIT_OVERDRAWN && err == LIAISON_OK; i++) /* until the reader has gone */
			err = send_item(fake, route, credit->channel, &fake->items[0]);
	for (size_t i = 0; i < fake->item_count && err == LIAISON_OK; i++)
		if (fake->items[i].index >= fake->begins_at)
			err = send_item(fake, route, credit->channel, &fake->items[i]);
	send_progress(fake, route, credit->channel);
}

void
fake_take_acknowledge(struct fake_broker *fake, const Liaison__Acknowledge *acknowledge)
{
	if (acknowledge->lane == LIAISON__LANE__LANE_ORDINARY)
		fake->acknowledged = acknowledge->cursor;
}

uint64_t
fake_broker_acknowledged(struct fake_broker *fake)
{
	pthread_mutex_lock(&fake->lock);
	uint64_t acknowledged = fake->acknowledged;
	pthread_mutex_unlock(&fake->lock);
	return acknowledged;
}
