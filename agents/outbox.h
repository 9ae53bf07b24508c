/*
 * The outbox: every alert that this office signed, from before it was first sent until long after it was accepted, batch
 * by batch as they were signed. Accepted ones stay as the office's own record. And jobs: how far a file of alerts was
 * taken in, so that a load that was killed goes on where it stood.
 *
 * All writing happens inside a transaction of post.h; what is promised about durability is told there.
 */
#ifndef LIAISON_AGENTS_OUTBOX_H
#define LIAISON_AGENTS_OUTBOX_H

#include "agents/post.h"
#include "proto/base/digest.h"
#include "proto/keys.h"

#include <stddef.h>
#include <stdint.h>

#define EPOCH_BYTES 16

enum outbox_state {
	OUTBOX_QUEUED =
		1, /* to be sent (again); `code` says why it was not taken so far, LIAISON_OK if never answered */
	OUTBOX_REFUSED = 2,  /* for good */
	OUTBOX_ACCEPTED = 3, /* durable at the broker */
	OUTBOX_DROPPED = 4,  /* taken back by its author before it was known to be accepted */
};
#define OUTBOX_BIT(state) (1U << (state))

struct outbox_row {
	uint64_t sequence;
	uint64_t batch; /* sequence of the batch's first leaf; leaf = sequence - batch */
	enum outbox_state state;
	const uint8_t *body; /* NULL: dropped */
	size_t body_len;
	struct digest body_hash;
	enum liaison_err code;
	const char *message; /* the refusal's, "" if none */
	int64_t queued_at, settled_at;
	const char *broker; /* where it was accepted; NULL otherwise */
	uint8_t epoch[EPOCH_BYTES];
	uint64_t index;
	int64_t job, line; /* where it came from; 0: from no file */
};

/* --- putting in, and what became of it ------------------------------------------------------------------------------- */

/* One signature over `leaf_count` alerts, numbered from `first` on. */
enum liaison_err outbox_put_batch(struct post *post, uint64_t first, uint32_t leaf_count, const struct key_id *key,
	const uint8_t signature[SIGNATURE_BYTES], struct fault *fault) LIAISON_MUST_CHECK;
/* One of its alerts, queued at `now`. */
enum liaison_err outbox_put(struct post *post, uint64_t batch, uint64_t sequence, const uint8_t *body, size_t body_len,
	const struct digest *body_hash, int64_t job, int64_t line, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;

enum liaison_err outbox_accept(struct post *post, uint64_t sequence, const char *broker,
	const uint8_t epoch[EPOCH_BYTES], uint64_t index, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;
/* A refusal for now leaves it queued; one for good does not. An accepted one stays accepted. */
enum liaison_err outbox_refuse(struct post *post, uint64_t sequence, enum liaison_err code, const char *message,
	int64_t now, struct fault *fault) LIAISON_MUST_CHECK;
/* Queued or refused ones only; LIAISON_NOT_FOUND for any other. */
enum liaison_err outbox_drop(struct post *post, uint64_t sequence, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;
/* Refused for good, to be sent once more all the same (the roster may have changed). LIAISON_NOT_FOUND for any other. */
enum liaison_err outbox_requeue(struct post *post, uint64_t sequence, struct fault *fault) LIAISON_MUST_CHECK;

/* --- looking --------------------------------------------------------------------------------------------------------- */

/* The row is borrowed for the call. Not LIAISON_OK ends the walk and is its result. No writing from within. */
typedef enum liaison_err outbox_row_fn(void *arg, const struct outbox_row *row, struct fault *fault);

/* Rows in any of `states` (OUTBOX_BIT) from this sequence on, ascending. */
enum liaison_err outbox_each(struct post *post, uint64_t from, unsigned states, outbox_row_fn *each, void *arg,
	struct fault *fault) LIAISON_MUST_CHECK;
/* One row; LIAISON_NOT_FOUND (fault not set) if there is none. */
enum liaison_err outbox_find(
	struct post *post, uint64_t sequence, outbox_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err outbox_count(
	struct post *post, unsigned states, uint64_t *count, struct fault *fault) LIAISON_MUST_CHECK;

/* --- sending --------------------------------------------------------------------------------------------------------- */

struct outbox_item {
	uint64_t sequence;
	uint8_t *body;
	size_t body_len;
	struct digest body_hash;
	int64_t job, line;
};

/* The queued alerts of one batch, with what proves their signature. Owns its memory. */
struct outbox_batch {
	uint64_t first;
	uint32_t leaf_count;
	struct key_id key;
	uint8_t signature[SIGNATURE_BYTES];
	struct digest *leaves;     /* of all leaf_count alerts, for paths; NULL where all of them are in `items` */
	struct outbox_item *items; /* ascending */
	size_t count;
};

/* The first batch with a queued alert of a sequence above `after`; LIAISON_NOT_FOUND (fault not set) if there is none. */
enum liaison_err outbox_next_batch(
	struct post *post, uint64_t after, struct outbox_batch *out, struct fault *fault) LIAISON_MUST_CHECK;
void outbox_batch_clear(struct outbox_batch *batch);

/* --- jobs ------------------------------------------------------------------------------------------------------------ */

/* A file of alerts that is being taken in, until all of it is settled and reported (job_end). */
struct job {
	int64_t number;
	uint64_t offset;      /* bytes of the file that were taken in */
	uint64_t line;        /* lines of it */
	struct digest digest; /* SHA-256 of these bytes: is it still the same file? */
	uint64_t queued;      /* alerts made of it */
	uint64_t bad;         /* lines that are no valid alert; they were reported when they were read */
	int bad_exit;         /* the exit code that they call for together; 0: none was bad */
	bool is_read;         /* to its end */
	int64_t began_at;
	int64_t ended_at; /* 0: not yet */
};

/* LIAISON_NOT_FOUND (fault not set): none for this (absolute) path. */
enum liaison_err job_find(struct post *post, const char *path, struct job *out, struct fault *fault) LIAISON_MUST_CHECK;
/* Anew, over one of the same path that has ended or is given up. */
enum liaison_err job_begin(
	struct post *post, const char *path, int64_t now, struct job *out, struct fault *fault) LIAISON_MUST_CHECK;
/* Inside the transaction that queues what was read; one that had ended has not any more. */
enum liaison_err job_advance(struct post *post, const struct job *job, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err job_end(struct post *post, int64_t number, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;
/* How many of its alerts were refused for good, and the exit code that they call for together (0: none). */
enum liaison_err job_refused(
	struct post *post, int64_t number, uint64_t *count, int *exit_code, struct fault *fault) LIAISON_MUST_CHECK;
/* How many of its alerts are in this state. */
enum liaison_err job_count(struct post *post, int64_t number, enum outbox_state state, uint64_t *count,
	struct fault *fault) LIAISON_MUST_CHECK;

#endif
