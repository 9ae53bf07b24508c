/* The format, byte for byte (the expected bytes were computed by another program), and what parsing refuses. */
#include "broker/segment.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sodium.h>

#define OFFSET SEGMENT_HEADER_BYTES

static const char header_hex[] = "6c696169736f6e207365676d656e740000000001000010000000000000040000e0e1e2e3e4e5e6e7e8e9e"
				 "aebecedeeef000000000000000"
				 "300000000000000050000018bcfe5687b000102030405060708090a0b0c0d0e0f10111213141516171819"
				 "1a1b1c1d1e1f02a1a1a1a1a1a1"
				 "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b"
				 "2b2b2b2b2b2b2b2b2b2b2b2b2b2"
				 "b2b2";
static const char header_sum_hex[] = "4fa2e15fd255f0442aaea99de1f0c7ab88f714b1b42fa3d60750e48f82bb20ef";
static const char record_hex[] = "4c526563010100080000000b000000000000000000000005999dd10f3bc7271e56cbe867f8dc7925485e2"
				 "d1b0c3f7a2033735fb53952811"
				 "625001f685a53b794068824a4c81f918b6b852f026211bf72690fd08336c92808b6feff591dc33501cb84"
				 "d3e9c05cab73edd559c4de1c47"
				 "537ca094e603d59363612068656164657261207061796c6f616421210000000000";
static const char *const trailer_hex[2] = {
	"4c54726c0000000000000000000020000000009000000001000000000000000500000000000000055884b257d0e4d14c3a0e0569d566ec"
	"a"
	"344f07ac1e3f095d97275496f1990d7e30000018bcfe569c800000000000030003b8d67ace44a5e756a144db4f1aa7a74",
	"4c54726c0100000000000000000020000000009000000001000000000000000500000000000000055884b257d0e4d14c3a0e0569d566ec"
	"a"
	"344f07ac1e3f095d97275496f1990d7e30000018bcfe569c8000000000000400057b417adb2281090f3786b75d1ea7200",
};

static struct segment_header
a_header(void)
{
	struct segment_header header = {.bytes = SEGMENT_BYTES_MIN, .number = 3, .before_at = 1700000000123};

	for (uint8_t i = 0; i < SEGMENT_KEY_BYTES; i++)
		header.key[i] = i;
	for (uint8_t i = 0; i < EPOCH_BYTES; i++)
		header.epoch.bytes[i] = 0xe0 + i;
	header.before.size = 5;
	memset(&header.before.peaks[0], 0xa1, DIGEST_BYTES);
	memset(&header.before.peaks[1], 0xb2, DIGEST_BYTES);
	return header;
}

static struct record
a_record(void)
{
	static const uint8_t header[] = "a header", payload[] = "a payload!!";

	return (struct record){.type = RECORD_ALERT,
		.header = header,
		.header_len = sizeof header - 1,
		.payload = payload,
		.payload_len = sizeof payload - 1};
}

static struct segment_trailer
a_trailer(const struct segment_header *segment, const struct digest *leaf)
{
	struct segment_trailer trailer = {OFFSET, 144, 1, 5, 5, .at_ms = 1700000000456};
	struct merkle_frontier frontier = segment->before;

	merkle_frontier_append(&frontier, leaf);
	merkle_frontier_root(&frontier, &trailer.root);
	return trailer;
}

static void
assert_hex(const uint8_t *bytes, const char *hex)
{
	char *got = malloc(strlen(hex) + 1);

	assert_non_null(got);
	sodium_bin2hex(got, strlen(hex) + 1, bytes, strlen(hex) / 2);
	assert_string_equal(got, hex);
	free(got);
}

static void
the_bytes_are_those_of_the_format(void **state)
{
	struct segment_header segment = a_header();
	const struct record record = a_record();
	uint8_t block[SEGMENT_BLOCK];
	struct digest leaf;

	(void)state;
	segment_header_encode(&segment, block);
	assert_hex(block, header_hex);
	assert_hex(block + SEGMENT_BLOCK - 32, header_sum_hex);
	assert_int_equal(record_bytes(record.header_len, record.payload_len), 144);
	record_encode(&segment, &record, 5, OFFSET, true, block, &leaf);
	assert_hex(block, record_hex);
	struct segment_trailer trailer = a_trailer(&segment, &leaf);
	for (unsigned copy = 0; copy < 2; copy++) {
		segment_trailer_encode(&segment, &trailer, copy, block);
		assert_hex(block, trailer_hex[copy]);
		for (size_t i = strlen(trailer_hex[copy]) / 2; i < SEGMENT_BLOCK; i++)
			assert_int_equal(block[i], 0);
	}
}

