#include "proto/edge/zmq.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

/* Works in 4.3.4; zmq.h names it in its draft block only. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_FRAMES 12
#define ROUTE_BYTES 5
#define LAST_WORDS_MS 500
#define ENDPOINT_BYTES 128

_Static_assert(sizeof(zmq_msg_t) <= sizeof(struct net_message), "net_message holds a zmq_msg_t");

static zmq_msg_t *
msg_of(struct net_message *message)
{
	return (zmq_msg_t *)(void *)message->opaque;
}

struct net *
net_new(int io_threads, int max_sockets, struct fault *fault)
{
	void *context = zmq_ctx_new();

	if (context == NULL) {
		fault_errno(fault, LIAISON_IO, errno, "cannot start ZeroMQ");
		return NULL;
	}
	zmq_ctx_set(context, ZMQ_IO_THREADS, io_threads);
	if (zmq_ctx_set(context, ZMQ_MAX_SOCKETS, max_sockets) != 0) {
		fault_errno(fault, LIAISON_IO, errno, "cannot allow %d sockets", max_sockets);
		zmq_ctx_term(context);
		return NULL;
	}
	return (struct net *)context;
}

void
net_free(struct net *net)
{
	if (net == NULL)
		return;
	while (zmq_ctx_term(net) != 0 && errno == EINTR)
		;
}

void
net_message_init(struct net_message *message)
{
	zmq_msg_init(msg_of(message));
}

const uint8_t *
net_message_data(const struct net_message *message)
{
	return zmq_msg_data((zmq_msg_t *)(uintptr_t)message->opaque);
}

size_t
net_message_size(const struct net_message *message)
{
	return zmq_msg_size((const zmq_msg_t *)(const void *)message->opaque);
}

void
net_message_close(struct net_message *message)
{
	zmq_msg_close(msg_of(message));
}

static bool
set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static int
get_fd(void *socket)
{
	int fd = -1;
	size_t len = sizeof fd;

	return zmq_getsockopt(socket, ZMQ_FD, &fd, &len) == 0 ? fd : -1;
}

static bool
has_input(void *socket)
{
	int events = 0;
	size_t len = sizeof events;

	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len) == 0 && (events & ZMQ_POLLIN);
}

static void
close_socket(void *socket)
{
	if (socket == NULL)
		return;
	set_int(socket, ZMQ_LINGER, 0);
	zmq_close(socket);
}

/* --- ZAP ---------------------------------------------------------------------------------------------------------------- */

struct zap {
	void *socket;
	char *domain;
	zap_admit_fn *admit;
	void *arg;
};

struct zap *
zap_new(struct net *net, const char *domain, zap_admit_fn *admit, void *arg, struct fault *fault)
{
	struct zap *zap = calloc(1, sizeof *zap);

	if (zap == NULL) {
		fault_set(fault, LIAISON_NO_MEMORY, "no memory for the ZAP handler");
		return NULL;
	}
	zap->admit = admit;
	zap->arg = arg;
	zap->domain = strdup(domain);
	zap->socket = zmq_socket(net, ZMQ_ROUTER);
	if (zap->domain == NULL || zap->socket == NULL || zmq_bind(zap->socket, ZAP_ENDPOINT) != 0) {
		fault_errno(fault, LIAISON_IO, errno, "cannot bind the ZAP handler");
		zap_free(zap);
		return NULL;
	}
	return zap;
}

void
zap_free(struct zap *zap)
{
	if (zap == NULL)
		return;
	close_socket(zap->socket);
	free(zap->domain);
	free(zap);
}

int
zap_fd(const struct zap *zap)
{
	return get_fd(zap->socket);
}

struct zap_frame {
	uint8_t bytes[256];
	size_t len;
};

