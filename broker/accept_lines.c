/* The descriptors under the sessions: how many, from where, and which of them are shut. connections.h decides. */
#include "broker/accept_internal.h"

#include "broker/note.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

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

void
line_accepted(struct accept *accept, int fd)
{
	int over = connections_accepted(
		accept->connections, fd, origin_of(accept, fd), randombytes_random(), accept_monotonic(accept));

	accept->shed += over >= 0;
	server_shut(over);
}

void
line_shut(struct accept *accept, int fd)
{
	if (connections_end(accept->connections, fd))
		server_shut(fd);
}

void
lines_note_shed(struct accept *accept)
{
	if (accept->shed > 0)
		note(NOTE_WARNING, "connections-shut", "reason=too-many count=%zu open=%zu unknown=%zu", accept->shed,
			connections_open(accept->connections), connections_unknown(accept->connections));
	accept->shed = 0;
}

static void
end_stranger(void *arg, int fd)
{
	line_shut(arg, fd);
}

void
lines_shut_strangers(struct accept *accept, int64_t before_ms)
{
	connections_each_unknown(accept->connections, before_ms, end_stranger, accept);
}

static void
end_swollen(void *arg, int fd)
{
	struct accept *accept = arg;

	if (!connections_swells(accept->connections, fd, server_received_bytes(fd)))
		return;
	note(NOTE_WARNING, "connection-shut", "reason=message-without-end");
	line_shut(accept, fd);
}

void
lines_shut_swollen(struct accept *accept)
{
	connections_each(accept->connections, end_swollen, accept);
}
