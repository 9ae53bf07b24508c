#include "tests/support/memdisk_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The copy of an inode on a disk that is being made: one for each, however many names it has. */
struct twin {
	const struct mem_inode *from;
	struct mem_inode *to;
};

struct twins {
	struct twin list[1024];
	size_t count;
};

static void
put_on_both(struct mem_inode *inode, const struct mem_bytes *bytes)
{
	if (&inode->medium != bytes)
		memdisk_bytes_set(&inode->medium, bytes);
	if (&inode->cached != bytes)
		memdisk_bytes_set(&inode->cached, bytes);
}

/* Each sector of a write that lies below `limit` by itself reaches `state` with a chance of `percent`. */
static void
tear_write(const struct mem_pending *pending, uint64_t limit, struct mem_bytes *state, const struct rng *rng,
	size_t sector, uint32_t percent)
{
	const uint8_t *data = pending->bytes.data;
	uint64_t end = pending->offset + pending->bytes.len;

	if (end > limit)
		end = limit;
	for (uint64_t at = pending->offset; at < end;) {
		uint64_t next = (at / sector + 1) * sector;
		if (next > end)
			next = end;
		if (rng_below(rng, 100) < percent)
			memdisk_bytes_write(
				state, at, data != NULL ? data + (at - pending->offset) : NULL, (size_t)(next - at));
		at = next;
	}
}

/*
 * What was not synced, in part. A cut is the file system's, which keeps the order of its own changes: where one is lost, so
 * is every later one, and what was written later beyond it, for that lies in blocks which only those later changes name.
 */
static void
tear(const struct mem_inode *from, struct mem_inode *to, const struct rng *rng, size_t sector, uint32_t percent)
{
	struct mem_bytes state = {0};
	uint64_t limit = UINT64_MAX;

	memdisk_bytes_set(&state, &from->medium);
	for (const struct mem_pending *pending = from->pending; pending != NULL; pending = pending->next) {
		if (!pending->is_cut) {
			tear_write(pending, limit, &state, rng, sector, percent);
		} else if (limit == UINT64_MAX && rng_below(rng, 100) < percent) {
			if (pending->offset < state.len)
				memdisk_bytes_resize(&state, pending->offset);
		} else if (pending->offset < limit) {
			limit = pending->offset;
		}
	}
	put_on_both(to, &state);
	free(state.data);
}

static struct mem_inode *
twin_of(struct twins *twins, const struct mem_inode *from)
{
	for (size_t i = 0; i < twins->count; i++)
		if (twins->list[i].from == from)
			return twins->list[i].to;
	assert(twins->count < sizeof twins->list / sizeof twins->list[0]);
	struct twin *twin = &twins->list[twins->count++];
	*twin = (struct twin){from, memdisk_inode_new()};
	twin->to->refs++;
	return twin->to;
}

static void
twins_free(struct twins *twins)
{
	for (size_t i = 0; i < twins->count; i++)
		memdisk_inode_unref(twins->list[i].to);
	free(twins);
}

static void
copy_names(struct mem_name **to, const struct mem_name *from, struct twins *twins)
{
	for (; from != NULL; from = from->next)
		memdisk_name_set(to, from->path, twin_of(twins, from->inode));
}

struct memdisk *
memdisk_crash(const struct memdisk *memdisk, const struct rng *rng, size_t sector)
{
	struct memdisk *after = memdisk_new();
	struct twins *twins = memdisk_need(calloc(1, sizeof *twins));
	static const uint32_t percents[] = {0, 10, 50, 90, 100};

	copy_names(&after->medium_names, memdisk->medium_names, twins);
	uint32_t changes = 0;
	for (const struct mem_name_change *change = memdisk->changes; change != NULL; change = change->next)
		changes++;
	uint32_t kept = rng_below(rng, changes + 1);
	for (const struct mem_name_change *change = memdisk->changes; kept > 0; change = change->next, kept--) {
		struct mem_name_change twin = *change;
		twin.inode = change->inode != NULL ? twin_of(twins, change->inode) : NULL;
		memdisk_apply_change(&after->medium_names, &twin);
	}
	for (size_t i = 0; i < twins->count; i++)
		tear(twins->list[i].from, twins->list[i].to, rng, sector, percents[rng_below(rng, 5)]);
	for (const struct mem_name *name = after->medium_names; name != NULL; name = name->next)
		memdisk_name_set(&after->names, name->path, name->inode);
	twins_free(twins);
	return after;
}

