#include "agents/load_internal.h"

#include "agents/line.h"
#include "proto/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define CONNECT_SLICE_MS 2000 /* of the reading, for the first connection */

static enum liaison_err
no_memory(struct fault *fault)
{
	return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
}

static void
clear_drafts(struct load *load)
{
	for (size_t i = 0; i < load->draft_count; i++)
		draft_clear(&load->drafts[i]);
	load->draft_count = load->draft_bytes = 0;
}

static bool
same_audience(const struct facts *a, const struct facts *b)
{
	if (a->kind != b->kind || a->level != b->level || a->everyone != b->everyone ||
		a->address_count != b->address_count)
		return false;
	for (size_t i = 0; i < a->address_count; i++)
		if (strcmp(a->addresses[i], b->addresses[i]) != 0)
			return false;
	return true;
}

static enum liaison_err
add_audience(struct load *load)
{
	int64_t now = app_now(load->agent->app);

	for (size_t i = 0; i < load->draft_count; i++) {
		const struct facts *facts = load->drafts[i].admitted.facts;
		if (facts_is_notice(facts))
			continue; /* goes to whom the original went to, whatever a roster says now */
		if (i > 0 &&
			same_audience(facts, load->drafts[i - 1].admitted.facts)) /* a bulk load has one handling */
			continue;
		if (audience_add(&load->report->audience, load->agent->trust, facts, now) != LIAISON_OK)
			return LIAISON_NO_MEMORY;
		load->report->has_audience = true;
	}
	return LIAISON_OK;
}

