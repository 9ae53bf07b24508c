/* A table's cell as the JSON value that a field of the schema takes. Nothing of the cell is guessed but surrounding blanks. */
#ifndef LIAISON_PROTO_CSV_VALUE_H
#define LIAISON_PROTO_CSV_VALUE_H

#include "proto/base/err.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* The text without blanks around it, no-break spaces included; may be empty. */
const char *csv_trim(const char *text, size_t *len);

/*
 * A new value for the caller to json_decref. Numbers as JSON writes them (12.0 is a whole number too), true, false, yes
 * or no, codes as in JSON, times as RFC 3339 or a date alone, which is its first instant in UTC. LIAISON_MALFORMED, or
 * LIAISON_BAD_CODE for a code that the schema does not have; the fault says what is allowed, without a place.
 */
enum liaison_err csv_value(const ProtobufCFieldDescriptor *field, const char *text, size_t len, json_t **value,
	struct fault *fault) LIAISON_MUST_CHECK;

#endif
