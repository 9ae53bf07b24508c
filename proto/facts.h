/*
 * What the broker and a reader need to know of an accepted alert without its text: taken once from the parsed body,
 * kept small, used by release, filter, match and the index. Owns its memory (one block, and the area); immutable once
 * made. All texts are lower case, each list ascending without doubles, so that equal means the same bytes.
 */
#ifndef LIAISON_PROTO_FACTS_H
#define LIAISON_PROTO_FACTS_H

#include "proto/address.h"
#include "proto/area.h"
#include "proto/base/err.h"
#include "proto/crossings.h"

#include "proto/alert.pb-c.h"

#include <stdint.h>

struct facts {
	struct alert_id id;
	struct alert_id reference;        /* of a notice, update or reply; sequence 0: none */
	int64_t sent, effective, expires; /* 0 where the body has none; effective is sent where it has none */
	int64_t keep_until;               /* 0: none; restricted from then on */
	Liaison__Status status;
	Liaison__MessageType message;
	Liaison__Kind kind;       /* 0: a notice or a reply */
	uint32_t crimes;          /* bit (1 << crime) */
	Liaison__Urgency urgency; /* UNKNOWN where the body has none */
	Liaison__Severity severity;
	Liaison__Level level; /* 0: a notice or a reply */
	bool everyone;
	bool own_country; /* the author's own country is among the addresses by rule */
	bool is_sealed;
	/* Distribution: addresses as the log's header holds them, own country included where it is. */
	char **addresses;
	size_t address_count;
	/* Country codes that the body names under `where`, and those of its crossings. */
	char **countries;
	size_t country_count;
	/* Crossing ids named anywhere under `where`. */
	char **crossings;
	size_t crossing_count;
	/* Languages of the texts, each with its prefixes at hyphens: "zh-hant-tw" gives zh, zh-hant, zh-hant-tw. */
	char **langs;
	size_t lang_count;
	struct area *area; /* NULL: no position given */
};

/*
 * From a body that admission took (canonical and consistent); what is not fit for facts all the same is
 * LIAISON_MALFORMED with the field named. A crossing's position and country are those of `crossings`; ids that it does
 * not know stay without (NULL: it knows none).
 */
enum liaison_err facts_new(const Liaison__Alert *alert, const struct crossings *crossings, struct facts **out,
	struct fault *fault) LIAISON_MUST_CHECK;
void facts_free(struct facts *facts); /* takes NULL */

bool facts_is_notice(const struct facts *facts); /* CANCEL, REDACT, SUPERSEDED */
bool facts_is_reply(const struct facts *facts);  /* HIT and the other replies */
/* The lane: urgency IMMEDIATE, CANCEL, REDACT. */
bool facts_is_urgent(const struct facts *facts);
/* Some address of the distribution covers the office (everyone counts). */
bool facts_address(const struct facts *facts, const char *office);

/* Whether `list` (ascending) has `text`. */
bool facts_list_has(char *const *list, size_t count, const char *text);

#endif
