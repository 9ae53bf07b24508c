/*
 * What a record of a broker's log is in the log's Merkle tree: the one definition that the broker, which writes the
 * log, and every reader, who checks an inclusion proof, share.
 *
 * A record has a type, a header (canonical bytes, never destroyed) and a payload (an alert's envelope; may be erased).
 * The tree commits to type and header only; the header names the digest of the payload.
 */
#ifndef LIAISON_PROTO_LOG_LEAF_H
#define LIAISON_PROTO_LOG_LEAF_H

#include "proto/base/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stored, and part of the leaf: numbers are never used again for something else. */
enum record_type {
	RECORD_ALERT = 1,
	RECORD_TRUST = 2, /* a charter or a roster that was adopted */
	RECORD_SUSPENSION = 3,
	RECORD_EVIDENCE = 4,
	RECORD_ERASURE = 5,
	RECORD_EPOCH = 6, /* the first record of an epoch */
};

#define RECORD_HEADER_MAX 8192
#define RECORD_PAYLOAD_MAX 139264 /* evidence: two greatest envelopes */

bool record_type_is_known(uint8_t type);

/* For messages: "alert", "trust" ...; "unknown" for a number that is none of them. */
const char *record_type_name(uint8_t type);

/*
 * The leaf hash of RFC 6962 section 2.1, SHA-256(0x00 || data), over
 * data = "liaison log v1" NUL || type (1 byte) || SHA-256(header).
 */
void log_leaf(enum record_type type, const void *header, size_t len, struct digest *leaf);

#endif