/* Reads one multipart request; frames past ZAP_FRAMES or 256 bytes only come from ourselves and are dropped. */
static size_t
zap_read(struct zap *zap, struct zap_frame frames[ZAP_FRAMES])
{
	size_t count = 0;
	int more = 1;

	while (more) {
		struct zap_frame frame;
		int len = zmq_recv(zap->socket, frame.bytes, sizeof frame.bytes, ZMQ_DONTWAIT);
		if (len < 0)
			return 0;
		frame.len = (size_t)len < sizeof frame.bytes ? (size_t)len : sizeof frame.bytes;
		if (count < ZAP_FRAMES)
			frames[count] = frame;
		count++;
		size_t more_len = sizeof more;
		if (zmq_getsockopt(zap->socket, ZMQ_RCVMORE, &more, &more_len) != 0)
			return 0;
	}
	return count <= ZAP_FRAMES ? count : 0;
}

static bool
zap_frame_is(const struct zap_frame *frame, const char *text)
{
	return frame->len == strlen(text) && memcmp(frame->bytes, text, frame->len) == 0;
}

/*
 * Request (after the routing frame and the empty delimiter): version, request id, domain, address, identity, mechanism,
 * credentials. Answer: version, request id, status, status text, user id, metadata.
 */
static void
zap_answer_one(struct zap *zap, struct zap_frame *frames, size_t count)
{
	if (count < 9)
		return;
	struct zap_frame *request = frames + 2;
	struct net_user who = {{0}};
	char address[256];
	bool let_in = false;

	if (zap_frame_is(&request[0], "1.0") && zap_frame_is(&request[2], zap->domain) &&
		zap_frame_is(&request[5], "CURVE") && request[6].len == PUBLIC_KEY_BYTES) {
		struct public_key key;
		memcpy(key.bytes, request[6].bytes, sizeof key.bytes);
		snprintf(address, sizeof address, "%.*s", (int)request[3].len, (const char *)request[3].bytes);
		let_in = zap->admit(zap->arg, &key, address, &who);
	}
	zmq_send(zap->socket, frames[0].bytes, frames[0].len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, "1.0", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, request[1].bytes, request[1].len, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, let_in ? "200" : "400", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, let_in ? "OK" : "No", 2, ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, who.text, strlen(who.text), ZMQ_SNDMORE | ZMQ_DONTWAIT);
	zmq_send(zap->socket, "", 0, ZMQ_DONTWAIT);
}

void
zap_answer(struct zap *zap)
{
	while (has_input(zap->socket)) {
		struct zap_frame frames[ZAP_FRAMES];
		size_t count = zap_read(zap, frames);
		zap_answer_one(zap, frames, count);
	}
}

/* --- server ------------------------------------------------------------------------------------------------------- */

struct server {
	void *socket;
	void *monitor;
};

/*
 * A ROUTER's first automatic routing id is drawn from rand(): without a seed it is the same at each start, and a client
 * that claims the next one aborts the process.
 */
static void
seed_routing_ids(void)
{
	unsigned seed;

	randombytes_buf(&seed, sizeof seed);
	srand(seed);
}

/* What CURVE puts around a message: its command name, nonce, flags and box. ZMQ_MAXMSGSIZE counts it. */
#define CURVE_OVERHEAD_BYTES 33

static bool
server_configure(struct server *server, const struct server_options *options)
{
	int64_t max = options->max_message_bytes + CURVE_OVERHEAD_BYTES;
	void *s = server->socket;

	assert(options->zap_domain[0] != '\0');
	return set_int(s, ZMQ_LINGER, 0) && set_int(s, ZMQ_ROUTER_MANDATORY, 1) && set_int(s, ZMQ_CURVE_SERVER, 1) &&
	       zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, options->secret, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, options->zap_domain, strlen(options->zap_domain)) == 0 &&
	       set_int(s, ZMQ_ZAP_ENFORCE_DOMAIN, 1) && zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0 &&
	       set_int(s, ZMQ_HANDSHAKE_IVL, options->handshake_ms) &&
	       set_int(s, ZMQ_SNDHWM, options->send_high_water) &&
	       set_int(s, ZMQ_RCVHWM, options->receive_high_water) && set_int(s, ZMQ_BACKLOG, options->backlog) &&
	       set_int(s, ZMQ_TCP_KEEPALIVE, 1);
}

