/* What an agent believes of a broker, and what becomes of the outbox when the broker lies. */
#include "agents/compose.h"
#include "agents/dispatch.h"
#include "agents/outbox.h"

#include "tests/support/fake_broker.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OFFICE "kh.blo.poipet"
#define OK(call) assert_int_equal((call), LIAISON_OK)

static int64_t
world_time(void *arg)
{
	(void)arg;
	return WORLD_NOW;
}

static int64_t
real_monotonic(void *arg)
{
	(void)arg;
	return clock_system()->monotonic_ms(clock_system()->arg);
}

static const struct clock world_clock = {world_time, real_monotonic, NULL};

struct fixture {
	struct world *world;
	struct fake_broker *fake;
	struct app app;
	struct agent agent; /* its keys are the world's */
	char *path;
	size_t accepted, refused, deferred;
	enum liaison_err code;
	struct fault fault;
};

static void
set_home(struct fixture *f, const char *first_endpoint)
{
	char conf[1024], key[2 * PUBLIC_KEY_BYTES + 1];

	public_key_format(&world_keys(f->world, "kh.broker")->transport_public, key);
	snprintf(conf, sizeof conf,
		"office = \"" OFFICE "\"; broker = ( %s%s%s%s%s { endpoint = \"%s\"; key = \"%s\"; } );",
		first_endpoint != NULL ? "{ endpoint = \"" : "", first_endpoint != NULL ? first_endpoint : "",
		first_endpoint != NULL ? "\"; key = \"" : "", first_endpoint != NULL ? key : "",
		first_endpoint != NULL ? "\"; }," : "", fake_broker_endpoint(f->fake), key);
	home_free(f->agent.home);
	f->agent.home = NULL;
	OK(home_parse(f->path, conf, &f->agent.home, &f->fault));
}

static int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	f->world = world_new(7);
	f->path = folder_new();
	f->fake = fake_broker_new(f->world, 5);
	f->app =
		(struct app){.home = f->path, .verbosity = VERBOSITY_QUIET, .clock = &world_clock, .rng = rng_system()};
	f->agent.app = &f->app;
	f->agent.trust = trust_ref(world_trust(f->world));
	f->agent.keys = (struct secret_keys *)(uintptr_t)world_keys(f->world, OFFICE);
	admission_limits_default(&f->agent.limits);
	OK(crossings_builtin(&f->agent.crossings, &f->fault));
	OK(post_open(f->path, &f->agent.post, &f->fault));
	set_home(f, NULL);
	*state = f;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	f->agent.keys = NULL;
	agent_close(&f->agent);
	fake_broker_free(f->fake);
	world_free(f->world);
	folder_remove(f->path);
	free(f);
	return 0;
}

static enum liaison_err
open_link(struct fixture *f, int wait_ms, struct link **out)
{
	*out = NULL;
	return agent_connect(&f->agent, app_monotonic(&f->app) + wait_ms, out, &f->fault);
}

/* --- greeting --------------------------------------------------------------------------------------------------------- */

static void
an_honest_broker_is_believed(void **state)
{
	struct fixture *f = *state;
	struct link *link = NULL;
	uint64_t next = 0;

	fake_broker_set_highest(f->fake, 41);
	OK(open_link(f, 5000, &link));
	assert_string_equal(link_broker(link), "kh.broker");
	assert_int_equal(link_checkpoint(link)->size, 5);
	OK(link_settle(link, 5000, &f->fault));
	link_close(link);
	OK(post_next_sequence(f->agent.post, &next, &f->fault));
	assert_int_equal(next, 42); /* after a restore from an old copy no number is given twice */

	fake_broker_grow(f->fake, 20); /* the log went on, and proves it */
	OK(open_link(f, 5000, &link));
	assert_int_equal(link_checkpoint(link)->size, 25);
	link_close(link);
	OK(open_link(f, 5000, &link)); /* and stood still */
	link_close(link);
}

