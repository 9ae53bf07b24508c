/*
 * IMO ship identification numbers (IMO resolution A.1117(30)): six digits and a check digit, which is the last digit of
 * the sum of the six, weighted 7 to 2. Ships with a wrong one sail, so that is a warning and never a reason to refuse.
 */
#ifndef LIAISON_PROTO_IDENTIFIERS_IMO_H
#define LIAISON_PROTO_IDENTIFIERS_IMO_H

#include "proto/identifiers/identifier.h"

#define IMO_BYTES 8

/*
 * Seven digits, with or without "IMO" or "IMO " before them. `digits` (may be NULL) gets the seven digits unless the
 * verdict is INVALID; `fault` (may be NULL) is set unless it is VALID.
 */
enum identifier_verdict imo_check(const char *text, char digits[IMO_BYTES], struct fault *fault);

#endif
