#include "broker/index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ENTRIES 65536
#define NO_ENTRY UINT64_MAX
#define TABLE_FIRST 1024

struct index_author {
	struct office_id id;
	uint64_t highest[2]; /* alerts, replies */
};

/* Open addressing over positions; grown before it is three quarters full. */
struct table {
	uint64_t *slots;
	size_t size; /* a power of two */
	size_t used;
};

/* One UPDATE, in the list of all of them. */
struct index_update {
	uint64_t at;
	uint32_t before; /* the earlier one of the same ALERT, as newest_update; 0: none */
};

struct index {
	struct index_entry **chunks;
	size_t chunk_count;
	uint64_t size;
	struct table by_id;
	struct index_author *authors;
	size_t author_count, author_cap;
	struct table by_author;
	uint64_t *urgent; /* indexes of the urgent lane, ascending */
	size_t urgent_count, urgent_cap;
	struct index_update *updates;
	uint32_t update_count, update_cap;
	struct merkle_tree *tree;
};

static uint64_t
mix(uint64_t value)
{
	value ^= value >> 31;
	value *= UINT64_C(0x9e3779b97f4a7c15);
	value ^= value >> 29;
	value *= UINT64_C(0xbf58476d1ce4e5b9);
	return value ^ value >> 32;
}

static uint64_t
hash_text(const char *text)
{
	size_t left = strlen(text);
	uint64_t hash = left;

	for (; left > 0; text += left < 8 ? left : 8, left -= left < 8 ? left : 8) {
		uint64_t part = 0;
		memcpy(&part, text, left < 8 ? left : 8);
		hash = mix(hash ^ part);
	}
	return hash;
}

static uint64_t
hash_id(uint32_t author, uint64_t sequence, bool is_reply)
{
	return mix(mix(author * UINT64_C(2) + is_reply) ^ sequence);
}

static bool
is_reply(uint8_t message)
{
	return message >= LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_HIT;
}

const struct index_entry *
index_entry(const struct index *index, uint64_t at)
{
	assert(at < index->size);
	return &index->chunks[at / CHUNK_ENTRIES][at % CHUNK_ENTRIES];
}

static struct index_entry *
entry_of(struct index *index, uint64_t at)
{
	return &index->chunks[at / CHUNK_ENTRIES][at % CHUNK_ENTRIES];
}

static uint64_t
entry_hash(const struct index *index, uint64_t at)
{
	const struct index_entry *entry = index_entry(index, at);
	return hash_id(entry->office, entry->sequence, is_reply(entry->message));
}

static uint64_t
author_hash(const struct index *index, uint64_t at)
{
	return hash_text(index->authors[at].id.text);
}

static void
table_put(struct table *table, uint64_t hash, uint64_t value)
{
	size_t at = hash & (table->size - 1);

	while (table->slots[at] != NO_ENTRY)
		at = (at + 1) & (table->size - 1);
	table->slots[at] = value;
	table->used++;
}

/* Makes room for one more; `hash_of` finds the hash of what is inside. */
static enum liaison_err
table_reserve(struct table *table, const struct index *index, uint64_t (*hash_of)(const struct index *, uint64_t))
{
	if (table->size > 0 && table->used + 1 <= table->size / 4 * 3)
		return LIAISON_OK;
	struct table bigger = {.size = table->size > 0 ? table->size * 2 : TABLE_FIRST};
	bigger.slots = malloc(bigger.size * sizeof *bigger.slots);
	if (bigger.slots == NULL)
		return LIAISON_NO_MEMORY;
	memset(bigger.slots, 0xff, bigger.size * sizeof *bigger.slots);
	for (size_t i = 0; i < table->size; i++)
		if (table->slots[i] != NO_ENTRY)
			table_put(&bigger, hash_of(index, table->slots[i]), table->slots[i]);
	free(table->slots);
	*table = bigger;
	return LIAISON_OK;
}

struct index *
index_new(void)
{
	struct index *index = calloc(1, sizeof *index);

	if (index == NULL)
		return NULL;
	index->tree = merkle_tree_new();
	if (index->tree == NULL) {
		free(index);
		return NULL;
	}
	return index;
}

void
index_free(struct index *index)
{
	if (index == NULL)
		return;
	for (size_t i = 0; i < index->chunk_count; i++)
		free(index->chunks[i]);
	free(index->chunks);
	free(index->by_id.slots);
	free(index->by_author.slots);
	free(index->authors);
	free(index->urgent);
	free(index->updates);
	merkle_tree_free(index->tree);
	free(index);
}

