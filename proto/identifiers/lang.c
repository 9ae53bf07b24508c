#include "proto/identifiers/lang.h"

#include <stddef.h>

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
lang_tag_is_valid(const char *tag)
{
	size_t len = 0, subtag_len = 0;
	bool is_first = true;

	for (;; tag++, len++) {
		if (*tag == '-' || *tag == '\0') {
			if (subtag_len < (is_first ? 2 : 1) || len > LANG_TAG_MAX)
				return false;
			if (*tag == '\0')
				return true;
			is_first = false;
			subtag_len = 0;
			continue;
		}
		if (!is_letter(*tag) && (is_first || *tag < '0' || *tag > '9'))
			return false;
		if (++subtag_len > (is_first ? 3 : 8))
			return false;
	}
}

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool
lang_tag_equal(const char *a, const char *b)
{
	for (; lower(*a) == lower(*b); a++, b++)
		if (*a == '\0')
			return true;
	return false;
}
