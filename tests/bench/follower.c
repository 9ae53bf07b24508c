#include "tests/bench/follower.h"

#include "proto/envelope.h"
#include "tests/bench/bench.h"
#include "tests/bench/workload.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANNEL 1
#define WINDOW_MESSAGES 4096
#define WINDOW_BYTES (UINT64_C(4) << 20)
#define DELIVERY_MS 30000
#define BATCHES_KNOWN 256

struct follower {
	struct follower_options options;
	struct rig_client *client;
	struct public_key publisher;
	struct batch_cache *cache;
	uint8_t epoch[16];
	uint64_t handled_messages, handled_bytes, granted_messages, granted_bytes;
	size_t expected;
	double done_at;
	pthread_t thread;
};

static void
die(const char *what)
{
	fprintf(stderr, "bench: reader: %s\n", what);
	exit(EXIT_FAILURE);
}

const char *
follower_office(size_t number)
{
	static const char *const offices[] = {"th.blo.aranyaprathet", "vn.blo.mocbai", "kh.blo.bavet", "th.atu.capital",
		"vn.atu.capital", "kh.atu.capital", "th.ncc.secretariat", "vn.ncc.secretariat", "kh.ncc.secretariat",
		"th.piu.port"};

	return offices[number % (sizeof offices / sizeof *offices)];
}

static void
give_credit(struct follower *follower)
{
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	if (follower->granted_messages - follower->handled_messages > WINDOW_MESSAGES / 2 &&
		follower->granted_bytes - follower->handled_bytes > WINDOW_BYTES / 2)
		return;
	follower->granted_messages = follower->handled_messages + WINDOW_MESSAGES;
	follower->granted_bytes = follower->handled_bytes + WINDOW_BYTES;
	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = CHANNEL;
	credit.messages = follower->granted_messages;
	credit.bytes = follower->granted_bytes;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	rig_send(follower->client, &frame);
}

static void
acknowledge(struct follower *follower, const Liaison__Delivery *delivery)
{
	Liaison__Acknowledge acknowledge = LIAISON__ACKNOWLEDGE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	acknowledge.has_channel = acknowledge.has_lane = acknowledge.has_epoch = acknowledge.has_cursor = 1;
	acknowledge.channel = CHANNEL;
	acknowledge.lane = delivery->lane;
	acknowledge.epoch = (ProtobufCBinaryData){sizeof follower->epoch, follower->epoch};
	acknowledge.cursor = delivery->items[delivery->n_items - 1]->index + 1;
	frame.frame_case = LIAISON__FRAME__FRAME_ACKNOWLEDGE;
	frame.acknowledge = &acknowledge;
	rig_send(follower->client, &frame);
}

struct follower *
follower_new(struct rig *rig, const char *office, const struct follower_options *options)
{
	struct follower *follower = calloc(1, sizeof *follower);
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	assert(follower != NULL);
	follower->options = *options;
	follower->publisher = world_keys(rig->world, WORKLOAD_PUBLISHER)->signing_public;
	follower->cache = batch_cache_new(BATCHES_KNOWN);
	assert(follower->cache != NULL);
	follower->client = rig_connect(rig, office);
	subscribe.has_request = subscribe.has_channel = 1;
	subscribe.channel = CHANNEL;
	subscribe.feed = (char *)(uintptr_t)options->feed;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	rig_send(follower->client, &frame);
	const Liaison__Subscribed *subscribed =
		rig_expect(follower->client, LIAISON__FRAME__FRAME_SUBSCRIBED)->subscribed;
	assert(subscribed->epoch.len == sizeof follower->epoch);
	memcpy(follower->epoch, subscribed->epoch.data, sizeof follower->epoch);
	return follower;
}

void
follower_free(struct follower *follower)
{
	rig_disconnect(follower->client);
	batch_cache_free(follower->cache);
	free(follower);
}

static void
take_item(struct follower *follower, const Liaison__DeliveryItem *item)
{
	struct envelope envelope;

	if (follower->options.verifies && (envelope_from_message(item->envelope, &envelope, NULL) != LIAISON_OK ||
						  envelope_verify(follower->cache, WORLD_NETWORK, &follower->publisher,
							  &envelope, NULL) != LIAISON_OK))
		die("a delivery does not verify");
	if (follower->options.each != NULL)
		follower->options.each(follower->options.arg, item);
}

/* Owns the reader's client until it ends. */
static void *
follower_main(void *arg)
{
	struct follower *follower = arg;
	size_t received = 0;

	while (received < follower->expected) {
		give_credit(follower);
		const Liaison__Frame *frame = rig_receive(follower->client, DELIVERY_MS);
		if (frame == NULL)
			die("no delivery came in time");
		if (frame->frame_case == LIAISON__FRAME__FRAME_GOODBYE)
			die(frame->goodbye->message);
		if (frame->frame_case != LIAISON__FRAME__FRAME_DELIVERY)
			continue;
		for (size_t i = 0; i < frame->delivery->n_items; i++)
			take_item(follower, frame->delivery->items[i]);
		acknowledge(follower, frame->delivery);
		received += frame->delivery->n_items;
		follower->handled_messages += frame->delivery->n_items;
		follower->handled_bytes += follower->client->bytes;
	}
	follower->done_at = bench_seconds();
	return NULL;
}

void
follower_start(struct follower *follower, size_t alerts)
{
	follower->expected = alerts;
	if (pthread_create(&follower->thread, NULL, follower_main, follower) != 0)
		die("no thread");
}

double
follower_join(struct follower *follower)
{
	pthread_join(follower->thread, NULL);
	return follower->done_at;
}
