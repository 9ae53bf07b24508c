/*
 * Memory that is given back all at once: for parsed messages, whose many small pieces live and die together. Grows by
 * blocks; nothing is given back singly.
 */
#ifndef LIAISON_PROTO_BASE_ARENA_H
#define LIAISON_PROTO_BASE_ARENA_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

struct arena_block;

struct arena {
	ProtobufCAllocator allocator; /* for protobuf-c's functions; its free does nothing */
	unsigned char *at;
	size_t left;
	size_t first_bytes;
	struct arena_block *blocks; /* newest first */
};

/* No memory is taken before it is needed; the first block then has room for `first_bytes`. */
void arena_init(struct arena *arena, size_t first_bytes);
/* The same, beginning with memory that the caller owns, aligned for any type. */
void arena_init_in(struct arena *arena, void *memory, size_t len);
void arena_clear(struct arena *arena);
/* Forgets what was given out, and keeps one block for what comes next. Not for one that began in a caller's memory. */
void arena_reset(struct arena *arena);

void *arena_alloc(struct arena *arena, size_t len); /* aligned for any type; NULL: no memory */

#endif
