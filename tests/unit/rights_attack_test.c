/*
 * What an office asks for that is not its to have: proofs of others' records, trust that it may not bring, papers that are old,
 * forged or short of signatures.
 */
#include "proto/scan.h"
#include "proto/signing.h"
#include "tests/support/talk.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THIRD "vn.blo.mocbai"

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
		cmocka_unit_test(proofs_do_not_tell_of_others_records),
		cmocka_unit_test(proofs_out_of_range_are_refused),
		cmocka_unit_test(an_answer_with_proofs_is_still_a_frame),
		cmocka_unit_test(trust_from_who_may_not_operate_is_refused),
		cmocka_unit_test(rosters_that_are_old_forged_or_short_of_signatures_are_refused),
		cmocka_unit_test(a_suspension_by_a_wrong_key_is_refused),
	};
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
