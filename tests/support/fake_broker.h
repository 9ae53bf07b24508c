/*
 * A broker that lies on demand, on a thread of its own, for tests of what an agent believes. It speaks frames with the
 * keys of `kh.broker` in a test world, keeps a log of what is submitted, delivers what a test appends to it, and departs
 * from the truth in one way at a time.
 */
#ifndef LIAISON_TESTS_SUPPORT_FAKE_BROKER_H
#define LIAISON_TESTS_SUPPORT_FAKE_BROKER_H

#include "tests/support/world.h"

#include "proto/alert.pb-c.h"

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
	/* about deliveries */
	FAKE_FORKS_BEHIND,      /* the checkpoint after them is one of another log */
	FAKE_ROLLS_BACK_BEHIND, /* ... of a shorter one */
	FAKE_DELIVERS_BEYOND,   /* what no checkpoint covers */
	FAKE_OVERDRAWS,         /* the first item over and over, past all credit */
	FAKE_REMEMBERS,         /* no lie: begins at the cursor that was acknowledged, where the others begin at 0 */
};

struct fake_broker;

#define FAKE_BROKER "kh.broker"

/*
 * Listens on a port of its own choice, with so many records of nobody's business in its log. `world` is borrowed; its
 * `kh.broker` serves whom its rosters say.
 */
struct fake_broker *fake_broker_new(const struct world *world, unsigned records);
void fake_broker_free(struct fake_broker *fake);
const char *fake_broker_endpoint(const struct fake_broker *fake);

/* From the next frame on. */
void fake_broker_lie(struct fake_broker *fake, enum fake_lie lie);
/* `count` records of nobody's business are appended to its log. */
void fake_broker_grow(struct fake_broker *fake, unsigned count);

/* Signs and appends to its log; readers are given it. Takes the alert. Returns its index. */
uint64_t fake_broker_append(struct fake_broker *fake, Liaison__Alert *alert, const struct secret_keys *keys);
/* Turns one bit of the signature of what was appended as `index`. */
void fake_broker_spoil(struct fake_broker *fake, uint64_t index);
/* Readers are given the item once more after the others. */
void fake_broker_repeat(struct fake_broker *fake, uint64_t index);
/* What the reader has acknowledged of the ordinary lane. */
uint64_t fake_broker_acknowledged(struct fake_broker *fake);

/* What welcome will say of the highest sequence seen. */
void fake_broker_set_highest(struct fake_broker *fake, uint64_t sequence);
/* How many submits it has read. */
unsigned fake_broker_submits(struct fake_broker *fake);

#endif