static void
names_are_exact(void **state)
{
	static const struct {
		const char *name;
		bool is_segment;
		uint64_t first_index;
	} cases[] = {
		{"segment-00000000000000000000", true, 0},
		{"segment-00000000000000000042", true, 42},
		{"segment-18446744073709551615", true, UINT64_MAX},
		{"segment-18446744073709551616", false, 0},
		{"segment-0000000000000000042", false, 0},
		{"segment-000000000000000000042", false, 0},
		{"segment-0000000000000000004x", false, 0},
		{"segment-+0000000000000000042", false, 0},
		{"Segment-00000000000000000042", false, 0},
		{"spare", false, 0},
		{"", false, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t first_index = 0;
		assert_int_equal(segment_name_parse(cases[i].name, &first_index), cases[i].is_segment);
		assert_int_equal(first_index, cases[i].first_index);
	}
}

static void
one_whole_header_of_two_is_enough(void **state)
{
	struct segment_header segment = a_header(), parsed;
	uint8_t bytes[SEGMENT_HEADER_BYTES];
	unsigned bad;

	(void)state;
	segment_header_encode(&segment, bytes);
	memcpy(bytes + SEGMENT_BLOCK, bytes, SEGMENT_BLOCK);
	assert_int_equal(segment_header_parse(bytes, &parsed, &bad), LIAISON_OK);
	assert_int_equal(bad, 0);
	assert_int_equal(parsed.before.size, 5);
	assert_memory_equal(parsed.before.peaks, segment.before.peaks, 2 * DIGEST_BYTES);
	assert_memory_equal(parsed.key, segment.key, SEGMENT_KEY_BYTES);
	for (unsigned copy = 0; copy < 2; copy++) {
		bytes[copy * SEGMENT_BLOCK + 50] ^= 1;
		assert_int_equal(segment_header_parse(bytes, &parsed, &bad), LIAISON_OK);
		assert_int_equal(bad, 1);
		bytes[copy * SEGMENT_BLOCK + 50] ^= 1;
	}
	bytes[50] ^= 1;
	bytes[SEGMENT_BLOCK + 4000] ^= 1;
	assert_int_equal(segment_header_parse(bytes, &parsed, &bad), LIAISON_CORRUPT);
	/* Two whole headers of two lives of the file. */
	segment_header_encode(&segment, bytes);
	segment.number++;
	segment_header_encode(&segment, bytes + SEGMENT_BLOCK);
	assert_int_equal(segment_header_parse(bytes, &parsed, &bad), LIAISON_CORRUPT);
}

static void
a_header_of_a_later_version_is_not_taken_for_damage(void **state)
{
	struct segment_header segment = a_header(), parsed;
	uint8_t bytes[SEGMENT_HEADER_BYTES];
	unsigned bad;

	(void)state;
	segment_header_encode(&segment, bytes);
	bytes[19] = 2;
	crypto_generichash(bytes + SEGMENT_BLOCK - 32, 32, bytes, SEGMENT_BLOCK - 32, NULL, 0);
	memcpy(bytes + SEGMENT_BLOCK, bytes, SEGMENT_BLOCK);
	assert_int_equal(segment_header_parse(bytes, &parsed, &bad), LIAISON_UNSUPPORTED_VERSION);
}

static void
a_seal_binds_place_key_and_copy(void **state)
{
	struct segment_header segment = a_header(), other = a_header();
	const struct record record = a_record();
	uint8_t bytes[SEGMENT_BLOCK], again[SEGMENT_BLOCK];
	struct stored_record stored;
	struct segment_trailer trailer, parsed;
	struct digest leaf;
	unsigned copy;

	(void)state;
	other.key[0] ^= 1;
	record_encode(&segment, &record, 5, OFFSET, true, bytes, &leaf);
	assert_int_equal(record_parse(&segment, bytes, 144, OFFSET, &stored), LIAISON_OK);
	assert_int_equal(stored.damage, 0);
	assert_int_equal(stored.bytes, 144);
	assert_true(stored.is_last_of_group && digest_equal(&stored.leaf, &leaf));
	assert_int_equal(record_parse(&segment, bytes, 144, OFFSET + SEGMENT_BLOCK, &stored), LIAISON_CORRUPT);
	assert_int_equal(record_parse(&other, bytes, 144, OFFSET, &stored), LIAISON_CORRUPT);
	for (size_t len = 0; len < 144; len++)
		assert_int_equal(record_parse(&segment, bytes, len, OFFSET, &stored), LIAISON_CORRUPT);

	trailer = a_trailer(&segment, &leaf);
	uint64_t offset = segment_trailer_offset(&trailer);
	assert_int_equal(offset, OFFSET + SEGMENT_BLOCK);
	for (unsigned i = 0; i < 2; i++) {
		segment_trailer_encode(&segment, &trailer, i, bytes);
		uint64_t at = offset + i * SEGMENT_BLOCK;
		assert_int_equal(segment_trailer_parse(&segment, bytes, at, &parsed, &copy), LIAISON_OK);
		assert_int_equal(copy, i);
		segment_trailer_encode(&segment, &parsed, copy, again);
		assert_memory_equal(again, bytes, SEGMENT_BLOCK);
		assert_int_equal(
			segment_trailer_parse(&segment, bytes, at ^ SEGMENT_BLOCK, &parsed, &copy), LIAISON_CORRUPT);
		assert_int_equal(segment_trailer_parse(&other, bytes, at, &parsed, &copy), LIAISON_CORRUPT);
	}
}

static void
each_bit_of_a_record_and_a_trailer_counts(void **state)
{
	struct segment_header segment = a_header();
	const struct record record = a_record();
	uint8_t bytes[SEGMENT_BLOCK];
	struct stored_record stored;
	struct segment_trailer trailer, parsed;
	struct digest leaf;
	unsigned copy;

	(void)state;
	record_encode(&segment, &record, 5, OFFSET, true, bytes, &leaf);
	for (size_t bit = 0; bit < 144 * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		enum liaison_err err = record_parse(&segment, bytes, 144, OFFSET, &stored);
		if (bit / 8 < RECORD_FRAME_BYTES)
			assert_int_equal(err, LIAISON_CORRUPT);
		else if (bit / 8 < RECORD_FRAME_BYTES + record.header_len)
			assert_true(err == LIAISON_OK && stored.damage == RECORD_HEADER_DAMAGED);
		else if (bit / 8 < RECORD_FRAME_BYTES + record.header_len + record.payload_len)
			assert_true(err == LIAISON_OK && stored.damage == RECORD_PAYLOAD_DAMAGED);
		else
			assert_true(err == LIAISON_OK && stored.damage == 0 && stored.has_stray_bytes);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	trailer = a_trailer(&segment, &leaf);
	segment_trailer_encode(&segment, &trailer, 0, bytes);
	for (size_t bit = 0; bit < 104 * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(
			segment_trailer_parse(&segment, bytes, segment_trailer_offset(&trailer), &parsed, &copy),
			LIAISON_CORRUPT);
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

/*
 * A sender chooses the bytes of payloads, and the epoch is public. A payload that holds a frame and a trailer for just the
 * place where it will lie must not be taken for either when a crash has torn what stood before it.
 */
static void
a_payload_cannot_pose_as_a_trailer(void **state)
{
	static uint8_t file[SEGMENT_BYTES_MIN], payload[3 * SEGMENT_BLOCK];
	struct segment_header segment = a_header(), guessed = a_header();
	struct segment_summary summary;
	const struct segment_visitor nobody = {0};
	struct digest leaf;

	(void)state;
	memset(guessed.key, 0, SEGMENT_KEY_BYTES);
	segment.before.size = guessed.before.size = 0;
	struct record record = {.type = RECORD_ALERT,
		.header = (const uint8_t *)"h",
		.header_len = 1,
		.payload = payload,
		.payload_len = sizeof payload};
	size_t to_block = SEGMENT_BLOCK - RECORD_FRAME_BYTES - 1;
	struct segment_trailer forged = {OFFSET, 4000, 1, 0, 0, .at_ms = 1};
	segment_trailer_encode(&guessed, &forged, 0, payload + to_block);
	record_encode(&segment, &record, 0, OFFSET, true, file + OFFSET, &leaf);
	memset(file + OFFSET, 0, 512); /* the crash */
	assert_int_equal(segment_walk(&segment, file, sizeof file, SEGMENT_IS_LAST, &nobody, &summary), LIAISON_OK);
	assert_false(summary.has_trailer);
	assert_true(summary.torn_end > summary.end_offset);
	assert_int_equal(summary.end_offset, OFFSET);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_the_format),
		cmocka_unit_test(names_are_exact),
		cmocka_unit_test(one_whole_header_of_two_is_enough),
		cmocka_unit_test(a_header_of_a_later_version_is_not_taken_for_damage),
		cmocka_unit_test(a_seal_binds_place_key_and_copy),
		cmocka_unit_test(each_bit_of_a_record_and_a_trailer_counts),
		cmocka_unit_test(a_payload_cannot_pose_as_a_trailer),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
