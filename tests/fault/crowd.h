/*
 * The offices of a network at work: two publish batch after batch, one reads all the time, one comes again and again and
 * reads to the end. Whoever has ended begins anew, until nobody shall any more.
 */
#ifndef LIAISON_TESTS_FAULT_CROWD_H
#define LIAISON_TESTS_FAULT_CROWD_H

#include "tests/fault/net.h"
#include "tests/fault/rebuild.h"

#define CROWD_END_MS 60000

struct crowd {
	struct experiment *experiment;
	struct net net;
	struct ledger ledger;
	struct process publishers[PUBLISHERS];
	struct process reader, visitor;
	struct sight reader_sight, visitor_sight;
	uint64_t accepted; /* so far */
	uint64_t batches;
	uint32_t text_bytes;       /* of an alert, at most */
	const struct trace *trace; /* NULL: none */
	bool some_do_not_wait;     /* some publishers put into the outbox and go */
};

/* A network at `dir` whose broker is not yet started and whose reader is not yet there. */
void crowd_init(struct crowd *crowd, struct experiment *experiment, const char *dir);
void crowd_clear(struct crowd *crowd);

void crowd_start_reader(struct crowd *crowd);

/* Everybody goes on for so long, or until so many more alerts were accepted. */
void crowd_work(struct crowd *crowd, unsigned microseconds, uint64_t acknowledgements);

/* Nobody waits for a connection that broke to come back by itself, but for the reader: most begin anew. */
void crowd_begin_anew(struct crowd *crowd);

/* Nobody begins anew; all that was begun comes to its end. */
void crowd_end(struct crowd *crowd);

/* With a broker that runs, after crowd_end: outboxes are emptied, and everybody has everything, once. */
void crowd_check(struct crowd *crowd);

#endif
