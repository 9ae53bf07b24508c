#include "proto/card.h"

#include "proto/address.h"
#include "proto/base/message.h"
#include "proto/base/time.h"
#include "proto/roster.h"
#include "proto/signature.h"

#include <string.h>

static enum liaison_err
card_fill(Liaison__Card *card, const char *office, const struct secret_keys *keys)
{
	enum liaison_err err = message_set_text(&card->office, office);

	if (err == LIAISON_OK)
		err = message_set_bytes(
			&card->signing_key, &card->has_signing_key, keys->signing_public.bytes, PUBLIC_KEY_BYTES);
	if (err == LIAISON_OK)
		err = message_set_bytes(
			&card->transport_key, &card->has_transport_key, keys->transport_public.bytes, PUBLIC_KEY_BYTES);
	if (err == LIAISON_OK)
		err = message_set_bytes(
			&card->sealing_key, &card->has_sealing_key, keys->sealing_public.bytes, PUBLIC_KEY_BYTES);
	if (err == LIAISON_OK && keys_have_checkpoint(keys->owner))
		err = message_set_bytes(&card->checkpoint_key, &card->has_checkpoint_key, keys->checkpoint_public.bytes,
			PUBLIC_KEY_BYTES);
	return err;
}

Liaison__Card *
card_new(const char *office, const struct secret_keys *keys, int64_t made, const char *const *endpoints,
	size_t endpoint_count)
{
	Liaison__Card *card = (Liaison__Card *)message_new(&liaison__card__descriptor);

	if (card == NULL)
		return NULL;
	card->has_made = 1;
	card->made = made;
	enum liaison_err err = card_fill(card, office, keys);
	for (size_t i = 0; err == LIAISON_OK && i < endpoint_count; i++)
		err = message_add_text(&card->endpoints, &card->n_endpoints, endpoints[i]);
	if (err == LIAISON_OK)
		return card;
	card_free(card);
	return NULL;
}

void
card_free(Liaison__Card *card)
{
	message_free((ProtobufCMessage *)card);
}

static bool
is_key(protobuf_c_boolean has, const ProtobufCBinaryData *key)
{
	return has && key->len == PUBLIC_KEY_BYTES;
}

static bool
same_key(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
	return memcmp(a->data, b->data, PUBLIC_KEY_BYTES) == 0;
}

enum liaison_err
card_validate(const Liaison__Card *card, struct fault *fault)
{
	if (card->office == NULL || !office_id_is_valid(card->office) || !card->has_made || !time_is_valid(card->made))
		return fault_set(fault, LIAISON_MALFORMED, "the card names no office or has no time");
	if (!is_key(card->has_signing_key, &card->signing_key) ||
		!is_key(card->has_transport_key, &card->transport_key) ||
		!is_key(card->has_sealing_key, &card->sealing_key))
		return fault_set(fault, LIAISON_MALFORMED, "the card of %s lacks a signing, transport or sealing key",
			card->office);
	if (same_key(&card->signing_key, &card->transport_key) || same_key(&card->signing_key, &card->sealing_key) ||
		same_key(&card->transport_key, &card->sealing_key))
		return fault_set(fault, LIAISON_MALFORMED, "the card of %s has one key for two purposes", card->office);
	if (card->has_checkpoint_key && card->checkpoint_key.len != PUBLIC_KEY_BYTES)
		return fault_set(fault, LIAISON_MALFORMED, "the card of %s has a checkpoint key of %zu bytes",
			card->office, card->checkpoint_key.len);
	if (card->has_checkpoint_key != (card->n_endpoints > 0) || card->n_endpoints > CARD_ENDPOINTS_MAX)
		return fault_set(fault, LIAISON_MALFORMED,
			"the card of %s must have a checkpoint key and 1 to %d end points (a broker), or neither",
			card->office, CARD_ENDPOINTS_MAX);
	for (size_t i = 0; i < card->n_endpoints; i++)
		if (!endpoint_is_valid(card->endpoints[i]))
			return fault_set(fault, LIAISON_MALFORMED, "end point \"%.100s\" of %s is not tcp://HOST:PORT",
				card->endpoints[i], card->office);
	return LIAISON_OK;
}

enum liaison_err
card_open(const Liaison__Signed *signed_card, struct document **out, struct fault *fault)
{
	struct document *card;
	struct public_key key;
	enum liaison_err err = document_new(DOCUMENT_CARD, signed_card, &card, fault);

	if (err != LIAISON_OK)
		return err;
	err = card_validate(card->card, fault);
	if (err != LIAISON_OK)
		goto out;
	memcpy(key.bytes, card->card->signing_key.data, PUBLIC_KEY_BYTES);
	err = signed_verify(signed_card, DOMAIN_CARD, "", &key, 1, 1, NULL);
	if (err != LIAISON_OK) {
		fault_set(fault, err, "the card of %s is not signed by its own key; ask the office for it again",
			card->card->office);
		goto out;
	}
	*out = document_ref(card);
out:
	document_unref(card);
	return err;
}

void
card_fingerprint(const Liaison__Signed *signed_card, char out[SPOKEN_FINGERPRINT_BYTES])
{
	spoken_fingerprint(signed_card->body.data, signed_card->body.len, out);
}
