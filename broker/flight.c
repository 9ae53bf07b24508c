#include "broker/flight.h"

static struct flight_mark *
mark_at(struct flight *flight, size_t at)
{
	return &flight->marks[(flight->first + at) % FLIGHT_MARKS];
}

void
flight_sent(struct flight *flight, uint64_t bytes)
{
	flight->sent_bytes += bytes;
	flight->sent_messages++;
	if (flight->sent_messages % FLIGHT_STEP != 0)
		return;
	/* Where there is no more room the last mark moves on: what lies before it is counted until all of it has arrived. */
	if (flight->count < FLIGHT_MARKS)
		flight->count++;
	*mark_at(flight, flight->count - 1) = (struct flight_mark){flight->sent_bytes, flight->sent_messages};
}

bool
flight_arrived(struct flight *flight, uint64_t bytes)
{
	if (bytes <= flight->arrived_bytes)
		return false;
	flight->arrived_bytes = bytes;
	while (flight->count > 0 && mark_at(flight, 0)->bytes <= bytes) {
		flight->arrived_messages = mark_at(flight, 0)->messages;
		flight->first = (flight->first + 1) % FLIGHT_MARKS;
		flight->count--;
	}
	if (flight->sent_bytes <= bytes)
		flight->arrived_messages = flight->sent_messages;
	return true;
}

uint64_t
flight_bytes(const struct flight *flight)
{
	return flight->sent_bytes > flight->arrived_bytes ? flight->sent_bytes - flight->arrived_bytes : 0;
}

uint64_t
flight_messages(const struct flight *flight)
{
	return flight->sent_messages - flight->arrived_messages;
}
