#include "proto/identifiers/container.h"

#include <string.h>

static bool
is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* A is 10, and so on, leaving out the multiples of 11. */
static int
letter_value(char c)
{
	int value = c - 'A' + 10;
	value += value >= 11; /* B */
	value += value >= 22; /* L */
	value += value >= 33; /* V */
	return value;
}

static char
check_digit(const char *number)
{
	int sum = 0;

	for (int i = 0; i < 10; i++)
		sum += (is_capital(number[i]) ? letter_value(number[i]) : number[i] - '0') << i;
	return (char)('0' + sum % 11 % 10);
}

/* What must stand at `index` instead of `c`; NULL if `c` may. */
static const char *
wanted_at(size_t index, char c)
{
	if (index < 3)
		return is_capital(c) ? NULL : "a capital letter of the owner's code";
	if (index == 3)
		return c == 'U' || c == 'J' || c == 'Z' ? NULL : "the category, U, J or Z";
	return c >= '0' && c <= '9' ? NULL : "a digit";
}

enum identifier_verdict
container_check(const char *number, char *expected_digit, struct fault *fault)
{
	size_t len = strlen(number);

	if (expected_digit != NULL)
		*expected_digit = '\0';
	if (len != CONTAINER_NUMBER_LEN && len != CONTAINER_NUMBER_LEN - 1) {
		fault_set(fault, LIAISON_BAD_IDENTIFIER,
			"a container number has 11 characters, as CSQU3054383; this has %zu", len);
		return IDENTIFIER_INVALID;
	}
	for (size_t i = 0; i < len; i++) {
		const char *wanted = wanted_at(i, number[i]);
		if (wanted != NULL) {
			fault_set(fault, LIAISON_BAD_IDENTIFIER, "container number, character %zu: must be %s", i + 1,
				wanted);
			return IDENTIFIER_INVALID;
		}
	}

	char expected = check_digit(number);
	if (len == CONTAINER_NUMBER_LEN && number[10] == expected)
		return IDENTIFIER_VALID;
	if (expected_digit != NULL)
		*expected_digit = expected;
	fault_set(fault, LIAISON_BAD_IDENTIFIER, "container number %s: the check digit %s; it should be %c", number,
		len == CONTAINER_NUMBER_LEN ? "is wrong" : "is missing", expected);
	return IDENTIFIER_INVALID;
}
