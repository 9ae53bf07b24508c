/* Deliveries shown on stdout, and what every delivery does to post.db. */
#include "agents/follow_internal.h"

#include "agents/evidence.h"
#include "agents/say.h"
#include "proto/frame.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOW_CHUNK 2048 /* judged, shown and committed together */
#define LINES_BYTES_MAX (256U * 1024 * 1024)
#define ENVELOPE_BYTES_MAX (128U * 1024)

/* --- judging --------------------------------------------------------------------------------------------------------- */

/* Is there another body under this id? */
struct equivocation {
	const struct follow *follow;
	struct item *item;
};

static enum liaison_err
compare_bodies(void *arg, const struct inbox_row *row, struct fault *fault)
{
	const struct equivocation *look = arg;
	const struct app *app = look->follow->app;
	struct buf bytes;
	char *path = NULL;
	struct fault why;

	(void)fault;
	if (digest_equal(&row->body_hash, &look->item->admitted.body_hash))
		return LIAISON_OK;
	buf_init(&bytes, ENVELOPE_BYTES_MAX);
	envelope_encode(&look->item->envelope, &bytes);
	enum liaison_err err = buf_check(&bytes);
	if (err == LIAISON_OK && row->envelope != NULL)
		err = evidence_keep(look->follow->agent.home->path, LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_EQUIVOCATION,
			row->id, row->envelope, row->envelope_len, bytes.data, bytes.len, &path, &why);
	buf_clear(&bytes);
	if (err != LIAISON_OK)
		say_error(app, "the evidence could not be kept: %s", why.message);
	item_reject(look->item, LIAISON_EQUIVOCATION, "its office signed another body under the same id before");
	if (path != NULL)
		say_error(app, "ALARM: two bodies are signed as %s; both are kept in %s", row->id, path);
	free(path);
	return LIAISON_OK;
}

enum liaison_err
follow_judge(struct follow *follow, const struct inbox_place *place, const Liaison__DeliveryItem *wire,
	struct item *out, struct fault *fault)
{
	const struct item_context context = follow_context(follow);
	struct equivocation look = {follow, out};
	char id[ALERT_ID_BYTES];

	enum liaison_err err = item_judge(&context, place, wire, out);
	if (err != LIAISON_OK)
		return fault_set(fault, err, "out of memory");
	if (out->type != ITEM_DELIVERY && out->type != ITEM_NOTICE)
		return LIAISON_OK;
	alert_id_format(&out->admitted.facts->id, id);
	err = inbox_find(follow->agent.post, id, compare_bodies, &look, fault);
	if (err != LIAISON_OK && err != LIAISON_NOT_FOUND) {
		item_clear(out);
		return err;
	}
	return LIAISON_OK;
}

enum liaison_err
follow_is_repeat(struct follow *follow, enum reading_lane lane, const struct inbox_place *place, bool *is_repeat,
	struct fault *fault)
{
	*is_repeat = false;
	if (!reading_may_repeat(&follow->reading, lane, place->index))
		return LIAISON_OK;
	return shown_has(follow->agent.post, follow->feed, place, is_repeat, fault);
}

/* --- keeping --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
put_alert(struct follow *follow, const struct item *item, struct fault *fault)
{
	const struct facts *facts = item->admitted.facts;
	char id[ALERT_ID_BYTES], reference[ALERT_ID_BYTES];
	struct inbox_row row = {.place = item->place,
		.id = id,
		.message = facts->message,
		.kind = facts->kind,
		.body_hash = item->admitted.body_hash,
		.is_disputed = item->is_disputed,
		.received_at = app_now(follow->app)};
	struct buf envelope, origin;
	bool is_new = false;

	buf_init(&envelope, ENVELOPE_BYTES_MAX);
	buf_init(&origin, ENVELOPE_BYTES_MAX);
	envelope_encode(&item->envelope, &envelope);
	if (item->origin != NULL) {
		uint8_t *room = buf_extend(&origin, liaison__origin__get_packed_size(item->origin));
		if (room != NULL)
			liaison__origin__pack(item->origin, room);
	}
	alert_id_format(&facts->id, id);
	if (facts->reference.sequence != 0) {
		alert_id_format(&facts->reference, reference);
		row.reference = reference;
	}
	row.envelope = envelope.data;
	row.envelope_len = envelope.len;
	row.origin = item->origin != NULL ? origin.data : NULL;
	row.origin_len = origin.len;
	enum liaison_err err = buf_check(&envelope);
	if (err == LIAISON_OK)
		err = buf_check(&origin);
	err = err == LIAISON_OK ? inbox_put(follow->agent.post, &row, &is_new, fault)
				: fault_set(fault, err, "alert %s is too large to keep", id);
	buf_clear(&envelope);
	buf_clear(&origin);
	return err;
}

/* What an erasure needs to know before it is believed. */
static enum liaison_err
read_state(void *arg, const struct inbox_row *row, struct fault *fault)
{
	(void)fault;
	*(enum inbox_state *)arg = row->state;
	return LIAISON_OK;
}

