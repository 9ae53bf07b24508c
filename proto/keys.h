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

/* Eight groups of five digits, to read aloud, over any bytes (a card's body): "12345 67890 ...". */
void spoken_fingerprint(const void *bytes, size_t len, char out[SPOKEN_FINGERPRINT_BYTES]);

/* One office's (or broker's, or root's) secrets. Lives in sodium_malloc memory; freed and wiped by secret_keys_free. */
struct secret_keys {
	uint8_t signing[64];    /* Ed25519 secret key as libsodium keeps it: seed || public */
	uint8_t transport[32];  /* Curve25519 */
	uint8_t sealing[32];    /* X25519 */
	uint8_t checkpoint[64]; /* Ed25519, brokers only; all zero otherwise */
	struct public_key signing_public, transport_public, sealing_public, checkpoint_public;
	bool has_checkpoint;
};

/* Fresh keys from libsodium's generator; NULL without memory. */
struct secret_keys *secret_keys_new(bool for_broker);
void secret_keys_free(struct secret_keys *keys); /* takes NULL */

#endif
