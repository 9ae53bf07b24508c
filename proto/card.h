/*
 * Cards: an office's id and public keys, signed by its signing key, by which it enrols (TRUST 2). The signature shows that
 * whoever made the card holds that key; that it is the office's is shown by a clerk who compares the spoken fingerprint.
 */
#ifndef LIAISON_PROTO_CARD_H
#define LIAISON_PROTO_CARD_H

#include "proto/base/err.h"
#include "proto/document.h"
#include "proto/keys.h"

#include "proto/trust.pb-c.h"

#include <stdint.h>

#define CARD_ENDPOINTS_MAX 16

/*
 * The card of the owner of `keys`; end points for a broker only. NULL without memory. Make it a file by signing.h's
 * document_sign (network id empty: a card is made before its office knows a network).
 */
Liaison__Card *card_new(const char *office, const struct secret_keys *keys, int64_t made, const char *const *endpoints,
	size_t endpoint_count);
void card_free(Liaison__Card *card); /* takes NULL */

/*
 * Id, time, three different keys of 32 bytes; both checkpoint key and end points, or neither. LIAISON_MALFORMED.
 */
enum liaison_err card_validate(const Liaison__Card *card, struct fault *fault) LIAISON_MUST_CHECK;

/* Parses, validates and verifies; the caller unrefs. LIAISON_MALFORMED, LIAISON_BAD_SIGNATURE. */
enum liaison_err card_open(
	const Liaison__Signed *signed_card, struct document **out, struct fault *fault) LIAISON_MUST_CHECK;

/* spoken_fingerprint of the body. */
void card_fingerprint(const Liaison__Signed *signed_card, char out[SPOKEN_FINGERPRINT_BYTES]);

#endif
