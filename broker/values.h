/*
 * The texts that filters name, each with its row: which filters name it. A hash table under a secret key, so that nobody
 * can choose values that collide. A value is in it while a filter names it.
 */
#ifndef LIAISON_BROKER_VALUES_H
#define LIAISON_BROKER_VALUES_H

#include "broker/rows.h"
#include "proto/base/rand.h"

#include <sodium.h>

/* A value of one attribute; the same text under another attribute is another value. */
struct value {
	struct row row;
	unsigned attribute;
	char text[];
};

struct values {
	struct value **table; /* linear probing, at most half full; `size` is a power of two */
	size_t size;
	size_t count;
	uint8_t key[crypto_shorthash_KEYBYTES];
};

/* LIAISON_NO_MEMORY; values_clear() is right after a failure too. */
enum liaison_err values_init(struct values *values, const struct rng *rng) LIAISON_MUST_CHECK;
void values_clear(struct values *values);
size_t values_bytes(const struct values *values); /* on the heap, rows included */

/* The same for the same text while the table lives; evenly spread. */
uint64_t values_hash(const struct values *values, unsigned attribute, const char *text, size_t len);

/* NULL if no filter names it. `text` need not end at `len`, and has no NUL before. */
struct value *values_find(const struct values *values, unsigned attribute, const char *text, size_t len);

/* Finds or makes it. LIAISON_NO_MEMORY, LIAISON_TOO_LARGE if that would make more than `max` values. */
enum liaison_err values_add(
	struct values *values, unsigned attribute, const char *text, size_t max, struct value **out) LIAISON_MUST_CHECK;
void values_remove(struct values *values, struct value *value); /* frees it */

#endif
