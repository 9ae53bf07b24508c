/* ZAP (RFC 27/ZAP): libzmq asks over an inproc socket whether each CURVE key may come in, and one callback answers. */
#include "proto/edge/zmq_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_FRAMES 12

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
	socket_close(zap->socket);
	free(zap->domain);
	free(zap);
}

int
zap_fd(const struct zap *zap)
{
	return socket_fd(zap->socket);
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
	while (socket_has_input(zap->socket)) {
		struct zap_frame frames[ZAP_FRAMES];
		size_t count = zap_read(zap, frames);
		zap_answer_one(zap, frames, count);
	}
}
