#include "agents/signer.h"

#include "agents/home.h"
#include "agents/line.h"
#include "agents/passphrase.h"
#include "agents/say.h"
#include "proto/edge/docfile.h"
#include "proto/edge/keyfile.h"
#include "proto/signing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAYS_MAX 3660

enum liaison_err
signer_public_key(const char *text, struct public_key *out, struct fault *fault)
{
	const struct passphrase_source source = passphrase_source();
	struct secret_keys *keys = NULL;

	if (public_key_parse(text, out, fault) == LIAISON_OK)
		return LIAISON_OK;
	if (access(text, F_OK) != 0)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"a key is 64 hexadecimal digits, 44 characters of base64 or a key file; this is none: %.80s",
			text);
	enum liaison_err err = keyfile_load(text, &source, &keys, NULL, fault);
	if (err != LIAISON_OK)
		return err;
	*out = keys->signing_public;
	secret_keys_free(keys);
	return LIAISON_OK;
}

/* The network that a document's body names. */
static const char *
network_of(const struct document *document)
{
	switch (document->type) {
	case DOCUMENT_CHARTER: return document->charter->network;
	case DOCUMENT_ROSTER: return document->roster->network;
	case DOCUMENT_SUSPENSION: return document->suspension->network;
	case DOCUMENT_CARD: return "";
	}
	return NULL;
}

enum liaison_err
signer_open(const char *path, enum document_type type, struct document **out, struct fault *fault)
{
	Liaison__Signed *signed_message = NULL;

	enum liaison_err err = docfile_read(path, type, &signed_message, fault);
	if (err != LIAISON_OK)
		return err;
	err = document_new(type, signed_message, out, fault);
	liaison__signed__free_unpacked(signed_message, NULL);
	return err;
}

static enum liaison_err
say_signed(const struct app *app, const char *path, const Liaison__Signed *signed_message, struct fault *fault)
{
	char count[64];
	struct line line;

	say_result(app, "%s: %s", path, text_count(signed_message->n_signatures, "signature", "signatures", count));
	line_begin(&line, app);
	line_text(&line, "file", path);
	line_number(&line, "signatures", signed_message->n_signatures);
	return line_end(&line, fault);
}

enum liaison_err
signer_sign(const struct app *app, const char *path, enum document_type type, const char *key, struct fault *fault)
{
	const struct passphrase_source source = passphrase_source();
	struct document *document = NULL;
	struct secret_keys *keys = NULL;

	enum liaison_err err = signer_open(path, type, &document, fault);
	if (err == LIAISON_OK)
		err = keyfile_load(key, &source, &keys, NULL, fault);
	if (err == LIAISON_OK && (network_of(document) == NULL || !network_id_is_valid(network_of(document))))
		err = fault_set(fault, LIAISON_MALFORMED, "%s names no network; make it anew", path);
	if (err == LIAISON_OK) {
		err = signed_add(document->signed_message, document_domain(type), network_of(document), keys);
		if (err != LIAISON_OK)
			fault_set(fault, err, "%s could not be signed: %s", path, err_meaning(err));
	}
	if (err == LIAISON_OK)
		err = docfile_write(path, type, document->signed_message, fault);
	if (err == LIAISON_OK)
		err = say_signed(app, path, document->signed_message, fault);
	secret_keys_free(keys);
	document_unref(document);
	return err;
}

enum liaison_err
signer_write(const char *path, enum document_type type, const ProtobufCMessage *message, struct fault *fault)
{
	Liaison__Signed *signed_message = NULL;

	enum liaison_err err = document_seal(type, message, &signed_message, fault);
	if (err == LIAISON_OK)
		err = docfile_write(path, type, signed_message, fault);
	if (signed_message != NULL)
		liaison__signed__free_unpacked(signed_message, NULL);
	return err;
}

enum liaison_err
days_parse(const char *text, int64_t *ms, struct fault *fault)
{
	char *end = NULL;
	long days = strtol(text, &end, 10);

	if (end == text || *end != '\0' || days < 1 || days > DAYS_MAX)
		return fault_set(
			fault, LIAISON_BAD_USAGE, "--days takes a number from 1 to %d, not `%.32s`", DAYS_MAX, text);
	*ms = days * MS_PER_DAY;
	return LIAISON_OK;
}
