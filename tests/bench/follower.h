/*
 * Readers for benches: each has a connection and a feed of its own, gives credit in windows as agents do, acknowledges what it
 * has, and verifies signatures if it is told to. Each reads on a thread.
 */
#ifndef LIAISON_TESTS_BENCH_FOLLOWER_H
#define LIAISON_TESTS_BENCH_FOLLOWER_H

#include "tests/support/rig.h"

#include <pthread.h>

struct follower;

/* Called on the reader's thread with each alert, after its verification where that is asked for. */
typedef void follower_fn(void *arg, const Liaison__DeliveryItem *item);

struct follower_options {
	const char *feed;
	bool verifies;     /* every envelope, by the publisher's key */
	follower_fn *each; /* may be NULL */
	void *arg;
};

/* One of the offices of the rig's world that get routes and documents; any number. */
const char *follower_office(size_t number);

/* Connects and subscribes, from the log's beginning. */
struct follower *follower_new(struct rig *rig, const char *office, const struct follower_options *options);
void follower_free(struct follower *follower);

/* Gives credit and reads until `alerts` more have come. follower_join then gives the time (bench_seconds) of the last one. */
void follower_start(struct follower *follower, size_t alerts);
double follower_join(struct follower *follower);

#endif
