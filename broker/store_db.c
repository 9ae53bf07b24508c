#include "broker/store_db.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x4c426b31 /* "LBk1", for file(1) and for whoever finds the file */
#define SCHEMA_VERSION 1

#define TO_STRING(x) #x
#define NUMBER_TEXT(x) TO_STRING(x)

/*
 * A cursor is an unsigned number kept as the signed one of the same bits. A code is kept by its name, which is stable. The
 * number of an audit row only grows, so the oldest are those with the lowest numbers.
 */
static const char schema[] =
	"CREATE TABLE feed (office TEXT NOT NULL, name TEXT NOT NULL, filter BLOB NOT NULL,"
	" epoch BLOB NOT NULL, urgent INTEGER NOT NULL, ordinary INTEGER NOT NULL,"
	" PRIMARY KEY (office, name)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE audit (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, office TEXT,"
	" code TEXT NOT NULL, alert_id TEXT, body_hash BLOB, reason TEXT) STRICT;"
	"CREATE TABLE log (one INTEGER PRIMARY KEY CHECK (one = 1), epoch BLOB NOT NULL, size INTEGER NOT NULL,"
	" root BLOB NOT NULL) STRICT;"
	"PRAGMA application_id = " NUMBER_TEXT(APPLICATION_ID) ";"
							       "PRAGMA user_version = " NUMBER_TEXT(SCHEMA_VERSION) ";";

/*
 * WAL with one connection that locks the file for itself: no shared memory, one sync a commit, and a second broker is
 * told. FULL syncs the WAL at each commit.
 */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			       "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
			       "PRAGMA journal_size_limit = 16777216;";

static const char *const statement_text[STATEMENTS] = {
	[EACH_FEED] = "SELECT office, name, filter, epoch, urgent, ordinary FROM feed ORDER BY office, name",
	[PUT_FEED] = "INSERT OR REPLACE INTO feed (office, name, filter, epoch, urgent, ordinary)"
		     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[REMOVE_FEED] = "DELETE FROM feed WHERE office = ?1 AND name = ?2",
	[SET_CURSORS] = "UPDATE feed SET epoch = ?3, urgent = ?4, ordinary = ?5 WHERE office = ?1 AND name = ?2",
	[ADD_AUDIT] = "INSERT INTO audit (at, office, code, alert_id, body_hash, reason)"
		      " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[TRIM_AUDIT] = "DELETE FROM audit WHERE number <= ?1",
	[SET_LOG] = "INSERT OR REPLACE INTO log (one, epoch, size, root) VALUES (1, ?1, ?2, ?3)",
	[GET_LOG] = "SELECT epoch, size, root FROM log",
	[EACH_AUDIT] = "SELECT at, office, code, alert_id, body_hash, reason FROM audit WHERE at >= ?1 ORDER BY number",
};

/* --- errors --------------------------------------------------------------------------------------------------------- */

enum liaison_err
store_fault(struct store *store, const char *doing, struct fault *fault)
{
	int extended = sqlite3_extended_errcode(store->db);
	const char *text = sqlite3_errmsg(store->db);
	int number = sqlite3_system_errno(store->db);

	switch (extended & 0xff) {
	case SQLITE_NOMEM: return fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory while %s", store->path, doing);
	case SQLITE_FULL:
		return fault_set(fault, LIAISON_STORAGE_FULL,
			"%s: the disk is full while %s; make room, nothing was changed", store->path, doing);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fault_set(fault, LIAISON_BUSY, "%s: another program has it open; is a broker running already?",
			store->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fault_set(fault, LIAISON_CORRUPT,
			"%s: damaged (%s while %s). The log does not depend on it: keep this file for its audit, move "
			"it and its -wal away, and start again; feeds are then set up anew by their readers",
			store->path, text, doing);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return fault_set(fault, LIAISON_IO, "%s: not writable while %s: %s%s%s", store->path, doing, text,
			number ? ": " : "", number ? strerror(number) : "");
	case SQLITE_IOERR:
		store->failed = true;
		return fault_set(fault, LIAISON_IO,
			"%s: %s while %s%s%s; nothing more is written to it until the broker is started again",
			store->path, text, doing, number ? ": " : "", number ? strerror(number) : "");
	default: return fault_set(fault, LIAISON_INTERNAL, "%s: %s while %s", store->path, text, doing);
	}
}

enum liaison_err
store_check_usable(const struct store *store, struct fault *fault)
{
	if (!store->failed)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_IO, "%s: an earlier write failed; start the broker again once the disk is well",
		store->path);
}

