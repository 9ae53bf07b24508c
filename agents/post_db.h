/*
 * Inside of post: one statement in one call. Only post.c, outbox.c, inbox.c and feed_post.c include this; sqlite3.h is at
 * home here.
 */
#ifndef LIAISON_AGENTS_POST_DB_H
#define LIAISON_AGENTS_POST_DB_H

#include "agents/post.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>

#define POST_STATEMENTS_MAX 64

struct post {
	sqlite3 *db;
	char *path; /* of the file, for messages */
	/* Prepared once each, found by the text's address. */
	struct {
		const char *sql;
		sqlite3_stmt *statement;
	} cache[POST_STATEMENTS_MAX];
	size_t cached;
};

/* `sql` must be a string that lives as long as the program. Its statement, reset; NULL with the fault set. */
sqlite3_stmt *post_prepare(struct post *post, const char *sql, struct fault *fault);

/*
 * Binds by `types`, one letter a parameter: 'i' int64_t, 't' const char * (NULL: null), 'b' const void *, size_t (NULL
 * pointer: null), 'n' null. Borrowed until the statement is reset.
 */
enum liaison_err post_bind(
	struct post *post, sqlite3_stmt *statement, struct fault *fault, const char *types, ...) LIAISON_MUST_CHECK;

/* Prepare, bind, run to its end. */
enum liaison_err post_run(
	struct post *post, struct fault *fault, const char *sql, const char *types, ...) LIAISON_MUST_CHECK;

/* The same; the first column of the first row into *value. LIAISON_NOT_FOUND (fault not set) where there is no row. */
enum liaison_err post_ask(struct post *post, struct fault *fault, int64_t *value, const char *sql, const char *types,
	...) LIAISON_MUST_CHECK;

/* Next row: *has_row. Resets the statement at the end or on failure. */
enum liaison_err post_step(
	struct post *post, sqlite3_stmt *statement, bool *has_row, struct fault *fault) LIAISON_MUST_CHECK;

/* The fault for what SQLite said last. */
enum liaison_err post_fault(const struct post *post, int result, struct fault *fault);

#endif
