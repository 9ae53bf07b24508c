#include "proto/frame.h"

#include "proto/base/arena.h"
#include "proto/scan.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define WIRE_VARINT 0
#define WIRE_LEN 2

/* A parsed frame with all its parts: the frame itself is the first thing in `memory`. */
struct frame_room {
	struct arena arena;
	alignas(max_align_t) unsigned char memory[];
};

/* In memory a frame takes about twice its bytes, and the structs of its fields. */
static size_t
frame_room_bytes(size_t len)
{
	return 1024 + 3 * len;
}

enum liaison_err
frame_decode(const uint8_t *bytes, size_t len, Liaison__Frame **frame, struct fault *fault)
{
	enum liaison_err err = scan_frame(&liaison__frame__descriptor, bytes, len, fault);

	if (err != LIAISON_OK)
		return err;
	struct frame_room *room = malloc(sizeof *room + frame_room_bytes(len));
	if (room == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for a frame of %zu bytes", len);
	arena_init_in(&room->arena, room->memory, frame_room_bytes(len));
	/* What the scanner let pass parses; only memory can fail. */
	Liaison__Frame *parsed = liaison__frame__unpack(&room->arena.allocator, len, bytes);
	if (parsed == NULL) {
		arena_clear(&room->arena);
		free(room);
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the parts of a frame of %zu bytes", len);
	}
	assert((unsigned char *)parsed == room->memory);
	*frame = parsed;
	return LIAISON_OK;
}

void
frame_free(Liaison__Frame *frame)
{
	if (frame == NULL)
		return;
	struct frame_room *room = (struct frame_room *)(void *)((char *)frame - offsetof(struct frame_room, memory));
	arena_clear(&room->arena);
	free(room);
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

/* The writers below go into memory whose length was computed by the sizes beside them. */
static uint8_t *
write_varint(uint8_t *at, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		*at++ = (uint8_t)(value | 0x80);
	*at++ = (uint8_t)value;
	return at;
}

static uint8_t *
write_bytes(uint8_t *at, unsigned field, const void *bytes, size_t len)
{
	*at++ = (uint8_t)(field << 3 | WIRE_LEN);
	at = write_varint(at, len);
	memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *
write_number(uint8_t *at, unsigned field, uint64_t value)
{
	*at++ = (uint8_t)(field << 3 | WIRE_VARINT);
	return write_varint(at, value);
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

static size_t
bytes_size(size_t len)
{
	return 1 + varint_size(len) + len;
}

static size_t
delivery_item_inner(uint64_t index, size_t len, bool disputed)
{
	return 1 + varint_size(index) + bytes_size(len) + (disputed ? 2 : 0);
}

size_t
delivery_item_bytes(uint64_t index, size_t len, bool disputed)
{
	return bytes_size(delivery_item_inner(index, len, disputed));
}

void
delivery_item_write(uint64_t index, const uint8_t *envelope, size_t len, bool disputed, uint8_t *out)
{
	*out++ = 3 << 3 | WIRE_LEN;
	out = write_varint(out, delivery_item_inner(index, len, disputed));
	out = write_number(out, 1, index);
	out = write_bytes(out, 2, envelope, len);
	if (disputed)
		write_number(out, 4, 1);
}

/* Tag and length of the one field that a frame has; returns where it begins. */
static uint8_t *
begin_frame(uint8_t *at, Liaison__Frame__FrameCase field, size_t inner)
{
	*at++ = (uint8_t)(field << 3 | WIRE_LEN);
	return write_varint(at, inner);
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
	uint8_t *at = begin_frame(bytes, LIAISON__FRAME__FRAME_DELIVERY, inner);
	at += liaison__delivery__pack(&head, at);
	memcpy(at, items->data, items->len);
	at += items->len;
	liaison__delivery__pack(&rest, at);
	*len = total;
	return bytes;
}

/* --- receipts -------------------------------------------------------------------------------------------------------- */

void
receipt_item_encode(const char *id, const struct digest *body_hash, uint64_t index, const struct merkle_path *path,
	bool again, struct buf *out)
{
	size_t id_len = strlen(id);
	size_t inner = bytes_size(id_len) + bytes_size(DIGEST_BYTES) + 1 + varint_size(index) +
		       path->len * bytes_size(DIGEST_BYTES) + 2;
	uint8_t *at = buf_extend(out, bytes_size(inner));

	if (at == NULL)
		return;
	*at++ = 3 << 3 | WIRE_LEN;
	at = write_varint(at, inner);
	at = write_bytes(at, 1, id, id_len);
	at = write_bytes(at, 2, body_hash->bytes, DIGEST_BYTES);
	at = write_number(at, 3, index);
	for (size_t i = 0; i < path->len; i++)
		at = write_bytes(at, 4, path->nodes[i].bytes, DIGEST_BYTES);
	write_number(at, 5, again);
}

/* Request and checkpoint stand before the items. */
uint8_t *
receipt_encode(const Liaison__Receipt *head, const struct buf *items, size_t *len)
{
	assert(head->n_items == 0);
	if (buf_check(items) != LIAISON_OK)
		return NULL;
	size_t head_len = liaison__receipt__get_packed_size(head);
	size_t inner = head_len + items->len;
	uint8_t *bytes = malloc(1 + varint_size(inner) + inner);
	if (bytes == NULL)
		return NULL;
	uint8_t *at = begin_frame(bytes, LIAISON__FRAME__FRAME_RECEIPT, inner);
	at += liaison__receipt__pack(head, at);
	memcpy(at, items->data, items->len);
	*len = (size_t)(at - bytes) + items->len;
	return bytes;
}