/* Monitor sockets are PAIR over an inproc name that must be new each time. */
static void *
monitor_open(struct net *net, void *socket, int events)
{
	char name[64];
	uint64_t unique;

	randombytes_buf(&unique, sizeof unique);
	snprintf(name, sizeof name, "inproc://monitor-%016llx", (unsigned long long)unique);
	if (zmq_socket_monitor(socket, name, events) != 0)
		return NULL;
	void *monitor = zmq_socket(net, ZMQ_PAIR);
	if (monitor != NULL && zmq_connect(monitor, name) != 0) {
		zmq_close(monitor);
		monitor = NULL;
	}
	return monitor;
}

struct server *
server_new(struct net *net, const struct server_options *options, struct fault *fault)
{
	struct server *server = calloc(1, sizeof *server);

	if (server == NULL) {
		fault_set(fault, LIAISON_NO_MEMORY, "no memory for a listener");
		return NULL;
	}
	seed_routing_ids();
	server->socket = zmq_socket(net, ZMQ_ROUTER);
	if (server->socket == NULL || !server_configure(server, options)) {
		fault_errno(fault, LIAISON_IO, errno, "cannot set up the listening socket");
		server_free(server);
		return NULL;
	}
	server->monitor = monitor_open(net, server->socket,
		ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
			ZMQ_EVENT_HANDSHAKE_FAILED_AUTH | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
			ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_ACCEPT_FAILED);
	if (server->monitor == NULL) {
		fault_errno(fault, LIAISON_IO, errno, "cannot watch the listening socket");
		server_free(server);
		return NULL;
	}
	return server;
}

void
server_free(struct server *server)
{
	if (server == NULL)
		return;
	close_socket(server->monitor);
	if (server->socket != NULL) {
		zmq_socket_monitor(server->socket, NULL, 0);
		/* What was answered last may still leave. */
		set_int(server->socket, ZMQ_LINGER, LAST_WORDS_MS);
		zmq_close(server->socket);
	}
	free(server);
}

