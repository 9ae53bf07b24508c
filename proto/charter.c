#include "proto/charter.h"

#include "proto/address.h"
#include "proto/base/message.h"
#include "proto/base/time.h"
#include "proto/document.h"
#include "proto/signature.h"

#include <stdlib.h>
#include <string.h>

#define NAME_BYTES_MAX 200

/* --- key lists ------------------------------------------------------------------------------------------------------ */

/* `whose` begins the sentence: "member kh", "the network". */
static enum liaison_err
keys_validate(const char *whose, const char *which, const ProtobufCBinaryData *keys, size_t count, bool has_threshold,
	uint32_t threshold, struct fault *fault)
{
	if (count < 1 || count > CHARTER_KEYS_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "%s has %zu %s keys; 1 to %d are allowed", whose, count,
			which, CHARTER_KEYS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (keys[i].len != PUBLIC_KEY_BYTES)
			return fault_set(fault, LIAISON_MALFORMED, "%s has a%s %s key of %zu bytes; a key has %d",
				whose, strchr("aeiou", which[0]) ? "n" : "", which, keys[i].len, PUBLIC_KEY_BYTES);
		for (size_t j = 0; j < i; j++)
			if (memcmp(keys[i].data, keys[j].data, PUBLIC_KEY_BYTES) == 0)
				return fault_set(
					fault, LIAISON_MALFORMED, "%s lists the same %s key twice", whose, which);
	}
	if (!has_threshold || threshold < 1 || threshold > count)
		return fault_set(fault, LIAISON_MALFORMED,
			"%s has %zu %s keys and a threshold of %u; it must be from 1 to %zu", whose, count, which,
			threshold, count);
	return LIAISON_OK;
}

static size_t
keys_copy(const ProtobufCBinaryData *keys, size_t count, struct public_key out[CHARTER_KEYS_MAX])
{
	for (size_t i = 0; i < count; i++)
		memcpy(out[i].bytes, keys[i].data, PUBLIC_KEY_BYTES);
	return count;
}

size_t
charter_root_keys(const Liaison__Charter *charter, struct public_key out[CHARTER_KEYS_MAX])
{
	return keys_copy(charter->root_keys, charter->n_root_keys, out);
}

size_t
charter_authority_keys(const Liaison__CharterMember *member, struct public_key out[CHARTER_KEYS_MAX])
{
	return keys_copy(member->authority_keys, member->n_authority_keys, out);
}

static bool
has_key(const ProtobufCBinaryData *keys, size_t count, const ProtobufCBinaryData *key)
{
	for (size_t i = 0; i < count; i++)
		if (keys[i].len == key->len && memcmp(keys[i].data, key->data, key->len) == 0)
			return true;
	return false;
}

/* As sets: the lists hold no key twice. */
static bool
same_authority(const Liaison__CharterMember *a, const Liaison__CharterMember *b)
{
	if (a->n_authority_keys != b->n_authority_keys)
		return false;
	for (size_t i = 0; i < a->n_authority_keys; i++)
		if (!has_key(b->authority_keys, b->n_authority_keys, &a->authority_keys[i]))
			return false;
	return true;
}

