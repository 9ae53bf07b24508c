/* CSV: what a record is, what is refused, and that one bad record costs only itself. */
#include "proto/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads it all: fields end with '|', records with their line and '$', faults stand as "!message$". */
static void
read_all(const char *text, size_t len, char separator, char *out, size_t size)
{
	struct csv_reader reader;
	const struct csv_record *record;
	struct fault fault;
	size_t used = 0;
	char *exact = malloc(len == 0 ? 1 : len);

	assert_non_null(exact);
	memcpy(exact, text, len);
	csv_reader_init(&reader, exact, len, separator);
	out[0] = '\0';
	for (;;) {
		if (csv_read(&reader, &record, &fault) != LIAISON_OK) {
			used += (size_t)snprintf(out + used, size - used, "!%s$", fault.message);
			continue;
		}
		if (record == NULL)
			break;
		for (size_t i = 0; i < record->count; i++)
			used += (size_t)snprintf(out + used, size - used, "%s|", record->fields[i]);
		used += (size_t)snprintf(out + used, size - used, "%zu$", record->line);
	}
	csv_reader_clear(&reader);
	free(exact);
}

static const struct {
	const char *what, *text, *want;
} rows[] = {
	{"nothing", "", ""},
	{"a line without end", "a,b", "a|b|1$"},
	{"LF, CR LF and CR", "a\nb\r\nc\rd", "a|1$b|2$c|3$d|4$"},
	{"empty fields", ",\n,,\n", "||1$|||2$"},
	{"a separator at the end of the text", "a,", "a||1$"},
	{"blank lines", "\n\r\na\n\n\nb\n\n", "a|3$b|6$"},
	{"an empty quoted field is a record", "\"\"\n", "|1$"},
	{"quotes", "\"a,b\",\"c\"\"d\",\"\"\"\"\n", "a,b|c\"d|\"|1$"},
	{"line breaks in quotes", "\"a\nb\r\nc\",d\ne", "a\nb\r\nc|d|1$e|4$"},
	{"blanks belong to the field", " a , b \n", " a | b |1$"},
	{"a byte order mark",
		"\xef\xbb\xbf"
		"a,b\n",
		"a|b|1$"},
	{"a byte order mark before a quote", "\xef\xbb\xbf\"a\",b\n", "a|b|1$"},
	{"Khmer", "\xe1\x9e\x94,\"\xe1\x9e\x94\"", "\xe1\x9e\x94|\xe1\x9e\x94|1$"},

	{"a quote in a field", "a\nb,5\" pipe,c\nd",
		"a|1$!2: field 2 has a quote in it; put the whole field in quotes and "
		"double that one$d|3$"},
	{"text after a quote", "\"a\"b,c\nd",
		"!1: field 1 goes on after its closing quote; double a quote that belongs to "
		"the text$d|2$"},
	{"a quote that is not closed", "a\n\"b,c\nd,e", "a|1$!2: the quote that opens field 1 is never closed$d|e|3$"},
	{"a quote that is not closed at the end", "a\n\"", "a|1$!2: the quote that opens field 1 is never closed$"},
	{"bad UTF-8", "a\nb,\xe9\nc", "a|1$!2: byte 0xe9 is not valid UTF-8; save the file as UTF-8$c|3$"},
	{"bad UTF-8 in quotes", "\"\xc0\xaf\",b\nc", "!1: byte 0xc0 is not valid UTF-8; save the file as UTF-8$c|2$"},
};

static void
records_are_read_as_the_table_says(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char got[512];
		read_all(rows[i].text, strlen(rows[i].text), ',', got, sizeof got);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s: got \"%s\", want \"%s\"", rows[i].what, got, rows[i].want);
	}
}

static void
nul_is_refused_and_separators_can_be_chosen(void **state)
{
	char got[512];

	(void)state;
	read_all("a\0b\nc", 5, ',', got, sizeof got);
	assert_string_equal(got, "!1: byte 0x00 is not valid UTF-8; save the file as UTF-8$c|2$");
	read_all("a,b;c\td", 7, ';', got, sizeof got);
	assert_string_equal(got, "a,b|c\td|1$");
	read_all("a,b;c\td", 7, '\t', got, sizeof got);
	assert_string_equal(got, "a,b;c|d|1$");
}

static void
records_are_bounded(void **state)
{
	size_t len = 2 * CSV_RECORD_BYTES_MAX;
	char *text = malloc(len);
	char got[512];

	(void)state;
	memset(text, ',', len);
	memcpy(text + CSV_FIELDS_MAX, "\nb", 2);
	read_all(text, CSV_FIELDS_MAX + 2, ',', got, sizeof got);
	assert_string_equal(got, "!1: more than 256 fields$b|2$");
	memset(text, 'x', len);
	memcpy(text + len - 2, "\nb", 2);
	read_all(text, len, ',', got, sizeof got);
	assert_string_equal(got, "!1: the record has more than 262144 bytes$b|2$");
	free(text);
}

static void
what_is_written_reads_back(void **state)
{
	static const char *const fields[] = {"", "plain", "with, comma", "with \"quotes\"", "\"", "line\nbreak", "\r",
		" blank ", "semi;colon", "\xe1\x9e\x94"};
	size_t count = sizeof fields / sizeof fields[0];
	struct csv_reader reader;
	const struct csv_record *record;
	struct buf out;

	(void)state;
	buf_init(&out, 1 << 16);
	for (size_t i = 0; i < count; i++)
		csv_put_field(&out, fields[i], strlen(fields[i]), i == 0);
	csv_put_end(&out);
	csv_reader_init(&reader, (char *)out.data, out.len, ',');
	assert_int_equal(csv_read(&reader, &record, NULL), LIAISON_OK);
	assert_int_equal(record->count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(record->fields[i], fields[i]);
	assert_int_equal(csv_read(&reader, &record, NULL), LIAISON_OK);
	assert_null(record);
	csv_reader_clear(&reader);
	buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_read_as_the_table_says),
		cmocka_unit_test(nul_is_refused_and_separators_can_be_chosen),
		cmocka_unit_test(records_are_bounded),
		cmocka_unit_test(what_is_written_reads_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
