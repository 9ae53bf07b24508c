/* Who may see an alert: one row for each reason, the order of reasons, notices, what explaining says. */
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
#define TH_BLO "th.blo.aranyaprathet"
#define KIND_BIT(name) (UINT32_C(1) << LIAISON__KIND__KIND_##name)

/* A route of kh, AMBER to TH and VN, at WORLD_NOW. What a row changes is undone by the next row's new start. */
struct scene {
	struct world *world;
	struct facts *alert;
	struct alert_state state;
	const char *office;
	int64_t now;
};

static void
scene_init(struct scene *scene, Liaison__Kind kind)
{
	*scene = (struct scene){
		.world = world_new(SEED), .alert = facts_of(an_alert(kind, NULL)), .office = TH_BLO, .now = WORLD_NOW};
}

static void
scene_clear(struct scene *scene)
{
	facts_free(scene->alert);
	world_free(scene->world);
}

static enum release_reason
scene_ask(const struct scene *scene)
{
	const struct trust *trust = world_trust(scene->world);

	return may_release(scene->alert, &scene->state, trust_office(trust, scene->office), trust, scene->now);
}

static void
nothing(struct scene *scene)
{
	(void)scene;
}
static void
unknown_office(struct scene *scene)
{
	scene->office = "th.blo.nowhere";
}
static void
after_roster(struct scene *scene)
{
	scene->now = WORLD_EXPIRES + ROSTER_GRACE_MS + 1;
}
static void
in_grace(struct scene *scene)
{
	scene->now = WORLD_EXPIRES + 1;
	scene->alert->expires = INT64_MAX;
}
static void
suspended(struct scene *scene)
{
	world_suspend(scene->world, TH_BLO);
}
static void
a_broker(struct scene *scene)
{
	scene->office = "th.broker";
}
static void
not_addressed(struct scene *scene)
{
	const struct change changes[] = {{"handling.countries", "[\"VN\"]"}, {NULL, NULL}};

	facts_free(scene->alert);
	scene->alert = facts_of(an_alert(LIAISON__KIND__KIND_ROUTE, changes));
}
static void
own_country(struct scene *scene)
{
	scene->office = "kh.atu.capital";
}
static void
the_author(struct scene *scene)
{
	scene->office = ALERT_OFFICE;
}
static void
without_own_country(struct scene *scene)
{
	const struct change changes[] = {{"handling.ownCountry", "false"}, {NULL, NULL}};

	facts_free(scene->alert);
	scene->alert = facts_of(an_alert(LIAISON__KIND__KIND_ROUTE, changes));
	scene->office = "kh.atu.capital";
}
static void
low_clearance(struct scene *scene)
{
	world_set_clearance(scene->world, TH_BLO, LIAISON__LEVEL__LEVEL_GREEN);
}
static void
equal_clearance(struct scene *scene)
{
	world_set_clearance(scene->world, TH_BLO, LIAISON__LEVEL__LEVEL_AMBER);
}
static void
other_kinds(struct scene *scene)
{
	world_set_kinds(scene->world, TH_BLO, 0, KIND_BIT(VEHICLE));
}
static void
incident(struct scene *scene)
{
	facts_free(scene->alert);
	scene->alert = facts_of(an_alert(LIAISON__KIND__KIND_SMUGGLING_INCIDENT, NULL));
}
static void
incident_without_contribution(struct scene *scene)
{
	incident(scene);
	world_set_contributes(scene->world, "th", KIND_BIT(ROUTE));
}
static void
expired(struct scene *scene)
{
	scene->alert->expires = scene->now;
}
static void
last_moment(struct scene *scene)
{
	scene->now = scene->alert->expires - 1;
}
static void
cancelled(struct scene *scene)
{
	scene->state.is_cancelled = true;
}
static void
restricted(struct scene *scene)
{
	scene->state.is_restricted = true;
}
static void
erased(struct scene *scene)
{
	scene->state.is_erased = true;
}
static void
not_to_be_kept(struct scene *scene)
{
	scene->alert->keep_until = scene->now;
}
static void
to_be_kept(struct scene *scene)
{
	scene->alert->keep_until = scene->now + 1;
}
static void
a_reply(struct scene *scene)
{
	scene->alert->message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_HIT;
}
static void
an_update(struct scene *scene)
{
	scene->alert->message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE;
}

#define ROW(change, reason)                                                                                            \
	{                                                                                                              \
#change, change, reason                                                                                \
	}
