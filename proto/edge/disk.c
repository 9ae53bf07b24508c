#include "proto/edge/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DISK_LOCK_NAME "lock"

static int
or_errno(int result)
{
	return result < 0 ? -errno : result;
}

static int
system_open(void *arg, const char *path, enum disk_open_mode mode)
{
	static const int flags[] = {
		[DISK_READ] = O_RDONLY,
		[DISK_READ_WRITE] = O_RDWR,
		[DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL,
		[DISK_LOCK_FILE] = O_RDWR | O_CREAT,
	};

	(void)arg;
	return or_errno(open(path, flags[mode] | O_CLOEXEC | O_NOFOLLOW, 0600));
}

static int
system_close(void *arg, int handle)
{
	(void)arg;
	return or_errno(close(handle));
}

static ssize_t
system_pread(void *arg, int handle, void *out, size_t len, uint64_t offset)
{
	(void)arg;
	ssize_t done = pread(handle, out, len, (off_t)offset);
	return done < 0 ? -errno : done;
}

static ssize_t
system_pwrite(void *arg, int handle, const void *bytes, size_t len, uint64_t offset)
{
	(void)arg;
	ssize_t done = pwrite(handle, bytes, len, (off_t)offset);
	return done < 0 ? -errno : done;
}

static int
system_allocate(void *arg, int handle, uint64_t len)
{
	(void)arg;
	return or_errno(fallocate(handle, 0, 0, (off_t)len));
}

static int
system_data_sync(void *arg, int handle)
{
	(void)arg;
	return or_errno(fdatasync(handle));
}

static int
system_sync(void *arg, int handle)
{
	(void)arg;
	return or_errno(fsync(handle));
}

static int
system_write_out(void *arg, int handle, uint64_t offset, uint64_t len)
{
	(void)arg;
	return sync_file_range(handle, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE) < 0 ? -errno : 0;
}

static int
system_forget_cached(void *arg, int handle)
{
	(void)arg;
	return -posix_fadvise(handle, 0, 0, POSIX_FADV_DONTNEED);
}

static int
system_size(void *arg, int handle, uint64_t *len)
{
	struct stat st;

	(void)arg;
	if (fstat(handle, &st) < 0)
		return -errno;
	*len = (uint64_t)st.st_size;
	return 0;
}

static int
system_lock(void *arg, int handle)
{
	(void)arg;
	return or_errno(flock(handle, LOCK_EX | LOCK_NB));
}

static int
system_rename_new(void *arg, const char *from, const char *to)
{
	(void)arg;
	return or_errno(renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE));
}

static int
system_unlink(void *arg, const char *path)
{
	(void)arg;
	return or_errno(unlink(path));
}

static int
system_mkdir(void *arg, const char *path)
{
	(void)arg;
	return or_errno(mkdir(path, 0700));
}

static int
system_sync_dir(void *arg, const char *path)
{
	(void)arg;
	int handle = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (handle < 0)
		return -errno;
	int result = or_errno(fsync(handle));
	close(handle);
	return result;
}

