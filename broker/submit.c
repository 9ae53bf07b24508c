/*
 * From a submit frame to the log, and back with a receipt. A job goes to a worker, comes back judged as far as can be done
 * without an index, is judged here against the index and against what is on its way to the log, and each alert that may
 * enter becomes one record. When the last record of a job is durable, it is answered (answer.c).
 *
 * An id is `pending` from the moment its record is handed to the writer until it comes back: the same body again waits
 * for the same record, another body is equivocation as if the first were durable.
 */
#include "broker/core.h"

#include "broker/evidence.h"
#include "broker/note.h"
#include "broker/pending.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TAKE_MAX 4096

struct submit_state {
	struct pending_table pending;     /* handed to the writer and not yet back */
	struct admit_job *held;           /* the workers have no room for it; no message is taken meanwhile */
	struct admit_job *stalled, **end; /* judged as far as the writer had room */
	size_t jobs;                      /* made and not yet answered */
};

enum liaison_err
submit_init(struct core *core)
{
	core->submits = calloc(1, sizeof *core->submits);
	if (core->submits == NULL)
		return LIAISON_NO_MEMORY;
	core->submits->end = &core->submits->stalled;
	return LIAISON_OK;
}

void
submit_clear(struct core *core)
{
	if (core->submits == NULL)
		return;
	admit_job_free(core->submits->held);
	while (core->submits->stalled != NULL) {
		struct admit_job *job = core->submits->stalled;
		core->submits->stalled = job->next;
		admit_job_free(job);
	}
	free(core->submits);
	core->submits = NULL;
}

bool
submit_is_idle(const struct core *core)
{
	return core->submits->jobs == 0 && log_writer_inside(core->writer) == 0;
}

/* --- in ----------------------------------------------------------------------------------------------------------- */

/* Refuses a submit that no worker is to see; its number must be read for that. */
static void
refuse_submit(struct core *core, struct session *session, const struct net_message *message, enum liaison_err code)
{
	Liaison__Frame *frame = NULL;
	uint32_t request = 0;

	if (frame_decode(net_message_data(message), net_message_size(message), &frame, NULL) == LIAISON_OK &&
		frame->frame_case == LIAISON__FRAME__FRAME_SUBMIT)
		request = frame->submit->request;
	frame_free(frame);
	core_refuse(core, session, request, code,
		core->is_stopping ? "the broker is stopping; sent again when it is back" : err_meaning(code));
}

static enum liaison_err
may_take_submit(struct core *core, struct session *session, size_t bytes)
{
	if (core->is_read_only || core->is_stopping)
		return LIAISON_READ_ONLY;
	if (core->is_storage_full)
		return LIAISON_STORAGE_FULL;
	if (session->submits_in_flight >= core->config->submits_in_flight)
		return LIAISON_RATE_LIMITED;
	return rate_take(core->rate, &session->office, 1, bytes, core_monotonic(core));
}

void
submit_handle(struct core *core, struct session *session, struct net_message *message)
{
	enum liaison_err err = may_take_submit(core, session, net_message_size(message));
	struct admit_job *job = err == LIAISON_OK ? calloc(1, sizeof *job) : NULL;

	if (job == NULL) {
		refuse_submit(core, session, message, err != LIAISON_OK ? err : LIAISON_RATE_LIMITED);
		net_message_close(message);
		return;
	}
	job->route = session->route;
	job->office = session->office;
	job->message = *message;
	job->trust = trust_ref(core->trust);
	job->now = core_now(core);
	session->submits_in_flight++;
	core->submits->jobs++;
	if (!admit_put(core->admit, job)) {
		assert(core->submits->held == NULL);
		core->submits->held = job;
		accept_pause(core->accept, true);
	}
}

static void
finish_job(struct core *core, struct admit_job *job)
{
	core->submits->jobs--;
	answer_put(core, job);
}

/* --- judging against what is known -------------------------------------------------------------------------------- */

static void
refuse_item(struct admit_item *item, enum liaison_err err, const char *message)
{
	item->err = err;
	free(item->message);
	item->message = strdup(message);
}

static struct known_alert
known_by(const struct core *core, const struct alert_id *id, const struct pending *pending)
{
	if (pending == NULL)
		return index_known(core->index, id);
	const struct admit_item *item = pending_item(pending);
	return (struct known_alert){
		.is_known = true,
		.body_hash = item->admitted.body_hash,
		.message = item->admitted.facts->message,
		.kind = item->admitted.facts->kind,
		.status = item->admitted.facts->status,
	};
}

/* What is in the log or on its way there. */
static struct known_alert
known_or_pending(void *arg, const struct alert_id *id)
{
	struct core *core = arg;
	struct known_alert known = known_by(core, id, pending_find(&core->submits->pending, id));

	known.is_terminal |= pending_ends(&core->submits->pending, id);
	return known;
}

/* The same for one question after another about one alert, whose own id was looked up already. */
struct asked {
	struct core *core;
	const struct alert_id *id;
	struct known_alert known;
};

