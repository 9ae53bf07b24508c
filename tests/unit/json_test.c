/* What an author may write, what comes back, and what a wrong text is told: code, place, path, nearest name. */
#include "proto/alert.pb-c.h"
#include "proto/json.h"
#include "proto/scan.h"
#include "tests/support/random_message.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ALERT (&liaison__alert__descriptor)
#define PLACE "{\"where\":{\"legs\":[{\"from\":"

static enum liaison_err
read_alert(const char *text, Liaison__Alert **alert, struct fault *fault)
{
	ProtobufCMessage *message;
	size_t len = strlen(text);
	/* Exactly as long as the text, so that ASan sees a step too far. */
	char *exact = malloc(len == 0 ? 1 : len);

	assert_non_null(exact);
	memcpy(exact, text, len);
	enum liaison_err err = json_to_message(ALERT, exact, len, 1, &message, fault);
	free(exact);
	if (err == LIAISON_OK)
		*alert = (Liaison__Alert *)message;
	return err;
}

static char *
written(const Liaison__Alert *alert)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	json_from_message(&alert->base, &out);
	buf_put_u8(&out, 0);
	assert_int_equal(buf_check(&out), LIAISON_OK);
	return (char *)out.data;
}

static void
assert_comes_back_as(const char *text, const char *want)
{
	Liaison__Alert *alert;
	struct fault fault;

	if (read_alert(text, &alert, &fault) != LIAISON_OK)
		fail_msg("%s: %s", text, fault.message);
	char *got = written(alert);
	assert_string_equal(got, want);
	free(got);
	liaison__alert__free_unpacked(alert, NULL);
}

