/* IMO, container and VIN numbers, country codes, normalising; and every identifier of the data folder. */
#include "proto/identifiers/container.h"
#include "proto/identifiers/country.h"
#include "proto/identifiers/identifier.h"
#include "proto/identifiers/imo.h"
#include "proto/identifiers/lang.h"
#include "proto/identifiers/mrz.h"
#include "proto/identifiers/vin.h"
#include "tests/support/data.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <unicode/uloc.h>

static void
imo_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum identifier_verdict verdict;
		const char *digits, *says;
	} rows[] = {
		{"9074729", IDENTIFIER_VALID, "9074729", ""},
		{"IMO 9074729", IDENTIFIER_VALID, "9074729", ""},
		{"IMO9074729", IDENTIFIER_VALID, "9074729", ""},
		{"8814274", IDENTIFIER_WARN, "8814274", "should be 5"},
		{"IMO 9074720", IDENTIFIER_WARN, "9074720", "should be 9"},
		{"0000000", IDENTIFIER_VALID, "0000000", ""},
		{"907472", IDENTIFIER_INVALID, "", "seven digits"},
		{"90747299", IDENTIFIER_INVALID, "", "seven digits"},
		{"907472A", IDENTIFIER_INVALID, "", "seven digits"},
		{"IMO  9074729", IDENTIFIER_INVALID, "", "seven digits"},
		{"imo 9074729", IDENTIFIER_INVALID, "", "seven digits"},
		{"IMO", IDENTIFIER_INVALID, "", "seven digits"},
		{"", IDENTIFIER_INVALID, "", "seven digits"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char digits[IMO_BYTES] = "";
		struct fault fault = {0};
		assert_int_equal(imo_check(rows[i].text, digits, &fault), rows[i].verdict);
		assert_string_equal(digits, rows[i].digits);
		assert_non_null(strstr(fault.message, rows[i].says));
		assert_int_equal(imo_check(rows[i].text, NULL, NULL), rows[i].verdict);
	}
}

static void
container_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *number;
		enum identifier_verdict verdict;
		char expected;
		const char *says;
	} rows[] = {
		/* CSQU3054383 is the example of ISO 6346 itself. */
		{"CSQU3054383", IDENTIFIER_VALID, '\0', ""},
		{"TCNU7200794", IDENTIFIER_VALID, '\0', ""},
		{"TOLU4734787", IDENTIFIER_VALID, '\0', ""},
		{"TASU1170000", IDENTIFIER_VALID, '\0', ""}, /* remainder 10 */
		{"CSQU3054384", IDENTIFIER_INVALID, '3', "wrong; it should be 3"},
		{"CSQU305438", IDENTIFIER_INVALID, '3', "missing; it should be 3"},
		{"CSQU30543833", IDENTIFIER_INVALID, '\0', "this has 12"},
		{"", IDENTIFIER_INVALID, '\0', "this has 0"},
		{"CSQX3054383", IDENTIFIER_INVALID, '\0', "character 4: must be the category"},
		{"C1QU3054383", IDENTIFIER_INVALID, '\0', "character 2: must be a capital"},
		{"csqu3054383", IDENTIFIER_INVALID, '\0', "character 1: must be a capital"},
		{"CSQU3054Z83", IDENTIFIER_INVALID, '\0', "character 9: must be a digit"},
		{"CSQU305438X", IDENTIFIER_INVALID, '\0', "character 11: must be a digit"},
		{"CSQU 305438", IDENTIFIER_INVALID, '\0', "character 5: must be a digit"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char expected = '?';
		struct fault fault = {0};
		assert_int_equal(container_check(rows[i].number, &expected, &fault), rows[i].verdict);
		assert_int_equal(expected, rows[i].expected);
		if (strstr(fault.message, rows[i].says) == NULL)
			fail_msg("\"%s\": \"%s\"", rows[i].number, fault.message);
		assert_int_equal(container_check(rows[i].number, NULL, NULL), rows[i].verdict);
	}
}

