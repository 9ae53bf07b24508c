/* Ed25519 signing, linked into agents and the broker's receipt signer, and nowhere else (`make lint` looks with nm). */
#ifndef LIAISON_PROTO_SIGNING_H
#define LIAISON_PROTO_SIGNING_H

#include "proto/document.h"
#include "proto/envelope.h"
#include "proto/signature.h"

/*
 * Signs and verifies with `public_key` what was signed before it leaves (a flipped bit in a secret key must not leave as
 * a signature). `secret` is libsodium's 64-byte form. LIAISON_INTERNAL if verification fails.
 */
enum liaison_err sign_bytes(const char *domain, const char *network, const void *payload, size_t len,
	const uint8_t secret[64], const struct public_key *public_key,
	uint8_t signature[SIGNATURE_BYTES]) LIAISON_MUST_CHECK;

/*
 * Signs one batch: the RFC 6962 root over its leaf hashes (envelope_body_hash), 1 to BATCH_LEAVES_MAX (assert).
 * `key` gets the fingerprint that the envelopes carry.
 */
enum liaison_err batch_sign(const char *network, const struct secret_keys *keys, const struct digest *leaves,
	uint32_t leaf_count, struct key_id *key, uint8_t signature[SIGNATURE_BYTES]) LIAISON_MUST_CHECK;

/* One alert signed by itself. `out` borrows `body`. */
enum liaison_err envelope_sign(const char *network, const struct secret_keys *keys, const uint8_t *body, size_t len,
	struct envelope *out) LIAISON_MUST_CHECK;

/*
 * Adds a signature over signed_message->body to its list; one by the same key is replaced. The message is one that
 * protobuf-c allocated (or whose arrays malloc did), so that liaison__signed__free_unpacked frees all.
 */
enum liaison_err signed_add(Liaison__Signed *signed_message, const char *domain, const char *network,
	const struct secret_keys *keys) LIAISON_MUST_CHECK;

/*
 * document_seal and signed_add in one: a new Signed with one signature, which the caller frees with
 * liaison__signed__free_unpacked. Whoever needs k signatures adds the others by signed_add. `network` is "" for a card.
 */
enum liaison_err document_sign(enum document_type type, const ProtobufCMessage *message, const char *network,
	const struct secret_keys *keys, Liaison__Signed **out, struct fault *fault) LIAISON_MUST_CHECK;

/* Fills checkpoint->key and checkpoint->signature, whose 16 and 64 bytes the caller provides in `.data` with `.len`. */
enum liaison_err checkpoint_sign(
	Liaison__Checkpoint *checkpoint, const char *network, const struct secret_keys *keys) LIAISON_MUST_CHECK;

#endif
