/*
 * What a signature covers and what the verification refuses. The edge cases are those of K. Chalkias, F. Garillot,
 * V. Nikolaenko, "Taming the many EdDSAs" (ePrint 2020/1244), built here by arithmetic on the curve over this project's
 * own signed bytes, so that each has exactly the property that it is named for.
 */
#include "proto/signature.h"
#include "proto/signing.h"
#include "tests/support/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define DOMAIN DOMAIN_ALERT
#define NETWORK "test.net"

/* --- RFC 8032 section 7.1: libsodium is Ed25519 -------------------------------------------------------------------- */

static void
test_rfc8032_vectors(void **state)
{
	static const struct {
		const char *seed, *key, *message, *signature;
	} rows[] = {
		{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
			"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
			"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b4"
			"6bd"
			"25bf5f0595bbe24655141438e7a100b"},
		{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
			"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
			"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d"
			"8c38"
			"7b2eaeb4302aeeb00d291612bb0c00"},
		{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
			"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
			"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6"
			"594a"
			"7c15e9716ed28dc027beceea1ec40a"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint8_t seed[32], key[32], secret[64], message[2], signature[64];
		size_t len = strlen(rows[i].message) / 2;
		hex_read(rows[i].seed, seed, sizeof seed);
		hex_read(rows[i].message, message, len);
		crypto_sign_seed_keypair(key, secret, seed);
		assert_hex("public key", key, sizeof key, rows[i].key);
		crypto_sign_detached(signature, NULL, message, len, secret);
		assert_hex("signature", signature, sizeof signature, rows[i].signature);
	}
}

/* --- edge cases ---------------------------------------------------------------------------------------------------- */

/* The group's order L, little-endian. */
static const uint8_t order[32] = {
	0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};

/* A point of order 8 generates the eight small ones. Found as 8 is the cofactor: L times a point off the subgroup. */
static void
point_of_order_8(uint8_t out[32])
{
	static const uint8_t y_of_order_8[32] = {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89,
		0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d,
		0x53, 0xfc, 0x05};
	uint8_t twice[32], four[32], eight[32];

	memcpy(out, y_of_order_8, 32);
	assert_int_equal(crypto_core_ed25519_add(twice, out, out), 0);
	assert_int_equal(crypto_core_ed25519_add(four, twice, twice), 0);
	assert_int_equal(crypto_core_ed25519_add(eight, four, four), 0);
	static const uint8_t identity[32] = {1};
	assert_memory_not_equal(four, identity, 32);
	assert_memory_equal(eight, identity, 32);
}

/* k = H(R || A || signed bytes) mod L. */
static void
challenge(const uint8_t r[32], const uint8_t a[32], const void *payload, size_t len, uint8_t k[32])
{
	crypto_hash_sha512_state state;
	uint8_t hash[64];
	struct buf message;

	buf_init(&message, 4096);
	signed_bytes(&message, DOMAIN, NETWORK, payload, len);
	assert_int_equal(buf_check(&message), LIAISON_OK);
	crypto_hash_sha512_init(&state);
	crypto_hash_sha512_update(&state, r, 32);
	crypto_hash_sha512_update(&state, a, 32);
	crypto_hash_sha512_update(&state, message.data, message.len);
	crypto_hash_sha512_final(&state, hash);
	crypto_core_ed25519_scalar_reduce(k, hash);
	buf_clear(&message);
}

struct forged {
	struct public_key key;
	uint8_t signature[64];
	uint8_t payload[4];
};

/*
 * A signature for the key a*B + `key_torsion` with the commitment r*B + `r_torsion`: S = r + k*a. It satisfies the
 * equation with cofactor always, the one without it exactly where r_torsion = -k * key_torsion. Payloads are tried until
 * k mod 8 is `wanted_k` (any, if negative).
 */
static void
forge(struct forged *out, const uint8_t a[32], const uint8_t *key_torsion, const uint8_t r[32],
	const uint8_t *r_torsion, int wanted_k)
{
	uint8_t k[32], ka[32];
	static const uint8_t zero[32], identity[32] = {1};
	bool small_key = memcmp(a, zero, 32) == 0, small_r = memcmp(r, zero, 32) == 0;

	memcpy(out->key.bytes, identity, 32);
	memcpy(out->signature, identity, 32);
	if (!small_key)
		assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(out->key.bytes, a), 0);
	if (!small_r)
		assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(out->signature, r), 0);
	if (key_torsion != NULL)
		assert_int_equal(crypto_core_ed25519_add(out->key.bytes, out->key.bytes, key_torsion), 0);
	if (r_torsion != NULL)
		assert_int_equal(crypto_core_ed25519_add(out->signature, out->signature, r_torsion), 0);
	for (uint32_t i = 0;; i++) {
		memcpy(out->payload, &i, sizeof i);
		challenge(out->signature, out->key.bytes, out->payload, sizeof out->payload, k);
		if (wanted_k < 0 || (k[0] & 7) == wanted_k)
			break;
	}
	crypto_core_ed25519_scalar_mul(ka, k, a);
	crypto_core_ed25519_scalar_add(out->signature + 32, r, ka);
}

