/* What is taken from a body: distribution, places, languages, lanes. */
#include "tests/support/alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROUTE LIAISON__KIND__KIND_ROUTE

static void
assert_list(char *const *list, size_t count, const char *expected)
{
	char joined[256] = "";

	for (size_t i = 0; i < count; i++) {
		strcat(joined, i ? " " : "");
		strcat(joined, list[i]);
	}
	assert_string_equal(joined, expected);
}

static const struct {
	const char *handling;
	const char *addresses;
} distributions[] = {
	{"{\"level\":\"AMBER\",\"countries\":[\"VN\",\"TH\"]}", "kh th vn"},
	{"{\"level\":\"AMBER\",\"countries\":[\"TH\"],\"ownCountry\":false}", "th"},
	{"{\"level\":\"AMBER\",\"countries\":[\"TH\",\"KH\",\"TH\"],\"offices\":[\"vn.blo\",\"th\"]}", "kh th vn.blo"},
	{"{\"level\":\"RED\",\"offices\":[\"th.atu.demo\"]}", "th.atu.demo"},
	{"{\"level\":\"CLEAR\",\"everyone\":true}", "kh"},
	{"{\"level\":\"GREEN\"}", "kh"},
};

static void
distribution_is_a_list_of_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof distributions / sizeof distributions[0]; i++) {
		const struct change changes[] = {{"handling", distributions[i].handling}, {NULL, NULL}};
		struct facts *facts = facts_of(an_alert(ROUTE, changes));
		assert_list(facts->addresses, facts->address_count, distributions[i].addresses);
		facts_free(facts);
	}
}

static void
addresses_cover_offices_at_dots(void **state)
{
	(void)state;
	const struct change some[] = {{"handling", "{\"level\":\"AMBER\",\"ownCountry\":false,\"countries\":[\"TH\"],"
						   "\"offices\":[\"vn.blo\",\"la.blo.boten\",\"la.blo\",\"la.atu\"]}"},
		{NULL, NULL}};
	const struct change everyone[] = {{"handling", "{\"level\":\"CLEAR\",\"everyone\":true}"}, {NULL, NULL}};
	struct facts *facts = facts_of(an_alert(ROUTE, some));

	assert_true(facts_address(facts, "th.police.aranya"));
	assert_true(facts_address(facts, "vn.blo"));
	assert_true(facts_address(facts, "vn.blo.moc-bai.2"));
	assert_true(facts_address(facts, "la.blo.boten"));
	assert_true(facts_address(facts, "la.blo.other"));
	assert_false(facts_address(facts, "vn.blossom.x"));
	assert_false(facts_address(facts, "vn.atu.hanoi"));
	assert_false(facts_address(facts, "la.ncc.vientiane"));
	assert_false(facts_address(facts, "kh.blo.poipet"));
	facts_free(facts);
	facts = facts_of(an_alert(ROUTE, everyone));
	assert_true(facts_address(facts, "xa.pidc"));
	facts_free(facts);
}

static void
places_come_from_the_body_and_the_register(void **state)
{
	(void)state;
	const struct change changes[] = {
		{"where", "{\"countries\":[\"VN\"],\"crossings\":[\"kh-poipet\",\"kh-poipet\"],"
			  "\"legs\":[{\"from\":{\"crossing\":\"kh-bavet\"},\"to\":{\"name\":\"somewhere\"},"
			  "\"crossing\":\"vn-moc-bai\"}]}"},
		{NULL, NULL}};
	struct facts *facts = facts_of(an_alert(ROUTE, changes));
	struct area_circle near;

	assert_list(facts->countries, facts->country_count, "kh vn");
	assert_list(facts->crossings, facts->crossing_count, "kh-bavet kh-poipet vn-moc-bai");
	assert_non_null(facts->area);
	area_circle_init(&near, (struct area_point){13.66, 102.56}, 20);
	assert_true(area_meets_circle(facts->area, &near)); /* Poipet, though no position is written */
	area_circle_init(&near, (struct area_point){11.08, 106.16}, 5);
	assert_true(area_meets_circle(facts->area, &near)); /* the leg, by its crossings */
	area_circle_init(&near, (struct area_point){12, 108}, 20);
	assert_false(area_meets_circle(facts->area, &near));
	facts_free(facts);
}

static void
without_a_position_there_is_no_area(void **state)
{
	(void)state;
	const struct change changes[] = {{"where", "{\"countries\":[\"VN\"],\"legs\":[{\"mode\":\"SEA\","
						   "\"from\":{\"name\":\"a\"},\"to\":{\"name\":\"b\"}}]}"},
		{NULL, NULL}};
	struct facts *facts = facts_of(an_alert(ROUTE, changes));

	assert_null(facts->area);
	facts_free(facts);
}

static void
languages_have_their_prefixes(void **state)
{
	(void)state;
	const struct change changes[] = {
		{"texts", "[{\"lang\":\"zh-Hant-TW\",\"headline\":\"x\"},"
			  "{\"lang\":\"en\",\"headline\":\"x\"},{\"lang\":\"zh\",\"headline\":\"x\"}]"},
		{NULL, NULL}};
	struct facts *facts = facts_of(an_alert(ROUTE, changes));

	assert_list(facts->langs, facts->lang_count, "en zh zh-hant zh-hant-tw");
	assert_true(facts_list_has(facts->langs, facts->lang_count, "zh-hant"));
	assert_false(facts_list_has(facts->langs, facts->lang_count, "zh-ha"));
	facts_free(facts);
}

static void
lanes_and_notices(void **state)
{
	(void)state;
	const struct change immediate[] = {{"urgency", "\"IMMEDIATE\""}, {NULL, NULL}};
	struct facts *route = facts_of(a_route_alert()), *urgent = facts_of(an_alert(ROUTE, immediate));
	struct facts *cancel = facts_of(a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL));
	struct facts *superseded = facts_of(a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_SUPERSEDED, NULL));

	assert_true(!facts_is_urgent(route) && !facts_is_notice(route));
	assert_true(facts_is_urgent(urgent));
	assert_true(facts_is_urgent(cancel) && facts_is_notice(cancel));
	assert_true(!facts_is_urgent(superseded) && facts_is_notice(superseded));
	assert_int_equal(cancel->reference.sequence, 1);
	assert_int_equal(cancel->kind, 0);
	assert_int_equal(cancel->address_count, 0);
	assert_false(facts_address(cancel, "kh.blo.poipet"));
	assert_int_equal(route->effective, route->sent);
	assert_int_equal(route->crimes, 1u << LIAISON__CRIME__CRIME_WILDLIFE);
	facts_free(route);
	facts_free(urgent);
	facts_free(cancel);
	facts_free(superseded);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distribution_is_a_list_of_addresses),
		cmocka_unit_test(addresses_cover_offices_at_dots),
		cmocka_unit_test(places_come_from_the_body_and_the_register),
		cmocka_unit_test(without_a_position_there_is_no_area),
		cmocka_unit_test(languages_have_their_prefixes),
		cmocka_unit_test(lanes_and_notices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
