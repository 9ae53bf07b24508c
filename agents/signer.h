/*
 * What charter and roster commands share: public keys as arguments, signers' key files, and signed documents on their
 * way from one signer to the next.
 */
#ifndef LIAISON_AGENTS_SIGNER_H
#define LIAISON_AGENTS_SIGNER_H

#include "agents/app.h"
#include "proto/document.h"
#include "proto/keys.h"

/*
 * A public signing key: hexadecimal, base64, or a file of secret keys, whose public half is meant. LIAISON_BAD_USAGE, or
 * what keyfile_load says.
 */
enum liaison_err signer_public_key(const char *text, struct public_key *out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Adds the signature of the keys in file `key` to the document in `path`, in place; `network` is what the document's body
 * says. Says who has signed how often on stdout: "2 signatures".
 */
enum liaison_err signer_sign(const struct app *app, const char *path, enum document_type type, const char *key,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Reads and parses a document that is not to be believed yet. The caller unrefs. */
enum liaison_err signer_open(
	const char *path, enum document_type type, struct document **out, struct fault *fault) LIAISON_MUST_CHECK;

/* Seals a message without signatures into `path`, over what is there. */
enum liaison_err signer_write(const char *path, enum document_type type, const ProtobufCMessage *message,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Days from now on, 1 to 3660. LIAISON_BAD_USAGE. */
enum liaison_err days_parse(const char *text, int64_t *ms, struct fault *fault) LIAISON_MUST_CHECK;

#endif
