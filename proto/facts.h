/*
 * What the broker and a reader need to know of an accepted alert without its text: taken once from the parsed body,
 * kept small, used by release, filter, match and the index. Owns its memory; immutable once made.
 */
#ifndef LIAISON_PROTO_FACTS_H
#define LIAISON_PROTO_FACTS_H

#include "proto/address.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"

#include "proto/alert.pb-c.h"

#include <stdint.h>

struct facts_area; /* points of circles, polygons, legs: WGS 84 */

struct facts {
	struct alert_id id;
	struct alert_id reference;        /* of a notice or update; sequence 0: none */
	int64_t sent, effective, expires; /* 0 where the body has none */
	Liaison__Status status;
	Liaison__MessageType message;
	Liaison__Kind kind;       /* 0: a notice */
	uint32_t crimes;          /* bit (1 << crime) */
	Liaison__Urgency urgency; /* 0 where absent: matches as UNKNOWN */
	Liaison__Severity severity;
	Liaison__Level level; /* 0: a notice */
	bool everyone;
	bool own_country;
	bool is_sealed;
	/* Distribution: addresses, ascending, as the log's header holds them (own country included where it is). */
	char **addresses;
	size_t address_count;
	/* Where: lower-case country codes and crossing ids, each ascending and unique; langs of the texts. */
	char **countries;
	size_t country_count;
	char **crossings;
	size_t crossing_count;
	char **langs;
	size_t lang_count;
	struct facts_area *area; /* NULL: no position given */
};

/* From a body that admission took (canonical and consistent). LIAISON_NO_MEMORY or LIAISON_MALFORMED. */
enum liaison_err facts_new(const Liaison__Alert *alert, struct facts **out) LIAISON_MUST_CHECK;
void facts_free(struct facts *facts); /* takes NULL */

bool facts_is_notice(const struct facts *facts); /* CANCEL, REDACT, SUPERSEDED */
/* The lane: urgency IMMEDIATE, CANCEL, REDACT. */
bool facts_is_urgent(const struct facts *facts);
/* Some address of the distribution covers the office (everyone counts). */
bool facts_address(const struct facts *facts, const char *office);

#endif