/* The drafts are in the outbox: the report counts them. */
static enum liaison_err
note_queued(struct load *load, struct fault *fault)
{
	if (load->draft_count > 0 &&
		(report_queued(load->report, load->drafts[0].sequence, load->draft_count) != LIAISON_OK ||
			add_audience(load) != LIAISON_OK))
		return no_memory(fault);
	clear_drafts(load);
	return LIAISON_OK;
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

bool
load_is_told_to_end(struct load *load)
{
	if (load->signals != NULL && !load->is_stopped && signals_ask_for_end(load->signals)) {
		load->is_stopped = load->is_stuck = true;
		fault_set(&load->away, LIAISON_DEFERRED, "told to end");
	}
	return load->is_stopped;
}

/* One step; what it says of the line to the broker is remembered. */
static enum sender_state
step(struct load *load, int timeout_ms)
{
	struct fault why;

	if (load_is_told_to_end(load) || load->is_stuck)
		return SENDER_FAILED;
	enum sender_state state = sender_step(load->sender, timeout_ms, &why);
	if (state == SENDER_FAILED) {
		load->is_stuck = true;
		load->report->exit_code = err_worse_exit(load->report->exit_code, err_exit_code(why.code));
		say_error(load->agent->app, "%s", why.message);
	}
	if (state == SENDER_FAILED || state == SENDER_AWAY)
		load->away = why;
	if (state == SENDER_OTHER)
		fault_set(&load->away, LIAISON_BUSY, "another liaison of this home is sending them");
	return state;
}

static int
time_left(const struct load *load, int64_t since_ms)
{
	int64_t left = since_ms + load->wait_ms - app_monotonic(load->agent->app);
	return left <= 0 ? 0 : left < 1000 ? (int)left : 1000;
}

/*
 * Before the first number is given: the broker's welcome tells how far this office's numbers have come, so that a home that
 * was put back from an older copy gives none twice. Without a broker it is the broker's answer to what was sent that tells.
 */
static void
greet(struct load *load)
{
	if (load->has_greeted || load->wait_ms <= 0)
		return;
	load->has_greeted = true;
	(void)step(load, (int)(load->wait_ms < CONNECT_SLICE_MS ? load->wait_ms : CONNECT_SLICE_MS));
}

/* While a file is read: takes what has come, and holds the reading back while the broker is behind. */
static void
send_along(struct load *load)
{
	if (load->report->open == 0)
		return; /* nothing of this run is to be sent: nobody is called for it */
	enum sender_state state = load->wait_ms > 0 ? step(load, 0) : SENDER_AWAY;

	/* Connecting costs the reading a moment, at most for as long as there is to wait in all. */
	if (state == SENDER_AWAY && load->wait_ms > 0 && time_left(load, sender_heard_ms(load->sender)) > 0)
		state = step(load, (int)(load->wait_ms < CONNECT_SLICE_MS ? load->wait_ms : CONNECT_SLICE_MS));
	while (state == SENDER_FULL && time_left(load, sender_heard_ms(load->sender)) > 0)
		state = step(load, 100);
}

/* After the last file: until all is settled, or nothing was heard for the time to wait. */
static enum liaison_err
send_rest(struct load *load, struct fault *fault)
{
	struct report *report = load->report;
	int64_t began = app_monotonic(load->agent->app);
	enum liaison_err err = LIAISON_OK;

	while (err == LIAISON_OK && report->open > 0 && !load_is_told_to_end(load) && !load->is_stuck) {
		int64_t heard = sender_heard_ms(load->sender);
		int left = time_left(load, heard > began ? heard : began);
		if (left == 0)
			break;
		enum sender_state state = step(load, left);
		if (state == SENDER_DONE)
			break;
		if (state == SENDER_OTHER && report->job_count == 0)
			err = report_rest(report, load->agent->post, &load->agent->home->office, false, fault);
	}
	return err;
}

/* --- taking in ------------------------------------------------------------------------------------------------------- */

/* What was read so far becomes durable: the alerts, signed, and where the reading stands. */
static enum liaison_err
commit_drafts(struct load *load, const struct intake *intake, bool is_read, struct fault *fault)
{
	struct agent *agent = load->agent;
	struct intake_mark mark;

	struct job *job = &load->jobs[load->job_count].job;

	if (load->draft_count == 0 && job->number == 0)
		return LIAISON_OK;
	if (load->draft_count > 0)
		greet(load);
	enum liaison_err err = post_begin(agent->post, fault);
	if (err == LIAISON_OK && load->draft_count > 0)
		err = compose_queue(agent, load->drafts, load->draft_count, job->number, fault);
	if (err == LIAISON_OK && job->number != 0) {
		intake_mark(intake, &mark);
		job->offset = mark.offset;
		job->line = mark.line;
		job->digest = mark.digest;
		job->queued += load->draft_count;
		job->is_read = is_read;
		job->ended_at = 0;
		err = job_advance(agent->post, job, fault);
	}
	if (err == LIAISON_OK)
		err = post_commit(agent->post, fault);
	if (err != LIAISON_OK) {
		post_rollback(agent->post);
		return err;
	}
	return note_queued(load, fault);
}

static void
show_progress(struct load *load, const struct intake *intake)
{
	struct intake_mark mark;
	char note[128] = "";

	if (!load->agent->app->has_progress)
		return;
	intake_mark(intake, &mark);
	uint64_t size = intake_size(intake);
	snprintf(note, sizeof note, "%.0f%% of the file, %" PRIu64 " accepted, %" PRIu64 " refused",
		size > 0 ? 100.0 * (double)mark.offset / (double)size : 0.0, load->report->accepted,
		load->report->refused + load->report->bad);
	progress_set(&load->progress, mark.line, note);
}

static void
note_bad(struct load *load, uint64_t line, bool is_unread, const struct fault *why)
{
	struct job *job = &load->jobs[load->job_count].job;

	job->bad++;
	job->bad_exit = err_worse_exit(job->bad_exit, report_bad(load->report, line, is_unread, why));
}

static enum liaison_err
take_text(struct load *load, const char *text, size_t len, uint64_t line, struct fault *fault)
{
	struct draft *draft = &load->drafts[load->draft_count];
	char warning[LIAISON_FAULT_BYTES];
	bool is_unread = false;
	struct fault why;

	enum liaison_err err = compose_text(load->agent, text, len, line, draft, &is_unread, warning, &why);
	if (err == LIAISON_NO_MEMORY)
		return no_memory(fault);
	if (err != LIAISON_OK) {
		note_bad(load, line, is_unread, &why);
		return LIAISON_OK;
	}
	if (warning[0] != '\0')
		say_warning(load->agent->app, "%s:%" PRIu64 ": %s", load->report->source, line, warning);
	load->draft_count++;
	load->draft_bytes += draft->body_len;
	return LIAISON_OK;
}

/* To the end of the source. `commit` is what is done with a full batch. */
typedef enum liaison_err commit_fn(struct load *load, const struct intake *intake, bool is_read, struct fault *fault);

static enum liaison_err
take_all(struct load *load, struct intake *intake, commit_fn *commit, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	const char *text = NULL;
	size_t len = 0;
	uint64_t line = 0;
	struct fault why;

	progress_begin(&load->progress, load->agent->app, intake_name(intake), 0);
	if (load->signals != NULL)
		intake_stop_on(intake, load->signals->fd);
	while (err == LIAISON_OK) {
		enum intake_result result = intake_next(intake, &text, &len, &line, &why);
		if (result == INTAKE_END || (result == INTAKE_FAILED && load_is_told_to_end(load)))
			break;
		if (result == INTAKE_FAILED) {
			*fault = why;
			err = why.code;
		} else if (result == INTAKE_BAD) {
			fault_set(fault, why.code, "%" PRIu64 ": %s", line, why.message);
			note_bad(load, line, true, fault);
		} else {
			err = take_text(load, text, len, line, fault);
		}
		if (err == LIAISON_OK && (load->draft_count == BATCH_LEAVES_MAX ||
						 load->draft_bytes + BODY_BYTES_MAX > COMPOSE_BATCH_BYTES_MAX)) {
			err = commit(load, intake, false, fault);
			show_progress(load, intake);
			if (load_is_told_to_end(load))
				break;
		}
	}
	if (err == LIAISON_OK)
		err = commit(load, intake, !load->is_stopped, fault);
	progress_end(&load->progress);
	return err;
}

static enum liaison_err
commit_and_send(struct load *load, const struct intake *intake, bool is_read, struct fault *fault)
{
	enum liaison_err err = commit_drafts(load, intake, is_read, fault);

	if (err == LIAISON_OK)
		send_along(load);
	return err;
}

/* For --dry-run and the first pass of --all-or-nothing. */
static enum liaison_err
only_look(struct load *load, const struct intake *intake, bool is_read, struct fault *fault)
{
	char who[AUDIENCE_TEXT_BYTES];

	(void)is_read;
	for (size_t i = 0; i < load->draft_count && load->is_told; i++) {
		struct audience audience;
		struct line line;
		if (audience_init(&audience, load->agent->trust) != LIAISON_OK ||
			audience_add(&audience, load->agent->trust, load->drafts[i].admitted.facts,
				app_now(load->agent->app)) != LIAISON_OK) {
			audience_clear(&audience);
			return no_memory(fault);
		}
		say_result(load->agent->app, "%s:%" PRId64 ": valid; would be seen by %s", intake_name(intake),
			load->drafts[i].line, audience_text(&audience, who));
		line_begin(&line, load->agent->app);
		line_text(&line, "file", intake_name(intake));
		line_number(&line, "line", (uint64_t)load->drafts[i].line);
		line_bool(&line, "valid", true);
		line_number(&line, "offices", audience_count(&audience));
		audience_clear(&audience);
		enum liaison_err err = line_end(&line, fault);
		if (err != LIAISON_OK)
			return err;
	}
	clear_drafts(load);
	return LIAISON_OK;
}

/* --- sources --------------------------------------------------------------------------------------------------------- */

enum liaison_err
load_init(struct load *load, struct fault *fault)
{
	for (size_t i = 0; i < LOAD_FILES_MAX; i++)
		load->jobs[i].lock = -1;
	load->drafts = calloc(BATCH_LEAVES_MAX, sizeof *load->drafts);
	load->sender = sender_new(load->agent, report_settled, load->report);
	if (load->drafts == NULL || load->sender == NULL)
		return no_memory(fault);
	fault_set(&load->away, LIAISON_UNREACHABLE, "nothing was sent yet");
	return LIAISON_OK;
}

void
load_clear(struct load *load)
{
	if (load->drafts == NULL)
		return; /* load_init never ran: nothing is held, no lock either */
	clear_drafts(load);
	free(load->drafts);
	sender_free(load->sender);
	for (size_t i = 0; i < LOAD_FILES_MAX && load->agent != NULL; i++)
		if (load->jobs[i].lock >= 0)
			home_unlock_and_remove(load->agent->home->path, load->jobs[i].lock_name, load->jobs[i].lock);
	load->drafts = NULL;
	load->sender = NULL;
}

static void
tell_stopped(struct load *load, const struct intake *intake)
{
	struct intake_mark mark;

	intake_mark(intake, &mark);
	load->report->exit_code = err_worse_exit(load->report->exit_code, EX_TEMPFAIL);
	say_note(load->agent->app, "%s: told to end after line %" PRIu64 "; %s", intake_name(intake), mark.line,
		intake_is_file(intake) ? "the same command goes on from there" : "what follows it was not read");
}

enum liaison_err
load_file(struct load *load, const char *path, struct fault *fault)
{
	struct intake *intake = NULL;
	char *real = NULL;

	if (load->job_count == LOAD_FILES_MAX)
		return fault_set(fault, LIAISON_BAD_USAGE, "at most %d files at a time", LOAD_FILES_MAX);
	enum liaison_err err = intake_open(path, &intake, fault);
	if (err == LIAISON_OK && report_source(load->report, intake_name(intake)) != LIAISON_OK)
		err = no_memory(fault);
	if (err == LIAISON_OK && intake_is_file(intake)) {
		real = realpath(path, NULL);
		err = real == NULL ? no_memory(fault) : load_job_begin(load, intake, real, fault);
	}
	if (err == LIAISON_OK && !load->jobs[load->job_count].job.is_read)
		err = take_all(load, intake, commit_and_send, fault);
	if (err == LIAISON_OK && load->is_stopped)
		tell_stopped(load, intake);
	if (err == LIAISON_OK && load->jobs[load->job_count].job.bad + load->jobs[load->job_count].job.queued == 0 &&
		intake_is_file(intake))
		say_warning(load->agent->app, "%s holds no alert", path);
	load->job_count++;
	free(real);
	intake_close(intake);
	return err;
}

enum liaison_err
load_look(struct load *load, const char *path, struct fault *fault)
{
	struct intake *intake = NULL;

	enum liaison_err err = intake_open(path, &intake, fault);
	if (err == LIAISON_OK && report_source(load->report, intake_name(intake)) != LIAISON_OK)
		err = no_memory(fault);
	if (err == LIAISON_OK)
		err = take_all(load, intake, only_look, fault);
	intake_close(intake);
	return err;
}

enum liaison_err
load_drafts(struct load *load, struct draft *drafts, size_t count, struct fault *fault)
{
	struct post *post = load->agent->post;

	for (size_t i = 0; i < count; i++) {
		load->drafts[i] = drafts[i];
		drafts[i] = (struct draft){0};
	}
	load->draft_count = count;
	greet(load);
	enum liaison_err err = post_begin(post, fault);
	if (err == LIAISON_OK)
		err = compose_queue(load->agent, load->drafts, count, 0, fault);
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK) {
		post_rollback(post);
		return err;
	}
	return note_queued(load, fault);
}

enum liaison_err
load_send(struct load *load, struct fault *fault)
{
	struct agent *agent = load->agent;

	enum liaison_err err = load->wait_ms > 0 ? send_rest(load, fault) : LIAISON_OK;
	if (err == LIAISON_OK)
		err = report_rest(load->report, agent->post, &agent->home->office, true, fault);
	for (size_t i = 0; err == LIAISON_OK && i < load->job_count; i++)
		err = load_job_end(load, &load->jobs[i].job, fault);
	/* What is left unproven is proven by the next session. */
	return err == LIAISON_OK && !load->is_stopped ? sender_finish(load->sender, fault) : err;
}
