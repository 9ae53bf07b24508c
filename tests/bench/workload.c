#include "tests/bench/workload.h"

#include "proto/envelope.h"
#include "proto/log_leaf.h"
#include "proto/signature.h"
#include "tests/support/alerts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MS 20000

static void
die(const char *what, const char *detail)
{
	fprintf(stderr, "bench: %s: %s\n", what, detail);
	exit(EXIT_FAILURE);
}

struct workload *
workload_new(struct rig *rig, Liaison__Kind kind, uint64_t first, size_t frames, size_t per_frame)
{
	struct workload *workload = calloc(1, sizeof *workload);
	Liaison__Alert *alert = an_alert(kind, NULL);
	uint8_t **bodies = calloc(per_frame, sizeof *bodies);
	size_t *lens = calloc(per_frame, sizeof *lens);

	assert(workload != NULL && bodies != NULL && lens != NULL);
	workload->frames = calloc(frames, sizeof *workload->frames);
	workload->lens = calloc(frames, sizeof *workload->lens);
	assert(workload->frames != NULL && workload->lens != NULL);
	for (size_t i = 0; i < frames; i++) {
		for (size_t k = 0; k < per_frame; k++) {
			bodies[k] = rig_body(rig, alert, WORKLOAD_PUBLISHER, first + i * per_frame + k, &lens[k]);
			workload->body_bytes += lens[k];
		}
		workload->frames[i] = rig_submit_frame(rig, WORKLOAD_PUBLISHER, (uint32_t)i,
			(const uint8_t *const *)bodies, lens, per_frame, &workload->lens[i]);
		for (size_t k = 0; k < per_frame; k++)
			free(bodies[k]);
	}
	workload->frame_count = frames;
	workload->alert_count = frames * per_frame;
	free(bodies);
	free(lens);
	liaison__alert__free_unpacked(alert, NULL);
	return workload;
}

size_t
workload_envelope_bytes(const struct workload *workload)
{
	/* Body, fingerprint, numbers, signature, and their tags; the path of a batch comes on top. */
	size_t path = 0;

	for (size_t leaves = workload->alert_count / workload->frame_count; leaves > 1; leaves = (leaves + 1) / 2)
		path += 2 + DIGEST_BYTES;
	return workload->body_bytes / workload->alert_count + 3 + 2 + KEY_ID_BYTES + 4 + 2 + SIGNATURE_BYTES + path;
}

void
workload_free(struct workload *workload)
{
	if (workload == NULL)
		return;
	for (size_t i = 0; i < workload->frame_count; i++)
		free(workload->frames[i]);
	free(workload->frames);
	free(workload->lens);
	free(workload);
}

/* --- publishing ---------------------------------------------------------------------------------------------------- */

static void
check_receipt(struct rig *rig, const Liaison__Receipt *receipt)
{
	const struct secret_keys *broker = world_keys(rig->world, rig->broker);
	struct fault fault = {.message = ""};

	if (checkpoint_verify(receipt->checkpoint, WORLD_NETWORK, rig->broker, &broker->checkpoint_public, &fault) !=
		LIAISON_OK)
		die("checkpoint", fault.message);
	if (receipt->n_items == 0 || receipt->checkpoint->size <= receipt->items[receipt->n_items - 1]->index)
		die("receipt", "its checkpoint does not cover it");
}

/* How many alerts the frame answers. */
static size_t
count_answered(const Liaison__Frame *frame)
{
	if (frame->frame_case == LIAISON__FRAME__FRAME_REFUSAL)
		die("refused",
			frame->refusal->n_items > 0 ? frame->refusal->items[0]->message : frame->refusal->message);
	return frame->frame_case == LIAISON__FRAME__FRAME_RECEIPT ? frame->receipt->n_items : 0;
}

void
workload_publish(struct rig *rig, struct rig_client *publisher, const struct workload *workload, size_t window)
{
	size_t per_frame = workload->alert_count / workload->frame_count, sent = 0, answered = 0;

	while (answered < workload->alert_count) {
		while (sent < workload->frame_count && sent - answered / per_frame < window &&
			client_send(publisher->client, workload->frames[sent], workload->lens[sent]) == LIAISON_OK)
			sent++;
		bool is_sending = sent < workload->frame_count && sent - answered / per_frame < window;
		const Liaison__Frame *frame = rig_receive(publisher, is_sending ? 1 : ANSWER_MS);
		if (frame == NULL && !is_sending)
			die("publishing", "no receipt came in time");
		for (; frame != NULL; frame = rig_receive(publisher, 0)) {
			answered += count_answered(frame);
			if (answered == workload->alert_count)
				break;
		}
	}
	check_receipt(rig, publisher->frame->receipt);
}
