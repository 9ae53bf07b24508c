/* Which file was taken in how far: a job is found, gone on with, begun anew, ended. One program at a time has it. */
#include "agents/load_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What earlier runs left behind; what they refused counts in this one's exit code, too. */
static enum liaison_err
count_earlier(struct load *load, const struct job *job, uint64_t *waiting, uint64_t *refused, struct fault *fault)
{
	struct report *report = load->report;
	int refused_exit = 0;

	enum liaison_err err = job_count(load->agent->post, job->number, OUTBOX_QUEUED, waiting, fault);
	if (err == LIAISON_OK)
		err = job_refused(load->agent->post, job->number, refused, &refused_exit, fault);
	if (err != LIAISON_OK)
		return err;
	report->open += *waiting;
	report->exit_code = err_worse_exit(report->exit_code, err_worse_exit(job->bad_exit, refused_exit));
	return LIAISON_OK;
}

static enum liaison_err
tell_resumed(struct load *load, const char *path, const struct job *job, struct fault *fault)
{
	uint64_t waiting = 0, refused = 0;

	enum liaison_err err = count_earlier(load, job, &waiting, &refused, fault);
	if (err != LIAISON_OK)
		return err;
	say_note(load->agent->app,
		"%s: %" PRIu64 " lines were taken in before: %" PRIu64 " alerts, of which %" PRIu64 " wait and %" PRIu64
		" were refused, and %" PRIu64 " lines that were no valid alert%s",
		path, job->line, job->queued, waiting, refused, job->bad, job->is_read ? "" : "; going on from there");
	return LIAISON_OK;
}

static enum liaison_err
tell_whole(struct load *load, const char *path, const char *ended, struct fault *fault)
{
	const struct job *job = &load->jobs[load->job_count].job;
	uint64_t waiting = 0, refused = 0;
	char alerts[64], bad[64];

	enum liaison_err err = count_earlier(load, job, &waiting, &refused, fault);
	if (err != LIAISON_OK)
		return err;
	say_warning(load->agent->app,
		"%s was published whole at %s: %s, of which %" PRIu64
		" were refused, and %s no valid alert; nothing is "
		"sent; to send the whole file once more, as new alerts, add --restart",
		path, ended, text_count((size_t)job->queued, "alert", "alerts", alerts), refused,
		text_count((size_t)job->bad, "line that was", "lines that were", bad));
	return LIAISON_OK;
}

/* A job that stands somewhere: go on there. */
static enum liaison_err
resume_job(struct load *load, struct intake *intake, const char *path, struct fault *fault)
{
	struct post *post = load->agent->post;
	const struct app *app = load->agent->app;
	struct job *job = &load->jobs[load->job_count].job;
	const struct intake_mark mark = {job->offset, job->line, job->digest};
	struct fault why;
	uint64_t dropped = 0;

	enum liaison_err err = job_count(post, job->number, OUTBOX_DROPPED, &dropped, fault);
	if (err != LIAISON_OK)
		return err;
	/* All that was made of it was taken back: who publishes it again means it. */
	bool is_taken_back = job->is_read && job->queued > 0 && dropped == job->queued;
	err = load->is_restart || is_taken_back ? LIAISON_INCONSISTENT : intake_resume(intake, &mark, &why);
	if (err == LIAISON_INCONSISTENT && (load->is_restart || is_taken_back || job->queued <= 1)) {
		return job_begin(
			post, path, app_now(app), job, fault); /* another alert under an old name, or so it was asked */
	}
	if (err != LIAISON_OK)
		return fault_set(fault, err, "%s; to take the whole file in as new alerts, add --restart", why.message);
	return tell_resumed(load, path, job, fault);
}

