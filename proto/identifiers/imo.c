#include "proto/identifiers/imo.h"

#include <string.h>

enum identifier_verdict
imo_check(const char *text, char digits[IMO_BYTES], struct fault *fault)
{
	const char *number = text;

	if (strncmp(number, "IMO", 3) == 0)
		number += 3 + (number[3] == ' ');
	if (strlen(number) != 7 || strspn(number, "0123456789") != 7) {
		fault_set(fault, LIAISON_BAD_IDENTIFIER, "an IMO number has seven digits, as IMO 9074729");
		return IDENTIFIER_INVALID;
	}
	if (digits != NULL)
		memcpy(digits, number, IMO_BYTES);

	int sum = 0;
	for (int i = 0; i < 6; i++)
		sum += (7 - i) * (number[i] - '0');
	if (sum % 10 == number[6] - '0')
		return IDENTIFIER_VALID;
	fault_set(fault, LIAISON_BAD_IDENTIFIER,
		"IMO number %s: the last digit should be %d; compare it with the hull, some real ships have it wrong",
		number, sum % 10);
	return IDENTIFIER_WARN;
}
