#include "broker/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct filter *
everything(void)
{
	const Liaison__Filter message = LIAISON__FILTER__INIT;
	struct filter *filter;

	assert_int_equal(filter_new(&message, &filter, NULL), LIAISON_OK);
	return filter;
}

static void
put(struct feed *feed, enum feed_lane lane, uint64_t index, size_t len)
{
	static const uint8_t bytes[FEED_RESERVE_BYTES];

	assert_int_equal(feed_put(feed, lane, index, bytes, len), LIAISON_OK);
}

static struct feed *
a_feed(struct feeds *feeds, const char *office, const char *name)
{
	struct office_id id;
	struct feed *feed;

	assert_int_equal(office_id_parse(office, &id, NULL), LIAISON_OK);
	assert_int_equal(feeds_add(feeds, &id, name, everything(), NULL, 0, &feed), LIAISON_OK);
	return feed;
}

static void
names_are_what_a_shell_and_a_person_can_say(void **state)
{
	const struct {
		const char *name;
		bool valid;
	} rows[] = {{"all", true}, {"A-1_b.c", true}, {"", false}, {"a b", false}, {"a/b", false},
		{"caf\xc3\xa9", false}, {"0123456789012345678901234567890123456789012345678901234567890123", false},
		{"012345678901234567890123456789012345678901234567890123456789012", true}};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(feed_name_is_valid(rows[i].name), rows[i].valid);
}

static void
the_ordinary_lane_leaves_room_for_one_urgent_alert(void **state)
{
	struct feeds *feeds = feeds_new();
	struct feed *feed = a_feed(feeds, "kh.blo.poipet", "all");
	struct session session = {.route = 1};
	(void)state;

	feed_attach(feed, &session, 1);
	assert_false(feed_has_room(feed, FEED_URGENT, 1)); /* no credit yet */
	feed_grant(feed, 2, FEED_RESERVE_BYTES + 1000);
	assert_true(feed_has_room(feed, FEED_ORDINARY, 1000));
	assert_false(feed_has_room(feed, FEED_ORDINARY, 1001));
	put(feed, FEED_ORDINARY, 0, 1000);
	assert_false(feed_has_room(feed, FEED_ORDINARY, 1));
	assert_true(feed_has_room(feed, FEED_URGENT, FEED_RESERVE_BYTES));
	put(feed, FEED_URGENT, 1, FEED_RESERVE_BYTES);
	assert_false(feed_has_room(feed, FEED_URGENT, 1));
	feeds_free(feeds);
}

static void
credit_never_shrinks_and_its_greatest_value_does_not_wrap(void **state)
{
	struct feeds *feeds = feeds_new();
	struct feed *feed = a_feed(feeds, "kh.blo.poipet", "all");
	struct session session = {.route = 1};
	(void)state;

	feed_attach(feed, &session, 1);
	feed_grant(feed, UINT64_MAX, UINT64_MAX);
	feed_grant(feed, 1, 1);
	for (int i = 0; i < 10; i++)
		put(feed, FEED_ORDINARY, (uint64_t)i, 64 * 1024);
	assert_true(feed_has_room(feed, FEED_ORDINARY, 64 * 1024));
	feeds_free(feeds);
}

static void
a_cursor_goes_forward_only_and_never_beyond_what_was_searched(void **state)
{
	struct feeds *feeds = feeds_new();
	struct feed *feed = a_feed(feeds, "kh.blo.poipet", "all");
	struct session session = {.route = 1};
	(void)state;

	feed_attach(feed, &session, 1);
	feed->lanes[FEED_ORDINARY].next = 10;
	assert_false(feed_acknowledge(feed, FEED_ORDINARY, 11, 100));
	assert_true(feed_acknowledge(feed, FEED_ORDINARY, 10, 100));
	assert_true(feed->is_dirty);
	assert_false(feed_acknowledge(feed, FEED_ORDINARY, 9, 100));
	assert_int_equal(feed->lanes[FEED_ORDINARY].cursor, 10);
	assert_int_equal(feed->lanes[FEED_URGENT].cursor, 0);
	feed->lanes[FEED_ORDINARY].is_live = true; /* then everything up to the log's end was searched */
	assert_true(feed_acknowledge(feed, FEED_ORDINARY, 100, 100));
	assert_false(feed_acknowledge(feed, FEED_ORDINARY, 101, 100));
	feeds_free(feeds);
}

