#include "proto/trust.h"

#include "proto/charter.h"
#include "proto/suspension.h"
#include "proto/trust_view.h"

#include <string.h>

/* --- charters ------------------------------------------------------------------------------------------------------- */

/* The threshold of the charter before (the pinned root keys, for the first), then its own. */
static enum liaison_err
charter_verify(const struct trust *trust, const struct document *charter, const Liaison__Charter *previous,
	struct fault *fault)
{
	struct public_key keys[CHARTER_KEYS_MAX];
	size_t count = previous != NULL ? charter_root_keys(previous, keys) : 0;
	enum liaison_err err;

	if (previous != NULL)
		err = signed_verify(charter->signed_message, DOMAIN_CHARTER, trust->network, keys, count,
			previous->threshold, fault);
	else
		err = signed_verify(charter->signed_message, DOMAIN_CHARTER, trust->network, trust->roots,
			trust->root_count, trust->root_threshold, fault);
	if (err != LIAISON_OK)
		return err;
	count = charter_root_keys(charter->charter, keys);
	return signed_verify(charter->signed_message, DOMAIN_CHARTER, trust->network, keys, count,
		charter->charter->threshold, fault);
}

/* A charter of a version that is held: the same, or a fork if it is as well signed. */
static enum liaison_err
charter_compare(const struct trust *trust, const struct document *charter, struct fault *fault)
{
	size_t position = (size_t)charter->charter->version - 1;

	if (digest_equal(&trust->charters[position]->hash, &charter->hash))
		return LIAISON_OK;
	enum liaison_err err =
		charter_verify(trust, charter, position > 0 ? trust->charters[position - 1]->charter : NULL, fault);
	if (err != LIAISON_OK)
		return err;
	return fault_set(fault, LIAISON_EQUIVOCATION,
		"two different charters are signed as version %llu; keep both and tell the holders of the root keys",
		(unsigned long long)charter->charter->version);
}

static enum liaison_err
charter_check(struct trust *trust, const struct document *charter, bool *is_new, struct fault *fault)
{
	enum liaison_err err = charter_validate(charter->charter, fault);

	if (err != LIAISON_OK)
		return err;
	if (strcmp(charter->charter->network, trust->network) != 0)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the charter is of network %s; this is %s",
			charter->charter->network, trust->network);
	*is_new = charter->charter->version > trust->charter_count;
	if (!*is_new)
		return charter_compare(trust, charter, fault);
	const Liaison__Charter *previous = trust_charter(trust);
	err = charter_validate_successor(charter->charter, previous, fault);
	if (err == LIAISON_OK)
		err = charter_verify(trust, charter, previous, fault);
	return err;
}

static enum liaison_err
unchanged(struct trust *trust, enum trust_change *change, struct trust **out)
{
	*change = TRUST_UNCHANGED;
	*out = trust_ref(trust);
	return LIAISON_OK;
}

static enum liaison_err
changed(struct trust *trust, const struct trust_addition *addition, int64_t now, enum trust_change *change,
	struct trust **out, struct fault *fault)
{
	enum liaison_err err = view_make(trust, addition, now, out, fault);

	if (err == LIAISON_OK)
		*change = TRUST_CHANGED;
	return err;
}

enum liaison_err
trust_add_charter(struct trust *trust, const Liaison__Signed *signed_charter, int64_t now, enum trust_change *change,
	struct trust **out, struct fault *fault)
{
	struct document *charter;
	bool is_new = false;
	enum liaison_err err = document_new(DOCUMENT_CHARTER, signed_charter, &charter, fault);

	if (err != LIAISON_OK)
		return err;
	err = charter_check(trust, charter, &is_new, fault);
	if (err == LIAISON_OK && is_new)
		err = changed(trust, &(struct trust_addition){.charter = charter}, now, change, out, fault);
	else if (err == LIAISON_OK)
		err = unchanged(trust, change, out);
	document_unref(charter);
	return err;
}

/* --- rosters -------------------------------------------------------------------------------------------------------- */

