#include "tests/fault/rebuild.h"

#include "tests/fault/fault.h"
#include "tests/support/memdisk_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MACHINES_MAX 32
#define OPEN_MAX_INODES 4096

/* --- the trace ------------------------------------------------------------------------------------------------------- */

void
trace_init(struct trace *trace, const char *path)
{
	pthread_mutexattr_t how;

	trace->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (trace->fd < 0 || ftruncate(trace->fd, TRACE_HEAD_BYTES) != 0)
		fault_give_up("no trace: %s", strerror(errno));
	trace->head = mmap(NULL, TRACE_HEAD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, trace->fd, 0);
	if (trace->head == MAP_FAILED)
		fault_give_up("no trace: %s", strerror(errno));
	pthread_mutexattr_init(&how);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&trace->head->lock, &how);
	trace->head->bytes = TRACE_HEAD_BYTES;
}

void
trace_clear(struct trace *trace)
{
	munmap(trace->head, TRACE_HEAD_BYTES);
	close(trace->fd);
}

void
trace_kill(const struct trace *trace, struct process *process)
{
	if (trace != NULL && trace_lock(trace->head) != 0)
		fault_give_up("the trace is not whole");
	process_kill(process);
	if (trace != NULL)
		pthread_mutex_unlock(&trace->head->lock);
}

/* --- machines -------------------------------------------------------------------------------------------------------- */

struct machine {
	char name[64];
	struct memdisk *disk;
};

/* A file that a program has open, by its number when it was traced. */
struct open_inode {
	uint64_t number;
	struct mem_inode *inode;
};

struct work {
	const struct rebuild *what;
	struct machine machines[MACHINES_MAX];
	size_t machine_count;
	struct open_inode open[OPEN_MAX_INODES];
	size_t open_count;
};

static struct memdisk *
disk_of(struct work *work, const char *path)
{
	size_t len = strcspn(path, "/");

	for (size_t i = 0; i < work->machine_count; i++)
		if (strncmp(work->machines[i].name, path, len) == 0 && work->machines[i].name[len] == '\0')
			return work->machines[i].disk;
	if (work->machine_count == MACHINES_MAX || len >= sizeof work->machines[0].name)
		fault_give_up("too many machines");
	struct machine *machine = &work->machines[work->machine_count++];
	snprintf(machine->name, sizeof machine->name, "%.*s", (int)len, path);
	machine->disk = memdisk_new();
	return machine->disk;
}

static void
put_durable(struct work *work, const char *path, const struct mem_bytes *bytes)
{
	struct memdisk *disk = disk_of(work, path);
	struct mem_inode *inode = memdisk_inode_new();

	inode->refs++;
	memdisk_bytes_set(&inode->medium, bytes);
	memdisk_bytes_set(&inode->cached, bytes);
	memdisk_name_set(&disk->names, path, inode);
	memdisk_name_set(&disk->medium_names, path, inode);
	memdisk_inode_unref(inode);
}

static void
take_file(struct work *work, const char *path, const char *from, size_t len)
{
	struct mem_bytes bytes = {0};

	memdisk_bytes_resize(&bytes, len);
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, bytes.data, len) != (ssize_t)len)
		fault_give_up("cannot read %s", from);
	close(fd);
	put_durable(work, path, &bytes);
	free(bytes.data);
}

/* A folder is a name that ends with a slash. */
static void
take_base(struct work *work)
{
	char *roots[] = {(char *)(uintptr_t)work->what->base, NULL};
	const size_t skip = strlen(work->what->base) + 1;
	const struct mem_bytes empty = {0};
	char path[FAULT_PATH_BYTES];
	FTS *tree = fault_need(fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL));
	FTSENT *entry;

	while ((entry = fts_read(tree)) != NULL) {
		if (entry->fts_level == 0)
			continue;
		if (entry->fts_info == FTS_F)
			take_file(work, entry->fts_path + skip, entry->fts_path, (size_t)entry->fts_statp->st_size);
		if (entry->fts_info != FTS_D)
			continue;
		fault_path(path, "%s/", entry->fts_path + skip);
		put_durable(work, path, &empty);
	}
	fts_close(tree);
}

/* --- what happened --------------------------------------------------------------------------------------------------- */

static struct mem_inode *
find_open(struct work *work, uint64_t number)
{
	for (size_t i = 0; i < work->open_count; i++)
		if (work->open[i].number == number)
			return work->open[i].inode;
	return NULL;
}

static struct mem_inode *
open_inode(struct work *work, uint64_t number)
{
	struct mem_inode *inode = find_open(work, number);

	if (inode == NULL)
		fault_give_up("the trace writes to a file that it did not open");
	return inode;
}

/* A file that nobody opened for writing has nothing to sync. */
static void
do_sync(struct work *work, uint64_t number, bool is_lost)
{
	struct mem_inode *inode = find_open(work, number);

	if (inode != NULL && is_lost)
		memdisk_forget_pending(inode);
	else if (inode != NULL)
		memdisk_reach_medium(inode);
}

static void
do_open(struct work *work, const char *path, uint64_t number, bool is_cut_off)
{
	struct memdisk *disk = disk_of(work, path);
	struct mem_name *name = *memdisk_find_name(&disk->names, path);
	struct mem_inode *inode = name != NULL ? name->inode : memdisk_inode_new();
	size_t at = 0;

	inode->refs++;
	if (name == NULL)
		memdisk_note_change(disk, path, inode, "");
	else if (is_cut_off)
		memdisk_note_cut(inode, 0);
	while (at < work->open_count && work->open[at].number != number)
		at++;
	if (at == OPEN_MAX_INODES)
		fault_give_up("the trace opens too many files");
	if (at < work->open_count)
		memdisk_inode_unref(work->open[at].inode);
	else
		work->open_count++;
	work->open[at] = (struct open_inode){number, inode};
}

