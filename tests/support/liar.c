#include "tests/support/liar.h"

#include "proto/alert_leaf.h"
#include "proto/edge/zmq.h"
#include "proto/envelope.h"
#include "proto/frame.h"
#include "proto/merkle.h"
#include "proto/signing.h"
#include "tests/support/alerts.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EPOCH_BYTES 16
#define CREDIT_OVERDRAWN 100000

/* assert_* of cmocka may not be used in a second thread. */
#define MUST(call)                                                                                                     \
	do {                                                                                                           \
		if (!(call)) {                                                                                         \
			fprintf(stderr, "liar: %s failed at %s:%d\n", #call, __FILE__, __LINE__);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

struct told {
	uint64_t index;
	uint8_t *envelope;
	size_t len;
};

struct liar {
	struct world *world;
	enum liar_trick trick;
	struct digest leaves[LIAR_ITEMS_MAX];
	size_t size;
	struct told items[LIAR_ITEMS_MAX];
	size_t count;
	uint8_t epoch[EPOCH_BYTES];
	struct net *net;
	struct zap *zap;
	struct server *server;
	char endpoint[128];
	pthread_t thread;
	atomic_bool is_stopping;
	bool is_running;
	uint64_t acknowledged;
};

/* --- the log --------------------------------------------------------------------------------------------------------- */

struct liar *
liar_new(struct world *world, enum liar_trick trick)
{
	struct liar *liar = calloc(1, sizeof *liar);

	assert_non_null(liar);
	liar->world = world;
	liar->trick = trick;
	memset(liar->epoch, 7, sizeof liar->epoch);
	/* As in every log, something stands before the first alert. */
	merkle_leaf("epoch", 5, &liar->leaves[liar->size++]);
	return liar;
}

uint64_t
liar_append(struct liar *liar, Liaison__Alert *alert, const struct secret_keys *keys)
{
	struct told *told = &liar->items[liar->count++];
	struct envelope envelope;
	struct digest hash;
	struct buf bytes;
	size_t len;

	assert_true(liar->size < LIAR_ITEMS_MAX);
	uint8_t *body = alert_bytes(alert, &len);
	assert_int_equal(envelope_sign(WORLD_NETWORK, keys, body, len, &envelope), LIAISON_OK);
	envelope_body_hash(body, len, &hash);
	buf_init(&bytes, 256 * 1024);
	envelope_encode(&envelope, &bytes);
	assert_int_equal(buf_check(&bytes), LIAISON_OK);
	struct facts *facts = facts_of(alert);
	assert_int_equal(alert_leaf(facts, &hash, &envelope.key, NULL, &liar->leaves[liar->size]), LIAISON_OK);
	facts_free(facts);
	free(body);
	*told = (struct told){.index = liar->size++, .envelope = bytes.data, .len = bytes.len};
	return told->index;
}

static struct told *
find(struct liar *liar, uint64_t index)
{
	for (size_t i = 0; i < liar->count; i++)
		if (liar->items[i].index == index)
			return &liar->items[i];
	fail_msg("the liar has no item %llu", (unsigned long long)index);
	return NULL;
}

void
liar_spoil(struct liar *liar, uint64_t index)
{
	struct told *told = find(liar, index);
	Liaison__Envelope *envelope = liaison__envelope__unpack(NULL, told->len, told->envelope);

	assert_non_null(envelope);
	envelope->signature.data[9] ^= 4;
	assert_int_equal(liaison__envelope__pack(envelope, told->envelope), told->len);
	liaison__envelope__free_unpacked(envelope, NULL);
}

void
liar_repeat(struct liar *liar, uint64_t index)
{
	struct told *again = &liar->items[liar->count];
	const struct told *told = find(liar, index);

	*again = (struct told){.index = index, .envelope = malloc(told->len), .len = told->len};
	assert_non_null(again->envelope);
	memcpy(again->envelope, told->envelope, told->len);
	liar->count++;
}

void
liar_rewrite(struct liar *liar, uint64_t index)
{
	liar->leaves[index].bytes[0] ^= 1;
}

uint64_t
liar_acknowledged(const struct liar *liar)
{
	return liar->acknowledged;
}

/* --- frames ---------------------------------------------------------------------------------------------------------- */

struct signed_checkpoint {
	Liaison__Checkpoint message;
	struct digest root;
	uint8_t key[KEY_ID_BYTES], signature[SIGNATURE_BYTES];
};

static void
sign_checkpoint(struct liar *liar, const struct digest *leaves, size_t size, struct signed_checkpoint *out)
{
	static char origin[] = LIAR_BROKER;

	merkle_root_of(leaves, size, &out->root);
	liaison__checkpoint__init(&out->message);
	out->message.origin = origin;
	out->message.has_epoch = out->message.has_size = out->message.has_root = out->message.has_time = 1;
	out->message.has_key = out->message.has_signature = 1;
	out->message.epoch = (ProtobufCBinaryData){sizeof liar->epoch, liar->epoch};
	out->message.size = size;
	out->message.root = (ProtobufCBinaryData){DIGEST_BYTES, out->root.bytes};
	out->message.time = WORLD_NOW;
	out->message.key = (ProtobufCBinaryData){sizeof out->key, out->key};
	out->message.signature = (ProtobufCBinaryData){sizeof out->signature, out->signature};
	MUST(checkpoint_sign(&out->message, WORLD_NETWORK, world_keys(liar->world, LIAR_BROKER)) == LIAISON_OK);
}

static void
send_frame(struct liar *liar, uint32_t route, const Liaison__Frame *frame)
{
	size_t len = 0;
	uint8_t *bytes = frame_encode(frame, &len);

	MUST(bytes != NULL);
	enum liaison_err err = server_send(liar->server, route, bytes, len);
	MUST(err != LIAISON_INTERNAL); /* a reader that has gone, or reads no more, is one of the stories */
}

/* From the first `from` records to the whole log. */
static size_t
prove(const struct liar *liar, uint64_t from, struct merkle_path *path, ProtobufCBinaryData fields[MERKLE_PATH_MAX])
{
	struct merkle_tree *tree = merkle_tree_new();

	MUST(tree != NULL);
	path->len = 0;
	for (size_t i = 0; i < liar->size; i++)
		MUST(merkle_tree_append(tree, &liar->leaves[i]) == LIAISON_OK);
	if (from > 0 && from < liar->size)
		merkle_tree_consistency(tree, from, liar->size, path);
	for (size_t i = 0; i < path->len; i++)
		fields[i] = (ProtobufCBinaryData){DIGEST_BYTES, path->nodes[i].bytes};
	merkle_tree_free(tree);
	return path->len;
}

static void
send_welcome(struct liar *liar, const struct server_peer *peer, const Liaison__Hello *hello)
{
	static char broker[] = LIAR_BROKER, network[] = WORLD_NETWORK;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Welcome welcome = LIAISON__WELCOME__INIT;
	struct signed_checkpoint checkpoint;
	struct merkle_path path;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];

	/* The log's beginning alone where what comes is never to be covered. */
	sign_checkpoint(liar, liar->leaves, liar->trick == LIAR_IS_BEYOND ? 1 : liar->size, &checkpoint);
	if (hello->checkpoint != NULL)
		welcome.n_consistency = prove(liar, hello->checkpoint->size, &path, fields);
	welcome.consistency = fields;
	welcome.has_version = welcome.has_time = 1;
	welcome.version = PROTOCOL_VERSION;
	welcome.broker = broker;
	welcome.network = network;
	welcome.office = (char *)(uintptr_t)peer->user.text;
	welcome.time = WORLD_NOW;
	welcome.checkpoint = &checkpoint.message;
	frame.frame_case = LIAISON__FRAME__FRAME_WELCOME;
	frame.welcome = &welcome;
	send_frame(liar, peer->route, &frame);
}

static void
send_subscribed(struct liar *liar, uint32_t route, const Liaison__Subscribe *subscribe)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Subscribed subscribed = LIAISON__SUBSCRIBED__INIT;
	Liaison__LaneState urgent = LIAISON__LANE_STATE__INIT, ordinary = LIAISON__LANE_STATE__INIT;
	Liaison__LaneState *lanes[] = {&urgent, &ordinary};

	urgent.has_lane = ordinary.has_lane = urgent.has_cursor = ordinary.has_cursor = 1;
	urgent.lane = LIAISON__LANE__LANE_URGENT;
	ordinary.lane = LIAISON__LANE__LANE_ORDINARY;
	subscribed.has_request = subscribed.has_channel = subscribed.has_epoch = 1;
	subscribed.request = subscribe->request;
	subscribed.channel = subscribe->channel;
	subscribed.epoch = (ProtobufCBinaryData){sizeof liar->epoch, liar->epoch};
	subscribed.n_lanes = 2;
	subscribed.lanes = lanes;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBED;
	frame.subscribed = &subscribed;
	send_frame(liar, route, &frame);
}

static void
send_item(struct liar *liar, uint32_t route, uint32_t channel, const struct told *told)
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
	send_frame(liar, route, &frame);
	liaison__envelope__free_unpacked(item.envelope, NULL);
}

