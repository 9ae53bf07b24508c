/*
 * The envelope: the exact body bytes, the signature over the batch that they are part of, and the path to it.
 *
 * Payload of the signature (domain DOMAIN_ALERT): leaf count, 4 bytes big-endian, and the RFC 6962 root over the leaf
 * hashes SHA-256(0x00 || body) of the batch, 1 to BATCH_LEAVES_MAX of them. A single alert has count 1 and no path; its
 * root is its leaf hash. The leaf hash is also the alert's body hash everywhere else.
 */
#ifndef LIAISON_PROTO_ENVELOPE_H
#define LIAISON_PROTO_ENVELOPE_H

#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/keys.h"
#include "proto/merkle.h"

#include "proto/log.pb-c.h"

#define BATCH_LEAVES_MAX 1024
#define BATCH_PATH_MAX 10
#define BATCH_PAYLOAD_BYTES (4 + DIGEST_BYTES)

/* A view: `body` is borrowed from whoever filled it. */
struct envelope {
	const uint8_t *body;
	size_t body_len;
	struct key_id key;
	uint32_t leaf_count;
	uint32_t leaf;
	size_t path_len;
	struct digest path[BATCH_PATH_MAX];
	uint8_t signature[SIGNATURE_BYTES];
};

/*
 * Lengths and ranges checked, nothing verified. LIAISON_MALFORMED names the field; LIAISON_NOT_SUPPORTED where approvals
 * stand beside the body. `out` borrows from `message`.
 */
enum liaison_err envelope_from_message(
	const Liaison__Envelope *message, struct envelope *out, struct fault *fault) LIAISON_MUST_CHECK;

/* Appends the encoding of a Liaison__Envelope message (canonical) to `out`; check with buf_check. */
void envelope_encode(const struct envelope *envelope, struct buf *out);

/* SHA-256(0x00 || body). */
void envelope_body_hash(const uint8_t *body, size_t len, struct digest *out);

/* The root that the signature covers, from body hash, leaf, leaf_count and path. LIAISON_BAD_SIGNATURE: wrong path length. */
enum liaison_err envelope_root(
	const struct envelope *envelope, const struct digest *body_hash, struct digest *root) LIAISON_MUST_CHECK;

/* The same root where every leaf of the batch is at hand and no path is needed; 1 to BATCH_LEAVES_MAX leaves (assert). */
void batch_root_from_leaves(const struct digest *leaves, uint32_t leaf_count, struct digest *root);

/* Fills leaf and path of one member of a batch; the rest of `envelope` is the caller's. */
void batch_path(const struct digest *leaves, uint32_t leaf_count, uint32_t leaf, struct envelope *envelope);

/*
 * (key, count, root, signature) whose verification succeeded: the rest of a batch costs hashing only. The signature is
 * part of an entry, so that no envelope passes with another one, which a reader without the cache would refuse. Holds at
 * most `capacity` (>= 1) entries, the oldest goes first; for one network and one thread. Hashed with a secret of its own,
 * so that nobody can choose roots that meet in one bucket.
 */
struct batch_cache;
struct batch_cache *batch_cache_new(size_t capacity); /* NULL: no memory */
void batch_cache_free(struct batch_cache *cache);     /* takes NULL */
size_t batch_cache_size(const struct batch_cache *cache);

/*
 * Verifies the signature over (count, root) by `key`. `cache` may be NULL; it is asked and filled for counts above 1.
 * LIAISON_OK or LIAISON_BAD_SIGNATURE.
 */
enum liaison_err batch_verify(struct batch_cache *cache, const char *network, const struct public_key *key,
	uint32_t leaf_count, const struct digest *root, const uint8_t signature[SIGNATURE_BYTES]) LIAISON_MUST_CHECK;

/* envelope_body_hash, envelope_root and batch_verify in one. `body_hash` may be NULL. */
enum liaison_err envelope_verify(struct batch_cache *cache, const char *network, const struct public_key *key,
	const struct envelope *envelope, struct digest *body_hash) LIAISON_MUST_CHECK;

/* Payload of the signature: 36 bytes. */
void batch_payload(uint32_t leaf_count, const struct digest *root, uint8_t out[BATCH_PAYLOAD_BYTES]);

#endif
