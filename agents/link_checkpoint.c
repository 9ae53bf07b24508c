/* Checkpoints: whose they are, and that each continues the one before. */
#include "agents/link_internal.h"

#include "agents/evidence.h"
#include "agents/say.h"
#include "proto/frame.h"
#include "proto/signature.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PROOF_WAIT_MS 15000

Liaison__Checkpoint *
checkpoint_copy(const Liaison__Checkpoint *checkpoint)
{
	size_t len = liaison__checkpoint__get_packed_size(checkpoint);
	uint8_t *bytes = malloc(len);
	Liaison__Checkpoint *copy = NULL;

	if (bytes != NULL) {
		liaison__checkpoint__pack(checkpoint, bytes);
		copy = liaison__checkpoint__unpack(NULL, len, bytes);
	}
	free(bytes);
	return copy;
}

enum liaison_err
path_from_wire(size_t len, const ProtobufCBinaryData *nodes, struct merkle_path *out, struct fault *fault)
{
	struct merkle_path path = {.len = len};

	if (len > MERKLE_PATH_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "a Merkle path of %zu nodes cannot be", len);
	for (size_t i = 0; i < len; i++) {
		if (nodes[i].len != DIGEST_BYTES)
			return fault_set(fault, LIAISON_MALFORMED, "a node of a Merkle path has %zu bytes, not 32",
				nodes[i].len);
		memcpy(path.nodes[i].bytes, nodes[i].data, DIGEST_BYTES);
	}
	*out = path;
	return LIAISON_OK;
}

enum liaison_err
link_check_checkpoint(struct link *link, const Liaison__Checkpoint *checkpoint, struct fault *fault)
{
	const struct office *broker = trust_office(link->trust, link->id.text);
	struct public_key key;
	struct key_id id;

	if (broker == NULL)
		return fault_set(fault, LIAISON_UNKNOWN_OFFICE, "no roster here names the broker %s", link->id.text);
	if (!checkpoint->has_key || checkpoint->key.len != KEY_ID_BYTES)
		return fault_set(
			fault, LIAISON_MALFORMED, "a checkpoint of %s does not say which key signed it", link->id.text);
	memcpy(id.bytes, checkpoint->key.data, KEY_ID_BYTES);
	enum liaison_err err = office_key(broker, KEY_CHECKPOINT, &id, app_now(link->setup.app), &key, fault);
	if (err != LIAISON_OK)
		return err;
	return checkpoint_verify(checkpoint, trust_network(link->trust), link->id.text, &key, fault);
}

static void
replace_checkpoint(struct link *link, Liaison__Checkpoint *checkpoint)
{
	if (link->checkpoint != NULL)
		liaison__checkpoint__free_unpacked(link->checkpoint, NULL);
	link->checkpoint = checkpoint;
}

/* checkpoint_verify has seen that both have their fields. */
static enum liaison_err
check_continues(
	const struct link *link, const Liaison__Checkpoint *next, const struct merkle_path *path, struct fault *fault)
{
	const Liaison__Checkpoint *held = link->checkpoint;
	struct digest held_root, next_root;

	if (held->epoch.len != next->epoch.len || memcmp(held->epoch.data, next->epoch.data, held->epoch.len) != 0)
		return fault_set(fault, LIAISON_INCONSISTENT,
			"the broker %s has begun another log than the one that this home holds a checkpoint of (size "
			"%" PRIu64 "), and this version cannot check that its authority agreed; tell its operator and "
			"keep this message",
			link->id.text, held->size);
	if (next->size < held->size)
		return fault_set(fault, LIAISON_INCONSISTENT,
			"the log of %s was rolled back: it had %" PRIu64 " records, now it shows %" PRIu64
			"; tell its operator and keep this message",
			link->id.text, held->size, next->size);
	memcpy(held_root.bytes, held->root.data, DIGEST_BYTES);
	memcpy(next_root.bytes, next->root.data, DIGEST_BYTES);
	if (merkle_verify_consistency(held->size, &held_root, next->size, &next_root, path->nodes, path->len) !=
		LIAISON_OK)
		return fault_set(fault, LIAISON_INCONSISTENT,
			"the log of %s at size %" PRIu64 " does not continue the one that was seen at size %" PRIu64
			": it was rewritten or forked; tell its operator and keep this message",
			link->id.text, next->size, held->size);
	return LIAISON_OK;
}

