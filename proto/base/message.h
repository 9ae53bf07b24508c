/*
 * Building protobuf-c messages in memory that protobuf_c_message_free_unpacked(message, NULL) frees whole: every string,
 * byte field and array here comes from malloc. For whoever makes documents; what only reads needs none of this.
 */
#ifndef LIAISON_PROTO_BASE_MESSAGE_H
#define LIAISON_PROTO_BASE_MESSAGE_H

#include "proto/base/buf.h"
#include "proto/base/err.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* A new, empty message; NULL without memory. */
ProtobufCMessage *message_new(const ProtobufCMessageDescriptor *descriptor);
/* A deep copy; NULL without memory. Unknown fields are copied too. */
ProtobufCMessage *message_copy(const ProtobufCMessage *message);
void message_free(ProtobufCMessage *message); /* takes NULL */

/* Appends the encoding; check with buf_check. Canonical for messages without unknown fields and with valid UTF-8. */
void message_pack(const ProtobufCMessage *message, struct buf *out);

/* Each replaces what was there, and leaves it as it was on LIAISON_NO_MEMORY. `text` NULL clears the field. */
enum liaison_err message_set_text(char **field, const char *text) LIAISON_MUST_CHECK;
enum liaison_err message_set_bytes(
	ProtobufCBinaryData *field, protobuf_c_boolean *has, const void *bytes, size_t len) LIAISON_MUST_CHECK;

/*
 * Makes room for one more element of a repeated field whose elements take `size` bytes and returns where it goes; the
 * caller stores it there and counts it. NULL without memory. `array` is the address of the field's pointer.
 */
void *message_grow(void *array, size_t count, size_t size);

/* Appends a copy of `text` to a repeated string, or of 32 bytes and the like to a repeated bytes field. */
enum liaison_err message_add_text(char ***array, size_t *count, const char *text) LIAISON_MUST_CHECK;
enum liaison_err message_add_bytes(
	ProtobufCBinaryData **array, size_t *count, const void *bytes, size_t len) LIAISON_MUST_CHECK;
/* Appends `message` to a repeated message field, which then owns it; frees it on failure. NULL is LIAISON_NO_MEMORY. */
enum liaison_err message_add(void *array, size_t *count, ProtobufCMessage *message) LIAISON_MUST_CHECK;

void message_clear_texts(char ***array, size_t *count);
void message_clear_bytes(ProtobufCBinaryData **array, size_t *count);

#endif
