#include "tests/support/fake_broker_internal.h"

#include "proto/alert_leaf.h"
#include "proto/signing.h"

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 10

/* --- its log ---------------------------------------------------------------------------------------------------------- */

void
fake_append(struct fake_broker *fake, const struct digest *leaf)
{
	struct digest changed = *leaf;

	enum liaison_err err = merkle_tree_append(fake->tree, leaf);
	changed.bytes[0] ^= 1;
	if (err == LIAISON_OK)
		err = merkle_tree_append(fake->other, &changed);
	assert(err == LIAISON_OK);
}

void
fake_checkpoint(struct fake_broker *fake, struct signed_checkpoint *out)
{
	static char origin[] = "kh.broker", other_origin[] = "th.broker";
	const struct secret_keys *keys = world_keys(fake->world, "kh.broker");
	struct merkle_tree *tree = fake->lie == FAKE_REWRITTEN ? fake->other : fake->tree;
	uint64_t size = merkle_tree_size(tree);

	if (fake->lie == FAKE_ROLLED_BACK)
		size -= 3;
	if (fake->lie == FAKE_DELIVERS_BEYOND)
		size = 1;
	if (fake->lie == FAKE_FOREIGN_KEY)
		keys = world_keys(fake->world, "th.broker");
	memset(out->epoch, fake->lie == FAKE_OTHER_EPOCH ? 8 : 7, sizeof out->epoch);
	merkle_tree_root(tree, size, &out->root);
	liaison__checkpoint__init(&out->message);
	out->message.origin = fake->lie == FAKE_OTHER_ORIGIN ? other_origin : origin;
	out->message.has_epoch = out->message.has_size = out->message.has_root = out->message.has_time = 1;
	out->message.epoch = (ProtobufCBinaryData){sizeof out->epoch, out->epoch};
	out->message.size = size;
	out->message.root = (ProtobufCBinaryData){DIGEST_BYTES, out->root.bytes};
	out->message.time = WORLD_NOW;
	out->message.key = (ProtobufCBinaryData){sizeof out->key, out->key};
	out->message.signature = (ProtobufCBinaryData){sizeof out->signature, out->signature};
	enum liaison_err err = checkpoint_sign(&out->message, WORLD_NETWORK, keys);
	assert(err == LIAISON_OK);
}

static size_t
consistency(struct fake_broker *fake, uint64_t from, uint64_t to, struct merkle_path *path,
	ProtobufCBinaryData fields[MERKLE_PATH_MAX])
{
	struct merkle_tree *tree = fake->lie == FAKE_REWRITTEN ? fake->other : fake->tree;

	path->len = 0;
	if (from > 0 && from < to && to <= merkle_tree_size(tree))
		merkle_tree_consistency(tree, from, to, path);
	for (size_t i = 0; i < path->len; i++)
		fields[i] = (ProtobufCBinaryData){DIGEST_BYTES, path->nodes[i].bytes};
	return path->len;
}

/* --- frames ----------------------------------------------------------------------------------------------------------- */

/* That a client has gone is not this one's trouble. */
enum liaison_err
fake_send(struct fake_broker *fake, uint32_t route, const Liaison__Frame *frame)
{
	size_t len = 0;
	uint8_t *bytes = frame_encode(frame, &len);

	assert(bytes != NULL);
	return server_send(fake->server, route, bytes, len);
}

static void
refuse(struct fake_broker *fake, uint32_t route, uint32_t request, Liaison__Code code)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Refusal refusal = LIAISON__REFUSAL__INIT;
	char message[] = "as the test wants it";

	refusal.has_request = refusal.has_code = 1;
	refusal.request = request;
	refusal.code = code;
	refusal.message = message;
	frame.frame_case = LIAISON__FRAME__FRAME_REFUSAL;
	frame.refusal = &refusal;
	(void)fake_send(fake, route, &frame);
}

