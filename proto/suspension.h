/* Suspensions: what makes one well-formed (TRUST 4: narrows, one office or one key, at most 7 days), and building one. */
#ifndef LIAISON_PROTO_SUSPENSION_H
#define LIAISON_PROTO_SUSPENSION_H

#include "proto/base/err.h"
#include "proto/keys.h"

#include "proto/trust.pb-c.h"

#include <stdint.h>

#define SUSPENSION_REASON_BYTES_MAX 400

/*
 * Network, member and an office of it, until after from and at most SUSPENSION_MAX_MS later, a key of 32 bytes if it names
 * one, a reason. LIAISON_MALFORMED; LIAISON_BAD_REFERENCE for an office under another member's code;
 * LIAISON_NOT_PERMITTED for more than 7 days.
 */
enum liaison_err suspension_validate(const Liaison__Suspension *suspension, struct fault *fault) LIAISON_MUST_CHECK;

/* `key` NULL: the whole office. NULL without memory. Seal with document_seal, sign with the duty key. */
Liaison__Suspension *suspension_new(const char *network, const char *office, const struct public_key *key, int64_t from,
	int64_t until, const char *reason);
void suspension_free(Liaison__Suspension *suspension); /* takes NULL */

#endif
