#include "agents/inbox.h"

#include "agents/inbox_db.h"

#include <string.h>

#define LOGS_MAX (1 << 22) /* brokers times epochs: position stays below 2^62 */

/* --- places ---------------------------------------------------------------------------------------------------------- */

/* The row number of one life of a broker's log, made at first sight. */
static enum liaison_err
log_number(struct post *post, const struct inbox_place *place, bool is_made, int64_t *number, struct fault *fault)
{
	static const char look[] = "SELECT number FROM log WHERE broker = ?1 AND epoch = ?2";

	enum liaison_err err =
		post_ask(post, fault, number, look, "tb", place->broker, place->epoch, sizeof place->epoch);
	if (err != LIAISON_NOT_FOUND || !is_made)
		return err;
	err = post_run(post, fault, "INSERT INTO log (broker, epoch) VALUES (?1, ?2)", "tb", place->broker,
		place->epoch, sizeof place->epoch);
	if (err != LIAISON_OK)
		return err;
	*number = sqlite3_last_insert_rowid(post->db);
	return *number < LOGS_MAX ? LIAISON_OK
				  : fault_set(fault, LIAISON_TOO_LARGE, "%s knows too many logs", post->path);
}

enum liaison_err
inbox_position(struct post *post, const struct inbox_place *place, bool is_made, int64_t *position, struct fault *fault)
{
	int64_t number = 0;

	if (place->index > INBOX_INDEX_MAX)
		return fault_set(
			fault, LIAISON_MALFORMED, "log index %llu cannot be", (unsigned long long)place->index);
	enum liaison_err err = log_number(post, place, is_made, &number, fault);
	if (err == LIAISON_OK)
		*position = (number << INBOX_INDEX_BITS) | (int64_t)place->index;
	return err;
}

/* --- putting in ------------------------------------------------------------------------------------------------------ */

enum liaison_err
inbox_put(struct post *post, const struct inbox_row *row, bool *is_new, struct fault *fault)
{
	int64_t position = 0;

	enum liaison_err err = inbox_position(post, &row->place, true, &position, fault);
	if (err == LIAISON_OK)
		err = post_run(post, fault,
			"INSERT OR IGNORE INTO inbox (position, id, message, kind, reference, envelope, body_hash, "
			"disputed, received_at, origin) VALUES (?1, ?2, ?3, nullif(?4, 0), ?5, ?6, ?7, ?8, ?9, ?10)",
			"itiitbbiib", position, row->id, (int64_t)row->message, (int64_t)row->kind, row->reference,
			row->envelope, row->envelope_len, row->body_hash.bytes, sizeof row->body_hash.bytes,
			(int64_t)row->is_disputed, row->received_at, row->origin, row->origin_len);
	if (err == LIAISON_OK)
		*is_new = sqlite3_changes(post->db) > 0;
	return err;
}

enum liaison_err
inbox_end_alert(struct post *post, const char *id, enum inbox_state state, Liaison__NoticeReason reason,
	const char *by_id, int64_t now, struct fault *fault)
{
	/* SUPERSEDED gives way to what is terminal, nothing else to anything but erasure. */
	return post_run(post, fault,
		"INSERT INTO ended VALUES (?1, ?2, nullif(?3, 0), ?4, ?5) ON CONFLICT (id) DO UPDATE SET"
		" state = excluded.state, reason = excluded.reason, by_id = excluded.by_id, at = excluded.at"
		" WHERE state = 3 OR excluded.state = 4",
		"tiiti", id, (int64_t)state, (int64_t)reason, by_id, now);
}

enum liaison_err
inbox_erase(struct post *post, const char *id, const uint8_t leaf_hash[32], Liaison__NoticeReason reason, int64_t now,
	struct fault *fault)
{
	enum liaison_err err = post_run(post, fault, "UPDATE inbox SET envelope = NULL, leaf_hash = ?2 WHERE id = ?1",
		"tb", id, leaf_hash, (size_t)32);
	return err == LIAISON_OK ? inbox_end_alert(post, id, INBOX_ERASED, reason, NULL, now, fault) : err;
}

