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
void connections_known(struct connections *connections, int fd);
void connections_closed(struct connections *connections, int fd);

size_t connections_open(const struct connections *connections);
size_t connections_unknown(const struct connections *connections);

/* Those still unknown that were accepted before `before_ms`. */
void connections_each_unknown(
	const struct connections *connections, int64_t before_ms, void (*each)(void *arg, int fd), void *arg);

#endif
