/*
 * Sends what waits in the outbox over a link, some batches at a time, and settles each alert by the broker's word: a
 * receipt that was verified (the checkpoint's signature, the alert's inclusion in it), or a refusal. What the word was is
 * committed to the outbox before it is told. A refusal for now is tried again with back-off for as long as the caller
 * keeps stepping.
 */
#ifndef LIAISON_AGENTS_DISPATCH_H
#define LIAISON_AGENTS_DISPATCH_H

#include "agents/agent.h"
#include "agents/outbox.h"

#define DISPATCH_WINDOW_MAX 16 /* batches in flight, or fewer if the broker says so */

/* One alert's fate, told after it was committed. Borrowed for the call. */
struct settled {
	uint64_t sequence;
	const char *id;
	int64_t job, line;
	bool is_accepted;
	bool is_final; /* refused for good; otherwise it stays in the outbox */
	enum liaison_err code;
	const char *message;
	const char *broker;
	const Liaison__Checkpoint *checkpoint; /* of the receipt */
	uint64_t index;
};
typedef void settled_fn(void *arg, const struct settled *settled);

struct dispatch;

/* `agent` and `link` are borrowed. NULL without memory. */
struct dispatch *dispatch_new(struct agent *agent, struct link *link, settled_fn *settled, void *arg);
void dispatch_free(struct dispatch *dispatch); /* takes NULL; what is in flight stays in the outbox */

enum dispatch_state {
	DISPATCH_DONE, /* nothing waits, nothing is in flight */
	DISPATCH_ROOM, /* something is in flight or waits for its next try, but the window has room for more */
	DISPATCH_FULL,
	DISPATCH_LOST, /* the fault says why: LIAISON_INCONSISTENT for a receipt that proves nothing, or the link's end */
};

/*
 * Sends as much as the window lets, then waits up to timeout_ms for one word of the broker. With 0 it only takes what has
 * come already.
 */
enum dispatch_state dispatch_step(struct dispatch *dispatch, int timeout_ms, struct fault *fault);

/*
 * When the broker last settled an alert (app_monotonic); when dispatch was made, if it has not. "Not now" settles nothing:
 * who waits for a broker that goes on saying so would wait for ever.
 */
int64_t dispatch_heard_ms(const struct dispatch *dispatch);

/* Proves and keeps the newest checkpoint of the receipts. LIAISON_INCONSISTENT and what link_prove_checkpoint says. */
enum liaison_err dispatch_finish(struct dispatch *dispatch, struct fault *fault) LIAISON_MUST_CHECK;

#endif
