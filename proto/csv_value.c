#include "proto/csv_value.h"

#include "proto/base/time.h"
#include "proto/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES_MAX 48
#define DATE_BYTES 10 /* YYYY-MM-DD */
#define WHOLE_MAX 9007199254740991.0
#define NO_BREAK_SPACE "\xc2\xa0"

/* For "%.*s". */
static int
shown(size_t len)
{
	return (int)(len < SHOWN_BYTES_MAX ? len : SHOWN_BYTES_MAX);
}

/* How many bytes of white space `text` begins with, the no-break space of pages and spreadsheets included. */
static size_t
space_at(const char *text, size_t len)
{
	if (len > 0 && memchr(" \t\r\n", text[0], 4) != NULL)
		return 1;
	return len > 1 && memcmp(text, NO_BREAK_SPACE, 2) == 0 ? 2 : 0;
}

const char *
csv_trim(const char *text, size_t *len)
{
	size_t left = strlen(text), space;

	while ((space = space_at(text, left)) > 0) {
		text += space;
		left -= space;
	}
	while (left > 0) {
		if (space_at(text + left - 1, 1) > 0)
			left--;
		else if (left > 1 && space_at(text + left - 2, 2) == 2)
			left -= 2;
		else
			break;
	}
	*len = left;
	return text;
}

static enum liaison_err
made(json_t *json, json_t **value, struct fault *fault)
{
	if (json == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	*value = json;
	return LIAISON_OK;
}

static enum liaison_err
code_value(const ProtobufCFieldDescriptor *field, const char *text, size_t len, json_t **value, struct fault *fault)
{
	char name[JSON_NAME_BYTES] = "";
	int number;

	if (len < sizeof name)
		memcpy(name, text, len);
	if (json_enum_value(field->descriptor, name, &number))
		return made(json_string(name), value, fault);
	const char *nearest = json_enum_nearest(field->descriptor, name);
	if (nearest != NULL)
		return fault_set(
			fault, LIAISON_BAD_CODE, "\"%s\" is no code of it; did you mean \"%s\"?", name, nearest);
	return fault_set(
		fault, LIAISON_BAD_CODE, "\"%.*s\" is no code of it; use `replace` in the map", shown(len), text);
}

static enum liaison_err
time_value(const char *text, size_t len, json_t **value, struct fault *fault)
{
	char whole[RFC3339_BYTES];
	int64_t at_ms;

	if (len == DATE_BYTES) {
		snprintf(whole, sizeof whole, "%.*sT00:00:00Z", DATE_BYTES, text);
		if (time_parse(whole, strlen(whole), &at_ms) == LIAISON_OK)
			return made(json_string(whole), value, fault);
	}
	if (time_parse(text, len, &at_ms) == LIAISON_OK)
		return made(json_stringn(text, len), value, fault);
	return fault_set(fault, LIAISON_MALFORMED, "\"%.*s\" is no time as 2027-02-01 or 2027-02-01T00:00:00Z",
		shown(len), text);
}

static enum liaison_err
number_value(const ProtobufCFieldDescriptor *field, const char *text, size_t len, json_t **value, struct fault *fault)
{
	bool may_have_fraction = field->type == PROTOBUF_C_TYPE_DOUBLE || field->type == PROTOBUF_C_TYPE_FLOAT;
	json_t *number = json_loadb(text, len, JSON_DECODE_ANY, NULL);

	if (!json_is_number(number)) {
		json_decref(number);
		return fault_set(fault, LIAISON_MALFORMED, "\"%.*s\" is no number", shown(len), text);
	}
	double real = json_number_value(number);
	if (!may_have_fraction && json_is_real(number)) {
		json_decref(number);
		if (rint(real) != real || fabs(real) > WHOLE_MAX)
			return fault_set(fault, LIAISON_MALFORMED, "\"%.*s\" is no whole number", shown(len), text);
		return made(json_integer((json_int_t)real), value, fault);
	}
	*value = number;
	return LIAISON_OK;
}

static bool
equals(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

enum liaison_err
csv_value(const ProtobufCFieldDescriptor *field, const char *text, size_t len, json_t **value, struct fault *fault)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES: return made(json_stringn(text, len), value, fault);
	case PROTOBUF_C_TYPE_ENUM: return code_value(field, text, len, value, fault);
	case PROTOBUF_C_TYPE_SFIXED64: return time_value(text, len, value, fault);
	case PROTOBUF_C_TYPE_BOOL:
		if (equals(text, len, "true") || equals(text, len, "yes"))
			return made(json_true(), value, fault);
		if (equals(text, len, "false") || equals(text, len, "no"))
			return made(json_false(), value, fault);
		return fault_set(fault, LIAISON_MALFORMED, "\"%.*s\" is neither yes nor no", shown(len), text);
	default: return number_value(field, text, len, value, fault);
	}
}
