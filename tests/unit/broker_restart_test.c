/* What a broker holds across its ends, orderly or not, and what it notices at its start. */
#include "broker/broker.h"
#include "proto/edge/docfile.h"
#include "proto/signing.h"
#include "tests/support/alerts.h"
#include "tests/support/story.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

static void
what_was_acknowledged_is_there_after_a_kill(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	for (uint64_t sequence = 1; sequence <= 20; sequence++) {
		submit_route(rig, publisher, sequence);
		accepted_index(publisher);
	}
	rig_disconnect(publisher);
	rig_stop(rig, SIGKILL);
	rig_start(rig);
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	size_t got = 0;
	while (got < 20)
		got += rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items;
	assert_int_equal(got, 20);
	rig_disconnect(reader);
	rig_free(rig);
}

static void
a_feed_goes_on_from_its_cursor_after_a_restart(void **state)
{
	struct rig *rig = started_rig();
	uint8_t epoch[16];
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	submit_route(rig, publisher, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	memcpy(epoch, receipt->checkpoint->epoch.data, sizeof epoch);
	uint64_t index = receipt->items[0]->index;
	expect_delivery(reader, PUBLISHER "/1");
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, epoch, index + 1);
	sync_with(reader);
	rig_disconnect(reader);
	submit_route(rig, publisher, 2);
	accepted_index(publisher);
	rig_disconnect(publisher);
	expect_clean_stop(rig);
	rig_start(rig);
	reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	expect_delivery(reader, PUBLISHER "/2");
	rig_disconnect(reader);
	rig_free(rig);
}

static void
an_agent_that_saw_more_of_the_log_makes_the_broker_read_only(void **state)
{
	struct rig *rig = started_rig();
	const struct secret_keys *broker = world_keys(rig->world, "kh.broker");
	Liaison__Checkpoint later = LIAISON__CHECKPOINT__INIT;
	Liaison__Hello hello = LIAISON__HELLO__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	uint8_t root[32] = {1}, key[KEY_ID_BYTES], signature[SIGNATURE_BYTES], epoch[16];
	static char origin[] = "kh.broker";
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	submit_route(rig, publisher, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	memcpy(epoch, receipt->checkpoint->epoch.data, sizeof epoch);
	later.origin = origin;
	later.has_epoch = later.has_size = later.has_root = later.has_time = later.has_key = later.has_signature = 1;
	later.epoch = (ProtobufCBinaryData){sizeof epoch, epoch};
	later.size = 1000;
	later.root = (ProtobufCBinaryData){sizeof root, root};
	later.time = rig_now(rig);
	later.key = (ProtobufCBinaryData){sizeof key, key};
	later.signature = (ProtobufCBinaryData){sizeof signature, signature};
	assert_int_equal(checkpoint_sign(&later, WORLD_NETWORK, broker), LIAISON_OK);
	/* rig_connect's own hello went first; a second connection shows the checkpoint. */
	struct rig_client *witness = rig_connect_raw(rig, NEIGHBOUR);
	hello.has_least_version = hello.has_greatest_version = 1;
	hello.least_version = hello.greatest_version = PROTOCOL_VERSION;
	hello.checkpoint = &later;
	frame.frame_case = LIAISON__FRAME__FRAME_HELLO;
	frame.hello = &hello;
	rig_send(witness, &frame);
	assert_true(rig_expect(witness, LIAISON__FRAME__FRAME_WELCOME)->welcome->read_only);
	submit_route(rig, publisher, 2);
	assert_int_equal(
		rig_expect(publisher, LIAISON__FRAME__FRAME_REFUSAL)->refusal->code, LIAISON__CODE__CODE_READ_ONLY);
	rig_disconnect(publisher);
	rig_disconnect(witness);
	rig_free(rig);
}

/* Two whole lives: the second finds less than the first acknowledged. */
static struct rig *
rig_with_a_past(void)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);

	for (uint64_t sequence = 1; sequence <= 3; sequence++) {
		submit_route(rig, publisher, sequence);
		accepted_index(publisher);
	}
	rig_disconnect(publisher);
	expect_clean_stop(rig);
	return rig;
}

static void
a_log_folder_that_vanished_is_not_silently_begun_anew(void **state)
{
	struct rig *rig = rig_with_a_past();
	char from[512], to[512];
	(void)state;

	snprintf(from, sizeof from, "%s/data/log", rig->dir);
	snprintf(to, sizeof to, "%s/away", rig->dir);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(rig_start_fails(rig), 65);
	rig_free(rig);
}

