/* Charters: k of n, the chain, `since`; and what each member of a quarrel can still do. */
#include "proto/base/message.h"
#include "proto/charter.h"
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
	*state = world_new(3);
	return 0;
}

static int
world_teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* The answer to one charter, the view thrown away. Frees the charter. */
static enum liaison_err
add(struct trust *trust, Liaison__Signed *charter, enum trust_change *change)
{
	struct trust *view;
	struct fault fault;
	enum liaison_err err = trust_add_charter(trust, charter, WORLD_NOW, change, &view, &fault);

	if (err == LIAISON_OK)
		trust_unref(view);
	else
		assert_true(strlen(fault.message) > 10);
	world_signed_free(charter);
	return err;
}

static Liaison__Signed *
copy_signed(const Liaison__Signed *signed_message)
{
	return (Liaison__Signed *)message_copy(&signed_message->base);
}

/* Signed by the roots whose numbers are set in `who`; `extra` (may be NULL) signs too. */
static Liaison__Signed *
sign_by(struct world *world, Liaison__Charter *charter, unsigned who, const struct secret_keys *extra)
{
	Liaison__Signed *signed_message;
	struct fault fault;

	assert_int_equal(document_seal(DOCUMENT_CHARTER, &charter->base, &signed_message, &fault), LIAISON_OK);
	for (unsigned i = 0; i < WORLD_ROOTS; i++)
		if ((who & 1U << i) != 0)
			assert_int_equal(
				signed_add(signed_message, DOMAIN_CHARTER, WORLD_NETWORK, world_root(world, i)),
				LIAISON_OK);
	if (extra != NULL)
		assert_int_equal(signed_add(signed_message, DOMAIN_CHARTER, WORLD_NETWORK, extra), LIAISON_OK);
	charter_free(charter);
	return signed_message;
}

static void
test_any_two_of_three_roots_suffice(void **state)
{
	struct world *world = *state;
	enum trust_change change;

	for (unsigned who = 0; who < 8; who++) {
		bool enough = __builtin_popcount(who) >= WORLD_ROOT_THRESHOLD;
		assert_int_equal(add(world_trust(world), sign_by(world, world_charter_edit(world), who, NULL), &change),
			enough ? LIAISON_OK : LIAISON_BAD_SIGNATURE);
		assert_int_equal(
			add(world_trust(world),
				sign_by(world, world_charter_edit(world), who, world_spare(world, KEYS_SIGNER)),
				&change),
			enough ? LIAISON_OK : LIAISON_BAD_SIGNATURE);
	}
}

/* New root keys need the old threshold's signatures and their own. */
static void
test_new_roots_are_signed_by_old_and_new(void **state)
{
	struct world *world = *state;
	const struct secret_keys *fresh = world_spare(world, KEYS_SIGNER);
	enum trust_change change;
	struct trust *view;
	struct fault fault;

	for (int variant = 0; variant < 3; variant++) {
		Liaison__Charter *charter = world_charter_edit(world);
		assert_int_equal(charter_set_roots(charter, &fresh->signing_public, 1, 1), LIAISON_OK);
		/* only the old, only the new, both */
		Liaison__Signed *signed_message =
			sign_by(world, charter, variant == 1 ? 0 : 3, variant == 0 ? NULL : fresh);
		assert_int_equal(add(world_trust(world), copy_signed(signed_message), &change),
			variant == 2 ? LIAISON_OK : LIAISON_BAD_SIGNATURE);
		if (variant < 2) {
			world_signed_free(signed_message);
			continue;
		}
		assert_int_equal(
			trust_add_charter(world_trust(world), signed_message, WORLD_NOW, &change, &view, &fault),
			LIAISON_OK);
		world_signed_free(signed_message);
		/* From then on the old ones are nobody. */
		charter = charter_next(trust_charter(view), WORLD_ISSUED, WORLD_EXPIRES);
		assert_int_equal(add(view, sign_by(world, charter, 7, NULL), &change), LIAISON_BAD_SIGNATURE);
		charter = charter_next(trust_charter(view), WORLD_ISSUED, WORLD_EXPIRES);
		assert_int_equal(add(view, sign_by(world, charter, 0, fresh), &change), LIAISON_OK);
		trust_unref(view);
	}
}

