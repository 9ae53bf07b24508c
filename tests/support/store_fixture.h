/* A store in a folder of its own for each test, and what it holds. For cmocka tests. */
#ifndef LIAISON_TESTS_SUPPORT_STORE_FIXTURE_H
#define LIAISON_TESTS_SUPPORT_STORE_FIXTURE_H

#include "broker/store.h"

extern char store_dir[64], store_path[96], store_wal[96];

/* Setup and teardown. */
int store_make_folder(void **state);
int store_remove_folder(void **state);

/* Opens, or fails the test. */
struct store *opened(void);

struct stored_feed a_feed(const char *office, const char *name);
struct audit_row a_refusal(int64_t at);

struct seen_feeds {
	size_t count;
	struct stored_feed feeds[8];
	uint8_t filters[8][8];
};
void see_feed(void *arg, const struct stored_feed *feed); /* `arg` is a struct seen_feeds */
struct seen_feeds feeds_of(struct store *store);

struct seen_rows {
	size_t count;
	int64_t at[16];
};
struct seen_rows rows_of(struct store *store, int64_t since);

#endif
