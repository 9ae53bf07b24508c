/* Inside of fake_broker: what fake_broker.c (sessions, submissions) and fake_feed.c (deliveries) share. */
#ifndef LIAISON_TESTS_SUPPORT_FAKE_BROKER_INTERNAL_H
#define LIAISON_TESTS_SUPPORT_FAKE_BROKER_INTERNAL_H

#include "proto/edge/zmq.h"
#include "proto/frame.h"
#include "proto/merkle.h"
#include "tests/support/fake_broker.h"

#include <pthread.h>

#define FAKE_ITEMS_MAX 64
#define FAKE_EPOCH_BYTES 16

/* An alert of its log, as readers are given it. */
struct told {
	uint64_t index;
	uint8_t *envelope; /* owned */
	size_t len;
};

struct fake_broker {
	const struct world *world;
	struct net *net;
	struct zap *zap;
	struct server *server;
	char endpoint[128];
	pthread_t thread;
	pthread_mutex_t lock; /* over all below */
	bool is_over;
	enum fake_lie lie;
	struct merkle_tree *tree;
	struct merkle_tree *other; /* as large, with other records */
	uint64_t highest;
	unsigned submits, not_now;
	struct told items[FAKE_ITEMS_MAX]; /* to be delivered */
	size_t item_count;
	uint64_t acknowledged;
	uint64_t begins_at; /* nothing below is delivered */
};

struct signed_checkpoint {
	Liaison__Checkpoint message;
	struct digest root;
	uint8_t epoch[FAKE_EPOCH_BYTES], key[KEY_ID_BYTES], signature[SIGNATURE_BYTES];
};

/* All under the lock. */
void fake_append(struct fake_broker *fake, const struct digest *leaf);
void fake_checkpoint(struct fake_broker *fake, struct signed_checkpoint *out);
enum liaison_err fake_send(struct fake_broker *fake, uint32_t route, const Liaison__Frame *frame);

void fake_take_subscribe(struct fake_broker *fake, uint32_t route, const Liaison__Subscribe *subscribe);
void fake_take_credit(struct fake_broker *fake, uint32_t route, const Liaison__Credit *credit);
void fake_take_acknowledge(struct fake_broker *fake, const Liaison__Acknowledge *acknowledge);

#endif
