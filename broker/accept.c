/* The loop around the sockets: what fires, whose turn it is, sessions from their first message to their end. */
#include "broker/accept_internal.h"

#include "broker/note.h"
#include "proto/scan.h"

#include <stdlib.h>

#define ZAP_DOMAIN "liaison"
#define RECEIVE_BURST 256
/*
 * libzmq frees room in a pipe in steps of half of it: one that holds half may look full. So a quarter for what can wait
 * (SEND_WAITING_MESSAGES) leaves another quarter for answers, whatever the step.
 */
#define SEND_HIGH_WATER (4 * SEND_WAITING_MESSAGES)
#define RECEIVE_HIGH_WATER 256
#define LISTEN_BACKLOG 512
#define TICK_MS 250
#define SWELL_MS 50

int64_t
accept_monotonic(const struct accept *accept)
{
	return accept->options.clock->monotonic_ms(accept->options.clock->arg);
}

int64_t
accept_now(const struct accept *accept)
{
	return accept->options.clock->now_ms(accept->options.clock->arg);
}

void
accept_look_again(struct accept *accept)
{
	struct timeval at_once = {0};

	if (!accept->paused && !evtimer_pending(accept->again_event, NULL))
		evtimer_add(accept->again_event, &at_once);
}

/* --- connections -------------------------------------------------------------------------------------------------- */

static void
end_session(struct accept *accept, struct session *session)
{
	accept->options.events.on_closed(accept->options.events.arg, session);
	sessions_remove(accept->sessions, session);
}

struct lost {
	struct accept *accept;
	int fd;
};

static void
end_if_lost(void *arg, struct session *session)
{
	const struct lost *lost = arg;

	if (session->fd == lost->fd)
		end_session(lost->accept, session);
}

/* There is nobody left to tell. At once, so that a reader that was killed finds its feed free when it is started again. */
static void
on_disconnected(struct accept *accept, int fd)
{
	struct lost lost = {accept, fd};

	if (fd >= 0)
		sessions_each(accept->sessions, end_if_lost, &lost);
	connections_closed(accept->connections, fd);
}

static void
on_monitor(evutil_socket_t fd, short what, void *arg)
{
	struct accept *accept = arg;
	struct server_event event;

	(void)fd;
	(void)what;
	while (server_next_event(accept->server, &event)) {
		if (event.type == SERVER_ACCEPTED)
			line_accepted(accept, event.fd);
		else if (event.type == SERVER_DISCONNECTED)
			on_disconnected(accept, event.fd);
		else if (event.type == SERVER_HANDSHAKE_REFUSED)
			note(NOTE_INFO, "handshake-refused", "count=1");
	}
}

