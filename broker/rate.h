/*
 * How much each office may submit per second: a token bucket per office, one second deep, for signatures and for bytes.
 * Pure; time is an argument (monotonic).
 */
#ifndef LIAISON_BROKER_RATE_H
#define LIAISON_BROKER_RATE_H

#include "proto/address.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define RATE_OFFICES_MAX 65536

struct rate;

struct rate *rate_new(int64_t signatures_per_second, int64_t bytes_per_second); /* 0: no limit; NULL: no memory */
void rate_free(struct rate *rate);

/* LIAISON_OK and the tokens are taken, or LIAISON_RATE_LIMITED and none are. */
enum liaison_err rate_take(struct rate *rate, const struct office_id *office, uint32_t signatures, size_t bytes,
	int64_t monotonic_ms) LIAISON_MUST_CHECK;

#endif
