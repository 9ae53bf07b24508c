#include "agents/outbox.h"

#include "agents/post_db.h"
#include "proto/envelope.h"

#include <stdlib.h>
#include <string.h>

static const char no_memory[] = "out of memory";

/* --- putting in, and what became of it ------------------------------------------------------------------------------- */

enum liaison_err
outbox_put_batch(struct post *post, uint64_t first, uint32_t leaf_count, const struct key_id *key,
	const uint8_t signature[SIGNATURE_BYTES], struct fault *fault)
{
	return post_run(post, fault, "INSERT INTO batch VALUES (?1, ?2, ?3, ?4)", "iibb", (int64_t)first,
		(int64_t)leaf_count, key->bytes, sizeof key->bytes, signature, (size_t)SIGNATURE_BYTES);
}

enum liaison_err
outbox_put(struct post *post, uint64_t batch, uint64_t sequence, const uint8_t *body, size_t body_len,
	const struct digest *body_hash, int64_t job, int64_t line, int64_t now, struct fault *fault)
{
	return post_run(post, fault,
		"INSERT INTO outbox (sequence, batch, body, body_hash, state, queued_at, job, line)"
		" VALUES (?1, ?2, ?3, ?4, 1, ?5, nullif(?6, 0), nullif(?7, 0))",
		"iibbiii", (int64_t)sequence, (int64_t)batch, body, body_len, body_hash->bytes, sizeof body_hash->bytes,
		now, job, line);
}

enum liaison_err
outbox_accept(struct post *post, uint64_t sequence, const char *broker, const uint8_t epoch[EPOCH_BYTES],
	uint64_t index, int64_t now, struct fault *fault)
{
	return post_run(post, fault,
		"UPDATE outbox SET state = 3, code = NULL, message = NULL, broker = ?2, epoch = ?3, idx = ?4, "
		"settled_at = ?5"
		" WHERE sequence = ?1",
		"itbii", (int64_t)sequence, broker, epoch, (size_t)EPOCH_BYTES, (int64_t)index, now);
}

enum liaison_err
outbox_refuse(struct post *post, uint64_t sequence, enum liaison_err code, const char *message, int64_t now,
	struct fault *fault)
{
	enum outbox_state state = err_is_for_now(code) ? OUTBOX_QUEUED : OUTBOX_REFUSED;

	return post_run(post, fault,
		"UPDATE outbox SET state = ?2, code = ?3, message = ?4, settled_at = ?5 WHERE sequence = ?1 AND state "
		"<> 3",
		"iiiti", (int64_t)sequence, (int64_t)state, (int64_t)code, message, now);
}

/* Runs a change of one row that must have happened. */
static enum liaison_err
changed_one(struct post *post, enum liaison_err err, uint64_t sequence, const char *wanted, struct fault *fault)
{
	if (err == LIAISON_OK && sqlite3_changes(post->db) == 0)
		return fault_set(fault, LIAISON_NOT_FOUND, "the outbox has no alert %llu that is %s",
			(unsigned long long)sequence, wanted);
	return err;
}

enum liaison_err
outbox_drop(struct post *post, uint64_t sequence, int64_t now, struct fault *fault)
{
	enum liaison_err err = post_run(post, fault,
		"UPDATE outbox SET state = 4, body = NULL, settled_at = ?2 WHERE sequence = ?1 AND state IN (1, 2)",
		"ii", (int64_t)sequence, now);
	return changed_one(post, err, sequence, "waiting or refused", fault);
}

enum liaison_err
outbox_requeue(struct post *post, uint64_t sequence, struct fault *fault)
{
	enum liaison_err err = post_run(post, fault,
		"UPDATE outbox SET state = 1 WHERE sequence = ?1 AND state IN (1, 2)", "i", (int64_t)sequence);
	return changed_one(post, err, sequence, "waiting or refused", fault);
}

/* --- looking --------------------------------------------------------------------------------------------------------- */

#define ROW_COLUMNS                                                                                                    \
	"sequence, batch, state, body, body_hash, coalesce(code, 0), coalesce(message, ''), queued_at,"                \
	" coalesce(settled_at, 0), broker, epoch, coalesce(idx, 0), coalesce(job, 0), coalesce(line, 0)"

static bool
column_copy(sqlite3_stmt *statement, int column, void *out, size_t len)
{
	if ((size_t)sqlite3_column_bytes(statement, column) != len)
		return false;
	memcpy(out, sqlite3_column_blob(statement, column), len);
	return true;
}

