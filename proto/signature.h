/*
 * What a signature covers, byte for byte, and its verification. Signing itself is signing.h, which only agents and the
 * broker's receipt signer link.
 *
 * Signed bytes = domain string with its NUL || network id length (1 byte) || network id || what the domain defines.
 * Ed25519 (RFC 8032) as libsodium verifies it. Nothing is negotiated.
 */
#ifndef LIAISON_PROTO_SIGNATURE_H
#define LIAISON_PROTO_SIGNATURE_H

#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/keys.h"

#include "proto/log.pb-c.h"
#include "proto/trust.pb-c.h"

#define DOMAIN_ALERT "liaison alert v1"
#define DOMAIN_CHARTER "liaison charter v1"
#define DOMAIN_ROSTER "liaison roster v1"
#define DOMAIN_CARD "liaison card v1" /* network id empty: a card is made before its office knows a network */
#define DOMAIN_SUSPENSION "liaison suspension v1"
#define DOMAIN_CHECKPOINT "liaison checkpoint v1"
#define DOMAIN_APPROVE "liaison approve v1"
#define DOMAIN_WITNESS "liaison witness v1"
#define DOMAIN_TALLY "liaison tally v1"
#define DOMAIN_ERASURE "liaison erasure v1"
#define DOMAIN_NEW_EPOCH "liaison new epoch v1"

#define NETWORK_ID_BYTES_MAX 64
/* Root keys and authority keys are few; a document with more signatures is not looked at. */
#define SIGNED_SIGNATURES_MAX 64
#define SIGNED_MESSAGE_BYTES_MAX (2 * 1024 * 1024) /* twice what any frame can bring */
#define CHECKPOINT_PAYLOAD_BYTES_MAX (1 + UINT8_MAX + 16 + 8 + DIGEST_BYTES + 8)

/* 1 to 64 bytes of [a-z0-9.-]. */
bool network_id_is_valid(const char *network);

/* Appends the signed bytes to `out`; check with buf_check (LIAISON_TOO_LARGE too for a network id over the maximum). */
void signed_bytes(struct buf *out, const char *domain, const char *network, const void *payload, size_t len);

/*
 * LIAISON_OK or LIAISON_BAD_SIGNATURE; LIAISON_NO_MEMORY is possible for payloads of more than about 200 bytes.
 * Stricter than RFC 8032 asks, as libsodium is: S below the group's order, A and R canonical and not of small order, the
 * equation without cofactor. tests/unit/signature_test.c pins each of these.
 */
enum liaison_err signature_verify(const char *domain, const char *network, const void *payload, size_t len,
	const struct public_key *key, const uint8_t signature[SIGNATURE_BYTES]) LIAISON_MUST_CHECK;

/*
 * At least `threshold` (>= 1) different keys of `keys` signed `signed_message`'s body. Signatures by other keys are
 * ignored, wrong ones by listed keys count as absent. LIAISON_BAD_SIGNATURE says how many of how many were good.
 */
enum liaison_err signed_verify(const Liaison__Signed *signed_message, const char *domain, const char *network,
	const struct public_key *keys, size_t key_count, size_t threshold, struct fault *fault) LIAISON_MUST_CHECK;

/* Payload of a checkpoint's signature: origin length (1), origin, epoch (16), size (8), root (32), time in ms (8). */
enum liaison_err checkpoint_payload(const Liaison__Checkpoint *checkpoint, struct buf *out) LIAISON_MUST_CHECK;
/* Fields present and of the right lengths, origin as expected, and signed by `key`. */
enum liaison_err checkpoint_verify(const Liaison__Checkpoint *checkpoint, const char *network, const char *origin,
	const struct public_key *key, struct fault *fault) LIAISON_MUST_CHECK;

#endif
