#include "broker/accept.h"

#include "broker/connections.h"
#include "broker/note.h"
#include "proto/frame.h"
#include "proto/scan.h"

#include <assert.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ZAP_DOMAIN "liaison"
#define RECEIVE_BURST 256
#define SEND_HIGH_WATER 1024
#define RECEIVE_HIGH_WATER 256
#define LISTEN_BACKLOG 512
#define TICK_MS 250
#define SWELL_MS 50
#define SELF_TEST_MS 5000

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

static int64_t
monotonic(const struct accept *accept)
{
	return accept->options.clock->monotonic_ms(accept->options.clock->arg);
}

static int64_t
now(const struct accept *accept)
{
	return accept->options.clock->now_ms(accept->options.clock->arg);
}

/*
 * The socket's descriptor fires on edges only: after a burst, and after every send, its state is looked at again, in the
 * loop's next turn so that others have theirs.
 */
static void
look_again(struct accept *accept)
{
	struct timeval at_once = {0};

	if (!accept->paused && !evtimer_pending(accept->again_event, NULL))
		evtimer_add(accept->again_event, &at_once);
}

/* --- who may come in ---------------------------------------------------------------------------------------------- */

/* The office behind a key, if this broker serves it. */
static const struct office *
served_office(const struct accept *accept, const struct public_key *key)
{
	const char *self = accept->options.config->id;
	const struct office *office = trust_office_at_broker(accept->trust, self, key, now(accept));

	/* Peers are known to the trust, and not served yet. */
	return office != NULL && trust_serves(accept->trust, self, office->member) ? office : NULL;
}

static bool
zap_admit(void *arg, const struct public_key *key, const char *address, struct net_user *user)
{
	struct accept *accept = arg;
	const struct office *office = served_office(accept, key);
	char quoted[256], key_hex[2 * KEY_ID_BYTES + 1];

	if (office == NULL) {
		note(NOTE_WARNING, "connection-refused", "reason=unknown-key address=%s", note_quote(address, quoted));
		return false;
	}
	if (sessions_count_office(accept->sessions, office->id.text) >=
		(size_t)accept->options.config->connections_per_office) {
		note(NOTE_WARNING, "connection-refused", "reason=too-many office=%s", office->id.text);
		return false;
	}
	struct key_id key_id;
	key_id_of(key, &key_id);
	sodium_bin2hex(key_hex, sizeof key_hex, key_id.bytes, sizeof key_id.bytes);
	snprintf(user->text, sizeof user->text, "%s/%s", office->id.text, key_hex);
	return true;
}

/* The reverse of what zap_admit wrote. */
static bool
parse_user(const struct net_user *user, struct office_id *office, struct key_id *key)
{
	const char *slash = strchr(user->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - user->text) : sizeof office->text;

	if (len >= sizeof office->text)
		return false;
	memcpy(office->text, user->text, len);
	office->text[len] = '\0';
	return sodium_hex2bin(key->bytes, sizeof key->bytes, slash + 1, strlen(slash + 1), NULL, NULL, NULL) == 0;
}

static bool
may_stay(const struct accept *accept, const struct session *session)
{
	const struct office *office = trust_office(accept->trust, session->office.text);
	struct public_key unused;

	return office != NULL && !office_is_suspended(office, now(accept)) &&
	       trust_serves(accept->trust, accept->options.config->id, office->member) &&
	       office_key(office, KEY_TRANSPORT, &session->transport_key, now(accept), &unused, NULL) == LIAISON_OK;
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

/* What stands for the address that a connection comes from: of IPv6 the network, whose hosts anybody can make up. */
static uint64_t
origin_of(const struct accept *accept, int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} peer = {.any.sa_family = AF_UNSPEC};
	socklen_t len = sizeof peer;
	uint8_t hash[crypto_shorthash_BYTES] = {0};
	uint64_t origin;

	if (getpeername(fd, &peer.any, &len) != 0)
		return 0;
	if (peer.any.sa_family == AF_INET)
		crypto_shorthash(hash, (uint8_t *)&peer.v4.sin_addr, sizeof peer.v4.sin_addr, accept->origin_key);
	else if (peer.any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer.v6.sin6_addr))
		crypto_shorthash(hash, peer.v6.sin6_addr.s6_addr + 12, 4, accept->origin_key);
	else if (peer.any.sa_family == AF_INET6)
		crypto_shorthash(hash, peer.v6.sin6_addr.s6_addr, 8, accept->origin_key);
	memcpy(&origin, hash, sizeof origin);
	return origin;
}

