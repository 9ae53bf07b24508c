/*
 * A broker that lies on demand, on a thread of its own, for tests of what an agent believes. It speaks frames with the
 * keys of `kh.broker` in a test world, keeps a log of what is submitted, and departs from the truth in one way at a time.
 */
#ifndef LIAISON_TESTS_SUPPORT_FAKE_BROKER_H
#define LIAISON_TESTS_SUPPORT_FAKE_BROKER_H

#include "tests/support/world.h"

enum fake_lie {
	FAKE_HONEST,
	/* in welcome */
	FAKE_OTHER_NETWORK,
	FAKE_OTHER_OFFICE,
	FAKE_OTHER_BROKER,
	FAKE_OTHER_VERSION,
	FAKE_OTHER_FRAME, /* a receipt in its place */
	FAKE_SAYS_NOTHING,
	FAKE_REFUSES_HELLO,
	FAKE_NO_CHECKPOINT,
	/* in every checkpoint */
	FAKE_FOREIGN_KEY,  /* signed by nobody's key */
	FAKE_OTHER_ORIGIN, /* of another broker's log */
	FAKE_OTHER_EPOCH,
	FAKE_ROLLED_BACK, /* fewer records than there were */
	FAKE_REWRITTEN,   /* as many, but others */
	/* about submissions */
	FAKE_FALSE_INCLUSION,
	FAKE_FALSE_INDEX,
	FAKE_OTHER_BODY,    /* receipts for another body hash */
	FAKE_REFUSES_ALL,   /* items: expired */
	FAKE_REFUSES_FRAME, /* the submit as a whole: too large */
	FAKE_NOT_NOW_ONCE,  /* rate limited, the first time */
	FAKE_GOODBYE,       /* ends the session when something is submitted */
};

struct fake_broker;

/* Listens on a port of its own choice. `world` is borrowed; its `kh.broker` serves whom its rosters say. */
struct fake_broker *fake_broker_new(const struct world *world);
void fake_broker_free(struct fake_broker *fake);
const char *fake_broker_endpoint(const struct fake_broker *fake);

/* From the next frame on. */
void fake_broker_lie(struct fake_broker *fake, enum fake_lie lie);
/* `count` records of nobody's business are appended to its log. */
void fake_broker_grow(struct fake_broker *fake, unsigned count);
/* What welcome will say of the highest sequence seen. */
void fake_broker_set_highest(struct fake_broker *fake, uint64_t sequence);
/* How many submits it has read. */
unsigned fake_broker_submits(struct fake_broker *fake);

#endif
