#include "agents/post_db.h"

#include "agents/home.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POST_SCHEMA_VERSION 1
#define POST_APPLICATION_ID 0x4c49414e /* "LIAN" */
#define POST_BUSY_MS 10000

/*
 * `outbox.batch` is the sequence of its batch's first leaf: leaf = sequence - batch. `inbox.position` is
 * log.number << 40 | index. States and codes are the enums' numbers.
 */
static const char schema[] =
	"CREATE TABLE sequence (kind TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;"
	"INSERT INTO sequence VALUES ('alert', 1), ('reply', 1);"
	"CREATE TABLE checkpoint (broker TEXT PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE batch (first INTEGER PRIMARY KEY, leaf_count INTEGER NOT NULL, key BLOB NOT NULL,"
	"  signature BLOB NOT NULL);"
	"CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, batch INTEGER NOT NULL, body BLOB, body_hash BLOB NOT NULL,"
	"  state INTEGER NOT NULL, code INTEGER, message TEXT, queued_at INTEGER NOT NULL, settled_at INTEGER,"
	"  broker TEXT, epoch BLOB, idx INTEGER, job INTEGER, line INTEGER);"
	"CREATE INDEX outbox_unsettled ON outbox (state, sequence) WHERE state <> 3;"
	"CREATE INDEX outbox_job ON outbox (job, line) WHERE job IS NOT NULL AND state <> 3;"
	"CREATE TABLE job (number INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL UNIQUE, offset INTEGER NOT "
	"NULL,"
	"  line INTEGER NOT NULL, digest BLOB NOT NULL, queued INTEGER NOT NULL, bad INTEGER NOT NULL,"
	"  bad_exit INTEGER NOT NULL, is_read INTEGER NOT NULL, began_at INTEGER NOT NULL, ended_at INTEGER NOT NULL "
	"DEFAULT 0);"
	"CREATE TABLE log (number INTEGER PRIMARY KEY, broker TEXT NOT NULL, epoch BLOB NOT NULL, UNIQUE (broker, "
	"epoch));"
	"CREATE TABLE inbox (position INTEGER PRIMARY KEY, id TEXT NOT NULL, message INTEGER NOT NULL, kind INTEGER,"
	"  reference TEXT, envelope BLOB, body_hash BLOB NOT NULL, leaf_hash BLOB, disputed INTEGER NOT NULL,"
	"  received_at INTEGER NOT NULL, origin BLOB);"
	"CREATE INDEX inbox_id ON inbox (id);"
	"CREATE INDEX inbox_reference ON inbox (reference) WHERE reference IS NOT NULL;"
	"CREATE TABLE ended (id TEXT PRIMARY KEY, state INTEGER NOT NULL, reason INTEGER, by_id TEXT, at INTEGER NOT "
	"NULL)"
	"  WITHOUT ROWID;"
	"CREATE TABLE feed (number INTEGER PRIMARY KEY, broker TEXT NOT NULL, name TEXT NOT NULL, filter BLOB NOT NULL,"
	"  epoch BLOB NOT NULL, urgent INTEGER NOT NULL, ordinary INTEGER NOT NULL, UNIQUE (broker, name));"
	"CREATE TABLE shown (feed INTEGER NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (feed, position)) "
	"WITHOUT ROWID;"
	"CREATE TABLE parked (feed INTEGER NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL, envelope BLOB,"
	"  disputed INTEGER NOT NULL, origin BLOB, tries INTEGER NOT NULL, code INTEGER NOT NULL, reason TEXT NOT NULL,"
	"  parked_at INTEGER NOT NULL, is_due INTEGER NOT NULL, PRIMARY KEY (feed, position)) WITHOUT ROWID;";

/* --- statements ------------------------------------------------------------------------------------------------------ */

