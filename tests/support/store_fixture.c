#include "tests/support/store_fixture.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

char store_dir[64], store_path[96], store_wal[96];

int
store_make_folder(void **state)
{
	(void)state;
	if (folder_new_at(store_dir, sizeof store_dir) != 0)
		return -1;
	snprintf(store_path, sizeof store_path, "%s/state.db", store_dir);
	snprintf(store_wal, sizeof store_wal, "%s/state.db-wal", store_dir);
	return 0;
}

int
store_remove_folder(void **state)
{
	(void)state;
	(void)unlink(store_path);
	(void)unlink(store_wal);
	return rmdir(store_dir);
}

struct store *
opened(void)
{
	struct store *store = NULL;
	struct fault fault;

	if (store_open(store_path, &store, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	return store;
}

struct stored_feed
a_feed(const char *office, const char *name)
{
	static const uint8_t filter[] = {8, 1};
	struct stored_feed feed = {.filter = filter, .filter_len = sizeof filter, .urgent_cursor = 1};

	snprintf(feed.office.text, sizeof feed.office.text, "%s", office);
	snprintf(feed.name, sizeof feed.name, "%s", name);
	memset(feed.epoch, 7, sizeof feed.epoch);
	return feed;
}

struct audit_row
a_refusal(int64_t at)
{
	return (struct audit_row){
		.at = at, .office = "kh.blo.poipet", .code = LIAISON_EXPIRED, .alert_id = "kh.blo.poipet/42"};
}

/* --- what the callbacks saw ------------------------------------------------------------------------------------------ */

void
see_feed(void *arg, const struct stored_feed *feed)
{
	struct seen_feeds *seen = arg;

	assert_in_range(seen->count, 0, 7);
	assert_in_range(feed->filter_len, 0, 8);
	seen->feeds[seen->count] = *feed;
	memcpy(seen->filters[seen->count], feed->filter_len ? feed->filter : (const uint8_t *)"", feed->filter_len);
	seen->count++;
}

struct seen_feeds
feeds_of(struct store *store)
{
	struct seen_feeds seen = {0};
	struct fault fault;

	assert_int_equal(store_each_feed(store, see_feed, &seen, &fault), LIAISON_OK);
	return seen;
}

static void
see_row(void *arg, const struct audit_row *row)
{
	struct seen_rows *seen = arg;

	assert_in_range(seen->count, 0, 15);
	seen->at[seen->count++] = row->at;
}

struct seen_rows
rows_of(struct store *store, int64_t since)
{
	struct seen_rows seen = {0};
	struct fault fault;

	assert_int_equal(store_each_audit(store, since, see_row, &seen, &fault), LIAISON_OK);
	return seen;
}
