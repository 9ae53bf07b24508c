#include "proto/envelope.h"

#include "proto/signature.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static bool
is_bytes(protobuf_c_boolean has, const ProtobufCBinaryData *field, size_t len)
{
	return has && field->len == len;
}

static enum liaison_err
envelope_check_message(const Liaison__Envelope *message, struct fault *fault)
{
	const char *wrong = NULL;

	if (!message->has_body || message->body.len == 0)
		wrong = "no body";
	else if (!is_bytes(message->has_key, &message->key, KEY_ID_BYTES))
		wrong = "no key fingerprint of 16 bytes";
	else if (!message->has_leaf_count || message->leaf_count < 1 || message->leaf_count > BATCH_LEAVES_MAX)
		wrong = "no leaf_count from 1 to 1024";
	else if (!message->has_leaf || message->leaf >= message->leaf_count)
		wrong = "no leaf below leaf_count";
	else if (message->n_path > BATCH_PATH_MAX)
		wrong = "a path of more than 10 hashes";
	else if (!is_bytes(message->has_signature, &message->signature, SIGNATURE_BYTES))
		wrong = "no signature of 64 bytes";
	for (size_t i = 0; wrong == NULL && i < message->n_path; i++)
		if (message->path[i].len != DIGEST_BYTES)
			wrong = "a path hash that is not 32 bytes";
	if (wrong != NULL)
		return fault_set(fault, LIAISON_MALFORMED, "the envelope has %s", wrong);
	if (message->n_approvals > 0)
		return fault_set(fault, LIAISON_NOT_SUPPORTED,
			"the envelope carries approvals, which this version cannot check");
	return LIAISON_OK;
}

enum liaison_err
envelope_from_message(const Liaison__Envelope *message, struct envelope *out, struct fault *fault)
{
	enum liaison_err err = envelope_check_message(message, fault);

	if (err != LIAISON_OK)
		return err;
	*out = (struct envelope){
		.body = message->body.data,
		.body_len = message->body.len,
		.leaf_count = message->leaf_count,
		.leaf = message->leaf,
		.path_len = message->n_path,
	};
	memcpy(out->key.bytes, message->key.data, KEY_ID_BYTES);
	memcpy(out->signature, message->signature.data, SIGNATURE_BYTES);
	for (size_t i = 0; i < message->n_path; i++)
		memcpy(out->path[i].bytes, message->path[i].data, DIGEST_BYTES);
	return LIAISON_OK;
}

/* --- encoding ------------------------------------------------------------------------------------------------------ */

enum {
	TAG_BODY = 0x0a,
	TAG_KEY = 0x12,
	TAG_LEAF_COUNT = 0x18,
	TAG_LEAF = 0x20,
	TAG_PATH = 0x2a,
	TAG_SIGNATURE = 0x32,
};

static void
put_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_put_u8(out, (uint8_t)(value | 0x80));
	buf_put_u8(out, (uint8_t)value);
}

static void
put_bytes(struct buf *out, uint8_t tag, const void *bytes, size_t len)
{
	buf_put_u8(out, tag);
	put_varint(out, len);
	buf_put(out, bytes, len);
}

void
envelope_encode(const struct envelope *envelope, struct buf *out)
{
	put_bytes(out, TAG_BODY, envelope->body, envelope->body_len);
	put_bytes(out, TAG_KEY, envelope->key.bytes, KEY_ID_BYTES);
	buf_put_u8(out, TAG_LEAF_COUNT);
	put_varint(out, envelope->leaf_count);
	buf_put_u8(out, TAG_LEAF);
	put_varint(out, envelope->leaf);
	for (size_t i = 0; i < envelope->path_len; i++)
		put_bytes(out, TAG_PATH, envelope->path[i].bytes, DIGEST_BYTES);
	put_bytes(out, TAG_SIGNATURE, envelope->signature, SIGNATURE_BYTES);
}

/* --- the batch's tree ---------------------------------------------------------------------------------------------- */

void
envelope_body_hash(const uint8_t *body, size_t len, struct digest *out)
{
	merkle_leaf(body, len, out);
}

