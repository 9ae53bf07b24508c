/* From rows to alerts by a map, and from alerts to rows. */
#include "proto/alert.pb-c.h"
#include "proto/base/time.h"
#include "proto/csv_alert.h"
#include "proto/csv_map.h"
#include "proto/json.h"
#include "tests/support/data.h"
#include "tests/support/random_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS INT64_C(1700000000123) /* 2023-11-14T22:13:20.123Z */
#define LEGS_MAP "config/maps/smuggling-legs.conf"
#define LEGS "china-from-to-coords.csv"
#define ALERT_PART "alert = { kind = \"SEIZURE\"; };\n"

/* The whole file with a NUL; free() it. */
static char *
read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	assert_non_null(text);
	*len = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

struct tally {
	size_t rows, made, skipped, refused;
	struct fault fault; /* the last refusal's */
};

static struct tally
convert(const char *map_text, const char *table, size_t len, struct buf *out)
{
	struct tally tally = {0};
	const struct csv_record *record;
	struct csv_reader reader;
	struct csv_map *map;
	struct fault fault;
	bool is_skipped;

	if (csv_map_new("map", map_text, &map, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	csv_reader_init(&reader, table, len, csv_map_separator(map));
	assert_int_equal(csv_read(&reader, &record, &fault), LIAISON_OK);
	if (csv_map_bind(map, record, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	for (;; tally.rows++) {
		enum liaison_err err = csv_read(&reader, &record, &tally.fault);
		if (err == LIAISON_OK && record == NULL)
			break;
		if (err == LIAISON_OK)
			err = csv_map_row(map, record, NOW_MS, &is_skipped, out, &tally.fault);
		if (err != LIAISON_OK)
			tally.refused++;
		else if (is_skipped)
			tally.skipped++;
		else
			tally.made++;
	}
	csv_reader_clear(&reader);
	csv_map_free(map);
	return tally;
}

static void
assert_converts(const char *map_text, const char *table, const char *want)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	struct tally tally = convert(map_text, table, strlen(table), &out);
	if (tally.refused > 0)
		fail_msg("%s", tally.fault.message);
	buf_put_u8(&out, 0);
	assert_string_equal((char *)out.data, want);
	buf_clear(&out);
}

static void
a_map_moves_cells_texts_and_words(void **state)
{
	(void)state;
	assert_converts(
		"separator = \";\"; expires_in_days = 2; skip_if_empty = [ \"place\" ];\n"
		"alert = { kind = \"SEIZURE\"; crime = [ \"WILDLIFE\" ]; texts = ( { lang = \"en\"; } ); };\n"
		"columns = ( { name = \"place\"; path = \"incident\"; },\n"
		" { name = \"lat\"; path = \"where.circles[0].lat\"; }, { name = \"day\"; path = \"onset\"; },\n"
		" { name = \"seen in\"; path = \"where.countries[]\"; split = \"/\"; },\n"
		" { name = \"form\"; path = \"subjects[0].consignment.form\";\n"
		"   replace = ( { value = \"Live\"; by = \"LIVE\"; }, { value = \"?\"; by = \"\"; } ); },\n"
		" { name = \"dead\"; path = \"counts[1].number\"; },\n"
		" { name = \"secret\"; path = \"doNotAlertSubject\"; } );\n"
		"texts = ( { path = \"texts[0].headline\"; text = \"{form} seized at {place} {{1}\"; },\n"
		" { path = \"texts[0].headline\"; text = \"Seizure at {place}\"; } );\n"
		"lookups = ( { column = \"place\"; contains = \"Bavet\"; path = \"where.countries[]\"; value = \"KH\"; "
		"} );",
		"place;lat;seen in;form;dead;secret;day;not in the map\n"
		" Bavet crossing ;11.07;VN/ KH /;Live;12.0;yes;2023-05-06;x\n"
		";;;;;;;\n"
		"Poipet;;;?;;no;2023-05-06T07:00:00+07:00;x\n",
		"{\"onset\":\"2023-05-06T00:00:00Z\",\"expires\":\"2023-11-16T22:13:20Z\",\"incident\":\"Bavet "
		"crossing\","
		"\"kind\":\"SEIZURE\",\"crime\":[\"WILDLIFE\"],\"doNotAlertSubject\":true,"
		"\"where\":{\"countries\":[\"VN\",\"KH\"],\"circles\":[{\"lat\":11.07}]},"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"Live seized at Bavet crossing {1}\"}],"
		"\"subjects\":[{\"consignment\":{\"form\":\"LIVE\"}}],\"counts\":[{\"number\":12}]}\n"
		"{\"onset\":\"2023-05-06T00:00:00Z\",\"expires\":\"2023-11-16T22:13:20Z\",\"incident\":\"Poipet\","
		"\"kind\":\"SEIZURE\",\"crime\":[\"WILDLIFE\"],\"doNotAlertSubject\":false,"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"? seized at Poipet {1}\"}]}\n");
}

static const struct {
	const char *what, *map, *says;
} bad_maps[] = {
	{"not libconfig", "alert = {\n kind = ;", "map, line 2: "},
	{"no alert", "columns = ();", "`alert = { kind"},
	{"an unknown key", ALERT_PART "colums = ();", "map, line 2: "},
	{"an unknown key of a column", ALERT_PART "columns = (\n { name = \"a\"; paht = \"id\"; } );", "`path`"},
	{"a constant that no alert has", "alert = { kidn = \"ROUTE\"; };", "kidn: unknown key; did you mean \"kind\"?"},
	{"a constant of a wrong code", "alert = { kind = \"ROUTES\"; };", "did you mean \"ROUTE\"?"},
	{"a constant of a wrong type", "alert = { texts = 3; };", "must be a list"},
	{"a path that is not there",
		ALERT_PART "columns = (\n\n { name = \"a\"; path = \"where.legs[0].form.lat\"; } );",
		"map, line 4: an alert has no key `form` there; did you mean `from`?"},
	{"a path into a text", ALERT_PART "columns = ( { name = \"a\"; path = \"id.x\"; } );", "no object"},
	{"a path that ends too early", ALERT_PART "columns = ( { name = \"a\"; path = \"where\"; } );", "is an object"},
	{"an empty path", ALERT_PART "columns = ( { name = \"a\"; path = \"\"; } );", "`path`"},
	{"a path with an empty step", ALERT_PART "columns = ( { name = \"a\"; path = \"where..lat\"; } );",
		"dots between"},
	{"a list without number", ALERT_PART "columns = ( { name = \"a\"; path = \"texts.lang\"; } );", "`texts[0]`"},
	{"a list with too high a number", ALERT_PART "columns = ( { name = \"a\"; path = \"texts[16].lang\"; } );",
		"0 to 15"},
	{"a list of values with a number", ALERT_PART "columns = ( { name = \"a\"; path = \"crime[0]\"; } );",
		"`crime[]`"},
	{"brackets at no list", ALERT_PART "columns = ( { name = \"a\"; path = \"id[]\"; } );", "no list"},
	{"split at no list", ALERT_PART "columns = ( { name = \"a\"; path = \"id\"; split = \";\"; } );", "[]"},
	{"a text with an open brace", ALERT_PART "texts = ( { path = \"id\"; text = \"{From\"; } );", "{Name}"},
	{"a text that goes to a number", ALERT_PART "texts = ( { path = \"counts[0].number\"; text = \"x\"; } );",
		"a text"},
	{"a lookup of a wrong code",
		ALERT_PART "lookups = ( { column = \"a\"; contains = \"x\"; path = \"crime[]\";"
			   " value = \"WILDLIVE\"; } );",
		"did you mean \"WILDLIFE\"?"},
	{"a wrong separator", "separator = \"ab\";" ALERT_PART, "separator"},
	{"too long an expiry", "expires_in_days = 99999;" ALERT_PART, "expires_in_days"},
	{"no columns", ALERT_PART, "no column"},
};

static void
mistakes_in_a_map_are_told_with_their_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_maps / sizeof bad_maps[0]; i++) {
		struct csv_map *map = NULL;
		struct fault fault = {0};
		enum liaison_err err = csv_map_new("map", bad_maps[i].map, &map, &fault);
		if (err != LIAISON_BAD_CONFIG || strstr(fault.message, bad_maps[i].says) == NULL)
			fail_msg("%s: got %s \"%s\", want \"%s\"", bad_maps[i].what, err_name(err), fault.message,
				bad_maps[i].says);
	}
}

static void
a_table_without_the_maps_columns_is_refused(void **state)
{
	static const struct {
		const char *header, *says;
	} rows[] = {
		{"From,From_Lat",
			"1: the table has no column \"from_lat\", which the map names; did it mean \"From_Lat\"?"},
		{"from_lat,x,from_lat", "1: the table has two columns \"from_lat\""},
		{"x", "1: the table has no column \"from_lat\", which the map names"},
	};
	struct csv_map *map;

	(void)state;
	assert_int_equal(
		csv_map_new("map", ALERT_PART "columns = ( { name = \"from_lat\"; path = \"id\"; } );", &map, NULL),
		LIAISON_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct csv_record *record;
		struct csv_reader reader;
		struct fault fault;
		csv_reader_init(&reader, rows[i].header, strlen(rows[i].header), ',');
		assert_int_equal(csv_read(&reader, &record, &fault), LIAISON_OK);
		assert_int_equal(csv_map_bind(map, record, &fault), LIAISON_MALFORMED);
		assert_string_equal(fault.message, rows[i].says);
		csv_reader_clear(&reader);
	}
	csv_map_free(map);
}

static void
rows_that_are_wrong_are_told_and_the_others_go_on(void **state)
{
	static const char map[] =
		ALERT_PART "columns = ( { name = \"lat\"; path = \"where.circles[0].lat\"; required = true; },"
			   " { name = \"n\"; path = \"counts[0].number\"; },"
			   " { name = \"crime\"; path = \"crime[]\"; }, { name = \"day\"; path = \"onset\"; },"
			   " { name = \"quiet\"; path = \"doNotAlertSubject\"; } );";
	static const struct {
		const char *row, *says;
	} rows[] = {
		{"x,,,,", "2: column \"lat\": \"x\" is no number"},
		{"1,,,,,", "2: 6 fields, but the first line has 5"},
		{",,,,", "2: column \"lat\": empty, and the map requires it"},
		{"\"1,5\",,,,", "2: column \"lat\": \"1,5\" is no number"},
		{"1e999,,,,", "2: column \"lat\": \"1e999\" is no number"},
		{"NaN,,,,", "2: column \"lat\": \"NaN\" is no number"},
		{"1,1.5,,,", "2: column \"n\": \"1.5\" is no whole number"},
		{"1,-1,,,", "2: counts[0].number: -1 is out of range: from 0 to 4294967295 is allowed"},
		{"1,,DRUG,,", "2: column \"crime\": \"DRUG\" is no code of it; did you mean \"DRUGS\"?"},
		{"1,,,06.05.2023,",
			"2: column \"day\": \"06.05.2023\" is no time as 2027-02-01 or 2027-02-01T00:00:00Z"},
		{"1,,,2023-02-30,",
			"2: column \"day\": \"2023-02-30\" is no time as 2027-02-01 or 2027-02-01T00:00:00Z"},
		{"1,,,,maybe", "2: column \"quiet\": \"maybe\" is neither yes nor no"},
		{"1,\"2,,,", "2: the quote that opens field 2 is never closed"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char table[256];
		struct buf out;
		buf_init(&out, 1 << 16);
		snprintf(table, sizeof table, "lat,n,crime,day,quiet\n%s\n7.5,,,,\n", rows[i].row);
		struct tally tally = convert(map, table, strlen(table), &out);
		assert_int_equal(tally.rows, 2);
		assert_int_equal(tally.refused, 1);
		assert_string_equal(tally.fault.message, rows[i].says);
		assert_int_equal(out.len, strlen("{\"kind\":\"SEIZURE\",\"where\":{\"circles\":[{\"lat\":7.5}]}}\n"));
		buf_clear(&out);
	}
}

static void
blanks_around_a_cell_do_not_count(void **state)
{
	static const char map[] = ALERT_PART "columns = ( { name = \"lat\"; path = \"where.circles[0].lat\"; },"
					     "{ name = \"at\"; path = \"where.crossings[]\"; } );";

	(void)state;
	assert_converts(map,
		"lat,at\n \t7.5 ,\xc2\xa0kh-poipet\n\xc2\xa0 -8\xc2\xa0\xc2\xa0 , \xc2\xa0\n,\xc3\xa0\xc2\xa0\n",
		"{\"kind\":\"SEIZURE\",\"where\":{\"crossings\":[\"kh-poipet\"],\"circles\":[{\"lat\":7.5}]}}\n"
		"{\"kind\":\"SEIZURE\",\"where\":{\"circles\":[{\"lat\":-8}]}}\n"
		"{\"kind\":\"SEIZURE\",\"where\":{\"crossings\":[\"\xc3\xa0\"]}}\n");
}

static void
a_lookup_without_a_word_finds_every_cell_that_is_not_empty(void **state)
{
	static const char map[] =
		ALERT_PART "columns = ( { name = \"n\"; path = \"subjects[0].consignment.quantity\"; } );"
			   "lookups = ( { column = \"n\"; path = \"subjects[0].consignment.unit\";"
			   "value = \"PIECE\"; } );";

	(void)state;
	assert_converts(map, "n,x\n3,\n,\n",
		"{\"kind\":\"SEIZURE\",\"subjects\":[{\"consignment\":{\"quantity\":3,\"unit\":\"PIECE\"}}]}\n"
		"{\"kind\":\"SEIZURE\"}\n");
}

static void
the_legs_map_makes_routes(void **state)
{
	size_t len;
	char *map = read_file(LEGS_MAP, &len);

	(void)state;
	assert_converts(map,
		"From,To,from_lat,from_lng,to_lat,to_lng\n"
		"Myanmar,\"Exampleton,Yunnan\",17.25,96,25.5,100.25\n,Exampleton,1,2,3,4\n",
		"{\"expires\":\"2024-01-13T22:13:20Z\",\"kind\":\"ROUTE\",\"crime\":[\"WILDLIFE\"],\"urgency\":"
		"\"EXPECTED\","
		"\"severity\":\"SEVERE\",\"certainty\":\"LIKELY\",\"source\":\"B\",\"information\":\"2\",\"action\":["
		"\"SEIZE\"],"
		"\"where\":{\"countries\":[\"CN\",\"MM\"],\"legs\":[{\"from\":{\"name\":\"Myanmar\",\"lat\":17.25,"
		"\"lon\":96},"
		"\"to\":{\"name\":\"Exampleton,Yunnan\",\"lat\":25.5,\"lon\":100.25}}]},"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"Pangolins smuggled from Myanmar to Exampleton,Yunnan\","
		"\"description\":\"A leg of a smuggling route, from 17.25, 96 to 25.5, 100.25.\"}],"
		"\"handling\":{\"level\":\"AMBER\",\"countries\":[\"KH\",\"TH\",\"VN\"]}}\n"
		"{\"expires\":\"2024-01-13T22:13:20Z\",\"kind\":\"ROUTE\",\"crime\":[\"WILDLIFE\"],\"urgency\":"
		"\"EXPECTED\","
		"\"severity\":\"SEVERE\",\"certainty\":\"LIKELY\",\"source\":\"B\",\"information\":\"2\",\"action\":["
		"\"SEIZE\"],"
		"\"where\":{\"countries\":[\"CN\"],\"legs\":[{\"from\":{\"lat\":1,\"lon\":2},"
		"\"to\":{\"name\":\"Exampleton\",\"lat\":3,\"lon\":4}}]},"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"Pangolins smuggled to Exampleton\","
		"\"description\":\"A leg of a smuggling route, from 1, 2 to 3, 4.\"}],"
		"\"handling\":{\"level\":\"AMBER\",\"countries\":[\"KH\",\"TH\",\"VN\"]}}\n");
	free(map);
}

static size_t
occurrences(const struct buf *text, const char *word)
{
	size_t count = 0;

	for (const uint8_t *at = text->data;
		(at = memmem(at, text->len - (size_t)(at - text->data), word, strlen(word))); at++)
		count++;
	return count;
}

static void
every_real_leg_becomes_a_route(void **state)
{
	const char *path = data_path("wildlife/" LEGS);
	size_t map_len, table_len;
	struct buf out;

	(void)state;
	if (path == NULL)
		skip_aloud();
	char *table = read_file(path, &table_len);
	char *map = read_file(LEGS_MAP, &map_len);
	buf_init(&out, 1 << 20);
	struct tally tally = convert(map, table, table_len, &out);
	assert_int_equal(tally.rows, 55);
	assert_int_equal(tally.made, 55);
	assert_int_equal(tally.skipped + tally.refused, 0);
	assert_int_equal(occurrences(&out, "\n"), 55);
	assert_int_equal(occurrences(&out, "\"kind\":\"ROUTE\""), 55);
	/* Counted in the file by hand: rows whose From is that country. */
	assert_int_equal(occurrences(&out, "[\"CN\",\"MM\"]"), 5);
	assert_int_equal(occurrences(&out, "[\"CN\",\"LA\"]"), 2);
	assert_int_equal(occurrences(&out, "[\"CN\",\"VN\"]"), 1);
	assert_int_equal(occurrences(&out, "\"Pangolins smuggled to "), 1);
	assert_int_equal(occurrences(&out, "\"lat\":21.6208918,\"lon\":108.0516736"), 2);
	buf_clear(&out);
	free(map);
	free(table);
}

static void
an_alert_becomes_a_row(void **state)
{
	static const char json[] =
		"{\"id\":\"kh.blo.poipet/42\",\"kind\":\"VEHICLE\",\"crime\":[\"DRUGS\",\"FIREARMS\"],"
		"\"expires\":\"2027-02-01T00:00:00Z\",\"where\":{\"circles\":[{\"lat\":13.5,\"lon\":102.5,\"km\":10}]},"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"=cmd|'/c calc'!A1\"},{\"lang\":\"km\",\"headline\":\"a, "
		"\\\"b\\\"\"}],"
		"\"subjects\":[{\"vehicle\":{\"plate\":\"2A-1234\"}},{\"vehicle\":{\"plate\":\"2B-5678\"}}]}";
	static const struct {
		const char *lang, *headline;
	} rows[] = {{"km", "\"a, \"\"b\"\"\""}, {"th", "'=cmd|'/c calc'!A1"}, {NULL, "'=cmd|'/c calc'!A1"}};
	ProtobufCMessage *message;

	(void)state;
	assert_int_equal(
		json_to_message(&liaison__alert__descriptor, json, strlen(json), 1, &message, NULL), LIAISON_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct csv_reader reader;
		const struct csv_record *record;
		struct buf out;
		buf_init(&out, 1 << 16);
		csv_put_alert_header(&out);
		csv_put_alert(&out, (Liaison__Alert *)message, rows[i].lang);
		assert_int_equal(buf_check(&out), LIAISON_OK);
		assert_non_null(memmem(out.data, out.len, rows[i].headline, strlen(rows[i].headline)));
		static const char *const cells[] = {
			"2A-1234; 2B-5678", "DRUGS; FIREARMS", ",2027-02-01T00:00:00Z,", ",13.5,102.5,10,"};
		for (size_t c = 0; c < sizeof cells / sizeof cells[0]; c++)
			if (memmem(out.data, out.len, cells[c], strlen(cells[c])) == NULL)
				fail_msg("%s is not in %.*s", cells[c], (int)out.len, (char *)out.data);
		/* Header and row have the same columns. */
		csv_reader_init(&reader, (char *)out.data, out.len, ',');
		assert_int_equal(csv_read(&reader, &record, NULL), LIAISON_OK);
		size_t columns = record->count;
		assert_int_equal(csv_read(&reader, &record, NULL), LIAISON_OK);
		assert_int_equal(record->count, columns);
		csv_reader_clear(&reader);
		buf_clear(&out);
	}
	protobuf_c_message_free_unpacked(message, NULL);
}

static void
every_alert_becomes_a_row(void **state)
{
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, 5);

	(void)state;
	print_message("seed 5\n");
	for (size_t i = 0; i < 200; i++) {
		ProtobufCMessage *message = random_message(&rng, &liaison__alert__descriptor);
		struct buf out;
		buf_init(&out, 1 << 20);
		csv_put_alert(&out, (Liaison__Alert *)message, "en");
		assert_int_equal(buf_check(&out), LIAISON_OK);
		buf_clear(&out);
		protobuf_c_message_free_unpacked(message, NULL);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_moves_cells_texts_and_words),
		cmocka_unit_test(mistakes_in_a_map_are_told_with_their_line),
		cmocka_unit_test(a_table_without_the_maps_columns_is_refused),
		cmocka_unit_test(rows_that_are_wrong_are_told_and_the_others_go_on),
		cmocka_unit_test(blanks_around_a_cell_do_not_count),
		cmocka_unit_test(a_lookup_without_a_word_finds_every_cell_that_is_not_empty),
		cmocka_unit_test(the_legs_map_makes_routes),
		cmocka_unit_test(every_real_leg_becomes_a_route),
		cmocka_unit_test(an_alert_becomes_a_row),
		cmocka_unit_test(every_alert_becomes_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
