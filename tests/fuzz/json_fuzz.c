/* Whatever text is taken for an alert gives canonical bytes, and is written as a text that gives the same bytes. */
#include "proto/alert.pb-c.h"
#include "proto/json.h"
#include "proto/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static uint8_t *
packed(const ProtobufCMessage *message, size_t *len)
{
	*len = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = malloc(*len + 1);
	assert(bytes != NULL);
	protobuf_c_message_pack(message, bytes);
	return bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const ProtobufCMessageDescriptor *alert = &liaison__alert__descriptor;
	ProtobufCMessage *message, *again;
	struct fault fault;
	struct buf json;
	size_t body_len, again_len;

	if (len > 8192 || json_to_message(alert, (const char *)bytes, len, 1, &message, &fault) != LIAISON_OK)
		return 0;
	uint8_t *body = packed(message, &body_len);
	assert(scan_canonical(alert, body, body_len, &fault) == LIAISON_OK);
	buf_init(&json, 1 << 20);
	json_from_message(message, &json);
	assert(buf_check(&json) == LIAISON_OK);
	assert(json_to_message(alert, (const char *)json.data, json.len, 1, &again, &fault) == LIAISON_OK);
	uint8_t *again_body = packed(again, &again_len);
	assert(again_len == body_len && memcmp(body, again_body, body_len) == 0);
	free(again_body);
	free(body);
	buf_clear(&json);
	protobuf_c_message_free_unpacked(again, NULL);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
