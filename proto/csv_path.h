/*
 * Where in an alert's JSON a value goes: `where.legs[0].from.lat`, `where.countries[]`. A list of objects takes an
 * element's number, a list of values takes [] and grows, no value twice. Checked against the schema when it is parsed.
 */
#ifndef LIAISON_PROTO_CSV_PATH_H
#define LIAISON_PROTO_CSV_PATH_H

#include "proto/base/err.h"

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#define CSV_PATH_STEPS_MAX 12
#define CSV_PATH_ELEMENTS_MAX 16

struct csv_path {
	struct {
		const ProtobufCFieldDescriptor *field;
		size_t element; /* of a list of objects */
	} steps[CSV_PATH_STEPS_MAX];
	size_t count;
};

/* LIAISON_BAD_CONFIG: the fault says what is wrong with the path, without a place. */
enum liaison_err csv_path_parse(const ProtobufCMessageDescriptor *descriptor, const char *text, struct csv_path *path,
	struct fault *fault) LIAISON_MUST_CHECK;

bool csv_path_equal(const struct csv_path *a, const struct csv_path *b);

/* The field that the path ends at. */
const ProtobufCFieldDescriptor *csv_path_field(const struct csv_path *path);

/* Puts `value` there, in place of what stood there; takes ownership of it, in failure too. LIAISON_NO_MEMORY. */
enum liaison_err csv_path_set(const struct csv_path *path, json_t *object, json_t *value) LIAISON_MUST_CHECK;

#endif
