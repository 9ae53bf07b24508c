/* There is one byte string for each message: what protobuf-c packs is canonical, and whatever is canonical packs so. */
#include "proto/alert.pb-c.h"
#include "proto/base/buf.h"
#include "proto/frame.pb-c.h"
#include "proto/scan.h"
#include "tests/support/random_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED UINT64_C(20240817)
#define MESSAGES_PER_SCHEMA 200
#define RECORDS_MAX 512

#define ALERT (&liaison__alert__descriptor)
#define FRAME (&liaison__frame__descriptor)

/* The strongest that can be said: what is canonical is unpacked, and packs to the same bytes. */
static void
assert_one_byte_string(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len)
{
	ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, NULL, len, bytes);
	size_t again_len;

	assert_non_null(message);
	uint8_t *again = message_bytes(message, &again_len);
	assert_int_equal(again_len, len);
	assert_memory_equal(again, bytes, len);
	free(again);
	protobuf_c_message_free_unpacked(message, NULL);
}

struct record {
	size_t at;
	size_t value_at;
	size_t end;
	uint32_t number;
	uint8_t wire;
};

static uint64_t
varint_at(const uint8_t *bytes, size_t *at)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = bytes[(*at)++];
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return value;
	}
}

static size_t
split_records(const uint8_t *bytes, size_t len, struct record *records)
{
	size_t count = 0;

	for (size_t at = 0; at < len; count++) {
		struct record *record = &records[count];
		record->at = at;
		uint64_t tag = varint_at(bytes, &at);
		record->number = (uint32_t)(tag >> 3);
		record->wire = tag & 7;
		record->value_at = at;
		if (record->wire == 0)
			(void)varint_at(bytes, &at);
		else if (record->wire == 1)
			at += 8;
		else if (record->wire == 5)
			at += 4;
		else
			at += varint_at(bytes, &at);
		record->end = at;
	}
	return count;
}

static void
assert_refused(const ProtobufCMessageDescriptor *descriptor, const struct buf *mutant, const char *why)
{
	struct fault fault;

	assert_int_equal(buf_check(mutant), LIAISON_OK);
	if (scan_canonical(descriptor, mutant->data, mutant->len, &fault) == LIAISON_OK)
		fail_msg("%s: %s was taken", descriptor->name, why);
}

/* Copies `bytes` with the varint that starts at `varint` one byte longer than it need be. */
static void
put_overlong(struct buf *out, const uint8_t *bytes, size_t len, size_t varint)
{
	size_t end = varint;

	(void)varint_at(bytes, &end);
	buf_reset(out);
	buf_put(out, bytes, end - 1);
	buf_put_u8(out, bytes[end - 1] | 0x80);
	buf_put_u8(out, 0);
	buf_put(out, bytes + end, len - end);
}

static void
check_mutants(const struct rng *rng, const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len)
{
	struct record records[RECORDS_MAX];
	size_t count = split_records(bytes, len, records);
	struct buf mutant;

	if (count == 0)
		return;
	assert_true(count < RECORDS_MAX);
	buf_init(&mutant, 2 * BODY_BYTES_MAX);
	const struct record *one = &records[rng_below(rng, (uint32_t)count)];
	const struct record *other = &records[rng_below(rng, (uint32_t)count)];

	put_overlong(&mutant, bytes, len, one->at);
	assert_refused(descriptor, &mutant, "an over-long tag");
	if (one->wire == 0 || one->wire == 2) {
		put_overlong(&mutant, bytes, len, one->value_at);
		assert_refused(descriptor, &mutant, "an over-long value or length");
	}
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(descriptor, one->number);
	if (field->label != PROTOBUF_C_LABEL_REPEATED || (field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0) {
		buf_reset(&mutant);
		buf_put(&mutant, bytes, one->end);
		buf_put(&mutant, bytes + one->at, len - one->at);
		assert_refused(descriptor, &mutant, "a field that stands twice");
	}
	if (one->number < other->number) {
		buf_reset(&mutant);
		buf_put(&mutant, bytes, one->at);
		buf_put(&mutant, bytes + other->at, other->end - other->at);
		buf_put(&mutant, bytes + one->end, other->at - one->end);
		buf_put(&mutant, bytes + one->at, one->end - one->at);
		buf_put(&mutant, bytes + other->end, len - other->end);
		assert_refused(descriptor, &mutant, "another order");
	}
	buf_clear(&mutant);
}

static void
check_truncations(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len)
{
	struct record records[RECORDS_MAX];
	size_t count = split_records(bytes, len, records);
	size_t next = 0;

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = malloc(cut + 1);
		memcpy(exact, bytes, cut);
		enum liaison_err err = scan_canonical(descriptor, exact, cut, NULL);
		while (next < count && records[next].end <= cut)
			next++;
		bool is_boundary = cut == (next == 0 ? 0 : records[next - 1].end);
		assert_int_equal(err, is_boundary ? LIAISON_OK : LIAISON_MALFORMED);
		free(exact);
	}
}

