/*
 * Frames of the wire (frame.proto) as bytes and back: scanned before protobuf-c sees them, and deliveries put together
 * from bytes that are made once and copied into each reader's frame.
 */
#ifndef LIAISON_PROTO_FRAME_H
#define LIAISON_PROTO_FRAME_H

#include "proto/base/buf.h"
#include "proto/base/err.h"

#include "proto/frame.pb-c.h"

#define PROTOCOL_VERSION 1

/* LIAISON_MALFORMED, LIAISON_TOO_LARGE or LIAISON_NO_MEMORY. A frame of a kind not known here has frame_case NOT_SET. */
enum liaison_err frame_decode(
	const uint8_t *bytes, size_t len, Liaison__Frame **frame, struct fault *fault) LIAISON_MUST_CHECK;
void frame_free(Liaison__Frame *frame); /* takes NULL */

/* Which frame it will be, from the first bytes alone; NOT_SET if they tell none. Nothing is checked. */
Liaison__Frame__FrameCase frame_peek(const uint8_t *bytes, size_t len);

/* The encoded frame, from malloc, for the caller to free or hand to server_send; NULL without memory. */
uint8_t *frame_encode(const Liaison__Frame *frame, size_t *len);

/* --- deliveries --------------------------------------------------------------------------------------------------- */

/* Appends one item (field 3 of Delivery) around an encoded Liaison__Envelope; check with buf_check. */
void delivery_item_encode(uint64_t index, const uint8_t *envelope, size_t len, bool disputed, struct buf *out);

/*
 * A whole delivery frame: `items` are what delivery_item_encode() appended, any number of times; `tail` (may have no
 * fields) gives channel, lane, checkpoint and consistency. From malloc; NULL without memory.
 */
uint8_t *delivery_encode(const Liaison__Delivery *tail, const struct buf *items, size_t *len);

#endif
