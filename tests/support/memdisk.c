#include "tests/support/memdisk_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- faults ---------------------------------------------------------------------------------------------------------- */

/* Counts a call; the error that it shall answer with, or 0. `half` is set where it shall do half of its work. */
static int
enter(struct memdisk *memdisk, const char *call, bool *half)
{
	*half = false;
	memdisk->calls++;
	if (memdisk->fault == MEMDISK_NO_FAULT || memdisk->calls < memdisk->fault_at)
		return 0;
	if (memdisk->fault == MEMDISK_POWER_OFF)
		return EIO;
	if (memdisk->calls > memdisk->fault_at)
		return 0;
	memdisk->faulted_call = call;
	*half = memdisk->fault != MEMDISK_INTERRUPT;
	if (memdisk->fault == MEMDISK_INTERRUPT)
		return EINTR;
	return memdisk->fault == MEMDISK_FAIL ? memdisk->fault_error : 0;
}

static uint64_t
used_bytes(const struct memdisk *memdisk)
{
	uint64_t used = 0;

	for (const struct mem_name *name = memdisk->names; name != NULL; name = name->next)
		used += name->inode->cached.len;
	return used;
}

/* --- operations ------------------------------------------------------------------------------------------------------ */

static int
mem_open(void *arg, const char *path, enum disk_open_mode mode)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "open", &half), handle = 0;

	if (error != 0)
		return -error;
	struct mem_name *name = *memdisk_find_name(&memdisk->names, path);
	if (name != NULL && mode == DISK_CREATE)
		return -EEXIST;
	if (name == NULL && mode != DISK_CREATE && mode != DISK_LOCK_FILE)
		return -ENOENT;
	while (handle < HANDLES_MAX && memdisk->handles[handle] != NULL)
		handle++;
	if (handle == HANDLES_MAX)
		return -EMFILE;
	struct mem_inode *inode = name != NULL ? name->inode : memdisk_inode_new();
	if (name == NULL)
		memdisk_note_change(memdisk, path, inode, "");
	inode->refs++;
	memdisk->handles[handle] = inode;
	return handle;
}

static int
mem_close(void *arg, int handle)
{
	struct memdisk *memdisk = arg;

	/* A process that ends closes in any case, so this is neither counted nor failed. */
	if (memdisk->holds_lock[handle])
		memdisk->handles[handle]->is_locked = false;
	memdisk->holds_lock[handle] = false;
	memdisk_inode_unref(memdisk->handles[handle]);
	memdisk->handles[handle] = NULL;
	return 0;
}

static ssize_t
mem_pread(void *arg, int handle, void *out, size_t len, uint64_t offset)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "pread", &half);
	const struct mem_bytes *bytes = &memdisk->handles[handle]->cached;

	if (error != 0)
		return -error;
	if (half && len > 1)
		len /= 2;
	if (offset >= bytes->len)
		return 0;
	if (len > bytes->len - offset)
		len = bytes->len - offset;
	memcpy(out, bytes->data + offset, len);
	return (ssize_t)len;
}

static ssize_t
mem_pwrite(void *arg, int handle, const void *bytes, size_t len, uint64_t offset)
{
	struct memdisk *memdisk = arg;
	struct mem_inode *inode = memdisk->handles[handle];
	bool half;
	int error = enter(memdisk, "pwrite", &half);

	if (half && len > 1)
		len /= 2;
	if (error != 0 && !half)
		return -error;
	uint64_t grows = offset + len > inode->cached.len ? offset + len - inode->cached.len : 0;
	if (grows > 0 && used_bytes(memdisk) + grows > memdisk->capacity)
		return -ENOSPC;
	memdisk_note_write(inode, offset, bytes, len);
	return error != 0 ? -error : (ssize_t)len;
}

static int
mem_allocate(void *arg, int handle, uint64_t len)
{
	struct memdisk *memdisk = arg;
	struct mem_inode *inode = memdisk->handles[handle];
	bool half;
	int error = enter(memdisk, "allocate", &half);

	if (error != 0)
		return -error;
	if (len <= inode->cached.len)
		return 0;
	if (used_bytes(memdisk) + len - inode->cached.len > memdisk->capacity)
		return -ENOSPC;
	memdisk_note_write(inode, inode->cached.len, NULL, len - inode->cached.len);
	return 0;
}

static int
sync_inode(struct memdisk *memdisk, int handle, const char *call)
{
	bool half;
	int error = enter(memdisk, call, &half);

	if (error != 0 && half)
		memdisk_forget_pending(memdisk->handles[handle]);
	if (error != 0)
		return -error;
	memdisk_reach_medium(memdisk->handles[handle]);
	return 0;
}

static int
mem_data_sync(void *arg, int handle)
{
	return sync_inode(arg, handle, "data_sync");
}

static int
mem_sync(void *arg, int handle)
{
	return sync_inode(arg, handle, "sync");
}

/* What was not synced may or may not be on the medium: the crash decides. */
static int
mem_write_out(void *arg, int handle, uint64_t offset, uint64_t len)
{
	(void)arg;
	(void)handle;
	(void)offset;
	(void)len;
	return 0;
}

static int
mem_forget_cached(void *arg, int handle)
{
	struct memdisk *memdisk = arg;
	struct mem_inode *inode = memdisk->handles[handle];
	bool half;
	int error = enter(memdisk, "forget_cached", &half);

	if (error != 0)
		return -error;
	memdisk_bytes_set(&inode->cached, &inode->medium);
	memdisk_apply_pending(&inode->cached, inode->pending);
	return 0;
}

