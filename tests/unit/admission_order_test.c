/* Who may say it, in which order admission asks, what may follow an alert, and that no altered body gets in. */
#include "proto/base/rand.h"
#include "proto/signing.h"
#include "tests/support/admitting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define K(name) LIAISON__KIND__KIND_##name
#define M(name) LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_##name
#define SEED UINT64_C(5)
#define KIND_BIT(name) (UINT32_C(1) << K(name))

static void
assert_names(const struct admitting *admitting, const char *text)
{
	if (strstr(admitting->fault.message, text) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", admitting->fault.message, text);
}

/* --- the signer ------------------------------------------------------------------------------------------------------- */

static void
only_the_office_itself_may_say_it(void **state)
{
	(void)state;
	struct admitting admitting;

	admitting_init(&admitting);
	admitting.connected = "kh.blo.bavet";
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_NOT_PERMITTED);
	assert_names(&admitting, "kh.blo.bavet");
	/* A desk is an office of its own, and may not publish for its post. */
	admitting.connected = "kh.blo.poipet.2";
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_NOT_PERMITTED);
	admitting.connected = NULL;
	world_suspend(admitting.world, ALERT_OFFICE);
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_NOT_PERMITTED);
	assert_names(&admitting, "suspended");
	admitting_clear(&admitting);
}

static void
signatures_are_of_a_valid_key_of_the_office(void **state)
{
	(void)state;
	struct admitting admitting;
	struct envelope envelope;
	size_t len;

	admitting_init(&admitting);
	Liaison__Alert *alert = a_route_alert();
	uint8_t *body = alert_bytes(alert, &len);
	/* Another office's key, another network, and a key that was revoked. */
	const struct secret_keys *bavet = world_keys(admitting.world, "kh.blo.bavet");
	const struct secret_keys *poipet = world_keys(admitting.world, ALERT_OFFICE);
	assert_int_equal(envelope_sign(WORLD_NETWORK, bavet, body, len, &envelope), LIAISON_OK);
	assert_int_equal(admitting_try_envelope(&admitting, &envelope), LIAISON_BAD_SIGNATURE);
	assert_int_equal(envelope_sign("other.net", poipet, body, len, &envelope), LIAISON_OK);
	assert_int_equal(admitting_try_envelope(&admitting, &envelope), LIAISON_BAD_SIGNATURE);
	assert_int_equal(envelope_sign(WORLD_NETWORK, poipet, body, len, &envelope), LIAISON_OK);
	world_revoke_keys(admitting.world, ALERT_OFFICE);
	assert_int_equal(admitting_try_envelope(&admitting, &envelope), LIAISON_BAD_SIGNATURE);
	liaison__alert__free_unpacked(alert, NULL);
	free(body);
	admitting_clear(&admitting);
}

static void
rosters_and_rights_decide(void **state)
{
	(void)state;
	const struct change nobody[] = {{"id", "\"kh.blo.poipet.3/1\""}, {NULL, NULL}};
	struct admitting admitting;

	admitting_init(&admitting);
	world_keys_new(admitting.world, "kh.blo.poipet.3", KEYS_OFFICE);
	assert_int_equal(admitting_try(&admitting, an_alert(K(ROUTE), nobody)), LIAISON_UNKNOWN_OFFICE);
	assert_names(&admitting, "kh.blo.poipet.3");
	world_set_kinds(admitting.world, ALERT_OFFICE, KIND_BIT(VEHICLE), 0);
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_NOT_PERMITTED);
	assert_names(&admitting, "kind: the roster does not let kh.blo.poipet publish ROUTE");
	assert_int_equal(admitting_try(&admitting, an_alert(K(VEHICLE), NULL)), LIAISON_OK);
	/* Nothing new after the days of grace; before they end, yes. */
	const struct change late[] = {{"sent", "\"2027-01-16T08:00:00Z\""}, {"expires", "\"2027-02-01T08:00:00Z\""},
		{"id", "\"kh.blo.poipet/2\""}, {NULL, NULL}};
	admitting.now = WORLD_EXPIRES + MS_PER_DAY;
	assert_int_equal(admitting_try(&admitting, an_alert(K(VEHICLE), late)), LIAISON_OK);
	admitting.now = WORLD_EXPIRES + ROSTER_GRACE_MS + MS_PER_DAY;
	assert_int_equal(admitting_try(&admitting, an_alert(K(VEHICLE), late)), LIAISON_EXISTS);
	const struct change later[] = {{"sent", "\"2027-01-23T08:00:00Z\""}, {"expires", "\"2027-02-01T08:00:00Z\""},
		{"id", "\"kh.blo.poipet/3\""}, {NULL, NULL}};
	assert_int_equal(admitting_try(&admitting, an_alert(K(VEHICLE), later)), LIAISON_ROSTER_EXPIRED);
	admitting_clear(&admitting);
}

