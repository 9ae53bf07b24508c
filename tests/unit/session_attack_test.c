/*
 * What an office that is let in may do to the broker and to others with well-formed frames: nothing beyond its rights, and
 * nothing that costs the others. Frames out of turn, credit and cursors out of range, others' records and feeds, trust that
 * is not its to bring, floods.
 */
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

static void
send_subscribe(struct rig_client *client, const char *feed, uint32_t channel, Liaison__Filter *filter)
{
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	subscribe.has_request = subscribe.has_channel = 1;
	subscribe.request = ++client->next_request;
	subscribe.channel = channel;
	subscribe.feed = (char *)(uintptr_t)feed;
	subscribe.filter = filter;
	/* From whoever held it: a connection that was just left may still count. */
	subscribe.has_take_over = subscribe.take_over = 1;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	rig_send(client, &frame);
}

static void
send_credit(struct rig_client *client, uint32_t channel, uint64_t messages, uint64_t bytes)
{
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = channel;
	credit.messages = messages;
	credit.bytes = bytes;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	rig_send(client, &frame);
}

/* --- out of turn -------------------------------------------------------------------------------------------------- */

/* The frame of that kind with nothing in it. */
static void
send_empty(struct rig_client *client, unsigned kind)
{
	uint8_t bytes[3] = {(uint8_t)(kind << 3 | 2), 0, 0};

	if (kind >= 16) {
		bytes[0] |= 0x80;
		bytes[1] = (uint8_t)(kind >> 4);
	}
	rig_send_bytes(client, bytes, kind >= 16 ? 3 : 2);
}

static void
frames_before_hello_do_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect_raw(rig, PUBLISHER);
	for (unsigned kind = 2; kind <= LIAISON__FRAME__FRAME_GOODBYE; kind++) {
		send_empty(client, kind);
		const Liaison__Frame *frame = rig_receive(client, 10000);
		assert_non_null(frame);
		assert_int_equal(frame->frame_case, LIAISON__FRAME__FRAME_REFUSAL);
		if (frame->refusal->code != LIAISON__CODE__CODE_MALFORMED &&
			frame->refusal->code != LIAISON__CODE__CODE_NOT_PERMITTED)
			fail_msg("kind %u: code %d", kind, (int)frame->refusal->code);
	}
	struct submission submission;
	submission_init(&submission, rig, PUBLISHER, 1);
	submission_send(&submission, client); /* a whole and right one, but nobody said hello */
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	submission_clear(&submission);
	rig_hello(client);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	end_rig(rig);
}

static void
hello_twice_changes_nothing(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	(void)state;

	rig_send_bytes(client, "\x0a\x04\x08\x01\x10\x01", 6);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	/* Nor does one whose versions are beside ours: it is told, and shut. */
	client = rig_connect_raw(rig, PUBLISHER);
	rig_send_bytes(client, "\x0a\x04\x08\x02\x10\x09", 6);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	assert_int_equal(await_end(client), LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	rig_disconnect(client);
	end_rig(rig);
}

static void
what_a_broker_says_is_refused_from_an_agent(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	static const unsigned kinds[] = {2, 4, 5, 7, 9, 10, 14, 16, 18, 19, 23};
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		send_empty(client, kinds[i]);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_NOT_PERMITTED);
	}
	static const unsigned later[] = {20, 21, 22, 25, 26, 27, 28, 29};
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
		send_empty(client, later[i]);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_NOT_SUPPORTED);
	}
	rig_disconnect(client);
	end_rig(rig);
}

static void
empty_frames_of_every_kind_harm_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.malformed_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	for (unsigned kind = 1; kind < LIAISON__FRAME__FRAME_GOODBYE; kind++)
		send_empty(client, kind);
	sync_with(client);
	publish_route(rig, client, PUBLISHER, 1);
	send_empty(client, LIAISON__FRAME__FRAME_GOODBYE);
	assert_int_equal(await_end(client), LIAISON__CODE__CODE_OK);
	rig_disconnect(client);
	end_rig(rig);
}

/* --- credit and cursors ------------------------------------------------------------------------------------------- */

