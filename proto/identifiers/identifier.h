/*
 * What the checks of identifiers share: their verdict, and the one spelling by which numbers that people typed are
 * compared. All checks are pure and take the canonical spelling; what a person typed is normalised first.
 */
#ifndef LIAISON_PROTO_IDENTIFIERS_IDENTIFIER_H
#define LIAISON_PROTO_IDENTIFIERS_IDENTIFIER_H

#include "proto/base/err.h"

#include <stddef.h>

enum identifier_verdict {
	IDENTIFIER_VALID,
	IDENTIFIER_WARN,    /* a check digit is wrong that real ones have wrong, too: say so, never refuse */
	IDENTIFIER_INVALID, /* not of that kind, or a check digit is wrong that must be right */
};

/*
 * The spelling by which plates and document, container and chassis numbers are compared: ASCII letters as capitals,
 * without spaces, '-', '.', '/' and the MRZ's '<'; all other bytes (other scripts) as they are. LIAISON_BAD_IDENTIFIER
 * if nothing is left, or more than fits in `out` with its NUL.
 */
enum liaison_err identifier_normalise(const char *text, char *out, size_t out_bytes) LIAISON_MUST_CHECK;

#endif
