/*
 * The log on a disk that loses power or fails: whatever a crash may legally leave, what was acknowledged is there, and
 * the log goes on. Seeds are printed; $LIAISON_CRASH_RUNS multiplies the runs, $LIAISON_SEED replays.
 */
#include "broker/log.h"
#include "tests/support/log_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>

#define SEED UINT64_C(7)

static uint64_t
number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* After a crash, or a call that failed: opens, and all that was acknowledged is there and right. */
static void
assert_recovers(struct log_fixture *fixture, uint64_t acknowledged, uint64_t seed, const char *when)
{
	uint64_t written = fixture->written;

	enum liaison_err err = fixture_open(fixture);
	if (err != LIAISON_OK || fixture->report.damages > 0 || fixture->seen_wrong > 0 ||
		fixture->report.head.size < acknowledged || fixture->report.head.size > written) {
		char text[LIAISON_FAULT_BYTES] = "";
		if (err == LIAISON_OK && fixture->report.damages > 0)
			log_finding_text(&fixture->report.damage, text, sizeof text);
		print_error("seed %llu, %s: %s %s %s; acknowledged %llu, written %llu, found %llu\n",
			(unsigned long long)seed, when, err_name(err), err != LIAISON_OK ? fixture->fault.message : "",
			text, (unsigned long long)acknowledged, (unsigned long long)written,
			(unsigned long long)fixture->report.head.size);
		fail();
	}
	assert_int_equal(fixture->seen, fixture->report.head.size);
}

/* One life: opens (unless just opened), appends, and the power goes at some call. What was acknowledged is the result. */
static uint64_t
live_until_power_fails(struct log_fixture *fixture, uint64_t acknowledged)
{
	uint64_t records = 1 + rng_below(&fixture->rng, 60);

	memdisk_set_fault(fixture->memdisk, MEMDISK_POWER_OFF, 1 + rng_below(&fixture->rng, 120), 0);
	fixture->acknowledged = acknowledged;
	/* The failed call's answer, and where it failed, do not matter: only what was acknowledged before. */
	if (fixture_open(fixture) == LIAISON_OK && !log_is_read_only(fixture->log)) {
		enum liaison_err err = fixture_fill(fixture, fixture->written + records, 6);
		if (err == LIAISON_OK && rng_below(&fixture->rng, 2) == 0)
			err = fixture_flush(fixture);
		(void)err;
	}
	return fixture->acknowledged;
}

static void
power_cuts_lose_nothing_acknowledged(void **state)
{
	uint64_t first = number_from("LIAISON_SEED", SEED), runs = 150 * number_from("LIAISON_CRASH_RUNS", 1);
	uint64_t acknowledged_in_all = 0, torn = 0;

	(void)state;
	for (uint64_t seed = first; seed < first + runs; seed++) {
		struct log_fixture fixture;
		fixture_init(&fixture, seed);
		assert_int_equal(fixture_create(&fixture), LIAISON_OK);
		uint64_t acknowledged = 0, written = 0;
		for (int life = 0; life < 6; life++) {
			acknowledged = live_until_power_fails(&fixture, acknowledged);
			if (fixture.written > written)
				written = fixture.written;
			size_t sector = rng_below(&fixture.rng, 2) == 0 ? 512 : 4096;
			fixture_move(&fixture, memdisk_crash(fixture.memdisk, &fixture.rng, sector));
			fixture.written = written;
			assert_recovers(&fixture, acknowledged, seed, "power cut");
			torn += fixture.report.torn;
			/* What recovery has shown is on the medium from now on. */
			acknowledged = written = fixture.report.head.size;
			fixture_close(&fixture);
		}
		acknowledged_in_all += acknowledged;
		fixture_clear(&fixture);
	}
	print_message("seeds %llu to %llu: 6 power cuts each, %llu acknowledged, %llu torn tails, 0 lost\n",
		(unsigned long long)first, (unsigned long long)(first + runs - 1),
		(unsigned long long)acknowledged_in_all, (unsigned long long)torn);
	assert_true(torn > 0);
}

