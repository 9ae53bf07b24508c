#include "proto/roster_edit.h"

#include "proto/address.h"
#include "proto/base/message.h"

#include <stdlib.h>
#include <string.h>

#define REASON_REPLACED "replaced by a new key"

/* --- the roster ----------------------------------------------------------------------------------------------------- */

static void
roster_set_times(Liaison__Roster *roster, uint64_t since, uint64_t version, int64_t issued, int64_t expires)
{
	roster->has_since = roster->has_version = roster->has_issued = roster->has_expires = 1;
	roster->since = since;
	roster->version = version;
	roster->issued = issued;
	roster->expires = expires;
}

Liaison__Roster *
roster_new(const char *network, const char *member, uint64_t since, int64_t issued, int64_t expires)
{
	Liaison__Roster *roster = (Liaison__Roster *)message_new(&liaison__roster__descriptor);

	if (roster == NULL)
		return NULL;
	roster_set_times(roster, since, 1, issued, expires);
	if (message_set_text(&roster->network, network) == LIAISON_OK &&
		message_set_text(&roster->member, member) == LIAISON_OK)
		return roster;
	roster_free(roster);
	return NULL;
}

Liaison__Roster *
roster_next(const Liaison__Roster *previous, uint64_t since, int64_t issued, int64_t expires)
{
	Liaison__Roster *roster = (Liaison__Roster *)message_copy(&previous->base);

	if (roster == NULL)
		return NULL;
	roster_set_times(roster, since, since == previous->since ? previous->version + 1 : 1, issued, expires);
	if (roster_retire_ended(roster, issued) >= 0)
		return roster;
	roster_free(roster);
	return NULL;
}

void
roster_free(Liaison__Roster *roster)
{
	message_free((ProtobufCMessage *)roster);
}

enum liaison_err
roster_set_broker(Liaison__Roster *roster, const char *broker)
{
	return message_set_text(&roster->broker, broker);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

enum liaison_err
roster_set_peers(Liaison__Roster *roster, const char *const *peers, size_t count)
{
	size_t kept = 0;

	message_clear_texts(&roster->peers, &roster->n_peers);
	for (size_t i = 0; i < count; i++)
		if (message_add_text(&roster->peers, &roster->n_peers, peers[i]) != LIAISON_OK)
			return LIAISON_NO_MEMORY;
	if (count == 0)
		return LIAISON_OK;
	qsort(roster->peers, count, sizeof roster->peers[0], compare_texts);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && strcmp(roster->peers[kept - 1], roster->peers[i]) == 0)
			free(roster->peers[i]);
		else
			roster->peers[kept++] = roster->peers[i];
	}
	roster->n_peers = kept;
	return LIAISON_OK;
}

/* An enum field of one value per bit, ascending. All enums here are of one size. */
static enum liaison_err
codes_set(void *array, size_t *count, uint32_t bits)
{
	int *codes = malloc(32 * sizeof *codes), *old;
	size_t made = 0;

	_Static_assert(sizeof(Liaison__Kind) == sizeof(int) && sizeof(Liaison__Right) == sizeof(int), "enums are ints");
	if (codes == NULL)
		return LIAISON_NO_MEMORY;
	for (int code = 0; code < 32; code++)
		if ((bits & UINT32_C(1) << code) != 0)
			codes[made++] = code;
	memcpy(&old, array, sizeof old);
	free(old);
	memcpy(array, &codes, sizeof codes);
	*count = made;
	return LIAISON_OK;
}

enum liaison_err
roster_set_contributes(Liaison__Roster *roster, uint32_t kinds)
{
	return codes_set(&roster->contributes, &roster->n_contributes, kinds);
}

enum liaison_err
roster_set_approval(Liaison__Roster *roster, Liaison__Kind kind, Liaison__Approval approval)
{
	Liaison__KindApproval *rule;

	for (size_t i = 0; i < roster->n_approvals; i++)
		if (roster->approvals[i]->kind == kind) {
			roster->approvals[i]->approval = approval;
			return LIAISON_OK;
		}
	rule = (Liaison__KindApproval *)message_new(&liaison__kind_approval__descriptor);
	if (rule == NULL)
		return LIAISON_NO_MEMORY;
	rule->has_kind = rule->has_approval = 1;
	rule->kind = kind;
	rule->approval = approval;
	return message_add(&roster->approvals, &roster->n_approvals, &rule->base);
}

/* --- keys ----------------------------------------------------------------------------------------------------------- */

