/*
 * Freight container numbers (ISO 6346): owner of three letters, category U (container), J (detachable equipment) or Z
 * (trailer, chassis), six digits, check digit. A remainder of 10 gives check digit 0, as on real containers, though the
 * standard advises against such numbers.
 */
#ifndef LIAISON_PROTO_IDENTIFIERS_CONTAINER_H
#define LIAISON_PROTO_IDENTIFIERS_CONTAINER_H

#include "proto/identifiers/identifier.h"

#define CONTAINER_NUMBER_LEN 11

/*
 * VALID or INVALID. Where only the check digit is wrong or missing, `expected_digit` (may be NULL) gets the right one,
 * '0' to '9', else it gets NUL. `fault` (may be NULL) is set unless the verdict is VALID.
 */
enum identifier_verdict container_check(const char *number, char *expected_digit, struct fault *fault);

#endif
