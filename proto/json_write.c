#include "proto/json.h"

#include "proto/base/time.h"
#include "proto/base/utf8.h"
#include "proto/reflect.h"

#include <inttypes.h>
#include <math.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 40

/* --- texts ------------------------------------------------------------------------------------------------------- */

static void
put_escaped(struct buf *out, unsigned char c)
{
	static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

	if (c == '"' || c == '\\')
		buf_put(out, (const char[]){'\\', (char)c}, 2);
	else if (c < sizeof letters && letters[c] != '\0')
		buf_put(out, (const char[]){'\\', letters[c]}, 2);
	else
		buf_put_format(out, "\\u%04x", c);
}

void
json_put_string(struct buf *out, const char *text, size_t len)
{
	size_t at = 0;

	buf_put_u8(out, '"');
	while (at < len) {
		size_t valid = at + utf8_valid_bytes(text + at, len - at);
		while (at < valid) {
			size_t plain = at;
			while (plain < valid && (unsigned char)text[plain] >= 0x20 && text[plain] != '"' &&
				text[plain] != '\\')
				plain++;
			buf_put(out, text + at, plain - at);
			at = plain;
			if (at < valid)
				put_escaped(out, (unsigned char)text[at++]);
		}
		if (at < len)
			buf_put_text(out, text[at++] == '\0' ? "\\u0000" : "\xef\xbf\xbd");
	}
	buf_put_u8(out, '"');
}

static void
put_base64(struct buf *out, const ProtobufCBinaryData *bytes)
{
	/* The text's NUL is the closing quote's place. */
	size_t len = sodium_base64_ENCODED_LEN(bytes->len, sodium_base64_VARIANT_ORIGINAL);

	buf_put_u8(out, '"');
	uint8_t *at = buf_extend(out, len);
	if (at == NULL)
		return;
	(void)sodium_bin2base64((char *)at, len, bytes->data, bytes->len, sodium_base64_VARIANT_ORIGINAL);
	at[len - 1] = '"';
}

/* --- numbers ----------------------------------------------------------------------------------------------------- */

/* printf writes the locale's decimal point, of one or more bytes; JSON has one. */
static void
put_number_text(struct buf *out, const char *text)
{
	bool is_in_point = false;

	for (; *text != '\0'; text++) {
		bool is_number = strchr("0123456789+-eE", *text) != NULL;
		if (is_number)
			buf_put_u8(out, (uint8_t)*text);
		else if (!is_in_point)
			buf_put_u8(out, '.');
		is_in_point = !is_number;
	}
}

/* The fewest digits that read back as the same number. */
static void
put_double(struct buf *out, double value, int digits_min, int digits_max, bool is_single)
{
	char text[NUMBER_BYTES];

	if (!isfinite(value)) { /* never in canonical bytes */
		buf_put_text(out, "null");
		return;
	}
	if (value == 0) {
		buf_put_text(out, signbit(value) ? "-0.0" : "0");
		return;
	}
	for (int digits = digits_min; digits <= digits_max; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, value);
		if (is_single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
			break;
	}
	put_number_text(out, text);
}

static void
put_time(struct buf *out, int64_t at_ms)
{
	char text[RFC3339_BYTES];

	time_format(at_ms, text);
	json_put_string(out, text, strlen(text));
}

static void
put_enum(struct buf *out, const ProtobufCEnumDescriptor *descriptor, int value)
{
	const char *name = json_enum_name(descriptor, value);

	if (name == NULL) /* a later version's, in a frame */
		buf_put_format(out, "%d", value);
	else
		json_put_string(out, name, strlen(name));
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

void
json_put_value(struct buf *out, const ProtobufCFieldDescriptor *field, const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE: json_from_message(*(ProtobufCMessage *const *)value, out); break;
	case PROTOBUF_C_TYPE_STRING: json_put_string(out, *(char *const *)value, strlen(*(char *const *)value)); break;
	case PROTOBUF_C_TYPE_BYTES: put_base64(out, value); break;
	case PROTOBUF_C_TYPE_ENUM: put_enum(out, field->descriptor, *(const int *)value); break;
	case PROTOBUF_C_TYPE_BOOL: buf_put_text(out, *(const protobuf_c_boolean *)value ? "true" : "false"); break;
	case PROTOBUF_C_TYPE_SFIXED64: put_time(out, *(const int64_t *)value); break;
	case PROTOBUF_C_TYPE_DOUBLE: put_double(out, *(const double *)value, 15, 17, false); break;
	case PROTOBUF_C_TYPE_FLOAT: put_double(out, (double)*(const float *)value, 6, 9, true); break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64: buf_put_format(out, "%" PRId64, *(const int64_t *)value); break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64: buf_put_format(out, "%" PRIu64, *(const uint64_t *)value); break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32: buf_put_format(out, "%" PRId32, *(const int32_t *)value); break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32: buf_put_format(out, "%" PRIu32, *(const uint32_t *)value); break;
	}
}

static void
put_field(struct buf *out, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count)
{
	bool is_list = field->label == PROTOBUF_C_LABEL_REPEATED;
	char name[JSON_NAME_BYTES];

	json_field_name(field, name);
	buf_put_u8(out, '"');
	buf_put_text(out, name);
	buf_put_text(out, is_list ? "\":[" : "\":");
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_u8(out, ',');
		json_put_value(out, field, reflect_value(message, field, i));
	}
	if (is_list)
		buf_put_u8(out, ']');
}

/* The recursion follows the schema. */
void
json_from_message(const ProtobufCMessage *message, struct buf *out)
{
	bool is_first = true;

	buf_put_u8(out, '{');
	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		size_t count = reflect_count(message, field);
		if (count == 0)
			continue;
		if (!is_first)
			buf_put_u8(out, ',');
		is_first = false;
		put_field(out, message, field, count);
	}
	buf_put_u8(out, '}');
}