static enum liaison_err
key_add(Liaison__Office *office, enum key_use use, const ProtobufCBinaryData *key, int64_t now)
{
	Liaison__RosterKey *made = (Liaison__RosterKey *)message_new(&liaison__roster_key__descriptor);

	if (made == NULL)
		return LIAISON_NO_MEMORY;
	made->has_not_before = made->has_state = 1;
	made->not_before = now;
	made->state = LIAISON__KEY_STATE__KEY_STATE_ACTIVE;
	if (message_set_bytes(&made->key, &made->has_key, key->data, key->len) != LIAISON_OK) {
		message_free(&made->base);
		return LIAISON_NO_MEMORY;
	}
	switch (use) {
	case KEY_SIGNING: return message_add(&office->signing_keys, &office->n_signing_keys, &made->base);
	case KEY_TRANSPORT: return message_add(&office->transport_keys, &office->n_transport_keys, &made->base);
	case KEY_SEALING: return message_add(&office->sealing_keys, &office->n_sealing_keys, &made->base);
	case KEY_CHECKPOINT: return message_add(&office->checkpoint_keys, &office->n_checkpoint_keys, &made->base);
	}
	message_free(&made->base);
	return LIAISON_INTERNAL;
}

/* The active keys of one use end when the overlap is over, if they do not end before. */
static void
keys_end(Liaison__Office *office, enum key_use use, int64_t end)
{
	Liaison__RosterKey *const *keys;
	size_t count = office_keys(office, use, &keys);

	for (size_t i = 0; i < count; i++) {
		if (keys[i]->state != LIAISON__KEY_STATE__KEY_STATE_ACTIVE)
			continue;
		if (!keys[i]->has_not_after || keys[i]->not_after > end) {
			keys[i]->has_not_after = 1;
			keys[i]->not_after = end > keys[i]->not_before ? end : keys[i]->not_before;
		}
	}
}

static enum liaison_err
key_set(const Liaison__Roster *roster, Liaison__Office *office, enum key_use use, const ProtobufCBinaryData *key,
	int64_t now, struct fault *fault)
{
	const Liaison__RosterKey *held = office_key_find(office, use, key->data, key->len);

	if (held != NULL && held->state == LIAISON__KEY_STATE__KEY_STATE_ACTIVE && !held->has_not_after)
		return LIAISON_OK;
	if (held != NULL)
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"the %s key on the card of %s was replaced, retired or revoked; the office must make new keys",
			key_use_name(use), office->id);
	for (size_t i = 0; i < roster->n_offices; i++)
		if (office_key_find(roster->offices[i], use, key->data, key->len) != NULL)
			return fault_set(fault, LIAISON_NOT_PERMITTED, "the %s key on the card of %s is that of %s",
				key_use_name(use), office->id, roster->offices[i]->id);
	keys_end(office, use, now + KEY_OVERLAP_MS);
	return key_add(office, use, key, now);
}

static enum liaison_err
card_keys_set(const Liaison__Roster *roster, Liaison__Office *office, const Liaison__Card *card, int64_t now,
	struct fault *fault)
{
	enum liaison_err err = key_set(roster, office, KEY_SIGNING, &card->signing_key, now, fault);

	if (err == LIAISON_OK)
		err = key_set(roster, office, KEY_TRANSPORT, &card->transport_key, now, fault);
	if (err == LIAISON_OK)
		err = key_set(roster, office, KEY_SEALING, &card->sealing_key, now, fault);
	if (err != LIAISON_OK || !card->has_checkpoint_key)
		return err;
	err = key_set(roster, office, KEY_CHECKPOINT, &card->checkpoint_key, now, fault);
	message_clear_texts(&office->endpoints, &office->n_endpoints);
	for (size_t i = 0; err == LIAISON_OK && i < card->n_endpoints; i++)
		err = message_add_text(&office->endpoints, &office->n_endpoints, card->endpoints[i]);
	return err;
}

int
roster_retire_ended(Liaison__Roster *roster, int64_t now)
{
	int retired = 0;

	for (size_t i = 0; i < roster->n_offices; i++)
		for (enum key_use use = 0; use < KEY_USES; use++) {
			Liaison__RosterKey *const *keys;
			size_t count = office_keys(roster->offices[i], use, &keys);
			for (size_t j = 0; j < count; j++) {
				if (keys[j]->state != LIAISON__KEY_STATE__KEY_STATE_ACTIVE || !keys[j]->has_not_after ||
					keys[j]->not_after > now)
					continue;
				if (message_set_text(&keys[j]->reason, REASON_REPLACED) != LIAISON_OK)
					return -1;
				keys[j]->state = LIAISON__KEY_STATE__KEY_STATE_RETIRED;
				retired++;
			}
		}
	return retired;
}

/* --- offices -------------------------------------------------------------------------------------------------------- */

