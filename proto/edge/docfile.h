/*
 * Signed documents as files, and the folder `trust/` of an office's home or a broker.
 *
 * A file is one line that says what it is ("liaison roster v1") and then the bytes of the protobuf message: CharterChain
 * for charters, Signed for everything else. What is read here is well-formed and canonical, not yet believed: trust.h
 * and card.h verify it. Files are replaced as a whole and synced, and not touched where they hold the same bytes already.
 *
 *   trust/root.keys         text: "liaison root keys v1", "network: ID", "threshold: K", then "key: HEX" lines
 *   trust/charters          the chain, from version 1 on
 *   trust/kh.roster         one per member: the newest that was adopted
 *   trust/suspensions/HASH  one a file
 */
#ifndef LIAISON_PROTO_EDGE_DOCFILE_H
#define LIAISON_PROTO_EDGE_DOCFILE_H

#include "proto/document.h"
#include "proto/trust.h"

#define DOCFILE_CHARTERS_BYTES_MAX (64L * 1024 * 1024)

enum docfile_type {
	DOCFILE_CHARTER, /* one, while signatures are gathered */
	DOCFILE_ROSTER,
	DOCFILE_CARD,
	DOCFILE_SUSPENSION,
	DOCFILE_CHARTERS, /* the chain */
};

/* By its first line. LIAISON_MALFORMED: it is none of these. */
enum liaison_err docfile_look(const char *path, enum docfile_type *type, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The caller frees with liaison__signed__free_unpacked. LIAISON_MALFORMED names what the file is if it is another kind,
 * LIAISON_TOO_LARGE, LIAISON_NOT_FOUND, LIAISON_IO.
 */
enum liaison_err docfile_read(
	const char *path, enum document_type type, Liaison__Signed **out, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err docfile_write(const char *path, enum document_type type, const Liaison__Signed *signed_message,
	struct fault *fault) LIAISON_MUST_CHECK;

/* The caller frees with liaison__charter_chain__free_unpacked. */
enum liaison_err docfile_read_charters(
	const char *path, Liaison__CharterChain **out, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err docfile_write_charters(
	const char *path, const struct trust *trust, struct fault *fault) LIAISON_MUST_CHECK;

/* --- root keys ------------------------------------------------------------------------------------------------------ */

/* The pinned keys with which an empty view begins; LIAISON_BAD_CONFIG with file and line. */
enum liaison_err rootkeys_read(const char *path, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;
/* Those of a view, as a new file: LIAISON_EXISTS if there is one. */
enum liaison_err rootkeys_create(const char *path, const struct trust *trust, struct fault *fault) LIAISON_MUST_CHECK;

/* --- the folder ----------------------------------------------------------------------------------------------------- */

/* Called for a file that is left out of the view, with why and what to do. */
typedef void trust_trouble_fn(void *arg, const char *path, enum liaison_err code, const char *sentence);

/*
 * The view that the folder holds. LIAISON_NOT_FOUND: there is no folder or no root.keys. LIAISON_BAD_CONFIG: the folder
 * or root.keys may be changed by others, root.keys or charters do not hold. A roster or suspension that does not (wrong
 * signature, older `since`, over) is told to `trouble` and left out; where `trouble` is NULL, LIAISON_BAD_CONFIG instead,
 * but for suspensions that are over.
 */
enum liaison_err trust_load_dir(const char *folder, int64_t now, trust_trouble_fn *trouble, void *arg,
	struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Writes what the view holds and the folder does not (the folder is made if need be, root.keys too), charters before
 * rosters, so that a crash in between leaves a folder that loads. Suspensions that ended SUSPENSION_KEPT_MS before `now`
 * are removed; nothing else ever is.
 */
enum liaison_err trust_save_dir(
	const char *folder, const struct trust *trust, int64_t now, struct fault *fault) LIAISON_MUST_CHECK;

#endif
