#include "tests/support/data.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

const char *
data_path(const char *relative)
{
	static char path[PATH_MAX];
	const char *folder = getenv("LIAISON_DATA");

	int len = snprintf(
		path, sizeof path, "%s/%s", folder != NULL && *folder != '\0' ? folder : "../shared/data", relative);
	if (len < 0 || (size_t)len >= sizeof path || access(path, R_OK) != 0)
		return NULL;
	return path;
}
