/* The tree against published vectors, against RFC 6962's recursive definition, and at sizes that no test can build. */
#include "proto/base/rand.h"
#include "proto/merkle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <sodium.h>

#define LEAVES_MAX 130
#define SEED UINT64_C(20240611)

static struct digest
from_hex(const char *hex)
{
	struct digest digest;
	size_t len;

	assert_int_equal(sodium_hex2bin(digest.bytes, DIGEST_BYTES, hex, strlen(hex), NULL, &len, NULL), 0);
	assert_int_equal(len, DIGEST_BYTES);
	return digest;
}

static void
assert_digest(const struct digest *got, const struct digest *want)
{
	char got_hex[DIGEST_HEX_BYTES], want_hex[DIGEST_HEX_BYTES];

	digest_hex(got, got_hex);
	digest_hex(want, want_hex);
	assert_string_equal(got_hex, want_hex);
}

static struct merkle_tree *
tree_of(const struct digest *leaves, size_t count)
{
	struct merkle_tree *tree = merkle_tree_new();

	assert_non_null(tree);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(merkle_tree_append(tree, &leaves[i]), LIAISON_OK);
	return tree;
}

/* --- published: google/certificate-transparency, cpp/merkletree/merkle_tree_test.cc ---------------------------------- */

static const struct {
	const char *bytes;
	size_t len;
} ct_leaves[8] = {
	{"", 0},
	{"\x00", 1},
	{"\x10", 1},
	{"\x20\x21", 2},
	{"\x30\x31", 2},
	{"\x40\x41\x42\x43", 4},
	{"\x50\x51\x52\x53\x54\x55\x56\x57", 8},
	{"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f", 16},
};

static const char *const ct_leaf_hashes[8] = {
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
	"0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
	"07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
	"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
	"4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
	"b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
	"46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
};

static const char *const ct_roots[9] = {
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
	"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
	"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
	"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
	"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
	"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
	"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
	"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct ct_path {
	uint64_t a, b; /* index and size, or from and to */
	size_t len;
	const char *nodes[3];
};

