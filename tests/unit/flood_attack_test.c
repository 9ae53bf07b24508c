/* Floods by an office that is let in, and readers that do not read: others are served all the same, and memory is bounded. */
#include "proto/scan.h"
#include "proto/signing.h"
#include "tests/support/curve_peer.h"
#include "tests/support/talk.h"

#include "broker/segment.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THIRD "vn.blo.mocbai"
#define FEEDS 64
#define MIB ((size_t)1 << 20)

/* --- floods ------------------------------------------------------------------------------------------------------- */

/* Sends the frame as fast as the line takes it, for `ms`, without reading; how many went. */
static size_t
flood(struct rig_client *client, const void *bytes, size_t len, int64_t ms)
{
	int64_t until = clock_system()->monotonic_ms(NULL) + ms;
	struct pollfd none = {.fd = -1};
	size_t sent = 0;

	while (clock_system()->monotonic_ms(NULL) < until) {
		if (client_send(client->client, bytes, len) == LIAISON_OK)
			sent++;
		else
			poll(&none, 1, 1);
	}
	return sent;
}

/* While `attacker` floods, another office's alert is accepted in `limit_ms` at most. */
static void
expect_others_served(struct rig *rig, struct rig_client *attacker, const void *bytes, size_t len, int64_t limit_ms)
{
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	int64_t worst = 0;
	size_t sent = 0;

	for (uint64_t i = 1; i <= 10; i++) {
		sent += flood(attacker, bytes, len, 200);
		int64_t began = clock_system()->monotonic_ms(NULL);
		publish_route(rig, publisher, PUBLISHER, i);
		int64_t took = clock_system()->monotonic_ms(NULL) - began;
		worst = took > worst ? took : worst;
	}
	print_message("%zu frames of flood; the worst receipt took %lld ms\n", sent, (long long)worst);
	assert_true(worst <= limit_ms * SLOWER);
	rig_disconnect(publisher);
}

/* With the limits that a broker has by default; the rig's own has none. */
static struct rig *
limited_rig(void)
{
	struct rig *rig = rig_new(1);

	rig->config.signatures_per_second = 1000;
	rig->config.bytes_per_second = 16 * (int64_t)MIB;
	rig_start(rig);
	return rig;
}

static void
a_flood_of_pings_does_not_hold_others_up(void **state)
{
	struct rig *rig = limited_rig();
	struct rig_client *attacker = rig_connect(rig, NEIGHBOUR);
	size_t before = broker_rss_bytes(rig);
	(void)state;

	expect_others_served(rig, attacker, "\xf2\x01\x00", 3, 1500);
	assert_true(broker_rss_bytes(rig) < before + 64 * MIB);
	rig_disconnect(attacker);
	end_rig(rig);
}

static void
a_flood_of_subscriptions_does_not_hold_others_up(void **state)
{
	struct rig *rig = limited_rig();
	struct rig_client *attacker = rig_connect(rig, NEIGHBOUR);
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static char name[] = "all";
	size_t len;
	(void)state;

	/* Each is a durable write of the broker's. */
	rig_subscribe(attacker, name, 1, NULL);
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS_REQUEST;
	frame.feeds_request = &request;
	request.seek = name;
	request.has_index = 1;
	uint8_t *bytes = frame_encode(&frame, &len);
	expect_others_served(rig, attacker, bytes, len, 1500);
	free(bytes);
	rig_disconnect(attacker);
	end_rig(rig);
}

static void
a_flood_of_questions_for_proofs_does_not_hold_others_up(void **state)
{
	struct rig *rig = limited_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *attacker = rig_connect(rig, NEIGHBOUR);
	Liaison__ProofRequest request = LIAISON__PROOF_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static uint64_t indexes[1024];
	size_t len;
	(void)state;

	uint64_t index = publish_route(rig, publisher, PUBLISHER, 1000);
	for (size_t i = 0; i < 1024; i++)
		indexes[i] = index;
	request.n_indexes = 1024;
	request.indexes = indexes;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	frame.proof_request = &request;
	uint8_t *bytes = frame_encode(&frame, &len);
	expect_others_served(rig, attacker, bytes, len, 1500);
	free(bytes);
	rig_disconnect(publisher);
	rig_disconnect(attacker);
	end_rig(rig);
}

