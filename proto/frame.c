#include "proto/frame.h"

#include "proto/scan.h"

#include <stdlib.h>
#include <string.h>

#define WIRE_VARINT 0
#define WIRE_LEN 2

enum liaison_err
frame_decode(const uint8_t *bytes, size_t len, Liaison__Frame **frame, struct fault *fault)
{
	enum liaison_err err = scan_frame(&liaison__frame__descriptor, bytes, len, fault);

	if (err != LIAISON_OK)
		return err;
	Liaison__Frame *parsed = liaison__frame__unpack(NULL, len, bytes);
	if (parsed == NULL)
		return fault_set(fault, LIAISON_MALFORMED, "the frame does not parse");
	*frame = parsed;
	return LIAISON_OK;
}

void
frame_free(Liaison__Frame *frame)
{
	if (frame != NULL)
		liaison__frame__free_unpacked(frame, NULL);
}

Liaison__Frame__FrameCase
frame_peek(const uint8_t *bytes, size_t len)
{
	unsigned tag;

	if (len == 0)
		return LIAISON__FRAME__FRAME__NOT_SET;
	if (bytes[0] < 0x80)
		tag = bytes[0];
	else if (len > 1 && bytes[1] < 0x80)
		tag = (unsigned)(bytes[0] & 0x7f) | (unsigned)bytes[1] << 7;
	else
		return LIAISON__FRAME__FRAME__NOT_SET;
	if ((tag & 7) != WIRE_LEN || tag >> 3 > LIAISON__FRAME__FRAME_GOODBYE)
		return LIAISON__FRAME__FRAME__NOT_SET;
	return (Liaison__Frame__FrameCase)(tag >> 3);
}

uint8_t *
frame_encode(const Liaison__Frame *frame, size_t *len)
{
	size_t size = liaison__frame__get_packed_size(frame);
	uint8_t *bytes = malloc(size > 0 ? size : 1);

	if (bytes != NULL)
		*len = liaison__frame__pack(frame, bytes);
	return bytes;
}

static void
put_varint(struct buf *out, uint64_t value)
{
	uint8_t bytes[10];
	size_t len = 0;

	while (value >= 0x80) {
		bytes[len++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	bytes[len++] = (uint8_t)value;
	buf_put(out, bytes, len);
}

static size_t
varint_size(uint64_t value)
{
	size_t size = 1;

	while (value >= 0x80) {
		value >>= 7;
		size++;
	}
	return size;
}

void
delivery_item_encode(uint64_t index, const uint8_t *envelope, size_t len, bool disputed, struct buf *out)
{
	size_t inner = 1 + varint_size(index) + 1 + varint_size(len) + len + (disputed ? 2 : 0);

	put_varint(out, 3 << 3 | WIRE_LEN);
	put_varint(out, inner);
	put_varint(out, 1 << 3 | WIRE_VARINT);
	put_varint(out, index);
	put_varint(out, 2 << 3 | WIRE_LEN);
	put_varint(out, len);
	buf_put(out, envelope, len);
	if (disputed) {
		put_varint(out, 4 << 3 | WIRE_VARINT);
		put_varint(out, 1);
	}
}

/* Channel and lane come before the items, checkpoint and consistency after: fields stay in ascending order. */
uint8_t *
delivery_encode(const Liaison__Delivery *tail, const struct buf *items, size_t *len)
{
	Liaison__Delivery head = LIAISON__DELIVERY__INIT;
	Liaison__Delivery rest = *tail;

	head.has_channel = tail->has_channel;
	head.channel = tail->channel;
	head.has_lane = tail->has_lane;
	head.lane = tail->lane;
	rest.has_channel = rest.has_lane = 0;
	rest.n_items = 0;
	size_t head_len = liaison__delivery__get_packed_size(&head);
	size_t rest_len = liaison__delivery__get_packed_size(&rest);
	size_t inner = head_len + items->len + rest_len;
	size_t total = 1 + varint_size(inner) + inner;
	uint8_t *bytes = malloc(total);
	if (bytes == NULL)
		return NULL;
	uint8_t *at = bytes;
	*at++ = LIAISON__FRAME__FRAME_DELIVERY << 3 | WIRE_LEN;
	for (uint64_t value = inner;; value >>= 7) {
		*at++ = (uint8_t)(value >= 0x80 ? value | 0x80 : value);
		if (value < 0x80)
			break;
	}
	at += liaison__delivery__pack(&head, at);
	memcpy(at, items->data, items->len);
	at += items->len;
	liaison__delivery__pack(&rest, at);
	*len = total;
	return bytes;
}
