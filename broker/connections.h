/*
 * The TCP connections that libzmq holds, by descriptor, which it does not bound itself: how many, since when, and over
 * which of them a message with a user id came (before that, nobody knows who it is). Pure: accept.c shuts what this says.
 *
 * Where there are too many, it is not the newcomer that goes but one of the unknown ones, drawn by lot among those of the
 * origin that has most of them: who only holds connections open loses them, and whoever shows a key in time gets in.
 */
#ifndef LIAISON_BROKER_CONNECTIONS_H
#define LIAISON_BROKER_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct connections;

/* At most `max` in all, of which `unknown_max` without a user id yet. NULL: no memory. */
struct connections *connections_new(size_t max, size_t unknown_max);
void connections_free(struct connections *connections); /* takes NULL */

/*
 * The descriptor to shut, perhaps this one; -1: none. `origin` stands for the address that it comes from, `lot` is random.
 * What is to be shut does not count any more.
 */
int connections_accepted(struct connections *connections, int fd, uint64_t origin, uint64_t lot, int64_t at_ms);
/*
 * It is to be shut for another reason. False: it is shut or closed already (messages of a connection that is over still
 * come out of libzmq, with a descriptor that may be another's by then).
 */
bool connections_end(struct connections *connections, int fd);
/* A message came, which took so many bytes on the line: from now on the connection is known. */
void connections_heard(struct connections *connections, int fd, uint64_t wire_bytes);
void connections_closed(struct connections *connections, int fd);

/*
 * Asked many times a second with what the line has brought since it began, while no whole message waits to be taken: true where
 * more than CONNECTION_UNTAKEN_MAX bytes came since the last message, so that it sends one without an end.
 */
#define CONNECTION_UNTAKEN_MAX (UINT64_C(16) << 20) /* the greatest message, and what the kernel buffers */
bool connections_swells(struct connections *connections, int fd, uint64_t received_bytes);

size_t connections_open(const struct connections *connections);
size_t connections_unknown(const struct connections *connections);

void connections_each(const struct connections *connections, void (*each)(void *arg, int fd), void *arg);
/* Those still unknown that were accepted before `before_ms`. */
void connections_each_unknown(
	const struct connections *connections, int64_t before_ms, void (*each)(void *arg, int fd), void *arg);

#endif