/*
 * The broker alone says that something is erased. Content that is here goes only if its author said so too, by a REDACT:
 * else a broker could make an office forget.
 */
static enum liaison_err
take_erasure(struct follow *follow, const struct item *item, struct fault *fault)
{
	struct post *post = follow->agent.post;
	enum inbox_state state = INBOX_LIVE;

	enum liaison_err err = inbox_find(post, item->id, read_state, &state, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
	if (state != INBOX_REDACTED)
		return LIAISON_OK;
	return inbox_erase(post, item->id, item->leaf_hash.bytes, item->reason, app_now(follow->app), fault);
}

enum liaison_err
follow_store(struct follow *follow, const struct item *item, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	char by[ALERT_ID_BYTES];

	switch (item->type) {
	case ITEM_DELIVERY: return put_alert(follow, item, fault);
	case ITEM_NOTICE:
		alert_id_format(&item->admitted.facts->id, by);
		err = put_alert(follow, item, fault);
		if (err == LIAISON_OK)
			err = inbox_end_alert(follow->agent.post, item->id, item->ends, item->reason, by,
				app_now(follow->app), fault);
		return err;
	case ITEM_ERASED: return take_erasure(follow, item, fault);
	case ITEM_UNVERIFIED: break;
	}
	return LIAISON_OK;
}

enum liaison_err
follow_park_unverified(
	struct follow *follow, const struct item *item, const Liaison__DeliveryItem *wire, struct fault *fault)
{
	struct parked_row row = {.feed = follow->feed,
		.place = item->place,
		.id = item->id,
		.is_disputed = wire->disputed,
		.tries = 1,
		.code = item->why.code,
		.reason = item->why.message,
		.parked_at = app_now(follow->app)};
	struct buf envelope;

	buf_init(&envelope, ENVELOPE_BYTES_MAX);
	if (wire->envelope != NULL && !item->is_withheld) {
		uint8_t *room = buf_extend(&envelope, liaison__envelope__get_packed_size(wire->envelope));
		if (room != NULL) {
			liaison__envelope__pack(wire->envelope, room);
			row.envelope = envelope.data;
			row.envelope_len = envelope.len;
		}
	}
	enum liaison_err err = parked_put(follow->agent.post, &row, fault);
	buf_clear(&envelope);
	return err;
}

void
follow_say_unverified(struct follow *follow, const struct item *item)
{
	follow->exit_code = err_worse_exit(follow->exit_code, err_exit_code(LIAISON_BAD_SIGNATURE));
	say_error(follow->app, "record %" PRIu64 " of %s (%s) is not verified and was parked: %s: %s",
		item->place.index, item->place.broker, item->id[0] != '\0' ? item->id : "its id could not be read",
		err_name(item->why.code), item->why.message);
}

/* --- showing --------------------------------------------------------------------------------------------------------- */

struct shown {
	enum reading_lane lane;
	struct place_in_lane at;
	struct item item;
	bool is_repeat, is_judged;
	Liaison__Frame *frame; /* to be freed with this one; NULL: its frame has more */
};

static void
render(struct follow *follow, const struct item *item, struct buf *out)
{
	if (follow->app->json) {
		view_json(item, out);
	} else if (item->type != ITEM_UNVERIFIED) { /* those are told on stderr */
		if (!follow->is_heading_shown && follow->app->verbosity > VERBOSITY_QUIET) {
			view_line_heading(out);
			buf_put_u8(out, '\n');
		}
		follow->is_heading_shown = true;
		view_line(&follow->view, item, out);
	} else {
		return;
	}
	buf_put_u8(out, '\n');
}

static enum liaison_err
print(const struct buf *lines, struct fault *fault)
{
	enum liaison_err err = buf_check(lines);

	if (err != LIAISON_OK)
		return fault_set(fault, err, "the deliveries are too large to show");
	fwrite(lines->data, 1, lines->len, stdout);
	if (fflush(stdout) != 0 || ferror(stdout))
		return fault_errno(fault, LIAISON_IO, errno, "cannot write to standard output");
	return LIAISON_OK;
}

/* Fills the chunk from what waits, urgent first. */
static enum liaison_err
take_chunk(struct follow *follow, struct shown *chunk, size_t *count, struct fault *fault)
{
	uint64_t wanted = follow->options->count > 0 ? follow->options->count - follow->handled : UINT64_MAX;

	*count = 0;
	for (int lane = READING_URGENT; lane < READING_LANES; lane++) {
		while (*count < SHOW_CHUNK && wanted > 0) {
			struct shown *next = &chunk[*count];
			*next = (struct shown){.lane = (enum reading_lane)lane};
			if (!follow_peek(follow, next->lane, &next->at))
				break;
			enum liaison_err err =
				follow_is_repeat(follow, next->lane, &next->at.place, &next->is_repeat, fault);
			if (err == LIAISON_OK && !next->is_repeat)
				err = follow_judge(follow, &next->at.place, next->at.wire, &next->item, fault);
			if (err != LIAISON_OK)
				return err;
			next->is_judged = !next->is_repeat;
			wanted -= next->is_repeat ? 0 : 1;
			next->frame = follow_pass(follow, next->lane);
			++*count;
		}
	}
	return LIAISON_OK;
}

static enum liaison_err
show_chunk(struct follow *follow, struct shown *chunk, size_t count, struct fault *fault)
{
	struct buf lines;

	buf_init(&lines, LINES_BYTES_MAX);
	for (size_t i = 0; i < count; i++)
		if (!chunk[i].is_repeat)
			render(follow, &chunk[i].item, &lines);
	enum liaison_err err = lines.len > 0 || lines.failed ? print(&lines, fault) : LIAISON_OK;
	buf_clear(&lines);
	return err;
}

static enum liaison_err
keep_one(struct follow *follow, const struct shown *shown, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (!shown->is_repeat) {
		err = shown->item.type == ITEM_UNVERIFIED
			      ? follow_park_unverified(follow, &shown->item, shown->at.wire, fault)
			      : follow_store(follow, &shown->item, fault);
		if (err == LIAISON_OK)
			err = shown_put(follow->agent.post, follow->feed, &shown->at.place, fault);
	}
	if (err == LIAISON_OK)
		reading_handled(&follow->reading, shown->lane, shown->at.place.index, shown->at.bytes);
	return err;
}

static enum liaison_err
keep_chunk(struct follow *follow, const struct shown *chunk, size_t count, struct fault *fault)
{
	enum liaison_err err = post_begin(follow->agent.post, fault);

	for (size_t i = 0; err == LIAISON_OK && i < count; i++)
		err = keep_one(follow, &chunk[i], fault);
	if (err == LIAISON_OK)
		return follow_commit(follow, fault);
	post_rollback(follow->agent.post);
	return err;
}

static void
finish_chunk(struct follow *follow, struct shown *chunk, size_t count, bool was_kept)
{
	for (size_t i = 0; i < count; i++) {
		if (was_kept && !chunk[i].is_repeat) {
			follow_count(follow);
			if (chunk[i].item.type == ITEM_UNVERIFIED)
				follow_say_unverified(follow, &chunk[i].item);
		}
		if (chunk[i].is_judged)
			item_clear(&chunk[i].item);
		if (chunk[i].frame != NULL)
			frame_free(chunk[i].frame);
	}
}

enum liaison_err
follow_show(struct follow *follow, struct fault *fault)
{
	struct place_in_lane next;
	enum liaison_err err = LIAISON_OK;
	size_t count = 1;

	if (!follow_peek(follow, READING_URGENT, &next) && !follow_peek(follow, READING_ORDINARY, &next))
		return LIAISON_OK;
	struct shown *chunk = calloc(SHOW_CHUNK, sizeof *chunk);
	if (chunk == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	while (err == LIAISON_OK && count > 0 && !follow->is_over) {
		err = take_chunk(follow, chunk, &count, fault);
		if (err == LIAISON_OK && count > 0)
			err = show_chunk(follow, chunk, count, fault);
		if (err == LIAISON_OK && count > 0)
			err = keep_chunk(follow, chunk, count, fault);
		finish_chunk(follow, chunk, count, err == LIAISON_OK);
	}
	free(chunk);
	return err;
}

enum liaison_err
follow_show_progress(struct follow *follow, struct fault *fault)
{
	const struct reading *reading = &follow->reading;
	const Liaison__Checkpoint *checkpoint = link_checkpoint(follow->link);
	const struct view_progress progress = {.broker = follow->broker,
		.epoch = follow->epoch,
		.urgent = reading->lanes[READING_URGENT].cursor,
		.ordinary = reading->lanes[READING_ORDINARY].cursor,
		.size = checkpoint != NULL ? checkpoint->size : 0,
		.is_at_end = follow->is_at_end};
	struct buf line;

	if (!follow->app->json)
		return LIAISON_OK;
	buf_init(&line, LINES_BYTES_MAX);
	view_progress_json(&progress, &line);
	buf_put_u8(&line, '\n');
	enum liaison_err err = print(&line, fault);
	buf_clear(&line);
	return err;
}

enum liaison_err
follow_show_due(struct follow *follow, struct fault *fault)
{
	struct job job = {0};
	struct buf lines;

	while (follow->may_be_due && !follow->is_over) {
		enum liaison_err err = follow_load_due(follow, &job, fault);
		if (err != LIAISON_OK)
			return err;
		if (!job.is_loaded) {
			follow->may_be_due = false;
			break;
		}
		buf_init(&lines, LINES_BYTES_MAX);
		render(follow, &job.item, &lines);
		err = print(&lines, fault);
		buf_clear(&lines);
		if (err == LIAISON_OK)
			err = follow_settle_due(follow, &job, fault);
		job_clear(&job);
		if (err != LIAISON_OK)
			return err;
		follow_count(follow);
	}
	return LIAISON_OK;
}
