/*
 * Codes on the command line: `--kind ROUTE,VEHICLE`, with the nearest valid name for a wrong one; and back to text.
 */
#ifndef LIAISON_AGENTS_CODES_ARG_H
#define LIAISON_AGENTS_CODES_ARG_H

#include "proto/base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

#define CODES_TEXT_BYTES 512

/* One name, any case. LIAISON_BAD_USAGE: "there is no kind `ROUT`; did you mean ROUTE?", with all names if none is near. */
enum liaison_err code_parse(const ProtobufCEnumDescriptor *codes, const char *what, const char *name, int *value,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Names with commas between them into bits (1 << value); "all" and "none" are lists, too. */
enum liaison_err code_list_parse(const ProtobufCEnumDescriptor *codes, const char *what, const char *list,
	uint32_t *bits, struct fault *fault) LIAISON_MUST_CHECK;

/* "ROUTE, VEHICLE", "all" or "none" into `out`, which is returned. */
const char *code_list_text(const ProtobufCEnumDescriptor *codes, uint32_t bits, char out[CODES_TEXT_BYTES]);

/* The name, or "?" for a number that is none. */
const char *code_text(const ProtobufCEnumDescriptor *codes, int value);

#endif
