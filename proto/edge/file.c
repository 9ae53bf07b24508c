#include "proto/edge/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- what may be read ----------------------------------------------------------------------------------------------- */

static enum liaison_err
care_check(const char *path, enum file_care care, const struct stat *stat, struct fault *fault)
{
	unsigned mode = (unsigned)stat->st_mode & 07777;

	if (!S_ISREG(stat->st_mode))
		return fault_set(fault, LIAISON_BAD_CONFIG, "%s is not a regular file", path);
	if (care == FILE_ANY)
		return LIAISON_OK;
	if (stat->st_uid != geteuid() && !(care == FILE_SAFE && stat->st_uid == 0))
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s belongs to user %u and not to the one who runs this; give it to user %u (chown) or run as "
			"its owner",
			path, (unsigned)stat->st_uid, (unsigned)geteuid());
	if (care == FILE_SECRET && (mode & 0077) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s holds secret keys and others may read or write it (mode %04o); run: chmod 600 %s", path,
			mode, path);
	if (care == FILE_SAFE && (mode & 0022) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG, "others may write %s (mode %04o); run: chmod go-w %s", path,
			mode, path);
	return LIAISON_OK;
}

/* A descriptor of a file that meets `care`, and its size. */
static enum liaison_err
file_open(const char *path, enum file_care care, int *fd, size_t *size, struct fault *fault)
{
	struct stat stat;
	/* O_NONBLOCK: opening a FIFO that somebody put there must not wait. */
	int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (care == FILE_SECRET ? O_NOFOLLOW : 0));

	if (opened < 0 && errno == ENOENT)
		return fault_set(fault, LIAISON_NOT_FOUND, "there is no file %s", path);
	if (opened < 0 && errno == ELOOP && care == FILE_SECRET)
		return fault_set(
			fault, LIAISON_BAD_CONFIG, "%s is a symbolic link; put the key file itself there", path);
	if (opened < 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot open %s", path);
	enum liaison_err err = LIAISON_OK;
	if (fstat(opened, &stat) != 0)
		err = fault_errno(fault, LIAISON_IO, errno, "cannot look at %s", path);
	if (err == LIAISON_OK)
		err = care_check(path, care, &stat, fault);
	if (err != LIAISON_OK) {
		close(opened);
		return err;
	}
	*fd = opened;
	*size = stat.st_size > 0 ? (size_t)stat.st_size : 0;
	return LIAISON_OK;
}

static enum liaison_err
read_exactly(int fd, const char *path, void *out, size_t len, struct fault *fault)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = read(fd, (char *)out + got, len - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_errno(fault, LIAISON_IO, errno, "cannot read %s", path);
		if (n == 0)
			return fault_set(fault, LIAISON_IO, "%s became shorter while it was read", path);
		got += (size_t)n;
	}
	return LIAISON_OK;
}

enum liaison_err
file_read_into(const char *path, enum file_care care, void *out, size_t out_size, size_t *len, struct fault *fault)
{
	size_t size;
	int fd;
	enum liaison_err err = file_open(path, care, &fd, &size, fault);

	if (err != LIAISON_OK)
		return err;
	if (size > out_size)
		err = fault_set(
			fault, LIAISON_TOO_LARGE, "%s has %zu bytes; at most %zu are expected", path, size, out_size);
	else
		err = read_exactly(fd, path, out, size, fault);
	close(fd);
	if (err == LIAISON_OK)
		*len = size;
	return err;
}

enum liaison_err
file_read(const char *path, enum file_care care, struct buf *out, struct fault *fault)
{
	size_t size;
	int fd;
	enum liaison_err err = file_open(path, care, &fd, &size, fault);

	if (err != LIAISON_OK)
		return err;
	uint8_t *at = buf_extend(out, size);
	if (size > 0 && at == NULL)
		err = fault_set(fault, out->too_large ? LIAISON_TOO_LARGE : LIAISON_NO_MEMORY,
			"%s has %zu bytes; at most %zu are expected", path, size, out->max - out->len);
	else
		err = read_exactly(fd, path, at, size, fault);
	close(fd);
	return err;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

char *
path_join(const char *folder, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", folder, name) >= 0 ? path : NULL;
}

/* The folder that `path` stands in, from malloc. */
static char *
path_folder(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static enum liaison_err
folder_sync(const char *path, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	char *folder = path_folder(path);

	if (folder == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		err = fault_errno(fault, LIAISON_IO, errno, "cannot sync folder %s", folder);
	if (fd >= 0)
		close(fd);
	free(folder);
	return err;
}

static enum liaison_err
write_all(int fd, const char *path, const void *bytes, size_t len, struct fault *fault)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)bytes + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_errno(fault, LIAISON_IO, errno, "cannot write %s", path);
		done += (size_t)n;
	}
	return LIAISON_OK;
}

