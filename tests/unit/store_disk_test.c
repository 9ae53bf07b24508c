#include "broker/store.h"

#include "tests/support/bad_disk.h"
#include "tests/support/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* A life of a store up to its first failure; which steps were acknowledged. */
static enum liaison_err
live(struct store *store, int *feeds, uint64_t *cursor, int *rows)
{
	enum liaison_err err = LIAISON_OK;
	uint8_t epoch[16] = {0};
	struct fault fault = {0};

	for (int i = 0; i < 3; i++) {
		struct stored_feed feed = a_feed("kh.blo.poipet", (const char *const[]){"a", "b", "c"}[i]);
		struct audit_row row = a_refusal(i + 1);
		if ((err = store_put_feed(store, &feed, &fault)) != LIAISON_OK)
			return err;
		*feeds = i + 1;
		if ((err = store_begin(store, &fault)) != LIAISON_OK ||
			(err = store_set_cursors(store, "kh.blo.poipet", "a", epoch, (uint64_t)i + 10, 0, &fault)) !=
				LIAISON_OK ||
			(err = store_commit(store, &fault)) != LIAISON_OK)
			return err;
		*cursor = (uint64_t)i + 10;
		if ((err = store_audit(store, &row, &fault)) != LIAISON_OK ||
			(err = store_flush_audit(store, &fault)) != LIAISON_OK)
			return err;
		*rows = i + 1;
	}
	return LIAISON_OK;
}

static void
what_was_acknowledged_is_there_whenever_the_disk_fails(void **state)
{
	static const struct {
		enum bad_disk_fault fault;
		enum liaison_err code;
	} faults[] = {{BAD_DISK_WRITE, LIAISON_IO}, {BAD_DISK_FULL, LIAISON_STORAGE_FULL}, {BAD_DISK_SYNC, LIAISON_IO}};
	int runs = 0;

	(void)state;
	for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++) {
		int failed = 1;
		for (int after = 0; failed > 0; after++, runs++) {
			int feeds = 0, rows = 0;
			uint64_t cursor = 1;
			struct store *store = opened();
			bad_disk_break(faults[f].fault, after);
			enum liaison_err err = live(store, &feeds, &cursor, &rows);
			if (err != LIAISON_OK)
				assert_int_equal(err, faults[f].code);
			struct stored_feed late = a_feed("kh.blo.poipet", "late");
			failed = bad_disk_mend();
			if (err == LIAISON_IO) /* not again until a restart, though the disk is well now */
				assert_int_equal(store_put_feed(store, &late, NULL), LIAISON_IO);
			else if (err == LIAISON_STORAGE_FULL) /* but with room again it goes on */
				assert_int_equal(store_put_feed(store, &late, NULL), LIAISON_OK);
			store_close(store);

			store = opened();
			struct seen_feeds seen = feeds_of(store);
			assert_true(seen.count >= (size_t)feeds);
			if (feeds > 0)
				assert_true(seen.feeds[0].urgent_cursor >= cursor);
			assert_true(rows_of(store, 0).count >= (size_t)rows);
			store_close(store);
			assert_int_equal(unlink(store_path), 0);
		}
	}
	assert_true(runs > 10);
}

static void
a_disk_that_fails_at_the_first_start_leaves_nothing_in_the_way(void **state)
{
	(void)state;
	for (int f = BAD_DISK_WRITE; f <= BAD_DISK_SYNC; f++) {
		int failed = 1;
		for (int after = 0; failed > 0; after++) {
			struct store *store = NULL;
			struct fault fault;
			bad_disk_break((enum bad_disk_fault)f, after);
			enum liaison_err err = store_open(store_path, &store, &fault);
			failed = bad_disk_mend();
			assert_true((err == LIAISON_OK) == (store != NULL));
			store_close(store);
			store_close(opened());
			assert_int_equal(unlink(store_path), 0);
		}
	}
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, store_make_folder, store_remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_was_acknowledged_is_there_whenever_the_disk_fails),
		WITH_FOLDER(a_disk_that_fails_at_the_first_start_leaves_nothing_in_the_way),
	};

	bad_disk_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
