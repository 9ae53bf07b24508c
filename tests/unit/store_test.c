#include "broker/store.h"

#include "tests/support/store_fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- feeds ------------------------------------------------------------------------------------------------------------ */

static void
feeds_outlive_the_store(void **state)
{
	struct stored_feed one = a_feed("kh.blo.poipet", "routes"), two = a_feed("th.blo.aranyaprathet", "all");

	(void)state;
	one.urgent_cursor = UINT64_MAX;
	one.ordinary_cursor = UINT64_C(1) << 63;
	two.filter = NULL;
	two.filter_len = 0;
	struct store *store = opened();
	assert_int_equal(feeds_of(store).count, 0);
	assert_int_equal(store_put_feed(store, &two, NULL), LIAISON_OK);
	assert_int_equal(store_put_feed(store, &one, NULL), LIAISON_OK);
	store_close(store);

	store = opened();
	struct seen_feeds seen = feeds_of(store);
	assert_int_equal(seen.count, 2);
	assert_string_equal(seen.feeds[0].office.text, "kh.blo.poipet");
	assert_string_equal(seen.feeds[0].name, "routes");
	assert_memory_equal(seen.feeds[0].epoch, one.epoch, sizeof one.epoch);
	assert_true(seen.feeds[0].urgent_cursor == UINT64_MAX);
	assert_true(seen.feeds[0].ordinary_cursor == UINT64_C(1) << 63);
	assert_int_equal(seen.feeds[0].filter_len, 2);
	assert_memory_equal(seen.filters[0], one.filter, 2);
	assert_string_equal(seen.feeds[1].name, "all");
	assert_int_equal(seen.feeds[1].filter_len, 0);
	store_close(store);
}

static void
a_feed_is_replaced_by_office_and_name_and_removed_once(void **state)
{
	struct stored_feed feed = a_feed("kh.blo.poipet", "routes"), other = a_feed("kh.blo.bavet", "routes");
	struct store *store = opened();

	(void)state;
	assert_int_equal(store_put_feed(store, &feed, NULL), LIAISON_OK);
	assert_int_equal(store_put_feed(store, &other, NULL), LIAISON_OK);
	feed.ordinary_cursor = 9;
	assert_int_equal(store_put_feed(store, &feed, NULL), LIAISON_OK);
	struct seen_feeds seen = feeds_of(store);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.feeds[1].ordinary_cursor, 9);
	assert_int_equal(store_remove_feed(store, "kh.blo.poipet", "routes", NULL), LIAISON_OK);
	assert_int_equal(store_remove_feed(store, "kh.blo.poipet", "routes", NULL), LIAISON_OK);
	seen = feeds_of(store);
	assert_int_equal(seen.count, 1);
	assert_string_equal(seen.feeds[0].office.text, "kh.blo.bavet");
	store_close(store);
}

static void
cursors_move_together_or_not_at_all(void **state)
{
	struct stored_feed one = a_feed("kh.blo.poipet", "a"), two = a_feed("kh.blo.poipet", "b");
	uint8_t epoch[16] = {9};
	struct store *store = opened();

	(void)state;
	assert_int_equal(store_put_feed(store, &one, NULL), LIAISON_OK);
	assert_int_equal(store_put_feed(store, &two, NULL), LIAISON_OK);
	assert_int_equal(store_begin(store, NULL), LIAISON_OK);
	assert_int_equal(store_set_cursors(store, "kh.blo.poipet", "a", epoch, 5, 6, NULL), LIAISON_OK);
	assert_int_equal(store_set_cursors(store, "kh.blo.poipet", "gone", epoch, 5, 6, NULL), LIAISON_NOT_FOUND);
	assert_int_equal(store_set_cursors(store, "kh.blo.poipet", "b", epoch, 7, 8, NULL), LIAISON_OK);
	assert_int_equal(store_commit(store, NULL), LIAISON_OK);
	store_close(store);

	store = opened();
	struct seen_feeds seen = feeds_of(store);
	assert_int_equal(seen.feeds[0].urgent_cursor, 5);
	assert_int_equal(seen.feeds[1].ordinary_cursor, 8);
	assert_memory_equal(seen.feeds[1].epoch, epoch, sizeof epoch);
	assert_int_equal(store_begin(store, NULL), LIAISON_OK);
	assert_int_equal(store_set_cursors(store, "kh.blo.poipet", "a", epoch, 50, 60, NULL), LIAISON_OK);
	store_close(store); /* without a commit */

	store = opened();
	assert_int_equal(feeds_of(store).feeds[0].urgent_cursor, 5);
	store_close(store);
}

/* --- audit ------------------------------------------------------------------------------------------------------------ */

static void
check_whole_row(void *arg, const struct audit_row *row)
{
	const struct digest *hash = arg;

	assert_int_equal(row->at, 1000);
	assert_string_equal(row->office, "kh.blo.poipet");
	assert_int_equal(row->code, LIAISON_BAD_SIGNATURE);
	assert_string_equal(row->alert_id, "kh.blo.poipet/42");
	assert_non_null(row->body_hash);
	assert_true(digest_equal(row->body_hash, hash));
	assert_string_equal(row->reason, "the signature is not by this key");
}

