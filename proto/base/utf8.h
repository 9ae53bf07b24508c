/* Where valid UTF-8 ends (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef LIAISON_PROTO_BASE_UTF8_H
#define LIAISON_PROTO_BASE_UTF8_H

#include <stddef.h>

/* How many of the first bytes are valid UTF-8 without NUL: `len` if all are, else the position of the first bad one. */
size_t utf8_valid_bytes(const void *text, size_t len);

#endif
