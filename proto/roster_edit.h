/*
 * Building rosters: what `liaison roster new / set / suspend / resume / remove` do to the message. Pure: no clock, no
 * file. Edits keep what roster_validate_successor demands (keys never vanish), so a roster that was only edited here is a
 * successor of the one that it began as. Seal and sign with signing.h's document_sign.
 *
 * Everything returns LIAISON_OK, LIAISON_NO_MEMORY, or what is said; after anything but LIAISON_OK the roster may be half
 * edited and is to be thrown away.
 */
#ifndef LIAISON_PROTO_ROSTER_EDIT_H
#define LIAISON_PROTO_ROSTER_EDIT_H

#include "proto/roster.h"
#include "proto/template.h"

/* How long the old keys go on beside the new ones when an office hands in a new card. */
#define KEY_OVERLAP_MS (14 * MS_PER_DAY)

/* --- the roster ----------------------------------------------------------------------------------------------------- */

/* Version 1 without offices. NULL without memory. */
Liaison__Roster *roster_new(const char *network, const char *member, uint64_t since, int64_t issued, int64_t expires);

/*
 * A copy of `previous` for editing, with the next version; version 1 where `since` is another (a new authority begins
 * anew, whatever number a thief has signed). Keys whose window ended by `issued` become RETIRED. NULL without memory.
 */
Liaison__Roster *roster_next(const Liaison__Roster *previous, uint64_t since, int64_t issued, int64_t expires);
void roster_free(Liaison__Roster *roster); /* takes NULL */

enum liaison_err roster_set_broker(Liaison__Roster *roster, const char *broker) LIAISON_MUST_CHECK;
/* Replaces the list; sorts it and drops repetitions. */
enum liaison_err roster_set_peers(Liaison__Roster *roster, const char *const *peers, size_t count) LIAISON_MUST_CHECK;
/* Bits (1 << kind). */
enum liaison_err roster_set_contributes(Liaison__Roster *roster, uint32_t kinds) LIAISON_MUST_CHECK;
enum liaison_err roster_set_approval(
	Liaison__Roster *roster, Liaison__Kind kind, Liaison__Approval approval) LIAISON_MUST_CHECK;

/* --- offices -------------------------------------------------------------------------------------------------------- */

/*
 * Enrols the office of a card (card_open verified it), or takes the new keys of one that is enrolled: those begin at
 * `now`, the active ones of the same use end at `now` + KEY_OVERLAP_MS at the latest. `template` gives kind, rights, kinds
 * and clearance; NULL keeps what an enrolled office has. A broker's end points become the card's.
 * LIAISON_BAD_REFERENCE: another member's office. LIAISON_BAD_USAGE: a new office without template, or a broker's card
 * with another template, or the reverse. LIAISON_NOT_PERMITTED: a key that was retired or revoked, or is another
 * office's. `office` (may be NULL) gets the entry.
 */
enum liaison_err roster_set_office(Liaison__Roster *roster, const Liaison__Card *card,
	const struct office_template *office_template, int64_t now, Liaison__Office **office,
	struct fault *fault) LIAISON_MUST_CHECK;

/* All three: LIAISON_NOT_FOUND. Removing suspends the office for good and retires its keys; the entry stays. */
enum liaison_err roster_suspend_office(
	Liaison__Roster *roster, const char *id, const char *reason, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err roster_resume_office(Liaison__Roster *roster, const char *id, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err roster_remove_office(
	Liaison__Roster *roster, const char *id, const char *reason, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Revokes the key of that fingerprint, whatever its use; with `disputed_from`, alerts from that position of the home log
 * on are marked to every reader. LIAISON_NOT_FOUND.
 */
enum liaison_err roster_revoke_key(Liaison__Roster *roster, const char *id, const struct key_id *key,
	const char *reason, const Liaison__LogPosition *disputed_from, struct fault *fault) LIAISON_MUST_CHECK;

/* Active keys whose window ended by `now` become RETIRED; how many, or -1 without memory. */
int roster_retire_ended(Liaison__Roster *roster, int64_t now);

/* --- one office ----------------------------------------------------------------------------------------------------- */

/* The name in one language (BCP 47); replaces that language's. */
enum liaison_err office_set_name(Liaison__Office *office, const char *lang, const char *name) LIAISON_MUST_CHECK;
/* NULL leaves a field as it is. */
enum liaison_err office_set_contact(Liaison__Office *office, const char *phone, const char *hours,
	const char *const *langs, size_t lang_count) LIAISON_MUST_CHECK;
enum liaison_err office_set_crossings(
	Liaison__Office *office, const char *const *crossings, size_t count) LIAISON_MUST_CHECK;
/* Bits (1 << kind), bits (1 << right). */
enum liaison_err office_set_publishes(Liaison__Office *office, uint32_t kinds) LIAISON_MUST_CHECK;
enum liaison_err office_set_receives(Liaison__Office *office, uint32_t kinds) LIAISON_MUST_CHECK;
enum liaison_err office_set_rights(Liaison__Office *office, uint32_t rights) LIAISON_MUST_CHECK;
void office_set_clearance(Liaison__Office *office, Liaison__Level clearance);

#endif
