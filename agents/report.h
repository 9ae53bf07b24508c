/*
 * What publish, update and cancel say of each alert they sent: a line when it was accepted or refused, one for what still
 * waits, a sum at the end; and the exit code that comes of it all.
 */
#ifndef LIAISON_AGENTS_REPORT_H
#define LIAISON_AGENTS_REPORT_H

#include "agents/agent.h"
#include "agents/audience.h"
#include "agents/dispatch.h"
#include "agents/say.h"

#define REPORT_LINES_MAX 20 /* accepted alerts that are told one by one on a terminal */

struct report {
	const struct app *app;
	struct audience audience; /* of all that was queued in this run */
	bool has_audience;
	char *source;  /* owned: the file that is being worked on; NULL: none */
	int64_t *jobs; /* owned: the files of this run */
	size_t job_count;
	uint64_t first;       /* the first sequence of this run; SEQUENCE_MAX: none yet */
	unsigned char *marks; /* by sequence - first: 0 not of this run, else MARK_ bits. Owned */
	size_t mark_count;
	uint64_t open; /* queued in this run or job and not told yet */
	uint64_t accepted, refused, bad;
	uint64_t others;                       /* of earlier runs and other programs, that this one sent */
	uint64_t deferred;                     /* words of "not now" */
	char last_reason[LIAISON_FAULT_BYTES]; /* of those */
	int exit_code;
};

enum liaison_err report_init(struct report *report, const struct app *app, struct trust *trust) LIAISON_MUST_CHECK;
void report_clear(struct report *report);

/* The file that line numbers are of. */
enum liaison_err report_source(struct report *report, const char *name) LIAISON_MUST_CHECK;

/* Alerts of this job count as this run's, whenever they were taken in. 0: none. */
enum liaison_err report_job(struct report *report, int64_t job) LIAISON_MUST_CHECK;

/*
 * A line that is no alert that could be sent. `is_unread`: it could not be parsed, the message has line and column.
 * Returns the exit code that the line calls for, which counts from now on.
 */
int report_bad(struct report *report, uint64_t line, bool is_unread, const struct fault *fault);

/* `count` alerts from `sequence` on were queued. LIAISON_NO_MEMORY. */
enum liaison_err report_queued(struct report *report, uint64_t sequence, size_t count) LIAISON_MUST_CHECK;

/* settled_fn; `arg` is the report. Alerts of earlier runs are told as notes and do not count. */
void report_settled(void *arg, const struct settled *settled);

/* What another program settled meanwhile is read from the outbox; then one line for each that still waits. */
enum liaison_err report_rest(struct report *report, struct post *post, const struct office_id *office, bool is_over,
	struct fault *fault) LIAISON_MUST_CHECK;

/* The sum, and the exit code: `why` says why alerts wait, if any do. */
int report_end(struct report *report, const struct fault *why);

#endif