/* --- transactions ----------------------------------------------------------------------------------------------------- */

static enum liaison_err
execute(struct store *store, const char *sql, const char *doing, struct fault *fault)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return store_fault(store, doing, fault);
	return LIAISON_OK;
}

enum liaison_err
transaction_open(struct store *store, struct fault *fault)
{
	enum liaison_err err = store_check_usable(store, fault);

	if (err != LIAISON_OK || store->is_open)
		return err;
	err = execute(store, "BEGIN IMMEDIATE", "beginning a transaction", fault);
	store->is_open = err == LIAISON_OK;
	return err;
}

void
transaction_roll_back(struct store *store)
{
	if (sqlite3_get_autocommit(store->db) == 0)
		(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->is_open = store->in_cursors = false;
	store->audit_pending = 0;
}

struct binder
binder_start(struct store *store, enum statement which)
{
	(void)sqlite3_reset(store->statements[which]); /* repeats the error of the step before, which was told then */
	return (struct binder){.statement = store->statements[which]};
}

void
binder_text(struct binder *binder, const char *text, size_t max)
{
	int result = text == NULL ? sqlite3_bind_null(binder->statement, ++binder->at)
				  : sqlite3_bind_text(binder->statement, ++binder->at, text, (int)strnlen(text, max),
					    SQLITE_STATIC);
	binder->result = binder->result == SQLITE_OK ? result : binder->result;
}

void
binder_bytes(struct binder *binder, const void *bytes, size_t len)
{
	/* A NULL pointer would be the value NULL, and no filter is a filter of no bytes. */
	int result =
		sqlite3_bind_blob64(binder->statement, ++binder->at, bytes == NULL ? "" : bytes, len, SQLITE_STATIC);
	binder->result = binder->result == SQLITE_OK ? result : binder->result;
}

void
binder_number(struct binder *binder, int64_t number)
{
	int result = sqlite3_bind_int64(binder->statement, ++binder->at, number);
	binder->result = binder->result == SQLITE_OK ? result : binder->result;
}

enum liaison_err
binder_run(struct store *store, const struct binder *binder, const char *doing, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (binder->result != SQLITE_OK || sqlite3_step(binder->statement) != SQLITE_DONE)
		err = store_fault(store, doing, fault);
	(void)sqlite3_reset(binder->statement);
	(void)sqlite3_clear_bindings(binder->statement);
	if (err != LIAISON_OK)
		transaction_roll_back(store);
	return err;
}

enum liaison_err
transaction_commit(struct store *store, const char *doing, struct fault *fault)
{
	enum liaison_err err = store_check_usable(store, fault);

	if (err == LIAISON_OK && store->is_open && store->audit_pending > 0 && store->audit_last > AUDIT_ROWS_MAX) {
		struct binder binder = binder_start(store, TRIM_AUDIT);
		binder_number(&binder, store->audit_last - AUDIT_ROWS_MAX);
		err = binder_run(store, &binder, "trimming the audit", fault);
	}
	if (err == LIAISON_OK && store->is_open)
		err = execute(store, "COMMIT", doing, fault);
	if (err != LIAISON_OK)
		transaction_roll_back(store);
	store->is_open = store->in_cursors = false;
	store->audit_pending = 0;
	return err;
}

/* --- opening ---------------------------------------------------------------------------------------------------------- */

/* SQLite makes its files with the mode of the first one, so that is made here. */
static enum liaison_err
make_file(const char *path, bool *is_new, struct fault *fault)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	*is_new = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fault_errno(fault, LIAISON_IO, errno, "%s: cannot be opened for writing", path);
	enum liaison_err err = LIAISON_OK;
	if (fstat(fd, &st) != 0)
		err = fault_errno(fault, LIAISON_IO, errno, "%s: fstat", path);
	else if (!S_ISREG(st.st_mode))
		err = fault_set(fault, LIAISON_IO, "%s: not a regular file", path);
	else if ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) != 0)
		err = fault_errno(fault, LIAISON_IO, errno,
			"%s: others may read or write it, and its mode cannot be set to 0600", path);
	(void)close(fd);
	return err;
}

