#include "proto/base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PIECES 200

/* Pieces of many lengths: none overlaps another, each is aligned for anything. */
static void
use(struct arena *arena)
{
	unsigned char *pieces[PIECES];

	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = arena_alloc(arena, i);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		memset(pieces[i], (int)i, i);
	}
	for (size_t i = 0; i < PIECES; i++)
		for (size_t k = 0; k < i; k++)
			assert_int_equal(pieces[i][k], (unsigned char)i);
}

static void
it_hands_out_pieces_that_do_not_meet(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 64);
	use(&arena);
	arena_reset(&arena);
	use(&arena);
	arena_clear(&arena);
	use(&arena);
	arena_clear(&arena);
}

static void
it_begins_with_a_callers_memory_and_goes_on_in_its_own(void **state)
{
	alignas(max_align_t) unsigned char memory[256];
	struct arena arena;
	(void)state;

	arena_init_in(&arena, memory, sizeof memory);
	assert_ptr_equal(arena_alloc(&arena, 100), memory);
	unsigned char *second = arena_alloc(&arena, 100);
	assert_true(second > memory && second + 100 <= memory + sizeof memory);
	unsigned char *third = arena_alloc(&arena, 100);
	assert_true(third < memory || third >= memory + sizeof memory);
	use(&arena);
	arena_clear(&arena);
}

static void
an_absurd_length_is_no_memory(void **state)
{
	struct arena arena;
	(void)state;

	arena_init(&arena, 64);
	assert_null(arena_alloc(&arena, SIZE_MAX));
	assert_null(arena_alloc(&arena, SIZE_MAX / 2));
	assert_non_null(arena_alloc(&arena, 1));
	arena_clear(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_hands_out_pieces_that_do_not_meet),
		cmocka_unit_test(it_begins_with_a_callers_memory_and_goes_on_in_its_own),
		cmocka_unit_test(an_absurd_length_is_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