static void
a_log_that_was_put_back_from_an_older_copy_is_read_only(void **state)
{
	struct rig *rig = started_rig();
	char command[1200];
	(void)state;

	expect_clean_stop(rig);
	snprintf(command, sizeof command, "cp -a %s/data/log %s/copy", rig->dir, rig->dir);
	assert_int_equal(system(command), 0);
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	submit_route(rig, publisher, 1);
	accepted_index(publisher);
	rig_disconnect(publisher);
	expect_clean_stop(rig);
	snprintf(command, sizeof command, "rm -rf %s/data/log && mv %s/copy %s/data/log", rig->dir, rig->dir, rig->dir);
	assert_int_equal(system(command), 0);
	rig_start(rig);
	publisher = rig_connect(rig, PUBLISHER);
	submit_route(rig, publisher, 2);
	assert_int_equal(
		rig_expect(publisher, LIAISON__FRAME__FRAME_REFUSAL)->refusal->code, LIAISON__CODE__CODE_READ_ONLY);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
a_roster_that_was_pushed_is_held_after_a_restart_and_stands_in_the_folder(void **state)
{
	struct rig *rig = started_rig();
	Liaison__Trust trust = LIAISON__TRUST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	char path[512];
	(void)state;

	struct rig_client *operator= rig_connect(rig, "kh.ncc.secretariat");
	world_suspend(rig->world, NEIGHBOUR);
	Liaison__Signed *roster = (Liaison__Signed *)(uintptr_t)trust_signed_roster(world_trust(rig->world), "th");
	trust.n_rosters = 1;
	trust.rosters = &roster;
	frame.frame_case = LIAISON__FRAME__FRAME_TRUST;
	frame.trust = &trust;
	rig_send(operator, & frame);
	rig_expect(operator, LIAISON__FRAME__FRAME_TRUST_STATE);
	rig_disconnect(operator);
	snprintf(path, sizeof path, "%s/trust/th.roster", rig->dir);
	Liaison__Signed *kept;
	assert_int_equal(docfile_read(path, DOCUMENT_ROSTER, &kept, NULL), LIAISON_OK);
	assert_int_equal(kept->body.len, roster->body.len);
	assert_memory_equal(kept->body.data, roster->body.data, roster->body.len);
	liaison__signed__free_unpacked(kept, NULL);
	rig_stop(rig, SIGKILL);
	/* And without the folder's copy: the log alone says it. */
	assert_int_equal(unlink(path), 0);
	rig_start(rig);
	struct rig_client *suspended = rig_connect_raw(rig, NEIGHBOUR);
	assert_null(rig_receive(suspended, 2000));
	rig_disconnect(suspended);
	rig_free(rig);
}

/* It is the operator's to mend, in one sentence; --check-config would have said it too. */
static void
a_broker_without_root_keys_or_its_own_is_a_matter_of_configuration(void **state)
{
	static const char *const files[] = {"trust/root.keys", "broker.key"};
	struct fault fault = {.message = ""};
	struct broker *broker = NULL;
	(void)state;

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct rig *rig = rig_new(1);
		char path[512];
		snprintf(path, sizeof path, "%s/%s", rig->dir, files[i]);
		assert_int_equal(unlink(path), 0);
		assert_int_equal(broker_new(&rig->config, &broker, &fault), LIAISON_BAD_CONFIG);
		assert_non_null(strstr(fault.message, path));
		assert_non_null(strstr(fault.message, i == 0 ? "liaison trust import" : "liaisond --init"));
		assert_int_equal(rig_start_fails(rig), EX_CONFIG);
		rig_free(rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_acknowledged_is_there_after_a_kill),
		cmocka_unit_test(a_feed_goes_on_from_its_cursor_after_a_restart),
		cmocka_unit_test(an_agent_that_saw_more_of_the_log_makes_the_broker_read_only),
		cmocka_unit_test(a_log_folder_that_vanished_is_not_silently_begun_anew),
		cmocka_unit_test(a_log_that_was_put_back_from_an_older_copy_is_read_only),
		cmocka_unit_test(a_broker_without_root_keys_or_its_own_is_a_matter_of_configuration),
		cmocka_unit_test(a_roster_that_was_pushed_is_held_after_a_restart_and_stands_in_the_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
