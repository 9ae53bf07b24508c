/* Machine readable zones: published specimens, and what is said about each kind of mistake in them. */
#include "proto/identifiers/mrz.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* ICAO 9303 parts 4 to 7, appendices; and published cards of specimens with long document numbers. */
#define TD3 "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
#define TD2 "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
#define TD1 "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
#define VISA_A "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL8988901C4XXX4009078F96121096ZE184226B<<<<<<"
#define VISA_B "V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nL8988901C4XXX4009078F9612109<<<<<<<<"
#define TD1_LONG "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
#define TD2_LONG "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"
#define TD1_LONG_FILLER "IDBEL000590240<6013<<<<<<<<<<<\n8512017F1311048BEL851201002007\nREINARTZ<<ULRIKE<KATIA<E<<<<<<"
#define TD1_LONG_NO_FILLER                                                                                             \
	"IDBEL600001795<0152<<<<<<<<<<<\n1301014F2311207BEL130101987398\nSPECIMEN<<SPECIMEN<<<<<<<<<<<<"
#define TD3_NO_PERSONAL "P<D<<MUSTERMANN<<ERIKA<<<<<<<<<<<<<<<<<<<<<<\nC01X0006H1D<<6408125<1710319<<<<<<<<<<<<<<<0"

static const struct {
	const char *text;
	struct mrz want;
} specimens[] = {
	{TD3, {MRZ_TD3, "P", "UTO", "L898902C3", "ERIKSSON", "ANNA MARIA", "UTO", "740812", 'F', "120415", "ZE184226B",
		      ""}},
	{TD2, {MRZ_TD2, "I", "UTO", "D23145890", "ERIKSSON", "ANNA MARIA", "UTO", "740812", 'F', "120415", "", ""}},
	{TD1, {MRZ_TD1, "I", "UTO", "D23145890", "ERIKSSON", "ANNA MARIA", "UTO", "740812", 'F', "120415", "", ""}},
	{VISA_A, {MRZ_VISA_A, "V", "UTO", "L8988901C", "ERIKSSON", "ANNA MARIA", "XXX", "400907", 'F', "961210",
			 "6ZE184226B", ""}},
	{VISA_B, {MRZ_VISA_B, "V", "UTO", "L8988901C", "ERIKSSON", "ANNA MARIA", "XXX", "400907", 'F', "961210", "",
			 ""}},
	{TD1_LONG, {MRZ_TD1, "I", "UTO", "D23145890734", "STEVENSON", "PETER JOHN", "UTO", "340712", 'M', "950712", "",
			   ""}},
	{TD2_LONG, {MRZ_TD2, "I", "UTO", "D23145890734", "STEVENSON", "PETER JOHN", "UTO", "340712", 'M', "950712", "",
			   ""}},
	{TD1_LONG_FILLER, {MRZ_TD1, "ID", "BEL", "000590240601", "REINARTZ", "ULRIKE KATIA E", "BEL", "851201", 'F',
				  "131104", "", "85120100200"}},
	{TD1_LONG_NO_FILLER, {MRZ_TD1, "ID", "BEL", "600001795015", "SPECIMEN", "SPECIMEN", "BEL", "130101", 'F',
				     "231120", "", "13010198739"}},
	{TD3_NO_PERSONAL,
		{MRZ_TD3, "P", "D", "C01X0006H", "MUSTERMANN", "ERIKA", "D", "640812", '<', "171031", "", ""}},
};

#define SPECIMENS (sizeof specimens / sizeof specimens[0])

static void
assert_same(const struct mrz *got, const struct mrz *want)
{
	assert_int_equal(got->format, want->format);
	assert_string_equal(got->document_code, want->document_code);
	assert_string_equal(got->issuer, want->issuer);
	assert_string_equal(got->number, want->number);
	assert_string_equal(got->surname, want->surname);
	assert_string_equal(got->given_names, want->given_names);
	assert_string_equal(got->nationality, want->nationality);
	assert_string_equal(got->birth_date, want->birth_date);
	assert_int_equal(got->sex, want->sex);
	assert_string_equal(got->expiry_date, want->expiry_date);
	assert_string_equal(got->optional, want->optional);
	assert_string_equal(got->optional_2, want->optional_2);
}

static void
specimens_give_their_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < SPECIMENS; i++) {
		struct mrz mrz;
		struct fault fault;
		if (mrz_parse(specimens[i].text, &mrz, &fault) != LIAISON_OK)
			fail_msg("%s\n%s", specimens[i].text, fault.message);
		assert_same(&mrz, &specimens[i].want);
	}
}

/* Replaces each '\n' of `text`. */
static void
join(const char *text, const char *separator, const char *end, char *out)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			out = stpcpy(out, separator);
		else
			*out++ = *text;
	}
	strcpy(out, end);
}