/* A job whose file was taken in whole, and all of it settled. The same bytes are not sent twice unless that is meant. */
static enum liaison_err
meet_again(struct load *load, struct intake *intake, const char *path, struct fault *fault)
{
	struct post *post = load->agent->post;
	const struct app *app = load->agent->app;
	struct job *job = &load->jobs[load->job_count].job;
	const struct intake_mark mark = {job->offset, job->line, job->digest};
	bool has_many = job->queued + job->bad > 1;
	char ended[RFC3339_BYTES];
	uint64_t dropped = 0;
	struct fault why;

	time_format(job->ended_at, ended);
	enum liaison_err err = job_count(post, job->number, OUTBOX_DROPPED, &dropped, fault);
	if (err != LIAISON_OK)
		return err;
	if (load->is_restart || dropped == job->queued) /* or nothing of it was ever sent */
		return job_begin(post, path, app_now(app), job, fault);
	err = intake_resume(intake, &mark, &why);
	if (err == LIAISON_OK && (has_many || intake_size(intake) > job->offset)) {
		job->is_read = intake_size(intake) == job->offset;
		return job->is_read ? tell_whole(load, path, ended, fault) : tell_resumed(load, path, job, fault);
	}
	if (err == LIAISON_OK) {
		say_warning(app, "%s was published at %s, too; this is a new alert", path, ended);
		err = intake_rewind(intake, fault);
	} else if (err == LIAISON_INCONSISTENT) {
		if (has_many)
			say_warning(app,
				"%s was published at %s with other content; all that it holds now is sent as new "
				"alerts",
				path, ended);
		err = LIAISON_OK;
	} else {
		*fault = why;
	}
	return err == LIAISON_OK ? job_begin(post, path, app_now(app), job, fault) : err;
}

static enum liaison_err
find_job(struct load *load, struct intake *intake, const char *path, struct fault *fault)
{
	struct job *job = &load->jobs[load->job_count].job;

	enum liaison_err err = job_find(load->agent->post, path, job, fault);
	if (err == LIAISON_NOT_FOUND)
		return job_begin(load->agent->post, path, app_now(load->agent->app), job, fault);
	if (err != LIAISON_OK)
		return err;
	return job->ended_at != 0 ? meet_again(load, intake, path, fault) : resume_job(load, intake, path, fault);
}

/* The lock that keeps two programs from taking in one file. Its name follows from the path. */
static enum liaison_err
lock_job(struct load *load, const char *path, struct fault *fault)
{
	struct load_job *job = &load->jobs[load->job_count];
	struct digest digest;

	digest_sha256(path, strlen(path), &digest);
	snprintf(job->lock_name, sizeof job->lock_name, "load-%02x%02x%02x%02x%02x%02x", digest.bytes[0],
		digest.bytes[1], digest.bytes[2], digest.bytes[3], digest.bytes[4], digest.bytes[5]);
	for (size_t i = 0; i < load->job_count; i++)
		if (strcmp(load->jobs[i].lock_name, job->lock_name) == 0)
			return fault_set(fault, LIAISON_BAD_USAGE, "%s is named twice; it was taken in once", path);
	enum liaison_err err = home_lock(load->agent->home->path, job->lock_name, &job->lock, fault);
	if (err == LIAISON_BUSY)
		fault_set(fault, err, "another liaison is taking in %s already; wait for it to end, or stop it", path);
	return err;
}

enum liaison_err
load_job_begin(struct load *load, struct intake *intake, const char *path, struct fault *fault)
{
	enum liaison_err err = lock_job(load, path, fault);

	if (err == LIAISON_OK)
		err = find_job(load, intake, path, fault);
	if (err == LIAISON_OK && report_job(load->report, load->jobs[load->job_count].job.number) != LIAISON_OK)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	return err;
}

enum liaison_err
load_job_end(struct load *load, const struct job *job, struct fault *fault)
{
	uint64_t waiting = 0;

	if (job->number == 0 || !job->is_read || job->ended_at != 0)
		return LIAISON_OK;
	enum liaison_err err = job_count(load->agent->post, job->number, OUTBOX_QUEUED, &waiting, fault);
	return err == LIAISON_OK && waiting == 0
		       ? job_end(load->agent->post, job->number, app_now(load->agent->app), fault)
		       : err;
}
