/* Time as people write it, and randomness that replays. */
#include "proto/base/rand.h"
#include "proto/base/time.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define SEED UINT64_C(42)

/* --- time --------------------------------------------------------------------------------------------------------- */

static void
instants_have_one_way_to_be_written(void **state)
{
	(void)state;
	static const struct {
		int64_t at_ms;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-1000, "1969-12-31T23:59:59Z"},
		{INT64_C(951782400000), "2000-02-29T00:00:00Z"},
		{INT64_C(951868800000), "2000-03-01T00:00:00Z"},
		{INT64_C(1709164800000), "2024-02-29T00:00:00Z"},
		{INT64_C(4107542400000), "2100-03-01T00:00:00Z"},
		{INT64_C(4107456000000), "2100-02-28T00:00:00Z"},
		{INT64_C(1234567890120), "2009-02-13T23:31:30.120Z"},
		{INT64_C(2147483648000), "2038-01-19T03:14:08Z"},
		{INT64_C(-62135596800000), "0001-01-01T00:00:00Z"},
		{INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
	};
	static const int64_t out_of_range[] = {
		INT64_MIN, INT64_MIN + 1, INT64_C(-62135596800001), INT64_C(253402300800000), INT64_MAX - 1, INT64_MAX};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[RFC3339_BYTES];
		int64_t at_ms;
		time_format(rows[i].at_ms, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(time_parse(text, strlen(text), &at_ms), LIAISON_OK);
		assert_int_equal(at_ms, rows[i].at_ms);
	}
	for (size_t i = 0; i < sizeof out_of_range / sizeof out_of_range[0]; i++) {
		char text[RFC3339_BYTES];
		time_format(out_of_range[i], text);
		assert_string_equal(text, "out-of-range");
	}
}

static void
other_spellings_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *text, *means;
	} rows[] = {
		{"2024-02-29t12:00:00z", "2024-02-29T12:00:00Z"},
		{"2024-02-29T12:00:00+00:00", "2024-02-29T12:00:00Z"},
		{"2024-02-29T12:00:00-00:00", "2024-02-29T12:00:00Z"},
		{"2024-03-01T00:30:00+07:00", "2024-02-29T17:30:00Z"},
		{"2023-12-31T20:00:00-05:30", "2024-01-01T01:30:00Z"},
		{"2024-01-01T05:45:00+05:45", "2024-01-01T00:00:00Z"},
		{"2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500Z"},
		{"2024-01-01T00:00:00.05Z", "2024-01-01T00:00:00.050Z"},
		{"2024-01-01T00:00:00.1239999999999999999999Z", "2024-01-01T00:00:00.123Z"},
		{"2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00Z"},
		{"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"},
		{"2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.500Z"},
		{"2017-01-01T06:59:60+07:00", "2016-12-31T23:59:59Z"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t at_ms = 0;
		char text[RFC3339_BYTES];
		if (time_parse(rows[i].text, strlen(rows[i].text), &at_ms) != LIAISON_OK)
			fail_msg("%s is not understood", rows[i].text);
		time_format(at_ms, text);
		assert_string_equal(text, rows[i].means);
	}
}

static void
junk_is_no_time(void **state)
{
	(void)state;
	static const char *const junk[] = {"", "Z", "2024", "2024-02-29", "2024-02-29T12:00:00", "2024-02-29T12:00Z",
		"2024-02-29 12:00:00Z", "2023-02-29T12:00:00Z", "1900-02-29T12:00:00Z", "2100-02-29T12:00:00Z",
		"2024-02-30T12:00:00Z", "2024-04-31T12:00:00Z", "2024-00-01T12:00:00Z", "2024-13-01T12:00:00Z",
		"2024-01-00T12:00:00Z", "2024-01-32T12:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T12:60:00Z",
		"2024-01-01T12:00:61Z", "2024-01-01T12:00:60Z", "2024-01-01T23:59:60+01:00", "2024-01-01T12:00:00.Z",
		"2024-01-01T12:00:00,5Z", "2024-01-01T12:00:00+7:00", "2024-01-01T12:00:00+0700",
		"2024-01-01T12:00:00+24:00", "2024-01-01T12:00:00+07:60", "2024-01-01T12:00:00+07",
		"2024-1-1T12:00:00Z", "2024-01-01T12:00:00ZZ", "2024-01-01T12:00:00Z ", " 2024-01-01T12:00:00Z",
		"+024-01-01T12:00:00Z", "-024-01-01T12:00:00Z", "0000-01-01T12:00:00Z", "20240101T120000Z",
		"2024-01-01T12:00:0xZ", "2024-01-01T12:00:00\xef\xbc\xba", "0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01", "out-of-range"};

	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		int64_t at_ms = 77;
		if (time_parse(junk[i], strlen(junk[i]), &at_ms) != LIAISON_MALFORMED)
			fail_msg("\"%s\" is taken for a time", junk[i]);
		assert_int_equal(at_ms, 77);
	}
	/* Cut anywhere, and with a NUL inside. */
	const char whole[] = "2024-01-01T12:00:00.125+07:00";
	int64_t at_ms;
	for (size_t len = 0; len + 1 < sizeof whole; len++)
		assert_int_equal(time_parse(whole, len, &at_ms), LIAISON_MALFORMED);
	assert_int_equal(time_parse(whole, sizeof whole - 1, &at_ms), LIAISON_OK);
	assert_int_equal(time_parse(whole, sizeof whole, &at_ms), LIAISON_MALFORMED);
}

