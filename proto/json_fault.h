/* What json_to_message says when a text is wrong: place, path, what is wrong, what is allowed, what was probably meant. */
#ifndef LIAISON_PROTO_JSON_FAULT_H
#define LIAISON_PROTO_JSON_FAULT_H

#include "proto/json.h"
#include "proto/json_place.h"

#include <jansson.h>

#define JSON_PATH_BYTES 160
#define JSON_SHOWN_BYTES 56    /* of a wrong value, in a message */
#define JSON_ALLOWED_BYTES 300 /* of the allowed names, in a message */

/* What every step of one reading needs. */
struct json_in {
	struct json_text text;
	struct fault *fault;
};

/* "LINE:COLUMN: path: what", for a value that was parsed, and for a place in the text. Both return `code`. */
enum liaison_err json_fail_step(const struct json_in *in, const struct json_step *step, enum liaison_err code,
	const char *format, ...) LIAISON_PRINTF(4, 5);
enum liaison_err json_fail_text(const struct json_in *in, size_t offset, const char *path, enum liaison_err code,
	const char *format, ...) LIAISON_PRINTF(5, 6);

/* The value is of another JSON type than the field. */
enum liaison_err json_fail_type(const struct json_in *in, const struct json_step *step,
	const ProtobufCFieldDescriptor *field, const json_t *value);

/* The step's key is no field of the message. */
enum liaison_err json_fail_unknown_key(
	const struct json_in *in, const struct json_step *step, const ProtobufCMessageDescriptor *descriptor);

/* Words for "must be a text, not a list". */
const char *json_kind(const json_t *value);
const char *json_kind_wanted(ProtobufCType type);

/* A wrong value as a message shows it: cut, and without what a terminal would obey. `out` has JSON_SHOWN_BYTES. */
const char *json_shown(const char *text, char *out);

/* Grows "A, B, C" in JSON_ALLOWED_BYTES, as many as there is room for. */
void json_put_allowed(char *out, size_t *used, const char *name);

#endif
