/*
 * Who did not sign what is said: each gets its refusal code, stands in the audit, and leaves nothing in the log but, for two
 * bodies under one id, the evidence of it.
 */
#include "proto/envelope.h"
#include "proto/merkle.h"
#include "tests/support/talk.h"

#include "broker/segment.h"

#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OTHER "kh.blo.bavet"

struct scene {
	struct rig *rig;
	struct rig_client *publisher;
	struct submission submission; /* number 2, right until a test spoils it */
	uint64_t before;              /* index of number 1 */
};

static void
set_scene(struct scene *scene)
{
	scene->rig = started_rig();
	scene->publisher = rig_connect(scene->rig, PUBLISHER);
	scene->before = publish_route(scene->rig, scene->publisher, PUBLISHER, 1);
	submission_init(&scene->submission, scene->rig, PUBLISHER, 2);
}

/* Submits what stands there; it is refused with the code. */
static void
expect_refused(struct scene *scene, Liaison__Code code)
{
	submission_send(&scene->submission, scene->publisher);
	assert_int_equal(refusal_code(scene->publisher), code);
}

/* After `refused` refusals with the code (the audit has them) the right one is accepted as if nothing had been. */
static void
end_scene(struct scene *scene, enum liaison_err code, size_t refused)
{
	submission_clear(&scene->submission);
	submission_init(&scene->submission, scene->rig, PUBLISHER, 2);
	submission_send(&scene->submission, scene->publisher);
	assert_int_equal(receipt_index(scene->publisher), scene->before + 1);
	submission_clear(&scene->submission);
	rig_disconnect(scene->publisher);
	rig_stop(scene->rig, SIGTERM);
	assert_int_equal(audit_count(scene->rig, code, PUBLISHER), refused);
	assert_int_equal(log_count(scene->rig, RECORD_ALERT, NULL, NULL), 2);
	assert_int_equal(log_count(scene->rig, RECORD_EVIDENCE, NULL, NULL), 0);
	rig_free(scene->rig);
}

static void
a_wrong_signature_is_refused(void **state)
{
	struct scene scene;
	uint8_t good[SIGNATURE_BYTES];
	(void)state;

	set_scene(&scene);
	memcpy(good, scene.submission.signature, sizeof good);
	for (size_t i = 0; i < sizeof good; i++) {
		memcpy(scene.submission.signature, good, sizeof good);
		scene.submission.signature[i] ^= 1;
		expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	}
	memset(scene.submission.signature, 0, sizeof good); /* R of small order, S of nothing */
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	end_scene(&scene, LIAISON_BAD_SIGNATURE, sizeof good + 1);
}

static void
a_signature_over_another_body_is_refused(void **state)
{
	struct scene scene;
	struct submission other;
	(void)state;

	set_scene(&scene);
	submission_init(&other, scene.rig, PUBLISHER, 3);
	memcpy(scene.submission.signature, other.signature, SIGNATURE_BYTES);
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	submission_clear(&other);
	end_scene(&scene, LIAISON_BAD_SIGNATURE, 1);
}

static void
a_key_of_another_office_is_refused(void **state)
{
	struct scene scene;
	(void)state;

	set_scene(&scene);
	/* Bavet's key signs a body that says it is Poipet's, over Poipet's connection; then it claims Poipet's key. */
	submission_sign(&scene.submission, world_keys(scene.rig->world, OTHER), WORLD_NETWORK, NULL);
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	struct key_id own;
	key_id_of(&world_keys(scene.rig->world, PUBLISHER)->signing_public, &own);
	memcpy(scene.submission.key, own.bytes, sizeof own.bytes);
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	end_scene(&scene, LIAISON_BAD_SIGNATURE, 2);
}

static void
a_key_of_nobody_is_refused(void **state)
{
	struct scene scene;
	(void)state;

	set_scene(&scene);
	submission_sign(&scene.submission, world_spare(scene.rig->world, KEYS_OFFICE), WORLD_NETWORK, NULL);
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	end_scene(&scene, LIAISON_BAD_SIGNATURE, 1);
}

