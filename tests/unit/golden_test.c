/*
 * Worked examples of everything that is signed, byte for byte, for whoever writes a client in another language; they
 * stand in proto/README.md too. The signing key is that of RFC 8032 section 7.1, TEST 1. Run it to have them printed.
 */
#include "proto/base/message.h"
#include "proto/card.h"
#include "proto/charter.h"
#include "proto/signing.h"
#include "tests/support/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define NETWORK "test.net"
#define SEED_HEX "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define SENT INT64_C(1768464000000) /* 2026-01-15T08:00:00Z */

/* Computed by a second implementation, in another language, from proto/README.md's words. */
#define PUBLIC_KEY "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
#define KEY_ID "c1a57daf441dac3df5c55f0bacf209c6"
#define SPOKEN "72230 49702 12042 32564 01861 46152 76434 16214"
#define BODY_1 "0a10000102030405060708090a0b0c0d0e0f120f6b682e626c6f2e706f697065742f31"
#define BODY_HASH_1 "5e3fc835c7640632533f2a3c75759b0891c2193115ff93dc1dae1820065a097a"
#define BODY_HASH_2 "ec3d96b4fbbad663c26e5c56c395de7edc4d8bd7595bb29bd72536d5d431a66d"
#define BODY_HASH_3 "ed97f864b5e25e725caad72d860f66295f9fcb43625d94c71d6c1a7ef3108d99"
#define SINGLE_SIGNED                                                                                                  \
	"6c696169736f6e20616c6572742076310008746573742e6e6574000000015e3fc835c7640632533f2a3c75759b0891c2"             \
	"193115ff93dc1dae1820065a097a"
#define SINGLE_SIGNATURE                                                                                               \
	"78dfeaf78d3ccb9d0c4baa01e558ddb9aeb7583218862fc92ddde58d520019aa8e23b4c3f0b17a3469cb97b41e834248"             \
	"8ba2cd2331c1e5130b9ff8420b84d600"
#define SINGLE_ENVELOPE                                                                                                \
	"0a230a10000102030405060708090a0b0c0d0e0f120f6b682e626c6f2e706f697065742f311210c1a57daf441dac3df5"             \
	"c55f0bacf209c618012000324078dfeaf78d3ccb9d0c4baa01e558ddb9aeb7583218862fc92ddde58d520019aa8e23b4"             \
	"c3f0b17a3469cb97b41e8342488ba2cd2331c1e5130b9ff8420b84d600"
#define BATCH_ROOT "d721d83cf6fe292cd04b0d4410a1cd7dd31b399e3bc294dfdfab1ba9c4030d87"
#define BATCH_SIGNED                                                                                                   \
	"6c696169736f6e20616c6572742076310008746573742e6e657400000003d721d83cf6fe292cd04b0d4410a1cd7dd31b"             \
	"399e3bc294dfdfab1ba9c4030d87"
#define BATCH_SIGNATURE                                                                                                \
	"a61a64a431ed590c2a39bb5a18cc6f07399e58225b488c7aafc66fb91a889166b12a9102f5b1c198861c27a4335f7cea"             \
	"fb2b4a834395d505b24cf6099989ad00"
#define BATCH_ENVELOPE                                                                                                 \
	"0a230a10000102030405060708090a0b0c0d0e0f120f6b682e626c6f2e706f697065742f321210c1a57daf441dac3df5"             \
	"c55f0bacf209c6180320012a205e3fc835c7640632533f2a3c75759b0891c2193115ff93dc1dae1820065a097a2a20ed"             \
	"97f864b5e25e725caad72d860f66295f9fcb43625d94c71d6c1a7ef3108d993240a61a64a431ed590c2a39bb5a18cc6f"             \
	"07399e58225b488c7aafc66fb91a889166b12a9102f5b1c198861c27a4335f7ceafb2b4a834395d505b24cf6099989ad"             \
	"00"
#define CHARTER_BODY                                                                                                   \
	"0a08746573742e6e65741001190024abc09b0100002100505c18a30100002a20d75a980182b10ab7d54bfed3c964073a"             \
	"0ee172f3daa62325af021a68f707511a30013a2a0a026b681220d75a980182b10ab7d54bfed3c964073a0ee172f3daa6"             \
	"2325af021a68f707511a18012801"
