/*
 * Any bytes as the body of a charter that enough root keys did sign, or of a card under its own key: refused with a
 * sentence, or a view that still holds together and a charter that can be edited into a successor.
 */
#include "proto/card.h"
#include "proto/charter.h"
#include "proto/signing.h"
#include "tests/support/world.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct world *
fuzz_world(void)
{
	static struct world *world;

	if (world == NULL)
		world = world_new(1);
	return world;
}

static Liaison__Signed *
sign(const struct world *world, const uint8_t *bytes, size_t len)
{
	Liaison__Signed *signed_message = malloc(sizeof *signed_message);
	enum liaison_err err = LIAISON_OK;

	assert(signed_message != NULL);
	liaison__signed__init(signed_message);
	signed_message->has_body = 1;
	signed_message->body.len = len;
	signed_message->body.data = malloc(len + 1);
	assert(signed_message->body.data != NULL);
	memcpy(signed_message->body.data, bytes, len);
	for (size_t i = 0; err == LIAISON_OK && i < WORLD_ROOTS; i++)
		err = signed_add(signed_message, DOMAIN_CHARTER, WORLD_NETWORK, world_root(world, i));
	assert(err == LIAISON_OK);
	return signed_message;
}

static void
check_view(const struct trust *view)
{
	const Liaison__Charter *charter = trust_charter(view);
	struct fault fault;

	assert(trust_charter_version(view) == charter->version);
	assert(trust_member_count(view) == charter->n_members);
	for (size_t i = 0; i < charter->n_members; i++) {
		const struct member *member = trust_member_at(view, i);
		assert(trust_member(view, charter->members[i]->code) == member);
		assert(member->roster == NULL || member->roster->since == member->entry->since);
	}
	for (size_t i = 0; i < trust_office_count(view); i++)
		assert(trust_office(view, trust_office_at(view, i)->id.text) == trust_office_at(view, i));
	Liaison__Charter *next = charter_next(charter, WORLD_NOW, WORLD_EXPIRES);
	assert(next != NULL);
	enum liaison_err err = charter_validate(next, &fault);
	if (err == LIAISON_OK)
		err = charter_validate_successor(next, charter, &fault);
	assert(err == LIAISON_OK);
	charter_free(next);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct world *world = fuzz_world();
	Liaison__Signed *charter = sign(world, bytes, len);
	enum trust_change change;
	struct document *card;
	struct trust *view;
	struct fault fault = {.message = ""};

	if (trust_add_charter(world_trust(world), charter, WORLD_NOW, &change, &view, &fault) == LIAISON_OK) {
		check_view(view);
		trust_unref(view);
	} else {
		assert(fault.message[0] != '\0');
	}
	/* Nobody can have signed it as a card, whatever it says. */
	enum liaison_err err = card_open(charter, &card, &fault);
	assert(err != LIAISON_OK);
	world_signed_free(charter);
	return 0;
}
