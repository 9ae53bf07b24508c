#include "broker/connections.h"

#include <stdlib.h>
#include <string.h>

#define ORIGINS 256

struct connection {
	bool is_open;
	bool is_known;
	bool is_shut;    /* said to be shut, not yet closed */
	bool has_spoken; /* since it was last asked about what it swells */
	uint8_t origin;
	int64_t since_ms;
	uint64_t taken_bytes;   /* in whole messages */
	uint64_t untaken_bytes; /* when last asked */
	uint64_t base_bytes; /* untaken before the last message: what else goes over a line, and nothing of a message */
};

struct connections {
	struct connection *by_fd;
	size_t size;
	size_t max, unknown_max;
	size_t open, unknown;              /* without those that are shut */
	size_t unknown_by_origin[ORIGINS]; /* addresses that fall together share their luck */
};

struct connections *
connections_new(size_t max, size_t unknown_max)
{
	struct connections *connections = calloc(1, sizeof *connections);

	if (connections == NULL)
		return NULL;
	connections->max = max;
	connections->unknown_max = unknown_max;
	return connections;
}

void
connections_free(struct connections *connections)
{
	if (connections == NULL)
		return;
	free(connections->by_fd);
	free(connections);
}

static struct connection *
find(struct connections *connections, int fd)
{
	if (fd < 0 || (size_t)fd >= connections->size)
		return NULL;
	return &connections->by_fd[fd];
}

/* Makes room for the descriptor; the kernel gives the lowest free ones, so the table stays small. */
static struct connection *
reserve(struct connections *connections, int fd)
{
	if (fd >= 0 && (size_t)fd >= connections->size) {
		size_t size = connections->size > 0 ? connections->size : 256;
		while (size <= (size_t)fd)
			size *= 2;
		struct connection *by_fd = realloc(connections->by_fd, size * sizeof *by_fd);
		if (by_fd == NULL)
			return NULL;
		memset(by_fd + connections->size, 0, (size - connections->size) * sizeof *by_fd);
		connections->by_fd = by_fd;
		connections->size = size;
	}
	return find(connections, fd);
}

/* It is somebody, or it is over: one unknown less. */
static void
count_off(struct connections *connections, struct connection *connection)
{
	connections->unknown--;
	connections->unknown_by_origin[connection->origin]--;
}

/* One of the unknown ones of the origin that has most, by lot. There is one: the newcomer. */
static int
draw(const struct connections *connections, uint64_t lot)
{
	size_t most = 0;

	for (size_t i = 0; i < ORIGINS; i++)
		if (connections->unknown_by_origin[i] > connections->unknown_by_origin[most])
			most = i;
	size_t left = lot % connections->unknown_by_origin[most];
	for (size_t fd = 0; fd < connections->size; fd++) {
		const struct connection *connection = &connections->by_fd[fd];
		bool is_drawn = connection->is_open && !connection->is_known && !connection->is_shut &&
				connection->origin == most;
		if (is_drawn && left-- == 0)
			return (int)fd;
	}
	return -1;
}

bool
connections_end(struct connections *connections, int fd)
{
	struct connection *connection = find(connections, fd);

	if (connection == NULL || !connection->is_open || connection->is_shut)
		return false;
	connection->is_shut = true;
	connections->open--;
	if (!connection->is_known)
		count_off(connections, connection);
	return true;
}

int
connections_accepted(struct connections *connections, int fd, uint64_t origin, uint64_t lot, int64_t at_ms)
{
	struct connection *connection = reserve(connections, fd);

	if (connection == NULL)
		return fd;
	/* A descriptor that comes again was closed, whether or not that was said. */
	connections_closed(connections, fd);
	*connection = (struct connection){.is_open = true, .origin = (uint8_t)(origin % ORIGINS), .since_ms = at_ms};
	connections->open++;
	connections->unknown++;
	connections->unknown_by_origin[connection->origin]++;
	if (connections->open <= connections->max && connections->unknown <= connections->unknown_max)
		return -1;
	int drawn = draw(connections, lot);
	connections_end(connections, drawn);
	return drawn;
}

void
connections_heard(struct connections *connections, int fd, uint64_t wire_bytes)
{
	struct connection *connection = find(connections, fd);

	if (connection == NULL || !connection->is_open)
		return;
	connection->has_spoken = true;
	connection->taken_bytes += wire_bytes;
	if (connection->is_known || connection->is_shut)
		return;
	connection->is_known = true;
	count_off(connections, connection);
}

bool
connections_swells(struct connections *connections, int fd, uint64_t received_bytes)
{
	struct connection *connection = find(connections, fd);

	if (connection == NULL || !connection->is_open || received_bytes < connection->taken_bytes)
		return false;
	/* Of what was untaken when last asked nothing is a message without an end: one has come behind it. */
	if (connection->has_spoken)
		connection->base_bytes = connection->untaken_bytes;
	connection->has_spoken = false;
	connection->untaken_bytes = received_bytes - connection->taken_bytes;
	return connection->untaken_bytes > connection->base_bytes + CONNECTION_UNTAKEN_MAX;
}

void
connections_closed(struct connections *connections, int fd)
{
	struct connection *connection = find(connections, fd);

	if (connection == NULL || !connection->is_open)
		return;
	if (!connection->is_shut) {
		connections->open--;
		if (!connection->is_known)
			count_off(connections, connection);
	}
	*connection = (struct connection){0};
}

size_t
connections_open(const struct connections *connections)
{
	return connections->open;
}

size_t
connections_unknown(const struct connections *connections)
{
	return connections->unknown;
}

void
connections_each_unknown(
	const struct connections *connections, int64_t before_ms, void (*each)(void *arg, int fd), void *arg)
{
	for (size_t fd = 0; connections->unknown > 0 && fd < connections->size; fd++)
		if (connections->by_fd[fd].is_open && !connections->by_fd[fd].is_known &&
			!connections->by_fd[fd].is_shut && connections->by_fd[fd].since_ms < before_ms)
			each(arg, (int)fd);
}

void
connections_each(const struct connections *connections, void (*each)(void *arg, int fd), void *arg)
{
	for (size_t fd = 0; fd < connections->size; fd++)
		if (connections->by_fd[fd].is_open && !connections->by_fd[fd].is_shut)
			each(arg, (int)fd);
}
