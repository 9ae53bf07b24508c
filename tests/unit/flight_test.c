#include "broker/flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
send_many(struct flight *flight, size_t count, uint64_t bytes)
{
	for (size_t i = 0; i < count; i++)
		flight_sent(flight, bytes);
}

static void
what_was_sent_is_held_until_it_arrived(void **state)
{
	struct flight flight = {0};
	(void)state;

	assert_int_equal(flight_bytes(&flight), 0);
	assert_int_equal(flight_messages(&flight), 0);
	send_many(&flight, 100, 10);
	assert_int_equal(flight_bytes(&flight), 1000);
	assert_int_equal(flight_messages(&flight), 100);
	assert_true(flight_arrived(&flight, 330));
	assert_int_equal(flight_bytes(&flight), 670);
	assert_int_equal(flight_messages(&flight), 100 - FLIGHT_STEP);
	assert_false(flight_arrived(&flight, 330)); /* no news */
	assert_false(flight_arrived(&flight, 0));   /* not known */
	assert_int_equal(flight_bytes(&flight), 670);
	assert_true(flight_arrived(&flight, 1000));
	assert_int_equal(flight_bytes(&flight), 0);
	assert_int_equal(flight_messages(&flight), 0);
}

static void
a_handshake_that_was_not_counted_makes_nothing_negative(void **state)
{
	struct flight flight = {0};
	(void)state;

	assert_true(flight_arrived(&flight, 500));
	send_many(&flight, 10, 10);
	assert_int_equal(flight_bytes(&flight), 0);
	assert_true(flight_arrived(&flight, 600));
	assert_int_equal(flight_messages(&flight), 0);
}

/* Against a count of each message by itself. */
static void
messages_are_never_counted_too_few_nor_more_than_a_step_too_many(void **state)
{
	struct flight flight = {0};
	uint64_t ends[FLIGHT_STEP * FLIGHT_MARKS], at = 0;
	const size_t count = sizeof ends / sizeof ends[0];
	(void)state;

	srand(1);
	for (size_t i = 0; i < count; i++) {
		uint64_t bytes = (uint64_t)(rand() % 1000) + 1;
		flight_sent(&flight, bytes);
		at += bytes;
		ends[i] = at;
	}
	size_t arrived = 0;
	for (uint64_t bytes = 0; bytes < at; bytes += (uint64_t)(rand() % 5000)) {
		flight_arrived(&flight, bytes);
		while (ends[arrived] <= bytes)
			arrived++;
		assert_true(flight_messages(&flight) >= count - arrived);
		assert_true(flight_messages(&flight) < count - arrived + FLIGHT_STEP);
	}
}

static void
more_than_there_are_marks_for_is_counted_until_it_has_arrived(void **state)
{
	struct flight flight = {0};
	const size_t count = (size_t)FLIGHT_STEP * FLIGHT_MARKS * 3;
	(void)state;

	send_many(&flight, count, 1);
	assert_int_equal(flight_messages(&flight), count);
	flight_arrived(&flight, count - 1);
	assert_true(flight_messages(&flight) >= 1);
	flight_arrived(&flight, count);
	assert_int_equal(flight_messages(&flight), 0);
	/* And the ring is in order again. */
	send_many(&flight, FLIGHT_STEP, 1);
	flight_arrived(&flight, count + FLIGHT_STEP);
	assert_int_equal(flight_messages(&flight), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_sent_is_held_until_it_arrived),
		cmocka_unit_test(a_handshake_that_was_not_counted_makes_nothing_negative),
		cmocka_unit_test(messages_are_never_counted_too_few_nor_more_than_a_step_too_many),
		cmocka_unit_test(more_than_there_are_marks_for_is_counted_until_it_has_arrived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
