/* The release rule told over again, in other words and over texts, for random worlds and alerts. */
#include "proto/base/rand.h"
#include "proto/release.h"
#include "tests/support/alerts.h"
#include "tests/support/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SEED UINT64_C(11)

/*
 * As DESIGN's sentence has it, over texts: the distribution addresses the office, its clearance is enough, its roster lets
 * it receive the kind, it is not suspended, the alert is alive. Takes nothing from struct facts but what a body says.
 */
static bool
naive_may_release(const Liaison__Alert *alert, const struct alert_state *state, const Liaison__Roster *roster,
	const Liaison__Office *office, int64_t now)
{
	const Liaison__Handling *handling = alert->handling;
	bool addressed = handling->has_everyone && handling->everyone, receives = false, subscribes = false,
	     contributes = false;
	char with_dot[80], prefix[80];

	snprintf(with_dot, sizeof with_dot, "%s.", office->id);
	for (size_t i = 0; i < handling->n_countries; i++) {
		snprintf(
			prefix, sizeof prefix, "%c%c.", handling->countries[i][0] | 32, handling->countries[i][1] | 32);
		addressed |= strstr(with_dot, prefix) == with_dot;
	}
	for (size_t i = 0; i < handling->n_offices; i++) {
		snprintf(prefix, sizeof prefix, "%s.", handling->offices[i]);
		addressed |= strstr(with_dot, prefix) == with_dot;
	}
	if (handling->level != LIAISON__LEVEL__LEVEL_RED && !(handling->has_own_country && !handling->own_country))
		addressed |= memcmp(office->id, alert->id, 3) == 0;
	for (size_t i = 0; i < office->n_receives; i++)
		receives |= office->receives[i] == alert->kind;
	for (size_t i = 0; i < office->n_rights; i++)
		subscribes |= office->rights[i] == LIAISON__RIGHT__RIGHT_SUBSCRIBE;
	for (size_t i = 0; i < roster->n_contributes; i++)
		contributes |= roster->contributes[i] == alert->kind;
	if (alert->kind == LIAISON__KIND__KIND_SMUGGLING_INCIDENT && !contributes)
		return false;
	return addressed && receives && subscribes && office->clearance >= handling->level && now < alert->expires &&
	       office->state == LIAISON__OFFICE_STATE__OFFICE_STATE_ACTIVE && !state->is_cancelled &&
	       !state->is_restricted && !(handling->has_keep_until && handling->keep_until <= now) &&
	       now <= roster->expires + ROSTER_GRACE_MS;
}

static const char *const handlings[] = {
	"{\"level\":\"CLEAR\",\"everyone\":true}",
	"{\"level\":\"GREEN\",\"countries\":[\"TH\"]}",
	"{\"level\":\"GREEN\",\"ownCountry\":false,\"countries\":[\"VN\",\"TH\"]}",
	"{\"level\":\"AMBER\",\"countries\":[\"VN\"],\"offices\":[\"th.blo\"],\"keepUntil\":\"2026-02-01T00:00:00Z\"}",
	"{\"level\":\"AMBER\",\"offices\":[\"th.atu\",\"vn.customs.desk\",\"th.at\"],\"ownCountry\":false}",
	"{\"level\":\"RED\",\"offices\":[\"th.atu.capital\",\"kh.blo.poipet\",\"vn.nrm.shelter\"]}",
	"{\"level\":\"RED\",\"offices\":[\"kh.blo.poipet.2\",\"vn.broker\"]}",
};

static const Liaison__Kind drawn_kinds[] = {LIAISON__KIND__KIND_ROUTE, LIAISON__KIND__KIND_WANTED_PERSON,
	LIAISON__KIND__KIND_SMUGGLING_INCIDENT, LIAISON__KIND__KIND_DOCUMENT};

static void
shake_world(struct world *world, const struct rng *rng)
{
	const struct trust *trust = world_trust(world);
	char office[OFFICE_ID_BYTES];

	snprintf(office, sizeof office, "%s",
		trust_office_at(trust, rng_below(rng, (uint32_t)trust_office_count(trust)))->id.text);
	switch (rng_below(rng, 4)) {
	case 0: world_set_clearance(world, office, (Liaison__Level)(1 + rng_below(rng, 4))); break;
	case 1: world_set_kinds(world, office, 0, rng_below(rng, 1u << 13) & ~1u); break;
	case 2: world_set_contributes(world, rng_below(rng, 2) ? "th" : "vn", rng_below(rng, 1u << 13) & ~1u); break;
	case 3: world_suspend(world, office); break;
	}
}

static void
random_worlds_agree_with_the_naive_rule(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	struct world *world = world_new(SEED);
	unsigned allowed = 0, asked = 0;

	printf("seed %llu\n", (unsigned long long)SEED);
	for (int round = 0; round < 150; round++) {
		/* Suspensions would leave nobody in the end. */
		if (round % 10 == 0) {
			world_free(world);
			world = world_new(SEED + (uint64_t)round);
		}
		shake_world(world, &rng);
		const struct trust *trust = world_trust(world);
		const struct change changes[] = {
			{"handling", handlings[rng_below(&rng, COUNT(handlings))]}, {NULL, NULL}};
		Liaison__Alert *alert = an_alert(drawn_kinds[rng_below(&rng, COUNT(drawn_kinds))], changes);
		struct facts *facts = facts_of(an_alert(alert->kind, changes));
		struct alert_state happened = {
			.is_cancelled = rng_below(&rng, 8) == 0, .is_restricted = rng_below(&rng, 8) == 0};
		int64_t now = WORLD_NOW + (int64_t)rng_below(&rng, 100) * MS_PER_DAY;
		for (size_t i = 0; i < trust_office_count(trust); i++) {
			const struct office *office = trust_office_at(trust, i);
			bool expected = naive_may_release(alert, &happened, office->member->roster, office->entry, now);
			bool is = may_release(facts, &happened, office, trust, now) == RELEASE_ALLOWED;
			if (is != expected)
				fail_msg("round %d, %s: %d, expected %d", round, office->id.text, is, expected);
			allowed += is;
			asked++;
		}
		facts_free(facts);
		liaison__alert__free_unpacked(alert, NULL);
	}
	assert_true(allowed > 100 && allowed < asked / 2);
	world_free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(random_worlds_agree_with_the_naive_rule)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
