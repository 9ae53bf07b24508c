/* Feeds with their cursors, what they have shown, what is parked: kept in post.db across everything. */
#include "agents/feed_post.h"
#include "agents/filter_text.h"

#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), LIAISON_OK)

struct fixture {
	char *path;
	struct post *post;
	struct fault fault;
};

static int
open_post(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->path = folder_new();
	OK(post_open(f->path, &f->post, &f->fault));
	*state = f;
	return 0;
}

static int
close_post(void **state)
{
	struct fixture *f = *state;

	post_close(f->post);
	folder_remove(f->path);
	free(f);
	return 0;
}

static struct inbox_place
at(uint64_t index)
{
	return (struct inbox_place){.broker = "kh.broker", .epoch = {3}, .index = index};
}

static int64_t
keep(struct fixture *f, const char *name, uint64_t ordinary)
{
	struct feed_row row = {.broker = "kh.broker", .name = name, .epoch = {3}, .urgent = 5, .ordinary = ordinary};
	int64_t number = 0;

	OK(feed_post_keep(f->post, &row, &number, &f->fault));
	assert_true(number > 0);
	return number;
}

static enum liaison_err
copy_row(void *arg, const struct feed_row *row, struct fault *fault)
{
	(void)fault;
	*(struct feed_row *)arg = *row;
	return LIAISON_OK;
}

static bool
is_shown(struct fixture *f, int64_t feed, uint64_t index)
{
	const struct inbox_place place = at(index);
	bool has = false;

	OK(shown_has(f->post, feed, &place, &has, &f->fault));
	return has;
}

static void
show(struct fixture *f, int64_t feed, uint64_t index)
{
	const struct inbox_place place = at(index);

	OK(shown_put(f->post, feed, &place, &f->fault));
}

static void
park(struct fixture *f, int64_t feed, uint64_t index, const char *id)
{
	const struct parked_row row = {.feed = feed, .place = at(index), .id = id, .tries = 5, .reason = "exit 1"};

	OK(parked_put(f->post, &row, &f->fault));
}

static enum liaison_err
count_rows(void *arg, const struct parked_row *row, struct fault *fault)
{
	(void)row;
	(void)fault;
	++*(size_t *)arg;
	return LIAISON_OK;
}

static size_t
parked(struct fixture *f, const char *name)
{
	size_t count = 0;

	OK(parked_each(f->post, name, count_rows, &count, &f->fault));
	return count;
}

static void
a_feed_keeps_its_number_and_moves_its_cursors(void **state)
{
	struct fixture *f = *state;
	struct feed_row seen = {0};

	int64_t number = keep(f, "main", 9);
	assert_int_equal(keep(f, "main", 10), number);
	assert_int_not_equal(keep(f, "other", 1), number);
	OK(feed_post_move(f->post, number, 6, 11, &f->fault));
	OK(feed_post_each(f->post, "kh.broker", "main", copy_row, &seen, &f->fault));
	assert_int_equal(seen.urgent, 6);
	assert_int_equal(seen.ordinary, 11);
	assert_int_equal(seen.number, number);
}

static void
what_was_shown_is_known_by_feed_and_place(void **state)
{
	struct fixture *f = *state;
	int64_t one = keep(f, "one", 0), two = keep(f, "two", 0);

	for (uint64_t i = 10; i < 20; i++)
		show(f, one, i);
	assert_true(is_shown(f, one, 10));
	assert_false(is_shown(f, two, 10));
	assert_false(is_shown(f, one, 20));
	/* Told to begin again at 15. */
	const struct inbox_place from = at(15);
	OK(shown_forget(f->post, one, &from, &f->fault));
	assert_true(is_shown(f, one, 14));
	assert_false(is_shown(f, one, 15));
	assert_false(is_shown(f, one, 19));
}

static void
another_life_of_the_log_is_another_place(void **state)
{
	struct fixture *f = *state;
	int64_t feed = keep(f, "main", 0);
	struct inbox_place later = at(10);
	bool has = true;

	show(f, feed, 10);
	later.epoch[0] = 4;
	OK(shown_has(f->post, feed, &later, &has, &f->fault));
	assert_false(has);
	OK(shown_put(f->post, feed, &later, &f->fault));
	OK(shown_forget(f->post, feed, &later, &f->fault));
	assert_true(is_shown(f, feed, 10));
}