static void
lines_may_be_joined_by_anything_usual(void **state)
{
	(void)state;
	static const char *const joints[][2] = {
		{"\n", ""}, {"\n", "\n"}, {"\r\n", "\r\n"}, {"|", ""}, {"|", "|"}, {"", ""}, {"", "\n"}};

	for (size_t i = 0; i < SPECIMENS; i++)
		for (size_t j = 0; j < sizeof joints / sizeof joints[0]; j++) {
			char text[128];
			struct mrz mrz;
			join(specimens[i].text, joints[j][0], joints[j][1], text);
			assert_int_equal(mrz_parse(text, &mrz, NULL), LIAISON_OK);
			assert_same(&mrz, &specimens[i].want);
		}
}

/* A copy of a specimen with the characters at 1-based (line, column) overwritten. */
static const char *
altered(const char *specimen, size_t line, size_t column, const char *by)
{
	static char text[128];
	char *at = text;

	strcpy(text, specimen);
	for (; line > 1; line--)
		at = strchr(at, '\n') + 1;
	memcpy(at + column - 1, by, strlen(by));
	return text;
}

static void
a_mistake_is_named_with_its_place(void **state)
{
	(void)state;
	static const struct {
		const char *specimen;
		size_t line, column;
		const char *by, *says;
	} rows[] = {
		{TD3, 2, 10, "5", "line 2, column 10: check digit of the document number is 5, should be 6"},
		{TD3, 2, 3, "8", "line 2, column 10: check digit of the document number is 6, should be 5"},
		{TD3, 2, 20, "3", "line 2, column 20: check digit of the birth date is 3, should be 2"},
		{TD3, 2, 28, "8", "line 2, column 28: check digit of the expiry date is 8, should be 9"},
		{TD3, 2, 43, "2", "line 2, column 43: check digit of the personal number is 2, should be 1"},
		{TD3, 2, 43, "<", "line 2, column 43: check digit of the personal number is <, should be 1"},
		{TD3, 2, 44, "1", "line 2, column 44: check digit of the whole (composite) is 1, should be 0"},
		{TD1, 1, 15, "8", "line 1, column 15: check digit of the document number is 8, should be 7"},
		{TD1, 1, 15, "<", "line 1, column 15: check digit of the document number is <, should be 7"},
		{TD1, 1, 16, "AB", "line 2, column 30: check digit of the whole (composite)"},
		{TD1, 2, 20, "X", "line 2, column 30: check digit of the whole (composite)"},
		{TD1_LONG, 1, 19, "1", "line 1, column 19: check digit of the long document number is 1, should be 9"},
		{TD2_LONG, 2, 32, "1", "line 2, column 32: check digit of the long document number is 1, should be 9"},
		{TD2, 2, 36, "<", "line 2, column 36: check digit of the whole (composite) is <, should be 6"},
		{VISA_A, 2, 10, "0", "line 2, column 10: check digit of the document number is 0, should be 4"},
		{TD3, 2, 17, "3", "line 2, column 20: check digit of the birth date"},
		{TD3, 2, 16, "13", "line 2, column 16: there is no such month"},
		{TD3, 2, 18, "32", "line 2, column 18: there is no such day"},
		{TD3, 2, 19, "<", "line 2, column 18: a date is YYMMDD"},
		{TD3, 2, 22, "1O", "line 2, column 22: a date is YYMMDD"},
		{TD3, 2, 21, "W", "line 2, column 21: sex"},
		{TD3, 1, 3, "U1O", "line 1, column 4: a country's code"},
		{TD3, 2, 11, "<TO", "line 2, column 11: a country's code"},
		{TD3, 2, 11, "U<O", "line 2, column 13: a letter after"},
		{TD3, 1, 1, "<", "line 1, column 1: a document's code"},
		{TD3, 1, 8, "1", "line 1, column 8: no digits stand in a name"},
		{TD1, 3, 1, "3", "line 3, column 1: no digits stand in a name"},
		{TD3, 2, 1, "<", "line 2, column 1: the document number is empty"},
		{TD3, 1, 7, "i", "line 1, column 7: only A-Z"},
		{TD3, 2, 5, " ", "line 2, column 5: only A-Z"},
		{TD1, 3, 2, "\xc3", "line 3, column 2: only A-Z"},
		{TD1, 3, 1, "<<<<<<<<<<<<<<<<<<<<<<", "line 3, column 1: the name is empty"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mrz mrz = {.sex = '?'};
		struct fault fault = {0};
		const char *text = altered(rows[i].specimen, rows[i].line, rows[i].column, rows[i].by);
		assert_int_equal(mrz_parse(text, &mrz, &fault), LIAISON_BAD_IDENTIFIER);
		assert_int_equal(fault.code, LIAISON_BAD_IDENTIFIER);
		if (strstr(fault.message, rows[i].says) == NULL)
			fail_msg("%s\nsays \"%s\",\nnot  \"%s\"", text, fault.message, rows[i].says);
		assert_int_equal(mrz.sex, '?');
	}
}

static void
a_wrong_size_is_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "1 line(s), the first of 0"},
		{"|", "1 line(s), the first of 0"},
		{"P<UTO", "1 line(s), the first of 5"},
		{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<|L898902C36UTO7408122F1204159ZE184226B<<<<<1",
			"line 2 has 43"},
		{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<|L898902C36UTO7408122F1204159ZE184226B<<<<<10",
			"first of 43"},
		{"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<||L898902C36UTO7408122F1204159ZE184226B<<<<<10",
			"3 line(s)"},
		{"|P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<|L898902C36UTO7408122F1204159ZE184226B<<<<<10",
			"3 line(s)"},
		{TD1 "\n\n", "more than three lines"},
		{TD1 "<", "more than 90"},
		{TD3 TD3, "more than 90"},
		{"A|B|C|D", "more than three lines"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mrz mrz;
		struct fault fault = {0};
		assert_int_equal(mrz_parse(rows[i].text, &mrz, &fault), LIAISON_BAD_IDENTIFIER);
		if (strstr(fault.message, rows[i].says) == NULL)
			fail_msg("\"%s\" says \"%s\", not \"%s\"", rows[i].text, fault.message, rows[i].says);
	}
}

