/* Valid UTF-8 (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */
#ifndef LIAISON_PROTO_BASE_UTF8_H
#define LIAISON_PROTO_BASE_UTF8_H

#include <stddef.h>

/* How many of the first bytes are valid UTF-8 without NUL: `len` if all are, else the position of the first bad one. */
size_t utf8_valid_bytes(const void *text, size_t len);

/*
 * Makes a text fit to be shown and sent: '?' for each control character (C0, DEL, C1), which a terminal would obey, and
 * for each piece that is not valid UTF-8, as a text that was cut inside a character leaves one. Never longer than before.
 */
void utf8_make_shown(char *text);

#endif
