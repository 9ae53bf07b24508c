/* Deliveries through a feed's command, one at a time, urgent ones first. */
#include "agents/follow_internal.h"

#include "agents/say.h"
#include "proto/base/message.h"
#include "proto/frame.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define LINE_BYTES_MAX (64U * 1024 * 1024)
#define STOP_WAIT_MS 10000 /* for a command that is running when the feed ends; a second signal ends the wait */
#define STOP_LOOK_MS 200

void
job_clear(struct job *job)
{
	if (job->is_loaded) {
		item_clear(&job->item);
		buf_clear(&job->line);
	}
	if (job->wire != NULL)
		liaison__delivery_item__free_unpacked(job->wire, NULL);
	*job = (struct job){0};
}

/* --- from the lanes -------------------------------------------------------------------------------------------------- */

/* Takes the next item of a lane away and frees its frame if that was its last. */
static void
pass(struct follow *follow, enum reading_lane lane)
{
	Liaison__Frame *frame = follow_pass(follow, lane);

	if (frame != NULL)
		frame_free(frame);
}

/* It was handled (or parked): kept as shown, the cursor moves. Inside a transaction, which it ends. */
static enum liaison_err
settle_lane(struct follow *follow, enum reading_lane lane, const struct inbox_place *place, uint64_t bytes,
	struct fault *fault)
{
	enum liaison_err err = shown_put(follow->agent.post, follow->feed, place, fault);

	if (err != LIAISON_OK) {
		post_rollback(follow->agent.post);
		return err;
	}
	reading_handled(&follow->reading, lane, place->index, bytes);
	err = follow_commit(follow, fault);
	if (err == LIAISON_OK)
		follow_count(follow);
	return err;
}

static enum liaison_err
pass_unverified(struct follow *follow, enum reading_lane lane, const struct job *job, struct fault *fault)
{
	enum liaison_err err = post_begin(follow->agent.post, fault);

	if (err != LIAISON_OK)
		return err;
	err = follow_park_unverified(follow, &job->item, job->wire, fault);
	if (err != LIAISON_OK) {
		post_rollback(follow->agent.post);
		return err;
	}
	err = settle_lane(follow, lane, &job->item.place, job->bytes, fault);
	if (err == LIAISON_OK)
		follow_say_unverified(follow, &job->item);
	return err;
}

/* Into the inbox at once, so that the command finds it there; the cursor stays. */
static enum liaison_err
store_before(struct follow *follow, const struct item *item, struct fault *fault)
{
	enum liaison_err err = post_begin(follow->agent.post, fault);

	if (err == LIAISON_OK)
		err = follow_store(follow, item, fault);
	if (err == LIAISON_OK)
		err = post_commit(follow->agent.post, fault);
	if (err != LIAISON_OK)
		post_rollback(follow->agent.post);
	return err;
}

