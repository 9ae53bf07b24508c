#include "proto/base/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *a, *b;
	size_t distance;
} distances[] = {
	{"", "", 0},
	{"abc", "", 3},
	{"SEVERE", "SEVERE", 0},
	{"severe", "SEVERE", 0},
	{"INFORM-ONLY", "inform only", 0},
	{"SEVRE", "SEVERE", 1},
	{"SEVEER", "SEVERE", 1},
	{"SEWERE", "SEVERE", 1},
	{"ca", "abc", 3}, /* optimal string alignment: no part is edited twice */
	{"kitten", "sitting", 3},
};

static void
distance_counts_edits_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
		assert_int_equal(suggest_distance(distances[i].a, distances[i].b), distances[i].distance);
		assert_int_equal(suggest_distance(distances[i].b, distances[i].a), distances[i].distance);
	}
}

static const char *const kinds[] = {
	"ROUTE", "VEHICLE", "VESSEL", "CONTAINER", "DOCUMENT", "SEIZURE", "HOTSPOT", "WANTED_PERSON", "MISSING_PERSON"};

static const struct {
	const char *given, *expected;
} suggestions[] = {
	{"ROUT", "ROUTE"},
	{"vehicel", "VEHICLE"},
	{"vesel", "VESSEL"},
	{"wanted-person", "WANTED_PERSON"},
	{"WANTED", "WANTED_PERSON"}, /* a beginning is enough */
	{"doc", "DOCUMENT"},
	{"do", NULL}, /* but not every beginning */
	{"xyzzy", NULL},
	{"", NULL},
};

static void
the_nearest_name_is_suggested_and_no_far_one(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof suggestions / sizeof suggestions[0]; i++) {
		const char *best = suggest_nearest(suggestions[i].given, kinds, sizeof kinds / sizeof kinds[0]);
		if (suggestions[i].expected == NULL)
			assert_null(best);
		else
			assert_string_equal(best, suggestions[i].expected);
	}
}

static void
overlong_names_are_left_alone(void **state)
{
	char longest[SUGGEST_NAME_BYTES + 1], too_long[SUGGEST_NAME_BYTES + 2];

	(void)state;
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	memset(too_long, 'a', sizeof too_long - 1);
	too_long[sizeof too_long - 1] = '\0';
	assert_int_equal(suggest_distance(longest, longest), 0);
	assert_int_equal(suggest_distance(longest, too_long), SIZE_MAX);
	assert_null(suggest_nearest(too_long, kinds, 2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distance_counts_edits_both_ways),
		cmocka_unit_test(the_nearest_name_is_suggested_and_no_far_one),
		cmocka_unit_test(overlong_names_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
