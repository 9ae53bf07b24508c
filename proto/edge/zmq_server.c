/* The broker's end: a ROUTER that lets in whom ZAP admits, its peers' routes and descriptors, and its monitor. */
#include "proto/edge/zmq_internal.h"

#include <assert.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Works in 4.3.4; zmq.h names it in its draft block only. */
#ifndef ZMQ_ZAP_ENFORCE_DOMAIN
#define ZMQ_ZAP_ENFORCE_DOMAIN 93
#endif

#define ROUTE_BYTES 5
#define LAST_WORDS_MS 500

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

static bool
server_configure(struct server *server, const struct server_options *options)
{
	int64_t max = options->max_message_bytes + CURVE_OVERHEAD_BYTES;
	void *s = server->socket;

	assert(options->zap_domain[0] != '\0');
	return socket_set_int(s, ZMQ_LINGER, 0) && socket_set_int(s, ZMQ_ROUTER_MANDATORY, 1) &&
	       socket_set_int(s, ZMQ_CURVE_SERVER, 1) &&
	       zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, options->secret, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_ZAP_DOMAIN, options->zap_domain, strlen(options->zap_domain)) == 0 &&
	       socket_set_int(s, ZMQ_ZAP_ENFORCE_DOMAIN, 1) &&
	       zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0 &&
	       socket_set_int(s, ZMQ_HANDSHAKE_IVL, options->handshake_ms) &&
	       socket_set_int(s, ZMQ_SNDHWM, options->send_high_water) &&
	       socket_set_int(s, ZMQ_RCVHWM, options->receive_high_water) &&
	       socket_set_int(s, ZMQ_BACKLOG, options->backlog) && socket_set_int(s, ZMQ_TCP_KEEPALIVE, 1);
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
	socket_close(server->monitor);
	if (server->socket != NULL) {
		zmq_socket_monitor(server->socket, NULL, 0);
		/* What was answered last may still leave. */
		socket_set_int(server->socket, ZMQ_LINGER, LAST_WORDS_MS);
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
	socket_set_int(server->socket, ZMQ_IPV6, strchr(endpoint, '[') != NULL);
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
	return socket_fd(server->socket);
}

bool
server_has_input(const struct server *server)
{
	return socket_has_input(server->socket);
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
	zmq_msg_t *body = net_msg_of(out);
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
		socket_drop_rest(server->socket);
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
	return socket_fd(server->monitor);
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
