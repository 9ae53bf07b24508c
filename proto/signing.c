#include "proto/signing.h"

#include "proto/base/message.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

enum liaison_err
sign_bytes(const char *domain, const char *network, const void *payload, size_t len, const uint8_t secret[64],
	const struct public_key *public_key, uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t made[SIGNATURE_BYTES];
	struct buf message;

	buf_init(&message, SIGNED_MESSAGE_BYTES_MAX);
	signed_bytes(&message, domain, network, payload, len);
	enum liaison_err err = buf_check(&message);
	if (err != LIAISON_OK)
		goto out;
	err = LIAISON_INTERNAL;
	if (crypto_sign_detached(made, NULL, message.data, message.len, secret) == 0 &&
		crypto_sign_verify_detached(made, message.data, message.len, public_key->bytes) == 0) {
		memcpy(signature, made, SIGNATURE_BYTES);
		err = LIAISON_OK;
	}
out:
	buf_clear(&message);
	return err;
}

enum liaison_err
batch_sign(const char *network, const struct secret_keys *keys, const struct digest *leaves, uint32_t leaf_count,
	struct key_id *key, uint8_t signature[SIGNATURE_BYTES])
{
	uint8_t payload[BATCH_PAYLOAD_BYTES];
	struct digest root;

	batch_root_from_leaves(leaves, leaf_count, &root);
	batch_payload(leaf_count, &root, payload);
	enum liaison_err err = sign_bytes(
		DOMAIN_ALERT, network, payload, sizeof payload, keys->signing, &keys->signing_public, signature);
	if (err == LIAISON_OK)
		key_id_of(&keys->signing_public, key);
	return err;
}

enum liaison_err
envelope_sign(
	const char *network, const struct secret_keys *keys, const uint8_t *body, size_t len, struct envelope *out)
{
	struct envelope envelope = {.body = body, .body_len = len, .leaf_count = 1};
	struct digest leaf;

	envelope_body_hash(body, len, &leaf);
	enum liaison_err err = batch_sign(network, keys, &leaf, 1, &envelope.key, envelope.signature);
	if (err == LIAISON_OK)
		*out = envelope;
	return err;
}

static Liaison__KeySignature *
signature_find(const Liaison__Signed *signed_message, const struct public_key *key)
{
	for (size_t i = 0; i < signed_message->n_signatures; i++) {
		Liaison__KeySignature *one = signed_message->signatures[i];
		if (one->key.len == PUBLIC_KEY_BYTES && memcmp(one->key.data, key->bytes, PUBLIC_KEY_BYTES) == 0)
			return one;
	}
	return NULL;
}

enum liaison_err
signed_add(Liaison__Signed *signed_message, const char *domain, const char *network, const struct secret_keys *keys)
{
	uint8_t signature[SIGNATURE_BYTES];
	enum liaison_err err = sign_bytes(domain, network, signed_message->body.data, signed_message->body.len,
		keys->signing, &keys->signing_public, signature);

	if (err != LIAISON_OK)
		return err;
	Liaison__KeySignature *one = signature_find(signed_message, &keys->signing_public);
	if (one != NULL)
		return message_set_bytes(&one->signature, &one->has_signature, signature, sizeof signature);

	one = (Liaison__KeySignature *)message_new(&liaison__key_signature__descriptor);
	if (one == NULL)
		return LIAISON_NO_MEMORY;
	err = message_set_bytes(&one->key, &one->has_key, keys->signing_public.bytes, PUBLIC_KEY_BYTES);
	if (err == LIAISON_OK)
		err = message_set_bytes(&one->signature, &one->has_signature, signature, sizeof signature);
	if (err != LIAISON_OK) {
		message_free(&one->base);
		return err;
	}
	return message_add(&signed_message->signatures, &signed_message->n_signatures, &one->base);
}

enum liaison_err
document_sign(enum document_type type, const ProtobufCMessage *message, const char *network,
	const struct secret_keys *keys, Liaison__Signed **out, struct fault *fault)
{
	Liaison__Signed *made;
	enum liaison_err err = document_seal(type, message, &made, fault);

	if (err != LIAISON_OK)
		return err;
	err = signed_add(made, document_domain(type), network, keys);
	if (err == LIAISON_OK) {
		*out = made;
		return LIAISON_OK;
	}
	message_free(&made->base);
	return fault_set(fault, err, "the %s could not be signed", document_type_name(type));
}

enum liaison_err
checkpoint_sign(Liaison__Checkpoint *checkpoint, const char *network, const struct secret_keys *keys)
{
	struct buf payload;
	struct key_id id;

	assert(keys_have_checkpoint(keys->owner));
	assert(checkpoint->key.len == KEY_ID_BYTES && checkpoint->signature.len == SIGNATURE_BYTES);
	buf_init(&payload, CHECKPOINT_PAYLOAD_BYTES_MAX);
	enum liaison_err err = checkpoint_payload(checkpoint, &payload);
	if (err == LIAISON_OK)
		err = sign_bytes(DOMAIN_CHECKPOINT, network, payload.data, payload.len, keys->checkpoint,
			&keys->checkpoint_public, checkpoint->signature.data);
	if (err == LIAISON_OK) {
		key_id_of(&keys->checkpoint_public, &id);
		memcpy(checkpoint->key.data, id.bytes, KEY_ID_BYTES);
		checkpoint->has_key = checkpoint->has_signature = 1;
	}
	buf_clear(&payload);
	return err;
}
