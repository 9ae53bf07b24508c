/*
 * Random messages of any schema, by reflection: every one of them is valid (known enum values, valid UTF-8, finite
 * numbers, instants that RFC 3339 can write, 64-bit integers below 2^53, one member of a oneof at most), and small
 * enough for BODY_BYTES_MAX. The same seed gives the same message.
 */
#ifndef LIAISON_TESTS_SUPPORT_RANDOM_MESSAGE_H
#define LIAISON_TESTS_SUPPORT_RANDOM_MESSAGE_H

#include "proto/base/rand.h"

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

/* A selection of what is signed or stored, ended by NULL. */
extern const ProtobufCMessageDescriptor *const random_schemas[];

/* Free with protobuf_c_message_free_unpacked(message, NULL). */
ProtobufCMessage *random_message(const struct rng *rng, const ProtobufCMessageDescriptor *descriptor);

/* The message's packed bytes; free() them. */
uint8_t *message_bytes(const ProtobufCMessage *message, size_t *len);

#endif