static void
test_away_for_two_versions(void **state)
{
	struct world *world = *state;
	struct trust *away = trust_ref(world_trust(world));
	Liaison__Charter *charter = world_charter_edit(world);
	enum trust_change change;
	struct fault fault;

	/* The one in the middle has expired long ago; only the newest's expiry counts. */
	charter->issued = WORLD_NOW - 100 * MS_PER_DAY;
	charter->expires = WORLD_NOW - 50 * MS_PER_DAY;
	world_charter_publish(world, charter);
	assert_int_equal(trust_roster_state(world_trust(world), trust_member(world_trust(world), "kh"), WORLD_NOW),
		ROSTER_EXPIRED);
	world_charter_publish(world, world_charter_edit(world));
	assert_int_equal(trust_roster_state(world_trust(world), trust_member(world_trust(world), "kh"), WORLD_NOW),
		ROSTER_VALID);

	/* Not with a gap; but step by step, and again in any order without harm. */
	assert_int_equal(
		add(away, copy_signed(trust_signed_charter(world_trust(world), 2)), &change), LIAISON_BAD_REFERENCE);
	for (size_t i = 0; i < 3; i++) {
		struct trust *view;
		assert_int_equal(trust_add_charter(away, trust_signed_charter(world_trust(world), i), WORLD_NOW,
					 &change, &view, &fault),
			LIAISON_OK);
		assert_int_equal(change, i == 0 ? TRUST_UNCHANGED : TRUST_CHANGED);
		trust_unref(away);
		away = view;
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
			add(away, copy_signed(trust_signed_charter(world_trust(world), i)), &change), LIAISON_OK);
		assert_int_equal(change, TRUST_UNCHANGED);
	}
	assert_int_equal(trust_charter_version(away), 3);
	assert_int_equal(trust_office_count(away), trust_office_count(world_trust(world)));
	trust_unref(away);
}

static void
test_two_charters_of_one_version(void **state)
{
	struct world *world = *state;
	enum trust_change change;
	Liaison__Charter *other = world_charter_edit(world), *forged = world_charter_edit(world);

	other->expires++;
	forged->expires += 2;
	world_charter_publish(world, world_charter_edit(world));
	assert_int_equal(add(world_trust(world), sign_by(world, other, 6, NULL), &change), LIAISON_EQUIVOCATION);
	/* Not well signed, it is no evidence of anything. */
	assert_int_equal(add(world_trust(world), sign_by(world, forged, 2, NULL), &change), LIAISON_BAD_SIGNATURE);
}

static void
test_another_network(void **state)
{
	struct world *world = *state;
	struct trust *other;
	struct public_key roots[WORLD_ROOTS];
	enum trust_change change;
	struct fault fault;

	for (size_t i = 0; i < WORLD_ROOTS; i++)
		roots[i] = world_root(world, i)->signing_public;
	assert_int_equal(trust_new("other.net", roots, WORLD_ROOTS, 2, &other, &fault), LIAISON_OK);
	assert_int_equal(
		add(other, copy_signed(trust_signed_charter(world_trust(world), 0)), &change), LIAISON_BAD_REFERENCE);
	trust_unref(other);
	assert_int_equal(trust_new("Bad", roots, WORLD_ROOTS, 2, &other, &fault), LIAISON_BAD_CONFIG);
	assert_int_equal(trust_new("other.net", roots, WORLD_ROOTS, 0, &other, &fault), LIAISON_BAD_CONFIG);
	assert_int_equal(trust_new("other.net", roots, WORLD_ROOTS, 4, &other, &fault), LIAISON_BAD_CONFIG);
	assert_int_equal(trust_new("other.net", roots, 0, 0, &other, &fault), LIAISON_BAD_CONFIG);
}

/* --- since ---------------------------------------------------------------------------------------------------------- */

static void
test_since_follows_the_authority_keys(void **state)
{
	struct world *world = *state;
	enum trust_change change;
	const Liaison__Charter *held = trust_charter(world_trust(world));

	/* A `since` that moves without new keys, one that stays with new keys, one from nowhere. */
	Liaison__Charter *charter = world_charter_edit(world);
	charter->members[0]->since = 2;
	assert_int_equal(add(world_trust(world), sign_by(world, charter, 3, NULL), &change), LIAISON_BAD_REFERENCE);
	charter = world_charter_edit(world);
	charter->members[1]->authority_keys[0].data[5] ^= 1;
	assert_int_equal(add(world_trust(world), sign_by(world, charter, 3, NULL), &change), LIAISON_BAD_REFERENCE);
	charter = world_charter_edit(world);
	charter->members[1]->since = 9;
	assert_int_equal(add(world_trust(world), sign_by(world, charter, 3, NULL), &change), LIAISON_MALFORMED);

	/* The same keys in another order are the same keys; another threshold does not matter. */
	charter = world_charter_edit(world);
	struct public_key keys[CHARTER_KEYS_MAX], turned[CHARTER_KEYS_MAX];
	size_t count = charter_authority_keys(charter_member(held, "kh"), keys);
	for (size_t i = 0; i < count; i++)
		turned[i] = keys[count - 1 - i];
	struct charter_member_keys member = {
		.code = "kh", .authority_keys = turned, .authority_key_count = count, .threshold = 3};
	assert_int_equal(charter_set_member(charter, held, &member), LIAISON_OK);
	assert_int_equal(charter_member(charter, "kh")->since, 1);
	assert_string_equal(charter_member(charter, "kh")->name, "Cambodia");
	assert_int_equal(add(world_trust(world), sign_by(world, charter, 3, NULL), &change), LIAISON_OK);

	/* One key fewer is another set; a new member begins here. */
	charter = world_charter_edit(world);
	member.authority_key_count = count - 1;
	member.threshold = 1;
	assert_int_equal(charter_set_member(charter, held, &member), LIAISON_OK);
	assert_int_equal(charter_member(charter, "kh")->since, 2);
	member.code = "la";
	member.name = "Lao PDR";
	assert_int_equal(charter_set_member(charter, held, &member), LIAISON_OK);
	assert_int_equal(charter_member(charter, "la")->since, 2);
	assert_string_equal(charter->members[1]->code, "la"); /* in its place: kh la th vn */
	assert_int_equal(charter_remove_member(charter, "vn"), LIAISON_OK);
	assert_int_equal(charter_remove_member(charter, "vn"), LIAISON_NOT_FOUND);
	assert_int_equal(add(world_trust(world), sign_by(world, charter, 3, NULL), &change), LIAISON_OK);
}

