/*
 * Keys as both ends know them: public keys, their 16-byte fingerprints, and an office's secret keys in guarded memory.
 * Files are proto/edge/keyfile's business; signing is signing.h's.
 */
#ifndef LIAISON_PROTO_KEYS_H
#define LIAISON_PROTO_KEYS_H

#include "proto/base/err.h"
#include "proto/base/rand.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUBLIC_KEY_BYTES 32
#define SIGNATURE_BYTES 64
#define KEY_ID_BYTES 16
#define SPOKEN_FINGERPRINT_BYTES 64

struct public_key {
	uint8_t bytes[PUBLIC_KEY_BYTES];
};

/* First 16 bytes of SHA-256("liaison key v1" NUL || public key). */
struct key_id {
	uint8_t bytes[KEY_ID_BYTES];
};

void key_id_of(const struct public_key *key, struct key_id *out);
bool key_id_equal(const struct key_id *a, const struct key_id *b);
bool public_key_equal(const struct public_key *a, const struct public_key *b);
bool public_key_is_zero(const struct public_key *key);

/*
 * Eight groups of five digits, to read aloud, over any bytes (a card's body): "12345 67890 ...". Each group is four
 * bytes of SHA-256("liaison fingerprint v1" NUL || bytes), big-endian, modulo 100,000: about 132 bits in all.
 */
void spoken_fingerprint(const void *bytes, size_t len, char out[SPOKEN_FINGERPRINT_BYTES]);

/* Whose secrets: which of the four keys exist. */
enum keys_owner {
	KEYS_SIGNER, /* root, authority, duty key: signing only */
	KEYS_OFFICE, /* signing, transport, sealing */
	KEYS_BROKER, /* and checkpoint */
};

/* The secrets of one owner. Keys that the owner has not are all zero, as are their public halves. */
struct secret_keys {
	enum keys_owner owner;
	uint8_t signing[64];    /* Ed25519 secret key as libsodium keeps it: seed || public */
	uint8_t transport[32];  /* Curve25519 */
	uint8_t sealing[32];    /* X25519 */
	uint8_t checkpoint[64]; /* Ed25519 */
	struct public_key signing_public, transport_public, sealing_public, checkpoint_public;
};

/*
 * Lives in sodium_malloc memory (guard pages, mlock where the system lets it), wiped by secret_keys_free. NULL without
 * memory. The first from libsodium's generator; the second from 32 bytes that are themselves a secret, always the same
 * keys, for tests and throw-away networks; the third all zero, for whoever fills it.
 */
struct secret_keys *secret_keys_new(enum keys_owner owner);
struct secret_keys *secret_keys_from_seed(enum keys_owner owner, const uint8_t seed[32]);
struct secret_keys *secret_keys_blank(enum keys_owner owner);
void secret_keys_free(struct secret_keys *keys); /* takes NULL */

bool keys_have_transport(enum keys_owner owner);
bool keys_have_checkpoint(enum keys_owner owner);

/* From the secret halves computes the public ones again; LIAISON_CORRUPT where an Ed25519 key's two halves disagree. */
enum liaison_err secret_keys_derive_public(struct secret_keys *keys) LIAISON_MUST_CHECK;

#endif
