#include "proto/trust.h"

#include "proto/base/time.h"
#include "proto/trust_view.h"

#include <sodium.h>
#include <string.h>

/* --- members and documents ------------------------------------------------------------------------------------------ */

const char *
trust_network(const struct trust *trust)
{
	return trust->network;
}

const struct public_key *
trust_root_keys(const struct trust *trust, size_t *count, size_t *threshold)
{
	*count = trust->root_count;
	*threshold = trust->root_threshold;
	return trust->roots;
}

uint64_t
trust_charter_version(const struct trust *trust)
{
	return trust->charter_count;
}

const Liaison__Charter *
trust_charter(const struct trust *trust)
{
	return trust->charter_count > 0 ? trust->charters[trust->charter_count - 1]->charter : NULL;
}

size_t
trust_member_count(const struct trust *trust)
{
	return trust->member_count;
}

const struct member *
trust_member_at(const struct trust *trust, size_t position)
{
	return &trust->members[position];
}

const struct member *
trust_member(const struct trust *trust, const char *code)
{
	size_t position = view_member_position(trust, code);

	return position < trust->member_count ? &trust->members[position] : NULL;
}

size_t
trust_office_count(const struct trust *trust)
{
	return trust->office_count;
}

const struct office *
trust_office_at(const struct trust *trust, size_t number)
{
	return &trust->offices[number];
}

size_t
trust_charter_count(const struct trust *trust)
{
	return trust->charter_count;
}

const Liaison__Signed *
trust_signed_charter(const struct trust *trust, size_t position)
{
	return trust->charters[position]->signed_message;
}

const Liaison__Signed *
trust_signed_roster(const struct trust *trust, const char *member)
{
	size_t position = view_member_position(trust, member);

	if (position == trust->member_count || trust->rosters[position] == NULL)
		return NULL;
	return trust->rosters[position]->signed_message;
}

size_t
trust_suspension_count(const struct trust *trust)
{
	return trust->suspension_count;
}

const Liaison__Signed *
trust_signed_suspension(const struct trust *trust, size_t position)
{
	return trust->suspensions[position]->signed_message;
}

enum roster_state
trust_roster_state(const struct trust *trust, const struct member *member, int64_t now)
{
	(void)trust;
	if (member->roster == NULL)
		return ROSTER_NONE;
	if (now < member->expires)
		return ROSTER_VALID;
	return now - member->expires < ROSTER_GRACE_MS ? ROSTER_GRACE : ROSTER_EXPIRED;
}

/* --- who serves whom ------------------------------------------------------------------------------------------------ */

bool
trust_serves(const struct trust *trust, const char *broker, const struct member *member)
{
	(void)trust;
	return member->roster != NULL && strcmp(member->roster->broker, broker) == 0;
}

/* Whether the member whose own broker `broker` is names `other` among its peers. */
static bool
names_peer(const struct trust *trust, const char *broker, const char *other)
{
	const struct office *office = trust_office(trust, broker);

	if (office == NULL || office->entry->kind != LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER)
		return false;
	const Liaison__Roster *roster = office->member->roster;
	for (size_t i = 0; i < roster->n_peers; i++)
		if (strcmp(roster->peers[i], other) == 0)
			return true;
	return false;
}

bool
trust_are_peers(const struct trust *trust, const char *broker, const char *other)
{
	return names_peer(trust, broker, other) && names_peer(trust, other, broker);
}

/* --- an office ------------------------------------------------------------------------------------------------------ */

static bool
window_holds(const struct suspension_window *window, int64_t now)
{
	return now >= window->from && now < window->until;
}

bool
office_is_suspended(const struct office *office, int64_t now)
{
	if (office->is_suspended)
		return true;
	for (size_t i = 0; i < office->window_count; i++)
		if (office->windows[i].is_whole_office && window_holds(&office->windows[i], now))
			return true;
	return false;
}

bool
office_has_right(const struct office *office, Liaison__Right right)
{
	return (office->rights & UINT32_C(1) << right) != 0;
}

