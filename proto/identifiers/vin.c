#include "proto/identifiers/vin.h"

#include <string.h>

/* Value of a character of a VIN; -1 for one that no VIN has. */
static int
vin_value(char c)
{
	/* The letters' values run 1 to 9 three times over, with gaps where I, O and Q would stand, and S begins at 2. */
	static const signed char letters[26] = {
		1, 2, 3, 4, 5, 6, 7, 8, -1, 1, 2, 3, 4, 5, -1, 7, -1, 9, 2, 3, 4, 5, 6, 7, 8, 9};

	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'Z' ? letters[c - 'A'] : -1;
}

enum identifier_verdict
vin_check(const char *vin, struct fault *fault)
{
	static const int weights[VIN_LEN] = {8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2};
	size_t len = strlen(vin);
	int sum = 0;

	if (len != VIN_LEN) {
		fault_set(fault, LIAISON_BAD_IDENTIFIER, "a VIN has 17 characters; this has %zu", len);
		return IDENTIFIER_INVALID;
	}
	for (size_t i = 0; i < VIN_LEN; i++) {
		int value = vin_value(vin[i]);
		if (value < 0) {
			fault_set(fault, LIAISON_BAD_IDENTIFIER,
				"VIN, character %zu: must be 0-9 or a capital letter other than I, O and Q", i + 1);
			return IDENTIFIER_INVALID;
		}
		sum += weights[i] * value;
	}
	char expected = sum % 11 == 10 ? 'X' : (char)('0' + sum % 11);
	if (vin[8] == expected)
		return IDENTIFIER_VALID;
	fault_set(fault, LIAISON_BAD_IDENTIFIER,
		"VIN %s: character 9 would be %c as a check digit; not every maker uses one, compare it with the car",
		vin, expected);
	return IDENTIFIER_WARN;
}