static const struct {
	const char *name;
	void (*change)(struct scene *scene);
	enum release_reason reason;
} rows[] = {
	ROW(nothing, RELEASE_ALLOWED),
	ROW(unknown_office, RELEASE_NO_ROSTER),
	ROW(after_roster, RELEASE_ROSTER_EXPIRED),
	ROW(in_grace, RELEASE_ALLOWED),
	ROW(suspended, RELEASE_SUSPENDED),
	ROW(a_broker, RELEASE_NO_RIGHT),
	ROW(not_addressed, RELEASE_NOT_ADDRESSED),
	ROW(own_country, RELEASE_ALLOWED),
	ROW(the_author, RELEASE_ALLOWED),
	ROW(without_own_country, RELEASE_NOT_ADDRESSED),
	ROW(low_clearance, RELEASE_CLEARANCE),
	ROW(equal_clearance, RELEASE_ALLOWED),
	ROW(other_kinds, RELEASE_KIND),
	ROW(incident, RELEASE_ALLOWED),
	ROW(incident_without_contribution, RELEASE_NOT_CONTRIBUTING),
	ROW(expired, RELEASE_EXPIRED),
	ROW(last_moment, RELEASE_ALLOWED),
	ROW(cancelled, RELEASE_CANCELLED),
	ROW(restricted, RELEASE_RESTRICTED),
	ROW(erased, RELEASE_RESTRICTED),
	ROW(not_to_be_kept, RELEASE_RESTRICTED),
	ROW(to_be_kept, RELEASE_ALLOWED),
	ROW(a_reply, RELEASE_NOT_SUPPORTED),
	ROW(an_update, RELEASE_ALLOWED),
};

static void
each_reason_is_given(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		scene_init(&scene, LIAISON__KIND__KIND_ROUTE);
		rows[i].change(&scene);
		enum release_reason reason = scene_ask(&scene);
		if (reason != rows[i].reason)
			fail_msg("%s: %s, expected %s", rows[i].name, release_reason_name(reason),
				release_reason_name(rows[i].reason));
		scene_clear(&scene);
	}
}

/* Where two rules deny, the earlier one is the answer: every pair of rows that changes different things. */
static void
the_first_reason_counts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = i + 1; k < COUNT(rows); k++) {
			bool both_deny = rows[i].reason != RELEASE_ALLOWED && rows[k].reason != RELEASE_ALLOWED;
			/* These put another office or alert in the place of the one that the other row changed. */
			bool replaces = rows[i].change == unknown_office || rows[i].change == a_broker ||
					rows[i].change == without_own_country || rows[k].change == a_broker ||
					rows[k].change == without_own_country || rows[k].change == not_addressed ||
					rows[k].change == incident_without_contribution;
			if (!both_deny || replaces || rows[i].reason >= rows[k].reason)
				continue;
			struct scene scene;
			scene_init(&scene, LIAISON__KIND__KIND_ROUTE);
			rows[i].change(&scene);
			rows[k].change(&scene);
			enum release_reason reason = scene_ask(&scene);
			if (reason != rows[i].reason)
				fail_msg("%s and %s: %s", rows[i].name, rows[k].name, release_reason_name(reason));
			scene_clear(&scene);
		}
	}
}

static void
a_duty_key_suspends_for_its_time(void **state)
{
	(void)state;
	struct scene scene;
	struct fault fault;
	enum trust_change change;
	struct trust *view;

	scene_init(&scene, LIAISON__KIND__KIND_ROUTE);
	Liaison__Signed *word = world_suspension(scene.world, TH_BLO, NULL, WORLD_NOW, WORLD_NOW + MS_PER_DAY);
	assert_int_equal(
		trust_add_suspension(world_trust(scene.world), word, WORLD_NOW, &change, &view, &fault), LIAISON_OK);
	const struct office *office = trust_office(view, TH_BLO);
	assert_int_equal(may_release(scene.alert, NULL, office, view, WORLD_NOW + 1), RELEASE_SUSPENDED);
	assert_int_equal(may_release(scene.alert, NULL, office, view, WORLD_NOW + 2 * MS_PER_DAY), RELEASE_ALLOWED);
	trust_unref(view);
	world_signed_free(word);
	scene_clear(&scene);
}

/* --- notices --------------------------------------------------------------------------------------------------------- */

