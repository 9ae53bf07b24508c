/* The outbox and inbox keep what they promised, across a crash (a connection that is dropped without commit). */
#include "agents/inbox.h"
#include "agents/outbox.h"
#include "agents/post.h"

#include "proto/envelope.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include <cmocka.h>

struct fixture {
	char *path;
	struct post *post;
	struct fault fault;
};

#define OK(call) assert_int_equal((call), LIAISON_OK)

static int
open_post(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->path = folder_new();
	OK(post_open(f->path, &f->post, &f->fault));
	*state = f;
	return 0;
}

static int
close_post(void **state)
{
	struct fixture *f = *state;
	post_close(f->post);
	folder_remove(f->path);
	free(f);
	return 0;
}

/* As after a crash: what was not committed is gone. */
static void
reopen(struct fixture *f)
{
	post_close(f->post);
	OK(post_open(f->path, &f->post, &f->fault));
}

static uint64_t
put_batch(struct fixture *f, uint32_t leaves, int64_t job)
{
	const struct key_id key = {{1, 2, 3}};
	const uint8_t signature[SIGNATURE_BYTES] = {9};
	uint64_t first = 0;

	OK(post_take_sequences(f->post, leaves, &first, &f->fault));
	OK(outbox_put_batch(f->post, first, leaves, &key, signature, &f->fault));
	for (uint32_t i = 0; i < leaves; i++) {
		uint8_t body[4] = {7, (uint8_t)i, 0, 1};
		struct digest hash;
		envelope_body_hash(body, sizeof body, &hash);
		OK(outbox_put(f->post, first, first + i, body, sizeof body, &hash, job, job > 0 ? i + 1 : 0, 1000,
			&f->fault));
	}
	return first;
}

static void
numbers_are_given_once(void **state)
{
	struct fixture *f = *state;
	uint64_t first = 0;

	OK(post_begin(f->post, &f->fault));
	OK(post_take_sequences(f->post, 3, &first, &f->fault));
	assert_int_equal(first, 1);
	OK(post_commit(f->post, &f->fault));
	OK(post_begin(f->post, &f->fault));
	OK(post_take_sequences(f->post, 5, &first, &f->fault));
	reopen(f); /* these five never left */
	OK(post_begin(f->post, &f->fault));
	OK(post_take_sequences(f->post, 1, &first, &f->fault));
	assert_int_equal(first, 4);
	OK(post_commit(f->post, &f->fault));
}

static void
the_broker_s_word_raises_the_numbers_and_never_lowers_them(void **state)
{
	struct fixture *f = *state;
	uint64_t first = 0;

	OK(post_raise_sequence(f->post, 41, &f->fault));
	OK(post_raise_sequence(f->post, 7, &f->fault));
	OK(post_take_sequences(f->post, 1, &first, &f->fault));
	assert_int_equal(first, 42);
}

static void
what_was_not_committed_was_never_queued(void **state)
{
	struct fixture *f = *state;
	uint64_t count = 9;

	OK(post_begin(f->post, &f->fault));
	put_batch(f, 3, 0);
	reopen(f);
	OK(outbox_count(f->post, ~0U, &count, &f->fault));
	assert_int_equal(count, 0);
}