enum liaison_err
post_fault(const struct post *post, int result, struct fault *fault)
{
	const char *text = post->db != NULL ? sqlite3_errmsg(post->db) : sqlite3_errstr(result);

	switch (result & 0xff) {
	case SQLITE_NOMEM: return fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", post->path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fault_set(fault, LIAISON_BUSY,
			"%s: another program has held it for %d seconds; stop that program and try again", post->path,
			POST_BUSY_MS / 1000);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fault_set(fault, LIAISON_CORRUPT,
			"%s is damaged (%s): move it away and take its newest copy back; what was received comes again "
			"by "
			"`liaison feed`",
			post->path, text);
	case SQLITE_FULL:
		return fault_set(fault, LIAISON_IO, "%s: the disk is full; make room and try again", post->path);
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM: return fault_set(fault, LIAISON_IO, "%s cannot be opened for writing: %s", post->path, text);
	case SQLITE_IOERR:
		return fault_set(fault, LIAISON_IO, "%s: %s (%s)", post->path, text,
			post->db != NULL ? strerror(sqlite3_system_errno(post->db)) : "no more is known");
	default: return fault_set(fault, LIAISON_INTERNAL, "%s: %s (SQLite %d)", post->path, text, result);
	}
}

sqlite3_stmt *
post_prepare(struct post *post, const char *sql, struct fault *fault)
{
	sqlite3_stmt *statement = NULL;

	for (size_t i = 0; i < post->cached; i++)
		if (post->cache[i].sql == sql) {
			sqlite3_reset(post->cache[i].statement);
			return post->cache[i].statement;
		}
	if (post->cached == POST_STATEMENTS_MAX) {
		(void)fault_set(fault, LIAISON_INTERNAL, "post keeps too many statements");
		return NULL;
	}
	int result = sqlite3_prepare_v3(post->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
	if (result != SQLITE_OK) {
		(void)post_fault(post, result, fault);
		return NULL;
	}
	post->cache[post->cached].sql = sql;
	post->cache[post->cached].statement = statement;
	post->cached++;
	return statement;
}

static int
bind_all(sqlite3_stmt *statement, const char *types, va_list args)
{
	int result = SQLITE_OK;

	for (int at = 1; *types != '\0' && result == SQLITE_OK; types++, at++) {
		switch (*types) {
		case 'i': result = sqlite3_bind_int64(statement, at, va_arg(args, int64_t)); break;
		case 't':
			result = sqlite3_bind_text(statement, at, va_arg(args, const char *), -1, SQLITE_STATIC);
			break;
		case 'b': {
			const void *bytes = va_arg(args, const void *);
			result = sqlite3_bind_blob64(statement, at, bytes, va_arg(args, size_t), SQLITE_STATIC);
			break;
		}
		default: result = sqlite3_bind_null(statement, at); break;
		}
	}
	return result;
}

enum liaison_err
post_bind(struct post *post, sqlite3_stmt *statement, struct fault *fault, const char *types, ...)
{
	va_list args;

	va_start(args, types);
	int result = bind_all(statement, types, args);
	va_end(args);
	return result == SQLITE_OK ? LIAISON_OK : post_fault(post, result, fault);
}

enum liaison_err
post_step(struct post *post, sqlite3_stmt *statement, bool *has_row, struct fault *fault)
{
	int result = sqlite3_step(statement);

	if (result == SQLITE_ROW) {
		*has_row = true;
		return LIAISON_OK;
	}
	enum liaison_err err = result == SQLITE_DONE ? LIAISON_OK : post_fault(post, result, fault);
	sqlite3_reset(statement);
	*has_row = false;
	return err;
}

/* Prepared and bound; NULL with the fault set. */
static sqlite3_stmt *
prepare_and_bind(struct post *post, struct fault *fault, const char *sql, const char *types, va_list args)
{
	sqlite3_stmt *statement = post_prepare(post, sql, fault);

	if (statement == NULL)
		return NULL;
	int result = bind_all(statement, types, args);
	if (result != SQLITE_OK) {
		(void)post_fault(post, result, fault);
		return NULL;
	}
	return statement;
}

enum liaison_err
post_run(struct post *post, struct fault *fault, const char *sql, const char *types, ...)
{
	struct fault own = {.code = LIAISON_INTERNAL};
	bool has_row = true;
	va_list args;

	fault = fault != NULL ? fault : &own;
	va_start(args, types);
	sqlite3_stmt *statement = prepare_and_bind(post, fault, sql, types, args);
	va_end(args);
	if (statement == NULL)
		return fault->code;
	enum liaison_err err = LIAISON_OK;
	while (err == LIAISON_OK && has_row)
		err = post_step(post, statement, &has_row, fault);
	return err;
}

enum liaison_err
post_ask(struct post *post, struct fault *fault, int64_t *value, const char *sql, const char *types, ...)
{
	struct fault own = {.code = LIAISON_INTERNAL};
	bool has_row = false;
	va_list args;

	fault = fault != NULL ? fault : &own;
	va_start(args, types);
	sqlite3_stmt *statement = prepare_and_bind(post, fault, sql, types, args);
	va_end(args);
	if (statement == NULL)
		return fault->code;
	enum liaison_err err = post_step(post, statement, &has_row, fault);
	if (err != LIAISON_OK)
		return err;
	if (!has_row)
		return LIAISON_NOT_FOUND;
	*value = sqlite3_column_int64(statement, 0);
	sqlite3_reset(statement);
	return LIAISON_OK;
}

/* --- opening --------------------------------------------------------------------------------------------------------- */

/* SQLite makes files by the umask; this one holds alerts. */
static enum liaison_err
make_file(const char *path, struct fault *fault)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot open %s", path);
	close(fd);
	return LIAISON_OK;
}

