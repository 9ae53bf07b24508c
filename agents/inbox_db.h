/* Inside of inbox.c and feed_post.c: how a place in a broker's log is one number in post.db. */
#ifndef LIAISON_AGENTS_INBOX_DB_H
#define LIAISON_AGENTS_INBOX_DB_H

#include "agents/inbox.h"
#include "agents/post_db.h"

#define INBOX_INDEX_BITS 40
#define INBOX_INDEX_MAX ((UINT64_C(1) << INBOX_INDEX_BITS) - 1)

/* LIAISON_NOT_FOUND (fault not set): this log is not known, and `is_made` is false. */
enum liaison_err inbox_position(struct post *post, const struct inbox_place *place, bool is_made, int64_t *position,
	struct fault *fault) LIAISON_MUST_CHECK;

/* A column of exactly `len` bytes; false: it has another length. */
bool column_copy(sqlite3_stmt *statement, int column, void *out, size_t len);

/* LIAISON_CORRUPT, with what to do. */
enum liaison_err inbox_damaged(const struct post *post, const char *what, struct fault *fault);

#endif
