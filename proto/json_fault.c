#include "proto/json_fault.h"

#include <stdarg.h>
#include <stdio.h>

static enum liaison_err LIAISON_PRINTF(5, 0) fail_at(const struct json_in *in, size_t offset, const char *path,
	enum liaison_err code, const char *format, va_list args)
{
	struct json_place place = json_place_of(&in->text, offset);
	char what[LIAISON_FAULT_BYTES];

	vsnprintf(what, sizeof what, format, args);
	return fault_set(
		in->fault, code, "%zu:%zu: %s%s%s", place.line, place.column, path, path[0] == '\0' ? "" : ": ", what);
}

enum liaison_err
json_fail_step(const struct json_in *in, const struct json_step *step, enum liaison_err code, const char *format, ...)
{
	char path[JSON_PATH_BYTES];
	va_list args;

	if (in->fault == NULL)
		return code;
	json_path_write(step, path, sizeof path);
	va_start(args, format);
	code = fail_at(in, json_path_offset(&in->text, step), path, code, format, args);
	va_end(args);
	return code;
}

enum liaison_err
json_fail_text(
	const struct json_in *in, size_t offset, const char *path, enum liaison_err code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	code = fail_at(in, offset, path, code, format, args);
	va_end(args);
	return code;
}

/* A wrong value as a message shows it: cut, and without what a terminal would obey. */
const char *
json_shown(const char *text, char *out)
{
	struct json_step root = {0};
	struct json_step step = {.parent = &root, .key = text};

	json_path_write(&step, out, JSON_SHOWN_BYTES);
	return out;
}

const char *
json_kind(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT: return "an object";
	case JSON_ARRAY: return "a list";
	case JSON_STRING: return "a text";
	case JSON_INTEGER: return "a whole number";
	case JSON_REAL: return "a number with a fraction or exponent";
	case JSON_TRUE: return "true";
	case JSON_FALSE: return "false";
	case JSON_NULL: break;
	}
	return "null";
}

const char *
json_kind_wanted(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_MESSAGE: return "an object";
	case PROTOBUF_C_TYPE_STRING: return "a text";
	case PROTOBUF_C_TYPE_ENUM: return "a text";
	case PROTOBUF_C_TYPE_BYTES: return "a text in base64";
	case PROTOBUF_C_TYPE_SFIXED64: return "a time as \"2027-02-01T00:00:00Z\"";
	case PROTOBUF_C_TYPE_BOOL: return "true or false";
	case PROTOBUF_C_TYPE_DOUBLE:
	case PROTOBUF_C_TYPE_FLOAT: return "a number";
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
	return "a whole number";
}

enum liaison_err
json_fail_type(const struct json_in *in, const struct json_step *step, const ProtobufCFieldDescriptor *field,
	const json_t *value)
{
	return json_fail_step(
		in, step, LIAISON_MALFORMED, "must be %s, not %s", json_kind_wanted(field->type), json_kind(value));
}

/* "A, B, C", as many as there is room for. */
void
json_put_allowed(char *out, size_t *used, const char *name)
{
	int len = snprintf(out + *used, JSON_ALLOWED_BYTES - *used, "%s%s", *used == 0 ? "" : ", ", name);

	if (len > 0 && (size_t)len < JSON_ALLOWED_BYTES - *used)
		*used += (size_t)len;
	else
		out[*used] = '\0';
}

/* The field of that name in a message that stands directly in this one: the writer was a level off. */
static const ProtobufCFieldDescriptor *
field_one_level_down(const ProtobufCMessageDescriptor *descriptor, const char *key)
{
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		if (field->type == PROTOBUF_C_TYPE_MESSAGE && json_field_find(field->descriptor, key) != NULL)
			return field;
	}
	return NULL;
}

enum liaison_err
json_fail_unknown_key(
	const struct json_in *in, const struct json_step *step, const ProtobufCMessageDescriptor *descriptor)
{
	const ProtobufCFieldDescriptor *nearest = json_field_nearest(descriptor, step->key);
	const ProtobufCFieldDescriptor *parent = nearest == NULL ? field_one_level_down(descriptor, step->key) : NULL;
	char name[JSON_NAME_BYTES];
	char allowed[JSON_ALLOWED_BYTES] = "";
	size_t used = 0;

	if (nearest != NULL) {
		json_field_name(nearest, name);
		return json_fail_step(in, step, LIAISON_MALFORMED, "unknown key; did you mean \"%s\"?", name);
	}
	if (parent != NULL) {
		json_field_name(parent, name);
		return json_fail_step(in, step, LIAISON_MALFORMED, "unknown key here; did you mean \"%s%s.%s\"?", name,
			parent->label == PROTOBUF_C_LABEL_REPEATED ? "[]" : "", step->key);
	}
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		json_field_name(&descriptor->fields[i], name);
		json_put_allowed(allowed, &used, name);
	}
	return json_fail_step(in, step, LIAISON_MALFORMED, "unknown key; allowed are %s", allowed);
}