static void
a_signature_for_another_network_is_refused(void **state)
{
	struct scene scene;
	(void)state;

	set_scene(&scene);
	submission_sign(&scene.submission, world_keys(scene.rig->world, PUBLISHER), "other.net", NULL);
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	/* A name that runs into the payload where lengths were not signed. */
	submission_sign(&scene.submission, world_keys(scene.rig->world, PUBLISHER), "test.ne", NULL);
	expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	end_scene(&scene, LIAISON_BAD_SIGNATURE, 2);
}

static void
another_offices_connection_is_refused(void **state)
{
	struct scene scene;
	(void)state;

	set_scene(&scene);
	struct rig_client *other = rig_connect(scene.rig, OTHER), *abroad = rig_connect(scene.rig, NEIGHBOUR);
	submission_send(&scene.submission, other); /* right in all but who brings it */
	assert_int_equal(refusal_code(other), LIAISON__CODE__CODE_NOT_PERMITTED);
	submission_send(&scene.submission, abroad);
	assert_int_equal(refusal_code(abroad), LIAISON__CODE__CODE_NOT_PERMITTED);
	rig_disconnect(other);
	rig_disconnect(abroad);
	submission_clear(&scene.submission);
	rig_disconnect(scene.publisher);
	rig_stop(scene.rig, SIGTERM);
	assert_int_equal(audit_count(scene.rig, LIAISON_NOT_PERMITTED, OTHER), 1);
	assert_int_equal(audit_count(scene.rig, LIAISON_NOT_PERMITTED, NEIGHBOUR), 1);
	assert_int_equal(log_count(scene.rig, RECORD_ALERT, NULL, NULL), 1);
	rig_free(scene.rig);
}

static void
an_id_of_another_office_is_refused(void **state)
{
	static const char *const ids[] = {
		OTHER, NEIGHBOUR, "kh.blo.nowhere", "kh.blo", "kh.blo.poipet.2", "zz.blo.poipet"};
	struct scene scene;
	(void)state;

	set_scene(&scene);
	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		Liaison__Alert *alert = a_route_alert();
		size_t len;
		uint8_t *body = rig_body(scene.rig, alert, ids[i], 2, &len);
		liaison__alert__free_unpacked(alert, NULL);
		submission_clear(&scene.submission);
		submission_of(&scene.submission, scene.rig, PUBLISHER, body, len); /* signed by Poipet */
		submission_send(&scene.submission, scene.publisher);
		Liaison__Code code = refusal_code(scene.publisher);
		if (code != LIAISON__CODE__CODE_NOT_PERMITTED && code != LIAISON__CODE__CODE_UNKNOWN_OFFICE)
			fail_msg("%s: code %d", ids[i], (int)code);
	}
	end_scene(&scene, LIAISON_BAD_SIGNATURE, 0);
}

static void
a_retired_key_is_refused(void **state)
{
	struct scene scene;
	(void)state;

	set_scene(&scene);
	struct rig *rig = scene.rig;
	Liaison__Roster *roster = world_roster_edit(rig->world, "kh");
	/* Only the signing key ends: the connection stays. */
	for (size_t i = 0; i < roster->n_offices; i++) {
		Liaison__Office *office = roster->offices[i];
		for (size_t k = 0; strcmp(office->id, PUBLISHER) == 0 && k < office->n_signing_keys; k++) {
			office->signing_keys[k]->has_not_after = 1;
			office->signing_keys[k]->not_after = WORLD_NOW - 1000;
		}
	}
	world_roster_publish(rig->world, roster);
	rig_publish_trust(rig);
	rig_expect(scene.publisher, LIAISON__FRAME__FRAME_TRUST);
	submission_send(&scene.submission, scene.publisher);
	assert_int_equal(refusal_code(scene.publisher), LIAISON__CODE__CODE_BAD_SIGNATURE);
	submission_clear(&scene.submission);
	rig_disconnect(scene.publisher);
	rig_stop(rig, SIGTERM);
	assert_int_equal(log_count(rig, RECORD_ALERT, NULL, NULL), 1);
	rig_free(rig);
}