static void
credit_of_all_values_is_taken_as_what_it_is(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	(void)state;

	send_subscribe(reader, "all", 1, NULL);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	for (uint64_t i = 1; i <= 3; i++)
		publish_route(rig, publisher, PUBLISHER, i);
	send_credit(reader, 1, UINT64_MAX, UINT64_MAX);
	size_t got = 0;
	while (got < 3)
		got += rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items;
	/* Less than before, nothing, and for a channel that is not there: all ignored. */
	send_credit(reader, 1, 0, 0);
	send_credit(reader, 1, 1, UINT64_MAX - 1);
	send_credit(reader, UINT32_MAX, UINT64_MAX, UINT64_MAX);
	publish_route(rig, publisher, PUBLISHER, 4);
	assert_int_equal(rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->n_items, 1);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	end_rig(rig);
}

static void
a_cursor_beyond_what_was_sent_is_ignored(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	uint8_t epoch[16], other[16] = {9};
	(void)state;

	send_subscribe(reader, "all", 1, NULL);
	memcpy(epoch, rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED)->subscribed->epoch.data, sizeof epoch);
	uint64_t first = publish_route(rig, publisher, PUBLISHER, 1);
	publish_route(rig, publisher, PUBLISHER, 2);
	/* Nothing was sent for want of credit; it claims all. */
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, epoch, first + 2);
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, epoch, UINT64_MAX);
	acknowledge(reader, 1, LIAISON__LANE__LANE_URGENT, epoch, UINT64_MAX);
	acknowledge(reader, 1, (Liaison__Lane)77, epoch, UINT64_MAX);
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, other, first);
	acknowledge(reader, 9, LIAISON__LANE__LANE_ORDINARY, epoch, first);
	sync_with(reader);
	rig_disconnect(reader);
	reader = rig_connect(rig, NEIGHBOUR);
	send_subscribe(reader, "all", 1, NULL);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	send_credit(reader, 1, 100, MIB);
	assert_int_equal(rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery->items[0]->index, first);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	end_rig(rig);
}

/* --- subscribing -------------------------------------------------------------------------------------------------- */

static void
filters_that_are_too_great_or_wrong_are_refused(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	static char text[1000][24];
	static char *texts[1000];
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__Near near = LIAISON__NEAR__INIT, *nears[1] = {&near};
	Liaison__Kind kinds[1] = {(Liaison__Kind)4711};
	(void)state;

	for (int i = 0; i < 1000; i++) {
		snprintf(text[i], sizeof text[i], "kh.blo.a%d", i);
		texts[i] = text[i];
	}
	filter.offices = texts;
	filter.n_offices = 257;
	send_subscribe(reader, "many", 1, &filter);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_TOO_LARGE);
	filter.n_offices = 1000;
	send_subscribe(reader, "many", 1, &filter);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_TOO_LARGE);
	filter.n_offices = 256;
	send_subscribe(reader, "many", 1, &filter);
	rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	filter.n_offices = 0;
	filter.n_kinds = 1;
	filter.kinds = kinds;
	send_subscribe(reader, "kinds", 2, &filter);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_BAD_CODE);
	filter.n_kinds = 0;
	filter.n_near = 1;
	filter.near = nears;
	static const double values[][3] = {
		{91, 0, 1}, {0, 181, 1}, {0, 0, -1}, {0, 0, 1e308}, {0.0 / 0.0, 0, 1}, {0, 0, 0.0 / 0.0}};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		near.has_lat = near.has_lon = near.has_km = 1;
		near.lat = values[i][0];
		near.lon = values[i][1];
		near.km = values[i][2];
		send_subscribe(reader, "near", 3, &filter);
		assert_int_not_equal(refusal_code(reader), LIAISON__CODE__CODE_OK);
	}
	static const char *const names[] = {"", "a/b", "../x", "a b", "\xc3\xa9",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		send_subscribe(reader, names[i], 4, NULL);
		assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_MALFORMED);
	}
	send_subscribe(reader, "again", 1, NULL); /* a channel that is in use */
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_MALFORMED);
	rig_disconnect(reader);
	end_rig(rig);
}

static void
feeds_of_an_office_are_capped(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR), *second = rig_connect(rig, NEIGHBOUR);
	char name[16];
	(void)state;

	for (uint32_t i = 0; i < FEEDS; i++) {
		snprintf(name, sizeof name, "f%u", i);
		send_subscribe(reader, name, i, NULL);
		rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	}
	send_subscribe(reader, "one-more", FEEDS, NULL);
	assert_int_equal(refusal_code(reader), LIAISON__CODE__CODE_NOT_PERMITTED);
	send_subscribe(second, "one-more", 1, NULL); /* over another connection neither */
	assert_int_equal(refusal_code(second), LIAISON__CODE__CODE_NOT_PERMITTED);
	struct rig_client *other = rig_connect(rig, THIRD);
	rig_subscribe(other, "f0", 1, NULL);
	rig_disconnect(reader);
	rig_disconnect(second);
	rig_disconnect(other);
	end_rig(rig);
}

