/* The worked examples of proto/README.md, made anew: whoever writes a client from that page can trust its bytes. */
#include "proto/address.h"
#include "proto/admission.h"
#include "proto/card.h"
#include "proto/frame.h"
#include "proto/json.h"
#include "proto/log_leaf.h"
#include "proto/signing.h"
#include "proto/suspension.h"
#include "tests/support/paper.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define NETWORK "mekong.example"
#define EPOCH_BYTES 16
#define BODIES 3

/* The route of the page: everything that admission asks of one, and no more. */
#define ROUTE_FORMAT                                                                                                   \
	"{\"salt\":\"%s\",\"id\":\"kh.blo.poipet/%d\",\"sent\":\"2026-01-15T08:00:00Z\","                              \
	"\"status\":\"ACTUAL\",\"message\":\"ALERT\",\"expires\":\"2026-02-01T00:00:00Z\",\"kind\":\"ROUTE\","         \
	"\"crime\":[\"WILDLIFE\"],\"urgency\":\"EXPECTED\",\"severity\":\"SEVERE\",\"certainty\":\"LIKELY\","          \
	"\"source\":\"B\",\"information\":\"2\",\"where\":{\"crossings\":[\"kh-poipet\"]},"                            \
	"\"texts\":[{\"lang\":\"en\",\"headline\":\"Scales by road\"}],"                                               \
	"\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\"]}}"
#define SALT_0 "AAECAwQFBgcICQoLDA0ODw==" /* 00 to 0f */
#define SALT_1 "EBESExQVFhcYGRobHB0eHw==" /* 10 to 1f */
#define SALT_2 "ICEiIyQlJicoKSorLC0uLw==" /* 20 to 2f */
#define CANCEL                                                                                                         \
	"{\"salt\":\"" SALT_1 "\",\"id\":\"kh.blo.poipet/2\",\"sent\":\"2026-01-15T08:00:01Z\","                       \
	"\"status\":\"ACTUAL\",\"message\":\"CANCEL\",\"references\":[\"kh.blo.poipet/1\"],\"reason\":\"DONE\"}"

struct body {
	uint8_t bytes[1024];
	size_t len;
	struct digest hash;
};

struct examples {
	struct paper *paper;
	struct secret_keys *office, *broker;
	struct key_id office_id, checkpoint_id;
	struct body bodies[BODIES];
	uint8_t epoch[EPOCH_BYTES];
};

/* --- saying and checking --------------------------------------------------------------------------------------------- */

/* What is signed, and the signature, which signing itself has verified. */
static void
signed_vectors(struct examples *examples, const char *name, const char *domain, const char *network,
	const struct buf *payload, const uint8_t secret[64], const struct public_key *key, uint8_t signature[64])
{
	char label[64];
	struct buf message;

	buf_init(&message, 4096);
	signed_bytes(&message, domain, network, payload->data, payload->len);
	assert_int_equal(buf_check(&message), LIAISON_OK);
	snprintf(label, sizeof label, "%s.signed", name);
	paper_check_vector(examples->paper, label, message.data, message.len);
	assert_int_equal(sign_bytes(domain, network, payload->data, payload->len, secret, key, signature), LIAISON_OK);
	snprintf(label, sizeof label, "%s.signature", name);
	paper_check_vector(examples->paper, label, signature, SIGNATURE_BYTES);
	buf_clear(&message);
}

static void
frame_vector(struct examples *examples, const char *name, const Liaison__Frame *frame)
{
	Liaison__Frame *again = NULL;
	size_t len;
	uint8_t *bytes = frame_encode(frame, &len);

	assert_non_null(bytes);
	paper_check_vector(examples->paper, name, bytes, len);
	assert_int_equal(frame_decode(bytes, len, &again, NULL), LIAISON_OK);
	assert_int_equal(frame_peek(bytes, len), frame->frame_case);
	frame_free(again);
	free(bytes);
}

/* --- the ground: keys, bodies ---------------------------------------------------------------------------------------- */

static void
seed_of(uint8_t seed[32], uint8_t first)
{
	for (int i = 0; i < 32; i++)
		seed[i] = (uint8_t)(first + i);
}

