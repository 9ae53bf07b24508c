/*
 * Following one feed: connects and comes back after every loss, verifies each delivery, hands it to people, a program or
 * a command, keeps it in the inbox, and tells the broker how far it got.
 *
 * At least once: a delivery is shown (or its command has ended well) before the transaction that puts it into the inbox
 * and moves the cursor, and the broker hears of it after that. What was committed is not shown again, unless the reader
 * asks for it. What does not verify is parked and told; a log that does not hold together ends the feed at once, and the
 * cursor stays.
 */
#ifndef LIAISON_AGENTS_FOLLOW_H
#define LIAISON_AGENTS_FOLLOW_H

#include "agents/app.h"

#include "proto/frame.pb-c.h"

#include <stdint.h>

struct follow_options {
	const char *name;
	const Liaison__Filter *filter; /* NULL: as the feed has it; a new feed then has none */
	Liaison__Start start;
	uint64_t index;    /* of START_INDEX */
	uint64_t count;    /* ends after so many items; 0: never */
	bool is_until_end; /* ends when the log's end is reached; does not wait for a broker that is away */
	bool is_take_over;
	bool is_replace;
	const char *command; /* NULL: shown on stdout */
};

/* Runs until told to end (SIGINT, SIGTERM) or as the options say; returns the exit code. */
int follow_run(struct app *app, const struct follow_options *options);

#endif