static enum liaison_err
run_text(struct post *post, const char *sql, struct fault *fault)
{
	int result = sqlite3_exec(post->db, sql, NULL, NULL, NULL);
	return result == SQLITE_OK ? LIAISON_OK : post_fault(post, result, fault);
}

static enum liaison_err
bring_schema(struct post *post, struct fault *fault)
{
	char finish[128];
	int64_t version = 0;

	enum liaison_err err = post_ask(post, fault, &version, "PRAGMA user_version", "");
	if (err != LIAISON_OK || version == POST_SCHEMA_VERSION)
		return err;
	if (version > POST_SCHEMA_VERSION)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s was written by a newer liaison (schema %lld, this one knows %d); update this program",
			post->path, (long long)version, POST_SCHEMA_VERSION);
	err = post_begin(post, fault);
	if (err != LIAISON_OK)
		return err;
	/* Another program may have made it while we waited. */
	err = post_ask(post, fault, &version, "PRAGMA user_version", "");
	if (err == LIAISON_OK && version == 0) {
		snprintf(finish, sizeof finish, "PRAGMA application_id = %d; PRAGMA user_version = %d",
			POST_APPLICATION_ID, POST_SCHEMA_VERSION);
		err = run_text(post, schema, fault);
		if (err == LIAISON_OK)
			err = run_text(post, finish, fault);
	}
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK)
		post_rollback(post);
	return err;
}

