/* Inside of dispatch: what dispatch.c (the broker's word) and dispatch_send.c (submits) share. */
#ifndef LIAISON_AGENTS_DISPATCH_INTERNAL_H
#define LIAISON_AGENTS_DISPATCH_INTERNAL_H

#include "agents/dispatch.h"

/* One batch on its way. */
struct flight {
	struct outbox_batch batch;
	bool *is_open; /* by position in batch.items */
	size_t open;
	uint32_t first_request, last_request; /* of its submits */
};

struct dispatch {
	struct agent *agent;
	struct link *link;
	settled_fn *settled;
	void *arg;
	size_t window;
	struct flight flights[DISPATCH_WINDOW_MAX];
	size_t count;
	uint64_t after;    /* every queued alert up to here was looked at in this round */
	bool has_deferred; /* some were refused for now: another round is due */
	int64_t retry_at_ms, retry_ms;
	int64_t heard_ms;
	Liaison__Checkpoint *checkpoint; /* the newest of the receipts; owned */
};

/* The next batch of the outbox into a flight; *is_sent false where there is none. */
enum liaison_err dispatch_send_next(struct dispatch *dispatch, bool *is_sent, struct fault *fault) LIAISON_MUST_CHECK;

void flight_clear(struct flight *flight);

#endif