static void
a_flood_of_submissions_is_bounded(void **state)
{
	struct rig *rig = rig_new(1);
	struct submission submission;
	Liaison__Code seen = LIAISON__CODE__CODE_OK;
	size_t len;
	(void)state;

	rig->config.signatures_per_second = 50;
	rig_start(rig);
	struct rig_client *attacker = rig_connect(rig, NEIGHBOUR), *watcher = rig_connect(rig, NEIGHBOUR);
	submission_init(&submission, rig, NEIGHBOUR, 1);
	const uint8_t *bodies[1] = {submission.body};
	uint8_t *bytes = rig_submit_frame(rig, NEIGHBOUR, 1, bodies, &submission.len, 1, &len);
	expect_others_served(rig, attacker, bytes, len, 1500);
	for (int i = 0; i < 200 && seen == LIAISON__CODE__CODE_OK; i++) {
		rig_send_bytes(watcher, bytes, len); /* the limit is the office's, whatever the connection */
		const Liaison__Frame *answer = next_answer(watcher);
		if (answer->frame_case == LIAISON__FRAME__FRAME_REFUSAL)
			seen = answer->refusal->code;
	}
	assert_int_equal(seen, LIAISON__CODE__CODE_RATE_LIMITED);
	free(bytes);
	submission_clear(&submission);
	rig_disconnect(attacker);
	rig_disconnect(watcher);
	end_rig(rig);
}

/* Says what a reader says to be sent everything there is, and from then on reads nothing. */
static void
begin_to_read(struct curve_peer *peer, struct rig *rig)
{
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static char name[] = "all";
	size_t len;

	assert_true(curve_peer_connect(peer, rig, NEIGHBOUR, CURVE_DONE));
	assert_true(curve_peer_send(peer, 0, "\x0a\x04\x08\x01\x10\x01", 6)); /* hello */
	subscribe.has_channel = credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	subscribe.channel = credit.channel = 1;
	subscribe.feed = name;
	credit.messages = credit.bytes = UINT64_MAX;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	uint8_t *bytes = frame_encode(&frame, &len);
	assert_true(curve_peer_send(peer, 0, bytes, len));
	free(bytes);
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	bytes = frame_encode(&frame, &len);
	assert_true(curve_peer_send(peer, 0, bytes, len));
	free(bytes);
}

/* A batch of 200 routes with some 4 KB of text each, from that number on; waits for its receipts. */
static void
publish_great_batch(struct rig *rig, struct rig_client *publisher, uint64_t first)
{
	uint8_t *bodies[200];
	size_t lens[200], accepted = 0;

	for (size_t i = 0; i < 200; i++) {
		Liaison__Alert *alert = a_route_alert();
		free(alert->texts[0]->description);
		alert->texts[0]->description = malloc(4000);
		assert_non_null(alert->texts[0]->description);
		memset(alert->texts[0]->description, 'x', 3999);
		alert->texts[0]->description[3999] = '\0';
		bodies[i] = rig_body(rig, alert, PUBLISHER, first + i, &lens[i]);
		liaison__alert__free_unpacked(alert, NULL);
	}
	submit(rig, publisher, PUBLISHER, (const uint8_t *const *)bodies, lens, 200);
	while (accepted < 200)
		accepted += rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt->n_items;
	for (size_t i = 0; i < 200; i++)
		free(bodies[i]);
}

