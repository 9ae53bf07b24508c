#include "proto/document.h"

#include "proto/base/message.h"
#include "proto/merkle.h"
#include "proto/scan.h"
#include "proto/signature.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct document_kind {
	const char *name;
	const char *domain;
	const ProtobufCMessageDescriptor *descriptor;
	size_t bytes_max;
};

static const struct document_kind kinds[] = {
	[DOCUMENT_CHARTER] = {"charter", DOMAIN_CHARTER, &liaison__charter__descriptor, CHARTER_BYTES_MAX},
	[DOCUMENT_ROSTER] = {"roster", DOMAIN_ROSTER, &liaison__roster__descriptor, DOCUMENT_BYTES_MAX},
	[DOCUMENT_CARD] = {"card", DOMAIN_CARD, &liaison__card__descriptor, CARD_BYTES_MAX},
	[DOCUMENT_SUSPENSION] = {"suspension", DOMAIN_SUSPENSION, &liaison__suspension__descriptor,
		SUSPENSION_BYTES_MAX},
};

const char *
document_type_name(enum document_type type)
{
	return kinds[type].name;
}

const char *
document_domain(enum document_type type)
{
	return kinds[type].domain;
}

const ProtobufCMessageDescriptor *
document_descriptor(enum document_type type)
{
	return kinds[type].descriptor;
}

enum liaison_err
document_scan(enum document_type type, const Liaison__Signed *signed_message, struct fault *fault)
{
	const struct document_kind *kind = &kinds[type];

	if (!signed_message->has_body || signed_message->body.len == 0)
		return fault_set(fault, LIAISON_MALFORMED, "the %s is empty", kind->name);
	if (signed_message->n_signatures > SIGNED_SIGNATURES_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "the %s carries %zu signatures; at most %d are allowed",
			kind->name, signed_message->n_signatures, SIGNED_SIGNATURES_MAX);
	if (signed_message->body.len > kind->bytes_max)
		return fault_set(fault, LIAISON_TOO_LARGE, "the %s has %zu bytes; at most %zu are allowed", kind->name,
			signed_message->body.len, kind->bytes_max);
	return scan_document(kind->descriptor, signed_message->body.data, signed_message->body.len, fault);
}

/* --- key fingerprints of a roster ---------------------------------------------------------------------------------- */

static struct key_id *
ids_of(struct key_id *at, Liaison__RosterKey *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++, at++) {
		struct public_key key = {{0}};
		/* A length that is wrong is the roster check's to refuse; here it only must not be read past. */
		if (keys[i]->key.len == PUBLIC_KEY_BYTES)
			memcpy(key.bytes, keys[i]->key.data, PUBLIC_KEY_BYTES);
		key_id_of(&key, at);
	}
	return at;
}

