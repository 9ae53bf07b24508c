/*
 * Alerts that were handed to the log's writer and did not come back yet, by id. Two submits of one body wait for one
 * record; another body under such an id is equivocation as if the first were durable. The core thread's own.
 */
#ifndef LIAISON_BROKER_PENDING_H
#define LIAISON_BROKER_PENDING_H

#include "broker/admit.h"

#define PENDING_BUCKETS 8192

/* One alert on its way through the writer, and those who wait for the same one. */
struct pending {
	struct admit_job *job;
	size_t item;
	bool has_evidence;
	struct alert_id ends;               /* what a CANCEL or REDACT is about; sequence 0: nothing */
	struct pending *next, *next_ending; /* in its buckets */
	struct pending *follower;           /* the same body, submitted again meanwhile */
};

struct pending_table {
	struct pending *buckets[PENDING_BUCKETS], *endings[PENDING_BUCKETS]; /* all NULL at first */
};

struct admit_item *pending_item(const struct pending *pending);
/* NULL: there is none of that id. */
struct pending *pending_find(const struct pending_table *table, const struct alert_id *id);
/* Whether the end of that alert is on its way, so that nothing may be added to it any more. */
bool pending_ends(const struct pending_table *table, const struct alert_id *id);
/* References `pending`, whose id must not be there yet. */
void pending_add(struct pending_table *table, struct pending *pending);
void pending_remove(struct pending_table *table, struct pending *pending);

#endif
