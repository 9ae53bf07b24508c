#include "proto/keys.h"

#include "proto/base/buf.h"
#include "proto/base/digest.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define KEY_DOMAIN "liaison key v1"
#define FINGERPRINT_DOMAIN "liaison fingerprint v1"
#define FINGERPRINT_GROUPS 8
#define SEED_CONTEXT "liaisonk" /* crypto_kdf wants eight bytes */

/* SHA-256 over a domain with its NUL and then the bytes. */
static void
digest_in_domain(const char *domain, const void *bytes, size_t len, struct digest *out)
{
	crypto_hash_sha256_state state;

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const unsigned char *)domain, strlen(domain) + 1);
	crypto_hash_sha256_update(&state, bytes, len);
	crypto_hash_sha256_final(&state, out->bytes);
}

void
key_id_of(const struct public_key *key, struct key_id *out)
{
	struct digest digest;

	digest_in_domain(KEY_DOMAIN, key->bytes, sizeof key->bytes, &digest);
	memcpy(out->bytes, digest.bytes, KEY_ID_BYTES);
}

bool
key_id_equal(const struct key_id *a, const struct key_id *b)
{
	return memcmp(a->bytes, b->bytes, KEY_ID_BYTES) == 0;
}

bool
public_key_equal(const struct public_key *a, const struct public_key *b)
{
	return memcmp(a->bytes, b->bytes, PUBLIC_KEY_BYTES) == 0;
}

bool
public_key_is_zero(const struct public_key *key)
{
	return sodium_is_zero(key->bytes, PUBLIC_KEY_BYTES) == 1;
}

void
spoken_fingerprint(const void *bytes, size_t len, char out[SPOKEN_FINGERPRINT_BYTES])
{
	struct digest digest;
	struct reader reader;
	int used = 0;

	digest_in_domain(FINGERPRINT_DOMAIN, bytes, len, &digest);
	reader_init(&reader, digest.bytes, DIGEST_BYTES);
	for (int i = 0; i < FINGERPRINT_GROUPS; i++)
		used += snprintf(out + used, SPOKEN_FINGERPRINT_BYTES - (size_t)used, "%s%05u", i == 0 ? "" : " ",
			(unsigned)(reader_be32(&reader) % 100000));
}

bool
keys_have_transport(enum keys_owner owner)
{
	return owner != KEYS_SIGNER;
}

bool
keys_have_checkpoint(enum keys_owner owner)
{
	return owner == KEYS_BROKER;
}

struct secret_keys *
secret_keys_blank(enum keys_owner owner)
{
	if (sodium_init() < 0)
		return NULL;
	struct secret_keys *keys = sodium_malloc(sizeof *keys);
	if (keys == NULL)
		return NULL;
	sodium_memzero(keys, sizeof *keys);
	keys->owner = owner;
	return keys;
}

struct secret_keys *
secret_keys_new(enum keys_owner owner)
{
	struct secret_keys *keys = secret_keys_blank(owner);

	if (keys == NULL)
		return NULL;
	crypto_sign_keypair(keys->signing_public.bytes, keys->signing);
	if (keys_have_transport(owner)) {
		crypto_box_keypair(keys->transport_public.bytes, keys->transport);
		crypto_box_keypair(keys->sealing_public.bytes, keys->sealing);
	}
	if (keys_have_checkpoint(owner))
		crypto_sign_keypair(keys->checkpoint_public.bytes, keys->checkpoint);
	return keys;
}

struct secret_keys *
secret_keys_from_seed(enum keys_owner owner, const uint8_t seed[32])
{
	struct secret_keys *keys = secret_keys_blank(owner);
	uint8_t sub[32];

	if (keys == NULL)
		return NULL;
	_Static_assert(crypto_kdf_KEYBYTES == 32, "a seed is a key to derive from");
	crypto_kdf_derive_from_key(sub, sizeof sub, 1, SEED_CONTEXT, seed);
	crypto_sign_seed_keypair(keys->signing_public.bytes, keys->signing, sub);
	if (keys_have_transport(owner)) {
		crypto_kdf_derive_from_key(sub, sizeof sub, 2, SEED_CONTEXT, seed);
		crypto_box_seed_keypair(keys->transport_public.bytes, keys->transport, sub);
		crypto_kdf_derive_from_key(sub, sizeof sub, 3, SEED_CONTEXT, seed);
		crypto_box_seed_keypair(keys->sealing_public.bytes, keys->sealing, sub);
	}
	if (keys_have_checkpoint(owner)) {
		crypto_kdf_derive_from_key(sub, sizeof sub, 4, SEED_CONTEXT, seed);
		crypto_sign_seed_keypair(keys->checkpoint_public.bytes, keys->checkpoint, sub);
	}
	sodium_memzero(sub, sizeof sub);
	return keys;
}

void
secret_keys_free(struct secret_keys *keys)
{
	sodium_free(keys); /* wipes first; takes NULL */
}

/* The public half of an Ed25519 pair, computed from the seed and not copied from beside it. */
static enum liaison_err
derive_signing_public(const uint8_t secret[64], struct public_key *out)
{
	uint8_t again[64];
	struct public_key computed;

	crypto_sign_seed_keypair(computed.bytes, again, secret);
	bool is_same = sodium_memcmp(again, secret, sizeof again) == 0;
	sodium_memzero(again, sizeof again);
	if (!is_same)
		return LIAISON_CORRUPT;
	*out = computed;
	return LIAISON_OK;
}

enum liaison_err
secret_keys_derive_public(struct secret_keys *keys)
{
	enum liaison_err err = derive_signing_public(keys->signing, &keys->signing_public);

	if (err == LIAISON_OK && keys_have_transport(keys->owner) &&
		(crypto_scalarmult_base(keys->transport_public.bytes, keys->transport) != 0 ||
			crypto_scalarmult_base(keys->sealing_public.bytes, keys->sealing) != 0))
		err = LIAISON_CORRUPT;
	if (err == LIAISON_OK && keys_have_checkpoint(keys->owner))
		err = derive_signing_public(keys->checkpoint, &keys->checkpoint_public);
	return err;
}
