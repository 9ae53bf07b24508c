#include "proto/identifiers/mrz.h"

#include <assert.h>
#include <string.h>

#define MRZ_CHARS_MAX 90
#define MRZ_LINES_MAX 3
#define NUMBER_LEN 9

struct span {
	unsigned char at, len;
};

/* Where the fields stand, counted from the zone's first character as if it were one line. */
struct layout {
	const char *name;
	enum mrz_format format;
	unsigned char lines, columns;
	struct span names, optional, optional_2;
	unsigned char number_at, birth_at, sex_at, expiry_at, nationality_at; /* digits follow number and dates */
	bool has_long_number;
	bool has_personal_digit;    /* after `optional` */
	unsigned char composite_at; /* 0: none */
	struct span composite[4];
};

static const struct layout layouts[] = {
	{
		.name = "TD1",
		.format = MRZ_TD1,
		.lines = 3,
		.columns = 30,
		.number_at = 5,
		.optional = {15, 15},
		.birth_at = 30,
		.sex_at = 37,
		.expiry_at = 38,
		.nationality_at = 45,
		.optional_2 = {48, 11},
		.names = {60, 30},
		.has_long_number = true,
		.composite_at = 59,
		.composite = {{5, 25}, {30, 7}, {38, 7}, {48, 11}},
	},
	{
		.name = "TD2",
		.format = MRZ_TD2,
		.lines = 2,
		.columns = 36,
		.names = {5, 31},
		.number_at = 36,
		.nationality_at = 46,
		.birth_at = 49,
		.sex_at = 56,
		.expiry_at = 57,
		.optional = {64, 7},
		.has_long_number = true,
		.composite_at = 71,
		.composite = {{36, 10}, {49, 7}, {57, 14}},
	},
	{
		.name = "TD3",
		.format = MRZ_TD3,
		.lines = 2,
		.columns = 44,
		.names = {5, 39},
		.number_at = 44,
		.nationality_at = 54,
		.birth_at = 57,
		.sex_at = 64,
		.expiry_at = 65,
		.optional = {72, 14},
		.has_long_number = true,
		.has_personal_digit = true,
		.composite_at = 87,
		.composite = {{44, 10}, {57, 7}, {65, 22}},
	},
	{
		.name = "visa A",
		.format = MRZ_VISA_A,
		.lines = 2,
		.columns = 44,
		.names = {5, 39},
		.number_at = 44,
		.nationality_at = 54,
		.birth_at = 57,
		.sex_at = 64,
		.expiry_at = 65,
		.optional = {72, 16},
	},
	{
		.name = "visa B",
		.format = MRZ_VISA_B,
		.lines = 2,
		.columns = 36,
		.names = {5, 31},
		.number_at = 36,
		.nationality_at = 46,
		.birth_at = 49,
		.sex_at = 56,
		.expiry_at = 57,
		.optional = {64, 8},
	},
};

#define LAYOUTS (sizeof layouts / sizeof layouts[0])

struct zone {
	const struct layout *layout;
	struct fault *fault;
	char chars[MRZ_CHARS_MAX];
};

static int
char_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return c == '<' ? 0 : -1;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* Check digits run on over the pieces that they are made of. */
static unsigned
weigh(unsigned *place, const char *chars, size_t len)
{
	static const unsigned weights[] = {7, 3, 1};
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++) {
		int value = char_value(chars[i]);
		assert(value >= 0);
		sum += weights[(*place)++ % 3] * (unsigned)value;
	}
	return sum;
}

char
mrz_check_digit(const char *chars, size_t len)
{
	unsigned place = 0;
	return (char)('0' + weigh(&place, chars, len) % 10);
}

const char *
mrz_format_name(enum mrz_format format)
{
	for (size_t i = 0; i < LAYOUTS; i++)
		if (layouts[i].format == format)
			return layouts[i].name;
	return "unknown";
}

/* --- lines ------------------------------------------------------------------------------------------------------------- */

