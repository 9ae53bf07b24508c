/* What a filter lets pass, its one normal form, and what is not a filter. */
#include "proto/base/rand.h"
#include "proto/filter.h"
#include "proto/json.h"
#include "tests/support/alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEED UINT64_C(4)
#define ROUTE LIAISON__KIND__KIND_ROUTE

static Liaison__Filter *
message_of(const char *json)
{
	ProtobufCMessage *message = NULL;
	struct fault fault;

	if (json_to_message(&liaison__filter__descriptor, json, strlen(json), 1, &message, &fault) != LIAISON_OK)
		fail_msg("%s: %s", json, fault.message);
	return (Liaison__Filter *)message;
}

static struct filter *
filter_of(const char *json)
{
	Liaison__Filter *message = message_of(json);
	struct filter *filter = NULL;
	struct fault fault;

	if (filter_new(message, &filter, &fault) != LIAISON_OK)
		fail_msg("%s: %s", json, fault.message);
	liaison__filter__free_unpacked(message, NULL);
	return filter;
}

/* The route alert of tests/support: WILDLIFE, SEVERE, EXPECTED, KH and VN, kh-bavet, en and zh-Hans, by kh.blo.poipet. */
static const struct {
	const char *filter;
	bool matches;
} rows[] = {
	{"{}", true},
	{"{\"kinds\":[\"ROUTE\"]}", true},
	{"{\"kinds\":[\"VEHICLE\",\"ROUTE\"]}", true},
	{"{\"kinds\":[\"VEHICLE\"]}", false},
	{"{\"crimes\":[\"DRUGS\",\"WILDLIFE\"]}", true},
	{"{\"crimes\":[\"DRUGS\"]}", false},
	{"{\"countries\":[\"VN\"]}", true},
	{"{\"countries\":[\"vn\",\"TH\"]}", true},
	{"{\"countries\":[\"TH\"]}", false},
	{"{\"crossings\":[\"kh-bavet\"]}", true},
	{"{\"crossings\":[\"kh-poipet\",\"vn-moc-bai\"]}", false},
	{"{\"offices\":[\"kh\"]}", true},
	{"{\"offices\":[\"kh.blo\"]}", true},
	{"{\"offices\":[\"th\",\"kh.blo.poipet\"]}", true},
	{"{\"offices\":[\"kh.blo.poi\"]}", false},
	{"{\"offices\":[\"kh.blo.poipet.2\"]}", false},
	{"{\"minSeverity\":\"SEVERE\"}", true},
	{"{\"minSeverity\":\"EXTREME\"}", false},
	{"{\"minUrgency\":\"EXPECTED\"}", true},
	{"{\"minUrgency\":\"IMMEDIATE\"}", false},
	{"{\"langs\":[\"zh\"]}", true},
	{"{\"langs\":[\"zh-hans\"]}", true},
	{"{\"langs\":[\"zh-Hant\",\"th\"]}", false},
	{"{\"near\":[{\"lat\":11.3,\"lon\":105.5,\"km\":20}]}", true},
	{"{\"near\":[{\"lat\":13.66,\"lon\":102.56,\"km\":20},{\"lat\":11.3,\"lon\":105.5,\"km\":20}]}", true},
	{"{\"near\":[{\"lat\":13.66,\"lon\":102.56,\"km\":20}]}", false},
	{"{\"bbox\":[{\"south\":11,\"west\":105,\"north\":12,\"east\":106}]}", true},
	{"{\"bbox\":[{\"south\":13,\"west\":105,\"north\":14,\"east\":106}]}", false},
	{"{\"near\":[{\"lat\":11.3,\"lon\":105.5,\"km\":20}],\"bbox\":[{\"south\":13,\"west\":105,\"north\":14,"
	 "\"east\":106}]}",
		false},
	{"{\"statuses\":[\"ACTUAL\"]}", true},
	{"{\"statuses\":[\"EXERCISE\",\"TEST\"]}", false},
	{"{\"kinds\":[\"ROUTE\"],\"crimes\":[\"WILDLIFE\"],\"countries\":[\"KH\"],\"minSeverity\":\"MODERATE\"}", true},
	{"{\"kinds\":[\"ROUTE\"],\"crimes\":[\"WILDLIFE\"],\"countries\":[\"TH\"],\"minSeverity\":\"MODERATE\"}",
		false},
	{"{\"includeEnded\":true}", true},
};

