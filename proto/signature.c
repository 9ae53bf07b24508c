#include "proto/signature.h"

#include <sodium.h>
#include <string.h>

/* Everything but a roster or charter fits here: no allocation on the path of an alert. */
#define STACK_MESSAGE_BYTES 256

bool
network_id_is_valid(const char *network)
{
	size_t len = strnlen(network, NETWORK_ID_BYTES_MAX + 1);

	return len >= 1 && len <= NETWORK_ID_BYTES_MAX &&
	       strspn(network, "abcdefghijklmnopqrstuvwxyz0123456789.-") == len;
}

void
signed_bytes(struct buf *out, const char *domain, const char *network, const void *payload, size_t len)
{
	size_t network_len = strnlen(network, NETWORK_ID_BYTES_MAX + 1);

	if (network_len > NETWORK_ID_BYTES_MAX) {
		out->failed = out->too_large = true;
		return;
	}
	buf_put(out, domain, strlen(domain) + 1);
	buf_put_u8(out, (uint8_t)network_len);
	buf_put(out, network, network_len);
	buf_put(out, payload, len);
}

/* The same into `stack` where it fits; 0 where it does not. */
static size_t
signed_bytes_small(
	uint8_t stack[STACK_MESSAGE_BYTES], const char *domain, const char *network, const void *payload, size_t len)
{
	size_t domain_len = strlen(domain) + 1;
	size_t network_len = strnlen(network, NETWORK_ID_BYTES_MAX + 1);

	if (network_len > NETWORK_ID_BYTES_MAX || len > STACK_MESSAGE_BYTES ||
		domain_len + 1 + network_len + len > STACK_MESSAGE_BYTES)
		return 0;
	memcpy(stack, domain, domain_len);
	stack[domain_len] = (uint8_t)network_len;
	memcpy(stack + domain_len + 1, network, network_len);
	if (len > 0)
		memcpy(stack + domain_len + 1 + network_len, payload, len);
	return domain_len + 1 + network_len + len;
}

enum liaison_err
signature_verify(const char *domain, const char *network, const void *payload, size_t len, const struct public_key *key,
	const uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t stack[STACK_MESSAGE_BYTES];
	size_t small = signed_bytes_small(stack, domain, network, payload, len);
	enum liaison_err err = LIAISON_BAD_SIGNATURE;

	if (small > 0)
		return crypto_sign_verify_detached(signature, stack, small, key->bytes) == 0 ? LIAISON_OK : err;

	struct buf message;
	buf_init(&message, SIGNED_MESSAGE_BYTES_MAX);
	signed_bytes(&message, domain, network, payload, len);
	if (message.failed)
		err = message.too_large ? LIAISON_BAD_SIGNATURE : LIAISON_NO_MEMORY;
	else if (crypto_sign_verify_detached(signature, message.data, message.len, key->bytes) == 0)
		err = LIAISON_OK;
	buf_clear(&message);
	return err;
}

static bool
has_good_signature(const Liaison__Signed *signed_message, const struct buf *message, const struct public_key *key)
{
	for (size_t i = 0; i < signed_message->n_signatures; i++) {
		const Liaison__KeySignature *one = signed_message->signatures[i];
		if (one->key.len != PUBLIC_KEY_BYTES || one->signature.len != SIGNATURE_BYTES ||
			memcmp(one->key.data, key->bytes, PUBLIC_KEY_BYTES) != 0)
			continue;
		if (crypto_sign_verify_detached(one->signature.data, message->data, message->len, key->bytes) == 0)
			return true;
	}
	return false;
}

static bool
is_repeated(const struct public_key *keys, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (public_key_equal(&keys[i], &keys[index]))
			return true;
	return false;
}

