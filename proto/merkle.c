#include "proto/merkle.h"

#include <assert.h>
#include <stdlib.h>

void
merkle_leaf(const void *data, size_t len, struct digest *out)
{
	const uint8_t prefix = 0x00;

	digest_sha256_two(&prefix, 1, data, len, out);
}

void
merkle_node(const struct digest *left, const struct digest *right, struct digest *out)
{
	uint8_t both[1 + 2 * DIGEST_BYTES];

	both[0] = 0x01;
	memcpy(both + 1, left->bytes, DIGEST_BYTES);
	memcpy(both + 1 + DIGEST_BYTES, right->bytes, DIGEST_BYTES);
	digest_sha256(both, sizeof both, out);
}

static bool
is_odd(uint64_t value)
{
	return (value & 1) != 0;
}

/* The largest power of two below `count`; count > 1. */
static uint64_t
split_of(uint64_t count)
{
	return UINT64_C(1) << (63 - __builtin_clzll(count - 1));
}

/* --- frontier ----------------------------------------------------------------------------------------------------- */

void
merkle_frontier_init(struct merkle_frontier *frontier)
{
	frontier->size = 0;
}

void
merkle_frontier_append(struct merkle_frontier *frontier, const struct digest *leaf)
{
	size_t count = (size_t)__builtin_popcountll(frontier->size);
	struct digest node = *leaf;

	for (uint64_t rest = frontier->size; is_odd(rest); rest >>= 1)
		merkle_node(&frontier->peaks[--count], &node, &node);
	frontier->peaks[count] = node;
	frontier->size++;
}

void
merkle_frontier_root(const struct merkle_frontier *frontier, struct digest *root)
{
	size_t count = (size_t)__builtin_popcountll(frontier->size);

	if (count == 0) {
		digest_sha256("", 0, root);
		return;
	}
	*root = frontier->peaks[--count];
	while (count > 0)
		merkle_node(&frontier->peaks[--count], root, root);
}

/* --- paths, whatever holds the nodes ------------------------------------------------------------------------------- */

/* Root of `count` > 0 leaves from `start`, which is a multiple of the least power of two >= count. */
typedef void range_root_fn(const void *source, uint64_t start, uint64_t count, struct digest *out);

/* The definitions go down from the root, a path runs up to it. */
static void
path_reverse(struct merkle_path *path)
{
	for (size_t i = 0; i < path->len / 2; i++) {
		struct digest node = path->nodes[i];
		path->nodes[i] = path->nodes[path->len - 1 - i];
		path->nodes[path->len - 1 - i] = node;
	}
}

static void
inclusion_path(range_root_fn *range_root, const void *source, uint64_t index, uint64_t size, struct merkle_path *path)
{
	uint64_t start = 0, count = size;

	assert(index < size);
	path->len = 0;
	while (count > 1) {
		uint64_t split = split_of(count);
		struct digest *sibling = &path->nodes[path->len++];
		if (index - start < split) {
			range_root(source, start + split, count - split, sibling);
			count = split;
		} else {
			range_root(source, start, split, sibling);
			start += split;
			count -= split;
		}
	}
	path_reverse(path);
}

/* --- tree ---------------------------------------------------------------------------------------------------------- */

/*
 * Perfect subtrees in the order in which they become complete: each leaf, followed by the nodes that it completes. So
 * the array only grows at its end, and a node's place follows from the last leaf under it: leaf i has i leaves and
 * i - popcount(i) inner nodes before it.
 */
struct merkle_tree {
	uint64_t size;
	size_t count, cap; /* of nodes */
	struct digest *nodes;
};

struct merkle_tree *
merkle_tree_new(void)
{
	return calloc(1, sizeof(struct merkle_tree));
}

void
merkle_tree_free(struct merkle_tree *tree)
{
	if (tree == NULL)
		return;
	free(tree->nodes);
	free(tree);
}

static const struct digest *
perfect_root(const struct merkle_tree *tree, uint64_t start, unsigned level)
{
	uint64_t last = start + (UINT64_C(1) << level) - 1;
	return &tree->nodes[2 * last - (unsigned)__builtin_popcountll(last) + level];
}

enum liaison_err
merkle_tree_append(struct merkle_tree *tree, const struct digest *leaf)
{
	if (tree->cap - tree->count < MERKLE_PATH_MAX) {
		size_t cap = tree->cap == 0 ? 4 * MERKLE_PATH_MAX : 2 * tree->cap;
		struct digest *nodes = reallocarray(tree->nodes, cap, sizeof *nodes);
		if (nodes == NULL)
			return LIAISON_NO_MEMORY;
		tree->nodes = nodes;
		tree->cap = cap;
	}
	struct digest node = *leaf;
	tree->nodes[tree->count++] = node;
	unsigned level = 0;
	for (uint64_t rest = tree->size; is_odd(rest); rest >>= 1, level++) {
		uint64_t left_start = ((rest >> 1) << (level + 1));
		merkle_node(perfect_root(tree, left_start, level), &node, &node);
		tree->nodes[tree->count++] = node;
	}
	tree->size++;
	return LIAISON_OK;
}

uint64_t
merkle_tree_size(const struct merkle_tree *tree)
{
	return tree->size;
}

/* Folds the perfect subtrees from the right, where they are smallest. */
static void
tree_range_root(const void *source, uint64_t start, uint64_t count, struct digest *out)
{
	const struct merkle_tree *tree = source;
	unsigned level = (unsigned)__builtin_ctzll(count);
	uint64_t end = start + count - (UINT64_C(1) << level);
	struct digest root = *perfect_root(tree, end, level);

	for (uint64_t rest = count & (count - 1); rest != 0; rest &= rest - 1) {
		level = (unsigned)__builtin_ctzll(rest);
		end -= UINT64_C(1) << level;
		merkle_node(perfect_root(tree, end, level), &root, &root);
	}
	*out = root;
}

