/*
 * Trust as one immutable view: who is an office, with which keys and rights, under which charter and rosters.
 *
 * A `struct trust` is built from signed documents only, each checked before it is taken (TRUST's charter chain walked
 * signature by signature, rosters against the member's authority keys and `since`, suspensions against the duty key). A
 * new document makes a new view; the old one stays valid for whoever holds it. Counted, safe to read from any thread.
 * Nothing here reads a clock, a file or a socket: `now` is an argument. A new view costs a pass over all offices (about
 * as long as sorting their transport keys), not over their signatures.
 */
#ifndef LIAISON_PROTO_TRUST_H
#define LIAISON_PROTO_TRUST_H

#include "proto/address.h"
#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/keys.h"
#include "proto/roster.h"

#include "proto/trust.pb-c.h"

#include <stdint.h>

#define ROSTER_GRACE_MS (7 * MS_PER_DAY)
#define SUSPENSION_MAX_MS (7 * MS_PER_DAY)
/* A suspension is dropped from new views when it has been over for this long, so that a clock that jumps frees nobody. */
#define SUSPENSION_KEPT_MS (30 * MS_PER_DAY)
#define TRUST_SUSPENSIONS_MAX 256 /* of one member, that stand */
#define TRUST_SUSPENSIONS_KEPT_MAX                                                                                     \
	1024 /* and with those that are over and still kept: a stolen duty key makes no more */
#define TRUST_ROOT_KEYS_MAX 32
#define TRUST_MEMBERS_MAX 512
#define TRUST_OFFICES_MAX 20000 /* of all members together */

struct trust;

/* One window in which the duty key suspends an office, or one of its keys. */
struct suspension_window {
	bool is_whole_office;
	struct key_id key; /* if not the whole office */
	int64_t from, until;
};

/* One office as the rosters say, with what decisions need in their own types. Lives as long as its trust. */
struct office {
	struct office_id id;
	uint32_t number; /* dense, 0 to trust_office_count - 1, ascending by id; differs from view to view */
	const Liaison__Office *entry;
	const struct member *member;
	uint32_t publishes; /* bit (1 << kind) */
	uint32_t receives;
	uint32_t rights;                         /* bit (1 << right) */
	Liaison__Level clearance;                /* LEVEL_CLEAR if the roster says none */
	bool is_suspended;                       /* by its roster; see office_is_suspended */
	const struct key_id *key_ids[KEY_USES];  /* fingerprints, beside the entry's lists of keys */
	const struct suspension_window *windows; /* by the duty key, in no order */
	size_t window_count;
};

enum roster_state {
	ROSTER_VALID,
	ROSTER_GRACE,   /* roster or charter expired for less than ROSTER_GRACE_MS: nothing new is granted */
	ROSTER_EXPIRED, /* no new alert, nothing released but notices */
	ROSTER_NONE,
};

/* One member of the charter and its roster. */
struct member {
	char code[8]; /* "kh" */
	const Liaison__CharterMember *entry;
	const Liaison__Roster *roster; /* NULL: none held */
	struct digest roster_hash;     /* SHA-256(0x00 || body); zero where none is held */
	uint32_t contributes;          /* bit (1 << kind) */
	int64_t expires;               /* of roster or charter, whichever is first; 0 where none is held */
};

/* --- building ------------------------------------------------------------------------------------------------------ */

