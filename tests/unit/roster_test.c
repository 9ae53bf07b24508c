/* Rosters by themselves: their form, what a successor may change, how edits come out. */
#include "proto/base/message.h"
#include "proto/card.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static int
world_setup(void **state)
{
	*state = world_new(2);
	return 0;
}

static int
world_teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* --- form ----------------------------------------------------------------------------------------------------------- */

static Liaison__Office *
poipet(Liaison__Roster *roster)
{
	return roster_office(roster, "kh.blo.poipet");
}

static Liaison__Office *
broker(Liaison__Roster *roster)
{
	return roster_office(roster, "kh.broker");
}

static void
text(char **field, const char *value)
{
	assert_int_equal(message_set_text(field, value), LIAISON_OK);
}

/* One change each to kh's roster. */
#define BREAK(name, ...)                                                                                               \
	static void break_##name(Liaison__Roster *r)                                                                   \
	{                                                                                                              \
		__VA_ARGS__;                                                                                           \
	}
BREAK(nothing, (void)r)
BREAK(network, text(&r->network, NULL))
BREAK(member, text(&r->member, "khm"))
BREAK(since, r->since = 0)
BREAK(version, r->has_version = 0)
BREAK(expiry, r->expires = r->issued)
/* Times whose difference from today's is no int64_t: a roster of the year -292277022 would be in its grace for ever. */
BREAK(issue_without_a_year, r->issued = INT64_MIN; r->expires = INT64_MIN + 1)
BREAK(expiry_without_a_year, r->expires = INT64_MAX)
BREAK(key_without_a_year, poipet(r)->signing_keys[0]->not_before = INT64_MIN)
BREAK(key_end_without_a_year, poipet(r)->signing_keys[0]->has_not_after = 1;
	poipet(r)->signing_keys[0]->not_after = INT64_MAX)
BREAK(no_broker, text(&r->broker, NULL))
BREAK(broker_is_no_office, text(&r->broker, "kh.other"))
BREAK(broker_is_no_broker, text(&r->broker, "kh.blo.poipet"))
BREAK(foreign_broker, text(&r->broker, "th.broker"))
BREAK(peer_at_home, text(&r->peers[0], "kh.broker"))
BREAK(peer_twice, text(&r->peers[1], r->peers[0]))
BREAK(foreign_office, text(&r->offices[r->n_offices - 1]->id, "th.blo.poipet"))
BREAK(member_as_office, text(&r->offices[0]->id, "kh"))
BREAK(id_in_capitals, text(&r->offices[0]->id, "kh.ATU"))
BREAK(office_twice, text(&poipet(r)->id, "kh.blo.bavet"))
BREAK(order, text(&r->offices[0]->id, "kh.zzz"))
BREAK(no_kind, poipet(r)->has_kind = 0)
BREAK(no_state, poipet(r)->has_state = 0)
BREAK(no_signing_key, message_free(&poipet(r)->signing_keys[0]->base); poipet(r)->n_signing_keys = 0)
BREAK(short_key, poipet(r)->transport_keys[0]->key.len = 31)
BREAK(zero_key, memset(poipet(r)->sealing_keys[0]->key.data, 0, 32))
BREAK(key_without_state, poipet(r)->signing_keys[0]->has_state = 0)
BREAK(key_without_begin, poipet(r)->signing_keys[0]->has_not_before = 0)
BREAK(key_ends_first, poipet(r)->signing_keys[0]->has_not_after = 1; poipet(r)->signing_keys[0]->not_after = 5)
BREAK(retired_without_reason, poipet(r)->signing_keys[0]->state = LIAISON__KEY_STATE__KEY_STATE_RETIRED)
BREAK(revoked_without_reason, poipet(r)->signing_keys[0]->state = LIAISON__KEY_STATE__KEY_STATE_REVOKED)
BREAK(active_but_disputed, poipet(r)->signing_keys[0]->disputed_from = (Liaison__LogPosition *)message_new(
				   &liaison__log_position__descriptor))
BREAK(signing_key_twice, memcpy(poipet(r)->signing_keys[0]->key.data, r->offices[0]->signing_keys[0]->key.data, 32))
BREAK(transport_key_twice,
	memcpy(poipet(r)->transport_keys[0]->key.data, r->offices[0]->transport_keys[0]->key.data, 32))
