#include "proto/roster_report.h"

#include "proto/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SENTENCE_BYTES 1024

struct check {
	roster_finding_fn *finding;
	void *arg;
	size_t refused;
};

LIAISON_PRINTF(3, 4)
static void
tell(struct check *check, enum roster_finding finding, const char *format, ...)
{
	char sentence[SENTENCE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof sentence, format, args);
	va_end(args);
	utf8_make_shown(sentence); /* a roster's texts are its authority's, and not checked for what a terminal obeys */
	check->finding(check->arg, finding, sentence);
	check->refused += finding == ROSTER_REFUSED;
}

int
expiry_warning_days(int64_t expires, int64_t now)
{
	static const int days[] = EXPIRY_TOLD_DAYS;
	int due = -1;

	if (now >= expires)
		return 0;
	for (size_t i = 0; i < sizeof days / sizeof days[0]; i++)
		if (expires - now <= days[i] * MS_PER_DAY)
			due = days[i];
	return due;
}

/* --- what would be refused ------------------------------------------------------------------------------------------ */

static void
check_place(struct check *check, const Liaison__Roster *roster, const struct trust *trust)
{
	const struct member *member = trust_member(trust, roster->member);
	struct fault fault;

	if (strcmp(roster->network, trust_network(trust)) != 0)
		tell(check, ROSTER_REFUSED, "The roster is of network %s; here is %s.", roster->network,
			trust_network(trust));
	if (member == NULL) {
		tell(check, ROSTER_REFUSED, "Charter %llu does not name %s as a member.",
			(unsigned long long)trust_charter_version(trust), roster->member);
		return;
	}
	if (roster->since != member->entry->since)
		tell(check, ROSTER_REFUSED, "The roster says authority keys since charter %llu; the charter says %llu.",
			(unsigned long long)roster->since, (unsigned long long)member->entry->since);
	const Liaison__Roster *held = member->roster;
	if (held == NULL || roster->since != held->since)
		return;
	if (roster_order(roster, held) <= 0)
		tell(check, ROSTER_REFUSED, "The roster is version %llu; version %llu is held already. Number it %llu.",
			(unsigned long long)roster->version, (unsigned long long)held->version,
			(unsigned long long)held->version + 1);
	if (roster_validate_successor(roster, held, &fault) != LIAISON_OK)
		tell(check, ROSTER_REFUSED, "%s.", fault.message);
}

/* --- what is odd ---------------------------------------------------------------------------------------------------- */

static void
check_times(struct check *check, const Liaison__Roster *roster, const struct trust *trust, int64_t now)
{
	const Liaison__Charter *charter = trust_charter(trust);
	int days = expiry_warning_days(roster->expires, now);

	if (days == 0)
		tell(check, ROSTER_WARNING, "The roster has expired already: brokers will take no alert of %s.",
			roster->member);
	else if (days > 0)
		tell(check, ROSTER_WARNING, "The roster expires in %d day%s or less.", days, days == 1 ? "" : "s");
	if (roster->issued > now + MS_PER_DAY)
		tell(check, ROSTER_WARNING,
			"The roster says it is issued in the future; look at this computer's clock.");
	if (charter != NULL && charter->expires < roster->expires)
		tell(check, ROSTER_WARNING, "The charter expires before the roster; the roster ends with it.");
}

static void
check_brokers(struct check *check, const Liaison__Roster *roster, const struct trust *trust)
{
	bool is_own = address_covers(roster->member, roster->broker);
	const struct office *broker = is_own ? NULL : trust_office(trust, roster->broker);

	if (!is_own && broker == NULL)
		tell(check, ROSTER_WARNING, "%s is to serve %s but is on no roster held here; offices cannot find it.",
			roster->broker, roster->member);
	else if (!is_own && broker->entry->kind != LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER)
		tell(check, ROSTER_WARNING, "%s is to serve %s but is not a broker.", roster->broker, roster->member);
	for (size_t i = 0; i < roster->n_peers; i++) {
		const struct office *peer = trust_office(trust, roster->peers[i]);
		bool names_us = false;
		if (peer == NULL) {
			tell(check, ROSTER_WARNING, "Peer %s is on no roster held here.", roster->peers[i]);
			continue;
		}
		for (size_t j = 0; j < peer->member->roster->n_peers; j++)
			names_us = names_us || strcmp(peer->member->roster->peers[j], roster->broker) == 0;
		if (!names_us)
			tell(check, ROSTER_WARNING,
				"%s does not name %s as a peer: nothing crosses until its roster does.",
				roster->peers[i], roster->broker);
	}
}