static void
what_wants_an_approval_waits_for_a_later_version(void **state)
{
	(void)state;
	struct admitting admitting;

	admitting_init(&admitting);
	Liaison__Roster *roster = world_roster_edit(admitting.world, "kh");
	Liaison__KindApproval *approval = malloc(sizeof *approval);
	assert_non_null(approval);
	liaison__kind_approval__init(approval);
	approval->has_kind = approval->has_approval = 1;
	approval->kind = K(ROUTE);
	approval->approval = LIAISON__APPROVAL__APPROVAL_OFFICER;
	roster->approvals = malloc(sizeof(void *));
	assert_non_null(roster->approvals);
	roster->approvals[0] = approval;
	roster->n_approvals = 1;
	world_roster_publish(admitting.world, roster);
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_NOT_SUPPORTED);
	assert_names(&admitting, "approved");
	assert_int_equal(admitting_try(&admitting, an_alert(K(VEHICLE), NULL)), LIAISON_OK);
	admitting_clear(&admitting);
}

/* --- the order ---------------------------------------------------------------------------------------------------------- */

/* One fault for each step, in the order of the steps; any two of them can be made together. */
static const struct {
	const char *path, *value;
	enum liaison_err err;
	bool by_other, without_kind;
} steps[] = {
	{"salt", "\"AAAA\"", LIAISON_MALFORMED, false, false},
	{"texts[0].headline", "\"\"", LIAISON_BAD_CODE, false, false},
	{NULL, NULL, LIAISON_NOT_PERMITTED, true, false},
	{NULL, NULL, LIAISON_NOT_PERMITTED, false, true},
	{"sent", "\"2026-01-16T08:00:00Z\"", LIAISON_CLOCK_AHEAD, false, false},
	{"expires", "\"2026-01-15T08:00:30Z\"", LIAISON_EXPIRED, false, false},
	{"subjects[0].person.documents[0].mrz", "\"P<KHM\"", LIAISON_BAD_IDENTIFIER, false, false},
	{"subjects[0].person.nationalities", "[\"KHM\"]", LIAISON_BAD_CODE, false, false},
	{"handling", "{\"level\":\"AMBER\"}", LIAISON_BAD_HANDLING, false, false},
	{"subjects[1]", "{\"protectedPerson\":{\"ageBand\":\"CHILD\"}}", LIAISON_VICTIM_IN_CLEAR, false, false},
	{"attachments",
		"[{\"mediaType\":\"image/"
		"png\",\"bytes\":1,\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}]",
		LIAISON_NOT_SUPPORTED, false, false},
};

static void
of_two_faults_the_earlier_counts(void **state)
{
	(void)state;
	struct admitting with_kind, without_kind;

	admitting_init(&with_kind);
	admitting_init(&without_kind);
	world_set_kinds(without_kind.world, ALERT_OFFICE, KIND_BIT(VEHICLE), 0);
	for (size_t i = 0; i < COUNT(steps); i++) {
		for (size_t k = i; k < COUNT(steps); k++) {
			struct change changes[3] = {{NULL, NULL}};
			size_t count = 0;
			if (steps[i].path != NULL)
				changes[count++] = (struct change){steps[i].path, steps[i].value};
			if (steps[k].path != NULL && k != i)
				changes[count++] = (struct change){steps[k].path, steps[k].value};
			bool lacks_kind = steps[i].without_kind || steps[k].without_kind;
			struct admitting *admitting = lacks_kind ? &without_kind : &with_kind;
			admitting->connected = steps[i].by_other || steps[k].by_other ? "kh.blo.bavet" : NULL;
			enum liaison_err err = admitting_try(admitting, an_alert(K(WANTED_PERSON), changes));
			if (err != steps[i].err)
				fail_msg("steps %zu and %zu: %s \"%s\", expected %s", i, k, err_name(err),
					admitting->fault.message, err_name(steps[i].err));
		}
	}
	admitting_clear(&with_kind);
	admitting_clear(&without_kind);
}

