#include "proto/trust_view.h"

#include "proto/charter.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- what is carried over ------------------------------------------------------------------------------------------- */

/* calloc that gives a pointer for a count of 0 too. */
static void *
array_new(size_t count, size_t size)
{
	return calloc(count > 0 ? count : 1, size);
}

static enum liaison_err
carry_charters(struct trust *view, const struct trust *from, struct document *added)
{
	view->charters = array_new(from->charter_count + 1, sizeof *view->charters);
	if (view->charters == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < from->charter_count; i++)
		view->charters[view->charter_count++] = document_ref(from->charters[i]);
	if (added != NULL)
		view->charters[view->charter_count++] = document_ref(added);
	return LIAISON_OK;
}

/* Each member of the newest charter with the roster that is in force under its `since`. */
static enum liaison_err
carry_rosters(struct trust *view, const struct trust *from, struct document *added)
{
	const Liaison__Charter *charter = trust_charter(view);
	size_t count = charter != NULL ? charter->n_members : 0;

	view->members = array_new(count, sizeof *view->members);
	view->rosters = array_new(count, sizeof *view->rosters);
	if (view->members == NULL || view->rosters == NULL)
		return LIAISON_NO_MEMORY;
	view->member_count = count;
	for (size_t i = 0; i < count; i++) {
		const Liaison__CharterMember *entry = charter->members[i];
		struct member *member = &view->members[i];
		memcpy(member->code, entry->code, MEMBER_BYTES);
		member->entry = entry;
		size_t before = view_member_position(from, entry->code);
		struct document *roster = before < from->member_count ? from->rosters[before] : NULL;
		if (added != NULL && strcmp(added->roster->member, entry->code) == 0)
			roster = added;
		if (roster == NULL || roster->roster->since != entry->since)
			continue;
		view->rosters[i] = document_ref(roster);
		member->roster = roster->roster;
		member->roster_hash = roster->hash;
		member->expires =
			roster->roster->expires < charter->expires ? roster->roster->expires : charter->expires;
		for (size_t j = 0; j < member->roster->n_contributes; j++)
			member->contributes |= UINT32_C(1) << member->roster->contributes[j];
	}
	return LIAISON_OK;
}

/* Under a charter that gives the member another duty key, the old one's word ends. */
static bool
suspension_still_stands(const struct trust *view, const struct document *suspension, int64_t now)
{
	const struct member *member = trust_member(view, suspension->suspension->member);
	struct public_key duty;

	if (suspension->suspension->until + SUSPENSION_KEPT_MS <= now || member == NULL || !member->entry->has_duty_key)
		return false;
	memcpy(duty.bytes, member->entry->duty_key.data, PUBLIC_KEY_BYTES);
	return signed_verify(suspension->signed_message, DOMAIN_SUSPENSION, view->network, &duty, 1, 1, NULL) ==
	       LIAISON_OK;
}

static enum liaison_err
carry_suspensions(
	struct trust *view, const struct trust *from, struct document *added, bool charter_changed, int64_t now)
{
	view->suspensions = array_new(from->suspension_count + 1, sizeof *view->suspensions);
	if (view->suspensions == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < from->suspension_count; i++) {
		struct document *suspension = from->suspensions[i];
		bool stands = charter_changed ? suspension_still_stands(view, suspension, now)
					      : suspension->suspension->until + SUSPENSION_KEPT_MS > now;
		if (stands)
			view->suspensions[view->suspension_count++] = document_ref(suspension);
	}
	if (added != NULL)
		view->suspensions[view->suspension_count++] = document_ref(added);
	return LIAISON_OK;
}

/* --- offices -------------------------------------------------------------------------------------------------------- */

static void
office_fill(struct office *office, const struct member *member, const struct document *roster, size_t index)
{
	const Liaison__Office *entry = roster->roster->offices[index];
	const struct key_id *ids = roster->key_ids + roster->key_start[index];

	strcpy(office->id.text, entry->id); /* roster_validate checked the length */
	office->entry = entry;
	office->member = member;
	office->clearance = entry->has_clearance ? entry->clearance : LIAISON__LEVEL__LEVEL_CLEAR;
	office->is_suspended = entry->state == LIAISON__OFFICE_STATE__OFFICE_STATE_SUSPENDED;
	for (size_t i = 0; i < entry->n_publishes; i++)
		office->publishes |= UINT32_C(1) << entry->publishes[i];
	for (size_t i = 0; i < entry->n_receives; i++)
		office->receives |= UINT32_C(1) << entry->receives[i];
	for (size_t i = 0; i < entry->n_rights; i++)
		office->rights |= UINT32_C(1) << entry->rights[i];
	for (enum key_use use = 0; use < KEY_USES; use++) {
		Liaison__RosterKey *const *keys;
		office->key_ids[use] = ids;
		ids += office_keys(entry, use, &keys);
	}
}

