/*
 * Small files, whole: read with a bound, written so that a reader sees the old one or the new one and a crash leaves one
 * of both. For keys, documents and configuration; logs and databases have ways of their own.
 *
 * Every failure is one sentence with the path. LIAISON_NOT_FOUND: no such file. LIAISON_IO: the system said no.
 */
#ifndef LIAISON_PROTO_EDGE_FILE_H
#define LIAISON_PROTO_EDGE_FILE_H

#include "proto/base/buf.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* What a file must be before it is read. */
enum file_care {
	FILE_ANY,    /* a regular file */
	FILE_SAFE,   /* owned by the caller or root, and nobody else may write it */
	FILE_SECRET, /* owned by the caller, nobody else may read or write it, no symbolic link */
};

/*
 * Reads the whole file into `out`, which is `out_size` bytes of the caller's memory (so that a secret lands where it
 * should). LIAISON_TOO_LARGE; LIAISON_BAD_CONFIG where `care` is not met, with what to do.
 */
enum liaison_err file_read_into(const char *path, enum file_care care, void *out, size_t out_size, size_t *len,
	struct fault *fault) LIAISON_MUST_CHECK;
/* Appends the whole file to `out`, as far as its maximum goes. */
enum liaison_err file_read(
	const char *path, enum file_care care, struct buf *out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Written to a new file beside it (O_EXCL), synced, renamed, the folder synced. The first never overwrites
 * (LIAISON_EXISTS), the second replaces what is there.
 */
enum liaison_err file_create(
	const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err file_replace(
	const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault) LIAISON_MUST_CHECK;

/* A folder that the caller or root owns and nobody else may write. LIAISON_BAD_CONFIG, LIAISON_NOT_FOUND. */
enum liaison_err folder_check(const char *path, struct fault *fault) LIAISON_MUST_CHECK;
/* Made with `mode` if it is not there, its parent synced. Parents are not made. */
enum liaison_err folder_make(const char *path, mode_t mode, struct fault *fault) LIAISON_MUST_CHECK;

/* `folder`/`name`, from malloc; NULL without memory. */
char *path_join(const char *folder, const char *name);

#endif
