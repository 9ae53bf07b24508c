/*
 * The log on a medium that gives back other bytes than it was given: never a wrong record, never a silent loss, the
 * place named. Each case starts from a copy of one log of several segments, all acknowledged.
 */
#include "broker/log_reader.h"
#include "tests/support/log_original.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>

#define assert_honest(original, fixture, what) assert_true(log_original_is_served_honestly(original, fixture, what))

/* $LIAISON_DAMAGE_RUNS multiplies the random cases; $LIAISON_SEED changes them. */
static unsigned
runs(unsigned count)
{
	const char *text = getenv("LIAISON_DAMAGE_RUNS");

	return count * (text != NULL ? (unsigned)strtoul(text, NULL, 10) : 1);
}

static uint64_t
seed_of_damage(void)
{
	const char *text = getenv("LIAISON_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : LOG_ORIGINAL_SEED;

	print_message("LIAISON_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* --- one bit ------------------------------------------------------------------------------------------------------ */

struct covering {
	const char *file;
	uint64_t byte;
	bool found;
};

static void
look_for_byte(void *arg, const struct log_finding *finding)
{
	struct covering *covering = arg;
	const struct segment_finding *at = &finding->at;

	if (strcmp(finding->file, covering->file) == 0 && covering->byte >= at->offset &&
		covering->byte < at->offset + at->bytes)
		covering->found = true;
}

static void
one_flipped_bit_is_named_and_never_served(void **state)
{
	const struct log_original *original = *state;
	struct log_fixture fixture;
	struct rng rng;
	struct rng_seeded rng_state;
	const struct digest root = original->root;
	unsigned damaged = 0, noted = 0, torn = 0;

	rng = rng_from_seed(&rng_state, seed_of_damage());
	for (unsigned i = 0; i < runs(1000); i++) {
		char what[128];
		size_t len;
		log_original_copy(original, &fixture);
		const char *path = original->segments[rng_below(&rng, (uint32_t)original->count)];
		memdisk_file(fixture.memdisk, path, &len);
		/* Half of the time where structure is dense: the header, and the beginning of the first group. */
		uint64_t bit =
			rng_below(&rng, 2) == 0 ? rng_below(&rng, 8 * 20000) : rng_below(&rng, (uint32_t)len * 8);
		snprintf(what, sizeof what, "%s bit %llu", path, (unsigned long long)bit);
		memdisk_flip(fixture.memdisk, path, bit);
		struct covering covering = {path + sizeof FIXTURE_DIR, bit / 8, false};
		const struct log_visitor visitor = {.on_finding = look_for_byte, .arg = &covering};
		assert_int_equal(
			log_verify(&fixture.disk, FIXTURE_DIR, &visitor, &fixture.report, &fixture.fault), LIAISON_OK);
		if (!covering.found) {
			fixture_say(&fixture, what);
			fail();
		}
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_honest(original, &fixture, what);
		damaged += fixture.report.damages > 0;
		noted += fixture.report.notes > 0;
		torn += fixture.report.torn > 0;
		/* One bit costs one record at most, and never a leaf: proofs go on. */
		assert_true(fixture.report.lost <= 1);
		assert_int_equal(fixture.report.leaves_lost, 0);
		assert_true(digest_equal(&fixture.report.head.root, &root));
		assert_int_equal(fixture.seen + fixture.report.lost, original->size);
		fixture_clear(&fixture);
	}
	print_message("%u flips: %u damage, %u notes, %u in free space at the end\n", runs(1000), damaged, noted, torn);
	assert_true(damaged > 100 && noted > 100 && torn > 10);
}

static void
one_flipped_bit_of_the_epoch_file_is_named(void **state)
{
	const struct log_original *original = *state;
	struct log_fixture fixture;
	size_t len;

	assert_non_null(memdisk_file(original->fixture.memdisk, FIXTURE_DIR "/epoch", &len));
	for (uint64_t bit = 0; bit < len * 8; bit++) {
		log_original_copy(original, &fixture);
		memdisk_flip(fixture.memdisk, FIXTURE_DIR "/epoch", bit);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture.report.damages, 1);
		assert_string_equal(fixture.report.damage.file, "epoch");
		assert_int_equal(fixture.seen, original->size);
		fixture_clear(&fixture);
	}
}

static void
a_flipped_bit_while_open_is_met_by_the_reader(void **state)
{
	static struct log_location locations[GROUP_RECORDS_MAX];
	struct log_fixture fixture;
	struct fault fault;
	struct stored_record record;

	(void)state;
	fixture_init(&fixture, LOG_ORIGINAL_SEED);
	assert_int_equal(fixture_create(&fixture), LIAISON_OK);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_int_equal(fixture_append(&fixture, 20, locations), LIAISON_OK);
	assert_int_equal(fixture_flush(&fixture), LIAISON_OK);
	struct epoch epoch = log_epoch(fixture.log);
	struct log_reader *reader = log_reader_new(&fixture.disk, FIXTURE_DIR, &epoch);
	for (int i = 0; i < 500; i++) {
		uint32_t index = rng_below(&fixture.rng, 20);
		uint64_t bit = locations[index].offset * 8 + rng_below(&fixture.rng, RECORD_FRAME_BYTES * 8);
		memdisk_flip(fixture.memdisk, FIXTURE_DIR "/segment-00000000000000000000", bit);
		/* One bit of a frame is put right; one of the rest is not, and neither are two. */
		assert_int_equal(log_read(reader, index, &locations[index], &record, &fault), LIAISON_OK);
		assert_true(record.index == index && specimen_equals(LOG_ORIGINAL_SEED, &record));
		uint64_t second = locations[index].offset * 8 + RECORD_FRAME_BYTES * 8 + rng_below(&fixture.rng, 8);
		memdisk_flip(fixture.memdisk, FIXTURE_DIR "/segment-00000000000000000000", second);
		assert_int_equal(log_read(reader, index, &locations[index], &record, &fault), LIAISON_CORRUPT);
		assert_non_null(strstr(fault.message, "segment-00000000000000000000: at byte"));
		memdisk_flip(fixture.memdisk, FIXTURE_DIR "/segment-00000000000000000000", second);
		memdisk_flip(fixture.memdisk, FIXTURE_DIR "/segment-00000000000000000000", bit);
		assert_int_equal(log_read(reader, index, &locations[index], &record, &fault), LIAISON_OK);
	}
	log_reader_free(reader);
	fixture_clear(&fixture);
}

/* --- more than one bit -------------------------------------------------------------------------------------------- */

static void
every_truncation_is_found_at_start(void **state)
{
	const struct log_original *original = *state;
	const char *last = original->segments[original->count - 1];
	struct log_fixture fixture;
	size_t full;

	memdisk_file(original->fixture.memdisk, last, &full);
	for (size_t len = 0; len < full; len += len % 512 == 511 ? 1 : len % 512 == 0 ? 1 : 510) {
		char what[64];
		log_original_copy(original, &fixture);
		memdisk_truncate(fixture.memdisk, last, len);
		snprintf(what, sizeof what, "cut to %zu", len);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_honest(original, &fixture, what);
		assert_true(fixture.report.damages > 0);
		fixture_clear(&fixture);
	}
	log_original_copy(original, &fixture);
	memdisk_truncate(fixture.memdisk, last, full + 1);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_true(fixture.report.damages > 0);
	assert_int_equal(fixture.seen, original->size);
	fixture_clear(&fixture);
}

static void
zeroed_and_duplicated_blocks_are_found(void **state)
{
	static const uint8_t zeros[SEGMENT_BLOCK];
	const struct log_original *original = *state;
	struct rng_seeded rng_state;
	struct rng rng = rng_from_seed(&rng_state, seed_of_damage());
	struct log_fixture fixture;

	for (unsigned i = 0; i < runs(500); i++) {
		char what[128];
		size_t len, other_len;
		log_original_copy(original, &fixture);
		const char *path = original->segments[rng_below(&rng, (uint32_t)original->count)];
		const char *other = original->segments[rng_below(&rng, (uint32_t)original->count)];
		memdisk_file(fixture.memdisk, path, &len);
		const uint8_t *from = memdisk_file(original->fixture.memdisk, other, &other_len);
		size_t unit = rng_below(&rng, 2) == 0 ? 512 : SEGMENT_BLOCK;
		uint64_t to = rng_below(&rng, (uint32_t)(len / unit)) * unit;
		uint64_t at = rng_below(&rng, (uint32_t)(other_len / unit)) * unit;
		bool is_zeroed = rng_below(&rng, 2) == 0;
		snprintf(what, sizeof what, "%s block at %llu := %s at %llu", path, (unsigned long long)to,
			is_zeroed ? "zeros" : other, (unsigned long long)at);
		memdisk_spoil(fixture.memdisk, path, to, is_zeroed ? zeros : from + at, unit);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_honest(original, &fixture, what);
		fixture_clear(&fixture);
	}
}

/*
 * A crash leaves a trailer's blocks empty or whole. A last group whose records are all there, with a trailer that is
 * neither, was acknowledged, and cutting it would be a silent loss.
 */
static void
a_last_trailer_with_both_copies_spoiled_is_not_cut(void **state)
{
	static const uint8_t zeros[SEGMENT_BLOCK];
	struct log_fixture fixture;
	const char *path = FIXTURE_DIR "/segment-00000000000000000000";
	struct log_location last;

	(void)state;
	for (int bytes_spoiled = 0; bytes_spoiled < 104; bytes_spoiled++) {
		fixture_init(&fixture, LOG_ORIGINAL_SEED);
		assert_int_equal(fixture_create(&fixture), LIAISON_OK);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture_append(&fixture, 1, NULL), LIAISON_OK);
		assert_int_equal(fixture_append(&fixture, 1, &last), LIAISON_OK);
		assert_int_equal(fixture_flush(&fixture), LIAISON_OK);
		fixture_close(&fixture);
		uint64_t trailer = (last.offset + last.bytes + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
		memdisk_flip(fixture.memdisk, path, (trailer + (uint64_t)bytes_spoiled) * 8);
		memdisk_flip(fixture.memdisk, path, (trailer + SEGMENT_BLOCK + 103 - (uint64_t)bytes_spoiled) * 8);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture.report.damages, 1);
		assert_int_equal(fixture.report.torn, 0);
		assert_int_equal(fixture.seen, 2);
		fixture_close(&fixture);
		/* Empty is what a crash leaves: then it is cut. */
		memdisk_spoil(fixture.memdisk, path, trailer, zeros, SEGMENT_BLOCK);
		memdisk_spoil(fixture.memdisk, path, trailer + SEGMENT_BLOCK, zeros, SEGMENT_BLOCK);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture.report.damages, 0);
		assert_int_equal(fixture.report.torn, 1);
		assert_int_equal(fixture.report.head.size, 1);
		fixture_clear(&fixture);
	}
}