static void
a_notice_goes_where_the_alert_went(void **state)
{
	(void)state;
	struct scene scene;
	struct facts *cancel = facts_of(a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, NULL));

	scene_init(&scene, LIAISON__KIND__KIND_ROUTE);
	/* Nothing that denies the alert keeps its cancellation back. */
	world_set_clearance(scene.world, TH_BLO, LIAISON__LEVEL__LEVEL_CLEAR);
	world_set_kinds(scene.world, TH_BLO, 0, 0);
	const struct trust *trust = world_trust(scene.world);
	const struct office *th = trust_office(trust, TH_BLO), *vn = trust_office(trust, "vn.blo.mocbai");
	int64_t late = WORLD_EXPIRES + 30 * MS_PER_DAY;
	assert_int_equal(may_release_notice(cancel, scene.alert, false, th, trust, late), RELEASE_ALLOWED);
	assert_int_equal(may_release_notice(cancel, scene.alert, false, vn, trust, WORLD_NOW), RELEASE_ALLOWED);
	/* Not addressed, but it was given it: an old distribution, another rule, whatever. */
	scene.alert->address_count = 0;
	assert_int_equal(may_release_notice(cancel, scene.alert, false, th, trust, WORLD_NOW), RELEASE_NOT_ADDRESSED);
	assert_int_equal(may_release_notice(cancel, scene.alert, true, th, trust, WORLD_NOW), RELEASE_ALLOWED);
	assert_int_equal(may_release_notice(cancel, NULL, false, th, trust, WORLD_NOW), RELEASE_NOT_ADDRESSED);
	assert_int_equal(may_release_notice(cancel, NULL, true, th, trust, WORLD_NOW), RELEASE_ALLOWED);
	assert_int_equal(may_release_notice(cancel, scene.alert, true, NULL, trust, WORLD_NOW), RELEASE_NO_ROSTER);
	assert_int_equal(
		may_release_notice(cancel, scene.alert, true, trust_office(trust, "th.broker"), trust, WORLD_NOW),
		RELEASE_NO_RIGHT);
	/* What is no notice does not get out this way. */
	assert_int_equal(
		may_release_notice(scene.alert, scene.alert, true, th, trust, WORLD_NOW), RELEASE_NOT_SUPPORTED);
	world_suspend(scene.world, TH_BLO);
	trust = world_trust(scene.world);
	assert_int_equal(may_release_notice(cancel, scene.alert, true, trust_office(trust, TH_BLO), trust, WORLD_NOW),
		RELEASE_SUSPENDED);
	/* Nor does a notice by the way of alerts. */
	assert_int_not_equal(
		may_release(cancel, NULL, trust_office(trust, "vn.blo.mocbai"), trust, WORLD_NOW), RELEASE_ALLOWED);
	facts_free(cancel);
	scene_clear(&scene);
}

/* --- explain and audience --------------------------------------------------------------------------------------------- */

struct told {
	enum release_reason first_denial;
	int last, count;
	bool has_sentences;
};

static void
take_rule(void *arg, enum release_reason rule, bool holds, const char *sentence)
{
	struct told *told = arg;
	size_t len = strlen(sentence);

	assert_int_equal((int)rule, told->last + 1);
	told->last = (int)rule;
	told->count++;
	if (!holds && told->first_denial == RELEASE_ALLOWED)
		told->first_denial = rule;
	told->has_sentences = told->has_sentences && len > 10 && sentence[len - 1] == '.';
}

static void
explaining_agrees_with_the_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene;
		struct told told = {.has_sentences = true};
		scene_init(&scene, LIAISON__KIND__KIND_ROUTE);
		rows[i].change(&scene);
		const struct trust *trust = world_trust(scene.world);
		release_explain(scene.alert, &scene.state, trust_office(trust, scene.office), trust, scene.now,
			take_rule, &told);
		assert_int_equal(told.first_denial, rows[i].reason);
		assert_int_equal(told.count, RELEASE_REASONS - 1);
		assert_true(told.has_sentences);
		scene_clear(&scene);
	}
}

static void
names_and_meanings_are_there(void **state)
{
	(void)state;
	for (int i = 0; i < RELEASE_REASONS; i++) {
		assert_true(strlen(release_reason_meaning((enum release_reason)i)) > 10);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(release_reason_name((enum release_reason)i),
				release_reason_name((enum release_reason)k));
	}
}

static void
the_audience_is_who_may_see_it(void **state)
{
	(void)state;
	const struct change changes[] = {
		{"handling", "{\"level\":\"RED\",\"offices\":[\"" TH_BLO "\",\"th.broker\"]}"}, {NULL, NULL}};
	struct scene scene;
	uint32_t *numbers;

	scene_init(&scene, LIAISON__KIND__KIND_ROUTE);
	const struct trust *trust = world_trust(scene.world);
	numbers = malloc(trust_office_count(trust) * sizeof *numbers);
	assert_non_null(numbers);
	size_t count = release_audience(scene.alert, NULL, trust, WORLD_NOW, numbers);
	for (size_t i = 0, at = 0; i < trust_office_count(trust); i++) {
		bool may =
			may_release(scene.alert, NULL, trust_office_at(trust, i), trust, WORLD_NOW) == RELEASE_ALLOWED;
		assert_int_equal(may, at < count && numbers[at] == i);
		at += may;
	}
	facts_free(scene.alert);
	scene.alert = facts_of(an_alert(LIAISON__KIND__KIND_ROUTE, changes));
	assert_int_equal(release_audience(scene.alert, NULL, trust, WORLD_NOW, numbers), 1);
	assert_string_equal(trust_office_at(trust, numbers[0])->id.text, TH_BLO);
	free(numbers);
	scene_clear(&scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reason_is_given),
		cmocka_unit_test(the_first_reason_counts),
		cmocka_unit_test(a_duty_key_suspends_for_its_time),
		cmocka_unit_test(a_notice_goes_where_the_alert_went),
		cmocka_unit_test(explaining_agrees_with_the_rule),
		cmocka_unit_test(names_and_meanings_are_there),
		cmocka_unit_test(the_audience_is_who_may_see_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
