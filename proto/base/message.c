#include "proto/base/message.h"

#include <stdlib.h>
#include <string.h>

ProtobufCMessage *
message_new(const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *message = malloc(descriptor->sizeof_message);

	if (message != NULL)
		protobuf_c_message_init(descriptor, message);
	return message;
}

ProtobufCMessage *
message_copy(const ProtobufCMessage *message)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(len + 1);

	if (bytes == NULL)
		return NULL;
	protobuf_c_message_pack(message, bytes);
	ProtobufCMessage *copy = protobuf_c_message_unpack(message->descriptor, NULL, len, bytes);
	free(bytes);
	return copy;
}

void
message_free(ProtobufCMessage *message)
{
	if (message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
}

void
message_pack(const ProtobufCMessage *message, struct buf *out)
{
	size_t len = protobuf_c_message_get_packed_size(message);
	uint8_t *at = buf_extend(out, len);

	if (at != NULL && len > 0)
		protobuf_c_message_pack(message, at);
}

enum liaison_err
message_set_text(char **field, const char *text)
{
	char *copy = NULL;

	if (text != NULL && (copy = strdup(text)) == NULL)
		return LIAISON_NO_MEMORY;
	free(*field);
	*field = copy;
	return LIAISON_OK;
}

enum liaison_err
message_set_bytes(ProtobufCBinaryData *field, protobuf_c_boolean *has, const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);

	if (copy == NULL)
		return LIAISON_NO_MEMORY;
	if (len > 0)
		memcpy(copy, bytes, len);
	free(field->data);
	*field = (ProtobufCBinaryData){.len = len, .data = copy};
	*has = 1;
	return LIAISON_OK;
}

void *
message_grow(void *array, size_t count, size_t size)
{
	unsigned char *elements;

	/* The field's own pointer type is not known here: its bytes are copied, so that no type is punned. */
	memcpy(&elements, array, sizeof elements);
	elements = realloc(elements, (count + 1) * size);
	if (elements == NULL)
		return NULL;
	memcpy(array, &elements, sizeof elements);
	return elements + count * size;
}

enum liaison_err
message_add_text(char ***array, size_t *count, const char *text)
{
	char *copy = strdup(text);
	char **slot = message_grow(array, *count, sizeof *slot);

	if (copy == NULL || slot == NULL) {
		free(copy);
		return LIAISON_NO_MEMORY;
	}
	*slot = copy;
	(*count)++;
	return LIAISON_OK;
}

enum liaison_err
message_add_bytes(ProtobufCBinaryData **array, size_t *count, const void *bytes, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	ProtobufCBinaryData *slot = message_grow(array, *count, sizeof *slot);

	if (copy == NULL || slot == NULL) {
		free(copy);
		return LIAISON_NO_MEMORY;
	}
	memcpy(copy, bytes, len);
	*slot = (ProtobufCBinaryData){.len = len, .data = copy};
	(*count)++;
	return LIAISON_OK;
}

enum liaison_err
message_add(void *array, size_t *count, ProtobufCMessage *message)
{
	void *slot;

	if (message == NULL)
		return LIAISON_NO_MEMORY;
	slot = message_grow(array, *count, sizeof message);
	if (slot == NULL) {
		message_free(message);
		return LIAISON_NO_MEMORY;
	}
	memcpy(slot, &message, sizeof message);
	(*count)++;
	return LIAISON_OK;
}

void
message_clear_texts(char ***array, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free((*array)[i]);
	free(*array);
	*array = NULL;
	*count = 0;
}

void
message_clear_bytes(ProtobufCBinaryData **array, size_t *count)
{
	for (size_t i = 0; i < *count; i++)
		free((*array)[i].data);
	free(*array);
	*array = NULL;
	*count = 0;
}