static void
attributes_are_and_values_are_or(void **state)
{
	(void)state;
	struct facts *route = facts_of(a_route_alert());

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct filter *filter = filter_of(rows[i].filter);
		if (filter_matches(filter, route) != rows[i].matches)
			fail_msg("%s: expected %d", rows[i].filter, rows[i].matches);
		filter_free(filter);
	}
	facts_free(route);
}

static void
exercises_come_only_to_who_asks(void **state)
{
	(void)state;
	const struct change changes[] = {{"status", "\"EXERCISE\""}, {NULL, NULL}};
	struct facts *exercise = facts_of(an_alert(ROUTE, changes));
	struct filter *all = filter_of("{}"), *asks = filter_of("{\"statuses\":[\"EXERCISE\"]}");

	assert_false(filter_matches(all, exercise));
	assert_true(filter_matches(asks, exercise));
	filter_free(all);
	filter_free(asks);
	facts_free(exercise);
}

static void
what_an_alert_does_not_say_does_not_match(void **state)
{
	(void)state;
	struct facts *vehicle = facts_of(an_alert(LIAISON__KIND__KIND_VEHICLE, NULL));
	const char *const asked[] = {"{\"countries\":[\"KH\"]}", "{\"crossings\":[\"kh-bavet\"]}",
		"{\"near\":[{\"lat\":0,\"lon\":0,\"km\":20000}]}",
		"{\"bbox\":[{\"south\":-90,\"west\":-180,\"north\":90,\"east\":180}]}"};

	for (size_t i = 0; i < COUNT(asked); i++) {
		struct filter *filter = filter_of(asked[i]);
		assert_false(filter_matches(filter, vehicle));
		filter_free(filter);
	}
	facts_free(vehicle);
}

static void
notices_pass_and_so_does_what_is_sealed(void **state)
{
	(void)state;
	struct facts *cancel = facts_of(a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL));
	struct facts *sealed = facts_of(a_route_alert());
	struct filter *hidden = filter_of("{\"crimes\":[\"DRUGS\"],\"crossings\":[\"th-mae-sai\"],\"langs\":[\"th\"],"
					  "\"near\":[{\"lat\":50,\"lon\":0,\"km\":1}]}");
	struct filter *open = filter_of("{\"countries\":[\"TH\"]}");

	sealed->is_sealed = true;
	assert_true(filter_matches(hidden, cancel) && filter_matches(open, cancel));
	assert_true(filter_matches(hidden, sealed) && filter_area_matches(hidden, sealed));
	assert_false(filter_matches(open, sealed)); /* countries stand outside */
	filter_free(hidden);
	filter_free(open);
	facts_free(cancel);
	facts_free(sealed);
}

static const struct {
	const char *filter;
	enum liaison_err err;
	const char *names;
} bad[] = {
	{"{\"countries\":[\"KH\",\"KHM\"]}", LIAISON_BAD_CODE, "filter.countries[1]"},
	{"{\"countries\":[\"UK\"]}", LIAISON_BAD_CODE, "filter.countries[0]"},
	{"{\"crossings\":[\"poipet\"]}", LIAISON_BAD_CODE, "filter.crossings[0]"},
	{"{\"offices\":[\"kh.blo.\"]}", LIAISON_BAD_CODE, "filter.offices[0]"},
	{"{\"langs\":[\"english\"]}", LIAISON_BAD_CODE, "filter.langs[0]"},
	{"{\"near\":[{\"lat\":91,\"lon\":0,\"km\":1}]}", LIAISON_BAD_CODE, "filter.near"},
	{"{\"near\":[{\"lat\":1,\"lon\":0}]}", LIAISON_BAD_CODE, "filter.near"},
	{"{\"near\":[{\"lat\":1,\"lon\":0,\"km\":0}]}", LIAISON_BAD_CODE, "filter.near"},
	{"{\"near\":[{\"lat\":1,\"lon\":0,\"km\":30000}]}", LIAISON_BAD_CODE, "filter.near"},
	{"{\"bbox\":[{\"south\":2,\"west\":0,\"north\":1,\"east\":1}]}", LIAISON_BAD_CODE, "north"},
	{"{\"bbox\":[{\"south\":0,\"west\":0,\"north\":1}]}", LIAISON_BAD_CODE, "filter.bbox"},
	{"{\"bbox\":[{\"south\":0,\"west\":-181,\"north\":1,\"east\":0}]}", LIAISON_BAD_CODE, "filter.bbox"},
};