static void
send_progress(struct liar *liar, uint32_t route, uint32_t channel)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Progress progress = LIAISON__PROGRESS__INIT;
	Liaison__LaneState urgent = LIAISON__LANE_STATE__INIT, ordinary = LIAISON__LANE_STATE__INIT;
	Liaison__LaneState *lanes[] = {&urgent, &ordinary};
	struct digest leaves[LIAR_ITEMS_MAX];
	struct signed_checkpoint checkpoint;
	size_t size = liar->size;

	memcpy(leaves, liar->leaves, sizeof leaves);
	if (liar->trick == LIAR_FORKS)
		leaves[0].bytes[0] ^= 1;
	if (liar->trick == LIAR_ROLLS_BACK || liar->trick == LIAR_IS_BEYOND)
		size = 1;
	sign_checkpoint(liar, leaves, size, &checkpoint);
	urgent.has_lane = ordinary.has_lane = urgent.has_cursor = ordinary.has_cursor = 1;
	urgent.lane = LIAISON__LANE__LANE_URGENT;
	ordinary.lane = LIAISON__LANE__LANE_ORDINARY;
	urgent.cursor = ordinary.cursor = size;
	progress.has_channel = progress.has_at_end = 1;
	progress.channel = channel;
	progress.at_end = true;
	progress.n_lanes = 2;
	progress.lanes = lanes;
	progress.checkpoint = &checkpoint.message;
	frame.frame_case = LIAISON__FRAME__FRAME_PROGRESS;
	frame.progress = &progress;
	send_frame(liar, route, &frame);
}