static void
power_cuts_while_a_log_is_made_leave_none_or_a_whole_one(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct log_fixture fixture;
		fixture_init(&fixture, seed);
		memdisk_set_fault(fixture.memdisk, MEMDISK_POWER_OFF, 1 + rng_below(&fixture.rng, 24), 0);
		bool created = fixture_create(&fixture) == LIAISON_OK;
		fixture_move(&fixture, memdisk_crash(fixture.memdisk, &fixture.rng, 512));
		enum liaison_err err = fixture_open(&fixture);
		if (created)
			assert_int_equal(err, LIAISON_OK);
		if (err == LIAISON_NOT_FOUND) {
			err = fixture_create(&fixture);
			if (err != LIAISON_OK)
				print_error("seed %llu: %s\n", (unsigned long long)seed, fixture.fault.message);
			assert_int_equal(err, LIAISON_OK);
			err = fixture_open(&fixture);
		}
		assert_int_equal(err, LIAISON_OK);
		assert_int_equal(fixture.report.damages, 0);
		fixture_clear(&fixture);
	}
}

/* --- one call fails ---------------------------------------------------------------------------------------------------- */

/* Make, fill over several segments, close, open, go on. Stops at the first error that ends the log's life. */
static enum liaison_err
scenario(struct log_fixture *fixture)
{
	enum liaison_err err = fixture_create(fixture);

	for (int life = 0; err == LIAISON_OK && life < 2; life++) {
		err = fixture_open(fixture);
		if (err == LIAISON_OK)
			err = fixture_fill(fixture, fixture->written + 150, 8);
		if (err == LIAISON_OK)
			err = fixture_flush(fixture);
		if (err == LIAISON_OK)
			fixture_close(fixture);
	}
	return err;
}

static uint64_t
calls_of_scenario(void)
{
	struct log_fixture fixture;

	fixture_init(&fixture, SEED);
	assert_int_equal(scenario(&fixture), LIAISON_OK);
	uint64_t calls = memdisk_calls(fixture.memdisk);
	fixture_clear(&fixture);
	return calls;
}

static void
assert_stays_closed(struct log_fixture *fixture)
{
	if (fixture->log == NULL || !log_is_read_only(fixture->log))
		return;
	uint64_t acknowledged = fixture->acknowledged;
	assert_int_equal(fixture_append(fixture, 1, NULL), LIAISON_READ_ONLY);
	assert_int_equal(fixture_flush(fixture), LIAISON_READ_ONLY);
	assert_int_equal(log_prepare(fixture->log, &fixture->fault), LIAISON_READ_ONLY);
	assert_int_equal(fixture->acknowledged, acknowledged);
}

static void
each_call_fails_once(enum memdisk_fault kind, int error, bool must_go_on)
{
	uint64_t calls = calls_of_scenario(), ended = 0;

	for (uint64_t nth = 1; nth <= calls; nth++) {
		struct log_fixture fixture;
		fixture_init(&fixture, SEED);
		memdisk_set_fault(fixture.memdisk, kind, nth, error);
		enum liaison_err err = scenario(&fixture);
		assert_true(memdisk_fault_happened(fixture.memdisk));
		if (must_go_on)
			assert_int_equal(err, LIAISON_OK);
		ended += err != LIAISON_OK;
		assert_stays_closed(&fixture);
		uint64_t acknowledged = fixture.acknowledged, written = fixture.written;
		bool was_made = acknowledged > 0;
		memdisk_set_fault(fixture.memdisk, MEMDISK_NO_FAULT, 0, 0);
		/* The process ends; or the machine does. */
		struct memdisk *crashed = memdisk_crash(fixture.memdisk, &fixture.rng, 512);
		fixture_move(&fixture, memdisk_kill(fixture.memdisk));
		for (int after = 0; after < 2; after++) {
			char when[64];
			snprintf(when, sizeof when, "call %llu failed, then %s", (unsigned long long)nth,
				after == 0 ? "kill" : "crash");
			fixture.written = written;
			if (was_made) {
				assert_recovers(&fixture, acknowledged, SEED, when);
				assert_int_equal(fixture_fill(&fixture, fixture.written + 20, 8), LIAISON_OK);
				assert_int_equal(fixture_flush(&fixture), LIAISON_OK);
			}
			if (after == 0)
				fixture_move(&fixture, crashed);
		}
		fixture_clear(&fixture);
	}
	print_message(
		"%llu calls, %llu of them ended the scenario\n", (unsigned long long)calls, (unsigned long long)ended);
}

