/*
 * What the files of zmq.h share, and nobody else sees: libzmq itself, its sockets as `void *`, and the few things that are
 * done with every kind of them. zmq.c has these; zmq_zap.c, zmq_server.c and zmq_client.c are one kind of socket each.
 */
#ifndef LIAISON_PROTO_EDGE_ZMQ_INTERNAL_H
#define LIAISON_PROTO_EDGE_ZMQ_INTERNAL_H

#include "proto/edge/zmq.h"

#include <zmq.h>

#define ENDPOINT_BYTES 128

/* What CURVE puts around a message: its command name, nonce, flags and box. ZMQ_MAXMSGSIZE counts it. */
#define CURVE_OVERHEAD_BYTES 33

zmq_msg_t *net_msg_of(struct net_message *message);

bool socket_set_int(void *socket, int option, int value);
int socket_fd(void *socket); /* -1: none */
bool socket_has_input(void *socket);
void socket_close(void *socket); /* what is unsent is dropped; takes NULL */
/* Throws away the rest of a multipart message; bounded by what MAXMSGSIZE and the high-water mark let in. */
void socket_drop_rest(void *socket);

/* What happens to the socket's connections, of the kinds in `events`. NULL on failure, errno says why. */
void *monitor_open(struct net *net, void *socket, int events);
/* The next such event (ZMQ_EVENT_...) and its value; false: none is waiting. */
bool monitor_read(void *monitor, uint16_t *event, int32_t *value);

#endif