/* By the bytes alone: whose it is, and whether that member's authority signed it. */
static enum liaison_err
roster_verify(const struct trust *trust, const Liaison__Signed *signed_roster, size_t *position, struct fault *fault)
{
	char network[NETWORK_ID_BYTES_MAX + 1], code[MEMBER_BYTES];
	struct public_key keys[CHARTER_KEYS_MAX];
	enum liaison_err err = document_scan(DOCUMENT_ROSTER, signed_roster, fault);

	if (err != LIAISON_OK)
		return err;
	if (!document_peek_text(signed_roster, 1, network, sizeof network) ||
		!document_peek_text(signed_roster, 2, code, sizeof code))
		return fault_set(fault, LIAISON_MALFORMED, "the roster names no network or no member");
	if (strcmp(network, trust->network) != 0)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the roster of %s is of network %s; this is %s", code,
			network, trust->network);
	*position = view_member_position(trust, code);
	if (*position == trust->member_count)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "%s is not a member in charter %llu", code,
			(unsigned long long)trust_charter_version(trust));
	const Liaison__CharterMember *member = trust->members[*position].entry;
	size_t count = charter_authority_keys(member, keys);
	err = signed_verify(signed_roster, DOMAIN_ROSTER, trust->network, keys, count, member->threshold, NULL);
	if (err != LIAISON_OK)
		fault_set(fault, err, "the roster of %s is not signed by %u of the %zu authority keys of charter %llu",
			code, member->threshold, count, (unsigned long long)trust_charter_version(trust));
	return err;
}

static enum liaison_err
roster_check_order(const struct member *member, const Liaison__Roster *roster, struct fault *fault)
{
	const Liaison__Roster *held = member->roster;

	if (roster->since < member->entry->since)
		return fault_set(fault, LIAISON_STALE,
			"the roster of %s is under charter %llu; its authority keys were replaced by charter %llu",
			member->code, (unsigned long long)roster->since, (unsigned long long)member->entry->since);
	if (roster->since > member->entry->since)
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"the roster of %s says authority keys since charter %llu, the charter held says %llu; get the "
			"newer charter",
			member->code, (unsigned long long)roster->since, (unsigned long long)member->entry->since);
	if (held == NULL || roster_order(roster, held) > 0)
		return LIAISON_OK;
	if (roster_order(roster, held) < 0)
		return fault_set(fault, LIAISON_STALE, "the roster of %s is version %llu; version %llu is held already",
			member->code, (unsigned long long)roster->version, (unsigned long long)held->version);
	return fault_set(fault, LIAISON_EQUIVOCATION,
		"two different rosters of %s are signed as version %llu; keep both and tell its authority",
		member->code, (unsigned long long)roster->version);
}

static enum liaison_err
roster_take(struct trust *trust, size_t position, const Liaison__Signed *signed_roster, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault)
{
	const struct member *member = &trust->members[position];
	struct document *roster;
	enum liaison_err err = document_new(DOCUMENT_ROSTER, signed_roster, &roster, fault);

	if (err != LIAISON_OK)
		return err;
	err = roster_validate(roster->roster, fault);
	if (err == LIAISON_OK)
		err = roster_check_order(member, roster->roster, fault);
	if (err == LIAISON_OK && member->roster != NULL)
		err = roster_validate_successor(roster->roster, member->roster, fault);
	if (err == LIAISON_OK)
		err = changed(trust, &(struct trust_addition){.roster = roster}, now, change, out, fault);
	document_unref(roster);
	return err;
}

enum liaison_err
trust_add_roster(struct trust *trust, const Liaison__Signed *roster, int64_t now, enum trust_change *change,
	struct trust **out, struct fault *fault)
{
	struct digest hash;
	size_t position;
	enum liaison_err err = roster_verify(trust, roster, &position, fault);

	if (err != LIAISON_OK)
		return err;
	document_hash(roster, &hash);
	if (trust->rosters[position] != NULL && digest_equal(&trust->rosters[position]->hash, &hash))
		return unchanged(trust, change, out);
	return roster_take(trust, position, roster, now, change, out, fault);
}

