/*
 * Rosters: what makes one well-formed, and what one may change against the one before (TRUST 2). Signatures, and whether
 * the charter knows the member, are trust.h's business; building is roster_edit.h's, sentences roster_report.h's.
 */
#ifndef LIAISON_PROTO_ROSTER_H
#define LIAISON_PROTO_ROSTER_H

#include "proto/base/err.h"
#include "proto/base/time.h"
#include "proto/keys.h"

#include "proto/trust.pb-c.h"

#include <stdint.h>

#define ROSTER_OFFICES_MAX 20000
#define ROSTER_PEERS_MAX 512
#define OFFICE_KEYS_MAX 64 /* of one use; a key a month for five years */
#define ENDPOINT_BYTES_MAX 255

enum key_use { KEY_SIGNING, KEY_TRANSPORT, KEY_SEALING, KEY_CHECKPOINT };
#define KEY_USES 4

const char *key_use_name(enum key_use use); /* "signing" */

/* The list of one use; how many. */
size_t office_keys(const Liaison__Office *office, enum key_use use, Liaison__RosterKey *const **keys);

/*
 * By itself: network, member, (since, version) from 1, expires after issued, a broker by id, peers abroad ascending;
 * offices ascending by id, each under the member's code, with kind, state and at least one key of each use that it needs;
 * every key of 32 bytes with state and window, none under two offices or twice, a reason where it is retired or revoked,
 * a position only where it is revoked; end points and checkpoint keys for brokers and nobody else; right peer for brokers
 * only; the member's own broker, if it is one of its offices, has kind BROKER.
 * LIAISON_MALFORMED; LIAISON_BAD_REFERENCE for an office or broker under another member's code.
 */
enum liaison_err roster_validate(const Liaison__Roster *roster, struct fault *fault) LIAISON_MUST_CHECK;

/* (since, version) as one order: negative, 0 or positive. */
int roster_order(const Liaison__Roster *a, const Liaison__Roster *b);

/*
 * As one that comes after `previous` (valid, of the same member, lower in order). Keys never vanish: each office and each
 * key of `previous` is still there under its office and use; what was revoked stays revoked, with its position. Not asked
 * where `since` differs: whoever stole the old authority keys may have put anything into the roster before.
 * LIAISON_BAD_REFERENCE names the office and the key.
 */
enum liaison_err roster_validate_successor(
	const Liaison__Roster *roster, const Liaison__Roster *previous, struct fault *fault) LIAISON_MUST_CHECK;

/* By binary search; the roster is valid. NULL: no such office. */
Liaison__Office *roster_office(const Liaison__Roster *roster, const char *id);

/* NULL: no such key. */
Liaison__RosterKey *office_key_find(const Liaison__Office *office, enum key_use use, const void *key, size_t len);

/* "tcp://host:port". */
bool endpoint_is_valid(const char *endpoint);

/* First eight bytes of the key's fingerprint in hexadecimal, as sentences name a key. */
#define KEY_NAME_BYTES 17
void key_name(const void *key, size_t len, char out[KEY_NAME_BYTES]);

#endif