struct lines {
	size_t count;
	size_t len[MRZ_LINES_MAX];
	size_t total;
};

/* Takes the separators out. */
static enum liaison_err
lines_take(const char *text, char chars[MRZ_CHARS_MAX], struct lines *lines, struct fault *fault)
{
	*lines = (struct lines){.count = 1};
	for (const char *at = text; *at != '\0'; at++) {
		if (*at == '\r' && at[1] == '\n')
			at++;
		if (*at == '\n' || *at == '|') {
			if (at[1] == '\0')
				break;
			if (lines->count == MRZ_LINES_MAX)
				return fault_set(fault, LIAISON_BAD_IDENTIFIER, "MRZ has more than three lines");
			lines->count++;
			continue;
		}
		size_t *len = &lines->len[lines->count - 1];
		if (char_value(*at) < 0)
			return fault_set(fault, LIAISON_BAD_IDENTIFIER,
				"MRZ line %zu, column %zu: only A-Z, 0-9 and '<' stand in an MRZ", lines->count,
				*len + 1);
		if (lines->total == MRZ_CHARS_MAX)
			return fault_set(
				fault, LIAISON_BAD_IDENTIFIER, "MRZ has more than 90 characters, the most of any");
		chars[lines->total++] = *at;
		++*len;
	}
	return LIAISON_OK;
}

static enum liaison_err
layout_find(const struct lines *lines, bool is_visa, const struct layout **out, struct fault *fault)
{
	const struct layout *found = NULL;

	for (size_t i = 0; i < LAYOUTS && found == NULL; i++) {
		const struct layout *layout = &layouts[i];
		bool is_for_visas = layout->format == MRZ_VISA_A || layout->format == MRZ_VISA_B;
		if (layout->lines == 2 && is_for_visas != is_visa)
			continue;
		if (lines->count == 1 ? lines->len[0] == (size_t)layout->lines * layout->columns
				      : lines->count == layout->lines && lines->len[0] == layout->columns)
			found = layout;
	}
	if (found == NULL)
		return fault_set(fault, LIAISON_BAD_IDENTIFIER,
			"MRZ has %zu line(s), the first of %zu characters; three lines of 30, two of 36 or two of 44 "
			"are wanted",
			lines->count, lines->len[0]);
	for (size_t i = 1; i < lines->count; i++)
		if (lines->len[i] != found->columns)
			return fault_set(fault, LIAISON_BAD_IDENTIFIER,
				"MRZ line %zu has %zu characters; each line of a %s has %u", i + 1, lines->len[i],
				found->name, found->columns);
	*out = found;
	return LIAISON_OK;
}

/* --- fields ------------------------------------------------------------------------------------------------------------ */

static enum liaison_err
zone_fault(const struct zone *zone, size_t at, const char *what)
{
	return fault_set(zone->fault, LIAISON_BAD_IDENTIFIER, "MRZ line %zu, column %zu: %s",
		at / zone->layout->columns + 1, at % zone->layout->columns + 1, what);
}

static enum liaison_err
digit_fault(const struct zone *zone, size_t at, const char *what, char expected)
{
	return fault_set(zone->fault, LIAISON_BAD_IDENTIFIER,
		"MRZ line %zu, column %zu: check digit of the %s is %c, should be %c", at / zone->layout->columns + 1,
		at % zone->layout->columns + 1, what, zone->chars[at], expected);
}

static enum liaison_err
check_digit_at(const struct zone *zone, size_t at, const char *what, char expected)
{
	return zone->chars[at] == expected ? LIAISON_OK : digit_fault(zone, at, what, expected);
}

/* `out` has room for span.len + 1. */
static void
take_trimmed(const struct zone *zone, struct span span, char *out)
{
	size_t len = span.len;

	while (len > 0 && zone->chars[span.at + len - 1] == '<')
		len--;
	memcpy(out, zone->chars + span.at, len);
	out[len] = '\0';
}