static bool
find_author(const struct index *index, const char *office, uint32_t *author)
{
	const struct table *table = &index->by_author;

	if (table->size == 0)
		return false;
	for (size_t at = hash_text(office) & (table->size - 1); table->slots[at] != NO_ENTRY;
		at = (at + 1) & (table->size - 1))
		if (strcmp(index->authors[table->slots[at]].id.text, office) == 0) {
			*author = (uint32_t)table->slots[at];
			return true;
		}
	return false;
}

static enum liaison_err
intern_author(struct index *index, const struct office_id *office, uint32_t *author)
{
	if (find_author(index, office->text, author))
		return LIAISON_OK;
	if (table_reserve(&index->by_author, index, author_hash) != LIAISON_OK)
		return LIAISON_NO_MEMORY;
	if (index->author_count == index->author_cap) {
		size_t cap = index->author_cap > 0 ? index->author_cap * 2 : 64;
		struct index_author *authors = realloc(index->authors, cap * sizeof *authors);
		if (authors == NULL)
			return LIAISON_NO_MEMORY;
		index->authors = authors;
		index->author_cap = cap;
	}
	index->authors[index->author_count] = (struct index_author){.id = *office};
	*author = (uint32_t)index->author_count;
	table_put(&index->by_author, hash_text(office->text), index->author_count++);
	return LIAISON_OK;
}

/* Room in the entries' last chunk and in the lists of urgent ones and updates. */
static enum liaison_err
reserve_entry(struct index *index)
{
	if (index->size == index->chunk_count * (uint64_t)CHUNK_ENTRIES) {
		struct index_entry **chunks = realloc(index->chunks, (index->chunk_count + 1) * sizeof *chunks);
		if (chunks == NULL)
			return LIAISON_NO_MEMORY;
		index->chunks = chunks;
		chunks[index->chunk_count] = malloc(CHUNK_ENTRIES * sizeof **chunks);
		if (chunks[index->chunk_count] == NULL)
			return LIAISON_NO_MEMORY;
		index->chunk_count++;
	}
	if (index->urgent_count == index->urgent_cap) {
		size_t cap = index->urgent_cap > 0 ? index->urgent_cap * 2 : 256;
		uint64_t *urgent = realloc(index->urgent, cap * sizeof *urgent);
		if (urgent == NULL)
			return LIAISON_NO_MEMORY;
		index->urgent = urgent;
		index->urgent_cap = cap;
	}
	if (index->update_count == index->update_cap) {
		uint32_t cap = index->update_cap > 0 ? index->update_cap * 2 : 256;
		struct index_update *updates = realloc(index->updates, cap * sizeof *updates);
		if (updates == NULL)
			return LIAISON_NO_MEMORY;
		index->updates = updates;
		index->update_cap = cap;
	}
	return LIAISON_OK;
}

/* The end of `entry`; `above`: by that of the ALERT that it updates. One's own end is the last word. */
static void
end_entry(struct index_entry *entry, Liaison__MessageType message, bool above)
{
	bool was_ended = entry->is_cancelled || entry->is_restricted;

	if (message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL)
		entry->is_cancelled = true;
	else
		entry->is_restricted = true;
	entry->has_ended_above = above && (!was_ended || entry->has_ended_above);
}

/* What the alert at `at` does to the earlier one that it refers to. */
static void
apply_reference(struct index *index, uint64_t at, const struct facts *facts)
{
	uint64_t original;

	if (facts->reference.sequence == 0 || !index_find(index, &facts->reference, &original))
		return;
	struct index_entry *entry = entry_of(index, original);
	if (facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE) {
		index->updates[index->update_count++] = (struct index_update){at, entry->newest_update};
		entry->newest_update = index->update_count;
	} else if (facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL ||
		   facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT) {
		end_entry(entry, facts->message, false);
		for (uint32_t update = entry->newest_update; update != 0; update = index->updates[update - 1].before)
			end_entry(entry_of(index, index->updates[update - 1].at), facts->message, true);
	}
}