static void
each_lie_in_the_greeting_has_its_answer(void **state)
{
	static const struct {
		enum fake_lie lie;
		enum liaison_err code;
		const char *says;
	} rows[] = {
		{FAKE_OTHER_NETWORK, LIAISON_BAD_CONFIG, "belongs to network other.net"},
		{FAKE_OTHER_OFFICE, LIAISON_BAD_CONFIG, "knows this office's key as th.blo.aranyaprathet"},
		{FAKE_OTHER_BROKER, LIAISON_BAD_CONFIG, "calls itself th.broker"},
		{FAKE_OTHER_VERSION, LIAISON_UNSUPPORTED_VERSION, "protocol version 9"},
		{FAKE_OTHER_FRAME, LIAISON_MALFORMED, "another frame than welcome"},
		{FAKE_REFUSES_HELLO, LIAISON_UNSUPPORTED_VERSION, "does not welcome us"},
		{FAKE_SAYS_NOTHING, LIAISON_UNREACHABLE, "says nothing"},
		{FAKE_FOREIGN_KEY, LIAISON_BAD_SIGNATURE, ""},
		{FAKE_OTHER_ORIGIN, LIAISON_BAD_SIGNATURE, ""},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct link *link = NULL;
		fake_broker_lie(f->fake, rows[i].lie);
		enum liaison_err err = open_link(f, 700, &link);
		if (err == LIAISON_OK)
			link_close(link);
		if (rows[i].lie == FAKE_OTHER_ORIGIN && err == LIAISON_MALFORMED)
			continue; /* either word for a checkpoint of somebody else */
		if (err != rows[i].code || strstr(f->fault.message, rows[i].says) == NULL)
			fail_msg("lie %d: %s: %s", (int)rows[i].lie, err_name(err), f->fault.message);
	}
}

static void
a_log_that_does_not_continue_is_found(void **state)
{
	static const struct {
		enum fake_lie lie;
		unsigned growth;
		const char *says;
	} rows[] = {
		{FAKE_ROLLED_BACK, 0, "rolled back"},
		{FAKE_REWRITTEN, 0, "rewritten or forked"},
		{FAKE_REWRITTEN, 9, "rewritten or forked"},
		{FAKE_OTHER_EPOCH, 0, "begun another log"},
		{FAKE_NO_CHECKPOINT, 0, "shows no log"},
	};
	struct fixture *f = *state;
	struct link *link = NULL;

	OK(open_link(f, 5000, &link));
	link_close(link);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		fake_broker_grow(f->fake, rows[i].growth);
		fake_broker_lie(f->fake, rows[i].lie);
		enum liaison_err err = open_link(f, 2000, &link);
		if (err != LIAISON_INCONSISTENT || strstr(f->fault.message, rows[i].says) == NULL)
			fail_msg("row %zu: %s: %s", i, err_name(err), f->fault.message);
	}
	fake_broker_lie(f->fake, FAKE_HONEST); /* what was held all along still counts */
	OK(open_link(f, 5000, &link));
	assert_int_equal(link_checkpoint(link)->size, 14);
	link_close(link);
}

static void
an_unknown_transport_key_is_told_as_such(void **state)
{
	struct fixture *f = *state;
	struct link *link = NULL;

	f->agent.keys = (struct secret_keys *)(uintptr_t)world_spare(f->world, KEYS_OFFICE);
	assert_int_equal(open_link(f, 5000, &link), LIAISON_UNKNOWN_OFFICE);
	assert_non_null(strstr(f->fault.message, "does not know this office's transport key"));
}

static void
a_broker_that_does_not_serve_the_country_is_refused(void **state)
{
	struct fixture *f = *state;
	struct link *link = NULL;

	world_set_broker(f->world, "kh", "th.broker");
	trust_unref(f->agent.trust);
	f->agent.trust = trust_ref(world_trust(f->world));
	assert_int_equal(open_link(f, 5000, &link), LIAISON_NOT_PERMITTED);
	assert_non_null(strstr(f->fault.message, "does not say that kh.broker serves it"));
}

static void
the_next_broker_is_tried(void **state)
{
	struct fixture *f = *state;
	struct link *link = NULL;

	set_home(f, "127.0.0.1:1"); /* nobody listens there */
	OK(open_link(f, 20000, &link));
	assert_string_equal(link_broker(link), "kh.broker");
	link_close(link);
}

static void
nobody_there_is_unreachable_within_the_time(void **state)
{
	struct fixture *f = *state;
	struct link *link = NULL;
	int64_t began = app_monotonic(&f->app);

	set_home(f, NULL);
	memcpy(f->agent.home->brokers[0].endpoint, "tcp://127.0.0.1:1", sizeof "tcp://127.0.0.1:1");
	assert_int_equal(open_link(f, 600, &link), LIAISON_UNREACHABLE);
	assert_in_range(app_monotonic(&f->app) - began, 500, 5000);
}