enum liaison_err
signed_verify(const Liaison__Signed *signed_message, const char *domain, const char *network,
	const struct public_key *keys, size_t key_count, size_t threshold, struct fault *fault)
{
	enum liaison_err err = LIAISON_BAD_SIGNATURE;
	struct buf message;
	size_t good = 0;

	if (signed_message->n_signatures > SIGNED_SIGNATURES_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "%zu signatures on one document; at most %d are looked at",
			signed_message->n_signatures, SIGNED_SIGNATURES_MAX);
	buf_init(&message, SIGNED_MESSAGE_BYTES_MAX);
	signed_bytes(&message, domain, network, signed_message->body.data, signed_message->body.len);
	if (message.failed) {
		err = fault_set(fault, message.too_large ? LIAISON_BAD_SIGNATURE : LIAISON_NO_MEMORY,
			message.too_large ? "the document or the network's id is too long" : "out of memory");
		goto out;
	}
	for (size_t i = 0; i < key_count; i++)
		if (!is_repeated(keys, i) && has_good_signature(signed_message, &message, &keys[i]))
			good++;
	if (threshold >= 1 && good >= threshold)
		err = LIAISON_OK;
	else
		fault_set(fault, err, "%zu good signatures by the %zu keys that may sign; %zu are needed", good,
			key_count, threshold);
out:
	buf_clear(&message);
	return err;
}

/* --- checkpoints --------------------------------------------------------------------------------------------------- */

#define EPOCH_BYTES 16

enum liaison_err
checkpoint_payload(const Liaison__Checkpoint *checkpoint, struct buf *out)
{
	if (checkpoint->origin == NULL || strlen(checkpoint->origin) > UINT8_MAX || !checkpoint->has_epoch ||
		checkpoint->epoch.len != EPOCH_BYTES || !checkpoint->has_size || !checkpoint->has_root ||
		checkpoint->root.len != DIGEST_BYTES || !checkpoint->has_time)
		return LIAISON_MALFORMED;
	buf_put_u8(out, (uint8_t)strlen(checkpoint->origin));
	buf_put_text(out, checkpoint->origin);
	buf_put(out, checkpoint->epoch.data, EPOCH_BYTES);
	buf_put_be64(out, checkpoint->size);
	buf_put(out, checkpoint->root.data, DIGEST_BYTES);
	buf_put_be64(out, (uint64_t)checkpoint->time);
	return buf_check(out);
}

static enum liaison_err
checkpoint_check(
	const Liaison__Checkpoint *checkpoint, const char *origin, const struct public_key *key, struct fault *fault)
{
	struct key_id id;

	key_id_of(key, &id);
	if (strcmp(checkpoint->origin, origin) != 0)
		return fault_set(
			fault, LIAISON_BAD_SIGNATURE, "the checkpoint is of %s, not of %s", checkpoint->origin, origin);
	if (checkpoint->key.len != KEY_ID_BYTES || memcmp(checkpoint->key.data, id.bytes, KEY_ID_BYTES) != 0)
		return fault_set(
			fault, LIAISON_BAD_SIGNATURE, "the checkpoint of %s names another key than the roster", origin);
	if (checkpoint->signature.len != SIGNATURE_BYTES)
		return fault_set(fault, LIAISON_BAD_SIGNATURE, "the checkpoint of %s has no signature of %d bytes",
			origin, SIGNATURE_BYTES);
	return LIAISON_OK;
}

enum liaison_err
checkpoint_verify(const Liaison__Checkpoint *checkpoint, const char *network, const char *origin,
	const struct public_key *key, struct fault *fault)
{
	struct buf payload;

	buf_init(&payload, CHECKPOINT_PAYLOAD_BYTES_MAX);
	enum liaison_err err = checkpoint_payload(checkpoint, &payload);
	if (err != LIAISON_OK) {
		fault_set(
			fault, err, "a checkpoint lacks origin, epoch, size, root or time, or one has a wrong length");
		goto out;
	}
	err = checkpoint_check(checkpoint, origin, key, fault);
	if (err != LIAISON_OK)
		goto out;
	err = signature_verify(DOMAIN_CHECKPOINT, network, payload.data, payload.len, key, checkpoint->signature.data);
	if (err != LIAISON_OK)
		fault_set(fault, err, "the checkpoint of %s is not signed by its key for network %s", origin, network);
out:
	buf_clear(&payload);
	return err;
}
