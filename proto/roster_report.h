/*
 * Rosters in sentences: what a new one will change for whom, and whether it should be signed (TRUST 3). For people; what
 * programs decide by is roster.h and trust.h. Each sentence stands by itself and begins with whom it is about.
 */
#ifndef LIAISON_PROTO_ROSTER_REPORT_H
#define LIAISON_PROTO_ROSTER_REPORT_H

#include "proto/roster.h"
#include "proto/trust.h"

/* When expiry ahead is told, in days. */
#define EXPIRY_TOLD_DAYS                                                                                               \
	{                                                                                                              \
		30, 14, 7, 1                                                                                           \
	}

typedef void roster_sentence_fn(void *arg, const char *sentence);

/*
 * What changes from `before` (NULL: from nothing) to `after`, both valid. Members first, then offices by id. Returns how
 * many sentences there were; 0: the two say the same.
 */
size_t roster_diff(
	const Liaison__Roster *before, const Liaison__Roster *after, roster_sentence_fn *sentence, void *arg);

enum roster_finding {
	ROSTER_REFUSED, /* brokers and agents will not take it */
	ROSTER_WARNING, /* they will, and somebody should know this first */
};
typedef void roster_finding_fn(void *arg, enum roster_finding finding, const char *sentence);

/*
 * What speaks against signing `roster` as the next of its member in `trust`, at `now`: everything that trust_add_roster
 * would refuse (signatures apart), and what is odd - expiry near, end points or peers that lead nowhere, an office that
 * can neither publish nor receive, keys about to end without a successor. Returns how many ROSTER_REFUSED there were.
 */
size_t roster_check(
	const Liaison__Roster *roster, const struct trust *trust, int64_t now, roster_finding_fn *finding, void *arg);

/* 30, 14, 7 or 1: the warning that is due for an expiry at `expires`; 0 once it is over, -1 while it is further ahead. */
int expiry_warning_days(int64_t expires, int64_t now);

#endif