/* Letters, then fillers. */
static enum liaison_err
take_country(const struct zone *zone, size_t at, char out[4])
{
	for (size_t i = 0; i < 3; i++) {
		char c = zone->chars[at + i];
		if (!is_letter(c) && (i == 0 || c != '<'))
			return zone_fault(zone, at + i, "a country's code is of letters, as UTO or D<<");
		if (is_letter(c) && i > 0 && zone->chars[at + i - 1] == '<')
			return zone_fault(zone, at + i, "a letter after '<' in a country's code");
	}
	take_trimmed(zone, (struct span){(unsigned char)at, 3}, out);
	return LIAISON_OK;
}

static enum liaison_err
take_date(const struct zone *zone, size_t at, const char *what, char out[7])
{
	static const int most[] = {99, 12, 31};
	const char *date = zone->chars + at;

	for (size_t i = 0; i < 6; i += 2) {
		if (date[i] == '<' && date[i + 1] == '<')
			continue;
		if (!is_digit(date[i]) || !is_digit(date[i + 1]))
			return zone_fault(zone, at + i, "a date is YYMMDD, with << for an unknown part");
		if ((date[i] - '0') * 10 + date[i + 1] - '0' > most[i / 2])
			return zone_fault(zone, at + i, i == 2 ? "there is no such month" : "there is no such day");
	}
	enum liaison_err err = check_digit_at(zone, at + 6, what, mrz_check_digit(date, 6));
	if (err != LIAISON_OK)
		return err;
	memcpy(out, date, 6);
	out[6] = '\0';
	return LIAISON_OK;
}

/* Copies, with one space for each run of fillers inside and none at the ends. */
static void
take_name(const char *from, const char *end, char *out)
{
	size_t len = 0;

	for (; from < end; from++) {
		if (*from != '<')
			out[len++] = *from;
		else if (len > 0 && out[len - 1] != ' ')
			out[len++] = ' ';
	}
	if (len > 0 && out[len - 1] == ' ')
		len--;
	out[len] = '\0';
}

static enum liaison_err
take_names(const struct zone *zone, struct mrz *mrz)
{
	struct span span = zone->layout->names;
	const char *names = zone->chars + span.at, *end = names + span.len, *split = end;

	for (const char *at = names; at < end; at++) {
		if (is_digit(*at))
			return zone_fault(zone, (size_t)(at - zone->chars), "no digits stand in a name");
		if (split == end && at + 1 < end && at[0] == '<' && at[1] == '<')
			split = at;
	}
	take_name(names, split, mrz->surname);
	take_name(split, end, mrz->given_names);
	if (mrz->surname[0] == '\0' && mrz->given_names[0] == '\0')
		return zone_fault(zone, span.at, "the name is empty");
	return LIAISON_OK;
}

/* The rest of a number of more than nine characters, its digit, and what is left of the optional data. */
static enum liaison_err
take_long_number(const struct zone *zone, struct mrz *mrz, struct span *optional)
{
	const char *number = zone->chars + zone->layout->number_at, *rest = zone->chars + optional->at;
	size_t len = 0; /* of the rest, its digit included */

	while (len < optional->len && rest[len] != '<')
		len++;
	if (len < 2)
		return digit_fault(zone, zone->layout->number_at + NUMBER_LEN, "document number",
			mrz_check_digit(number, NUMBER_LEN));
	memcpy(mrz->number, number, NUMBER_LEN);
	memcpy(mrz->number + NUMBER_LEN, rest, len - 1);
	mrz->number[NUMBER_LEN + len - 1] = '\0';

	unsigned place = 0;
	unsigned sum = weigh(&place, number, NUMBER_LEN + 1);
	char with_filler = (char)('0' + (sum + weigh(&place, rest, len - 1)) % 10);
	char without = mrz_check_digit(mrz->number, NUMBER_LEN + len - 1);
	if (rest[len - 1] != with_filler && rest[len - 1] != without)
		return digit_fault(zone, optional->at + len - 1, "long document number", without);
	optional->at = (unsigned char)(optional->at + len);
	optional->len = (unsigned char)(optional->len - len);
	/* The filler that ends the number is no part of what follows. */
	if (optional->len > 0) {
		optional->at++;
		optional->len--;
	}
	return LIAISON_OK;
}