/* The answer to a question about feeds must be a frame, however great the filters are. */
static void
a_list_of_great_filters_is_still_a_frame(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	static char text[256][64];
	static char *texts[256];
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	char name[16];
	(void)state;

	for (int i = 0; i < 256; i++) {
		snprintf(text[i], sizeof text[i], "kh.a%030d.a%020d", i, i);
		texts[i] = text[i];
	}
	filter.n_offices = 130; /* nearly as great as a filter may be */
	filter.offices = texts;
	for (uint32_t i = 0; i < FEEDS; i++) {
		snprintf(name, sizeof name, "f%u", i);
		send_subscribe(reader, name, i, &filter);
		rig_expect(reader, LIAISON__FRAME__FRAME_SUBSCRIBED);
	}
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS_REQUEST;
	frame.feeds_request = &request;
	rig_send(reader, &frame);
	size_t listed = 0;
	while (listed < FEEDS) {
		const Liaison__Frame *answer = next_answer(reader);
		assert_int_equal(answer->frame_case, LIAISON__FRAME__FRAME_FEEDS);
		assert_true(reader->bytes <= FRAME_BYTES_MAX);
		listed += answer->feeds->n_feeds;
	}
	assert_int_equal(listed, FEEDS);
	rig_disconnect(reader);
	end_rig(rig);
}

static void
feeds_of_another_office_cannot_be_touched(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *owner = rig_connect(rig, NEIGHBOUR), *thief = rig_connect(rig, THIRD);
	Liaison__FeedsRequest request = LIAISON__FEEDS_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static char name[] = "secret-watch", path[] = NEIGHBOUR "/secret-watch";
	(void)state;

	rig_subscribe(owner, name, 1, NULL);
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS_REQUEST;
	frame.feeds_request = &request;
	rig_send(thief, &frame);
	assert_int_equal(rig_expect(thief, LIAISON__FRAME__FRAME_FEEDS)->feeds->n_feeds, 0);
	request.remove = name;
	rig_send(thief, &frame);
	assert_int_equal(refusal_code(thief), LIAISON__CODE__CODE_BAD_REFERENCE);
	request.remove = path;
	rig_send(thief, &frame);
	assert_int_equal(refusal_code(thief), LIAISON__CODE__CODE_BAD_REFERENCE);
	request.remove = NULL;
	request.seek = name;
	request.has_index = 1;
	request.index = UINT64_MAX;
	rig_send(thief, &frame);
	assert_int_equal(refusal_code(thief), LIAISON__CODE__CODE_BAD_REFERENCE);
	request.seek = NULL;
	rig_send(owner, &frame);
	const Liaison__Feeds *feeds = rig_expect(owner, LIAISON__FRAME__FRAME_FEEDS)->feeds;
	assert_int_equal(feeds->n_feeds, 1);
	assert_true(feeds->feeds[0]->attached);
	rig_disconnect(owner);
	rig_disconnect(thief);
	end_rig(rig);
}

/* --- proofs ------------------------------------------------------------------------------------------------------- */

static void
ask_proof(struct rig_client *client, uint64_t *indexes, size_t count, uint64_t from)
{
	Liaison__ProofRequest request = LIAISON__PROOF_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	request.n_indexes = count;
	request.indexes = indexes;
	request.has_from = from > 0;
	request.from = from;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	frame.proof_request = &request;
	rig_send(client, &frame);
}

/* Whether any of `secrets` stands in what came. */
static bool
shows(const Liaison__Frame *frame, const char *secret)
{
	size_t len;
	uint8_t *bytes = frame_encode(frame, &len);
	bool found = memmem(bytes, len, secret, strlen(secret)) != NULL;

	free(bytes);
	return found;
}

