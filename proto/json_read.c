#include "proto/json.h"

#include "proto/base/time.h"
#include "proto/base/utf8.h"
#include "proto/json_fault.h"
#include "proto/json_place.h"
#include "proto/reflect.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INTEGER_MAX ((INT64_C(1) << 53) - 1)

static enum liaison_err read_message(
	const struct json_in *in, const struct json_step *step, json_t *object, ProtobufCMessage *message);

/* --- values ------------------------------------------------------------------------------------------------------ */

static enum liaison_err
read_enum(const struct json_in *in, const struct json_step *step, const json_t *value,
	const ProtobufCFieldDescriptor *field, int *out)
{
	const ProtobufCEnumDescriptor *descriptor = field->descriptor;
	char text[JSON_SHOWN_BYTES];
	char allowed[JSON_ALLOWED_BYTES] = "";
	size_t used = 0;

	if (json_is_integer(value)) {
		snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		if (json_enum_value(descriptor, text, out))
			return json_fail_step(in, step, LIAISON_MALFORMED, "must be a text: write \"%s\"", text);
	}
	if (!json_is_string(value))
		return json_fail_type(in, step, field, value);
	if (json_enum_value(descriptor, json_string_value(value), out))
		return LIAISON_OK;
	const char *nearest = json_enum_nearest(descriptor, json_string_value(value));
	for (unsigned i = 0; i < descriptor->n_values; i++)
		json_put_allowed(allowed, &used, json_enum_name(descriptor, descriptor->values[i].value));
	return json_fail_step(in, step, LIAISON_BAD_CODE, "\"%s\" is not one of its values%s%s%s; allowed are %s",
		json_shown(json_string_value(value), text), nearest == NULL ? "" : "; did you mean \"",
		nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?", allowed);
}

static enum liaison_err
read_integer(const struct json_in *in, const struct json_step *step, const json_t *value,
	const ProtobufCFieldDescriptor *field, void *out)
{
	size_t bytes = reflect_value_bytes(field->type);
	bool is_unsigned = field->type == PROTOBUF_C_TYPE_UINT32 || field->type == PROTOBUF_C_TYPE_FIXED32 ||
			   field->type == PROTOBUF_C_TYPE_UINT64 || field->type == PROTOBUF_C_TYPE_FIXED64;
	int64_t most = bytes == 8 ? INTEGER_MAX : is_unsigned ? (int64_t)UINT32_MAX : INT32_MAX;
	int64_t least = is_unsigned ? 0 : bytes == 8 ? -INTEGER_MAX : INT32_MIN;

	if (!json_is_integer(value))
		return json_fail_type(in, step, field, value);
	int64_t number = json_integer_value(value);
	if (number < least || number > most)
		return json_fail_step(in, step, LIAISON_MALFORMED,
			"%" PRId64 " is out of range: from %" PRId64 " to %" PRId64 " is allowed", number, least, most);
	if (bytes == 8)
		memcpy(out, &number, sizeof number);
	else
		memcpy(out, &(uint32_t){(uint32_t)number}, sizeof(uint32_t));
	return LIAISON_OK;
}

static enum liaison_err
read_number(const struct json_in *in, const struct json_step *step, const json_t *value,
	const ProtobufCFieldDescriptor *field, void *out)
{
	if (!json_is_number(value))
		return json_fail_type(in, step, field, value);
	double number = json_number_value(value);
	if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
		memcpy(out, &number, sizeof number);
		return LIAISON_OK;
	}
	float single = (float)number;
	if (!isfinite(single))
		return json_fail_step(in, step, LIAISON_MALFORMED, "the number is too great");
	memcpy(out, &single, sizeof single);
	return LIAISON_OK;
}

static enum liaison_err
read_time(const struct json_in *in, const struct json_step *step, const json_t *value,
	const ProtobufCFieldDescriptor *field, int64_t *out)
{
	char text[JSON_SHOWN_BYTES];

	if (!json_is_string(value))
		return json_fail_type(in, step, field, value);
	if (time_parse(json_string_value(value), json_string_length(value), out) != LIAISON_OK)
		return json_fail_step(in, step, LIAISON_MALFORMED, "\"%s\" is not %s (RFC 3339, with its offset)",
			json_shown(json_string_value(value), text), json_kind_wanted(field->type));
	return LIAISON_OK;
}

