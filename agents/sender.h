/*
 * Empties the outbox: one program of a home at a time, over a link that is opened when it can be and opened again when it
 * is lost. A second program is told so and sees its alerts settled by the first.
 */
#ifndef LIAISON_AGENTS_SENDER_H
#define LIAISON_AGENTS_SENDER_H

#include "agents/agent.h"
#include "agents/dispatch.h"

struct sender;

/* `agent` is borrowed. NULL without memory. Nothing is opened yet. */
struct sender *sender_new(struct agent *agent, settled_fn *settled, void *arg);
void sender_free(struct sender *sender); /* takes NULL */

enum sender_state {
	SENDER_DONE,   /* the outbox has nothing that waits */
	SENDER_ROOM,   /* some is on its way, more may be put in */
	SENDER_FULL,   /* wait before putting in more */
	SENDER_OTHER,  /* another program of this home is sending */
	SENDER_AWAY,   /* no broker for now; the fault says why */
	SENDER_FAILED, /* for good; the fault says why */
};

/* One step, at most about timeout_ms long. With 0 no connection is begun and nothing is waited for. */
enum sender_state sender_step(struct sender *sender, int timeout_ms, struct fault *fault);

/* When the broker last said anything of an alert (app_monotonic). */
int64_t sender_heard_ms(const struct sender *sender);

/* Says what is proven by the receipts so far (dispatch_finish). LIAISON_OK without a link. */
enum liaison_err sender_finish(struct sender *sender, struct fault *fault) LIAISON_MUST_CHECK;

#endif
