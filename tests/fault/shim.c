/*
 * Goes into a program by LD_PRELOAD, and stands between it and what it does to files below $FAULT_ROOT: records it, or
 * lets one call fail (trace.h). Nothing here is linked into the product. System calls are made directly, so that no call
 * comes back here; the names are all that the programs and SQLite use, with those of _FORTIFY_SOURCE and large files.
 */
#include "tests/fault/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 4096

struct followed {
	bool is_followed, is_dir;
	uint64_t inode;
	char *path;
};

static struct {
	char root[PATH_MAX];
	size_t root_len;
	struct trace_head *head;
	int trace;
	struct call_list *calls;
	uint64_t at;
	char kind;
	bool is_sticky, has_no_sync;
	char sticky_class; /* 0: not yet */
	struct followed fds[FDS_MAX];
} shim = {.trace = -1};

/* --- starting -------------------------------------------------------------------------------------------------------- */

static void *
map_file(const char *variable, size_t bytes, int *keep)
{
	const char *path = getenv(variable);

	if (path == NULL)
		return NULL;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	void *memory = fd >= 0 ? mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
	if (memory == MAP_FAILED)
		abort();
	if (keep != NULL)
		*keep = fd;
	else
		syscall(SYS_close, fd);
	return memory;
}

__attribute__((constructor)) static void
begin(void)
{
	const char *root = getenv(FAULT_ROOT), *at = getenv(FAULT_AT), *kind = getenv(FAULT_KIND);

	if (root == NULL)
		return;
	snprintf(shim.root, sizeof shim.root, "%s/", root);
	shim.root_len = strlen(shim.root);
	shim.head = map_file(FAULT_TRACE, TRACE_HEAD_BYTES, &shim.trace);
	shim.calls = map_file(FAULT_CALLS, sizeof *shim.calls, NULL);
	shim.at = at != NULL ? strtoull(at, NULL, 10) : 0;
	shim.kind = kind != NULL ? *kind : '\0';
	shim.is_sticky = getenv(FAULT_STICKY) != NULL;
	shim.has_no_sync = shim.head != NULL || getenv(FAULT_NO_SYNC) != NULL; /* the medium is the trace's */
}

/* Whether it lies below the root; `full` is its absolute path, PATH_MAX bytes. */
static bool
is_below(int dir, const char *path, char *full)
{
	if (shim.root_len == 0 || path == NULL)
		return false;
	if (path[0] == '/')
		snprintf(full, PATH_MAX, "%s", path);
	else if (dir == AT_FDCWD && getcwd(full, PATH_MAX) != NULL) {
		size_t len = strlen(full);
		snprintf(full + len, PATH_MAX - len, "/%s", path);
	} else {
		return false;
	}
	return strncmp(full, shim.root, shim.root_len) == 0;
}

static struct followed *
followed_of(int fd)
{
	return fd >= 0 && fd < FDS_MAX && shim.fds[fd].is_followed ? &shim.fds[fd] : NULL;
}

/* --- recording ------------------------------------------------------------------------------------------------------- */

static void
lock(void)
{
	if (shim.head != NULL && trace_lock(shim.head) != 0)
		abort(); /* who held it was killed: the trace is not whole (trace_kill) */
}

static void
unlock(void)
{
	int error = errno;

	if (shim.head != NULL)
		pthread_mutex_unlock(&shim.head->lock);
	errno = error;
}

/* Where the next part goes. */
static uint64_t
put(uint64_t at, const void *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		long n = syscall(SYS_pwrite64, shim.trace, (const char *)bytes + done, len - done, at + done);
		if (n <= 0)
			abort();
		done += (size_t)n;
	}
	return at + len;
}

/* With the lock held, after it was done. */
static void
record(enum trace_type type, const char *path, const char *other, uint64_t inode, uint64_t offset, const void *data,
	size_t len)
{
	int error = errno;
	const struct trace_record header = {.type = type,
		.path_len = path != NULL ? (uint32_t)strlen(path) : 0,
		.other_len = other != NULL ? (uint32_t)strlen(other) : 0,
		.data_len = (uint32_t)len,
		.inode = inode,
		.offset = offset};

	if (shim.head == NULL)
		return;
	uint64_t at = put(shim.head->bytes, &header, sizeof header);
	at = put(at, path, header.path_len);
	at = put(at, other, header.other_len);
	shim.head->bytes = put(at, data, len);
	shim.head->count++;
	errno = error;
}

