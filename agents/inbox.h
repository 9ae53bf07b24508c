/*
 * The inbox: every delivery that this office verified, by its place in its broker's log, and what has ended since; the
 * feeds with their cursors; and what a feed's command could not handle (parked).
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
	bool is_disputed; /* signed by a key that was stolen, from that position on */
	int64_t received_at;
	enum inbox_state state;       /* of the alert, whichever row said so */
	Liaison__NoticeReason reason; /* why it ended; 0: it lives */
};

/* `state` and `reason` are not looked at. *is_new: it was not there before. Inside a transaction. */
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
enum liaison_err inbox_count(struct post *post, uint64_t *count, struct fault *fault) LIAISON_MUST_CHECK;

/* --- feeds ----------------------------------------------------------------------------------------------------------- */

struct feed_row {
	const char *broker, *name;
	const uint8_t *filter; /* encoded Liaison__Filter */
	size_t filter_len;
	uint8_t epoch[INBOX_EPOCH_BYTES];
	uint64_t urgent, ordinary; /* first index that is not yet in the inbox */
};

typedef enum liaison_err feed_row_fn(void *arg, const struct feed_row *row, struct fault *fault);

enum liaison_err feed_keep(struct post *post, const struct feed_row *row, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err feed_forget(
	struct post *post, const char *broker, const char *name, struct fault *fault) LIAISON_MUST_CHECK;
/* `name` NULL: all. LIAISON_OK even where there is none: then `each` is not called. */
enum liaison_err feed_each(struct post *post, const char *broker, const char *name, feed_row_fn *each, void *arg,
	struct fault *fault) LIAISON_MUST_CHECK;

/* --- parked ---------------------------------------------------------------------------------------------------------- */

/* A delivery that a feed's command did not take after `tries` tries; the cursor went on without it. */
struct parked_row {
	const char *broker, *feed;
	uint64_t index;
	uint8_t epoch[INBOX_EPOCH_BYTES];
	const char *id;
	uint64_t tries;
	const char *reason;
	int64_t parked_at;
};

typedef enum liaison_err parked_row_fn(void *arg, const struct parked_row *row, struct fault *fault);

/* The delivery is in the inbox already. */
enum liaison_err parked_put(struct post *post, const struct inbox_place *place, const char *feed, uint64_t tries,
	const char *reason, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err parked_remove(
	struct post *post, const struct inbox_place *place, const char *feed, struct fault *fault) LIAISON_MUST_CHECK;
/* `feed` NULL: of all feeds. */
enum liaison_err parked_each(
	struct post *post, const char *feed, parked_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;

#endif