static void
a_batch_is_sent_until_each_alert_is_settled(void **state)
{
	struct fixture *f = *state;
	struct outbox_batch batch;
	const uint8_t epoch[EPOCH_BYTES] = {5};

	OK(post_begin(f->post, &f->fault));
	uint64_t first = put_batch(f, 4, 0);
	uint64_t second = put_batch(f, 1, 0);
	OK(post_commit(f->post, &f->fault));

	OK(outbox_next_batch(f->post, 0, &batch, &f->fault));
	assert_int_equal(batch.first, first);
	assert_int_equal(batch.count, 4);
	assert_null(batch.leaves);
	outbox_batch_clear(&batch);

	OK(outbox_accept(f->post, first, "kh.broker", epoch, 17, 2000, &f->fault));
	OK(outbox_refuse(f->post, first + 1, LIAISON_EXPIRED, "too late", 2000, &f->fault));
	OK(outbox_refuse(f->post, first + 2, LIAISON_RATE_LIMITED, "later", 2000, &f->fault));
	OK(outbox_next_batch(f->post, 0, &batch, &f->fault));
	assert_int_equal(batch.count, 2);
	assert_non_null(batch.leaves); /* the paths need all four */
	assert_int_equal(batch.items[0].sequence, first + 2);
	outbox_batch_clear(&batch);

	OK(outbox_next_batch(f->post, first + 3, &batch, &f->fault));
	assert_int_equal(batch.first, second);
	outbox_batch_clear(&batch);
	OK(outbox_accept(f->post, second, "kh.broker", epoch, 18, 2000, &f->fault));
	assert_int_equal(outbox_next_batch(f->post, first + 3, &batch, &f->fault), LIAISON_NOT_FOUND);
}

static enum liaison_err
copy_row(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct outbox_row *copy = arg;

	(void)fault;
	*copy = *row;
	copy->body = NULL;
	copy->broker = copy->message = NULL;
	return LIAISON_OK;
}

static void
an_accepted_alert_is_never_refused_nor_dropped(void **state)
{
	struct fixture *f = *state;
	const uint8_t epoch[EPOCH_BYTES] = {5};
	struct outbox_row row;

	uint64_t first = put_batch(f, 1, 0);
	OK(outbox_accept(f->post, first, "kh.broker", epoch, 17, 2000, &f->fault));
	OK(outbox_refuse(f->post, first, LIAISON_EQUIVOCATION, "no", 3000, &f->fault));
	assert_int_equal(outbox_drop(f->post, first, 3000, &f->fault), LIAISON_NOT_FOUND);
	OK(outbox_find(f->post, first, copy_row, &row, &f->fault));
	assert_int_equal(row.state, OUTBOX_ACCEPTED);
	assert_int_equal(row.index, 17);
	assert_memory_equal(row.epoch, epoch, sizeof epoch);
}

static void
a_dropped_alert_is_not_sent_and_its_siblings_still_prove(void **state)
{
	struct fixture *f = *state;
	struct outbox_batch batch;

	uint64_t first = put_batch(f, 2, 0);
	OK(outbox_drop(f->post, first, 3000, &f->fault));
	OK(outbox_next_batch(f->post, 0, &batch, &f->fault));
	assert_int_equal(batch.count, 1);
	assert_int_equal(batch.items[0].sequence, first + 1);
	assert_non_null(batch.leaves);
	outbox_batch_clear(&batch);
}

static void
a_job_stands_where_its_alerts_were_committed(void **state)
{
	struct fixture *f = *state;
	struct job job, again;
	uint64_t count = 0;

	OK(job_begin(f->post, "/x/documents.jsonl", 500, &job, &f->fault));
	OK(post_begin(f->post, &f->fault));
	put_batch(f, 3, job.number);
	job.offset = 300;
	job.line = 3;
	job.queued = 3;
	job.bad = 2;
	job.bad_exit = EX_NOPERM;
	OK(job_advance(f->post, &job, &f->fault));
	OK(post_commit(f->post, &f->fault));
	OK(post_begin(f->post, &f->fault));
	put_batch(f, 3, job.number);
	job.offset = 600;
	job.line = 6;
	OK(job_advance(f->post, &job, &f->fault));
	reopen(f);
	OK(job_find(f->post, "/x/documents.jsonl", &again, &f->fault));
	assert_int_equal(again.offset, 300);
	assert_int_equal(again.line, 3);
	assert_int_equal(again.bad, 2);
	assert_int_equal(again.bad_exit, EX_NOPERM);
	OK(job_count(f->post, job.number, OUTBOX_QUEUED, &count, &f->fault));
	assert_int_equal(count, 3);
	assert_int_equal(again.ended_at, 0);
	OK(job_end(f->post, job.number, 9000, &f->fault));
	OK(job_find(f->post, "/x/documents.jsonl", &again, &f->fault));
	assert_int_equal(again.ended_at, 9000);
	OK(job_begin(f->post, "/x/documents.jsonl", 9500, &job, &f->fault));
	OK(job_find(f->post, "/x/documents.jsonl", &again, &f->fault));
	assert_int_equal(again.offset, 0);
	assert_int_equal(again.number, job.number);
}