struct memdisk *
memdisk_kill(const struct memdisk *memdisk)
{
	struct memdisk *after = memdisk_new();
	struct twins *twins = memdisk_need(calloc(1, sizeof *twins));

	copy_names(&after->medium_names, memdisk->names, twins);
	copy_names(&after->names, memdisk->names, twins);
	for (size_t i = 0; i < twins->count; i++) {
		const struct mem_inode *from = twins->list[i].from;
		struct mem_inode *to = twins->list[i].to;
		memdisk_bytes_set(&to->medium, &from->medium);
		memdisk_bytes_set(&to->cached, &from->medium);
		for (const struct mem_pending *pending = from->pending; pending != NULL; pending = pending->next)
			if (!pending->is_cut)
				memdisk_note_write(to, pending->offset, pending->bytes.data, pending->bytes.len);
			else
				memdisk_note_cut(to, pending->offset);
		memdisk_bytes_set(&to->cached, &from->cached);
	}
	twins_free(twins);
	return after;
}

static struct mem_inode *
inode_at(struct memdisk *memdisk, const char *path)
{
	struct mem_name *name = *memdisk_find_name(&memdisk->names, path);

	return name != NULL ? name->inode : NULL;
}

const uint8_t *
memdisk_file(struct memdisk *memdisk, const char *path, size_t *len)
{
	struct mem_inode *inode = inode_at(memdisk, path);

	if (inode == NULL)
		return NULL;
	*len = inode->cached.len;
	return inode->cached.data;
}

void
memdisk_spoil(struct memdisk *memdisk, const char *path, uint64_t offset, const void *bytes, size_t len)
{
	struct mem_inode *inode = inode_at(memdisk, path);

	assert(inode != NULL);
	memdisk_reach_medium(inode);
	memdisk_bytes_write(&inode->cached, offset, bytes, len);
	put_on_both(inode, &inode->cached);
}

void
memdisk_flip(struct memdisk *memdisk, const char *path, uint64_t bit)
{
	size_t len;
	const uint8_t *bytes = memdisk_file(memdisk, path, &len);

	assert(bytes != NULL && bit / 8 < len);
	uint8_t flipped = (uint8_t)(bytes[bit / 8] ^ 1U << bit % 8);
	struct mem_inode *inode = inode_at(memdisk, path);
	memdisk_reach_medium(inode);
	inode->cached.data[bit / 8] = flipped;
	if (bit / 8 < inode->medium.len)
		inode->medium.data[bit / 8] = flipped;
}

void
memdisk_truncate(struct memdisk *memdisk, const char *path, size_t len)
{
	struct mem_inode *inode = inode_at(memdisk, path);

	assert(inode != NULL);
	memdisk_reach_medium(inode);
	memdisk_bytes_resize(&inode->cached, len);
	put_on_both(inode, &inode->cached);
}

void
memdisk_remove(struct memdisk *memdisk, const char *path)
{
	memdisk_name_set(&memdisk->names, path, NULL);
	memdisk_name_set(&memdisk->medium_names, path, NULL);
}

void
memdisk_copy(struct memdisk *memdisk, const char *path, struct memdisk *from, const char *from_path)
{
	struct mem_inode *inode = memdisk_inode_new();
	const struct mem_inode *source = inode_at(from, from_path);

	assert(source != NULL);
	put_on_both(inode, &source->cached);
	inode->refs++;
	memdisk_name_set(&memdisk->names, path, inode);
	memdisk_name_set(&memdisk->medium_names, path, inode);
	memdisk_inode_unref(inode);
}
