/*
 * post.db: what an office has sent and received, in SQLite. This header opens it and holds transactions, sequence
 * numbers, checkpoints; outbox.h and inbox.h have their tables.
 *
 * What is durable before what leaves:
 *  - An alert's sequence number and its signed envelope are committed in one transaction before the first byte of it is
 *    sent. A crash before that commit leaves a number that was never used outside; a crash after it leaves a row that is
 *    sent again with the same bytes, which the broker answers with the same receipt. So: never lost, never twice.
 *  - Where an alert came from a line of a file, how far the file was read is in that same transaction (struct job).
 *  - A receipt is committed before anything is told of it, a refusal likewise.
 *  - A delivery is committed to the inbox, with the cursor of its feed, before it is acknowledged to the broker.
 *  - A broker's checkpoint is committed before anything that it proves is shown, and is only ever replaced by one that
 *    was proved to continue it.
 *
 * Rollback journal, not WAL: several programs may work on one home, and SQLite 3.40 has a fault in WAL with several
 * connections. journal_mode TRUNCATE with synchronous FULL syncs the journal's end, too, so a commit that returned stays.
 * Errors: LIAISON_IO, LIAISON_BUSY (another program holds a transaction for 10 s), LIAISON_CORRUPT, LIAISON_NO_MEMORY.
 */
#ifndef LIAISON_AGENTS_POST_H
#define LIAISON_AGENTS_POST_H

#include "proto/base/err.h"

#include "proto/log.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

struct post;

/* Opens `home`/post.db, makes it (mode 0600) and brings it to this version's schema where needed. */
enum liaison_err post_open(const char *home, struct post **out, struct fault *fault) LIAISON_MUST_CHECK;
void post_close(struct post *post); /* takes NULL; rolls back an open transaction */

/* SQLite's own look at its pages and indexes: LIAISON_CORRUPT with its first complaint. Reads the whole file. */
enum liaison_err post_check(struct post *post, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * One writer at a time: begin waits for another program's transaction. Between begin and commit nothing is durable;
 * post_rollback undoes it all, also after a failed commit, and does nothing outside of a transaction.
 */
enum liaison_err post_begin(struct post *post, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err post_commit(struct post *post, struct fault *fault) LIAISON_MUST_CHECK;
void post_rollback(struct post *post);

/* --- sequence numbers ------------------------------------------------------------------------------------------------ */

/* `count` numbers from *first on, never given before. Inside a transaction. */
enum liaison_err post_take_sequences(
	struct post *post, uint64_t count, uint64_t *first, struct fault *fault) LIAISON_MUST_CHECK;

/* The number that the next alert would get. */
enum liaison_err post_next_sequence(struct post *post, uint64_t *next, struct fault *fault) LIAISON_MUST_CHECK;

/* The broker has seen this number of ours: no lower one will be given (after a restore from an old copy). */
enum liaison_err post_raise_sequence(struct post *post, uint64_t highest, struct fault *fault) LIAISON_MUST_CHECK;

/* --- checkpoints ----------------------------------------------------------------------------------------------------- */

/* The last one held of this broker, which the caller frees; LIAISON_NOT_FOUND if none. */
enum liaison_err post_checkpoint(
	struct post *post, const char *broker, Liaison__Checkpoint **out, struct fault *fault) LIAISON_MUST_CHECK;

/* Keeps `checkpoint` as the last of its origin. That it continues the one held is the caller's proof. */
enum liaison_err post_keep_checkpoint(
	struct post *post, const Liaison__Checkpoint *checkpoint, struct fault *fault) LIAISON_MUST_CHECK;

#endif