static void
a_job_begun_anew_has_nothing_of_the_one_before(void **state)
{
	struct fixture *f = *state;
	struct job job, again;
	uint64_t count = 1;
	int exit_code = -1;

	OK(job_begin(f->post, "/x/documents.jsonl", 500, &job, &f->fault));
	uint64_t first = put_batch(f, 3, job.number);
	OK(outbox_refuse(f->post, first, LIAISON_EXPIRED, "too late", 2000, &f->fault));
	OK(job_begin(f->post, "/x/documents.jsonl", 3000, &again, &f->fault));
	OK(job_refused(f->post, again.number, &count, &exit_code, &f->fault));
	assert_int_equal(count, 0);
	assert_int_equal(exit_code, 0);
	OK(job_count(f->post, again.number, OUTBOX_QUEUED, &count, &f->fault));
	assert_int_equal(count, 0);
}

static void
the_worst_refusal_of_a_job_counts(void **state)
{
	struct fixture *f = *state;
	struct job job;
	uint64_t count = 0;
	int exit_code = -1;

	OK(job_begin(f->post, "/x/documents.jsonl", 500, &job, &f->fault));
	uint64_t first = put_batch(f, 4, job.number);
	OK(outbox_refuse(f->post, first, LIAISON_MALFORMED, "no", 2000, &f->fault));
	OK(outbox_refuse(f->post, first + 1, LIAISON_CLOCK_AHEAD, "later", 2000, &f->fault));
	OK(job_refused(f->post, job.number, &count, &exit_code, &f->fault));
	assert_int_equal(count, 1);
	assert_int_equal(exit_code, EX_DATAERR);
	OK(outbox_refuse(f->post, first + 2, LIAISON_EXPIRED, "too late", 2000, &f->fault));
	OK(outbox_refuse(f->post, first + 3, LIAISON_MALFORMED, "no", 2000, &f->fault));
	OK(job_refused(f->post, job.number, &count, &exit_code, &f->fault));
	assert_int_equal(count, 3);
	assert_int_equal(exit_code, EX_NOPERM);
}

static void
checkpoints_are_per_broker(void **state)
{
	struct fixture *f = *state;
	Liaison__Checkpoint checkpoint = LIAISON__CHECKPOINT__INIT, *held = NULL;
	char origin[] = "kh.broker";

	assert_int_equal(post_checkpoint(f->post, origin, &held, &f->fault), LIAISON_NOT_FOUND);
	checkpoint.origin = origin;
	checkpoint.has_size = 1;
	checkpoint.size = 77;
	OK(post_keep_checkpoint(f->post, &checkpoint, &f->fault));
	checkpoint.size = 78;
	OK(post_keep_checkpoint(f->post, &checkpoint, &f->fault));
	OK(post_checkpoint(f->post, origin, &held, &f->fault));
	assert_int_equal(held->size, 78);
	liaison__checkpoint__free_unpacked(held, NULL);
	assert_int_equal(post_checkpoint(f->post, "th.broker", &held, &f->fault), LIAISON_NOT_FOUND);
}

/* --- inbox ----------------------------------------------------------------------------------------------------------- */

static struct inbox_row
a_delivery(uint64_t index, const char *id, const char *reference)
{
	return (struct inbox_row){
		.place = {.broker = "kh.broker", .epoch = {3}, .index = index},
		.id = id,
		.message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT,
		.kind = LIAISON__KIND__KIND_ROUTE,
		.reference = reference,
		.envelope = (const uint8_t *)"bytes",
		.envelope_len = 5,
		.received_at = 4000,
	};
}

