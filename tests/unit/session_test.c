/* What accept.c decides with: sessions, who may send what, rates, connections. */
#include "broker/connections.h"
#include "broker/rate.h"
#include "broker/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
which_frames_a_session_may_send_is_a_table(void **state)
{
	const struct {
		enum session_state state;
		Liaison__Frame__FrameCase frame;
		enum liaison_err answer;
	} rows[] = {
		{SESSION_NEW, LIAISON__FRAME__FRAME_HELLO, LIAISON_OK},
		{SESSION_NEW, LIAISON__FRAME__FRAME_SUBMIT, LIAISON_MALFORMED},
		{SESSION_NEW, LIAISON__FRAME__FRAME_PING, LIAISON_MALFORMED},
		{SESSION_READY, LIAISON__FRAME__FRAME_HELLO, LIAISON_MALFORMED}, /* once */
		{SESSION_READY, LIAISON__FRAME__FRAME_SUBMIT, LIAISON_OK},
		{SESSION_READY, LIAISON__FRAME__FRAME_RECEIPT, LIAISON_NOT_PERMITTED}, /* a broker's word */
		{SESSION_READY, LIAISON__FRAME__FRAME_DELIVERY, LIAISON_NOT_PERMITTED},
		{SESSION_READY, LIAISON__FRAME__FRAME_ATTACHMENT_REQUEST, LIAISON_NOT_SUPPORTED},
		{SESSION_READY, LIAISON__FRAME__FRAME_TALLY, LIAISON_NOT_SUPPORTED},
		{SESSION_READY, LIAISON__FRAME__FRAME__NOT_SET, LIAISON_UNSUPPORTED_VERSION},
		{SESSION_READY, (Liaison__Frame__FrameCase)999, LIAISON_UNSUPPORTED_VERSION},
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(session_may_send(rows[i].state, rows[i].frame), rows[i].answer);
}

static void
every_frame_of_the_schema_has_a_rule(void **state)
{
	(void)state;

	for (unsigned i = 0; i < liaison__frame__descriptor.n_fields; i++) {
		Liaison__Frame__FrameCase frame = (Liaison__Frame__FrameCase)liaison__frame__descriptor.fields[i].id;
		assert_int_not_equal(session_may_send(SESSION_READY, frame), LIAISON_UNSUPPORTED_VERSION);
	}
}

static void
sessions_are_found_by_route_and_counted_by_office(void **state)
{
	struct sessions *sessions = sessions_new();
	(void)state;

	for (uint32_t route = 0; route < 10000; route += 7) {
		struct session *session = sessions_add(sessions, route * 4096); /* all in a few buckets */
		assert_non_null(session);
		snprintf(
			session->office.text, sizeof session->office.text, "kh.blo.%s", route % 2 ? "poipet" : "bavet");
	}
	assert_int_equal(sessions_count(sessions), 1429);
	assert_int_equal(sessions_count_office(sessions, "kh.blo.poipet"), 714);
	struct session *session = sessions_find(sessions, 7 * 4096);
	assert_non_null(session);
	session->state = SESSION_CLOSING; /* one that is over does not count */
	assert_int_equal(sessions_count_office(sessions, "kh.blo.poipet"), 713);
	sessions_remove(sessions, session);
	assert_null(sessions_find(sessions, 7 * 4096));
	sessions_free(sessions);
}

static void
a_second_of_work_may_come_at_once_and_no_more(void **state)
{
	struct rate *rate = rate_new(10, 1000);
	struct office_id poipet = {"kh.blo.poipet"}, bavet = {"kh.blo.bavet"};
	(void)state;

	for (int i = 0; i < 10; i++)
		assert_int_equal(rate_take(rate, &poipet, 1, 10, 5000), LIAISON_OK);
	assert_int_equal(rate_take(rate, &poipet, 1, 10, 5000), LIAISON_RATE_LIMITED);
	assert_int_equal(rate_take(rate, &bavet, 1, 10, 5000), LIAISON_OK);  /* another office has its own share */
	assert_int_equal(rate_take(rate, &poipet, 1, 10, 5100), LIAISON_OK); /* a tenth of a second gives one */
	assert_int_equal(rate_take(rate, &poipet, 1, 10, 5100), LIAISON_RATE_LIMITED);
	assert_int_equal(rate_take(rate, &poipet, 1, 100000, 6100), LIAISON_OK); /* greater than the share: into debt */
	assert_int_equal(rate_take(rate, &poipet, 1, 1, 6500), LIAISON_RATE_LIMITED);
	rate_free(rate);
}

static void
debt_is_paid_before_more_is_taken(void **state)
{
	struct rate *rate = rate_new(0, 1000);
	struct office_id poipet = {"kh.blo.poipet"};
	(void)state;

	assert_int_equal(rate_take(rate, &poipet, 1, 5000, 0), LIAISON_OK); /* five seconds' worth */
	assert_int_equal(rate_take(rate, &poipet, 1, 1, 2000), LIAISON_RATE_LIMITED);
	assert_int_equal(rate_take(rate, &poipet, 1, 1, 4100), LIAISON_OK);
	rate_free(rate);
}

static void
no_limit_is_no_limit(void **state)
{
	struct rate *rate = rate_new(0, 0);
	struct office_id poipet = {"kh.blo.poipet"};
	(void)state;

	for (int i = 0; i < 100000; i++)
		assert_int_equal(rate_take(rate, &poipet, 1, 1 << 20, 0), LIAISON_OK);
	rate_free(rate);
}

static void
count_up(void *arg, int fd)
{
	*(int *)arg += fd;
}

static void
connections_are_bounded_before_anybody_is_known(void **state)
{
	struct connections *connections = connections_new(4, 2);
	int sum = 0;
	(void)state;

	assert_int_equal(connections_accepted(connections, 10, 1, 0, 100), -1);
	assert_int_equal(connections_accepted(connections, 1000, 1, 0, 200), -1);
	assert_int_equal(
		connections_accepted(connections, 12, 1, 2, 300), 1000); /* a third stranger: one goes, by lot */
	connections_closed(connections, 1000);
	connections_heard(connections, 10, 1);
	connections_heard(connections, 10, 1);
	assert_int_equal(connections_unknown(connections), 1);
	assert_int_equal(connections_accepted(connections, 1000, 1, 0, 300), -1);
	connections_heard(connections, 12, 1);
	connections_heard(connections, 1000, 1);
	assert_int_equal(connections_accepted(connections, 13, 1, 0, 400), -1);
	assert_int_equal(connections_accepted(connections, 14, 1, 1, 500), 14); /* a fifth in all: never a known one */
	connections_each_unknown(connections, 450, count_up, &sum);
	assert_int_equal(sum, 13);
	connections_closed(connections, 14);
	connections_closed(connections, 13);
	connections_closed(connections, 13);
	assert_int_equal(connections_open(connections), 3);
	connections_closed(connections, -1);
	connections_heard(connections, 99999, 1);
	connections_free(connections);
}

static void
the_origin_with_most_strangers_loses_one(void **state)
{
	struct connections *connections = connections_new(100, 10);
	(void)state;

	for (int fd = 0; fd < 9; fd++)
		assert_int_equal(connections_accepted(connections, fd, 7, 0, 0), -1);
	assert_int_equal(connections_accepted(connections, 9, 8, 0, 0), -1);
	for (uint64_t lot = 0; lot < 200; lot++) {
		int over = connections_accepted(connections, 10, 9, lot, 0);
		assert_true(over >= 0 && over < 9);
		connections_closed(connections, over);
		connections_closed(connections, 10);
		assert_int_equal(connections_accepted(connections, over, 7, 0, 0), -1);
	}
	connections_free(connections);
}

static void
what_is_shut_is_not_shut_again_until_it_is_another(void **state)
{
	struct connections *connections = connections_new(4, 4);
	(void)state;

	assert_int_equal(connections_accepted(connections, 5, 1, 0, 0), -1);
	assert_true(connections_end(connections, 5));
	assert_false(connections_end(connections, 5));
	assert_int_equal(connections_open(connections), 0);
	connections_heard(connections, 5, 1); /* its last messages */
	assert_int_equal(connections_unknown(connections), 0);
	connections_closed(connections, 5);
	assert_false(connections_end(connections, 5));
	assert_int_equal(connections_accepted(connections, 5, 1, 0, 0), -1);
	assert_true(connections_end(connections, 5));
	connections_free(connections);
}

static void
a_line_that_brings_more_than_its_messages_swells(void **state)
{
	struct connections *connections = connections_new(4, 4);
	uint64_t received = 600; /* a handshake */
	(void)state;

	assert_int_equal(connections_accepted(connections, 5, 1, 0, 0), -1);
	for (int tick = 0; tick < 100; tick++) {
		connections_heard(connections, 5, 1000000);
		received += 1000000 + CONNECTION_UNTAKEN_MAX / 10; /* pings of the line itself, say */
		assert_false(connections_swells(connections, 5, received));
	}
	assert_false(connections_swells(connections, 5, received + CONNECTION_UNTAKEN_MAX / 2));
	assert_true(connections_swells(connections, 5, received + CONNECTION_UNTAKEN_MAX + 1));
	assert_false(connections_swells(connections, 5, 0)); /* not known */
	connections_free(connections);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_frames_a_session_may_send_is_a_table),
		cmocka_unit_test(every_frame_of_the_schema_has_a_rule),
		cmocka_unit_test(sessions_are_found_by_route_and_counted_by_office),
		cmocka_unit_test(a_second_of_work_may_come_at_once_and_no_more),
		cmocka_unit_test(debt_is_paid_before_more_is_taken),
		cmocka_unit_test(no_limit_is_no_limit),
		cmocka_unit_test(connections_are_bounded_before_anybody_is_known),
		cmocka_unit_test(the_origin_with_most_strangers_loses_one),
		cmocka_unit_test(what_is_shut_is_not_shut_again_until_it_is_another),
		cmocka_unit_test(a_line_that_brings_more_than_its_messages_swells),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
