#include "proto/address.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Longest piece of somebody's input that a message repeats: an alert id and a little more. */
#define SHOWN_MAX 90

struct shown {
	char text[SHOWN_MAX + 1];
};

/* Input as it may stand in a message: cut, and nothing in it that moves a cursor or breaks a line. */
static struct shown
shown_of(const char *text, size_t len)
{
	struct shown shown = {0};

	for (size_t i = 0; i < len && i < SHOWN_MAX; i++)
		shown.text[i] = (char)(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
	return shown;
}

static bool
is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One sentence on the first thing wrong with `len` bytes as an address of at least `labels_min` labels; NULL if none. */
static const char *
address_flaw(const char *text, size_t len, size_t labels_min)
{
	size_t labels = 1, label_len = 0;

	if (len > OFFICE_ID_MAX)
		return "is longer than 64 bytes";
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		bool is_last = i + 1 == len || text[i + 1] == '.';
		if (c == '.') {
			if (label_len == 0)
				return "has an empty label";
			labels++;
			label_len = 0;
			continue;
		}
		if (c >= 'A' && c <= 'Z')
			return "has a capital letter; ids are lower case";
		if (!is_letter(c) && !is_digit(c) && c != '-')
			return "has a character other than a-z, 0-9, '-' and '.'";
		if (c == '-' && (label_len == 0 || is_last))
			return "has a label that begins or ends with '-'";
		if (labels == 1 && (!is_letter(c) || label_len >= 2 || (is_last && label_len == 0)))
			return "does not begin with a member's code of two letters, as in kh";
		label_len++;
	}
	if (label_len == 0)
		return len == 0 ? "is empty" : "has an empty label";
	if (labels < labels_min)
		return "names a whole member, not an office, as kh.blo.poipet does";
	return NULL;
}

bool
address_is_valid(const char *address)
{
	return address_flaw(address, strlen(address), 1) == NULL;
}

bool
office_id_is_valid(const char *office)
{
	return address_flaw(office, strlen(office), 2) == NULL;
}

static enum liaison_err
office_id_take(const char *text, size_t len, struct office_id *office, struct fault *fault)
{
	const char *flaw = address_flaw(text, len, 2);

	if (flaw != NULL)
		return fault_set(fault, LIAISON_MALFORMED, "office id \"%s\" %s", shown_of(text, len).text, flaw);
	*office = (struct office_id){0};
	memcpy(office->text, text, len);
	return LIAISON_OK;
}

enum liaison_err
office_id_parse(const char *text, struct office_id *office, struct fault *fault)
{
	return office_id_take(text, strlen(text), office, fault);
}

bool
office_id_equal(const struct office_id *a, const struct office_id *b)
{
	return strcmp(a->text, b->text) == 0;
}

bool
address_covers(const char *address, const char *office)
{
	size_t len = strlen(address);

	/* The comparison first: nearly all pairs that release asks about differ at once. */
	return strncmp(address, office, len) == 0 && (office[len] == '\0' || office[len] == '.') &&
	       address_is_valid(address);
}

enum liaison_err
address_from_country(const char *country, char address[MEMBER_BYTES])
{
	if (strlen(country) != 2 || !is_letter((char)(country[0] | 0x20)) || !is_letter((char)(country[1] | 0x20)) ||
		is_letter(country[0]) || is_letter(country[1]))
		return LIAISON_BAD_CODE;
	address[0] = (char)(country[0] | 0x20);
	address[1] = (char)(country[1] | 0x20);
	address[2] = '\0';
	return LIAISON_OK;
}

void
address_member(const char *address, char member[MEMBER_BYTES])
{
	assert(address_is_valid(address));
	memcpy(member, address, 2);
	member[2] = '\0';
}

enum liaison_err
alert_id_parse(const char *text, struct alert_id *id, struct fault *fault)
{
	const char *slash = strchr(text, '/');
	struct office_id office;

	if (slash == NULL)
		return fault_set(fault, LIAISON_MALFORMED,
			"alert id \"%s\" has no '/' and number after the office, as kh.blo.poipet/42 has",
			shown_of(text, strlen(text)).text);
	enum liaison_err err = office_id_take(text, (size_t)(slash - text), &office, fault);
	if (err != LIAISON_OK)
		return err;

	const char *at = slash + 1;
	bool is_reply = *at == 'r';
	at += is_reply;
	uint64_t sequence = 0;
	bool ok = is_digit(*at) && *at != '0';
	for (; ok && *at != '\0'; at++) {
		ok = is_digit(*at);
		sequence = sequence * 10 + (uint64_t)(*at - '0');
		ok = ok && sequence <= SEQUENCE_MAX;
	}
	if (!ok)
		return fault_set(fault, LIAISON_MALFORMED,
			"alert id \"%s\" does not end in a number from 1 to %" PRIu64 " without leading zeros",
			shown_of(text, strlen(text)).text, SEQUENCE_MAX);
	*id = (struct alert_id){.office = office, .sequence = sequence, .is_reply = is_reply};
	return LIAISON_OK;
}

void
alert_id_format(const struct alert_id *id, char out[ALERT_ID_BYTES])
{
	assert(office_id_is_valid(id->office.text) && id->sequence >= 1 && id->sequence <= SEQUENCE_MAX);
	char digits[20], *at = digits + sizeof digits;
	size_t len = strlen(id->office.text);

	/* By hand: it is done several times for each alert. */
	for (uint64_t rest = id->sequence; rest > 0; rest /= 10)
		*--at = (char)('0' + rest % 10);
	memcpy(out, id->office.text, len);
	out[len++] = '/';
	if (id->is_reply)
		out[len++] = 'r';
	memcpy(out + len, at, (size_t)(digits + sizeof digits - at));
	out[len + (size_t)(digits + sizeof digits - at)] = '\0';
}

bool
alert_id_equal(const struct alert_id *a, const struct alert_id *b)
{
	return office_id_equal(&a->office, &b->office) && a->sequence == b->sequence && a->is_reply == b->is_reply;
}
