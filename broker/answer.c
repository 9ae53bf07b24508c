/*
 * What the sender of a submit hears: receipts for what is durable, refusals for what is not taken. All that one turn of the
 * loop has settled is told at its end, so that the alerts of many submits share a frame, a checkpoint and its signature.
 */
#include "broker/core.h"

#include "broker/note.h"

#include <stdlib.h>

#define RECEIPT_BYTES (64 * 1024) /* a receipt frame is sent when it holds so much */
#define RECEIPT_ROOM (RECEIPT_BYTES + 8192)

struct answer_state {
	struct session *first; /* those with jobs to be told of */
	struct buf items;      /* of the receipt being put together */
};

enum liaison_err
answer_init(struct core *core)
{
	core->answers = calloc(1, sizeof *core->answers);
	if (core->answers == NULL)
		return LIAISON_NO_MEMORY;
	buf_init(&core->answers->items, RECEIPT_ROOM);
	return LIAISON_OK;
}

void
answer_clear(struct core *core)
{
	if (core->answers == NULL)
		return;
	buf_clear(&core->answers->items);
	free(core->answers);
	core->answers = NULL;
}

/* The session that the job came from, if it is still there and still the same office's. */
struct session *
answer_session(const struct core *core, const struct admit_job *job)
{
	struct session *session = sessions_find(accept_sessions(core->accept), job->route);

	if (session == NULL || session->state != SESSION_READY || !office_id_equal(&session->office, &job->office))
		return NULL;
	return session;
}

static void
send_receipt(struct core *core, struct session *session, const uint32_t *request)
{
	Liaison__Receipt head = LIAISON__RECEIPT__INIT;
	struct buf *items = &core->answers->items;
	size_t len;

	if (items->len == 0) {
		buf_reset(items); /* an item may have found no memory */
		return;
	}
	head.checkpoint = &core->checkpoint.message;
	head.has_request = request != NULL;
	head.request = request != NULL ? *request : 0;
	uint8_t *bytes = receipt_encode(&head, items, &len);
	buf_reset(items);
	/* Without memory no receipt leaves; the sender asks again and gets the same one. */
	if (bytes == NULL || accept_send(core->accept, session, bytes, len) != LIAISON_OK)
		note(NOTE_DEBUG, "receipt-not-sent", "office=%s", session->office.text);
}

/* One frame and one checkpoint for all that the session is told now; as few more as its size needs. */
static void
send_receipts(struct core *core, struct session *session, const struct admit_job *jobs)
{
	struct buf *items = &core->answers->items;
	const uint32_t *request = jobs->next == NULL ? &jobs->request : NULL;

	for (const struct admit_job *job = jobs; job != NULL; job = job->next)
		for (size_t i = 0; i < job->count; i++) {
			const struct admit_item *item = &job->items[i];
			struct merkle_path path;
			char id[ALERT_ID_BYTES];
			if (item->err != LIAISON_OK)
				continue;
			alert_id_format(&item->id, id);
			merkle_tree_inclusion(
				index_tree(core->index), item->index, core->checkpoint.message.size, &path);
			receipt_item_encode(id, &item->admitted.body_hash, item->index, &path, item->is_again, items);
			if (items->len > RECEIPT_BYTES)
				send_receipt(core, session, request);
		}
	send_receipt(core, session, request);
}

static bool
has_refusals(const struct admit_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (job->items[i].err != LIAISON_OK)
			return true;
	return false;
}

static void
send_refusals(struct core *core, struct session *session, const struct admit_job *job)
{
	Liaison__Refusal refusal = LIAISON__REFUSAL__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	if (!has_refusals(job))
		return;
	Liaison__RefusalItem *rooms = calloc(job->count, sizeof *rooms);
	Liaison__RefusalItem **items = calloc(job->count, sizeof *items);
	char(*ids)[ALERT_ID_BYTES] = calloc(job->count, ALERT_ID_BYTES);

	for (size_t i = 0; rooms != NULL && items != NULL && ids != NULL && i < job->count; i++) {
		struct admit_item *item = &job->items[i];
		if (item->err == LIAISON_OK)
			continue;
		Liaison__RefusalItem *room = &rooms[refusal.n_items];
		liaison__refusal_item__init(room);
		room->has_leaf = room->has_code = 1;
		room->leaf = item->leaf;
		room->code = (Liaison__Code)item->err;
		room->message = item->message;
		if (item->is_parsed) {
			alert_id_format(&item->id, ids[i]);
			room->id = ids[i];
			room->has_body_hash = 1;
			room->body_hash = (ProtobufCBinaryData){DIGEST_BYTES, item->admitted.body_hash.bytes};
		}
		items[refusal.n_items++] = room;
	}
	refusal.has_request = 1;
	refusal.request = job->request;
	refusal.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_REFUSAL;
	frame.refusal = &refusal;
	if (refusal.n_items > 0 && accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "refusal-not-sent", "office=%s", session->office.text);
	free(rooms);
	free(items);
	free(ids);
}

static bool
has_malformed(const struct admit_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		if (job->items[i].err == LIAISON_MALFORMED)
			return true;
	return false;
}

static void
audit_refusals(struct core *core, const struct admit_job *job)
{
	for (size_t i = 0; i < job->count; i++) {
		const struct admit_item *item = &job->items[i];
		char id[ALERT_ID_BYTES];
		if (item->err == LIAISON_OK)
			continue;
		if (item->is_parsed)
			alert_id_format(&item->id, id);
		audit_refusal(core, job->office.text, item->err, item->is_parsed ? id : NULL,
			item->is_parsed ? &item->admitted.body_hash : NULL, item->message != NULL ? item->message : "");
	}
}

/* Every item is decided, and durable or refused. */
void
answer_put(struct core *core, struct admit_job *job)
{
	struct answer_state *state = core->answers;
	struct session *session = answer_session(core, job);

	audit_refusals(core, job);
	if (session == NULL) {
		admit_job_free(job);
		return;
	}
	session->submits_in_flight--;
	job->next = NULL;
	if (session->answered == NULL) {
		session->next_answered = state->first;
		state->first = session;
		session->answered_end = &session->answered;
	}
	*session->answered_end = job;
	session->answered_end = &job->next;
}

void
answer_flush(struct core *core)
{
	while (core->answers->first != NULL) {
		struct session *session = core->answers->first;
		struct admit_job *job = session->answered;
		core->answers->first = session->next_answered;
		session->answered = NULL;
		send_receipts(core, session, job);
		while (job != NULL) {
			struct admit_job *next = job->next;
			send_refusals(core, session, job);
			/* A batch counts once, however much of it is malformed. */
			if (has_malformed(job))
				accept_count_malformed(core->accept, session);
			admit_job_free(job);
			job = next;
		}
	}
}