#define CHARTER_SIGNED "6c696169736f6e20636861727465722076310008746573742e6e6574"
#define CHARTER_SIGNATURE                                                                                              \
	"165f9ceb016a8f8b9fd22ce5d3751b416177f086c1c77b7cb96f6d8b59153841e7e1a1b3136691e784d0b59f72046a96"             \
	"7ee6935f1734aaf933a7a6f2a623f90f"
#define CARD_BODY                                                                                                      \
	"0a0d6b682e626c6f2e706f69706574110024abc09b0100001a20d75a980182b10ab7d54bfed3c964073a0ee172f3daa6"             \
	"2325af021a68f707511a222011111111111111111111111111111111111111111111111111111111111111112a202222"             \
	"222222222222222222222222222222222222222222222222222222222222"
#define CARD_SIGNED "6c696169736f6e20636172642076310000"
#define CARD_SIGNATURE                                                                                                 \
	"c6d0bae432e63cb60c469e1db6cecf1a4501dae3c5e3ec52d26306c841357c1c1ddf12f154a07c09d6d49a150466b05f"             \
	"697d32018fc96e5fa086b4574181cd07"
#define CARD_SPOKEN "34322 12019 17932 10290 12038 70212 93598 48642"
#define CHECKPOINT_SIGNED                                                                                              \
	"6c696169736f6e20636865636b706f696e742076310008746573742e6e6574096b682e62726f6b6572e0e0e0e0e0e0e0"             \
	"e0e0e0e0e0e0e0e0e0000000000000002a77777777777777777777777777777777777777777777777777777777777777"             \
	"770000019bc0ab2400"
#define CHECKPOINT_SIGNATURE                                                                                           \
	"985fd1b48eb1e6500b5deb9d13d9d280e348f9fc45af89d9a0af59aa8b363f6ed17d0dc0598256f5df1992a38bdf11dc"             \
	"a7700b52c316bceb7c680326e2749d0d"

static struct secret_keys *
example_keys(enum keys_owner owner)
{
	struct secret_keys *keys = secret_keys_blank(owner);
	uint8_t seed[32];

	assert_non_null(keys);
	hex_read(SEED_HEX, seed, sizeof seed);
	crypto_sign_seed_keypair(keys->signing_public.bytes, keys->signing, seed);
	/* A broker signs its checkpoints with a key of its own; here it is the same one, to have fewer figures. */
	if (keys_have_checkpoint(owner))
		crypto_sign_seed_keypair(keys->checkpoint_public.bytes, keys->checkpoint, seed);
	return keys;
}

static void
check(const char *name, const void *bytes, size_t len, const char *hex)
{
	char *text = malloc(2 * len + 1);

	assert_non_null(text);
	sodium_bin2hex(text, 2 * len + 1, bytes, len);
	print_message("%s = %s\n", name, text);
	free(text);
	assert_hex(name, bytes, len, hex);
}

static void
check_signed_bytes(
	const char *name, const char *domain, const char *network, const void *payload, size_t len, const char *hex)
{
	struct buf message;

	buf_init(&message, 4096);
	signed_bytes(&message, domain, network, payload, len);
	assert_int_equal(buf_check(&message), LIAISON_OK);
	check(name, message.data, message.len, hex);
	buf_clear(&message);
}

static void
check_envelope(const char *name, const struct envelope *envelope, const char *hex)
{
	struct buf encoded;

	buf_init(&encoded, 4096);
	envelope_encode(envelope, &encoded);
	assert_int_equal(buf_check(&encoded), LIAISON_OK);
	check(name, encoded.data, encoded.len, hex);
	buf_clear(&encoded);
}

static void
test_key_fingerprint(void **state)
{
	struct secret_keys *keys = example_keys(KEYS_SIGNER);
	char spoken[SPOKEN_FINGERPRINT_BYTES];
	struct key_id id;

	(void)state;
	check("public key", keys->signing_public.bytes, 32, PUBLIC_KEY);
	key_id_of(&keys->signing_public, &id);
	check("key fingerprint", id.bytes, sizeof id.bytes, KEY_ID);
	spoken_fingerprint("abc", 3, spoken);
	print_message("spoken fingerprint of \"abc\" = %s\n", spoken);
	assert_string_equal(spoken, SPOKEN);
	secret_keys_free(keys);
}

