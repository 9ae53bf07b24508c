/* Rosters in sentences: that every change is named, and what speaks against signing. */
#include "proto/base/message.h"
#include "proto/card.h"
#include "proto/roster_report.h"
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

static Liaison__Office *
poipet(Liaison__Roster *roster)
{
	return roster_office(roster, "kh.blo.poipet");
}

struct sentences {
	char text[16384];
	size_t len, count, refused;
};

static void
collect(void *arg, const char *sentence)
{
	struct sentences *sentences = arg;
	int n = snprintf(sentences->text + sentences->len, sizeof sentences->text - sentences->len, "%s\n", sentence);

	assert_true(n > 1 && sentence[strlen(sentence) - 1] == '.');
	sentences->len += (size_t)n;
	sentences->count++;
}

static void
collect_finding(void *arg, enum roster_finding finding, const char *sentence)
{
	struct sentences *sentences = arg;

	sentences->refused += finding == ROSTER_REFUSED;
	collect(arg, sentence);
}

static void
assert_says(const struct sentences *sentences, const char *line)
{
	if (strstr(sentences->text, line) == NULL)
		fail_msg("nowhere does it say \"%s\":\n%s", line, sentences->text);
}

static void
test_diff_names_every_change(void **state)
{
	struct world *world = *state;
	const Liaison__Roster *held = trust_member(world_trust(world), "kh")->roster;
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	struct sentences sentences = {.len = 0};
	struct fault fault;

	assert_int_equal(roster_diff(held, roster, collect, &sentences), 0);
	assert_int_equal(roster_suspend_office(roster, "kh.blo.bavet", "under inquiry", &fault), LIAISON_OK);
	office_set_clearance(poipet(roster), LIAISON__LEVEL__LEVEL_GREEN);
	uint32_t most = template_find("blo")->publishes & ~(1U << LIAISON__KIND__KIND_DOCUMENT);
	assert_int_equal(office_set_publishes(poipet(roster), most), LIAISON_OK);
	assert_int_equal(office_set_rights(poipet(roster),
				 1U << LIAISON__RIGHT__RIGHT_PUBLISH | 1U << LIAISON__RIGHT__RIGHT_OPERATE),
		LIAISON_OK);
	assert_int_equal(roster_set_broker(roster, "th.broker"), LIAISON_OK);
	const char *const peers[] = {"la.broker", "th.broker"};
	assert_int_equal(roster_set_peers(roster, peers, 2), LIAISON_OK);
	assert_int_equal(roster_set_contributes(roster, 0), LIAISON_OK);
	assert_int_equal(
		roster_set_approval(roster, LIAISON__KIND__KIND_WANTED_PERSON, LIAISON__APPROVAL__APPROVAL_COMMITTEE),
		LIAISON_OK);
	Liaison__Card *card = card_new("kh.customs.desk", world_spare(world, KEYS_OFFICE), WORLD_NOW, NULL, 0);
	assert_int_equal(roster_set_office(roster, card, NULL, WORLD_NOW, NULL, &fault), LIAISON_OK);
	card_free(card);
	card = card_new("kh.police.desk", world_spare(world, KEYS_OFFICE), WORLD_NOW, NULL, 0);
	assert_int_equal(roster_set_office(roster, card, template_find("police"), WORLD_NOW, NULL, &fault), LIAISON_OK);
	card_free(card);
	assert_int_equal(office_set_contact(poipet(roster), "+855 00", NULL, NULL, 0), LIAISON_OK);
	roster->expires += MS_PER_DAY;

	size_t said = roster_diff(held, roster, collect, &sentences);
	assert_int_equal(said, sentences.count);
	assert_says(&sentences, "kh.blo.bavet is suspended (under inquiry)");
	assert_says(&sentences, "kh.blo.poipet may receive up to GREEN (before: RED).");
	assert_says(&sentences, "kh.blo.poipet may no longer publish DOCUMENT.");
	assert_says(&sentences, "kh.blo.poipet gets right OPERATE.");
	assert_says(&sentences, "kh.blo.poipet loses right SUBSCRIBE.");
	assert_says(&sentences, "kh.blo.poipet: its phone is +855 00 (before: none).");
	assert_says(&sentences, "kh is served by th.broker (before: kh.broker)");
	assert_says(&sentences, "kh exchanges alerts with la.broker");
	assert_says(&sentences, "kh no longer exchanges alerts with vn.broker.");
	assert_says(&sentences, "kh no longer contributes SMUGGLING_INCIDENT.");
	assert_says(&sentences, "kh: approval for WANTED_PERSON is COMMITTEE (before: NONE).");
	assert_says(&sentences, "kh.customs.desk: signing key ");
	assert_says(&sentences, "ends at 2026-01-29T08:00:00Z.");
	assert_says(&sentences, "kh.police.desk is new, of kind POLICE. Publishes: WANTED_PERSON, ");
	assert_says(&sentences, "kh: the roster expires at 2027-01-16T08:00:00Z (before: 2027-01-15T08:00:00Z).");
	assert_null(strstr(sentences.text, "kh.atu.capital"));
	roster_free(roster);

	/* From nothing: every office is new. */
	sentences = (struct sentences){.len = 0};
	assert_int_equal(roster_diff(NULL, held, collect, &sentences), held->n_offices);
}