/* A frame that could not be sent: its credit is there again, and the lane is behind from its first item on. */
static void
what_is_taken_back_is_searched_for_again_and_costs_no_credit(void **state)
{
	struct feeds *feeds = feeds_new();
	struct feed *feed = a_feed(feeds, "kh.blo.poipet", "all");
	struct session session = {.route = 1};
	(void)state;

	feed_attach(feed, &session, 1);
	feed_grant(feed, 5, FEED_RESERVE_BYTES + 4000);
	feed->lanes[FEED_URGENT].is_live = feed->lanes[FEED_ORDINARY].is_live = true;
	put(feed, FEED_ORDINARY, 10, 1000);
	feed_sent(feed, FEED_ORDINARY);
	put(feed, FEED_ORDINARY, 11, 1000);
	put(feed, FEED_URGENT, 12, 500);
	put(feed, FEED_ORDINARY, 13, 1000);
	assert_false(feed_has_room(feed, FEED_ORDINARY, 1));
	feed_take_back(feed, FEED_ORDINARY);
	assert_true(feed_has_room(feed, FEED_ORDINARY, 2500));
	assert_false(feed_has_room(feed, FEED_ORDINARY, 2501));
	assert_false(feed->lanes[FEED_ORDINARY].is_live);
	assert_int_equal(feed->lanes[FEED_ORDINARY].next, 11);
	assert_int_equal(feed->outgoing[FEED_ORDINARY].items.len, 0);
	assert_true(feed->lanes[FEED_URGENT].is_live); /* the other lane's frame is as it was */
	assert_int_equal(feed->outgoing[FEED_URGENT].items.len, 500);
	/* Again with nothing inside: a lane that went on from there stays where it is. */
	feed->lanes[FEED_ORDINARY].next = 20;
	feed_take_back(feed, FEED_ORDINARY);
	assert_int_equal(feed->lanes[FEED_ORDINARY].next, 20);
	feeds_free(feeds);
}

static void
a_reader_that_comes_back_begins_at_its_cursor_without_credit(void **state)
{
	struct feeds *feeds = feeds_new();
	struct feed *feed = a_feed(feeds, "kh.blo.poipet", "all");
	struct session session = {.route = 1};
	(void)state;

	feed_attach(feed, &session, 1);
	feed_grant(feed, 100, 1 << 20);
	feed->lanes[FEED_ORDINARY].next = 50;
	assert_true(feed_acknowledge(feed, FEED_ORDINARY, 20, 100));
	feed_detach(feed);
	feed_attach(feed, &session, 2);
	assert_int_equal(feed->lanes[FEED_ORDINARY].next, 20);
	assert_false(feed_has_room(feed, FEED_URGENT, 1));
	feeds_free(feeds);
}

static void
the_table_finds_by_office_and_name_and_uses_numbers_again(void **state)
{
	struct feeds *feeds = feeds_new();
	struct feed *first = a_feed(feeds, "kh.blo.poipet", "all");
	struct feed *second = a_feed(feeds, "kh.blo.poipet", "cars");
	struct feed *other = a_feed(feeds, "kh.blo", "all");
	(void)state;

	assert_ptr_equal(feeds_find(feeds, "kh.blo.poipet", "cars"), second);
	assert_ptr_equal(feeds_find(feeds, "kh.blo", "all"), other);
	assert_null(feeds_find(feeds, "kh.blo", "cars"));
	assert_int_equal(feeds_count_office(feeds, "kh.blo.poipet"), 2);
	assert_int_equal(feeds_count_office(feeds, "kh.blo"), 1);
	uint32_t number = first->number;
	feeds_remove(feeds, first);
	assert_null(feeds_at(feeds, number));
	assert_int_equal(a_feed(feeds, "vn.blo.mocbai", "all")->number, number);
	for (int i = 0; i < 200; i++) {
		char name[16];
		snprintf(name, sizeof name, "f%d", i);
		struct feed *feed = a_feed(feeds, "th.blo.aranyaprathet", name);
		assert_ptr_equal(feeds_at(feeds, feed->number), feed);
	}
	assert_int_equal(feeds_count_office(feeds, "th.blo.aranyaprathet"), 200);
	feeds_free(feeds);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_what_a_shell_and_a_person_can_say),
		cmocka_unit_test(the_ordinary_lane_leaves_room_for_one_urgent_alert),
		cmocka_unit_test(credit_never_shrinks_and_its_greatest_value_does_not_wrap),
		cmocka_unit_test(a_cursor_goes_forward_only_and_never_beyond_what_was_searched),
		cmocka_unit_test(what_is_taken_back_is_searched_for_again_and_costs_no_credit),
		cmocka_unit_test(a_reader_that_comes_back_begins_at_its_cursor_without_credit),
		cmocka_unit_test(the_table_finds_by_office_and_name_and_uses_numbers_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