static enum liaison_err
verify_forged(const struct forged *forged)
{
	return signature_verify(
		DOMAIN, NETWORK, forged->payload, sizeof forged->payload, &forged->key, forged->signature);
}

static void
test_small_and_mixed_order_points(void **state)
{
	static const uint8_t zero[32];
	uint8_t a[32], r[32], torsion[32], minus[32];
	struct forged forged;

	(void)state;
	crypto_core_ed25519_scalar_random(a);
	crypto_core_ed25519_scalar_random(r);
	point_of_order_8(torsion);
	uint8_t identity[32] = {1};
	crypto_core_ed25519_sub(minus, identity, torsion);

	forge(&forged, a, NULL, r, NULL, -1);
	assert_int_equal(verify_forged(&forged), LIAISON_OK);
	/* Cases 0 and 1: a key of small order would verify for many messages; refused. */
	forge(&forged, zero, torsion, zero, minus, 1);
	assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
	forge(&forged, zero, torsion, r, NULL, 0);
	assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
	forge(&forged, zero, NULL, r, NULL, -1);
	assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
	/* Case 2: a commitment of small order; refused though the equation holds. */
	forge(&forged, a, torsion, zero, minus, 1);
	assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
	/* Case 3: mixed order, and the torsion cancels: the one that passes. */
	forge(&forged, a, torsion, r, minus, 1);
	assert_int_equal(verify_forged(&forged), LIAISON_OK);
	forge(&forged, a, torsion, r, NULL, 0);
	assert_int_equal(verify_forged(&forged), LIAISON_OK);
	/* Cases 4 and 5: it does not cancel; only the equation with cofactor holds; refused. */
	forge(&forged, a, torsion, r, NULL, 1);
	assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
	forge(&forged, a, NULL, r, torsion, -1);
	assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
}

static void
test_scalar_above_the_order(void **state)
{
	uint8_t a[32], r[32];
	struct forged forged;

	(void)state;
	crypto_core_ed25519_scalar_random(a);
	crypto_core_ed25519_scalar_random(r);
	forge(&forged, a, NULL, r, NULL, -1);
	assert_int_equal(verify_forged(&forged), LIAISON_OK);
	/* Case 6: S + L satisfies the equation too, but nobody may turn one signature into another. Case 7: S + 8L. */
	for (int i = 0; i < 8; i++) {
		sodium_add(forged.signature + 32, order, 32);
		assert_int_equal(verify_forged(&forged), LIAISON_BAD_SIGNATURE);
	}
}