static void
each_call_fails_with_eio(void **state)
{
	(void)state;
	each_call_fails_once(MEMDISK_FAIL, EIO, false);
}

static void
each_call_fails_with_enospc(void **state)
{
	(void)state;
	each_call_fails_once(MEMDISK_FAIL, ENOSPC, false);
}

static void
each_call_does_half(void **state)
{
	(void)state;
	each_call_fails_once(MEMDISK_SHORT, 0, true);
}

static void
each_call_is_interrupted(void **state)
{
	(void)state;
	each_call_fails_once(MEMDISK_INTERRUPT, EINTR, true);
}

/*
 * After a failed sync the kernel takes the pages for clean, and they read as written although the medium never got them.
 * A log that took their word would lose acknowledged records at the next power cut.
 */
static void
a_failed_sync_is_not_believed_after_a_restart(void **state)
{
	struct log_fixture fixture;

	(void)state;
	for (uint64_t nth = 1; nth < 8; nth++) {
		fixture_init(&fixture, SEED);
		assert_int_equal(fixture_create(&fixture), LIAISON_OK);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture_fill(&fixture, 20, 4), LIAISON_OK);
		assert_int_equal(fixture_append(&fixture, 3, NULL), LIAISON_OK);
		memdisk_set_fault(fixture.memdisk, MEMDISK_FAIL, nth, EIO);
		while (fixture_append(&fixture, 2, NULL) == LIAISON_OK)
			;
		uint64_t acknowledged = fixture.acknowledged, written = fixture.written;
		memdisk_set_fault(fixture.memdisk, MEMDISK_NO_FAULT, 0, 0);
		fixture_move(&fixture, memdisk_kill(fixture.memdisk));
		fixture.written = written;
		assert_recovers(&fixture, acknowledged, SEED, "restart");
		assert_int_equal(fixture_fill(&fixture, fixture.written + 5, 4), LIAISON_OK);
		assert_int_equal(fixture_flush(&fixture), LIAISON_OK);
		acknowledged = written = fixture.acknowledged;
		fixture_move(&fixture, memdisk_crash(fixture.memdisk, &fixture.rng, 512));
		fixture.written = written;
		assert_recovers(&fixture, acknowledged, SEED, "power cut after a restart");
		fixture_clear(&fixture);
	}
}

/* A process that is killed leaves pages that read as written and were never synced; what is shown must be durable. */
static void
what_a_start_shows_survives_the_next_power_cut(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct log_fixture fixture;
		fixture_init(&fixture, seed);
		assert_int_equal(fixture_create(&fixture), LIAISON_OK);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		memdisk_set_fault(fixture.memdisk, MEMDISK_POWER_OFF, 1 + rng_below(&fixture.rng, 40), 0);
		while (fixture_append(&fixture, 2, NULL) == LIAISON_OK && fixture_flush(&fixture) == LIAISON_OK)
			;
		fixture_move(&fixture, memdisk_kill(fixture.memdisk));
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		uint64_t shown = fixture.report.head.size;
		fixture_move(&fixture, memdisk_crash(fixture.memdisk, &fixture.rng, 512));
		assert_recovers(&fixture, shown, seed, "power cut after a kill");
		fixture_clear(&fixture);
	}
}