/* Bodies that hold nothing but salt and id: enough to be hashed, too little to be admitted. */
static size_t
example_body(unsigned number, uint8_t out[64])
{
	uint8_t body[64] = {0x0a, 16};
	size_t at = 2;
	static const char id[] = "kh.blo.poipet/1";

	for (uint8_t i = 0; i < 16; i++)
		body[at++] = i;
	body[at++] = 0x12;
	body[at++] = sizeof id - 1;
	memcpy(body + at, id, sizeof id - 1);
	at += sizeof id - 1;
	body[at - 1] = (uint8_t)('0' + number);
	memcpy(out, body, at);
	return at;
}

static void
test_single_alert(void **state)
{
	struct secret_keys *keys = example_keys(KEYS_SIGNER);
	uint8_t body[64], payload[BATCH_PAYLOAD_BYTES];
	size_t len = example_body(1, body);
	struct envelope envelope;
	struct digest hash;

	(void)state;
	check("single: body", body, len, BODY_1);
	envelope_body_hash(body, len, &hash);
	check("single: body hash = root", hash.bytes, sizeof hash.bytes, BODY_HASH_1);
	batch_payload(1, &hash, payload);
	check_signed_bytes("single: signed bytes", DOMAIN_ALERT, NETWORK, payload, sizeof payload, SINGLE_SIGNED);
	assert_int_equal(envelope_sign(NETWORK, keys, body, len, &envelope), LIAISON_OK);
	check("single: signature", envelope.signature, sizeof envelope.signature, SINGLE_SIGNATURE);
	check_envelope("single: Envelope", &envelope, SINGLE_ENVELOPE);
	secret_keys_free(keys);
}

static void
test_batch_of_three(void **state)
{
	struct secret_keys *keys = example_keys(KEYS_SIGNER);
	static const char *const leaf_hex[] = {BODY_HASH_1, BODY_HASH_2, BODY_HASH_3};
	uint8_t bodies[3][64], payload[BATCH_PAYLOAD_BYTES];
	size_t lens[3];
	struct digest leaves[3], root;
	struct envelope envelope;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		lens[i] = example_body(i + 1, bodies[i]);
		envelope_body_hash(bodies[i], lens[i], &leaves[i]);
		check("batch: leaf hash", leaves[i].bytes, sizeof leaves[i].bytes, leaf_hex[i]);
	}
	batch_root_from_leaves(leaves, 3, &root);
	check("batch: root", root.bytes, sizeof root.bytes, BATCH_ROOT);
	batch_payload(3, &root, payload);
	check_signed_bytes("batch: signed bytes", DOMAIN_ALERT, NETWORK, payload, sizeof payload, BATCH_SIGNED);
	envelope = (struct envelope){.body = bodies[1], .body_len = lens[1]};
	assert_int_equal(batch_sign(NETWORK, keys, leaves, 3, &envelope.key, envelope.signature), LIAISON_OK);
	check("batch: signature", envelope.signature, sizeof envelope.signature, BATCH_SIGNATURE);
	batch_path(leaves, 3, 1, &envelope);
	assert_int_equal(envelope.path_len, 2);
	check("batch: path of leaf 1, first", envelope.path[0].bytes, 32, BODY_HASH_1);
	check("batch: path of leaf 1, second", envelope.path[1].bytes, 32, BODY_HASH_3);
	check_envelope("batch: Envelope of leaf 1", &envelope, BATCH_ENVELOPE);
	assert_int_equal(envelope_verify(NULL, NETWORK, &keys->signing_public, &envelope, NULL), LIAISON_OK);
	secret_keys_free(keys);
}

