/* A feed read from a broker that lies: what is shown, what is parked, what ends the feed, and that the cursor stays. */
#include "agents/feed_post.h"
#include "agents/follow.h"
#include "agents/home.h"
#include "agents/post.h"

#include "proto/base/message.h"
#include "proto/edge/docfile.h"
#include "proto/edge/keyfile.h"
#include "tests/support/alerts.h"
#include "tests/support/fake_broker.h"
#include "tests/support/folder.h"
#include "tests/support/world.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#define OK(call) assert_int_equal((call), LIAISON_OK)
#define READER "th.blo.aranyaprathet"
#define OUTPUT_BYTES (1 << 20)

/* --- the reader ------------------------------------------------------------------------------------------------------ */

static int64_t
world_now_ms(void *arg)
{
	(void)arg;
	return WORLD_NOW;
}

static int64_t
monotonic_ms(void *arg)
{
	(void)arg;
	return clock_system()->monotonic_ms(clock_system()->arg);
}

static const struct clock world_clock = {.now_ms = world_now_ms, .monotonic_ms = monotonic_ms};

struct fixture {
	struct world *world;
	struct fake_broker *fake;
	struct app app;
	char *home;
	char *out; /* what the last run printed on stdout */
	uint64_t sequence;
};

static void
set_up(struct fixture *f, enum fake_lie lie)
{
	char path[4096];
	struct fault fault;

	*f = (struct fixture){.world = world_new(1), .home = folder_new()};
	world_set_broker(f->world, "th", FAKE_BROKER);
	f->fake = fake_broker_new(f->world, 1);
	fake_broker_lie(f->fake, lie);
	f->app = (struct app){.home = f->home, .json = true, .clock = &world_clock, .rng = rng_system()};
	snprintf(path, sizeof path, "%s/office.key", f->home);
	OK(keyfile_create(path, world_keys(f->world, READER), READER, NULL, &fault));
	snprintf(path, sizeof path, "%s/trust", f->home);
	OK(trust_save_dir(path, world_trust(f->world), WORLD_NOW, &fault));
	f->out = malloc(OUTPUT_BYTES);
	assert_non_null(f->out);
}

static void
tear_down(struct fixture *f)
{
	fake_broker_free(f->fake);
	world_free(f->world);
	folder_remove(f->home);
	free(f->out);
}

static void
write_conf(const struct fixture *f, const char *endpoint)
{
	struct home home = {.path = f->home, .broker_count = 1, .wait_seconds = 10};
	struct buf conf;

	snprintf(home.office.text, sizeof home.office.text, "%s", READER);
	snprintf(home.network, sizeof home.network, "%s", WORLD_NETWORK);
	snprintf(home.brokers[0].id.text, sizeof home.brokers[0].id.text, "%s", FAKE_BROKER);
	snprintf(home.brokers[0].endpoint, sizeof home.brokers[0].endpoint, "%s", endpoint);
	home.brokers[0].key = world_keys(f->world, FAKE_BROKER)->transport_public;
	buf_init(&conf, 64 * 1024);
	home_write_conf(&home, &conf);
	buf_put_u8(&conf, 0);
	OK(buf_check(&conf));
	folder_write(f->home, "office.conf", (const char *)conf.data);
	buf_clear(&conf);
}

/*
 * `liaison feed main --until-end --json` (and `--exec COMMAND`) against the fake broker; what it prints is in f->out, its exit
 * code comes back.
 */
