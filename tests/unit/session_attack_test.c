/*
 * What an office that is let in may do to the broker and to others with well-formed frames: nothing beyond its rights, and
 * nothing that costs the others. Frames out of turn, credit and cursors out of range, filters, others' feeds. What it may
 * not have is in rights_attack_test.c, what it may not do so often in flood_attack_test.c.
 */
#include "proto/scan.h"
#include "tests/support/talk.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THIRD "vn.blo.mocbai"
#define FEEDS 64
#define MIB ((size_t)1 << 20)

static void
send_subscribe(struct rig_client *client, const char *feed, uint32_t channel, Liaison__Filter *filter)
{
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	subscribe.has_request = subscribe.has_channel = 1;
	subscribe.request = ++client->next_request;
	subscribe.channel = channel;
	subscribe.feed = (char *)(uintptr_t)feed;
	subscribe.filter = filter;
	/* From whoever held it: a connection that was just left may still count. */
	subscribe.has_take_over = subscribe.take_over = 1;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	rig_send(client, &frame);
}

static void
send_credit(struct rig_client *client, uint32_t channel, uint64_t messages, uint64_t bytes)
{
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = channel;
	credit.messages = messages;
	credit.bytes = bytes;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	rig_send(client, &frame);
}

/* --- out of turn -------------------------------------------------------------------------------------------------- */

/* The frame of that kind with nothing in it. */
static void
send_empty(struct rig_client *client, unsigned kind)
{
	uint8_t bytes[3] = {(uint8_t)(kind << 3 | 2), 0, 0};

	if (kind >= 16) {
		bytes[0] |= 0x80;
		bytes[1] = (uint8_t)(kind >> 4);
	}
	rig_send_bytes(client, bytes, kind >= 16 ? 3 : 2);
}

static void
frames_before_hello_do_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect_raw(rig, PUBLISHER);
	for (unsigned kind = 2; kind <= LIAISON__FRAME__FRAME_GOODBYE; kind++) {
		send_empty(client, kind);
		const Liaison__Frame *frame = rig_receive(client, 10000);
		assert_non_null(frame);
		assert_int_equal(frame->frame_case, LIAISON__FRAME__FRAME_REFUSAL);
		if (frame->refusal->code != LIAISON__CODE__CODE_MALFORMED &&
			frame->refusal->code != LIAISON__CODE__CODE_NOT_PERMITTED)
			fail_msg("kind %u: code %d", kind, (int)frame->refusal->code);
	}
	struct submission submission;
	submission_init(&submission, rig, PUBLISHER, 1);
	submission_send(&submission, client); /* a whole and right one, but nobody said hello */
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	submission_clear(&submission);
	rig_hello(client);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	end_rig(rig);
}

static void
hello_twice_changes_nothing(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	(void)state;

	rig_send_bytes(client, "\x0a\x04\x08\x01\x10\x01", 6);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	/* Nor does one whose versions are beside ours: it is told, and shut. */
	client = rig_connect_raw(rig, PUBLISHER);
	rig_send_bytes(client, "\x0a\x04\x08\x02\x10\x09", 6);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	assert_int_equal(await_end(client), LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	rig_disconnect(client);
	end_rig(rig);
}

static void
what_a_broker_says_is_refused_from_an_agent(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	static const unsigned kinds[] = {2, 4, 5, 7, 9, 10, 14, 16, 18, 19, 23};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		send_empty(client, kinds[i]);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_NOT_PERMITTED);
	}
	static const unsigned later[] = {20, 21, 22, 25, 26, 27, 28, 29};
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
		send_empty(client, later[i]);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_NOT_SUPPORTED);
	}
	rig_disconnect(client);
	end_rig(rig);
}

static void
empty_frames_of_every_kind_harm_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	for (unsigned kind = 1; kind < LIAISON__FRAME__FRAME_GOODBYE; kind++)
		send_empty(client, kind);
	sync_with(client);
	publish_route(rig, client, PUBLISHER, 1);
	send_empty(client, LIAISON__FRAME__FRAME_GOODBYE);
	assert_int_equal(await_end(client), LIAISON__CODE__CODE_OK);
	rig_disconnect(client);
	end_rig(rig);
}

/* --- credit and cursors ------------------------------------------------------------------------------------------- */

