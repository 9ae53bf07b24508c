#include "broker/rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
row_clear(struct row *row)
{
	for (uint32_t i = 0; i < row->chunk_count; i++)
		free(row->chunks[i].words);
	free(row->chunks);
	*row = (struct row){0};
}

enum liaison_err
row_reserve(struct row *row, uint32_t slot)
{
	uint32_t at = slot / CHUNK_SLOTS;

	if (at >= row->chunk_count) {
		struct chunk *chunks = realloc(row->chunks, (at + 1) * sizeof *chunks);
		if (!chunks)
			return LIAISON_NO_MEMORY;
		memset(chunks + row->chunk_count, 0, (at + 1 - row->chunk_count) * sizeof *chunks);
		row->chunks = chunks;
		row->chunk_count = at + 1;
	}
	if (!row->chunks[at].words) {
		uint64_t *words = aligned_alloc(CHUNK_ALIGN, CHUNK_BYTES);
		if (!words)
			return LIAISON_NO_MEMORY;
		memset(words, 0, CHUNK_BYTES);
		row->chunks[at].words = words;
	}
	return LIAISON_OK;
}

void
row_trim(struct row *row, uint32_t slot)
{
	uint32_t at = slot / CHUNK_SLOTS;

	if (at < row->chunk_count && row->chunks[at].count == 0) {
		free(row->chunks[at].words);
		row->chunks[at].words = NULL;
	}
}

void
row_set(struct row *row, uint32_t slot)
{
	assert(row_chunk(row, slot / CHUNK_SLOTS));
	struct chunk *chunk = &row->chunks[slot / CHUNK_SLOTS];
	uint32_t at = slot % CHUNK_SLOTS;
	uint64_t bit = UINT64_C(1) << (at % 64);

	if (chunk->words[at / 64] & bit)
		return;
	chunk->words[at / 64] |= bit;
	chunk->live |= UINT32_C(1) << (at / BLOCK_SLOTS);
	chunk->count++;
	row->count++;
}

void
row_unset(struct row *row, uint32_t slot)
{
	if (!row_chunk(row, slot / CHUNK_SLOTS))
		return;
	struct chunk *chunk = &row->chunks[slot / CHUNK_SLOTS];
	uint32_t at = slot % CHUNK_SLOTS;
	uint64_t bit = UINT64_C(1) << (at % 64);

	if (!(chunk->words[at / 64] & bit))
		return;
	chunk->words[at / 64] &= ~bit;
	chunk->count--;
	row->count--;

	const uint64_t *block = chunk->words + at / BLOCK_SLOTS * BLOCK_WORDS;
	uint64_t left = 0;
	for (size_t i = 0; i < BLOCK_WORDS; i++)
		left |= block[i];
	if (left == 0)
		chunk->live &= ~(UINT32_C(1) << (at / BLOCK_SLOTS));
	row_trim(row, slot);
}

size_t
row_bytes(const struct row *row)
{
	size_t bytes = row->chunk_count * sizeof *row->chunks;

	for (uint32_t i = 0; i < row->chunk_count; i++)
		if (row->chunks[i].words)
			bytes += CHUNK_BYTES;
	return bytes;
}

/* --- one block ----------------------------------------------------------------------------------------------------- */

/* 32 bytes: AVX2 has it as one register, for what has less the compiler makes it of several. */
typedef uint64_t vec __attribute__((vector_size(32), may_alias));
#define VEC_WORDS (sizeof(vec) / sizeof(uint64_t))
_Static_assert(BLOCK_WORDS == 2 * VEC_WORDS, "a block is two vectors");

#define VARIANT static inline __attribute__((always_inline))

VARIANT bool
block_combine(
	const uint64_t *base, const struct rows_term *terms, size_t term_count, size_t block, uint64_t out[BLOCK_WORDS])
{
	size_t at = 2 * block;
	const vec *words = (const vec *)base + at;
	vec low = words[0];
	vec high = words[1];

	for (size_t t = 0; t < term_count; t++) {
		words = (const vec *)terms[t].any[0] + at;
		vec any_low = words[0];
		vec any_high = words[1];
		for (size_t i = 1; i < terms[t].count; i++) {
			words = (const vec *)terms[t].any[i] + at;
			any_low |= words[0];
			any_high |= words[1];
		}
		low &= any_low;
		high &= any_high;
		vec left = low | high;
		if ((left[0] | left[1] | left[2] | left[3]) == 0)
			return false;
	}
	memcpy(out, &low, sizeof low);
	memcpy(out + VEC_WORDS, &high, sizeof high);
	return true;
}

VARIANT uint32_t *
block_list(const uint64_t words[BLOCK_WORDS], const uint32_t *numbers, uint32_t *out)
{
	for (size_t w = 0; w < BLOCK_WORDS; w++, numbers += 64) {
		uint64_t word = words[w];
		uint32_t *end = out + __builtin_popcountll(word);

		/* By fours without a look at each bit, since how many there are cannot be predicted. */
		for (uint32_t *at = out; at < end; at += ROWS_SLACK)
#pragma GCC unroll 4
			for (size_t i = 0; i < ROWS_SLACK; i++) {
				at[i] = numbers[__builtin_ctzll(word | UINT64_C(1) << 63)];
				word &= word - 1;
			}
		out = end;
	}
	return out;
}

static bool
combine_portable(
	const uint64_t *base, const struct rows_term *terms, size_t term_count, size_t block, uint64_t out[BLOCK_WORDS])
{
	return block_combine(base, terms, term_count, block, out);
}

static uint32_t *
list_portable(const uint64_t words[BLOCK_WORDS], const uint32_t *numbers, uint32_t *out)
{
	return block_list(words, numbers, out);
}

const struct rows_steps *
rows_steps_portable(void)
{
	static const struct rows_steps portable = {"portable", combine_portable, list_portable};

	return &portable;
}

#ifdef __x86_64__
#define HASWELL __attribute__((target("avx2,bmi,bmi2,popcnt")))

HASWELL static bool
combine_avx2(
	const uint64_t *base, const struct rows_term *terms, size_t term_count, size_t block, uint64_t out[BLOCK_WORDS])
{
	return block_combine(base, terms, term_count, block, out);
}

HASWELL static uint32_t *
list_avx2(const uint64_t words[BLOCK_WORDS], const uint32_t *numbers, uint32_t *out)
{
	return block_list(words, numbers, out);
}
#endif

const struct rows_steps *
rows_steps_best(void)
{
#ifdef __x86_64__
	static const struct rows_steps avx2 = {"avx2", combine_avx2, list_avx2};

	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
		__builtin_cpu_supports("popcnt"))
		return &avx2;
#endif
	return rows_steps_portable();
}
