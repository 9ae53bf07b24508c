#include "agents/feed_post.h"

#include "agents/inbox_db.h"

#include <string.h>

bool
feed_post_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= FEED_NAME_MAX &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

/* --- feeds ----------------------------------------------------------------------------------------------------------- */

enum liaison_err
feed_post_keep(struct post *post, const struct feed_row *row, int64_t *number, struct fault *fault)
{
	enum liaison_err err = post_run(post, fault,
		"INSERT INTO feed (broker, name, filter, epoch, urgent, ordinary) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
		" ON CONFLICT (broker, name) DO UPDATE SET filter = excluded.filter, epoch = excluded.epoch,"
		" urgent = excluded.urgent, ordinary = excluded.ordinary",
		"ttbbii", row->broker, row->name, row->filter != NULL ? row->filter : (const uint8_t *)"",
		row->filter_len, row->epoch, sizeof row->epoch, (int64_t)row->urgent, (int64_t)row->ordinary);
	if (err == LIAISON_OK)
		err = post_ask(post, fault, number, "SELECT number FROM feed WHERE broker = ?1 AND name = ?2", "tt",
			row->broker, row->name);
	return err;
}

enum liaison_err
feed_post_move(struct post *post, int64_t number, uint64_t urgent, uint64_t ordinary, struct fault *fault)
{
	return post_run(post, fault, "UPDATE feed SET urgent = ?2, ordinary = ?3 WHERE number = ?1", "iii", number,
		(int64_t)urgent, (int64_t)ordinary);
}

enum liaison_err
feed_post_forget(struct post *post, const char *broker, const char *name, struct fault *fault)
{
	int64_t number = 0;

	enum liaison_err err = post_ask(
		post, fault, &number, "SELECT number FROM feed WHERE broker = ?1 AND name = ?2", "tt", broker, name);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
	err = post_run(post, fault, "DELETE FROM shown WHERE feed = ?1", "i", number);
	if (err == LIAISON_OK)
		err = post_run(post, fault, "DELETE FROM parked WHERE feed = ?1", "i", number);
	if (err == LIAISON_OK)
		err = post_run(post, fault, "DELETE FROM feed WHERE number = ?1", "i", number);
	return err;
}

enum liaison_err
feed_post_each(
	struct post *post, const char *broker, const char *name, feed_row_fn *each, void *arg, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(post,
		"SELECT number, broker, name, filter, epoch, urgent, ordinary FROM feed"
		" WHERE (?1 IS NULL OR broker = ?1) AND (?2 IS NULL OR name = ?2) ORDER BY broker, name",
		fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "tt", broker, name);
	for (;;) {
		if (err == LIAISON_OK)
			err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			break;
		struct feed_row row = {
			.number = sqlite3_column_int64(statement, 0),
			.broker = (const char *)sqlite3_column_text(statement, 1),
			.name = (const char *)sqlite3_column_text(statement, 2),
			.filter = sqlite3_column_blob(statement, 3),
			.filter_len = (size_t)sqlite3_column_bytes(statement, 3),
			.urgent = (uint64_t)sqlite3_column_int64(statement, 5),
			.ordinary = (uint64_t)sqlite3_column_int64(statement, 6),
		};
		err = column_copy(statement, 4, row.epoch, sizeof row.epoch) ? each(arg, &row, fault)
									     : inbox_damaged(post, "the feeds", fault);
	}
	sqlite3_reset(statement);
	return err;
}

/* --- shown ----------------------------------------------------------------------------------------------------------- */

enum liaison_err
shown_has(struct post *post, int64_t feed, const struct inbox_place *place, bool *has, struct fault *fault)
{
	int64_t position = 0, found = 0;

	enum liaison_err err = inbox_position(post, place, false, &position, fault);
	if (err == LIAISON_OK)
		err = post_ask(post, fault, &found, "SELECT 1 FROM shown WHERE feed = ?1 AND position = ?2", "ii", feed,
			position);
	if (err != LIAISON_OK && err != LIAISON_NOT_FOUND)
		return err;
	*has = err == LIAISON_OK;
	return LIAISON_OK;
}

enum liaison_err
shown_put(struct post *post, int64_t feed, const struct inbox_place *place, struct fault *fault)
{
	int64_t position = 0;

	enum liaison_err err = inbox_position(post, place, true, &position, fault);
	if (err == LIAISON_OK)
		err = post_run(post, fault, "INSERT OR IGNORE INTO shown VALUES (?1, ?2)", "ii", feed, position);
	return err;
}