static const struct {
	const char *rule, *text;
	enum liaison_err want;
	const char *says;       /* the beginning of the message: place and path */
	const char *says_after; /* part of the rest */
} bad[] = {
	{"empty", "", LIAISON_MALFORMED, "1:1: ", "empty"},
	{"blank", " \n ", LIAISON_MALFORMED, "1:1: ", "empty"},
	{"a list", "[{}]", LIAISON_MALFORMED, "1:1: ", "not a list"},
	{"a number", " 7", LIAISON_MALFORMED, "1:2: ", "must be an object"},
	{"no quotes at a key", "{kind:\"ROUTE\"}", LIAISON_MALFORMED, "1:", "near 'kind'"},
	{"a comma too many", "{\"id\":\"a\",}", LIAISON_MALFORMED, "1:11: ", "not JSON"},
	{"a missing comma", "{\"texts\":[{}\n{}]}", LIAISON_MALFORMED, "2:", "not JSON"},
	{"an open bracket", "{\"texts\":[{\"lang\":\"en\"}", LIAISON_MALFORMED, "1:24: texts[0]", "too early"},
	{"an open text", "{\"id\":\"abc", LIAISON_MALFORMED, "1:11: id", "too early"},
	{"a second object", "{}\n{}", LIAISON_MALFORMED, "2:", "one object a line"},
	{"a comment", "{} // done", LIAISON_MALFORMED, "1:", "more follows"},
	{"a text with a line break", "{\"id\":\"a\nb\"}", LIAISON_MALFORMED, "1:", "newline"},
	{"a text with a tab", "{\"id\":\"a\tb\"}", LIAISON_MALFORMED, "1:", "control character"},
	{"a leading zero", "{\"counts\":[{\"number\":07}]}", LIAISON_MALFORMED, "1:", "not JSON"},
	{"NaN", PLACE "{\"lat\":NaN}}]}}", LIAISON_MALFORMED, "1:", "where.legs[0].from.lat"},
	{"half a surrogate pair", "{\"id\":\"\\ud800\"}", LIAISON_MALFORMED, "1:", "id: "},

	{"a duplicate key", "{\"kind\":\"ROUTE\",\n \"kind\":\"ROUTE\"}", LIAISON_MALFORMED, "2:2: kind: ", "twice"},
	{"a duplicate key deeper", PLACE "{\"lat\":1,\"lat\":2}}]}}", LIAISON_MALFORMED,
		"1:36: where.legs[0].from.lat: ", "twice"},
	{"a duplicate key by escape", "{\"id\":\"a\",\"\\u0069d\":\"b\"}", LIAISON_MALFORMED, "1:11: ", "twice"},

	{"bad UTF-8", "{\"texts\":[{\"headline\":\"caf\xe9\"}]}", LIAISON_MALFORMED,
		"1:27: texts[0].headline: ", "0xe9"},
	{"overlong UTF-8", "{\"id\":\"\xc0\xaf\"}", LIAISON_MALFORMED, "1:8: id: ", "UTF-8"},
	{"a surrogate in UTF-8", "{\"id\":\"\xed\xa0\x80\"}", LIAISON_MALFORMED, "1:8: id: ", "UTF-8"},
	{"columns count characters", "{\"author\":\"\xe1\x9e\x94\xe1\x9e\x94\",\"kindd\":1}", LIAISON_MALFORMED,
		"1:16: kindd: ", "\"kind\""},
	{"NUL by escape", "{\"id\":\"a\\u0000b\"}", LIAISON_MALFORMED, "1:2: id: ", "\\u0000"},

	{"an unknown key", "{\"kindd\":\"ROUTE\"}", LIAISON_MALFORMED, "1:2: kindd: ", "did you mean \"kind\"?"},
	{"a key in snake case", "{\"review_by\":\"x\"}", LIAISON_MALFORMED, "1:2: review_by: ", "\"reviewBy\""},
	{"a key in capitals", "{\"Kind\":\"ROUTE\"}", LIAISON_MALFORMED, "1:2: Kind: ", "\"kind\""},
	{"an unknown key deeper", PLACE "{\"name\":\"x\",\n  \"latt\":1}}]}}", LIAISON_MALFORMED,
		"2:3: where.legs[0].from.latt: ", "\"lat\""},
	{"an unknown key after nested values", "{\"texts\":[{\"lang\":\"}]\"},{\"lang\":\"km\",\"hedline\":\"x\"}]}",
		LIAISON_MALFORMED, "1:38: texts[1].hedline: ", "\"headline\""},
	{"a key one level too high", "{\"headline\":\"x\"}", LIAISON_MALFORMED,
		"1:2: headline: ", "\"texts[].headline\""},
	{"a key that is near nothing", "{\"where\":{\"zzzzzz\":1}}", LIAISON_MALFORMED,
		"1:11: where.zzzzzz: ", "countries, crossings, circles, polygons, legs"},
	{"an empty key", "{\"\":1}", LIAISON_MALFORMED, "1:2: ", "unknown key"},
	{"a key that a terminal would obey", "{\"\\u001b[2J\":1}", LIAISON_MALFORMED, "1:2: ?[2J: ", "unknown key"},

	{"an unknown enum", "{\"kind\":\"ROUTES\"}", LIAISON_BAD_CODE, "1:2: kind: ", "did you mean \"ROUTE\"?"},
	{"an enum in lower case", "{\"kind\":\"route\"}", LIAISON_BAD_CODE, "1:2: kind: ", "did you mean \"ROUTE\"?"},
	{"an enum with its prefix", "{\"kind\":\"KIND_ROUTE\"}", LIAISON_BAD_CODE, "1:2: kind: ", "mean \"ROUTE\"?"},
	{"an enum in a list", "{\"crime\":[\"WILDLIFE\",\"WILDLIVE\"]}", LIAISON_BAD_CODE,
		"1:22: crime[1]: ", "\"WILDLIFE\"?"},
	{"an enum that is near nothing", "{\"source\":\"?\"}", LIAISON_BAD_CODE, "1:2: source: ", "A, B, C, D, X"},
	{"an enum as a number", "{\"information\":2}", LIAISON_MALFORMED, "1:2: information: ", "write \"2\""},
	{"an enum as its wire number", "{\"kind\":4}", LIAISON_MALFORMED, "1:2: kind: ", "must be a text"},

	{"null", "{\"kind\":null}", LIAISON_MALFORMED, "1:2: kind: ", "leave it out"},
	{"null for a list", "{\"texts\":null}", LIAISON_MALFORMED, "1:2: texts: ", "leave it out"},
	{"null in a list", "{\"texts\":[null]}", LIAISON_MALFORMED, "1:11: texts[0]: ", "leave it out"},
	{"a text for a number", PLACE "{\"lat\":\"21.6\"}}]}}", LIAISON_MALFORMED,
		"1:28: where.legs[0].from.lat: ", "must be a number, not a text"},
	{"a number for a text", "{\"texts\":[{\"headline\":7}]}", LIAISON_MALFORMED,
		"1:12: texts[0].headline: ", "must be a text, not a whole number"},
	{"a text for a list", "{\"crime\":\"WILDLIFE\"}", LIAISON_MALFORMED, "1:2: crime: ", "must be a list"},
	{"an object for a list", "{\"texts\":{}}", LIAISON_MALFORMED, "1:2: texts: ", "of objects"},
	{"a list for an object", "{\"where\":[]}", LIAISON_MALFORMED, "1:2: where: ", "must be an object, not a list"},
	{"a text for a bool", "{\"doNotAlertSubject\":\"true\"}", LIAISON_MALFORMED,
		"1:2: doNotAlertSubject: ", "true or false"},
	{"a number for a bool", "{\"doNotAlertSubject\":1}", LIAISON_MALFORMED,
		"1:2: doNotAlertSubject: ", "true or false"},
	{"a fraction for a whole number", "{\"counts\":[{\"number\":1.0}]}", LIAISON_MALFORMED,
		"1:13: counts[0].number: ", "whole number"},
	{"below zero", "{\"counts\":[{\"number\":-1}]}", LIAISON_MALFORMED, "1:13: counts[0].number: ", "from 0 to"},
	{"over 32 bits", "{\"counts\":[{\"number\":4294967296}]}", LIAISON_MALFORMED,
		"1:13: counts[0].number: ", "4294967295"},
	{"over 2^53 - 1", "{\"attachments\":[{\"bytes\":9007199254740992}]}", LIAISON_MALFORMED,
		"1:18: attachments[0].bytes: ", "9007199254740991"},
	{"over 64 bits", "{\"attachments\":[{\"bytes\":99999999999999999999}]}", LIAISON_MALFORMED,
		"1:18: attachments[0].bytes: ", "too great"},
	{"over a double", PLACE "{\"lat\":1e999}}]}}", LIAISON_MALFORMED,
		"1:28: where.legs[0].from.lat: ", "too great"},
	{"a date for a time", "{\"expires\":\"2027-02-01\"}", LIAISON_MALFORMED, "1:2: expires: ", "RFC 3339"},
	{"a time without offset", "{\"expires\":\"2027-02-01T00:00:00\"}", LIAISON_MALFORMED,
		"1:2: expires: ", "offset"},
	{"a time as a number", "{\"expires\":1800000000}", LIAISON_MALFORMED, "1:2: expires: ", "a time as"},
	{"base64 of the URL alphabet", "{\"salt\":\"-_8=\"}", LIAISON_MALFORMED, "1:2: salt: ", "base64"},
	{"base64 without padding", "{\"salt\":\"AAA\"}", LIAISON_MALFORMED, "1:2: salt: ", "base64"},
	{"base64 with bits left over", "{\"salt\":\"AAB=\"}", LIAISON_MALFORMED, "1:2: salt: ", "base64"},
	{"base64 with a space", "{\"salt\":\"AA AA\"}", LIAISON_MALFORMED, "1:2: salt: ", "base64"},
	{"two members of a oneof", "{\"subjects\":[{\"person\":{},\"vehicle\":{}}]}", LIAISON_MALFORMED,
		"1:27: subjects[0].vehicle: ", "\"person\""},
};

