#include "proto/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define ALIGN alignof(max_align_t)
#define BLOCK_BYTES_MIN 1024

struct arena_block {
	struct arena_block *next;
	size_t len;
	alignas(max_align_t) unsigned char bytes[];
};

static void *
allocator_alloc(void *arena, size_t len)
{
	return arena_alloc(arena, len);
}

static void
allocator_free(void *arena, void *memory)
{
	(void)arena;
	(void)memory;
}

void
arena_init(struct arena *arena, size_t first_bytes)
{
	*arena = (struct arena){.first_bytes = first_bytes,
		.allocator = {.alloc = allocator_alloc, .free = allocator_free, .allocator_data = arena}};
}

void
arena_init_in(struct arena *arena, void *memory, size_t len)
{
	arena_init(arena, len);
	arena->at = memory;
	arena->left = len;
}

static void
free_blocks(struct arena_block *block)
{
	while (block != NULL) {
		struct arena_block *next = block->next;
		free(block);
		block = next;
	}
}

void
arena_clear(struct arena *arena)
{
	free_blocks(arena->blocks);
	arena->blocks = NULL;
	arena->left = 0;
}

void
arena_reset(struct arena *arena)
{
	struct arena_block *kept = arena->blocks;

	if (kept == NULL)
		return;
	/* The newest is the largest. What one message in a thousand needs is not kept for all the others. */
	free_blocks(kept->next);
	kept->next = NULL;
	if (kept->len > 4 * arena->first_bytes) {
		arena_clear(arena);
		return;
	}
	arena->at = kept->bytes;
	arena->left = kept->len;
}

static int
add_block(struct arena *arena, size_t needed)
{
	size_t len = arena->blocks != NULL ? 2 * arena->blocks->len : arena->first_bytes;

	if (len < BLOCK_BYTES_MIN)
		len = BLOCK_BYTES_MIN;
	if (len < needed)
		len = needed;
	if (len > SIZE_MAX - sizeof(struct arena_block))
		return -1;
	struct arena_block *block = malloc(sizeof *block + len);
	if (block == NULL)
		return -1;
	block->next = arena->blocks;
	block->len = len;
	arena->blocks = block;
	arena->at = block->bytes;
	arena->left = len;
	return 0;
}

void *
arena_alloc(struct arena *arena, size_t len)
{
	if (len > SIZE_MAX / 4)
		return NULL;
	/* Nothing at all is a place of its own, too: NULL means no memory. */
	len = len > 0 ? (len + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
	if (len > arena->left && add_block(arena, len) != 0)
		return NULL;
	void *memory = arena->at;
	arena->at += len;
	arena->left -= len;
	return memory;
}