static void
on_accepted(struct accept *accept, int fd)
{
	int over = connections_accepted(
		accept->connections, fd, origin_of(accept, fd), randombytes_random(), monotonic(accept));

	accept->shed += over >= 0;
	server_shut(over);
}

static void
shut(struct accept *accept, int fd)
{
	if (connections_end(accept->connections, fd))
		server_shut(fd);
}

/* One line a tick, however many there were. */
static void
note_shed(struct accept *accept)
{
	if (accept->shed > 0)
		note(NOTE_WARNING, "connections-shut", "reason=too-many count=%zu open=%zu unknown=%zu", accept->shed,
			connections_open(accept->connections), connections_unknown(accept->connections));
	accept->shed = 0;
}

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
			on_accepted(accept, event.fd);
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
	if (!parse_user(&peer->user, &office, &key))
		return NULL;
	session = sessions_add(accept->sessions, peer->route);
	if (session == NULL)
		return NULL;
	session->office = office;
	session->transport_key = key;
	session->fd = peer->fd;
	if (!may_stay(accept, session))
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
			shut(accept, peer.fd);
			continue;
		}
		if (result != NET_MESSAGE)
			return;
		connections_heard(accept->connections, peer.fd, server_wire_bytes(net_message_size(&message)));
		struct session *session = session_for(accept, &peer);
		if (session == NULL || session->state == SESSION_CLOSING) {
			shut(accept, session != NULL ? session->fd : peer.fd);
			net_message_close(&message);
			continue;
		}
		session->heard_ms = monotonic(accept);
		accept->options.events.on_message(accept->options.events.arg, session, &message);
	}
	look_again(accept);
}

static void
reap_session(void *arg, struct session *session)
{
	struct accept *accept = arg;

	if (session->state != SESSION_CLOSING &&
		monotonic(accept) - session->heard_ms > accept->options.config->idle_ms)
		accept_shut(accept, session, LIAISON_OK, "nothing was heard for too long");
	/* A suspension of the duty key, and a key's window, end and begin by the clock alone. */
	if (session->state != SESSION_CLOSING && !may_stay(accept, session))
		accept_shut(accept, session, LIAISON_NOT_PERMITTED, "this office or key was withdrawn");
	if (session->state == SESSION_CLOSING && session->is_told) {
		shut(accept, session->fd);
		end_session(accept, session);
	} else if (session->state == SESSION_CLOSING) {
		session->is_told = true;
	}
}

static void
shut_stranger(void *arg, int fd)
{
	shut(arg, fd);
}

static void
shut_swollen(void *arg, int fd)
{
	struct accept *accept = arg;

	if (!connections_swells(accept->connections, fd, server_received_bytes(fd)))
		return;
	note(NOTE_WARNING, "connection-shut", "reason=message-without-end");
	shut(accept, fd);
}

/* Strangers that hold a connection without a handshake, lines that bring no end, and sessions that are over. */
static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct accept *accept = arg;
	int64_t limit_ms = monotonic(accept) - accept->options.config->handshake_ms - TICK_MS;

	(void)fd;
	(void)what;
	on_monitor(-1, 0, accept);
	note_shed(accept);
	connections_each_unknown(accept->connections, limit_ms, shut_stranger, accept);
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
		connections_each(accept->connections, shut_swollen, accept);
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
	accept->zap = zap_new(net, ZAP_DOMAIN, zap_admit, accept, fault);
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

enum liaison_err
accept_self_test(struct accept *accept, struct net *net, const char *endpoint, const struct public_key *server_key,
	struct fault *fault)
{
	uint8_t secret[32];
	struct client_options options = {
		.server_key = *server_key, .secret = secret, .max_message_bytes = 1024, .receive_high_water = 1};
	int64_t until = monotonic(accept) + SELF_TEST_MS;
	enum client_event event = CLIENT_TIMEOUT;
	struct net_message message;