/* Cases 8 to 11 and their kin: every encoding of a point of small order, canonical or not, as key and as commitment. */
static void
test_encodings_of_small_points(void **state)
{
	static const char *encodings[] = {
		"0100000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000080",
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0000000000000000000000000000000000000000000000000000000000000080",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	};
	uint8_t s[32], k[32], ka[32], payload[4];
	uint8_t a[32];
	struct public_key key;
	uint8_t signature[64];

	(void)state;
	crypto_core_ed25519_scalar_random(a);
	crypto_core_ed25519_scalar_random(s);
	for (size_t i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
		for (uint32_t n = 0; n < 64; n++) {
			memcpy(payload, &n, sizeof n);
			/* As key: S*B = R for the one payload in eight whose challenge cancels the key. */
			hex_read(encodings[i], key.bytes, 32);
			crypto_scalarmult_ed25519_base_noclamp(signature, s);
			memcpy(signature + 32, s, 32);
			assert_int_equal(signature_verify(DOMAIN, NETWORK, payload, sizeof payload, &key, signature),
				LIAISON_BAD_SIGNATURE);
			/* As commitment: S = k*a, which holds where the commitment is the identity or cancels. */
			hex_read(encodings[i], signature, 32);
			crypto_scalarmult_ed25519_base_noclamp(key.bytes, a);
			challenge(signature, key.bytes, payload, sizeof payload, k);
			crypto_core_ed25519_scalar_mul(ka, k, a);
			memcpy(signature + 32, ka, 32);
			assert_int_equal(signature_verify(DOMAIN, NETWORK, payload, sizeof payload, &key, signature),
				LIAISON_BAD_SIGNATURE);
		}
	}
}

/* --- what is bound into a signature -------------------------------------------------------------------------------- */

static struct secret_keys *
test_keys(uint8_t number, enum keys_owner owner)
{
	uint8_t seed[32] = {number};
	struct secret_keys *keys = secret_keys_from_seed(owner, seed);

	assert_non_null(keys);
	return keys;
}

static void
test_domain_network_payload_and_key_are_bound(void **state)
{
	struct secret_keys *keys = test_keys(1, KEYS_SIGNER), *other = test_keys(2, KEYS_SIGNER);
	uint8_t signature[SIGNATURE_BYTES];
	char large[1000] = "x";

	(void)state;
	for (size_t len = 0; len <= sizeof large; len += 100) {
		assert_int_equal(
			sign_bytes(DOMAIN_ROSTER, NETWORK, large, len, keys->signing, &keys->signing_public, signature),
			LIAISON_OK);
		const struct public_key *key = &keys->signing_public;
		assert_int_equal(signature_verify(DOMAIN_ROSTER, NETWORK, large, len, key, signature), LIAISON_OK);
		assert_int_equal(
			signature_verify(DOMAIN_CHARTER, NETWORK, large, len, key, signature), LIAISON_BAD_SIGNATURE);
		assert_int_equal(
			signature_verify(DOMAIN_ROSTER, "test.ne", large, len, key, signature), LIAISON_BAD_SIGNATURE);
		assert_int_equal(
			signature_verify(DOMAIN_ROSTER, NETWORK, large, len, &other->signing_public, signature),
			LIAISON_BAD_SIGNATURE);
		if (len > 0)
			assert_int_equal(signature_verify(DOMAIN_ROSTER, NETWORK, large, len - 1, key, signature),
				LIAISON_BAD_SIGNATURE);
		for (size_t bit = 0; bit < 8 * SIGNATURE_BYTES; bit++) {
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(signature_verify(DOMAIN_ROSTER, NETWORK, large, len, key, signature),
				LIAISON_BAD_SIGNATURE);
			signature[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	secret_keys_free(keys);
	secret_keys_free(other);
}

static void
test_damaged_secret_key_signs_nothing(void **state)
{
	struct secret_keys *keys = test_keys(1, KEYS_SIGNER);
	uint8_t signature[SIGNATURE_BYTES] = {7};

	(void)state;
	keys->signing[40] ^= 1; /* the public half, which the challenge takes in */
	assert_int_equal(sign_bytes(DOMAIN_ROSTER, NETWORK, "x", 1, keys->signing, &keys->signing_public, signature),
		LIAISON_INTERNAL);
	assert_int_equal(signature[0], 7);
	assert_int_equal(secret_keys_derive_public(keys), LIAISON_CORRUPT);
	secret_keys_free(keys);
}

static void
test_network_ids(void **state)
{
	char long_id[66];

	(void)state;
	memset(long_id, 'a', sizeof long_id);
	long_id[65] = '\0';
	assert_false(network_id_is_valid(long_id));
	uint8_t signature[SIGNATURE_BYTES] = {0};
	struct public_key key = {{9}};
	assert_int_equal(signature_verify(DOMAIN, long_id, "x", 1, &key, signature), LIAISON_BAD_SIGNATURE);
	long_id[64] = '\0';
	assert_true(network_id_is_valid(long_id));
	assert_true(network_id_is_valid("mekong-1.example"));
	assert_false(network_id_is_valid(""));
	assert_false(network_id_is_valid("Mekong"));
	assert_false(network_id_is_valid("a b"));
}

/* --- k of n -------------------------------------------------------------------------------------------------------- */

static Liaison__Signed *
signed_new(const char *body)
{
	Liaison__Signed *message = malloc(sizeof *message);

	assert_non_null(message);
	liaison__signed__init(message);
	message->has_body = 1;
	message->body.len = strlen(body);
	message->body.data = malloc(strlen(body) + 1);
	memcpy(message->body.data, body, strlen(body) + 1);
	return message;
}

static void
test_threshold_counts_different_good_keys(void **state)
{
	struct secret_keys *keys[4];
	struct public_key listed[4];
	struct fault fault;
	Liaison__Signed *message = signed_new("a charter");

	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		keys[i] = test_keys((uint8_t)(10 + i), KEYS_SIGNER);
		listed[i] = keys[i]->signing_public;
	}
	listed[3] = listed[0]; /* a list that names one key twice gives it no second vote */

	assert_int_equal(signed_add(message, DOMAIN_CHARTER, NETWORK, keys[0]), LIAISON_OK);
	assert_int_equal(signed_add(message, DOMAIN_CHARTER, NETWORK, keys[0]), LIAISON_OK);
	assert_int_equal(message->n_signatures, 1);
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 1, &fault), LIAISON_OK);
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 2, &fault), LIAISON_BAD_SIGNATURE);
	assert_non_null(strstr(fault.message, "1 good signatures"));
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 0, &fault), LIAISON_BAD_SIGNATURE);

	assert_int_equal(signed_add(message, DOMAIN_CHARTER, NETWORK, keys[3]), LIAISON_OK); /* a stranger */
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 2, &fault), LIAISON_BAD_SIGNATURE);
	assert_int_equal(signed_add(message, DOMAIN_CHARTER, NETWORK, keys[1]), LIAISON_OK);
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 2, &fault), LIAISON_OK);

	/* A bad one beside a good one of the same key costs nothing; copies of one signature add nothing. */
	message->signatures[2]->signature.data[5] ^= 1;
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 2, &fault), LIAISON_BAD_SIGNATURE);
	message->signatures[2]->signature.data[5] ^= 1;
	message->body.data[0] ^= 1;
	assert_int_equal(signed_verify(message, DOMAIN_CHARTER, NETWORK, listed, 4, 1, &fault), LIAISON_BAD_SIGNATURE);

	liaison__signed__free_unpacked(message, NULL);
	for (int i = 0; i < 4; i++)
		secret_keys_free(keys[i]);
}

