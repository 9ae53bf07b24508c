/* The match index says of every filter in it what filter_matches() says, whatever came and went before. */
#include "broker/match.h"
#include "broker/rows.h"
#include "tests/support/interests.h"

#include "proto/frame.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 20260101
#define FEEDS_MAX 40000

/* An index and, beside it, what should be in it. */
struct world {
	struct rng_seeded seed;
	struct rng rng;
	struct match *match;
	size_t count;
	struct filter *filters[FEEDS_MAX]; /* by feed / stride; NULL: not in */
	bool found[FEEDS_MAX];
	uint32_t stride; /* feed numbers are not dense */
};

static struct world *
world_new(uint64_t seed, uint32_t stride)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	w->rng = rng_from_seed(&w->seed, seed);
	w->stride = stride;
	assert_int_equal(match_new(&w->rng, &w->match), LIAISON_OK);
	return w;
}

static void
world_free(struct world *w)
{
	match_free(w->match);
	for (size_t i = 0; i < FEEDS_MAX; i++)
		filter_free(w->filters[i]);
	free(w);
}

static void
world_add(struct world *w, uint32_t i, struct filter *filter)
{
	assert_null(w->filters[i]);
	assert_int_equal(match_add(w->match, filter, i * w->stride), LIAISON_OK);
	w->filters[i] = filter;
	w->count++;
}

static void
world_remove(struct world *w, uint32_t i)
{
	assert_int_equal(match_remove(w->match, i * w->stride), LIAISON_OK);
	filter_free(w->filters[i]);
	w->filters[i] = NULL;
	w->count--;
}

static void
world_toggle(struct world *w, uint32_t i, const struct interest_mix *mix)
{
	if (w->filters[i])
		world_remove(w, i);
	else
		world_add(w, i, interest_filter(&w->rng, mix));
}

/* Returns how many match. */
static size_t
world_check(struct world *w, const struct facts *alert)
{
	const uint32_t *feeds;
	size_t count = match_alert(w->match, alert, &feeds);
	size_t want = 0;

	memset(w->found, 0, sizeof w->found);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(feeds[i] % w->stride, 0);
		assert_true(feeds[i] / w->stride < FEEDS_MAX);
		assert_false(w->found[feeds[i] / w->stride]); /* each once */
		w->found[feeds[i] / w->stride] = true;
	}
	for (size_t i = 0; i < FEEDS_MAX; i++) {
		bool matches = w->filters[i] && filter_matches(w->filters[i], alert);
		assert_int_equal(w->found[i], matches);
		want += matches;
	}
	assert_int_equal(count, want);
	assert_int_equal(match_count(w->match), w->count);
	return count;
}

static size_t
world_ask(struct world *w, const struct interest_mix *mix, size_t alerts)
{
	size_t matches = 0;

	for (size_t i = 0; i < alerts; i++) {
		struct facts *alert = interest_alert(&w->rng, mix);
		matches += world_check(w, alert);
		facts_free(alert);
	}
	return matches;
}

/* --- against the filters themselves -------------------------------------------------------------------------------- */

static const struct interest_mix EVERYTHING = {.interests = INTEREST_ALL,
	.least = 0,
	.most = 5,
	.values_max = 8,
	.level_least = 1,
	.countries = 5,
	.posts = 4,
	.crossings = 20,
	.sealed = 25,
	.not_actual = 20,
	.weightless = 20};
static const struct interest_mix NARROW = {.interests = INTEREST_SEVEN,
	.least = 1,
	.most = 4,
	.values_max = 1,
	.level_least = 2,
	.countries = 3,
	.posts = 2,
	.crossings = 6};
static const struct interest_mix ONE_ATTRIBUTE = {.interests = INTEREST_ALL,
	.least = 1,
	.most = 1,
	.values_max = 2,
	.level_least = 1,
	.countries = 8,
	.posts = 3,
	.crossings = 20,
	.sealed = 25,
	.not_actual = 20,
	.weightless = 20};