/* --- checks --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
member_validate(const Liaison__Charter *charter, size_t index, struct fault *fault)
{
	const Liaison__CharterMember *member = charter->members[index];
	char whose[32];

	if (member->code == NULL || strlen(member->code) != MEMBER_BYTES - 1 || !address_is_valid(member->code))
		return fault_set(fault, LIAISON_BAD_CODE, "member \"%.20s\" is not a code of two lower-case letters",
			member->code != NULL ? member->code : "");
	if (index > 0 && strcmp(charter->members[index - 1]->code, member->code) >= 0)
		return fault_set(fault, LIAISON_MALFORMED,
			"member %s stands after %s; members must ascend by code and none may come twice", member->code,
			charter->members[index - 1]->code);
	memcpy(whose, "member ", 7);
	memcpy(whose + 7, member->code, MEMBER_BYTES);
	enum liaison_err err = keys_validate(whose, "authority", member->authority_keys, member->n_authority_keys,
		member->has_threshold, member->threshold, fault);
	if (err != LIAISON_OK)
		return err;
	if (member->has_duty_key && member->duty_key.len != PUBLIC_KEY_BYTES)
		return fault_set(fault, LIAISON_MALFORMED, "member %s has a duty key of %zu bytes; a key has %d",
			member->code, member->duty_key.len, PUBLIC_KEY_BYTES);
	if (!member->has_since || member->since < 1 || member->since > charter->version)
		return fault_set(fault, LIAISON_MALFORMED, "member %s has `since` %llu in charter %llu", member->code,
			(unsigned long long)member->since, (unsigned long long)charter->version);
	if (member->name != NULL && strlen(member->name) > NAME_BYTES_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "the name of member %s is longer than %d bytes",
			member->code, NAME_BYTES_MAX);
	return LIAISON_OK;
}

enum liaison_err
charter_validate(const Liaison__Charter *charter, struct fault *fault)
{
	if (charter->network == NULL || !network_id_is_valid(charter->network))
		return fault_set(fault, LIAISON_MALFORMED,
			"the charter names no network; an id is 1 to %d of a-z 0-9 . -", NETWORK_ID_BYTES_MAX);
	if (!charter->has_version || charter->version < 1)
		return fault_set(fault, LIAISON_MALFORMED, "the charter has no version; the first is 1");
	if (!charter->has_issued || !charter->has_expires || charter->expires <= charter->issued ||
		!time_is_valid(charter->issued) || !time_is_valid(charter->expires))
		return fault_set(fault, LIAISON_MALFORMED,
			"charter %llu lacks issue or expiry in the years 1 to 9999, or expires before it is issued",
			(unsigned long long)charter->version);
	enum liaison_err err = keys_validate("the charter", "root", charter->root_keys, charter->n_root_keys,
		charter->has_threshold, charter->threshold, fault);
	if (err != LIAISON_OK)
		return err;
	if (charter->n_members > CHARTER_MEMBERS_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "the charter has %zu members; at most %d are allowed",
			charter->n_members, CHARTER_MEMBERS_MAX);
	for (size_t i = 0; err == LIAISON_OK && i < charter->n_members; i++)
		err = member_validate(charter, i, fault);
	return err;
}

/* What `since` must be for a member of `charter`. */
static uint64_t
since_wanted(const Liaison__CharterMember *member, uint64_t version, const Liaison__Charter *previous)
{
	const Liaison__CharterMember *before = previous != NULL ? charter_member(previous, member->code) : NULL;

	return before != NULL && same_authority(before, member) ? before->since : version;
}

enum liaison_err
charter_validate_successor(const Liaison__Charter *charter, const Liaison__Charter *previous, struct fault *fault)
{
	uint64_t version = previous != NULL ? previous->version + 1 : 1;

	if (previous != NULL && strcmp(charter->network, previous->network) != 0)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the charter is of network %s, not of %s",
			charter->network, previous->network);
	if (charter->version != version)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "charter %llu cannot follow; the next one is %llu",
			(unsigned long long)charter->version, (unsigned long long)version);
	for (size_t i = 0; i < charter->n_members; i++) {
		const Liaison__CharterMember *member = charter->members[i];
		uint64_t since = since_wanted(member, version, previous);
		if (member->since != since)
			return fault_set(fault, LIAISON_BAD_REFERENCE,
				"member %s has `since` %llu; its authority keys were last replaced by charter %llu",
				member->code, (unsigned long long)member->since, (unsigned long long)since);
	}
	return LIAISON_OK;
}

const Liaison__CharterMember *
charter_member(const Liaison__Charter *charter, const char *code)
{
	for (size_t i = 0; i < charter->n_members; i++)
		if (charter->members[i]->code != NULL && strcmp(charter->members[i]->code, code) == 0)
			return charter->members[i];
	return NULL;
}

/* --- building ------------------------------------------------------------------------------------------------------- */

static enum liaison_err
keys_set(ProtobufCBinaryData **field, size_t *count, const struct public_key *keys, size_t key_count)
{
	ProtobufCBinaryData *made = NULL;
	size_t made_count = 0;

	for (size_t i = 0; i < key_count; i++)
		if (message_add_bytes(&made, &made_count, keys[i].bytes, PUBLIC_KEY_BYTES) != LIAISON_OK) {
			message_clear_bytes(&made, &made_count);
			return LIAISON_NO_MEMORY;
		}
	message_clear_bytes(field, count);
	*field = made;
	*count = made_count;
	return LIAISON_OK;
}

enum liaison_err
charter_set_roots(
	Liaison__Charter *charter, const struct public_key *root_keys, size_t root_key_count, uint32_t threshold)
{
	enum liaison_err err = keys_set(&charter->root_keys, &charter->n_root_keys, root_keys, root_key_count);

	if (err == LIAISON_OK) {
		charter->has_threshold = 1;
		charter->threshold = threshold;
	}
	return err;
}

