#include "agents/doctor.h"

#include "agents/feed_post.h"
#include "agents/outbox.h"
#include "agents/passphrase.h"
#include "agents/say.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"
#include "proto/roster_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_BAD_BYTES (UINT64_C(16) * 1024 * 1024)
#define DISK_WARNING_BYTES (UINT64_C(256) * 1024 * 1024)
#define MIB (UINT64_C(1024) * 1024)
#define OUTBOX_WAITS_MS MS_PER_HOUR

/* --- the folder, the keys --------------------------------------------------------------------------------------------- */

static bool
look_at_folder(struct doctor *doctor)
{
	struct fault fault;

	if (home_open(doctor->app->home, &doctor->agent.home, &fault) != LIAISON_OK) {
		doctor_say(doctor, "home", HEALTH_BAD, NULL, "%s", fault.message);
		return false;
	}
	if (folder_check(doctor->app->home, &fault) != LIAISON_OK)
		doctor_say(doctor, "home", HEALTH_BAD, "chmod 700 that folder, and make it yours", "%s", fault.message);
	else
		doctor_say(doctor, "home", HEALTH_GOOD, NULL, "%s is the home of %s.", doctor->app->home,
			doctor->agent.home->office.text);
	return true;
}

static void
look_at_keys(struct doctor *doctor)
{
	const struct passphrase_source source = passphrase_source();
	const char *office = doctor->agent.home->office.text;
	struct keyfile_info info;
	struct fault fault;

	char *path = home_file(doctor->app->home, "office.key");
	if (path == NULL)
		return;
	enum liaison_err err = keyfile_load(path, &source, &doctor->agent.keys, &info, &fault);
	if (err == LIAISON_NOT_FOUND)
		doctor_say(doctor, "keys", HEALTH_BAD, "make them with `liaison keys new`", "There is no %s.", path);
	else if (err != LIAISON_OK)
		doctor_say(doctor, "keys", HEALTH_BAD, NULL, "%s", fault.message);
	else if (info.owner != KEYS_OFFICE || strcmp(info.name, office) != 0)
		doctor_say(doctor, "keys", HEALTH_BAD,
			"put the right key file there, or correct `office` in office.conf",
			"%s holds the keys of %s, not of %s.", path, info.name, office);
	else
		doctor_say(doctor, "keys", HEALTH_GOOD, NULL, "%s is this office's and for its owner alone%s.", path,
			info.has_passphrase ? ", with a passphrase" : "");
	free(path);
	char *next = home_file(doctor->app->home, "office.key.next");
	if (next != NULL && access(next, F_OK) == 0)
		doctor_say(doctor, "keys", HEALTH_WARNING,
			"bring office.card to the authority; once its roster is here, call `liaison keys rotate` again",
			"New keys wait in %s.", next);
	free(next);
}

/* --- trust ------------------------------------------------------------------------------------------------------------ */

static void
say_trouble(void *arg, const char *path, enum liaison_err code, const char *sentence)
{
	if (code != LIAISON_STALE && code != LIAISON_EXPIRED)
		doctor_say(arg, "trust", HEALTH_WARNING, "get this file again", "%s: %s", path, sentence);
}

static void
look_at_expiry(struct doctor *doctor, const char *what, const char *todo, int64_t expires, bool is_ours)
{
	const int64_t now = app_now(doctor->app);
	char when[RFC3339_BYTES];
	int days = expiry_warning_days(expires, now);

	time_format(expires, when);
	if (days == 0)
		doctor_say(doctor, "expiry", is_ours ? HEALTH_BAD : HEALTH_WARNING, todo, "The %s expired at %s%s.",
			what, when, now < expires + ROSTER_GRACE_MS ? "; it is in its 7 days of grace" : "");
	else if (days > 0)
		doctor_say(doctor, "expiry", HEALTH_WARNING, todo, "The %s expires at %s, in %d day%s or less.", what,
			when, days, days == 1 ? "" : "s");
	else if (is_ours)
		doctor_say(doctor, "expiry", HEALTH_GOOD, NULL, "The %s expires at %s.", what, when);
}

