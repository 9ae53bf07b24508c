/*
 * Sockets and sessions: who is let in, how many, for how long; each message goes on with the session that it came from.
 *
 * ZAP is bound before the listener and every connection is mapped to an office by its CURVE key; the user id of each
 * message is what says who is talking. Caps are kept by shutting descriptors, in all, per office, and before a handshake.
 * A key or office that the trust no longer lets in is shut at once. accept_self_test() proves at start that an unknown
 * key is refused. Belongs to the core thread's event loop.
 */
#ifndef LIAISON_BROKER_ACCEPT_H
#define LIAISON_BROKER_ACCEPT_H

#include "broker/config.h"
#include "broker/session.h"
#include "proto/base/time.h"
#include "proto/edge/zmq.h"
#include "proto/trust.h"

#include <event2/event.h>

struct accept;

struct accept_events {
	/* Owns `message` from then on. The session may be shut by the callee. */
	void (*on_message)(void *arg, struct session *session, struct net_message *message);
	/* Before the session is freed. */
	void (*on_closed)(void *arg, struct session *session);
	void *arg;
};

struct accept_options {
	const struct config *config;
	const struct clock *clock;
	const uint8_t *transport_secret; /* 32 bytes */
	struct trust *trust;             /* referenced */
	struct accept_events events;
};

enum liaison_err accept_new(struct event_base *base, struct net *net, const struct accept_options *options,
	struct accept **out, struct fault *fault) LIAISON_MUST_CHECK;
void accept_free(struct accept *accept); /* takes NULL */

/* Binds what the configuration names. `bound` (may be NULL) gets the first end point with its port, 128 bytes. */
enum liaison_err accept_listen(struct accept *accept, char *bound, struct fault *fault) LIAISON_MUST_CHECK;

/* A client with a key of nobody must be refused, through the real listener: LIAISON_INTERNAL if it was not. */
enum liaison_err accept_self_test(struct accept *accept, struct net *net, const char *endpoint,
	const struct public_key *server_key, struct fault *fault) LIAISON_MUST_CHECK;

/* From now on this decides. Sessions that it would not let in are shut before this returns. */
void accept_set_trust(struct accept *accept, struct trust *trust);

/* While paused no message is taken from the socket (TCP holds the senders back). */
void accept_pause(struct accept *accept, bool paused);

/*
 * Sends and takes ownership of `bytes` (malloc). What it says cannot wait: a reader that is gone, or whose pipe is full or
 * holds more than SEND_HELD_BYTES, is shut, since it does not take what it asked for. LIAISON_BUSY or LIAISON_UNREACHABLE
 * then; the session is CLOSING and is freed by a later turn of the loop.
 */
#define SEND_HELD_BYTES (UINT64_C(32) << 20)
enum liaison_err accept_send(
	struct accept *accept, struct session *session, void *bytes, size_t len) LIAISON_MUST_CHECK;

/* The same for what can wait: where the pipe is full nothing was sent, LIAISON_BUSY, and the session goes on. */
enum liaison_err accept_offer(
	struct accept *accept, struct session *session, void *bytes, size_t len) LIAISON_MUST_CHECK;

/*
 * Whether this reader may be sent `more` bytes of what can wait: libzmq bounds messages, not bytes, so that a reader that
 * grants credit for everything and takes nothing would cost all that there is. What is on its way to it is bounded by
 * SEND_WAITING_MESSAGES, which leaves room in its pipe for answers, and by its share of SEND_WAITING_ALL_BYTES among all
 * sessions, between the two other bounds.
 */
#define SEND_WAITING_MESSAGES 512
#define SEND_WAITING_ALL_BYTES (UINT64_C(256) << 20)
#define SEND_WAITING_MOST_BYTES (UINT64_C(4) << 20)
#define SEND_WAITING_LEAST_BYTES (UINT64_C(256) << 10)
bool accept_has_room(struct accept *accept, struct session *session, size_t more);

/* Whether half of that is free, so that going on is worth its cost. */
bool accept_has_drained(struct accept *accept, struct session *session);

/* Encodes and sends; failures as above. */
enum liaison_err accept_send_frame(
	struct accept *accept, struct session *session, const Liaison__Frame *frame) LIAISON_MUST_CHECK;

/* Says goodbye with the code, and shuts. */
void accept_shut(struct accept *accept, struct session *session, enum liaison_err code, const char *why);

/* Tells everybody that this broker stops; their descriptors are shut with the server. */
void accept_goodbye(struct accept *accept);

/* Counts a malformed frame; true if that was one too many and the session was shut. */
bool accept_count_malformed(struct accept *accept, struct session *session);

struct sessions *accept_sessions(struct accept *accept);

#endif
