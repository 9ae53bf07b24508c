/*
 * Merkle trees as RFC 6962 section 2.1 defines them, SHA-256: the log's tree, and the small trees over one signed batch.
 *
 * Leaf hash = SHA-256(0x00 || data), node hash = SHA-256(0x01 || left || right), the tree over n leaves splits at the
 * largest power of two below n, the root of no leaves is SHA-256(""). Paths run from the leaf's sibling to the root's
 * child. Three shapes of the same tree: a frontier (append and root in O(log n) memory, for the one who writes), a tree
 * (all nodes, proofs of any past size, for the one who serves), and plain arrays (a batch). Nothing here does I/O.
 */
#ifndef LIAISON_PROTO_MERKLE_H
#define LIAISON_PROTO_MERKLE_H

#include "proto/base/digest.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

/* No path is longer: sizes are below 2^63. */
#define MERKLE_PATH_MAX 64

struct merkle_path {
	size_t len;
	struct digest nodes[MERKLE_PATH_MAX];
};

void merkle_leaf(const void *data, size_t len, struct digest *out);
void merkle_node(const struct digest *left, const struct digest *right, struct digest *out);

/* --- frontier: the roots of the perfect subtrees of a tree of `size` leaves, largest first ------------------------- */

struct merkle_frontier {
	uint64_t size;
	struct digest peaks[MERKLE_PATH_MAX]; /* one per set bit of size */
};

void merkle_frontier_init(struct merkle_frontier *frontier);
void merkle_frontier_append(struct merkle_frontier *frontier, const struct digest *leaf);
void merkle_frontier_root(const struct merkle_frontier *frontier, struct digest *root);

/* --- tree: every node kept (64 bytes a leaf) ------------------------------------------------------------------------ */

struct merkle_tree;

struct merkle_tree *merkle_tree_new(void); /* NULL: no memory */
void merkle_tree_free(struct merkle_tree *tree);
enum liaison_err merkle_tree_append(
	struct merkle_tree *tree, const struct digest *leaf) LIAISON_MUST_CHECK; /* NO_MEMORY */
uint64_t merkle_tree_size(const struct merkle_tree *tree);

/* Root of the first `size` leaves; size <= merkle_tree_size (assert). O(log size). */
void merkle_tree_root(const struct merkle_tree *tree, uint64_t size, struct digest *root);

/* PATH(index, D[size]) of section 2.1.1; index < size <= merkle_tree_size (assert). */
void merkle_tree_inclusion(const struct merkle_tree *tree, uint64_t index, uint64_t size, struct merkle_path *path);

/* PROOF(from, D[to]) of section 2.1.2; 0 < from <= to (assert); empty where from == to. */
void merkle_tree_consistency(const struct merkle_tree *tree, uint64_t from, uint64_t to, struct merkle_path *path);

/* --- arrays: a batch of up to a few thousand leaves ----------------------------------------------------------------- */

void merkle_root_of(const struct digest *leaves, size_t count, struct digest *root);
/* `count` hashes for each path; where every leaf of a batch needs its path, a tree is far cheaper. */
void merkle_inclusion_of(const struct digest *leaves, size_t count, size_t index, struct merkle_path *path);

/* --- verification (RFC 9162 sections 2.1.3.2 and 2.1.4.2 give the algorithms; the trees are the same) ---------------- */

/*
 * LIAISON_OK, or LIAISON_INCONSISTENT. A path of another length than the sizes need is inconsistent. A path binds leaf,
 * index and root, but sizes with paths of one shape are not told apart: take size and root from one signed statement.
 */
enum liaison_err merkle_verify_inclusion(const struct digest *leaf, uint64_t index, uint64_t size,
	const struct digest *path, size_t path_len, const struct digest *root) LIAISON_MUST_CHECK;
/* from == 0 is consistent with anything and takes an empty path; the roots are then not looked at. */
enum liaison_err merkle_verify_consistency(uint64_t from, const struct digest *from_root, uint64_t to,
	const struct digest *to_root, const struct digest *path, size_t path_len) LIAISON_MUST_CHECK;

#endif