static enum liaison_err
copy_inbox(void *arg, const struct inbox_row *row, struct fault *fault)
{
	struct inbox_row *copy = arg;

	(void)fault;
	*copy = *row;
	return LIAISON_OK;
}

static enum liaison_err
count_inbox(void *arg, const struct inbox_row *row, struct fault *fault)
{
	(void)row;
	(void)fault;
	++*(size_t *)arg;
	return LIAISON_OK;
}

static void
the_same_delivery_is_kept_once(void **state)
{
	struct fixture *f = *state;
	struct inbox_row row = a_delivery(12, "kh.blo.a/1", NULL);
	uint64_t count = 0;
	bool is_new = false;

	OK(inbox_put(f->post, &row, &is_new, &f->fault));
	assert_true(is_new);
	OK(inbox_put(f->post, &row, &is_new, &f->fault));
	assert_false(is_new);
	row.place.epoch[0] = 4; /* another life of the log is another place */
	OK(inbox_put(f->post, &row, &is_new, &f->fault));
	assert_true(is_new);
	OK(inbox_count(f->post, &count, &f->fault));
	assert_int_equal(count, 2);
}

static void
a_notice_that_comes_first_still_ends_its_alert(void **state)
{
	struct fixture *f = *state;
	struct inbox_row row = a_delivery(12, "kh.blo.a/1", NULL), seen = {0};
	bool is_new = false;

	OK(inbox_end_alert(f->post, "kh.blo.a/1", INBOX_CANCELLED, LIAISON__NOTICE_REASON__NOTICE_REASON_DONE,
		"kh.blo.a/2", 5000, &f->fault));
	OK(inbox_put(f->post, &row, &is_new, &f->fault));
	OK(inbox_end_alert(f->post, "kh.blo.a/1", INBOX_SUPERSEDED, LIAISON__NOTICE_REASON__NOTICE_REASON_REPLACED,
		"kh.blo.a/3", 6000, &f->fault)); /* cancelled is terminal */
	OK(inbox_find(f->post, "kh.blo.a/1", copy_inbox, &seen, &f->fault));
	assert_int_equal(seen.state, INBOX_CANCELLED);
	assert_int_equal(seen.reason, LIAISON__NOTICE_REASON__NOTICE_REASON_DONE);
	assert_int_equal(seen.place.index, 12);
}

static void
an_update_ends_with_its_alert(void **state)
{
	struct fixture *f = *state;
	struct inbox_row row = a_delivery(12, "kh.blo.a/1", NULL), update = a_delivery(13, "kh.blo.a/2", "kh.blo.a/1");
	struct inbox_row seen = {0};
	bool is_new = false;

	update.message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE;
	OK(inbox_put(f->post, &row, &is_new, &f->fault));
	OK(inbox_put(f->post, &update, &is_new, &f->fault));
	OK(inbox_end_alert(f->post, "kh.blo.a/1", INBOX_SUPERSEDED, LIAISON__NOTICE_REASON__NOTICE_REASON_REPLACED,
		"kh.blo.a/2", 5000, &f->fault));
	OK(inbox_find(f->post, "kh.blo.a/2", copy_inbox, &seen, &f->fault));
	assert_int_equal(seen.state, INBOX_LIVE); /* it is what replaced the alert */
	OK(inbox_end_alert(f->post, "kh.blo.a/1", INBOX_CANCELLED, LIAISON__NOTICE_REASON__NOTICE_REASON_DONE,
		"kh.blo.a/3", 6000, &f->fault));
	OK(inbox_find(f->post, "kh.blo.a/2", copy_inbox, &seen, &f->fault));
	assert_int_equal(seen.state, INBOX_CANCELLED);
	assert_int_equal(seen.reason, LIAISON__NOTICE_REASON__NOTICE_REASON_DONE);
}

