/* The view of trust: what is taken, what is refused, and who is who at which moment. */
#include "proto/base/message.h"
#include "proto/base/rand.h"
#include "proto/card.h"
#include "proto/signing.h"
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

/* The answer to a roster, the view thrown away. Frees the message. */
static enum liaison_err
try_roster(struct trust *trust, Liaison__Signed *roster, enum trust_change *change)
{
	struct trust *view;
	struct fault fault;
	enum liaison_err err = trust_add_roster(trust, roster, WORLD_NOW, change, &view, &fault);

	if (err == LIAISON_OK)
		trust_unref(view);
	else
		assert_true(strlen(fault.message) > 10);
	world_signed_free(roster);
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

/* --- the view ------------------------------------------------------------------------------------------------------- */

static void
test_every_office_is_found(void **state)
{
	struct world *world = *state;
	const struct trust *trust = world_trust(world);

	assert_int_equal(trust_member_count(trust), 3);
	assert_int_equal(trust_office_count(trust), 3 * 6 + 5);
	for (size_t i = 0; i < trust_office_count(trust); i++) {
		const struct office *office = trust_office_at(trust, i);
		assert_int_equal(office->number, i);
		if (i > 0)
			assert_true(strcmp(trust_office_at(trust, i - 1)->id.text, office->id.text) < 0);
		assert_ptr_equal(trust_office(trust, office->id.text), office);
		assert_ptr_equal(by_key(trust, world_keys(world, office->id.text), WORLD_NOW), office);
		assert_int_equal(signing_key(trust, office->id.text, world_keys(world, office->id.text), WORLD_NOW, ""),
			LIAISON_OK);
	}
	assert_null(trust_office(trust, "kh.blo"));
	assert_null(trust_office(trust, "la.blo.boten"));
	assert_null(trust_member(trust, "la"));
	assert_null(by_key(trust, world_spare(world, KEYS_OFFICE), WORLD_NOW));
	assert_true(office_has_right(trust_office(trust, "kh.ncc.secretariat"), LIAISON__RIGHT__RIGHT_RECALL));
	assert_false(office_has_right(trust_office(trust, "kh.blo.poipet"), LIAISON__RIGHT__RIGHT_RECALL));
	assert_true(office_may_publish(trust_office(trust, "kh.blo.poipet"), LIAISON__KIND__KIND_ROUTE));
	assert_false(office_may_publish(trust_office(trust, "kh.customs.desk"), LIAISON__KIND__KIND_WANTED_PERSON));
	assert_false(office_may_receive(trust_office(trust, "kh.nrm.shelter"), LIAISON__KIND__KIND_WANTED_PERSON));
}

/* Whoever holds an old view keeps it whole while new ones are made from it. */
static void
test_an_old_view_stays_as_it_was(void **state)
{
	struct world *world = *state;
	struct trust *old = trust_ref(world_trust(world));

	world_suspend(world, "kh.blo.poipet");
	world_enrol(world, "kh.police.desk", "police");
	assert_true(office_is_suspended(trust_office(world_trust(world), "kh.blo.poipet"), WORLD_NOW));
	assert_non_null(trust_office(world_trust(world), "kh.police.desk"));
	assert_false(office_is_suspended(trust_office(old, "kh.blo.poipet"), WORLD_NOW));
	assert_null(trust_office(old, "kh.police.desk"));
	assert_int_equal(trust_member(old, "kh")->roster->version, 1);
	trust_unref(old);
}

static void
test_who_serves_and_who_peers(void **state)
{
	struct world *world = *state;

	assert_true(trust_serves(world_trust(world), "kh.broker", trust_member(world_trust(world), "kh")));
	assert_false(trust_serves(world_trust(world), "kh.broker", trust_member(world_trust(world), "th")));
	world_set_broker(world, "kh", "th.broker");
	assert_true(trust_serves(world_trust(world), "th.broker", trust_member(world_trust(world), "kh")));
	assert_false(trust_serves(world_trust(world), "kh.broker", trust_member(world_trust(world), "kh")));

	/* A link needs both sides. */
	assert_true(trust_are_peers(world_trust(world), "th.broker", "vn.broker"));
	Liaison__Roster *roster = world_roster_edit(world, "vn");
	assert_int_equal(roster_set_peers(roster, NULL, 0), LIAISON_OK);
	world_roster_publish(world, roster);
	assert_false(trust_are_peers(world_trust(world), "th.broker", "vn.broker"));
	assert_false(trust_are_peers(world_trust(world), "vn.broker", "th.broker"));
	assert_false(trust_are_peers(world_trust(world), "th.blo.aranyaprathet", "kh.broker"));
}

/* --- rosters -------------------------------------------------------------------------------------------------------- */

static void
test_authority_threshold(void **state)
{
	struct world *world = *state;
	enum trust_change change;
	struct fault fault;

	/* kh needs two of three; th's authority cannot sign for kh. */
	for (unsigned who = 0; who < 8; who++) {
		Liaison__Roster *roster = world_roster_edit(world, "kh");
		Liaison__Signed *signed_message;
		assert_int_equal(document_seal(DOCUMENT_ROSTER, &roster->base, &signed_message, &fault), LIAISON_OK);
		for (unsigned i = 0; i < 3; i++)
			if ((who & 1U << i) != 0)
				assert_int_equal(signed_add(signed_message, DOMAIN_ROSTER, WORLD_NETWORK,
							 world_authority(world, "kh", i)),
					LIAISON_OK);
		assert_int_equal(
			signed_add(signed_message, DOMAIN_ROSTER, WORLD_NETWORK, world_authority(world, "th", 0)),
			LIAISON_OK);
		assert_int_equal(
			signed_add(signed_message, DOMAIN_ROSTER, WORLD_NETWORK, world_duty(world, "kh")), LIAISON_OK);
		assert_int_equal(try_roster(world_trust(world), signed_message, &change),
			__builtin_popcount(who) >= 2 ? LIAISON_OK : LIAISON_BAD_SIGNATURE);
		roster_free(roster);
	}
}

static void
test_rolled_back_and_forked_rosters(void **state)
{
	struct world *world = *state;
	enum trust_change change;
	Liaison__Signed *first = copy_signed(trust_signed_roster(world_trust(world), "kh"));
	Liaison__Roster *fork = world_roster_edit(world, "kh");

	world_suspend(world, "kh.blo.bavet");
	Liaison__Signed *second = copy_signed(trust_signed_roster(world_trust(world), "kh"));
	assert_int_equal(try_roster(world_trust(world), first, &change), LIAISON_STALE);
	assert_int_equal(try_roster(world_trust(world), second, &change), LIAISON_OK);
	assert_int_equal(change, TRUST_UNCHANGED);
	assert_int_equal(try_roster(world_trust(world), world_roster_sign(world, fork), &change), LIAISON_EQUIVOCATION);
}

/* A thief of the authority's keys signs version 2^63; a charter with new keys, and version 1 under it, undo that. */
static void
test_stolen_authority_is_undone_by_a_charter(void **state)
{
	struct world *world = *state;
	enum trust_change change;
	Liaison__Roster *roster = world_roster_edit(world, "kh");

	roster->version = UINT64_C(1) << 63;
	roster->offices[0]->rights[0] = LIAISON__RIGHT__RIGHT_OPERATE;
	world_roster_publish(world, roster);
	Liaison__Signed *stolen = copy_signed(trust_signed_roster(world_trust(world), "kh"));
	Liaison__Roster *good =
		roster_next(trust_member(world_trust(world), "kh")->roster, 2, WORLD_ISSUED, WORLD_EXPIRES);
	assert_int_equal(good->version, 1);

	world_rekey(world, "kh");
	assert_int_equal(trust_member(world_trust(world), "kh")->entry->since, 2);
	assert_int_equal(trust_member(world_trust(world), "th")->entry->since, 1);
	assert_null(trust_member(world_trust(world), "kh")->roster);
	assert_null(trust_office(world_trust(world), "kh.blo.poipet"));
	assert_non_null(trust_office(world_trust(world), "th.broker"));
	assert_int_equal(
		trust_roster_state(world_trust(world), trust_member(world_trust(world), "kh"), WORLD_NOW), ROSTER_NONE);
	assert_int_equal(try_roster(world_trust(world), stolen, &change), LIAISON_BAD_SIGNATURE);
	world_roster_publish(world, good);
	assert_non_null(trust_office(world_trust(world), "kh.blo.poipet"));

	/* The right keys, but under the old charter's `since`, or one that is not known yet. */
	roster = world_roster_edit(world, "kh");
	roster->since = 1;
	assert_int_equal(try_roster(world_trust(world), world_roster_sign(world, roster), &change), LIAISON_STALE);
	roster = world_roster_edit(world, "kh");
	roster->since = 3;
	assert_int_equal(
		try_roster(world_trust(world), world_roster_sign(world, roster), &change), LIAISON_BAD_REFERENCE);
}

static void
test_roster_of_no_member_or_another_network(void **state)
{
	struct world *world = *state;
	enum trust_change change;
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	Liaison__Signed *signed_message;
	struct fault fault;

	assert_int_equal(message_set_text(&roster->member, "la"), LIAISON_OK);
	assert_int_equal(document_seal(DOCUMENT_ROSTER, &roster->base, &signed_message, &fault), LIAISON_OK);
	assert_int_equal(try_roster(world_trust(world), signed_message, &change), LIAISON_BAD_REFERENCE);
	assert_int_equal(message_set_text(&roster->member, "kh"), LIAISON_OK);
	assert_int_equal(message_set_text(&roster->network, "other.net"), LIAISON_OK);
	assert_int_equal(
		try_roster(world_trust(world), world_roster_sign(world, roster), &change), LIAISON_BAD_REFERENCE);
}

static void
test_expiry_and_grace(void **state)
{
	struct world *world = *state;
	const struct trust *trust = world_trust(world);
	const struct member *kh = trust_member(trust, "kh");
	static const struct {
		int64_t at;
		enum roster_state state;
	} rows[] = {
		{WORLD_ISSUED - 1, ROSTER_VALID}, /* a clock that is behind locks nobody out */
		{WORLD_NOW, ROSTER_VALID},
		{WORLD_EXPIRES - 1, ROSTER_VALID},
		{WORLD_EXPIRES, ROSTER_GRACE},
		{WORLD_EXPIRES + ROSTER_GRACE_MS - 1, ROSTER_GRACE},
		{WORLD_EXPIRES + ROSTER_GRACE_MS, ROSTER_EXPIRED},
		{INT64_MAX, ROSTER_EXPIRED},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(trust_roster_state(trust, kh, rows[i].at), rows[i].state);
	/* In grace those who were in stay in: their keys go on. */
	assert_ptr_equal(by_key(trust, world_keys(world, "kh.blo.poipet"), WORLD_EXPIRES + 1),
		trust_office(trust, "kh.blo.poipet"));
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static void
test_rotation_overlaps(void **state)
{
	struct world *world = *state;
	const struct secret_keys *old = world_keys(world, "kh.blo.poipet");
	const struct secret_keys *new = world_keys_new(world, "kh.blo.poipet", KEYS_OFFICE);
	int64_t begin = WORLD_NOW + MS_PER_HOUR, end = begin + KEY_OVERLAP_MS;
	struct fault fault;

	Liaison__Roster *roster = world_roster_edit(world, "kh");
	Liaison__Card *card = card_new("kh.blo.poipet", new, WORLD_NOW, NULL, 0);
	assert_int_equal(roster_set_office(roster, card, NULL, begin, NULL, &fault), LIAISON_OK);
	world_roster_publish(world, roster);
	card_free(card);

	const struct trust *trust = world_trust(world);
	const struct office *office = trust_office(trust, "kh.blo.poipet");
	assert_int_equal(signing_key(trust, office->id.text, old, begin - 1, ""), LIAISON_OK);
	assert_int_equal(
		signing_key(trust, office->id.text, new, begin - 1, "not valid before"), LIAISON_BAD_SIGNATURE);
	assert_int_equal(signing_key(trust, office->id.text, old, begin, ""), LIAISON_OK);
	assert_int_equal(signing_key(trust, office->id.text, new, begin, ""), LIAISON_OK);
	assert_int_equal(signing_key(trust, office->id.text, old, end - 1, ""), LIAISON_OK);
	assert_int_equal(signing_key(trust, office->id.text, old, end, "was valid until"), LIAISON_BAD_SIGNATURE);
	assert_int_equal(signing_key(trust, office->id.text, new, end, ""), LIAISON_OK);
	assert_ptr_equal(by_key(trust, old, end - 1), office);
	assert_null(by_key(trust, old, end));
	assert_ptr_equal(by_key(trust, new, end), office);

	/* The next roster after that retires what ended; it is still known, for what was signed before. */
	roster = roster_next(office->member->roster, 1, end, WORLD_EXPIRES);
	world_roster_publish(world, roster);
	trust = world_trust(world);
	assert_int_equal(signing_key(trust, "kh.blo.poipet", old, begin, "was retired"), LIAISON_BAD_SIGNATURE);
	const Liaison__RosterKey *entry;
	struct public_key found;
	struct key_id id;
	key_id_of(&old->signing_public, &id);
	assert_int_equal(
		office_key_ever(trust_office(trust, "kh.blo.poipet"), KEY_SIGNING, &id, &found, &entry), LIAISON_OK);
	assert_int_equal(entry->state, LIAISON__KEY_STATE__KEY_STATE_RETIRED);
	assert_true(public_key_equal(&found, &old->signing_public));
	/* For another use it is no key at all. */
	assert_int_equal(office_key_ever(trust_office(trust, "kh.blo.poipet"), KEY_SEALING, &id, &found, &entry),
		LIAISON_NOT_FOUND);
	assert_int_equal(signing_key(trust, "kh.blo.poipet", world_keys(world, "kh.blo.bavet"), begin,
				 "gives kh.blo.poipet no signing key"),
		LIAISON_BAD_SIGNATURE);
}

static void
test_revoked_keys(void **state)
{
	struct world *world = *state;
	const struct secret_keys *keys = world_keys(world, "kh.blo.poipet");

	world_revoke_keys(world, "kh.blo.poipet");
	assert_int_equal(signing_key(world_trust(world), "kh.blo.poipet", keys, WORLD_NOW, "was revoked"),
		LIAISON_BAD_SIGNATURE);
	assert_null(by_key(world_trust(world), keys, WORLD_NOW));
	/* The second computer of the post is an office of its own. */
	assert_non_null(by_key(world_trust(world), world_keys(world, "kh.blo.poipet.2"), WORLD_NOW));
}

/* Nothing new is granted after expiry: a key whose window opens then never opens. */
static void
test_a_key_that_begins_after_expiry(void **state)
{
	struct world *world = *state;
	Liaison__Roster *roster = world_roster_edit(world, "kh");

	Liaison__Office *office = roster_office(roster, "kh.blo.poipet");
	office->signing_keys[0]->not_before = WORLD_EXPIRES;
	world_roster_publish(world, roster);
	assert_int_equal(signing_key(world_trust(world), "kh.blo.poipet", world_keys(world, "kh.blo.poipet"),
				 WORLD_EXPIRES + 1, "after the roster's expiry"),
		LIAISON_BAD_SIGNATURE);
}

/* --- transport keys that two claim ---------------------------------------------------------------------------------- */

/* In th's next roster an office of th has also the transport key of a Cambodian one. */
static void
steal_transport_key(struct world *world, const char *thief, const char *victim)
{
	char member[MEMBER_BYTES];

	address_member(thief, member);
	Liaison__Roster *roster = world_roster_edit(world, member);
	Liaison__RosterKey *key = roster_office(roster, thief)->transport_keys[0];
	Liaison__RosterKey *copy = (Liaison__RosterKey *)message_copy(&key->base);
	memcpy(copy->key.data, world_keys(world, victim)->transport_public.bytes, 32);
	Liaison__Office *office = roster_office(roster, thief);
	assert_int_equal(message_add(&office->transport_keys, &office->n_transport_keys, &copy->base), LIAISON_OK);
	world_roster_publish(world, roster);
}

static void
test_a_claimed_transport_key_stays_with_who_had_it(void **state)
{
	struct world *world = *state;
	const struct secret_keys *keys = world_keys(world, "kh.blo.poipet");

	steal_transport_key(world, "th.blo.aranyaprathet", "kh.blo.poipet");
	assert_string_equal(by_key(world_trust(world), keys, WORLD_NOW)->id.text, "kh.blo.poipet");
	/* Not even the victim's next roster, which is the newer one then, turns it round. */
	world_suspend(world, "kh.blo.bavet");
	assert_string_equal(by_key(world_trust(world), keys, WORLD_NOW)->id.text, "kh.blo.poipet");
	steal_transport_key(world, "vn.blo.mocbai", "kh.blo.poipet");
	world_suspend(world, "th.customs.desk");
	assert_string_equal(by_key(world_trust(world), keys, WORLD_NOW)->id.text, "kh.blo.poipet");
	/* And where the owner's is revoked, nobody gets it. */
	world_revoke_keys(world, "kh.blo.poipet");
	assert_null(by_key(world_trust(world), keys, WORLD_NOW));
	assert_string_equal(by_key(world_trust(world), world_keys(world, "th.blo.aranyaprathet"), WORLD_NOW)->id.text,
		"th.blo.aranyaprathet");
}

/* A neighbour that claims a key before its office enrols: at home that does not count. */
static void
test_a_neighbour_cannot_lock_an_office_out(void **state)
{
	struct world *world = *state;
	const struct secret_keys *keys = world_keys_new(world, "kh.police.new", KEYS_OFFICE);
	struct fault fault;

	steal_transport_key(world, "th.blo.aranyaprathet", "kh.police.new");
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	Liaison__Card *card = card_new("kh.police.new", keys, WORLD_NOW, NULL, 0);
	assert_int_equal(
		roster_set_office(roster, card, template_find("police"), WORLD_ISSUED, NULL, &fault), LIAISON_OK);
	world_roster_publish(world, roster);
	card_free(card);

	const struct trust *trust = world_trust(world);
	const struct public_key *key = &keys->transport_public;
	assert_string_equal(trust_office_at_broker(trust, "kh.broker", key, WORLD_NOW)->id.text, "kh.police.new");
	assert_string_equal(
		trust_office_at_broker(trust, "th.broker", key, WORLD_NOW)->id.text, "th.blo.aranyaprathet");
	/* Whom a broker does not serve and does not peer with it does not admit. */
	assert_null(trust_office_at_broker(trust, "vn.broker", key, WORLD_NOW));
	key = &world_keys(world, "kh.blo.bavet")->transport_public;
	assert_non_null(trust_office_at_broker(trust, "kh.broker", key, WORLD_NOW));
	assert_null(trust_office_at_broker(trust, "th.broker", key, WORLD_NOW));
	key = &world_keys(world, "kh.broker")->transport_public;
	assert_string_equal(trust_office_at_broker(trust, "th.broker", key, WORLD_NOW)->id.text, "kh.broker");
}

/* --- nothing that was altered is taken ------------------------------------------------------------------------------ */

static void
test_no_flipped_byte_is_taken(void **state)
{
	struct world *world = *state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, 4711);
	enum trust_change change;
	struct trust *trust = trust_ref(world_trust(world));

	print_message("seed 4711\n");
	Liaison__Signed *roster = world_roster_sign(world, world_roster_edit(world, "th"));
	for (int i = 0; i < 3000; i++) {
		uint8_t *byte = &roster->body.data[rng_below(&rng, (uint32_t)roster->body.len)];
		uint8_t bit = (uint8_t)(1 << rng_below(&rng, 8));
		*byte ^= bit;
		assert_int_not_equal(try_roster(trust, copy_signed(roster), &change), LIAISON_OK);
		*byte ^= bit;
	}
	for (size_t at = 0; at < 64; at++) {
		roster->signatures[0]->signature.data[at] ^= 1;
		assert_int_equal(try_roster(trust, copy_signed(roster), &change), LIAISON_BAD_SIGNATURE);
		roster->signatures[0]->signature.data[at] ^= 1;
	}
	for (size_t len = 0; len < roster->body.len; len += 17) {
		size_t whole = roster->body.len;
		roster->body.len = len;
		Liaison__Signed *cut = copy_signed(roster);
		roster->body.len = whole;
		assert_int_not_equal(try_roster(trust, cut, &change), LIAISON_OK);
	}
	assert_int_equal(try_roster(trust, roster, &change), LIAISON_OK);
	trust_unref(trust);
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_every_office_is_found),
		IN_WORLD(test_an_old_view_stays_as_it_was),
		IN_WORLD(test_who_serves_and_who_peers),
		IN_WORLD(test_authority_threshold),
		IN_WORLD(test_rolled_back_and_forked_rosters),
		IN_WORLD(test_stolen_authority_is_undone_by_a_charter),
		IN_WORLD(test_roster_of_no_member_or_another_network),
		IN_WORLD(test_expiry_and_grace),
		IN_WORLD(test_rotation_overlaps),
		IN_WORLD(test_revoked_keys),
		IN_WORLD(test_a_key_that_begins_after_expiry),
		IN_WORLD(test_a_claimed_transport_key_stays_with_who_had_it),
		IN_WORLD(test_a_neighbour_cannot_lock_an_office_out),
		IN_WORLD(test_no_flipped_byte_is_taken),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