static struct known_alert
known_or_asked(void *arg, const struct alert_id *id)
{
	const struct asked *asked = arg;

	return alert_id_equal(id, asked->id) ? asked->known : known_or_pending(asked->core, id);
}

enum decision { DECIDED, WAITS, NO_ROOM };

/* Hands the record to the writer. */
static enum decision
log_alert(struct core *core, struct admit_job *job, size_t at)
{
	struct admit_item *item = &job->items[at];
	struct log_item *record = calloc(1, sizeof *record);
	struct pending *pending = calloc(1, sizeof *pending);

	if (record == NULL || pending == NULL) {
		free(record);
		free(pending);
		refuse_item(item, LIAISON_RATE_LIMITED, "the broker is out of memory; send again later");
		return DECIDED;
	}
	pending->job = job;
	pending->item = at;
	record->type = RECORD_ALERT;
	record->header = blob_ref(item->header);
	record->payload = blob_ref(item->envelope);
	record->context = pending;
	if (!log_writer_put(core->writer, record)) {
		log_item_free(record);
		free(pending);
		return NO_ROOM;
	}
	pending_add(&core->submits->pending, pending);
	return WAITS;
}

/* What may have changed since the frame came: under load a worker and the writer take their time. */
static enum liaison_err
check_now(struct core *core, const struct admit_job *job, const struct admit_item *item, struct fault *fault)
{
	struct public_key unused;

	if (core->is_read_only || core->is_storage_full) {
		enum liaison_err err = core->is_read_only ? LIAISON_READ_ONLY : LIAISON_STORAGE_FULL;
		return fault_set(fault, err, "%s", err_meaning(err));
	}
	if (job->trust == core->trust)
		return LIAISON_OK;
	/* An office or key that was suspended or revoked meanwhile enters nothing more. */
	return admit_signer(&item->admitted, &item->key, job->office.text, core->trust, core_now(core), &unused, fault);
}

static enum decision
decide(struct core *core, struct admit_job *job, size_t at)
{
	struct admit_item *item = &job->items[at];
	struct asked asked = {.core = core, .id = &item->id};
	struct fault fault = {.message = ""};

	if (item->is_parsed && office_id_equal(&item->id.office, &job->office)) {
		struct pending *pending = pending_find(&core->submits->pending, &item->id);
		struct known_alert known = known_by(core, &item->id, pending);
		asked.known = known;
		bool same = known.is_known && digest_equal(&known.body_hash, &item->admitted.body_hash);
		if (same && pending != NULL) {
			struct pending *follower = calloc(1, sizeof *follower);
			if (follower == NULL)
				return NO_ROOM;
			*follower = (struct pending){.job = job, .item = at, .follower = pending->follower};
			pending->follower = follower;
			return WAITS;
		}
		if (same) {
			/* The same receipt, whatever the time is now. */
			item->err = LIAISON_OK;
			item->is_again = true;
			bool found = index_find(core->index, &item->id, &item->index);
			assert(found);
			return DECIDED;
		}
		if (known.is_known && item->is_signed) {
			evidence_keep(core, item, pending);
			refuse_item(item, LIAISON_EQUIVOCATION,
				"another body was already accepted under this id; both are kept as evidence");
			return DECIDED;
		}
	}
	if (item->err != LIAISON_OK)
		return DECIDED;
	enum liaison_err err = check_now(core, job, item, &fault);
	if (err == LIAISON_OK)
		err = admit_state(&item->admitted, core->trust, known_or_asked, &asked, &fault);
	if (err != LIAISON_OK) {
		refuse_item(item, err, fault.message);
		return DECIDED;
	}
	return log_alert(core, job, at);
}

/* False: the writer has no room; the job goes on later from where it stands. */
static bool
decide_job(struct core *core, struct admit_job *job)
{
	for (; job->decided < job->count; job->decided++) {
		enum decision decision = decide(core, job, job->decided);
		if (decision == NO_ROOM)
			return false;
		job->open += decision == WAITS;
	}
	if (job->open == 0)
		finish_job(core, job);
	return true;
}

static void
decide_stalled(struct core *core)
{
	struct submit_state *state = core->submits;

	while (state->stalled != NULL) {
		struct admit_job *job = state->stalled;
		struct admit_job *next = job->next;
		if (!decide_job(core, job))
			return;
		state->stalled = next;
		if (next == NULL)
			state->end = &state->stalled;
	}
	if (state->held == NULL)
		accept_pause(core->accept, false);
}

static void
refuse_job(struct core *core, struct admit_job *job)
{
	struct session *session = answer_session(core, job);

	if (session != NULL) {
		session->submits_in_flight--;
		core_refuse(core, session, job->request, job->err, job->fault.message);
		if (job->err == LIAISON_MALFORMED || job->err == LIAISON_TOO_LARGE)
			accept_count_malformed(core->accept, session);
	}
	core->submits->jobs--;
	admit_job_free(job);
}