void
merkle_tree_root(const struct merkle_tree *tree, uint64_t size, struct digest *root)
{
	assert(size <= tree->size);
	if (size == 0)
		digest_sha256("", 0, root);
	else
		tree_range_root(tree, 0, size, root);
}

void
merkle_tree_inclusion(const struct merkle_tree *tree, uint64_t index, uint64_t size, struct merkle_path *path)
{
	assert(size <= tree->size);
	inclusion_path(tree_range_root, tree, index, size, path);
}

/* SUBPROOF of section 2.1.2. `is_known`: the verifier has this subtree's root, it is the whole old tree. */
void
merkle_tree_consistency(const struct merkle_tree *tree, uint64_t from, uint64_t to, struct merkle_path *path)
{
	uint64_t start = 0, count = to, old = from;
	bool is_known = true;

	assert(from > 0 && from <= to && to <= tree->size);
	path->len = 0;
	while (old != count) {
		uint64_t split = split_of(count);
		struct digest *sibling = &path->nodes[path->len++];
		if (old <= split) {
			tree_range_root(tree, start + split, count - split, sibling);
			count = split;
		} else {
			tree_range_root(tree, start, split, sibling);
			start += split;
			count -= split;
			old -= split;
			is_known = false;
		}
	}
	if (!is_known)
		tree_range_root(tree, start, count, &path->nodes[path->len++]);
	path_reverse(path);
}

/* --- arrays -------------------------------------------------------------------------------------------------------- */

void
merkle_root_of(const struct digest *leaves, size_t count, struct digest *root)
{
	struct merkle_frontier frontier;

	merkle_frontier_init(&frontier);
	for (size_t i = 0; i < count; i++)
		merkle_frontier_append(&frontier, &leaves[i]);
	merkle_frontier_root(&frontier, root);
}

static void
array_range_root(const void *source, uint64_t start, uint64_t count, struct digest *out)
{
	const struct digest *leaves = source;
	merkle_root_of(leaves + start, (size_t)count, out);
}

void
merkle_inclusion_of(const struct digest *leaves, size_t count, size_t index, struct merkle_path *path)
{
	inclusion_path(array_range_root, leaves, index, count, path);
}

/* --- verification -------------------------------------------------------------------------------------------------- */

/*
 * Where a verifier stands on its way up: `first` is the number, on the present level, of the node that it holds, `last`
 * that of the level's rightmost one. A rightmost node without a sibling is carried up unchanged.
 */
struct climb {
	uint64_t first, last;
};

/* Takes one step for one node of a path; says on which side that node belongs. */
static bool
climb_sibling_is_left(struct climb *climb)
{
	bool is_left = is_odd(climb->first) || climb->first == climb->last;

	if (is_left)
		while (!is_odd(climb->first) && climb->first != 0) {
			climb->first >>= 1;
			climb->last >>= 1;
		}
	climb->first >>= 1;
	climb->last >>= 1;
	return is_left;
}

enum liaison_err
merkle_verify_inclusion(const struct digest *leaf, uint64_t index, uint64_t size, const struct digest *path,
	size_t path_len, const struct digest *root)
{
	if (index >= size)
		return LIAISON_INCONSISTENT;
	struct climb climb = {.first = index, .last = size - 1};
	struct digest node = *leaf;
	for (size_t i = 0; i < path_len; i++) {
		if (climb.last == 0)
			return LIAISON_INCONSISTENT;
		if (climb_sibling_is_left(&climb))
			merkle_node(&path[i], &node, &node);
		else
			merkle_node(&node, &path[i], &node);
	}
	if (climb.last != 0 || !digest_equal(&node, root))
		return LIAISON_INCONSISTENT;
	return LIAISON_OK;
}

enum liaison_err
merkle_verify_consistency(uint64_t from, const struct digest *from_root, uint64_t to, const struct digest *to_root,
	const struct digest *path, size_t path_len)
{
	if (from > to)
		return LIAISON_INCONSISTENT;
	if (from == 0)
		return path_len == 0 ? LIAISON_OK : LIAISON_INCONSISTENT;
	if (from == to)
		return path_len == 0 && digest_equal(from_root, to_root) ? LIAISON_OK : LIAISON_INCONSISTENT;

	/* Where the old tree is perfect its root is a node of the new one, and the path leaves it out. */
	bool is_perfect = (from & (from - 1)) == 0;
	if (path_len == 0)
		return LIAISON_INCONSISTENT;
	struct digest from_node = is_perfect ? *from_root : path[0];
	struct digest to_node = from_node;
	struct climb climb = {.first = from - 1, .last = to - 1};
	while (is_odd(climb.first)) {
		climb.first >>= 1;
		climb.last >>= 1;
	}
	for (size_t i = is_perfect ? 0 : 1; i < path_len; i++) {
		if (climb.last == 0)
			return LIAISON_INCONSISTENT;
		if (climb_sibling_is_left(&climb)) {
			merkle_node(&path[i], &from_node, &from_node);
			merkle_node(&path[i], &to_node, &to_node);
		} else {
			merkle_node(&to_node, &path[i], &to_node);
		}
	}
	if (climb.last != 0 || !digest_equal(&from_node, from_root) || !digest_equal(&to_node, to_root))
		return LIAISON_INCONSISTENT;
	return LIAISON_OK;
}
