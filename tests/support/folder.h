/* A folder of the test's own under $TMPDIR, removed with all that is in it. */
#ifndef LIAISON_TESTS_SUPPORT_FOLDER_H
#define LIAISON_TESTS_SUPPORT_FOLDER_H

#include <stddef.h>

/* From malloc; never NULL (the test fails instead). */
char *folder_new(void);
void folder_remove(char *path); /* and frees */

/* The same into `path`, of `size` bytes, to be removed by whoever knows what is in it; -1: it could not be made. */
int folder_new_at(char *path, size_t size);

/* Writes `text` as `path`/`name`. */
void folder_write(const char *path, const char *name, const char *text);

#endif
