#include "proto/reflect.h"

#include <assert.h>
#include <stdint.h>

size_t
reflect_value_bytes(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_ENUM: return 4;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE: return 8;
	case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE: break;
	}
	return sizeof(void *);
}

void *
reflect_member(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	return (char *)message + field->offset;
}

void
reflect_set_present(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	void *quantifier = (char *)message + field->quantifier_offset;

	assert(field->label != PROTOBUF_C_LABEL_REPEATED);
	if (reflect_is_in_oneof(field))
		*(uint32_t *)quantifier = field->id;
	else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->type != PROTOBUF_C_TYPE_STRING &&
		 field->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)quantifier = 1;
}

void
reflect_set_count(ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t count)
{
	assert(field->label == PROTOBUF_C_LABEL_REPEATED);
	*(size_t *)(void *)((char *)message + field->quantifier_offset) = count;
}

const ProtobufCFieldDescriptor *
reflect_oneof_member(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (!reflect_is_in_oneof(field))
		return NULL;
	uint32_t number = *(const uint32_t *)reflect_quantifier(message, field);
	return number == 0 ? NULL : protobuf_c_message_descriptor_get_field(message->descriptor, number);
}