static void
wrong_texts_are_told_what_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		Liaison__Alert *alert = NULL;
		struct fault fault = {0};
		enum liaison_err got = read_alert(bad[i].text, &alert, &fault);
		if (got != bad[i].want || strncmp(fault.message, bad[i].says, strlen(bad[i].says)) != 0 ||
			strstr(fault.message, bad[i].says_after) == NULL)
			fail_msg("%s: got %s \"%s\", want %s \"%s...%s\"", bad[i].rule, err_name(got), fault.message,
				err_name(bad[i].want), bad[i].says, bad[i].says_after);
		assert_null(alert);
		assert_int_equal(read_alert(bad[i].text, &alert, NULL), got);
	}
}

static void
lines_count_from_the_first_line_of_the_text(void **state)
{
	static const char text[] = "{\n\"kindd\":1}";
	ProtobufCMessage *message;
	struct fault fault;

	(void)state;
	assert_int_equal(json_to_message(ALERT, text, strlen(text), 41, &message, &fault), LIAISON_MALFORMED);
	assert_memory_equal(fault.message, "42:1: kindd", 11);
}

static void
deep_nesting_is_refused_wherever_it_stands(void **state)
{
	static const char *const openings[] = {"[", "{\"a\":", "{\"where\":[", "{\"\\\"\":[\"]\","};
	struct fault fault;

	(void)state;
	for (size_t o = 0; o < sizeof openings / sizeof openings[0]; o++) {
		size_t len = strlen(openings[o]);
		char *text = malloc(10000 * len + 1);
		ProtobufCMessage *message;
		for (size_t i = 0; i < 10000; i++)
			memcpy(text + i * len, openings[o], len + 1);
		assert_int_equal(json_to_message(ALERT, text, 10000 * len, 1, &message, &fault), LIAISON_MALFORMED);
		assert_non_null(strstr(fault.message, "nested deeper than 32"));
		free(text);
	}
	/* Brackets in a text are no nesting. */
	assert_comes_back_as("{\"id\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"}",
		"{\"id\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[[[[[\"}");
}

