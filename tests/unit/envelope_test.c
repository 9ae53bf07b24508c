/* Batches of every shape: each leaf provable alone, each mutation refused, and a cache that cannot be talked into more. */
#include "proto/base/rand.h"
#include "proto/envelope.h"
#include "proto/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define NETWORK "test.net"

struct batch {
	struct secret_keys *keys;
	uint32_t count;
	struct digest leaves[BATCH_LEAVES_MAX];
	char bodies[BATCH_LEAVES_MAX][16];
	struct key_id key;
	uint8_t signature[SIGNATURE_BYTES];
};

static struct batch *
batch_new(uint32_t count, uint8_t number)
{
	struct batch *batch = calloc(1, sizeof *batch);
	uint8_t seed[32] = {number};

	assert_non_null(batch);
	batch->keys = secret_keys_from_seed(KEYS_OFFICE, seed);
	batch->count = count;
	for (uint32_t i = 0; i < count; i++) {
		snprintf(batch->bodies[i], sizeof batch->bodies[i], "body %u", i);
		envelope_body_hash((const uint8_t *)batch->bodies[i], strlen(batch->bodies[i]), &batch->leaves[i]);
	}
	assert_int_equal(
		batch_sign(NETWORK, batch->keys, batch->leaves, count, &batch->key, batch->signature), LIAISON_OK);
	return batch;
}

static void
batch_free(struct batch *batch)
{
	secret_keys_free(batch->keys);
	free(batch);
}

static void
batch_envelope(const struct batch *batch, uint32_t leaf, struct envelope *out)
{
	*out = (struct envelope){
		.body = (const uint8_t *)batch->bodies[leaf],
		.body_len = strlen(batch->bodies[leaf]),
		.key = batch->key,
	};
	memcpy(out->signature, batch->signature, SIGNATURE_BYTES);
	batch_path(batch->leaves, batch->count, leaf, out);
}

static enum liaison_err
verify(struct batch_cache *cache, const struct batch *batch, const struct envelope *envelope)
{
	return envelope_verify(cache, NETWORK, &batch->keys->signing_public, envelope, NULL);
}

static const uint32_t counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 1000, 1023, 1024};

static void
test_each_leaf_is_provable_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct batch *batch = batch_new(counts[i], 1);
		struct batch_cache *cache = batch_cache_new(4);
		struct digest root, hash;
		batch_root_from_leaves(batch->leaves, batch->count, &root);
		for (uint32_t leaf = 0; leaf < batch->count; leaf++) {
			struct envelope envelope;
			struct digest led_to;
			batch_envelope(batch, leaf, &envelope);
			assert_int_equal(envelope_root(&envelope, &batch->leaves[leaf], &led_to), LIAISON_OK);
			assert_true(digest_equal(&led_to, &root));
			assert_int_equal(
				envelope_verify(cache, NETWORK, &batch->keys->signing_public, &envelope, &hash),
				LIAISON_OK);
			assert_true(digest_equal(&hash, &batch->leaves[leaf]));
		}
		assert_int_equal(batch_cache_size(cache), batch->count > 1 ? 1 : 0);
		batch_cache_free(cache);
		batch_free(batch);
	}
}