/* A zone whose digits are made right after the change. */
static void
unknown_parts_are_taken(void **state)
{
	(void)state;
	static const struct {
		const char *birth;
		bool ok;
	} rows[] = {
		{"74<<<<", true},
		{"7408<<", true},
		{"<<<<<<", true},
		{"740000", true},
		{"<<0812", true},
		{"7<0812", false},
		{"741301", false},
		{"740732", false},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[128], composite[64];
		struct mrz mrz;
		strcpy(text, TD3);
		char *line = strchr(text, '\n') + 1;
		memcpy(line + 13, rows[i].birth, 6);
		line[19] = mrz_check_digit(rows[i].birth, 6);
		snprintf(composite, sizeof composite, "%.10s%.7s%.22s", line, line + 13, line + 21);
		line[43] = mrz_check_digit(composite, 39);
		assert_int_equal(mrz_parse(text, &mrz, NULL), rows[i].ok ? LIAISON_OK : LIAISON_BAD_IDENTIFIER);
		if (rows[i].ok)
			assert_string_equal(mrz.birth_date, rows[i].birth);
	}
}

static void
names_lose_their_fillers(void **state)
{
	(void)state;
	static const struct {
		const char *printed, *surname, *given_names;
	} rows[] = {
		{"VAN<DER<MUELLEN<<MARTINA<<<<<<<<<<<<<<<", "VAN DER MUELLEN", "MARTINA"},
		{"ARKFREITH<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<", "ARKFREITH", ""},
		{"<<MONONYM<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<", "", "MONONYM"},
		{"SMITH<<JOHN<<JUNIOR<<<<<<<<<<<<<<<<<<<<", "SMITH", "JOHN JUNIOR"},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA<<B", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "B"},
		{"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA<", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct mrz mrz;
		assert_int_equal(mrz_parse(altered(TD3, 1, 6, rows[i].printed), &mrz, NULL), LIAISON_OK);
		assert_string_equal(mrz.surname, rows[i].surname);
		assert_string_equal(mrz.given_names, rows[i].given_names);
	}
}

/* 7, 3 and 1 have no factor in common with 10: a digit finds each single change whose value differs modulo 10. */
static void
no_single_change_under_a_digit_passes(void **state)
{
	(void)state;
	static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<";
	/* Columns that no digit covers: line 1 up to the number, nationality, sex. */
	static const struct {
		const char *specimen;
		size_t line, skip_from, skip_to, sex, last;
	} rows[] = {
		{TD3, 2, 11, 13, 21, 44},
		{TD2, 2, 11, 13, 21, 36},
		{TD2_LONG, 2, 11, 13, 21, 36},
		{TD1, 1, 1, 5, 0, 30},
		{TD1, 2, 16, 18, 8, 30},
		{TD1_LONG, 1, 1, 5, 0, 30},
		{TD1_LONG_FILLER, 1, 1, 5, 0, 30},
		{TD1_LONG_NO_FILLER, 2, 16, 18, 8, 30},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		for (size_t column = 1; column <= rows[i].last; column++)
			for (size_t c = 0; c + 1 < sizeof alphabet; c++) {
				struct mrz mrz;
				const char by[2] = {alphabet[c], '\0'};
				const char *specimen = rows[i].specimen;
				const char *line = rows[i].line == 1 ? specimen : strchr(specimen, '\n') + 1;
				if ((column >= rows[i].skip_from && column <= rows[i].skip_to) ||
					column == rows[i].sex ||
					mrz_check_digit(by, 1) == mrz_check_digit(line + column - 1, 1))
					continue;
				const char *text = altered(specimen, rows[i].line, column, by);
				if (mrz_parse(text, &mrz, NULL) == LIAISON_OK)
					fail_msg("passes: %s", text);
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specimens_give_their_fields),
		cmocka_unit_test(lines_may_be_joined_by_anything_usual),
		cmocka_unit_test(a_mistake_is_named_with_its_place),
		cmocka_unit_test(a_wrong_size_is_named),
		cmocka_unit_test(unknown_parts_are_taken),
		cmocka_unit_test(names_lose_their_fillers),
		cmocka_unit_test(no_single_change_under_a_digit_passes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
