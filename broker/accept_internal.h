/*
 * What the files of accept.h share: the one struct, and the steps of a connection's life. accept_door.c says who may come
 * in and who may stay, accept_lines.c counts and shuts descriptors, accept_send.c sends; accept.c is the loop around them.
 */
#ifndef LIAISON_BROKER_ACCEPT_INTERNAL_H
#define LIAISON_BROKER_ACCEPT_INTERNAL_H

#include "broker/accept.h"
#include "broker/connections.h"

#include <sodium.h>

struct accept {
	struct accept_options options;
	struct trust *trust;
	struct zap *zap;
	struct server *server;
	struct event *zap_event, *server_event, *monitor_event, *tick_event, *swell_event, *again_event;
	struct sessions *sessions;
	struct connections *connections;
	uint8_t origin_key[crypto_shorthash_KEYBYTES];
	size_t shed; /* connections that were shut since the last tick, because they were too many */
	bool paused;
	bool is_drained; /* no whole message waits inside libzmq, as far as is known */
};

int64_t accept_monotonic(const struct accept *accept);
int64_t accept_now(const struct accept *accept);
/*
 * The socket's descriptor fires on edges only: after a burst, and after every send, its state is looked at again, in the
 * loop's next turn so that others have theirs.
 */
void accept_look_again(struct accept *accept);

/* --- accept_door.c ------------------------------------------------------------------------------------------------ */
zap_admit_fn door_admit; /* `arg` is the accept */
/* The reverse of what door_admit wrote; false: it is not that. */
bool door_parse_user(const struct net_user *user, struct office_id *office, struct key_id *key);
/* Whether trust, suspensions and the clock still let this session's office and key in. */
bool door_may_stay(const struct accept *accept, const struct session *session);

/* --- accept_lines.c ----------------------------------------------------------------------------------------------- */
void line_accepted(struct accept *accept, int fd); /* there may be too many now: then one is shut */
void line_shut(struct accept *accept, int fd);
void lines_note_shed(struct accept *accept); /* one log line a tick, however many there were */
void lines_shut_strangers(struct accept *accept, int64_t before_ms);
/* Those that bring a message without an end. */
void lines_shut_swollen(struct accept *accept);

/* --- accept_send.c ------------------------------------------------------------------------------------------------ */
/* Whether it has taken nothing of what is on its way for longer than idle_ms. To be asked often. */
bool send_is_stuck(struct accept *accept, struct session *session);

#endif
