/* A lane's cursor moves over what was handled and what the broker says is not for us, never over what waits. */
#include "agents/attempt.h"
#include "agents/reading.h"

#include "proto/base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), LIAISON_OK)
#define WINDOW 16
#define WINDOW_BYTES 1000

static const uint64_t at_start[READING_LANES] = {0, 0};

static struct reading
a_reading(const uint64_t *theirs, const uint64_t *ours)
{
	struct reading reading;
	uint64_t messages, bytes;

	reading_init(&reading, WINDOW, WINDOW_BYTES);
	reading_subscribed(&reading, theirs, ours);
	assert_true(reading_credit(&reading, &messages, &bytes));
	assert_int_equal(messages, WINDOW);
	assert_int_equal(bytes, WINDOW_BYTES);
	return reading;
}

static uint64_t
told(struct reading *reading, enum reading_lane lane)
{
	uint64_t cursor = 0;

	return reading_acknowledge(reading, lane, &cursor) ? cursor : UINT64_MAX;
}

#define NOTHING UINT64_MAX

static void
the_cursor_follows_what_was_handled(void **state)
{
	struct reading reading = a_reading(at_start, NULL);

	(void)state;
	OK(reading_receive(&reading, READING_ORDINARY, 3, 10, NULL));
	OK(reading_receive(&reading, READING_ORDINARY, 7, 10, NULL));
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	reading_handled(&reading, READING_ORDINARY, 3, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), 4);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	assert_int_equal(told(&reading, READING_URGENT), NOTHING);
	reading_handled(&reading, READING_ORDINARY, 7, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), 8);
}

static void
progress_counts_only_when_nothing_before_it_waits(void **state)
{
	struct reading reading = a_reading(at_start, NULL);

	(void)state;
	OK(reading_receive(&reading, READING_ORDINARY, 3, 10, NULL));
	reading_progress(&reading, READING_ORDINARY, 100);
	reading_progress(&reading, READING_URGENT, 100);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	assert_int_equal(told(&reading, READING_URGENT), 100);
	reading_handled(&reading, READING_ORDINARY, 3, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), 100);
}

static void
what_the_broker_did_not_hear_of_may_be_a_repeat(void **state)
{
	const uint64_t theirs[] = {2, 5}, ours[] = {2, 9};
	struct reading reading = a_reading(theirs, ours);

	(void)state;
	assert_true(reading_may_repeat(&reading, READING_ORDINARY, 5));
	assert_true(reading_may_repeat(&reading, READING_ORDINARY, 8));
	assert_false(reading_may_repeat(&reading, READING_ORDINARY, 9));
	assert_false(reading_may_repeat(&reading, READING_URGENT, 2));
	/* The broker is not told more than it has searched: it would not believe it. */
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	OK(reading_receive(&reading, READING_ORDINARY, 6, 10, NULL));
	reading_handled(&reading, READING_ORDINARY, 6, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	reading_progress(&reading, READING_ORDINARY, 9);
	assert_int_equal(told(&reading, READING_ORDINARY), 9);
}

static void
a_reader_that_begins_elsewhere_forgets_its_own_cursor(void **state)
{
	const uint64_t theirs[] = {0, 0};
	struct reading reading = a_reading(theirs, NULL);

	(void)state;
	assert_false(reading_may_repeat(&reading, READING_ORDINARY, 0));
	reading_progress(&reading, READING_ORDINARY, 4);
	assert_int_equal(told(&reading, READING_ORDINARY), 4);
}

static void
a_backfill_is_acknowledged_when_it_has_caught_up(void **state)
{
	struct reading reading = a_reading(at_start, NULL);

	(void)state;
	reading_progress(&reading, READING_ORDINARY, 50);
	assert_int_equal(told(&reading, READING_ORDINARY), 50);
	/* A new right: the broker goes back to the beginning by itself. */
	OK(reading_receive(&reading, READING_ORDINARY, 10, 10, NULL));
	assert_true(reading_may_repeat(&reading, READING_ORDINARY, 10));
	reading_handled(&reading, READING_ORDINARY, 10, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	reading_progress(&reading, READING_ORDINARY, 30);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	reading_progress(&reading, READING_ORDINARY, 50);
	assert_int_equal(told(&reading, READING_ORDINARY), 50);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
}

static void
what_waits_below_our_cursor_is_not_acknowledged(void **state)
{
	const uint64_t theirs[] = {0, 0}, ours[] = {10, 10};
	struct reading reading = a_reading(theirs, ours);

	(void)state;
	/* Another filter: 3 and 5 are new to this feed, 12 is behind our cursor. They came in one frame. */
	OK(reading_receive(&reading, READING_ORDINARY, 3, 10, NULL));
	OK(reading_receive(&reading, READING_ORDINARY, 5, 10, NULL));
	OK(reading_receive(&reading, READING_ORDINARY, 12, 10, NULL));
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	reading_handled(&reading, READING_ORDINARY, 3, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), NOTHING);
	reading_handled(&reading, READING_ORDINARY, 5, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), 10);
	reading_handled(&reading, READING_ORDINARY, 12, 10);
	assert_int_equal(told(&reading, READING_ORDINARY), 13);
}