static enum liaison_err
read_bytes(const struct json_in *in, const struct json_step *step, const json_t *value,
	const ProtobufCFieldDescriptor *field, ProtobufCBinaryData *out)
{
	if (!json_is_string(value))
		return json_fail_type(in, step, field, value);
	size_t text_len = json_string_length(value);
	if (text_len == 0)
		return LIAISON_OK; /* present and empty */
	size_t len;
	uint8_t *bytes = malloc(text_len);
	if (bytes == NULL)
		return json_fail_step(in, step, LIAISON_NO_MEMORY, "out of memory");
	if (sodium_base642bin(bytes, text_len, json_string_value(value), text_len, NULL, &len, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0) {
		free(bytes);
		return json_fail_step(
			in, step, LIAISON_MALFORMED, "not base64 (letters, digits, + and /, padded with = to fours)");
	}
	*out = (ProtobufCBinaryData){.len = len, .data = bytes};
	return LIAISON_OK;
}

static enum liaison_err
read_text(const struct json_in *in, const struct json_step *step, const json_t *value,
	const ProtobufCFieldDescriptor *field, char **out)
{
	if (!json_is_string(value))
		return json_fail_type(in, step, field, value);
	*out = strdup(json_string_value(value));
	return *out == NULL ? json_fail_step(in, step, LIAISON_NO_MEMORY, "out of memory") : LIAISON_OK;
}

static enum liaison_err
read_inner(const struct json_in *in, const struct json_step *step, json_t *value, const ProtobufCFieldDescriptor *field,
	ProtobufCMessage **out)
{
	const ProtobufCMessageDescriptor *descriptor = field->descriptor;

	if (!json_is_object(value))
		return json_fail_type(in, step, field, value);
	*out = malloc(descriptor->sizeof_message);
	if (*out == NULL)
		return json_fail_step(in, step, LIAISON_NO_MEMORY, "out of memory");
	descriptor->message_init(*out);
	return read_message(in, step, value, *out);
}

/* `out` is the value's own place in the message, so that whatever was made before a failure is freed with it. */
static enum liaison_err
read_value(const struct json_in *in, const struct json_step *step, json_t *value, const ProtobufCFieldDescriptor *field,
	void *out)
{
	if (json_is_null(value))
		return json_fail_step(in, step, LIAISON_MALFORMED, "null means nothing here; leave it out");
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE: return read_inner(in, step, value, field, out);
	case PROTOBUF_C_TYPE_STRING: return read_text(in, step, value, field, out);
	case PROTOBUF_C_TYPE_BYTES: return read_bytes(in, step, value, field, out);
	case PROTOBUF_C_TYPE_ENUM: return read_enum(in, step, value, field, out);
	case PROTOBUF_C_TYPE_SFIXED64: return read_time(in, step, value, field, out);
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FLOAT: return read_number(in, step, value, field, out);
	case PROTOBUF_C_TYPE_BOOL:
		if (!json_is_boolean(value))
			return json_fail_type(in, step, field, value);
		*(protobuf_c_boolean *)out = json_is_true(value);
		return LIAISON_OK;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64: break;
	}
	return read_integer(in, step, value, field, out);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_list(const struct json_in *in, const struct json_step *step, json_t *list, const ProtobufCFieldDescriptor *field,
	ProtobufCMessage *message)
{
	if (json_is_null(list))
		return json_fail_step(in, step, LIAISON_MALFORMED, "null means nothing here; leave it out");
	if (!json_is_array(list))
		return json_fail_step(in, step, LIAISON_MALFORMED, "must be a list, in [ ], of %s, not %s",
			field->type == PROTOBUF_C_TYPE_MESSAGE ? "objects" : "values", json_kind(list));
	size_t count = json_array_size(list);
	if (count == 0)
		return LIAISON_OK;
	size_t value_bytes = reflect_value_bytes(field->type);
	char *values = calloc(count, value_bytes);
	if (values == NULL)
		return json_fail_step(in, step, LIAISON_NO_MEMORY, "out of memory");
	*(void **)reflect_member(message, field) = values;
	reflect_set_count(message, field, count);
	for (size_t i = 0; i < count; i++) {
		struct json_step element = {.parent = step, .ordinal = i};
		enum liaison_err err =
			read_value(in, &element, json_array_get(list, i), field, values + i * value_bytes);
		if (err != LIAISON_OK)
			return err;
	}
	return LIAISON_OK;
}

static enum liaison_err
read_field(const struct json_in *in, const struct json_step *step, json_t *value, ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *field = json_field_find(message->descriptor, step->key);

	if (field == NULL)
		return json_fail_unknown_key(in, step, message->descriptor);
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return read_list(in, step, value, field, message);
	const ProtobufCFieldDescriptor *other = reflect_oneof_member(message, field);
	if (other != NULL) {
		char name[JSON_NAME_BYTES];
		json_field_name(other, name);
		return json_fail_step(
			in, step, LIAISON_MALFORMED, "\"%s\" stands here already; only one of them can", name);
	}
	reflect_set_present(message, field);
	return read_value(in, step, value, field, reflect_member(message, field));
}

/* The recursion follows the schema, which nests less deep than JSON_DEPTH_MAX. */
static enum liaison_err
read_message(const struct json_in *in, const struct json_step *step, json_t *object, ProtobufCMessage *message)
{
	struct json_step member = {.parent = step};
	enum liaison_err err = LIAISON_OK;

	for (void *at = json_object_iter(object); at != NULL && err == LIAISON_OK;
		at = json_object_iter_next(object, at)) {
		member.key = json_object_iter_key(at);
		err = read_field(in, &member, json_object_iter_value(at), message);
		member.ordinal++;
	}
	return err;
}

/* --- text -------------------------------------------------------------------------------------------------------- */

static enum liaison_err
parse_fail(const struct json_in *in, json_error_t *error)
{
	size_t offset = error->position < 0 ? 0 : (size_t)error->position;
	char path[JSON_PATH_BYTES];
	size_t innermost = json_path_at(&in->text, offset, path, sizeof path);

	switch (json_error_code(error)) {
	case json_error_out_of_memory: return fault_set(in->fault, LIAISON_NO_MEMORY, "out of memory");
	case json_error_duplicate_key:
		return json_fail_text(in, innermost, path, LIAISON_MALFORMED, "the key stands here twice");
	case json_error_numeric_overflow:
		return json_fail_text(in, innermost, path, LIAISON_MALFORMED, "the number is too great");
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return json_fail_text(in, innermost, path, LIAISON_MALFORMED, "\\u0000 is not allowed in a text");
	case json_error_premature_end_of_input:
		return json_fail_text(in, in->text.len, path, LIAISON_MALFORMED,
			"the JSON ends too early; a bracket or quote is not closed");
	case json_error_end_of_input_expected:
		return json_fail_text(
			in, offset, "", LIAISON_MALFORMED, "more follows after the object; one object a line");
	default:
		return json_fail_text(
			in, json_token_at(&in->text, offset), path, LIAISON_MALFORMED, "not JSON: %s", error->text);
	}
}

/* The byte order mark with which some editors begin a file. */
static void
skip_mark(struct json_text *text)
{
	if (text->len >= 3 && memcmp(text->at, "\xef\xbb\xbf", 3) == 0) {
		text->at += 3;
		text->len -= 3;
	}
}

static bool
is_blank(const struct json_text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (memchr(" \t\r\n", text->at[i], 4) == NULL)
			return false;
	return true;
}

static enum liaison_err
text_check(const struct json_in *in)
{
	size_t valid = utf8_valid_bytes(in->text.at, in->text.len);
	char path[JSON_PATH_BYTES];

	size_t deep = json_too_deep_at(&(struct json_text){in->text.at, valid, in->text.first_line}, JSON_DEPTH_MAX);
	if (deep < valid)
		return json_fail_text(
			in, deep, "", LIAISON_MALFORMED, "nested deeper than %d brackets", JSON_DEPTH_MAX);
	if (valid < in->text.len) {
		(void)json_path_at(&in->text, valid, path, sizeof path);
		return json_fail_text(in, valid, path, LIAISON_MALFORMED,
			"byte 0x%02x is not valid UTF-8; save the file as UTF-8", (unsigned char)in->text.at[valid]);
	}
	if (is_blank(&in->text))
		return json_fail_text(in, 0, "", LIAISON_MALFORMED, "empty: an object in { } is expected");
	return LIAISON_OK;
}

enum liaison_err
json_to_message(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t len, size_t first_line,
	ProtobufCMessage **message, struct fault *fault)
{
	struct json_in in = {.text = {text, len, first_line}, .fault = fault};
	struct json_step root = {0};
	ProtobufCMessage *made = NULL;
	json_error_t error;

	if (len > JSON_LINE_BYTES_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE, "%zu:1: %zu bytes; no alert has more than %d", first_line,
			len, JSON_LINE_BYTES_MAX);
	skip_mark(&in.text);
	enum liaison_err err = text_check(&in);
	if (err != LIAISON_OK)
		return err;
	json_t *parsed = json_loadb(in.text.at, in.text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (parsed == NULL)
		return parse_fail(&in, &error);
	if (!json_is_object(parsed)) {
		err = json_fail_step(
			&in, &root, LIAISON_MALFORMED, "must be an object, in { }, not %s", json_kind(parsed));
		goto out;
	}
	made = malloc(descriptor->sizeof_message);
	if (made == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	descriptor->message_init(made);
	err = read_message(&in, &root, parsed, made);
	if (err != LIAISON_OK) {
		protobuf_c_message_free_unpacked(made, NULL);
		goto out;
	}
	*message = made;
out:
	json_decref(parsed);
	return err;
}
