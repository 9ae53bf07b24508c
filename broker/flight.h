/*
 * What is on its way to one reader: given to libzmq, and not known to have reached the reader's machine. libzmq does not
 * say; the kernel says how many bytes of a connection were acknowledged, and this turns that into bytes and messages that
 * are still held here. Bytes are exact; messages are counted in steps, and never too few. Pure.
 */
#ifndef LIAISON_BROKER_FLIGHT_H
#define LIAISON_BROKER_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FLIGHT_STEP 32 /* messages between two marks */
#define FLIGHT_MARKS 64

/* How far the line was when so many messages had been sent. */
struct flight_mark {
	uint64_t bytes, messages;
};

struct flight {
	uint64_t sent_bytes, sent_messages;
	uint64_t arrived_bytes, arrived_messages;
	struct flight_mark marks[FLIGHT_MARKS]; /* a ring, ascending; those that have not arrived */
	size_t first, count;
};

/* A message that takes so many bytes on the line. */
void flight_sent(struct flight *flight, uint64_t bytes);

/*
 * So many bytes of the line arrived since it began (with those of its handshake, which flight_sent is not told of: up to
 * that many fewer are counted as held). True: more than were known to have.
 */
bool flight_arrived(struct flight *flight, uint64_t bytes);

/* Still held here, as far as is known. */
uint64_t flight_bytes(const struct flight *flight);
uint64_t flight_messages(const struct flight *flight);

#endif