/* A new entry in its place; NULL without memory. */
static Liaison__Office *
office_insert(Liaison__Roster *roster, const char *id)
{
	Liaison__Office *office = (Liaison__Office *)message_new(&liaison__office__descriptor);
	size_t at = roster->n_offices;

	if (office == NULL || message_set_text(&office->id, id) != LIAISON_OK ||
		message_grow(&roster->offices, roster->n_offices, sizeof office) == NULL) {
		message_free((ProtobufCMessage *)office);
		return NULL;
	}
	office->has_state = 1;
	office->state = LIAISON__OFFICE_STATE__OFFICE_STATE_ACTIVE;
	for (; at > 0 && strcmp(roster->offices[at - 1]->id, id) > 0; at--)
		roster->offices[at] = roster->offices[at - 1];
	roster->offices[at] = office;
	roster->n_offices++;
	return office;
}

static enum liaison_err
template_apply(Liaison__Office *office, const struct office_template *office_template)
{
	enum liaison_err err = office_set_publishes(office, office_template->publishes);

	if (err == LIAISON_OK)
		err = office_set_receives(office, office_template->receives);
	if (err == LIAISON_OK)
		err = office_set_rights(office, office_template->rights);
	office->has_kind = 1;
	office->kind = office_template->kind;
	office_set_clearance(office, office_template->clearance);
	return err;
}

static enum liaison_err
card_check_place(const Liaison__Roster *roster, const Liaison__Card *card, const Liaison__Office *held,
	const struct office_template *office_template, struct fault *fault)
{
	if (!address_covers(roster->member, card->office))
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"%s is not an office of %s; its own authority must enrol it", card->office, roster->member);
	if (held == NULL && office_template == NULL)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"%s is new to the roster; say what it may do by naming a template", card->office);
	Liaison__OfficeKind kind = office_template != NULL ? office_template->kind : held->kind;
	if ((kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BROKER) != (card->has_checkpoint_key != 0))
		return fault_set(fault, LIAISON_BAD_USAGE,
			card->has_checkpoint_key ? "the card of %s is a broker's; enrol it with template broker"
						 : "the card of %s is not a broker's; make one with liaisond --init",
			card->office);
	return LIAISON_OK;
}

enum liaison_err
roster_set_office(Liaison__Roster *roster, const Liaison__Card *card, const struct office_template *office_template,
	int64_t now, Liaison__Office **office, struct fault *fault)
{
	Liaison__Office *held = roster_office(roster, card->office);
	enum liaison_err err = card_check_place(roster, card, held, office_template, fault);

	if (err != LIAISON_OK)
		return err;
	if (held == NULL)
		held = office_insert(roster, card->office);
	err = held == NULL ? LIAISON_NO_MEMORY : card_keys_set(roster, held, card, now, fault);
	if (err == LIAISON_OK && office_template != NULL)
		err = template_apply(held, office_template);
	if (err == LIAISON_OK && office != NULL)
		*office = held;
	return err == LIAISON_NO_MEMORY ? fault_set(fault, err, "out of memory") : err;
}

static enum liaison_err
office_find(const Liaison__Roster *roster, const char *id, Liaison__Office **office, struct fault *fault)
{
	*office = roster_office(roster, id);
	if (*office != NULL)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_NOT_FOUND, "%s is not on the roster of %s", id, roster->member);
}

static enum liaison_err
office_set_state(Liaison__Office *office, Liaison__OfficeState state, const char *reason)
{
	office->has_state = 1;
	office->state = state;
	return message_set_text(&office->state_reason, reason);
}

enum liaison_err
roster_suspend_office(Liaison__Roster *roster, const char *id, const char *reason, struct fault *fault)
{
	Liaison__Office *office;
	enum liaison_err err = office_find(roster, id, &office, fault);

	return err != LIAISON_OK ? err
				 : office_set_state(office, LIAISON__OFFICE_STATE__OFFICE_STATE_SUSPENDED, reason);
}

enum liaison_err
roster_resume_office(Liaison__Roster *roster, const char *id, struct fault *fault)
{
	Liaison__Office *office;
	enum liaison_err err = office_find(roster, id, &office, fault);

	return err != LIAISON_OK ? err : office_set_state(office, LIAISON__OFFICE_STATE__OFFICE_STATE_ACTIVE, NULL);
}

enum liaison_err
roster_remove_office(Liaison__Roster *roster, const char *id, const char *reason, struct fault *fault)
{
	Liaison__Office *office;
	enum liaison_err err = office_find(roster, id, &office, fault);

	if (err == LIAISON_OK)
		err = office_set_state(office, LIAISON__OFFICE_STATE__OFFICE_STATE_SUSPENDED, reason);
	for (enum key_use use = 0; err == LIAISON_OK && use < KEY_USES; use++) {
		Liaison__RosterKey *const *keys;
		size_t count = office_keys(office, use, &keys);
		for (size_t i = 0; err == LIAISON_OK && i < count; i++) {
			if (keys[i]->state != LIAISON__KEY_STATE__KEY_STATE_ACTIVE)
				continue;
			keys[i]->state = LIAISON__KEY_STATE__KEY_STATE_RETIRED;
			err = message_set_text(&keys[i]->reason, reason);
		}
	}
	return err;
}