static void
a_line_that_is_too_long_is_not_even_read(void **state)
{
	ProtobufCMessage *message;
	struct fault fault;

	(void)state;
	assert_int_equal(json_to_message(ALERT, "{", (size_t)1 << 30, 7, &message, &fault), LIAISON_TOO_LARGE);
	assert_memory_equal(fault.message, "7:1: ", 5);
	char *text = malloc(JSON_LINE_BYTES_MAX + 1);
	memset(text, ' ', JSON_LINE_BYTES_MAX + 1);
	memcpy(text, "{}", 2);
	assert_int_equal(json_to_message(ALERT, text, JSON_LINE_BYTES_MAX + 1, 1, &message, &fault), LIAISON_TOO_LARGE);
	assert_int_equal(json_to_message(ALERT, text, JSON_LINE_BYTES_MAX, 1, &message, &fault), LIAISON_OK);
	protobuf_c_message_free_unpacked(message, NULL);
	free(text);
}

static void
an_alert_comes_back_in_the_schemas_order(void **state)
{
	(void)state;
	assert_comes_back_as(
		"{\"kind\":\"ROUTE\",\"crime\":[\"WILDLIFE\"],\"source\":\"B\",\"information\":\"2\",\n"
		" \"expires\":\"2027-02-01T07:00:00+07:00\",\"action\":[\"SEIZE\"],\"doNotAlertSubject\":true,\n"
		" \"texts\":[{\"lang\":\"en\",\"headline\":\"Pangolin scales \\u2192 \\\"Dongxing\\\"\\/\"}],\n"
		" \"where\":{\"countries\":[\"CN\",\"VN\"],\"circles\":[],\"legs\":[{\"from\":{\"name\":\"Dongxing\",\n"
		" \"lat\":21.6209,\"lon\":108.05170},\"to\":{\"lat\":23,\"lon\":-1e-7},\"mode\":\"ROAD\"}]},\n"
		" \"attachments\":[{\"bytes\":9007199254740991,\"digest\":\"AP8Q\"}],\n"
		" \"handling\":{\"level\":\"AMBER\",\"ownCountry\":false,\"keepUntil\":\"2027-02-01T00:00:00.250Z\"}}",
		"{\"expires\":\"2027-02-01T00:00:00Z\",\"kind\":\"ROUTE\",\"crime\":[\"WILDLIFE\"],\"source\":\"B\","
		"\"information\":\"2\",\"action\":[\"SEIZE\"],\"doNotAlertSubject\":true,"
		"\"where\":{\"countries\":[\"CN\",\"VN\"],\"legs\":[{\"from\":{\"name\":\"Dongxing\",\"lat\":21.6209,"
		"\"lon\":108.0517},\"to\":{\"lat\":23,\"lon\":-1e-07},\"mode\":\"ROAD\"}]},"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"Pangolin scales \xe2\x86\x92 \\\"Dongxing\\\"/\"}],"
		"\"handling\":{\"level\":\"AMBER\",\"ownCountry\":false,\"keepUntil\":\"2027-02-01T00:00:00.250Z\"},"
		"\"attachments\":[{\"bytes\":9007199254740991,\"digest\":\"AP8Q\"}]}");
	assert_comes_back_as("\xef\xbb\xbf{}", "{}"); /* as Windows begins a file */
	assert_comes_back_as("{\"where\":{},\"id\":\"\",\"salt\":\"\"}", "{\"salt\":\"\",\"id\":\"\",\"where\":{}}");
}

