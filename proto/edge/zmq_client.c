/* An agent's end: a DEALER, and what its monitor says of the one connection that it has. */
#include "proto/edge/zmq_internal.h"

#include <errno.h>
#include <stdlib.h>

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

	return socket_set_int(s, ZMQ_LINGER, 0) &&
	       zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, options->server_key.bytes, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, options->public_key.bytes, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, options->secret, 32) == 0 &&
	       zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &max, sizeof max) == 0 &&
	       socket_set_int(s, ZMQ_RCVHWM, options->receive_high_water) &&
	       socket_set_int(s, ZMQ_SNDHWM, send_high_water) && socket_set_int(s, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
	       socket_set_int(s, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) && socket_set_int(s, ZMQ_IMMEDIATE, 1) &&
	       socket_set_int(s, ZMQ_TCP_KEEPALIVE, 1);
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
	socket_set_int(client->socket, ZMQ_IPV6, 1);
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
	socket_close(client->monitor);
	socket_close(client->socket);
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
	zmq_msg_t *msg = net_msg_of(out);

	for (;;) {
		zmq_msg_init(msg);
		if (zmq_msg_recv(msg, client->socket, ZMQ_DONTWAIT) < 0) {
			zmq_msg_close(msg);
			return false;
		}
		if (!zmq_msg_more(msg))
			return true;
		zmq_msg_close(msg);
		socket_drop_rest(client->socket);
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