enum liaison_err
post_open(const char *home, struct post **out, struct fault *fault)
{
	struct post *post = calloc(1, sizeof *post);

	if (post == NULL || (post->path = home_file(home, "post.db")) == NULL) {
		post_close(post);
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	enum liaison_err err = make_file(post->path, fault);
	if (err != LIAISON_OK)
		goto out;
	int result = sqlite3_open_v2(post->path, &post->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
	if (result != SQLITE_OK) {
		err = post_fault(post, result, fault);
		goto out;
	}
	sqlite3_extended_result_codes(post->db, 1);
	sqlite3_busy_timeout(post->db, POST_BUSY_MS);
	err = run_text(post,
		"PRAGMA trusted_schema = 0; PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL;"
		"PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY;",
		fault);
	if (err == LIAISON_OK)
		err = bring_schema(post, fault);
out:
	if (err != LIAISON_OK) {
		post_close(post);
		return err;
	}
	*out = post;
	return LIAISON_OK;
}

void
post_close(struct post *post)
{
	if (post == NULL)
		return;
	for (size_t i = 0; i < post->cached; i++)
		sqlite3_finalize(post->cache[i].statement);
	sqlite3_close(post->db);
	free(post->path);
	free(post);
}

enum liaison_err
post_check(struct post *post, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(post, "PRAGMA integrity_check(1)", fault);
	if (statement == NULL)
		return LIAISON_CORRUPT;
	enum liaison_err err = post_step(post, statement, &has_row, fault);
	if (err != LIAISON_OK)
		return err;
	const char *verdict = has_row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
	if (verdict == NULL || strcmp(verdict, "ok") != 0)
		err = fault_set(fault, LIAISON_CORRUPT,
			"%s is damaged (%s): move it away and take its newest copy back; what was received comes again "
			"by "
			"`liaison feed`",
			post->path, verdict != NULL ? verdict : "unreadable");
	sqlite3_reset(statement);
	return err;
}

/* --- transactions ---------------------------------------------------------------------------------------------------- */

enum liaison_err
post_begin(struct post *post, struct fault *fault)
{
	return post_run(post, fault, "BEGIN IMMEDIATE", "");
}

enum liaison_err
post_commit(struct post *post, struct fault *fault)
{
	return post_run(post, fault, "COMMIT", "");
}

void
post_rollback(struct post *post)
{
	if (post != NULL && post->db != NULL && sqlite3_get_autocommit(post->db) == 0)
		(void)sqlite3_exec(post->db, "ROLLBACK", NULL, NULL, NULL);
}

/* --- sequence numbers ------------------------------------------------------------------------------------------------ */

enum liaison_err
post_next_sequence(struct post *post, uint64_t *next, struct fault *fault)
{
	int64_t value = 0;

	enum liaison_err err = post_ask(post, fault, &value, "SELECT next FROM sequence WHERE kind = 'alert'", "");
	if (err == LIAISON_NOT_FOUND)
		return fault_set(fault, LIAISON_CORRUPT, "%s has lost its sequence counter; take back its newest copy",
			post->path);
	if (err == LIAISON_OK)
		*next = (uint64_t)value;
	return err;
}

enum liaison_err
post_take_sequences(struct post *post, uint64_t count, uint64_t *first, struct fault *fault)
{
	uint64_t next = 0;

	enum liaison_err err = post_next_sequence(post, &next, fault);
	if (err == LIAISON_OK && next + count > SEQUENCE_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE, "this office has used up its sequence numbers");
	if (err == LIAISON_OK)
		err = post_run(
			post, fault, "UPDATE sequence SET next = next + ?1 WHERE kind = 'alert'", "i", (int64_t)count);
	if (err == LIAISON_OK)
		*first = next;
	return err;
}

enum liaison_err
post_raise_sequence(struct post *post, uint64_t highest, struct fault *fault)
{
	if (highest >= SEQUENCE_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE, "the broker names a sequence number that cannot be");
	return post_run(post, fault, "UPDATE sequence SET next = ?1 WHERE kind = 'alert' AND next < ?1", "i",
		(int64_t)highest + 1);
}

/* --- checkpoints ----------------------------------------------------------------------------------------------------- */

enum liaison_err
post_checkpoint(struct post *post, const char *broker, Liaison__Checkpoint **out, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(post, "SELECT bytes FROM checkpoint WHERE broker = ?1", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "t", broker);
	if (err == LIAISON_OK)
		err = post_step(post, statement, &has_row, fault);
	if (err != LIAISON_OK)
		return err;
	if (!has_row)
		return LIAISON_NOT_FOUND;
	*out = liaison__checkpoint__unpack(
		NULL, (size_t)sqlite3_column_bytes(statement, 0), sqlite3_column_blob(statement, 0));
	sqlite3_reset(statement);
	if (*out == NULL)
		return fault_set(fault, LIAISON_CORRUPT,
			"%s: the checkpoint of %s is damaged; take back its newest copy", post->path, broker);
	return LIAISON_OK;
}

enum liaison_err
post_keep_checkpoint(struct post *post, const Liaison__Checkpoint *checkpoint, struct fault *fault)
{
	size_t len = liaison__checkpoint__get_packed_size(checkpoint);
	uint8_t *bytes = malloc(len);

	if (bytes == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	liaison__checkpoint__pack(checkpoint, bytes);
	enum liaison_err err = post_run(
		post, fault, "INSERT OR REPLACE INTO checkpoint VALUES (?1, ?2)", "tb", checkpoint->origin, bytes, len);
	free(bytes);
	return err;
}