/* An Ed25519 key from a seed that the page can name; nothing of Liaison's own derivation is needed to follow it. */
static struct secret_keys *
keys_of(enum keys_owner owner, uint8_t first)
{
	struct secret_keys *keys = secret_keys_blank(owner);
	uint8_t seed[32];

	assert_non_null(keys);
	seed_of(seed, first);
	crypto_sign_seed_keypair(keys->signing_public.bytes, keys->signing, seed);
	seed_of(seed, (uint8_t)(first + 0x20));
	memcpy(keys->transport, seed, sizeof keys->transport);
	crypto_scalarmult_base(keys->transport_public.bytes, keys->transport);
	seed_of(seed, (uint8_t)(first + 0x40));
	memcpy(keys->sealing, seed, sizeof keys->sealing);
	crypto_scalarmult_base(keys->sealing_public.bytes, keys->sealing);
	if (keys_have_checkpoint(owner)) {
		seed_of(seed, (uint8_t)(first + 0x60));
		crypto_sign_seed_keypair(keys->checkpoint_public.bytes, keys->checkpoint, seed);
	}
	return keys;
}

static void
body_from_json(struct body *body, const char *json)
{
	ProtobufCMessage *message;
	struct fault fault = {.message = ""};

	if (json_to_message(&liaison__alert__descriptor, json, strlen(json), 1, &message, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	body->len = protobuf_c_message_get_packed_size(message);
	assert_true(body->len <= sizeof body->bytes);
	protobuf_c_message_pack(message, body->bytes);
	protobuf_c_message_free_unpacked(message, NULL);
	envelope_body_hash(body->bytes, body->len, &body->hash);
}

static int
setup(void **state)
{
	struct examples *examples = calloc(1, sizeof *examples);
	static const char *const salts[BODIES] = {SALT_0, SALT_1, SALT_2};
	char json[1024];

	assert_non_null(examples);
	examples->paper = paper_new("proto/README.md");
	examples->office = keys_of(KEYS_OFFICE, 0x00);
	examples->broker = keys_of(KEYS_BROKER, 0x60);
	key_id_of(&examples->office->signing_public, &examples->office_id);
	key_id_of(&examples->broker->checkpoint_public, &examples->checkpoint_id);
	for (int i = 0; i < BODIES; i++) {
		snprintf(json, sizeof json, ROUTE_FORMAT, salts[i], i + 1);
		body_from_json(&examples->bodies[i], i == 1 ? CANCEL : json);
	}
	for (int i = 0; i < EPOCH_BYTES; i++)
		examples->epoch[i] = (uint8_t)(0xe0 + i);
	*state = examples;
	return 0;
}

static int
teardown(void **state)
{
	struct examples *examples = *state;

	paper_free(examples->paper);
	secret_keys_free(examples->office);
	secret_keys_free(examples->broker);
	free(examples);
	return 0;
}

/* --- the examples ---------------------------------------------------------------------------------------------------- */

static void
test_key(void **state)
{
	struct examples *examples = *state;

	paper_check_vector(examples->paper, "key.seed", examples->office->signing, 32);
	paper_check_vector(examples->paper, "key.public", examples->office->signing_public.bytes, 32);
	paper_check_vector(examples->paper, "key.fingerprint", examples->office_id.bytes, KEY_ID_BYTES);
}

static void
test_alert(void **state)
{
	struct examples *examples = *state;
	const struct body *body = &examples->bodies[0];
	struct envelope envelope;
	struct buf payload, bytes;
	uint8_t signature[SIGNATURE_BYTES];

	buf_init(&payload, BATCH_PAYLOAD_BYTES);
	buf_init(&bytes, 4096);
	paper_check_vector(examples->paper, "alert.body", body->bytes, body->len);
	paper_check_vector(examples->paper, "alert.hash", body->hash.bytes, DIGEST_BYTES);
	batch_payload(1, &body->hash, buf_extend(&payload, BATCH_PAYLOAD_BYTES));
	paper_check_vector(examples->paper, "alert.payload", payload.data, payload.len);
	signed_vectors(examples, "alert", DOMAIN_ALERT, NETWORK, &payload, examples->office->signing,
		&examples->office->signing_public, signature);
	assert_int_equal(envelope_sign(NETWORK, examples->office, body->bytes, body->len, &envelope), LIAISON_OK);
	assert_memory_equal(envelope.signature, signature, SIGNATURE_BYTES);
	envelope_encode(&envelope, &bytes);
	assert_int_equal(buf_check(&bytes), LIAISON_OK);
	paper_check_vector(examples->paper, "alert.envelope", bytes.data, bytes.len);
	buf_clear(&payload);
	buf_clear(&bytes);
}

/* The page's bodies are what admission takes; only the signature is another network's affair. */
static void
test_bodies_are_admitted(void **state)
{
	struct examples *examples = *state;
	struct world *world = world_new(1);
	struct crossings *crossings;
	struct admission_limits limits;

	assert_int_equal(crossings_builtin(&crossings, NULL), LIAISON_OK);
	admission_limits_default(&limits);
	for (int i = 0; i < BODIES; i++) {
		struct admitted admitted;
		struct fault fault = {.message = ""};
		const struct body *body = &examples->bodies[i];
		if (admit_body(body->bytes, body->len, crossings, &admitted, &fault) != LIAISON_OK ||
			admit_content(&admitted, world_trust(world), crossings, &limits, WORLD_NOW, &fault, NULL) !=
				LIAISON_OK)
			fail_msg("body %d: %s", i, fault.message);
		admitted_clear(&admitted);
	}
	crossings_free(crossings);
	world_free(world);
}

static void
test_batch(void **state)
{
	struct examples *examples = *state;
	struct digest leaves[BODIES], root;
	struct envelope envelope = {.leaf = 0};
	uint8_t signature[SIGNATURE_BYTES];
	struct buf payload;

	for (int i = 0; i < BODIES; i++)
		leaves[i] = examples->bodies[i].hash;
	paper_check_vector(examples->paper, "cancel.body", examples->bodies[1].bytes, examples->bodies[1].len);
	paper_check_vector(examples->paper, "batch.leaf0", leaves[0].bytes, DIGEST_BYTES);
	paper_check_vector(examples->paper, "batch.leaf1", leaves[1].bytes, DIGEST_BYTES);
	paper_check_vector(examples->paper, "batch.leaf2", leaves[2].bytes, DIGEST_BYTES);
	batch_root_from_leaves(leaves, BODIES, &root);
	paper_check_vector(examples->paper, "batch.root", root.bytes, DIGEST_BYTES);
	batch_path(leaves, BODIES, 0, &envelope);
	paper_check_vector(examples->paper, "batch.path0", envelope.path, envelope.path_len * DIGEST_BYTES);
	batch_path(leaves, BODIES, 2, &envelope);
	paper_check_vector(examples->paper, "batch.path2", envelope.path, envelope.path_len * DIGEST_BYTES);
	buf_init(&payload, BATCH_PAYLOAD_BYTES);
	batch_payload(BODIES, &root, buf_extend(&payload, BATCH_PAYLOAD_BYTES));
	signed_vectors(examples, "batch", DOMAIN_ALERT, NETWORK, &payload, examples->office->signing,
		&examples->office->signing_public, signature);
	buf_clear(&payload);
}

static struct digest
record_vectors(struct examples *examples, const char *name, enum record_type type, const ProtobufCMessage *header)
{
	uint8_t bytes[512];
	struct digest leaf;
	char label[64];
	size_t len = protobuf_c_message_get_packed_size(header);

	assert_true(len <= sizeof bytes);
	protobuf_c_message_pack(header, bytes);
	log_leaf(type, bytes, len, &leaf);
	snprintf(label, sizeof label, "%s.header", name);
	paper_check_vector(examples->paper, label, bytes, len);
	snprintf(label, sizeof label, "%s.leaf", name);
	paper_check_vector(examples->paper, label, leaf.bytes, DIGEST_BYTES);
	return leaf;
}

/* A log of three records: the epoch, the alert, its cancellation. */
static void
log_leaves(struct examples *examples, struct digest leaves[3])
{
	Liaison__EpochHeader epoch = LIAISON__EPOCH_HEADER__INIT;
	char kh[] = "kh", th[] = "th", origin[] = "kh.broker", ids[2][32] = {"kh.blo.poipet/1", "kh.blo.poipet/2"};
	char *addresses[] = {kh, th};

	epoch.origin = origin;
	epoch.has_epoch = 1;
	epoch.epoch = (ProtobufCBinaryData){EPOCH_BYTES, examples->epoch};
	leaves[0] = record_vectors(examples, "record0", RECORD_EPOCH, &epoch.base);
	for (int i = 0; i < 2; i++) {
		Liaison__AlertHeader header = LIAISON__ALERT_HEADER__INIT;
		header.id = ids[i];
		header.has_body_hash = header.has_key = 1;
		header.body_hash = (ProtobufCBinaryData){DIGEST_BYTES, examples->bodies[i].hash.bytes};
		header.key = (ProtobufCBinaryData){KEY_ID_BYTES, examples->office_id.bytes};
		header.n_addresses = i == 0 ? 2 : 0;
		header.addresses = addresses;
		leaves[1 + i] = record_vectors(examples, i == 0 ? "record1" : "record2", RECORD_ALERT, &header.base);
	}
}

static void
test_log(void **state)
{
	struct examples *examples = *state;
	struct digest leaves[3], root;
	struct merkle_path path;
	struct merkle_tree *tree = merkle_tree_new();
	Liaison__Checkpoint checkpoint = LIAISON__CHECKPOINT__INIT;
	uint8_t key[KEY_ID_BYTES], signature[SIGNATURE_BYTES], again[SIGNATURE_BYTES];
	char origin[] = "kh.broker";
	struct buf payload;

	log_leaves(examples, leaves);
	for (int i = 0; i < 3; i++)
		assert_int_equal(merkle_tree_append(tree, &leaves[i]), LIAISON_OK);
	merkle_tree_root(tree, 3, &root);
	paper_check_vector(examples->paper, "log.root", root.bytes, DIGEST_BYTES);
	merkle_tree_inclusion(tree, 1, 3, &path);
	paper_check_vector(examples->paper, "log.inclusion1", path.nodes, path.len * DIGEST_BYTES);
	merkle_tree_consistency(tree, 1, 3, &path);
	paper_check_vector(examples->paper, "log.consistency1to3", path.nodes, path.len * DIGEST_BYTES);
	merkle_tree_free(tree);

	checkpoint.origin = origin;
	checkpoint.has_epoch = checkpoint.has_size = checkpoint.has_root = checkpoint.has_time = 1;
	checkpoint.epoch = (ProtobufCBinaryData){EPOCH_BYTES, examples->epoch};
	checkpoint.size = 3;
	checkpoint.root = (ProtobufCBinaryData){DIGEST_BYTES, root.bytes};
	checkpoint.time = WORLD_NOW + 2000;
	checkpoint.key = (ProtobufCBinaryData){KEY_ID_BYTES, key};
	checkpoint.signature = (ProtobufCBinaryData){SIGNATURE_BYTES, signature};
	paper_check_vector(
		examples->paper, "checkpoint.public", examples->broker->checkpoint_public.bytes, PUBLIC_KEY_BYTES);
	buf_init(&payload, CHECKPOINT_PAYLOAD_BYTES_MAX);
	assert_int_equal(checkpoint_payload(&checkpoint, &payload), LIAISON_OK);
	signed_vectors(examples, "checkpoint", DOMAIN_CHECKPOINT, NETWORK, &payload, examples->broker->checkpoint,
		&examples->broker->checkpoint_public, again);
	buf_clear(&payload);
	assert_int_equal(checkpoint_sign(&checkpoint, NETWORK, examples->broker), LIAISON_OK);
	assert_memory_equal(signature, again, SIGNATURE_BYTES);
	assert_memory_equal(key, examples->checkpoint_id.bytes, KEY_ID_BYTES);
}

static void
test_documents(void **state)
{
	struct examples *examples = *state;
	const struct secret_keys *keys = examples->office;
	uint8_t signature[SIGNATURE_BYTES];
	Liaison__Signed *sealed;
	struct fault fault = {.message = ""};
	struct buf payload;
	char spoken[SPOKEN_FINGERPRINT_BYTES];

	Liaison__Card *card = card_new("kh.blo.poipet", keys, WORLD_NOW, NULL, 0);
	assert_int_equal(document_seal(DOCUMENT_CARD, &card->base, &sealed, &fault), LIAISON_OK);
	paper_check_vector(examples->paper, "card.body", sealed->body.data, sealed->body.len);
	payload = (struct buf){.data = sealed->body.data, .len = sealed->body.len};
	signed_vectors(examples, "card", DOMAIN_CARD, "", &payload, keys->signing, &keys->signing_public, signature);
	card_fingerprint(sealed, spoken);
	paper_check_text(examples->paper, "card.fingerprint", spoken);
	card_free(card);
	liaison__signed__free_unpacked(sealed, NULL);

	Liaison__Suspension *suspension = suspension_new(
		NETWORK, "kh.blo.poipet", NULL, WORLD_NOW, WORLD_NOW + SUSPENSION_MAX_MS, "laptop stolen");
	assert_int_equal(suspension_validate(suspension, &fault), LIAISON_OK);
	assert_int_equal(document_seal(DOCUMENT_SUSPENSION, &suspension->base, &sealed, &fault), LIAISON_OK);
	payload = (struct buf){.data = sealed->body.data, .len = sealed->body.len};
	signed_vectors(examples, "suspension", DOMAIN_SUSPENSION, NETWORK, &payload, keys->signing,
		&keys->signing_public, signature);
	suspension_free(suspension);
	liaison__signed__free_unpacked(sealed, NULL);
}

static void
submit_frame(struct examples *examples)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Submit submit = LIAISON__SUBMIT__INIT;
	Liaison__SubmitItem item = LIAISON__SUBMIT_ITEM__INIT, *items[] = {&item};
	struct envelope envelope;
	struct body *body = &examples->bodies[1];

	assert_int_equal(envelope_sign(NETWORK, examples->office, body->bytes, body->len, &envelope), LIAISON_OK);
	item.has_leaf = item.has_body = 1;
	item.body = (ProtobufCBinaryData){body->len, body->bytes};
	submit.has_request = submit.has_key = submit.has_leaf_count = submit.has_signature = 1;
	submit.request = 7;
	submit.key = (ProtobufCBinaryData){KEY_ID_BYTES, envelope.key.bytes};
	submit.leaf_count = 1;
	submit.signature = (ProtobufCBinaryData){SIGNATURE_BYTES, envelope.signature};
	submit.n_items = 1;
	submit.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBMIT;
	frame.submit = &submit;
	frame_vector(examples, "frame.submit", &frame);
}

static void
test_frames(void **state)
{
	struct examples *examples = *state;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Hello hello = LIAISON__HELLO__INIT;
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Acknowledge acknowledge = LIAISON__ACKNOWLEDGE__INIT;
	Liaison__Kind kinds[] = {LIAISON__KIND__KIND_ROUTE};
	char software[] = "example 1", feed[] = "routes";

	hello.has_least_version = hello.has_greatest_version = hello.has_charter_version = 1;
	hello.least_version = hello.greatest_version = PROTOCOL_VERSION;
	hello.software = software;
	frame.frame_case = LIAISON__FRAME__FRAME_HELLO;
	frame.hello = &hello;
	frame_vector(examples, "frame.hello", &frame);

	submit_frame(examples);

	filter.n_kinds = 1;
	filter.kinds = kinds;
	subscribe.has_request = subscribe.has_channel = subscribe.has_start = 1;
	subscribe.request = 8;
	subscribe.channel = 1;
	subscribe.feed = feed;
	subscribe.filter = &filter;
	subscribe.start = LIAISON__START__START_CURSOR;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	frame_vector(examples, "frame.subscribe", &frame);

	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = 1;
	credit.messages = 1000;
	credit.bytes = 1048576;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	frame_vector(examples, "frame.credit", &frame);

	acknowledge.has_channel = acknowledge.has_lane = acknowledge.has_epoch = acknowledge.has_cursor = 1;
	acknowledge.channel = 1;
	acknowledge.lane = LIAISON__LANE__LANE_ORDINARY;
	acknowledge.epoch = (ProtobufCBinaryData){EPOCH_BYTES, examples->epoch};
	acknowledge.cursor = 2;
	frame.frame_case = LIAISON__FRAME__FRAME_ACKNOWLEDGE;
	frame.acknowledge = &acknowledge;
	frame_vector(examples, "frame.acknowledge", &frame);
}

/* Last: every vector of the page was held to its value by one of the tests above. */
static void
test_the_page_has_no_other_vector(void **state)
{
	struct examples *examples = *state;

	paper_check_no_more_vectors(examples->paper);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),
		cmocka_unit_test(test_alert),
		cmocka_unit_test(test_bodies_are_admitted),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_the_page_has_no_other_vector),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
