/*
 * The release rule: who may see an alert. One pure function, called when matching and again when sending; every denial
 * has a reason, and everything that is not allowed is denied.
 */
#ifndef LIAISON_PROTO_RELEASE_H
#define LIAISON_PROTO_RELEASE_H

#include "proto/facts.h"
#include "proto/trust.h"

/* What happened to an alert after it was accepted. */
struct alert_state {
	bool is_cancelled;
	bool is_restricted; /* redacted; that keepUntil has passed is for the rule itself to see */
	bool is_erased;
};

/* In the order in which the rule asks; names are what `liaison explain` prints. */
enum release_reason {
	RELEASE_ALLOWED = 0,
	RELEASE_NO_ROSTER, /* the office is on no roster that is held */
	RELEASE_ROSTER_EXPIRED,
	RELEASE_SUSPENDED,
	RELEASE_NO_RIGHT, /* no right to subscribe */
	RELEASE_NOT_ADDRESSED,
	RELEASE_CLEARANCE,
	RELEASE_KIND,             /* its roster does not let it receive the kind */
	RELEASE_NOT_CONTRIBUTING, /* SMUGGLING_INCIDENT: its country does not contribute */
	RELEASE_EXPIRED,
	RELEASE_CANCELLED,
	RELEASE_RESTRICTED,
	RELEASE_NOT_SUPPORTED, /* replies, until they exist; notices, which have their own function */
};
#define RELEASE_REASONS (RELEASE_NOT_SUPPORTED + 1)

const char *release_reason_name(enum release_reason reason);    /* "not-addressed" */
const char *release_reason_meaning(enum release_reason reason); /* one sentence */

/*
 * `office` may be NULL (RELEASE_NO_ROSTER). Notices go through may_release_notice() instead.
 * An office with right peer is never released to by this function. `state` NULL: nothing happened to it.
 */
enum release_reason may_release(const struct facts *alert, const struct alert_state *state, const struct office *office,
	const struct trust *trust, int64_t now);

/*
 * A notice goes to every office that was given the original or that the original addressed, whatever its filter,
 * clearance, kinds or an expired roster say now. `original` may be NULL where it is not held yet; `was_given` is the
 * broker's knowledge that this office had it. Denied are only an unknown office, a suspended one (which has no
 * connection), a peer (carried to by another rule), and one that the original has nothing to do with.
 */
enum release_reason may_release_notice(const struct facts *notice, const struct facts *original, bool was_given,
	const struct office *office, const struct trust *trust, int64_t now);

/*
 * Each rule by itself, for `explain`: calls back once for each reason but RELEASE_ALLOWED, in order, `holds` false for
 * those that deny. Rules about an office that is on no roster do not hold.
 */
typedef void release_rule_fn(void *arg, enum release_reason rule, bool holds, const char *sentence);
void release_explain(const struct facts *alert, const struct alert_state *state, const struct office *office,
	const struct trust *trust, int64_t now, release_rule_fn *rule, void *arg);

/* The offices (numbers of `trust`, ascending) to which release is possible now; `out` has room for trust_office_count. */
size_t release_audience(const struct facts *alert, const struct alert_state *state, const struct trust *trust,
	int64_t now, uint32_t *out);

#endif