static void
credit_comes_back_with_handling_and_is_never_overdrawn(void **state)
{
	struct reading reading = a_reading(at_start, NULL);
	uint64_t messages, bytes;
	struct fault fault;

	(void)state;
	for (uint64_t i = 0; i < WINDOW; i++)
		OK(reading_receive(&reading, READING_ORDINARY, i, 10, &fault));
	assert_int_equal(reading_receive(&reading, READING_URGENT, 90, 10, &fault), LIAISON_NOT_PERMITTED);
	for (uint64_t i = 0; i < WINDOW / 2 - 1; i++) {
		reading_handled(&reading, READING_ORDINARY, i, 10);
		assert_false(reading_credit(&reading, &messages, &bytes));
	}
	reading_handled(&reading, READING_ORDINARY, WINDOW / 2 - 1, 10);
	assert_true(reading_credit(&reading, &messages, &bytes));
	assert_int_equal(messages, WINDOW + WINDOW / 2);
	assert_int_equal(bytes, WINDOW_BYTES + 10 * WINDOW / 2);
	assert_false(reading_credit(&reading, &messages, &bytes));
	/* Bytes run out before messages do. */
	OK(reading_receive(&reading, READING_ORDINARY, 50, WINDOW_BYTES - 80, &fault));
	assert_int_equal(reading_receive(&reading, READING_ORDINARY, 51, 1, &fault), LIAISON_NOT_PERMITTED);
}

/*
 * A broker that sends what it likes of a log within its credit, in both lanes, says how far it has come, and goes back
 * now and then: whatever the reader tells it was handled here, and was searched by it.
 */
static void
never_more_is_told_than_was_handled(void **state)
{
	uint64_t seed = (uint64_t)time(NULL);
	struct rng_seeded stream;
	struct rng rng = rng_from_seed(&stream, seed);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 200; round++) {
		struct reading reading = a_reading(at_start, NULL);
		bool is_ours[300] = {false}, is_handled[300] = {false};
		uint64_t queue[WINDOW * 4], queued = 0, searched = 0, messages, bytes;
		for (int i = 0; i < 300; i++)
			is_ours[i] = rng_below(&rng, 3) == 0;
		for (int step = 0; step < 600; step++) {
			uint64_t cursor = 0;
			switch (rng_below(&rng, 5)) {
			case 0: /* search on */
			case 1:
				if (searched < 300 &&
					(!is_ours[searched] ||
						(reading.granted_messages > reading.received_messages &&
							reading.granted_bytes >= reading.received_bytes + 10))) {
					if (is_ours[searched]) {
						OK(reading_receive(&reading, READING_ORDINARY, searched, 10, NULL));
						queue[queued++] = searched;
					}
					searched++;
				}
				break;
			case 2: reading_progress(&reading, READING_ORDINARY, searched); break;
			case 3:
				if (queued > 0) {
					is_handled[queue[0]] = true;
					reading_handled(&reading, READING_ORDINARY, queue[0], 10);
					memmove(queue, queue + 1, --queued * sizeof queue[0]);
				}
				break;
			default:
				if (rng_below(&rng, 20) == 0)
					searched = rng_below(&rng, (uint32_t)searched + 1);
				break;
			}
			(void)reading_credit(&reading, &messages, &bytes);
			if (!reading_acknowledge(&reading, READING_ORDINARY, &cursor))
				continue;
			assert_true(cursor <= 300);
			for (uint64_t i = 0; i < cursor; i++)
				assert_true(!is_ours[i] || is_handled[i]);
		}
	}
}

/* --- attempts -------------------------------------------------------------------------------------------------------- */

#define EXIT(code) ((code) << 8)

static void
five_failures_park_and_deferrals_do_not_count(void **state)
{
	struct attempt attempt;
	int64_t now = 1000;

	(void)state;
	attempt_init(&attempt);
	for (int i = 0; i < 50; i++) {
		assert_int_equal(attempt_judge(&attempt, EXIT(EX_TEMPFAIL), now), ATTEMPT_AGAIN);
		assert_true(attempt.not_before_ms > now);
		assert_true(attempt.not_before_ms <= now + ATTEMPT_MAX_WAIT_MS);
	}
	attempt_init(&attempt);
	for (int i = 1; i < ATTEMPTS_MAX; i++) {
		assert_int_equal(attempt_judge(&attempt, i == 2 ? 9 : EXIT(i), now), ATTEMPT_AGAIN);
		assert_int_equal(attempt_judge(&attempt, EXIT(EX_TEMPFAIL), now), ATTEMPT_AGAIN);
	}
	assert_int_equal(attempt_judge(&attempt, EXIT(1), now), ATTEMPT_PARK);
	attempt_init(&attempt);
	assert_int_equal(attempt_judge(&attempt, 0, now), ATTEMPT_DONE);
}

static void
what_happened_is_said(void **state)
{
	char text[80];

	(void)state;
	assert_string_equal(attempt_describe(EXIT(3), text, sizeof text), "it ended with exit code 3");
	assert_non_null(strstr(attempt_describe(9, text, sizeof text), "signal 9"));
	assert_non_null(strstr(attempt_describe(EXIT(127), text, sizeof text), "did not find"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cursor_follows_what_was_handled),
		cmocka_unit_test(progress_counts_only_when_nothing_before_it_waits),
		cmocka_unit_test(what_the_broker_did_not_hear_of_may_be_a_repeat),
		cmocka_unit_test(a_reader_that_begins_elsewhere_forgets_its_own_cursor),
		cmocka_unit_test(a_backfill_is_acknowledged_when_it_has_caught_up),
		cmocka_unit_test(what_waits_below_our_cursor_is_not_acknowledged),
		cmocka_unit_test(credit_comes_back_with_handling_and_is_never_overdrawn),
		cmocka_unit_test(never_more_is_told_than_was_handled),
		cmocka_unit_test(five_failures_park_and_deferrals_do_not_count),
		cmocka_unit_test(what_happened_is_said),
	};
	return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