static void
parked_ones_are_tried_again_when_asked_and_dropped_when_asked(void **state)
{
	struct fixture *f = *state;
	int64_t one = keep(f, "one", 0), two = keep(f, "two", 0);
	size_t found = 0;
	uint64_t count = 0;

	park(f, one, 12, "kh.blo.a/1");
	park(f, one, 13, "");
	park(f, one, 13, "kh.blo.a/2"); /* again: replaced */
	park(f, two, 12, "kh.blo.a/1");
	assert_int_equal(parked(f, "one"), 2);
	assert_int_equal(parked(f, NULL), 3);
	assert_int_equal(parked_next_due(f->post, one, count_rows, &found, &f->fault), LIAISON_NOT_FOUND);
	OK(parked_set_due(f->post, "one", &count, &f->fault));
	assert_int_equal(count, 2);
	OK(parked_next_due(f->post, one, count_rows, &found, &f->fault));
	assert_int_equal(found, 1);
	assert_int_equal(parked_next_due(f->post, two, count_rows, &found, &f->fault), LIAISON_NOT_FOUND);
	const struct inbox_place place = at(12);
	OK(parked_remove(f->post, one, &place, &f->fault));
	assert_int_equal(parked(f, "one"), 1);
	OK(parked_drop(f->post, "two", &count, &f->fault));
	assert_int_equal(count, 1);
	assert_int_equal(parked(f, NULL), 1);
}

static void
a_forgotten_feed_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct feed_row seen = {0};
	int64_t number = keep(f, "main", 0);

	show(f, number, 10);
	park(f, number, 11, "kh.blo.a/1");
	OK(feed_post_forget(f->post, "kh.broker", "main", &f->fault));
	OK(feed_post_forget(f->post, "kh.broker", "main", &f->fault));
	OK(feed_post_each(f->post, NULL, NULL, copy_row, &seen, &f->fault));
	assert_int_equal(seen.number, 0);
	assert_int_equal(parked(f, NULL), 0);
	number = keep(f, "main", 0); /* even if it gets the same number */
	assert_false(is_shown(f, number, 10));
}

static void
names_are_what_the_broker_takes(void **state)
{
	char longest[FEED_NAME_MAX + 2];

	(void)state;
	memset(longest, 'a', sizeof longest);
	longest[FEED_NAME_MAX] = '\0';
	assert_true(feed_post_name_is_valid(longest));
	longest[FEED_NAME_MAX] = 'a';
	longest[FEED_NAME_MAX + 1] = '\0';
	assert_false(feed_post_name_is_valid(longest));
	assert_true(feed_post_name_is_valid("kh-drugs_1.A"));
	assert_false(feed_post_name_is_valid(""));
	assert_false(feed_post_name_is_valid("a b"));
	assert_false(feed_post_name_is_valid("a/b"));
	assert_false(feed_post_name_is_valid("caf\xc3\xa9"));
}

static void
a_filter_reads_like_the_command_line(void **state)
{
	Liaison__Kind kinds[] = {LIAISON__KIND__KIND_ROUTE, LIAISON__KIND__KIND_VEHICLE};
	char kh[] = "kh", *countries[] = {kh};
	Liaison__Near near = LIAISON__NEAR__INIT, *nears[] = {&near};
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	struct buf text;

	(void)state;
	filter.n_kinds = 2;
	filter.kinds = kinds;
	filter.n_countries = 1;
	filter.countries = countries;
	near.lat = 13.66;
	near.lon = 102.55;
	near.km = 50;
	filter.n_near = 1;
	filter.near = nears;
	filter.has_min_severity = 1;
	filter.min_severity = LIAISON__SEVERITY__SEVERITY_SEVERE;
	buf_init(&text, 4096);
	filter_text(&filter, &text);
	buf_put_u8(&text, 0);
	assert_string_equal(
		(char *)text.data, "--kind ROUTE,VEHICLE --country kh --min-severity SEVERE --near 13.66,102.55,50");
	buf_reset(&text);
	filter_text(NULL, &text);
	buf_put_u8(&text, 0);
	assert_string_equal((char *)text.data, "everything");
	buf_clear(&text);
}

#define POST_TEST(name) cmocka_unit_test_setup_teardown(name, open_post, close_post)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		POST_TEST(a_feed_keeps_its_number_and_moves_its_cursors),
		POST_TEST(what_was_shown_is_known_by_feed_and_place),
		POST_TEST(another_life_of_the_log_is_another_place),
		POST_TEST(parked_ones_are_tried_again_when_asked_and_dropped_when_asked),
		POST_TEST(a_forgotten_feed_leaves_nothing),
		cmocka_unit_test(names_are_what_the_broker_takes),
		cmocka_unit_test(a_filter_reads_like_the_command_line),
	};
	return cmocka_run_group_tests_name("feed_post", tests, NULL, NULL);
}
