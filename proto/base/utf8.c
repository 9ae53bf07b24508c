#include "proto/base/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EACH_BYTE UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

/* The length of the well-formed sequence of two to four bytes at `at`, 0 if there is none (RFC 3629 section 4). */
static size_t
sequence_bytes(const uint8_t *at, size_t left)
{
	uint8_t lead = at[0];
	uint8_t least = 0x80, most = 0xbf; /* of the second byte */
	size_t len;

	if (lead >= 0xc2 && lead <= 0xdf)
		len = 2;
	else if (lead >= 0xe0 && lead <= 0xef)
		len = 3;
	else if (lead >= 0xf0 && lead <= 0xf4)
		len = 4;
	else
		return 0;
	if (left < len)
		return 0;
	if (lead == 0xe0)
		least = 0xa0;
	else if (lead == 0xed)
		most = 0x9f;
	else if (lead == 0xf0)
		least = 0x90;
	else if (lead == 0xf4)
		most = 0x8f;
	if (at[1] < least || at[1] > most)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t
utf8_valid_bytes(const void *text, size_t len)
{
	const uint8_t *bytes = text;
	size_t at = 0;

	while (at < len) {
		while (len - at >= sizeof(uint64_t)) {
			uint64_t word;
			memcpy(&word, bytes + at, sizeof word);
			/* A high bit, or a borrow into one because a byte is zero. */
			if (((word | (word - EACH_BYTE)) & HIGH_BITS) != 0)
				break;
			at += sizeof word;
		}
		if (at == len)
			break;
		if (bytes[at] >= 0x80) {
			size_t sequence = sequence_bytes(bytes + at, len - at);
			if (sequence == 0)
				break;
			at += sequence;
		} else if (bytes[at] != 0) {
			at++;
		} else {
			break;
		}
	}
	return at;
}

static bool
is_control(const char *at)
{
	unsigned char c = (unsigned char)at[0];

	/* C1 is C2 80 to C2 9F. */
	return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)at[1] < 0xa0);
}

void
utf8_make_shown(char *text)
{
	char *out = text;
	size_t left = strlen(text);

	while (left > 0) {
		size_t valid = utf8_valid_bytes(text, left);
		left -= valid;
		for (const char *end = text + valid; text < end; text++) {
			bool is_obeyed = is_control(text);
			text += is_obeyed && *text == '\xc2';
			*out++ = is_obeyed ? '?' : *text;
		}
		if (left == 0)
			break;
		*out++ = '?';
		do {
			text++;
			left--;
		} while (left > 0 && ((unsigned char)*text & 0xc0) == 0x80);
	}
	*out = '\0';
}