/* The copy of a lane's next item, judged. */
static enum liaison_err
copy_next(struct follow *follow, const struct place_in_lane *at, struct job *job, struct fault *fault)
{
	job->wire = (Liaison__DeliveryItem *)message_copy(&at->wire->base);
	if (job->wire == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = follow_judge(follow, &at->place, job->wire, &job->item, fault);
	if (err != LIAISON_OK)
		return err;
	job->is_loaded = true;
	job->bytes = at->bytes;
	attempt_init(&job->attempt);
	buf_init(&job->line, LINE_BYTES_MAX);
	return LIAISON_OK;
}

static enum liaison_err
load_lane(struct follow *follow, enum reading_lane lane, struct job *job, struct fault *fault)
{
	struct place_in_lane at;
	enum liaison_err err = LIAISON_OK;

	while (err == LIAISON_OK && !job->is_loaded && !follow->is_over && follow_peek(follow, lane, &at)) {
		bool is_repeat = false;
		err = follow_is_repeat(follow, lane, &at.place, &is_repeat, fault);
		if (err == LIAISON_OK && is_repeat) {
			reading_handled(&follow->reading, lane, at.place.index, at.bytes);
			pass(follow, lane);
			continue;
		}
		if (err == LIAISON_OK)
			err = copy_next(follow, &at, job, fault);
		if (err != LIAISON_OK)
			break;
		pass(follow, lane);
		if (job->item.type == ITEM_UNVERIFIED) {
			err = pass_unverified(follow, lane, job, fault);
			job_clear(job);
			continue;
		}
		err = store_before(follow, &job->item, fault);
		view_json(&job->item, &job->line);
		if (err == LIAISON_OK && buf_check(&job->line) != LIAISON_OK)
			err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	return err;
}

/* --- running --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
park_lane(struct follow *follow, enum reading_lane lane, const struct job *job, int status, struct fault *fault)
{
	char reason[160];
	const struct parked_row row = {.feed = follow->feed,
		.place = job->item.place,
		.id = job->item.id,
		.is_disputed = job->item.is_disputed,
		.tries = ATTEMPTS_MAX,
		.reason = attempt_describe(status, reason, sizeof reason),
		.parked_at = app_now(follow->app)};

	say_warning(follow->app, "%s was parked: the feed's command did not take it in %d tries; the last time %s",
		job->item.id, ATTEMPTS_MAX, reason);
	enum liaison_err err = post_begin(follow->agent.post, fault);
	if (err != LIAISON_OK)
		return err;
	err = parked_put(follow->agent.post, &row, fault);
	if (err == LIAISON_OK)
		return settle_lane(follow, lane, &job->item.place, job->bytes, fault);
	post_rollback(follow->agent.post);
	return err;
}

static enum liaison_err
settle(struct follow *follow, int source, int status, struct fault *fault)
{
	struct job *job = &follow->jobs[source];
	char reason[160];
	enum liaison_err err = LIAISON_OK;

	enum attempt_verdict verdict = attempt_judge(&job->attempt, status, app_monotonic(follow->app));
	if (verdict == ATTEMPT_AGAIN && source != JOB_DUE) {
		say_detail(follow->app, "%s: %s; trying again", job->item.id,
			attempt_describe(status, reason, sizeof reason));
		return LIAISON_OK;
	}
	if (source == JOB_DUE) {
		err = verdict == ATTEMPT_DONE ? follow_settle_due(follow, job, fault)
					      : follow_park_again(follow, job, LIAISON_OK,
							attempt_describe(status, reason, sizeof reason), fault);
		if (err == LIAISON_OK)
			follow_count(follow);
	} else if (verdict == ATTEMPT_PARK) {
		err = park_lane(follow, (enum reading_lane)source, job, status, fault);
	} else {
		err = post_begin(follow->agent.post, fault);
		if (err == LIAISON_OK)
			err = settle_lane(follow, (enum reading_lane)source, &job->item.place, job->bytes, fault);
	}
	job_clear(job);
	return err;
}

static enum liaison_err
load(struct follow *follow, int source, struct fault *fault)
{
	struct job *job = &follow->jobs[source];

	if (source != JOB_DUE)
		return load_lane(follow, (enum reading_lane)source, job, fault);
	if (!follow->may_be_due)
		return LIAISON_OK;
	enum liaison_err err = follow_load_due(follow, job, fault);
	follow->may_be_due = err == LIAISON_OK && job->is_loaded;
	if (job->is_loaded)
		view_json(&job->item, &job->line);
	return err;
}

enum liaison_err
follow_exec(struct follow *follow, int *wait_ms, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	int status = 0;

	*wait_ms = -1;
	if (follow->running >= 0) {
		if (!handler_has_ended(&follow->handler, &status))
			return LIAISON_OK;
		err = settle(follow, follow->running, status, fault);
		follow->running = -1;
	}
	for (int source = JOB_URGENT; err == LIAISON_OK && source < JOB_SOURCES && !follow->is_over; source++) {
		struct job *job = &follow->jobs[source];
		if (!job->is_loaded)
			err = load(follow, source, fault);
		if (err != LIAISON_OK || !job->is_loaded || follow->is_over)
			continue;
		int64_t left = job->attempt.not_before_ms - app_monotonic(follow->app);
		if (left > 0) {
			if (*wait_ms < 0 || left < *wait_ms)
				*wait_ms = (int)left;
			continue;
		}
		err = handler_start(&follow->handler, follow->options->command, job->line.data, job->line.len,
			&follow->signals.before, fault);
		if (err == LIAISON_OK)
			follow->running = source;
		*wait_ms = -1; /* its end wakes us */
		break;
	}
	return err == LIAISON_OK ? follow_save_cursors(follow, fault) : err; /* repeats moved them */
}

bool
follow_exec_is_idle(const struct follow *follow)
{
	for (int i = 0; i < JOB_SOURCES; i++)
		if (follow->jobs[i].is_loaded)
			return false;
	return follow->running < 0;
}

/* Waits for the running command; false: it still runs. */
static bool
wait_for_end(struct follow *follow, int *status)
{
	struct pollfd item = {.fd = follow->signals.fd, .events = POLLIN};
	int64_t until = app_monotonic(follow->app) + STOP_WAIT_MS;

	while (!handler_has_ended(&follow->handler, status)) {
		bool is_over = signals_ask_for_end(&follow->signals);
		if (follow->signals.ends > 1 || (is_over && app_monotonic(follow->app) >= until))
			return handler_has_ended(&follow->handler, status);
		(void)poll(&item, 1, STOP_LOOK_MS);
	}
	return true;
}

enum liaison_err
follow_exec_stop(struct follow *follow, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	int status = 0, running = follow->running;

	follow->running = -1;
	if (running >= 0) {
		if (!wait_for_end(follow, &status)) {
			say_warning(follow->app,
				"the feed's command still runs (process %d); its delivery comes again next time",
				(int)follow->handler.pid);
			follow->handler.pid = 0;
		} else if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
			err = settle(follow, running, status, fault);
		}
	}
	for (int i = 0; i < JOB_SOURCES; i++)
		job_clear(&follow->jobs[i]);
	return err;
}