/* One change each; none may pass, with an empty cache or with one that knows the batch. */
static void
mutate_and_verify(const struct batch *batch, uint32_t leaf, struct batch_cache *warm, const struct rng *rng)
{
	struct envelope good;
	uint8_t body[16];

	batch_envelope(batch, leaf, &good);
#define REFUSED(change)                                                                                                \
	do {                                                                                                           \
		struct envelope bad = good;                                                                            \
		change;                                                                                                \
		assert_int_not_equal(verify(NULL, batch, &bad), LIAISON_OK);                                           \
		assert_int_not_equal(verify(warm, batch, &bad), LIAISON_OK);                                           \
	} while (0)

	memcpy(body, good.body, good.body_len);
	REFUSED(bad.body = body; body[rng_below(rng, (uint32_t)good.body_len)] ^= (uint8_t)(1 << rng_below(rng, 8)));
	REFUSED(bad.body_len--);
	REFUSED(bad.signature[rng_below(rng, SIGNATURE_BYTES)] ^= (uint8_t)(1 << rng_below(rng, 8)));
	REFUSED(bad.leaf_count++);
	REFUSED(bad.leaf_count--);
	REFUSED(bad.leaf = bad.leaf_count);
	if (good.path_len < BATCH_PATH_MAX)
		REFUSED(bad.path[bad.path_len++] = batch->leaves[0]);
	if (good.path_len > 0) {
		REFUSED(bad.path_len--);
		REFUSED(bad.path[rng_below(rng, (uint32_t)good.path_len)].bytes[rng_below(rng, 32)] ^=
			(uint8_t)(1 << rng_below(rng, 8)));
		REFUSED(bad.leaf ^= 1);
	}
#undef REFUSED
}

static void
test_each_mutation_is_refused(void **state)
{
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, 20231);

	(void)state;
	print_message("seed 20231\n");
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct batch *batch = batch_new(counts[i], 1);
		struct batch_cache *warm = batch_cache_new(4);
		struct envelope first;
		batch_envelope(batch, 0, &first);
		assert_int_equal(verify(warm, batch, &first), LIAISON_OK);
		for (int run = 0; run < 20; run++)
			mutate_and_verify(batch, rng_below(&rng, batch->count), warm, &rng);
		batch_cache_free(warm);
		batch_free(batch);
	}
}

static void
test_another_key_or_network_is_refused_by_a_warm_cache(void **state)
{
	struct batch *batch = batch_new(5, 1), *other = batch_new(5, 2);
	struct batch_cache *cache = batch_cache_new(4);
	struct envelope envelope;

	(void)state;
	batch_envelope(batch, 3, &envelope);
	assert_int_equal(verify(cache, batch, &envelope), LIAISON_OK);
	assert_int_equal(verify(cache, other, &envelope), LIAISON_BAD_SIGNATURE);
	assert_int_equal(envelope_verify(NULL, "other.net", &batch->keys->signing_public, &envelope, NULL),
		LIAISON_BAD_SIGNATURE);
	/* The same leaves signed by another office: the same root, another entry. */
	batch_envelope(other, 3, &envelope);
	assert_int_equal(verify(cache, other, &envelope), LIAISON_OK);
	assert_int_equal(batch_cache_size(cache), 2);
	batch_cache_free(cache);
	batch_free(batch);
	batch_free(other);
}

static void
test_cache_is_bounded_and_forgets_the_oldest(void **state)
{
	enum { CAPACITY = 7, BATCHES = 40 };
	struct batch_cache *cache = batch_cache_new(CAPACITY);
	struct batch *batches[BATCHES];
	struct envelope envelope;

	(void)state;
	for (int i = 0; i < BATCHES; i++) {
		batches[i] = batch_new(2 + (uint32_t)i, 1);
		batch_envelope(batches[i], 1, &envelope);
		assert_int_equal(verify(cache, batches[i], &envelope), LIAISON_OK);
		assert_int_equal(verify(cache, batches[i], &envelope), LIAISON_OK);
		assert_int_equal(batch_cache_size(cache), i < CAPACITY ? i + 1 : CAPACITY);
	}
	/* All still verify, remembered or not; a signature that fails is not remembered. */
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < BATCHES; i++) {
			batch_envelope(batches[i], 0, &envelope);
			assert_int_equal(verify(cache, batches[i], &envelope), LIAISON_OK);
			envelope.signature[0] ^= 1;
			assert_int_equal(verify(cache, batches[i], &envelope), LIAISON_BAD_SIGNATURE);
			assert_int_equal(verify(cache, batches[i], &envelope), LIAISON_BAD_SIGNATURE);
		}
	for (int i = 0; i < BATCHES; i++)
		batch_free(batches[i]);
	batch_cache_free(cache);
	batch_cache_free(NULL);
}

/* --- as a message -------------------------------------------------------------------------------------------------- */

