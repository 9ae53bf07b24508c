#include "tests/support/world.h"

#include "proto/base/message.h"
#include "proto/card.h"
#include "proto/charter.h"
#include "proto/signing.h"
#include "proto/suspension.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define MEMBERS 3
#define AUTHORITIES_MAX 3
#define KEYS_HELD_MAX 4096

static const char *const member_codes[MEMBERS] = {"kh", "th", "vn"};
static const char *const member_names[MEMBERS] = {"Cambodia", "Thailand", "Viet Nam"};

struct held_keys {
	char office[OFFICE_ID_BYTES];
	struct secret_keys *keys;
};

struct world {
	uint64_t seed, drawn;
	struct trust *trust;
	struct secret_keys *roots[WORLD_ROOTS];
	struct secret_keys *authorities[MEMBERS][AUTHORITIES_MAX];
	size_t authority_count[MEMBERS];
	struct secret_keys *duties[MEMBERS];
	struct held_keys held[KEYS_HELD_MAX];
	size_t held_count;
};

static size_t
member_number(const char *member)
{
	for (size_t i = 0; i < MEMBERS; i++)
		if (strcmp(member_codes[i], member) == 0)
			return i;
	fail_msg("%s is no member of the test world", member);
	return 0;
}

static void
assert_ok(enum liaison_err err, const struct fault *fault)
{
	if (err != LIAISON_OK)
		fail_msg("%s: %s", err_name(err), fault != NULL ? fault->message : "");
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static struct secret_keys *
keys_draw(struct world *world, enum keys_owner owner)
{
	uint8_t seed[32] = "world";

	for (size_t i = 0; i < 8; i++) {
		seed[8 + i] = (uint8_t)(world->seed >> (8 * i));
		seed[16 + i] = (uint8_t)(world->drawn >> (8 * i));
	}
	world->drawn++;
	struct secret_keys *keys = secret_keys_from_seed(owner, seed);
	assert_non_null(keys);
	return keys;
}

static const struct secret_keys *
keys_hold(struct world *world, const char *office, enum keys_owner owner)
{
	assert_true(world->held_count < KEYS_HELD_MAX);
	struct held_keys *held = &world->held[world->held_count++];
	snprintf(held->office, sizeof held->office, "%s", office);
	held->keys = keys_draw(world, owner);
	return held->keys;
}

const struct secret_keys *
world_keys(const struct world *world, const char *office)
{
	for (size_t i = world->held_count; i > 0; i--)
		if (strcmp(world->held[i - 1].office, office) == 0)
			return world->held[i - 1].keys;
	fail_msg("the test world has no keys of %s", office);
	return NULL;
}

const struct secret_keys *
world_keys_new(struct world *world, const char *office, enum keys_owner owner)
{
	return keys_hold(world, office, owner);
}

const struct secret_keys *
world_spare(struct world *world, enum keys_owner owner)
{
	return keys_hold(world, "", owner);
}

const struct secret_keys *
world_root(const struct world *world, size_t number)
{
	assert_true(number < WORLD_ROOTS);
	return world->roots[number];
}

const struct secret_keys *
world_authority(const struct world *world, const char *member, size_t number)
{
	size_t position = member_number(member);
	assert_true(number < world->authority_count[position]);
	return world->authorities[position][number];
}

const struct secret_keys *
world_duty(const struct world *world, const char *member)
{
	return world->duties[member_number(member)];
}

/* --- the charter ---------------------------------------------------------------------------------------------------- */

Liaison__Charter *
world_charter_edit(const struct world *world)
{
	Liaison__Charter *charter = charter_next(trust_charter(world->trust), WORLD_ISSUED, WORLD_EXPIRES);

	assert_non_null(charter);
	return charter;
}

Liaison__Signed *
world_charter_sign(const struct world *world, Liaison__Charter *charter)
{
	Liaison__Signed *signed_message;
	struct fault fault;

	assert_ok(document_sign(
			  DOCUMENT_CHARTER, &charter->base, WORLD_NETWORK, world->roots[0], &signed_message, &fault),
		&fault);
	for (size_t i = 1; i < WORLD_ROOT_THRESHOLD; i++)
		assert_ok(signed_add(signed_message, DOMAIN_CHARTER, WORLD_NETWORK, world->roots[i]), NULL);
	charter_free(charter);
	return signed_message;
}

static void
view_replace(struct world *world, struct trust *view)
{
	trust_unref(world->trust);
	world->trust = view;
}

void
world_charter_publish(struct world *world, Liaison__Charter *charter)
{
	Liaison__Signed *signed_message = world_charter_sign(world, charter);
	enum trust_change change;
	struct trust *view;
	struct fault fault;

	assert_ok(trust_add_charter(world->trust, signed_message, WORLD_NOW, &change, &view, &fault), &fault);
	assert_int_equal(change, TRUST_CHANGED);
	view_replace(world, view);
	world_signed_free(signed_message);
}

static void
member_put(const struct world *world, Liaison__Charter *charter, const Liaison__Charter *previous, size_t number)
{
	struct public_key authorities[AUTHORITIES_MAX];

	for (size_t i = 0; i < world->authority_count[number]; i++)
		authorities[i] = world->authorities[number][i]->signing_public;
	const struct charter_member_keys keys = {
		.code = member_codes[number],
		.name = member_names[number],
		.authority_keys = authorities,
		.authority_key_count = world->authority_count[number],
		.threshold = world->authority_count[number] > 1 ? 2 : 1,
		.duty_key = &world->duties[number]->signing_public,
	};
	assert_ok(charter_set_member(charter, previous, &keys), NULL);
}

static void
charter_begin(struct world *world)
{
	struct public_key roots[WORLD_ROOTS];
	struct fault fault;

	for (size_t i = 0; i < WORLD_ROOTS; i++) {
		world->roots[i] = keys_draw(world, KEYS_SIGNER);
		roots[i] = world->roots[i]->signing_public;
	}
	assert_ok(trust_new(WORLD_NETWORK, roots, WORLD_ROOTS, WORLD_ROOT_THRESHOLD, &world->trust, &fault), &fault);
	Liaison__Charter *charter =
		charter_new(WORLD_NETWORK, roots, WORLD_ROOTS, WORLD_ROOT_THRESHOLD, WORLD_ISSUED, WORLD_EXPIRES);
	assert_non_null(charter);
	for (size_t i = 0; i < MEMBERS; i++) {
		world->authority_count[i] = i == 0 ? AUTHORITIES_MAX : 1;
		for (size_t j = 0; j < world->authority_count[i]; j++)
			world->authorities[i][j] = keys_draw(world, KEYS_SIGNER);
		world->duties[i] = keys_draw(world, KEYS_SIGNER);
		member_put(world, charter, NULL, i);
	}
	world_charter_publish(world, charter);
}

void
world_rekey(struct world *world, const char *member)
{
	size_t number = member_number(member);
	Liaison__Charter *charter = world_charter_edit(world);

	for (size_t i = 0; i < world->authority_count[number]; i++) {
		secret_keys_free(world->authorities[number][i]);
		world->authorities[number][i] = keys_draw(world, KEYS_SIGNER);
	}
	member_put(world, charter, trust_charter(world->trust), number);
	world_charter_publish(world, charter);
}

/* --- rosters -------------------------------------------------------------------------------------------------------- */

Liaison__Roster *
world_roster_edit(const struct world *world, const char *member)
{
	const struct member *held = trust_member(world->trust, member);

	assert_non_null(held);
	assert_non_null(held->roster);
	Liaison__Roster *roster = roster_next(held->roster, held->entry->since, WORLD_ISSUED, WORLD_EXPIRES);
	assert_non_null(roster);
	return roster;
}

Liaison__Signed *
world_roster_sign(const struct world *world, Liaison__Roster *roster)
{
	size_t number = member_number(roster->member);
	Liaison__Signed *signed_message;
	struct fault fault;

	assert_ok(document_sign(DOCUMENT_ROSTER, &roster->base, WORLD_NETWORK, world->authorities[number][0],
			  &signed_message, &fault),
		&fault);
	if (world->authority_count[number] > 1)
		assert_ok(
			signed_add(signed_message, DOMAIN_ROSTER, WORLD_NETWORK, world->authorities[number][1]), NULL);
	roster_free(roster);
	return signed_message;
}

void
world_roster_publish(struct world *world, Liaison__Roster *roster)
{
	Liaison__Signed *signed_message = world_roster_sign(world, roster);
	enum trust_change change;
	struct trust *view;
	struct fault fault;

	assert_ok(trust_add_roster(world->trust, signed_message, WORLD_NOW, &change, &view, &fault), &fault);
	assert_int_equal(change, TRUST_CHANGED);
	view_replace(world, view);
	world_signed_free(signed_message);
}

static void
office_put(struct world *world, Liaison__Roster *roster, const char *id, const char *template_name)
{
	bool is_broker = strcmp(template_name, "broker") == 0;
	const struct secret_keys *keys = keys_hold(world, id, is_broker ? KEYS_BROKER : KEYS_OFFICE);
	const char *endpoint = "tcp://127.0.0.1:7430";
	struct fault fault;

	Liaison__Card *card = card_new(id, keys, WORLD_ISSUED, &endpoint, is_broker ? 1 : 0);
	assert_non_null(card);
	const struct office_template *office_template = template_find(template_name);
	assert_non_null(office_template);
	Liaison__Office *office;
	assert_ok(roster_set_office(roster, card, office_template, WORLD_ISSUED, &office, &fault), &fault);
	assert_ok(office_set_name(office, "en", id), NULL);
	card_free(card);
}

static void
roster_begin(struct world *world, size_t number)
{
	static const struct {
		const char *id, *template_name;
	} offices[] = {
		{"kh.blo.poipet", "blo"},
		{"kh.blo.poipet.2", "blo"},
		{"kh.blo.bavet", "blo"},
		{"th.blo.aranyaprathet", "blo"},
		{"vn.blo.mocbai", "blo"},
		{"%s.broker", "broker"},
		{"%s.atu.capital", "atu"},
		{"%s.piu.port", "piu"},
		{"%s.ncc.secretariat", "ncc"},
		{"%s.nrm.shelter", "nrm"},
		{"%s.customs.desk", "customs"},
	};
	const char *code = member_codes[number];
	Liaison__Roster *roster = roster_new(WORLD_NETWORK, code, 1, WORLD_ISSUED, WORLD_EXPIRES);
	char id[OFFICE_ID_BYTES], peers[MEMBERS][OFFICE_ID_BYTES];
	const char *peer_list[MEMBERS];
	size_t peer_count = 0;

	assert_non_null(roster);
	for (size_t i = 0; i < sizeof offices / sizeof offices[0]; i++) {
		bool is_everywhere = offices[i].id[0] == '%';
		snprintf(id, sizeof id, "%s%s", is_everywhere ? code : "", offices[i].id + (is_everywhere ? 2 : 0));
		if (address_covers(code, id))
			office_put(world, roster, id, offices[i].template_name);
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		snprintf(peers[i], sizeof peers[i], "%s.broker", member_codes[i]);
		if (i != number)
			peer_list[peer_count++] = peers[i];
	}
	assert_ok(roster_set_broker(roster, peers[number]), NULL);
	assert_ok(roster_set_peers(roster, peer_list, peer_count), NULL);
	assert_ok(roster_set_contributes(roster, UINT32_C(1) << LIAISON__KIND__KIND_SMUGGLING_INCIDENT), NULL);
	world_roster_publish(world, roster);
}

void
world_enrol(struct world *world, const char *office, const char *template_name)
{
	char member[MEMBER_BYTES];

	address_member(office, member);
	Liaison__Roster *roster = world_roster_edit(world, member);
	office_put(world, roster, office, template_name);
	world_roster_publish(world, roster);
}

/* The next roster of an office's country, and the office in it. */
static Liaison__Roster *
edit_office(struct world *world, const char *id, Liaison__Office **office)
{
	char member[MEMBER_BYTES];

	address_member(id, member);
	Liaison__Roster *roster = world_roster_edit(world, member);
	*office = roster_office(roster, id);
	assert_non_null(*office);
	return roster;
}

void
world_suspend(struct world *world, const char *office)
{
	Liaison__Office *entry;
	Liaison__Roster *roster = edit_office(world, office, &entry);
	struct fault fault;

	assert_ok(roster_suspend_office(roster, office, "test", &fault), &fault);
	world_roster_publish(world, roster);
}

void
world_revoke_keys(struct world *world, const char *office)
{
	Liaison__Office *entry;
	Liaison__Roster *roster = edit_office(world, office, &entry);

	for (enum key_use use = 0; use < KEY_USES; use++) {
		Liaison__RosterKey *const *keys;
		size_t count = office_keys(entry, use, &keys);
		for (size_t i = 0; i < count; i++) {
			keys[i]->state = LIAISON__KEY_STATE__KEY_STATE_REVOKED;
			assert_ok(message_set_text(&keys[i]->reason, "stolen"), NULL);
		}
	}
	world_roster_publish(world, roster);
}

void
world_set_clearance(struct world *world, const char *office, Liaison__Level clearance)
{
	Liaison__Office *entry;
	Liaison__Roster *roster = edit_office(world, office, &entry);

	office_set_clearance(entry, clearance);
	world_roster_publish(world, roster);
}

void
world_set_kinds(struct world *world, const char *office, uint32_t publishes, uint32_t receives)
{
	Liaison__Office *entry;
	Liaison__Roster *roster = edit_office(world, office, &entry);

	assert_ok(office_set_publishes(entry, publishes), NULL);
	assert_ok(office_set_receives(entry, receives), NULL);
	world_roster_publish(world, roster);
}

void
world_set_contributes(struct world *world, const char *member, uint32_t kinds)
{
	Liaison__Roster *roster = world_roster_edit(world, member);

	assert_ok(roster_set_contributes(roster, kinds), NULL);
	world_roster_publish(world, roster);
}

void
world_set_broker(struct world *world, const char *member, const char *broker)
{
	Liaison__Roster *roster = world_roster_edit(world, member);

	assert_ok(roster_set_broker(roster, broker), NULL);
	world_roster_publish(world, roster);
}

/* --- other documents ------------------------------------------------------------------------------------------------ */

Liaison__Signed *
world_suspension(
	const struct world *world, const char *office, const struct public_key *key, int64_t from, int64_t until)
{
	char member[MEMBER_BYTES];
	Liaison__Signed *signed_message;
	struct fault fault;

	address_member(office, member);
	Liaison__Suspension *suspension = suspension_new(WORLD_NETWORK, office, key, from, until, "keys lost");
	assert_non_null(suspension);
	assert_ok(document_sign(DOCUMENT_SUSPENSION, &suspension->base, WORLD_NETWORK, world_duty(world, member),
			  &signed_message, &fault),
		&fault);
	suspension_free(suspension);
	return signed_message;
}

Liaison__Signed *
world_unsigned(const Liaison__Signed *signed_message)
{
	Liaison__Signed bare = LIAISON__SIGNED__INIT;

	bare.has_body = 1;
	bare.body = signed_message->body;
	Liaison__Signed *copy = (Liaison__Signed *)message_copy(&bare.base);
	assert_non_null(copy);
	return copy;
}

void
world_signed_free(Liaison__Signed *signed_message)
{
	if (signed_message != NULL)
		liaison__signed__free_unpacked(signed_message, NULL);
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

struct world *
world_new(uint64_t seed)
{
	struct world *world = calloc(1, sizeof *world);

	assert_non_null(world);
	world->seed = seed;
	charter_begin(world);
	for (size_t i = 0; i < MEMBERS; i++)
		roster_begin(world, i);
	return world;
}

void
world_free(struct world *world)
{
	if (world == NULL)
		return;
	trust_unref(world->trust);
	for (size_t i = 0; i < WORLD_ROOTS; i++)
		secret_keys_free(world->roots[i]);
	for (size_t i = 0; i < MEMBERS; i++) {
		for (size_t j = 0; j < world->authority_count[i]; j++)
			secret_keys_free(world->authorities[i][j]);
		secret_keys_free(world->duties[i]);
	}
	for (size_t i = 0; i < world->held_count; i++)
		secret_keys_free(world->held[i].keys);
	free(world);
}

struct trust *
world_trust(const struct world *world)
{
	return world->trust;
}