/* The two checkpoints, both signed, are what a third party can check. */
static void
keep_evidence(const struct link *link, const Liaison__Checkpoint *next)
{
	const struct app *app = link->setup.app;
	char *path = NULL;
	struct fault why;

	if (evidence_keep_fork(link->setup.home->path, link->checkpoint, next, &path, &why) == LIAISON_OK)
		say_error(app, "ALARM: the log of %s does not hold together; both checkpoints are kept in %s",
			link->id.text, path);
	else
		say_error(app, "ALARM: the log of %s does not hold together, and the evidence could not be kept: %s",
			link->id.text, why.message);
	free(path);
}

enum liaison_err
link_take_checkpoint(struct link *link, const Liaison__Checkpoint *checkpoint, size_t path_len,
	const ProtobufCBinaryData *nodes, struct fault *fault)
{
	struct merkle_path path;

	enum liaison_err err = link_check_checkpoint(link, checkpoint, fault);
	if (err == LIAISON_OK)
		err = path_from_wire(path_len, nodes, &path, fault);
	if (err == LIAISON_OK && link->checkpoint != NULL)
		err = check_continues(link, checkpoint, &path, fault);
	if (err == LIAISON_INCONSISTENT)
		keep_evidence(link, checkpoint);
	if (err != LIAISON_OK)
		return err;
	Liaison__Checkpoint *copy = checkpoint_copy(checkpoint);
	if (copy == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	replace_checkpoint(link, copy);
	return LIAISON_OK;
}

/* The consistency of two sizes of this broker's log; the caller frees the answer. */
static enum liaison_err
ask_proof(struct link *link, uint64_t from, uint64_t to, Liaison__Frame **answer, struct fault *fault)
{
	Liaison__Frame question = LIAISON__FRAME__INIT;
	Liaison__ProofRequest request = LIAISON__PROOF_REQUEST__INIT;

	request.has_request = request.has_from = request.has_size = 1;
	request.request = link_next_request(link);
	request.from = from;
	request.size = to;
	question.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	question.proof_request = &request;
	return link_ask(link, &question, request.request, LIAISON__FRAME__FRAME_PROOF, PROOF_WAIT_MS, answer, fault);
}

/* A checkpoint older than the one held: the held one must continue it. Nothing is replaced. */
static enum liaison_err
prove_older(struct link *link, const Liaison__Checkpoint *checkpoint, struct fault *fault)
{
	Liaison__Frame *answer = NULL;
	Liaison__Checkpoint *held = link->checkpoint;
	Liaison__Checkpoint *older = checkpoint_copy(checkpoint);
	struct merkle_path path;

	if (older == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = ask_proof(link, older->size, held->size, &answer, fault);
	if (err == LIAISON_OK)
		err = path_from_wire(answer->proof->n_consistency, answer->proof->consistency, &path, fault);
	if (err == LIAISON_OK) {
		link->checkpoint = older;
		err = check_continues(link, held, &path, fault);
		link->checkpoint = held;
	}
	frame_free(answer);
	liaison__checkpoint__free_unpacked(older, NULL);
	return err;
}

enum liaison_err
link_prove_checkpoint(struct link *link, const Liaison__Checkpoint *checkpoint, struct fault *fault)
{
	Liaison__Frame *answer = NULL;
	const Liaison__Checkpoint *held = link->checkpoint;

	enum liaison_err err = link_check_checkpoint(link, checkpoint, fault);
	if (err != LIAISON_OK)
		return err;
	if (held == NULL || held->size == 0 || held->size == checkpoint->size || checkpoint->size == 0)
		return link_take_checkpoint(link, checkpoint, 0, NULL, fault);
	if (checkpoint->size < held->size)
		return prove_older(link, checkpoint, fault);
	err = ask_proof(link, held->size, checkpoint->size, &answer, fault);
	if (err != LIAISON_OK)
		return err;
	err = link_take_checkpoint(link, checkpoint, answer->proof->n_consistency, answer->proof->consistency, fault);
	frame_free(answer);
	return err;
}

const Liaison__Checkpoint *
link_checkpoint(const struct link *link)
{
	return link->checkpoint;
}

enum liaison_err
link_keep_checkpoint(struct link *link, struct fault *fault)
{
	return link->checkpoint == NULL ? LIAISON_OK : post_keep_checkpoint(link->setup.post, link->checkpoint, fault);
}
