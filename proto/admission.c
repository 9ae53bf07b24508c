#include "proto/admission.h"

#include "proto/admit_rules.h"
#include "proto/json.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define YEARS(n) ((n)*INT64_C(365) * MS_PER_DAY + (n) / 4 * MS_PER_DAY)

/*
 * How long an alert may stand before somebody has to look at it again. Persons and what courts ask for: five years, as a
 * warrant is reviewed by then. Documents and vehicles are looked for as long as they can be used. What describes habits
 * (routes most of all) grows false within months.
 */
static const struct {
	Liaison__Kind kind;
	int64_t max_ms;
} expiries[] = {
	{LIAISON__KIND__KIND_WANTED_PERSON, YEARS(5)},
	{LIAISON__KIND__KIND_MISSING_PERSON, YEARS(5)},
	{LIAISON__KIND__KIND_PERSON_AT_RISK, YEARS(1)},
	{LIAISON__KIND__KIND_ROUTE, 90 * MS_PER_DAY},
	{LIAISON__KIND__KIND_VEHICLE, YEARS(10)},
	{LIAISON__KIND__KIND_VESSEL, YEARS(1)},
	{LIAISON__KIND__KIND_CONTAINER, YEARS(1)},
	{LIAISON__KIND__KIND_DOCUMENT, YEARS(10)},
	{LIAISON__KIND__KIND_SEIZURE, YEARS(1)},
	{LIAISON__KIND__KIND_HOTSPOT, YEARS(1)},
	{LIAISON__KIND__KIND_MODUS_OPERANDI, YEARS(1)},
	{LIAISON__KIND__KIND_SMUGGLING_INCIDENT, YEARS(1)},
};

void
admission_limits_default(struct admission_limits *limits)
{
	*limits = (struct admission_limits){.discreet_check_max_ms = YEARS(1)};
	for (size_t i = 0; i < sizeof expiries / sizeof expiries[0]; i++)
		limits->expires_max_ms[expiries[i].kind] = expiries[i].max_ms;
}

static bool
is_check(Liaison__Action action)
{
	return action == LIAISON__ACTION__ACTION_DISCREET_CHECK || action == LIAISON__ACTION__ACTION_INQUIRY_CHECK ||
	       action == LIAISON__ACTION__ACTION_SPECIFIC_CHECK;
}

int64_t
admission_expiry_limit(const struct admission_limits *limits, const Liaison__Alert *alert, int64_t sent)
{
	int64_t max_ms = alert->has_kind ? limits->expires_max_ms[(unsigned)alert->kind & 31] : 0;
	bool checks_only = alert->n_action > 0;

	for (size_t i = 0; i < alert->n_action; i++)
		checks_only = checks_only && is_check(alert->action[i]);
	if (checks_only && limits->discreet_check_max_ms < max_ms)
		max_ms = limits->discreet_check_max_ms;
	return sent + max_ms;
}

void
admit_warn(const struct admit_question *question, const char *format, ...)
{
	char sentence[LIAISON_FAULT_BYTES];
	struct fault joined;
	va_list args;

	if (question->warning == NULL)
		return;
	va_start(args, format);
	vsnprintf(sentence, sizeof sentence, format, args);
	va_end(args);
	fault_set(&joined, LIAISON_OK, "%s%s%s", question->warning, question->warning[0] != '\0' ? "; " : "", sentence);
	memcpy(question->warning, joined.message, sizeof joined.message);
}

const char *
kind_text(Liaison__Kind kind)
{
	const char *name = json_enum_name(&liaison__kind__descriptor, (int)kind);

	return name ? name : "?";
}

const char *
message_text(Liaison__MessageType message)
{
	const char *name = json_enum_name(&liaison__message_type__descriptor, (int)message);

	return name ? name : "?";
}

enum liaison_err
admit_signer(const struct admitted *admitted, const struct key_id *key_id, const char *connected,
	const struct trust *trust, int64_t now, struct public_key *key, struct fault *fault)
{
	const char *id = admitted->facts->id.office.text;
	const struct office *office = trust_office(trust, id);

	if (office == NULL)
		return fault_set(fault, LIAISON_UNKNOWN_OFFICE, "id: no roster names the office %s", id);
	if (strcmp(id, connected) != 0)
		return fault_set(
			fault, LIAISON_NOT_PERMITTED, "id: is of %s, but the one that sends it is %s", id, connected);
	switch (trust_roster_state(trust, office->member, now)) {
	case ROSTER_VALID:
	case ROSTER_GRACE: break;
	case ROSTER_EXPIRED:
	case ROSTER_NONE:
		return fault_set(fault, LIAISON_ROSTER_EXPIRED,
			"the roster of %s has expired; its authority must sign a new one", office->member->code);
	}
	if (office_is_suspended(office, now))
		return fault_set(fault, LIAISON_NOT_PERMITTED, "%s is suspended", id);
	return office_key(office, KEY_SIGNING, key_id, now, key, fault);
}

enum liaison_err
admit_content(const struct admitted *admitted, const struct trust *trust, const struct crossings *crossings,
	const struct admission_limits *limits, int64_t now, struct fault *fault, char warning[LIAISON_FAULT_BYTES])
{
	static enum liaison_err (*const steps[])(const struct admit_question *) = {
		admit_permission,
		admit_times,
		admit_identifiers,
		admit_codes,
		admit_kind,
		admit_handling,
		admit_victims,
		admit_supported,
	};
	const struct admit_question question = {
		.alert = admitted->alert,
		.facts = admitted->facts,
		.trust = trust,
		.office = trust_office(trust, admitted->facts->id.office.text),
		.crossings = crossings,
		.limits = limits,
		.now = now,
		.fault = fault,
		.warning = warning,
	};
	enum liaison_err err = LIAISON_OK;

	if (warning != NULL)
		warning[0] = '\0';
	if (question.office == NULL)
		return fault_set(fault, LIAISON_UNKNOWN_OFFICE, "id: no roster names the office %s",
			admitted->facts->id.office.text);
	for (size_t i = 0; err == LIAISON_OK && i < sizeof steps / sizeof steps[0]; i++)
		err = steps[i](&question);
	return err;
}
