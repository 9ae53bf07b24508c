/*
 * Trust as one immutable view: who is an office, with which keys and rights, under which charter and rosters.
 *
 * A `struct trust` is built from signed documents only, each checked before it is taken (TRUST's charter chain walked
 * signature by signature, rosters against the member's authority keys and `since`, suspensions against the duty key). A
 * new document makes a new view; the old one stays valid for whoever holds it. Counted, safe to read from any thread.
 * Nothing here reads a clock, a file or a socket: `now` is an argument.
 */
#ifndef LIAISON_PROTO_TRUST_H
#define LIAISON_PROTO_TRUST_H

#include "proto/address.h"
#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/keys.h"

#include "proto/trust.pb-c.h"

#include <stdint.h>

#define ROSTER_GRACE_MS (7 * MS_PER_DAY)
#define SUSPENSION_MAX_MS (7 * MS_PER_DAY)
#define TRUST_ROOT_KEYS_MAX 32
#define TRUST_MEMBERS_MAX 512
#define TRUST_OFFICES_MAX 20000

struct trust;

/* One office as the rosters say, with what decisions need in their own types. Lives as long as its trust. */
struct office {
	struct office_id id;
	uint32_t number; /* dense, 0 to trust_office_count - 1; differs from view to view */
	const Liaison__Office *entry;
	const struct member *member;
	uint32_t publishes; /* bit (1 << kind) */
	uint32_t receives;
	uint32_t rights;                         /* bit (1 << right) */
	Liaison__Level clearance;                /* LEVEL_CLEAR if the roster says none */
	bool is_suspended;                       /* by its roster */
	int64_t suspended_from, suspended_until; /* by the duty key; until == 0: not */
};

enum roster_state {
	ROSTER_VALID,
	ROSTER_GRACE,   /* expired for less than ROSTER_GRACE_MS: nothing new is granted */
	ROSTER_EXPIRED, /* no new alert, nothing released but notices */
	ROSTER_NONE,
};

/* One member of the charter and its roster. */
struct member {
	char code[8]; /* "kh" */
	const Liaison__CharterMember *entry;
	const Liaison__Roster *roster; /* NULL: none held */
	struct digest roster_hash;
	uint32_t contributes; /* bit (1 << kind) */
};

/* --- building ------------------------------------------------------------------------------------------------------ */

/* An empty view that trusts these root keys (k of n) for `network` and holds no charter yet. Copies. */
enum liaison_err trust_new(const char *network, const struct public_key *root_keys, size_t root_key_count,
	size_t threshold, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;
struct trust *trust_ref(struct trust *trust);
void trust_unref(struct trust *trust); /* takes NULL */

enum trust_change {
	TRUST_UNCHANGED, /* held already, or older than what is held and consistent with it */
	TRUST_CHANGED,   /* *out is a new view */
};

/*
 * Takes one more document. On LIAISON_OK `change` says whether `*out` is a new view; `*out` is always a reference that
 * the caller owns (to `trust` itself where nothing changed). Errors: LIAISON_MALFORMED, LIAISON_BAD_SIGNATURE,
 * LIAISON_EXPIRED (only the newest charter's expiry counts), LIAISON_STALE (rolled back: older than what is held where
 * that must not be), LIAISON_EQUIVOCATION (same version, other bytes: keep both as evidence), LIAISON_BAD_REFERENCE
 * (a gap in the chain, a member that the charter does not name, a `since` that it does not give).
 * A charter must be version 1 signed by the pinned root keys, or the successor of the one held, signed by the old keys'
 * threshold and its own. A charter that replaces a member's authority keys drops that member's roster until one under
 * the new `since` comes.
 */
enum liaison_err trust_add_charter(struct trust *trust, const Liaison__Signed *charter, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err trust_add_roster(struct trust *trust, const Liaison__Signed *roster, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err trust_add_suspension(struct trust *trust, const Liaison__Signed *suspension, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/* --- asking -------------------------------------------------------------------------------------------------------- */

const char *trust_network(const struct trust *trust);
uint64_t trust_charter_version(const struct trust *trust);        /* 0: none */
const Liaison__Charter *trust_charter(const struct trust *trust); /* NULL: none */
size_t trust_member_count(const struct trust *trust);
const struct member *trust_member_at(const struct trust *trust, size_t position);
const struct member *trust_member(const struct trust *trust, const char *code); /* NULL: not a member */
size_t trust_office_count(const struct trust *trust);
const struct office *trust_office_at(const struct trust *trust, size_t number);
const struct office *trust_office(const struct trust *trust, const char *id);

/* Exact signed bytes as they were taken, for handing on: the charters in order, each member's newest roster, suspensions. */
size_t trust_charter_count(const struct trust *trust);
const Liaison__Signed *trust_signed_charter(const struct trust *trust, size_t position);
const Liaison__Signed *trust_signed_roster(const struct trust *trust, const char *member);
size_t trust_suspension_count(const struct trust *trust);
const Liaison__Signed *trust_signed_suspension(const struct trust *trust, size_t position);

enum roster_state trust_roster_state(const struct trust *trust, const struct member *member, int64_t now);

/* Suspended by roster or, at `now`, by a duty key's word on the whole office. */
bool office_is_suspended(const struct office *office, int64_t now);

/*
 * The office whose transport key this is, valid at `now` and not revoked or suspended. A key under two offices belongs
 * to the one whose roster was taken first. NULL: nobody.
 */
const struct office *trust_office_by_transport_key(
	const struct trust *trust, const struct public_key *key, int64_t now);

enum key_use { KEY_SIGNING, KEY_TRANSPORT, KEY_SEALING, KEY_CHECKPOINT };

/*
 * One key of `office` by fingerprint, valid at `now`: LIAISON_OK, or LIAISON_BAD_SIGNATURE (no such key, not yet or no
 * longer valid, retired, revoked, suspended), with the reason in the fault.
 */
enum liaison_err office_key(const struct office *office, enum key_use use, const struct key_id *id, int64_t now,
	struct public_key *out, struct fault *fault) LIAISON_MUST_CHECK;
/* The same whatever its validity: for verifying what was accepted in the past. */
enum liaison_err office_key_ever(const struct office *office, enum key_use use, const struct key_id *id,
	struct public_key *out, const Liaison__RosterKey **entry) LIAISON_MUST_CHECK;

/* Whether `broker` (an office id) serves `member` according to the member's roster. */
bool trust_serves(const struct trust *trust, const char *broker, const struct member *member);

bool office_has_right(const struct office *office, Liaison__Right right);
bool office_may_publish(const struct office *office, Liaison__Kind kind);
bool office_may_receive(const struct office *office, Liaison__Kind kind);

#endif
