/* Which texts are office ids, addresses and alert ids, and what covers what. */
#include "proto/address.h"
#include "proto/base/rand.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define TEXT_64 "kh.0123456789-0123456789-0123456789-0123456789-0123456789-012345"
#define SEED UINT64_C(7)

static const struct {
	const char *text;
	bool is_address, is_office;
	const char *flaw; /* part of the sentence */
} texts[] = {
	{"kh.blo.poipet", true, true, NULL},
	{"kh.blo.poipet.2", true, true, NULL},
	{"kh.broker", true, true, NULL},
	{"xa.pidc", true, true, NULL},
	{"kh.chong-chom", true, true, NULL},
	{"kh.2", true, true, NULL},
	{TEXT_64, true, true, NULL},
	{"kh", true, false, "not an office"},
	{TEXT_64 "6", false, false, "64 bytes"},
	{"", false, false, "empty"},
	{"k", false, false, "two letters"},
	{"k.blo", false, false, "two letters"},
	{"khm", false, false, "two letters"},
	{"khm.blo", false, false, "two letters"},
	{"k2.blo", false, false, "two letters"},
	{"12.blo", false, false, "two letters"},
	{"KH.blo", false, false, "capital"},
	{"kh.Blo", false, false, "capital"},
	{"kh.", false, false, "empty label"},
	{".kh", false, false, "empty label"},
	{".", false, false, "empty label"},
	{"kh..blo", false, false, "empty label"},
	{"kh.blo.", false, false, "empty label"},
	{"kh.-blo", false, false, "'-'"},
	{"kh.blo-", false, false, "'-'"},
	{"kh.blo-.x", false, false, "'-'"},
	{"kh.-", false, false, "'-'"},
	{"kh.blo_x", false, false, "character"},
	{"kh.blo x", false, false, "character"},
	{"kh.blo\n", false, false, "character"},
	{"kh.blo/1", false, false, "character"},
	{"kh.bl\xc3\xb6", false, false, "character"},
	{"*", false, false, "character"},
};

static void
only_well_formed_texts_are_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct office_id office;
		struct fault fault = {0};
		if (address_is_valid(texts[i].text) != texts[i].is_address ||
			office_id_is_valid(texts[i].text) != texts[i].is_office)
			fail_msg("\"%s\" is taken for something else", texts[i].text);
		enum liaison_err err = office_id_parse(texts[i].text, &office, &fault);
		assert_int_equal(err, texts[i].is_office ? LIAISON_OK : LIAISON_MALFORMED);
		if (texts[i].is_office)
			assert_string_equal(office.text, texts[i].text);
		else if (strstr(fault.message, texts[i].flaw) == NULL)
			fail_msg("\"%s\": says \"%s\", not \"%s\"", texts[i].text, fault.message, texts[i].flaw);
	}
}

static void
a_message_repeats_no_control_character(void **state)
{
	(void)state;
	struct office_id office;
	struct fault fault;

	assert_int_equal(office_id_parse("kh.\x1b[2Jx\n\xc3\xb6", &office, &fault), LIAISON_MALFORMED);
	assert_non_null(strstr(fault.message, "\"kh.?[2Jx???\""));
}

