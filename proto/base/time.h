/*
 * Instants are int64_t milliseconds since 1970-01-01T00:00:00Z (names end in _at or _ms); no time zone exists inside
 * Liaison. Nothing that decides asks for the time: it is an argument. Programs take it from a `struct clock`, so that a
 * test can hold it.
 */
#ifndef LIAISON_PROTO_BASE_TIME_H
#define LIAISON_PROTO_BASE_TIME_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define MS_PER_DAY (24 * MS_PER_HOUR)

struct clock {
	int64_t (*now_ms)(void *arg);       /* wall clock */
	int64_t (*monotonic_ms)(void *arg); /* never goes back; for time-outs only */
	void *arg;
};

/* The machine's own clock. If $LIAISON_TEST_CLOCK_OFFSET_MS is set when first called, it is added to the wall clock. */
const struct clock *clock_system(void);

/* Moves the wall clock of clock_system() for the rest of this process: for tests, before any thread reads it. */
void clock_shift_for_tests(int64_t offset_ms);

#define RFC3339_BYTES 32

/*
 * Whether it is an instant of the years 0001 to 9999, as everything that is signed must name: it can be written, and a
 * few years more or less do not overflow.
 */
bool time_is_valid(int64_t at_ms);

/*
 * RFC 3339 section 5.6, UTC, "Z"; milliseconds only where they are not zero. Years 0001 to 9999; anything else is
 * written as "out-of-range". `out` has room for RFC3339_BYTES.
 */
void time_format(int64_t at_ms, char *out);

/*
 * The reverse; any offset is accepted and taken into account, a leap second counts as the second before it, digits past
 * milliseconds are dropped. Only RFC 3339 date-time: no date alone, no missing offset. LIAISON_MALFORMED otherwise.
 */
enum liaison_err time_parse(const char *text, size_t len, int64_t *at_ms) LIAISON_MUST_CHECK;

#endif
