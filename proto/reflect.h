/*
 * Fields of a protobuf-c message by their descriptors: where a value lies and whether it is there. Nothing is allocated
 * or freed here. Whoever sets a value follows protobuf-c's ownership, so that protobuf_c_message_free_unpacked(message,
 * NULL) frees it all: strings, bytes, messages and lists from malloc.
 */
#ifndef LIAISON_PROTO_REFLECT_H
#define LIAISON_PROTO_REFLECT_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of one value in memory: of a pointer for strings and messages. */
size_t reflect_value_bytes(ProtobufCType type);

/* The field's value, or for a list its pointer to the values. */
void *reflect_member(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* How many values the field has: the list's length, else 0 or 1. */
size_t reflect_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* The value at `index` < reflect_count, borrowed. */
const void *reflect_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t index);

/* Says that a singular field's value, already written, is there; or how long a list is. */
void reflect_set_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
void reflect_set_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count);

/* The member of the same oneof that is set, NULL if none is or `field` is in no oneof. */
const ProtobufCFieldDescriptor *reflect_oneof_member(
	const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

#endif
