#include "proto/admit_rules.h"

enum liaison_err
admit_permission(const struct admit_question *question)
{
	const struct facts *facts = question->facts;
	const char *id = facts->id.office.text;

	/* Notices: whose alert it is decides, and admit_state knows that. An owner may always take back its own. */
	if (facts_is_notice(facts))
		return LIAISON_OK;
	if (!office_has_right(question->office, LIAISON__RIGHT__RIGHT_PUBLISH))
		return fault_set(question->fault, LIAISON_NOT_PERMITTED, "the roster does not let %s publish", id);
	if (!facts_is_reply(facts) && !office_may_publish(question->office, facts->kind))
		return fault_set(question->fault, LIAISON_NOT_PERMITTED, "kind: the roster does not let %s publish %s",
			id, kind_text(facts->kind));
	return LIAISON_OK;
}

static enum liaison_err
check_expires(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;
	int64_t latest = admission_expiry_limit(question->limits, alert, alert->sent);
	char at[RFC3339_BYTES];

	if (alert->expires <= question->now) {
		time_format(alert->expires, at);
		return fault_set(question->fault, LIAISON_EXPIRED, "expires: %s is past", at);
	}
	if (alert->expires > latest) {
		time_format(latest, at);
		return fault_set(question->fault, LIAISON_EXPIRED, "expires: %s may stand until %s at most",
			kind_text(alert->kind), at);
	}
	return LIAISON_OK;
}

enum liaison_err
admit_times(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;
	char at[RFC3339_BYTES];

	if (alert->sent > question->now + SENT_AHEAD_MAX_MS) {
		time_format(alert->sent, at);
		return fault_set(question->fault, LIAISON_CLOCK_AHEAD,
			"sent: %s is ahead by more than 5 minutes; set the clock of the computer that signed it", at);
	}
	if (alert->sent < question->now - SENT_AGE_MAX_MS) {
		time_format(alert->sent, at);
		return fault_set(
			question->fault, LIAISON_STALE, "sent: %s is more than 30 days ago; publish it anew", at);
	}
	return alert->has_expires ? check_expires(question) : LIAISON_OK;
}