static void
test_check_says_what_would_be_refused_and_what_is_odd(void **state)
{
	struct world *world = *state;
	Liaison__Roster *roster = world_roster_edit(world, "kh");
	struct sentences sentences = {.len = 0};
	const struct trust *trust = world_trust(world);

	assert_int_equal(roster_check(roster, trust, WORLD_NOW, collect_finding, &sentences), 0);
	assert_int_equal(sentences.count, 0);

	roster->expires = WORLD_NOW + 5 * MS_PER_DAY;
	const char *const peers[] = {"la.broker", "th.broker", "vn.broker"};
	assert_int_equal(roster_set_peers(roster, peers, 3), LIAISON_OK);
	assert_int_equal(office_set_rights(poipet(roster), 0), LIAISON_OK);
	roster_office(roster, "kh.blo.bavet")->signing_keys[0]->has_not_after = 1;
	roster_office(roster, "kh.blo.bavet")->signing_keys[0]->not_after = WORLD_NOW + 1;
	memcpy(roster_office(roster, "kh.nrm.shelter")->transport_keys[0]->key.data,
		world_keys(world, "th.broker")->transport_public.bytes, 32);
	assert_int_equal(roster_check(roster, trust, WORLD_NOW, collect_finding, &sentences), 1); /* a key vanished */
	assert_says(&sentences, "transport key");
	assert_says(&sentences, "of kh.nrm.shelter is gone");
	assert_says(&sentences, "The roster expires in 7 days or less.");
	assert_says(&sentences, "Peer la.broker is on no roster held here.");
	assert_says(&sentences, "kh.blo.poipet can neither publish nor receive.");
	assert_says(&sentences, "kh.blo.bavet has no signing key that is valid now and as long as the roster.");
	assert_says(&sentences, "kh.nrm.shelter has the transport key of th.broker");

	sentences = (struct sentences){.len = 0};
	roster->version = 1;
	roster->since = 1;
	assert_int_equal(roster_check(roster, trust, WORLD_NOW, collect_finding, &sentences), 2);
	assert_says(&sentences, "Number it 2.");
	sentences = (struct sentences){.len = 0};
	roster->since = 4;
	assert_int_equal(roster_check(roster, trust, WORLD_NOW, collect_finding, &sentences), 1);
	assert_says(&sentences, "the charter says 1");
	sentences = (struct sentences){.len = 0};
	assert_int_equal(message_set_text(&roster->broker, NULL), LIAISON_OK);
	assert_int_equal(roster_check(roster, trust, WORLD_NOW, collect_finding, &sentences), 1);
	roster_free(roster);
}

static void
test_expiry_is_told_in_steps(void **state)
{
	static const struct {
		int64_t left;
		int days;
	} rows[] = {{31 * MS_PER_DAY, -1}, {30 * MS_PER_DAY + 1, -1}, {30 * MS_PER_DAY, 30}, {15 * MS_PER_DAY, 30},
		{14 * MS_PER_DAY, 14}, {7 * MS_PER_DAY, 7}, {MS_PER_DAY + 1, 7}, {MS_PER_DAY, 1}, {1, 1}, {0, 0},
		{-5, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(expiry_warning_days(WORLD_NOW + rows[i].left, WORLD_NOW), rows[i].days);
}

int
main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_diff_names_every_change),
		IN_WORLD(test_check_says_what_would_be_refused_and_what_is_odd),
		cmocka_unit_test(test_expiry_is_told_in_steps),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("roster_report", tests, NULL, NULL);
}