void
submit_admitted(struct core *core)
{
	struct submit_state *state = core->submits;
	struct admit_job *jobs[ADMIT_JOBS_MAX];
	size_t count = admit_take(core->admit, jobs);

	for (size_t i = 0; i < count; i++) {
		if (jobs[i]->err != LIAISON_OK) {
			refuse_job(core, jobs[i]);
		} else if (state->stalled != NULL || !decide_job(core, jobs[i])) {
			*state->end = jobs[i];
			state->end = &jobs[i]->next;
			accept_pause(core->accept, true);
		}
	}
	if (state->held != NULL && admit_put(core->admit, state->held)) {
		state->held = NULL;
		if (state->stalled == NULL)
			accept_pause(core->accept, false);
	}
	answer_flush(core);
}

/* --- back from the writer ----------------------------------------------------------------------------------------- */

bool
submit_record(struct core *core, enum record_type type, struct blob *header, struct blob *payload)
{
	struct log_item *record = calloc(1, sizeof *record);

	if (record == NULL)
		return false;
	record->type = type;
	record->header = blob_ref(header);
	record->payload = payload != NULL ? blob_ref(payload) : NULL;
	if (log_writer_put(core->writer, record))
		return true;
	log_item_free(record);
	return false;
}

/* Jobs whose last record came back, in that order; they are answered when the checkpoint covers them. */
struct finished_jobs {
	struct admit_job *first, **end;
};

static void
settle(struct pending *pending, enum liaison_err err, uint64_t index, bool is_again, struct finished_jobs *finished)
{
	struct admit_item *item = pending_item(pending);

	if (err == LIAISON_OK) {
		item->err = LIAISON_OK;
		item->index = index;
		item->is_again = is_again;
	} else {
		refuse_item(item, err, err_meaning(err));
	}
	if (--pending->job->open == 0 && pending->job->decided == pending->job->count) {
		pending->job->next = NULL;
		*finished->end = pending->job;
		finished->end = &pending->job->next;
	}
}

static void
settle_all(struct core *core, struct pending *pending, const struct log_item *record, struct finished_jobs *finished)
{
	pending_remove(&core->submits->pending, pending);
	settle(pending, record->err, record->index, false, finished);
	while (pending->follower != NULL) {
		struct pending *follower = pending->follower;
		pending->follower = follower->follower;
		settle(follower, record->err, record->index, true, finished);
		free(follower);
	}
	free(pending);
}

/* The index takes a durable record. */
static void
take_durable(struct core *core, const struct log_item *record)
{
	struct pending *pending = record->context;
	struct digest leaf;
	enum liaison_err err;

	if (pending == NULL) {
		log_leaf(record->type, record->header->data, record->header->len, &leaf);
		err = index_add(core->index, (uint8_t)record->type, &leaf, &record->location, NULL, NULL);
	} else {
		struct admit_item *item = pending_item(pending);
		err = index_add(core->index, RECORD_ALERT, &item->leaf_hash, &record->location, item->admitted.facts,
			&item->admitted.body_hash);
		if (err == LIAISON_OK && pending->has_evidence)
			index_set_evidence(core->index, record->index);
	}
	/* Without an entry no later record could be placed: only a restart, which reads the log anew, helps. */
	if (err != LIAISON_OK) {
		note(NOTE_ERROR, "out-of-memory", "where=index");
		abort();
	}
	assert(index_size(core->index) == record->index + 1);
}

/* Deliveries begin, once a checkpoint covers what they hold. */
static void
deliver_durable(struct core *core, const struct log_item *record)
{
	if (record->err != LIAISON_OK || record->context == NULL)
		return;
	struct admit_item *item = pending_item(record->context);
	deliver_alert(core, record->index, item->admitted.facts, record->payload);
	item->admitted.facts = NULL; /* deliveries keep them from here on */
}

void
submit_logged(struct core *core)
{
	struct log_item *records[TAKE_MAX];
	size_t count = log_writer_take(core->writer, records, TAKE_MAX);
	struct finished_jobs finished = {.end = &finished.first};
	bool grew = false;

	for (size_t i = 0; i < count; i++) {
		/* Of an alert its sender hears; of the others only this line tells. */
		if (records[i]->err != LIAISON_OK && records[i]->context == NULL)
			note(NOTE_ERROR, "record-not-written", "type=%d code=%s", (int)records[i]->type,
				err_name(records[i]->err));
		if (records[i]->err == LIAISON_OK) {
			take_durable(core, records[i]);
			grew = true;
		} else if (records[i]->err == LIAISON_STORAGE_FULL) {
			core->is_storage_full = true;
		} else if (records[i]->err == LIAISON_READ_ONLY) {
			core_set_read_only(
				core, "the log could not be written; restart the broker when its disk is well");
		}
	}
	if (grew && checkpoint_renew(core) != LIAISON_OK)
		core_set_read_only(core, "a checkpoint could not be signed");
	for (size_t i = 0; i < count; i++) {
		deliver_durable(core, records[i]);
		if (records[i]->context != NULL)
			settle_all(core, records[i]->context, records[i], &finished);
		log_item_free(records[i]);
	}
	deliver_flush(core);
	while (finished.first != NULL) {
		struct admit_job *job = finished.first;
		finished.first = job->next;
		finish_job(core, job);
	}
	decide_stalled(core);
	answer_flush(core);
}