/* A synced file under a name of its own beside `path`; `temp` is the caller's to free and to rename or unlink. */
static enum liaison_err
temp_write(const char *path, const void *bytes, size_t len, mode_t mode, char **temp, struct fault *fault)
{
	char *name;

	if (asprintf(&name, "%s.new-%08x%08x", path, randombytes_random(), randombytes_random()) < 0)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		enum liaison_err err = fault_errno(fault, LIAISON_IO, errno, "cannot create %s", name);
		free(name);
		return err;
	}
	enum liaison_err err = write_all(fd, name, bytes, len, fault);
	/* Not through the mask: the mode is what it says. */
	if (err == LIAISON_OK && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
		err = fault_errno(fault, LIAISON_IO, errno, "cannot sync %s", name);
	if (close(fd) != 0 && err == LIAISON_OK)
		err = fault_errno(fault, LIAISON_IO, errno, "cannot close %s", name);
	if (err != LIAISON_OK) {
		unlink(name);
		free(name);
		return err;
	}
	*temp = name;
	return LIAISON_OK;
}

/* Renames without overwriting; by a hard link where the file system knows no RENAME_NOREPLACE. */
static int
rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(from, to) != 0)
		return -1;
	unlink(from);
	return 0;
}

enum liaison_err
file_create(const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault)
{
	char *temp;
	enum liaison_err err = temp_write(path, bytes, len, mode, &temp, fault);

	if (err != LIAISON_OK)
		return err;
	if (rename_new(temp, path) != 0) {
		int saved = errno;
		unlink(temp);
		err = saved == EEXIST ? fault_set(fault, LIAISON_EXISTS, "%s exists and is not overwritten", path)
				      : fault_errno(fault, LIAISON_IO, saved, "cannot name %s", path);
	}
	free(temp);
	return err == LIAISON_OK ? folder_sync(path, fault) : err;
}

enum liaison_err
file_replace(const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault)
{
	char *temp;
	enum liaison_err err = temp_write(path, bytes, len, mode, &temp, fault);

	if (err != LIAISON_OK)
		return err;
	if (rename(temp, path) != 0) {
		err = fault_errno(fault, LIAISON_IO, errno, "cannot name %s", path);
		unlink(temp);
	}
	free(temp);
	return err == LIAISON_OK ? folder_sync(path, fault) : err;
}

/* --- folders -------------------------------------------------------------------------------------------------------- */

enum liaison_err
folder_check(const char *path, struct fault *fault)
{
	struct stat info;

	if (stat(path, &info) != 0)
		return errno == ENOENT ? fault_set(fault, LIAISON_NOT_FOUND, "there is no folder %s", path)
				       : fault_errno(fault, LIAISON_IO, errno, "cannot look at %s", path);
	if (!S_ISDIR(info.st_mode))
		return fault_set(fault, LIAISON_BAD_CONFIG, "%s is not a folder", path);
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"folder %s belongs to user %u; give it to user %u (chown) or run as its owner", path,
			(unsigned)info.st_uid, (unsigned)geteuid());
	if ((info.st_mode & 0022) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"others may write folder %s (mode %04o); run: chmod go-w %s", path,
			(unsigned)info.st_mode & 07777, path);
	return LIAISON_OK;
}

enum liaison_err
folder_make(const char *path, mode_t mode, struct fault *fault)
{
	if (mkdir(path, mode) != 0)
		return errno == EEXIST ? LIAISON_OK
				       : fault_errno(fault, LIAISON_IO, errno, "cannot make folder %s", path);
	return folder_sync(path, fault);
}
