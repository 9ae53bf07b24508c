/*
 * The database behind store.h: its schema, its one connection, transactions, and what SQLite's errors mean. With store.c the
 * only place that knows SQLite.
 *
 * A transaction is opened by whoever writes first and ends with the next commit. Whatever fails inside gives all of it up.
 * After an I/O error nothing more is written: what a later sync says is worth nothing, for the kernel may have forgotten
 * the pages that it could not write.
 */
#ifndef LIAISON_BROKER_STORE_DB_H
#define LIAISON_BROKER_STORE_DB_H

#include "broker/store.h"

#include <sqlite3.h>

enum statement {
	EACH_FEED,
	PUT_FEED,
	REMOVE_FEED,
	SET_CURSORS,
	ADD_AUDIT,
	TRIM_AUDIT,
	EACH_AUDIT,
	SET_LOG,
	GET_LOG,
	STATEMENTS,
};

struct store {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[STATEMENTS];
	bool is_open; /* a transaction is */
	bool in_cursors;
	size_t audit_pending; /* rows of the open transaction */
	int64_t audit_last;   /* number of the newest row */
	bool failed;          /* an I/O error came: what later syncs say is worth nothing */
};

/* The code and sentence of the connection's last error, which came up while `doing` ("writing a feed"). */
enum liaison_err store_fault(struct store *store, const char *doing, struct fault *fault) LIAISON_MUST_CHECK;

/* LIAISON_IO after an earlier I/O error. */
enum liaison_err store_check_usable(const struct store *store, struct fault *fault) LIAISON_MUST_CHECK;

/* Does nothing where one is open. */
enum liaison_err transaction_open(struct store *store, struct fault *fault) LIAISON_MUST_CHECK;
/* What was in it is gone, audit rows too. */
void transaction_roll_back(struct store *store);
/* Trims the audit, and is on the disk when it returns LIAISON_OK. Does nothing where none is open. */
enum liaison_err transaction_commit(struct store *store, const char *doing, struct fault *fault) LIAISON_MUST_CHECK;

/* Starts a statement over; values are bound in order and borrowed until the statement has run. A failure sticks. */
struct binder {
	sqlite3_stmt *statement;
	int at;
	int result;
};
struct binder binder_start(struct store *store, enum statement which);
void binder_text(struct binder *binder, const char *text, size_t max); /* NULL is SQL's; cut at `max` bytes */
void binder_bytes(struct binder *binder, const void *bytes, size_t len);
void binder_number(struct binder *binder, int64_t number);

/* Runs a statement that returns no row, inside the open transaction, which is given up on failure. */
enum liaison_err binder_run(
	struct store *store, const struct binder *binder, const char *doing, struct fault *fault) LIAISON_MUST_CHECK;

#endif