static void
proofs_do_not_tell_of_others_records(void **state)
{
	const struct change red[] = {{"handling", "{\"level\":\"RED\",\"offices\":[\"" NEIGHBOUR "\"]}"}, {NULL, NULL}};
	const struct change amber[] = {{"handling.countries", "[\"TH\"]"}, {NULL, NULL}};
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *third = rig_connect(rig, THIRD);
	struct rig_client *addressed = rig_connect(rig, NEIGHBOUR);
	(void)state;

	send_alert(rig, publisher, PUBLISHER, 1, an_alert(LIAISON__KIND__KIND_ROUTE, red));
	uint64_t first = receipt_index(publisher);
	send_alert(rig, publisher, PUBLISHER, 2, an_alert(LIAISON__KIND__KIND_ROUTE, amber));
	receipt_index(publisher);
	send_alert(rig, publisher, PUBLISHER, 2, a_route_alert()); /* index first + 2 is the evidence of it */
	assert_int_equal(refusal_code(publisher), LIAISON__CODE__CODE_EQUIVOCATION);
	uint64_t last = publish_route(rig, publisher, PUBLISHER, 3);
	assert_int_equal(last, first + 3);
	for (uint64_t index = first; index < last; index++) {
		uint64_t both[2] = {last, index};
		ask_proof(third, &index, 1, 0);
		const Liaison__Frame *answer = next_answer(third);
		assert_int_equal(answer->frame_case, LIAISON__FRAME__FRAME_REFUSAL);
		assert_int_equal(answer->refusal->code, LIAISON__CODE__CODE_NOT_PERMITTED);
		assert_false(shows(answer, PUBLISHER) || shows(answer, NEIGHBOUR));
		ask_proof(third, both, 2, 0); /* hidden behind one that it may have */
		answer = next_answer(third);
		assert_int_equal(answer->frame_case, LIAISON__FRAME__FRAME_REFUSAL);
		assert_false(shows(answer, PUBLISHER) || shows(answer, NEIGHBOUR));
	}
	ask_proof(third, &last, 1, 1);
	assert_int_equal(next_answer(third)->frame_case, LIAISON__FRAME__FRAME_PROOF);
	ask_proof(addressed, &first, 1, 0);
	assert_int_equal(next_answer(addressed)->frame_case, LIAISON__FRAME__FRAME_PROOF);
	rig_disconnect(publisher);
	rig_disconnect(third);
	rig_disconnect(addressed);
	end_rig(rig);
}

static void
proofs_out_of_range_are_refused(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *client = rig_connect(rig, NEIGHBOUR);
	static uint64_t many[1025];
	const uint64_t beyond[] = {1000, UINT64_MAX, UINT64_MAX - 1, (uint64_t)1 << 63};
	(void)state;

	for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
		uint64_t index = beyond[i];
		ask_proof(client, &index, 1, 0);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_BAD_REFERENCE);
		ask_proof(client, NULL, 0, index);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_BAD_REFERENCE);
	}
	ask_proof(client, many, 1025, 0);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_TOO_LARGE);
	ask_proof(client, NULL, 0, 0);
	assert_int_equal(next_answer(client)->frame_case, LIAISON__FRAME__FRAME_PROOF);
	rig_disconnect(client);
	end_rig(rig);
}

/* An alert to so many offices that its header is great. */
static Liaison__Alert *
an_alert_to_many(void)
{
	static char offices[16 * 1024];
	size_t at = 0;

	at += (size_t)snprintf(offices, sizeof offices, "[\"" NEIGHBOUR "\"");
	for (int i = 0; i < 60; i++)
		at += (size_t)snprintf(offices + at, sizeof offices - at, ",\"th.a%030d.a%020d\"", i, i);
	snprintf(offices + at, sizeof offices - at, "]");
	const struct change to_many[] = {{"handling.countries", NULL}, {"handling.offices", offices}, {NULL, NULL}};
	return an_alert(LIAISON__KIND__KIND_ROUTE, to_many);
}

static void
an_answer_with_proofs_is_still_a_frame(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	static uint64_t indexes[1024];
	(void)state;

	send_alert(rig, publisher, PUBLISHER, 1, an_alert_to_many());
	uint64_t index = receipt_index(publisher);
	for (size_t i = 0; i < 1024; i++)
		indexes[i] = index;
	ask_proof(reader, indexes, 1024, 0);
	const Liaison__Frame *answer = next_answer(reader);
	assert_int_equal(answer->frame_case, LIAISON__FRAME__FRAME_REFUSAL);
	assert_int_equal(answer->refusal->code, LIAISON__CODE__CODE_TOO_LARGE);
	ask_proof(reader, indexes, 20, 0);
	assert_int_equal(next_answer(reader)->frame_case, LIAISON__FRAME__FRAME_PROOF);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	end_rig(rig);
}

/* --- trust -------------------------------------------------------------------------------------------------------- */

