/*
 * A signed document - charter, roster, card or suspension - as it is held: the exact signed bytes, the message that they
 * say, and their hash. Immutable, counted, shared by all views of trust and all threads that hold it.
 *
 * Nothing here says that a document is to be believed: document_new only parses, and what it parses is canonical.
 * Whoever can should verify the signatures over the bytes first and parse afterwards.
 */
#ifndef LIAISON_PROTO_DOCUMENT_H
#define LIAISON_PROTO_DOCUMENT_H

#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/keys.h"

#include "proto/trust.pb-c.h"

#include <stdatomic.h>

/* So that a whole document with its signatures fits into one frame (1 MiB). About 2,500 offices in one roster. */
#define DOCUMENT_BYTES_MAX (960 * 1024)
#define CHARTER_BYTES_MAX (256 * 1024)
#define CARD_BYTES_MAX 4096
#define SUSPENSION_BYTES_MAX 4096

enum document_type { DOCUMENT_CHARTER, DOCUMENT_ROSTER, DOCUMENT_CARD, DOCUMENT_SUSPENSION };

struct document {
	atomic_uint refs;
	enum document_type type;
	Liaison__Signed *signed_message; /* a copy of what was taken, for handing on */
	struct digest hash;              /* SHA-256(0x00 || body), as for an alert's body */
	union {
		ProtobufCMessage *message;
		Liaison__Charter *charter;
		Liaison__Roster *roster;
		Liaison__Card *card;
		Liaison__Suspension *suspension;
	};
	/*
	 * Of a roster: the fingerprint of each key, so that a view costs no hashing. Office i's begin at key_start[i], in
	 * the order signing, transport, sealing, checkpoint keys.
	 */
	struct key_id *key_ids;
	uint32_t *key_start;
};

const char *document_type_name(enum document_type type); /* "roster" */
const char *document_domain(enum document_type type);    /* DOMAIN_ROSTER */
const ProtobufCMessageDescriptor *document_descriptor(enum document_type type);

/* Present, not too large, canonical. LIAISON_MALFORMED, LIAISON_TOO_LARGE, LIAISON_BAD_CODE. Allocates nothing. */
enum liaison_err document_scan(
	enum document_type type, const Liaison__Signed *signed_message, struct fault *fault) LIAISON_MUST_CHECK;

/* Scans and parses. Copies. The errors of document_scan. */
enum liaison_err document_new(enum document_type type, const Liaison__Signed *signed_message, struct document **out,
	struct fault *fault) LIAISON_MUST_CHECK;
struct document *document_ref(struct document *document);
void document_unref(struct document *document); /* takes NULL */

void document_hash(const Liaison__Signed *signed_message, struct digest *out);

/*
 * The text of the first or second field of a body that document_scan took (network, member of a roster or suspension),
 * without parsing the rest: whose signature to ask for. False where that field is absent or longer than `size` - 1.
 */
bool document_peek_text(const Liaison__Signed *signed_message, unsigned field, char *out, size_t size);

/*
 * Packs `message` into the body of a new Signed without signatures; the caller frees it with
 * liaison__signed__free_unpacked. The same errors as document_scan: text that is not UTF-8, too many offices.
 */
enum liaison_err document_seal(enum document_type type, const ProtobufCMessage *message, Liaison__Signed **out,
	struct fault *fault) LIAISON_MUST_CHECK;

#endif
