/*
 * A broker that lies: enough of the wire to greet one reader and feed it whatever a test wants said, over loopback, with
 * the real keys of a test world's kh.broker. Runs in a thread of its own from liar_start to liar_free. What goes wrong in
 * here fails the test.
 */
#ifndef LIAISON_TESTS_SUPPORT_LIAR_H
#define LIAISON_TESTS_SUPPORT_LIAR_H

#include "proto/base/digest.h"
#include "tests/support/world.h"

#include "proto/alert.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define LIAR_BROKER "kh.broker"
#define LIAR_ITEMS_MAX 64

/* What it does beside delivering its items. */
enum liar_trick {
	LIAR_HONEST,
	LIAR_FORKS,      /* the checkpoint after the deliveries is one of another log */
	LIAR_ROLLS_BACK, /* ... of a shorter one */
	LIAR_IS_BEYOND,  /* delivers what no checkpoint covers */
	LIAR_OVERDRAWS,  /* delivers the first item over and over, past all credit */
};

struct liar;

struct liar *liar_new(struct world *world, enum liar_trick trick);
void liar_free(struct liar *liar);

/* Signs and appends to the log; to be delivered. Takes the alert. Returns its index. */
uint64_t liar_append(struct liar *liar, Liaison__Alert *alert, const struct secret_keys *keys);
/* Turns one bit of the signature of what was appended as `index`. */
void liar_spoil(struct liar *liar, uint64_t index);
/* Delivers the item once more after the others. */
void liar_repeat(struct liar *liar, uint64_t index);
/* The log as it stands is another from `index` on: for the next connection. */
void liar_rewrite(struct liar *liar, uint64_t index);

/* From here on until liar_stop the other functions may not be called. Its end point: "tcp://127.0.0.1:PORT". */
const char *liar_start(struct liar *liar);
void liar_stop(struct liar *liar);

/* What the reader has acknowledged of the ordinary lane; after liar_stop. */
uint64_t liar_acknowledged(const struct liar *liar);

#endif