BREAK(end_point_of_no_broker,
	assert_int_equal(message_add_text(&poipet(r)->endpoints, &poipet(r)->n_endpoints, "tcp://a:1"), LIAISON_OK))
BREAK(bad_end_point, text(&broker(r)->endpoints[0], "http://a:1"))
BREAK(no_checkpoint_key, message_free(&broker(r)->checkpoint_keys[0]->base); broker(r)->n_checkpoint_keys = 0)
BREAK(peer_right_of_no_broker, poipet(r)->rights[0] = LIAISON__RIGHT__RIGHT_PEER)
BREAK(approval_twice,
	assert_int_equal(
		roster_set_approval(r, LIAISON__KIND__KIND_ROUTE, LIAISON__APPROVAL__APPROVAL_OFFICER), LIAISON_OK);
	assert_int_equal(
		roster_set_approval(r, LIAISON__KIND__KIND_VESSEL, LIAISON__APPROVAL__APPROVAL_OFFICER), LIAISON_OK);
	r->approvals[1]->kind = LIAISON__KIND__KIND_ROUTE)
#undef BREAK

static void
test_malformed_rosters(void **state)
{
	static const struct {
		void (*change)(Liaison__Roster *roster);
		enum liaison_err code;
		const char *word;
	} rows[] = {
		{break_nothing, LIAISON_OK, ""},
		{break_foreign_broker, LIAISON_OK, ""},
		{break_network, LIAISON_MALFORMED, "network"},
		{break_member, LIAISON_MALFORMED, "member"},
		{break_since, LIAISON_MALFORMED, "since"},
		{break_version, LIAISON_MALFORMED, "version"},
		{break_expiry, LIAISON_MALFORMED, "expire"},
		{break_issue_without_a_year, LIAISON_MALFORMED, "9999"},
		{break_expiry_without_a_year, LIAISON_MALFORMED, "9999"},
		{break_key_without_a_year, LIAISON_MALFORMED, "9999"},
		{break_key_end_without_a_year, LIAISON_MALFORMED, "9999"},
		{break_no_broker, LIAISON_MALFORMED, "broker"},
		{break_broker_is_no_office, LIAISON_BAD_REFERENCE, "kh.other"},
		{break_broker_is_no_broker, LIAISON_BAD_REFERENCE, "kind BROKER"},
		{break_peer_at_home, LIAISON_BAD_REFERENCE, "abroad"},
		{break_peer_twice, LIAISON_MALFORMED, "peers"},
		{break_foreign_office, LIAISON_BAD_REFERENCE, "th.blo.poipet"},
		{break_member_as_office, LIAISON_MALFORMED, "id"},
		{break_id_in_capitals, LIAISON_MALFORMED, "id"},
		{break_office_twice, LIAISON_MALFORMED, "twice"},
		{break_order, LIAISON_MALFORMED, "ascend"},
		{break_no_kind, LIAISON_MALFORMED, "kind"},
		{break_no_state, LIAISON_MALFORMED, "state"},
		{break_no_signing_key, LIAISON_MALFORMED, "0 signing keys"},
		{break_short_key, LIAISON_MALFORMED, "32 bytes"},
		{break_zero_key, LIAISON_MALFORMED, "32 bytes"},
		{break_key_without_state, LIAISON_MALFORMED, "state"},
		{break_key_without_begin, LIAISON_MALFORMED, "valid"},
		{break_key_ends_first, LIAISON_MALFORMED, "ends before"},
		{break_retired_without_reason, LIAISON_MALFORMED, "reason"},
		{break_revoked_without_reason, LIAISON_MALFORMED, "reason"},
		{break_active_but_disputed, LIAISON_MALFORMED, "disputed"},
		{break_signing_key_twice, LIAISON_MALFORMED, "same signing key"},
		{break_transport_key_twice, LIAISON_MALFORMED, "same transport key"},
		{break_end_point_of_no_broker, LIAISON_MALFORMED, "no broker"},
		{break_bad_end_point, LIAISON_MALFORMED, "http://a:1"},
		{break_no_checkpoint_key, LIAISON_MALFORMED, "checkpoint"},
		{break_peer_right_of_no_broker, LIAISON_MALFORMED, "right peer"},
		{break_approval_twice, LIAISON_MALFORMED, "approval"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		Liaison__Roster *roster = world_roster_edit(*state, "kh");
		struct fault fault = {.message = ""};
		rows[i].change(roster);
		enum liaison_err err = roster_validate(roster, &fault);
		if (err != rows[i].code || strstr(fault.message, rows[i].word) == NULL)
			fail_msg("row %zu (%s): %s \"%s\"", i, rows[i].word, err_name(err), fault.message);
		roster_free(roster);
	}
}

static void
test_end_points(void **state)
{
	static const char *const good[] = {
		"tcp://127.0.0.1:7430", "tcp://broker.example:1", "tcp://[2001:db8::1]:65535"};
	static const char *const bad[] = {"tcp://a\x1b[2J:1", "tcp://\xc3\xa4:1", "", "tcp://", "tcp://host",
		"tcp://host:", "tcp://:1", "tcp://host:0", "tcp://host:01", "tcp://host:65536", "tcp://host:1x",
		"tcp://ho st:1", "udp://host:1", "tcp://host/x:1", "inproc://x", "tcp://h:999999"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(endpoint_is_valid(good[i]));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(endpoint_is_valid(bad[i]));
}

/* --- what a successor may change ------------------------------------------------------------------------------------ */

static void
test_keys_never_vanish(void **state)
{
	struct world *world = *state;
	const Liaison__Roster *held;
	struct fault fault;
	const struct secret_keys *fresh = world_keys_new(world, "kh.blo.poipet", KEYS_OFFICE);

	/* A roster in which the post has two keys of each use, the older revoked from a position on. */
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	Liaison__Card *card = card_new("kh.blo.poipet", fresh, WORLD_NOW, NULL, 0);
	assert_int_equal(roster_set_office(roster, card, NULL, WORLD_NOW, NULL, &fault), LIAISON_OK);
	uint8_t epoch[16] = {1};
	Liaison__LogPosition position = LIAISON__LOG_POSITION__INIT;
	position.has_epoch = position.has_index = 1;
	position.epoch = (ProtobufCBinaryData){16, epoch};
	position.index = 100;
	struct public_key stolen;
	struct key_id id;
	memcpy(stolen.bytes, poipet(roster)->signing_keys[0]->key.data, 32);
	key_id_of(&stolen, &id);
	assert_int_equal(roster_revoke_key(roster, "kh.blo.poipet", &id, "stolen", &position, &fault), LIAISON_OK);
	world_roster_publish(world, roster);
	card_free(card);
	held = trust_member(world_trust(world), "kh")->roster;

	roster = world_roster_edit(world, "kh");
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_OK);
	/* Thought of again: it happened earlier. Never later, never not at all, never in another log. */
	poipet(roster)->signing_keys[0]->disputed_from->index = 50;
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_OK);
	poipet(roster)->signing_keys[0]->disputed_from->index = 101;
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_BAD_REFERENCE);
	poipet(roster)->signing_keys[0]->disputed_from->index = 100;
	poipet(roster)->signing_keys[0]->disputed_from->epoch.data[0] ^= 1;
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_BAD_REFERENCE);
	poipet(roster)->signing_keys[0]->disputed_from->epoch.data[0] ^= 1;
	poipet(roster)->signing_keys[0]->state = LIAISON__KEY_STATE__KEY_STATE_ACTIVE;
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_BAD_REFERENCE);
	assert_non_null(strstr(fault.message, "cannot come back"));
	poipet(roster)->signing_keys[0]->state = LIAISON__KEY_STATE__KEY_STATE_REVOKED;
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_OK);

	/* Each key of each use, one after the other, is missed. */
	for (enum key_use use = 0; use < KEY_CHECKPOINT; use++) {
		Liaison__RosterKey *const *keys;
		size_t count = office_keys(poipet(roster), use, &keys);
		assert_int_equal(count, 2);
		for (size_t i = 0; i < count; i++) {
			keys[i]->key.data[0] ^= 1;
			assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_BAD_REFERENCE);
			assert_non_null(strstr(fault.message, "kh.blo.poipet is gone"));
			keys[i]->key.data[0] ^= 1;
		}
	}
	/* A whole office too; but not under new authority keys, as a thief may have put it there. */
	message_free(&roster->offices[0]->base);
	memmove(roster->offices, roster->offices + 1, --roster->n_offices * sizeof roster->offices[0]);
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_BAD_REFERENCE);
	roster->since++;
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_OK);
	roster_free(roster);
}

