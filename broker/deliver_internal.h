/*
 * What the files of deliver.c share: the alerts that are held in memory, and the lists of feeds that have something to be
 * done. deliver.c offers what became durable to those who keep up, deliver_search.c goes through the log for the others,
 * deliver_frame.c puts what either finds into frames and sends them, deliver_stall.c waits for readers that do not take them.
 */
#ifndef LIAISON_BROKER_DELIVER_INTERNAL_H
#define LIAISON_BROKER_DELIVER_INTERNAL_H

#include "broker/core.h"

#define LIVE_ITEMS_MAX 65536

/* An alert in memory for those who keep up, and for those who are only a little behind. */
struct live_item {
	uint64_t index;
	struct facts *facts; /* owned */
	struct blob *bytes;  /* the encoded delivery item */
};

struct deliver_state {
	struct live_item *ring; /* ascending by index */
	size_t ring_head, ring_count;
	size_t ring_bytes;
	struct feed **touched; /* feeds with something outgoing */
	size_t touched_count, touched_cap;
	struct feed **searching; /* a FIFO of feeds that are behind and may be sent to */
	size_t search_count, search_cap;
	struct event *search_event;
	struct session **stalled; /* those that have yet to take what was sent */
	size_t stalled_count, stalled_cap;
	struct event *retry_event;
	int64_t retry_at_ms; /* when it fires, if it is pending */
};

/* --- deliver.c ---------------------------------------------------------------------------------------------------- */
/* NULL: not in memory (any more). */
const struct live_item *deliver_find_live(const struct deliver_state *state, uint64_t index);
/* An envelope as an item of a delivery; the caller's reference. NULL: no memory. */
struct blob *deliver_encode_item(uint64_t index, const uint8_t *envelope, size_t len);
/* Whether the feed's office may be given it now. `original`: of a notice, the alert that it is about, if it is held. */
bool deliver_may_have(
	struct core *core, struct feed *feed, uint64_t index, const struct facts *facts, const struct facts *original);

/* --- deliver_frame.c ---------------------------------------------------------------------------------------------- */
/*
 * Puts an item into a feed's next frame. False: it does not fit the reader's credit, or memory, or the reader has yet to
 * take what was sent. What was put before it in this turn may have fallen behind with it: the lane says from where.
 */
bool deliver_put(struct core *core, struct feed *feed, enum feed_lane lane, uint64_t index, const struct blob *bytes);
/* False: the reader has yet to take what was sent. */
bool deliver_send_progress(struct core *core, struct feed *feed, bool at_end);

/* --- deliver_search.c --------------------------------------------------------------------------------------------- */
void deliver_on_search(evutil_socket_t fd, short what, void *arg);

/* --- deliver_stall.c ---------------------------------------------------------------------------------------------- */
/* Nothing that can wait is sent to this session until it has taken what is on its way. */
void deliver_stall(struct core *core, struct session *session);
/* Looks whether it has. True: it is not stalled (any more), and its feeds are searched for. */
bool deliver_resume(struct core *core, struct session *session);
void deliver_forget_stall(struct core *core, struct session *session);
void deliver_on_retry(evutil_socket_t fd, short what, void *arg);

#endif