static void
check_bare_row(void *arg, const struct audit_row *row)
{
	(void)arg;
	assert_null(row->office);
	assert_null(row->alert_id);
	assert_null(row->body_hash);
	assert_null(row->reason);
	assert_int_equal(row->code, LIAISON_MALFORMED);
}

static void
the_audit_keeps_what_it_was_told(void **state)
{
	struct digest hash;
	struct store *store = opened();

	(void)state;
	memset(hash.bytes, 0xab, sizeof hash.bytes);
	struct audit_row whole = {.at = 1000,
		.office = "kh.blo.poipet",
		.code = LIAISON_BAD_SIGNATURE,
		.alert_id = "kh.blo.poipet/42",
		.body_hash = &hash,
		.reason = "the signature is not by this key"};
	struct audit_row bare = {.at = 2000, .code = LIAISON_MALFORMED};
	assert_int_equal(store_audit(store, &whole, NULL), LIAISON_OK);
	assert_int_equal(store_flush_audit(store, NULL), LIAISON_OK);
	assert_int_equal(store_each_audit(store, 0, check_whole_row, &hash, NULL), LIAISON_OK);
	assert_int_equal(store_audit(store, &bare, NULL), LIAISON_OK);
	store_close(store); /* commits what waits */
	store = opened();
	assert_int_equal(store_each_audit(store, 1001, check_bare_row, NULL, NULL), LIAISON_OK);
	assert_int_equal(rows_of(store, 0).count, 2);
	assert_int_equal(rows_of(store, 2001).count, 0);
	store_close(store);
}

