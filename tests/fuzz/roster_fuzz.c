/*
 * Any bytes as the body of a roster or suspension that the right keys did sign: it is refused with a sentence, or it
 * makes a view in which every office is found and nothing that was there before has vanished.
 */
#include "proto/roster_report.h"
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
sign(const char *domain, const uint8_t *bytes, size_t len, const struct secret_keys *first,
	const struct secret_keys *second)
{
	Liaison__Signed *signed_message = malloc(sizeof *signed_message);
	enum liaison_err err;

	assert(signed_message != NULL);
	liaison__signed__init(signed_message);
	signed_message->has_body = 1;
	signed_message->body.len = len;
	signed_message->body.data = malloc(len + 1);
	assert(signed_message->body.data != NULL);
	memcpy(signed_message->body.data, bytes, len);
	err = signed_add(signed_message, domain, WORLD_NETWORK, first);
	if (err == LIAISON_OK && second != NULL)
		err = signed_add(signed_message, domain, WORLD_NETWORK, second);
	assert(err == LIAISON_OK);
	return signed_message;
}

static void
count_sentence(void *arg, const char *sentence)
{
	*(size_t *)arg += strlen(sentence) > 0;
}

static void
ignore_finding(void *arg, enum roster_finding finding, const char *sentence)
{
	(void)arg;
	(void)finding;
	assert(sentence[0] != '\0');
}

static void
check_view(const struct trust *before, const struct trust *view, const char *member)
{
	const Liaison__Roster *roster = trust_member(view, member)->roster;
	size_t sentences = 0;
	struct fault fault;

	for (size_t i = 0; i < trust_office_count(view); i++) {
		const struct office *office = trust_office_at(view, i);
		assert(trust_office(view, office->id.text) == office && office->number == i);
	}
	for (size_t i = 0; i < trust_office_count(before); i++)
		assert(trust_office(view, trust_office_at(before, i)->id.text) != NULL);
	roster_diff(trust_member(before, member)->roster, roster, count_sentence, &sentences);
	assert(roster_diff(roster, roster, count_sentence, &sentences) == 0);
	enum liaison_err err = roster_validate_successor(roster, roster, &fault);
	assert(err == LIAISON_OK);
	roster_check(roster, view, WORLD_NOW, ignore_finding, NULL);
	/* What an editor makes of it is a roster again. */
	Liaison__Roster *next = roster_next(roster, roster->since, WORLD_NOW, WORLD_NOW + MS_PER_DAY);
	assert(next != NULL);
	err = roster_validate(next, &fault);
	assert(err == LIAISON_OK);
	roster_free(next);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct world *world = fuzz_world();
	struct trust *trust = world_trust(world), *view;
	enum trust_change change;
	struct fault fault = {.message = ""};

	Liaison__Signed *roster =
		sign(DOMAIN_ROSTER, bytes, len, world_authority(world, "kh", 0), world_authority(world, "kh", 1));
	if (trust_add_roster(trust, roster, WORLD_NOW, &change, &view, &fault) == LIAISON_OK) {
		check_view(trust, view, "kh");
		trust_unref(view);
	} else {
		assert(fault.message[0] != '\0');
	}
	world_signed_free(roster);

	Liaison__Signed *suspension = sign(DOMAIN_SUSPENSION, bytes, len, world_duty(world, "kh"), NULL);
	if (trust_add_suspension(trust, suspension, WORLD_NOW, &change, &view, &fault) == LIAISON_OK) {
		assert(change == TRUST_CHANGED && trust_suspension_count(view) == 1);
		trust_unref(view);
	}
	world_signed_free(suspension);
	return 0;
}
