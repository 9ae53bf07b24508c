/*
 * state.db: what the log can't rebuild - the feeds with their cursors, and the audit of refusals. SQLite, one connection,
 * used by the core thread alone. Cursors may be behind what a reader acknowledged (it is then served again, at least
 * once), never ahead.
 */
#ifndef LIAISON_BROKER_STORE_H
#define LIAISON_BROKER_STORE_H

#include "proto/address.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define FEED_NAME_BYTES 64 /* with NUL: [A-Za-z0-9._-]{1,63} */

struct store;

/*
 * Opens or makes the file (mode 0600); checks integrity. LIAISON_CORRUPT (also: some other program's), LIAISON_BUSY (open
 * in another process), LIAISON_UNSUPPORTED_VERSION (a later liaisond made it), LIAISON_STORAGE_FULL, LIAISON_NO_MEMORY,
 * LIAISON_IO, each with what to do.
 *
 * All that writes may fail with LIAISON_STORAGE_FULL (nothing was changed; it may be tried again) or LIAISON_IO (then every
 * later write fails too, until the store is opened again). A failure gives up the open transaction: cursors set and audit
 * rows written since the last commit.
 */
enum liaison_err store_open(const char *path, struct store **store, struct fault *fault) LIAISON_MUST_CHECK;
/* Takes NULL. Commits pending audit rows where it can, and gives up a transaction that was begun. */
void store_close(struct store *store);

struct stored_feed {
	struct office_id office;
	char name[FEED_NAME_BYTES];
	const uint8_t *filter; /* an encoded Liaison__Filter; borrowed until the callback returns */
	size_t filter_len;
	uint8_t epoch[16];
	uint64_t urgent_cursor, ordinary_cursor;
};
enum liaison_err store_each_feed(struct store *store, void (*each)(void *arg, const struct stored_feed *feed),
	void *arg, struct fault *fault) LIAISON_MUST_CHECK; /* `each` must not call the store */

/* Inserts or replaces, or removes (what is not there is removed already); durable when it returns. Not inside a begin. */
enum liaison_err store_put_feed(
	struct store *store, const struct stored_feed *feed, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_remove_feed(
	struct store *store, const char *office, const char *name, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Cursors move in one transaction: begin, any number of set (LIAISON_NOT_FOUND: no such feed; the others stand), commit,
 * which is durable when it returns.
 */
enum liaison_err store_begin(struct store *store, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_set_cursors(struct store *store, const char *office, const char *name, const uint8_t epoch[16],
	uint64_t urgent, uint64_t ordinary, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_commit(struct store *store, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The log as it was last seen, so that a log folder that vanished, or lost its end in a way that looks like a crash, is
 * noticed at the next start. It may be behind the log, never ahead: it is written after the log is durable.
 */
struct stored_log {
	uint8_t epoch[16];
	uint64_t size;
	struct digest root;
};
/* Within the open transaction of cursors. */
enum liaison_err store_set_log(
	struct store *store, const struct stored_log *log, struct fault *fault) LIAISON_MUST_CHECK;
/* LIAISON_NOT_FOUND: no log was seen yet. */
enum liaison_err store_get_log(struct store *store, struct stored_log *log, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * One refusal, with office, code, alert id, body hash and reason (each but the code may be NULL; texts are cut at their
 * types' length); no content. Durable with the next commit, store_put_feed, store_remove_feed or store_flush_audit; rows
 * beyond AUDIT_ROWS_MAX push out the oldest.
 */
#define AUDIT_ROWS_MAX 1000000
struct audit_row {
	int64_t at;
	const char *office;
	enum liaison_err code;
	const char *alert_id;
	const struct digest *body_hash;
	const char *reason;
};
enum liaison_err store_audit(struct store *store, const struct audit_row *row, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_flush_audit(struct store *store, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_each_audit(struct store *store, int64_t since,
	void (*each)(void *arg, const struct audit_row *row), void *arg, struct fault *fault) LIAISON_MUST_CHECK;

#endif