static void
bad_filters_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		Liaison__Filter *message = message_of(bad[i].filter);
		struct filter *filter = NULL;
		struct fault fault;
		assert_int_equal(filter_new(message, &filter, &fault), bad[i].err);
		if (strstr(fault.message, bad[i].names) == NULL)
			fail_msg("%s: \"%s\" does not name %s", bad[i].filter, fault.message, bad[i].names);
		assert_null(filter);
		liaison__filter__free_unpacked(message, NULL);
	}
}

static void
codes_of_a_later_version_do_not_widen(void **state)
{
	(void)state;
	Liaison__Kind kinds[] = {(Liaison__Kind)31};
	Liaison__Filter message = LIAISON__FILTER__INIT;
	/* Field 99, a varint: an attribute that this version does not know. */
	const uint8_t unknown[] = {0x98, 0x06, 0x01};
	Liaison__Filter *later = liaison__filter__unpack(NULL, sizeof unknown, unknown);
	struct filter *filter = NULL;
	struct fault fault;

	message.kinds = kinds;
	message.n_kinds = 1;
	assert_int_equal(filter_new(&message, &filter, &fault), LIAISON_BAD_CODE);
	assert_int_equal(filter_new(later, &filter, &fault), LIAISON_BAD_CODE);
	liaison__filter__free_unpacked(later, NULL);

	/* The same within `near`. */
	const uint8_t within[] = {0x42, 0x1e, 0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0x19, 0, 0, 0,
		0, 0, 0, 0x59, 0x40, 0x98, 0x06, 0x01};
	later = liaison__filter__unpack(NULL, sizeof within, within);
	assert_non_null(later);
	assert_true(later->near[0]->km == 100);
	assert_int_equal(filter_new(later, &filter, &fault), LIAISON_BAD_CODE);
	assert_non_null(strstr(fault.message, "number 99"));
	liaison__filter__free_unpacked(later, NULL);
}

static void
too_many_values_are_too_large(void **state)
{
	(void)state;
	char *offices[FILTER_VALUES_MAX + 1], name[] = "kh.blo";
	Liaison__Filter message = LIAISON__FILTER__INIT;
	struct filter *filter = NULL;
	struct fault fault;

	for (size_t i = 0; i < COUNT(offices); i++)
		offices[i] = name;
	message.offices = offices;
	message.n_offices = COUNT(offices);
	assert_int_equal(filter_new(&message, &filter, &fault), LIAISON_TOO_LARGE);
	message.n_offices--;
	assert_int_equal(filter_new(&message, &filter, &fault), LIAISON_OK);
	assert_int_equal(filter_message(filter)->n_offices, 1);
	filter_free(filter);
}

static void
equal_filters_have_one_form(void **state)
{
	(void)state;
	struct filter *a =
		filter_of("{\"kinds\":[\"VEHICLE\",\"ROUTE\",\"ROUTE\"],\"countries\":[\"VN\",\"KH\",\"kh\"],"
			  "\"minSeverity\":\"UNKNOWN\",\"statuses\":[\"ACTUAL\"],\"includeEnded\":false,"
			  "\"near\":[{\"lat\":2,\"lon\":1,\"km\":1},{\"lat\":1,\"lon\":1,\"km\":1}]}");
	struct filter *b = filter_of("{\"kinds\":[\"ROUTE\",\"VEHICLE\"],\"countries\":[\"KH\",\"VN\"],"
				     "\"near\":[{\"lat\":1,\"lon\":1,\"km\":1},{\"lat\":2,\"lon\":1,\"km\":1}]}");
	struct filter *c = filter_of("{\"kinds\":[\"ROUTE\"]}"), *again = NULL;
	struct fault fault;

	assert_true(filter_equal(a, b));
	assert_false(filter_equal(a, c));
	assert_int_equal(filter_new(filter_message(a), &again, &fault), LIAISON_OK);
	assert_true(filter_equal(a, again));
	assert_string_equal(filter_message(a)->countries[0], "kh");
	assert_true(filter_has_area(a) && !filter_has_area(c));
	filter_free(a);
	filter_free(b);
	filter_free(c);
	filter_free(again);
}

