#include "agents/proving.h"

#include "proto/frame.h"
#include "proto/log_leaf.h"
#include "proto/scan.h"

#include <poll.h>
#include <string.h>

#define ANSWER_MS 30000
#define ASK_AGAIN_MS 500 /* a broker proves so many a second, and says so */
#define ASK_TIMES_MAX 120

void
proving_init(struct proving *proving, struct link *link, claim_failed_fn *failed, void *arg)
{
	proving->link = link;
	proving->failed = failed;
	proving->arg = arg;
	proving->proven = 0;
	proving->count = 0;
}

/* The header that the broker shows is about this alert. */
static enum liaison_err
check_header(const struct claim *claim, const ProtobufCBinaryData *bytes, struct fault *fault)
{
	enum liaison_err err = LIAISON_INCONSISTENT;

	if (scan_canonical(&liaison__alert_header__descriptor, bytes->data, bytes->len, fault) != LIAISON_OK)
		return err;
	Liaison__AlertHeader *header = liaison__alert_header__unpack(NULL, bytes->len, bytes->data);
	if (header == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (header->id == NULL || strcmp(header->id, claim->id) != 0 || header->body_hash.len != DIGEST_BYTES ||
		memcmp(header->body_hash.data, claim->body_hash.bytes, DIGEST_BYTES) != 0)
		fault_set(fault, err, "the log has another alert at its place");
	else
		err = LIAISON_OK;
	liaison__alert_header__free_unpacked(header, NULL);
	return err;
}

static enum liaison_err
check_inclusion(const struct claim *claim, const Liaison__Inclusion *inclusion, const Liaison__Checkpoint *checkpoint,
	struct fault *fault)
{
	struct digest leaf = claim->leaf, root;
	struct merkle_path path;

	if (inclusion->index != claim->index || inclusion->type != LIAISON__RECORD_TYPE__RECORD_TYPE_ALERT)
		return fault_set(fault, LIAISON_INCONSISTENT, "the log has something else at its place");
	enum liaison_err err = path_from_wire(inclusion->n_path, inclusion->path, &path, fault);
	if (err == LIAISON_OK && !claim->has_leaf) {
		err = check_header(claim, &inclusion->header, fault);
		log_leaf(RECORD_ALERT, inclusion->header.data, inclusion->header.len, &leaf);
	}
	if (err != LIAISON_OK)
		return err;
	memcpy(root.bytes, checkpoint->root.data, DIGEST_BYTES);
	if (merkle_verify_inclusion(&leaf, claim->index, checkpoint->size, path.nodes, path.len, &root) != LIAISON_OK)
		return fault_set(
			fault, LIAISON_INCONSISTENT, "the log does not hold it at its place as it was given here");
	return LIAISON_OK;
}

/* An answer or, where the broker refuses, its refusal. */
static enum liaison_err
ask(struct proving *proving, const struct claim *claims, size_t count, Liaison__Frame **answer, struct fault *fault)
{
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__ProofRequest request = LIAISON__PROOF_REQUEST__INIT;
	const Liaison__Checkpoint *held = link_checkpoint(proving->link);
	uint64_t indexes[PROVING_CHUNK];

	for (size_t i = 0; i < count; i++)
		indexes[i] = claims[i].index;
	request.has_request = 1;
	request.request = link_next_request(proving->link);
	request.has_from = held != NULL;
	request.from = held != NULL ? held->size : 0;
	request.n_indexes = count;
	request.indexes = indexes;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	frame.proof_request = &request;
	enum liaison_err err = LIAISON_RATE_LIMITED;
	struct pollfd none = {.fd = -1};
	for (int i = 0; err == LIAISON_RATE_LIMITED && i < ASK_TIMES_MAX; i++) {
		if (i > 0)
			poll(&none, 1, ASK_AGAIN_MS);
		err = link_ask(
			proving->link, &frame, request.request, LIAISON__FRAME__FRAME_PROOF, ANSWER_MS, answer, fault);
	}
	return err;
}

static void
tell(struct proving *proving, const struct claim *claim, enum liaison_err err, const struct fault *why)
{
	if (err == LIAISON_OK)
		proving->proven++;
	else
		proving->failed(proving->arg, claim, err, why->message);
}

static enum liaison_err
check_answer(struct proving *proving, const struct claim *claims, size_t count, const Liaison__Proof *proof,
	struct fault *fault)
{
	struct fault why;

	if (proof->checkpoint == NULL)
		return fault_set(fault, LIAISON_INCONSISTENT, "the broker proves without a checkpoint");
	enum liaison_err err =
		link_take_checkpoint(proving->link, proof->checkpoint, proof->n_consistency, proof->consistency, fault);
	for (size_t i = 0; err == LIAISON_OK && i < count; i++) {
		enum liaison_err one =
			i < proof->n_inclusions
				? check_inclusion(&claims[i], proof->inclusions[i], proof->checkpoint, &why)
				: fault_set(&why, LIAISON_INCONSISTENT, "the broker gave no proof for it");
		tell(proving, &claims[i], one, &why);
	}
	return err;
}

/* Asks for several; where one of them is refused, for each by itself. */
static enum liaison_err
prove(struct proving *proving, const struct claim *claims, size_t count, struct fault *fault)
{
	Liaison__Frame *answer = NULL;
	enum liaison_err err = ask(proving, claims, count, &answer, fault);

	if (err == LIAISON_OK) {
		err = check_answer(proving, claims, count, answer->proof, fault);
		frame_free(answer);
		return err;
	}
	if (!err_is_refusal(err) || err_is_for_now(err))
		return err;
	if (count == 1) {
		tell(proving, claims, err, fault);
		return LIAISON_OK;
	}
	size_t half = count / 2;
	err = prove(proving, claims, half, fault);
	return err == LIAISON_OK ? prove(proving, claims + half, count - half, fault) : err;
}

enum liaison_err
proving_add(struct proving *proving, const struct claim *claim, struct fault *fault)
{
	proving->claims[proving->count++] = *claim;
	return proving->count == PROVING_CHUNK ? proving_finish(proving, fault) : LIAISON_OK;
}

enum liaison_err
proving_finish(struct proving *proving, struct fault *fault)
{
	size_t count = proving->count;

	proving->count = 0;
	return count > 0 ? prove(proving, proving->claims, count, fault) : LIAISON_OK;
}
