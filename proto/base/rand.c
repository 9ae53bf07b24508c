#include "proto/base/rand.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static void
system_fill(void *arg, void *out, size_t len)
{
	(void)arg;
	randombytes_buf(out, len);
}

const struct rng *
rng_system(void)
{
	static const struct rng rng = {.fill = system_fill};
	return &rng;
}

/* Each call draws an independent ChaCha20 stream under seed xor counter, so a replay needs the same sequence of calls. */
static void
seeded_fill(void *arg, void *out, size_t len)
{
	struct rng_seeded *state = arg;
	uint8_t seed[randombytes_SEEDBYTES];

	memcpy(seed, state->seed, sizeof seed);
	for (size_t i = 0; i < 8; i++)
		seed[i] ^= (uint8_t)(state->counter >> (8 * i));
	state->counter++;
	randombytes_buf_deterministic(out, len, seed);
}

struct rng
rng_from_seed(struct rng_seeded *state, uint64_t seed)
{
	memset(state, 0, sizeof *state);
	for (size_t i = 0; i < 8; i++)
		state->seed[16 + i] = (uint8_t)(seed >> (8 * i));
	return (struct rng){.fill = seeded_fill, .arg = state};
}

void
rng_fill(const struct rng *rng, void *out, size_t len)
{
	rng->fill(rng->arg, out, len);
}

uint32_t
rng_below(const struct rng *rng, uint32_t bound)
{
	uint32_t value;

	assert(bound > 0);
	/* The largest multiple of bound that fits: values from there on would favour the small ones. */
	uint32_t limit = UINT32_MAX - UINT32_MAX % bound;
	do
		rng_fill(rng, &value, sizeof value);
	while (value >= limit);
	return value % bound;
}