/* Whether the office has a key of that use that lasts as long as the roster, from `now` on. */
static bool
has_lasting_key(const Liaison__Roster *roster, const Liaison__Office *office, enum key_use use, int64_t now)
{
	Liaison__RosterKey *const *keys;
	size_t count = office_keys(office, use, &keys);

	for (size_t i = 0; i < count; i++)
		if (keys[i]->state == LIAISON__KEY_STATE__KEY_STATE_ACTIVE && keys[i]->not_before <= now &&
			(!keys[i]->has_not_after || keys[i]->not_after >= roster->expires))
			return true;
	return false;
}

static void
check_claims(struct check *check, const Liaison__Roster *roster, const Liaison__Office *office,
	const struct trust *trust, int64_t now)
{
	for (size_t i = 0; i < office->n_transport_keys; i++) {
		struct public_key key;
		memcpy(key.bytes, office->transport_keys[i]->key.data, PUBLIC_KEY_BYTES);
		const struct office *owner = trust_office_by_transport_key(trust, &key, now);
		if (owner != NULL && strcmp(owner->member->code, roster->member) != 0)
			tell(check, ROSTER_WARNING, "%s has the transport key of %s, which had it first and keeps it.",
				office->id, owner->id.text);
	}
}

static void
check_office(struct check *check, const Liaison__Roster *roster, const Liaison__Office *office,
	const struct trust *trust, int64_t now)
{
	uint32_t rights = 0;

	if (office->state == LIAISON__OFFICE_STATE__OFFICE_STATE_SUSPENDED)
		return;
	for (enum key_use use = 0; use < KEY_USES; use++) {
		bool needed = use != KEY_CHECKPOINT || office->kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER;
		if (needed && !has_lasting_key(roster, office, use, now))
			tell(check, ROSTER_WARNING, "%s has no %s key that is valid now and as long as the roster.",
				office->id, key_use_name(use));
	}
	check_claims(check, roster, office, trust, now);
	if (office->kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER)
		return;
	for (size_t i = 0; i < office->n_rights; i++)
		rights |= UINT32_C(1) << office->rights[i];
	bool may_publish = (rights & UINT32_C(1) << LIAISON__RIGHT__RIGHT_PUBLISH) != 0;
	bool may_subscribe = (rights & UINT32_C(1) << LIAISON__RIGHT__RIGHT_SUBSCRIBE) != 0;
	if (!may_publish && !may_subscribe)
		tell(check, ROSTER_WARNING, "%s can neither publish nor receive.", office->id);
	if (may_publish && office->n_publishes == 0)
		tell(check, ROSTER_WARNING, "%s has right publish and no kind that it may publish.", office->id);
	if (may_subscribe && office->n_receives == 0)
		tell(check, ROSTER_WARNING, "%s has right subscribe and no kind that it may receive.", office->id);
	if (office->n_names == 0)
		tell(check, ROSTER_WARNING, "%s has no name for the directory.", office->id);
}

size_t
roster_check(
	const Liaison__Roster *roster, const struct trust *trust, int64_t now, roster_finding_fn *finding, void *arg)
{
	struct check check = {.finding = finding, .arg = arg};
	struct fault fault;

	if (roster_validate(roster, &fault) != LIAISON_OK) {
		tell(&check, ROSTER_REFUSED, "%s.", fault.message);
		return check.refused; /* nothing else can be said of it */
	}
	check_place(&check, roster, trust);
	check_times(&check, roster, trust, now);
	check_brokers(&check, roster, trust);
	for (size_t i = 0; i < roster->n_offices; i++)
		check_office(&check, roster, roster->offices[i], trust, now);
	return check.refused;
}