static const struct ct_path ct_inclusions[] = {
	{0, 1, 0, {0}},
	{0, 8, 3,
		{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	{5, 8, 3,
		{"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	{2, 3, 1, {"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"}},
	{1, 5, 3,
		{"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static const struct ct_path ct_consistencies[] = {
	{1, 1, 0, {0}},
	{1, 8, 3,
		{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
			"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"}},
	{6, 8, 3,
		{"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
			"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
			"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"}},
	{2, 5, 2,
		{"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
			"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"}},
};

static void
ct_leaf_digests(struct digest leaves[8])
{
	for (size_t i = 0; i < 8; i++)
		merkle_leaf(ct_leaves[i].bytes, ct_leaves[i].len, &leaves[i]);
}

static void
assert_path(const struct merkle_path *got, const struct ct_path *want)
{
	assert_int_equal(got->len, want->len);
	for (size_t i = 0; i < want->len; i++) {
		struct digest node = from_hex(want->nodes[i]);
		assert_digest(&got->nodes[i], &node);
	}
}

static void
published_leaves_and_roots_come_out(void **state)
{
	(void)state;
	struct digest leaves[8];
	ct_leaf_digests(leaves);
	struct merkle_tree *tree = tree_of(leaves, 8);

	for (size_t i = 0; i < 8; i++) {
		struct digest want = from_hex(ct_leaf_hashes[i]);
		assert_digest(&leaves[i], &want);
	}
	for (size_t size = 0; size <= 8; size++) {
		struct digest root, want = from_hex(ct_roots[size]);
		merkle_root_of(leaves, size, &root);
		assert_digest(&root, &want);
		merkle_tree_root(tree, size, &root);
		assert_digest(&root, &want);
	}
	merkle_tree_free(tree);
}

static void
published_paths_come_out_and_verify(void **state)
{
	(void)state;
	struct digest leaves[8];
	ct_leaf_digests(leaves);
	struct merkle_tree *tree = tree_of(leaves, 8);
	struct merkle_path path;

	for (size_t i = 0; i < sizeof ct_inclusions / sizeof ct_inclusions[0]; i++) {
		const struct ct_path *want = &ct_inclusions[i];
		struct digest root = from_hex(ct_roots[want->b]);
		merkle_tree_inclusion(tree, want->a, want->b, &path);
		assert_path(&path, want);
		merkle_inclusion_of(leaves, want->b, want->a, &path);
		assert_path(&path, want);
		assert_int_equal(
			merkle_verify_inclusion(&leaves[want->a], want->a, want->b, path.nodes, path.len, &root),
			LIAISON_OK);
	}
	for (size_t i = 0; i < sizeof ct_consistencies / sizeof ct_consistencies[0]; i++) {
		const struct ct_path *want = &ct_consistencies[i];
		struct digest from_root = from_hex(ct_roots[want->a]), to_root = from_hex(ct_roots[want->b]);
		merkle_tree_consistency(tree, want->a, want->b, &path);
		assert_path(&path, want);
		assert_int_equal(
			merkle_verify_consistency(want->a, &from_root, want->b, &to_root, path.nodes, path.len),
			LIAISON_OK);
	}
	merkle_tree_free(tree);
}

/* --- the recursive definition, word for word -------------------------------------------------------------------------- */

static void
naive_root(const struct digest *leaves, size_t count, struct digest *out)
{
	struct digest left, right;
	size_t split = 1;

	if (count == 0) {
		digest_sha256("", 0, out);
		return;
	}
	if (count == 1) {
		*out = leaves[0];
		return;
	}
	while (split * 2 < count)
		split *= 2;
	naive_root(leaves, split, &left);
	naive_root(leaves + split, count - split, &right);
	merkle_node(&left, &right, out);
}

static void
naive_inclusion(const struct digest *leaves, size_t count, size_t index, struct merkle_path *path)
{
	size_t split = 1;

	if (count == 1)
		return;
	while (split * 2 < count)
		split *= 2;
	if (index < split) {
		naive_inclusion(leaves, split, index, path);
		naive_root(leaves + split, count - split, &path->nodes[path->len++]);
	} else {
		naive_inclusion(leaves + split, count - split, index - split, path);
		naive_root(leaves, split, &path->nodes[path->len++]);
	}
}

static void
naive_subproof(const struct digest *leaves, size_t from, size_t to, bool is_whole, struct merkle_path *path)
{
	size_t split = 1;

	if (from == to) {
		if (!is_whole)
			naive_root(leaves, to, &path->nodes[path->len++]);
		return;
	}
	while (split * 2 < to)
		split *= 2;
	if (from <= split) {
		naive_subproof(leaves, from, split, is_whole, path);
		naive_root(leaves + split, to - split, &path->nodes[path->len++]);
	} else {
		naive_subproof(leaves + split, from - split, to - split, false, path);
		naive_root(leaves, split, &path->nodes[path->len++]);
	}
}

struct forest {
	struct digest leaves[LEAVES_MAX];
	struct digest roots[LEAVES_MAX + 1]; /* by the recursive definition */
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
		naive_root(forest->leaves, size, &forest->roots[size]);
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
every_shape_has_the_defined_root(void **state)
{
	struct forest *forest = *state;
	struct merkle_frontier frontier;
	struct digest root;

	merkle_frontier_init(&frontier);
	for (size_t size = 0; size <= LEAVES_MAX; size++) {
		merkle_tree_root(forest->tree, size, &root);
		assert_digest(&root, &forest->roots[size]);
		merkle_root_of(forest->leaves, size, &root);
		assert_digest(&root, &forest->roots[size]);
		merkle_frontier_root(&frontier, &root);
		assert_digest(&root, &forest->roots[size]);
		if (size < LEAVES_MAX)
			merkle_frontier_append(&frontier, &forest->leaves[size]);
	}
	assert_int_equal(frontier.size, LEAVES_MAX);
	assert_int_equal(merkle_tree_size(forest->tree), LEAVES_MAX);
}

static void
every_inclusion_path_is_the_defined_one_and_verifies(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path, from_array;

	for (size_t size = 1; size <= LEAVES_MAX; size++)
		for (size_t index = 0; index < size; index++) {
			struct merkle_path want = {0};
			naive_inclusion(forest->leaves, size, index, &want);
			merkle_tree_inclusion(forest->tree, index, size, &path);
			merkle_inclusion_of(forest->leaves, size, index, &from_array);
			assert_int_equal(path.len, want.len);
			assert_int_equal(from_array.len, want.len);
			assert_memory_equal(path.nodes, want.nodes, want.len * DIGEST_BYTES);
			assert_memory_equal(from_array.nodes, want.nodes, want.len * DIGEST_BYTES);
			assert_int_equal(merkle_verify_inclusion(&forest->leaves[index], index, size, path.nodes,
						 path.len, &forest->roots[size]),
				LIAISON_OK);
		}
}

static void
every_consistency_path_is_the_defined_one_and_verifies(void **state)
{
	struct forest *forest = *state;
	struct merkle_path path;

	for (size_t to = 1; to <= LEAVES_MAX; to++)
		for (size_t from = 1; from <= to; from++) {
			struct merkle_path want = {0};
			naive_subproof(forest->leaves, from, to, true, &want);
			merkle_tree_consistency(forest->tree, from, to, &path);
			assert_int_equal(path.len, want.len);
			assert_memory_equal(path.nodes, want.nodes, want.len * DIGEST_BYTES);
			assert_int_equal(merkle_verify_consistency(from, &forest->roots[from], to, &forest->roots[to],
						 path.nodes, path.len),
				LIAISON_OK);
		}
}

/* --- sizes that no test can build --------------------------------------------------------------------------------- */

/* Root of a tree whose leaves are all alike: one node a level, by which any size's root and paths can be named. */
static void
uniform_root(const struct digest levels[64], uint64_t size, struct digest *root)
{
	unsigned low = (unsigned)__builtin_ctzll(size);

	*root = levels[low];
	for (uint64_t rest = size & (size - 1); rest != 0; rest &= rest - 1)
		merkle_node(&levels[__builtin_ctzll(rest)], root, root);
}

static void
uniform_inclusion(const struct digest levels[64], uint64_t index, uint64_t size, struct merkle_path *path)
{
	if (size == 1)
		return;
	uint64_t split = UINT64_C(1) << (63 - __builtin_clzll(size - 1));
	if (index < split) {
		uniform_inclusion(levels, index, split, path);
		uniform_root(levels, size - split, &path->nodes[path->len++]);
	} else {
		uniform_inclusion(levels, index - split, size - split, path);
		uniform_root(levels, split, &path->nodes[path->len++]);
	}
}

static void
uniform_subproof(const struct digest levels[64], uint64_t from, uint64_t to, bool is_whole, struct merkle_path *path)
{
	if (from == to) {
		if (!is_whole)
			uniform_root(levels, to, &path->nodes[path->len++]);
		return;
	}
	uint64_t split = UINT64_C(1) << (63 - __builtin_clzll(to - 1));
	if (from <= split) {
		uniform_subproof(levels, from, split, is_whole, path);
		uniform_root(levels, to - split, &path->nodes[path->len++]);
	} else {
		uniform_subproof(levels, from - split, to - split, false, path);
		uniform_root(levels, split, &path->nodes[path->len++]);
	}
}

static void
flip(struct digest *digest, size_t bit)
{
	digest->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void
large_sizes_verify(void **state)
{
	(void)state;
	static const uint64_t sizes[] = {UINT64_C(0x7fffffff), UINT64_C(0x80000000), UINT64_C(0x80000001),
		UINT64_C(0xfffffffe), UINT64_C(0xffffffff), UINT64_C(0x100000000), UINT64_C(0x100000001),
		UINT64_C(0x123456789a), UINT64_C(0x1fffffffffffff), UINT64_C(0x7fffffffffffffff)};
	const size_t count = sizeof sizes / sizeof sizes[0];
	struct digest levels[64], root, to_root;

	merkle_leaf("same", 4, &levels[0]);
	for (size_t i = 1; i < 64; i++)
		merkle_node(&levels[i - 1], &levels[i - 1], &levels[i]);
	for (size_t s = 0; s < count; s++) {
		const uint64_t size = sizes[s];
		const uint64_t indexes[] = {0, 1, size / 2 - 1, size / 2, UINT64_C(0x7fffffff) - 1, size - 2, size - 1};
		uniform_root(levels, size, &root);
		for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
			struct merkle_path path = {0};
			uniform_inclusion(levels, indexes[i], size, &path);
			assert_int_equal(
				merkle_verify_inclusion(&levels[0], indexes[i], size, path.nodes, path.len, &root),
				LIAISON_OK);
			flip(&path.nodes[path.len - 1], 255);
			assert_int_equal(
				merkle_verify_inclusion(&levels[0], indexes[i], size, path.nodes, path.len, &root),
				LIAISON_INCONSISTENT);
		}
		assert_int_equal(merkle_verify_inclusion(&levels[0], size, size, NULL, 0, &root), LIAISON_INCONSISTENT);
		for (size_t t = s; t < count; t++) {
			struct merkle_path path = {0};
			uniform_root(levels, sizes[t], &to_root);
			uniform_subproof(levels, size, sizes[t], true, &path);
			assert_int_equal(
				merkle_verify_consistency(size, &root, sizes[t], &to_root, path.nodes, path.len),
				LIAISON_OK);
			if (size == sizes[t])
				continue;
			flip(&path.nodes[path.len - 1], 255);
			assert_int_equal(
				merkle_verify_consistency(size, &root, sizes[t], &to_root, path.nodes, path.len),
				LIAISON_INCONSISTENT);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest vectors[] = {
		cmocka_unit_test(published_leaves_and_roots_come_out),
		cmocka_unit_test(published_paths_come_out_and_verify),
		cmocka_unit_test(large_sizes_verify),
	};
	const struct CMUnitTest properties[] = {
		cmocka_unit_test(every_shape_has_the_defined_root),
		cmocka_unit_test(every_inclusion_path_is_the_defined_one_and_verifies),
		cmocka_unit_test(every_consistency_path_is_the_defined_one_and_verifies),
	};

	return cmocka_run_group_tests(vectors, NULL, NULL) +
	       cmocka_run_group_tests(properties, forest_set_up, forest_tear_down);
}
