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

/* Opens or makes the file (mode 0600); checks integrity. LIAISON_CORRUPT, LIAISON_IO, with what to do. */
enum liaison_err store_open(const char *path, struct store **store, struct fault *fault) LIAISON_MUST_CHECK;
void store_close(struct store *store); /* takes NULL */

struct stored_feed {
	struct office_id office;
	char name[FEED_NAME_BYTES];
	const uint8_t *filter; /* an encoded Liaison__Filter; borrowed until the callback returns */
	size_t filter_len;
	uint8_t epoch[16];
	uint64_t urgent_cursor, ordinary_cursor;
};
enum liaison_err store_each_feed(struct store *store, void (*each)(void *arg, const struct stored_feed *feed),
	void *arg, struct fault *fault) LIAISON_MUST_CHECK;

/* Inserts or replaces, durably, before it returns. */
enum liaison_err store_put_feed(
	struct store *store, const struct stored_feed *feed, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_remove_feed(
	struct store *store, const char *office, const char *name, struct fault *fault) LIAISON_MUST_CHECK;

/* Cursors move in one transaction: begin, any number of set, commit. */
enum liaison_err store_begin(struct store *store, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_set_cursors(struct store *store, const char *office, const char *name, const uint8_t epoch[16],
	uint64_t urgent, uint64_t ordinary, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err store_commit(struct store *store, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * One refusal, with office, code, alert id (may be NULL), body hash (may be NULL) and reason; no content. Written with the
 * next commit or store_flush_audit; rows beyond AUDIT_ROWS_MAX push out the oldest.
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
