#include "broker/store.h"

#include "broker/store_db.h"

#include <assert.h>
#include <string.h>

/* So many rows of the audit may wait for a commit; then one is made for them. */
#define AUDIT_PENDING_MAX 4096

/* --- feeds -------------------------------------------------------------------------------------------------------------- */

/* A row that no store_put_feed wrote is damage that quick_check does not see. */
static bool
read_feed(sqlite3_stmt *row, struct stored_feed *feed)
{
	const char *office = (const char *)sqlite3_column_text(row, 0);
	const char *name = (const char *)sqlite3_column_text(row, 1);
	const void *filter = sqlite3_column_blob(row, 2);
	const void *epoch = sqlite3_column_blob(row, 3);
	int name_len = sqlite3_column_bytes(row, 1);

	if (office == NULL || office_id_parse(office, &feed->office, NULL) != LIAISON_OK)
		return false;
	if (name == NULL || name_len < 1 || name_len >= FEED_NAME_BYTES || strlen(name) != (size_t)name_len)
		return false;
	if (epoch == NULL || sqlite3_column_bytes(row, 3) != (int)sizeof feed->epoch)
		return false;
	memcpy(feed->name, name, (size_t)name_len + 1);
	memcpy(feed->epoch, epoch, sizeof feed->epoch);
	feed->filter = filter;
	feed->filter_len = (size_t)sqlite3_column_bytes(row, 2);
	feed->urgent_cursor = (uint64_t)sqlite3_column_int64(row, 4);
	feed->ordinary_cursor = (uint64_t)sqlite3_column_int64(row, 5);
	return true;
}

enum liaison_err
store_each_feed(
	struct store *store, void (*each)(void *arg, const struct stored_feed *feed), void *arg, struct fault *fault)
{
	struct binder binder = binder_start(store, EACH_FEED);
	enum liaison_err err = LIAISON_OK;
	int step;

	while ((step = sqlite3_step(binder.statement)) == SQLITE_ROW) {
		struct stored_feed feed = {0};
		if (!read_feed(binder.statement, &feed)) {
			err = fault_set(fault, LIAISON_CORRUPT,
				"%s: a row of its table `feed` is none that liaisond wrote; move the file away and "
				"start again",
				store->path);
			break;
		}
		each(arg, &feed);
	}
	if (err == LIAISON_OK && step != SQLITE_DONE)
		err = store_fault(store, "reading the feeds", fault);
	(void)sqlite3_reset(binder.statement);
	return err;
}

enum liaison_err
store_put_feed(struct store *store, const struct stored_feed *feed, struct fault *fault)
{
	enum liaison_err err = transaction_open(store, fault);

	assert(!store->in_cursors);
	if (err != LIAISON_OK)
		return err;
	struct binder binder = binder_start(store, PUT_FEED);
	binder_text(&binder, feed->office.text, OFFICE_ID_MAX);
	binder_text(&binder, feed->name, FEED_NAME_BYTES - 1);
	binder_bytes(&binder, feed->filter, feed->filter_len);
	binder_bytes(&binder, feed->epoch, sizeof feed->epoch);
	binder_number(&binder, (int64_t)feed->urgent_cursor);
	binder_number(&binder, (int64_t)feed->ordinary_cursor);
	err = binder_run(store, &binder, "writing a feed", fault);
	return err == LIAISON_OK ? transaction_commit(store, "writing a feed", fault) : err;
}

enum liaison_err
store_remove_feed(struct store *store, const char *office, const char *name, struct fault *fault)
{
	enum liaison_err err = transaction_open(store, fault);

	assert(!store->in_cursors);
	if (err != LIAISON_OK)
		return err;
	struct binder binder = binder_start(store, REMOVE_FEED);
	binder_text(&binder, office, OFFICE_ID_MAX);
	binder_text(&binder, name, FEED_NAME_BYTES - 1);
	err = binder_run(store, &binder, "removing a feed", fault);
	return err == LIAISON_OK ? transaction_commit(store, "removing a feed", fault) : err;
}

enum liaison_err
store_begin(struct store *store, struct fault *fault)
{
	enum liaison_err err = transaction_open(store, fault);

	assert(!store->in_cursors);
	store->in_cursors = err == LIAISON_OK;
	return err;
}

enum liaison_err
store_set_cursors(struct store *store, const char *office, const char *name, const uint8_t epoch[16], uint64_t urgent,
	uint64_t ordinary, struct fault *fault)
{
	enum liaison_err err = store_check_usable(store, fault);

	if (err != LIAISON_OK)
		return err;
	struct binder binder = binder_start(store, SET_CURSORS);
	binder_text(&binder, office, OFFICE_ID_MAX);
	binder_text(&binder, name, FEED_NAME_BYTES - 1);
	binder_bytes(&binder, epoch, 16);
	binder_number(&binder, (int64_t)urgent);
	binder_number(&binder, (int64_t)ordinary);
	err = binder_run(store, &binder, "moving a cursor", fault);
	if (err == LIAISON_OK && sqlite3_changes(store->db) == 0)
		err = fault_set(fault, LIAISON_NOT_FOUND, "%s: no feed `%s` of %s to move", store->path, name, office);
	return err;
}