static int
system_list(void *arg, const char *path, int (*each)(void *each_arg, const char *name), void *each_arg)
{
	(void)arg;
	DIR *dir = opendir(path);
	if (dir == NULL)
		return -errno; /* EINTR here is before the first name, as it must be */
	int result = 0;
	for (;;) {
		errno = 0;
		struct dirent *entry = readdir(dir);
		if (entry == NULL) {
			result = errno == EINTR ? -EIO : -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		result = each(each_arg, entry->d_name);
		if (result != 0)
			break;
	}
	closedir(dir);
	return result;
}

static int
system_free_bytes(void *arg, const char *path, uint64_t *len)
{
	struct statvfs st;

	(void)arg;
	if (statvfs(path, &st) < 0)
		return -errno;
	*len = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

const struct disk *
disk_system(void)
{
	static const struct disk_ops ops = {
		.open = system_open,
		.close = system_close,
		.pread = system_pread,
		.pwrite = system_pwrite,
		.allocate = system_allocate,
		.data_sync = system_data_sync,
		.sync = system_sync,
		.write_out = system_write_out,
		.forget_cached = system_forget_cached,
		.size = system_size,
		.lock = system_lock,
		.rename_new = system_rename_new,
		.unlink = system_unlink,
		.mkdir = system_mkdir,
		.sync_dir = system_sync_dir,
		.list = system_list,
		.free_bytes = system_free_bytes,
	};
	static const struct disk disk = {.ops = &ops};
	return &disk;
}

enum liaison_err
disk_read_all(const struct disk *disk, int handle, void *out, size_t len, uint64_t offset, int *error)
{
	uint8_t *at = out;

	while (len > 0) {
		ssize_t done = disk->ops->pread(disk->arg, handle, at, len, offset);
		if (done == -EINTR)
			continue;
		if (done <= 0) {
			*error = (int)-done;
			return LIAISON_IO;
		}
		at += done;
		offset += (uint64_t)done;
		len -= (size_t)done;
	}
	return LIAISON_OK;
}

enum liaison_err
disk_write_all(const struct disk *disk, int handle, const void *bytes, size_t len, uint64_t offset, int *error)
{
	const uint8_t *at = bytes;

	while (len > 0) {
		ssize_t done = disk->ops->pwrite(disk->arg, handle, at, len, offset);
		if (done == -EINTR)
			continue;
		if (done <= 0) {
			/* A write of nothing without a reason would loop for ever; there is no better name for it. */
			*error = done < 0 ? (int)-done : EIO;
			return LIAISON_IO;
		}
		at += done;
		offset += (uint64_t)done;
		len -= (size_t)done;
	}
	return LIAISON_OK;
}

int
disk_open(const struct disk *disk, const char *path, enum disk_open_mode mode)
{
	int result;

	do
		result = disk->ops->open(disk->arg, path, mode);
	while (result == -EINTR);
	return result;
}

int
disk_data_sync(const struct disk *disk, int handle)
{
	int result;

	do
		result = disk->ops->data_sync(disk->arg, handle);
	while (result == -EINTR);
	return result;
}

int
disk_sync(const struct disk *disk, int handle)
{
	int result;

	do
		result = disk->ops->sync(disk->arg, handle);
	while (result == -EINTR);
	return result;
}

int
disk_sync_dir(const struct disk *disk, const char *path)
{
	int result;

	do
		result = disk->ops->sync_dir(disk->arg, path);
	while (result == -EINTR);
	return result;
}

int
disk_allocate(const struct disk *disk, int handle, uint64_t len)
{
	int result;

	do
		result = disk->ops->allocate(disk->arg, handle, len);
	while (result == -EINTR);
	return result;
}

int
disk_size(const struct disk *disk, int handle, uint64_t *len)
{
	int result;

	do
		result = disk->ops->size(disk->arg, handle, len);
	while (result == -EINTR);
	return result;
}

int
disk_lock(const struct disk *disk, int handle)
{
	int result;

	do
		result = disk->ops->lock(disk->arg, handle);
	while (result == -EINTR);
	return result;
}

int
disk_rename_new(const struct disk *disk, const char *from, const char *to)
{
	int result;

	do
		result = disk->ops->rename_new(disk->arg, from, to);
	while (result == -EINTR);
	return result;
}

int
disk_unlink(const struct disk *disk, const char *path)
{
	int result;

	do
		result = disk->ops->unlink(disk->arg, path);
	while (result == -EINTR);
	return result;
}

int
disk_mkdir(const struct disk *disk, const char *path)
{
	int result;

	do
		result = disk->ops->mkdir(disk->arg, path);
	while (result == -EINTR);
	return result;
}

int
disk_list(const struct disk *disk, const char *path, int (*each)(void *each_arg, const char *name), void *each_arg)
{
	int result;

	do
		result = disk->ops->list(disk->arg, path, each, each_arg);
	while (result == -EINTR);
	return result;
}

int
disk_free_bytes(const struct disk *disk, const char *path, uint64_t *len)
{
	int result;

	do
		result = disk->ops->free_bytes(disk->arg, path, len);
	while (result == -EINTR);
	return result;
}

void
disk_close(const struct disk *disk, int handle)
{
	/* Never again after a failure, EINTR included: on Linux the descriptor is gone either way. */
	if (handle >= 0)
		disk->ops->close(disk->arg, handle);
}

enum liaison_err
disk_path(char *out, const char *dir, const char *name)
{
	int len = snprintf(out, DISK_PATH_BYTES, "%s/%s", dir, name);

	return len < 0 || len >= DISK_PATH_BYTES ? LIAISON_TOO_LARGE : LIAISON_OK;
}

enum liaison_err
disk_lock_dir(const struct disk *disk, const char *dir, int *handle, struct fault *fault)
{
	char path[DISK_PATH_BYTES];

	if (disk_path(path, dir, DISK_LOCK_NAME) != LIAISON_OK)
		return fault_set(fault, LIAISON_IO, "the name of the folder %.200s... is too long", dir);
	int opened = disk_open(disk, path, DISK_LOCK_FILE);
	if (opened < 0)
		return fault_errno(fault, opened == -ENOENT ? LIAISON_NOT_FOUND : LIAISON_IO, -opened,
			"cannot open the lock file %s", path);
	int result = disk_lock(disk, opened);
	if (result == 0) {
		*handle = opened;
		return LIAISON_OK;
	}
	disk_close(disk, opened);
	if (result == -EWOULDBLOCK)
		return fault_set(fault, LIAISON_BUSY,
			"another broker works in %s; stop it first, or give this one a folder of its own", dir);
	return fault_errno(fault, LIAISON_IO, -result, "cannot lock %s", path);
}
