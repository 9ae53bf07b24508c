/* The log on a disk that works: what goes in comes out, over reopening and rotation; refusals; reading. */
#include "broker/log_reader.h"
#include "tests/support/log_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sodium.h>

#define SEED UINT64_C(20260511)

static void
assert_ok(enum liaison_err err, const struct log_fixture *fixture)
{
	if (err != LIAISON_OK)
		print_error("%s: %s\n", err_name(err), fixture->fault.message);
	assert_int_equal(err, LIAISON_OK);
}

/* Everything acknowledged, nothing else, and all of it right. */
static void
assert_all_there(struct log_fixture *fixture)
{
	assert_int_equal(fixture->report.damages, 0);
	assert_int_equal(fixture->seen_wrong, 0);
	assert_int_equal(fixture->seen, fixture->report.head.size);
	assert_int_equal(fixture->next_index, fixture->report.head.size);
	assert_int_equal(fixture->report.records, fixture->seen);
	assert_int_equal(fixture->report.lost, 0);
}

static void
a_new_log_is_empty(void **state)
{
	struct log_fixture fixture;
	struct digest empty;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_int_equal(fixture_open(&fixture), LIAISON_NOT_FOUND);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_int_equal(fixture_create(&fixture), LIAISON_EXISTS);
	assert_ok(fixture_open(&fixture), &fixture);
	assert_int_equal(fixture.report.head.size, 0);
	digest_sha256("", 0, &empty);
	assert_true(digest_equal(&fixture.report.head.root, &empty));
	assert_int_equal(fixture.report.segments, 1);
	assert_false(log_is_read_only(fixture.log));
	fixture_clear(&fixture);
}

static void
a_group_is_durable_with_the_next_or_a_flush(void **state)
{
	struct log_fixture fixture;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	assert_ok(fixture_append(&fixture, 3, NULL), &fixture);
	assert_int_equal(fixture.acknowledged, 0);
	assert_ok(fixture_append(&fixture, 2, NULL), &fixture);
	assert_int_equal(fixture.acknowledged, 3);
	assert_ok(fixture_flush(&fixture), &fixture);
	assert_int_equal(fixture.acknowledged, 5);
	assert_ok(fixture_flush(&fixture), &fixture);
	assert_int_equal(fixture.acknowledged, 5);
	fixture_clear(&fixture);
}

