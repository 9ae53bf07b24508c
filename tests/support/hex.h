/* Bytes as hexadecimal text, for vectors in tests. */
#ifndef LIAISON_TESTS_SUPPORT_HEX_H
#define LIAISON_TESTS_SUPPORT_HEX_H

#include <stddef.h>
#include <stdint.h>

/* Reads exactly `len` bytes; fails the test for anything else. */
void hex_read(const char *hex, uint8_t *out, size_t len);

/* Fails the test with both texts where the bytes are not those of `hex`; `name` says what was compared. */
void assert_hex(const char *name, const void *bytes, size_t len, const char *hex);

#endif