/* --- batches ---------------------------------------------------------------------------------------------------------- */

static void
a_wrong_batch_count_is_refused(void **state)
{
	static const struct {
		uint32_t count, leaf;
		Liaison__Code code;
	} rows[] = {
		{2, 0, LIAISON__CODE__CODE_BAD_SIGNATURE},
		{1024, 0, LIAISON__CODE__CODE_BAD_SIGNATURE},
		{2, 1, LIAISON__CODE__CODE_BAD_SIGNATURE},
		{0, 0, LIAISON__CODE__CODE_MALFORMED},
		{1025, 0, LIAISON__CODE__CODE_MALFORMED},
		{UINT32_MAX, 0, LIAISON__CODE__CODE_MALFORMED},
		{1, 1, LIAISON__CODE__CODE_MALFORMED},
		{1, UINT32_MAX, LIAISON__CODE__CODE_MALFORMED},
	};
	struct scene scene;
	(void)state;

	set_scene(&scene); /* signed over a count of one */
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		scene.submission.leaf_count = rows[i].count;
		scene.submission.leaf = rows[i].leaf;
		expect_refused(&scene, rows[i].code);
	}
	end_scene(&scene, LIAISON_BAD_SIGNATURE, 3);
}

static void
a_wrong_batch_path_is_refused(void **state)
{
	struct digest leaves[5], root;
	struct merkle_path path;
	struct scene scene;
	size_t refused = 0;
	(void)state;

	set_scene(&scene);
	for (size_t i = 0; i < 5; i++)
		randombytes_buf(leaves[i].bytes, sizeof leaves[i].bytes);
	envelope_body_hash(scene.submission.body, scene.submission.len, &leaves[2]);
	merkle_root_of(leaves, 5, &root);
	merkle_inclusion_of(leaves, 5, 2, &path);
	assert_int_equal(path.len, 3);
	scene.submission.leaf_count = 5;
	scene.submission.leaf = 2;
	submission_sign(&scene.submission, world_keys(scene.rig->world, PUBLISHER), WORLD_NETWORK, &root);
	struct submission good = scene.submission;
	for (size_t i = 0; i < path.len; i++)
		memcpy(good.path[i], path.nodes[i].bytes, DIGEST_BYTES);
	good.path_len = path.len;
	for (size_t i = 0; i < path.len; i++, refused++) {
		scene.submission = good;
		scene.submission.path[i][31] ^= 0x80;
		expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
	}
	for (size_t len = 0; len <= 10; len++) {
		if (len == path.len)
			continue;
		scene.submission = good;
		scene.submission.path_len = len;
		expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
		refused++;
	}
	for (uint32_t leaf = 0; leaf < 5; leaf++) {
		if (leaf == 2)
			continue;
		scene.submission = good;
		scene.submission.leaf = leaf;
		expect_refused(&scene, LIAISON__CODE__CODE_BAD_SIGNATURE);
		refused++;
	}
	scene.submission = good;
	scene.submission.path_len = 11; /* more than any batch has */
	expect_refused(&scene, LIAISON__CODE__CODE_MALFORMED);
	/* The right one enters. */
	scene.submission = good;
	submission_send(&scene.submission, scene.publisher);
	assert_int_equal(receipt_index(scene.publisher), scene.before + 1);
	submission_clear(&scene.submission);
	rig_disconnect(scene.publisher);
	rig_stop(scene.rig, SIGTERM);
	assert_int_equal(audit_count(scene.rig, LIAISON_BAD_SIGNATURE, PUBLISHER), refused);
	assert_int_equal(log_count(scene.rig, RECORD_ALERT, NULL, NULL), 2);
	rig_free(scene.rig);
}