/* --- edits ---------------------------------------------------------------------------------------------------------- */

static void
test_enrolment_by_card(void **state)
{
	struct world *world = *state;
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	const struct secret_keys *keys = world_spare(world, KEYS_OFFICE),
				 *broker_keys = world_spare(world, KEYS_BROKER);
	const char *endpoint = "tcp://broker.example:7430";
	Liaison__Office *office;
	struct fault fault;

	Liaison__Card *card = card_new("kh.police.desk", keys, WORLD_NOW, NULL, 0);
	Liaison__Card *foreign = card_new("th.police.desk", keys, WORLD_NOW, NULL, 0);
	Liaison__Card *broker_card = card_new("kh.broker2", broker_keys, WORLD_NOW, &endpoint, 1);
	assert_int_equal(roster_set_office(roster, card, NULL, WORLD_NOW, NULL, &fault), LIAISON_BAD_USAGE);
	assert_int_equal(
		roster_set_office(roster, card, template_find("broker"), WORLD_NOW, NULL, &fault), LIAISON_BAD_USAGE);
	assert_int_equal(roster_set_office(roster, broker_card, template_find("blo"), WORLD_NOW, NULL, &fault),
		LIAISON_BAD_USAGE);
	assert_int_equal(roster_set_office(roster, foreign, template_find("police"), WORLD_NOW, NULL, &fault),
		LIAISON_BAD_REFERENCE);
	assert_null(roster_office(roster, "kh.police.desk"));

	assert_int_equal(
		roster_set_office(roster, card, template_find("police"), WORLD_NOW, &office, &fault), LIAISON_OK);
	assert_ptr_equal(roster_office(roster, "kh.police.desk"), office);
	assert_int_equal(
		roster_set_office(roster, broker_card, template_find("broker"), WORLD_NOW, NULL, &fault), LIAISON_OK);
	assert_int_equal(roster_validate(roster, &fault), LIAISON_OK);
	/* The same card again changes nothing; the card of another office with these keys is refused. */
	assert_int_equal(roster_set_office(roster, card, NULL, WORLD_NOW + 9, NULL, &fault), LIAISON_OK);
	assert_int_equal(office->n_signing_keys, 1);
	Liaison__Card *copied = card_new("kh.police.other", keys, WORLD_NOW, NULL, 0);
	assert_int_equal(roster_set_office(roster, copied, template_find("police"), WORLD_NOW, NULL, &fault),
		LIAISON_NOT_PERMITTED);
	assert_non_null(strstr(fault.message, "kh.police.desk"));
	card_free(copied);
	card_free(card);
	card_free(foreign);
	card_free(broker_card);
	roster_free(roster);
}

