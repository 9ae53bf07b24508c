/*
 * The one home of libzmq: CURVE sockets for both ends, ZAP, and the monitor, with the library's traps hidden.
 *
 * A `struct server` is a ROUTER, a `struct client` a DEALER; one message is one ZeroMQ frame. What must be known outside:
 *  - Descriptors from *_fd() are edge-triggered. When one fires, and after every send or receive on that socket, call the
 *    receive function until it says NET_AGAIN; a loop that sends must make its read event active again afterwards.
 *  - Nobody is let in unless a `struct zap` is bound before the first listener: the domain is enforced.
 *  - A peer is known by the 32-bit routing number of its connection, and is who its user id says (both from the same
 *    message). A peer that chose a routing id of its own, or sends more than one frame, is to be shut.
 *  - Secrets are copied into libzmq's heap: the program must not leave core files.
 * Not for use by two threads, but for net_new/net_free.
 */
#ifndef LIAISON_PROTO_EDGE_ZMQ_H
#define LIAISON_PROTO_EDGE_ZMQ_H

#include "proto/base/err.h"
#include "proto/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net; /* a ZeroMQ context */

struct net *net_new(int io_threads, int max_sockets, struct fault *fault); /* NULL on failure */
void net_free(struct net *net); /* blocks until its sockets are freed; takes NULL */

/* Room for a zmq_msg_t. Initialised by a receive that says NET_MESSAGE; then the caller closes it. */
struct net_message {
	_Alignas(16) unsigned char opaque[64];
};
void net_message_init(struct net_message *message); /* empty, for a later close */
const uint8_t *net_message_data(const struct net_message *message);
size_t net_message_size(const struct net_message *message);
void net_message_close(struct net_message *message);

enum net_result {
	NET_MESSAGE, /* *out was filled */
	NET_AGAIN,   /* nothing more for now */
	NET_REFUSED, /* from a server's peer: no single frame, or a routing id of its own; only from->fd is set: shut it */
	NET_FAILED, /* the context is closing, or a fault in libzmq */
};

/* --- ZAP (RFC 27/ZAP) ------------------------------------------------------------------------------------------------- */

/* What ZAP says of a connection; it comes back with every message from it. Text, chosen by the program. */
#define NET_USER_BYTES 128
struct net_user {
	char text[NET_USER_BYTES];
};

/*
 * Whether the holder of `key`, connecting from `address`, may come in; fills who it is. Called for each handshake, when
 * possession of the key has been proved by the CURVE exchange so far as libzmq checks it before ZAP.
 */
typedef bool zap_admit_fn(void *arg, const struct public_key *key, const char *address, struct net_user *user);

struct zap;
struct zap *zap_new(struct net *net, const char *domain, zap_admit_fn *admit, void *arg, struct fault *fault);
void zap_free(struct zap *zap);
int zap_fd(const struct zap *zap);
void zap_answer(struct zap *zap); /* answers all that are waiting */

/* --- server ----------------------------------------------------------------------------------------------------------- */

struct server_options {
	const uint8_t *secret;  /* 32 bytes, Curve25519 */
	const char *zap_domain; /* not empty */
	int max_message_bytes;
	int handshake_ms;
	int send_high_water; /* messages, per peer */
	int receive_high_water;
	int backlog;
};

struct server_peer {
	uint32_t route;
	struct net_user user; /* what ZAP said */
	int fd;               /* for server_shut; goes stale with the monitor's DISCONNECTED */
};

struct server;
struct server *server_new(struct net *net, const struct server_options *options, struct fault *fault);
void server_free(struct server *server);
/* `bound` (may be NULL) gets the end point with the port that was chosen; 128 bytes. LIAISON_IO says address and why. */
enum liaison_err server_listen(
	struct server *server, const char *endpoint, char *bound, struct fault *fault) LIAISON_MUST_CHECK;
int server_fd(const struct server *server);
bool server_has_input(const struct server *server);
enum net_result server_receive(struct server *server, struct server_peer *from, struct net_message *out);

/*
 * Sends `len` bytes to a peer and takes ownership of `bytes` (from malloc) whatever the result. LIAISON_UNREACHABLE: no
 * such peer any more; LIAISON_BUSY: its pipe is full, nothing was sent. Never blocks.
 */
enum liaison_err server_send(struct server *server, uint32_t route, void *bytes, size_t len) LIAISON_MUST_CHECK;

/* Ends a peer's TCP connection without closing libzmq's descriptor. */
void server_shut(int fd);

/*
 * What came over a peer's TCP connection since it began, and what of it one message of `len` bytes takes. libzmq hands a
 * message on when its last frame has come, and holds a message without an end in memory, uncounted: only the difference of
 * these shows it.
 */
uint64_t server_received_bytes(int fd); /* 0: not known */
uint64_t server_acked_bytes(int fd);    /* the other way, as far as the peer's kernel has it; 0: not known */
uint64_t server_wire_bytes(size_t len);

enum server_event_type {
	SERVER_ACCEPTED,
	SERVER_DISCONNECTED,
	SERVER_HANDSHAKE_OK,
	SERVER_HANDSHAKE_REFUSED,
	SERVER_OTHER
};
struct server_event {
	enum server_event_type type;
	int fd; /* SERVER_ACCEPTED and SERVER_DISCONNECTED */
};
int server_monitor_fd(const struct server *server);
bool server_next_event(struct server *server, struct server_event *event); /* false: none waiting */

/* --- client ----------------------------------------------------------------------------------------------------------- */

struct client_options {
	struct public_key server_key;
	struct public_key public_key;
	const uint8_t *secret; /* 32 bytes */
	int max_message_bytes;
	int receive_high_water;
	int send_high_water; /* 0: 64 */
};

enum client_event {
	CLIENT_MESSAGE, /* *out was filled */
	CLIENT_TIMEOUT,
	CLIENT_CONNECTED,    /* handshake done: hello may be sent */
	CLIENT_DISCONNECTED, /* libzmq reconnects by itself; a new hello is due after CLIENT_CONNECTED */
	CLIENT_REFUSED,      /* ZAP said no; libzmq gives up: free this client and make another, later */
	CLIENT_NOT_A_BROKER, /* it does not speak CURVE; libzmq gives up */
	CLIENT_CUT,          /* shut during the handshake: another key, or it just went away; libzmq tries again */
	CLIENT_WOKEN,        /* one of the extra descriptors is readable, or a signal came */
};

struct client;
struct client *client_new(
	struct net *net, const char *endpoint, const struct client_options *options, struct fault *fault);
void client_free(struct client *client);

/*
 * Waits up to timeout_ms (-1: for ever) for the first of: a message, a change of the connection, or `extra_fd` (-1: none)
 * becoming readable.
 */
enum client_event client_wait(struct client *client, int timeout_ms, int extra_fd, struct net_message *out);

/* Copies. LIAISON_BUSY: the pipe is full (not connected, or the broker does not read); nothing was sent. */
enum liaison_err client_send(struct client *client, const void *bytes, size_t len) LIAISON_MUST_CHECK;

#endif