static void
credit_of_all_values_is_taken_as_what_it_is(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	(void)state;

	send_subscribe(reader, "all", 1, NULL);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	for (uint64_t i = 1; i <= 3; i++)
		publish_route(rig, publisher, PUBLISHER, i);
	send_credit(reader, 1, UINT64_MAX, UINT64_MAX);
	size_t got = 0;
	while (got < 3)
		got += rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items;
	/* Less than before, nothing, and for a channel that is not there: all ignored. */
	send_credit(reader, 1, 0, 0);
	send_credit(reader, 1, 1, UINT64_MAX - 1);
	send_credit(reader, UINT32_MAX, UINT64_MAX, UINT64_MAX);
	publish_route(rig, publisher, PUBLISHER, 4);
	assert_int_equal(rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items, 1);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	end_rig(rig);
}

static void
a_cursor_beyond_what_was_sent_is_ignored(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	uint8_t epoch[16], other[16] = {9};
	(void)state;

	send_subscribe(reader, "all", 1, NULL);
	memcpy(epoch, rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED)->subscribed->epoch.data, sizeof epoch);
	uint64_t first = publish_route(rig, publisher, PUBLISHER, 1);
	publish_route(rig, publisher, PUBLISHER, 2);
	/* Nothing was sent for want of credit; it claims all. */
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, epoch, first + 2);
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, epoch, UINT64_MAX);
	acknowledge(reader, 1, LIAISON__LANE__LANE_URGENT, epoch, UINT64_MAX);
	acknowledge(reader, 1, (Liaison__Lane)77, epoch, UINT64_MAX);
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, other, first);
	acknowledge(reader, 9, LIAISON__LANE__LANE_ORDINARY, epoch, first);
	sync_with(reader);
	rig_disconnect(reader);
	reader = rig_connect(rig, NEIGHBOUR);
	send_subscribe(reader, "all", 1, NULL);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	send_credit(reader, 1, 100, MIB);
	assert_int_equal(rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->items[0]->index, first);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	end_rig(rig);
}

/* --- subscribing -------------------------------------------------------------------------------------------------- */

static void
filters_that_are_too_great_or_wrong_are_refused(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	static char text[1000][24];
	static char *texts[1000];
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__Near near = LIAISON__NEAR__INIT, *nears[1] = {&near};
	Liaison__Kind kinds[1] = {(Liaison__Kind)4711};
	(void)state;

	for (int i = 0; i < 1000; i++) {
		snprintf(text[i], sizeof text[i], "kh.blo.a%d", i);
		texts[i] = text[i];
	}
	filter.offices = texts;
	filter.n_offices = 257;
	send_subscribe(reader, "many", 1, &filter);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_TOO_LARGE);
	filter.n_offices = 1000;
	send_subscribe(reader, "many", 1, &filter);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_TOO_LARGE);
	filter.n_offices = 256;
	send_subscribe(reader, "many", 1, &filter);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	filter.n_offices = 0;
	filter.n_kinds = 1;
	filter.kinds = kinds;
	send_subscribe(reader, "kinds", 2, &filter);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_BAD_CODE);
	filter.n_kinds = 0;
	filter.n_near = 1;
	filter.near = nears;
	static const double values[][3] = {
		{91, 0, 1}, {0, 181, 1}, {0, 0, -1}, {0, 0, 1e308}, {0.0 / 0.0, 0, 1}, {0, 0, 0.0 / 0.0}};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		near.has_lat = near.has_lon = near.has_km = 1;
		near.lat = values[i][0];
		near.lon = values[i][1];
		near.km = values[i][2];
		send_subscribe(reader, "near", 3, &filter);
		assert_int_not_equal(refusal_code(reader), LIAISON__CODE__CODE_OK);
	}
	static const char *const names[] = {"", "a/b", "../x", "a b", "\xc3\xa9",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		send_subscribe(reader, names[i], 4, NULL);
		assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_MALFORMED);
	}
	send_subscribe(reader, "again", 1, NULL); /* a channel that is in use */
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_MALFORMED);
	rig_disconnect(reader);
	end_rig(rig);
}

