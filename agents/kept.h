/*
 * An alert that this home keeps (inbox, outbox, parked), read again: its bytes scanned as strictly as when they came, so
 * that a damaged post.db is found and not shown.
 */
#ifndef LIAISON_AGENTS_KEPT_H
#define LIAISON_AGENTS_KEPT_H

#include "agents/post.h"
#include "proto/admission.h"
#include "proto/envelope.h"

#include <stddef.h>
#include <stdint.h>

struct kept {
	Liaison__Envelope *message; /* owned; NULL: from a body alone */
	struct envelope envelope;   /* borrows from it; key and signature are zero for a body alone */
	struct admitted admitted;   /* owned */
};

/* LIAISON_CORRUPT with the alert's id, LIAISON_NO_MEMORY. `crossings` may be NULL. */
enum liaison_err kept_from_envelope(const char *id, const uint8_t *bytes, size_t len, const struct crossings *crossings,
	struct kept *out, struct fault *fault) LIAISON_MUST_CHECK;
/* `body` is borrowed for the call. */
enum liaison_err kept_from_body(const char *id, const uint8_t *body, size_t len, const struct crossings *crossings,
	struct kept *out, struct fault *fault) LIAISON_MUST_CHECK;
void kept_clear(struct kept *kept);

#endif