static void
add_alert(struct index *index, uint64_t at, uint32_t author, const struct facts *facts)
{
	struct index_entry *entry = entry_of(index, at);
	struct index_author *known = &index->authors[author];

	entry->office = author;
	entry->sequence = facts->id.sequence;
	entry->kind = (uint8_t)facts->kind;
	entry->message = (uint8_t)facts->message;
	entry->status = (uint8_t)facts->status;
	entry->expires = facts->expires;
	entry->is_urgent = facts_is_urgent(facts);
	if (facts->id.sequence > known->highest[facts->id.is_reply])
		known->highest[facts->id.is_reply] = facts->id.sequence;
	if (entry->is_urgent)
		index->urgent[index->urgent_count++] = at;
	table_put(&index->by_id, hash_id(author, facts->id.sequence, facts->id.is_reply), at);
	apply_reference(index, at, facts);
}

enum liaison_err
index_add(struct index *index, uint8_t type, const struct digest *leaf, const struct log_location *location,
	const struct facts *facts, const struct digest *body_hash)
{
	uint32_t author = 0;

	if (reserve_entry(index) != LIAISON_OK || table_reserve(&index->by_id, index, entry_hash) != LIAISON_OK)
		return LIAISON_NO_MEMORY;
	if (facts != NULL && intern_author(index, &facts->id.office, &author) != LIAISON_OK)
		return LIAISON_NO_MEMORY;
	if (merkle_tree_append(index->tree, leaf) != LIAISON_OK)
		return LIAISON_NO_MEMORY;
	uint64_t at = index->size++;
	struct index_entry *entry = entry_of(index, at);
	*entry = (struct index_entry){.location = *location, .type = type};
	if (body_hash != NULL)
		entry->body_hash = *body_hash;
	if (facts != NULL)
		add_alert(index, at, author, facts);
	return LIAISON_OK;
}

uint64_t
index_size(const struct index *index)
{
	return index->size;
}

const char *
index_office(const struct index *index, uint32_t office)
{
	assert(office < index->author_count);
	return index->authors[office].id.text;
}

bool
index_find(const struct index *index, const struct alert_id *id, uint64_t *at)
{
	const struct table *table = &index->by_id;
	uint32_t author;

	if (table->size == 0 || !find_author(index, id->office.text, &author))
		return false;
	size_t slot = hash_id(author, id->sequence, id->is_reply) & (table->size - 1);
	for (; table->slots[slot] != NO_ENTRY; slot = (slot + 1) & (table->size - 1)) {
		const struct index_entry *entry = index_entry(index, table->slots[slot]);
		if (entry->office == author && entry->sequence == id->sequence &&
			is_reply(entry->message) == id->is_reply) {
			*at = table->slots[slot];
			return true;
		}
	}
	return false;
}

uint64_t
index_highest(const struct index *index, const char *office, bool replies)
{
	uint32_t author;

	return find_author(index, office, &author) ? index->authors[author].highest[replies] : 0;
}

static uint64_t
next_urgent(const struct index *index, uint64_t from)
{
	size_t low = 0, high = index->urgent_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (index->urgent[middle] < from)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->urgent_count ? index->urgent[low] : index->size;
}

uint64_t
index_next(const struct index *index, uint64_t from, bool urgent)
{
	if (urgent)
		return next_urgent(index, from);
	for (; from < index->size; from++) {
		const struct index_entry *entry = index_entry(index, from);
		if (entry->type == RECORD_ALERT && !entry->is_urgent)
			break;
	}
	return from;
}

void
index_set_damaged(struct index *index, uint64_t at)
{
	assert(at < index->size);
	entry_of(index, at)->is_damaged = true;
}

void
index_set_evidence(struct index *index, uint64_t at)
{
	assert(at < index->size);
	entry_of(index, at)->has_evidence = true;
}

const struct merkle_tree *
index_tree(const struct index *index)
{
	return index->tree;
}

struct known_alert
index_known(void *index, const struct alert_id *id)
{
	struct known_alert known = {0};
	uint64_t at;

	if (!index_find(index, id, &at))
		return known;
	const struct index_entry *entry = index_entry(index, at);
	known.is_known = true;
	known.body_hash = entry->body_hash;
	known.message = (Liaison__MessageType)entry->message;
	known.kind = (Liaison__Kind)entry->kind;
	known.status = (Liaison__Status)entry->status;
	known.is_terminal = (entry->is_cancelled || entry->is_restricted) && !entry->has_ended_above;
	return known;
}
