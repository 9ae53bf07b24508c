/* The context, messages, and what is done with every kind of socket. */
#include "proto/edge/zmq_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(zmq_msg_t) <= sizeof(struct net_message), "net_message holds a zmq_msg_t");

zmq_msg_t *
net_msg_of(struct net_message *message)
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
	zmq_msg_init(net_msg_of(message));
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
	zmq_msg_close(net_msg_of(message));
}

bool
socket_set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

int
socket_fd(void *socket)
{
	int fd = -1;
	size_t len = sizeof fd;

	return zmq_getsockopt(socket, ZMQ_FD, &fd, &len) == 0 ? fd : -1;
}

bool
socket_has_input(void *socket)
{
	int events = 0;
	size_t len = sizeof events;

	return zmq_getsockopt(socket, ZMQ_EVENTS, &events, &len) == 0 && (events & ZMQ_POLLIN);
}

void
socket_close(void *socket)
{
	if (socket == NULL)
		return;
	socket_set_int(socket, ZMQ_LINGER, 0);
	zmq_close(socket);
}

void
socket_drop_rest(void *socket)
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

/* Monitor sockets are PAIR over an inproc name that must be new each time. */
void *
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

/* A monitor message: frame 1 is event (16 bits) and value (32 bits) in host order, frame 2 the end point. */
bool
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
