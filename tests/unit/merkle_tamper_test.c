/* No proof holds after leaf, root, path, index or size were changed: a rewritten or forked log is found. */
#include "proto/base/rand.h"
#include "proto/merkle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define LEAVES_MAX 130
#define SEED UINT64_C(20240611)

static struct merkle_tree *
tree_of(const struct digest *leaves, size_t count)
{
	struct merkle_tree *tree = merkle_tree_new();

	assert_non_null(tree);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(merkle_tree_append(tree, &leaves[i]), LIAISON_OK);
	return tree;
}

struct forest {
	struct digest leaves[LEAVES_MAX];
	struct digest roots[LEAVES_MAX + 1];
	struct merkle_tree *tree;
	struct rng_seeded seeded;
	struct rng rng;
};

static int
forest_set_up(void **state)
{
	struct forest *forest = calloc(1, sizeof *forest);

	assert_non_null(forest);
	print_message("seed %llu\n", (unsigned long long)SEED);
	forest->rng = rng_from_seed(&forest->seeded, SEED);
	rng_fill(&forest->rng, forest->leaves, sizeof forest->leaves);
	for (size_t size = 0; size <= LEAVES_MAX; size++)
		merkle_root_of(forest->leaves, size, &forest->roots[size]);
	forest->tree = tree_of(forest->leaves, LEAVES_MAX);
	*state = forest;
	return 0;
}

static int
forest_tear_down(void **state)
{
	struct forest *forest = *state;

	merkle_tree_free(forest->tree);
	free(forest);
	return 0;
}

static void
flip(struct digest *digest, size_t bit)
{
	digest->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static const size_t tampered_sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 33, 64, 97, 128, 130};
#define TAMPERED_SIZES (sizeof tampered_sizes / sizeof tampered_sizes[0])

static void
no_flipped_bit_passes_as_included(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path;

	for (size_t s = 0; s < TAMPERED_SIZES; s++) {
		size_t size = tampered_sizes[s];
		size_t index = rng_below(&forest->rng, (uint32_t)size);
		struct digest leaf = forest->leaves[index], root = forest->roots[size];
		merkle_tree_inclusion(forest->tree, index, size, &path);
#define REFUSED()                                                                                                      \
	assert_int_equal(merkle_verify_inclusion(&leaf, index, size, path.nodes, path.len, &root), LIAISON_INCONSISTENT)
		for (size_t bit = 0; bit < 8 * DIGEST_BYTES; bit++) {
			flip(&leaf, bit), REFUSED(), flip(&leaf, bit);
			flip(&root, bit), REFUSED(), flip(&root, bit);
			for (size_t i = 0; i < path.len; i++)
				flip(&path.nodes[i], bit), REFUSED(), flip(&path.nodes[i], bit);
		}
#undef REFUSED
		/* The path of one leaf stands for no other, and a bit of the index is a bit of the proof. */
		for (unsigned bit = 0; bit < 64; bit++)
			assert_int_equal(merkle_verify_inclusion(
						 &leaf, index ^ UINT64_C(1) << bit, size, path.nodes, path.len, &root),
				LIAISON_INCONSISTENT);
	}
}

static void
no_other_length_passes_as_included(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path;

	for (size_t size = 1; size <= LEAVES_MAX; size++) {
		size_t index = rng_below(&forest->rng, (uint32_t)size);
		const struct digest *leaf = &forest->leaves[index], *root = &forest->roots[size];
		merkle_tree_inclusion(forest->tree, index, size, &path);
		path.nodes[path.len] = *root;
		assert_int_equal(merkle_verify_inclusion(leaf, index, size, path.nodes, path.len + 1, root),
			LIAISON_INCONSISTENT);
		if (path.len == 0)
			continue;
		assert_int_equal(merkle_verify_inclusion(leaf, index, size, path.nodes, path.len - 1, root),
			LIAISON_INCONSISTENT);
		assert_int_equal(merkle_verify_inclusion(leaf, index, size, path.nodes + 1, path.len - 1, root),
			LIAISON_INCONSISTENT);
		/* An inner node is not a leaf, nor is a leaf a whole tree. */
		assert_int_equal(merkle_verify_inclusion(root, 0, size, NULL, 0, root), LIAISON_INCONSISTENT);
	}
	assert_int_equal(
		merkle_verify_inclusion(&forest->leaves[0], 0, 0, NULL, 0, &forest->roots[0]), LIAISON_INCONSISTENT);
	assert_int_equal(
		merkle_verify_inclusion(&forest->leaves[0], 1, 1, NULL, 0, &forest->roots[1]), LIAISON_INCONSISTENT);
}

/*
 * A wrong size with the right root: for many indexes the climb is the same (leaf 0 of 5 and of 6 have siblings on the
 * same sides), so RFC 6962 binds the size only together with the root, in the checkpoint. What must fail is each size
 * whose path has another length.
 */
