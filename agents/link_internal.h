/* Inside of link: what link.c, link_greet.c and link_checkpoint.c share. */
#ifndef LIAISON_AGENTS_LINK_INTERNAL_H
#define LIAISON_AGENTS_LINK_INTERNAL_H

#include "agents/link.h"
#include "proto/edge/zmq.h"

#define LINK_PENDING_MAX 1024 /* frames that came while an answer was awaited */

struct link {
	struct link_setup setup;
	struct trust *trust; /* owned reference */
	struct net *net;
	struct client *client;
	const struct home_broker *broker; /* of office.conf */
	struct office_id id;
	Liaison__Frame *welcome;         /* the whole frame, owned */
	Liaison__Checkpoint *checkpoint; /* the last taken, owned; NULL: none */
	bool is_lost;
	struct fault why_lost;
	uint32_t last_request;
	int64_t heard_ms;
	uint64_t pinged, ponged;                   /* the last nonce that was sent, that came back */
	Liaison__Frame *pending[LINK_PENDING_MAX]; /* ring, owned */
	size_t pending_first, pending_count;
};

/* One event of the client, dealt with: LINK_FRAME only for a frame that is not link's own affair. */
enum link_event link_step(
	struct link *link, int timeout_ms, int extra_fd, Liaison__Frame **frame, bool *is_silent, struct fault *fault);

/* Sends a ping with the next number; its pong shows in `ponged`. */
void link_ping(struct link *link);

/* Hello, welcome, and what they must agree on; for a client that is connected. */
enum liaison_err link_greet(struct link *link, int64_t deadline_ms, struct fault *fault) LIAISON_MUST_CHECK;

/* Takes what verifies out of a trust frame, saves it; what does not is told and left. */
void link_adopt_trust(struct link *link, const Liaison__Trust *message);

/* A copy by way of its bytes; NULL without memory. */
Liaison__Checkpoint *checkpoint_copy(const Liaison__Checkpoint *checkpoint);

#endif
