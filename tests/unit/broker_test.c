/* The broker as a whole, over loopback: what a reader of the wire would care for. */
#include "proto/alert_leaf.h"
#include "proto/envelope.h"
#include "proto/log_leaf.h"
#include "proto/signature.h"
#include "tests/support/alerts.h"
#include "tests/support/story.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <zmq.h>

#include <cmocka.h>

static void
an_alert_reaches_a_neighbours_feed(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	submit_route(rig, publisher, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	assert_int_equal(receipt->n_items, 1);
	assert_string_equal(receipt->items[0]->id, PUBLISHER "/1");
	const Liaison__Delivery *delivery = rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery;
	assert_int_equal(delivery->n_items, 1);
	struct envelope envelope;
	assert_int_equal(envelope_from_message(delivery->items[0]->envelope, &envelope, NULL), LIAISON_OK);
	assert_int_equal(envelope_verify(NULL, WORLD_NETWORK, &world_keys(rig->world, PUBLISHER)->signing_public,
				 &envelope, NULL),
		LIAISON_OK);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	expect_clean_stop(rig);
	rig_free(rig);
}

static void
a_receipt_proves_inclusion_in_a_signed_checkpoint(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	Liaison__Alert *alert = a_route_alert();
	size_t len;
	uint8_t *body = rig_body(rig, alert, PUBLISHER, 1, &len);
	const uint8_t *bodies[1] = {body};
	submit(rig, publisher, PUBLISHER, bodies, &len, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	const Liaison__Checkpoint *checkpoint = receipt->checkpoint;
	assert_int_equal(checkpoint_verify(checkpoint, WORLD_NETWORK, "kh.broker",
				 &world_keys(rig->world, "kh.broker")->checkpoint_public, NULL),
		LIAISON_OK);
	/* The leaf as a reader derives it, from nothing but the body and the key. */
	struct facts *facts;
	struct digest body_hash, leaf, root, path[MERKLE_PATH_MAX];
	struct key_id key;
	assert_int_equal(facts_new(alert, test_crossings(), &facts, NULL), LIAISON_OK);
	envelope_body_hash(body, len, &body_hash);
	key_id_of(&world_keys(rig->world, PUBLISHER)->signing_public, &key);
	assert_int_equal(alert_leaf(facts, &body_hash, &key, NULL, &leaf), LIAISON_OK);
	for (size_t i = 0; i < receipt->items[0]->n_path; i++)
		memcpy(path[i].bytes, receipt->items[0]->path[i].data, DIGEST_BYTES);
	memcpy(root.bytes, checkpoint->root.data, DIGEST_BYTES);
	assert_int_equal(merkle_verify_inclusion(&leaf, receipt->items[0]->index, checkpoint->size, path,
				 receipt->items[0]->n_path, &root),
		LIAISON_OK);
	facts_free(facts);
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
an_office_that_is_not_addressed_gets_nothing(void **state)
{
	struct rig *rig = started_rig();
	const struct change to_thailand[] = {{"handling.countries", "[\"TH\"]"}, {NULL, NULL}};
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *other = rig_connect(rig, "vn.blo.mocbai");
	rig_subscribe(other, "all", 1, NULL);
	submit_alert(rig, publisher, PUBLISHER, 1, an_alert(LIAISON__KIND__KIND_ROUTE, to_thailand));
	accepted_index(publisher);
	submit_route(rig, publisher, 2); /* which Viet Nam may see: it would come after the first */
	accepted_index(publisher);
	expect_delivery(other, PUBLISHER "/2");
	rig_disconnect(publisher);
	rig_disconnect(other);
	rig_free(rig);
}

static void
the_same_body_again_gets_the_same_receipt(void **state)
{
	struct rig *rig = started_rig();
	Liaison__Alert *alert = a_route_alert();
	size_t len;
	uint8_t *body = rig_body(rig, alert, PUBLISHER, 1, &len);
	const uint8_t *bodies[1] = {body};
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	/* Both on their way before the first is durable; they may be answered in one frame. */
	submit(rig, publisher, PUBLISHER, bodies, &len, 1);
	submit(rig, publisher, PUBLISHER, bodies, &len, 1);
	uint64_t first = 0;
	for (size_t answered = 0; answered < 2;) {
		const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
		for (size_t i = 0; i < receipt->n_items; i++, answered++) {
			assert_string_equal(receipt->items[i]->id, PUBLISHER "/1");
			assert_true(answered == 0 || receipt->items[i]->index == first);
			first = receipt->items[i]->index;
		}
	}
	submit(rig, publisher, PUBLISHER, bodies, &len, 1);
	const Liaison__Receipt *again = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	assert_int_equal(again->items[0]->index, first);
	assert_true(again->items[0]->again);
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
two_bodies_under_one_sequence_are_refused_and_kept_as_evidence(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	submit_route(rig, publisher, 7);
	uint64_t first = accepted_index(publisher);
	submit_route(rig, publisher, 7); /* another salt: another body */
	assert_int_equal(refusal_of(publisher), LIAISON__CODE__CODE_EQUIVOCATION);
	submit_route(rig, publisher, 8);
	/* Between them stands the evidence. */
	assert_int_equal(accepted_index(publisher), first + 2);
	submit_route(rig, publisher, 7);
	assert_int_equal(refusal_of(publisher), LIAISON__CODE__CODE_EQUIVOCATION);
	submit_route(rig, publisher, 9);
	/* One record for each id is enough: nobody fills a disk with it. */
	assert_int_equal(accepted_index(publisher), first + 3);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
another_offices_alert_is_refused(void **state)
{
	struct rig *rig = started_rig();
	Liaison__Alert *alert = a_route_alert();
	size_t len;
	uint8_t *body = rig_body(rig, alert, PUBLISHER, 1, &len);
	const uint8_t *bodies[1] = {body};
	(void)state;

	struct rig_client *other = rig_connect(rig, "kh.blo.bavet");
	submit(rig, other, PUBLISHER, bodies, &len, 1); /* even with its right signature */
	assert_int_equal(refusal_of(other), LIAISON__CODE__CODE_NOT_PERMITTED);
	submit(rig, other, "kh.blo.bavet", bodies, &len, 1);
	assert_int_not_equal(refusal_of(other), LIAISON__CODE__CODE_OK);
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
	rig_disconnect(other);
	rig_free(rig);
}

static void
of_a_batch_only_what_is_wrong_is_refused(void **state)
{
	struct rig *rig = started_rig();
	const struct change expired[] = {{"expires", "\"2026-01-15T08:00:00.001Z\""}, {NULL, NULL}};
	uint8_t *bodies[3];
	size_t lens[3];
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	for (size_t i = 0; i < 3; i++) {
		Liaison__Alert *alert = i == 1 ? an_alert(LIAISON__KIND__KIND_ROUTE, expired) : a_route_alert();
		bodies[i] = rig_body(rig, alert, PUBLISHER, i + 1, &lens[i]);
		liaison__alert__free_unpacked(alert, NULL);
	}
	submit(rig, publisher, PUBLISHER, (const uint8_t *const *)bodies, lens, 3);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	assert_int_equal(receipt->n_items, 2);
	assert_string_equal(receipt->items[1]->id, PUBLISHER "/3");
	const Liaison__Refusal *refusal = rig_expect(publisher, LIAISON__FRAME__FRAME_REFUSAL)->refusal;
	assert_int_equal(refusal->n_items, 1);
	assert_int_equal(refusal->items[0]->leaf, 1);
	assert_int_equal(refusal->items[0]->code, LIAISON__CODE__CODE_EXPIRED);
	for (size_t i = 0; i < 3; i++)
		free(bodies[i]);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
malformed_frames_are_answered_and_a_flood_ends_the_session(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 5;
	rig_start(rig);
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	for (int i = 0; i < 5; i++) {
		rig_send_bytes(client, "\x1a\x7f\x00", 3); /* a submit that is cut short */
		assert_int_equal(rig_expect(client, LIAISON__FRAME__FRAME_REFUSAL)->refusal->code,
			LIAISON__CODE__CODE_MALFORMED);
	}
	submit_route(rig, client, 1);
	accepted_index(client); /* the session goes on */
	rig_send_bytes(client, "\x1a\x7f\x00", 3);
	const Liaison__Frame *frame;
	do
		frame = rig_receive(client, 5000);
	while (frame != NULL && frame->frame_case != LIAISON__FRAME__FRAME_GOODBYE);
	assert_non_null(frame);
	assert_null(rig_receive(client, 5000)); /* and it is shut */
	rig_disconnect(client);
	rig_free(rig);
}

static void
a_suspended_office_is_shut_out_within_a_second(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *reader = rig_connect(rig, NEIGHBOUR), *publisher = rig_connect(rig, PUBLISHER);
	rig_subscribe(reader, "all", 1, NULL);
	sync_with(reader);
	world_suspend(rig->world, NEIGHBOUR);
	rig_publish_trust(rig);
	int64_t begin = clock_system()->monotonic_ms(NULL);
	const Liaison__Frame *frame;
	while ((frame = rig_receive(reader, 5000)) != NULL)
		assert_int_not_equal(frame->frame_case, LIAISON__FRAME__FRAME_DELIVERY);
	int64_t took = clock_system()->monotonic_ms(NULL) - begin;
	print_message("shut %lld ms after the roster came into the folder\n", (long long)took);
	submit_route(rig, publisher, 1);
	accepted_index(publisher); /* the others notice nothing */
	rig_disconnect(reader);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
an_urgent_alert_overtakes_what_waits(void **state)
{
	struct rig *rig = started_rig();
	const struct change urgent[] = {{"urgency", "\"IMMEDIATE\""}, {NULL, NULL}};
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	submit_route(rig, publisher, 1);
	accepted_index(publisher);
	submit_alert(rig, publisher, PUBLISHER, 2, an_alert(LIAISON__KIND__KIND_ROUTE, urgent));
	accepted_index(publisher);
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	const Liaison__Delivery *delivery = rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery;
	assert_int_equal(delivery->lane, LIAISON__LANE__LANE_URGENT);
	delivery = rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery;
	assert_int_equal(delivery->lane, LIAISON__LANE__LANE_ORDINARY);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	rig_free(rig);
}

static void
credit_bounds_what_a_reader_is_sent(void **state)
{
	struct rig *rig = started_rig();
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	subscribe.has_channel = 1;
	subscribe.channel = 1;
	static char name[] = "slow";
	subscribe.feed = name;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	rig_send(reader, &frame);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = 1;
	credit.messages = 3; /* two, and the reserve of the urgent lane */
	credit.bytes = 1 << 20;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	rig_send(reader, &frame);
	sync_with(reader);
	for (uint64_t sequence = 1; sequence <= 5; sequence++) {
		submit_route(rig, publisher, sequence);
		accepted_index(publisher);
	}
	expect_delivery(reader, PUBLISHER "/1");
	expect_delivery(reader, PUBLISHER "/2");
	Liaison__Ping ping = LIAISON__PING__INIT;
	Liaison__Frame ping_frame = LIAISON__FRAME__INIT;
	ping_frame.frame_case = LIAISON__FRAME__FRAME_PING;
	ping_frame.ping = &ping;
	rig_send(reader, &ping_frame);
	const Liaison__Frame *got;
	while ((got = rig_receive(reader, 5000)) != NULL && got->frame_case != LIAISON__FRAME__FRAME_PONG)
		assert_int_not_equal(got->frame_case, LIAISON__FRAME__FRAME_DELIVERY);
	assert_non_null(got);
	credit.messages = 100;
	rig_send(reader, &frame);
	size_t rest = 0;
	while (rest < 3)
		rest += rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items;
	rig_disconnect(publisher);
	rig_disconnect(reader);
	rig_free(rig);
}

static void
one_reader_a_feed_unless_it_takes_over(void **state)
{
	struct rig *rig = started_rig();
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static char name[] = "all";
	(void)state;

	struct rig_client *first = rig_connect(rig, NEIGHBOUR), *second = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(first, name, 1, NULL);
	subscribe.has_channel = 1;
	subscribe.channel = 9;
	subscribe.feed = name;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	rig_send(second, &frame);
	assert_int_equal(
		rig_expect(second, LIAISON__FRAME__FRAME_REFUSAL)->refusal->code, LIAISON__CODE__CODE_NOT_PERMITTED);
	subscribe.has_take_over = subscribe.take_over = 1;
	rig_send(second, &frame);
	rig_expect(second, LIAISON__FRAME__FRAME_SUBSCRIBED);
	const Liaison__Unsubscribe *over = rig_expect(first, LIAISON__FRAME__FRAME_UNSUBSCRIBE)->unsubscribe;
	assert_int_equal(over->channel, 1);
	assert_int_equal(over->code, LIAISON__CODE__CODE_NOT_PERMITTED);
	rig_disconnect(first);
	rig_disconnect(second);
	rig_free(rig);
}

static void
a_cancelled_alert_is_not_given_to_a_new_feed_but_its_notice_is_given_to_all(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__Kind kinds[1] = {LIAISON__KIND__KIND_VESSEL};
	filter.n_kinds = 1;
	filter.kinds = kinds;
	rig_subscribe(reader, "vessels", 1, &filter);
	submit_route(rig, publisher, 1);
	accepted_index(publisher);
	submit_alert(rig, publisher, PUBLISHER, 2, a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL));
	accepted_index(publisher);
	expect_delivery(reader, PUBLISHER "/2"); /* whatever its filter says */
	rig_subscribe(reader, "late", 2, NULL);
	expect_delivery(reader, PUBLISHER "/2");
	rig_disconnect(publisher);
	rig_disconnect(reader);
	rig_free(rig);
}

static void
a_client_with_a_chosen_routing_id_harms_nobody(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	const struct secret_keys *keys = world_keys(rig->world, NEIGHBOUR);
	const struct secret_keys *broker = world_keys(rig->world, "kh.broker");
	void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_DEALER);
	zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, broker->transport_public.bytes, 32);
	zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->transport_public.bytes, 32);
	zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->transport, 32);
	zmq_setsockopt(socket, ZMQ_ROUTING_ID, "stolen", 6);
	assert_int_equal(zmq_connect(socket, rig->endpoint), 0);
	for (int i = 0; i < 3; i++) {
		zmq_send(socket, "a", 1, ZMQ_SNDMORE);
		zmq_send(socket, "b", 1, 0);
		zmq_send(socket, "c", 1, 0);
	}
	for (uint64_t sequence = 1; sequence <= 5; sequence++) {
		submit_route(rig, publisher, sequence);
		accepted_index(publisher);
	}
	int linger = 0;
	zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
	zmq_close(socket);
	zmq_ctx_term(context);
	rig_disconnect(publisher);
	expect_clean_stop(rig);
	rig_free(rig);
}

static const Liaison__Proof *
ask_proof(struct rig_client *client, uint64_t from, uint64_t size, uint64_t index)
{
	Liaison__ProofRequest request = LIAISON__PROOF_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	request.has_from = request.has_size = 1;
	request.from = from;
	request.size = size;
	request.n_indexes = 1;
	request.indexes = &index;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	frame.proof_request = &request;
	rig_send(client, &frame);
	return rig_expect(client, LIAISON__FRAME__FRAME_PROOF)->proof;
}

static void
proofs_are_given_of_any_size_that_the_log_had(void **state)
{
	struct rig *rig = started_rig();
	struct digest root, leaf, path[MERKLE_PATH_MAX];
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	submit_route(rig, publisher, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	uint64_t size = receipt->checkpoint->size, index = receipt->items[0]->index;
	memcpy(root.bytes, receipt->checkpoint->root.data, DIGEST_BYTES);
	for (uint64_t sequence = 2; sequence <= 6; sequence++) {
		submit_route(rig, publisher, sequence);
		accepted_index(publisher);
	}
	const Liaison__Proof *proof = ask_proof(publisher, 1, size, index);
	const Liaison__Inclusion *inclusion = proof->inclusions[0];
	log_leaf(RECORD_ALERT, inclusion->header.data, inclusion->header.len, &leaf);
	for (size_t i = 0; i < inclusion->n_path; i++)
		memcpy(path[i].bytes, inclusion->path[i].data, DIGEST_BYTES);
	assert_int_equal(merkle_verify_inclusion(&leaf, index, size, path, inclusion->n_path, &root), LIAISON_OK);
	rig_disconnect(publisher);
	rig_free(rig);
}

static void
the_audit_says_where_and_never_what(void **state)
{
	struct rig *rig = started_rig();
	const struct change bad[] = {{"subjects[0].container.number", "\"CSQU3054384\""}, {NULL, NULL}};
	char command[1024];
	(void)state;

	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	submit_alert(rig, publisher, PUBLISHER, 1, an_alert(LIAISON__KIND__KIND_CONTAINER, bad));
	assert_int_equal(refusal_of(publisher), LIAISON__CODE__CODE_BAD_IDENTIFIER);
	rig_disconnect(publisher);
	expect_clean_stop(rig);
	snprintf(command, sizeof command, "grep -aq 'subjects\\[0\\].container.number' %s/data/state.db*", rig->dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof command, "! grep -aq CSQU305438 %s/data/state.db* %s/data/log/*", rig->dir, rig->dir);
	assert_int_equal(system(command), 0);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_reaches_a_neighbours_feed),
		cmocka_unit_test(a_receipt_proves_inclusion_in_a_signed_checkpoint),
		cmocka_unit_test(an_office_that_is_not_addressed_gets_nothing),
		cmocka_unit_test(the_same_body_again_gets_the_same_receipt),
		cmocka_unit_test(two_bodies_under_one_sequence_are_refused_and_kept_as_evidence),
		cmocka_unit_test(another_offices_alert_is_refused),
		cmocka_unit_test(of_a_batch_only_what_is_wrong_is_refused),
		cmocka_unit_test(malformed_frames_are_answered_and_a_flood_ends_the_session),
		cmocka_unit_test(a_suspended_office_is_shut_out_within_a_second),
		cmocka_unit_test(an_urgent_alert_overtakes_what_waits),
		cmocka_unit_test(credit_bounds_what_a_reader_is_sent),
		cmocka_unit_test(one_reader_a_feed_unless_it_takes_over),
		cmocka_unit_test(a_cancelled_alert_is_not_given_to_a_new_feed_but_its_notice_is_given_to_all),
		cmocka_unit_test(a_client_with_a_chosen_routing_id_harms_nobody),
		cmocka_unit_test(proofs_are_given_of_any_size_that_the_log_had),
		cmocka_unit_test(the_audit_says_where_and_never_what),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