/* One frame with the signature of the last of `bodies`, each said to be a batch of one: only that one is signed. */
static void
send_under_one_signature(struct scene *scene, const struct submission *bodies, size_t count)
{
	const struct submission *signer = &bodies[count - 1];
	Liaison__SubmitItem rooms[16], *items[16];
	Liaison__Submit submit = LIAISON__SUBMIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	assert_true(count <= 16);
	for (size_t i = 0; i < count; i++) {
		liaison__submit_item__init(&rooms[i]);
		rooms[i].has_leaf = rooms[i].has_body = 1;
		rooms[i].body = (ProtobufCBinaryData){bodies[i].len, bodies[i].body};
		items[i] = &rooms[i];
	}
	submit.has_request = submit.has_key = submit.has_leaf_count = submit.has_signature = 1;
	submit.request = 9;
	submit.key = (ProtobufCBinaryData){KEY_ID_BYTES, (uint8_t *)(uintptr_t)signer->key};
	submit.leaf_count = 1;
	submit.signature = (ProtobufCBinaryData){SIGNATURE_BYTES, (uint8_t *)(uintptr_t)signer->signature};
	submit.n_items = count;
	submit.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBMIT;
	frame.submit = &submit;
	rig_send(scene->publisher, &frame);
}

/* A frame counts as one signature, so it does not cost as many verifications as it has items. */
static void
a_frame_of_wrong_roots_is_not_verified_to_its_end(void **state)
{
	struct submission bodies[9];
	struct scene scene;
	(void)state;

	set_scene(&scene);
	for (size_t i = 0; i < 9; i++)
		submission_init(&bodies[i], scene.rig, PUBLISHER, 3 + i);
	send_under_one_signature(&scene, bodies, 9);
	const Liaison__Refusal *refusal = rig_expect(scene.publisher, LIAISON__FRAME__FRAME_REFUSAL)->refusal;
	assert_int_equal(refusal->n_items, 9);
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(refusal->items[i]->code, LIAISON__CODE__CODE_BAD_SIGNATURE);
	/* A few wrong ones do not harm the right one. */
	send_under_one_signature(&scene, bodies + 1, 8);
	assert_int_equal(receipt_index(scene.publisher), scene.before + 1);
	assert_int_equal(rig_expect(scene.publisher, LIAISON__FRAME__FRAME_REFUSAL)->refusal->n_items, 7);
	for (size_t i = 0; i < 9; i++)
		submission_clear(&bodies[i]);
	submission_clear(&scene.submission);
	rig_disconnect(scene.publisher);
	rig_stop(scene.rig, SIGTERM);
	rig_free(scene.rig);
}

/* --- two bodies under one id -------------------------------------------------------------------------------------------- */

static bool
holds(const uint8_t *bytes, size_t len, const struct submission *submission)
{
	return memmem(bytes, len, submission->body, submission->len) != NULL &&
	       memmem(bytes, len, submission->signature, SIGNATURE_BYTES) != NULL;
}

