/*
 * The inbox: every delivery that this office verified, by its place in its broker's log, and what has ended since.
 * feed_post.h has the feeds that they came by.
 *
 * A delivery is put in, and its feed's cursor moved, in one transaction of post.h before the broker is told. The same
 * position again is the same delivery, so a feed that begins anew puts nothing in twice.
 */
#ifndef LIAISON_AGENTS_INBOX_H
#define LIAISON_AGENTS_INBOX_H

#include "agents/post.h"
#include "proto/base/digest.h"

#include "proto/alert.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define INBOX_EPOCH_BYTES 16

enum inbox_state {
	INBOX_LIVE = 0,
	INBOX_CANCELLED = 1,
	INBOX_REDACTED = 2,
	INBOX_SUPERSEDED = 3,
	INBOX_ERASED = 4, /* no envelope any more, leaf hash and reason alone */
};

/* A place in a broker's log. */
struct inbox_place {
	const char *broker;
	uint8_t epoch[INBOX_EPOCH_BYTES];
	uint64_t index;
};

struct inbox_row {
	struct inbox_place place;
	const char *id; /* of the alert or notice */
	Liaison__MessageType message;
	Liaison__Kind kind;      /* 0: a notice */
	const char *reference;   /* the alert that it changes or ends; NULL: none */
	const uint8_t *envelope; /* encoded Liaison__Envelope; NULL: erased */
	size_t envelope_len;
	struct digest body_hash;
	const uint8_t *origin; /* encoded Liaison__Origin; NULL: it entered the network at this broker */
	size_t origin_len;
	struct digest leaf_hash; /* of an erased one; else zero */
	bool is_disputed;        /* signed by a key that was stolen, from that position on */
	int64_t received_at;
	enum inbox_state state;       /* of the alert, whichever row said so */
	Liaison__NoticeReason reason; /* why it ended; 0: it lives */
};

/* `state`, `reason` and `leaf_hash` are not looked at. *is_new: it was not there before. Inside a transaction. */
enum liaison_err inbox_put(
	struct post *post, const struct inbox_row *row, bool *is_new, struct fault *fault) LIAISON_MUST_CHECK;

/* A notice was verified: alert `id` has ended by notice `by_id`. May come before the alert. Terminal states stay. */
enum liaison_err inbox_end_alert(struct post *post, const char *id, enum inbox_state state,
	Liaison__NoticeReason reason, const char *by_id, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;

/* The content goes from every row of this id; the id, its leaf hash and the reason stay. */
enum liaison_err inbox_erase(struct post *post, const char *id, const uint8_t leaf_hash[32],
	Liaison__NoticeReason reason, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;

/* The row is borrowed for the call. Not LIAISON_OK ends the walk and is its result. No writing from within. */
typedef enum liaison_err inbox_row_fn(void *arg, const struct inbox_row *row, struct fault *fault);

/* The newest row of this id; LIAISON_NOT_FOUND (fault not set) if there is none. */
enum liaison_err inbox_find(
	struct post *post, const char *id, inbox_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* Everything that refers to this id: its updates and notices, as they came. */
enum liaison_err inbox_each_about(
	struct post *post, const char *id, inbox_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* The newest `limit` rows (0: all), oldest first. */
enum liaison_err inbox_each(
	struct post *post, uint64_t limit, inbox_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* All of one log from record `from` on, by place; no more than `limit` rows. */
enum liaison_err inbox_each_of_log(struct post *post, const struct inbox_place *from, uint64_t limit,
	inbox_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* Every log that something was received of; `index` is 0. */
typedef enum liaison_err inbox_log_fn(void *arg, const struct inbox_place *log, struct fault *fault);
enum liaison_err inbox_each_log(
	struct post *post, inbox_log_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* Every id under which there are two different bodies. */
typedef enum liaison_err inbox_id_fn(void *arg, const char *id, struct fault *fault);
enum liaison_err inbox_each_conflict(
	struct post *post, inbox_id_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err inbox_count(struct post *post, uint64_t *count, struct fault *fault) LIAISON_MUST_CHECK;

#endif