static enum liaison_err
key_revoke(Liaison__RosterKey *key, const char *reason, const Liaison__LogPosition *disputed_from)
{
	key->state = LIAISON__KEY_STATE__KEY_STATE_REVOKED;
	enum liaison_err err = message_set_text(&key->reason, reason);
	if (err != LIAISON_OK || disputed_from == NULL)
		return err;
	message_free((ProtobufCMessage *)key->disputed_from);
	key->disputed_from = (Liaison__LogPosition *)message_copy(&disputed_from->base);
	return key->disputed_from != NULL ? LIAISON_OK : LIAISON_NO_MEMORY;
}

enum liaison_err
roster_revoke_key(Liaison__Roster *roster, const char *id, const struct key_id *key, const char *reason,
	const Liaison__LogPosition *disputed_from, struct fault *fault)
{
	Liaison__Office *office;
	enum liaison_err err = office_find(roster, id, &office, fault);

	if (err != LIAISON_OK)
		return err;
	for (enum key_use use = 0; use < KEY_USES; use++) {
		Liaison__RosterKey *const *keys;
		size_t count = office_keys(office, use, &keys);
		for (size_t i = 0; i < count; i++) {
			struct public_key public_key;
			struct key_id key_id;
			if (keys[i]->key.len != PUBLIC_KEY_BYTES)
				continue;
			memcpy(public_key.bytes, keys[i]->key.data, PUBLIC_KEY_BYTES);
			key_id_of(&public_key, &key_id);
			if (key_id_equal(&key_id, key))
				return key_revoke(keys[i], reason, disputed_from);
		}
	}
	return fault_set(fault, LIAISON_NOT_FOUND, "%s has no key of that fingerprint", id);
}

/* --- one office ----------------------------------------------------------------------------------------------------- */

enum liaison_err
office_set_name(Liaison__Office *office, const char *lang, const char *name)
{
	Liaison__OfficeName *made;

	for (size_t i = 0; i < office->n_names; i++)
		if (strcmp(office->names[i]->lang, lang) == 0)
			return message_set_text(&office->names[i]->name, name);
	made = (Liaison__OfficeName *)message_new(&liaison__office_name__descriptor);
	if (made == NULL)
		return LIAISON_NO_MEMORY;
	if (message_set_text(&made->lang, lang) != LIAISON_OK || message_set_text(&made->name, name) != LIAISON_OK) {
		message_free(&made->base);
		return LIAISON_NO_MEMORY;
	}
	return message_add(&office->names, &office->n_names, &made->base);
}

enum liaison_err
office_set_contact(
	Liaison__Office *office, const char *phone, const char *hours, const char *const *langs, size_t lang_count)
{
	enum liaison_err err = LIAISON_OK;

	if (office->contact == NULL)
		office->contact = (Liaison__Contact *)message_new(&liaison__contact__descriptor);
	if (office->contact == NULL)
		return LIAISON_NO_MEMORY;
	if (phone != NULL)
		err = message_set_text(&office->contact->phone, phone);
	if (err == LIAISON_OK && hours != NULL)
		err = message_set_text(&office->contact->hours, hours);
	if (langs == NULL)
		return err;
	message_clear_texts(&office->contact->langs, &office->contact->n_langs);
	for (size_t i = 0; err == LIAISON_OK && i < lang_count; i++)
		err = message_add_text(&office->contact->langs, &office->contact->n_langs, langs[i]);
	return err;
}

enum liaison_err
office_set_crossings(Liaison__Office *office, const char *const *crossings, size_t count)
{
	enum liaison_err err = LIAISON_OK;

	message_clear_texts(&office->crossings, &office->n_crossings);
	for (size_t i = 0; err == LIAISON_OK && i < count; i++)
		err = message_add_text(&office->crossings, &office->n_crossings, crossings[i]);
	return err;
}

enum liaison_err
office_set_publishes(Liaison__Office *office, uint32_t kinds)
{
	return codes_set(&office->publishes, &office->n_publishes, kinds);
}

enum liaison_err
office_set_receives(Liaison__Office *office, uint32_t kinds)
{
	return codes_set(&office->receives, &office->n_receives, kinds);
}

enum liaison_err
office_set_rights(Liaison__Office *office, uint32_t rights)
{
	return codes_set(&office->rights, &office->n_rights, rights);
}

void
office_set_clearance(Liaison__Office *office, Liaison__Level clearance)
{
	office->has_clearance = 1;
	office->clearance = clearance;
}