/* Whatever comes after it proves that the group was acknowledged; its records carry their own seals. */
static void
a_group_without_trailer_before_others_is_served_and_named(void **state)
{
	static const uint8_t zeros[SEGMENT_TRAILER_BYTES];
	const struct log_original *original = *state;
	unsigned groups = 0;

	for (size_t i = 0; i < original->count; i++) {
		size_t len;
		const uint8_t *bytes = memdisk_file(original->fixture.memdisk, original->segments[i], &len);
		uint64_t last = 0;
		for (uint64_t at = SEGMENT_HEADER_BYTES; at < len; at += SEGMENT_BLOCK)
			if (memcmp(bytes + at, "LTrl", 5) == 0) /* first copies: their number is 0 */
				last = at;
		for (uint64_t at = SEGMENT_HEADER_BYTES; at < len; at += SEGMENT_BLOCK) {
			bool is_last_of_all = i + 1 == original->count && at == last;
			if (memcmp(bytes + at, "LTrl", 5) != 0)
				continue;
			struct log_fixture fixture;
			log_original_copy(original, &fixture);
			memdisk_spoil(fixture.memdisk, original->segments[i], at, zeros, sizeof zeros);
			assert_int_equal(fixture_open(&fixture), LIAISON_OK);
			/* The very last one is as a crash could have left it. */
			assert_int_equal(fixture.report.damages > 0, !is_last_of_all);
			assert_int_equal(fixture.report.torn, is_last_of_all);
			if (!is_last_of_all)
				assert_int_equal(fixture.seen, original->size);
			assert_int_equal(fixture.report.lost, 0);
			groups++;
			fixture_clear(&fixture);
		}
	}
	assert_true(groups > 20);
}