/* --- form ----------------------------------------------------------------------------------------------------------- */

static void
break_nothing(Liaison__Charter *c)
{
	(void)c;
}
static void
break_network(Liaison__Charter *c)
{
	c->network[0] = 'T';
}
static void
break_version(Liaison__Charter *c)
{
	c->version = 0;
}
static void
break_expiry(Liaison__Charter *c)
{
	c->expires = c->issued;
}
static void
break_years(Liaison__Charter *c)
{
	c->expires = INT64_MAX;
}
static void
break_threshold(Liaison__Charter *c)
{
	c->threshold = WORLD_ROOTS + 1;
}
static void
break_threshold_zero(Liaison__Charter *c)
{
	c->threshold = 0;
}
static void
break_root_twice(Liaison__Charter *c)
{
	memcpy(c->root_keys[1].data, c->root_keys[0].data, 32);
}
static void
break_root_length(Liaison__Charter *c)
{
	c->root_keys[1].len = 31;
}
static void
break_member_code(Liaison__Charter *c)
{
	c->members[0]->code[0] = 'K';
}
static void
break_member_order(Liaison__Charter *c)
{
	Liaison__CharterMember *first = c->members[0];
	c->members[0] = c->members[1];
	c->members[1] = first;
}
static void
break_member_twice(Liaison__Charter *c)
{
	memcpy(c->members[1]->code, c->members[0]->code, 3);
}
static void
break_authority_threshold(Liaison__Charter *c)
{
	c->members[0]->threshold = 4;
}
static void
break_authority_twice(Liaison__Charter *c)
{
	memcpy(c->members[0]->authority_keys[2].data, c->members[0]->authority_keys[0].data, 32);
}
static void
break_duty_length(Liaison__Charter *c)
{
	c->members[0]->duty_key.len = 33;
}
static void
break_since(Liaison__Charter *c)
{
	c->members[0]->has_since = 0;
}

static void
test_malformed_charters(void **state)
{
	static const struct {
		void (*change)(Liaison__Charter *charter);
		enum liaison_err code;
		const char *word;
	} rows[] = {
		{break_nothing, LIAISON_OK, ""},
		{break_network, LIAISON_MALFORMED, "network"},
		{break_version, LIAISON_MALFORMED, "version"},
		{break_expiry, LIAISON_MALFORMED, "expires"},
		{break_years, LIAISON_MALFORMED, "9999"},
		{break_threshold, LIAISON_MALFORMED, "threshold"},
		{break_threshold_zero, LIAISON_MALFORMED, "threshold"},
		{break_root_twice, LIAISON_MALFORMED, "twice"},
		{break_root_length, LIAISON_MALFORMED, "31 bytes"},
		{break_member_code, LIAISON_BAD_CODE, "two lower-case letters"},
		{break_member_order, LIAISON_MALFORMED, "ascend"},
		{break_member_twice, LIAISON_MALFORMED, "twice"},
		{break_authority_threshold, LIAISON_MALFORMED, "member kh"},
		{break_authority_twice, LIAISON_MALFORMED, "member kh"},
		{break_duty_length, LIAISON_MALFORMED, "duty key"},
		{break_since, LIAISON_MALFORMED, "since"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		Liaison__Charter *charter = world_charter_edit(*state);
		struct fault fault = {.message = ""};
		rows[i].change(charter);
		assert_int_equal(charter_validate(charter, &fault), rows[i].code);
		assert_non_null(strstr(fault.message, rows[i].word));
		charter_free(charter);
	}
}

static void
test_no_flipped_byte_is_taken(void **state)
{
	struct world *world = *state;
	Liaison__Signed *charter = world_charter_sign(world, world_charter_edit(world));
	enum trust_change change;

	for (size_t at = 0; at < charter->body.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			charter->body.data[at] ^= (uint8_t)(1 << bit);
			assert_int_not_equal(add(world_trust(world), copy_signed(charter), &change), LIAISON_OK);
			charter->body.data[at] ^= (uint8_t)(1 << bit);
		}
	assert_int_equal(add(world_trust(world), charter, &change), LIAISON_OK);
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_any_two_of_three_roots_suffice),
		IN_WORLD(test_new_roots_are_signed_by_old_and_new),
		IN_WORLD(test_away_for_two_versions),
		IN_WORLD(test_two_charters_of_one_version),
		IN_WORLD(test_another_network),
		IN_WORLD(test_since_follows_the_authority_keys),
		IN_WORLD(test_malformed_charters),
		IN_WORLD(test_no_flipped_byte_is_taken),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("charter", tests, NULL, NULL);
}