/* --- what follows an alert ---------------------------------------------------------------------------------------------- */

static void
the_same_body_again_is_the_same_whenever(void **state)
{
	(void)state;
	const struct change other[] = {{"texts[0].headline", "\"Another\""}, {NULL, NULL}};
	struct admitting admitting;

	admitting_init(&admitting);
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_OK);
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_EXISTS);
	admitting.now += 400 * MS_PER_DAY;
	assert_int_equal(admitting_try(&admitting, a_route_alert()), LIAISON_EXISTS);
	admitting.now = ALERT_NOW;
	assert_int_equal(admitting_try(&admitting, an_alert(K(ROUTE), other)), LIAISON_EQUIVOCATION);
	assert_names(&admitting, "kh.blo.poipet/1");
	admitting_clear(&admitting);
}

/* Known before: ROUTE kh.blo.poipet/1, its UPDATE /2, cancelled /3 and its CANCEL /4, th.blo.aranyaprathet/1, EXERCISE /5. */
static void
admit_history(struct admitting *admitting)
{
	const struct {
		Liaison__MessageType message;
		struct change changes[4];
	} history[] = {
		{M(ALERT), {{NULL, NULL}}},
		{M(UPDATE), {{"message", "\"UPDATE\""}, {"id", "\"kh.blo.poipet/2\""},
				    {"references", "[\"kh.blo.poipet/1\"]"}}},
		{M(ALERT), {{"id", "\"kh.blo.poipet/3\""}}},
		{M(CANCEL), {{"id", "\"kh.blo.poipet/4\""}, {"references", "[\"kh.blo.poipet/3\"]"}}},
		{M(ALERT), {{"id", "\"th.blo.aranyaprathet/1\""}}},
		{M(ALERT), {{"id", "\"kh.blo.poipet/5\""}, {"status", "\"EXERCISE\""}}},
	};

	for (size_t i = 0; i < COUNT(history); i++) {
		bool is_notice = history[i].message == M(CANCEL);
		enum liaison_err err = admitting_try(admitting,
			is_notice ? a_notice(M(CANCEL), history[i].changes) : an_alert(K(ROUTE), history[i].changes));
		if (err != LIAISON_OK)
			fail_msg("history %zu: %s", i, admitting->fault.message);
	}
}

static const struct {
	const char *by, *about;
	Liaison__MessageType message;
	enum liaison_err err;
	const char *names;
} followers[] = {
	{"kh.blo.poipet", "kh.blo.poipet/1", M(UPDATE), LIAISON_OK, ""},
	{"kh.blo.poipet", "kh.blo.poipet/1", M(CANCEL), LIAISON_OK, ""},
	{"kh.blo.poipet", "kh.blo.poipet/1", M(SUPERSEDED), LIAISON_OK, ""},
	{"kh.blo.poipet", "kh.blo.poipet/1", M(REDACT), LIAISON_NOT_SUPPORTED, "REDACT"},
	{"kh.blo.poipet", "kh.blo.poipet/2", M(CANCEL), LIAISON_OK, ""},
	{"kh.blo.poipet", "kh.blo.poipet/2", M(UPDATE), LIAISON_BAD_REFERENCE, "itself an UPDATE"},
	{"kh.blo.poipet", "kh.blo.poipet/3", M(UPDATE), LIAISON_BAD_REFERENCE, "cancelled"},
	{"kh.blo.poipet", "kh.blo.poipet/3", M(CANCEL), LIAISON_BAD_REFERENCE, "cancelled"},
	{"kh.blo.poipet", "kh.blo.poipet/4", M(CANCEL), LIAISON_BAD_REFERENCE, "itself a CANCEL"},
	{"kh.blo.poipet", "kh.blo.poipet/5", M(CANCEL), LIAISON_BAD_REFERENCE, "status"},
	{"kh.blo.poipet", "kh.blo.poipet/99", M(CANCEL), LIAISON_BAD_REFERENCE, "does not hold kh.blo.poipet/99"},
	{"kh.blo.poipet", "kh.blo.poipet/77", M(CANCEL), LIAISON_BAD_REFERENCE, "itself"},
	{"kh.blo.bavet", "kh.blo.poipet/1", M(CANCEL), LIAISON_NOT_PERMITTED, "recall"},
	{"kh.blo.poipet.2", "kh.blo.poipet/1", M(UPDATE), LIAISON_NOT_PERMITTED, "recall"},
	{"kh.ncc.secretariat", "kh.blo.poipet/1", M(CANCEL), LIAISON_OK, ""},
	{"kh.ncc.secretariat", "kh.blo.poipet/1", M(UPDATE), LIAISON_OK, ""},
	{"th.ncc.secretariat", "kh.blo.poipet/1", M(CANCEL), LIAISON_NOT_PERMITTED, "another country"},
	{"kh.blo.poipet", "th.blo.aranyaprathet/1", M(UPDATE), LIAISON_NOT_PERMITTED, "another country"},
};

