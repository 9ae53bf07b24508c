#include "tests/support/memdisk_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
memdisk_need(void *memory)
{
	if (memory == NULL)
		abort();
	return memory;
}

void
memdisk_bytes_resize(struct mem_bytes *bytes, size_t len)
{
	if (len > bytes->len || bytes->data == NULL) {
		bytes->data = memdisk_need(realloc(bytes->data, len + 1));
		if (len > bytes->len)
			memset(bytes->data + bytes->len, 0, len - bytes->len);
	}
	bytes->len = len;
}

void
memdisk_bytes_write(struct mem_bytes *bytes, uint64_t offset, const uint8_t *data, size_t len)
{
	if (offset + len > bytes->len)
		memdisk_bytes_resize(bytes, offset + len);
	if (data != NULL)
		memcpy(bytes->data + offset, data, len);
}

void
memdisk_bytes_set(struct mem_bytes *bytes, const struct mem_bytes *from)
{
	memdisk_bytes_resize(bytes, from->len);
	if (from->len > 0)
		memcpy(bytes->data, from->data, from->len);
}

/* --- inodes and names ------------------------------------------------------------------------------------------------ */

struct mem_inode *
memdisk_inode_new(void)
{
	struct mem_inode *inode = memdisk_need(calloc(1, sizeof *inode));

	inode->pending_end = &inode->pending;
	memdisk_bytes_resize(&inode->medium, 0);
	memdisk_bytes_resize(&inode->cached, 0);
	return inode;
}

void
memdisk_forget_pending(struct mem_inode *inode)
{
	while (inode->pending != NULL) {
		struct mem_pending *pending = inode->pending;
		inode->pending = pending->next;
		free(pending->bytes.data);
		free(pending);
	}
	inode->pending_end = &inode->pending;
}

void
memdisk_inode_unref(struct mem_inode *inode)
{
	if (inode == NULL || --inode->refs > 0)
		return;
	memdisk_forget_pending(inode);
	free(inode->medium.data);
	free(inode->cached.data);
	free(inode);
}

static struct mem_pending *
add_pending(struct mem_inode *inode, uint64_t offset, size_t len)
{
	struct mem_pending *pending = memdisk_need(calloc(1, sizeof *pending));

	pending->offset = offset;
	pending->bytes.len = len;
	*inode->pending_end = pending;
	inode->pending_end = &pending->next;
	return pending;
}

void
memdisk_note_write(struct mem_inode *inode, uint64_t offset, const void *data, size_t len)
{
	struct mem_pending *pending = add_pending(inode, offset, len);

	if (data != NULL) {
		pending->bytes.data = memdisk_need(malloc(len + 1));
		memcpy(pending->bytes.data, data, len);
	}
	memdisk_bytes_write(&inode->cached, offset, data, len);
}

void
memdisk_note_cut(struct mem_inode *inode, uint64_t len)
{
	if (len >= inode->cached.len)
		return;
	add_pending(inode, len, 0)->is_cut = true;
	memdisk_bytes_resize(&inode->cached, len);
}

void
memdisk_apply_pending(struct mem_bytes *bytes, const struct mem_pending *pending)
{
	for (; pending != NULL; pending = pending->next)
		if (!pending->is_cut)
			memdisk_bytes_write(bytes, pending->offset, pending->bytes.data, pending->bytes.len);
		else if (pending->offset < bytes->len)
			memdisk_bytes_resize(bytes, pending->offset);
}

void
memdisk_reach_medium(struct mem_inode *inode)
{
	memdisk_apply_pending(&inode->medium, inode->pending);
	memdisk_forget_pending(inode);
}

struct mem_name **
memdisk_find_name(struct mem_name **names, const char *path)
{
	while (*names != NULL && strcmp((*names)->path, path) != 0)
		names = &(*names)->next;
	return names;
}

void
memdisk_name_set(struct mem_name **names, const char *path, struct mem_inode *inode)
{
	struct mem_name **at = memdisk_find_name(names, path);

	if (inode != NULL)
		inode->refs++;
	if (*at != NULL) {
		struct mem_name *old = *at;
		*at = old->next;
		memdisk_inode_unref(old->inode);
		free(old);
	}
	if (inode == NULL)
		return;
	struct mem_name *name = memdisk_need(calloc(1, sizeof *name));
	snprintf(name->path, sizeof name->path, "%s", path);
	name->inode = inode;
	name->next = *names;
	*names = name;
}

void
memdisk_names_free(struct mem_name **names)
{
	while (*names != NULL)
		memdisk_name_set(names, (*names)->path, NULL);
}

void
memdisk_note_change(struct memdisk *memdisk, const char *path, struct mem_inode *inode, const char *gone)
{
	struct mem_name_change *change = memdisk_need(calloc(1, sizeof *change));

	snprintf(change->path, sizeof change->path, "%s", path);
	snprintf(change->gone, sizeof change->gone, "%s", gone);
	change->inode = inode;
	if (inode != NULL)
		inode->refs++;
	*memdisk->changes_end = change;
	memdisk->changes_end = &change->next;
	if (*gone != '\0')
		memdisk_name_set(&memdisk->names, gone, NULL);
	memdisk_name_set(&memdisk->names, path, inode);
}

void
memdisk_apply_change(struct mem_name **names, const struct mem_name_change *change)
{
	if (change->gone[0] != '\0')
		memdisk_name_set(names, change->gone, NULL);
	memdisk_name_set(names, change->path, change->inode);
}

void
memdisk_forget_changes(struct memdisk *memdisk)
{
	while (memdisk->changes != NULL) {
		struct mem_name_change *change = memdisk->changes;
		memdisk->changes = change->next;
		memdisk_inode_unref(change->inode);
		free(change);
	}
	memdisk->changes_end = &memdisk->changes;
}
