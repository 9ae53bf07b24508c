/* Rosters as large as a document may be: everything is still found, and one more than fits is refused. */
#include "proto/base/message.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static Liaison__Roster *
roster_of_many(struct world *world, const char *member, size_t count)
{
	Liaison__Roster *roster = world_roster_edit(world, member);
	uint8_t key[32] = {0};

	Liaison__Office *like = roster->offices[0];
	for (size_t i = 0; like->kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER; i++)
		like = roster->offices[i];
	Liaison__Office *pattern = (Liaison__Office *)message_copy(&like->base);
	assert_int_equal(message_set_text(&pattern->state_reason, NULL), LIAISON_OK);
	for (size_t i = 0; i < count; i++) {
		char id[OFFICE_ID_BYTES];
		snprintf(id, sizeof id, "%s.z%06zu", member, i);
		Liaison__Office *office = (Liaison__Office *)message_copy(&pattern->base);
		assert_int_equal(message_set_text(&office->id, id), LIAISON_OK);
		memcpy(key, id, sizeof key - 1);
		memcpy(office->signing_keys[0]->key.data, key, 32);
		memcpy(office->transport_keys[0]->key.data, key, 32);
		memcpy(office->sealing_keys[0]->key.data, key, 32);
		assert_int_equal(message_add(&roster->offices, &roster->n_offices, &office->base), LIAISON_OK);
	}
	message_free(&pattern->base);
	return roster;
}

static void
test_thousands_of_offices(void **state)
{
	struct world *world = world_new(1);
	const char *const members[] = {"kh", "th", "vn"};
	const size_t each = 2500;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		world_roster_publish(world, roster_of_many(world, members[i], each));
	const struct trust *trust = world_trust(world);
	assert_int_equal(trust_office_count(trust), 3 * 6 + 5 + 3 * each);
	for (size_t i = 0; i < trust_office_count(trust); i += 7) {
		const struct office *office = trust_office_at(trust, i);
		struct public_key key;
		assert_ptr_equal(trust_office(trust, office->id.text), office);
		memcpy(key.bytes, office->entry->transport_keys[0]->key.data, 32);
		assert_ptr_equal(trust_office_by_transport_key(trust, &key, WORLD_NOW), office);
	}
	/* More than fit into a document are refused when it is sealed, with the figures. */
	Liaison__Roster *huge = roster_of_many(world, "kh", 4000);
	Liaison__Signed *signed_message;
	struct fault fault;
	assert_int_equal(document_seal(DOCUMENT_ROSTER, &huge->base, &signed_message, &fault), LIAISON_TOO_LARGE);
	roster_free(huge);
	world_free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thousands_of_offices),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("trust_many", tests, NULL, NULL);
}