static void
what_protobuf_c_packs_is_canonical_and_nothing_else_is(void **state)
{
	(void)state;
	print_message("seed %llu\n", (unsigned long long)SEED);
	for (size_t s = 0; random_schemas[s] != NULL; s++) {
		struct rng_seeded seeded;
		struct rng rng = rng_from_seed(&seeded, SEED + s);
		for (size_t i = 0; i < MESSAGES_PER_SCHEMA; i++) {
			struct fault fault = {0};
			size_t len;
			ProtobufCMessage *message = random_message(&rng, random_schemas[s]);
			uint8_t *bytes = message_bytes(message, &len);
			if (scan_canonical(random_schemas[s], bytes, len, &fault) != LIAISON_OK)
				fail_msg("message %zu: %s", i, fault.message);
			assert_int_equal(scan_frame(random_schemas[s], bytes, len, &fault), LIAISON_OK);
			assert_one_byte_string(random_schemas[s], bytes, len);
			check_mutants(&rng, random_schemas[s], bytes, len);
			if (i < 4)
				check_truncations(random_schemas[s], bytes, len);
			free(bytes);
			protobuf_c_message_free_unpacked(message, NULL);
		}
	}
}

static void
bytes_that_are_changed_at_random_keep_the_promise(void **state)
{
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	size_t taken = 0;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)SEED);
	for (size_t i = 0; i < 300; i++) {
		size_t len;
		ProtobufCMessage *message = random_message(&rng, ALERT);
		uint8_t *bytes = message_bytes(message, &len);
		for (size_t m = 0; len > 0 && m < 40; m++) {
			size_t at = rng_below(&rng, (uint32_t)len);
			uint8_t before = bytes[at];
			bytes[at] = (uint8_t)(rng_below(&rng, 2) ? before ^ 1U << rng_below(&rng, 8)
								 : rng_below(&rng, 256));
			if (scan_canonical(ALERT, bytes, len, NULL) == LIAISON_OK) {
				assert_one_byte_string(ALERT, bytes, len);
				taken++;
			}
			if (rng_below(&rng, 4) != 0)
				bytes[at] = before;
		}
		free(bytes);
		protobuf_c_message_free_unpacked(message, NULL);
	}
	assert_true(taken > 100); /* else nothing was tested */
}

static void
frames_of_every_kind_pass(void **state)
{
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)SEED);
	for (size_t i = 0; i < 500; i++) {
		size_t len;
		ProtobufCMessage *message = random_message(&rng, FRAME);
		uint8_t *bytes = message_bytes(message, &len);
		assert_int_equal(scan_frame(FRAME, bytes, len, NULL), LIAISON_OK);
		/* What passes is safe to unpack, whatever was changed in it. */
		for (size_t m = 0; len > 0 && m < 20; m++) {
			bytes[rng_below(&rng, (uint32_t)len)] ^= (uint8_t)(1U << rng_below(&rng, 8));
			if (scan_frame(FRAME, bytes, len, NULL) == LIAISON_OK)
				protobuf_c_message_free_unpacked(
					protobuf_c_message_unpack(FRAME, NULL, len, bytes), NULL);
		}
		free(bytes);
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_protobuf_c_packs_is_canonical_and_nothing_else_is),
		cmocka_unit_test(bytes_that_are_changed_at_random_keep_the_promise),
		cmocka_unit_test(frames_of_every_kind_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