static void
roots_are_those_of_the_tree_and_time_never_goes_back(void **state)
{
	struct log_fixture fixture;
	struct merkle_frontier frontier;
	struct specimen specimen;
	struct digest leaf, root;
	int64_t before_ms = 0;

	(void)state;
	fixture_init(&fixture, SEED);
	merkle_frontier_init(&frontier);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	for (int i = 0; i < 200; i++) {
		assert_ok(fixture_append(&fixture, 1 + (size_t)(i % 7), NULL), &fixture);
		if (i % 20 == 19)
			fixture.now_ms -= 100000; /* a clock that jumped */
		assert_ok(fixture_flush(&fixture), &fixture);
		while (frontier.size < fixture.acknowledged) {
			specimen_make(&specimen, SEED, frontier.size);
			log_leaf(specimen.record.type, specimen.header, specimen.record.header_len, &leaf);
			merkle_frontier_append(&frontier, &leaf);
		}
		merkle_frontier_root(&frontier, &root);
		struct log_head head = log_durable(fixture.log);
		assert_true(digest_equal(&head.root, &root));
		assert_true(head.at_ms >= before_ms);
		before_ms = head.at_ms;
	}
	fixture_close(&fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	assert_all_there(&fixture);
	assert_true(digest_equal(&fixture.report.head.root, &root));
	assert_int_equal(fixture.report.head.at_ms, before_ms);
	fixture_clear(&fixture);
}

static void
all_comes_back_over_reopening_and_many_segments(void **state)
{
	struct log_fixture fixture;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	for (uint64_t until = 100; until <= 1500; until += 100) {
		assert_ok(fixture_open(&fixture), &fixture);
		assert_all_there(&fixture);
		assert_true(fixture.report.head.size >= fixture.acknowledged);
		assert_ok(fixture_fill(&fixture, until, 8), &fixture);
		assert_ok(fixture_flush(&fixture), &fixture);
		fixture_close(&fixture);
		assert_ok(fixture_verify(&fixture), &fixture);
		assert_all_there(&fixture);
		assert_int_equal(fixture.findings, 0);
		assert_int_equal(fixture.report.head.size, fixture.acknowledged);
	}
	assert_true(fixture.report.segments > 8);
	fixture_clear(&fixture);
}

static void
a_killed_writer_loses_no_more_than_the_last_group(void **state)
{
	struct log_fixture fixture;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	for (int i = 0; i < 100; i++) {
		assert_ok(fixture_fill(&fixture, fixture.written + 10, 4), &fixture);
		uint64_t acknowledged = fixture.acknowledged;
		fixture_close(&fixture); /* without a flush */
		assert_ok(fixture_open(&fixture), &fixture);
		assert_all_there(&fixture);
		assert_true(fixture.report.head.size >= acknowledged);
	}
	fixture_clear(&fixture);
}

static void
what_is_over_a_limit_is_refused_and_changes_nothing(void **state)
{
	static uint8_t bytes[RECORD_PAYLOAD_MAX + 1];
	static struct record many[GROUP_RECORDS_MAX + 1];
	const struct record good = {RECORD_ALERT, bytes, 1, bytes, 1};
	const struct {
		struct record record;
		size_t count;
		enum liaison_err want;
	} cases[] = {
		{{RECORD_ALERT, bytes, 0, bytes, 1}, 1, LIAISON_MALFORMED},
		{{0, bytes, 1, bytes, 1}, 1, LIAISON_MALFORMED},
		{{RECORD_EPOCH + 1, bytes, 1, bytes, 1}, 1, LIAISON_MALFORMED},
		{{RECORD_ALERT, bytes, RECORD_HEADER_MAX + 1, bytes, 1}, 1, LIAISON_TOO_LARGE},
		{{RECORD_ALERT, bytes, 1, bytes, RECORD_PAYLOAD_MAX + 1}, 1, LIAISON_TOO_LARGE},
		{{RECORD_ALERT, bytes, 1, bytes, RECORD_PAYLOAD_MAX}, 2, LIAISON_TOO_LARGE},
		{{RECORD_ALERT, bytes, 1, bytes, 0}, GROUP_RECORDS_MAX + 1, LIAISON_TOO_LARGE},
		{{RECORD_ALERT, bytes, 1, bytes, 0}, 0, LIAISON_MALFORMED},
		{{RECORD_ALERT, bytes, RECORD_HEADER_MAX, bytes, RECORD_PAYLOAD_MAX}, 1, LIAISON_OK},
	};
	struct log_fixture fixture;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		for (size_t j = 0; j < cases[i].count; j++)
			many[j] = cases[i].record;
		uint64_t before = log_next_index(fixture.log);
		assert_int_equal(log_append(fixture.log, many, cases[i].count, 1, NULL, &fixture.fault), cases[i].want);
		if (cases[i].want != LIAISON_OK)
			assert_int_equal(log_next_index(fixture.log), before);
		assert_ok(log_append(fixture.log, &good, 1, 1, NULL, &fixture.fault), &fixture);
	}
	fixture_clear(&fixture);
}