static void
vehicle_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *vin;
		enum identifier_verdict verdict;
		const char *says;
	} rows[] = {
		{"1M8GDM9AXKP042788", IDENTIFIER_VALID, ""},
		{"11111111111111111", IDENTIFIER_VALID, ""},
		{"1M8GDM9A1KP042788", IDENTIFIER_WARN, "would be X"},
		{"WDB2030461F123457", IDENTIFIER_WARN, "would be"},
		{"1M8GDM9AXKP04278", IDENTIFIER_INVALID, "this has 16"},
		{"1M8GDM9AXKP0427888", IDENTIFIER_INVALID, "this has 18"},
		{"IM8GDM9AXKP042788", IDENTIFIER_INVALID, "character 1"},
		{"1M8GDM9AXKPO42788", IDENTIFIER_INVALID, "character 12"},
		{"1M8GDM9AXKQ042788", IDENTIFIER_INVALID, "character 11"},
		{"1m8gdm9axkp042788", IDENTIFIER_INVALID, "character 2"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fault fault = {0};
		assert_int_equal(vin_check(rows[i].vin, &fault), rows[i].verdict);
		assert_non_null(strstr(fault.message, rows[i].says));
	}
}

static void
one_spelling_for_what_people_typed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: refused */
	} rows[] = {
		{"csqu 305438-3", "CSQU3054383"},
		{" L898 902/C3<< ", "L898902C3"},
		{"2A-1234", "2A1234"},
		{"กข 1234", "กข1234"},
		{"123456789012345", "123456789012345"},
		{"1234567890123456", NULL},
		{"1-2-3-4-5-6-7-8-9-0-1-2-3-4-5", "123456789012345"},
		{" -./<", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char out[16] = "untouched";
		enum liaison_err err = identifier_normalise(rows[i].text, out, sizeof out);
		assert_int_equal(err, rows[i].want != NULL ? LIAISON_OK : LIAISON_BAD_IDENTIFIER);
		assert_string_equal(out, rows[i].want != NULL ? rows[i].want : "untouched");
	}
}

static void
countries_are_those_of_iso_3166(void **state)
{
	(void)state;
	static const char *const not_assigned[] = {
		"", "K", "KHM", "kh", "Kh", "ZZ", "XK", "EU", "UK", "AN", "SU", "DG", "K1", "\xff\xff"};

	assert_int_equal(country_count(), 249);
	for (size_t i = 0; i < country_count(); i++) {
		const char *code = country_at(i);
		assert_true(country_is_assigned(code));
		assert_true(country_is_known(code));
		assert_false(country_is_user_assigned(code));
		assert_string_equal(country_alpha2(country_alpha3(code)), code);
		if (i > 0)
			assert_true(strcmp(country_at(i - 1), code) < 0);
	}
	for (size_t i = 0; i < sizeof not_assigned / sizeof not_assigned[0]; i++) {
		assert_false(country_is_assigned(not_assigned[i]));
		assert_null(country_alpha3(not_assigned[i]));
	}
	assert_null(country_alpha2("KHX"));
	assert_null(country_alpha2("KH"));
}

/* ICU knows some more codes than ISO has assigned, and for all that ISO has, the same alpha-3. */
static void
countries_agree_with_icu(void **state)
{
	(void)state;
	size_t found = 0;

	for (const char *const *code = uloc_getISOCountries(); *code != NULL; code++) {
		if (!country_is_assigned(*code))
			continue;
		char locale[16];
		snprintf(locale, sizeof locale, "und_%s", *code);
		assert_string_equal(country_alpha3(*code), uloc_getISO3Country(locale));
		found++;
	}
	assert_int_equal(found, country_count());
}

