#include "proto/base/digest.h"

#include <sodium.h>

void
digest_sha256(const void *data, size_t len, struct digest *out)
{
	crypto_hash_sha256(out->bytes, data, len);
}

void
digest_hex(const struct digest *digest, char *out)
{
	sodium_bin2hex(out, DIGEST_HEX_BYTES, digest->bytes, DIGEST_BYTES);
}
