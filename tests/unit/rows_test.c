/* Rows of bits: what is set is found, what is empty is let go of, and all variants of the steps agree. */
#include "broker/rows.h"
#include "proto/base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED 7

static bool
row_has(const struct row *row, uint32_t slot)
{
	const struct chunk *chunk = row_chunk(row, slot / CHUNK_SLOTS);

	return chunk && chunk->words[slot % CHUNK_SLOTS / 64] >> (slot % 64) & 1;
}

static void
set(struct row *row, uint32_t slot)
{
	assert_int_equal(row_reserve(row, slot), LIAISON_OK);
	row_set(row, slot);
}

/* The summary and the counts say what the bits say. */
static void
check_chunks(const struct row *row)
{
	uint32_t total = 0;

	for (uint32_t c = 0; c < row->chunk_count; c++) {
		const struct chunk *chunk = row_chunk(row, c);
		if (!chunk)
			continue;
		uint32_t count = 0;
		uint32_t live = 0;
		for (uint32_t i = 0; i < CHUNK_WORDS; i++) {
			count += (uint32_t)__builtin_popcountll(chunk->words[i]);
			if (chunk->words[i])
				live |= UINT32_C(1) << (i / BLOCK_WORDS);
		}
		assert_int_equal(chunk->count, count);
		assert_int_equal(chunk->live, live);
		assert_true(count > 0);
		total += count;
	}
	assert_int_equal(row->count, total);
}

static void
test_bits_come_and_go(void **state)
{
	enum { SLOTS = 3 * CHUNK_SLOTS };
	static bool model[SLOTS];
	struct rng_seeded seed;
	struct rng rng = rng_from_seed(&seed, SEED);
	struct row row = {0};

	(void)state;
	for (size_t step = 0; step < 20000; step++) {
		/* Few slots, near the edges of words, blocks and chunks too, so that bits meet. */
		uint32_t slot = rng_below(&rng, 12) * (SLOTS / 12) + rng_below(&rng, 70);
		model[slot] = rng_below(&rng, 2);
		if (model[slot])
			set(&row, slot);
		else
			row_unset(&row, slot);
		if (step % 100 == 0)
			check_chunks(&row);
	}
	check_chunks(&row);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		assert_int_equal(row_has(&row, slot), model[slot]);
		row_unset(&row, slot);
		assert_false(row_has(&row, slot));
	}
	assert_int_equal(row.count, 0);
	for (uint32_t c = 0; c < row.chunk_count; c++)
		assert_null(row_chunk(&row, c));
	row_clear(&row);
}

static void
test_setting_twice_is_setting_once(void **state)
{
	struct row row = {0};

	(void)state;
	set(&row, 5);
	set(&row, 5);
	assert_int_equal(row.count, 1);
	row_unset(&row, 5);
	row_unset(&row, 5);
	row_unset(&row, 7 * CHUNK_SLOTS); /* beyond all that it has */
	assert_int_equal(row.count, 0);
	row_clear(&row);
}

static void
test_room_that_was_not_used_is_let_go(void **state)
{
	struct row row = {0};

	(void)state;
	assert_int_equal(row_reserve(&row, CHUNK_SLOTS + 1), LIAISON_OK);
	assert_non_null(row_chunk(&row, 1));
	row_trim(&row, CHUNK_SLOTS + 1);
	assert_null(row_chunk(&row, 1));
	set(&row, 1);
	row_trim(&row, 2); /* not: a bit is set */
	assert_true(row_has(&row, 1));
	row_clear(&row);
}

static uint64_t *
random_words(const struct rng *rng, uint32_t one_in)
{
	uint64_t *words = aligned_alloc(CHUNK_ALIGN, CHUNK_BYTES);

	assert_non_null(words);
	memset(words, 0, CHUNK_BYTES);
	for (uint32_t i = 0; i < CHUNK_SLOTS / one_in; i++) {
		uint32_t at = rng_below(rng, CHUNK_SLOTS);
		words[at / 64] |= UINT64_C(1) << (at % 64);
	}
	return words;
}

/* One bit after the other, as the header says it. */
static size_t
expected(const uint64_t *base, const struct rows_term *terms, size_t term_count, size_t block, const uint32_t *numbers,
	uint32_t *out)
{
	size_t count = 0;

	for (size_t i = 0; i < BLOCK_SLOTS; i++) {
		size_t word = block * BLOCK_WORDS + i / 64;
		uint64_t bit = UINT64_C(1) << (i % 64);
		bool passes = base[word] & bit;
		for (size_t t = 0; t < term_count; t++) {
			bool any = false;
			for (size_t k = 0; k < terms[t].count; k++)
				any = any || (terms[t].any[k][word] & bit);
			passes = passes && any;
		}
		if (passes)
			out[count++] = numbers[i];
	}
	return count;
}

static void
check_steps(const struct rows_steps *steps, const uint64_t *base, const struct rows_term *terms, size_t term_count)
{
	uint32_t numbers[BLOCK_SLOTS];
	uint32_t want[BLOCK_SLOTS];
	uint32_t have[BLOCK_SLOTS + ROWS_SLACK];
	uint64_t words[BLOCK_WORDS];

	for (uint32_t i = 0; i < BLOCK_SLOTS; i++)
		numbers[i] = 1000000 + 3 * i;
	for (size_t block = 0; block < CHUNK_BLOCKS; block++) {
		size_t count = expected(base, terms, term_count, block, numbers, want);
		bool found = steps->combine(base, terms, term_count, block, words);
		/* Without a term nothing is asked, so the base is passed on even if it is empty. */
		assert_true(found || count == 0);
		if (!found)
			continue;
		assert_int_equal(steps->list(words, numbers, have) - have, count);
		assert_memory_equal(have, want, count * sizeof *want);
	}
}

static void
test_all_variants_do_as_one_bit_after_the_other(void **state)
{
	const struct rows_steps *variants[] = {rows_steps_portable(), rows_steps_best()};
	static const uint32_t ONE_IN[] = {1, 1, 2, 3, 7, 60, 900};
	struct rng_seeded seed;
	struct rng rng = rng_from_seed(&seed, SEED);
	uint64_t *chunks[7];
	const uint64_t *any[12];

	(void)state;
	print_message("variants: %s, %s; seed %d\n", variants[0]->name, variants[1]->name, SEED);
	for (size_t i = 0; i < 7; i++)
		chunks[i] = random_words(&rng, ONE_IN[i]);
	memset(chunks[0], 0xff, CHUNK_BYTES);
	for (size_t round = 0; round < 200; round++) {
		struct rows_term terms[4];
		size_t term_count = rng_below(&rng, 5);
		size_t used = 0;
		for (size_t t = 0; t < term_count; t++) {
			terms[t] = (struct rows_term){.any = any + used, .count = 1 + rng_below(&rng, 3)};
			for (size_t i = 0; i < terms[t].count; i++)
				any[used++] = chunks[rng_below(&rng, 7)];
		}
		const uint64_t *base = chunks[rng_below(&rng, 7)];
		for (size_t v = 0; v < 2; v++)
			check_steps(variants[v], base, terms, term_count);
	}
	for (size_t i = 0; i < 7; i++)
		free(chunks[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bits_come_and_go),
		cmocka_unit_test(test_setting_twice_is_setting_once),
		cmocka_unit_test(test_room_that_was_not_used_is_let_go),
		cmocka_unit_test(test_all_variants_do_as_one_bit_after_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