static void
test_it_says_what_the_filters_say(void **state)
{
	const struct interest_mix *mixes[] = {&EVERYTHING, &NARROW, &ONE_ATTRIBUTE};
	size_t matches = 0;

	(void)state;
	print_message("seed %d\n", SEED);
	for (size_t m = 0; m < 3; m++) {
		struct world *w = world_new(SEED + m, 1 + 1000 * (uint32_t)m);
		for (size_t round = 0; round < 40; round++) {
			/* From none to many and back, with the odd round in which most go. */
			uint32_t range = 1 + rng_below(&w->rng, 1200);
			for (size_t i = 0; i < 400; i++)
				world_toggle(w, rng_below(&w->rng, range), mixes[m]);
			matches += world_ask(w, mixes[m], 6);
		}
		world_free(w);
	}
	assert_true(matches > 10000); /* else the draws ask nothing */
}

static void
test_many_chunks_after_many_changes(void **state)
{
	struct world *w = world_new(SEED, 3);

	(void)state;
	for (uint32_t i = 0; i < FEEDS_MAX; i++)
		world_add(w, i, interest_filter(&w->rng, &EVERYTHING));
	assert_true(world_ask(w, &EVERYTHING, 4) > 0);
	for (size_t i = 0; i < FEEDS_MAX; i++)
		world_toggle(w, rng_below(&w->rng, FEEDS_MAX), &EVERYTHING);
	assert_true(world_ask(w, &EVERYTHING, 4) > 0);
	for (uint32_t i = 0; i < FEEDS_MAX; i++)
		if (w->filters[i])
			world_remove(w, i);
	assert_int_equal(world_ask(w, &EVERYTHING, 4), 0);
	world_free(w);
}

/* --- single rules -------------------------------------------------------------------------------------------------- */

