/*
 * Files of alerts into the outbox, and the outbox to the broker, both at once.
 *
 * A file is a job: how far it was taken in is committed with the alerts that were made of it, so that a load that was
 * killed goes on at the next line, and a file of several alerts that was published whole is not sent twice; a single
 * alert is sent as often as it is published. What is read ahead of the broker is a few batches, or without a broker the
 * whole file, which then waits in the outbox. One program at a time takes in one file.
 */
#ifndef LIAISON_AGENTS_LOAD_H
#define LIAISON_AGENTS_LOAD_H

#include "agents/compose.h"
#include "agents/intake.h"
#include "agents/report.h"
#include "agents/sender.h"
#include "agents/signals.h"

#define LOAD_FILES_MAX 1024

/* One file of this run. */
struct load_job {
	struct job job; /* number 0: a stream, which cannot be taken up again */
	int lock;       /* -1: none */
	char lock_name[32];
};

struct load {
	struct agent *agent;     /* borrowed */
	struct report *report;   /* borrowed */
	struct sender *sender;   /* owned */
	struct signals *signals; /* borrowed; NULL: they do what they do to any program */
	int64_t wait_ms;         /* for the broker's next word; 0: nothing is sent */
	bool is_restart;         /* take files in from their beginning */
	bool is_told;            /* look only: say of each alert who would see it */
	struct draft *drafts;    /* BATCH_LEAVES_MAX, owned */
	size_t draft_count, draft_bytes;
	struct load_job jobs[LOAD_FILES_MAX];
	size_t job_count;
	struct fault away; /* why nothing is sent, when it is not */
	bool has_greeted;  /* a first connection was tried, before numbers were given */
	bool is_stuck;     /* nothing more will be sent in this run */
	bool is_stopped;   /* told to end: nothing more is read, either */
	struct progress progress;
};

/* `load` must be zeroed but for the fields that say borrowed, wait_ms and the two switches. LIAISON_NO_MEMORY. */
enum liaison_err load_init(struct load *load, struct fault *fault) LIAISON_MUST_CHECK;
void load_clear(struct load *load);

/*
 * Takes in one source, and sends along. Lines that are no alerts are told to the report and do not end it.
 * LIAISON_IO, LIAISON_BUSY (another program takes it in), LIAISON_INCONSISTENT (it changed where it was taken in), and
 * what post says.
 */
enum liaison_err load_file(struct load *load, const char *path, struct fault *fault) LIAISON_MUST_CHECK;

/* Whether a signal asked for an end, now or before. What was taken in stays in the outbox. */
bool load_is_told_to_end(struct load *load);

/* Reads and checks one source, and neither stores nor sends. */
enum liaison_err load_look(struct load *load, const char *path, struct fault *fault) LIAISON_MUST_CHECK;

/* Puts one alert or a few that were composed elsewhere into the outbox, signed as one batch. Clears the drafts. */
enum liaison_err load_drafts(
	struct load *load, struct draft *drafts, size_t count, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Sends until all of this run is settled or nothing more was for wait_ms; tells the report what still waits; ends the
 * jobs that are settled; proves the newest checkpoint.
 */
enum liaison_err load_send(struct load *load, struct fault *fault) LIAISON_MUST_CHECK;

#endif