static void
charter_set_times(Liaison__Charter *charter, uint64_t version, int64_t issued, int64_t expires)
{
	charter->has_version = charter->has_issued = charter->has_expires = 1;
	charter->version = version;
	charter->issued = issued;
	charter->expires = expires;
}

Liaison__Charter *
charter_new(const char *network, const struct public_key *root_keys, size_t root_key_count, uint32_t threshold,
	int64_t issued, int64_t expires)
{
	Liaison__Charter *charter = (Liaison__Charter *)message_new(&liaison__charter__descriptor);

	if (charter == NULL)
		return NULL;
	charter_set_times(charter, 1, issued, expires);
	if (message_set_text(&charter->network, network) != LIAISON_OK ||
		charter_set_roots(charter, root_keys, root_key_count, threshold) != LIAISON_OK) {
		charter_free(charter);
		return NULL;
	}
	return charter;
}

Liaison__Charter *
charter_next(const Liaison__Charter *previous, int64_t issued, int64_t expires)
{
	Liaison__Charter *charter = (Liaison__Charter *)message_copy(&previous->base);

	if (charter != NULL)
		charter_set_times(charter, previous->version + 1, issued, expires);
	return charter;
}

void
charter_free(Liaison__Charter *charter)
{
	message_free((ProtobufCMessage *)charter);
}

static enum liaison_err
member_fill(Liaison__CharterMember *member, const struct charter_member_keys *keys)
{
	enum liaison_err err = message_set_text(&member->code, keys->code);

	if (err == LIAISON_OK && keys->name != NULL)
		err = message_set_text(&member->name, keys->name);
	if (err == LIAISON_OK)
		err = keys_set(&member->authority_keys, &member->n_authority_keys, keys->authority_keys,
			keys->authority_key_count);
	if (err == LIAISON_OK && keys->duty_key != NULL)
		err = message_set_bytes(
			&member->duty_key, &member->has_duty_key, keys->duty_key->bytes, PUBLIC_KEY_BYTES);
	if (err == LIAISON_OK && keys->duty_key == NULL) {
		free(member->duty_key.data);
		member->duty_key = (ProtobufCBinaryData){0};
		member->has_duty_key = 0;
	}
	member->has_threshold = 1;
	member->threshold = keys->threshold;
	return err;
}

/* A new member in its place; NULL without memory. */
static Liaison__CharterMember *
member_insert(Liaison__Charter *charter, const char *code)
{
	Liaison__CharterMember *member = (Liaison__CharterMember *)message_new(&liaison__charter_member__descriptor);
	size_t at = charter->n_members;

	if (member == NULL || message_set_text(&member->code, code) != LIAISON_OK ||
		message_grow(&charter->members, charter->n_members, sizeof member) == NULL) {
		message_free((ProtobufCMessage *)member);
		return NULL;
	}
	for (; at > 0 && strcmp(charter->members[at - 1]->code, code) > 0; at--)
		charter->members[at] = charter->members[at - 1];
	charter->members[at] = member;
	charter->n_members++;
	return member;
}

enum liaison_err
charter_set_member(Liaison__Charter *charter, const Liaison__Charter *previous, const struct charter_member_keys *keys)
{
	Liaison__CharterMember *member = NULL;

	for (size_t i = 0; i < charter->n_members; i++)
		if (strcmp(charter->members[i]->code, keys->code) == 0)
			member = charter->members[i];
	if (member == NULL)
		member = member_insert(charter, keys->code);
	enum liaison_err err = member != NULL ? member_fill(member, keys) : LIAISON_NO_MEMORY;
	if (err == LIAISON_OK) {
		member->has_since = 1;
		member->since = since_wanted(member, charter->version, previous);
	}
	return err;
}

enum liaison_err
charter_remove_member(Liaison__Charter *charter, const char *code)
{
	for (size_t i = 0; i < charter->n_members; i++) {
		if (strcmp(charter->members[i]->code, code) != 0)
			continue;
		message_free(&charter->members[i]->base);
		charter->n_members--;
		memmove(&charter->members[i], &charter->members[i + 1],
			(charter->n_members - i) * sizeof charter->members[0]);
		return LIAISON_OK;
	}
	return LIAISON_NOT_FOUND;
}