/* --- checkpoints --------------------------------------------------------------------------------------------------- */

static void
test_checkpoint_fields_are_bound(void **state)
{
	struct secret_keys *keys = test_keys(3, KEYS_BROKER), *other = test_keys(4, KEYS_BROKER);
	uint8_t epoch[16] = {1}, root[32] = {2}, key[16], signature[64];
	char origin[] = "kh.broker";
	struct fault fault;
	Liaison__Checkpoint checkpoint = LIAISON__CHECKPOINT__INIT;

	(void)state;
	checkpoint.origin = origin;
	checkpoint.has_epoch = checkpoint.has_size = checkpoint.has_root = checkpoint.has_time = 1;
	checkpoint.epoch = (ProtobufCBinaryData){16, epoch};
	checkpoint.root = (ProtobufCBinaryData){32, root};
	checkpoint.key = (ProtobufCBinaryData){16, key};
	checkpoint.signature = (ProtobufCBinaryData){64, signature};
	checkpoint.size = 7;
	checkpoint.time = 1700000000000;
	assert_int_equal(checkpoint_sign(&checkpoint, NETWORK, keys), LIAISON_OK);

#define VERIFY() checkpoint_verify(&checkpoint, NETWORK, "kh.broker", &keys->checkpoint_public, &fault)
	assert_int_equal(VERIFY(), LIAISON_OK);
	checkpoint.size++;
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	checkpoint.size--;
	checkpoint.time++;
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	checkpoint.time--;
	epoch[3] ^= 1;
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	epoch[3] ^= 1;
	root[3] ^= 1;
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	root[3] ^= 1;
	key[3] ^= 1;
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	key[3] ^= 1;
	origin[0] = 'v';
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	origin[0] = 'k';
	checkpoint.signature.len = 63;
	assert_int_equal(VERIFY(), LIAISON_BAD_SIGNATURE);
	checkpoint.signature.len = 64;
	checkpoint.has_root = 0;
	assert_int_equal(VERIFY(), LIAISON_MALFORMED);
	checkpoint.has_root = 1;
	assert_int_equal(VERIFY(), LIAISON_OK);
#undef VERIFY
	assert_int_equal(checkpoint_verify(&checkpoint, NETWORK, "kh.broker", &other->checkpoint_public, &fault),
		LIAISON_BAD_SIGNATURE);
	assert_int_equal(checkpoint_verify(&checkpoint, "other.net", "kh.broker", &keys->checkpoint_public, &fault),
		LIAISON_BAD_SIGNATURE);
	secret_keys_free(keys);
	secret_keys_free(other);
}