/* --- submitting ------------------------------------------------------------------------------------------------------- */

static void
queue_alerts(struct fixture *f, size_t count)
{
	static const char text[] = "{\"kind\":\"ROUTE\",\"crime\":[\"WILDLIFE\"],\"urgency\":\"EXPECTED\",\"severity\":"
				   "\"SEVERE\",\"certainty\":\"LIKELY\","
				   "\"source\":\"B\",\"information\":\"2\",\"action\":[\"INFORM_ONLY\"],"
				   "\"texts\":[{\"lang\":\"en\",\"headline\":\"Pangolin scales by road\"}],"
				   "\"where\":{\"countries\":[\"KH\",\"TH\"],\"crossings\":[\"kh-poipet\"]},"
				   "\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\"]}}";
	struct draft drafts[8] = {0};
	char warning[LIAISON_FAULT_BYTES];
	bool is_unread = false;

	for (size_t i = 0; i < count; i++)
		if (compose_text(&f->agent, text, strlen(text), 1, &drafts[i], &is_unread, warning, &f->fault) !=
			LIAISON_OK)
			fail_msg("%s", f->fault.message);
	OK(post_begin(f->agent.post, &f->fault));
	OK(compose_queue(&f->agent, drafts, count, 0, &f->fault));
	OK(post_commit(f->agent.post, &f->fault));
	for (size_t i = 0; i < count; i++)
		draft_clear(&drafts[i]);
}

static void
count_settled(void *arg, const struct settled *settled)
{
	struct fixture *f = arg;

	if (settled->is_accepted)
		f->accepted++;
	else if (settled->is_final)
		f->refused++;
	else
		f->deferred++;
	f->code = settled->code;
}

/* Steps until done, lost, or `wait_ms` have passed. */
static enum dispatch_state
send_all(struct fixture *f, int wait_ms)
{
	struct link *link = NULL;
	int64_t until = app_monotonic(&f->app) + wait_ms;
	enum dispatch_state result = DISPATCH_ROOM;

	OK(open_link(f, 5000, &link));
	struct dispatch *dispatch = dispatch_new(&f->agent, link, count_settled, f);
	while ((result == DISPATCH_ROOM || result == DISPATCH_FULL) && app_monotonic(&f->app) < until)
		result = dispatch_step(dispatch, 50, &f->fault);
	if (result == DISPATCH_DONE)
		OK(dispatch_finish(dispatch, &f->fault));
	dispatch_free(dispatch);
	link_close(link);
	return result;
}

static uint64_t
count_state(struct fixture *f, enum outbox_state state)
{
	uint64_t count = 99;

	OK(outbox_count(f->agent.post, OUTBOX_BIT(state), &count, &f->fault));
	return count;
}

static void
receipts_that_prove_settle_the_outbox(void **state)
{
	struct fixture *f = *state;
	Liaison__Checkpoint *held = NULL;

	queue_alerts(f, 3);
	queue_alerts(f, 1);
	assert_int_equal(send_all(f, 5000), DISPATCH_DONE);
	assert_int_equal(f->accepted, 4);
	assert_int_equal(count_state(f, OUTBOX_ACCEPTED), 4);
	assert_int_equal(fake_broker_submits(f->fake), 2); /* one signature, one submit */
	OK(post_checkpoint(f->agent.post, "kh.broker", &held, &f->fault));
	assert_int_equal(held->size, 9);
	liaison__checkpoint__free_unpacked(held, NULL);
}

static void
receipts_that_prove_nothing_leave_it_as_it_was(void **state)
{
	static const enum fake_lie lies[] = {FAKE_FALSE_INCLUSION, FAKE_FALSE_INDEX, FAKE_FOREIGN_KEY, FAKE_REWRITTEN};
	struct fixture *f = *state;

	queue_alerts(f, 3);
	for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
		struct link *link = NULL;
		fake_broker_lie(f->fake, FAKE_HONEST);
		OK(open_link(f, 5000, &link));
		fake_broker_lie(f->fake, lies[i]);
		struct dispatch *dispatch = dispatch_new(&f->agent, link, count_settled, f);
		enum dispatch_state result = DISPATCH_ROOM;
		for (int tries = 0; tries < 100 && (result == DISPATCH_ROOM || result == DISPATCH_FULL); tries++)
			result = dispatch_step(dispatch, 50, &f->fault);
		if (result != DISPATCH_LOST)
			fail_msg("lie %d was believed", (int)lies[i]);
		dispatch_free(dispatch);
		link_close(link);
		assert_int_equal(f->accepted, 0);
		assert_int_equal(
			count_state(f, OUTBOX_QUEUED), 3); /* all of them: a receipt counts whole or not at all */
	}
}