static void
user_assigned_codes_name_organisations(void **state)
{
	(void)state;
	static const struct {
		const char *code;
		bool is_user_assigned;
	} rows[] = {
		{"AA", true},
		{"AB", false},
		{"QL", false},
		{"QM", true},
		{"QZ", true},
		{"XA", true},
		{"XK", true},
		{"XZ", true},
		{"ZY", false},
		{"ZZ", true},
		{"KH", false},
		{"xa", false},
		{"X", false},
		{"XAA", false},
		{"X1", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(country_is_user_assigned(rows[i].code), rows[i].is_user_assigned);
		if (rows[i].is_user_assigned)
			assert_true(country_is_known(rows[i].code) && !country_is_assigned(rows[i].code));
	}
}

static void
travel_documents_have_codes_of_their_own(void **state)
{
	(void)state;
	static const struct {
		const char *code;
		bool is_known;
		const char *country;
	} rows[] = {
		{"KHM", true, "KH"},
		{"D", true, "DE"},
		{"DEU", true, "DE"},
		{"GBD", true, "GB"},
		{"GBR", true, "GB"},
		{"RKS", true, "XK"},
		{"UTO", true, NULL},
		{"UNO", true, NULL},
		{"EUE", true, NULL},
		{"XXA", true, NULL},
		{"XPO", true, NULL},
		{"XOM", true, NULL},
		{"ZZZ", true, NULL},
		{"KHX", false, NULL},
		{"KH", false, NULL},
		{"D<<", false, NULL},
		{"xxa", false, NULL},
		{"", false, NULL},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *country = country_of_travel_code(rows[i].code);
		assert_int_equal(country_travel_code_is_known(rows[i].code), rows[i].is_known);
		if (rows[i].country == NULL)
			assert_null(country);
		else
			assert_string_equal(country, rows[i].country);
	}
}

/* --- the data folder ---------------------------------------------------------------------------------------------- */

static const char *
verdict_of(const char *type, const char *value, struct fault *fault)
{
	static const char *const names[] = {"valid", "warn", "invalid"};
	struct mrz mrz;

	if (strcmp(type, "imo") == 0)
		return names[imo_check(value, NULL, fault)];
	if (strcmp(type, "iso6346") == 0)
		return names[container_check(value, NULL, fault)];
	if (strcmp(type, "mrz") == 0)
		return names[mrz_parse(value, &mrz, fault) == LIAISON_OK ? IDENTIFIER_VALID : IDENTIFIER_INVALID];
	return "of an unknown type";
}

static void
every_vector_of_the_data_folder_agrees(void **state)
{
	(void)state;
	const char *path = data_path("identifiers/vectors.tsv");
	char line[512];
	unsigned rows = 0, wrong = 0;

	if (path == NULL)
		skip_aloud();
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof line, file)); /* heading */
	while (fgets(line, sizeof line, file) != NULL) {
		char *rest = line;
		const char *type = strsep(&rest, "\t"), *value = strsep(&rest, "\t"), *want = strsep(&rest, "\t\r\n");
		struct fault fault = {0};
		assert_non_null(want);
		const char *got = verdict_of(type, value, &fault);
		rows++;
		if (strcmp(got, want) != 0) {
			print_error("%s %s is %s, should be %s: %s\n", type, value, got, want, fault.message);
			wrong++;
		}
	}
	fclose(file);
	print_message("%u vectors\n", rows);
	assert_true(rows > 0);
	assert_int_equal(wrong, 0);
}

static void
language_tags_are_equal_whatever_the_capitals(void **state)
{
	(void)state;
	assert_true(lang_tag_equal("zh-Hant-TW", "ZH-hANT-tw"));
	assert_true(lang_tag_equal("id", "ID")); /* not so by strcasecmp in a Turkish locale */
	assert_false(lang_tag_equal("zh", "zh-Hant"));
	assert_false(lang_tag_equal("zh-Hant", "zh"));
	assert_false(lang_tag_equal("th", "km"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(imo_numbers),
		cmocka_unit_test(container_numbers),
		cmocka_unit_test(vehicle_numbers),
		cmocka_unit_test(one_spelling_for_what_people_typed),
		cmocka_unit_test(countries_are_those_of_iso_3166),
		cmocka_unit_test(countries_agree_with_icu),
		cmocka_unit_test(user_assigned_codes_name_organisations),
		cmocka_unit_test(travel_documents_have_codes_of_their_own),
		cmocka_unit_test(language_tags_are_equal_whatever_the_capitals),
		cmocka_unit_test(every_vector_of_the_data_folder_agrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