static void
welcome(struct fake_broker *fake, const struct server_peer *peer, const Liaison__Hello *hello)
{
	static char broker[] = "kh.broker", other_broker[] = "th.broker", network[] = WORLD_NETWORK,
		    other_network[] = "other.net";
	static char other_office[] = "th.blo.aranyaprathet";
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Welcome message = LIAISON__WELCOME__INIT;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	struct signed_checkpoint checkpoint;
	struct merkle_path path;
	char office[NET_USER_BYTES];

	snprintf(office, sizeof office, "%s", peer->user.text);
	fake_checkpoint(fake, &checkpoint);
	message.has_version = message.has_time = message.has_charter_version = message.has_highest_sequence = 1;
	message.version = fake->lie == FAKE_OTHER_VERSION ? 9 : PROTOCOL_VERSION;
	message.broker = fake->lie == FAKE_OTHER_BROKER ? other_broker : broker;
	message.network = fake->lie == FAKE_OTHER_NETWORK ? other_network : network;
	message.office = fake->lie == FAKE_OTHER_OFFICE ? other_office : office;
	message.time = WORLD_NOW;
	message.charter_version = 1;
	message.highest_sequence = fake->highest;
	if (fake->lie != FAKE_NO_CHECKPOINT) {
		message.checkpoint = &checkpoint.message;
		message.n_consistency = consistency(fake, hello->checkpoint != NULL ? hello->checkpoint->size : 0,
			checkpoint.message.size, &path, fields);
		message.consistency = fields;
	}
	frame.frame_case = LIAISON__FRAME__FRAME_WELCOME;
	frame.welcome = &message;
	if (fake->lie == FAKE_REFUSES_HELLO)
		refuse(fake, peer->route, 0, LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	else if (fake->lie == FAKE_OTHER_FRAME) {
		Liaison__Receipt receipt = LIAISON__RECEIPT__INIT;
		frame.frame_case = LIAISON__FRAME__FRAME_RECEIPT;
		frame.receipt = &receipt;
		(void)fake_send(fake, peer->route, &frame);
	} else if (fake->lie != FAKE_SAYS_NOTHING) {
		(void)fake_send(fake, peer->route, &frame);
	}
}

struct receipt_room {
	Liaison__ReceiptItem message;
	struct digest hash;
	struct merkle_path path;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	Liaison__Alert *alert;
};

/* Into the log; what the receipt needs stays in `room`. */
static void
accept_item(struct fake_broker *fake, const Liaison__Submit *submit, const Liaison__SubmitItem *item,
	struct receipt_room *room)
{
	struct facts *facts = NULL;
	struct digest leaf;
	struct key_id key;
	struct fault fault;

	room->alert = liaison__alert__unpack(NULL, item->body.len, item->body.data);
	assert(room->alert != NULL && submit->key.len == KEY_ID_BYTES);
	memcpy(key.bytes, submit->key.data, KEY_ID_BYTES);
	envelope_body_hash(item->body.data, item->body.len, &room->hash);
	enum liaison_err err = facts_new(room->alert, NULL, &facts, &fault);
	assert(err == LIAISON_OK);
	err = alert_leaf(facts, &room->hash, &key, NULL, &leaf);
	assert(err == LIAISON_OK);
	facts_free(facts);
	fake_append(fake, &leaf);
	liaison__receipt_item__init(&room->message);
	room->message.id = room->alert->id;
	room->message.has_body_hash = room->message.has_index = 1;
	room->message.index = merkle_tree_size(fake->tree) - 1;
	if (fake->lie == FAKE_OTHER_BODY)
		room->hash.bytes[5] ^= 1;
	room->message.body_hash = (ProtobufCBinaryData){DIGEST_BYTES, room->hash.bytes};
}

static void
send_receipt(struct fake_broker *fake, uint32_t route, const Liaison__Submit *submit)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Receipt receipt = LIAISON__RECEIPT__INIT;
	struct signed_checkpoint checkpoint;
	struct receipt_room *rooms = calloc(submit->n_items, sizeof *rooms);
	Liaison__ReceiptItem **items = calloc(submit->n_items, sizeof *items);

	assert(rooms != NULL && items != NULL);
	for (size_t i = 0; i < submit->n_items; i++)
		accept_item(fake, submit, submit->items[i], &rooms[i]);
	fake_checkpoint(fake, &checkpoint);
	for (size_t i = 0; i < submit->n_items; i++) {
		struct receipt_room *room = &rooms[i];
		merkle_tree_inclusion(fake->tree, room->message.index, merkle_tree_size(fake->tree), &room->path);
		if (fake->lie == FAKE_FALSE_INCLUSION && i + 1 == submit->n_items)
			room->path.nodes[0].bytes[3] ^= 1;
		if (fake->lie == FAKE_FALSE_INDEX)
			room->message.index ^= 1;
		for (size_t k = 0; k < room->path.len; k++)
			room->fields[k] = (ProtobufCBinaryData){DIGEST_BYTES, room->path.nodes[k].bytes};
		room->message.n_path = room->path.len;
		room->message.path = room->fields;
		items[i] = &room->message;
	}
	receipt.has_request = 1;
	receipt.request = submit->request;
	receipt.checkpoint = &checkpoint.message;
	receipt.n_items = submit->n_items;
	receipt.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_RECEIPT;
	frame.receipt = &receipt;
	(void)fake_send(fake, route, &frame);
	for (size_t i = 0; i < submit->n_items; i++)
		liaison__alert__free_unpacked(rooms[i].alert, NULL);
	free(rooms);
	free(items);
}