static void
an_address_covers_what_stands_under_it(void **state)
{
	(void)state;
	static const struct {
		const char *address, *office;
		bool covers;
	} rows[] = {
		{"kh", "kh.blo.poipet", true},
		{"kh.blo", "kh.blo.poipet", true},
		{"kh.blo.poipet", "kh.blo.poipet", true},
		{"kh.blo.poipet", "kh.blo.poipet.2", true},
		{"kh", "kh", true},
		{"kh.blo.poipet.2", "kh.blo.poipet", false},
		{"kh.bl", "kh.blo", false},
		{"kh.blo", "kh.blossom", false},
		{"kh.blo", "kh.blo-x.y", false},
		{"kh.blo", "kh", false},
		{"th", "kh.blo.poipet", false},
		{"k", "kh.blo", false},
		{"", "kh.blo", false},
		{"kh.", "kh.blo", false},
		{"KH", "kh.blo", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (address_covers(rows[i].address, rows[i].office) != rows[i].covers)
			fail_msg("%s %s %s", rows[i].address, rows[i].covers ? "should cover" : "should not cover",
				rows[i].office);
}

static void
countries_and_members_are_two_letters(void **state)
{
	(void)state;
	static const char *const wrong[] = {"", "K", "kh", "Kh", "kH", "KHM", "K1", "[[", "@H", "K ", "K\xc3"};
	char address[MEMBER_BYTES] = "??", member[MEMBER_BYTES];

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		assert_int_equal(address_from_country(wrong[i], address), LIAISON_BAD_CODE);
	assert_string_equal(address, "??");
	assert_int_equal(address_from_country("KH", address), LIAISON_OK);
	assert_string_equal(address, "kh");
	assert_int_equal(address_from_country("ZZ", address), LIAISON_OK);
	assert_string_equal(address, "zz");
	address_member("kh.blo.poipet", member);
	assert_string_equal(member, "kh");
	address_member("xa", member);
	assert_string_equal(member, "xa");
}

static void
alert_ids_have_one_spelling(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t sequence; /* 0: refused */
		bool is_reply;
	} rows[] = {
		{"kh.blo.poipet/42", 42, false},
		{"kh.blo.poipet/r7", 7, true},
		{"kh.broker/1", 1, false},
		{TEXT_64 "/r9007199254740991", SEQUENCE_MAX, true},
		{"kh.broker/9007199254740991", SEQUENCE_MAX, false},
		{"kh.broker/9007199254740992", 0, false},
		{"kh.broker/18446744073709551617", 0, false},
		{"kh.broker/99999999999999999999999999999999999999999999", 0, false},
		{"kh.broker/0", 0, false},
		{"kh.broker/01", 0, false},
		{"kh.broker/r01", 0, false},
		{"kh.broker/rr1", 0, false},
		{"kh.broker/R1", 0, false},
		{"kh.broker/r", 0, false},
		{"kh.broker/", 0, false},
		{"kh.broker/1 ", 0, false},
		{"kh.broker/ 1", 0, false},
		{"kh.broker/+1", 0, false},
		{"kh.broker/-1", 0, false},
		{"kh.broker/1/2", 0, false},
		{"kh.broker/1x", 0, false},
		{"kh.broker", 0, false},
		{"kh/1", 0, false},
		{"/1", 0, false},
		{"", 0, false},
		{TEXT_64 "6/1", 0, false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct alert_id id = {.sequence = 999};
		struct fault fault = {0};
		char text[ALERT_ID_BYTES];
		enum liaison_err err = alert_id_parse(rows[i].text, &id, &fault);
		if ((err == LIAISON_OK) != (rows[i].sequence != 0))
			fail_msg("\"%s\" gives %s", rows[i].text, err_name(err));
		if (err != LIAISON_OK) {
			assert_int_equal(id.sequence, 999);
			assert_int_equal(fault.code, LIAISON_MALFORMED);
			assert_true(strlen(fault.message) > 0);
			continue;
		}
		assert_int_equal(id.sequence, rows[i].sequence);
		assert_int_equal(id.is_reply, rows[i].is_reply);
		alert_id_format(&id, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void
an_alert_and_a_reply_of_one_number_differ(void **state)
{
	(void)state;
	struct alert_id a = {.office = {"kh.blo.poipet"}, .sequence = 7}, b = a;

	assert_true(alert_id_equal(&a, &b));
	b.is_reply = true;
	assert_false(alert_id_equal(&a, &b));
	b = (struct alert_id){.office = {"kh.blo.poipet"}, .sequence = 8};
	assert_false(alert_id_equal(&a, &b));
	b = (struct alert_id){.office = {"kh.blo.poipe"}, .sequence = 7};
	assert_false(alert_id_equal(&a, &b));
}

/* Any short text over a telling alphabet: what covers an office is exactly its prefixes that end before a dot or the end. */
static void
covering_is_prefix_at_a_dot(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	unsigned offices = 0;

	print_message("seed %llu\n", (unsigned long long)SEED);
	for (int round = 0; round < 200000; round++) {
		char office[12] = "kh", address[12];
		size_t len = 2 + rng_below(&rng, 9);
		for (size_t i = 2; i < len; i++)
			office[i] = "ab.-."[rng_below(&rng, 5)];
		if (!office_id_is_valid(office))
			continue;
		offices++;
		for (size_t cut = 0; cut <= len; cut++) {
			memcpy(address, office, cut);
			address[cut] = '\0';
			bool is_at_dot = cut > 0 && (office[cut] == '.' || office[cut] == '\0');
			assert_int_equal(address_covers(address, office), is_at_dot);
			if (is_at_dot)
				assert_true(address_is_valid(address));
		}
	}
	assert_true(offices > 1000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_well_formed_texts_are_addresses),
		cmocka_unit_test(a_message_repeats_no_control_character),
		cmocka_unit_test(an_address_covers_what_stands_under_it),
		cmocka_unit_test(countries_and_members_are_two_letters),
		cmocka_unit_test(alert_ids_have_one_spelling),
		cmocka_unit_test(an_alert_and_a_reply_of_one_number_differ),
		cmocka_unit_test(covering_is_prefix_at_a_dot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
