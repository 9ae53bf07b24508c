/*
 * The TCP connections that libzmq holds, by descriptor, which it does not bound itself: how many, since when, and over
 * which of them a message with a user id came (before that, nobody knows who it is). Pure: accept.c shuts what this says.
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

/* False: one too many (it counts all the same until it is closed), or no memory: shut it. */
bool connections_accepted(struct connections *connections, int fd, int64_t at_ms);
void connections_known(struct connections *connections, int fd);
void connections_closed(struct connections *connections, int fd);

size_t connections_open(const struct connections *connections);
size_t connections_unknown(const struct connections *connections);

/* Those still unknown that were accepted before `before_ms`. */
void connections_each_unknown(
	const struct connections *connections, int64_t before_ms, void (*each)(void *arg, int fd), void *arg);

#endif