static int
mem_size(void *arg, int handle, uint64_t *len)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "size", &half);

	if (error != 0)
		return -error;
	*len = memdisk->handles[handle]->cached.len;
	return 0;
}

static int
mem_lock(void *arg, int handle)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "lock", &half);

	if (error != 0)
		return -error;
	if (memdisk->handles[handle]->is_locked)
		return -EWOULDBLOCK;
	memdisk->handles[handle]->is_locked = memdisk->holds_lock[handle] = true;
	return 0;
}

static int
mem_rename_new(void *arg, const char *from, const char *to)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "rename_new", &half);

	if (error != 0)
		return -error;
	struct mem_name *name = *memdisk_find_name(&memdisk->names, from);
	if (name == NULL)
		return -ENOENT;
	if (*memdisk_find_name(&memdisk->names, to) != NULL)
		return -EEXIST;
	memdisk_note_change(memdisk, to, name->inode, from);
	return 0;
}

static int
mem_unlink(void *arg, const char *path)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "unlink", &half);

	if (error != 0)
		return -error;
	if (*memdisk_find_name(&memdisk->names, path) == NULL)
		return -ENOENT;
	memdisk_note_change(memdisk, path, NULL, "");
	return 0;
}

static int
mem_mkdir(void *arg, const char *path)
{
	bool half;

	(void)path;
	return -enter(arg, "mkdir", &half);
}

static int
mem_sync_dir(void *arg, const char *path)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "sync_dir", &half);

	(void)path;
	if (error != 0)
		return -error;
	for (const struct mem_name_change *change = memdisk->changes; change != NULL; change = change->next)
		memdisk_apply_change(&memdisk->medium_names, change);
	memdisk_forget_changes(memdisk);
	return 0;
}

static int
mem_list(void *arg, const char *path, int (*each)(void *each_arg, const char *name), void *each_arg)
{
	struct memdisk *memdisk = arg;
	size_t len = strlen(path);
	bool half;
	int error = enter(memdisk, "list", &half);

	if (error != 0)
		return -error;
	for (const struct mem_name *name = memdisk->names; name != NULL; name = name->next) {
		if (strncmp(name->path, path, len) != 0 || name->path[len] != '/')
			continue;
		int result = each(each_arg, name->path + len + 1);
		if (result != 0)
			return result;
	}
	return 0;
}

static int
mem_free_bytes(void *arg, const char *path, uint64_t *len)
{
	struct memdisk *memdisk = arg;
	bool half;
	int error = enter(memdisk, "free_bytes", &half);

	(void)path;
	if (error != 0)
		return -error;
	uint64_t used = used_bytes(memdisk);
	*len = used < memdisk->capacity ? memdisk->capacity - used : 0;
	return 0;
}

/* --- for tests -------------------------------------------------------------------------------------------------------- */

struct memdisk *
memdisk_new(void)
{
	struct memdisk *memdisk = memdisk_need(calloc(1, sizeof *memdisk));

	memdisk->changes_end = &memdisk->changes;
	memdisk->capacity = UINT64_MAX;
	memdisk->faulted_call = "";
	return memdisk;
}

void
memdisk_free(struct memdisk *memdisk)
{
	if (memdisk == NULL)
		return;
	for (int handle = 0; handle < HANDLES_MAX; handle++)
		memdisk_inode_unref(memdisk->handles[handle]);
	memdisk_forget_changes(memdisk);
	memdisk_names_free(&memdisk->names);
	memdisk_names_free(&memdisk->medium_names);
	free(memdisk);
}

struct disk
memdisk_disk(struct memdisk *memdisk)
{
	static const struct disk_ops ops = {
		.open = mem_open,
		.close = mem_close,
		.pread = mem_pread,
		.pwrite = mem_pwrite,
		.allocate = mem_allocate,
		.data_sync = mem_data_sync,
		.sync = mem_sync,
		.write_out = mem_write_out,
		.forget_cached = mem_forget_cached,
		.size = mem_size,
		.lock = mem_lock,
		.rename_new = mem_rename_new,
		.unlink = mem_unlink,
		.mkdir = mem_mkdir,
		.sync_dir = mem_sync_dir,
		.list = mem_list,
		.free_bytes = mem_free_bytes,
	};
	return (struct disk){.ops = &ops, .arg = memdisk};
}

void
memdisk_set_capacity(struct memdisk *memdisk, uint64_t bytes)
{
	memdisk->capacity = bytes;
}

void
memdisk_set_fault(struct memdisk *memdisk, enum memdisk_fault fault, uint64_t nth, int error)
{
	memdisk->fault = fault;
	memdisk->fault_at = memdisk->calls + nth;
	memdisk->fault_error = error;
	memdisk->faulted_call = "";
}

uint64_t
memdisk_calls(const struct memdisk *memdisk)
{
	return memdisk->calls;
}

bool
memdisk_fault_happened(const struct memdisk *memdisk)
{
	return memdisk->fault != MEMDISK_NO_FAULT && memdisk->calls >= memdisk->fault_at;
}

const char *
memdisk_faulted_call(const struct memdisk *memdisk)
{
	return memdisk->faulted_call;
}