static enum liaison_err
read_row(struct post *post, sqlite3_stmt *statement, struct outbox_row *row, struct fault *fault)
{
	*row = (struct outbox_row){
		.sequence = (uint64_t)sqlite3_column_int64(statement, 0),
		.batch = (uint64_t)sqlite3_column_int64(statement, 1),
		.state = (enum outbox_state)sqlite3_column_int(statement, 2),
		.body = sqlite3_column_blob(statement, 3),
		.body_len = (size_t)sqlite3_column_bytes(statement, 3),
		.code = (enum liaison_err)sqlite3_column_int(statement, 5),
		.message = (const char *)sqlite3_column_text(statement, 6),
		.queued_at = sqlite3_column_int64(statement, 7),
		.settled_at = sqlite3_column_int64(statement, 8),
		.broker = (const char *)sqlite3_column_text(statement, 9),
		.index = (uint64_t)sqlite3_column_int64(statement, 11),
		.job = sqlite3_column_int64(statement, 12),
		.line = sqlite3_column_int64(statement, 13),
	};
	bool is_good =
		column_copy(statement, 4, row->body_hash.bytes, sizeof row->body_hash.bytes) && row->message != NULL;
	if (row->broker != NULL)
		is_good = is_good && column_copy(statement, 10, row->epoch, sizeof row->epoch);
	if (is_good)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_CORRUPT, "%s: outbox row %llu is damaged; take back the newest copy",
		post->path, (unsigned long long)row->sequence);
}

