#include "proto/release.h"

#include "proto/base/time.h"
#include "proto/json.h"

#include <assert.h>
#include <stdio.h>

#define SENTENCE_BYTES 320

static const struct {
	const char *name;
	const char *meaning;
} reasons[] = {
	[RELEASE_ALLOWED] = {"allowed", "The office may see the alert."},
	[RELEASE_NO_ROSTER] = {"no-roster", "No roster that is held names this office."},
	[RELEASE_ROSTER_EXPIRED] = {"roster-expired",
		"The roster of the office's country has expired, and its days of grace."},
	[RELEASE_SUSPENDED] = {"suspended", "The office is suspended by its roster or by its country's duty key."},
	[RELEASE_NO_RIGHT] = {"no-right", "The roster does not give the office the right to subscribe."},
	[RELEASE_NOT_ADDRESSED] = {"not-addressed",
		"The alert's distribution does not name the office, nor an address above it."},
	[RELEASE_CLEARANCE] = {"clearance", "The alert's handling level is above the office's clearance."},
	[RELEASE_KIND] = {"kind", "The roster does not let the office receive alerts of this kind."},
	[RELEASE_NOT_CONTRIBUTING] = {"not-contributing",
		"Smuggling incidents go only to countries that contribute theirs, and this one does not."},
	[RELEASE_EXPIRED] = {"expired", "The alert has expired."},
	[RELEASE_CANCELLED] = {"cancelled", "The alert was cancelled."},
	[RELEASE_RESTRICTED] = {"restricted",
		"The alert was redacted, or the time until which it may be kept has passed."},
	[RELEASE_NOT_SUPPORTED] = {"not-supported", "This version of Liaison releases alerts and updates, no replies."},
};

const char *
release_reason_name(enum release_reason reason)
{
	assert((unsigned)reason < RELEASE_REASONS);
	return reasons[reason].name;
}

const char *
release_reason_meaning(enum release_reason reason)
{
	assert((unsigned)reason < RELEASE_REASONS);
	return reasons[reason].meaning;
}

/* What each rule looks at. */
struct question {
	const struct facts *alert;
	const struct alert_state *state;
	const struct office *office;
	const struct trust *trust;
	int64_t now;
};

static bool
is_restricted(const struct question *q)
{
	return (q->state != NULL && (q->state->is_restricted || q->state->is_erased)) ||
	       (q->alert->keep_until != 0 && q->now >= q->alert->keep_until);
}

/* Whether the rule that denies with `reason` is content. Rules from the second on may count on an office. */
static inline bool
rule_holds(enum release_reason reason, const struct question *q)
{
	const struct facts *alert = q->alert;
	const struct office *office = q->office;

	switch (reason) {
	case RELEASE_ALLOWED: return true;
	case RELEASE_NO_ROSTER: return office != NULL;
	case RELEASE_ROSTER_EXPIRED: {
		enum roster_state state = trust_roster_state(q->trust, office->member, q->now);
		return state == ROSTER_VALID || state == ROSTER_GRACE;
	}
	case RELEASE_SUSPENDED: return !office_is_suspended(office, q->now);
	case RELEASE_NO_RIGHT:
		return office_has_right(office, LIAISON__RIGHT__RIGHT_SUBSCRIBE) &&
		       !office_has_right(office, LIAISON__RIGHT__RIGHT_PEER);
	case RELEASE_NOT_ADDRESSED: return facts_address(alert, office->id.text);
	case RELEASE_CLEARANCE: return office->clearance >= alert->level;
	case RELEASE_KIND: return office_may_receive(office, alert->kind);
	case RELEASE_NOT_CONTRIBUTING:
		return alert->kind != LIAISON__KIND__KIND_SMUGGLING_INCIDENT ||
		       (office->member->contributes & UINT32_C(1) << alert->kind) != 0;
	case RELEASE_EXPIRED: return q->now < alert->expires;
	case RELEASE_CANCELLED: return q->state == NULL || !q->state->is_cancelled;
	case RELEASE_RESTRICTED: return !is_restricted(q);
	case RELEASE_NOT_SUPPORTED:
		return alert->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT ||
		       alert->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE;
	}
	return false;
}

enum release_reason
may_release(const struct facts *alert, const struct alert_state *state, const struct office *office,
	const struct trust *trust, int64_t now)
{
	const struct question question = {alert, state, office, trust, now};

	for (int reason = RELEASE_NO_ROSTER; reason < RELEASE_REASONS; reason++)
		if (!rule_holds((enum release_reason)reason, &question))
			return (enum release_reason)reason;
	return RELEASE_ALLOWED;
}

