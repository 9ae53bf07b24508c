/*
 * A peer that speaks ZMTP 3.1 and CURVE by hand over a blocking socket, for what libzmq itself would never send: messages
 * that do not end, commands out of place, handshakes that stop half-way. RFC 23/ZMTP, RFC 26/CurveZMQ.
 */
#ifndef LIAISON_TESTS_SUPPORT_CURVE_PEER_H
#define LIAISON_TESTS_SUPPORT_CURVE_PEER_H

#include "tests/support/rig.h"

struct curve_peer {
	int fd;
	uint8_t own_secret[32], server_key[32]; /* of this connection */
	uint8_t cookie[96];
	uint64_t nonce;
};

/* Steps of a handshake: how far it goes before curve_peer_connect returns. */
enum curve_step { CURVE_NOTHING, CURVE_GREETED, CURVE_HELLO, CURVE_DONE };

/* Connects with the office's keys. False: the broker ended it before. */
bool curve_peer_connect(struct curve_peer *peer, struct rig *rig, const char *office, enum curve_step until);
void curve_peer_close(struct curve_peer *peer);

#define CURVE_MORE 1
#define CURVE_COMMAND 2
/* One part of a message, at most 1 MiB. False: the connection has ended. */
bool curve_peer_send(struct curve_peer *peer, int flags, const void *bytes, size_t len);
/*
 * Takes the next message off the line, which nothing else does: what is not asked for stays with the sender. Its length, at
 * most `max`; 0: none came within five seconds, or the connection has ended.
 */
size_t curve_peer_receive(struct curve_peer *peer, uint8_t *bytes, size_t max);

#endif
