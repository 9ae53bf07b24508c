/* Cards: what an office hands to the clerk. */
#include "proto/base/message.h"
#include "proto/card.h"
#include "proto/signing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

static const char *const endpoint = "tcp://127.0.0.1:7430";

static Liaison__Card *
card_of(uint8_t number, enum keys_owner owner, struct secret_keys **keys)
{
	uint8_t seed[32] = {number};

	*keys = secret_keys_from_seed(owner, seed);
	Liaison__Card *card = card_new(owner == KEYS_BROKER ? "kh.broker" : "kh.blo.poipet", *keys, 1768464000000,
		&endpoint, owner == KEYS_BROKER ? 1 : 0);
	assert_non_null(card);
	return card;
}

static enum liaison_err
open_signed(const Liaison__Signed *signed_card)
{
	struct document *document;
	struct fault fault = {.message = ""};
	enum liaison_err err = card_open(signed_card, &document, &fault);

	if (err == LIAISON_OK)
		document_unref(document);
	else
		assert_true(strlen(fault.message) > 10);
	return err;
}

static void
test_round_trip_and_fingerprint(void **state)
{
	char spoken[SPOKEN_FINGERPRINT_BYTES], again[SPOKEN_FINGERPRINT_BYTES];

	(void)state;
	for (enum keys_owner owner = KEYS_OFFICE; owner <= KEYS_BROKER; owner++) {
		struct secret_keys *keys;
		Liaison__Card *card = card_of(1, owner, &keys);
		Liaison__Signed *signed_card;
		struct document *document;
		struct fault fault;
		assert_int_equal(document_sign(DOCUMENT_CARD, &card->base, "", keys, &signed_card, &fault), LIAISON_OK);
		assert_int_equal(card_open(signed_card, &document, &fault), LIAISON_OK);
		assert_string_equal(document->card->office, card->office);
		assert_memory_equal(document->card->transport_key.data, keys->transport_public.bytes, 32);
		assert_int_equal(document->card->has_checkpoint_key, owner == KEYS_BROKER);
		document_unref(document);

		card_fingerprint(signed_card, spoken);
		assert_int_equal(strlen(spoken), 8 * 5 + 7);
		assert_int_equal(strspn(spoken, "0123456789 "), strlen(spoken));
		signed_card->body.data[signed_card->body.len - 1] ^= 1;
		card_fingerprint(signed_card, again);
		assert_string_not_equal(spoken, again);
		message_free(&signed_card->base);
		card_free(card);
		secret_keys_free(keys);
	}
}

/* Every single bit of a card and of its signature. */
static void
test_no_flipped_bit_is_taken(void **state)
{
	struct secret_keys *keys;
	Liaison__Card *card = card_of(1, KEYS_BROKER, &keys);
	Liaison__Signed *signed_card;
	struct fault fault;

	(void)state;
	assert_int_equal(document_sign(DOCUMENT_CARD, &card->base, "", keys, &signed_card, &fault), LIAISON_OK);
	ProtobufCBinaryData *parts[] = {
		&signed_card->body, &signed_card->signatures[0]->signature, &signed_card->signatures[0]->key};
	for (size_t part = 0; part < 3; part++)
		for (size_t bit = 0; bit < 8 * parts[part]->len; bit++) {
			parts[part]->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(open_signed(signed_card), LIAISON_OK);
			parts[part]->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	assert_int_equal(open_signed(signed_card), LIAISON_OK);
	message_free(&signed_card->base);
	card_free(card);
	secret_keys_free(keys);
}

/* Somebody else's keys under one's own signature are one's own affair; one's own under somebody else's are refused. */
static void
test_signed_by_another(void **state)
{
	struct secret_keys *keys, *other;
	Liaison__Card *card = card_of(1, KEYS_OFFICE, &keys), *unused = card_of(2, KEYS_OFFICE, &other);
	Liaison__Signed *signed_card;
	struct fault fault;

	(void)state;
	assert_int_equal(document_sign(DOCUMENT_CARD, &card->base, "", other, &signed_card, &fault), LIAISON_OK);
	assert_int_equal(open_signed(signed_card), LIAISON_BAD_SIGNATURE);
	message_free(&signed_card->base);
	/* For a network, or in another domain, it is no card. */
	assert_int_equal(document_sign(DOCUMENT_CARD, &card->base, "test.net", keys, &signed_card, &fault), LIAISON_OK);
	assert_int_equal(open_signed(signed_card), LIAISON_BAD_SIGNATURE);
	message_free(&signed_card->base);
	card_free(card);
	card_free(unused);
	secret_keys_free(keys);
	secret_keys_free(other);
}

static void
test_malformed_cards(void **state)
{
	struct secret_keys *keys;
	struct fault fault;

	(void)state;
#define REFUSED(owner, word, change)                                                                                   \
	do {                                                                                                           \
		Liaison__Card *card = card_of(1, owner, &keys);                                                        \
		change;                                                                                                \
		assert_int_equal(card_validate(card, &fault), LIAISON_MALFORMED);                                      \
		assert_non_null(strstr(fault.message, word));                                                          \
		card_free(card);                                                                                       \
		secret_keys_free(keys);                                                                                \
	} while (0)
	REFUSED(KEYS_OFFICE, "office", card->office[0] = 'K');
	REFUSED(KEYS_OFFICE, "time", card->has_made = 0);
	REFUSED(KEYS_OFFICE, "lacks", card->has_sealing_key = 0);
	REFUSED(KEYS_OFFICE, "lacks", card->transport_key.len = 31);
	REFUSED(KEYS_OFFICE, "two purposes", memcpy(card->sealing_key.data, card->transport_key.data, 32));
	REFUSED(KEYS_OFFICE, "neither",
		assert_int_equal(message_add_text(&card->endpoints, &card->n_endpoints, endpoint), LIAISON_OK));
	REFUSED(KEYS_BROKER, "neither", card->has_checkpoint_key = 0);
	REFUSED(KEYS_BROKER, "checkpoint key", card->checkpoint_key.len = 5);
	REFUSED(KEYS_BROKER, "tcp://HOST:PORT", card->endpoints[0][0] = 'x');
#undef REFUSED
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip_and_fingerprint),
		cmocka_unit_test(test_no_flipped_bit_is_taken),
		cmocka_unit_test(test_signed_by_another),
		cmocka_unit_test(test_malformed_cards),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("card", tests, NULL, NULL);
}