/* Refusals by leaf alone, as for bodies that could not be read. */
static void
refuse_items(struct fake_broker *fake, uint32_t route, const Liaison__Submit *submit, Liaison__Code code)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Refusal refusal = LIAISON__REFUSAL__INIT;
	Liaison__RefusalItem *rooms = calloc(submit->n_items, sizeof *rooms),
			     **items = calloc(submit->n_items, sizeof *items);
	char message[] = "as the test wants it";

	assert(rooms != NULL && items != NULL);
	for (size_t i = 0; i < submit->n_items; i++) {
		liaison__refusal_item__init(&rooms[i]);
		rooms[i].has_leaf = rooms[i].has_code = 1;
		rooms[i].leaf = submit->items[i]->leaf;
		rooms[i].code = code;
		rooms[i].message = message;
		items[i] = &rooms[i];
	}
	refusal.has_request = 1;
	refusal.request = submit->request;
	refusal.n_items = submit->n_items;
	refusal.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_REFUSAL;
	frame.refusal = &refusal;
	(void)fake_send(fake, route, &frame);
	free(rooms);
	free(items);
}

static void
say_goodbye(struct fake_broker *fake, uint32_t route)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Goodbye goodbye = LIAISON__GOODBYE__INIT;
	char message[] = "for maintenance";

	goodbye.has_code = 1;
	goodbye.code = LIAISON__CODE__CODE_OK;
	goodbye.message = message;
	frame.frame_case = LIAISON__FRAME__FRAME_GOODBYE;
	frame.goodbye = &goodbye;
	(void)fake_send(fake, route, &frame);
}

static void
take_submit(struct fake_broker *fake, uint32_t route, const Liaison__Submit *submit)
{
	fake->submits++;
	switch (fake->lie) {
	case FAKE_REFUSES_ALL: refuse_items(fake, route, submit, LIAISON__CODE__CODE_EXPIRED); break;
	case FAKE_REFUSES_FRAME: refuse(fake, route, submit->request, LIAISON__CODE__CODE_TOO_LARGE); break;
	case FAKE_GOODBYE: say_goodbye(fake, route); break;
	case FAKE_NOT_NOW_ONCE:
		if (fake->not_now++ == 0)
			refuse_items(fake, route, submit, LIAISON__CODE__CODE_RATE_LIMITED);
		else
			send_receipt(fake, route, submit);
		break;
	default: send_receipt(fake, route, submit); break;
	}
}

static void
take_proof_request(struct fake_broker *fake, uint32_t route, const Liaison__ProofRequest *request)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Proof proof = LIAISON__PROOF__INIT;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	struct signed_checkpoint checkpoint;
	struct merkle_path path;

	fake_checkpoint(fake, &checkpoint);
	proof.has_request = 1;
	proof.request = request->request;
	proof.checkpoint = &checkpoint.message;
	proof.n_consistency = consistency(
		fake, request->from, request->has_size ? request->size : checkpoint.message.size, &path, fields);
	proof.consistency = fields;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF;
	frame.proof = &proof;
	(void)fake_send(fake, route, &frame);
}

static void
take_ping(struct fake_broker *fake, uint32_t route, const Liaison__Ping *ping)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Pong pong = LIAISON__PONG__INIT;

	pong.has_nonce = 1;
	pong.nonce = ping->nonce;
	frame.frame_case = LIAISON__FRAME__FRAME_PONG;
	frame.pong = &pong;
	(void)fake_send(fake, route, &frame);
}

static void
take_message(struct fake_broker *fake, const struct server_peer *peer, const struct net_message *message)
{
	Liaison__Frame *frame = NULL;
	struct fault fault;

	enum liaison_err err = frame_decode(net_message_data(message), net_message_size(message), &frame, &fault);
	assert(err == LIAISON_OK);
	switch (frame->frame_case) {
	case LIAISON__FRAME__FRAME_HELLO: welcome(fake, peer, frame->hello); break;
	case LIAISON__FRAME__FRAME_SUBMIT: take_submit(fake, peer->route, frame->submit); break;
	case LIAISON__FRAME__FRAME_PROOF_REQUEST: take_proof_request(fake, peer->route, frame->proof_request); break;
	case LIAISON__FRAME__FRAME_SUBSCRIBE: fake_take_subscribe(fake, peer->route, frame->subscribe); break;
	case LIAISON__FRAME__FRAME_CREDIT: fake_take_credit(fake, peer->route, frame->credit); break;
	case LIAISON__FRAME__FRAME_ACKNOWLEDGE: fake_take_acknowledge(fake, frame->acknowledge); break;
	case LIAISON__FRAME__FRAME_PING: take_ping(fake, peer->route, frame->ping); break;
	default: break;
	}
	frame_free(frame);
}

