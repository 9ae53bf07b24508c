/*
 * The strict scanner of canonical bytes, and the bounded one for frames. Both run before protobuf-c sees a byte.
 *
 * protobuf-c by itself takes bad UTF-8, cuts strings at NUL, merges duplicate fields, ignores what it does not know, and
 * recurses as deep as the input says. After scan_canonical() none of that is left in what it is given, and there is
 * exactly one byte string for each body: no two parsers can read it differently. Driven by the protobuf-c descriptor,
 * without recursion on the C stack beyond SCAN_DEPTH_MAX.
 */
#ifndef LIAISON_PROTO_SCAN_H
#define LIAISON_PROTO_SCAN_H

#include "proto/base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

#define SCAN_DEPTH_MAX 8
#define SCAN_FIELDS_MAX 4096
#define BODY_BYTES_MAX (64 * 1024)
#define DOCUMENT_FIELDS_MAX 262144
#define FRAME_BYTES_MAX (1024 * 1024)
#define FRAME_FIELDS_MAX 65536

/*
 * Canonical form (proto/README.md, "Canonical bytes"): fields in ascending order; no singular field twice, at most one
 * member of a oneof; shortest varints; int32 and enums sign-extended; bool 0 or 1; known enum values only
 * (LIAISON_BAD_CODE); strings valid UTF-8 without NUL; no unknown field; packed where declared and nowhere else, never an
 * empty packed field; no group; depth <= SCAN_DEPTH_MAX, <= SCAN_FIELDS_MAX fields in all (each packed element counts),
 * <= BODY_BYTES_MAX (LIAISON_TOO_LARGE); doubles finite. Otherwise LIAISON_MALFORMED. The fault names field and byte.
 */
enum liaison_err scan_canonical(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len,
	struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The same canonical form for the signed documents of trust, which may be larger than an alert: <= DOCUMENT_FIELDS_MAX
 * fields; the caller has checked that `len` is within that document's limit.
 */
enum liaison_err scan_document(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len,
	struct fault *fault) LIAISON_MUST_CHECK;

/*
 * What a frame must be: <= FRAME_BYTES_MAX, well-formed, within depth and FRAME_FIELDS_MAX, no group, strings valid UTF-8
 * without NUL, no singular field twice. Unknown fields are let pass (a later version's), at any depth.
 * `bytes` fields that hold bodies are not looked into.
 */
enum liaison_err scan_frame(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len,
	struct fault *fault) LIAISON_MUST_CHECK;

#endif