static void
any_instant_survives_being_written(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	const uint64_t span = UINT64_C(253402300800000) + UINT64_C(62135596800000);
	int64_t before_ms = 0;
	char before[RFC3339_BYTES] = "1970-01-01T00:00:00Z";

	print_message("seed %llu\n", (unsigned long long)SEED);
	for (int i = 0; i < 100000; i++) {
		uint64_t draw;
		char text[RFC3339_BYTES];
		int64_t again = 0;
		rng_fill(&rng, &draw, sizeof draw);
		int64_t at_ms = (int64_t)(draw % span) - INT64_C(62135596800000);
		time_format(at_ms, text);
		assert_int_equal(time_parse(text, strlen(text), &again), LIAISON_OK);
		assert_int_equal(again, at_ms);
		/* And text sorts as time does, by whole seconds. */
		if (before_ms / 1000 != at_ms / 1000)
			assert_int_equal(strncmp(before, text, 19) < 0, before_ms < at_ms);
		before_ms = at_ms;
		memcpy(before, text, sizeof before);
	}
}

static void
the_machines_clock_goes(void **state)
{
	(void)state;
	const struct clock *clock = clock_system();
	int64_t first = clock->monotonic_ms(clock->arg);

	assert_true(clock->now_ms(clock->arg) > INT64_C(1700000000000));
	assert_true(clock->monotonic_ms(clock->arg) >= first);
}

/* --- randomness --------------------------------------------------------------------------------------------------- */

static void
a_seed_replays(void **state)
{
	(void)state;
	struct rng_seeded a_state, b_state, c_state;
	struct rng a = rng_from_seed(&a_state, SEED), b = rng_from_seed(&b_state, SEED),
		   c = rng_from_seed(&c_state, SEED + 1);
	uint8_t from_a[64], from_b[64], from_c[64], earlier[64] = {0};

	for (int i = 0; i < 100; i++) {
		rng_fill(&a, from_a, sizeof from_a);
		rng_fill(&b, from_b, sizeof from_b);
		rng_fill(&c, from_c, sizeof from_c);
		assert_memory_equal(from_a, from_b, sizeof from_a);
		assert_memory_not_equal(from_a, from_c, sizeof from_a);
		assert_memory_not_equal(from_a, earlier, sizeof from_a);
		memcpy(earlier, from_a, sizeof earlier);
	}
	rng_fill(rng_system(), from_a, sizeof from_a);
	rng_fill(rng_system(), from_b, sizeof from_b);
	assert_memory_not_equal(from_a, from_b, sizeof from_a);
}

/* Chi-squared with bound - 1 degrees of freedom, at most six standard deviations off: with a fixed seed, no flaking. */
static void
draws_below_a_bound_are_uniform(void **state)
{
	(void)state;
	static const uint32_t bounds[] = {1, 2, 3, 7, 10, 64, 100};
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);

	for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
		const uint32_t bound = bounds[b], draws = 20000;
		uint32_t counts[100] = {0};
		double chi_squared = 0, expected = (double)draws / bound;
		for (uint32_t i = 0; i < draws; i++) {
			uint32_t draw = rng_below(&rng, bound);
			assert_true(draw < bound);
			counts[draw]++;
		}
		for (uint32_t i = 0; i < bound; i++)
			chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
		/* Variance of chi-squared is twice its degrees of freedom. */
		double excess = chi_squared - (bound - 1);
		assert_true(excess <= 0 || excess * excess <= 36 * 2.0 * (bound - 1));
	}
	/* Half of what a plain modulo gives would fall into the lower third of this range. */
	uint32_t low = 0;
	for (int i = 0; i < 20000; i++)
		low += rng_below(&rng, UINT32_C(0xc0000000)) < UINT32_C(0x40000000);
	assert_true(low > 6000 && low < 7400);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(instants_have_one_way_to_be_written),
		cmocka_unit_test(other_spellings_are_understood),
		cmocka_unit_test(junk_is_no_time),
		cmocka_unit_test(any_instant_survives_being_written),
		cmocka_unit_test(the_machines_clock_goes),
		cmocka_unit_test(a_seed_replays),
		cmocka_unit_test(draws_below_a_bound_are_uniform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