static void
do_rename(struct work *work, const char *from, const char *to, bool is_link)
{
	struct memdisk *disk = disk_of(work, from);
	struct mem_name *name = *memdisk_find_name(&disk->names, from);

	if (name == NULL || disk_of(work, to) != disk)
		fault_give_up("the trace renames what is not there: %s", from);
	memdisk_note_change(disk, to, name->inode, is_link ? "" : from);
}

static void
do_mkdir(struct work *work, const char *path)
{
	struct mem_inode *inode = memdisk_inode_new();
	char name[FAULT_PATH_BYTES];

	inode->refs++;
	fault_path(name, "%s/", path);
	memdisk_note_change(disk_of(work, path), name, inode, "");
	memdisk_inode_unref(inode);
}

static void
do_sync_dir(struct work *work, const char *path)
{
	const struct disk disk = memdisk_disk(disk_of(work, path));

	if (disk_sync_dir(&disk, path) != 0)
		fault_give_up("memdisk failed by itself");
}

static void
do_allocate(struct mem_inode *inode, uint64_t len)
{
	if (len > inode->cached.len)
		memdisk_note_write(inode, inode->cached.len, NULL, len - inode->cached.len);
}

static void
replay_one(struct work *work, const struct trace_record *record, const char *path, const char *other, const void *data)
{
	switch ((enum trace_type)record->type) {
	case TRACE_OPEN: do_open(work, path, record->inode, record->offset != 0); break;
	case TRACE_WRITE:
		memdisk_note_write(open_inode(work, record->inode), record->offset, data, record->data_len);
		break;
	case TRACE_TRUNCATE: {
		struct mem_inode *inode = open_inode(work, record->inode);
		memdisk_note_cut(inode, record->offset);
		do_allocate(inode, record->offset);
		break;
	}
	case TRACE_ALLOCATE: do_allocate(open_inode(work, record->inode), record->offset); break;
	case TRACE_SYNC: do_sync(work, record->inode, false); break;
	case TRACE_SYNC_LOST: do_sync(work, record->inode, true); break;
	case TRACE_SYNC_DIR: do_sync_dir(work, path); break;
	case TRACE_RENAME: do_rename(work, path, other, false); break;
	case TRACE_LINK: do_rename(work, path, other, true); break;
	case TRACE_UNLINK: memdisk_note_change(disk_of(work, path), path, NULL, ""); break;
	case TRACE_MKDIR: do_mkdir(work, path); break;
	}
}

/* The path below the root that lies at `from`, which is moved on. */
static void
take_path(const struct work *work, const uint8_t **from, uint32_t len, char out[FAULT_PATH_BYTES])
{
	const size_t skip = strlen(work->what->root) + 1;

	out[0] = '\0';
	if (len > skip)
		fault_path(out, "%.*s", (int)(len - skip), (const char *)*from + skip);
	*from += len;
}

static void
replay(struct work *work)
{
	const struct trace *trace = work->what->trace;
	const size_t bytes = trace->head->bytes;
	const uint8_t *all = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, trace->fd, 0), *at = all + TRACE_HEAD_BYTES;
	char path[FAULT_PATH_BYTES], other[FAULT_PATH_BYTES];
	struct trace_record record;

	if (all == MAP_FAILED)
		fault_give_up("the trace cannot be read: %s", strerror(errno));
	for (uint64_t n = 0; n < work->what->position; n++) {
		memcpy(&record, at, sizeof record);
		at += sizeof record;
		take_path(work, &at, record.path_len, path);
		take_path(work, &at, record.other_len, other);
		replay_one(work, &record, path, other, at);
		at += record.data_len;
	}
	munmap((void *)(uintptr_t)all, bytes);
}

/* --- the folder ------------------------------------------------------------------------------------------------------ */

static void
make_dirs(const char *path)
{
	char part[FAULT_PATH_BYTES];

	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		fault_path(part, "%.*s", (int)(slash - path), path);
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			fault_give_up("cannot make %s: %s", part, strerror(errno));
	}
}

static void
put_file(const char *path, const struct mem_bytes *bytes)
{
	make_dirs(path);
	if (path[strlen(path) - 1] == '/')
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes->data, bytes->len) != (ssize_t)bytes->len)
		fault_give_up("cannot write %s: %s", path, strerror(errno));
	close(fd);
}

static void
put_machine(const struct work *work, const struct machine *machine, const char *out)
{
	struct memdisk *after = NULL;
	char path[FAULT_PATH_BYTES];

	if (work->what->is_cut(work->what->arg, machine->name))
		after = memdisk_crash(machine->disk, work->what->rng, work->what->sector);
	const struct memdisk *disk = after != NULL ? after : machine->disk;
	for (const struct mem_name *name = disk->names; name != NULL; name = name->next) {
		fault_path(path, "%s/%s", out, name->path);
		put_file(path, &name->inode->cached);
	}
	memdisk_free(after);
}

void
rebuild(const struct rebuild *what, const char *out)
{
	struct work *work = fault_need(calloc(1, sizeof *work));

	work->what = what;
	take_base(work);
	replay(work);
	for (size_t i = 0; i < work->machine_count; i++)
		put_machine(work, &work->machines[i], out);
	for (size_t i = 0; i < work->open_count; i++)
		memdisk_inode_unref(work->open[i].inode);
	for (size_t i = 0; i < work->machine_count; i++)
		memdisk_free(work->machines[i].disk);
	free(work);
}