static void
test_suspend_resume_remove(void **state)
{
	struct world *world = *state;
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	const Liaison__Roster *held = trust_member(world_trust(world), "kh")->roster;
	struct fault fault;

	assert_int_equal(roster_suspend_office(roster, "kh.nowhere", "x", &fault), LIAISON_NOT_FOUND);
	assert_int_equal(roster_suspend_office(roster, "kh.blo.poipet", "moved", &fault), LIAISON_OK);
	assert_int_equal(poipet(roster)->state, LIAISON__OFFICE_STATE__OFFICE_STATE_SUSPENDED);
	assert_string_equal(poipet(roster)->state_reason, "moved");
	assert_int_equal(roster_resume_office(roster, "kh.blo.poipet", &fault), LIAISON_OK);
	assert_null(poipet(roster)->state_reason);
	assert_int_equal(roster_remove_office(roster, "kh.blo.poipet", "closed", &fault), LIAISON_OK);
	assert_int_equal(poipet(roster)->transport_keys[0]->state, LIAISON__KEY_STATE__KEY_STATE_RETIRED);
	assert_int_equal(roster_validate(roster, &fault), LIAISON_OK);
	assert_int_equal(roster_validate_successor(roster, held, &fault), LIAISON_OK);
	/* Its old card does not bring it back. */
	Liaison__Card *card = card_new("kh.blo.poipet", world_keys(world, "kh.blo.poipet"), WORLD_NOW, NULL, 0);
	assert_int_equal(roster_set_office(roster, card, NULL, WORLD_NOW, NULL, &fault), LIAISON_NOT_PERMITTED);
	card_free(card);
	roster_free(roster);
}

