/* Batches of the outbox as submit frames. */
#include "agents/dispatch_internal.h"

#include "proto/frame.h"
#include "proto/scan.h"

#include <stdlib.h>
#include <string.h>

#define SUBMIT_BYTES_MAX (FRAME_BYTES_MAX - 4096)
#define ITEM_OVERHEAD_BYTES 32

void
flight_clear(struct flight *flight)
{
	outbox_batch_clear(&flight->batch);
	free(flight->is_open);
	*flight = (struct flight){0};
}

/* What one submit is put together in. */
struct submit_parts {
	Liaison__SubmitItem items[BATCH_LEAVES_MAX];
	Liaison__SubmitItem *list[BATCH_LEAVES_MAX];
	struct merkle_tree *tree; /* of the batch, where its leaves need paths; owned */
	struct merkle_path paths[BATCH_LEAVES_MAX];
	ProtobufCBinaryData nodes[BATCH_LEAVES_MAX][BATCH_PATH_MAX];
};

static void
fill_item(struct submit_parts *parts, size_t at, const struct outbox_batch *batch, const struct outbox_item *item)
{
	Liaison__SubmitItem *out = &parts->items[at];
	uint32_t leaf = (uint32_t)(item->sequence - batch->first);

	liaison__submit_item__init(out);
	out->has_leaf = out->has_body = 1;
	out->leaf = leaf;
	out->body = (ProtobufCBinaryData){item->body_len, item->body};
	parts->list[at] = out;
	if (parts->tree == NULL)
		return;
	struct merkle_path *path = &parts->paths[at];
	merkle_tree_inclusion(parts->tree, leaf, batch->leaf_count, path);
	for (size_t i = 0; i < path->len; i++)
		parts->nodes[at][i] = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)path->nodes[i].bytes};
	out->n_path = path->len;
	out->path = parts->nodes[at];
}

static enum liaison_err
send_items(
	struct dispatch *dispatch, struct flight *flight, struct submit_parts *parts, size_t count, struct fault *fault)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Submit submit = LIAISON__SUBMIT__INIT;
	struct outbox_batch *batch = &flight->batch;

	submit.has_request = submit.has_key = submit.has_leaf_count = submit.has_signature = 1;
	submit.request = link_next_request(dispatch->link);
	submit.key = (ProtobufCBinaryData){KEY_ID_BYTES, batch->key.bytes};
	submit.leaf_count = batch->leaf_count;
	submit.signature = (ProtobufCBinaryData){SIGNATURE_BYTES, batch->signature};
	submit.n_items = count;
	submit.items = parts->list;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBMIT;
	frame.submit = &submit;
	if (flight->first_request == 0)
		flight->first_request = submit.request;
	flight->last_request = submit.request;
	return link_send(dispatch->link, &frame, fault);
}

/* All leaves of a batch that does not fit one frame need paths then. */
static enum liaison_err
need_leaves(struct outbox_batch *batch, struct fault *fault)
{
	size_t bytes = 0;

	for (size_t i = 0; i < batch->count; i++)
		bytes += batch->items[i].body_len + ITEM_OVERHEAD_BYTES;
	if (batch->leaves != NULL || bytes <= SUBMIT_BYTES_MAX)
		return LIAISON_OK;
	batch->leaves = calloc(batch->leaf_count, sizeof *batch->leaves);
	if (batch->leaves == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < batch->count; i++)
		batch->leaves[i] = batch->items[i].body_hash;
	return LIAISON_OK;
}

/* One tree for all paths: a path by itself costs as many hashes as the batch has leaves. */
static enum liaison_err
plant_tree(const struct outbox_batch *batch, struct merkle_tree **out, struct fault *fault)
{
	struct merkle_tree *tree = merkle_tree_new();
	enum liaison_err err = tree != NULL ? LIAISON_OK : LIAISON_NO_MEMORY;

	for (uint32_t i = 0; i < batch->leaf_count && err == LIAISON_OK; i++)
		err = merkle_tree_append(tree, &batch->leaves[i]);
	if (err != LIAISON_OK) {
		merkle_tree_free(tree);
		return fault_set(fault, err, "out of memory");
	}
	*out = tree;
	return LIAISON_OK;
}

static enum liaison_err
send_flight(struct dispatch *dispatch, struct flight *flight, struct fault *fault)
{
	struct outbox_batch *batch = &flight->batch;
	struct submit_parts *parts = calloc(1, sizeof *parts);
	size_t at = 0, bytes = 0;

	if (parts == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = need_leaves(batch, fault);
	if (err == LIAISON_OK && batch->leaves != NULL)
		err = plant_tree(batch, &parts->tree, fault);
	for (size_t i = 0; err == LIAISON_OK && i < batch->count; i++) {
		fill_item(parts, at, batch, &batch->items[i]);
		size_t size =
			batch->items[i].body_len + ITEM_OVERHEAD_BYTES + parts->items[at].n_path * (DIGEST_BYTES + 2);
		if (at > 0 && bytes + size > SUBMIT_BYTES_MAX) {
			err = send_items(dispatch, flight, parts, at, fault);
			at = bytes = 0;
			fill_item(parts, at, batch, &batch->items[i]);
		}
		at++;
		bytes += size;
	}
	if (err == LIAISON_OK)
		err = send_items(dispatch, flight, parts, at, fault);
	merkle_tree_free(parts->tree);
	free(parts);
	return err;
}

enum liaison_err
dispatch_send_next(struct dispatch *dispatch, bool *is_sent, struct fault *fault)
{
	struct flight flight = {0};

	*is_sent = false;
	enum liaison_err err = outbox_next_batch(dispatch->agent->post, dispatch->after, &flight.batch, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
	dispatch->after = flight.batch.first + flight.batch.leaf_count - 1;
	flight.open = flight.batch.count;
	flight.is_open = malloc(flight.open);
	if (flight.is_open == NULL) {
		flight_clear(&flight);
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	memset(flight.is_open, true, flight.open);
	dispatch->flights[dispatch->count++] = flight;
	*is_sent = true;
	return send_flight(dispatch, &dispatch->flights[dispatch->count - 1], fault);
}