/* --- failing --------------------------------------------------------------------------------------------------------- */

/* Counts a call; the fault that shall hit it, or 0. Sets errno where it shall fail. */
static char
enter(char class)
{
	if (shim.calls == NULL)
		return '\0';
	uint64_t number = __atomic_add_fetch(&shim.calls->count, 1, __ATOMIC_SEQ_CST);
	if (number <= CALLS_MAX)
		shim.calls->classes[number - 1] = class;
	bool is_hit = number == shim.at || (shim.sticky_class != '\0' && shim.sticky_class == class);
	if (!is_hit || !kind_fits(shim.kind, class))
		return '\0';
	if (shim.calls->hit == 0)
		shim.calls->hit = number;
	if (shim.is_sticky)
		shim.sticky_class = class;
	errno = shim.kind == KIND_EIO ? EIO : shim.kind == KIND_ENOSPC ? ENOSPC : EINTR;
	return shim.kind;
}

static bool
is_failure(char fault)
{
	return fault != '\0' && fault != KIND_SHORT;
}

/* --- opening --------------------------------------------------------------------------------------------------------- */

static void
follow(int fd, const char *path, int flags)
{
	struct stat info;

	if (fd >= FDS_MAX || fstat(fd, &info) != 0)
		abort();
	struct followed *followed = &shim.fds[fd];
	free(followed->path);
	*followed = (struct followed){true, S_ISDIR(info.st_mode), info.st_ino, strdup(path)};
	if (!followed->is_dir && (flags & O_ACCMODE) != O_RDONLY)
		record(TRACE_OPEN, path, NULL, info.st_ino, (flags & O_TRUNC) != 0, NULL, 0);
}

static int
do_open(int dir, const char *path, int flags, mode_t mode)
{
	char full[PATH_MAX];

	if ((flags & O_TMPFILE) == O_TMPFILE || !is_below(dir, path, full))
		return (int)syscall(SYS_openat, dir, path, flags, mode);
	if (is_failure(enter((flags & O_CREAT) != 0 ? CALL_CREATE : CALL_OPEN)))
		return -1;
	lock();
	int fd = (int)syscall(SYS_openat, dir, path, flags, mode);
	if (fd >= 0)
		follow(fd, full, flags);
	unlock();
	return fd;
}

/* The mode is there only where a file may be made. */
static mode_t
mode_from(int flags, va_list args)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ? (mode_t)va_arg(args, int) : 0;
}

/* The names that libc has for one thing, all but in name the same. A name cannot stand in parentheses. */
/* NOLINTNEXTLINE(bugprone-macro-parentheses) */
#define SAME(name, other) extern __typeof__(name) other __attribute__((alias(#name)));

int open(const char *path, int flags, ...);
int
open(const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_from(flags, args);
	va_end(args);
	return do_open(AT_FDCWD, path, flags, mode);
}
SAME(open, open64)

int
openat(int dir, const char *path, int flags, ...)
{
	va_list args;

	va_start(args, flags);
	mode_t mode = mode_from(flags, args);
	va_end(args);
	return do_open(dir, path, flags, mode);
}
SAME(openat, openat64)

int __open_2(const char *path, int flags);
int
__open_2(const char *path, int flags)
{
	return do_open(AT_FDCWD, path, flags, 0);
}
SAME(__open_2, __open64_2)

int __openat_2(int dir, const char *path, int flags);
int
__openat_2(int dir, const char *path, int flags)
{
	return do_open(dir, path, flags, 0);
}
SAME(__openat_2, __openat64_2)

int
creat(const char *path, mode_t mode)
{
	return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}
SAME(creat, creat64)

int
close(int fd)
{
	struct followed *followed = followed_of(fd);

	if (followed != NULL) {
		followed->is_followed = false;
		free(followed->path);
		followed->path = NULL;
	}
	return (int)syscall(SYS_close, fd);
}