/* --- property: against the sentence "values are or, attributes are and", told over again ------------------------------ */

static const char *const kinds[] = {"ROUTE", "VEHICLE", "SEIZURE", "HOTSPOT"};
static const char *const crimes[] = {"DRUGS", "WILDLIFE", "TIMBER", "OTHER"};
static const char *const countries[] = {"KH", "TH", "VN", "LA"};
static const char *const langs[] = {"en", "th", "km", "zh-Hans"};
static const char *const crossing_ids[] = {"kh-poipet", "kh-bavet", "vn-moc-bai", "th-mae-sai"};
static const char *const offices[] = {"kh.blo.poipet", "kh.atu.demo", "th.blo.a", "vn.piu.demo.2"};
static const char *const addresses[] = {"kh", "kh.blo", "th.blo.a", "vn.piu"};
static const char *const levels[] = {"UNKNOWN", "MINOR", "MODERATE", "SEVERE", "EXTREME"};
static const char *const urgencies[] = {"UNKNOWN", "PAST", "FUTURE", "EXPECTED", "IMMEDIATE"};
static const char *const statuses[] = {"ACTUAL", "EXERCISE", "TEST"};

/* An alert and a filter as sets of numbers into the lists above. */
struct drawn {
	unsigned kind, crimes, countries, langs, crossings, office, severity, urgency, status;
};

static unsigned
some_of(const struct rng *rng, unsigned empty_in)
{
	return rng_below(rng, empty_in) == 0 ? rng_below(rng, 15) + 1 : 0;
}

static void
add_list(char *json, size_t size, const char *key, const char *const *names, unsigned bits)
{
	size_t len = strlen(json);

	if (bits == 0)
		return;
	len += (size_t)snprintf(json + len, size - len, "%s\"%s\":[", json[len - 1] == '{' ? "" : ",", key);
	for (unsigned i = 0; i < 4; i++)
		if (bits & 1u << i)
			len += (size_t)snprintf(
				json + len, size - len, "%s\"%s\"", json[len - 1] == '[' ? "" : ",", names[i]);
	snprintf(json + len, size - len, "]");
}

static struct facts *
draw_alert(const struct rng *rng, struct drawn *drawn)
{
	char json[1024] = "{", texts[256] = "[", id[64], where[256] = "{";
	size_t len = 1;

	*drawn = (struct drawn){.kind = rng_below(rng, 4),
		.crimes = rng_below(rng, 15) + 1,
		.countries = some_of(rng, 1),
		.langs = some_of(rng, 1),
		.crossings = some_of(rng, 2),
		.office = rng_below(rng, 4),
		.severity = rng_below(rng, 5),
		.urgency = rng_below(rng, 5),
		.status = rng_below(rng, 3)};
	add_list(json, sizeof json, "crime", crimes, drawn->crimes);
	snprintf(id, sizeof id, "%s/1", offices[drawn->office]);
	for (unsigned i = 0; i < 4; i++)
		if (drawn->langs & 1u << i)
			len += (size_t)snprintf(texts + len, sizeof texts - len,
				"%s{\"lang\":\"%s\",\"headline\":\"x\"}", len > 1 ? "," : "", langs[i]);
	strcat(texts, "]");
	add_list(where, sizeof where, "countries", countries, drawn->countries);
	add_list(where, sizeof where, "crossings", crossing_ids, drawn->crossings);
	strcat(where, "}");
	/* A crossing brings its country along. */
	drawn->countries |= (drawn->crossings & 3) ? 1 : 0;
	drawn->countries |= (drawn->crossings & 4) ? 4 : 0;
	drawn->countries |= (drawn->crossings & 8) ? 2 : 0;
	len = strlen(json);
	snprintf(json + len, sizeof json - len,
		",\"id\":\"%s\",\"sent\":\"2026-01-01T00:00:00Z\",\"message\":\"ALERT\",\"status\":\"%s\",\"kind\":\"%"
		"s\","
		"\"severity\":\"%s\",\"urgency\":\"%s\",\"texts\":%s,\"where\":%s}",
		id, statuses[drawn->status], kinds[drawn->kind], levels[drawn->severity], urgencies[drawn->urgency],
		texts, where);
	return facts_of(an_alert_of_json(json));
}

