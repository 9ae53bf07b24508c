/*
 * protobuf's JSON mapping by reflection over protobuf-c descriptors, with Liaison's three differences: 64-bit integers
 * are numbers, enum names drop their type's prefix, sfixed64 is an RFC 3339 instant. lowerCamelCase names; bytes are
 * base64 (RFC 4648 section 4, padded); a oneof's members stand as fields of the message that holds it. Unknown keys,
 * wrong types, duplicate keys, bad UTF-8 are errors that name the key's path, what is allowed, the nearest valid name,
 * and line and column in the text.
 *
 * Nothing is guessed: no text for a number, no number for a text, no null (what is not known is left out), integers only
 * within their type and 2^53 - 1, so that every JSON reader keeps them exactly.
 */
#ifndef LIAISON_PROTO_JSON_H
#define LIAISON_PROTO_JSON_H

#include "proto/base/buf.h"
#include "proto/base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* No valid alert is longer; a longer text is LIAISON_TOO_LARGE before it is parsed. */
#define JSON_LINE_BYTES_MAX (256 * 1024)
#define JSON_DEPTH_MAX 32
#define JSON_NAME_BYTES 64 /* of a key, with its NUL */

/*
 * Faults begin with "LINE:COLUMN: path: ", so that a caller who knows the file puts its name and a colon in front.
 *
 * Parses one JSON object into a new message of `descriptor`; the caller frees it with
 * protobuf_c_message_free_unpacked(message, NULL). LIAISON_MALFORMED (not JSON, duplicate or unknown key, wrong type),
 * LIAISON_BAD_CODE (enum), LIAISON_TOO_LARGE. `first_line` is the line number of the text's first line in its file.
 */
enum liaison_err json_to_message(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t len,
	size_t first_line, ProtobufCMessage **message, struct fault *fault) LIAISON_MUST_CHECK;

/* Appends the message as one JSON object without line breaks; fields in the schema's order. Check with buf_check. */
void json_from_message(const ProtobufCMessage *message, struct buf *out);

/* Appends `text` as a JSON string literal with its quotes (valid UTF-8 expected; bad bytes become U+FFFD). */
void json_put_string(struct buf *out, const char *text, size_t len);

/* Appends one value of a field, as json_from_message writes it; `value` is as reflect_value gives it. */
void json_put_value(struct buf *out, const ProtobufCFieldDescriptor *field, const void *value);

/*
 * The value name without its type's prefix ("ROUTE"), NULL for a number that the enum does not have; and the reverse,
 * false for an unknown name. Names are compared exactly.
 */
const char *json_enum_name(const ProtobufCEnumDescriptor *descriptor, int value);
bool json_enum_value(const ProtobufCEnumDescriptor *descriptor, const char *name, int *value);

/* The nearest valid name of an enum to a wrong one, for messages: NULL if nothing is near. */
const char *json_enum_nearest(const ProtobufCEnumDescriptor *descriptor, const char *name);

/* The key of a field in lowerCamelCase; `out` has room for JSON_NAME_BYTES. */
void json_field_name(const ProtobufCFieldDescriptor *field, char *out);

/* The field of that key, NULL if there is none; and the one with the nearest key, NULL if nothing is near. */
const ProtobufCFieldDescriptor *json_field_find(const ProtobufCMessageDescriptor *descriptor, const char *key);
const ProtobufCFieldDescriptor *json_field_nearest(const ProtobufCMessageDescriptor *descriptor, const char *key);

#endif
