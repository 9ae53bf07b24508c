/*
 * The disk, as a small struct of functions: what the log and the key files ask of a file system and nothing more.
 *
 * `disk_system` is the machine's own. Tests put a disk of their own behind the same struct, which can fail any call and
 * lose, tear and reorder what was not synced. The raw operations may return short counts and EINTR, as the system calls
 * do; the functions below them are the one place where both are handled. All paths are NUL-terminated; handles are
 * small non-negative numbers. Operations return a value >= 0, or -errno.
 */
#ifndef LIAISON_PROTO_EDGE_DISK_H
#define LIAISON_PROTO_EDGE_DISK_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DISK_PATH_BYTES 4096

enum disk_open_mode {
	DISK_READ,       /* an existing file, read only */
	DISK_READ_WRITE, /* an existing file */
	DISK_CREATE,     /* a new file, mode 0600; -EEXIST if the name is taken (O_EXCL) */
	DISK_LOCK_FILE,  /* opened or created, mode 0600, read and write */
};

struct disk_ops {
	int (*open)(void *arg, const char *path, enum disk_open_mode mode);
	int (*close)(void *arg, int handle);
	ssize_t (*pread)(void *arg, int handle, void *out, size_t len, uint64_t offset);
	ssize_t (*pwrite)(void *arg, int handle, const void *bytes, size_t len, uint64_t offset);
	int (*allocate)(void *arg, int handle, uint64_t len); /* room for [0, len) in blocks; grows the file */
	int (*data_sync)(void *arg, int handle);              /* fdatasync: contents */
	int (*sync)(void *arg, int handle);                   /* fsync: contents and size */
	/* Begins to put on the medium what was written there, and does not wait; best effort, and proves nothing. */
	int (*write_out)(void *arg, int handle, uint64_t offset, uint64_t len);
	int (*forget_cached)(void *arg, int handle); /* read from the medium next time; best effort */
	int (*size)(void *arg, int handle, uint64_t *len);
	int (*lock)(void *arg, int handle); /* exclusive, advisory, until close; -EWOULDBLOCK if held */
	int (*rename_new)(void *arg, const char *from, const char *to); /* atomic; -EEXIST if `to` exists */
	int (*unlink)(void *arg, const char *path);
	int (*mkdir)(void *arg, const char *path); /* mode 0700 */
	int (*sync_dir)(void *arg, const char *path);
	/* Calls `each` for every name but . and .., in no order, until it returns another value than 0, which is returned.
	 * -EINTR only before the first. */
	int (*list)(void *arg, const char *path, int (*each)(void *each_arg, const char *name), void *each_arg);
	int (*free_bytes)(void *arg, const char *path, uint64_t *len); /* what an unprivileged caller may still write */
};

struct disk {
	const struct disk_ops *ops;
	void *arg;
};

/* The machine's file systems. Safe from any thread. */
const struct disk *disk_system(void);

/* --- EINTR and short counts, handled once ------------------------------------------------------------------------- */

/* All of `len` bytes or an error: LIAISON_IO with *error set to errno, or to 0 when the file ends before. */
enum liaison_err disk_read_all(
	const struct disk *disk, int handle, void *out, size_t len, uint64_t offset, int *error) LIAISON_MUST_CHECK;

/* All of `len` bytes or LIAISON_IO and *error; then any part of them may have been written. */
enum liaison_err disk_write_all(const struct disk *disk, int handle, const void *bytes, size_t len, uint64_t offset,
	int *error) LIAISON_MUST_CHECK;

/* Called again after EINTR, never after another failure: a sync that failed once proves nothing when it succeeds. */
int disk_open(const struct disk *disk, const char *path, enum disk_open_mode mode);
int disk_data_sync(const struct disk *disk, int handle);
int disk_sync(const struct disk *disk, int handle);
int disk_sync_dir(const struct disk *disk, const char *path);
int disk_allocate(const struct disk *disk, int handle, uint64_t len);
int disk_size(const struct disk *disk, int handle, uint64_t *len);
int disk_lock(const struct disk *disk, int handle);
int disk_rename_new(const struct disk *disk, const char *from, const char *to);
int disk_unlink(const struct disk *disk, const char *path);
int disk_mkdir(const struct disk *disk, const char *path);
int disk_list(const struct disk *disk, const char *path, int (*each)(void *each_arg, const char *name), void *each_arg);
int disk_free_bytes(const struct disk *disk, const char *path, uint64_t *len);
void disk_close(const struct disk *disk, int handle); /* takes -1 */

/* `dir`/`name` into `out` (DISK_PATH_BYTES); LIAISON_TOO_LARGE if it does not fit. */
enum liaison_err disk_path(char *out, const char *dir, const char *name) LIAISON_MUST_CHECK;

/*
 * Takes the advisory lock of `dir`: the file `lock` in it, which stays there. On success *handle holds the lock until
 * disk_close. LIAISON_BUSY if another process (or this one) has it, LIAISON_NOT_FOUND if there is no such folder,
 * LIAISON_IO otherwise.
 */
enum liaison_err disk_lock_dir(
	const struct disk *disk, const char *dir, int *handle, struct fault *fault) LIAISON_MUST_CHECK;

#endif
