/* Where random bytes come from: libsodium's generator, or in tests a seeded stream that replays. */
#ifndef LIAISON_PROTO_BASE_RAND_H
#define LIAISON_PROTO_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rng {
	void (*fill)(void *arg, void *out, size_t len);
	void *arg;
};

/* The machine's generator (libsodium's randombytes). Safe from any thread. */
const struct rng *rng_system(void);

/* A deterministic stream from one number, for tests and property runs. `state` is the caller's and outlives the rng. */
struct rng_seeded {
	uint8_t seed[32];
	uint64_t counter;
};
struct rng rng_from_seed(struct rng_seeded *state, uint64_t seed);

void rng_fill(const struct rng *rng, void *out, size_t len);
/* Uniform in [0, bound); bound > 0. */
uint32_t rng_below(const struct rng *rng, uint32_t bound);

#endif