static void
a_receipt_for_another_body_is_no_receipt(void **state)
{
	struct fixture *f = *state;

	queue_alerts(f, 2);
	fake_broker_lie(f->fake, FAKE_OTHER_BODY);
	assert_int_not_equal(send_all(f, 400), DISPATCH_DONE);
	assert_int_equal(count_state(f, OUTBOX_QUEUED), 2);
}

static void
refusals_settle_each_alert_or_all(void **state)
{
	struct fixture *f = *state;

	queue_alerts(f, 2);
	fake_broker_lie(f->fake, FAKE_REFUSES_ALL);
	assert_int_equal(send_all(f, 5000), DISPATCH_DONE);
	assert_int_equal(f->refused, 2);
	assert_int_equal(f->code, LIAISON_EXPIRED);
	queue_alerts(f, 2);
	fake_broker_lie(f->fake, FAKE_REFUSES_FRAME);
	assert_int_equal(send_all(f, 5000), DISPATCH_DONE);
	assert_int_equal(f->refused, 4);
	assert_int_equal(f->code, LIAISON_TOO_LARGE);
	assert_int_equal(count_state(f, OUTBOX_REFUSED), 4);
}

static void
what_is_not_taken_now_is_sent_again(void **state)
{
	struct fixture *f = *state;

	queue_alerts(f, 2);
	fake_broker_lie(f->fake, FAKE_NOT_NOW_ONCE);
	assert_int_equal(send_all(f, 10000), DISPATCH_DONE);
	assert_int_equal(f->deferred, 2);
	assert_int_equal(f->accepted, 2);
	assert_int_equal(fake_broker_submits(f->fake), 2);
}

static void
a_rest_of_a_batch_is_sent_with_its_paths(void **state)
{
	struct fixture *f = *state;

	queue_alerts(f, 5);
	OK(outbox_drop(f->agent.post, 2, WORLD_NOW, &f->fault));
	assert_int_equal(send_all(f, 5000), DISPATCH_DONE);
	assert_int_equal(f->accepted, 4);
}

static void
a_goodbye_loses_nothing(void **state)
{
	struct fixture *f = *state;

	queue_alerts(f, 2);
	fake_broker_lie(f->fake, FAKE_GOODBYE);
	assert_int_equal(send_all(f, 5000), DISPATCH_LOST);
	assert_non_null(strstr(f->fault.message, "for maintenance"));
	assert_int_equal(f->fault.code, LIAISON_UNREACHABLE);
	fake_broker_lie(f->fake, FAKE_HONEST);
	assert_int_equal(send_all(f, 5000), DISPATCH_DONE);
	assert_int_equal(count_state(f, OUTBOX_ACCEPTED), 2);
}

#define LINK_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LINK_TEST(an_honest_broker_is_believed),
		LINK_TEST(each_lie_in_the_greeting_has_its_answer),
		LINK_TEST(a_log_that_does_not_continue_is_found),
		LINK_TEST(an_unknown_transport_key_is_told_as_such),
		LINK_TEST(a_broker_that_does_not_serve_the_country_is_refused),
		LINK_TEST(the_next_broker_is_tried),
		LINK_TEST(nobody_there_is_unreachable_within_the_time),
		LINK_TEST(receipts_that_prove_settle_the_outbox),
		LINK_TEST(receipts_that_prove_nothing_leave_it_as_it_was),
		LINK_TEST(a_receipt_for_another_body_is_no_receipt),
		LINK_TEST(refusals_settle_each_alert_or_all),
		LINK_TEST(what_is_not_taken_now_is_sent_again),
		LINK_TEST(a_rest_of_a_batch_is_sent_with_its_paths),
		LINK_TEST(a_goodbye_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