enum liaison_err
server_listen(struct server *server, const char *endpoint, char *bound, struct fault *fault)
{
	char last[ENDPOINT_BYTES] = "";
	size_t len = sizeof last;

	/* With IPv6 on, IPv4 end points are shown in a form that nobody wrote. */
	set_int(server->socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL);
	if (zmq_bind(server->socket, endpoint) != 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot listen on %s", endpoint);
	if (bound == NULL)
		return LIAISON_OK;
	if (zmq_getsockopt(server->socket, ZMQ_LAST_ENDPOINT, last, &len) != 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot learn the port of %s", endpoint);
	memcpy(bound, last, sizeof last);
	return LIAISON_OK;
}

int
server_fd(const struct server *server)
{
	return get_fd(server->socket);
}

bool
server_has_input(const struct server *server)
{
	return has_input(server->socket);
}

/* Throws away the rest of a multipart message; bounded by what MAXMSGSIZE and the high-water mark let in. */
static void
drop_rest(void *socket)
{
	int more = 1;
	size_t len = sizeof more;

	while (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &len) == 0 && more) {
		zmq_msg_t rest;
		zmq_msg_init(&rest);
		if (zmq_msg_recv(&rest, socket, ZMQ_DONTWAIT) < 0)
			more = 0;
		zmq_msg_close(&rest);
		if (!more)
			return;
	}
}

static uint32_t
route_number(const uint8_t id[ROUTE_BYTES])
{
	return (uint32_t)id[1] << 24 | (uint32_t)id[2] << 16 | (uint32_t)id[3] << 8 | id[4];
}

enum net_result
server_receive(struct server *server, struct server_peer *from, struct net_message *out)
{
	uint8_t id[256];
	int id_len = zmq_recv(server->socket, id, sizeof id, ZMQ_DONTWAIT);
	if (id_len < 0)
		return errno == EAGAIN || errno == EINTR ? NET_AGAIN : NET_FAILED;
	zmq_msg_t *body = msg_of(out);
	zmq_msg_init(body);
	if (zmq_msg_recv(body, server->socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(body);
		from->fd = -1;
		return NET_REFUSED;
	}
	const char *user = zmq_msg_gets(body, "User-Id");
	from->fd = zmq_msg_get(body, ZMQ_SRCFD);
	bool one_frame = !zmq_msg_more(body);
	size_t user_len = user != NULL ? strlen(user) : sizeof from->user.text;
	if (!one_frame)
		drop_rest(server->socket);
	if (!one_frame || id_len != ROUTE_BYTES || id[0] != 0 || user_len >= sizeof from->user.text) {
		zmq_msg_close(body);
		return NET_REFUSED;
	}
	from->route = route_number(id);
	memcpy(from->user.text, user, user_len + 1);
	return NET_MESSAGE;
}

static void
free_bytes(void *bytes, void *hint)
{
	(void)hint;
	free(bytes);
}

enum liaison_err
server_send(struct server *server, uint32_t route, void *bytes, size_t len)
{
	uint8_t id[ROUTE_BYTES] = {
		0, (uint8_t)(route >> 24), (uint8_t)(route >> 16), (uint8_t)(route >> 8), (uint8_t)route};
	zmq_msg_t msg;

	if (zmq_send(server->socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
		int saved = errno;
		free(bytes);
		return saved == EAGAIN ? LIAISON_BUSY : LIAISON_UNREACHABLE;
	}
	if (zmq_msg_init_data(&msg, bytes, len, free_bytes, NULL) != 0) {
		/* The message has begun: it must be ended, and an empty frame is one that every reader ignores. */
		free(bytes);
		zmq_send(server->socket, "", 0, ZMQ_DONTWAIT);
		return LIAISON_NO_MEMORY;
	}
	if (zmq_msg_send(&msg, server->socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&msg);
		return LIAISON_UNREACHABLE;
	}
	return LIAISON_OK;
}

void
server_shut(int fd)
{
	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

uint64_t
server_received_bytes(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received : 0;
}

uint64_t
server_acked_bytes(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof info;

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_acked : 0;
}

uint64_t
server_wire_bytes(size_t len)
{
	size_t inside = len + CURVE_OVERHEAD_BYTES;

	return inside + (inside > UINT8_MAX ? 9 : 2);
}

int
server_monitor_fd(const struct server *server)
{
	return get_fd(server->monitor);
}

/* A monitor message: frame 1 is event (16 bits) and value (32 bits) in host order, frame 2 the end point. */
static bool
monitor_read(void *monitor, uint16_t *event, int32_t *value)
{
	uint8_t frame[6];
	char endpoint[ENDPOINT_BYTES];

	if (zmq_recv(monitor, frame, sizeof frame, ZMQ_DONTWAIT) != (int)sizeof frame)
		return false;
	memcpy(event, frame, sizeof *event);
	memcpy(value, frame + 2, sizeof *value);
	zmq_recv(monitor, endpoint, sizeof endpoint, ZMQ_DONTWAIT);
	return true;
}

bool
server_next_event(struct server *server, struct server_event *event)
{
	uint16_t code;
	int32_t value;

	if (!monitor_read(server->monitor, &code, &value))
		return false;
	event->fd = value;
	switch (code) {
	case ZMQ_EVENT_ACCEPTED: event->type = SERVER_ACCEPTED; break;
	case ZMQ_EVENT_DISCONNECTED:
	case ZMQ_EVENT_CLOSED: event->type = SERVER_DISCONNECTED; break;
	case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: event->type = SERVER_HANDSHAKE_OK; break;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: event->type = SERVER_HANDSHAKE_REFUSED; break;
	default: event->type = SERVER_OTHER; break;
	}
	return true;
}

/* --- client ------------------------------------------------------------------------------------------------------- */

struct client {
	void *socket;
	void *monitor;
};

#define RECONNECT_MS 200
#define CLIENT_SEND_HIGH_WATER 64
#define RECONNECT_MAX_MS 10000

/* No ZMTP heartbeats: on a connecting socket with a full receive queue they abort the process. */
static bool
client_configure(struct client *client, const struct client_options *options)
{
	int64_t max = options->max_message_bytes + CURVE_OVERHEAD_BYTES;
	int send_high_water = options->send_high_water > 0 ? options->send_high_water : CLIENT_SEND_HIGH_WATER;
	void *s = client->socket;

	return set_int(s, ZMQ_LINGER, 0) &&
	       zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, options->server_key.bytes, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, options->public_key.bytes, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, options->secret, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0 &&
	       set_int(s, ZMQ_RCVHWM, options->receive_high_water) && set_int(s, ZMQ_SNDHWM, send_high_water) &&
	       set_int(s, ZMQ_RECONNECT_IVL, RECONNECT_MS) && set_int(s, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) &&
	       set_int(s, ZMQ_IMMEDIATE, 1) && set_int(s, ZMQ_TCP_KEEPALIVE, 1);
}

struct client *
client_new(struct net *net, const char *endpoint, const struct client_options *options, struct fault *fault)
{
	struct client *client = calloc(1, sizeof *client);

	if (client == NULL) {
		fault_set(fault, LIAISON_NO_MEMORY, "no memory for a connection");
		return NULL;
	}
	client->socket = zmq_socket(net, ZMQ_DEALER);
	if (client->socket == NULL || !client_configure(client, options)) {
		fault_errno(fault, LIAISON_IO, errno, "cannot set up a connection to %s", endpoint);
		goto fail;
	}
	client->monitor = monitor_open(net, client->socket,
		ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
			ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL);
	if (client->monitor == NULL) {
		fault_errno(fault, LIAISON_IO, errno, "cannot watch the connection to %s", endpoint);
		goto fail;
	}
	/* A name may lead to either; an IPv4 address is reached with IPv6 on as well. */
	set_int(client->socket, ZMQ_IPV6, 1);
	if (zmq_connect(client->socket, endpoint) != 0) {
		fault_errno(fault, LIAISON_BAD_CONFIG, errno, "%s is not an end point like tcp://host:port", endpoint);
		goto fail;
	}
	return client;
fail:
	client_free(client);
	return NULL;
}

void
client_free(struct client *client)
{
	if (client == NULL)
		return;
	if (client->socket != NULL)
		zmq_socket_monitor(client->socket, NULL, 0);
	close_socket(client->monitor);
	close_socket(client->socket);
	free(client);
}

static bool
client_next_change(struct client *client, enum client_event *event)
{
	uint16_t code;
	int32_t value;

	while (monitor_read(client->monitor, &code, &value)) {
		switch (code) {
		case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: *event = CLIENT_CONNECTED; return true;
		case ZMQ_EVENT_DISCONNECTED: *event = CLIENT_DISCONNECTED; return true;
		case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: *event = CLIENT_REFUSED; return true;
		case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: *event = CLIENT_NOT_A_BROKER; return true;
		case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: *event = CLIENT_CUT; return true;
		default: break;
		}
	}
	return false;
}

/* True with a whole one-frame message in *out; multipart messages are dropped. */
static bool
client_next_message(struct client *client, struct net_message *out)
{
	zmq_msg_t *msg = msg_of(out);

	for (;;) {
		zmq_msg_init(msg);
		if (zmq_msg_recv(msg, client->socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(msg);
			return false;
		}
		if (!zmq_msg_more(msg))
			return true;
		zmq_msg_close(msg);
		drop_rest(client->socket);
	}
}

enum client_event
client_wait(struct client *client, int timeout_ms, int extra_fd, struct net_message *out)
{
	enum client_event event;

	for (;;) {
		if (client_next_change(client, &event))
			return event;
		if (client_next_message(client, out))
			return CLIENT_MESSAGE;
		zmq_pollitem_t items[] = {
			{.socket = client->monitor, .events = ZMQ_POLLIN},
			{.socket = client->socket, .events = ZMQ_POLLIN},
			{.fd = extra_fd, .events = ZMQ_POLLIN},
		};
		int ready = zmq_poll(items, extra_fd >= 0 ? 3 : 2, timeout_ms);
		if (ready < 0)
			return CLIENT_WOKEN;
		if (ready == 0)
			return CLIENT_TIMEOUT;
		if (extra_fd >= 0 && items[2].revents)
			return CLIENT_WOKEN;
	}
}

enum liaison_err
client_send(struct client *client, const void *bytes, size_t len)
{
	if (zmq_send(client->socket, bytes, len, ZMQ_DONTWAIT) >= 0)
		return LIAISON_OK;
	return errno == EAGAIN || errno == EINTR ? LIAISON_BUSY : LIAISON_INTERNAL;
}
