/* Whatever bytes pass as a frame are safe to unpack, and have what the scanner promises of texts. */
#include "proto/frame.pb-c.h"
#include "proto/scan.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const ProtobufCMessageDescriptor *frame = &liaison__frame__descriptor;
	struct fault fault;

	if (scan_frame(frame, bytes, len, &fault) != LIAISON_OK)
		return 0;
	ProtobufCMessage *message = protobuf_c_message_unpack(frame, NULL, len, bytes);
	assert(message != NULL);
	protobuf_c_message_free_unpacked(message, NULL);
	return 0;
}
