/*
 * An accepted alert's record in a broker's log as a reader derives it: the header from facts, body hash and key, and its
 * leaf in the log's tree. Broker and readers share this, so that an inclusion proof needs no header on the wire.
 */
#ifndef LIAISON_PROTO_ALERT_LEAF_H
#define LIAISON_PROTO_ALERT_LEAF_H

#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/facts.h"
#include "proto/keys.h"

#include "proto/log.pb-c.h"

/* Both: `origin` may be NULL: the alert entered the network at this broker. */

/* Appends the header; LIAISON_NO_MEMORY, LIAISON_TOO_LARGE where it does not fit `out`. */
enum liaison_err alert_header_encode(const struct facts *facts, const struct digest *body_hash,
	const struct key_id *key, const Liaison__Origin *origin, struct buf *out) LIAISON_MUST_CHECK;

/* LIAISON_NO_MEMORY, LIAISON_TOO_LARGE where the header is too large for a record. */
enum liaison_err alert_leaf(const struct facts *facts, const struct digest *body_hash, const struct key_id *key,
	const Liaison__Origin *origin, struct digest *leaf) LIAISON_MUST_CHECK;

#endif
