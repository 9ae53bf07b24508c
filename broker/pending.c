#include "broker/pending.h"

struct admit_item *
pending_item(const struct pending *pending)
{
	return &pending->job->items[pending->item];
}

static size_t
bucket_of(const struct alert_id *id)
{
	uint64_t hash = id->sequence * UINT64_C(0x9e3779b97f4a7c15) + id->is_reply;

	for (const char *at = id->office.text; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 32) % PENDING_BUCKETS;
}

struct pending *
pending_find(const struct pending_table *table, const struct alert_id *id)
{
	struct pending *pending = table->buckets[bucket_of(id)];

	while (pending != NULL && !alert_id_equal(&pending_item(pending)->id, id))
		pending = pending->next;
	return pending;
}

bool
pending_ends(const struct pending_table *table, const struct alert_id *id)
{
	const struct pending *pending = table->endings[bucket_of(id)];

	while (pending != NULL && !alert_id_equal(&pending->ends, id))
		pending = pending->next_ending;
	return pending != NULL;
}

void
pending_add(struct pending_table *table, struct pending *pending)
{
	struct pending **bucket = &table->buckets[bucket_of(&pending_item(pending)->id)];
	const struct facts *facts = pending_item(pending)->admitted.facts;

	pending->next = *bucket;
	*bucket = pending;
	if (facts->message != LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL &&
		facts->message != LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT)
		return;
	/* A copy: the facts may be with deliveries before this one is removed. */
	pending->ends = facts->reference;
	bucket = &table->endings[bucket_of(&pending->ends)];
	pending->next_ending = *bucket;
	*bucket = pending;
}

void
pending_remove(struct pending_table *table, struct pending *pending)
{
	struct pending **link = &table->buckets[bucket_of(&pending_item(pending)->id)];

	while (*link != pending)
		link = &(*link)->next;
	*link = pending->next;
	if (pending->ends.sequence == 0)
		return;
	link = &table->endings[bucket_of(&pending->ends)];
	while (*link != pending)
		link = &(*link)->next_ending;
	*link = pending->next_ending;
}
