/*
 * One feed: an office's named, durable, filtered view of the log. A feed is cursors, not a queue: what it holds does not
 * grow with what waits. Pure: events in, answers out; deliver.c performs.
 *
 * Each lane has `cursor` (below it everything is safe with the reader; durable) and `next` (below it everything was
 * searched on this connection). A lane is live when its next is the log's end and new alerts may be pushed as they become
 * durable; one that lacks credit, or whose reader does not take what was sent, stops being live at the alert that did not
 * fit, and goes on from there by search.
 * Credit is cumulative since attached, shared by both lanes; the ordinary lane leaves a reserve of one greatest delivery
 * to the urgent one.
 */
#ifndef LIAISON_BROKER_FEED_H
#define LIAISON_BROKER_FEED_H

#include "broker/session.h"
#include "broker/store.h"
#include "proto/base/buf.h"
#include "proto/filter.h"
#include "proto/trust.h"

#define FEED_RESERVE_MESSAGES 1
#define FEED_RESERVE_BYTES (80 * 1024) /* a greatest body with its envelope */

enum feed_lane { FEED_URGENT, FEED_ORDINARY, FEED_LANES };

struct feed_lane_state {
	uint64_t cursor;
	uint64_t next;
	bool is_live;
	uint8_t unread; /* how often `next` could not be read from the disk */
};

/* A frame of deliveries that is put together. */
struct feed_outgoing {
	struct buf items;
	uint64_t first; /* index of the first of them */
	uint64_t count;
};

struct feed {
	uint32_t number; /* in match and in the table */
	struct office_id office;
	char name[FEED_NAME_BYTES];
	struct filter *filter; /* owned */
	uint8_t *filter_bytes; /* owned: as the store holds it */
	size_t filter_len;
	struct feed_lane_state lanes[FEED_LANES];
	uint64_t credit_messages, credit_bytes;
	uint64_t sent_messages, sent_bytes;
	struct session *session; /* NULL: nobody reads; borrowed */
	uint32_t channel;
	bool is_dirty;    /* cursors moved since the store was told */
	bool is_told_end; /* progress at_end was sent since the last search */
	bool includes_ended;
	bool is_searching; /* in deliver_search.c's list */
	struct feed_outgoing outgoing[FEED_LANES];
	const struct office *entry; /* the office in the present view of trust; NULL: look it up */
};

bool feed_name_is_valid(const char *name);

/* Searches begin at each lane's cursor; no credit yet. */
void feed_attach(struct feed *feed, struct session *session, uint32_t channel);
void feed_detach(struct feed *feed);

/* Both cursors to `at`, and searches with them. */
void feed_seek(struct feed *feed, uint64_t at);

/* Cumulative; less than before is ignored. */
void feed_grant(struct feed *feed, uint64_t messages, uint64_t bytes);

/* Whether an item of `bytes` may be sent in this lane now. */
bool feed_has_room(const struct feed *feed, enum feed_lane lane, size_t bytes);
/* Puts it, of which there is room, into the lane's next frame, and counts it as sent. LIAISON_NO_MEMORY: neither. */
enum liaison_err feed_put(
	struct feed *feed, enum feed_lane lane, uint64_t index, const void *bytes, size_t len) LIAISON_MUST_CHECK;
/* The frame was handed on; the next one begins. */
void feed_sent(struct feed *feed, enum feed_lane lane);
/* It could not be: none of its items counts, and the lane falls behind to the first of them, to be searched from there. */
void feed_take_back(struct feed *feed, enum feed_lane lane);
/* Lets go of the memory that frames took, where none is being put together. */
void feed_shrink(struct feed *feed);

/* Beyond what was searched, or going back: ignored, false. */
bool feed_acknowledge(struct feed *feed, enum feed_lane lane, uint64_t cursor, uint64_t log_size);

/* Up to where the lane was searched: the log's end if it is live. */
uint64_t feed_searched(const struct feed *feed, enum feed_lane lane, uint64_t log_size);

/* --- the table --------------------------------------------------------------------------------------------------------- */

#define FEEDS_MAX (1u << 20)

struct feeds;

struct feeds *feeds_new(void);        /* NULL: no memory */
void feeds_free(struct feeds *feeds); /* and the feeds inside */
/* Takes ownership of `filter`; copies the bytes. Numbers of removed feeds are used again. LIAISON_NO_MEMORY, TOO_LARGE. */
enum liaison_err feeds_add(struct feeds *feeds, const struct office_id *office, const char *name, struct filter *filter,
	const uint8_t *filter_bytes, size_t filter_len, struct feed **out) LIAISON_MUST_CHECK;
void feeds_remove(struct feeds *feeds, struct feed *feed);
/* Takes ownership of `filter`, copies the bytes. LIAISON_NO_MEMORY: nothing changed, and `filter` is still the caller's. */
enum liaison_err feed_replace_filter(
	struct feed *feed, struct filter *filter, const uint8_t *bytes, size_t len) LIAISON_MUST_CHECK;
struct feed *feeds_find(const struct feeds *feeds, const char *office, const char *name);
struct feed *feeds_at(const struct feeds *feeds, uint32_t number); /* NULL: a hole, or past the end */
uint32_t feeds_end(const struct feeds *feeds);                     /* one above the greatest number */
size_t feeds_count_office(const struct feeds *feeds, const char *office);

#endif
