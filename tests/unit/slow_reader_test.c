/*
 * Readers that grant credit for everything and take little or nothing of it off the line. They lose nothing, are not shut
 * while they get on, cost the broker a bounded amount of memory and no time, and hold nobody up.
 */
#include "broker/segment.h"
#include "proto/scan.h"
#include "tests/support/curve_peer.h"
#include "tests/support/talk.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THIRD "vn.blo.mocbai"
#define SMALL_ALERTS 4000
#define STOPPED_READERS 40
#define BATCH_MAX 200
#define MIB ((size_t)1 << 20)

/* --- a reader whose every frame is taken off the line by the test ---------------------------------------------------- */

static void
say(struct curve_peer *peer, const Liaison__Frame *frame)
{
	size_t len;
	uint8_t *bytes = frame_encode(frame, &len);

	assert_non_null(bytes);
	assert_true(curve_peer_send(peer, 0, bytes, len));
	free(bytes);
}

/* Says what a reader says to be sent everything there is. */
static void
begin_to_read(struct curve_peer *peer, struct rig *rig, const char *feed)
{
	Liaison__Hello hello = LIAISON__HELLO__INIT;
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	assert_true(curve_peer_connect(peer, rig, NEIGHBOUR, CURVE_DONE));
	hello.has_least_version = hello.has_greatest_version = 1;
	hello.least_version = hello.greatest_version = PROTOCOL_VERSION;
	frame.frame_case = LIAISON__FRAME__FRAME_HELLO;
	frame.hello = &hello;
	say(peer, &frame);
	subscribe.has_channel = credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	subscribe.channel = credit.channel = 1;
	subscribe.feed = (char *)(uintptr_t)feed;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	say(peer, &frame);
	credit.messages = credit.bytes = UINT64_MAX;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	say(peer, &frame);
}

/* The next frame, to be freed. Fails the test where none comes. */
static Liaison__Frame *
take(struct curve_peer *peer)
{
	static uint8_t bytes[FRAME_BYTES_MAX];
	struct fault fault = {.message = ""};
	Liaison__Frame *frame;
	size_t len = curve_peer_receive(peer, bytes, sizeof bytes);

	assert_true(len > 0);
	assert_int_equal(frame_decode(bytes, len, &frame, &fault), LIAISON_OK);
	assert_int_not_equal(frame->frame_case, LIAISON__FRAME__FRAME_GOODBYE);
	return frame;
}

/* Takes deliveries until so many items came; each index is greater than the one before. */
static void
take_items(struct curve_peer *peer, size_t count, uint64_t *last)
{
	size_t got = 0;

	while (got < count) {
		Liaison__Frame *frame = take(peer);
		size_t items = frame->frame_case == LIAISON__FRAME__FRAME_DELIVERY ? frame->delivery->n_items : 0;
		for (size_t i = 0; i < items; i++) {
			assert_true(frame->delivery->items[i]->index > *last);
			*last = frame->delivery->items[i]->index;
		}
		got += items;
		frame_free(frame);
	}
	assert_int_equal(got, count);
}

static void
ping(struct curve_peer *peer)
{
	assert_true(curve_peer_send(peer, 0, "\xf2\x01\x00", 3));
}

/* --- what is published --------------------------------------------------------------------------------------------- */

/* Routes with so much text, as one batch; waits until all are durable. Their log's epoch. */
static struct epoch
publish(struct rig *rig, struct rig_client *publisher, uint64_t first, size_t count, size_t text_bytes)
{
	uint8_t *bodies[BATCH_MAX];
	size_t lens[BATCH_MAX], accepted = 0;
	struct epoch epoch = {{0}};

	for (size_t i = 0; i < count; i++) {
		Liaison__Alert *alert = a_route_alert();
		char *text = malloc(text_bytes + 1);
		assert_non_null(text);
		memset(text, 'x', text_bytes);
		text[text_bytes] = '\0';
		free(alert->texts[0]->description);
		alert->texts[0]->description = text;
		bodies[i] = rig_body(rig, alert, PUBLISHER, first + i, &lens[i]);
		liaison__alert__free_unpacked(alert, NULL);
	}
	submit(rig, publisher, PUBLISHER, (const uint8_t *const *)bodies, lens, count);
	while (accepted < count) {
		const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
		accepted += receipt->n_items;
		assert_int_equal(receipt->checkpoint->epoch.len, sizeof epoch.bytes);
		memcpy(epoch.bytes, receipt->checkpoint->epoch.data, sizeof epoch.bytes);
	}
	for (size_t i = 0; i < count; i++)
		free(bodies[i]);
	return epoch;
}

/* How much more memory the broker has than it had. */
static size_t
growth_bytes(const struct rig *rig, size_t before)
{
	size_t now = broker_rss_bytes(rig);

	return now > before ? now - before : 0;
}

/* --- stories -------------------------------------------------------------------------------------------------------- */