static void
feed(struct liar *liar, uint32_t route, uint32_t channel)
{
	if (liar->trick == LIAR_OVERDRAWS)
		for (size_t i = 0; i < CREDIT_OVERDRAWN && !atomic_load(&liar->is_stopping); i++)
			send_item(liar, route, channel, &liar->items[0]);
	for (size_t i = 0; i < liar->count; i++)
		send_item(liar, route, channel, &liar->items[i]);
	send_progress(liar, route, channel);
}

/* --- the thread ------------------------------------------------------------------------------------------------------ */

static void
answer(struct liar *liar, const struct server_peer *peer, const Liaison__Frame *frame)
{
	Liaison__Frame reply = LIAISON__FRAME__INIT;
	Liaison__Pong pong = LIAISON__PONG__INIT;

	switch (frame->frame_case) {
	case LIAISON__FRAME__FRAME_HELLO: send_welcome(liar, peer, frame->hello); break;
	case LIAISON__FRAME__FRAME_SUBSCRIBE: send_subscribed(liar, peer->route, frame->subscribe); break;
	case LIAISON__FRAME__FRAME_CREDIT: feed(liar, peer->route, frame->credit->channel); break;
	case LIAISON__FRAME__FRAME_ACKNOWLEDGE:
		if (frame->acknowledge->lane == LIAISON__LANE__LANE_ORDINARY)
			liar->acknowledged = frame->acknowledge->cursor;
		break;
	case LIAISON__FRAME__FRAME_PING:
		pong.has_nonce = 1;
		pong.nonce = frame->ping->nonce;
		reply.frame_case = LIAISON__FRAME__FRAME_PONG;
		reply.pong = &pong;
		send_frame(liar, peer->route, &reply);
		break;
	default: break;
	}
}

/* Owns the server and ZAP between liar_start and liar_stop. Receives the reader's frames, sends its own. */
static void *
run(void *arg)
{
	struct liar *liar = arg;
	struct server_peer peer;
	struct net_message message;
	Liaison__Frame *frame;

	while (!atomic_load(&liar->is_stopping)) {
		struct pollfd items[] = {
			{.fd = server_fd(liar->server), .events = POLLIN}, {.fd = zap_fd(liar->zap), .events = POLLIN}};
		(void)poll(items, 2, 20);
		zap_answer(liar->zap);
		while (server_receive(liar->server, &peer, &message) == NET_MESSAGE) {
			MUST(frame_decode(net_message_data(&message), net_message_size(&message), &frame, NULL) ==
				LIAISON_OK);
			net_message_close(&message);
			answer(liar, &peer, frame);
			frame_free(frame);
		}
	}
	return NULL;
}

static bool
admit_office(void *arg, const struct public_key *key, const char *address, struct net_user *user)
{
	const struct liar *liar = arg;
	const struct office *office = trust_office_by_transport_key(world_trust(liar->world), key, WORLD_NOW);

	(void)address;
	if (office != NULL)
		snprintf(user->text, sizeof user->text, "%s", office->id.text);
	return office != NULL;
}

const char *
liar_start(struct liar *liar)
{
	const struct secret_keys *keys = world_keys(liar->world, LIAR_BROKER);
	const struct server_options options = {.secret = keys->transport,
		.zap_domain = "liar",
		.max_message_bytes = 1 << 20,
		.handshake_ms = 5000,
		.send_high_water = 1000000,
		.receive_high_water = 1000,
		.backlog = 8};
	struct fault fault = {.message = ""};

	liar->net = net_new(1, 16, &fault);
	assert_non_null(liar->net);
	liar->zap = zap_new(liar->net, "liar", admit_office, liar, &fault);
	assert_non_null(liar->zap);
	liar->server = server_new(liar->net, &options, &fault);
	assert_non_null(liar->server);
	assert_int_equal(server_listen(liar->server, "tcp://127.0.0.1:*", liar->endpoint, &fault), LIAISON_OK);
	atomic_store(&liar->is_stopping, false);
	assert_int_equal(pthread_create(&liar->thread, NULL, run, liar), 0);
	liar->is_running = true;
	return liar->endpoint;
}

void
liar_stop(struct liar *liar)
{
	if (!liar->is_running)
		return;
	atomic_store(&liar->is_stopping, true);
	pthread_join(liar->thread, NULL);
	server_free(liar->server);
	zap_free(liar->zap);
	net_free(liar->net);
	liar->is_running = false;
}

void
liar_free(struct liar *liar)
{
	liar_stop(liar);
	for (size_t i = 0; i < liar->count; i++)
		free(liar->items[i].envelope);
	free(liar);
}