/* --- looking --------------------------------------------------------------------------------------------------------- */

#define INBOX_COLUMNS                                                                                                  \
	"i.position, i.id, i.message, coalesce(i.kind, 0), i.reference, i.envelope, i.body_hash, i.disputed,"          \
	" i.received_at, coalesce(t.state, e.state, 0), coalesce(t.reason, e.reason, 0), l.broker, l.epoch, "          \
	"i.origin, i.leaf_hash"
/* What cancels or redacts an alert ends its updates (2) with it, but for what was erased already. */
#define INBOX_TABLES                                                                                                   \
	" FROM inbox i JOIN log l ON l.number = i.position >> 40 LEFT JOIN ended e ON e.id = i.id"                     \
	" LEFT JOIN ended t ON t.id = i.reference AND i.message = 2 AND t.state IN (1, 2)"                             \
	" AND coalesce(e.state, 3) = 3 "

bool
column_copy(sqlite3_stmt *statement, int column, void *out, size_t len)
{
	if ((size_t)sqlite3_column_bytes(statement, column) != len)
		return false;
	memcpy(out, sqlite3_column_blob(statement, column), len);
	return true;
}

enum liaison_err
inbox_damaged(const struct post *post, const char *what, struct fault *fault)
{
	return fault_set(fault, LIAISON_CORRUPT,
		"%s: a row of %s is damaged; move the file away and take back its newest copy, what was received comes "
		"again by "
		"`liaison feed`",
		post->path, what);
}

static enum liaison_err
read_inbox(struct post *post, sqlite3_stmt *statement, struct inbox_row *row, struct fault *fault)
{
	int64_t position = sqlite3_column_int64(statement, 0);

	*row = (struct inbox_row){
		.id = (const char *)sqlite3_column_text(statement, 1),
		.message = (Liaison__MessageType)sqlite3_column_int(statement, 2),
		.kind = (Liaison__Kind)sqlite3_column_int(statement, 3),
		.reference = (const char *)sqlite3_column_text(statement, 4),
		.envelope = sqlite3_column_blob(statement, 5),
		.envelope_len = (size_t)sqlite3_column_bytes(statement, 5),
		.is_disputed = sqlite3_column_int(statement, 7) != 0,
		.received_at = sqlite3_column_int64(statement, 8),
		.state = (enum inbox_state)sqlite3_column_int(statement, 9),
		.reason = (Liaison__NoticeReason)sqlite3_column_int(statement, 10),
	};
	row->place.index = (uint64_t)position & INBOX_INDEX_MAX;
	row->origin = sqlite3_column_blob(statement, 13);
	row->origin_len = (size_t)sqlite3_column_bytes(statement, 13);
	if (sqlite3_column_type(statement, 14) == SQLITE_BLOB &&
		!column_copy(statement, 14, row->leaf_hash.bytes, sizeof row->leaf_hash.bytes))
		return inbox_damaged(post, "the inbox", fault);
	row->place.broker = (const char *)sqlite3_column_text(statement, 11);
	bool is_good = row->id != NULL && row->place.broker != NULL &&
		       column_copy(statement, 6, row->body_hash.bytes, sizeof row->body_hash.bytes) &&
		       column_copy(statement, 12, row->place.epoch, sizeof row->place.epoch);
	return is_good ? LIAISON_OK : inbox_damaged(post, "the inbox", fault);
}

static enum liaison_err
walk_inbox(
	struct post *post, sqlite3_stmt *statement, inbox_row_fn *each, void *arg, uint64_t *count, struct fault *fault)
{
	struct inbox_row row;
	bool has_row = false;

	for (;;) {
		enum liaison_err err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			return err;
		err = read_inbox(post, statement, &row, fault);
		if (err == LIAISON_OK)
			err = each(arg, &row, fault);
		if (err != LIAISON_OK) {
			sqlite3_reset(statement);
			return err;
		}
		(*count)++;
	}
}