static enum liaison_err
roster_ids_fill(struct document *document)
{
	const Liaison__Roster *roster = document->roster;
	size_t total = 0;

	document->key_start = malloc((roster->n_offices + 1) * sizeof *document->key_start);
	if (document->key_start == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < roster->n_offices; i++) {
		const Liaison__Office *office = roster->offices[i];
		document->key_start[i] = (uint32_t)total;
		total += office->n_signing_keys + office->n_transport_keys + office->n_sealing_keys +
			 office->n_checkpoint_keys;
	}
	document->key_ids = malloc((total + 1) * sizeof *document->key_ids);
	if (document->key_ids == NULL)
		return LIAISON_NO_MEMORY;
	struct key_id *at = document->key_ids;
	for (size_t i = 0; i < roster->n_offices; i++) {
		const Liaison__Office *office = roster->offices[i];
		at = ids_of(at, office->signing_keys, office->n_signing_keys);
		at = ids_of(at, office->transport_keys, office->n_transport_keys);
		at = ids_of(at, office->sealing_keys, office->n_sealing_keys);
		at = ids_of(at, office->checkpoint_keys, office->n_checkpoint_keys);
	}
	return LIAISON_OK;
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

static void
document_free(struct document *document)
{
	if (document->signed_message != NULL)
		liaison__signed__free_unpacked(document->signed_message, NULL);
	message_free(document->message);
	free(document->key_ids);
	free(document->key_start);
	free(document);
}

enum liaison_err
document_new(enum document_type type, const Liaison__Signed *signed_message, struct document **out, struct fault *fault)
{
	enum liaison_err err = document_scan(type, signed_message, fault);

	if (err != LIAISON_OK)
		return err;
	struct document *document = calloc(1, sizeof *document);
	if (document == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	atomic_init(&document->refs, 1);
	document->type = type;
	document->signed_message = (Liaison__Signed *)message_copy(&signed_message->base);
	document->message = protobuf_c_message_unpack(
		kinds[type].descriptor, NULL, signed_message->body.len, signed_message->body.data);
	err = document->signed_message == NULL || document->message == NULL ? LIAISON_NO_MEMORY : LIAISON_OK;
	if (err == LIAISON_OK && type == DOCUMENT_ROSTER)
		err = roster_ids_fill(document);
	if (err != LIAISON_OK) {
		document_free(document);
		return fault_set(fault, err, "out of memory");
	}
	document_hash(signed_message, &document->hash);
	*out = document;
	return LIAISON_OK;
}

struct document *
document_ref(struct document *document)
{
	unsigned before = atomic_fetch_add_explicit(&document->refs, 1, memory_order_relaxed);
	assert(before > 0);
	return document;
}

void
document_unref(struct document *document)
{
	if (document != NULL && atomic_fetch_sub_explicit(&document->refs, 1, memory_order_acq_rel) == 1)
		document_free(document);
}

void
document_hash(const Liaison__Signed *signed_message, struct digest *out)
{
	merkle_leaf(signed_message->body.data, signed_message->body.len, out);
}

/* --- bytes --------------------------------------------------------------------------------------------------------- */

bool
document_peek_text(const Liaison__Signed *signed_message, unsigned field, char *out, size_t size)
{
	struct reader reader;

	assert(field == 1 || field == 2);
	reader_init(&reader, signed_message->body.data, signed_message->body.len);
	/* Canonical: fields ascend, so these two stand first; a length below 128 takes one byte. */
	for (unsigned at = 1; at <= field; at++) {
		uint8_t tag = reader_u8(&reader);
		if (tag == (field << 3 | 2))
			at = field;
		else if (at == field || tag != (at << 3 | 2))
			return false;
		uint8_t len = reader_u8(&reader);
		const uint8_t *text = reader_take(&reader, len);
		if (text == NULL || len >= 0x80)
			return false;
		if (at == field) {
			if (len >= size)
				return false;
			memcpy(out, text, len);
			out[len] = '\0';
		}
	}
	return true;
}

enum liaison_err
document_seal(enum document_type type, const ProtobufCMessage *message, Liaison__Signed **out, struct fault *fault)
{
	struct buf body;

	assert(message->descriptor == kinds[type].descriptor);
	buf_init(&body, SIGNED_MESSAGE_BYTES_MAX);
	message_pack(message, &body);
	enum liaison_err err = buf_check(&body);
	Liaison__Signed *sealed = (Liaison__Signed *)message_new(&liaison__signed__descriptor);
	if (err == LIAISON_OK && sealed == NULL)
		err = LIAISON_NO_MEMORY;
	if (err == LIAISON_OK)
		err = message_set_bytes(&sealed->body, &sealed->has_body, body.data, body.len);
	buf_clear(&body);
	if (err != LIAISON_OK)
		fault_set(fault, err, err == LIAISON_TOO_LARGE ? "the %s is too large" : "out of memory for the %s",
			kinds[type].name);
	else
		err = document_scan(type, sealed, fault);
	if (err == LIAISON_OK)
		*out = sealed;
	else
		message_free((ProtobufCMessage *)sealed);
	return err;
}
