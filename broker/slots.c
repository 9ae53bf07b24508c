#include "broker/slots.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BY_FEED_FIRST 64

enum liaison_err
slots_init(struct slots *slots)
{
	*slots = (struct slots){
		.by_feed_size = BY_FEED_FIRST,
		.by_feed = calloc(BY_FEED_FIRST, sizeof *slots->by_feed),
	};
	return slots->by_feed ? LIAISON_OK : LIAISON_NO_MEMORY;
}

void
slots_clear(struct slots *slots)
{
	row_clear(&slots->used);
	free(slots->filters);
	free(slots->feeds);
	free(slots->attributes);
	free(slots->by_feed);
	*slots = (struct slots){0};
}

size_t
slots_bytes(const struct slots *slots)
{
	return slots->count * (sizeof *slots->filters + sizeof *slots->feeds) +
	       slots->count / CHUNK_SLOTS * sizeof *slots->attributes + slots->by_feed_size * sizeof *slots->by_feed +
	       row_bytes(&slots->used);
}

/* --- by feed ------------------------------------------------------------------------------------------------------- */

/* Multiplicative hashing (Knuth, TAOCP 6.4): the broker numbers the feeds, so nobody can choose them to collide. */
static size_t
feed_home(const struct slots *slots, uint32_t feed)
{
	return (size_t)((feed * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (slots->by_feed_size - 1);
}

/* Where the feed is, or the free place where it would be. */
static size_t
feed_place(const struct slots *slots, uint32_t feed)
{
	size_t at = feed_home(slots, feed);

	while (slots->by_feed[at] && slots->feeds[slots->by_feed[at] - 1] != feed)
		at = (at + 1) & (slots->by_feed_size - 1);
	return at;
}

bool
slots_find(const struct slots *slots, uint32_t feed, uint32_t *slot)
{
	size_t at = feed_place(slots, feed);

	if (!slots->by_feed[at])
		return false;
	*slot = slots->by_feed[at] - 1;
	return true;
}

/* Later feeds of the run move back over the hole if that brings them no nearer than their home. */
static void
feed_remove(struct slots *slots, uint32_t feed)
{
	size_t mask = slots->by_feed_size - 1;
	size_t hole = feed_place(slots, feed);

	for (size_t at = (hole + 1) & mask; slots->by_feed[at]; at = (at + 1) & mask) {
		size_t home = feed_home(slots, slots->feeds[slots->by_feed[at] - 1]);
		if (((at - home) & mask) >= ((at - hole) & mask)) {
			slots->by_feed[hole] = slots->by_feed[at];
			hole = at;
		}
	}
	slots->by_feed[hole] = 0;
}

static enum liaison_err
feeds_grow(struct slots *slots)
{
	uint32_t *old = slots->by_feed;
	size_t old_size = slots->by_feed_size;
	uint32_t *table = calloc(2 * old_size, sizeof *table);

	if (!table)
		return LIAISON_NO_MEMORY;
	slots->by_feed = table;
	slots->by_feed_size = 2 * old_size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i])
			table[feed_place(slots, slots->feeds[old[i] - 1])] = old[i];
	free(old);
	return LIAISON_OK;
}

/* --- slots --------------------------------------------------------------------------------------------------------- */

/* One more chunk of slots. */
static enum liaison_err
slots_grow(struct slots *slots)
{
	uint32_t count = slots->count + CHUNK_SLOTS;

	const struct filter **filters = realloc(slots->filters, count * sizeof *filters);
	if (!filters)
		return LIAISON_NO_MEMORY;
	slots->filters = filters;
	uint32_t *feeds = realloc(slots->feeds, count * sizeof *feeds);
	if (!feeds)
		return LIAISON_NO_MEMORY;
	slots->feeds = feeds;
	unsigned *attributes = realloc(slots->attributes, count / CHUNK_SLOTS * sizeof *attributes);
	if (!attributes)
		return LIAISON_NO_MEMORY;
	slots->attributes = attributes;
	memset(filters + slots->count, 0, CHUNK_SLOTS * sizeof *filters);
	memset(feeds + slots->count, 0, CHUNK_SLOTS * sizeof *feeds);
	slots->count = count;
	return LIAISON_OK;
}

