/* What a duty key can do at two in the morning, and what it cannot. */
#include "proto/base/message.h"
#include "proto/signing.h"
#include "proto/suspension.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static int
world_setup(void **state)
{
	*state = world_new(1);
	return 0;
}

static int
world_teardown(void **state)
{
	world_free(*state);
	return 0;
}

static Liaison__Signed *
copy_signed(const Liaison__Signed *signed_message)
{
	return (Liaison__Signed *)message_copy(&signed_message->base);
}

/* Takes a suspension into *trust if it is good. Frees the message. */
static enum liaison_err
take_suspension(struct trust **trust, Liaison__Signed *suspension, int64_t now)
{
	enum trust_change change;
	struct trust *view;
	struct fault fault;
	enum liaison_err err = trust_add_suspension(*trust, suspension, now, &change, &view, &fault);

	if (err == LIAISON_OK) {
		trust_unref(*trust);
		*trust = view;
	}
	world_signed_free(suspension);
	return err;
}

static const struct office *
by_key(const struct trust *trust, const struct secret_keys *keys, int64_t now)
{
	return trust_office_by_transport_key(trust, &keys->transport_public, now);
}

static enum liaison_err
signing_key(
	const struct trust *trust, const char *office, const struct secret_keys *keys, int64_t now, const char *word)
{
	struct public_key found;
	struct fault fault = {.message = ""};
	struct key_id id;

	key_id_of(&keys->signing_public, &id);
	enum liaison_err err = office_key(trust_office(trust, office), KEY_SIGNING, &id, now, &found, &fault);
	if (err == LIAISON_OK)
		assert_true(public_key_equal(&found, &keys->signing_public));
	else if (strstr(fault.message, word) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", fault.message, word);
	return err;
}

static void
test_duty_key_suspends_an_office(void **state)
{
	struct world *world = *state;
	struct trust *trust = trust_ref(world_trust(world));
	int64_t from = WORLD_NOW, until = WORLD_NOW + MS_PER_DAY;

	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, from, until), WORLD_NOW),
		LIAISON_OK);
	const struct office *office = trust_office(trust, "kh.blo.poipet");
	assert_false(office_is_suspended(office, from - 1));
	assert_true(office_is_suspended(office, from));
	assert_true(office_is_suspended(office, until - 1));
	assert_false(office_is_suspended(office, until));
	assert_false(office_is_suspended(trust_office(trust, "kh.blo.poipet.2"), from));
	assert_null(by_key(trust, world_keys(world, "kh.blo.poipet"), from));
	assert_non_null(by_key(trust, world_keys(world, "kh.blo.poipet"), until));

	/* It survives a new roster and another suspension that is shorter: it only narrows. */
	enum trust_change change;
	struct trust *view;
	struct fault fault;
	Liaison__Signed *roster = world_roster_sign(world, world_roster_edit(world, "kh"));
	assert_int_equal(trust_add_roster(trust, roster, WORLD_NOW, &change, &view, &fault), LIAISON_OK);
	world_signed_free(roster);
	trust_unref(trust);
	trust = view;
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, from, from + 1000), WORLD_NOW),
		LIAISON_OK);
	assert_true(office_is_suspended(trust_office(trust, "kh.blo.poipet"), until - 1));
	assert_int_equal(trust_suspension_count(trust), 2);
	trust_unref(trust);
}

static void
test_duty_key_suspends_one_key(void **state)
{
	struct world *world = *state;
	struct trust *trust = trust_ref(world_trust(world));
	const struct secret_keys *keys = world_keys(world, "kh.blo.poipet");
	int64_t until = WORLD_NOW + SUSPENSION_MAX_MS;

	assert_int_equal(
		take_suspension(&trust,
			world_suspension(world, "kh.blo.poipet", &keys->signing_public, WORLD_NOW, until), WORLD_NOW),
		LIAISON_OK);
	assert_int_equal(signing_key(trust, "kh.blo.poipet", keys, WORLD_NOW, "suspended by the duty key"),
		LIAISON_BAD_SIGNATURE);
	assert_int_equal(signing_key(trust, "kh.blo.poipet", keys, until, ""), LIAISON_OK);
	assert_false(office_is_suspended(trust_office(trust, "kh.blo.poipet"), WORLD_NOW));
	assert_non_null(by_key(trust, keys, WORLD_NOW)); /* it may still listen */
	assert_int_equal(
		take_suspension(&trust,
			world_suspension(world, "kh.blo.poipet", &keys->transport_public, WORLD_NOW, until), WORLD_NOW),
		LIAISON_OK);
	assert_null(by_key(trust, keys, WORLD_NOW));
	trust_unref(trust);
}