static void
a_sector_that_cannot_be_read_costs_only_its_records(void **state)
{
	const struct log_original *original = *state;
	struct log_fixture fixture;

	log_original_copy(original, &fixture);
	uint64_t before = memdisk_calls(fixture.memdisk);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	uint64_t calls = memdisk_calls(fixture.memdisk) - before;
	fixture_clear(&fixture);
	for (uint64_t nth = 1; nth <= calls; nth++) {
		log_original_copy(original, &fixture);
		memdisk_set_fault(fixture.memdisk, MEMDISK_FAIL, nth, EIO);
		if (fixture_open(&fixture) == LIAISON_OK)
			assert_honest(original, &fixture, memdisk_faulted_call(fixture.memdisk));
		fixture_clear(&fixture);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_flipped_bit_is_named_and_never_served),
		cmocka_unit_test(one_flipped_bit_of_the_epoch_file_is_named),
		cmocka_unit_test(a_flipped_bit_while_open_is_met_by_the_reader),
		cmocka_unit_test(every_truncation_is_found_at_start),
		cmocka_unit_test(zeroed_and_duplicated_blocks_are_found),
		cmocka_unit_test(a_last_trailer_with_both_copies_spoiled_is_not_cut),
		cmocka_unit_test(a_group_without_trailer_before_others_is_served_and_named),
		cmocka_unit_test(a_sector_that_cannot_be_read_costs_only_its_records),
	};

	return cmocka_run_group_tests(tests, log_original_make, log_original_free);
}