/* --- reading and writing --------------------------------------------------------------------------------------------- */

static size_t
half_of(size_t len)
{
	return len > 1 ? len / 2 : len;
}

static ssize_t
do_read(int fd, void *out, size_t len, off_t offset, bool is_placed)
{
	char fault = followed_of(fd) != NULL ? enter(CALL_READ) : '\0';

	if (is_failure(fault))
		return -1;
	if (fault == KIND_SHORT)
		len = half_of(len);
	return is_placed ? syscall(SYS_pread64, fd, out, len, offset) : syscall(SYS_read, fd, out, len);
}

static ssize_t
do_write(int fd, const void *bytes, size_t len, off_t offset, bool is_placed)
{
	const struct followed *followed = followed_of(fd);
	char fault = followed != NULL ? enter(CALL_WRITE) : '\0';
	int error = errno;
	struct stat info;

	if (fault == KIND_ENOSPC || fault == KIND_EINTR)
		return -1;
	if (fault != '\0')
		len = half_of(len);
	if (followed == NULL)
		return is_placed ? syscall(SYS_pwrite64, fd, bytes, len, offset) : syscall(SYS_write, fd, bytes, len);
	lock();
	if (!is_placed && (fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &info) == 0)
		offset = info.st_size;
	else if (!is_placed)
		offset = lseek(fd, 0, SEEK_CUR);
	ssize_t done = is_placed ? syscall(SYS_pwrite64, fd, bytes, len, offset) : syscall(SYS_write, fd, bytes, len);
	if (done > 0)
		record(TRACE_WRITE, NULL, NULL, followed->inode, (uint64_t)offset, bytes, (size_t)done);
	unlock();
	if (fault == KIND_EIO) {
		errno = error;
		return -1;
	}
	return done;
}

ssize_t
read(int fd, void *out, size_t len)
{
	return do_read(fd, out, len, 0, false);
}

ssize_t __read_chk(int fd, void *out, size_t len, size_t room);
ssize_t
__read_chk(int fd, void *out, size_t len, size_t room)
{
	if (len > room)
		abort();
	return do_read(fd, out, len, 0, false);
}

ssize_t
pread(int fd, void *out, size_t len, off_t offset)
{
	return do_read(fd, out, len, offset, true);
}
SAME(pread, pread64)

ssize_t __pread_chk(int fd, void *out, size_t len, off_t offset, size_t room);
ssize_t
__pread_chk(int fd, void *out, size_t len, off_t offset, size_t room)
{
	if (len > room)
		abort();
	return do_read(fd, out, len, offset, true);
}
SAME(__pread_chk, __pread64_chk)

ssize_t
write(int fd, const void *bytes, size_t len)
{
	return do_write(fd, bytes, len, 0, false);
}

ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
	return do_write(fd, bytes, len, offset, true);
}
SAME(pwrite, pwrite64)

/* One part at a time is a legal short write. */
ssize_t
writev(int fd, const struct iovec *parts, int count)
{
	if (followed_of(fd) == NULL || count < 1)
		return syscall(SYS_writev, fd, parts, count);
	return do_write(fd, parts[0].iov_base, parts[0].iov_len, 0, false);
}

ssize_t
pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	if (count < 1)
		return 0;
	return do_write(fd, parts[0].iov_base, parts[0].iov_len, offset, true);
}
SAME(pwritev, pwritev64)

/* --- room and syncs -------------------------------------------------------------------------------------------------- */

static int
do_truncate(int fd, off_t len)
{
	const struct followed *followed = followed_of(fd);

	if (followed == NULL)
		return (int)syscall(SYS_ftruncate, fd, len);
	if (is_failure(enter(CALL_ROOM)))
		return -1;
	lock();
	int result = (int)syscall(SYS_ftruncate, fd, len);
	if (result == 0)
		record(TRACE_TRUNCATE, NULL, NULL, followed->inode, (uint64_t)len, NULL, 0);
	unlock();
	return result;
}

