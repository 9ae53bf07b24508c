#include "tests/support/folder.h"

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *
folder_new(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = NULL;

	int written = asprintf(&path, "%s/liaison-test-XXXXXX", parent != NULL ? parent : "/tmp");
	assert(written > 0);
	char *made = mkdtemp(path);
	assert(made != NULL);
	return made;
}

int
folder_new_at(char *path, size_t size)
{
	const char *parent = getenv("TMPDIR");

	int written = snprintf(path, size, "%s/liaison-test-XXXXXX", parent != NULL ? parent : "/tmp");
	return written > 0 && (size_t)written < size && mkdtemp(path) != NULL ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

void
folder_remove(char *path)
{
	int result = nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

	assert(result == 0);
	free(path);
}

void
folder_write(const char *path, const char *name, const char *text)
{
	char file[4096];

	snprintf(file, sizeof file, "%s/%s", path, name);
	FILE *out = fopen(file, "we");
	assert(out != NULL);
	size_t written = fwrite(text, 1, strlen(text), out);
	assert(written == strlen(text));
	int result = fclose(out);
	assert(result == 0);
}
