#include "proto/roster.h"

#include "proto/address.h"
#include "proto/signature.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES_MAX 400
#define OFFICE_TEXTS_MAX 64
#define LOG_EPOCH_BYTES 16

const char *
key_use_name(enum key_use use)
{
	switch (use) {
	case KEY_SIGNING: return "signing";
	case KEY_TRANSPORT: return "transport";
	case KEY_SEALING: return "sealing";
	case KEY_CHECKPOINT: return "checkpoint";
	}
	return "";
}

size_t
office_keys(const Liaison__Office *office, enum key_use use, Liaison__RosterKey *const **keys)
{
	switch (use) {
	case KEY_SIGNING: *keys = office->signing_keys; return office->n_signing_keys;
	case KEY_TRANSPORT: *keys = office->transport_keys; return office->n_transport_keys;
	case KEY_SEALING: *keys = office->sealing_keys; return office->n_sealing_keys;
	case KEY_CHECKPOINT: *keys = office->checkpoint_keys; return office->n_checkpoint_keys;
	}
	*keys = NULL;
	return 0;
}

void
key_name(const void *key, size_t len, char out[KEY_NAME_BYTES])
{
	struct public_key padded = {{0}};
	struct key_id id;

	memcpy(padded.bytes, key, len < PUBLIC_KEY_BYTES ? len : PUBLIC_KEY_BYTES);
	key_id_of(&padded, &id);
	sodium_bin2hex(out, KEY_NAME_BYTES, id.bytes, (KEY_NAME_BYTES - 1) / 2);
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static enum liaison_err
key_validate(const char *office, enum key_use use, const Liaison__RosterKey *key, struct fault *fault)
{
	const char *wrong = NULL;
	bool is_active = key->state == LIAISON__KEY_STATE__KEY_STATE_ACTIVE;
	bool is_revoked = key->state == LIAISON__KEY_STATE__KEY_STATE_REVOKED;

	if (!key->has_key || key->key.len != PUBLIC_KEY_BYTES || sodium_is_zero(key->key.data, PUBLIC_KEY_BYTES))
		wrong = "is not 32 bytes";
	else if (!key->has_state)
		wrong = "has no state";
	else if (!key->has_not_before || !time_is_valid(key->not_before) ||
		 (key->has_not_after && !time_is_valid(key->not_after)))
		wrong = "has no time from which it is valid, or one that is not of the years 1 to 9999";
	else if (key->has_not_after && key->not_after < key->not_before)
		wrong = "ends before it begins";
	else if (!is_active && (key->reason == NULL || key->reason[0] == '\0'))
		wrong = "is retired or revoked without a reason";
	else if (key->reason != NULL && strlen(key->reason) > TEXT_BYTES_MAX)
		wrong = "has too long a reason";
	else if (key->disputed_from != NULL && !is_revoked)
		wrong = "has a position from which it is disputed but is not revoked";
	else if (key->disputed_from != NULL &&
		 (key->disputed_from->epoch.len != LOG_EPOCH_BYTES || !key->disputed_from->has_index))
		wrong = "has a disputed position without epoch (16 bytes) or index";
	if (wrong != NULL)
		return fault_set(fault, LIAISON_MALFORMED, "a %s key of %s %s", key_use_name(use), office, wrong);
	return LIAISON_OK;
}

static enum liaison_err
office_keys_validate(const Liaison__Office *office, struct fault *fault)
{
	bool is_broker = office->kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER;

	for (enum key_use use = 0; use < KEY_USES; use++) {
		Liaison__RosterKey *const *keys;
		size_t count = office_keys(office, use, &keys);
		if (use == KEY_CHECKPOINT && !is_broker && count > 0)
			return fault_set(fault, LIAISON_MALFORMED, "%s is no broker and cannot have checkpoint keys",
				office->id);
		if (count > OFFICE_KEYS_MAX || (count == 0 && (use != KEY_CHECKPOINT || is_broker)))
			return fault_set(fault, LIAISON_MALFORMED, "%s has %zu %s keys; 1 to %d are allowed",
				office->id, count, key_use_name(use), OFFICE_KEYS_MAX);
		for (size_t i = 0; i < count; i++) {
			enum liaison_err err = key_validate(office->id, use, keys[i], fault);
			if (err != LIAISON_OK)
				return err;
		}
	}
	return LIAISON_OK;
}

struct key_place {
	const uint8_t *key;
	const char *office;
};

static int
compare_places(const void *a, const void *b)
{
	return memcmp(((const struct key_place *)a)->key, ((const struct key_place *)b)->key, PUBLIC_KEY_BYTES);
}

/* No key of one use twice, in one office or in two. The lengths have been checked. */
static enum liaison_err
keys_validate_unique(const Liaison__Roster *roster, enum key_use use, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	Liaison__RosterKey *const *keys;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < roster->n_offices; i++)
		total += office_keys(roster->offices[i], use, &keys);
	if (total == 0)
		return LIAISON_OK;
	struct key_place *places = malloc(total * sizeof *places);
	if (places == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < roster->n_offices; i++) {
		size_t count = office_keys(roster->offices[i], use, &keys);
		for (size_t j = 0; j < count; j++)
			places[at++] = (struct key_place){keys[j]->key.data, roster->offices[i]->id};
	}
	qsort(places, total, sizeof *places, compare_places);
	for (size_t i = 1; err == LIAISON_OK && i < total; i++)
		if (compare_places(&places[i - 1], &places[i]) == 0)
			err = fault_set(fault, LIAISON_MALFORMED, "%s and %s have the same %s key",
				places[i - 1].office, places[i].office, key_use_name(use));
	free(places);
	return err;
}