static void
erasure_leaves_the_id_and_no_content(void **state)
{
	struct fixture *f = *state;
	struct inbox_row row = a_delivery(12, "kh.blo.a/1", NULL), seen = {0};
	const uint8_t leaf_hash[32] = {1};
	bool is_new = false;

	OK(inbox_put(f->post, &row, &is_new, &f->fault));
	OK(inbox_erase(
		f->post, "kh.blo.a/1", leaf_hash, LIAISON__NOTICE_REASON__NOTICE_REASON_PROTECTION, 5000, &f->fault));
	OK(inbox_find(f->post, "kh.blo.a/1", copy_inbox, &seen, &f->fault));
	assert_null(seen.envelope);
	assert_int_equal(seen.state, INBOX_ERASED);
}

static void
the_newest_rows_and_what_is_about_an_alert_are_found(void **state)
{
	struct fixture *f = *state;
	char id[32];
	size_t count = 0;
	bool is_new = false;

	for (uint64_t i = 0; i < 10; i++) {
		snprintf(id, sizeof id, "kh.blo.a/%d", (int)i + 1);
		struct inbox_row row = a_delivery(i, id, i == 4 || i == 7 ? "kh.blo.a/1" : NULL);
		OK(inbox_put(f->post, &row, &is_new, &f->fault));
	}
	OK(inbox_each(f->post, 3, count_inbox, &count, &f->fault));
	assert_int_equal(count, 3);
	count = 0;
	OK(inbox_each(f->post, 0, count_inbox, &count, &f->fault));
	assert_int_equal(count, 10);
	count = 0;
	OK(inbox_each_about(f->post, "kh.blo.a/1", count_inbox, &count, &f->fault));
	assert_int_equal(count, 2);
	struct inbox_row seen;
	assert_int_equal(inbox_find(f->post, "kh.blo.a/99", copy_inbox, &seen, &f->fault), LIAISON_NOT_FOUND);
}

/* --- the file -------------------------------------------------------------------------------------------------------- */

static void
the_file_is_its_owner_s_alone_and_damage_is_told(void **state)
{
	struct fixture *f = *state;
	struct stat status;
	char file[4096];

	snprintf(file, sizeof file, "%s/post.db", f->path);
	assert_int_equal(stat(file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	OK(post_check(f->post, &f->fault));
	post_close(f->post);
	f->post = NULL;
	folder_write(f->path, "post.db",
		"this is no database, and it is long enough to be read as a header of one .............");
	assert_int_equal(post_open(f->path, &f->post, &f->fault), LIAISON_CORRUPT);
	assert_non_null(strstr(f->fault.message, "move it away"));
}

#define POST_TEST(name) cmocka_unit_test_setup_teardown(name, open_post, close_post)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		POST_TEST(numbers_are_given_once),
		POST_TEST(the_broker_s_word_raises_the_numbers_and_never_lowers_them),
		POST_TEST(what_was_not_committed_was_never_queued),
		POST_TEST(a_batch_is_sent_until_each_alert_is_settled),
		POST_TEST(an_accepted_alert_is_never_refused_nor_dropped),
		POST_TEST(a_dropped_alert_is_not_sent_and_its_siblings_still_prove),
		POST_TEST(a_job_stands_where_its_alerts_were_committed),
		POST_TEST(a_job_begun_anew_has_nothing_of_the_one_before),
		POST_TEST(the_worst_refusal_of_a_job_counts),
		POST_TEST(checkpoints_are_per_broker),
		POST_TEST(the_same_delivery_is_kept_once),
		POST_TEST(a_notice_that_comes_first_still_ends_its_alert),
		POST_TEST(an_update_ends_with_its_alert),
		POST_TEST(erasure_leaves_the_id_and_no_content),
		POST_TEST(the_newest_rows_and_what_is_about_an_alert_are_found),
		POST_TEST(the_file_is_its_owner_s_alone_and_damage_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
