#include "proto/identifiers/mrz.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct mrz mrz;
	struct fault fault;
	char *text = strndup((const char *)data, len);

	if (text != NULL && mrz_parse(text, &mrz, &fault) == LIAISON_OK && mrz.number[0] == '\0')
		abort();
	free(text);
	return 0;
}