/* The tail that a crash left must be gone for good before new records are written over it. */
static void
a_cut_tail_does_not_come_back(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 400; seed++) {
		struct log_fixture fixture;
		fixture_init(&fixture, seed);
		assert_int_equal(fixture_create(&fixture), LIAISON_OK);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture_append(&fixture, 60, NULL), LIAISON_OK);
		struct memdisk *torn = memdisk_crash(fixture.memdisk, &fixture.rng, 512);
		fixture_move(&fixture, torn);
		assert_int_equal(fixture_open(&fixture), LIAISON_OK);
		assert_int_equal(fixture.report.head.size, 0);
		memdisk_set_fault(fixture.memdisk, MEMDISK_POWER_OFF, 2, 0);
		assert_int_equal(fixture_append(&fixture, 1, NULL), LIAISON_IO);
		fixture_move(&fixture, memdisk_crash(fixture.memdisk, &fixture.rng, 512));
		assert_recovers(&fixture, 0, seed, "power cut over a cut tail");
		fixture_clear(&fixture);
	}
}

/* --- room --------------------------------------------------------------------------------------------------------------- */

static void
a_full_disk_refuses_and_goes_on_when_there_is_room(void **state)
{
	struct log_fixture fixture;
	uint64_t capacity = 2 * SEGMENT_BYTES_MIN + 4096;

	(void)state;
	fixture_init(&fixture, SEED);
	memdisk_set_capacity(fixture.memdisk, capacity);
	assert_int_equal(fixture_create(&fixture), LIAISON_OK);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	for (int round = 0; round < 5; round++) {
		assert_int_equal(fixture_fill(&fixture, UINT64_MAX, 8), LIAISON_STORAGE_FULL);
		assert_false(log_is_read_only(fixture.log));
		/* The group before is durable, the refused one left no trace. */
		assert_int_equal(fixture.acknowledged, fixture.written);
		assert_int_equal(fixture_append(&fixture, 60, NULL), LIAISON_STORAGE_FULL);
		capacity += SEGMENT_BYTES_MIN;
		memdisk_set_capacity(fixture.memdisk, capacity);
	}
	fixture_close(&fixture);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_int_equal(fixture.report.damages, 0);
	assert_int_equal(fixture.seen, fixture.acknowledged);
	fixture_clear(&fixture);
}

static void
the_floor_is_kept_free(void **state)
{
	struct log_fixture fixture;
	uint64_t room = 0;

	(void)state;
	fixture_init(&fixture, SEED);
	fixture.options.floor_bytes = 1 << 20;
	memdisk_set_capacity(fixture.memdisk, (1 << 20) + 2 * SEGMENT_BYTES_MIN + 4096);
	assert_int_equal(fixture_create(&fixture), LIAISON_OK);
	assert_int_equal(fixture_open(&fixture), LIAISON_OK);
	assert_int_equal(fixture_fill(&fixture, UINT64_MAX, 8), LIAISON_STORAGE_FULL);
	assert_int_equal(disk_free_bytes(fixture.options.disk, fixture.options.dir, &room), 0);
	assert_true(room >= fixture.options.floor_bytes);
	fixture_clear(&fixture);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_cuts_lose_nothing_acknowledged),
		cmocka_unit_test(power_cuts_while_a_log_is_made_leave_none_or_a_whole_one),
		cmocka_unit_test(each_call_fails_with_eio),
		cmocka_unit_test(each_call_fails_with_enospc),
		cmocka_unit_test(each_call_does_half),
		cmocka_unit_test(each_call_is_interrupted),
		cmocka_unit_test(a_failed_sync_is_not_believed_after_a_restart),
		cmocka_unit_test(what_a_start_shows_survives_the_next_power_cut),
		cmocka_unit_test(a_cut_tail_does_not_come_back),
		cmocka_unit_test(a_full_disk_refuses_and_goes_on_when_there_is_room),
		cmocka_unit_test(the_floor_is_kept_free),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
