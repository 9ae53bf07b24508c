/* Frames that are written by hand are what protobuf-c would have written, byte for byte. */
#include "proto/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t indexes[] = {0, 1, 127, 128, 300, UINT64_C(1) << 40};
#define INDEXES (sizeof indexes / sizeof indexes[0])

static struct merkle_path
path_of(size_t len)
{
	struct merkle_path path = {.len = len};

	for (size_t i = 0; i < len; i++)
		memset(path.nodes[i].bytes, (int)(i + 1), DIGEST_BYTES);
	return path;
}

/* The receipt that protobuf-c makes of the same. */
static uint8_t *
packed_receipt(const Liaison__Receipt *head, const struct digest *hash, const struct merkle_path *path, size_t *len)
{
	Liaison__ReceiptItem rooms[INDEXES], *items[INDEXES];
	ProtobufCBinaryData nodes[MERKLE_PATH_MAX];
	Liaison__Receipt receipt = *head;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	char id[] = "kh.blo.poipet/42";

	for (size_t i = 0; i < path->len; i++)
		nodes[i] = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)path->nodes[i].bytes};
	for (size_t i = 0; i < INDEXES; i++) {
		liaison__receipt_item__init(&rooms[i]);
		rooms[i].id = id;
		rooms[i].has_body_hash = rooms[i].has_index = rooms[i].has_again = 1;
		rooms[i].body_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)hash->bytes};
		rooms[i].index = indexes[i];
		rooms[i].again = i % 2;
		rooms[i].n_path = path->len;
		rooms[i].path = nodes;
		items[i] = &rooms[i];
	}
	receipt.n_items = INDEXES;
	receipt.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_RECEIPT;
	frame.receipt = &receipt;
	return frame_encode(&frame, len);
}

static void
receipts_are_as_protobuf_writes_them(void **state)
{
	char origin[] = "kh.broker";
	Liaison__Checkpoint checkpoint = LIAISON__CHECKPOINT__INIT;
	Liaison__Receipt head = LIAISON__RECEIPT__INIT;
	const struct digest hash = {{9}};
	(void)state;

	checkpoint.origin = origin;
	checkpoint.has_size = 1;
	checkpoint.size = 1000;
	head.checkpoint = &checkpoint;
	for (size_t depth = 0; depth < 30; depth += 7) {
		struct merkle_path path = path_of(depth);
		struct buf items;
		size_t len, expected_len;
		buf_init(&items, 65536);
		for (size_t i = 0; i < INDEXES; i++)
			receipt_item_encode("kh.blo.poipet/42", &hash, indexes[i], &path, i % 2, &items);
		head.has_request = depth > 0;
		head.request = 7;
		uint8_t *bytes = receipt_encode(&head, &items, &len);
		uint8_t *expected = packed_receipt(&head, &hash, &path, &expected_len);
		assert_non_null(bytes);
		assert_non_null(expected);
		assert_int_equal(len, expected_len);
		assert_memory_equal(bytes, expected, len);
		free(bytes);
		free(expected);
		buf_clear(&items);
	}
}

static void
a_receipt_that_did_not_fit_is_not_sent(void **state)
{
	Liaison__Receipt head = LIAISON__RECEIPT__INIT;
	const struct digest hash = {{9}};
	struct merkle_path path = path_of(20);
	struct buf items;
	size_t len;
	(void)state;

	buf_init(&items, 100);
	receipt_item_encode("kh.blo.poipet/42", &hash, 1, &path, false, &items);
	assert_null(receipt_encode(&head, &items, &len));
	buf_clear(&items);
}

static void
deliveries_are_as_protobuf_writes_them(void **state)
{
	uint8_t body[300] = {1, 2, 3};
	Liaison__Envelope envelope = LIAISON__ENVELOPE__INIT;
	(void)state;

	envelope.has_body = 1;
	for (size_t i = 0; i < INDEXES; i++) {
		Liaison__DeliveryItem item = LIAISON__DELIVERY_ITEM__INIT, *items[] = {&item};
		Liaison__Delivery delivery = LIAISON__DELIVERY__INIT, tail = LIAISON__DELIVERY__INIT;
		Liaison__Frame frame = LIAISON__FRAME__INIT;
		struct buf written;
		size_t len, expected_len;
		uint8_t packed[400];
		envelope.body = (ProtobufCBinaryData){i * 60, body};
		size_t envelope_len = liaison__envelope__pack(&envelope, packed);
		tail.has_channel = tail.has_lane = 1;
		tail.channel = (uint32_t)i * 100;
		tail.lane = LIAISON__LANE__LANE_ORDINARY;
		item.has_index = 1;
		item.index = indexes[i];
		item.envelope = &envelope;
		item.has_disputed = item.disputed = i % 2;
		delivery = tail;
		delivery.n_items = 1;
		delivery.items = items;
		frame.frame_case = LIAISON__FRAME__FRAME_DELIVERY;
		frame.delivery = &delivery;
		buf_init(&written, 65536);
		uint8_t *at = buf_extend(&written, delivery_item_bytes(indexes[i], envelope_len, i % 2));
		assert_non_null(at);
		delivery_item_write(indexes[i], packed, envelope_len, i % 2, at);
		uint8_t *bytes = delivery_encode(&tail, &written, &len);
		uint8_t *expected = frame_encode(&frame, &expected_len);
		assert_int_equal(len, expected_len);
		assert_memory_equal(bytes, expected, len);
		free(bytes);
		free(expected);
		buf_clear(&written);
	}
}

static void
a_decoded_frame_holds_what_was_encoded_and_is_freed_whole(void **state)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT, *decoded;
	Liaison__Submit submit = LIAISON__SUBMIT__INIT;
	Liaison__SubmitItem rooms[300], *items[300];
	uint8_t body[1000] = {7};
	size_t len;
	(void)state;

	for (size_t i = 0; i < 300; i++) {
		liaison__submit_item__init(&rooms[i]);
		rooms[i].has_leaf = rooms[i].has_body = 1;
		rooms[i].leaf = (uint32_t)i;
		rooms[i].body = (ProtobufCBinaryData){i, body};
		items[i] = &rooms[i];
	}
	submit.n_items = 300;
	submit.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBMIT;
	frame.submit = &submit;
	uint8_t *bytes = frame_encode(&frame, &len);
	assert_non_null(bytes);
	assert_int_equal(frame_decode(bytes, len, &decoded, NULL), LIAISON_OK);
	memset(bytes, 0, len);
	assert_int_equal(decoded->submit->n_items, 300);
	for (size_t i = 0; i < 300; i++) {
		assert_int_equal(decoded->submit->items[i]->leaf, i);
		assert_int_equal(decoded->submit->items[i]->body.len, i);
		assert_true(i == 0 || decoded->submit->items[i]->body.data[0] == 7);
	}
	frame_free(decoded);
	frame_free(NULL);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receipts_are_as_protobuf_writes_them),
		cmocka_unit_test(a_receipt_that_did_not_fit_is_not_sent),
		cmocka_unit_test(deliveries_are_as_protobuf_writes_them),
		cmocka_unit_test(a_decoded_frame_holds_what_was_encoded_and_is_freed_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
