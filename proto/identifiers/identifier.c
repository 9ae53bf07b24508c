#include "proto/identifiers/identifier.h"

#include <string.h>

enum liaison_err
identifier_normalise(const char *text, char *out, size_t out_bytes)
{
	size_t len = 0;

	/* Counted first: `out` is set on success only. */
	for (const char *at = text; *at != '\0'; at++)
		len += strchr(" -./<", *at) == NULL;
	if (len == 0 || len >= out_bytes)
		return LIAISON_BAD_IDENTIFIER;
	for (const char *at = text; *at != '\0'; at++)
		if (strchr(" -./<", *at) == NULL)
			*out++ = (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
	*out = '\0';
	return LIAISON_OK;
}