static void
followers_need_their_alert_and_a_right_to_it(void **state)
{
	(void)state;
	struct admitting admitting;

	admitting_init(&admitting);
	for (size_t i = 0; i < COUNT(followers); i++) {
		char id[80], about[80], message[40];
		snprintf(id, sizeof id, "\"%s/77\"", followers[i].by);
		snprintf(about, sizeof about, "[\"%s\"]", followers[i].about);
		snprintf(message, sizeof message, "\"UPDATE\"");
		const struct change notice[] = {{"id", id}, {"references", about}, {NULL, NULL}};
		const struct change update[] = {{"id", id}, {"references", about}, {"message", message}, {NULL, NULL}};
		bool is_update = followers[i].message == M(UPDATE);
		admitting.known_count = 0;
		admit_history(&admitting);
		enum liaison_err err = admitting_try(
			&admitting, is_update ? an_alert(K(ROUTE), update) : a_notice(followers[i].message, notice));
		if (err != followers[i].err)
			fail_msg("row %zu: %s \"%s\", expected %s", i, err_name(err), admitting.fault.message,
				err_name(followers[i].err));
		assert_names(&admitting, followers[i].names);
	}
	admitting_clear(&admitting);
}

static void
an_update_keeps_its_kind_and_owners_may_always_cancel(void **state)
{
	(void)state;
	const struct change update[] = {{"message", "\"UPDATE\""}, {"id", "\"kh.blo.poipet/9\""},
		{"references", "[\"kh.blo.poipet/1\"]"}, {NULL, NULL}};
	const struct change content[] = {{"texts", "[{\"lang\":\"en\",\"headline\":\"x\"}]"}, {NULL, NULL}};
	const struct change no_reason[] = {{"reason", NULL}, {NULL, NULL}};
	struct admitting admitting;

	admitting_init(&admitting);
	admit_history(&admitting);
	assert_int_equal(admitting_try(&admitting, an_alert(K(HOTSPOT), update)), LIAISON_BAD_REFERENCE);
	assert_names(&admitting, "ROUTE");
	assert_int_equal(admitting_try(&admitting, a_notice(M(CANCEL), content)), LIAISON_BAD_CODE);
	assert_names(&admitting, "texts: must not be in a notice");
	assert_int_equal(admitting_try(&admitting, a_notice(M(CANCEL), no_reason)), LIAISON_BAD_CODE);
	assert_names(&admitting, "reason: is missing");
	/* A right to publish that was taken away does not keep a false alert standing. */
	const struct change about[] = {{"id", "\"kh.blo.poipet/9\""}, {NULL, NULL}};
	world_set_kinds(admitting.world, ALERT_OFFICE, 0, 0);
	assert_int_equal(admitting_try(&admitting, a_notice(M(CANCEL), about)), LIAISON_OK);
	admitting_clear(&admitting);
}

