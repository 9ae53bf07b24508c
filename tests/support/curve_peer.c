#include "tests/support/curve_peer.h"

#include "tests/support/talk.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PART_MAX (2u << 20)
#define TIMEOUT_S 5
#define FLAG_LONG 2
#define FLAG_COMMAND 4

static bool
send_all(const struct curve_peer *peer, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(peer->fd, bytes, len, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static bool
receive_all(const struct curve_peer *peer, uint8_t *bytes, size_t len)
{
	return recv(peer->fd, bytes, len, MSG_WAITALL) == (ssize_t)len;
}

static bool
send_frame(const struct curve_peer *peer, uint8_t flags, const uint8_t *bytes, size_t len)
{
	uint8_t head[9] = {(uint8_t)(flags | FLAG_LONG)};

	for (int i = 0; i < 8; i++)
		head[1 + i] = (uint8_t)((uint64_t)len >> (56 - 8 * i));
	return send_all(peer, head, sizeof head) && send_all(peer, bytes, len);
}

/* A short command; its length, 0: none came. */
static size_t
receive_command(const struct curve_peer *peer, uint8_t bytes[256])
{
	uint8_t head[2];

	if (!receive_all(peer, head, 2) || head[0] != FLAG_COMMAND || !receive_all(peer, bytes, head[1]))
		return 0;
	return head[1];
}

/* The nonce is a name and this connection's next number, big-endian, which also goes into the message. */
static void
next_nonce(struct curve_peer *peer, const char name[16], uint8_t nonce[24], uint8_t number[8])
{
	peer->nonce++;
	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(peer->nonce >> (56 - 8 * i));
	memcpy(nonce, name, 16);
	memcpy(nonce + 16, number, 8);
}

static bool
greet(const struct curve_peer *peer)
{
	uint8_t greeting[64] = {0xff, [9] = 0x7f, [10] = 3, [11] = 1}, answer[64];

	memcpy(greeting + 12, "CURVE", 5);
	return send_all(peer, greeting, sizeof greeting) && receive_all(peer, answer, sizeof answer);
}

static bool
say_hello(struct curve_peer *peer, const uint8_t own_public[32], const uint8_t broker_key[32])
{
	static const uint8_t zeros[64];
	uint8_t hello[200] = "\5HELLO\1", nonce[24], welcome[256], opened[128];

	memcpy(hello + 80, own_public, 32);
	next_nonce(peer, "CurveZMQHELLO---", nonce, hello + 112);
	if (crypto_box_easy(hello + 120, zeros, sizeof zeros, nonce, broker_key, peer->own_secret) != 0 ||
		!send_frame(peer, FLAG_COMMAND, hello, sizeof hello))
		return false;
	if (receive_command(peer, welcome) != 168 || memcmp(welcome, "\7WELCOME", 8) != 0)
		return false;
	memcpy(nonce, "WELCOME-", 8);
	memcpy(nonce + 8, welcome + 8, 16);
	if (crypto_box_open_easy(opened, welcome + 24, 144, nonce, broker_key, peer->own_secret) != 0)
		return false;
	memcpy(peer->server_key, opened, 32);
	memcpy(peer->cookie, opened + 32, 96);
	return true;
}

static bool
initiate(struct curve_peer *peer, const struct secret_keys *keys, const uint8_t own_public[32],
	const uint8_t broker_key[32])
{
	static const char metadata[] = "\13Socket-Type\0\0\0\6DEALER\10Identity\0\0\0";
	uint8_t command[512] = "\10INITIATE", plain[256], vouch[64], nonce[24], answer[256];
	size_t metadata_len = sizeof metadata, plain_len = 128 + metadata_len;

	memcpy(plain, keys->transport_public.bytes, 32);
	memcpy(vouch, own_public, 32);
	memcpy(vouch + 32, broker_key, 32);
	memcpy(nonce, "VOUCH---", 8);
	randombytes_buf(nonce + 8, 16);
	memcpy(plain + 32, nonce + 8, 16);
	if (crypto_box_easy(plain + 48, vouch, sizeof vouch, nonce, peer->server_key, keys->transport) != 0)
		return false;
	memcpy(plain + 128, metadata, metadata_len);
	memcpy(command + 9, peer->cookie, 96);
	next_nonce(peer, "CurveZMQINITIATE", nonce, command + 105);
	if (crypto_box_easy(command + 113, plain, plain_len, nonce, peer->server_key, peer->own_secret) != 0 ||
		!send_frame(peer, FLAG_COMMAND, command, 113 + plain_len + 16))
		return false;
	return receive_command(peer, answer) > 6 && memcmp(answer, "\5READY", 6) == 0;
}

bool
curve_peer_connect(struct curve_peer *peer, struct rig *rig, const char *office, enum curve_step until)
{
	const uint8_t *broker_key = world_keys(rig->world, rig->broker)->transport_public.bytes;
	const struct timeval timeout = {.tv_sec = TIMEOUT_S};
	uint8_t own_public[32];

	*peer = (struct curve_peer){.fd = tcp_connect(rig, 1)};
	if (peer->fd < 0)
		return false;
	setsockopt(peer->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(peer->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	crypto_box_keypair(own_public, peer->own_secret);
	return until == CURVE_NOTHING ||
	       (greet(peer) && (until == CURVE_GREETED ||
				       (say_hello(peer, own_public, broker_key) &&
					       (until == CURVE_HELLO || initiate(peer, world_keys(rig->world, office),
										own_public, broker_key)))));
}

void
curve_peer_close(struct curve_peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

bool
curve_peer_send(struct curve_peer *peer, int flags, const void *bytes, size_t len)
{
	uint8_t *plain = malloc(len + 1), *part = malloc(len + 33), nonce[24];
	bool sent = false;

	assert(plain != NULL && part != NULL && len <= PART_MAX);
	plain[0] = (uint8_t)flags;
	if (len > 0)
		memcpy(plain + 1, bytes, len);
	memcpy(part, "\7MESSAGE", 8);
	next_nonce(peer, "CurveZMQMESSAGEC", nonce, part + 8);
	if (crypto_box_easy(part + 16, plain, len + 1, nonce, peer->server_key, peer->own_secret) == 0)
		sent = send_frame(peer, 0, part, len + 33);
	free(plain);
	free(part);
	return sent;
}

/* The length that stands at the head of a ZMTP frame of a message; 0: none came. */
static size_t
receive_length(const struct curve_peer *peer)
{
	uint8_t flags, head[8] = {0};
	size_t len = 0;

	if (!receive_all(peer, &flags, 1) || (flags & FLAG_COMMAND) != 0 ||
		!receive_all(peer, head, flags & FLAG_LONG ? 8 : 1))
		return 0;
	for (int i = 0; i < (flags & FLAG_LONG ? 8 : 1); i++)
		len = len << 8 | head[i];
	return len;
}

size_t
curve_peer_receive(struct curve_peer *peer, uint8_t *bytes, size_t max)
{
	size_t len = receive_length(peer), got = 0;
	uint8_t nonce[24] = "CurveZMQMESSAGES";

	if (len < 34 || len - 33 > max)
		return 0;
	uint8_t *part = malloc(len), *plain = malloc(len);
	assert(part != NULL && plain != NULL);
	if (receive_all(peer, part, len) && memcmp(part, "\7MESSAGE", 8) == 0) {
		memcpy(nonce + 16, part + 8, 8);
		if (crypto_box_open_easy(plain, part + 16, len - 16, nonce, peer->server_key, peer->own_secret) == 0) {
			got = len - 33;
			memcpy(bytes, plain + 1, got);
		}
	}
	free(part);
	free(plain);
	return got;
}
