#include "proto/log_leaf.h"

#include "proto/merkle.h"

#include <string.h>

static const char domain[] = "liaison log v1"; /* with its NUL */

static const char *const names[] = {
	[RECORD_ALERT] = "alert",
	[RECORD_TRUST] = "trust",
	[RECORD_SUSPENSION] = "suspension",
	[RECORD_EVIDENCE] = "evidence",
	[RECORD_ERASURE] = "erasure",
	[RECORD_EPOCH] = "epoch",
};

bool
record_type_is_known(uint8_t type)
{
	return type < sizeof names / sizeof names[0] && names[type] != NULL;
}

const char *
record_type_name(uint8_t type)
{
	return record_type_is_known(type) ? names[type] : "unknown";
}

void
log_leaf(enum record_type type, const void *header, size_t len, struct digest *leaf)
{
	uint8_t data[sizeof domain + 1 + DIGEST_BYTES];
	struct digest digest;

	digest_sha256(header, len, &digest);
	memcpy(data, domain, sizeof domain);
	data[sizeof domain] = (uint8_t)type;
	memcpy(data + sizeof domain + 1, digest.bytes, DIGEST_BYTES);
	merkle_leaf(data, sizeof data, leaf);
}