static int
follow_with(struct fixture *f, const char *command)
{
	const struct follow_options options = {
		.name = "main", .start = LIAISON__START__START_CURSOR, .is_until_end = true, .command = command};
	char path[4096];

	write_conf(f, fake_broker_endpoint(f->fake));
	snprintf(path, sizeof path, "%s/stdout", f->home);
	fflush(stdout);
	int kept = dup(STDOUT_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	assert_true(kept >= 0 && file >= 0);
	dup2(file, STDOUT_FILENO);
	int code = follow_run(&f->app, &options);
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	ssize_t len = pread(file, f->out, OUTPUT_BYTES - 1, 0);
	assert_true(len >= 0);
	f->out[len] = '\0';
	close(kept);
	close(file);
	return code;
}

static int
follow(struct fixture *f)
{
	return follow_with(f, NULL);
}

static size_t
count(const char *text, const char *part)
{
	size_t found = 0;

	for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
		found++;
	return found;
}

static uint64_t
append(struct fixture *f)
{
	Liaison__Alert *alert = a_route_alert();
	char id[64];

	snprintf(id, sizeof id, ALERT_OFFICE "/%llu", (unsigned long long)++f->sequence);
	OK(message_set_text(&alert->id, id));
	return fake_broker_append(f->fake, alert, world_keys(f->world, ALERT_OFFICE));
}

/* --- looking into the home ------------------------------------------------------------------------------------------- */

static enum liaison_err
take_cursor(void *arg, const struct feed_row *row, struct fault *fault)
{
	(void)fault;
	*(uint64_t *)arg = row->ordinary;
	return LIAISON_OK;
}

static uint64_t
kept_cursor(const struct fixture *f)
{
	struct post *post = NULL;
	struct fault fault;
	uint64_t cursor = UINT64_MAX;

	OK(post_open(f->home, &post, &fault));
	OK(feed_post_each(post, FAKE_BROKER, "main", take_cursor, &cursor, &fault));
	post_close(post);
	return cursor;
}

static enum liaison_err
count_parked(void *arg, const struct parked_row *row, struct fault *fault)
{
	(void)row;
	(void)fault;
	++*(size_t *)arg;
	return LIAISON_OK;
}

static size_t
parked(const struct fixture *f)
{
	struct post *post = NULL;
	struct fault fault;
	size_t found = 0;

	OK(post_open(f->home, &post, &fault));
	OK(parked_each(post, "main", count_parked, &found, &fault));
	post_close(post);
	return found;
}

static uint64_t
inbox_rows(const struct fixture *f)
{
	struct post *post = NULL;
	struct fault fault;
	uint64_t rows = 0;

	OK(post_open(f->home, &post, &fault));
	OK(inbox_count(post, &rows, &fault));
	post_close(post);
	return rows;
}

static bool
has_evidence(const struct fixture *f, const char *prefix)
{
	char path[4096];
	bool found = false;

	snprintf(path, sizeof path, "%s/evidence", f->home);
	DIR *folder = opendir(path);
	for (struct dirent *entry = NULL; folder != NULL && (entry = readdir(folder)) != NULL;)
		found = found || strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	if (folder != NULL)
		closedir(folder);
	return found;
}

/* --- stories --------------------------------------------------------------------------------------------------------- */

static void
an_honest_broker_is_read_once(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_HONEST);
	append(&f);
	append(&f);
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 2);
	assert_int_equal(kept_cursor(&f), 3);
	assert_int_equal(fake_broker_acknowledged(f.fake), 3);
	assert_int_equal(inbox_rows(&f), 2);
	/* It sends all of it again, as if it had never heard of what was acknowledged. */
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 0);
	assert_int_equal(fake_broker_acknowledged(f.fake), 3);
	tear_down(&f);
}

static void
the_same_delivery_twice_is_shown_once(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_HONEST);
	uint64_t first = append(&f);
	for (int i = 0; i < 5; i++)
		append(&f);
	assert_int_equal(follow(&f), EX_OK);
	fake_broker_repeat(f.fake, first);
	append(&f);
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 1);
	tear_down(&f);
}

static void
copy_file(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(in >= 0 && out >= 0);
	assert_true(sendfile(out, in, NULL, 1 << 24) > 0);
	close(in);
	close(out);
}

/* The broker remembers further than the home: what came since the copy was made comes again, and nothing else does. */
static void
an_older_copy_of_post_db_is_given_what_it_has_lost(void **state)
{
	struct fixture f;
	char post[4096], copy[4096];

	(void)state;
	set_up(&f, FAKE_REMEMBERS);
	snprintf(post, sizeof post, "%s/post.db", f.home);
	snprintf(copy, sizeof copy, "%s/post.copy", f.home);
	append(&f);
	append(&f);
	assert_int_equal(follow(&f), EX_OK);
	copy_file(post, copy);
	append(&f);
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 1);
	copy_file(copy, post);
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 1);
	assert_int_equal(inbox_rows(&f), 3);
	assert_int_equal(fake_broker_acknowledged(f.fake), 4);
	/* A new post.db has lost everything. */
	assert_int_equal(unlink(post), 0);
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 3);
	assert_int_equal(follow(&f), EX_OK);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 0);
	tear_down(&f);
}

static void
what_does_not_verify_is_told_and_parked_and_the_rest_goes_on(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_HONEST);
	append(&f);
	fake_broker_spoil(f.fake, append(&f));
	append(&f);
	assert_int_equal(follow(&f), EX_DATAERR);
	assert_int_equal(count(f.out, "\"type\":\"delivery\""), 2);
	assert_int_equal(count(f.out, "\"type\":\"unverified\""), 1);
	assert_int_equal(count(f.out, "\"code\":\"bad-signature\""), 1);
	assert_int_equal(kept_cursor(&f), 4);
	assert_int_equal(parked(&f), 1);
	assert_int_equal(inbox_rows(&f), 2);
	tear_down(&f);
}