static void
look_at_expiries(struct doctor *doctor)
{
	const struct trust *trust = doctor->agent.trust;
	char what[64], own[MEMBER_BYTES];

	address_member(doctor->agent.home->office.text, own);
	if (trust_charter(trust) != NULL)
		look_at_expiry(
			doctor, "charter", "the root must issue the next one", trust_charter(trust)->expires, true);
	for (size_t i = 0; i < trust_member_count(trust); i++) {
		const struct member *member = trust_member_at(trust, i);
		bool is_ours = strcmp(member->code, own) == 0;
		snprintf(what, sizeof what, "roster of %s", member->code);
		if (member->roster != NULL)
			look_at_expiry(
				doctor, what, "its authority must sign the next one", member->roster->expires, is_ours);
		else
			doctor_say(doctor, "trust", is_ours ? HEALTH_BAD : HEALTH_WARNING,
				"`liaison trust import` it, or connect to the broker, which hands it over",
				"There is no %s here.", what);
	}
}

/* A clock that stands before papers that are here already makes every key look as if it were not valid yet. */
static void
look_at_issue(struct doctor *doctor)
{
	const struct trust *trust = doctor->agent.trust;
	int64_t newest = trust_charter(trust) != NULL ? trust_charter(trust)->issued : 0;
	char when[RFC3339_BYTES], now[RFC3339_BYTES];

	for (size_t i = 0; i < trust_member_count(trust); i++) {
		const struct member *member = trust_member_at(trust, i);
		if (member->roster != NULL && member->roster->issued > newest)
			newest = member->roster->issued;
	}
	if (newest <= app_now(doctor->app))
		return;
	time_format(newest, when);
	time_format(app_now(doctor->app), now);
	doctor_say(doctor, "clock", HEALTH_BAD,
		"set the clock here (timedatectl); until then keys look as if not yet valid",
		"It says %s, and papers that are here were issued at %s.", now, when);
}

static bool
look_at_trust(struct doctor *doctor)
{
	struct agent *agent = &doctor->agent;
	struct fault fault;

	char *folder = home_file(doctor->app->home, "trust");
	if (folder == NULL)
		return false;
	enum liaison_err err = trust_load_dir(folder, app_now(doctor->app), say_trouble, doctor, &agent->trust, &fault);
	free(folder);
	if (err == LIAISON_NOT_FOUND)
		doctor_say(doctor, "trust", HEALTH_BAD, "`liaison trust import root.keys charter kh.roster ...`",
			"There are no root keys here, so nobody can be believed.");
	else if (err != LIAISON_OK)
		doctor_say(doctor, "trust", HEALTH_BAD, NULL, "%s", fault.message);
	if (err != LIAISON_OK)
		return false;
	if (agent->home->network[0] != '\0' && strcmp(agent->home->network, trust_network(agent->trust)) != 0)
		doctor_say(doctor, "trust", HEALTH_BAD, "correct `network` in office.conf, or take it out",
			"office.conf says network %s, the root keys are of %s.", agent->home->network,
			trust_network(agent->trust));
	else
		doctor_say(doctor, "trust", HEALTH_GOOD, NULL,
			"Network %s, charter %" PRIu64 ", %zu members, %zu offices.", trust_network(agent->trust),
			trust_charter_version(agent->trust), trust_member_count(agent->trust),
			trust_office_count(agent->trust));
	look_at_issue(doctor);
	look_at_expiries(doctor);
	return true;
}

/* --- what the roster says of this office ------------------------------------------------------------------------------ */

static void
look_at_key(struct doctor *doctor, const struct office *office, enum key_use use, const struct public_key *key)
{
	const Liaison__RosterKey *entry = NULL;
	struct public_key found;
	char when[RFC3339_BYTES];
	struct key_id id;
	struct fault fault;

	key_id_of(key, &id);
	if (office_key(office, use, &id, app_now(doctor->app), &found, &fault) != LIAISON_OK) {
		doctor_say(doctor, "enrolment", HEALTH_BAD, "bring office.card to the authority",
			"The %s key here: %s.", key_use_name(use), fault.message);
		return;
	}
	if (office_key_ever(office, use, &id, &found, &entry) == LIAISON_OK && entry->has_not_after) {
		time_format(entry->not_after, when);
		doctor_say(doctor, "enrolment", HEALTH_WARNING, "`liaison keys rotate`", "The %s key here ends at %s.",
			key_use_name(use), when);
	}
}