static Liaison__Envelope *
encode_and_unpack(const struct envelope *envelope)
{
	struct buf encoded;

	buf_init(&encoded, 1 << 20);
	envelope_encode(envelope, &encoded);
	assert_int_equal(buf_check(&encoded), LIAISON_OK);
	Liaison__Envelope *message = liaison__envelope__unpack(NULL, encoded.len, encoded.data);
	assert_non_null(message);
	/* Canonical: protobuf-c would write the same bytes. */
	uint8_t *again = malloc(encoded.len);
	assert_int_equal(liaison__envelope__get_packed_size(message), encoded.len);
	liaison__envelope__pack(message, again);
	assert_memory_equal(again, encoded.data, encoded.len);
	free(again);
	buf_clear(&encoded);
	return message;
}

static void
test_encoding_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		struct batch *batch = batch_new(counts[i], 1);
		struct envelope envelope, again = {0};
		struct fault fault;
		batch_envelope(batch, batch->count - 1, &envelope);
		Liaison__Envelope *message = encode_and_unpack(&envelope);
		assert_int_equal(envelope_from_message(message, &again, &fault), LIAISON_OK);
		assert_int_equal(again.path_len, envelope.path_len);
		assert_int_equal(verify(NULL, batch, &again), LIAISON_OK);
		liaison__envelope__free_unpacked(message, NULL);
		batch_free(batch);
	}
}

static void
test_messages_that_are_no_envelope(void **state)
{
	struct batch *batch = batch_new(3, 1);
	struct envelope envelope, out;
	struct fault fault;
	Liaison__KeySignature approval = LIAISON__KEY_SIGNATURE__INIT;
	Liaison__KeySignature *approvals[] = {&approval};

	(void)state;
	batch_envelope(batch, 0, &envelope);
	Liaison__Envelope *message = encode_and_unpack(&envelope);
#define REFUSED(code, word, change)                                                                                    \
	do {                                                                                                           \
		Liaison__Envelope good = *message;                                                                     \
		change;                                                                                                \
		assert_int_equal(envelope_from_message(message, &out, &fault), code);                                  \
		assert_non_null(strstr(fault.message, word));                                                          \
		*message = good;                                                                                       \
	} while (0)
	REFUSED(LIAISON_MALFORMED, "body", message->has_body = 0);
	REFUSED(LIAISON_MALFORMED, "body", message->body.len = 0);
	REFUSED(LIAISON_MALFORMED, "fingerprint", message->has_key = 0);
	REFUSED(LIAISON_MALFORMED, "fingerprint", message->key.len = 15);
	REFUSED(LIAISON_MALFORMED, "leaf_count", message->has_leaf_count = 0);
	REFUSED(LIAISON_MALFORMED, "leaf_count", message->leaf_count = 0);
	REFUSED(LIAISON_MALFORMED, "leaf_count", message->leaf_count = BATCH_LEAVES_MAX + 1);
	REFUSED(LIAISON_MALFORMED, "leaf below", message->has_leaf = 0);
	REFUSED(LIAISON_MALFORMED, "leaf below", message->leaf = 3);
	REFUSED(LIAISON_MALFORMED, "path", message->n_path = BATCH_PATH_MAX + 1);
	REFUSED(LIAISON_MALFORMED, "signature", message->signature.len = 65);
	REFUSED(LIAISON_NOT_SUPPORTED, "approvals", (message->n_approvals = 1, message->approvals = approvals));
#undef REFUSED
	message->path[1].len = 31;
	assert_int_equal(envelope_from_message(message, &out, &fault), LIAISON_MALFORMED);
	liaison__envelope__free_unpacked(message, NULL);
	batch_free(batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_leaf_is_provable_alone),
		cmocka_unit_test(test_each_mutation_is_refused),
		cmocka_unit_test(test_another_key_or_network_is_refused_by_a_warm_cache),
		cmocka_unit_test(test_cache_is_bounded_and_forgets_the_oldest),
		cmocka_unit_test(test_encoding_round_trip),
		cmocka_unit_test(test_messages_that_are_no_envelope),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
