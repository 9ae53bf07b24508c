/*
 * One connection, from its first message to its end, and the table of all of them. Pure: accept.c performs.
 */
#ifndef LIAISON_BROKER_SESSION_H
#define LIAISON_BROKER_SESSION_H

#include "broker/flight.h"
#include "proto/address.h"
#include "proto/base/err.h"
#include "proto/keys.h"

#include "proto/frame.pb-c.h"

#include <stdint.h>

#define SESSION_CHANNELS_MAX 64

enum session_state {
	SESSION_NEW, /* nothing but hello is taken */
	SESSION_READY,
	SESSION_CLOSING, /* shut; its last messages are dropped */
};

struct admit_job;
struct feed;

struct session {
	uint32_t route;
	int fd; /* -1 once the monitor said that it is gone */
	enum session_state state;
	bool is_told;            /* CLOSING, and its last words had a tick to leave */
	struct office_id office; /* as ZAP said */
	struct key_id transport_key;
	int64_t heard_ms; /* monotonic */
	int64_t malformed_since_ms;
	int64_t malformed; /* since then */
	int64_t submits_in_flight;
	struct flight flight;  /* what was sent and has not reached the reader's machine */
	int64_t taken_ms;      /* when some of it did last, was acknowledged, or nothing was on its way */
	size_t gathered_bytes; /* in the frames that its feeds put together */
	bool is_stalled;       /* of deliver_stall.c: its feeds wait until it takes what was sent */
	int64_t retry_at_ms, retry_wait_ms;
	struct admit_job *answered, **answered_end; /* of answer.c: to be told of at the end of the turn */
	struct session *next_answered;
	uint64_t checkpoint_size;                    /* of the last checkpoint that was sent here */
	struct feed *channels[SESSION_CHANNELS_MAX]; /* attached feeds; borrowed */
	size_t channel_count;
	struct session *next; /* in its bucket of the table */
};

struct sessions;

struct sessions *sessions_new(void); /* NULL: no memory */
void sessions_free(struct sessions *sessions);
struct session *sessions_find(const struct sessions *sessions, uint32_t route);
struct session *sessions_add(struct sessions *sessions, uint32_t route);  /* NULL: no memory */
void sessions_remove(struct sessions *sessions, struct session *session); /* frees it */
size_t sessions_count(const struct sessions *sessions);
size_t sessions_count_office(const struct sessions *sessions, const char *office);
/* Calls back for each; the callback may remove the one that it is given. */
void sessions_each(struct sessions *sessions, void (*each)(void *arg, struct session *session), void *arg);

/*
 * Whether a session in `state` may send this frame: LIAISON_OK, LIAISON_MALFORMED (out of turn),
 * LIAISON_UNSUPPORTED_VERSION (not known), LIAISON_NOT_SUPPORTED (known, but not done yet), LIAISON_NOT_PERMITTED (only
 * brokers say it).
 */
enum liaison_err session_may_send(enum session_state state, Liaison__Frame__FrameCase frame) LIAISON_MUST_CHECK;

#endif
