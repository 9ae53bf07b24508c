/*
 * From a submit frame to the log, and back with a receipt. A job goes to a worker, comes back judged as far as can be done
 * without an index, is judged here against the index and against what is on its way to the log, and each alert that may
 * enter becomes one record. When the last record of a job is durable, it is answered (answer.c).
 *
 * An id is `pending` from the moment its record is handed to the writer until it comes back: the same body again waits
 * for the same record, another body is equivocation as if the first were durable.
 */
#include "broker/core.h"

#include "broker/note.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PENDING_BUCKETS 8192
#define TAKE_MAX 4096

/* One alert on its way through the writer, and those who wait for the same one. */
struct pending {
	struct admit_job *job;
	size_t item;
	bool has_evidence;
	struct pending *next;     /* in its bucket */
	struct pending *follower; /* the same body, submitted again meanwhile */
};

struct submit_state {
	struct pending *buckets[PENDING_BUCKETS];
	struct admit_job *held;           /* the workers have no room for it; no message is taken meanwhile */
	struct admit_job *stalled, **end; /* judged as far as the writer had room */
	size_t jobs;                      /* made and not yet answered */
};

static struct admit_item *
item_of(const struct pending *pending)
{
	return &pending->job->items[pending->item];
}

static const struct alert_id *
id_of(const struct admit_item *item)
{
	return &item->id;
}

enum liaison_err
submit_init(struct core *core)
{
	core->submits = calloc(1, sizeof *core->submits);
	if (core->submits == NULL)
		return LIAISON_NO_MEMORY;
	core->submits->end = &core->submits->stalled;
	return LIAISON_OK;
}

static size_t
bucket_of(const struct alert_id *id)
{
	uint64_t hash = id->sequence * UINT64_C(0x9e3779b97f4a7c15) + id->is_reply;

	for (const char *at = id->office.text; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 32) % PENDING_BUCKETS;
}

static struct pending *
find_pending(const struct core *core, const struct alert_id *id)
{
	struct pending *pending = core->submits->buckets[bucket_of(id)];

	while (pending != NULL && !alert_id_equal(id_of(item_of(pending)), id))
		pending = pending->next;
	return pending;
}

static void
remove_pending(struct core *core, struct pending *pending)
{
	struct pending **link = &core->submits->buckets[bucket_of(id_of(item_of(pending)))];

	while (*link != pending)
		link = &(*link)->next;
	*link = pending->next;
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
	const struct admit_item *item = item_of(pending);
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

	return known_by(core, id, find_pending(core, id));
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

/* The envelope under an id that another body now claims: from the log, or on its way there. */
static struct blob *
first_envelope(struct core *core, const struct alert_id *id, struct pending *pending)
{
	struct stored_record record;
	struct fault fault = {.message = ""};
	uint64_t at;

	if (pending != NULL)
		return blob_ref(item_of(pending)->envelope);
	if (!index_find(core->index, id, &at) ||
		log_read(core->reader, at, &index_entry(core->index, at)->location, &record, &fault) != LIAISON_OK)
		return NULL;
	return blob_new(record.record.payload, record.record.payload_len);
}

static struct blob *
encode_evidence(
	const struct admit_item *item, struct blob *first, const struct digest *first_hash, struct blob **header)
{
	Liaison__EvidenceHeader head = LIAISON__EVIDENCE_HEADER__INIT;
	Liaison__Evidence evidence = LIAISON__EVIDENCE__INIT;
	char id[ALERT_ID_BYTES];

	alert_id_format(id_of(item), id);
	head.has_type = evidence.has_type = 1;
	head.type = evidence.type = LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_EQUIVOCATION;
	head.about = id;
	head.has_first_hash = head.has_second_hash = evidence.has_first = evidence.has_second = 1;
	head.first_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)first_hash->bytes};
	head.second_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)item->admitted.body_hash.bytes};
	evidence.first = (ProtobufCBinaryData){first->len, first->data};
	evidence.second = (ProtobufCBinaryData){item->envelope->len, item->envelope->data};
	*header = blob_new(NULL, liaison__evidence_header__get_packed_size(&head));
	struct blob *payload = blob_new(NULL, liaison__evidence__get_packed_size(&evidence));
	if (*header == NULL || payload == NULL) {
		blob_unref(*header);
		blob_unref(payload);
		return NULL;
	}
	liaison__evidence_header__pack(&head, (*header)->data);
	liaison__evidence__pack(&evidence, payload->data);
	return payload;
}

/*
 * Two signed bodies under one id: both become a record, once for each id. That the record could not be written is told
 * in the log lines; the refusal stands in any case.
 */
static void
keep_evidence(struct core *core, const struct admit_item *item, struct pending *pending)
{
	uint64_t at = 0;
	struct known_alert first_known = known_or_pending(core, id_of(item));

	if (pending != NULL ? pending->has_evidence
			    : !index_find(core->index, id_of(item), &at) || index_entry(core->index, at)->has_evidence)
		return;
	struct blob *first = first_envelope(core, id_of(item), pending);
	struct blob *header = NULL;
	struct blob *payload = first != NULL ? encode_evidence(item, first, &first_known.body_hash, &header) : NULL;
	bool written = payload != NULL && payload->len <= RECORD_PAYLOAD_MAX &&
		       submit_record(core, RECORD_EVIDENCE, header, payload);
	if (written && pending != NULL)
		pending->has_evidence = true;
	else if (written)
		index_set_evidence(core->index, at);
	note(written ? NOTE_WARNING : NOTE_ERROR, written ? "equivocation" : "evidence-not-kept",
		"office=%s sequence=%llu", id_of(item)->office.text, (unsigned long long)id_of(item)->sequence);
	blob_unref(first);
	blob_unref(header);
	blob_unref(payload);
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
	struct pending **bucket = &core->submits->buckets[bucket_of(id_of(item))];
	pending->next = *bucket;
	*bucket = pending;
	return WAITS;
}

static enum decision
decide(struct core *core, struct admit_job *job, size_t at)
{
	struct admit_item *item = &job->items[at];
	struct asked asked = {.core = core, .id = id_of(item)};
	struct fault fault = {.message = ""};

	if (item->is_parsed && office_id_equal(&id_of(item)->office, &job->office)) {
		struct pending *pending = find_pending(core, id_of(item));
		struct known_alert known = known_by(core, id_of(item), pending);
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
			bool found = index_find(core->index, id_of(item), &item->index);
			assert(found);
			return DECIDED;
		}
		if (known.is_known && item->is_signed) {
			keep_evidence(core, item, pending);
			refuse_item(item, LIAISON_EQUIVOCATION,
				"another body was already accepted under this id; both are kept as evidence");
			return DECIDED;
		}
	}
	if (item->err != LIAISON_OK)
		return DECIDED;
	enum liaison_err err = core->is_read_only      ? LIAISON_READ_ONLY
			       : core->is_storage_full ? LIAISON_STORAGE_FULL
						       : LIAISON_OK;
	if (err != LIAISON_OK) {
		refuse_item(item, err, err_meaning(err));
		return DECIDED;
	}
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
	struct admit_job *jobs[TAKE_MAX];
	size_t count = admit_take(core->admit, jobs, TAKE_MAX);

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
	struct admit_item *item = item_of(pending);

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
	remove_pending(core, pending);
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
		struct admit_item *item = item_of(pending);
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
	struct admit_item *item = item_of(record->context);
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