static void
look_at_enrolment(struct doctor *doctor)
{
	const struct agent *agent = &doctor->agent;
	const struct office *office = agent_office(agent);
	const unsigned before = doctor->failures + doctor->warnings;

	if (office == NULL) {
		doctor_say(doctor, "enrolment", HEALTH_BAD,
			"bring office.card to the authority, then `liaison trust import` the new roster",
			"%s is on no roster here.", agent->home->office.text);
		return;
	}
	if (office_is_suspended(office, app_now(doctor->app)))
		doctor_say(doctor, "enrolment", HEALTH_BAD, "ask your authority why", "%s is suspended%s%s.",
			office->id.text, office->entry->state_reason != NULL ? ": " : "",
			office->entry->state_reason != NULL ? office->entry->state_reason : "");
	if (agent->keys != NULL) {
		look_at_key(doctor, office, KEY_SIGNING, &agent->keys->signing_public);
		look_at_key(doctor, office, KEY_TRANSPORT, &agent->keys->transport_public);
		look_at_key(doctor, office, KEY_SEALING, &agent->keys->sealing_public);
	}
	if (doctor->failures + doctor->warnings == before)
		doctor_say(doctor, "enrolment", HEALTH_GOOD, NULL,
			"%s is on the roster of %s, active, with these keys.", office->id.text, office->member->code);
}

/* The brokers of office.conf against the rosters. */
static void
look_at_brokers(struct doctor *doctor)
{
	const struct agent *agent = &doctor->agent;
	const struct office *office = agent_office(agent);

	if (agent->home->broker_count == 0)
		doctor_say(doctor, "broker", HEALTH_BAD, "`liaison home init --broker HOST:PORT --broker-key KEY`",
			"office.conf names no broker.");
	for (size_t i = 0; i < agent->home->broker_count; i++) {
		const struct home_broker *entry = &agent->home->brokers[i];
		const struct office *broker =
			trust_office_by_transport_key(agent->trust, &entry->key, app_now(doctor->app));
		if (broker == NULL)
			doctor_say(doctor, "broker", HEALTH_BAD,
				"ask its operator for its key, or get the newest rosters",
				"The key that office.conf gives for %s is nobody's on the rosters here.",
				entry->endpoint);
		else if (entry->id.text[0] != '\0' && !office_id_equal(&entry->id, &broker->id))
			doctor_say(doctor, "broker", HEALTH_BAD, "correct `id` or `key` in office.conf",
				"office.conf says that %s is %s, but the key is that of %s.", entry->endpoint,
				entry->id.text, broker->id.text);
		else if (office != NULL && !trust_serves(agent->trust, broker->id.text, office->member))
			doctor_say(doctor, "broker", HEALTH_BAD, "take the broker that your country's roster names",
				"%s does not serve %s, says its roster.", broker->id.text, office->member->code);
		else
			doctor_say(doctor, "broker", HEALTH_GOOD, NULL, "%s at %s, by the key on the roster.",
				broker->id.text, entry->endpoint);
	}
}

/* --- post.db, outbox, disk -------------------------------------------------------------------------------------------- */

struct oldest {
	uint64_t count;
	int64_t queued_at;
	enum liaison_err code;
};

static enum liaison_err
find_oldest(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct oldest *oldest = arg;

	(void)fault;
	if (oldest->count++ == 0 || row->queued_at < oldest->queued_at) {
		oldest->queued_at = row->queued_at;
		oldest->code = row->code;
	}
	return LIAISON_OK;
}