/* An empty view that trusts these root keys (k of n) for `network` and holds no charter yet. Copies. LIAISON_BAD_CONFIG. */
enum liaison_err trust_new(const char *network, const struct public_key *root_keys, size_t root_key_count,
	size_t threshold, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;
struct trust *trust_ref(struct trust *trust);
void trust_unref(struct trust *trust); /* takes NULL */

enum trust_change {
	TRUST_UNCHANGED, /* these very bytes are held already */
	TRUST_CHANGED,   /* *out is a new view */
};

/*
 * Each takes one more document. On LIAISON_OK `change` says whether `*out` is a new view; `*out` is always a reference
 * that the caller owns (to `trust` itself where nothing changed). A roster's signatures are verified before it is parsed.
 * `now` serves to drop suspensions that ended SUSPENSION_KEPT_MS ago. All three: LIAISON_MALFORMED, LIAISON_TOO_LARGE and
 * LIAISON_BAD_CODE for the bytes, LIAISON_BAD_SIGNATURE, LIAISON_NO_MEMORY, and as follows.
 *
 * A charter is version 1 signed by the pinned root keys, or the successor of the newest held, signed by that one's
 * threshold of root keys; either way by its own threshold too. LIAISON_BAD_REFERENCE: a gap in the chain, a wrong `since`.
 * LIAISON_EQUIVOCATION: a version that is held, other bytes, and good signatures: keep both as evidence. Expiry is not
 * asked here (who was away walks through expired ones); the newest one's counts in trust_roster_state. A charter that
 * replaces or drops a member's authority keys drops its roster until one under the new `since` comes; suspensions whose
 * duty key it replaces are dropped.
 */
enum liaison_err trust_add_charter(struct trust *trust, const Liaison__Signed *charter, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * A roster is signed by the threshold of the authority keys that the charter gives its member, and is well-formed
 * (roster_validate). LIAISON_BAD_REFERENCE: not a member, `since` above the charter's (fetch the newer charter first), or
 * something vanished against the one held (roster_validate_successor). LIAISON_STALE: rolled back, (since, version) lower
 * than held or `since` below the charter's. LIAISON_EQUIVOCATION: the same (since, version), other bytes. An expired one
 * is taken: it still says who is who.
 */
enum liaison_err trust_add_roster(struct trust *trust, const Liaison__Signed *roster, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * A suspension is signed by the member's duty key and lasts at most SUSPENSION_MAX_MS. It only narrows: each stands until
 * it ends, whatever comes after. LIAISON_EXPIRED: over at `now`. LIAISON_BAD_REFERENCE: no such office or key on the
 * member's roster. LIAISON_RATE_LIMITED: TRUST_SUSPENSIONS_MAX stand for the member, or TRUST_SUSPENSIONS_KEPT_MAX are
 * kept; a new roster must say it, or a charter replace the duty key.
 */
enum liaison_err trust_add_suspension(struct trust *trust, const Liaison__Signed *suspension, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/* --- asking -------------------------------------------------------------------------------------------------------- */

const char *trust_network(const struct trust *trust);
/* The pinned ones, with which the view began. */
const struct public_key *trust_root_keys(const struct trust *trust, size_t *count, size_t *threshold);
uint64_t trust_charter_version(const struct trust *trust);        /* 0: none */
const Liaison__Charter *trust_charter(const struct trust *trust); /* NULL: none */
size_t trust_member_count(const struct trust *trust);
const struct member *trust_member_at(const struct trust *trust, size_t position); /* ascending by code */
const struct member *trust_member(const struct trust *trust, const char *code);   /* NULL: not a member */
size_t trust_office_count(const struct trust *trust);
const struct office *trust_office_at(const struct trust *trust, size_t number);
const struct office *trust_office(const struct trust *trust, const char *id); /* NULL: on no roster */

/* Exact signed bytes as they were taken, for handing on: the charters in order, each member's newest roster, suspensions. */
size_t trust_charter_count(const struct trust *trust);
const Liaison__Signed *trust_signed_charter(const struct trust *trust, size_t position);
const Liaison__Signed *trust_signed_roster(const struct trust *trust, const char *member); /* NULL: none held */
size_t trust_suspension_count(const struct trust *trust);
const Liaison__Signed *trust_signed_suspension(const struct trust *trust, size_t position);

/* By the earlier of the roster's and the charter's expiry. */
enum roster_state trust_roster_state(const struct trust *trust, const struct member *member, int64_t now);

/* Suspended by roster or, at `now`, by a duty key's word on the whole office. */
bool office_is_suspended(const struct office *office, int64_t now);

/*
 * The office whose transport key this is, valid at `now`, neither the key nor the office suspended. A key under two
 * offices belongs to the one that had it first in the chain of views from which this one was made (load rosters in the
 * order in which they were adopted). NULL: nobody.
 */
const struct office *trust_office_by_transport_key(
	const struct trust *trust, const struct public_key *key, int64_t now);

/*
 * The same among those whom `broker` (an office id) admits: offices of the members that it serves, then brokers that
 * peer with it. What a neighbour's roster claims does not count, so it cannot lock an office out at home.
 */
const struct office *trust_office_at_broker(
	const struct trust *trust, const char *broker, const struct public_key *key, int64_t now);

/*
 * One key of `office` by fingerprint, valid at `now`: LIAISON_OK, or LIAISON_BAD_SIGNATURE (no such key, not yet or no
 * longer valid, retired, revoked, suspended), with the reason in the fault. A key whose window opens only after the
 * roster has expired never opens: nothing new is granted then. The office's own suspension is office_is_suspended's.
 */
enum liaison_err office_key(const struct office *office, enum key_use use, const struct key_id *id, int64_t now,
	struct public_key *out, struct fault *fault) LIAISON_MUST_CHECK;
/* The same whatever its validity: for verifying what was accepted in the past. LIAISON_NOT_FOUND. */
enum liaison_err office_key_ever(const struct office *office, enum key_use use, const struct key_id *id,
	struct public_key *out, const Liaison__RosterKey **entry) LIAISON_MUST_CHECK;

/* Whether `broker` (an office id) serves `member` according to the member's roster. */
bool trust_serves(const struct trust *trust, const char *broker, const struct member *member);
/* Whether each of two brokers' own members names the other as a peer. */
bool trust_are_peers(const struct trust *trust, const char *broker, const char *other);

bool office_has_right(const struct office *office, Liaison__Right right);
bool office_may_publish(const struct office *office, Liaison__Kind kind);
bool office_may_receive(const struct office *office, Liaison__Kind kind);

#endif