/* --- suspensions ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
suspension_verify(const struct trust *trust, const struct document *document, struct fault *fault)
{
	const Liaison__Suspension *suspension = document->suspension;
	struct public_key duty;

	if (suspension->network == NULL || strcmp(suspension->network, trust->network) != 0)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the suspension is not of network %s", trust->network);
	const struct member *member = suspension->member != NULL ? trust_member(trust, suspension->member) : NULL;
	if (member == NULL || !member->entry->has_duty_key)
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"the charter gives \"%.10s\" no duty key to suspend with",
			suspension->member != NULL ? suspension->member : "");
	memcpy(duty.bytes, member->entry->duty_key.data, PUBLIC_KEY_BYTES);
	if (signed_verify(document->signed_message, DOMAIN_SUSPENSION, trust->network, &duty, 1, 1, NULL) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_SIGNATURE, "the suspension is not signed by the duty key of %s",
			member->code);
	return suspension_validate(suspension, fault);
}

/* Whose it is: an office of that member, and a key of that office if it names one. */
static enum liaison_err
suspension_check_target(const struct trust *trust, const Liaison__Suspension *suspension, struct fault *fault)
{
	const struct office *office = trust_office(trust, suspension->office);

	if (office == NULL)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the suspension names %s, which is on no roster held",
			suspension->office);
	for (enum key_use use = 0; suspension->has_key && use < KEY_USES; use++)
		if (office_key_find(office->entry, use, suspension->key.data, suspension->key.len) != NULL)
			return LIAISON_OK;
	if (suspension->has_key)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the suspension names a key that %s does not have",
			suspension->office);
	return LIAISON_OK;
}

/* How many of the member's are held that end after `at`. */
static size_t
suspensions_after(const struct trust *trust, const char *member, int64_t at)
{
	size_t count = 0;

	for (size_t i = 0; i < trust->suspension_count; i++)
		count += trust->suspensions[i]->suspension->until > at &&
			 strcmp(trust->suspensions[i]->suspension->member, member) == 0;
	return count;
}

static bool
suspension_is_held(const struct trust *trust, const struct document *document)
{
	for (size_t i = 0; i < trust->suspension_count; i++)
		if (digest_equal(&trust->suspensions[i]->hash, &document->hash))
			return true;
	return false;
}

static enum liaison_err
suspension_check(const struct trust *trust, const struct document *document, int64_t now, struct fault *fault)
{
	const Liaison__Suspension *suspension = document->suspension;
	enum liaison_err err = suspension_verify(trust, document, fault);

	if (err != LIAISON_OK)
		return err;
	if (suspension->until <= now)
		return fault_set(fault, LIAISON_EXPIRED, "the suspension of %s is over", suspension->office);
	err = suspension_check_target(trust, suspension, fault);
	if (err == LIAISON_OK && suspensions_after(trust, suspension->member, now) >= TRUST_SUSPENSIONS_MAX)
		err = fault_set(fault, LIAISON_RATE_LIMITED,
			"%d suspensions of %s stand already; its authority must sign a roster that says it",
			TRUST_SUSPENSIONS_MAX, suspension->member);
	else if (err == LIAISON_OK &&
		 suspensions_after(trust, suspension->member, now - SUSPENSION_KEPT_MS) >= TRUST_SUSPENSIONS_KEPT_MAX)
		err = fault_set(fault, LIAISON_RATE_LIMITED,
			"%s had %d suspensions in 30 days; its authority must sign a roster that says it, and a "
			"charter "
			"replace the duty key if it was stolen",
			suspension->member, TRUST_SUSPENSIONS_KEPT_MAX);
	return err;
}

enum liaison_err
trust_add_suspension(struct trust *trust, const Liaison__Signed *signed_suspension, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault)
{
	struct document *suspension;
	enum liaison_err err = document_new(DOCUMENT_SUSPENSION, signed_suspension, &suspension, fault);

	if (err != LIAISON_OK)
		return err;
	if (suspension_is_held(trust, suspension)) {
		err = unchanged(trust, change, out);
	} else {
		err = suspension_check(trust, suspension, now, fault);
		if (err == LIAISON_OK)
			err = changed(
				trust, &(struct trust_addition){.suspension = suspension}, now, change, out, fault);
	}
	document_unref(suspension);
	return err;
}