/* --- keys ---------------------------------------------------------------------------------------------------------- */

static void
test_fresh_keys_differ_and_match_their_halves(void **state)
{
	(void)state;
	for (enum keys_owner owner = KEYS_SIGNER; owner <= KEYS_BROKER; owner++) {
		struct secret_keys *a = secret_keys_new(owner), *b = secret_keys_new(owner);
		assert_non_null(a);
		assert_non_null(b);
		assert_false(public_key_equal(&a->signing_public, &b->signing_public));
		assert_int_equal(public_key_is_zero(&a->transport_public), owner == KEYS_SIGNER);
		assert_int_equal(public_key_is_zero(&a->checkpoint_public), owner != KEYS_BROKER);
		*b = *a;
		memset(&b->signing_public, 0, sizeof b->signing_public);
		memset(&b->transport_public, 0, sizeof b->transport_public);
		memset(&b->sealing_public, 0, sizeof b->sealing_public);
		memset(&b->checkpoint_public, 0, sizeof b->checkpoint_public);
		assert_int_equal(secret_keys_derive_public(b), LIAISON_OK);
		assert_memory_equal(a, b, sizeof *a);
		secret_keys_free(a);
		secret_keys_free(b);
	}
	secret_keys_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8032_vectors),
		cmocka_unit_test(test_small_and_mixed_order_points),
		cmocka_unit_test(test_scalar_above_the_order),
		cmocka_unit_test(test_encodings_of_small_points),
		cmocka_unit_test(test_domain_network_payload_and_key_are_bound),
		cmocka_unit_test(test_damaged_secret_key_signs_nothing),
		cmocka_unit_test(test_network_ids),
		cmocka_unit_test(test_threshold_counts_different_good_keys),
		cmocka_unit_test(test_checkpoint_fields_are_bound),
		cmocka_unit_test(test_fresh_keys_differ_and_match_their_halves),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