static void
a_second_broker_on_the_folder_is_refused(void **state)
{
	struct log_fixture fixture;
	struct log *second;
	struct log_report report;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	assert_int_equal(log_open(&fixture.options, NULL, &second, &report, &fixture.fault), LIAISON_BUSY);
	assert_non_null(strstr(fixture.fault.message, "another broker"));
	assert_int_equal(fixture_verify(&fixture), LIAISON_BUSY);
	fixture_close(&fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	fixture_clear(&fixture);
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

struct run_check {
	uint64_t seed;
	uint64_t next;
};

static enum liaison_err
check_run(void *arg, const struct stored_record *record)
{
	struct run_check *check = arg;

	assert_int_equal(record->index, check->next);
	assert_true(specimen_equals(check->seed, record));
	check->next++;
	return LIAISON_OK;
}

static void
readers_find_each_record_and_each_run(void **state)
{
	static struct log_location locations[4000];
	struct log_fixture fixture;
	struct fault fault;

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	struct epoch epoch = log_epoch(fixture.log);
	struct log_reader *reader = log_reader_new(&fixture.disk, FIXTURE_DIR, &epoch);
	assert_non_null(reader);
	while (fixture.written < 3500) {
		size_t count = 1 + rng_below(&fixture.rng, 8);
		assert_ok(fixture_append(&fixture, count, &locations[fixture.written]), &fixture);
		for (int i = 0; i < 3 && fixture.acknowledged > 0; i++) {
			struct stored_record record;
			uint64_t index = rng_below(&fixture.rng, (uint32_t)fixture.acknowledged);
			assert_int_equal(log_read(reader, index, &locations[index], &record, &fault), LIAISON_OK);
			assert_true(record.index == index && specimen_equals(SEED, &record));
			assert_int_equal(
				log_read(reader, index + 1, &locations[index], &record, &fault), LIAISON_CORRUPT);
		}
	}
	for (int i = 0; i < 50; i++) {
		uint64_t from = rng_below(&fixture.rng, (uint32_t)fixture.acknowledged);
		uint64_t until = from + rng_below(&fixture.rng, (uint32_t)(fixture.acknowledged - from) + 1);
		struct run_check check = {SEED, from};
		uint64_t next;
		assert_int_equal(log_read_run(reader, from, &locations[from], until, check_run, &check, &next, &fault),
			LIAISON_OK);
		assert_int_equal(next, until);
		assert_int_equal(check.next, until);
	}
	log_reader_free(reader);
	fixture_clear(&fixture);
}

static void
a_reader_says_what_is_wrong_with_a_place(void **state)
{
	static const struct {
		struct log_location location;
		const char *say;
	} cases[] = {
		{{0, SEGMENT_HEADER_BYTES + 8, 400}, "no whole record"},
		{{0, SEGMENT_HEADER_BYTES, RECORD_FRAME_BYTES - 1}, "no whole record"},
		{{0, SEGMENT_HEADER_BYTES, UINT32_MAX}, "impossible length"},
		{{0, SEGMENT_BYTES_MIN, 400}, "no whole record"},
		{{0, UINT64_MAX, 400}, "no whole record"},
		{{77, SEGMENT_HEADER_BYTES, 400}, "segment-00000000000000000077: at byte 0: the file is missing"},
	};
	struct log_fixture fixture;
	struct stored_record record;
	struct fault fault;

	(void)state;
	fixture_with_records(&fixture, SEED, 10);
	struct log_reader *reader = log_reader_new(&fixture.disk, FIXTURE_DIR, &fixture.report.epoch);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint64_t next = 99;
		struct run_check check = {SEED, 0};
		assert_int_equal(log_read(reader, 0, &cases[i].location, &record, &fault), LIAISON_CORRUPT);
		assert_non_null(strstr(fault.message, cases[i].say));
		if (cases[i].location.offset == SEGMENT_HEADER_BYTES && cases[i].location.segment == 0)
			continue; /* a run does not look at the length */
		assert_int_equal(log_read_run(reader, 0, &cases[i].location, 10, check_run, &check, &next, &fault),
			LIAISON_CORRUPT);
		assert_int_equal(next, 0);
	}
	memdisk_truncate(fixture.memdisk, FIXTURE_DIR "/segment-00000000000000000000", SEGMENT_HEADER_BYTES + 100);
	assert_int_equal(log_read(reader, 0, &(struct log_location){0, SEGMENT_HEADER_BYTES, 400}, &record, &fault),
		LIAISON_CORRUPT);
	assert_non_null(strstr(fault.message, "ends too early"));
	log_reader_free(reader);
	fixture_clear(&fixture);
}

static void
a_reader_of_another_epoch_reads_nothing(void **state)
{
	struct log_fixture fixture;
	struct log_location location;
	struct stored_record record;
	struct fault fault;
	const struct epoch other = {{1}};

	(void)state;
	fixture_init(&fixture, SEED);
	assert_ok(fixture_create(&fixture), &fixture);
	assert_ok(fixture_open(&fixture), &fixture);
	assert_ok(fixture_append(&fixture, 1, &location), &fixture);
	struct log_reader *reader = log_reader_new(&fixture.disk, FIXTURE_DIR, &other);
	assert_int_equal(log_read(reader, 0, &location, &record, &fault), LIAISON_CORRUPT);
	log_reader_free(reader);
	fixture_clear(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_log_is_empty),
		cmocka_unit_test(a_group_is_durable_with_the_next_or_a_flush),
		cmocka_unit_test(roots_are_those_of_the_tree_and_time_never_goes_back),
		cmocka_unit_test(all_comes_back_over_reopening_and_many_segments),
		cmocka_unit_test(a_killed_writer_loses_no_more_than_the_last_group),
		cmocka_unit_test(what_is_over_a_limit_is_refused_and_changes_nothing),
		cmocka_unit_test(a_second_broker_on_the_folder_is_refused),
		cmocka_unit_test(readers_find_each_record_and_each_run),
		cmocka_unit_test(a_reader_says_what_is_wrong_with_a_place),
		cmocka_unit_test(a_reader_of_another_epoch_reads_nothing),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