static enum liaison_err
walk(struct post *post, sqlite3_stmt *statement, outbox_row_fn *each, void *arg, uint64_t *count, struct fault *fault)
{
	struct outbox_row row;
	bool has_row = false;

	for (;;) {
		enum liaison_err err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			return err;
		err = read_row(post, statement, &row, fault);
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
outbox_each(struct post *post, uint64_t from, unsigned states, outbox_row_fn *each, void *arg, struct fault *fault)
{
	/* Without accepted ones the partial index serves; they are the many. */
	static const char some[] =
		"SELECT " ROW_COLUMNS " FROM outbox WHERE state <> 3 AND (?1 >> state) & 1 AND sequence >= ?2"
		" ORDER BY sequence";
	static const char any[] =
		"SELECT " ROW_COLUMNS " FROM outbox WHERE (?1 >> state) & 1 AND sequence >= ?2 ORDER BY sequence";
	uint64_t count = 0;

	sqlite3_stmt *statement = post_prepare(post, (states & OUTBOX_BIT(OUTBOX_ACCEPTED)) != 0 ? any : some, fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "ii", (int64_t)states, (int64_t)from);
	return err == LIAISON_OK ? walk(post, statement, each, arg, &count, fault) : err;
}

enum liaison_err
outbox_find(struct post *post, uint64_t sequence, outbox_row_fn *each, void *arg, struct fault *fault)
{
	uint64_t count = 0;

	sqlite3_stmt *statement = post_prepare(post, "SELECT " ROW_COLUMNS " FROM outbox WHERE sequence = ?1", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "i", (int64_t)sequence);
	if (err == LIAISON_OK)
		err = walk(post, statement, each, arg, &count, fault);
	return err == LIAISON_OK && count == 0 ? LIAISON_NOT_FOUND : err;
}

enum liaison_err
outbox_count(struct post *post, unsigned states, uint64_t *count, struct fault *fault)
{
	static const char some[] = "SELECT count(*) FROM outbox WHERE state <> 3 AND (?1 >> state) & 1";
	static const char any[] = "SELECT count(*) FROM outbox WHERE (?1 >> state) & 1";
	int64_t value = 0;

	enum liaison_err err = post_ask(
		post, fault, &value, (states & OUTBOX_BIT(OUTBOX_ACCEPTED)) != 0 ? any : some, "i", (int64_t)states);
	if (err == LIAISON_OK)
		*count = (uint64_t)value;
	return err;
}

/* --- sending --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_batch_head(struct post *post, uint64_t first, struct outbox_batch *out, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement =
		post_prepare(post, "SELECT leaf_count, key, signature FROM batch WHERE first = ?1", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "i", (int64_t)first);
	if (err == LIAISON_OK)
		err = post_step(post, statement, &has_row, fault);
	if (err != LIAISON_OK)
		return err;
	int64_t leaf_count = has_row ? sqlite3_column_int64(statement, 0) : 0;
	bool is_good = leaf_count >= 1 && leaf_count <= BATCH_LEAVES_MAX &&
		       column_copy(statement, 1, out->key.bytes, sizeof out->key.bytes) &&
		       column_copy(statement, 2, out->signature, sizeof out->signature);
	if (has_row)
		sqlite3_reset(statement);
	if (!is_good)
		return fault_set(fault, LIAISON_CORRUPT,
			"%s: the signature of alert %llu is damaged; take back the newest copy", post->path,
			(unsigned long long)first);
	out->first = first;
	out->leaf_count = (uint32_t)leaf_count;
	return LIAISON_OK;
}

struct batch_fill {
	struct outbox_batch *batch;
	uint32_t seen;
};

static enum liaison_err
fill_batch(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct batch_fill *fill = arg;
	struct outbox_batch *batch = fill->batch;
	uint64_t leaf = row->sequence - batch->first;

	if (row->batch != batch->first || leaf != fill->seen || row->sequence < batch->first)
		return fault_set(fault, LIAISON_CORRUPT, "post.db: outbox row %llu is not where it belongs",
			(unsigned long long)row->sequence);
	fill->seen++;
	batch->leaves[leaf] = row->body_hash;
	if (row->state != OUTBOX_QUEUED || row->body == NULL)
		return LIAISON_OK;
	uint8_t *copy = malloc(row->body_len > 0 ? row->body_len : 1);
	if (copy == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, no_memory);
	memcpy(copy, row->body, row->body_len);
	batch->items[batch->count++] = (struct outbox_item){
		.sequence = row->sequence,
		.body = copy,
		.body_len = row->body_len,
		.body_hash = row->body_hash,
		.job = row->job,
		.line = row->line,
	};
	return LIAISON_OK;
}

static enum liaison_err
read_batch_rows(struct post *post, struct outbox_batch *out, struct fault *fault)
{
	struct batch_fill fill = {out, 0};
	uint64_t count = 0;

	out->leaves = calloc(out->leaf_count, sizeof *out->leaves);
	out->items = calloc(out->leaf_count, sizeof *out->items);
	if (out->leaves == NULL || out->items == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, no_memory);
	sqlite3_stmt *statement = post_prepare(
		post, "SELECT " ROW_COLUMNS " FROM outbox WHERE sequence BETWEEN ?1 AND ?2 ORDER BY sequence", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(
		post, statement, fault, "ii", (int64_t)out->first, (int64_t)(out->first + out->leaf_count - 1));
	if (err == LIAISON_OK)
		err = walk(post, statement, fill_batch, &fill, &count, fault);
	if (err == LIAISON_OK && count != out->leaf_count)
		err = fault_set(fault, LIAISON_CORRUPT,
			"%s: the batch of alert %llu has lost rows; take back the newest copy", post->path,
			(unsigned long long)out->first);
	if (err == LIAISON_OK && out->count == out->leaf_count) {
		free(out->leaves);
		out->leaves = NULL;
	}
	return err;
}

enum liaison_err
outbox_next_batch(struct post *post, uint64_t after, struct outbox_batch *out, struct fault *fault)
{
	struct outbox_batch batch = {0};
	int64_t first = 0;

	enum liaison_err err = post_ask(post, fault, &first,
		"SELECT batch FROM outbox WHERE state <> 3 AND state = 1 AND sequence > ?1 ORDER BY sequence LIMIT 1",
		"i", (int64_t)after);
	if (err == LIAISON_OK)
		err = read_batch_head(post, (uint64_t)first, &batch, fault);
	if (err == LIAISON_OK)
		err = read_batch_rows(post, &batch, fault);
	if (err != LIAISON_OK) {
		outbox_batch_clear(&batch);
		return err;
	}
	*out = batch;
	return LIAISON_OK;
}

void
outbox_batch_clear(struct outbox_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		free(batch->items[i].body);
	free(batch->items);
	free(batch->leaves);
	*batch = (struct outbox_batch){0};
}

/* --- jobs ------------------------------------------------------------------------------------------------------------ */

enum liaison_err
job_find(struct post *post, const char *path, struct job *out, struct fault *fault)
{
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(post,
		"SELECT number, offset, line, digest, queued, bad, bad_exit, is_read, began_at, ended_at FROM job"
		" WHERE path = ?1",
		fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "t", path);
	if (err == LIAISON_OK)
		err = post_step(post, statement, &has_row, fault);
	if (err != LIAISON_OK)
		return err;
	if (!has_row)
		return LIAISON_NOT_FOUND;
	struct job job = {
		.number = sqlite3_column_int64(statement, 0),
		.offset = (uint64_t)sqlite3_column_int64(statement, 1),
		.line = (uint64_t)sqlite3_column_int64(statement, 2),
		.queued = (uint64_t)sqlite3_column_int64(statement, 4),
		.bad = (uint64_t)sqlite3_column_int64(statement, 5),
		.bad_exit = sqlite3_column_int(statement, 6),
		.is_read = sqlite3_column_int(statement, 7) != 0,
		.began_at = sqlite3_column_int64(statement, 8),
		.ended_at = sqlite3_column_int64(statement, 9),
	};
	bool is_good = column_copy(statement, 3, job.digest.bytes, sizeof job.digest.bytes);
	sqlite3_reset(statement);
	if (!is_good)
		return fault_set(
			fault, LIAISON_CORRUPT, "%s: the mark of how far %s was taken in is damaged", post->path, path);
	*out = job;
	return LIAISON_OK;
}

enum liaison_err
job_begin(struct post *post, const char *path, int64_t now, struct job *out, struct fault *fault)
{
	struct job job = {.began_at = now};

	digest_sha256(NULL, 0, &job.digest);
	enum liaison_err err = post_run(post, fault,
		"INSERT OR REPLACE INTO job (path, offset, line, digest, queued, bad, bad_exit, is_read, began_at)"
		" VALUES (?1, 0, 0, ?2, 0, 0, 0, 0, ?3)",
		"tbi", path, job.digest.bytes, sizeof job.digest.bytes, now);
	if (err != LIAISON_OK)
		return err;
	job.number = sqlite3_last_insert_rowid(post->db);
	*out = job;
	return LIAISON_OK;
}

enum liaison_err
job_advance(struct post *post, const struct job *job, struct fault *fault)
{
	return post_run(post, fault,
		"UPDATE job SET offset = ?2, line = ?3, digest = ?4, queued = ?5, bad = ?6, bad_exit = ?7, is_read = "
		"?8,"
		" ended_at = 0 WHERE number = ?1",
		"iiibiiii", job->number, (int64_t)job->offset, (int64_t)job->line, job->digest.bytes,
		sizeof job->digest.bytes, (int64_t)job->queued, (int64_t)job->bad, (int64_t)job->bad_exit,
		(int64_t)job->is_read);
}

enum liaison_err
job_end(struct post *post, int64_t number, int64_t now, struct fault *fault)
{
	return post_run(post, fault, "UPDATE job SET ended_at = ?2 WHERE number = ?1", "ii", number, now);
}

enum liaison_err
job_count(struct post *post, int64_t number, enum outbox_state state, uint64_t *count, struct fault *fault)
{
	int64_t value = 0;

	enum liaison_err err = post_ask(post, fault, &value,
		"SELECT count(*) FROM outbox WHERE job = ?1 AND state = ?2", "ii", number, (int64_t)state);
	if (err == LIAISON_OK)
		*count = (uint64_t)value;
	return err;
}

enum liaison_err
job_refused(struct post *post, int64_t number, uint64_t *count, int *exit_code, struct fault *fault)
{
	uint64_t total = 0;
	int worst = 0;
	bool has_row = false;

	sqlite3_stmt *statement = post_prepare(
		post, "SELECT code, count(*) FROM outbox WHERE job = ?1 AND state = 2 GROUP BY code", fault);
	if (statement == NULL)
		return LIAISON_INTERNAL;
	enum liaison_err err = post_bind(post, statement, fault, "i", number);
	while (err == LIAISON_OK) {
		err = post_step(post, statement, &has_row, fault);
		if (err != LIAISON_OK || !has_row)
			break;
		worst = err_worse_exit(worst, err_refusal_exit((enum liaison_err)sqlite3_column_int(statement, 0)));
		total += (uint64_t)sqlite3_column_int64(statement, 1);
	}
	if (err == LIAISON_OK) {
		*count = total;
		*exit_code = worst;
	}
	return err;
}