/* --- offices -------------------------------------------------------------------------------------------------------- */

bool
endpoint_is_valid(const char *endpoint)
{
	static const char scheme[] = "tcp://";

	if (strncmp(endpoint, scheme, strlen(scheme)) != 0 || strlen(endpoint) > ENDPOINT_BYTES_MAX)
		return false;
	const char *host = endpoint + strlen(scheme);
	const char *colon = strrchr(host, ':');
	if (colon == NULL || colon == host || strcspn(host, "/\"\\") != strlen(host))
		return false;
	/* No blanks, and nothing that a terminal obeys: it is shown, and comes from cards that nobody has vouched for yet. */
	for (const char *at = host; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	size_t digits = strspn(colon + 1, "0123456789");
	if (digits < 1 || digits > 5 || colon[1 + digits] != '\0' || colon[1] == '0')
		return false;
	return strtoul(colon + 1, NULL, 10) <= UINT16_MAX;
}

static enum liaison_err
office_broker_validate(const Liaison__Office *office, struct fault *fault)
{
	bool is_broker = office->kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER;

	if (!is_broker && office->n_endpoints > 0)
		return fault_set(fault, LIAISON_MALFORMED, "%s is no broker and cannot have end points", office->id);
	if (is_broker && (office->n_endpoints < 1 || office->n_endpoints > OFFICE_TEXTS_MAX))
		return fault_set(fault, LIAISON_MALFORMED, "%s is a broker with %zu end points; 1 to %d are allowed",
			office->id, office->n_endpoints, OFFICE_TEXTS_MAX);
	for (size_t i = 0; i < office->n_endpoints; i++)
		if (!endpoint_is_valid(office->endpoints[i]))
			return fault_set(fault, LIAISON_MALFORMED, "end point \"%.100s\" of %s is not tcp://HOST:PORT",
				office->endpoints[i], office->id);
	for (size_t i = 0; i < office->n_rights; i++)
		if (office->rights[i] == LIAISON__RIGHT__RIGHT_PEER && !is_broker)
			return fault_set(
				fault, LIAISON_MALFORMED, "%s is no broker and cannot have right peer", office->id);
	return LIAISON_OK;
}

static bool
text_is_long(const char *text)
{
	return text != NULL && strlen(text) > TEXT_BYTES_MAX;
}

static bool
office_has_long_text(const Liaison__Office *office)
{
	const Liaison__Contact *contact = office->contact;
	bool is_long = office->n_names > OFFICE_TEXTS_MAX || office->n_crossings > OFFICE_TEXTS_MAX ||
		       text_is_long(office->state_reason);

	if (contact != NULL)
		is_long = is_long || text_is_long(contact->phone) || text_is_long(contact->hours) ||
			  contact->n_langs > OFFICE_TEXTS_MAX;
	for (size_t i = 0; i < office->n_names; i++)
		is_long = is_long || text_is_long(office->names[i]->lang) || text_is_long(office->names[i]->name);
	for (size_t i = 0; i < office->n_crossings; i++)
		is_long = is_long || text_is_long(office->crossings[i]);
	return is_long;
}

static enum liaison_err
office_validate(const Liaison__Roster *roster, size_t index, struct fault *fault)
{
	const Liaison__Office *office = roster->offices[index];

	if (office->id == NULL || !office_id_is_valid(office->id))
		return fault_set(fault, LIAISON_MALFORMED, "office %zu of the roster has no valid id", index + 1);
	if (!address_covers(roster->member, office->id))
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"%s is not under %s; a roster names its own offices only", office->id, roster->member);
	if (index > 0 && strcmp(roster->offices[index - 1]->id, office->id) >= 0)
		return fault_set(fault, LIAISON_MALFORMED,
			"%s stands after %s; offices must ascend by id and none may come twice", office->id,
			roster->offices[index - 1]->id);
	if (!office->has_kind || !office->has_state)
		return fault_set(fault, LIAISON_MALFORMED, "%s has no kind or no state", office->id);
	if (office_has_long_text(office))
		return fault_set(fault, LIAISON_MALFORMED, "a text of %s is longer than %d bytes, or there are over %d",
			office->id, TEXT_BYTES_MAX, OFFICE_TEXTS_MAX);
	enum liaison_err err = office_broker_validate(office, fault);
	if (err == LIAISON_OK)
		err = office_keys_validate(office, fault);
	return err;
}