static void
test_lists_come_out_sorted_and_once(void **state)
{
	Liaison__Roster *roster = world_roster_edit(*state, "kh");
	const char *const peers[] = {"vn.broker", "la.broker", "vn.broker", "th.broker"};
	struct fault fault;

	assert_int_equal(roster_set_peers(roster, peers, 4), LIAISON_OK);
	assert_int_equal(roster->n_peers, 3);
	assert_string_equal(roster->peers[0], "la.broker");
	assert_string_equal(roster->peers[2], "vn.broker");
	Liaison__Office *office = poipet(roster);
	assert_int_equal(office_set_publishes(office, 0), LIAISON_OK);
	assert_int_equal(office->n_publishes, 0);
	assert_int_equal(
		office_set_receives(office, 1U << LIAISON__KIND__KIND_ROUTE | 1U << LIAISON__KIND__KIND_VESSEL),
		LIAISON_OK);
	assert_int_equal(office->n_receives, 2);
	assert_int_equal(office->receives[0], LIAISON__KIND__KIND_ROUTE);
	const char *const langs[] = {"km", "en"};
	assert_int_equal(office_set_contact(office, "+855 00 000 000", NULL, langs, 2), LIAISON_OK);
	assert_int_equal(office_set_contact(office, NULL, "day and night", NULL, 0), LIAISON_OK);
	assert_string_equal(office->contact->phone, "+855 00 000 000");
	assert_int_equal(office->contact->n_langs, 2);
	assert_int_equal(office_set_name(office, "en", "Poipet"), LIAISON_OK);
	assert_int_equal(office_set_name(office, "km", "ប៉ោយប៉ែត"), LIAISON_OK);
	assert_int_equal(office->n_names, 2);
	const char *const crossings[] = {"kh-poipet"};
	assert_int_equal(office_set_crossings(office, crossings, 1), LIAISON_OK);
	assert_int_equal(roster_validate(roster, &fault), LIAISON_OK);
	world_roster_publish(*state, roster);

	/* Text that is not UTF-8 never gets into a document. */
	roster = world_roster_edit(*state, "kh");
	Liaison__Signed *sealed;
	assert_int_equal(office_set_name(poipet(roster), "en", "Poip\xe9t"), LIAISON_OK);
	assert_int_equal(document_seal(DOCUMENT_ROSTER, &roster->base, &sealed, &fault), LIAISON_MALFORMED);
	roster_free(roster);
}

static void
test_templates(void **state)
{
	static const char *const names[] = {
		"blo", "atu", "piu", "ncc", "nrm", "police", "customs", "immigration", "broker"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct office_template *found = template_find(names[i]);
		assert_non_null(found);
		assert_ptr_equal(template_at(i), found);
		assert_int_equal((int)found->kind, (int)i + 1);
		/* Nobody publishes what it may not receive back from others of its kind. */
		assert_int_equal(found->publishes & ~found->receives, 0);
	}
	assert_null(template_find("BLO"));
	assert_null(template_at(100));
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_malformed_rosters),
		cmocka_unit_test(test_end_points),
		IN_WORLD(test_keys_never_vanish),
		IN_WORLD(test_enrolment_by_card),
		IN_WORLD(test_suspend_resume_remove),
		IN_WORLD(test_lists_come_out_sorted_and_once),
		cmocka_unit_test(test_templates),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("roster", tests, NULL, NULL);
}