/* The first word of the chunk that has a free slot, looking at `words` of them from the block on and round. */
static bool
word_with_room(const struct chunk *chunk, uint32_t block, uint32_t words, uint32_t *word)
{
	for (uint32_t i = 0; i < words; i++) {
		*word = (block * BLOCK_WORDS + i) % CHUNK_WORDS;
		if (!chunk || chunk->words[*word] != UINT64_MAX)
			return true;
	}
	return false;
}

static uint32_t
slot_in_word(const struct slots *slots, uint32_t at, uint32_t word)
{
	const struct chunk *chunk = row_chunk(&slots->used, at);
	uint64_t taken = chunk ? chunk->words[word] : 0;

	return at * CHUNK_SLOTS + word * 64 + (uint32_t)__builtin_ctzll(~taken);
}

/*
 * In the home's block of any chunk of its attribute; else, where those chunks are filled to three quarters, in a chunk
 * that nothing uses; else in the next block that has room.
 */
static enum liaison_err
slot_search(struct slots *slots, struct slot_home home, uint32_t *slot)
{
	uint32_t chunks = slots->count / CHUNK_SLOTS;
	uint32_t unused = chunks;
	uint32_t roomy = chunks;
	uint64_t room = 0; /* in chunks of this attribute */
	uint64_t taken = 0;
	uint32_t word = 0;

	for (uint32_t at = 0; at < chunks; at++) {
		const struct chunk *chunk = row_chunk(&slots->used, at);
		if (!chunk || chunk->count == 0) {
			unused = at;
		} else if (slots->attributes[at] == home.attribute) {
			if (word_with_room(chunk, home.block, BLOCK_WORDS, &word)) {
				*slot = slot_in_word(slots, at, word);
				return LIAISON_OK;
			}
			taken += chunk->count;
			room += CHUNK_SLOTS;
			if (chunk->count < CHUNK_SLOTS)
				roomy = at;
		}
	}
	uint32_t at = 4 * taken >= 3 * room ? unused : roomy;
	if (at == slots->count / CHUNK_SLOTS) {
		enum liaison_err err = slots_grow(slots);
		if (err)
			return err;
	}
	bool has_room = word_with_room(row_chunk(&slots->used, at), home.block, CHUNK_WORDS, &word);
	assert(has_room);
	(void)has_room;
	*slot = slot_in_word(slots, at, word);
	return LIAISON_OK;
}

enum liaison_err
slots_choose(struct slots *slots, struct slot_home home, uint32_t *slot)
{
	uint32_t found = 0;
	enum liaison_err err = slot_search(slots, home, &found);

	if (!err && 2 * ((size_t)slots->used.count + 1) > slots->by_feed_size)
		err = feeds_grow(slots);
	if (!err)
		err = row_reserve(&slots->used, found);
	if (!err)
		*slot = found;
	return err;
}

void
slots_fill(struct slots *slots, struct slot_home home, uint32_t slot, const struct filter *filter, uint32_t feed)
{
	size_t place = feed_place(slots, feed);

	assert(!slots->by_feed[place] && !slots->filters[slot]);
	slots->attributes[slot / CHUNK_SLOTS] = home.attribute;
	slots->filters[slot] = filter;
	slots->feeds[slot] = feed;
	slots->by_feed[place] = slot + 1;
	row_set(&slots->used, slot);
}

void
slots_empty(struct slots *slots, uint32_t slot)
{
	assert(slots->filters[slot]);
	feed_remove(slots, slots->feeds[slot]);
	slots->filters[slot] = NULL;
	row_unset(&slots->used, slot);
}
