/*
 * Fields of a protobuf-c message by their descriptors: where a value lies and whether it is there. Nothing is allocated
 * or freed here. Whoever sets a value follows protobuf-c's ownership, so that protobuf_c_message_free_unpacked(message,
 * NULL) frees it all: strings, bytes, messages and lists from malloc.
 */
#ifndef LIAISON_PROTO_REFLECT_H
#define LIAISON_PROTO_REFLECT_H

#include <assert.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes of one value in memory: of a pointer for strings and messages. */
size_t reflect_value_bytes(ProtobufCType type);

/* The field's value, or for a list its pointer to the values. */
void *reflect_member(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

static inline const void *
reflect_quantifier(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (const char *)message + field->quantifier_offset;
}

static inline bool
reflect_is_in_oneof(const ProtobufCFieldDescriptor *field)
{
	return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/*
 * How many values the field has: the list's length, else 0 or 1. Here for the compiler to see, as is the next: admission asks
 * some hundred times an alert.
 */
static inline size_t
reflect_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)reflect_quantifier(message, field);
	if (reflect_is_in_oneof(field))
		return *(const uint32_t *)reflect_quantifier(message, field) == field->id;
	if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)(const void *)((const char *)message + field->offset) != NULL;
	if (field->label == PROTOBUF_C_LABEL_REQUIRED)
		return 1;
	return *(const protobuf_c_boolean *)reflect_quantifier(message, field) != 0;
}

/* The value at `index` < reflect_count, borrowed. */
static inline const void *
reflect_value(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t index)
{
	const void *member = (const char *)message + field->offset;

	assert(index < reflect_count(message, field));
	if (field->label != PROTOBUF_C_LABEL_REPEATED)
		return member;
	return *(const char *const *)member + index * reflect_value_bytes(field->type);
}

/* Says that a singular field's value, already written, is there; or how long a list is. */
void reflect_set_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);
void reflect_set_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count);

/* The member of the same oneof that is set, NULL if none is or `field` is in no oneof. */
const ProtobufCFieldDescriptor *reflect_oneof_member(
	const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

#endif