static enum liaison_err
sync_folder_of(const char *path, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	char *copy = strdup(path);
	int fd = -1;

	if (copy == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		err = fault_errno(fault, LIAISON_IO, errno, "%s: its folder cannot be synced", path);
	if (fd >= 0)
		(void)close(fd);
	free(copy);
	return err;
}

/* The first column of the only row of a query that gives one number, or one text that is compared with `text`. */
static enum liaison_err
ask(struct store *store, const char *sql, const char *text, int64_t *number, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL) != SQLITE_OK ||
		sqlite3_step(statement) != SQLITE_ROW)
		err = store_fault(store, "opening it", fault);
	else if (text == NULL)
		*number = sqlite3_column_int64(statement, 0);
	else {
		const char *answer = (const char *)sqlite3_column_text(statement, 0);
		*number = answer != NULL && strcmp(answer, text) == 0;
	}
	(void)sqlite3_finalize(statement);
	return err;
}

static enum liaison_err
check_schema(struct store *store, struct fault *fault)
{
	int64_t id = 0, version = 0, tables = 0, is_whole = 0, is_wal = 0;
	enum liaison_err err = execute(store, settings, "opening it", fault);

	if (err == LIAISON_OK)
		err = ask(store, "PRAGMA journal_mode", "wal", &is_wal, fault);
	if (err == LIAISON_OK)
		err = ask(store, "PRAGMA application_id", NULL, &id, fault);
	if (err == LIAISON_OK)
		err = ask(store, "PRAGMA user_version", NULL, &version, fault);
	if (err == LIAISON_OK)
		err = ask(store, "SELECT count(*) FROM sqlite_schema", NULL, &tables, fault);
	if (err != LIAISON_OK)
		return err;
	if (!is_wal)
		return fault_set(fault, LIAISON_IO, "%s: SQLite cannot keep a write-ahead log here", store->path);
	if (id == 0 && version == 0 && tables == 0) {
		err = transaction_open(store, fault);
		if (err == LIAISON_OK)
			err = execute(store, schema, "making its tables", fault);
		return err == LIAISON_OK ? transaction_commit(store, "making its tables", fault) : err;
	}
	if (id != APPLICATION_ID)
		return fault_set(fault, LIAISON_CORRUPT,
			"%s: a database, but not one that liaisond made; move it away and start again", store->path);
	if (version != SCHEMA_VERSION)
		return fault_set(fault, LIAISON_UNSUPPORTED_VERSION,
			"%s: of version %" PRId64 ", and this liaisond knows version %d; use the liaisond that made it",
			store->path, version, SCHEMA_VERSION);
	err = ask(store, "PRAGMA quick_check(1)", "ok", &is_whole, fault);
	if (err == LIAISON_OK && !is_whole)
		return fault_set(fault, LIAISON_CORRUPT,
			"%s: damaged (SQLite's quick_check). The log does not depend on it: keep this file for its "
			"audit, move it and its -wal away, and start again; feeds are then set up anew by their "
			"readers",
			store->path);
	return err;
}

enum liaison_err
store_open(const char *path, struct store **out, struct fault *fault)
{
	struct store *store = calloc(1, sizeof *store);
	bool is_new = false;
	enum liaison_err err = make_file(path, &is_new, fault);

	if (err == LIAISON_OK && (store == NULL || (store->path = strdup(path)) == NULL))
		err = fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", path);
	if (err != LIAISON_OK)
		goto out;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK) {
		err = store->db == NULL ? fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", path)
					: store_fault(store, "opening it", fault);
		goto out;
	}
	(void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	err = check_schema(store, fault);
	for (int i = 0; err == LIAISON_OK && i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(store->db, statement_text[i], -1, SQLITE_PREPARE_PERSISTENT,
			    &store->statements[i], NULL) != SQLITE_OK)
			err = store_fault(store, "preparing a statement", fault);
	if (err == LIAISON_OK && is_new)
		err = sync_folder_of(path, fault);
out:
	if (err != LIAISON_OK) {
		store_close(store);
		return err;
	}
	*out = store;
	return LIAISON_OK;
}

void
store_close(struct store *store)
{
	struct fault fault;

	if (store == NULL)
		return;
	/* Best effort: whoever needs to know flushes before. */
	if (store->is_open && (store->in_cursors || transaction_commit(store, "closing it", &fault) != LIAISON_OK))
		transaction_roll_back(store);
	for (int i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(store->statements[i]);
	(void)sqlite3_close(store->db);
	free(store->path);
	free(store);
}
