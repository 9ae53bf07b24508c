/*
 * Vehicle identification numbers (ISO 3779): 17 characters of 0-9 and A-Z without I, O and Q. Only some makers put a
 * check digit in the ninth place (49 CFR 565.15), so a wrong one is a warning.
 */
#ifndef LIAISON_PROTO_IDENTIFIERS_VIN_H
#define LIAISON_PROTO_IDENTIFIERS_VIN_H

#include "proto/identifiers/identifier.h"

#define VIN_LEN 17

/* `fault` (may be NULL) is set unless the verdict is VALID. */
enum identifier_verdict vin_check(const char *vin, struct fault *fault);

#endif