static void
send_trust(struct rig_client *client, Liaison__Signed *charter, Liaison__Signed *roster, Liaison__Signed *suspension)
{
	Liaison__Trust trust = LIAISON__TRUST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	trust.n_charters = charter != NULL;
	trust.charters = &charter;
	trust.n_rosters = roster != NULL;
	trust.rosters = &roster;
	trust.n_suspensions = suspension != NULL;
	trust.suspensions = &suspension;
	frame.frame_case = LIAISON__FRAME__FRAME_TRUST;
	frame.trust = &trust;
	rig_send(client, &frame);
}

static void
trust_from_who_may_not_operate_is_refused(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *client = rig_connect(rig, NEIGHBOUR);
	Liaison__Signed *roster = world_roster_sign(rig->world, world_roster_edit(rig->world, "th"));
	(void)state;

	send_trust(client, NULL, roster, NULL); /* right in all but who brings it */
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_NOT_PERMITTED);
	world_signed_free(roster);
	rig_disconnect(client);
	rig_stop(rig, SIGTERM);
	assert_int_equal(audit_count(rig, LIAISON_NOT_PERMITTED, NEIGHBOUR), 1);
	rig_free(rig);
}

#define OPERATOR "kh.ncc.secretariat"

/* A rig whose secretariat may operate. */
static struct rig *
rig_with_operator(void)
{
	struct rig *rig = rig_new(1);
	Liaison__Roster *roster = world_roster_edit(rig->world, "kh");

	for (size_t i = 0; i < roster->n_offices; i++) {
		Liaison__Office *office = roster->offices[i];
		if (strcmp(office->id, OPERATOR) != 0)
			continue;
		office->rights = realloc(office->rights, (office->n_rights + 1) * sizeof *office->rights);
		assert_non_null(office->rights);
		size_t at = office->n_rights++;
		while (at > 0 && office->rights[at - 1] > LIAISON__RIGHT__RIGHT_OPERATE) {
			office->rights[at] = office->rights[at - 1];
			at--;
		}
		office->rights[at] = LIAISON__RIGHT__RIGHT_OPERATE;
	}
	world_roster_publish(rig->world, roster);
	rig_publish_trust(rig);
	rig_start(rig);
	return rig;
}

static uint64_t
held_version(struct rig_client *client, const char *member)
{
	send_trust(client, NULL, NULL, NULL);
	const Liaison__TrustState *held = rig_expect(client, LIAISON__FRAME__FRAME_TRUST_STATE)->trust_state;

	for (size_t i = 0; i < held->n_rosters; i++)
		if (strcmp(held->rosters[i]->member, member) == 0)
			return held->rosters[i]->version;
	return 0;
}

static void
rosters_that_are_old_forged_or_short_of_signatures_are_refused(void **state)
{
	struct rig *rig = rig_with_operator();
	struct rig_client *operator= rig_connect(rig, OPERATOR);
	uint64_t version = held_version(operator, "kh");
	(void)state;

	/* The present one, kept for later; then a newer one, which is taken. */
	Liaison__Signed *old = world_roster_sign(rig->world, world_roster_edit(rig->world, "kh"));
	send_trust(operator, NULL, old, NULL);
	rig_expect(operator, LIAISON__FRAME__FRAME_TRUST_STATE);
	Liaison__Roster *next = world_roster_edit(rig->world, "kh");
	next->version += 5;
	Liaison__Signed *newer = world_roster_sign(rig->world, next);
	send_trust(operator, NULL, newer, NULL);
	rig_expect(operator, LIAISON__FRAME__FRAME_TRUST_STATE);
	uint64_t present = held_version(operator, "kh");
	assert_true(present > version);

	send_trust(operator, NULL, old, NULL);
	assert_int_equal(refusal_code(operator), LIAISON__CODE__CODE_STALE);
	/* One signature of two. */
	Liaison__Roster *more = world_roster_edit(rig->world, "kh");
	more->version += 9;
	Liaison__Signed *shorter = world_roster_sign(rig->world, more);
	size_t signatures = shorter->n_signatures;
	assert_true(signatures >= 2);
	shorter->n_signatures = 1;
	send_trust(operator, NULL, shorter, NULL);
	assert_int_equal(refusal_code(operator), LIAISON__CODE__CODE_BAD_SIGNATURE);
	/* The same signature twice is one. */
	Liaison__KeySignature *second = shorter->signatures[1];
	shorter->signatures[1] = shorter->signatures[0];
	shorter->n_signatures = 2;
	send_trust(operator, NULL, shorter, NULL);
	assert_int_not_equal(refusal_code(operator), LIAISON__CODE__CODE_OK);
	shorter->signatures[1] = second;
	shorter->n_signatures = signatures;
	/* A bit of the body. */
	shorter->body.data[shorter->body.len / 2] ^= 1;
	send_trust(operator, NULL, shorter, NULL);
	assert_int_not_equal(refusal_code(operator), LIAISON__CODE__CODE_OK);
	/* Another member's authority signs. */
	Liaison__Signed *foreign = world_unsigned(newer);
	foreign->body.data[0] ^= 0;
	send_trust(operator, NULL, foreign, NULL);
	assert_int_equal(refusal_code(operator), LIAISON__CODE__CODE_BAD_SIGNATURE);
	assert_int_equal(held_version(operator, "kh"), present);
	world_signed_free(old);
	world_signed_free(newer);
	world_signed_free(shorter);
	world_signed_free(foreign);
	rig_disconnect(operator);
	end_rig(rig);
}