static void
test_limits_of_the_duty_key(void **state)
{
	struct world *world = *state;
	struct trust *trust = trust_ref(world_trust(world));
	const struct public_key *strange = &world_keys(world, "kh.blo.bavet")->signing_public;
	int64_t now = WORLD_NOW;
	Liaison__Signed *suspension;
	struct fault fault;

	assert_int_equal(take_suspension(&trust,
				 world_suspension(world, "kh.blo.poipet", NULL, now, now + SUSPENSION_MAX_MS + 1), now),
		LIAISON_NOT_PERMITTED);
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, now, now), now),
		LIAISON_MALFORMED);
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, now - 9, now), now),
		LIAISON_EXPIRED);
	/* To keep one for a while after its end must not overflow. */
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, INT64_MAX - 9, INT64_MAX), now),
		LIAISON_MALFORMED);
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.nowhere", NULL, now, now + 9), now),
		LIAISON_BAD_REFERENCE);
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.poipet", strange, now, now + 9), now),
		LIAISON_BAD_REFERENCE);

	/* Another country's office, and another country's duty key. */
	Liaison__Suspension *body = suspension_new(WORLD_NETWORK, "th.broker", NULL, now, now + 9, "mischief");
	assert_int_equal(message_set_text(&body->member, "kh"), LIAISON_OK);
	assert_int_equal(document_sign(DOCUMENT_SUSPENSION, &body->base, WORLD_NETWORK, world_duty(world, "kh"),
				 &suspension, &fault),
		LIAISON_OK);
	assert_int_equal(take_suspension(&trust, suspension, now), LIAISON_BAD_REFERENCE);
	assert_int_equal(message_set_text(&body->member, "th"), LIAISON_OK);
	assert_int_equal(document_sign(DOCUMENT_SUSPENSION, &body->base, WORLD_NETWORK, world_duty(world, "kh"),
				 &suspension, &fault),
		LIAISON_OK);
	assert_int_equal(take_suspension(&trust, suspension, now), LIAISON_BAD_SIGNATURE);
	/* Not even the authority: it has the roster for that. */
	assert_int_equal(document_sign(DOCUMENT_SUSPENSION, &body->base, WORLD_NETWORK, world_authority(world, "th", 0),
				 &suspension, &fault),
		LIAISON_OK);
	assert_int_equal(take_suspension(&trust, suspension, now), LIAISON_BAD_SIGNATURE);
	suspension_free(body);

	for (int i = 0; i < TRUST_SUSPENSIONS_MAX; i++)
		assert_int_equal(
			take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, now, now + 10 + i), now),
			LIAISON_OK);
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.bavet", NULL, now, now + 9), now),
		LIAISON_RATE_LIMITED);
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "th.broker", NULL, now, now + 9), now), LIAISON_OK);
	/* They end, and after long they are dropped. */
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "kh.blo.bavet", NULL, now, now + 5000), now + 1000),
		LIAISON_OK);
	assert_int_equal(trust_suspension_count(trust), TRUST_SUSPENSIONS_MAX + 2);
	now += SUSPENSION_KEPT_MS + 2000;
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "kh.blo.bavet", NULL, now, now + 9), now), LIAISON_OK);
	assert_int_equal(trust_suspension_count(trust), 2);
	trust_unref(trust);
}

static void
test_short_suspensions_do_not_pile_up(void **state)
{
	struct world *world = *state;
	struct trust *trust = trust_ref(world_trust(world));
	int64_t now = WORLD_NOW;

	/* Each is over before the next is signed, and all are kept for a while. */
	for (int i = 0; i < TRUST_SUSPENSIONS_KEPT_MAX; i++, now += 10)
		assert_int_equal(
			take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, now, now + 10), now),
			LIAISON_OK);
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, now, now + 10), now),
		LIAISON_RATE_LIMITED);
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "th.broker", NULL, now, now + 9), now), LIAISON_OK);
	now += SUSPENSION_KEPT_MS;
	assert_int_equal(take_suspension(&trust, world_suspension(world, "kh.blo.poipet", NULL, now, now + 10), now),
		LIAISON_OK);
	trust_unref(trust);
}

static void
test_a_stolen_duty_key_is_replaced_by_a_charter(void **state)
{
	struct world *world = *state;
	struct trust *trust = trust_ref(world_trust(world));
	enum trust_change change;
	struct trust *view;
	struct fault fault;

	assert_int_equal(
		take_suspension(&trust,
			world_suspension(world, "kh.blo.poipet", NULL, WORLD_NOW, WORLD_NOW + MS_PER_DAY), WORLD_NOW),
		LIAISON_OK);
	assert_int_equal(
		take_suspension(&trust, world_suspension(world, "th.broker", NULL, WORLD_NOW, WORLD_NOW + MS_PER_DAY),
			WORLD_NOW),
		LIAISON_OK);
	Liaison__Charter *charter = world_charter_edit(world);
	memcpy(charter->members[0]->duty_key.data, world_spare(world, KEYS_SIGNER)->signing_public.bytes, 32);
	Liaison__Signed *signed_message = world_charter_sign(world, charter);
	assert_int_equal(trust_add_charter(trust, signed_message, WORLD_NOW, &change, &view, &fault), LIAISON_OK);
	assert_false(office_is_suspended(trust_office(view, "kh.blo.poipet"), WORLD_NOW));
	assert_true(office_is_suspended(trust_office(view, "th.broker"), WORLD_NOW));
	assert_int_equal(trust_suspension_count(view), 1);
	world_signed_free(signed_message);
	trust_unref(view);
	trust_unref(trust);
}

static void
test_no_flipped_byte_is_taken(void **state)
{
	struct world *world = *state;
	struct trust *trust = trust_ref(world_trust(world));

	Liaison__Signed *suspension = world_suspension(world, "kh.blo.poipet", NULL, WORLD_NOW, WORLD_NOW + 1000);
	for (size_t at = 0; at < suspension->body.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			suspension->body.data[at] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(take_suspension(&trust, copy_signed(suspension), WORLD_NOW), LIAISON_OK);
			suspension->body.data[at] ^= (uint8_t)(1 << bit);
		}
	assert_int_equal(take_suspension(&trust, suspension, WORLD_NOW), LIAISON_OK);
	trust_unref(trust);
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_duty_key_suspends_an_office),
		IN_WORLD(test_duty_key_suspends_one_key),
		IN_WORLD(test_limits_of_the_duty_key),
		IN_WORLD(test_short_suspensions_do_not_pile_up),
		IN_WORLD(test_a_stolen_duty_key_is_replaced_by_a_charter),
		IN_WORLD(test_no_flipped_byte_is_taken),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("suspension", tests, NULL, NULL);
}