static struct filter *
filter_of(const Liaison__Filter *message)
{
	struct filter *filter;
	struct fault fault;

	if (filter_new(message, &filter, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	return filter;
}

static struct filter *
filter_of_everything(void)
{
	Liaison__Filter message = LIAISON__FILTER__INIT;

	return filter_of(&message);
}

/* Offices `post0` to `post<count - 1>` of a unit of their own. */
static struct filter *
filter_of_offices(uint32_t unit, size_t count)
{
	Liaison__Filter message = LIAISON__FILTER__INIT;
	char text[FILTER_VALUES_MAX][OFFICE_ID_BYTES];
	char *offices[FILTER_VALUES_MAX];

	for (size_t i = 0; i < count; i++) {
		snprintf(text[i], sizeof text[i], "kh.unit%u.post%zu", unit, i);
		offices[i] = text[i];
	}
	message.n_offices = count;
	message.offices = offices;
	return filter_of(&message);
}

static void
test_an_empty_index_finds_nobody(void **state)
{
	struct world *w = world_new(SEED, 1);

	(void)state;
	assert_int_equal(world_ask(w, &EVERYTHING, 3), 0);
	assert_int_equal(match_remove(w->match, 0), LIAISON_NOT_FOUND);
	world_free(w);
}

static void
test_a_feed_is_in_once(void **state)
{
	struct world *w = world_new(SEED, 1);
	struct filter *other = filter_of_everything();

	(void)state;
	world_add(w, 4, filter_of_everything());
	assert_int_equal(match_add(w->match, other, 4), LIAISON_EXISTS);
	assert_int_equal(match_add(w->match, w->filters[4], 4), LIAISON_EXISTS);
	/* Of two feeds with equal filters each has its own place. */
	world_add(w, 5, other);
	assert_int_equal(world_ask(w, &NARROW, 1), 2);
	world_remove(w, 4);
	assert_int_equal(world_ask(w, &NARROW, 1), 1);
	assert_int_equal(match_remove(w->match, 4), LIAISON_NOT_FOUND);
	world_free(w);
}

static void
test_any_feed_number_will_do(void **state)
{
	static const uint32_t NUMBERS[] = {0, 1, UINT32_MAX, UINT32_MAX - 1, 1u << 31};
	struct world *w = world_new(SEED, 1);
	struct filter *filter = filter_of_everything();
	struct facts *alert = interest_alert(&w->rng, &NARROW);
	const uint32_t *feeds;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(match_add(w->match, filter, NUMBERS[i]), LIAISON_OK);
	for (size_t i = 5; i-- > 0;) {
		size_t count = match_alert(w->match, alert, &feeds);
		bool is_there = false;
		assert_int_equal(count, i + 1);
		for (size_t k = 0; k < count; k++)
			is_there = is_there || feeds[k] == NUMBERS[i];
		assert_true(is_there);
		assert_int_equal(match_remove(w->match, NUMBERS[i]), LIAISON_OK);
	}
	facts_free(alert);
	filter_free(filter);
	world_free(w);
}

static void
test_a_notice_passes_every_filter(void **state)
{
	struct world *w = world_new(SEED, 1);
	struct facts *notice = interest_alert(&w->rng, &NARROW);

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		world_add(w, i, interest_filter(&w->rng, &EVERYTHING));
	notice->message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL;
	notice->kind = 0;
	world_add(w, 100, filter_of_offices(1, FILTER_VALUES_MAX)); /* asked itself */
	assert_int_equal(world_check(w, notice), 101);
	facts_free(notice);
	world_free(w);
}

static void
test_an_address_covers_at_dots_only(void **state)
{
	static const struct {
		const char *address;
		bool matches;
	} CASES[] = {
		{"kh", true},
		{"kh.blo", true},
		{"kh.blo.poipet", true},
		{"kh.blo.poi", false},
		{"kh.bl", false},
		{"kh.blo.poipet.2", false},
		{"th", false},
	};
	struct world *w = world_new(SEED, 1);
	struct facts *alert = interest_alert(&w->rng, &NARROW);

	(void)state;
	snprintf(alert->id.office.text, sizeof alert->id.office.text, "kh.blo.poipet");
	for (uint32_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
		Liaison__Filter message = LIAISON__FILTER__INIT;
		char address[OFFICE_ID_BYTES];
		char *offices[] = {address};
		snprintf(address, sizeof address, "%s", CASES[i].address);
		message.n_offices = 1;
		message.offices = offices;
		world_add(w, i, filter_of(&message));
	}
	world_check(w, alert);
	for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
		assert_int_equal(w->found[i], CASES[i].matches);
	facts_free(alert);
	world_free(w);
}

/* --- memory -------------------------------------------------------------------------------------------------------- */

static void
test_slots_are_used_again(void **state)
{
	struct world *w = world_new(SEED, 1);
	size_t least = SIZE_MAX;
	size_t most = 0;

	(void)state;
	for (uint32_t i = 0; i < 500; i++)
		world_add(w, i, interest_filter(&w->rng, &NARROW));
	for (size_t round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 500; i++) {
			world_remove(w, i);
			world_add(w, i, interest_filter(&w->rng, &NARROW));
		}
		size_t bytes = match_bytes(w->match);
		least = bytes < least ? bytes : least;
		most = bytes > most ? bytes : most;
	}
	assert_true(most < least + least / 4);
	world_free(w);
}

static void
test_nothing_is_kept_of_a_filter_that_has_gone(void **state)
{
	struct world *w = world_new(SEED, 1);

	(void)state;
	world_add(w, 0, filter_of_everything());
	world_add(w, 1, filter_of_offices(0, 3));
	size_t bytes = match_bytes(w->match);
	for (uint32_t i = 0; i < 3; i++) {
		world_add(w, 2, filter_of_offices(i, FILTER_VALUES_MAX));
		world_add(w, 3, filter_of_offices(i, 5));
		world_remove(w, 2);
		world_remove(w, 3);
		assert_true(match_bytes(w->match) < bytes + CHUNK_BYTES); /* a few pointers at most */
	}
	world_free(w);
}

static void
test_filters_that_are_alike_fill_a_chunk_before_the_next(void **state)
{
	enum { MANY = CHUNK_SLOTS / 4 * 3, FEED_TABLE_BYTES = 4 * MANY * sizeof(uint32_t) };
	struct world *w = world_new(SEED, 1);

	(void)state;
	world_add(w, 0, filter_of_offices(1, 1));
	size_t bytes = match_bytes(w->match);
	for (uint32_t i = 1; i < MANY; i++)
		world_add(w, i, filter_of_offices(1, 1));
	assert_true(match_bytes(w->match) < bytes + FEED_TABLE_BYTES);
	world_free(w);
}

/* An alert by the last of the unit's offices. */
static void
ask_unit(struct world *w, struct facts *alert, uint32_t unit, size_t post, size_t matches)
{
	snprintf(alert->id.office.text, sizeof alert->id.office.text, "kh.unit%u.post%zu", unit, post);
	assert_int_equal(world_check(w, alert), matches);
}

static void
test_a_filter_of_very_many_texts_is_asked_itself(void **state)
{
	struct world *w = world_new(SEED, 1);
	struct facts *alert = interest_alert(&w->rng, &NARROW);

	(void)state;
	world_add(w, 0, filter_of_offices(0, 1));
	world_add(w, 2, filter_of_everything()); /* so that there is a chunk for those at home nowhere */
	size_t bytes = match_bytes(w->match);
	world_add(w, 1, filter_of_offices(0, FILTER_VALUES_MAX));
	assert_true(match_bytes(w->match) < bytes + 20 * CHUNK_BYTES);
	ask_unit(w, alert, 0, 0, 3);
	ask_unit(w, alert, 0, FILTER_VALUES_MAX - 1, 2);
	ask_unit(w, alert, 0, FILTER_VALUES_MAX, 1);
	world_remove(w, 0);
	ask_unit(w, alert, 0, 0, 2);
	world_remove(w, 1);
	ask_unit(w, alert, 0, 0, 1);
	facts_free(alert);
	world_free(w);
}

static void
test_texts_beyond_the_last_row_still_match(void **state)
{
	enum { EACH = 32, FULL = MATCH_TEXTS_MAX / EACH };
	struct world *w = world_new(SEED, 1);
	struct facts *alert = interest_alert(&w->rng, &NARROW);

	(void)state;
	for (uint32_t i = 0; i < FULL; i++)
		world_add(w, i, filter_of_offices(i, i == 0 ? EACH - 3 : EACH));
	for (uint32_t i = FULL; i < FULL + 3; i++)
		world_add(w, i, filter_of_offices(i, 5)); /* the first of them finds three rows and wants five */
	for (uint32_t i = 0; i < FULL + 3; i++)
		ask_unit(w, alert, i, 4, 1);
	/* Rows that were let go of since do not confuse those that had none. */
	world_remove(w, 0);
	world_add(w, FULL + 3, filter_of_offices(FULL, 5));
	ask_unit(w, alert, FULL, 4, 2);
	world_remove(w, FULL);
	ask_unit(w, alert, FULL, 4, 1);
	world_remove(w, FULL + 3);
	ask_unit(w, alert, FULL, 4, 0);
	facts_free(alert);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_says_what_the_filters_say),
		cmocka_unit_test(test_many_chunks_after_many_changes),
		cmocka_unit_test(test_an_empty_index_finds_nobody),
		cmocka_unit_test(test_a_feed_is_in_once),
		cmocka_unit_test(test_any_feed_number_will_do),
		cmocka_unit_test(test_a_notice_passes_every_filter),
		cmocka_unit_test(test_an_address_covers_at_dots_only),
		cmocka_unit_test(test_slots_are_used_again),
		cmocka_unit_test(test_nothing_is_kept_of_a_filter_that_has_gone),
		cmocka_unit_test(test_filters_that_are_alike_fill_a_chunk_before_the_next),
		cmocka_unit_test(test_a_filter_of_very_many_texts_is_asked_itself),
		cmocka_unit_test(test_texts_beyond_the_last_row_still_match),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
