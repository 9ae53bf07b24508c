/* Whatever bytes the scanner takes for canonical, protobuf-c unpacks, and packs to the same bytes. */
#include "proto/alert.pb-c.h"
#include "proto/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const ProtobufCMessageDescriptor *alert = &liaison__alert__descriptor;
	struct fault fault;

	if (scan_canonical(alert, bytes, len, &fault) != LIAISON_OK)
		return 0;
	ProtobufCMessage *message = protobuf_c_message_unpack(alert, NULL, len, bytes);
	assert(message != NULL);
	assert(protobuf_c_message_get_packed_size(message) == len);
	uint8_t *again = malloc(len + 1);
	assert(again != NULL);
	protobuf_c_message_pack(message, again);
	assert(len == 0 || memcmp(again, bytes, len) == 0);
	free(again);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
