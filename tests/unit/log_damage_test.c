/*
 * The log on a medium that gives back other bytes than it was given: never a wrong record, never a silent loss, the
 * place named. Each case starts from a copy of one log of several segments, all acknowledged.
 */
#include "broker/log_reader.h"
#include "tests/support/log_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>

#define SEED UINT64_C(99)
#define RECORDS 260

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
	uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : SEED;

	print_message("LIAISON_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

struct original {
	struct log_fixture fixture;
	char segments[16][SEGMENT_NAME_BYTES + 8];
	size_t count;
	uint64_t size;
	struct digest root;
};

static int
add_segment(void *arg, const char *name)
{
	struct original *original = arg;
	uint64_t index;

	if (segment_name_parse(name, &index))
		snprintf(original->segments[original->count++], sizeof original->segments[0], "%s/%s", FIXTURE_DIR,
			name);
	return 0;
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
make_original(void **state)
{
	struct original *original = calloc(1, sizeof *original);

	if (original == NULL || sodium_init() < 0)
		return -1;
	fixture_with_records(&original->fixture, SEED, RECORDS);
	disk_list(&original->fixture.disk, FIXTURE_DIR, add_segment, original);
	qsort(original->segments, original->count, sizeof original->segments[0], compare_text);
	original->size = original->fixture.acknowledged;
	if (fixture_verify(&original->fixture) != LIAISON_OK)
		return -1;
	original->root = original->fixture.report.head.root;
	*state = original;
	return original->count >= 3 ? 0 : -1;
}

static int
free_original(void **state)
{
	struct original *original = *state;

	fixture_clear(&original->fixture);
	free(original);
	return 0;
}

static void
copy_of(const struct original *original, struct log_fixture *fixture)
{
	fixture_init(fixture, SEED);
	fixture_move(fixture, memdisk_kill(original->fixture.memdisk));
}

static void
say(const struct log_fixture *fixture, const char *what)
{
	char text[LIAISON_FAULT_BYTES];

	log_finding_text(&fixture->report.damage, text, sizeof text);
	print_error("%s: size %llu, seen %llu, lost %llu, damages %llu, notes %llu, torn %llu, wrong %llu; %s\n", what,
		(unsigned long long)fixture->report.head.size, (unsigned long long)fixture->seen,
		(unsigned long long)fixture->report.lost, (unsigned long long)fixture->report.damages,
		(unsigned long long)fixture->report.notes, (unsigned long long)fixture->report.torn,
		(unsigned long long)fixture->seen_wrong, fixture->report.damages > 0 ? text : "");
}

/* What holds whatever was spoiled: nothing wrong is shown, and either all is there or the log says that it is not. */
static void
assert_honest(const struct original *original, struct log_fixture *fixture, const char *what)
{
	bool whole = fixture->seen == original->size && fixture->report.head.size == original->size;
	bool honest = fixture->seen_wrong == 0 && (whole || fixture->report.damages > 0);

	if (whole && fixture->report.damages == 0)
		honest = honest && fixture->report.lost == 0;
	if (fixture->log != NULL)
		honest = honest && log_is_read_only(fixture->log) == (fixture->report.damages > 0);
	/* Where the size is known, what is not there is counted. */
	if (fixture->report.head.size == original->size)
		honest = honest && fixture->seen + fixture->report.lost >= original->size;
	if (!honest) {
		say(fixture, what);
		fail();
	}
}

/* --- one bit ------------------------------------------------------------------------------------------------------------- */

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
	const struct original *original = *state;
	struct log_fixture fixture;
	struct rng rng;
	struct rng_seeded rng_state;
	const struct digest root = original->root;
	unsigned damaged = 0, noted = 0, torn = 0;

	rng = rng_from_seed(&rng_state, seed_of_damage());
	for (unsigned i = 0; i < runs(1000); i++) {
		char what[128];
		size_t len;
		copy_of(original, &fixture);
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
			say(&fixture, what);
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
	const struct original *original = *state;
	struct log_fixture fixture;
	size_t len;

	assert_non_null(memdisk_file(original->fixture.memdisk, FIXTURE_DIR "/epoch", &len));
	for (uint64_t bit = 0; bit < len * 8; bit++) {
		copy_of(original, &fixture);
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
	fixture_init(&fixture, SEED);
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
		assert_true(record.index == index && specimen_equals(SEED, &record));
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

/* --- more than one bit --------------------------------------------------------------------------------------------------- */

static void
every_truncation_is_found_at_start(void **state)
{
	const struct original *original = *state;
	const char *last = original->segments[original->count - 1];
	struct log_fixture fixture;
	size_t full;

	memdisk_file(original->fixture.memdisk, last, &full);
	for (size_t len = 0; len < full; len += len % 512 == 511 ? 1 : len % 512 == 0 ? 1 : 510) {
		char what[64];
		copy_of(original, &fixture);
		memdisk_truncate(fixture.memdisk, last, len);
		snprintf(what, sizeof what, "cut to %zu", len);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_honest(original, &fixture, what);
		assert_true(fixture.report.damages > 0);
		fixture_clear(&fixture);
	}
	copy_of(original, &fixture);
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
	const struct original *original = *state;
	struct rng_seeded rng_state;
	struct rng rng = rng_from_seed(&rng_state, seed_of_damage());
	struct log_fixture fixture;

	for (unsigned i = 0; i < runs(500); i++) {
		char what[128];
		size_t len, other_len;
		copy_of(original, &fixture);
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
		fixture_init(&fixture, SEED);
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
	const struct original *original = *state;
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
			copy_of(original, &fixture);
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
	const struct original *original = *state;
	struct log_fixture fixture;

	copy_of(original, &fixture);
	uint64_t before = memdisk_calls(fixture.memdisk);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	uint64_t calls = memdisk_calls(fixture.memdisk) - before;
	fixture_clear(&fixture);
	for (uint64_t nth = 1; nth <= calls; nth++) {
		copy_of(original, &fixture);
		memdisk_set_fault(fixture.memdisk, MEMDISK_FAIL, nth, EIO);
		if (fixture_open(&fixture) == LIAISON_OK)
			assert_honest(original, &fixture, memdisk_faulted_call(fixture.memdisk));
		fixture_clear(&fixture);
	}
}

/* --- whole files --------------------------------------------------------------------------------------------------------- */

static void
a_missing_segment_is_named(void **state)
{
	const struct original *original = *state;
	struct log_fixture fixture;

	/* The last one is another matter: without it the log is one that a crash could have left. */
	for (size_t i = 0; i + 1 < original->count; i++) {
		copy_of(original, &fixture);
		memdisk_remove(fixture.memdisk, original->segments[i]);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_honest(original, &fixture, original->segments[i]);
		assert_int_equal(fixture.report.damages, 1);
		assert_string_equal(fixture.report.damage.file, original->segments[i] + sizeof FIXTURE_DIR);
		assert_int_equal(fixture.seen + fixture.report.lost, original->size);
		fixture_clear(&fixture);
	}
	copy_of(original, &fixture);
	for (size_t i = 0; i < original->count; i++)
		memdisk_remove(fixture.memdisk, original->segments[i]);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_true(fixture.report.damages > 0 && fixture.seen == 0);
	fixture_clear(&fixture);
}

static void
swapped_segments_are_found(void **state)
{
	const struct original *original = *state;

	for (size_t i = 0; i < original->count; i++)
		for (size_t j = i + 1; j < original->count; j++) {
			struct log_fixture fixture;
			copy_of(original, &fixture);
			memdisk_copy(fixture.memdisk, original->segments[i], original->fixture.memdisk,
				original->segments[j]);
			memdisk_copy(fixture.memdisk, original->segments[j], original->fixture.memdisk,
				original->segments[i]);
			assert_int_equal(fixture_open(&fixture), LIAISON_OK);
			assert_honest(original, &fixture, "swapped");
			assert_true(fixture.report.damages >= 2);
			fixture_clear(&fixture);
		}
}

static void
a_segment_of_another_broker_is_not_served(void **state)
{
	const struct original *original = *state;
	struct log_fixture other, fixture;

	/* The same records, so that even the indexes fit: only key and epoch differ. */
	fixture_init(&other, SEED);
	other.rng = rng_from_seed(&other.rng_state, SEED + 1);
	assert_int_equal(fixture_create(&other), LIAISON_OK);
	assert_int_equal(fixture_open(&other), LIAISON_OK);
	assert_int_equal(fixture_fill(&other, 60, 8), LIAISON_OK);
	fixture_close(&other);
	copy_of(original, &fixture);
	memdisk_copy(fixture.memdisk, original->segments[0], other.memdisk, original->segments[0]);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_honest(original, &fixture, "foreign");
	assert_true(fixture.report.damages >= 1);
	assert_true(fixture.report.lost > 0 && fixture.seen + fixture.report.lost == original->size);
	fixture_clear(&fixture);
	fixture_clear(&other);
}

/* An older copy of a segment, from a time when it was the last, put back in its place. */
static void
an_older_copy_of_a_segment_is_found(void **state)
{
	struct log_fixture fixture;
	const char *path = FIXTURE_DIR "/segment-00000000000000000000";

	(void)state;
	fixture_init(&fixture, SEED);
	assert_int_equal(fixture_create(&fixture), LIAISON_OK);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_int_equal(fixture_fill(&fixture, 20, 4), LIAISON_OK);
	assert_int_equal(fixture_flush(&fixture), LIAISON_OK);
	struct memdisk *older = memdisk_kill(fixture.memdisk);
	assert_int_equal(fixture_fill(&fixture, 200, 8), LIAISON_OK);
	assert_int_equal(fixture_flush(&fixture), LIAISON_OK);
	fixture_close(&fixture);
	memdisk_copy(fixture.memdisk, path, older, path);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_true(fixture.report.damages > 0 && fixture.seen_wrong == 0);
	assert_int_equal(fixture.seen + fixture.report.lost, fixture.acknowledged);
	memdisk_free(older);
	fixture_clear(&fixture);
}

/* Two lives of one log that parted: a segment of one among those of the other. */
static void
a_segment_that_does_not_continue_the_others_is_not_served(void **state)
{
	static uint8_t payload[10000];
	struct log_fixture fixture[2];
	char second[SEGMENT_NAME_BYTES + 8] = "";
	uint64_t first_index = 0;

	(void)state;
	fixture_init(&fixture[0], SEED);
	assert_int_equal(fixture_create(&fixture[0]), LIAISON_OK);
	fixture_init(&fixture[1], SEED + 1);
	fixture_move(&fixture[1], memdisk_kill(fixture[0].memdisk));
	for (int life = 0; life < 2; life++) {
		assert_int_equal(fixture_open(&fixture[life]), LIAISON_OK);
		for (int i = 0; i < 30; i++) {
			uint8_t header = (uint8_t)(i == 5 ? life : 7);
			struct record record = {RECORD_ALERT, &header, 1, payload, sizeof payload};
			struct log_location location;
			assert_int_equal(log_append(fixture[life].log, &record, 1, 1, &location, &fixture[life].fault),
				LIAISON_OK);
			if (location.segment > 0)
				first_index = location.segment;
		}
		assert_int_equal(log_flush(fixture[life].log, 1, &fixture[life].fault), LIAISON_OK);
		fixture_close(&fixture[life]);
	}
	assert_true(first_index > 5);
	snprintf(second, sizeof second, FIXTURE_DIR "/segment-%020llu", (unsigned long long)first_index);
	memdisk_copy(fixture[0].memdisk, second, fixture[1].memdisk, second);
	struct log_report report;
	assert_int_equal(log_verify(&fixture[0].disk, FIXTURE_DIR, NULL, &report, &fixture[0].fault), LIAISON_OK);
	assert_int_equal(report.damages, 1);
	assert_string_equal(report.damage.file, second + sizeof FIXTURE_DIR);
	assert_int_equal(report.records, first_index);
	fixture_clear(&fixture[0]);
	fixture_clear(&fixture[1]);
}

static void
a_damaged_log_is_left_as_it_is(void **state)
{
	const struct original *original = *state;
	struct log_fixture fixture;
	size_t len;

	copy_of(original, &fixture);
	memdisk_flip(fixture.memdisk, original->segments[0], 8 * SEGMENT_HEADER_BYTES);
	struct memdisk *before = memdisk_kill(fixture.memdisk);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_true(log_is_read_only(fixture.log));
	assert_int_equal(fixture_append(&fixture, 1, NULL), LIAISON_READ_ONLY);
	assert_non_null(strstr(fixture.fault.message, "segment-00000000000000000000: at byte 8192"));
	for (size_t i = 0; i < original->count; i++) {
		const uint8_t *was = memdisk_file(before, original->segments[i], &len);
		assert_memory_equal(memdisk_file(fixture.memdisk, original->segments[i], &len), was, len);
	}
	memdisk_free(before);
	fixture_clear(&fixture);
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
		cmocka_unit_test(a_missing_segment_is_named),
		cmocka_unit_test(swapped_segments_are_found),
		cmocka_unit_test(a_segment_of_another_broker_is_not_served),
		cmocka_unit_test(an_older_copy_of_a_segment_is_found),
		cmocka_unit_test(a_segment_that_does_not_continue_the_others_is_not_served),
		cmocka_unit_test(a_damaged_log_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, make_original, free_original);
}
