#include "agents/sender.h"

#include "agents/say.h"

#include <poll.h>
#include <stdlib.h>

#define OTHER_POLL_MS 100
#define AGAIN_MS 1000 /* between two tries to connect */

struct sender {
	struct agent *agent;
	settled_fn *settled;
	void *arg;
	int lock; /* -1: not held */
	struct link *link;
	struct dispatch *dispatch;
	int64_t heard_ms;
	int64_t again_ms; /* no try to connect before */
	struct fault away;
};

struct sender *
sender_new(struct agent *agent, settled_fn *settled, void *arg)
{
	struct sender *sender = calloc(1, sizeof *sender);

	if (sender == NULL)
		return NULL;
	sender->agent = agent;
	sender->settled = settled;
	sender->arg = arg;
	sender->lock = -1;
	sender->heard_ms = app_monotonic(agent->app);
	fault_set(&sender->away, LIAISON_UNREACHABLE, "no broker was asked yet");
	return sender;
}

static void
drop_link(struct sender *sender)
{
	if (sender->link != NULL)
		agent_follow(sender->agent, sender->link);
	dispatch_free(sender->dispatch);
	link_close(sender->link);
	sender->dispatch = NULL;
	sender->link = NULL;
}

void
sender_free(struct sender *sender)
{
	if (sender == NULL)
		return;
	drop_link(sender);
	if (sender->lock >= 0)
		home_unlock(sender->lock);
	free(sender);
}

int64_t
sender_heard_ms(const struct sender *sender)
{
	int64_t heard = sender->dispatch != NULL ? dispatch_heard_ms(sender->dispatch) : 0;
	return heard > sender->heard_ms ? heard : sender->heard_ms;
}

static void
pause_for(int timeout_ms, int most_ms)
{
	int ms = timeout_ms < most_ms ? timeout_ms : most_ms;

	if (ms > 0 && poll(NULL, 0, ms) < 0)
		return; /* a signal came: the caller looks around sooner */
}

/* What another try cannot mend within this run. */
static bool
is_final(enum liaison_err err)
{
	switch (err) {
	case LIAISON_INCONSISTENT:
	case LIAISON_BAD_CONFIG:
	case LIAISON_UNKNOWN_OFFICE:
	case LIAISON_NOT_PERMITTED:
	case LIAISON_UNSUPPORTED_VERSION:
	case LIAISON_CORRUPT:
	case LIAISON_IO:
	case LIAISON_NO_MEMORY:
	case LIAISON_INTERNAL:
	case LIAISON_BAD_SIGNATURE: return true;
	default: return false;
	}
}

static enum sender_state
connect_once(struct sender *sender, int timeout_ms, struct fault *fault)
{
	const struct app *app = sender->agent->app;
	int64_t now = app_monotonic(app);

	if (timeout_ms == 0 || now < sender->again_ms) {
		pause_for(timeout_ms, (int)(sender->again_ms > now ? sender->again_ms - now : 0));
		*fault = sender->away;
		return SENDER_AWAY;
	}
	enum liaison_err err = agent_connect(sender->agent, now + timeout_ms, &sender->link, fault);
	if (err != LIAISON_OK) {
		sender->away = *fault;
		sender->again_ms = app_monotonic(app) + AGAIN_MS;
		return is_final(err) ? SENDER_FAILED : SENDER_AWAY;
	}
	sender->dispatch = dispatch_new(sender->agent, sender->link, sender->settled, sender->arg);
	if (sender->dispatch == NULL) {
		fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		return SENDER_FAILED;
	}
	return SENDER_ROOM;
}

enum sender_state
sender_step(struct sender *sender, int timeout_ms, struct fault *fault)
{
	if (sender->lock < 0) {
		enum liaison_err err = home_lock(sender->agent->home->path, "outbox", &sender->lock, fault);
		if (err == LIAISON_BUSY) {
			pause_for(timeout_ms, OTHER_POLL_MS);
			return SENDER_OTHER;
		}
		if (err != LIAISON_OK)
			return SENDER_FAILED;
	}
	if (sender->link == NULL) {
		enum sender_state state = connect_once(sender, timeout_ms, fault);
		if (state != SENDER_ROOM)
			return state;
		timeout_ms = 0;
	}
	switch (dispatch_step(sender->dispatch, timeout_ms, fault)) {
	case DISPATCH_DONE: return SENDER_DONE;
	case DISPATCH_ROOM: return SENDER_ROOM;
	case DISPATCH_FULL: return SENDER_FULL;
	case DISPATCH_LOST: break;
	}
	sender->heard_ms = sender_heard_ms(sender);
	sender->away = *fault;
	sender->again_ms = app_monotonic(sender->agent->app) + AGAIN_MS;
	drop_link(sender);
	return is_final(fault->code) ? SENDER_FAILED : SENDER_AWAY;
}

enum liaison_err
sender_finish(struct sender *sender, struct fault *fault)
{
	if (sender->dispatch == NULL)
		return LIAISON_OK;
	enum liaison_err err = dispatch_finish(sender->dispatch, fault);
	/* What a later session proves just as well is no failure of this one. */
	return err == LIAISON_UNREACHABLE || err_is_for_now(err) ? LIAISON_OK : err;
}
