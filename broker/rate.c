#include "broker/rate.h"

#include <stdlib.h>
#include <string.h>

#define PAUSE_MAX_MS 3600000

struct bucket {
	struct office_id office;
	int64_t signatures, bytes; /* left, in thousandths */
	int64_t at_ms;
};

struct rate {
	int64_t signatures_per_second, bytes_per_second;
	struct bucket *buckets; /* ascending by office */
	size_t count, cap;
};

struct rate *
rate_new(int64_t signatures_per_second, int64_t bytes_per_second)
{
	struct rate *rate = calloc(1, sizeof *rate);

	if (rate == NULL)
		return NULL;
	rate->signatures_per_second = signatures_per_second;
	rate->bytes_per_second = bytes_per_second;
	return rate;
}

void
rate_free(struct rate *rate)
{
	if (rate == NULL)
		return;
	free(rate->buckets);
	free(rate);
}

static struct bucket *
find_bucket(struct rate *rate, const struct office_id *office, int64_t now_ms)
{
	size_t low = 0, high = rate->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(rate->buckets[middle].office.text, office->text);
		if (order == 0)
			return &rate->buckets[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (rate->count == RATE_OFFICES_MAX)
		return NULL;
	if (rate->count == rate->cap) {
		size_t cap = rate->cap > 0 ? rate->cap * 2 : 64;
		struct bucket *buckets = realloc(rate->buckets, cap * sizeof *buckets);
		if (buckets == NULL)
			return NULL;
		rate->buckets = buckets;
		rate->cap = cap;
	}
	memmove(&rate->buckets[low + 1], &rate->buckets[low], (rate->count - low) * sizeof *rate->buckets);
	rate->count++;
	rate->buckets[low] = (struct bucket){.office = *office,
		.signatures = rate->signatures_per_second * 1000,
		.bytes = rate->bytes_per_second * 1000,
		.at_ms = now_ms};
	return &rate->buckets[low];
}

static int64_t
refill(int64_t left, int64_t per_second, int64_t elapsed_ms)
{
	int64_t full = per_second * 1000;
	/* Nobody is in debt for longer than one frame takes; a longer pause fills any bucket. */
	int64_t counted_ms = elapsed_ms < PAUSE_MAX_MS ? elapsed_ms : PAUSE_MAX_MS;

	return left + per_second * counted_ms > full ? full : left + per_second * counted_ms;
}

enum liaison_err
rate_take(struct rate *rate, const struct office_id *office, uint32_t signatures, size_t bytes, int64_t monotonic_ms)
{
	if (rate->signatures_per_second == 0 && rate->bytes_per_second == 0)
		return LIAISON_OK;
	struct bucket *bucket = find_bucket(rate, office, monotonic_ms);
	if (bucket == NULL)
		return LIAISON_RATE_LIMITED;
	int64_t elapsed_ms = monotonic_ms - bucket->at_ms;
	bucket->signatures = refill(bucket->signatures, rate->signatures_per_second, elapsed_ms);
	bucket->bytes = refill(bucket->bytes, rate->bytes_per_second, elapsed_ms);
	bucket->at_ms = monotonic_ms;
	/* A frame may take the last of a bucket into debt, so that one as great as the limits is possible at all. */
	bool enough = (rate->signatures_per_second == 0 || bucket->signatures > 0) &&
		      (rate->bytes_per_second == 0 || bucket->bytes > 0);
	if (!enough)
		return LIAISON_RATE_LIMITED;
	bucket->signatures -= (int64_t)signatures * 1000;
	bucket->bytes -= (int64_t)bytes * 1000;
	return LIAISON_OK;
}