/* RFC 9162 section 2.1.3.2, which gives the root that a path leads to. */
enum liaison_err
envelope_root(const struct envelope *envelope, const struct digest *body_hash, struct digest *root)
{
	struct digest node = *body_hash;

	if (envelope->leaf_count < 1 || envelope->leaf_count > BATCH_LEAVES_MAX ||
		envelope->leaf >= envelope->leaf_count)
		return LIAISON_BAD_SIGNATURE;
	uint32_t at = envelope->leaf, last = envelope->leaf_count - 1;
	for (size_t i = 0; i < envelope->path_len; i++) {
		if (last == 0)
			return LIAISON_BAD_SIGNATURE;
		if ((at & 1) != 0 || at == last) {
			merkle_node(&envelope->path[i], &node, &node);
			/* A rightmost node without a sibling was carried up unchanged. */
			for (; (at & 1) == 0 && at != 0; at >>= 1)
				last >>= 1;
		} else {
			merkle_node(&node, &envelope->path[i], &node);
		}
		at >>= 1;
		last >>= 1;
	}
	if (last != 0)
		return LIAISON_BAD_SIGNATURE;
	*root = node;
	return LIAISON_OK;
}

void
batch_root_from_leaves(const struct digest *leaves, uint32_t leaf_count, struct digest *root)
{
	assert(leaf_count >= 1 && leaf_count <= BATCH_LEAVES_MAX);
	merkle_root_of(leaves, leaf_count, root);
}

void
batch_path(const struct digest *leaves, uint32_t leaf_count, uint32_t leaf, struct envelope *envelope)
{
	struct merkle_path path;

	assert(leaf_count >= 1 && leaf_count <= BATCH_LEAVES_MAX && leaf < leaf_count);
	merkle_inclusion_of(leaves, leaf_count, leaf, &path);
	envelope->leaf_count = leaf_count;
	envelope->leaf = leaf;
	envelope->path_len = path.len;
	memcpy(envelope->path, path.nodes, path.len * sizeof path.nodes[0]);
}

void
batch_payload(uint32_t leaf_count, const struct digest *root, uint8_t out[BATCH_PAYLOAD_BYTES])
{
	out[0] = (uint8_t)(leaf_count >> 24);
	out[1] = (uint8_t)(leaf_count >> 16);
	out[2] = (uint8_t)(leaf_count >> 8);
	out[3] = (uint8_t)leaf_count;
	memcpy(out + 4, root->bytes, DIGEST_BYTES);
}

/* --- what was verified before -------------------------------------------------------------------------------------- */

#define NO_ENTRY UINT32_MAX

struct cache_key {
	struct public_key key;
	struct digest root;
	uint8_t signature[SIGNATURE_BYTES];
	uint32_t leaf_count; /* last, so that the struct has no padding and can be compared whole */
};
_Static_assert(sizeof(struct cache_key) == PUBLIC_KEY_BYTES + DIGEST_BYTES + SIGNATURE_BYTES + 4, "no padding");

struct cache_entry {
	struct cache_key key;
	uint32_t bucket;
	uint32_t next; /* in the same bucket */
};

struct batch_cache {
	uint8_t secret[crypto_shorthash_KEYBYTES];
	char network[NETWORK_ID_BYTES_MAX + 1]; /* empty until first used */
	size_t capacity, size;
	size_t oldest;  /* the entries are a ring */
	size_t buckets; /* a power of two, at least twice the capacity */
	uint32_t *heads;
	struct cache_entry *entries;
};

struct batch_cache *
batch_cache_new(size_t capacity)
{
	struct batch_cache *cache = calloc(1, sizeof *cache);

	assert(capacity >= 1 && capacity < NO_ENTRY / 4);
	if (cache == NULL)
		return NULL;
	cache->capacity = capacity;
	for (cache->buckets = 2; cache->buckets < 2 * capacity;)
		cache->buckets *= 2;
	cache->heads = malloc(cache->buckets * sizeof *cache->heads);
	cache->entries = malloc(capacity * sizeof *cache->entries);
	if (cache->heads == NULL || cache->entries == NULL) {
		batch_cache_free(cache);
		return NULL;
	}
	for (size_t i = 0; i < cache->buckets; i++)
		cache->heads[i] = NO_ENTRY;
	crypto_shorthash_keygen(cache->secret);
	return cache;
}

