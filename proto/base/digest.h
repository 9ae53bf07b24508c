/* A 32-byte digest as a type of its own, so that it is not mixed up with keys or other byte strings. */
#ifndef LIAISON_PROTO_BASE_DIGEST_H
#define LIAISON_PROTO_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGEST_BYTES 32
#define DIGEST_HEX_BYTES (2 * DIGEST_BYTES + 1)

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

static inline bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

/* SHA-256 (FIPS 180-4). */
void digest_sha256(const void *data, size_t len, struct digest *out);
/* Of the one followed by the other; either may be empty. */
void digest_sha256_two(const void *first, size_t first_len, const void *second, size_t second_len, struct digest *out);

/* Lower-case hexadecimal with a NUL; `out` has room for DIGEST_HEX_BYTES. */
void digest_hex(const struct digest *digest, char *out);

#endif
