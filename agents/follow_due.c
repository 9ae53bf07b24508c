/* What was parked and is to be tried once more: judged again with the trust that is held now. */
#include "agents/follow_internal.h"

#include "agents/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX (64U * 1024 * 1024)
#define ENVELOPE_BYTES_MAX (128U * 1024)

/* A copy of what the walk borrows. */
struct due {
	struct inbox_place place;
	char id[ALERT_ID_BYTES];
	Liaison__DeliveryItem *wire; /* owned */
	uint64_t tries;
	bool was_unverified;
};

static Liaison__DeliveryItem *
wire_of(const uint8_t *envelope, size_t len, bool is_disputed)
{
	Liaison__DeliveryItem *wire = malloc(sizeof *wire);

	if (wire == NULL)
		return NULL;
	liaison__delivery_item__init(wire);
	wire->has_disputed = is_disputed;
	wire->disputed = is_disputed;
	wire->envelope = envelope != NULL ? liaison__envelope__unpack(NULL, len, envelope) : NULL;
	return wire;
}

static enum liaison_err
take_parked(void *arg, const struct parked_row *row, struct fault *fault)
{
	struct due *due = arg;

	(void)fault;
	due->place = row->place;
	snprintf(due->id, sizeof due->id, "%s", row->id);
	due->tries = row->tries;
	due->was_unverified = row->code != LIAISON_OK;
	if (due->was_unverified)
		due->wire = wire_of(row->envelope, row->envelope_len, row->is_disputed);
	return LIAISON_OK;
}

static enum liaison_err
take_from_inbox(void *arg, const struct inbox_row *row, struct fault *fault)
{
	struct due *due = arg;

	(void)fault;
	if (row->place.index == due->place.index)
		due->wire = wire_of(row->envelope, row->envelope_len, row->is_disputed);
	return LIAISON_OK;
}

static enum liaison_err
find_due(struct follow *follow, struct due *due, struct fault *fault)
{
	enum liaison_err err = parked_next_due(follow->agent.post, follow->feed, take_parked, due, fault);

	if (err != LIAISON_OK)
		return err;
	due->place.broker = follow->broker;
	if (!due->was_unverified)
		err = inbox_each_of_log(follow->agent.post, &due->place, 1, take_from_inbox, due, fault);
	return err;
}

enum liaison_err
follow_park_again(
	struct follow *follow, const struct job *job, enum liaison_err code, const char *reason, struct fault *fault)
{
	struct post *post = follow->agent.post;
	struct parked_row row = {.feed = follow->feed,
		.place = job->item.place,
		.id = job->item.id,
		.is_disputed = job->item.is_disputed,
		.tries = job->tries_before + 1,
		.code = code,
		.reason = reason,
		.parked_at = app_now(follow->app)};
	uint8_t *bytes = NULL;

	if (code != LIAISON_OK && job->wire->envelope != NULL && !job->item.is_withheld) {
		row.envelope_len = liaison__envelope__get_packed_size(job->wire->envelope);
		bytes = malloc(row.envelope_len);
		if (bytes == NULL)
			return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		liaison__envelope__pack(job->wire->envelope, bytes);
		row.envelope = bytes;
	}
	enum liaison_err err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = parked_put(post, &row, fault);
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK)
		post_rollback(post);
	free(bytes);
	return err;
}

enum liaison_err
follow_settle_due(struct follow *follow, const struct job *job, struct fault *fault)
{
	struct post *post = follow->agent.post;

	enum liaison_err err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = follow_store(follow, &job->item, fault);
	if (err == LIAISON_OK)
		err = parked_remove(post, follow->feed, &job->item.place, fault);
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK)
		post_rollback(post);
	return err;
}

/* Its content was not kept: what this office may not see, and what was erased. */
static enum liaison_err
give_up(struct follow *follow, const struct due *due, struct fault *fault)
{
	struct job job = {
		.item = {.place = due->place, .is_withheld = true}, .wire = due->wire, .tries_before = due->tries};

	memcpy(job.item.id, due->id, sizeof job.item.id);
	say_warning(follow->app,
		"record %llu of %s cannot be tried again, its content is not here; `liaison feeds seek %s %llu` asks "
		"the "
		"broker for it once more",
		(unsigned long long)due->place.index, due->place.broker, follow->options->name,
		(unsigned long long)due->place.index);
	return follow_park_again(follow, &job, LIAISON_NOT_FOUND, "its content is not here", fault);
}

enum liaison_err
follow_load_due(struct follow *follow, struct job *job, struct fault *fault)
{
	for (;;) {
		struct due due = {0};
		enum liaison_err err = find_due(follow, &due, fault);
		if (err != LIAISON_OK)
			return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
		*job = (struct job){.wire = due.wire, .tries_before = due.tries};
		if (job->wire == NULL || job->wire->envelope == NULL) {
			err = give_up(follow, &due, fault);
			job_clear(job);
			if (err != LIAISON_OK)
				return err;
			continue;
		}
		err = follow_judge(follow, &due.place, job->wire, &job->item, fault);
		if (err != LIAISON_OK) {
			job_clear(job);
			return err;
		}
		job->is_loaded = true;
		buf_init(&job->line, LINE_BYTES_MAX);
		if (job->item.type != ITEM_UNVERIFIED)
			return LIAISON_OK;
		follow_say_unverified(follow, &job->item);
		err = follow_park_again(follow, job, job->item.why.code, job->item.why.message, fault);
		job_clear(job);
		if (err != LIAISON_OK)
			return err;
	}
}
