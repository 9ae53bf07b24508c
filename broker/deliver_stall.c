/*
 * Readers that do not take what was sent to them. Their feeds fall behind, and each such session is looked at now and then,
 * ever more rarely, until half of what was on its way has arrived: then its feeds go on by search where they stopped. So a
 * reader that has stopped costs what is on its way to it and a look a second. accept.c shuts one that takes nothing for
 * too long.
 */
#include "broker/deliver_internal.h"

#include <stdlib.h>

#define RETRY_FIRST_MS 5
#define RETRY_LAST_MS 1000

static void
retry_at(struct core *core, int64_t at_ms)
{
	struct deliver_state *state = core->delivery;
	int64_t wait_ms = at_ms - core_monotonic(core);

	if (evtimer_pending(state->retry_event, NULL) && state->retry_at_ms <= at_ms)
		return;
	wait_ms = wait_ms > 0 ? wait_ms : 0;
	struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
	state->retry_at_ms = at_ms;
	event_add(state->retry_event, &wait);
}

void
deliver_stall(struct core *core, struct session *session)
{
	struct deliver_state *state = core->delivery;

	if (session->is_stalled)
		return;
	if (state->stalled_count == state->stalled_cap) {
		size_t cap = state->stalled_cap > 0 ? state->stalled_cap * 2 : 64;
		struct session **stalled = realloc(state->stalled, cap * sizeof(struct session *));
		if (stalled == NULL)
			return; /* the next credit or tick tries again */
		state->stalled = stalled;
		state->stalled_cap = cap;
	}
	state->stalled[state->stalled_count++] = session;
	session->is_stalled = true;
	session->retry_wait_ms = RETRY_FIRST_MS;
	session->retry_at_ms = core_monotonic(core) + RETRY_FIRST_MS;
	retry_at(core, session->retry_at_ms);
}

void
deliver_forget_stall(struct core *core, struct session *session)
{
	struct deliver_state *state = core->delivery;
	size_t kept = 0;

	if (!session->is_stalled)
		return;
	session->is_stalled = false;
	for (size_t i = 0; i < state->stalled_count; i++)
		if (state->stalled[i] != session)
			state->stalled[kept++] = state->stalled[i];
	state->stalled_count = kept;
}

bool
deliver_resume(struct core *core, struct session *session)
{
	if (!session->is_stalled)
		return true;
	if (!accept_has_drained(core->accept, session))
		return false;
	deliver_forget_stall(core, session);
	for (size_t i = 0; i < session->channel_count; i++)
		deliver_wake(core, session->channels[i]);
	return true;
}

/* It has taken too little: the next look comes later, and it holds no more memory than it must. */
static void
wait_longer(struct session *session, int64_t at_ms)
{
	session->retry_wait_ms *= 2;
	if (session->retry_wait_ms > RETRY_LAST_MS)
		session->retry_wait_ms = RETRY_LAST_MS;
	session->retry_at_ms = at_ms + session->retry_wait_ms;
	for (size_t i = 0; i < session->channel_count; i++)
		feed_shrink(session->channels[i]);
}

void
deliver_on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct core *core = arg;
	struct deliver_state *state = core->delivery;
	int64_t at_ms = core_monotonic(core), next_ms = at_ms + RETRY_LAST_MS;

	(void)fd;
	(void)what;
	/* From the end, so that one that leaves the list moves only those that were looked at. */
	for (size_t i = state->stalled_count; i-- > 0;) {
		struct session *session = state->stalled[i];
		if (session->retry_at_ms <= at_ms) {
			if (deliver_resume(core, session))
				continue;
			wait_longer(session, at_ms);
		}
		if (session->retry_at_ms < next_ms)
			next_ms = session->retry_at_ms;
	}
	if (state->stalled_count > 0)
		retry_at(core, next_ms);
}