static void
a_suspension_by_a_wrong_key_is_refused(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *attacker = rig_connect(rig, NEIGHBOUR), *victim = rig_connect(rig, PUBLISHER);
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	(void)state;

	Liaison__Signed *suspension =
		world_suspension(rig->world, PUBLISHER, NULL, rig_now(rig) - 1000, rig_now(rig) + MS_PER_DAY);
	frame.frame_case = LIAISON__FRAME__FRAME_SUSPENSION;
	frame.suspension = suspension;
	/* Signed by Thailand's duty key, by an office's own, by nobody, and with a bit turned. */
	Liaison__Signed *forged = world_unsigned(suspension);
	frame.suspension = forged;
	rig_send(attacker, &frame);
	assert_int_not_equal(refusal_code(attacker), LIAISON__CODE__CODE_OK);
	const struct secret_keys *keys[] = {world_duty(rig->world, "th"), world_keys(rig->world, NEIGHBOUR)};
	for (size_t i = 0; i < 2; i++) {
		world_signed_free(forged);
		forged = world_unsigned(suspension);
		assert_int_equal(
			signed_add(forged, document_domain(DOCUMENT_SUSPENSION), WORLD_NETWORK, keys[i]), LIAISON_OK);
		frame.suspension = forged;
		rig_send(attacker, &frame);
		assert_int_equal(refusal_code(attacker), LIAISON__CODE__CODE_BAD_SIGNATURE);
	}
	suspension->signatures[0]->signature.data[5] ^= 1;
	frame.suspension = suspension;
	rig_send(attacker, &frame);
	assert_int_equal(refusal_code(attacker), LIAISON__CODE__CODE_BAD_SIGNATURE);
	suspension->signatures[0]->signature.data[5] ^= 1;
	publish_route(rig, victim, PUBLISHER, 1);
	/* The right one counts, whoever brings it. */
	rig_send(attacker, &frame);
	assert_int_equal(await_end(victim), LIAISON__CODE__CODE_NOT_PERMITTED);
	world_signed_free(forged);
	world_signed_free(suspension);
	rig_disconnect(attacker);
	rig_disconnect(victim);
	end_rig(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_before_hello_do_nothing),
		cmocka_unit_test(hello_twice_changes_nothing),
		cmocka_unit_test(what_a_broker_says_is_refused_from_an_agent),
		cmocka_unit_test(empty_frames_of_every_kind_harm_nothing),
		cmocka_unit_test(credit_of_all_values_is_taken_as_what_it_is),
		cmocka_unit_test(a_cursor_beyond_what_was_sent_is_ignored),
		cmocka_unit_test(filters_that_are_too_great_or_wrong_are_refused),
		cmocka_unit_test(feeds_of_an_office_are_capped),
		cmocka_unit_test(a_list_of_great_filters_is_still_a_frame),
		cmocka_unit_test(feeds_of_another_office_cannot_be_touched),
		cmocka_unit_test(proofs_do_not_tell_of_others_records),
		cmocka_unit_test(proofs_out_of_range_are_refused),
		cmocka_unit_test(an_answer_with_proofs_is_still_a_frame),
		cmocka_unit_test(trust_from_who_may_not_operate_is_refused),
		cmocka_unit_test(rosters_that_are_old_forged_or_short_of_signatures_are_refused),
		cmocka_unit_test(a_suspension_by_a_wrong_key_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
