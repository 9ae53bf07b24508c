/*
 * What a view of trust is made of; for trust.c (takes documents), trust_view.c (makes
 * views) and trust_office.c (asks them) only.
 */
#ifndef LIAISON_PROTO_TRUST_VIEW_H
#define LIAISON_PROTO_TRUST_VIEW_H

#include "proto/document.h"
#include "proto/signature.h"
#include "proto/trust.h"

#include <stdatomic.h>

/* That an office's roster lists a transport key. */
struct transport_claim {
	const uint8_t *key;
	uint32_t office;
};

struct trust {
	atomic_uint refs;
	char network[NETWORK_ID_BYTES_MAX + 1];
	struct public_key roots[TRUST_ROOT_KEYS_MAX]; /* pinned */
	size_t root_count, root_threshold;

	/* What was taken. Charters from version 1 on; rosters beside members, NULL where none is held. */
	struct document **charters;
	size_t charter_count;
	struct document **rosters;
	struct document **suspensions;
	size_t suspension_count;

	/* What follows from it. */
	struct member *members; /* ascending by code */
	size_t member_count;
	struct office *offices; /* ascending by id */
	size_t office_count;
	struct suspension_window *windows; /* each office's together */
	struct transport_claim *claims;    /* ascending by key; of equal ones the owner first */
	size_t claim_count;
};

/* What is to be added to a view; one of them, the others NULL. Borrowed. */
struct trust_addition {
	struct document *charter, *roster, *suspension;
};

/* A new view. LIAISON_TOO_LARGE: more than TRUST_OFFICES_MAX offices in all. */
enum liaison_err view_make(const struct trust *from, const struct trust_addition *addition, int64_t now,
	struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/* Whether it is a transport key of the office that is valid at `now`, and neither it nor the office is suspended. */
bool office_transport_is_good(const struct office *office, const struct public_key *key, int64_t now);

/* Where `code` stands in members, member_count if nowhere. */
size_t view_member_position(const struct trust *trust, const char *code);

#endif
