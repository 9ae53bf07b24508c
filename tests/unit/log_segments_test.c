/* The log with whole files missing, swapped, foreign or old: named, and what is its own is served. */
#include "tests/support/log_original.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define assert_honest(original, fixture, what) assert_true(log_original_is_served_honestly(original, fixture, what))

static void
a_missing_segment_is_named(void **state)
{
	const struct log_original *original = *state;
	struct log_fixture fixture;

	/* The last one is another matter: without it the log is one that a crash could have left. */
	for (size_t i = 0; i + 1 < original->count; i++) {
		log_original_copy(original, &fixture);
		memdisk_remove(fixture.memdisk, original->segments[i]);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_honest(original, &fixture, original->segments[i]);
		assert_int_equal(fixture.report.damages, 1);
		assert_string_equal(fixture.report.damage.file, original->segments[i] + sizeof FIXTURE_DIR);
		assert_int_equal(fixture.seen + fixture.report.lost, original->size);
		fixture_clear(&fixture);
	}
	log_original_copy(original, &fixture);
	for (size_t i = 0; i < original->count; i++)
		memdisk_remove(fixture.memdisk, original->segments[i]);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_true(fixture.report.damages > 0 && fixture.seen == 0);
	fixture_clear(&fixture);
}

static void
swapped_segments_are_found(void **state)
{
	const struct log_original *original = *state;

	for (size_t i = 0; i < original->count; i++)
		for (size_t j = i + 1; j < original->count; j++) {
			struct log_fixture fixture;
			log_original_copy(original, &fixture);
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
	const struct log_original *original = *state;
	struct log_fixture other, fixture;

	/* The same records, so that even the indexes fit: only key and epoch differ. */
	fixture_init(&other, LOG_ORIGINAL_SEED);
	other.rng = rng_from_seed(&other.rng_state, LOG_ORIGINAL_SEED + 1);
	assert_int_equal(fixture_create(&other), LIAISON_OK);
	assert_int_equal(fixture_open(&other), LIAISON_OK);
	assert_int_equal(fixture_fill(&other, 60, 8), LIAISON_OK);
	fixture_close(&other);
	log_original_copy(original, &fixture);
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
	fixture_init(&fixture, LOG_ORIGINAL_SEED);
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
	fixture_init(&fixture[0], LOG_ORIGINAL_SEED);
	assert_int_equal(fixture_create(&fixture[0]), LIAISON_OK);
	fixture_init(&fixture[1], LOG_ORIGINAL_SEED + 1);
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
	const struct log_original *original = *state;
	struct log_fixture fixture;
	size_t len;

	log_original_copy(original, &fixture);
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
		cmocka_unit_test(a_missing_segment_is_named),
		cmocka_unit_test(swapped_segments_are_found),
		cmocka_unit_test(a_segment_of_another_broker_is_not_served),
		cmocka_unit_test(an_older_copy_of_a_segment_is_found),
		cmocka_unit_test(a_segment_that_does_not_continue_the_others_is_not_served),
		cmocka_unit_test(a_damaged_log_is_left_as_it_is),
	};

	return cmocka_run_group_tests(tests, log_original_make, log_original_free);
}