static void
on_zap(evutil_socket_t fd, short what, void *arg)
{
	struct accept *accept = arg;

	(void)fd;
	(void)what;
	/* Connections that are over do not count against a new one of the same office. */
	on_monitor(-1, 0, accept);
	zap_answer(accept->zap);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

static struct session *
session_for(struct accept *accept, const struct server_peer *peer)
{
	struct session *session = sessions_find(accept->sessions, peer->route);

	if (session != NULL)
		return session;
	struct office_id office;
	struct key_id key;
	if (!door_parse_user(&peer->user, &office, &key))
		return NULL;
	session = sessions_add(accept->sessions, peer->route);
	if (session == NULL)
		return NULL;
	session->office = office;
	session->transport_key = key;
	session->fd = peer->fd;
	session->taken_ms = accept_monotonic(accept);
	if (!door_may_stay(accept, session))
		accept_shut(accept, session, LIAISON_NOT_PERMITTED, "this office or key was withdrawn");
	/* Several may have been let in before the first of them spoke. */
	else if (sessions_count_office(accept->sessions, office.text) >
		 (size_t)accept->options.config->connections_per_office)
		accept_shut(accept, session, LIAISON_RATE_LIMITED, "this office has too many connections");
	return session;
}

static void
on_server(evutil_socket_t fd, short what, void *arg)
{
	struct accept *accept = arg;

	(void)fd;
	(void)what;
	/* The monitor's word on closed descriptors comes first, so that a reused one is not taken for the old. */
	on_monitor(-1, 0, accept);
	for (int i = 0; i < RECEIVE_BURST && !accept->paused; i++) {
		struct server_peer peer;
		struct net_message message;
		enum net_result result = server_receive(accept->server, &peer, &message);
		accept->is_drained = result == NET_AGAIN;
		if (result == NET_REFUSED) {
			line_shut(accept, peer.fd);
			continue;
		}
		if (result != NET_MESSAGE)
			return;
		connections_heard(accept->connections, peer.fd, server_wire_bytes(net_message_size(&message)));
		struct session *session = session_for(accept, &peer);
		if (session == NULL || session->state == SESSION_CLOSING) {
			line_shut(accept, session != NULL ? session->fd : peer.fd);
			net_message_close(&message);
			continue;
		}
		session->heard_ms = accept_monotonic(accept);
		accept->options.events.on_message(accept->options.events.arg, session, &message);
	}
	accept_look_again(accept);
}

static void
reap_session(void *arg, struct session *session)
{
	struct accept *accept = arg;

	if (session->state != SESSION_CLOSING &&
		accept_monotonic(accept) - session->heard_ms > accept->options.config->idle_ms)
		accept_shut(accept, session, LIAISON_OK, "nothing was heard for too long");
	if (session->state != SESSION_CLOSING && send_is_stuck(accept, session))
		accept_shut(accept, session, LIAISON_OK, "nothing was taken for too long");
	/* A suspension of the duty key, and a key's window, end and begin by the clock alone. */
	if (session->state != SESSION_CLOSING && !door_may_stay(accept, session))
		accept_shut(accept, session, LIAISON_NOT_PERMITTED, "this office or key was withdrawn");
	if (session->state == SESSION_CLOSING && session->is_told) {
		line_shut(accept, session->fd);
		end_session(accept, session);
	} else if (session->state == SESSION_CLOSING) {
		session->is_told = true;
	}
}

/* Strangers that hold a connection without a handshake, lines that bring no end, and sessions that are over. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct accept *accept = arg;
	int64_t limit_ms = accept_monotonic(accept) - accept->options.config->handshake_ms - TICK_MS;

	(void)fd;
	(void)what;
	on_monitor(-1, 0, accept);
	lines_note_shed(accept);
	lines_shut_strangers(accept, limit_ms);
	sessions_each(accept->sessions, reap_session, accept);
	on_server(-1, 0, accept);
}

/* Often: what a line brings between two looks is what a message without an end may take in memory. */
static void
on_swell(evutil_socket_t fd, short what, void *arg)
{
	struct accept *accept = arg;

	on_server(fd, what, accept);
	if (accept->is_drained && !accept->paused)
		lines_shut_swollen(accept);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static struct event *
watch(struct event_base *base, int fd, event_callback_fn callback, struct accept *accept)
{
	struct event *event = event_new(base, fd, EV_READ | EV_PERSIST, callback, accept);

	if (event != NULL && event_add(event, NULL) != 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

static bool
accept_watch(struct accept *accept, struct event_base *base)
{
	struct timeval tick = {.tv_usec = TICK_MS * 1000}, swell = {.tv_usec = SWELL_MS * 1000};

	accept->zap_event = watch(base, zap_fd(accept->zap), on_zap, accept);
	accept->server_event = watch(base, server_fd(accept->server), on_server, accept);
	accept->monitor_event = watch(base, server_monitor_fd(accept->server), on_monitor, accept);
	accept->tick_event = event_new(base, -1, EV_PERSIST, on_tick, accept);
	accept->swell_event = event_new(base, -1, EV_PERSIST, on_swell, accept);
	accept->again_event = evtimer_new(base, on_server, accept);
	return accept->again_event != NULL && accept->zap_event != NULL && accept->server_event != NULL &&
	       accept->monitor_event != NULL && accept->tick_event != NULL &&
	       event_add(accept->tick_event, &tick) == 0 && accept->swell_event != NULL &&
	       event_add(accept->swell_event, &swell) == 0;
}

enum liaison_err
accept_new(struct event_base *base, struct net *net, const struct accept_options *options, struct accept **out,
	struct fault *fault)
{
	struct accept *accept = calloc(1, sizeof *accept);
	struct server_options server = {
		.secret = options->transport_secret,
		.zap_domain = ZAP_DOMAIN,
		.max_message_bytes = FRAME_BYTES_MAX,
		.handshake_ms = (int)options->config->handshake_ms,
		.send_high_water = SEND_HIGH_WATER,
		.receive_high_water = RECEIVE_HIGH_WATER,
		.backlog = LISTEN_BACKLOG,
	};

	if (accept == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the listener");
	accept->options = *options;
	accept->trust = trust_ref(options->trust);
	crypto_shorthash_keygen(accept->origin_key);
	accept->sessions = sessions_new();
	accept->connections =
		connections_new((size_t)options->config->connections_max, (size_t)options->config->unauthenticated_max);
	/* ZAP first: a listener without it would let everybody in. */
	accept->zap = zap_new(net, ZAP_DOMAIN, door_admit, accept, fault);
	if (accept->zap != NULL)
		accept->server = server_new(net, &server, fault);
	if (accept->server == NULL || accept->sessions == NULL || accept->connections == NULL) {
		accept_free(accept);
		return fault != NULL && fault->code != LIAISON_OK ? fault->code : LIAISON_NO_MEMORY;
	}
	if (!accept_watch(accept, base)) {
		accept_free(accept);
		return fault_set(fault, LIAISON_NO_MEMORY, "cannot watch the listener's descriptors");
	}
	*out = accept;
	return LIAISON_OK;
}

void
accept_free(struct accept *accept)
{
	if (accept == NULL)
		return;
	struct event **events[] = {&accept->zap_event, &accept->server_event, &accept->monitor_event,
		&accept->tick_event, &accept->swell_event, &accept->again_event};

	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
		if (*events[i] != NULL)
			event_free(*events[i]);
	server_free(accept->server);
	zap_free(accept->zap);
	sessions_free(accept->sessions);
	trust_unref(accept->trust);
	connections_free(accept->connections);
	free(accept);
}

enum liaison_err
accept_listen(struct accept *accept, char *bound, struct fault *fault)
{
	const struct config *config = accept->options.config;

	for (size_t i = 0; i < config->listen_count; i++) {
		enum liaison_err err = server_listen(accept->server, config->listen[i], i == 0 ? bound : NULL, fault);
		if (err != LIAISON_OK)
			return err;
	}
	return LIAISON_OK;
}

void
accept_pause(struct accept *accept, bool paused)
{
	accept->paused = paused;
	accept_look_again(accept);
}

struct sessions *
accept_sessions(struct accept *accept)
{
	return accept->sessions;
}
