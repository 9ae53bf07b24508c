/*
 * Frames of the wire (frame.proto) as bytes and back: scanned before protobuf-c sees them, and deliveries put together
 * from bytes that are made once and copied into each reader's frame.
 */
#ifndef LIAISON_PROTO_FRAME_H
#define LIAISON_PROTO_FRAME_H

#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/merkle.h"

#include "proto/frame.pb-c.h"

#define PROTOCOL_VERSION 1

/*
 * LIAISON_MALFORMED, LIAISON_TOO_LARGE or LIAISON_NO_MEMORY. A frame of a kind not known here has frame_case NOT_SET. The
 * frame and all its parts are one piece of memory: none of them is freed or replaced by itself.
 */
enum liaison_err frame_decode(
	const uint8_t *bytes, size_t len, Liaison__Frame **frame, struct fault *fault) LIAISON_MUST_CHECK;
void frame_free(Liaison__Frame *frame); /* one from frame_decode; takes NULL */

/* Which frame it will be, from the first bytes alone; NOT_SET if they tell none. Nothing is checked. */
Liaison__Frame__FrameCase frame_peek(const uint8_t *bytes, size_t len);

/* The encoded frame, from malloc, for the caller to free or hand to server_send; NULL without memory. */
uint8_t *frame_encode(const Liaison__Frame *frame, size_t *len);

/* --- deliveries --------------------------------------------------------------------------------------------------- */

/* One item (field 3 of Delivery) around an encoded Liaison__Envelope of `len` bytes: its size, and its bytes. */
size_t delivery_item_bytes(uint64_t index, size_t len, bool disputed);
void delivery_item_write(uint64_t index, const uint8_t *envelope, size_t len, bool disputed, uint8_t *out);

/*
 * A whole delivery frame: `items` are what delivery_item_write() wrote, one after the other; `tail` (may have no
 * fields) gives channel, lane, checkpoint and consistency. From malloc; NULL without memory.
 */
uint8_t *delivery_encode(const Liaison__Delivery *tail, const struct buf *items, size_t *len);

/* --- receipts ----------------------------------------------------------------------------------------------------- */

/* Appends one item (field 3 of Receipt); check with buf_check. */
void receipt_item_encode(const char *id, const struct digest *body_hash, uint64_t index, const struct merkle_path *path,
	bool again, struct buf *out);

/* A whole receipt frame: `items` are what receipt_item_encode() appended, `head` has the rest. From malloc, or NULL. */
uint8_t *receipt_encode(const Liaison__Receipt *head, const struct buf *items, size_t *len);

#endif