bool
office_may_publish(const struct office *office, Liaison__Kind kind)
{
	return (office->publishes & UINT32_C(1) << kind) != 0;
}

bool
office_may_receive(const struct office *office, Liaison__Kind kind)
{
	return (office->receives & UINT32_C(1) << kind) != 0;
}

/* --- its keys ------------------------------------------------------------------------------------------------------- */

/* Why a key is not good at `now`; NULL if it is. `when` gets a time to say with it, or "". */
static const char *
key_trouble(
	const struct office *office, const Liaison__RosterKey *key, const struct key_id *id, int64_t now, char *when)
{
	when[0] = '\0';
	switch (key->state) {
	case LIAISON__KEY_STATE__KEY_STATE_ACTIVE: break;
	case LIAISON__KEY_STATE__KEY_STATE_RETIRED: return "was retired";
	case LIAISON__KEY_STATE__KEY_STATE_REVOKED: return "was revoked";
	default: return "is in no known state";
	}
	if (now < key->not_before) {
		time_format(key->not_before, when);
		return "is not valid before";
	}
	if (key->has_not_after && now >= key->not_after) {
		time_format(key->not_after, when);
		return "was valid until";
	}
	if (key->not_before >= office->member->expires)
		return "begins after the roster's expiry";
	for (size_t i = 0; i < office->window_count; i++) {
		const struct suspension_window *window = &office->windows[i];
		if (window->is_whole_office || !key_id_equal(&window->key, id) || !window_holds(window, now))
			continue;
		time_format(window->until, when);
		return "is suspended by the duty key until";
	}
	return NULL;
}

/* Which of the office's keys of one use has this fingerprint; NULL: none. */
static const Liaison__RosterKey *
office_key_by_id(const struct office *office, enum key_use use, const struct key_id *id)
{
	Liaison__RosterKey *const *keys;
	size_t count = office_keys(office->entry, use, &keys);

	for (size_t i = 0; i < count; i++)
		if (key_id_equal(&office->key_ids[use][i], id))
			return keys[i];
	return NULL;
}

enum liaison_err
office_key(const struct office *office, enum key_use use, const struct key_id *id, int64_t now, struct public_key *out,
	struct fault *fault)
{
	const Liaison__RosterKey *key = office_key_by_id(office, use, id);
	char name[KEY_NAME_BYTES], when[RFC3339_BYTES];

	const char *trouble = key != NULL ? key_trouble(office, key, id, now, when) : NULL;
	if (key != NULL && trouble == NULL) {
		memcpy(out->bytes, key->key.data, PUBLIC_KEY_BYTES);
		return LIAISON_OK;
	}
	sodium_bin2hex(name, sizeof name, id->bytes, (sizeof name - 1) / 2);
	if (key == NULL)
		return fault_set(fault, LIAISON_BAD_SIGNATURE, "the roster of %s gives %s no %s key %s",
			office->member->code, office->id.text, key_use_name(use), name);
	return fault_set(fault, LIAISON_BAD_SIGNATURE, "%s key %s of %s %s%s%s", key_use_name(use), name,
		office->id.text, trouble, when[0] != '\0' ? " " : "", when);
}

enum liaison_err
office_key_ever(const struct office *office, enum key_use use, const struct key_id *id, struct public_key *out,
	const Liaison__RosterKey **entry)
{
	const Liaison__RosterKey *key = office_key_by_id(office, use, id);

	if (key == NULL)
		return LIAISON_NOT_FOUND;
	memcpy(out->bytes, key->key.data, PUBLIC_KEY_BYTES);
	*entry = key;
	return LIAISON_OK;
}

bool
office_transport_is_good(const struct office *office, const struct public_key *key, int64_t now)
{
	char when[RFC3339_BYTES];
	struct key_id id;

	key_id_of(key, &id);
	const Liaison__RosterKey *entry = office_key_by_id(office, KEY_TRANSPORT, &id);
	return entry != NULL && key_trouble(office, entry, &id, now, when) == NULL && !office_is_suspended(office, now);
}