static void
a_reader_that_stops_for_thousands_of_small_alerts_gets_each_once_and_in_order(void **state)
{
	struct rig *rig = started_rig();
	struct curve_peer slow;
	uint64_t last = 0, sequence = 1;
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, THIRD);
	begin_to_read(&slow, rig, "all");
	rig_subscribe(reader, "all", 1, NULL);
	publish(rig, publisher, sequence++, 1, 100);
	take_items(&slow, 1, &last);
	size_t before = broker_rss_bytes(rig), got = 0;
	while (sequence <= SMALL_ALERTS) {
		/* By itself, so that it is a frame of its own. The healthy one has it before the next. */
		publish(rig, publisher, sequence, 1, 1500);
		while (got < sequence)
			got += rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items;
		if (sequence++ % 100 == 0)
			ping(&slow); /* it lives */
	}
	print_message("%d alerts for a reader that does not read: %zu MiB more\n", SMALL_ALERTS,
		growth_bytes(rig, before) / MIB);
	assert_true(growth_bytes(rig, before) < 48 * MIB);
	take_items(&slow, SMALL_ALERTS - 1, &last);
	/* And keeps up again. */
	publish(rig, publisher, sequence, 3, 100);
	take_items(&slow, 3, &last);
	curve_peer_close(&slow);
	rig_disconnect(reader);
	rig_disconnect(publisher);
	end_rig(rig);
}

/* 40 readers, 62 MiB for each: 2.4 GiB if nothing bounded it. Each may have 4 MiB on its way, some of them in the kernel. */
static void
many_readers_that_have_stopped_cost_little_memory_and_no_time(void **state)
{
	struct rig *rig = rig_new(1);
	struct curve_peer stopped[STOPPED_READERS];
	uint64_t last = 0;
	(void)state;

	rig->config.live_cache_bytes = 1 * (int64_t)MIB;
	rig->config.connections_per_office = 2 * STOPPED_READERS;
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	for (size_t i = 0; i < STOPPED_READERS; i++) {
		char name[16];
		snprintf(name, sizeof name, "feed-%zu", i);
		begin_to_read(&stopped[i], rig, name);
	}
	publish(rig, publisher, 1, BATCH_MAX, 4000);
	size_t before = broker_rss_bytes(rig);
	for (uint64_t round = 1; round < 80; round++)
		publish(rig, publisher, 1 + round * BATCH_MAX, BATCH_MAX, 4000);
	print_message("%d readers that do not read: %zu MiB more\n", STOPPED_READERS, growth_bytes(rig, before) / MIB);
	assert_true(growth_bytes(rig, before) < 160 * MIB);
	int64_t began_ms = clock_system()->monotonic_ms(NULL), cpu_ms = broker_cpu_ms(rig);
	assert_null(rig_receive(publisher, 2000));
	cpu_ms = broker_cpu_ms(rig) - cpu_ms;
	int64_t took_ms = clock_system()->monotonic_ms(NULL) - began_ms;
	print_message("and %lld ms of processor time in %lld ms\n", (long long)cpu_ms, (long long)took_ms);
	assert_true(cpu_ms < took_ms / 4 * SLOWER);
	/* One of them begins to read, and has all of it. */
	take_items(&stopped[7], (size_t)80 * BATCH_MAX, &last);
	for (size_t i = 0; i < STOPPED_READERS; i++)
		curve_peer_close(&stopped[i]);
	rig_disconnect(publisher);
	end_rig(rig);
}

/* Both speak, and neither takes anything off the line; one says that it gets on with what it has. */
static void
only_a_reader_that_does_not_get_on_at_all_is_shut(void **state)
{
	struct rig *rig = rig_new(1);
	struct curve_peer stopped, slow;
	Liaison__Acknowledge acknowledged = LIAISON__ACKNOWLEDGE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	struct pollfd none = {.fd = -1};
	bool is_shut = false;
	(void)state;

	rig->config.idle_ms = SLOWER > 1 ? 6000 : 2000;
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	begin_to_read(&stopped, rig, "stopped");
	begin_to_read(&slow, rig, "slow");
	acknowledged.has_channel = acknowledged.has_epoch = acknowledged.has_lane = acknowledged.has_cursor = 1;
	acknowledged.channel = 1;
	acknowledged.lane = LIAISON__LANE__LANE_ORDINARY;
	frame.frame_case = LIAISON__FRAME__FRAME_ACKNOWLEDGE;
	frame.acknowledge = &acknowledged;
	for (uint64_t round = 0; round < 20; round++) {
		struct epoch epoch = publish(rig, publisher, 1 + round * BATCH_MAX, BATCH_MAX, 4000);
		acknowledged.epoch = (ProtobufCBinaryData){sizeof epoch.bytes, epoch.bytes};
		acknowledged.cursor++;
		say(&slow, &frame);
		ping(&stopped);
	}
	struct epoch epoch = publish(rig, publisher, 1 + 20 * BATCH_MAX, 1, 100);
	acknowledged.epoch = (ProtobufCBinaryData){sizeof epoch.bytes, epoch.bytes};
	/* After the one was shut, for as long again. */
	int64_t began_ms = clock_system()->monotonic_ms(NULL), until_ms = began_ms + 15 * rig->config.idle_ms;
	while (clock_system()->monotonic_ms(NULL) < until_ms) {
		if (!is_shut && !curve_peer_send(&stopped, 0, "\xf2\x01\x00", 3)) {
			is_shut = true;
			until_ms = clock_system()->monotonic_ms(NULL) + rig->config.idle_ms * 5 / 4;
		}
		acknowledged.cursor++;
		say(&slow, &frame);
		poll(&none, 1, 50);
	}
	assert_true(is_shut);
	uint64_t last = 0;
	take_items(&slow, (size_t)20 * BATCH_MAX + 1, &last);
	curve_peer_close(&stopped);
	curve_peer_close(&slow);
	rig_disconnect(publisher);
	end_rig(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_that_stops_for_thousands_of_small_alerts_gets_each_once_and_in_order),
		cmocka_unit_test(many_readers_that_have_stopped_cost_little_memory_and_no_time),
		cmocka_unit_test(only_a_reader_that_does_not_get_on_at_all_is_shut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