static void
a_size_of_another_path_length_is_refused(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path, other;

	for (size_t size = 1; size <= LEAVES_MAX; size++) {
		size_t index = rng_below(&forest->rng, (uint32_t)size);
		merkle_tree_inclusion(forest->tree, index, size, &path);
		for (size_t wrong = index + 1; wrong <= LEAVES_MAX; wrong++) {
			merkle_tree_inclusion(forest->tree, index, wrong, &other);
			if (other.len == path.len)
				continue;
			assert_int_equal(merkle_verify_inclusion(&forest->leaves[index], index, wrong, path.nodes,
						 path.len, &forest->roots[size]),
				LIAISON_INCONSISTENT);
		}
		for (size_t wrong = 0; wrong <= index; wrong++)
			assert_int_equal(merkle_verify_inclusion(&forest->leaves[index], index, wrong, path.nodes,
						 path.len, &forest->roots[size]),
				LIAISON_INCONSISTENT);
	}
}

static void
no_rewritten_log_passes_as_consistent(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path;

	for (size_t s = 1; s < TAMPERED_SIZES; s++) {
		size_t to = tampered_sizes[s];
		size_t from = 1 + rng_below(&forest->rng, (uint32_t)to - 1);
		struct digest from_root = forest->roots[from], to_root = forest->roots[to];
		merkle_tree_consistency(forest->tree, from, to, &path);
#define REFUSED(old, old_root, new, new_root, nodes, len)                                                              \
	assert_int_equal(merkle_verify_consistency(old, old_root, new, new_root, nodes, len), LIAISON_INCONSISTENT)
		for (size_t bit = 0; bit < 8 * DIGEST_BYTES; bit++) {
			flip(&from_root, bit);
			REFUSED(from, &from_root, to, &to_root, path.nodes, path.len);
			flip(&from_root, bit);
			flip(&to_root, bit);
			REFUSED(from, &from_root, to, &to_root, path.nodes, path.len);
			flip(&to_root, bit);
			for (size_t i = 0; i < path.len; i++) {
				flip(&path.nodes[i], bit);
				REFUSED(from, &from_root, to, &to_root, path.nodes, path.len);
				flip(&path.nodes[i], bit);
			}
		}
		path.nodes[path.len] = to_root;
		REFUSED(from, &from_root, to, &to_root, path.nodes, path.len + 1);
		REFUSED(from, &from_root, to, &to_root, path.nodes, path.len - 1);
		REFUSED(from, &from_root, to, &to_root, path.nodes + 1, path.len - 1);
		REFUSED(from, &from_root, to, &to_root, NULL, 0);
		REFUSED(from, &to_root, to, &from_root, path.nodes, path.len);
		REFUSED(to, &to_root, from, &from_root, path.nodes, path.len);
		REFUSED(from, &from_root, from, &to_root, NULL, 0);
		REFUSED(0, &forest->roots[0], to, &to_root, path.nodes, path.len);
#undef REFUSED
	}
	assert_int_equal(merkle_verify_consistency(0, &forest->roots[0], 7, &forest->roots[7], NULL, 0), LIAISON_OK);
	assert_int_equal(merkle_verify_consistency(7, &forest->roots[7], 7, &forest->roots[7], NULL, 0), LIAISON_OK);
}

/* An honest path and honest roots, but another size claimed, by which the log would seem longer or shorter than it is. */
static void
a_claimed_size_of_another_path_length_is_inconsistent(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path, other;

	for (size_t to = 2; to <= LEAVES_MAX; to++) {
		size_t from = 1 + rng_below(&forest->rng, (uint32_t)to - 1);
		merkle_tree_consistency(forest->tree, from, to, &path);
		for (size_t wrong = from + 1; wrong <= LEAVES_MAX; wrong++) {
			merkle_tree_consistency(forest->tree, from, wrong, &other);
			if (other.len != path.len)
				assert_int_equal(merkle_verify_consistency(from, &forest->roots[from], wrong,
							 &forest->roots[to], path.nodes, path.len),
					LIAISON_INCONSISTENT);
		}
	}
}

/* A log that grew from another past: one leaf below `from` differs, all proofs are honest ones of that other log. */
static void
no_forked_log_passes_as_consistent(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path;
	struct digest other_leaves[LEAVES_MAX], to_root;

	for (size_t from = 1; from < LEAVES_MAX; from += 7) {
		memcpy(other_leaves, forest->leaves, sizeof other_leaves);
		flip(&other_leaves[rng_below(&forest->rng, (uint32_t)from)], rng_below(&forest->rng, 256));
		struct merkle_tree *other = tree_of(other_leaves, LEAVES_MAX);
		merkle_tree_root(other, LEAVES_MAX, &to_root);
		merkle_tree_consistency(other, from, LEAVES_MAX, &path);
		assert_int_equal(merkle_verify_consistency(
					 from, &forest->roots[from], LEAVES_MAX, &to_root, path.nodes, path.len),
			LIAISON_INCONSISTENT);
		merkle_tree_free(other);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_flipped_bit_passes_as_included),
		cmocka_unit_test(no_other_length_passes_as_included),
		cmocka_unit_test(a_size_of_another_path_length_is_refused),
		cmocka_unit_test(no_rewritten_log_passes_as_consistent),
		cmocka_unit_test(a_claimed_size_of_another_path_length_is_inconsistent),
		cmocka_unit_test(no_forked_log_passes_as_consistent),
	};

	return cmocka_run_group_tests(tests, forest_set_up, forest_tear_down);
}