static void
change_file(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(store_path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
new_rows_push_out_the_oldest(void **state)
{
	struct store *store = opened();

	(void)state;
	for (int64_t at = 1; at <= 3; at++) {
		struct audit_row row = a_refusal(at);
		assert_int_equal(store_audit(store, &row, NULL), LIAISON_OK);
	}
	store_close(store);
	change_file("UPDATE audit SET number = 1000002 WHERE number = 3"); /* as if so many had been written */
	store = opened();
	struct audit_row row = a_refusal(4);
	assert_int_equal(store_audit(store, &row, NULL), LIAISON_OK);
	assert_int_equal(store_flush_audit(store, NULL), LIAISON_OK);
	struct seen_rows seen = rows_of(store, 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(seen.at[0], 3);
	assert_int_equal(seen.at[1], 4);
	store_close(store);
}

static void
a_flood_of_refusals_is_committed_by_itself(void **state)
{
	struct store *store = opened();

	(void)state;
	for (int64_t at = 1; at <= 5000; at++) {
		struct audit_row row = a_refusal(at);
		assert_int_equal(store_audit(store, &row, NULL), LIAISON_OK);
	}
	/* There before anybody asked for a flush. */
	struct stat st;
	assert_int_equal(stat(store_wal, &st), 0);
	assert_true(st.st_size > 4096 * 10);
	assert_int_equal(store_begin(store, NULL), LIAISON_OK);
	store_close(store); /* gives up the rest */
	store = opened();
	assert_int_equal(rows_of(store, 4090).count, 7);
	store_close(store);
}

/* --- what is not right with the file ------------------------------------------------------------------------------------ */

static void
refuses(enum liaison_err code, const char *word)
{
	struct store *store = NULL;
	struct fault fault = {0};

	assert_int_equal(store_open(store_path, &store, &fault), code);
	assert_null(store);
	assert_int_equal(fault.code, code);
	assert_non_null(strstr(fault.message, store_path));
	if (strstr(fault.message, word) == NULL)
		fail_msg("\"%s\" has no \"%s\"", fault.message, word);
}

static void
the_file_is_for_its_owner_alone(void **state)
{
	struct stat st;
	mode_t old = umask(0);

	(void)state;
	struct stored_feed feed = a_feed("kh.blo.poipet", "a");
	struct store *store = opened();
	assert_int_equal(store_put_feed(store, &feed, NULL), LIAISON_OK);
	assert_int_equal(stat(store_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(store_wal, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	store_close(store);
	assert_int_equal(chmod(store_path, 0644), 0); /* as a careless restore leaves it */
	store_close(opened());
	assert_int_equal(stat(store_path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	umask(old);
}

static void
a_second_broker_is_told(void **state)
{
	struct store *store = opened();

	(void)state;
	refuses(LIAISON_BUSY, "running already");
	store_close(store);
	store_close(opened());
}

static void
a_folder_that_is_missing_is_named(void **state)
{
	(void)state;
	snprintf(store_path, sizeof store_path, "%s/gone/state.db", store_dir);
	refuses(LIAISON_IO, "No such file");
}

static void
a_link_is_not_followed(void **state)
{
	char target[96];

	(void)state;
	snprintf(target, sizeof target, "%s/elsewhere", store_dir);
	assert_int_equal(symlink(target, store_path), 0);
	refuses(LIAISON_IO, "cannot be opened");
	assert_int_equal(access(target, F_OK), -1);
}

static void
write_file(const void *bytes, size_t len, off_t at)
{
	int fd = open(store_path, O_WRONLY | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
	close(fd);
}

static void
a_file_of_another_sort_is_refused(void **state)
{
	char noise[8192];

	(void)state;
	memset(noise, 'x', sizeof noise);
	write_file(noise, sizeof noise, 0);
	refuses(LIAISON_CORRUPT, "move it");
}

static void
a_database_of_another_program_is_refused_and_left_alone(void **state)
{
	struct stat before, after;

	(void)state;
	change_file("CREATE TABLE contacts (name)");
	assert_int_equal(stat(store_path, &before), 0);
	refuses(LIAISON_CORRUPT, "not one that liaisond made");
	assert_int_equal(stat(store_path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void
a_later_version_is_refused(void **state)
{
	(void)state;
	store_close(opened());
	change_file("PRAGMA user_version = 2");
	refuses(LIAISON_UNSUPPORTED_VERSION, "version 2");
}

/* One bit of each page in turn: the store opens and says all it held, or says that it is damaged. */
static void
a_flipped_bit_is_noticed_or_harmless(void **state)
{
	struct stat st;
	int noticed = 0;

	(void)state;
	struct store *store = opened();
	for (int i = 0; i < 4; i++) {
		struct stored_feed feed = a_feed("kh.blo.poipet", (const char *const[]){"a", "b", "c", "d"}[i]);
		assert_int_equal(store_put_feed(store, &feed, NULL), LIAISON_OK);
	}
	store_close(store);
	assert_int_equal(stat(store_path, &st), 0);
	uint8_t *whole = malloc((size_t)st.st_size);
	int fd = open(store_path, O_RDONLY);
	assert_int_equal(pread(fd, whole, (size_t)st.st_size, 0), st.st_size);
	close(fd);
	/* Page headers and cell pointers: the first bytes of each page, and of the first page what follows the header. */
	for (off_t at = 0; at < st.st_size; at += at % 4096 < 120 ? 1 : 3976) {
		uint8_t bad = whole[at] ^ 0x10;
		struct fault fault;
		write_file(&bad, 1, at);
		store = NULL;
		enum liaison_err err = store_open(store_path, &store, &fault);
		if (err == LIAISON_OK) {
			struct seen_feeds seen = {0};
			err = store_each_feed(store, see_feed, &seen, &fault);
			if (err == LIAISON_OK)
				assert_int_equal(seen.count, 4);
		}
		noticed += err != LIAISON_OK;
		store_close(store);
		(void)unlink(store_wal);
		write_file(whole, (size_t)st.st_size, 0);
	}
	assert_true(noticed > 10);
	free(whole);
}

static void
a_row_that_nobody_wrote_is_damage(void **state)
{
	static const char *const rows[] = {
		"INSERT INTO feed VALUES ('KH', 'a', x'', zeroblob(16), 0, 0)",
		"INSERT INTO feed VALUES ('kh.blo', '', x'', zeroblob(16), 0, 0)",
		"INSERT INTO feed VALUES ('kh.blo', 'a', x'', zeroblob(15), 0, 0)",
		"INSERT INTO feed VALUES ('kh.blo', printf('%064d', 1), x'', zeroblob(16), 0, 0)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct seen_feeds seen = {0};
		struct fault fault;
		store_close(opened());
		change_file(rows[i]);
		struct store *store = opened();
		assert_int_equal(store_each_feed(store, see_feed, &seen, &fault), LIAISON_CORRUPT);
		store_close(store);
		change_file("DELETE FROM feed");
	}
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, store_make_folder, store_remove_folder)

static int
clean_link(void **state)
{
	char target[96];

	snprintf(target, sizeof target, "%s/elsewhere", store_dir);
	(void)unlink(target);
	return store_remove_folder(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(feeds_outlive_the_store),
		WITH_FOLDER(a_feed_is_replaced_by_office_and_name_and_removed_once),
		WITH_FOLDER(cursors_move_together_or_not_at_all),
		WITH_FOLDER(the_audit_keeps_what_it_was_told),
		WITH_FOLDER(new_rows_push_out_the_oldest),
		WITH_FOLDER(a_flood_of_refusals_is_committed_by_itself),
		WITH_FOLDER(the_file_is_for_its_owner_alone),
		WITH_FOLDER(a_second_broker_is_told),
		WITH_FOLDER(a_folder_that_is_missing_is_named),
		cmocka_unit_test_setup_teardown(a_link_is_not_followed, store_make_folder, clean_link),
		WITH_FOLDER(a_file_of_another_sort_is_refused),
		WITH_FOLDER(a_database_of_another_program_is_refused_and_left_alone),
		WITH_FOLDER(a_later_version_is_refused),
		WITH_FOLDER(a_flipped_bit_is_noticed_or_harmless),
		WITH_FOLDER(a_row_that_nobody_wrote_is_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
