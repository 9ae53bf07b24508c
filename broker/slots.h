/*
 * The slots of the match index: one per filter, numbered so that filters which ask for the same stand together.
 *
 * A filter has a home: the narrowest attribute that it uses, and a block. Chunks belong to one attribute, so that no
 * filter in a chunk leaves that attribute open; and those with the same value stand in the same block while there is
 * room. So a value has bits in few blocks, and what does not ask for an alert's values is not even read. Chunks that are
 * filled to three quarters get company, so that removals and additions in any number leave this order as good as it was.
 */
#ifndef LIAISON_BROKER_SLOTS_H
#define LIAISON_BROKER_SLOTS_H

#include "broker/rows.h"
#include "proto/filter.h"

struct slots {
	struct row used;               /* the slots that have a filter */
	uint32_t count;                /* of all slots: whole chunks */
	const struct filter **filters; /* by slot; borrowed; NULL: free */
	uint32_t *feeds;               /* by slot */
	unsigned *attributes;          /* by chunk: the one it belongs to while any of its slots is used */
	uint32_t *by_feed;             /* slot + 1, 0: none; linear probing, at most half full */
	size_t by_feed_size;
};

struct slot_home {
	unsigned attribute;
	uint32_t block; /* < CHUNK_BLOCKS */
};

/* LIAISON_NO_MEMORY; slots_clear() is right after a failure too. */
enum liaison_err slots_init(struct slots *slots) LIAISON_MUST_CHECK;
void slots_clear(struct slots *slots);
size_t slots_bytes(const struct slots *slots); /* on the heap */

bool slots_find(const struct slots *slots, uint32_t feed, uint32_t *slot);

/* Finds a free slot near `home`, with room for all that slots_fill() will need. LIAISON_NO_MEMORY. */
enum liaison_err slots_choose(struct slots *slots, struct slot_home home, uint32_t *slot) LIAISON_MUST_CHECK;
/* Takes the slot that slots_choose() found last for that home, for a feed that has none (assert). */
void slots_fill(struct slots *slots, struct slot_home home, uint32_t slot, const struct filter *filter, uint32_t feed);
void slots_empty(struct slots *slots, uint32_t slot);

#endif
