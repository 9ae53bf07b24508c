#include "tests/support/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

void
hex_read(const char *hex, uint8_t *out, size_t len)
{
	size_t got = 0;

	assert_int_equal(sodium_hex2bin(out, len, hex, strlen(hex), " \n", &got, NULL), 0);
	assert_int_equal(got, len);
}

void
assert_hex(const char *name, const void *bytes, size_t len, const char *hex)
{
	char *text = malloc(2 * len + 1);

	assert_non_null(text);
	sodium_bin2hex(text, 2 * len + 1, bytes, len);
	if (strcmp(text, hex) != 0)
		print_error("%s is\n  %s, expected\n  %s\n", name, text, hex);
	assert_string_equal(text, hex);
	free(text);
}