static void
test_charter(void **state)
{
	struct secret_keys *keys = example_keys(KEYS_SIGNER);
	Liaison__Signed *signed_message;
	struct fault fault;

	(void)state;
	Liaison__Charter *charter =
		charter_new(NETWORK, &keys->signing_public, 1, 1, SENT, SENT + 365 * INT64_C(86400000));
	const struct charter_member_keys member = {
		.code = "kh",
		.authority_keys = &keys->signing_public,
		.authority_key_count = 1,
		.threshold = 1,
	};
	assert_int_equal(charter_set_member(charter, NULL, &member), LIAISON_OK);
	assert_int_equal(
		document_sign(DOCUMENT_CHARTER, &charter->base, NETWORK, keys, &signed_message, &fault), LIAISON_OK);
	const ProtobufCBinaryData *body = &signed_message->body;
	check("charter: body", body->data, body->len, CHARTER_BODY);
	check_signed_bytes(
		"charter: signed bytes", DOMAIN_CHARTER, NETWORK, body->data, body->len, CHARTER_SIGNED CHARTER_BODY);
	check("charter: signature", signed_message->signatures[0]->signature.data, 64, CHARTER_SIGNATURE);
	message_free(&signed_message->base);
	charter_free(charter);
	secret_keys_free(keys);
}

/* A card's network id is empty: its length byte is zero. */
static void
test_card(void **state)
{
	struct secret_keys *keys = example_keys(KEYS_OFFICE);
	Liaison__Signed *signed_message;
	char spoken[SPOKEN_FINGERPRINT_BYTES];
	struct fault fault;

	(void)state;
	memset(keys->transport_public.bytes, 0x11, 32);
	memset(keys->sealing_public.bytes, 0x22, 32);
	Liaison__Card *card = card_new("kh.blo.poipet", keys, SENT, NULL, 0);
	assert_int_equal(document_sign(DOCUMENT_CARD, &card->base, "", keys, &signed_message, &fault), LIAISON_OK);
	const ProtobufCBinaryData *body = &signed_message->body;
	check("card: body", body->data, body->len, CARD_BODY);
	check_signed_bytes("card: signed bytes", DOMAIN_CARD, "", body->data, body->len, CARD_SIGNED CARD_BODY);
	check("card: signature", signed_message->signatures[0]->signature.data, 64, CARD_SIGNATURE);
	card_fingerprint(signed_message, spoken);
	print_message("card: spoken fingerprint = %s\n", spoken);
	assert_string_equal(spoken, CARD_SPOKEN);
	message_free(&signed_message->base);
	card_free(card);
	secret_keys_free(keys);
}

static void
test_checkpoint(void **state)
{
	struct secret_keys *keys = example_keys(KEYS_BROKER);
	uint8_t epoch[16], root[32], key[16], signature[64];
	char origin[] = "kh.broker";
	Liaison__Checkpoint checkpoint = LIAISON__CHECKPOINT__INIT;
	struct buf payload;

	(void)state;
	memset(epoch, 0xe0, sizeof epoch);
	memset(root, 0x77, sizeof root);
	checkpoint.origin = origin;
	checkpoint.has_epoch = checkpoint.has_size = checkpoint.has_root = checkpoint.has_time = 1;
	checkpoint.epoch = (ProtobufCBinaryData){sizeof epoch, epoch};
	checkpoint.root = (ProtobufCBinaryData){sizeof root, root};
	checkpoint.key = (ProtobufCBinaryData){sizeof key, key};
	checkpoint.signature = (ProtobufCBinaryData){sizeof signature, signature};
	checkpoint.size = 42;
	checkpoint.time = SENT;
	buf_init(&payload, CHECKPOINT_PAYLOAD_BYTES_MAX);
	assert_int_equal(checkpoint_payload(&checkpoint, &payload), LIAISON_OK);
	check_signed_bytes(
		"checkpoint: signed bytes", DOMAIN_CHECKPOINT, NETWORK, payload.data, payload.len, CHECKPOINT_SIGNED);
	assert_int_equal(checkpoint_sign(&checkpoint, NETWORK, keys), LIAISON_OK);
	check("checkpoint: key", key, sizeof key, KEY_ID);
	check("checkpoint: signature", signature, sizeof signature, CHECKPOINT_SIGNATURE);
	buf_clear(&payload);
	secret_keys_free(keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_fingerprint),
		cmocka_unit_test(test_single_alert),
		cmocka_unit_test(test_batch_of_three),
		cmocka_unit_test(test_charter),
		cmocka_unit_test(test_card),
		cmocka_unit_test(test_checkpoint),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