enum release_reason
may_release_notice(const struct facts *notice, const struct facts *original, bool was_given,
	const struct office *office, const struct trust *trust, int64_t now)
{
	(void)trust;
	if (office == NULL)
		return RELEASE_NO_ROSTER;
	if (office_is_suspended(office, now))
		return RELEASE_SUSPENDED;
	if (office_has_right(office, LIAISON__RIGHT__RIGHT_PEER))
		return RELEASE_NO_RIGHT;
	if (!was_given && (original == NULL || !facts_address(original, office->id.text)))
		return RELEASE_NOT_ADDRESSED;
	if (!facts_is_notice(notice))
		return RELEASE_NOT_SUPPORTED;
	return RELEASE_ALLOWED;
}

/* --- explain ------------------------------------------------------------------------------------------------------- */

static const char *
level_name(Liaison__Level level)
{
	const char *name = json_enum_name(&liaison__level__descriptor, (int)level);

	return name ? name : "none";
}

static const char *
kind_name(Liaison__Kind kind)
{
	const char *name = json_enum_name(&liaison__kind__descriptor, (int)kind);

	return name ? name : "no kind";
}

/* What the rule found, with the names that matter. */
static void
rule_sentence(enum release_reason reason, bool holds, const struct question *q, char out[SENTENCE_BYTES])
{
	const struct facts *alert = q->alert;
	const char *id = q->office->id.text, *member = q->office->member->code, *not = holds ? "" : "not ";
	char at[RFC3339_BYTES];

	switch (reason) {
	case RELEASE_ALLOWED: break;
	case RELEASE_NO_ROSTER: snprintf(out, SENTENCE_BYTES, "%s is on the roster of %s.", id, member); break;
	case RELEASE_ROSTER_EXPIRED:
		snprintf(out, SENTENCE_BYTES, "The roster of %s is %sin force.", member, not );
		break;
	case RELEASE_SUSPENDED: snprintf(out, SENTENCE_BYTES, "%s is %s.", id, holds ? "active" : "suspended"); break;
	case RELEASE_NO_RIGHT:
		snprintf(out, SENTENCE_BYTES,
			holds ? "%s has the right to subscribe." : "%s has no right to subscribe, or is a broker.", id);
		break;
	case RELEASE_NOT_ADDRESSED:
		snprintf(out, SENTENCE_BYTES,
			alert->everyone ? "The alert is for everyone." : "The alert's distribution does %saddress %s.",
			not, id);
		break;
	case RELEASE_CLEARANCE:
		snprintf(out, SENTENCE_BYTES, "The alert is %s, the clearance of %s is %s.", level_name(alert->level),
			id, level_name(q->office->clearance));
		break;
	case RELEASE_KIND:
		snprintf(out, SENTENCE_BYTES, "%s may %sreceive %s.", id, not, kind_name(alert->kind));
		break;
	case RELEASE_NOT_CONTRIBUTING:
		if (alert->kind != LIAISON__KIND__KIND_SMUGGLING_INCIDENT)
			snprintf(out, SENTENCE_BYTES,
				"Only SMUGGLING_INCIDENT is kept to countries that contribute it.");
		else
			snprintf(out, SENTENCE_BYTES, "%s does %scontribute SMUGGLING_INCIDENT.", member, not );
		break;
	case RELEASE_EXPIRED:
		time_format(alert->expires, at);
		snprintf(out, SENTENCE_BYTES, "The alert %s at %s.", holds ? "expires" : "expired", at);
		break;
	case RELEASE_CANCELLED: snprintf(out, SENTENCE_BYTES, "The alert was %scancelled.", holds ? "not " : ""); break;
	case RELEASE_RESTRICTED:
		snprintf(out, SENTENCE_BYTES, "The alert was %sredacted%s.", holds ? "not " : "",
			holds ? ", and may still be kept" : ", or may no longer be kept");
		break;
	case RELEASE_NOT_SUPPORTED: snprintf(out, SENTENCE_BYTES, "It is %san alert or an update.", not ); break;
	}
}

void
release_explain(const struct facts *alert, const struct alert_state *state, const struct office *office,
	const struct trust *trust, int64_t now, release_rule_fn *rule, void *arg)
{
	const struct question question = {alert, state, office, trust, now};

	for (int i = RELEASE_NO_ROSTER; i < RELEASE_REASONS; i++) {
		enum release_reason reason = (enum release_reason)i;
		char sentence[SENTENCE_BYTES];
		if (office == NULL) {
			rule(arg, reason, false, release_reason_meaning(RELEASE_NO_ROSTER));
			continue;
		}
		bool holds = rule_holds(reason, &question);
		rule_sentence(reason, holds, &question, sentence);
		rule(arg, reason, holds, sentence);
	}
}

size_t
release_audience(const struct facts *alert, const struct alert_state *state, const struct trust *trust, int64_t now,
	uint32_t *out)
{
	size_t count = 0;

	for (size_t i = 0; i < trust_office_count(trust); i++)
		if (may_release(alert, state, trust_office_at(trust, i), trust, now) == RELEASE_ALLOWED)
			out[count++] = (uint32_t)i;
	return count;
}