enum liaison_err
store_commit(struct store *store, struct fault *fault)
{
	return transaction_commit(store, "committing cursors", fault);
}

/* --- the log, as it was last seen --------------------------------------------------------------------------------- */

enum liaison_err
store_set_log(struct store *store, const struct stored_log *log, struct fault *fault)
{
	enum liaison_err err = transaction_open(store, fault);

	if (err != LIAISON_OK)
		return err;
	struct binder binder = binder_start(store, SET_LOG);
	binder_bytes(&binder, log->epoch, sizeof log->epoch);
	binder_number(&binder, (int64_t)log->size);
	binder_bytes(&binder, log->root.bytes, sizeof log->root.bytes);
	return binder_run(store, &binder, "noting the log's size", fault);
}

enum liaison_err
store_get_log(struct store *store, struct stored_log *log, struct fault *fault)
{
	struct binder binder = binder_start(store, GET_LOG);
	int step = sqlite3_step(binder.statement);
	enum liaison_err err = LIAISON_OK;

	if (step == SQLITE_DONE) {
		err = LIAISON_NOT_FOUND;
	} else if (step != SQLITE_ROW) {
		err = store_fault(store, "reading the log's size", fault);
	} else if (sqlite3_column_bytes(binder.statement, 0) != (int)sizeof log->epoch ||
		   sqlite3_column_bytes(binder.statement, 2) != (int)sizeof log->root.bytes) {
		err = fault_set(fault, LIAISON_CORRUPT,
			"%s: its table `log` is none that liaisond wrote; move the file away and start again",
			store->path);
	} else {
		memcpy(log->epoch, sqlite3_column_blob(binder.statement, 0), sizeof log->epoch);
		log->size = (uint64_t)sqlite3_column_int64(binder.statement, 1);
		memcpy(log->root.bytes, sqlite3_column_blob(binder.statement, 2), sizeof log->root.bytes);
	}
	(void)sqlite3_reset(binder.statement);
	return err;
}

/* --- audit -------------------------------------------------------------------------------------------------------------- */

enum liaison_err
store_audit(struct store *store, const struct audit_row *row, struct fault *fault)
{
	enum liaison_err err = transaction_open(store, fault);

	if (err != LIAISON_OK)
		return err;
	struct binder binder = binder_start(store, ADD_AUDIT);
	binder_number(&binder, row->at);
	binder_text(&binder, row->office, OFFICE_ID_MAX);
	binder_text(&binder, err_name(row->code), SIZE_MAX);
	binder_text(&binder, row->alert_id, ALERT_ID_BYTES);
	if (row->body_hash != NULL)
		binder_bytes(&binder, row->body_hash->bytes, DIGEST_BYTES);
	else
		binder_text(&binder, NULL, 0);
	binder_text(&binder, row->reason, LIAISON_FAULT_BYTES);
	err = binder_run(store, &binder, "writing the audit", fault);
	if (err != LIAISON_OK)
		return err;
	store->audit_last = sqlite3_last_insert_rowid(store->db);
	if (++store->audit_pending >= AUDIT_PENDING_MAX && !store->in_cursors)
		return transaction_commit(store, "writing the audit", fault);
	return LIAISON_OK;
}

enum liaison_err
store_flush_audit(struct store *store, struct fault *fault)
{
	assert(!store->in_cursors);
	return transaction_commit(store, "writing the audit", fault);
}

enum liaison_err
store_each_audit(struct store *store, int64_t since, void (*each)(void *arg, const struct audit_row *row), void *arg,
	struct fault *fault)
{
	struct binder binder = binder_start(store, EACH_AUDIT);
	enum liaison_err err = LIAISON_OK;
	int step = SQLITE_ERROR;

	binder_number(&binder, since);
	while (binder.result == SQLITE_OK && (step = sqlite3_step(binder.statement)) == SQLITE_ROW) {
		const char *code = (const char *)sqlite3_column_text(binder.statement, 2);
		struct digest hash;
		struct audit_row row = {
			.at = sqlite3_column_int64(binder.statement, 0),
			.office = (const char *)sqlite3_column_text(binder.statement, 1),
			.code = code == NULL ? LIAISON_OK : err_from_name(code),
			.alert_id = (const char *)sqlite3_column_text(binder.statement, 3),
			.reason = (const char *)sqlite3_column_text(binder.statement, 5),
		};
		const void *bytes = sqlite3_column_blob(binder.statement, 4);
		if (bytes != NULL && sqlite3_column_bytes(binder.statement, 4) == DIGEST_BYTES) {
			memcpy(hash.bytes, bytes, DIGEST_BYTES);
			row.body_hash = &hash;
		}
		each(arg, &row);
	}
	if (step != SQLITE_DONE)
		err = store_fault(store, "reading the audit", fault);
	(void)sqlite3_reset(binder.statement);
	return err;
}