/* --- the roster ----------------------------------------------------------------------------------------------------- */

static enum liaison_err
roster_validate_head(const Liaison__Roster *roster, struct fault *fault)
{
	if (roster->network == NULL || !network_id_is_valid(roster->network))
		return fault_set(fault, LIAISON_MALFORMED, "the roster names no network");
	if (roster->member == NULL || strlen(roster->member) != MEMBER_BYTES - 1 || !address_is_valid(roster->member))
		return fault_set(fault, LIAISON_MALFORMED, "the roster names no member");
	if (!roster->has_since || roster->since < 1 || !roster->has_version || roster->version < 1)
		return fault_set(fault, LIAISON_MALFORMED, "the roster of %s lacks `since` or version; both begin at 1",
			roster->member);
	if (!roster->has_issued || !roster->has_expires || roster->expires <= roster->issued ||
		!time_is_valid(roster->issued) || !time_is_valid(roster->expires))
		return fault_set(fault, LIAISON_MALFORMED,
			"the roster of %s lacks issue or expiry in the years 1 to 9999, or expires before it is issued",
			roster->member);
	if (roster->n_offices > ROSTER_OFFICES_MAX || roster->n_peers > ROSTER_PEERS_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE,
			"the roster of %s has %zu offices and %zu peers; at most %d and %d", roster->member,
			roster->n_offices, roster->n_peers, ROSTER_OFFICES_MAX, ROSTER_PEERS_MAX);
	return LIAISON_OK;
}

static enum liaison_err
roster_validate_brokers(const Liaison__Roster *roster, struct fault *fault)
{
	if (roster->broker == NULL || !office_id_is_valid(roster->broker))
		return fault_set(
			fault, LIAISON_MALFORMED, "the roster of %s names no broker that serves it", roster->member);
	if (address_covers(roster->member, roster->broker)) {
		const Liaison__Office *broker = roster_office(roster, roster->broker);
		if (broker == NULL || broker->kind != LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER)
			return fault_set(fault, LIAISON_BAD_REFERENCE,
				"%s serves %s but is not an office of kind BROKER on its roster", roster->broker,
				roster->member);
	}
	for (size_t i = 0; i < roster->n_peers; i++) {
		if (!office_id_is_valid(roster->peers[i]) || address_covers(roster->member, roster->peers[i]))
			return fault_set(fault, LIAISON_BAD_REFERENCE,
				"peer \"%.80s\" of %s is not the id of a broker abroad", roster->peers[i],
				roster->member);
		if (i > 0 && strcmp(roster->peers[i - 1], roster->peers[i]) >= 0)
			return fault_set(fault, LIAISON_MALFORMED,
				"the peers of %s must ascend, and none may come twice", roster->member);
	}
	return LIAISON_OK;
}