enum liaison_err
shown_forget(struct post *post, int64_t feed, const struct inbox_place *from, struct fault *fault)
{
	int64_t first = 0;

	enum liaison_err err = inbox_position(post, from, false, &first, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
	return post_run(post, fault, "DELETE FROM shown WHERE feed = ?1 AND position BETWEEN ?2 AND ?3", "iii", feed,
		first, first | (int64_t)INBOX_INDEX_MAX);
}

/* --- parked ---------------------------------------------------------------------------------------------------------- */

enum liaison_err
parked_put(struct post *post, const struct parked_row *row, struct fault *fault)
{
	int64_t position = 0, count = 0;

	enum liaison_err err = inbox_position(post, &row->place, true, &position, fault);
	if (err == LIAISON_OK)
		err = post_ask(post, fault, &count, "SELECT count(*) FROM parked WHERE feed = ?1 AND position <> ?2",
			"ii", row->feed, position);
	if (err == LIAISON_OK && count >= FEED_PARKED_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE,
			"%d deliveries of this feed are parked; find out why, then `liaison feeds parked NAME --retry` "
			"or "
			"`--drop`",
			FEED_PARKED_MAX);
	if (err == LIAISON_OK)
		err = post_run(post, fault,
			"INSERT OR REPLACE INTO parked VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
			"iitbibiitii", row->feed, position, row->id, row->envelope, row->envelope_len,
			(int64_t)row->is_disputed, row->origin, row->origin_len, (int64_t)row->tries,
			(int64_t)row->code, row->reason, row->parked_at, (int64_t)row->is_due);
	return err;
}

enum liaison_err
parked_remove(struct post *post, int64_t feed, const struct inbox_place *place, struct fault *fault)
{
	int64_t position = 0;

	enum liaison_err err = inbox_position(post, place, false, &position, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
	return post_run(post, fault, "DELETE FROM parked WHERE feed = ?1 AND position = ?2", "ii", feed, position);
}

#define PARKED_COLUMNS                                                                                                 \
	"SELECT p.feed, f.name, p.position, p.id, p.envelope, p.disputed, p.origin, p.tries, p.code, p.reason,"        \
	" p.parked_at, p.is_due, l.broker, l.epoch FROM parked p JOIN feed f ON f.number = p.feed"                     \
	" JOIN log l ON l.number = p.position >> 40 "

static enum liaison_err
walk_parked(struct post *post, sqlite3_stmt *statement, parked_row_fn *each, void *arg, uint64_t *count,
	struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	bool has_row = false;

	while (err == LIAISON_OK) {
		err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			return err;
		struct parked_row row = {
			.feed = sqlite3_column_int64(statement, 0),
			.feed_name = (const char *)sqlite3_column_text(statement, 1),
			.place = {.broker = (const char *)sqlite3_column_text(statement, 12),
				.index = (uint64_t)sqlite3_column_int64(statement, 2) & INBOX_INDEX_MAX},
			.id = (const char *)sqlite3_column_text(statement, 3),
			.envelope = sqlite3_column_blob(statement, 4),
			.envelope_len = (size_t)sqlite3_column_bytes(statement, 4),
			.is_disputed = sqlite3_column_int(statement, 5) != 0,
			.origin = sqlite3_column_blob(statement, 6),
			.origin_len = (size_t)sqlite3_column_bytes(statement, 6),
			.tries = (uint64_t)sqlite3_column_int64(statement, 7),
			.code = (enum liaison_err)sqlite3_column_int(statement, 8),
			.reason = (const char *)sqlite3_column_text(statement, 9),
			.parked_at = sqlite3_column_int64(statement, 10),
			.is_due = sqlite3_column_int(statement, 11) != 0,
		};
		(*count)++;
		err = column_copy(statement, 13, row.place.epoch, sizeof row.place.epoch)
			      ? each(arg, &row, fault)
			      : inbox_damaged(post, "the parked", fault);
	}
	sqlite3_reset(statement);
	return err;
}

enum liaison_err
parked_each(struct post *post, const char *name, parked_row_fn *each, void *arg, struct fault *fault)
{
	uint64_t count = 0;

	sqlite3_stmt *statement = post_prepare(
		post, PARKED_COLUMNS "WHERE ?1 IS NULL OR f.name = ?1 ORDER BY l.broker, f.name, p.position", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "t", name);
	return err == LIAISON_OK ? walk_parked(post, statement, each, arg, &count, fault) : err;
}

enum liaison_err
parked_next_due(struct post *post, int64_t feed, parked_row_fn *each, void *arg, struct fault *fault)
{
	uint64_t count = 0;

	sqlite3_stmt *statement =
		post_prepare(post, PARKED_COLUMNS "WHERE p.feed = ?1 AND p.is_due ORDER BY p.position LIMIT 1", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "i", feed);
	if (err == LIAISON_OK)
		err = walk_parked(post, statement, each, arg, &count, fault);
	return err == LIAISON_OK && count == 0 ? LIAISON_NOT_FOUND : err;
}

enum liaison_err
parked_set_due(struct post *post, const char *name, uint64_t *count, struct fault *fault)
{
	enum liaison_err err = post_run(post, fault,
		"UPDATE parked SET is_due = 1 WHERE feed IN (SELECT number FROM feed WHERE name = ?1)", "t", name);
	if (err == LIAISON_OK)
		*count = (uint64_t)sqlite3_changes64(post->db);
	return err;
}

enum liaison_err
parked_drop(struct post *post, const char *name, uint64_t *count, struct fault *fault)
{
	enum liaison_err err = post_run(
		post, fault, "DELETE FROM parked WHERE feed IN (SELECT number FROM feed WHERE name = ?1)", "t", name);
	if (err == LIAISON_OK)
		*count = (uint64_t)sqlite3_changes64(post->db);
	return err;
}