static void
two_bodies_under_one_id_are_evidence(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_HONEST);
	append(&f);
	assert_int_equal(follow(&f), EX_OK);
	f.sequence = 0;
	Liaison__Alert *other = a_route_alert();
	other->severity = LIAISON__SEVERITY__SEVERITY_MINOR;
	fake_broker_append(f.fake, other, world_keys(f.world, ALERT_OFFICE));
	assert_int_equal(follow(&f), EX_DATAERR);
	assert_int_equal(count(f.out, "\"code\":\"equivocation\""), 1);
	assert_true(has_evidence(&f, "equivocation-kh.blo.poipet_1-"));
	assert_int_equal(inbox_rows(&f), 1);
	tear_down(&f);
}

static enum liaison_err
take_state(void *arg, const struct inbox_row *row, struct fault *fault)
{
	(void)fault;
	*(enum inbox_state *)arg = row->state;
	return LIAISON_OK;
}

static void
a_notice_ends_its_alert_here_whichever_comes_first(void **state)
{
	(void)state;
	for (int is_first = 0; is_first < 2; is_first++) {
		Liaison__Alert *notice = a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL);
		enum inbox_state ended = INBOX_LIVE;
		struct post *post = NULL;
		struct fixture f;
		struct fault fault;
		set_up(&f, FAKE_HONEST);
		if (!is_first)
			append(&f);
		fake_broker_append(f.fake, notice, world_keys(f.world, ALERT_OFFICE));
		if (is_first)
			append(&f);
		assert_int_equal(follow(&f), EX_OK);
		assert_int_equal(count(f.out, "\"type\":\"notice\""), 1);
		assert_int_equal(count(f.out, "\"notice\":\"CANCELLED\",\"id\":\"kh.blo.poipet/1\""), 1);
		OK(post_open(f.home, &post, &fault));
		OK(inbox_find(post, "kh.blo.poipet/1", take_state, &ended, &fault));
		post_close(post);
		assert_int_equal(ended, INBOX_CANCELLED);
		tear_down(&f);
	}
}

/* Each ends the feed at once with 65; what was proved before stays shown and kept. */
static void
a_log_that_does_not_hold_together_ends_the_feed(void **state)
{
	static const enum fake_lie lies[] = {FAKE_FORKS_BEHIND, FAKE_ROLLS_BACK_BEHIND};

	(void)state;
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct fixture f;
		set_up(&f, lies[i]);
		append(&f);
		append(&f);
		assert_int_equal(follow(&f), EX_DATAERR);
		assert_true(has_evidence(&f, "log-fork-kh.broker-"));
		assert_int_equal(count(f.out, "\"type\":\"progress\""), 0);
		tear_down(&f);
	}
}

static void
a_log_that_was_rewritten_in_between_is_found_before_anything_is_shown(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_HONEST);
	append(&f);
	assert_int_equal(follow(&f), EX_OK);
	append(&f);
	assert_int_equal(kept_cursor(&f), 2);
	fake_broker_lie(f.fake, FAKE_REWRITTEN);
	assert_int_equal(follow(&f), EX_DATAERR);
	assert_int_equal(count(f.out, "\"type\":"), 0);
	assert_int_equal(kept_cursor(&f), 2);
	assert_true(has_evidence(&f, "log-fork-kh.broker-"));
	tear_down(&f);
}

static void
what_no_checkpoint_covers_is_not_shown(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_DELIVERS_BEYOND);
	append(&f);
	assert_int_equal(follow(&f), EX_DATAERR);
	assert_int_equal(count(f.out, "\"type\":"), 0);
	assert_int_equal(kept_cursor(&f), 0);
	assert_int_equal(inbox_rows(&f), 0);
	tear_down(&f);
}

/* While a command runs nothing is handled: what comes past the credit would only fill this reader's memory. */
static void
a_broker_that_floods_is_left(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f, FAKE_OVERDRAWS);
	append(&f);
	assert_int_equal(follow_with(&f, "sleep 1"), EX_NOPERM);
	assert_true(kept_cursor(&f) <= 2);
	tear_down(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_broker_is_read_once),
		cmocka_unit_test(the_same_delivery_twice_is_shown_once),
		cmocka_unit_test(an_older_copy_of_post_db_is_given_what_it_has_lost),
		cmocka_unit_test(what_does_not_verify_is_told_and_parked_and_the_rest_goes_on),
		cmocka_unit_test(two_bodies_under_one_id_are_evidence),
		cmocka_unit_test(a_notice_ends_its_alert_here_whichever_comes_first),
		cmocka_unit_test(a_log_that_does_not_hold_together_ends_the_feed),
		cmocka_unit_test(a_log_that_was_rewritten_in_between_is_found_before_anything_is_shown),
		cmocka_unit_test(what_no_checkpoint_covers_is_not_shown),
		cmocka_unit_test(a_broker_that_floods_is_left),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