static void
two_bodies_under_one_sequence_become_evidence(void **state)
{
	struct scene scene;
	struct submission first, again;
	uint8_t *evidence = NULL;
	size_t len = 0;
	(void)state;

	set_scene(&scene);
	struct rig_client *reader = rig_connect(scene.rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	submission_init(&first, scene.rig, PUBLISHER, 7);
	submission_init(&again, scene.rig, PUBLISHER, 7);
	submission_send(&first, scene.publisher);
	receipt_index(scene.publisher);
	submission_send(&again, scene.publisher);
	assert_int_equal(refusal_code(scene.publisher), LIAISON__CODE__CODE_EQUIVOCATION);
	/* A second body whose signature is wrong proves nothing, and is no evidence. */
	struct submission forged;
	submission_init(&forged, scene.rig, PUBLISHER, 7);
	forged.signature[0] ^= 1;
	submission_send(&forged, scene.publisher);
	assert_int_equal(refusal_code(scene.publisher), LIAISON__CODE__CODE_BAD_SIGNATURE);
	publish_route(scene.rig, scene.publisher, PUBLISHER, 8);
	/* A reader got 1, the first 7, and 8. */
	size_t got = 0;
	while (got < 3) {
		const Liaison__Delivery *delivery = rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery;
		for (size_t i = 0; i < delivery->n_items; i++, got++) {
			const ProtobufCBinaryData *body = &delivery->items[i]->envelope->body;
			assert_false(body->len == again.len && memcmp(body->data, again.body, again.len) == 0);
		}
	}
	rig_disconnect(reader);
	rig_disconnect(scene.publisher);
	rig_stop(scene.rig, SIGTERM);
	assert_int_equal(audit_count(scene.rig, LIAISON_EQUIVOCATION, PUBLISHER), 1);
	assert_int_equal(log_count(scene.rig, RECORD_ALERT, NULL, NULL), 3);
	assert_int_equal(log_count(scene.rig, RECORD_EVIDENCE, &evidence, &len), 1);
	assert_true(holds(evidence, len, &first) && holds(evidence, len, &again));
	free(evidence);

	/* The same again after a restart: still one record of it. */
	rig_start(scene.rig);
	scene.publisher = rig_connect(scene.rig, PUBLISHER);
	submission_send(&again, scene.publisher);
	assert_int_equal(refusal_code(scene.publisher), LIAISON__CODE__CODE_EQUIVOCATION);
	rig_disconnect(scene.publisher);
	rig_stop(scene.rig, SIGTERM);
	assert_int_equal(log_count(scene.rig, RECORD_EVIDENCE, NULL, NULL), 1);
	submission_clear(&first);
	submission_clear(&again);
	submission_clear(&forged);
	submission_clear(&scene.submission);
	rig_free(scene.rig);
}

static void
two_bodies_under_one_sequence_in_one_batch_become_evidence(void **state)
{
	struct scene scene;
	struct submission other;
	size_t len;
	(void)state;

	set_scene(&scene);
	submission_init(&other, scene.rig, PUBLISHER, 2);
	const uint8_t *bodies[2] = {scene.submission.body, other.body};
	const size_t lens[2] = {scene.submission.len, other.len};
	uint8_t *frame = rig_submit_frame(scene.rig, PUBLISHER, 9, bodies, lens, 2, &len);
	rig_send_bytes(scene.publisher, frame, len);
	free(frame);
	assert_int_equal(receipt_index(scene.publisher), scene.before + 1);
	const Liaison__Refusal *refusal = rig_expect(scene.publisher, LIAISON__FRAME__FRAME_REFUSAL)->refusal;
	assert_int_equal(refusal->n_items, 1);
	assert_int_equal(refusal->items[0]->leaf, 1);
	assert_int_equal(refusal->items[0]->code, LIAISON__CODE__CODE_EQUIVOCATION);
	submission_clear(&other);
	submission_clear(&scene.submission);
	rig_disconnect(scene.publisher);
	rig_stop(scene.rig, SIGTERM);
	assert_int_equal(log_count(scene.rig, RECORD_ALERT, NULL, NULL), 2);
	assert_int_equal(log_count(scene.rig, RECORD_EVIDENCE, NULL, NULL), 1);
	rig_free(scene.rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrong_signature_is_refused),
		cmocka_unit_test(a_signature_over_another_body_is_refused),
		cmocka_unit_test(a_key_of_another_office_is_refused),
		cmocka_unit_test(a_key_of_nobody_is_refused),
		cmocka_unit_test(a_signature_for_another_network_is_refused),
		cmocka_unit_test(another_offices_connection_is_refused),
		cmocka_unit_test(an_id_of_another_office_is_refused),
		cmocka_unit_test(a_retired_key_is_refused),
		cmocka_unit_test(a_wrong_batch_count_is_refused),
		cmocka_unit_test(a_wrong_batch_path_is_refused),
		cmocka_unit_test(a_frame_of_wrong_roots_is_not_verified_to_its_end),
		cmocka_unit_test(two_bodies_under_one_sequence_become_evidence),
		cmocka_unit_test(two_bodies_under_one_sequence_in_one_batch_become_evidence),
	};
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
