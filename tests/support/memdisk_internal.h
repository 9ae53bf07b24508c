/* The parts of a memdisk. memdisk.h is for tests. */
#ifndef LIAISON_TESTS_SUPPORT_MEMDISK_INTERNAL_H
#define LIAISON_TESTS_SUPPORT_MEMDISK_INTERNAL_H

#include "tests/support/memdisk.h"

#define HANDLES_MAX 64

struct mem_bytes {
	uint8_t *data;
	size_t len;
};

/* A write since the last sync, or (data NULL) a growing of the file to offset + len, or a cutting to offset. */
struct mem_pending {
	struct mem_pending *next;
	uint64_t offset;
	struct mem_bytes bytes;
	bool is_cut;
};

struct mem_inode {
	unsigned refs; /* names, handles, operations on names that are not yet synced */
	struct mem_bytes medium;
	struct mem_bytes cached;
	struct mem_pending *pending, **pending_end;
	bool is_locked;
};

struct mem_name {
	struct mem_name *next;
	char path[256];
	struct mem_inode *inode;
};

/* What happened to names since the last sync of a folder, in order: `inode` came under `path`, or (NULL) it went. */
struct mem_name_change {
	struct mem_name_change *next;
	char path[256];
	char gone[256]; /* a rename: the name that went in the same step; else "" */
	struct mem_inode *inode;
};

struct memdisk {
	struct mem_name *names;        /* as a process sees them */
	struct mem_name *medium_names; /* as they are on the medium */
	struct mem_name_change *changes, **changes_end;
	struct mem_inode *handles[HANDLES_MAX];
	bool holds_lock[HANDLES_MAX];
	uint64_t capacity;
	uint64_t calls;
	enum memdisk_fault fault;
	uint64_t fault_at;
	int fault_error;
	const char *faulted_call;
};

void *memdisk_need(void *memory);
void memdisk_bytes_resize(struct mem_bytes *bytes, size_t len);
void memdisk_bytes_write(struct mem_bytes *bytes, uint64_t offset, const uint8_t *data, size_t len);
void memdisk_bytes_set(struct mem_bytes *bytes, const struct mem_bytes *from);
struct mem_inode *memdisk_inode_new(void);
void memdisk_forget_pending(struct mem_inode *inode);
void memdisk_inode_unref(struct mem_inode *inode);
void memdisk_note_write(struct mem_inode *inode, uint64_t offset, const void *data, size_t len);
void memdisk_note_cut(struct mem_inode *inode, uint64_t len); /* shorter than it is, or nothing happens */
/* All of it, as if it had been written at once. */
void memdisk_apply_pending(struct mem_bytes *bytes, const struct mem_pending *pending);
void memdisk_reach_medium(struct mem_inode *inode);
struct mem_name **memdisk_find_name(struct mem_name **names, const char *path);
void memdisk_name_set(struct mem_name **names, const char *path, struct mem_inode *inode);
void memdisk_names_free(struct mem_name **names);
void memdisk_note_change(struct memdisk *memdisk, const char *path, struct mem_inode *inode, const char *gone);
void memdisk_apply_change(struct mem_name **names, const struct mem_name_change *change);
void memdisk_forget_changes(struct memdisk *memdisk);

#endif