enum liaison_err
inbox_find(struct post *post, const char *id, inbox_row_fn *each, void *arg, struct fault *fault)
{
	uint64_t count = 0;

	sqlite3_stmt *statement = post_prepare(
		post, "SELECT " INBOX_COLUMNS INBOX_TABLES "WHERE i.id = ?1 ORDER BY i.position DESC LIMIT 1", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "t", id);
	if (err == LIAISON_OK)
		err = walk_inbox(post, statement, each, arg, &count, fault);
	return err == LIAISON_OK && count == 0 ? LIAISON_NOT_FOUND : err;
}

enum liaison_err
inbox_each_about(struct post *post, const char *id, inbox_row_fn *each, void *arg, struct fault *fault)
{
	uint64_t count = 0;

	sqlite3_stmt *statement = post_prepare(
		post, "SELECT " INBOX_COLUMNS INBOX_TABLES "WHERE i.reference = ?1 ORDER BY i.position", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "t", id);
	return err == LIAISON_OK ? walk_inbox(post, statement, each, arg, &count, fault) : err;
}

enum liaison_err
inbox_each(struct post *post, uint64_t limit, inbox_row_fn *each, void *arg, struct fault *fault)
{
	int64_t first = 0;
	uint64_t count = 0;

	if (limit > 0) {
		enum liaison_err err = post_ask(post, fault, &first,
			"SELECT position FROM inbox ORDER BY position DESC LIMIT 1 OFFSET ?1", "i", (int64_t)limit - 1);
		if (err != LIAISON_OK && err != LIAISON_NOT_FOUND)
			return err;
	}
	sqlite3_stmt *statement = post_prepare(
		post, "SELECT " INBOX_COLUMNS INBOX_TABLES "WHERE i.position >= ?1 ORDER BY i.position", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "i", first);
	return err == LIAISON_OK ? walk_inbox(post, statement, each, arg, &count, fault) : err;
}

enum liaison_err
inbox_each_of_log(struct post *post, const struct inbox_place *from, uint64_t limit, inbox_row_fn *each, void *arg,
	struct fault *fault)
{
	int64_t first = 0;
	uint64_t count = 0;

	enum liaison_err err = inbox_position(post, from, false, &first, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
	sqlite3_stmt *statement = post_prepare(post,
		"SELECT " INBOX_COLUMNS INBOX_TABLES
		"WHERE i.position >= ?1 AND i.position <= ?2 ORDER BY i.position LIMIT ?3",
		fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	err = post_bind(post, statement, fault, "iii", first, first | (int64_t)INBOX_INDEX_MAX, (int64_t)limit);
	return err == LIAISON_OK ? walk_inbox(post, statement, each, arg, &count, fault) : err;
}

enum liaison_err
inbox_each_log(struct post *post, inbox_log_fn *each, void *arg, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(post, "SELECT broker, epoch FROM log ORDER BY number", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	for (;;) {
		struct inbox_place log = {.index = 0};
		enum liaison_err err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			return err;
		log.broker = (const char *)sqlite3_column_text(statement, 0);
		err = log.broker != NULL && column_copy(statement, 1, log.epoch, sizeof log.epoch)
			      ? each(arg, &log, fault)
			      : inbox_damaged(post, "the logs", fault);
		if (err != LIAISON_OK) {
			sqlite3_reset(statement);
			return err;
		}
	}
}

enum liaison_err
inbox_each_conflict(struct post *post, inbox_id_fn *each, void *arg, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(
		post, "SELECT id FROM inbox GROUP BY id HAVING count(*) > 1 AND count(DISTINCT body_hash) > 1", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	for (;;) {
		enum liaison_err err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			return err;
		err = each(arg, (const char *)sqlite3_column_text(statement, 0), fault);
		if (err != LIAISON_OK) {
			sqlite3_reset(statement);
			return err;
		}
	}
}

enum liaison_err
inbox_count(struct post *post, uint64_t *count, struct fault *fault)
{
	int64_t value = 0;

	enum liaison_err err = post_ask(post, fault, &value, "SELECT count(*) FROM inbox", "");
	if (err == LIAISON_OK)
		*count = (uint64_t)value;
	return err;
}
