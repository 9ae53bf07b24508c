/*
 * Proofs of inclusion for many records of one log, asked for in chunks: that each stands in the log, at its place, as
 * this office knows it. The checkpoint that a proof leads to is proved to continue the last one held first.
 *
 * A claim carries the leaf as this office derives it from what it holds (alert_leaf.h); where it holds no key for that (an
 * alert of its own), the header that the broker shows must name this id and this body's hash.
 */
#ifndef LIAISON_AGENTS_PROVING_H
#define LIAISON_AGENTS_PROVING_H

#include "agents/link.h"
#include "proto/base/digest.h"

#define PROVING_CHUNK 1024

struct claim {
	uint64_t index;
	char id[ALERT_ID_BYTES];
	struct digest body_hash;
	struct digest leaf;
	bool has_leaf;
};

/* One claim that does not hold, or that the broker refuses to prove. */
typedef void claim_failed_fn(void *arg, const struct claim *claim, enum liaison_err code, const char *sentence);

struct proving {
	struct link *link;
	claim_failed_fn *failed;
	void *arg;
	uint64_t proven;
	size_t count;
	struct claim claims[PROVING_CHUNK];
};

/* Borrows `link`. */
void proving_init(struct proving *proving, struct link *link, claim_failed_fn *failed, void *arg);

/* Asks when a chunk is full. Claims that do not hold go to `failed`; an error is one of the link or of its checkpoints. */
enum liaison_err proving_add(
	struct proving *proving, const struct claim *claim, struct fault *fault) LIAISON_MUST_CHECK;
/* Asks for what is left. */
enum liaison_err proving_finish(struct proving *proving, struct fault *fault) LIAISON_MUST_CHECK;

#endif
