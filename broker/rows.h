/*
 * Rows of bits, one bit per slot, for the match index: sparse by chunks, counted, and combined 512 bits at a time with
 * the widest vectors that the machine has. Knows nothing of filters or alerts.
 *
 * A row's chunk that has no bit set does not exist. Each chunk counts its bits and keeps a summary, one bit per block, of
 * the blocks that have any, so a reader of many rows finds the few blocks where all of them can have bits.
 */
#ifndef LIAISON_BROKER_ROWS_H
#define LIAISON_BROKER_ROWS_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define BLOCK_SLOTS 512
#define BLOCK_WORDS (BLOCK_SLOTS / 64)
#define CHUNK_BLOCKS 32 /* the summary is one uint32_t */
#define CHUNK_SLOTS (CHUNK_BLOCKS * BLOCK_SLOTS)
#define CHUNK_WORDS (CHUNK_SLOTS / 64)
#define CHUNK_BYTES (CHUNK_SLOTS / 8)
#define CHUNK_ALIGN 64 /* a cache line */

/* What is asked first of every row stands in one array, apart from the bits. */
struct chunk {
	uint64_t *words; /* owned; CHUNK_WORDS, at CHUNK_ALIGN; NULL: no bit set */
	uint32_t count;  /* bits set */
	uint32_t live;   /* bit b: block b has a bit set */
};

struct row {
	struct chunk *chunks; /* owned */
	uint32_t chunk_count;
	uint32_t count; /* bits set */
};

/* A row of zeros is a valid empty one. */
void row_clear(struct row *row);
/* Makes room for the slot, so that row_set() on it cannot fail. LIAISON_NO_MEMORY. */
enum liaison_err row_reserve(struct row *row, uint32_t slot) LIAISON_MUST_CHECK;
/* Lets go of the slot's chunk if no bit in it is set: undoes row_reserve(). */
void row_trim(struct row *row, uint32_t slot);
void row_set(struct row *row, uint32_t slot);   /* reserved before (assert); setting twice is setting once */
void row_unset(struct row *row, uint32_t slot); /* and lets go of the chunk if that was its last bit */

size_t row_bytes(const struct row *row); /* on the heap */

/* NULL: it has no bit set there. Stands until the row is changed. */
static inline const struct chunk *
row_chunk(const struct row *row, uint32_t chunk)
{
	return chunk < row->chunk_count && row->chunks[chunk].words ? &row->chunks[chunk] : NULL;
}

/* What must hold: a bit in the words of at least one of these chunks. */
struct rows_term {
	const uint64_t *const *any;
	size_t count; /* >= 1 */
};

/* A block's words take numbers out of a list, one per slot; so many places past the last are scribbled on. */
#define ROWS_SLACK 4

/* The two steps that cost, in variants for different machines that all give the same. */
struct rows_steps {
	const char *name;
	/* base AND (OR of each term), for one block, into `out`. False if no bit is left; `out` is then undefined. */
	bool (*combine)(const uint64_t *base, const struct rows_term *terms, size_t term_count, size_t block,
		uint64_t out[BLOCK_WORDS]);
	/* Writes numbers[i] for each bit i that is set, ascending, and returns the end. */
	uint32_t *(*list)(const uint64_t words[BLOCK_WORDS], const uint32_t *numbers, uint32_t *out);
};

const struct rows_steps *rows_steps_portable(void);
/* The fastest that this machine runs. */
const struct rows_steps *rows_steps_best(void);

#endif