static void
look_at_outbox(struct doctor *doctor)
{
	struct oldest oldest = {0};
	uint64_t refused = 0;
	char count[64];
	struct fault fault;

	enum liaison_err err =
		outbox_each(doctor->agent.post, 0, OUTBOX_BIT(OUTBOX_QUEUED), find_oldest, &oldest, &fault);
	if (err == LIAISON_OK)
		err = outbox_count(doctor->agent.post, OUTBOX_BIT(OUTBOX_REFUSED), &refused, &fault);
	if (err != LIAISON_OK) {
		doctor_say(doctor, "outbox", HEALTH_BAD, NULL, "%s", fault.message);
		return;
	}
	/* Less than nothing where the clock was set back. */
	const int64_t passed_ms = app_now(doctor->app) - oldest.queued_at;
	const int64_t waits_ms = passed_ms > 0 ? passed_ms : 0;
	if (oldest.count > 0)
		doctor_say(doctor, "outbox", waits_ms > OUTBOX_WAITS_MS ? HEALTH_BAD : HEALTH_WARNING,
			"`liaison outbox retry`, when the line is there",
			"%s waiting, the oldest for %" PRId64 " minutes%s%s.",
			text_count(oldest.count, "alert is", "alerts are", count), waits_ms / MS_PER_MINUTE,
			oldest.code != LIAISON_OK ? "; the broker said " : "",
			oldest.code != LIAISON_OK ? err_name(oldest.code) : "");
	if (refused > 0)
		doctor_say(doctor, "outbox", HEALTH_WARNING, "`liaison outbox ls` says why; then retry or drop them",
			"%s refused for good and not yet dropped.",
			text_count(refused, "alert was", "alerts were", count));
	if (oldest.count == 0 && refused == 0)
		doctor_say(doctor, "outbox", HEALTH_GOOD, NULL, "Nothing waits, nothing was refused.");
}

static enum liaison_err
count_parked(void *arg, const struct parked_row *row, struct fault *fault)
{
	(void)row;
	(void)fault;
	++*(uint64_t *)arg;
	return LIAISON_OK;
}

static void
look_at_parked(struct doctor *doctor)
{
	uint64_t parked = 0;
	char count[64];
	struct fault fault;

	if (parked_each(doctor->agent.post, NULL, count_parked, &parked, &fault) != LIAISON_OK)
		doctor_say(doctor, "feeds", HEALTH_BAD, NULL, "%s", fault.message);
	else if (parked > 0)
		doctor_say(doctor, "feeds", HEALTH_WARNING, "`liaison feeds parked` says why, and tries them again",
			"%s passed over.", text_count(parked, "delivery was", "deliveries were", count));
}

static bool
look_at_post(struct doctor *doctor)
{
	struct fault fault;

	enum liaison_err err = post_open(doctor->app->home, &doctor->agent.post, &fault);
	if (err == LIAISON_OK)
		err = post_check(doctor->agent.post, &fault);
	if (err == LIAISON_BUSY)
		doctor_say(doctor, "post.db", HEALTH_WARNING, "look again in a minute", "%s", fault.message);
	else if (err != LIAISON_OK)
		doctor_say(doctor, "post.db", HEALTH_BAD,
			"move it away and let the agent make a new one; what the broker has comes back by the feeds",
			"%s", fault.message);
	else
		doctor_say(doctor, "post.db", HEALTH_GOOD, NULL, "It is whole.");
	if (err != LIAISON_OK)
		return false;
	look_at_outbox(doctor);
	look_at_parked(doctor);
	return true;
}

static void
look_at_disk(struct doctor *doctor)
{
	struct statvfs disk;

	if (statvfs(doctor->app->home, &disk) != 0) {
		doctor_say(doctor, "disk", HEALTH_WARNING, NULL, "It does not say how much room it has: %s.",
			strerror(errno));
		return;
	}
	uint64_t room = (uint64_t)disk.f_bavail * disk.f_frsize;
	enum health health = room < DISK_BAD_BYTES       ? HEALTH_BAD
			     : room < DISK_WARNING_BYTES ? HEALTH_WARNING
							 : HEALTH_GOOD;
	doctor_say(doctor, "disk", health,
		health == HEALTH_GOOD ? NULL : "make room: without it nothing can be received or sent",
		"%" PRIu64 " MiB are free where the home lies.", room / MIB);
}

bool
doctor_look_at_home(struct doctor *doctor)
{
	if (!look_at_folder(doctor))
		return false;
	look_at_keys(doctor);
	bool has_trust = look_at_trust(doctor);
	if (has_trust) {
		look_at_enrolment(doctor);
		look_at_brokers(doctor);
	}
	bool has_post = look_at_post(doctor);
	look_at_disk(doctor);
	return has_trust && has_post && doctor->agent.keys != NULL && doctor->agent.home->broker_count > 0;
}