/* Members ascend by code, offices within each by id, and a code is a prefix of its ids: so all offices ascend. */
static enum liaison_err
index_offices(struct trust *view, struct fault *fault)
{
	size_t total = 0;

	for (size_t i = 0; i < view->member_count; i++)
		total += view->rosters[i] != NULL ? view->members[i].roster->n_offices : 0;
	if (total > TRUST_OFFICES_MAX)
		return fault_set(fault, LIAISON_TOO_LARGE,
			"%zu offices on all rosters together; at most %d are supported", total, TRUST_OFFICES_MAX);
	view->offices = array_new(total, sizeof *view->offices);
	if (view->offices == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < view->member_count; i++) {
		size_t count = view->rosters[i] != NULL ? view->members[i].roster->n_offices : 0;
		for (size_t j = 0; j < count; j++) {
			struct office *office = &view->offices[view->office_count];
			office_fill(office, &view->members[i], view->rosters[i], j);
			office->number = (uint32_t)view->office_count++;
		}
	}
	return LIAISON_OK;
}

static struct office *
view_office(const struct trust *view, const char *id)
{
	size_t low = 0, high = view->office_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(view->offices[middle].id.text, id);
		if (order == 0)
			return &view->offices[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void
window_fill(struct suspension_window *window, const Liaison__Suspension *suspension)
{
	window->is_whole_office = !suspension->has_key;
	window->from = suspension->from;
	window->until = suspension->until;
	if (suspension->has_key) {
		struct public_key key;
		memcpy(key.bytes, suspension->key.data, PUBLIC_KEY_BYTES);
		key_id_of(&key, &window->key);
	}
}

/* Few: two passes, the first to count how many each office has. One whose office has no roster now waits for it. */
static enum liaison_err
index_windows(struct trust *view)
{
	view->windows = array_new(view->suspension_count, sizeof *view->windows);
	if (view->windows == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < view->suspension_count; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): all that are counted are there */
		struct office *office = view_office(view, view->suspensions[i]->suspension->office);
		if (office != NULL)
			office->window_count++;
	}
	struct suspension_window *next = view->windows;
	for (size_t i = 0; i < view->suspension_count; i++) {
		const Liaison__Suspension *suspension = view->suspensions[i]->suspension;
		struct office *office = view_office(view, suspension->office);
		if (office == NULL)
			continue;
		if (office->windows == NULL) {
			office->windows = next;
			next += office->window_count;
			office->window_count = 0;
		}
		window_fill(
			&view->windows[(size_t)(office->windows - view->windows) + office->window_count++], suspension);
	}
	return LIAISON_OK;
}

/* --- transport keys ------------------------------------------------------------------------------------------------- */

static int
compare_claims(const void *a, const void *b)
{
	const struct transport_claim *first = a, *second = b;
	int order = memcmp(first->key, second->key, PUBLIC_KEY_BYTES);

	if (order != 0)
		return order;
	return (first->office > second->office) - (first->office < second->office);
}

/* The first claim of `key`, claim_count if there is none; how many there are. */
static size_t
view_claims(const struct trust *view, const uint8_t *key, size_t *count)
{
	size_t low = 0, high = view->claim_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(view->claims[middle].key, key, PUBLIC_KEY_BYTES) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (*count = 0; low + *count < view->claim_count; (*count)++)
		if (memcmp(view->claims[low + *count].key, key, PUBLIC_KEY_BYTES) != 0)
			break;
	return low;
}

/* Where a claim stood among those of its key in the view before; after all of those, if it is new. */
static size_t
claim_rank(const struct trust *view, const struct trust *from, const struct transport_claim *claim)
{
	const char *id = view->offices[claim->office].id.text;
	size_t count;
	size_t first = view_claims(from, claim->key, &count);

	for (size_t i = 0; i < count; i++)
		if (strcmp(from->offices[from->claims[first + i].office].id.text, id) == 0)
			return i;
	return SIZE_MAX;
}

/* Of claims to one key the oldest comes first. Hardly ever more than one. */
static void
order_rivals(struct trust *view, const struct trust *from, size_t first, size_t count)
{
	for (size_t i = first + 1; i < first + count; i++)
		for (size_t j = i; j > first; j--) {
			struct transport_claim *a = &view->claims[j - 1], *b = &view->claims[j];
			if (claim_rank(view, from, a) <= claim_rank(view, from, b))
				break;
			struct transport_claim claim = *a;
			*a = *b;
			*b = claim;
		}
}

static enum liaison_err
index_claims(struct trust *view, const struct trust *from)
{
	size_t total = 0;

	for (size_t i = 0; i < view->office_count; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): each office that is counted has its entry */
		total += view->offices[i].entry->n_transport_keys;
	view->claims = array_new(total, sizeof *view->claims);
	if (view->claims == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < view->office_count; i++)
		for (size_t j = 0; j < view->offices[i].entry->n_transport_keys; j++)
			view->claims[view->claim_count++] = (struct transport_claim){
				.key = view->offices[i].entry->transport_keys[j]->key.data,
				.office = (uint32_t)i,
			};
	qsort(view->claims, total, sizeof *view->claims, compare_claims);
	for (size_t i = 0; i < total;) {
		size_t end = i + 1;
		while (end < total && memcmp(view->claims[i].key, view->claims[end].key, PUBLIC_KEY_BYTES) == 0)
			end++;
		order_rivals(view, from, i, end - i);
		i = end;
	}
	return LIAISON_OK;
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

enum liaison_err
view_make(const struct trust *from, const struct trust_addition *addition, int64_t now, struct trust **out,
	struct fault *fault)
{
	struct trust *view = calloc(1, sizeof *view);

	if (view == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	atomic_init(&view->refs, 1);
	memcpy(view->network, from->network, sizeof view->network);
	memcpy(view->roots, from->roots, sizeof view->roots);
	view->root_count = from->root_count;
	view->root_threshold = from->root_threshold;
	enum liaison_err err = carry_charters(view, from, addition->charter);
	if (err == LIAISON_OK)
		err = carry_rosters(view, from, addition->roster);
	if (err == LIAISON_OK)
		err = carry_suspensions(view, from, addition->suspension, addition->charter != NULL, now);
	if (err == LIAISON_OK)
		err = index_offices(view, fault);
	if (err == LIAISON_OK)
		err = index_windows(view);
	if (err == LIAISON_OK)
		err = index_claims(view, from);
	if (err == LIAISON_OK) {
		*out = view;
		return LIAISON_OK;
	}
	trust_unref(view);
	return err == LIAISON_NO_MEMORY ? fault_set(fault, err, "out of memory") : err;
}

enum liaison_err
trust_new(const char *network, const struct public_key *root_keys, size_t root_key_count, size_t threshold,
	struct trust **out, struct fault *fault)
{
	if (!network_id_is_valid(network))
		return fault_set(fault, LIAISON_BAD_CONFIG, "\"%.80s\" is no network id; it is 1 to %d of a-z 0-9 . -",
			network, NETWORK_ID_BYTES_MAX);
	if (root_key_count < 1 || root_key_count > TRUST_ROOT_KEYS_MAX || threshold < 1 || threshold > root_key_count)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%zu root keys with a threshold of %zu; 1 to %d keys, and a threshold from 1 to their number",
			root_key_count, threshold, TRUST_ROOT_KEYS_MAX);
	struct trust *trust = calloc(1, sizeof *trust);
	if (trust == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	atomic_init(&trust->refs, 1);
	memcpy(trust->network, network, strlen(network) + 1);
	memcpy(trust->roots, root_keys, root_key_count * sizeof root_keys[0]);
	trust->root_count = root_key_count;
	trust->root_threshold = threshold;
	*out = trust;
	return LIAISON_OK;
}

struct trust *
trust_ref(struct trust *trust)
{
	unsigned before = atomic_fetch_add_explicit(&trust->refs, 1, memory_order_relaxed);
	assert(before > 0);
	return trust;
}

void
trust_unref(struct trust *trust)
{
	if (trust == NULL || atomic_fetch_sub_explicit(&trust->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < trust->charter_count; i++)
		document_unref(trust->charters[i]);
	for (size_t i = 0; i < trust->member_count; i++)
		document_unref(trust->rosters[i]);
	for (size_t i = 0; i < trust->suspension_count; i++)
		document_unref(trust->suspensions[i]);
	free(trust->charters);
	free(trust->rosters);
	free(trust->suspensions);
	free(trust->members);
	free(trust->offices);
	free(trust->windows);
	free(trust->claims);
	free(trust);
}

/* --- asking --------------------------------------------------------------------------------------------------------- */

size_t
view_member_position(const struct trust *trust, const char *code)
{
	for (size_t i = 0; i < trust->member_count; i++)
		if (strcmp(trust->members[i].code, code) == 0)
			return i;
	return trust->member_count;
}

const struct office *
trust_office(const struct trust *trust, const char *id)
{
	return view_office(trust, id);
}

const struct office *
trust_office_by_transport_key(const struct trust *trust, const struct public_key *key, int64_t now)
{
	size_t count;
	size_t first = view_claims(trust, key->bytes, &count);

	if (count == 0)
		return NULL;
	const struct office *owner = &trust->offices[trust->claims[first].office];
	return office_transport_is_good(owner, key, now) ? owner : NULL;
}

const struct office *
trust_office_at_broker(const struct trust *trust, const char *broker, const struct public_key *key, int64_t now)
{
	const struct office *owner = NULL;
	size_t count;
	size_t first = view_claims(trust, key->bytes, &count);

	for (size_t i = first; owner == NULL && i < first + count; i++)
		if (trust_serves(trust, broker, trust->offices[trust->claims[i].office].member))
			owner = &trust->offices[trust->claims[i].office];
	for (size_t i = first; owner == NULL && i < first + count; i++)
		if (trust_are_peers(trust, broker, trust->offices[trust->claims[i].office].id.text))
			owner = &trust->offices[trust->claims[i].office];
	return owner != NULL && office_transport_is_good(owner, key, now) ? owner : NULL;
}
