/*
 * The feeds' part of post.db: each feed's filter and cursors, what it has shown, and what is parked.
 *
 * A feed is known by its broker and name; its number stands for both. Its cursors are moved in the transaction that puts
 * what they passed into the inbox. What it has shown is kept alert by alert, since a changed filter or a new right makes
 * the broker send the past again, and what was shown once is not shown twice.
 */
#ifndef LIAISON_AGENTS_FEED_POST_H
#define LIAISON_AGENTS_FEED_POST_H

#include "agents/inbox.h"

#define FEED_NAME_MAX 63
#define FEED_PARKED_MAX 10000 /* of one feed; more than that, and something is wrong with its command */

/* 1 to FEED_NAME_MAX of A-Z a-z 0-9 . _ - as the broker has it. */
bool feed_post_name_is_valid(const char *name);

struct feed_row {
	int64_t number;
	const char *broker, *name;
	const uint8_t *filter; /* encoded Liaison__Filter, in its normal form */
	size_t filter_len;
	uint8_t epoch[INBOX_EPOCH_BYTES];
	uint64_t urgent, ordinary; /* first index that is not yet safe here */
};

typedef enum liaison_err feed_row_fn(void *arg, const struct feed_row *row, struct fault *fault);

/* Makes the feed (`number` is not looked at) or changes it; *number is its own. */
enum liaison_err feed_post_keep(
	struct post *post, const struct feed_row *row, int64_t *number, struct fault *fault) LIAISON_MUST_CHECK;
/* The cursors alone. */
enum liaison_err feed_post_move(
	struct post *post, int64_t number, uint64_t urgent, uint64_t ordinary, struct fault *fault) LIAISON_MUST_CHECK;
/* With what it has shown and parked. */
enum liaison_err feed_post_forget(
	struct post *post, const char *broker, const char *name, struct fault *fault) LIAISON_MUST_CHECK;
/* `broker`, `name` NULL: any. LIAISON_OK even where there is none: then `each` is not called. */
enum liaison_err feed_post_each(struct post *post, const char *broker, const char *name, feed_row_fn *each, void *arg,
	struct fault *fault) LIAISON_MUST_CHECK;

/* --- shown ----------------------------------------------------------------------------------------------------------- */

enum liaison_err shown_has(struct post *post, int64_t feed, const struct inbox_place *place, bool *has,
	struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err shown_put(
	struct post *post, int64_t feed, const struct inbox_place *place, struct fault *fault) LIAISON_MUST_CHECK;
/* From this place of its log on: the feed was told to begin there again. */
enum liaison_err shown_forget(
	struct post *post, int64_t feed, const struct inbox_place *from, struct fault *fault) LIAISON_MUST_CHECK;

/* --- parked ---------------------------------------------------------------------------------------------------------- */

/* A delivery that the cursor passed without its having been taken. */
struct parked_row {
	int64_t feed;
	const char *feed_name; /* not looked at by parked_put */
	struct inbox_place place;
	const char *id;          /* "" where not even that could be read */
	const uint8_t *envelope; /* of one that did not verify, encoded; NULL: it is in the inbox, or was not kept */
	size_t envelope_len;
	bool is_disputed;
	const uint8_t *origin;
	size_t origin_len;
	uint64_t tries;
	enum liaison_err code; /* why it did not verify; LIAISON_OK: the feed's command did not take it */
	const char *reason;
	int64_t parked_at;
	bool is_due; /* to be tried once more when the feed runs */
};

typedef enum liaison_err parked_row_fn(void *arg, const struct parked_row *row, struct fault *fault);

/* Replaces one of the same place. LIAISON_TOO_LARGE: the feed has FEED_PARKED_MAX. */
enum liaison_err parked_put(struct post *post, const struct parked_row *row, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err parked_remove(
	struct post *post, int64_t feed, const struct inbox_place *place, struct fault *fault) LIAISON_MUST_CHECK;
/* `name` NULL: of all feeds. */
enum liaison_err parked_each(
	struct post *post, const char *name, parked_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* The first that is due of this feed; LIAISON_NOT_FOUND (fault not set) if none is. */
enum liaison_err parked_next_due(
	struct post *post, int64_t feed, parked_row_fn *each, void *arg, struct fault *fault) LIAISON_MUST_CHECK;
/* All of the feeds of this name: due, or gone. *count says how many. */
enum liaison_err parked_set_due(
	struct post *post, const char *name, uint64_t *count, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err parked_drop(
	struct post *post, const char *name, uint64_t *count, struct fault *fault) LIAISON_MUST_CHECK;

#endif