static enum liaison_err
roster_validate_approvals(const Liaison__Roster *roster, struct fault *fault)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < roster->n_approvals; i++) {
		const Liaison__KindApproval *approval = roster->approvals[i];
		if (!approval->has_kind || !approval->has_approval || (seen & UINT32_C(1) << approval->kind) != 0)
			return fault_set(fault, LIAISON_MALFORMED,
				"an approval rule of %s lacks kind or approval, or a kind has two", roster->member);
		seen |= UINT32_C(1) << approval->kind;
	}
	return LIAISON_OK;
}

enum liaison_err
roster_validate(const Liaison__Roster *roster, struct fault *fault)
{
	enum liaison_err err = roster_validate_head(roster, fault);

	for (size_t i = 0; err == LIAISON_OK && i < roster->n_offices; i++)
		err = office_validate(roster, i, fault);
	for (enum key_use use = 0; err == LIAISON_OK && use < KEY_USES; use++)
		err = keys_validate_unique(roster, use, fault);
	if (err == LIAISON_OK)
		err = roster_validate_brokers(roster, fault);
	if (err == LIAISON_OK)
		err = roster_validate_approvals(roster, fault);
	return err;
}

int
roster_order(const Liaison__Roster *a, const Liaison__Roster *b)
{
	if (a->since != b->since)
		return a->since < b->since ? -1 : 1;
	return (a->version > b->version) - (a->version < b->version);
}

/* --- what a successor may change ------------------------------------------------------------------------------------ */

/* A theft may turn out to have happened earlier than was thought, in the same log; it is never moved later. */
static bool
is_not_later(const Liaison__LogPosition *position, const Liaison__LogPosition *before)
{
	return position->index <= before->index && position->epoch.len == before->epoch.len &&
	       memcmp(position->epoch.data, before->epoch.data, before->epoch.len) == 0;
}

static enum liaison_err
key_validate_successor(
	const Liaison__Office *office, enum key_use use, const Liaison__RosterKey *before, struct fault *fault)
{
	const Liaison__RosterKey *now = office_key_find(office, use, before->key.data, before->key.len);
	char name[KEY_NAME_BYTES];

	key_name(before->key.data, before->key.len, name);
	if (now == NULL)
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"%s key %s of %s is gone; keys never vanish, retire or revoke it instead", key_use_name(use),
			name, office->id);
	if (before->state == LIAISON__KEY_STATE__KEY_STATE_REVOKED && now->state != before->state)
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"%s key %s of %s was revoked and cannot come back; enrol a new key", key_use_name(use), name,
			office->id);
	if (before->disputed_from != NULL &&
		(now->disputed_from == NULL || !is_not_later(now->disputed_from, before->disputed_from)))
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"the position from which %s key %s of %s is disputed was taken away or moved later",
			key_use_name(use), name, office->id);
	return LIAISON_OK;
}

enum liaison_err
roster_validate_successor(const Liaison__Roster *roster, const Liaison__Roster *previous, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (roster->since != previous->since)
		return LIAISON_OK;
	for (size_t i = 0; i < previous->n_offices; i++) {
		const Liaison__Office *before = previous->offices[i];
		const Liaison__Office *office = roster_office(roster, before->id);
		if (office == NULL)
			return fault_set(fault, LIAISON_BAD_REFERENCE,
				"%s is gone; an office that closes stays, suspended and with its keys retired",
				before->id);
		for (enum key_use use = 0; use < KEY_USES; use++) {
			Liaison__RosterKey *const *keys;
			size_t count = office_keys(before, use, &keys);
			for (size_t j = 0; err == LIAISON_OK && j < count; j++)
				err = key_validate_successor(office, use, keys[j], fault);
			if (err != LIAISON_OK)
				return err;
		}
	}
	return LIAISON_OK;
}

/* --- finding -------------------------------------------------------------------------------------------------------- */

Liaison__Office *
roster_office(const Liaison__Roster *roster, const char *id)
{
	size_t low = 0, high = roster->n_offices;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(roster->offices[middle]->id, id);
		if (order == 0)
			return roster->offices[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

Liaison__RosterKey *
office_key_find(const Liaison__Office *office, enum key_use use, const void *key, size_t len)
{
	Liaison__RosterKey *const *keys;
	size_t count = office_keys(office, use, &keys);

	for (size_t i = 0; i < count; i++)
		if (keys[i]->key.len == len && memcmp(keys[i]->key.data, key, len) == 0)
			return keys[i];
	return NULL;
}
