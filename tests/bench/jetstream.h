/*
 * The peer that deliveries are held against: NATS JetStream, Debian's nats-server and libnats, a file store, plain TCP on
 * loopback, in the configuration that it comes with (it syncs its files every two minutes). It is given every way of reading
 * that it has, and the fastest counts.
 */
#ifndef LIAISON_TESTS_BENCH_JETSTREAM_H
#define LIAISON_TESTS_BENCH_JETSTREAM_H

#include <stddef.h>

struct jetstream;

/* Starts a server with its store under `dir`; ends the program if it cannot. It ends with this process. */
struct jetstream *jetstream_start(const char *dir);
void jetstream_stop(struct jetstream *jetstream); /* takes NULL */

/*
 * Deliveries a second, in all: `messages` of `bytes` each are published while as many readers as said, each with a
 * connection and a consumer of its own, take them; from the first publish to the last delivery at the last reader. Best of the
 * ways to read; `way` is set to its name.
 */
double jetstream_deliveries_per_s(
	struct jetstream *jetstream, size_t readers, size_t messages, size_t bytes, const char **way);

/* Bytes of resident memory that the server takes for one durable consumer, over `consumers` of them. */
double jetstream_bytes_per_consumer(struct jetstream *jetstream, size_t consumers);

#endif
