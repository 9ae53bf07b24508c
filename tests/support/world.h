/*
 * A whole world of trust for tests: network "test.net", three members (kh th vn) with authority and duty keys, their
 * brokers as peers of each other, and in each country a handful of offices. Everything follows from the seed, nothing
 * from the machine's generator or clock. What goes wrong in here fails the test.
 *
 *   cc.broker                  kind BROKER, serves its country
 *   kh.blo.poipet  kh.blo.bavet            template blo    (and kh.blo.poipet.2, a second computer)
 *   th.blo.aranyaprathet                   template blo
 *   vn.blo.mocbai                          template blo
 *   cc.atu.capital cc.piu.port cc.ncc.secretariat cc.nrm.shelter cc.customs.desk
 *
 * A root threshold of 2 of 3, an authority threshold of 2 of 3 in kh and 1 of 1 elsewhere.
 */
#ifndef LIAISON_TESTS_SUPPORT_WORLD_H
#define LIAISON_TESTS_SUPPORT_WORLD_H

#include "proto/document.h"
#include "proto/keys.h"
#include "proto/roster_edit.h"
#include "proto/trust.h"

#include <stdint.h>

#define WORLD_NETWORK "test.net"
/* 2026-01-15T08:00:00Z: rosters and charter were issued a day before and expire a year after. */
#define WORLD_NOW INT64_C(1768464000000)
#define WORLD_ISSUED (WORLD_NOW - MS_PER_DAY)
#define WORLD_EXPIRES (WORLD_NOW + 365 * MS_PER_DAY)
#define WORLD_ROOTS 3
#define WORLD_ROOT_THRESHOLD 2

struct world;

struct world *world_new(uint64_t seed);
void world_free(struct world *world);

/* The present view, owned by the world; trust_ref it to keep it beyond the next change. */
struct trust *world_trust(const struct world *world);

/* --- secret keys, owned by the world -------------------------------------------------------------------------------- */

/* Of an office or broker that was enrolled or given keys by world_keys_new; fails for another. The newest, if several. */
const struct secret_keys *world_keys(const struct world *world, const char *office);
const struct secret_keys *world_root(const struct world *world, size_t number);
/* Authority key `number` (0 to 2 in kh, 0 elsewhere) and the duty key of a member. */
const struct secret_keys *world_authority(const struct world *world, const char *member, size_t number);
const struct secret_keys *world_duty(const struct world *world, const char *member);
/* Fresh deterministic keys for an office, remembered as its newest: for enrolment and rotation. */
const struct secret_keys *world_keys_new(struct world *world, const char *office, enum keys_owner owner);
/* Fresh deterministic keys that belong to nobody yet. Owned by the world. */
const struct secret_keys *world_spare(struct world *world, enum keys_owner owner);

/* --- documents; the caller frees with liaison__signed__free_unpacked ------------------------------------------------- */

/* The held roster as a message for the next version, for editing; free with roster_free unless given back. */
Liaison__Roster *world_roster_edit(const struct world *world, const char *member);
/* Signed by the member's present authority. Takes the roster. */
Liaison__Signed *world_roster_sign(const struct world *world, Liaison__Roster *roster);
/* Signs and takes it into the world's trust, which must accept it. Takes the roster. */
void world_roster_publish(struct world *world, Liaison__Roster *roster);

/* Enrols an office with fresh keys by template, under the country that its id says, in a new roster version. */
void world_enrol(struct world *world, const char *office, const char *template_name);
/* One edit and a new version each. */
void world_suspend(struct world *world, const char *office);
void world_revoke_keys(struct world *world, const char *office);
void world_set_clearance(struct world *world, const char *office, Liaison__Level clearance);
void world_set_kinds(struct world *world, const char *office, uint32_t publishes, uint32_t receives);
void world_set_contributes(struct world *world, const char *member, uint32_t kinds);
/* Names the broker that serves a member, and its peers (NULL-terminated). */
void world_set_broker(struct world *world, const char *member, const char *broker);

/* The successor of the held charter, for editing, and signing by the present root keys' threshold. Takes the charter. */
Liaison__Charter *world_charter_edit(const struct world *world);
Liaison__Signed *world_charter_sign(const struct world *world, Liaison__Charter *charter);
void world_charter_publish(struct world *world, Liaison__Charter *charter);

/* Replaces a member's authority keys by fresh ones in a new charter; its roster is gone until one is published. */
void world_rekey(struct world *world, const char *member);

/* The duty key's word on an office (or one of its keys), from `from` until `until`. */
Liaison__Signed *world_suspension(
	const struct world *world, const char *office, const struct public_key *key, int64_t from, int64_t until);

/* An unsigned copy of what is signed, its signatures removed. */
Liaison__Signed *world_unsigned(const Liaison__Signed *signed_message);
void world_signed_free(Liaison__Signed *signed_message);

#endif