static void
feeds_of_an_office_are_capped(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR), *second = rig_connect(rig, NEIGHBOUR);
	char name[16];
	(void)state;

	for (uint32_t i = 0; i < FEEDS; i++) {
		snprintf(name, sizeof name, "f%u", i);
		send_subscribe(reader, name, i, NULL);
		rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	}
	send_subscribe(reader, "one-more", FEEDS, NULL);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_NOT_PERMITTED);
	send_subscribe(second, "one-more", 1, NULL); /* over another connection neither */
	assert_int_equal(refusal_code(second), LIAISON__CODE__CODE_NOT_PERMITTED);
	struct rig_client *other = rig_connect(rig, THIRD);
	rig_subscribe(other, "f0", 1, NULL);
	rig_disconnect(reader);
	rig_disconnect(second);
	rig_disconnect(other);
	end_rig(rig);
}

/* The answer to a question about feeds must be a frame, however great the filters are. */
static void
a_list_of_great_filters_is_still_a_frame(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	static char text[256][64];
	static char *texts[256];
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	char name[16];
	(void)state;

	for (int i = 0; i < 256; i++) {
		snprintf(text[i], sizeof text[i], "kh.a%030d.a%020d", i, i);
		texts[i] = text[i];
	}
	filter.n_offices = 130; /* nearly as great as a filter may be */
	filter.offices = texts;
	for (uint32_t i = 0; i < FEEDS; i++) {
		snprintf(name, sizeof name, "f%u", i);
		send_subscribe(reader, name, i, &filter);
		rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	}
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS_REQUEST;
	frame.feeds_request = &request;
	rig_send(reader, &frame);
	size_t listed = 0;
	while (listed < FEEDS) {
		const Liaison__Frame *answer = next_answer(reader);
		assert_int_equal(answer->frame_case, LIAISON__FRAME__FRAME_FEEDS);
		assert_true(reader->bytes <= FRAME_BYTES_MAX);
		listed += answer->feeds->n_feeds;
	}
	assert_int_equal(listed, FEEDS);
	rig_disconnect(reader);
	end_rig(rig);
}

static void
feeds_of_another_office_cannot_be_touched(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *owner = rig_connect(rig, NEIGHBOUR), *thief = rig_connect(rig, THIRD);
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static char name[] = "secret-watch", path[] = NEIGHBOUR "/secret-watch";
	(void)state;

	rig_subscribe(owner, name, 1, NULL);
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS_REQUEST;
	frame.feeds_request = &request;
	rig_send(thief, &frame);
	assert_int_equal(rig_expect(thief, LIAISON__FRAME__FRAME_FEEDS)->feeds->n_feeds, 0);
	request.remove = name;
	rig_send(thief, &frame);
	assert_int_equal(refusal_code(thief), LIAISON__CODE__CODE_BAD_REFERENCE);
	request.remove = path;
	rig_send(thief, &frame);
	assert_int_equal(refusal_code(thief), LIAISON__CODE__CODE_BAD_REFERENCE);
	request.remove = NULL;
	request.seek = name;
	request.has_index = 1;
	request.index = UINT64_MAX;
	rig_send(thief, &frame);
	assert_int_equal(refusal_code(thief), LIAISON__CODE__CODE_BAD_REFERENCE);
	request.seek = NULL;
	rig_send(owner, &frame);
	const Liaison__Feeds *feeds = rig_expect(owner, LIAISON__FRAME__FRAME_FEEDS)->feeds;
	assert_int_equal(feeds->n_feeds, 1);
	assert_true(feeds->feeds[0]->attached);
	rig_disconnect(owner);
	rig_disconnect(thief);
	end_rig(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_before_hello_do_nothing),
		cmocka_unit_test(hello_twice_changes_nothing),
		cmocka_unit_test(what_a_broker_says_is_refused_from_an_agent),
		cmocka_unit_test(empty_frames_of_every_kind_harm_nothing),
		cmocka_unit_test(credit_of_all_values_is_taken_as_what_it_is),
		cmocka_unit_test(a_cursor_beyond_what_was_sent_is_ignored),
		cmocka_unit_test(filters_that_are_too_great_or_wrong_are_refused),
		cmocka_unit_test(feeds_of_an_office_are_capped),
		cmocka_unit_test(a_list_of_great_filters_is_still_a_frame),
		cmocka_unit_test(feeds_of_another_office_cannot_be_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