void
batch_cache_free(struct batch_cache *cache)
{
	if (cache == NULL)
		return;
	free(cache->heads);
	free(cache->entries);
	free(cache);
}

size_t
batch_cache_size(const struct batch_cache *cache)
{
	return cache->size;
}

static uint32_t
cache_bucket(const struct batch_cache *cache, const struct cache_key *key)
{
	uint8_t hash[crypto_shorthash_BYTES];
	uint32_t value;

	crypto_shorthash(hash, key->root.bytes, DIGEST_BYTES, cache->secret);
	memcpy(&value, hash, sizeof value);
	return value & (uint32_t)(cache->buckets - 1);
}

static bool
cache_holds(const struct batch_cache *cache, uint32_t bucket, const struct cache_key *key)
{
	for (uint32_t at = cache->heads[bucket]; at != NO_ENTRY; at = cache->entries[at].next)
		if (memcmp(&cache->entries[at].key, key, sizeof *key) == 0)
			return true;
	return false;
}

static void
cache_unlink(struct batch_cache *cache, uint32_t index)
{
	uint32_t *link = &cache->heads[cache->entries[index].bucket];

	while (*link != index)
		link = &cache->entries[*link].next;
	*link = cache->entries[index].next;
}

static void
cache_add(struct batch_cache *cache, uint32_t bucket, const struct cache_key *key)
{
	uint32_t index = (uint32_t)cache->size;

	if (cache->size < cache->capacity) {
		cache->size++;
	} else {
		index = (uint32_t)cache->oldest;
		cache->oldest = (cache->oldest + 1) % cache->capacity;
		cache_unlink(cache, index);
	}
	cache->entries[index] = (struct cache_entry){.key = *key, .bucket = bucket, .next = cache->heads[bucket]};
	cache->heads[bucket] = index;
}

/* --- verification -------------------------------------------------------------------------------------------------- */

static enum liaison_err
batch_verify_plain(const char *network, const struct public_key *key, uint32_t leaf_count, const struct digest *root,
	const uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t payload[BATCH_PAYLOAD_BYTES];

	batch_payload(leaf_count, root, payload);
	return signature_verify(DOMAIN_ALERT, network, payload, sizeof payload, key, signature);
}

enum liaison_err
batch_verify(struct batch_cache *cache, const char *network, const struct public_key *key, uint32_t leaf_count,
	const struct digest *root, const uint8_t signature[SIGNATURE_BYTES])
{
	if (cache == NULL || leaf_count <= 1)
		return batch_verify_plain(network, key, leaf_count, root, signature);

	struct cache_key entry = {.key = *key, .root = *root, .leaf_count = leaf_count};
	memcpy(entry.signature, signature, SIGNATURE_BYTES);
	if (cache->network[0] == '\0' && network_id_is_valid(network))
		memcpy(cache->network, network, strlen(network) + 1);
	assert(strcmp(cache->network, network) == 0);
	uint32_t bucket = cache_bucket(cache, &entry);
	if (cache_holds(cache, bucket, &entry))
		return LIAISON_OK;
	enum liaison_err err = batch_verify_plain(network, key, leaf_count, root, signature);
	if (err == LIAISON_OK)
		cache_add(cache, bucket, &entry);
	return err;
}

enum liaison_err
envelope_verify(struct batch_cache *cache, const char *network, const struct public_key *key,
	const struct envelope *envelope, struct digest *body_hash)
{
	struct digest leaf, root;

	envelope_body_hash(envelope->body, envelope->body_len, &leaf);
	enum liaison_err err = envelope_root(envelope, &leaf, &root);
	if (err == LIAISON_OK)
		err = batch_verify(cache, network, key, envelope->leaf_count, &root, envelope->signature);
	if (err == LIAISON_OK && body_hash != NULL)
		*body_hash = leaf;
	return err;
}