static void
replies_and_sealed_alerts_are_refused_whole(void **state)
{
	(void)state;
	static const char sealed[] =
		"{\"recipients\":[{\"office\":\"th.atu.capital\",\"key\":\"AAAAAAAAAAAAAAAAAAAAAA==\",\"box\":"
		"\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAA=\"}],"
		"\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"ciphertext\":\"AAAA\","
		"\"commitment\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}";
	const struct change hit[] = {
		{"id", "\"kh.blo.poipet/r1\""}, {"reason", NULL}, {"sealed", sealed}, {NULL, NULL}};
	const struct change open_hit[] = {
		{"id", "\"kh.blo.poipet/r1\""}, {"reason", NULL}, {"hit", "{\"note\":\"x\"}"}, {NULL, NULL}};
	const struct change missing[] = {{"sealed", sealed}, {"crime", NULL}, {"action", NULL}, {"texts", NULL},
		{"subjects", NULL}, {NULL, NULL}};
	const struct change half[] = {{"sealed", sealed}, {NULL, NULL}};
	const struct change where[] = {
		{"sealed", sealed}, {"crime", NULL}, {"action", NULL}, {"texts", NULL}, {NULL, NULL}};
	struct admitting admitting;

	admitting_init(&admitting);
	assert_int_equal(admitting_try(&admitting, a_notice(M(HIT), hit)), LIAISON_NOT_SUPPORTED);
	assert_names(&admitting, "HIT");
	assert_int_equal(admitting_try(&admitting, a_notice(M(HIT), open_hit)), LIAISON_BAD_CODE);
	assert_int_equal(admitting_try(&admitting, an_alert(K(MISSING_PERSON), missing)), LIAISON_NOT_SUPPORTED);
	assert_int_equal(admitting_try(&admitting, an_alert(K(MISSING_PERSON), half)), LIAISON_BAD_CODE);
	assert_names(&admitting, "crime: must not be in a sealed ALERT; it belongs inside `sealed`");
	assert_int_equal(admitting_try(&admitting, an_alert(K(ROUTE), where)), LIAISON_BAD_CODE);
	assert_names(&admitting, "where: only countries");
	admitting_clear(&admitting);
}

/* --- property ----------------------------------------------------------------------------------------------------- */

/* A signed body, altered anywhere, never gets in under its old signature, and nothing crashes on the way. */
static void
no_altered_body_is_admitted(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	struct admitting admitting;
	unsigned parsed = 0;

	printf("seed %llu\n", (unsigned long long)SEED);
	admitting_init(&admitting);
	for (unsigned i = 0; i < liaison__kind__descriptor.n_values; i++) {
		Liaison__Alert *alert = an_alert((Liaison__Kind)liaison__kind__descriptor.values[i].value, NULL);
		struct envelope envelope;
		size_t len;
		uint8_t *body = alert_bytes(alert, &len), *altered = malloc(len + 8);
		assert_non_null(altered);
		assert_int_equal(
			envelope_sign(WORLD_NETWORK, world_keys(admitting.world, ALERT_OFFICE), body, len, &envelope),
			LIAISON_OK);
		envelope.body = altered;
		for (unsigned k = 0; k < 2000; k++) {
			memcpy(altered, body, len);
			envelope.body_len = len;
			uint32_t at = rng_below(&rng, (uint32_t)len);
			switch (rng_below(&rng, 4)) {
			case 0: altered[at] ^= (uint8_t)(1u << rng_below(&rng, 8)); break;
			case 1: altered[at] = (uint8_t)(altered[at] + 1 + rng_below(&rng, 255)); break;
			case 2: envelope.body_len = at; break;
			case 3:
				memmove(altered + at + 1, altered + at, len - at);
				envelope.body_len = len + 1;
				altered[at] = (uint8_t)rng_below(&rng, 256);
				break;
			}
			bool is_same = envelope.body_len == len && memcmp(altered, body, len) == 0;
			enum liaison_err err = admitting_try_envelope(&admitting, &envelope);
			if (!is_same && (err == LIAISON_OK || err == LIAISON_EXISTS))
				fail_msg("kind %u, round %u: an altered body was admitted", i, k);
			parsed += err == LIAISON_BAD_SIGNATURE;
		}
		liaison__alert__free_unpacked(alert, NULL);
		free(body);
		free(altered);
	}
	assert_true(parsed > 1000); /* many alterations parse: the signature is what stops them */
	admitting_clear(&admitting);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_office_itself_may_say_it),
		cmocka_unit_test(signatures_are_of_a_valid_key_of_the_office),
		cmocka_unit_test(rosters_and_rights_decide),
		cmocka_unit_test(what_wants_an_approval_waits_for_a_later_version),
		cmocka_unit_test(of_two_faults_the_earlier_counts),
		cmocka_unit_test(the_same_body_again_is_the_same_whenever),
		cmocka_unit_test(followers_need_their_alert_and_a_right_to_it),
		cmocka_unit_test(an_update_keeps_its_kind_and_owners_may_always_cancel),
		cmocka_unit_test(replies_and_sealed_alerts_are_refused_whole),
		cmocka_unit_test(no_altered_body_is_admitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