static enum liaison_err
take_number(const struct zone *zone, struct mrz *mrz)
{
	const struct layout *layout = zone->layout;
	struct span optional = layout->optional;
	size_t at = layout->number_at;
	enum liaison_err err;

	if (zone->chars[at] == '<')
		return zone_fault(zone, at, "the document number is empty or begins with '<'");
	if (layout->has_long_number && zone->chars[at + NUMBER_LEN] == '<') {
		err = take_long_number(zone, mrz, &optional);
	} else {
		take_trimmed(zone, (struct span){(unsigned char)at, NUMBER_LEN}, mrz->number);
		err = check_digit_at(
			zone, at + NUMBER_LEN, "document number", mrz_check_digit(zone->chars + at, NUMBER_LEN));
	}
	if (err != LIAISON_OK)
		return err;
	take_trimmed(zone, optional, mrz->optional);
	take_trimmed(zone, layout->optional_2, mrz->optional_2);
	return LIAISON_OK;
}

static enum liaison_err
check_personal_digit(const struct zone *zone)
{
	struct span span = zone->layout->optional;
	const char *personal = zone->chars + span.at;
	size_t used = 0;

	while (used < span.len && personal[used] == '<')
		used++;
	if (used == span.len && personal[span.len] == '<')
		return LIAISON_OK;
	return check_digit_at(zone, span.at + (size_t)span.len, "personal number", mrz_check_digit(personal, span.len));
}

static enum liaison_err
check_composite(const struct zone *zone)
{
	const struct layout *layout = zone->layout;
	unsigned place = 0, sum = 0;

	for (size_t i = 0; i < 4; i++)
		sum += weigh(&place, zone->chars + layout->composite[i].at, layout->composite[i].len);
	return check_digit_at(zone, layout->composite_at, "whole (composite)", (char)('0' + sum % 10));
}

static enum liaison_err
take_fields(const struct zone *zone, struct mrz *mrz)
{
	const struct layout *layout = zone->layout;
	enum liaison_err err;

	mrz->format = layout->format;
	if (!is_letter(zone->chars[0]))
		return zone_fault(zone, 0, "a document's code begins with a letter");
	take_trimmed(zone, (struct span){0, 2}, mrz->document_code);
	mrz->sex = zone->chars[layout->sex_at];
	if ((err = take_country(zone, 2, mrz->issuer)) != LIAISON_OK || (err = take_names(zone, mrz)) != LIAISON_OK ||
		(err = take_number(zone, mrz)) != LIAISON_OK ||
		(err = take_country(zone, layout->nationality_at, mrz->nationality)) != LIAISON_OK ||
		(err = take_date(zone, layout->birth_at, "birth date", mrz->birth_date)) != LIAISON_OK)
		return err;
	if (memchr("FMX<", mrz->sex, 4) == NULL)
		return zone_fault(zone, layout->sex_at, "sex is F, M, X or '<'");
	if ((err = take_date(zone, layout->expiry_at, "expiry date", mrz->expiry_date)) != LIAISON_OK)
		return err;
	if (layout->has_personal_digit && (err = check_personal_digit(zone)) != LIAISON_OK)
		return err;
	return layout->composite_at == 0 ? LIAISON_OK : check_composite(zone);
}

enum liaison_err
mrz_parse(const char *text, struct mrz *mrz, struct fault *fault)
{
	struct zone zone = {.fault = fault};
	struct mrz parsed = {0};
	struct lines lines;

	enum liaison_err err = lines_take(text, zone.chars, &lines, fault);
	if (err != LIAISON_OK)
		return err;
	err = layout_find(&lines, zone.chars[0] == 'V', &zone.layout, fault);
	if (err != LIAISON_OK)
		return err;
	err = take_fields(&zone, &parsed);
	if (err == LIAISON_OK)
		*mrz = parsed;
	return err;
}