	randombytes_buf(secret, sizeof secret);
	crypto_scalarmult_base(options.public_key.bytes, secret);
	struct client *client = client_new(net, endpoint, &options, fault);
	if (client == NULL)
		return LIAISON_IO;
	while (event == CLIENT_TIMEOUT && monotonic(accept) < until) {
		zap_answer(accept->zap);
		event = client_wait(client, 5, -1, &message);
	}
	client_free(client);
	if (event == CLIENT_REFUSED)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_INTERNAL,
		"%s did not refuse an unknown key: the broker will not run with an open door", endpoint);
}

static void
recheck_session(void *arg, struct session *session)
{
	struct accept *accept = arg;

	if (session->state != SESSION_CLOSING && !may_stay(accept, session))
		accept_shut(accept, session, LIAISON_NOT_PERMITTED, "this office or key was withdrawn");
}

void
accept_set_trust(struct accept *accept, struct trust *trust)
{
	struct trust *old = accept->trust;

	accept->trust = trust_ref(trust);
	trust_unref(old);
	sessions_each(accept->sessions, recheck_session, accept);
}

void
accept_pause(struct accept *accept, bool paused)
{
	accept->paused = paused;
	look_again(accept);
}

/* Whether at most `most` bytes are on their way to the reader. The kernel is asked only where the last answer says no. */
static bool
waits_at_most(struct session *session, uint64_t most)
{
	if (session->sent_bytes <= session->acked_bytes + most)
		return true;
	session->acked_bytes = server_acked_bytes(session->fd);
	return session->sent_bytes <= session->acked_bytes + most;
}

bool
accept_has_room(struct accept *accept, struct session *session)
{
	(void)accept;
	return waits_at_most(session, SEND_WAITING_BYTES);
}

enum liaison_err
accept_send(struct accept *accept, struct session *session, void *bytes, size_t len)
{
	enum liaison_err err = LIAISON_BUSY;

	if (session->state == SESSION_CLOSING) {
		free(bytes);
		return LIAISON_UNREACHABLE;
	}
	if (waits_at_most(session, SEND_HELD_BYTES))
		err = server_send(accept->server, session->route, bytes, len);
	else
		free(bytes);
	look_again(accept);
	if (err == LIAISON_OK) {
		session->sent_bytes += server_wire_bytes(len);
		return LIAISON_OK;
	}
	if (err == LIAISON_BUSY)
		note(NOTE_WARNING, "session-shut", "office=%s reason=does-not-read", session->office.text);
	shut(accept, session->fd);
	session->state = SESSION_CLOSING;
	return err;
}

enum liaison_err
accept_send_frame(struct accept *accept, struct session *session, const Liaison__Frame *frame)
{
	size_t len;
	uint8_t *bytes = frame_encode(frame, &len);

	return bytes != NULL ? accept_send(accept, session, bytes, len) : LIAISON_NO_MEMORY;
}

void
accept_shut(struct accept *accept, struct session *session, enum liaison_err code, const char *why)
{
	Liaison__Goodbye goodbye = LIAISON__GOODBYE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	if (session->state == SESSION_CLOSING)
		return;
	note(NOTE_INFO, "session-shut", "office=%s code=%s reason=\"%s\"", session->office.text, err_name(code), why);
	goodbye.has_code = 1;
	goodbye.code = (Liaison__Code)code;
	goodbye.message = (char *)(uintptr_t)why;
	frame.frame_case = LIAISON__FRAME__FRAME_GOODBYE;
	frame.goodbye = &goodbye;
	/* The word gets until the next tick to leave; whether it does or not, the descriptor is shut then. */
	if (accept_send_frame(accept, session, &frame) != LIAISON_OK)
		shut(accept, session->fd);
	session->state = SESSION_CLOSING;
}

static void
say_goodbye(void *arg, struct session *session)
{
	accept_shut(arg, session, LIAISON_OK, "the broker is stopping");
}

void
accept_goodbye(struct accept *accept)
{
	sessions_each(accept->sessions, say_goodbye, accept);
}

bool
accept_count_malformed(struct accept *accept, struct session *session)
{
	int64_t at = monotonic(accept);

	if (at - session->malformed_since_ms > MS_PER_MINUTE) {
		session->malformed_since_ms = at;
		session->malformed = 0;
	}
	if (++session->malformed <= accept->options.config->malformed_max)
		return false;
	accept_shut(accept, session, LIAISON_MALFORMED, "too many malformed frames");
	return true;
}

struct sessions *
accept_sessions(struct accept *accept)
{
	return accept->sessions;
}