static struct filter *
draw_filter(const struct rng *rng, struct drawn *drawn)
{
	char json[1024] = "{";

	*drawn = (struct drawn){.kind = some_of(rng, 3),
		.crimes = some_of(rng, 3),
		.countries = some_of(rng, 3),
		.langs = some_of(rng, 4),
		.crossings = some_of(rng, 5),
		.office = some_of(rng, 4),
		.severity = rng_below(rng, 3) ? 0 : rng_below(rng, 5),
		.urgency = rng_below(rng, 3) ? 0 : rng_below(rng, 5),
		.status = rng_below(rng, 8)};
	add_list(json, sizeof json, "kinds", kinds, drawn->kind);
	add_list(json, sizeof json, "crimes", crimes, drawn->crimes);
	add_list(json, sizeof json, "countries", countries, drawn->countries);
	add_list(json, sizeof json, "langs", langs, drawn->langs);
	add_list(json, sizeof json, "crossings", crossing_ids, drawn->crossings);
	add_list(json, sizeof json, "offices", addresses, drawn->office);
	add_list(json, sizeof json, "statuses", statuses, drawn->status);
	size_t len = strlen(json);
	snprintf(json + len, sizeof json - len, "%s\"minSeverity\":\"%s\",\"minUrgency\":\"%s\"}", len > 1 ? "," : "",
		levels[drawn->severity], urgencies[drawn->urgency]);
	return filter_of(json);
}

/* Which of the four addresses cover which of the four offices. */
static const unsigned covered_by[] = {1 | 2, 1, 4, 8};

static bool
naive_matches(const struct drawn *filter, const struct drawn *alert)
{
	if (filter->kind && !(filter->kind >> alert->kind & 1))
		return false;
	if (filter->crimes && !(filter->crimes & alert->crimes))
		return false;
	if (filter->countries && !(filter->countries & alert->countries))
		return false;
	if (filter->langs && !(filter->langs & alert->langs))
		return false;
	if (filter->crossings && !(filter->crossings & alert->crossings))
		return false;
	if (filter->office && !(filter->office & covered_by[alert->office]))
		return false;
	if (!((filter->status ? filter->status : 1) >> alert->status & 1))
		return false;
	return alert->severity >= filter->severity && alert->urgency >= filter->urgency;
}

static void
random_filters_agree_with_the_naive_rule(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	struct filter *filters[64];
	struct drawn asked[64];
	unsigned matched = 0;

	printf("seed %llu\n", (unsigned long long)SEED);
	for (size_t i = 0; i < COUNT(filters); i++)
		filters[i] = draw_filter(&rng, &asked[i]);
	for (unsigned k = 0; k < 500; k++) {
		struct drawn said;
		struct facts *facts = draw_alert(&rng, &said);
		for (size_t i = 0; i < COUNT(filters); i++) {
			bool expected = naive_matches(&asked[i], &said);
			assert_int_equal(filter_matches(filters[i], facts), expected);
			matched += expected;
		}
		facts_free(facts);
	}
	assert_true(matched > 500 && matched < 16000); /* neither everything nor nothing */
	for (size_t i = 0; i < COUNT(filters); i++)
		filter_free(filters[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_and_values_are_or),
		cmocka_unit_test(exercises_come_only_to_who_asks),
		cmocka_unit_test(what_an_alert_does_not_say_does_not_match),
		cmocka_unit_test(notices_pass_and_so_does_what_is_sealed),
		cmocka_unit_test(bad_filters_are_refused_by_name),
		cmocka_unit_test(codes_of_a_later_version_do_not_widen),
		cmocka_unit_test(too_many_values_are_too_large),
		cmocka_unit_test(equal_filters_have_one_form),
		cmocka_unit_test(random_filters_agree_with_the_naive_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