static void
texts_are_escaped_where_they_must_be(void **state)
{
	static const char bytes[] = "a\"\\/\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xff\xe1\x9e\0z";
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 10);
	json_put_string(&out, bytes, sizeof bytes - 1);
	buf_put_u8(&out, 0);
	assert_int_equal(buf_check(&out), LIAISON_OK);
	assert_string_equal((char *)out.data,
		"\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\u0000z\"");
	buf_clear(&out);
}

static void
a_message_that_does_not_fit_is_noticed(void **state)
{
	Liaison__Alert *alert;
	struct buf out;

	(void)state;
	assert_int_equal(read_alert("{\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}", &alert, NULL), LIAISON_OK);
	for (size_t max = 0; max < 34; max++) {
		buf_init(&out, max);
		json_from_message(&alert->base, &out);
		assert_int_equal(buf_check(&out), LIAISON_TOO_LARGE);
		buf_clear(&out);
	}
	liaison__alert__free_unpacked(alert, NULL);
}

static void
numbers_do_not_follow_the_locale(void **state)
{
	(void)state;
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL && setlocale(LC_NUMERIC, "fr_FR.UTF-8") == NULL) {
		print_message("SKIPPED: %s: no locale with a decimal comma\n", __func__);
		skip();
	}
	assert_comes_back_as(PLACE "{\"lat\":21.6209}}]}}", PLACE "{\"lat\":21.6209}}]}}");
	setlocale(LC_NUMERIC, "C");
}

static void
enum_names_drop_their_types_prefix(void **state)
{
	int value = 0;

	(void)state;
	assert_string_equal(json_enum_name(&liaison__kind__descriptor, LIAISON__KIND__KIND_ROUTE), "ROUTE");
	assert_string_equal(json_enum_name(&liaison__message_type__descriptor, 1), "ALERT");
	assert_string_equal(json_enum_name(&liaison__information__descriptor, 2), "2");
	assert_null(json_enum_name(&liaison__kind__descriptor, 0));
	assert_null(json_enum_name(&liaison__kind__descriptor, 99));
	assert_true(json_enum_value(&liaison__information__descriptor, "X", &value));
	assert_int_equal(value, LIAISON__INFORMATION__INFORMATION_X);
	assert_false(json_enum_value(&liaison__kind__descriptor, "route", &value));
	assert_false(json_enum_value(&liaison__kind__descriptor, "KIND_ROUTE", &value));
	assert_false(json_enum_value(&liaison__kind__descriptor, "", &value));
	assert_string_equal(json_enum_nearest(&liaison__kind__descriptor, "vesel"), "VESSEL");
	assert_null(json_enum_nearest(&liaison__kind__descriptor, "qqqqqqqq"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_texts_are_told_what_and_where),
		cmocka_unit_test(lines_count_from_the_first_line_of_the_text),
		cmocka_unit_test(deep_nesting_is_refused_wherever_it_stands),
		cmocka_unit_test(a_line_that_is_too_long_is_not_even_read),
		cmocka_unit_test(an_alert_comes_back_in_the_schemas_order),
		cmocka_unit_test(texts_are_escaped_where_they_must_be),
		cmocka_unit_test(a_message_that_does_not_fit_is_noticed),
		cmocka_unit_test(numbers_do_not_follow_the_locale),
		cmocka_unit_test(enum_names_drop_their_types_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