static int
do_allocate(int fd, int mode, off_t offset, off_t len)
{
	const struct followed *followed = followed_of(fd);

	if (followed == NULL)
		return (int)syscall(SYS_fallocate, fd, mode, offset, len);
	if (is_failure(enter(CALL_ROOM)))
		return -1;
	lock();
	int result = (int)syscall(SYS_fallocate, fd, mode, offset, len);
	if (result == 0 && mode == 0)
		record(TRACE_ALLOCATE, NULL, NULL, followed->inode, (uint64_t)(offset + len), NULL, 0);
	unlock();
	return result;
}

static int
do_sync(int fd, long call)
{
	const struct followed *followed = followed_of(fd);

	if (followed == NULL)
		return (int)syscall(call, fd);
	char fault = enter(CALL_SYNC);
	int error = errno;
	if (fault == KIND_EINTR)
		return -1;
	lock();
	if (is_failure(fault))
		record(TRACE_SYNC_LOST, followed->path, NULL, followed->inode, 0, NULL, 0);
	else
		record(followed->is_dir ? TRACE_SYNC_DIR : TRACE_SYNC, followed->path, NULL, followed->inode, 0, NULL,
			0);
	int result = !shim.has_no_sync && !is_failure(fault) ? (int)syscall(call, fd) : 0;
	unlock();
	if (is_failure(fault)) {
		errno = error;
		return -1;
	}
	return result;
}

int
ftruncate(int fd, off_t len)
{
	return do_truncate(fd, len);
}
SAME(ftruncate, ftruncate64)

int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	return do_allocate(fd, mode, offset, len);
}
SAME(fallocate, fallocate64)

int
posix_fallocate(int fd, off_t offset, off_t len)
{
	return do_allocate(fd, 0, offset, len) == 0 ? 0 : errno;
}
SAME(posix_fallocate, posix_fallocate64)

int
fsync(int fd)
{
	return do_sync(fd, SYS_fsync);
}

int
fdatasync(int fd)
{
	return do_sync(fd, SYS_fdatasync);
}

/* --- names ----------------------------------------------------------------------------------------------------------- */

static int
do_rename(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	char full_from[PATH_MAX], full_to[PATH_MAX];

	if (!is_below(from_dir, from, full_from) || !is_below(to_dir, to, full_to))
		return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
	if (is_failure(enter(CALL_NAME)))
		return -1;
	lock();
	int result = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
	if (result == 0)
		record(TRACE_RENAME, full_from, full_to, 0, 0, NULL, 0);
	unlock();
	return result;
}

int
rename(const char *from, const char *to)
{
	return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return do_rename(from_dir, from, to_dir, to, 0);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return do_rename(from_dir, from, to_dir, to, flags);
}

int
link(const char *from, const char *to)
{
	char full_from[PATH_MAX], full_to[PATH_MAX];

	if (!is_below(AT_FDCWD, from, full_from) || !is_below(AT_FDCWD, to, full_to))
		return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
	if (is_failure(enter(CALL_NAME)))
		return -1;
	lock();
	int result = (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
	if (result == 0)
		record(TRACE_LINK, full_from, full_to, 0, 0, NULL, 0);
	unlock();
	return result;
}

static int
do_unlink(int dir, const char *path, int flags)
{
	char full[PATH_MAX];

	if (!is_below(dir, path, full))
		return (int)syscall(SYS_unlinkat, dir, path, flags);
	if (is_failure(enter(CALL_NAME)))
		return -1;
	lock();
	int result = (int)syscall(SYS_unlinkat, dir, path, flags);
	if (result == 0 && flags == 0)
		record(TRACE_UNLINK, full, NULL, 0, 0, NULL, 0);
	unlock();
	return result;
}

int
unlink(const char *path)
{
	return do_unlink(AT_FDCWD, path, 0);
}

int
unlinkat(int dir, const char *path, int flags)
{
	return do_unlink(dir, path, flags);
}

int
mkdir(const char *path, mode_t mode)
{
	char full[PATH_MAX];

	if (!is_below(AT_FDCWD, path, full))
		return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	if (is_failure(enter(CALL_NAME)))
		return -1;
	lock();
	int result = (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
	if (result == 0)
		record(TRACE_MKDIR, full, NULL, 0, 0, NULL, 0);
	unlock();
	return result;
}