/* --- its thread ------------------------------------------------------------------------------------------------------- */

static bool
admit(void *arg, const struct public_key *key, const char *address, struct net_user *user)
{
	const struct fake_broker *fake = arg;
	const struct office *office = trust_office_by_transport_key(world_trust(fake->world), key, WORLD_NOW);

	(void)address;
	if (office == NULL)
		return false;
	snprintf(user->text, sizeof user->text, "%s", office->id.text);
	return true;
}

/* Owns the sockets until it ends; the rest under the lock. */
static void *
run(void *arg)
{
	struct fake_broker *fake = arg;

	for (;;) {
		struct pollfd fds[] = {
			{.fd = zap_fd(fake->zap), .events = POLLIN}, {.fd = server_fd(fake->server), .events = POLLIN}};
		struct server_peer peer;
		struct net_message message;
		(void)poll(fds, 2, LOOK_MS);
		pthread_mutex_lock(&fake->lock);
		bool is_over = fake->is_over;
		zap_answer(fake->zap);
		while (!is_over && server_receive(fake->server, &peer, &message) == NET_MESSAGE) {
			take_message(fake, &peer, &message);
			net_message_close(&message);
		}
		pthread_mutex_unlock(&fake->lock);
		if (is_over)
			return NULL;
	}
}

struct fake_broker *
fake_broker_new(const struct world *world, unsigned records)
{
	struct fake_broker *fake = calloc(1, sizeof *fake);
	struct fault fault;

	assert(fake != NULL);
	fake->world = world;
	fake->tree = merkle_tree_new();
	fake->other = merkle_tree_new();
	fake->net = net_new(1, 32, &fault);
	assert(fake->net != NULL && fake->tree != NULL && fake->other != NULL);
	fake->zap = zap_new(fake->net, "test", admit, fake, &fault);
	const struct server_options options = {
		.secret = world_keys(world, "kh.broker")->transport,
		.zap_domain = "test",
		.max_message_bytes = 1024 * 1024,
		.handshake_ms = 5000,
		.send_high_water = 1000000,
		.receive_high_water = 1000,
		.backlog = 16,
	};
	fake->server = server_new(fake->net, &options, &fault);
	assert(fake->zap != NULL && fake->server != NULL);
	enum liaison_err err = server_listen(fake->server, "tcp://127.0.0.1:*", fake->endpoint, &fault);
	assert(err == LIAISON_OK);
	pthread_mutex_init(&fake->lock, NULL);
	fake_broker_grow(fake, records);
	int result = pthread_create(&fake->thread, NULL, run, fake);
	assert(result == 0);
	return fake;
}

void
fake_broker_free(struct fake_broker *fake)
{
	pthread_mutex_lock(&fake->lock);
	fake->is_over = true;
	pthread_mutex_unlock(&fake->lock);
	pthread_join(fake->thread, NULL);
	pthread_mutex_destroy(&fake->lock);
	server_free(fake->server);
	zap_free(fake->zap);
	net_free(fake->net);
	merkle_tree_free(fake->tree);
	merkle_tree_free(fake->other);
	for (size_t i = 0; i < fake->item_count; i++)
		free(fake->items[i].envelope);
	free(fake);
}

const char *
fake_broker_endpoint(const struct fake_broker *fake)
{
	return fake->endpoint;
}

void
fake_broker_lie(struct fake_broker *fake, enum fake_lie lie)
{
	pthread_mutex_lock(&fake->lock);
	fake->lie = lie;
	pthread_mutex_unlock(&fake->lock);
}

void
fake_broker_grow(struct fake_broker *fake, unsigned count)
{
	pthread_mutex_lock(&fake->lock);
	for (unsigned i = 0; i < count; i++) {
		struct digest leaf;
		uint64_t size = merkle_tree_size(fake->tree);
		merkle_leaf(&size, sizeof size, &leaf);
		fake_append(fake, &leaf);
	}
	pthread_mutex_unlock(&fake->lock);
}

void
fake_broker_set_highest(struct fake_broker *fake, uint64_t sequence)
{
	pthread_mutex_lock(&fake->lock);
	fake->highest = sequence;
	pthread_mutex_unlock(&fake->lock);
}

unsigned
fake_broker_submits(struct fake_broker *fake)
{
	pthread_mutex_lock(&fake->lock);
	unsigned submits = fake->submits;
	pthread_mutex_unlock(&fake->lock);
	return submits;
}