static void
a_reader_that_does_not_read_costs_no_memory(void **state)
{
	struct rig *rig = rig_new(1);
	struct curve_peer silent;
	(void)state;

	rig->config.live_cache_bytes = 1 * (int64_t)MIB;
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, THIRD);
	begin_to_read(&silent, rig);
	rig_subscribe(reader, "all", 1, NULL);
	publish_great_batch(rig, publisher, 1);
	size_t before = broker_rss_bytes(rig);
	for (uint64_t round = 1; round < 120; round++)
		publish_great_batch(rig, publisher, round * 200 + 1);
	size_t now = broker_rss_bytes(rig), more = now > before ? now - before : 0;
	print_message("95 MiB of alerts for a reader that does not read: %zu MiB more\n", more / MIB);
	assert_true(more < 48 * MIB);
	/* And one that does has them all. */
	size_t got = 0;
	while (got < 120 * 200)
		got += rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items;
	curve_peer_close(&silent);
	rig_disconnect(reader);
	rig_disconnect(publisher);
	end_rig(rig);
}

static void
answers_that_nobody_reads_cost_no_memory(void **state)
{
	struct rig *rig = started_rig();
	struct curve_peer silent;
	Liaison__ProofRequest request = LIAISON__PROOF_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static uint64_t indexes[1024];
	size_t len, most = 0, sent = 0;
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	for (size_t i = 0; i < 1024; i++)
		indexes[i] = 1; /* a roster: anybody may ask for it */
	publish_great_batch(rig, publisher, 1);
	request.n_indexes = 1024;
	request.indexes = indexes;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	frame.proof_request = &request;
	uint8_t *bytes = frame_encode(&frame, &len);
	begin_to_read(&silent, rig);
	size_t before = broker_rss_bytes(rig);
	while (sent < 600 && curve_peer_send(&silent, 0, bytes, len)) {
		if (sent++ % 30 == 0)
			sync_with(publisher);
		size_t now = broker_rss_bytes(rig);
		most = now > before && now - before > most ? now - before : most;
	}
	print_message("%zu questions, %zu MiB more at most\n", sent, most / MIB);
	assert_true(most < 80 * MIB);
	free(bytes);
	curve_peer_close(&silent);
	rig_disconnect(publisher);
	end_rig(rig);
}

static void
a_publisher_that_goes_in_the_middle_loses_and_doubles_nothing(void **state)
{
	struct rig *rig = rig_new(17);
	struct submission submissions[20];
	uint64_t indexes[20];
	(void)state;

	rig->config.connections_per_office = 32; /* the broker may hear of an end after the next begin */
	rig_start(rig);
	for (size_t i = 0; i < 20; i++)
		submission_init(&submissions[i], rig, PUBLISHER, i + 1);
	for (size_t i = 0; i < 20; i++) {
		struct rig_client *client = rig_connect(rig, PUBLISHER);
		submission_send(&submissions[i], client);
		if (i % 2 == 0)
			rig_receive(client, 1); /* gone before, or as, the answer comes */
		rig_disconnect(client);
	}
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	for (size_t i = 0; i < 20; i++) {
		submission_send(&submissions[i], client);
		indexes[i] = receipt_index(client);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(indexes[i], indexes[j]);
	}
	rig_disconnect(client);
	rig_stop(rig, SIGTERM);
	assert_int_equal(log_count(rig, RECORD_ALERT, NULL, NULL), 20);
	for (size_t i = 0; i < 20; i++)
		submission_clear(&submissions[i]);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_pings_does_not_hold_others_up),
		cmocka_unit_test(a_flood_of_subscriptions_does_not_hold_others_up),
		cmocka_unit_test(a_flood_of_questions_for_proofs_does_not_hold_others_up),
		cmocka_unit_test(a_flood_of_submissions_is_bounded),
		cmocka_unit_test(a_reader_that_does_not_read_costs_no_memory),
		cmocka_unit_test(answers_that_nobody_reads_cost_no_memory),
		cmocka_unit_test(a_publisher_that_goes_in_the_middle_loses_and_doubles_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
