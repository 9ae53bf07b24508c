/*
 * Charters: what makes one well-formed, what makes one the successor of another (TRUST 1), and building them.
 *
 * Checks say nothing of signatures; trust.h's trust_add_charter walks those. Builders make messages in protobuf-c's
 * memory; document_seal turns one into bytes, signing.h's signed_add signs those.
 */
#ifndef LIAISON_PROTO_CHARTER_H
#define LIAISON_PROTO_CHARTER_H

#include "proto/base/err.h"
#include "proto/keys.h"

#include "proto/trust.pb-c.h"

#include <stdint.h>

#define CHARTER_KEYS_MAX 32 /* root keys, and authority keys of one member */
#define CHARTER_MEMBERS_MAX 512

/*
 * By itself: network id, version from 1, expires after issued, 1 to CHARTER_KEYS_MAX different root keys and a threshold
 * within them, members ascending by code, each with such authority keys, at most one duty key, and `since` from 1 to the
 * version. LIAISON_MALFORMED, or LIAISON_BAD_CODE for a member's code.
 */
enum liaison_err charter_validate(const Liaison__Charter *charter, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * As the next after `previous` (NULL: as the first): same network, version one more (1), and each member's `since` is this
 * version exactly where its set of authority keys is not the one that `previous` gives it. Both are valid by themselves.
 * LIAISON_BAD_REFERENCE.
 */
enum liaison_err charter_validate_successor(
	const Liaison__Charter *charter, const Liaison__Charter *previous, struct fault *fault) LIAISON_MUST_CHECK;

/* Root or authority keys of a valid charter into an array of CHARTER_KEYS_MAX; how many. */
size_t charter_root_keys(const Liaison__Charter *charter, struct public_key out[CHARTER_KEYS_MAX]);
size_t charter_authority_keys(const Liaison__CharterMember *member, struct public_key out[CHARTER_KEYS_MAX]);

/* NULL: not a member. */
const Liaison__CharterMember *charter_member(const Liaison__Charter *charter, const char *code);

/* --- building ------------------------------------------------------------------------------------------------------- */

/* Version 1 without members. NULL without memory. */
Liaison__Charter *charter_new(const char *network, const struct public_key *root_keys, size_t root_key_count,
	uint32_t threshold, int64_t issued, int64_t expires);

/* A copy of `previous` as its successor, for editing. NULL without memory. */
Liaison__Charter *charter_next(const Liaison__Charter *previous, int64_t issued, int64_t expires);
void charter_free(Liaison__Charter *charter); /* takes NULL */

enum liaison_err charter_set_roots(Liaison__Charter *charter, const struct public_key *root_keys, size_t root_key_count,
	uint32_t threshold) LIAISON_MUST_CHECK;

struct charter_member_keys {
	const char *code;
	const char *name; /* NULL: keep what is there */
	const struct public_key *authority_keys;
	size_t authority_key_count;
	uint32_t threshold;
	const struct public_key *duty_key; /* NULL: none */
};

/*
 * Adds a member in its place, or replaces one's keys; `since` follows from whether its set of authority keys changes
 * against `previous` (NULL for a first charter).
 */
enum liaison_err charter_set_member(Liaison__Charter *charter, const Liaison__Charter *previous,
	const struct charter_member_keys *member) LIAISON_MUST_CHECK;

/* LIAISON_NOT_FOUND. */
enum liaison_err charter_remove_member(Liaison__Charter *charter, const char *code) LIAISON_MUST_CHECK;

#endif
