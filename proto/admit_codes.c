#include "proto/admit_fields.h"
#include "proto/admit_rules.h"
#include "proto/identifiers/country.h"
#include "proto/identifiers/lang.h"
#include "proto/reflect.h"

#include <stdio.h>
#include <string.h>

#define QUANTITY_MAX 1e12

/* --- what a message cannot do without -------------------------------------------------------------------------------- */

static bool
is_there(const ProtobufCMessage *message, unsigned position)
{
	return reflect_count(message, &message->descriptor->fields[position]) > 0;
}

static enum liaison_err
fault_any_of(const struct path *path, const struct message_rule *rule, struct fault *fault)
{
	char names[120] = "";
	size_t len = 0;

	for (unsigned i = 0; i < rule->descriptor->n_fields && len < sizeof names; i++) {
		if ((rule->any_of & UINT32_C(1) << i) == 0)
			continue;
		int wrote = snprintf(names + len, sizeof names - len, "%s%s", len ? ", " : "", rule->fields[i].name);
		len += wrote > 0 ? (size_t)wrote : 0;
	}
	return path_fault(path, fault, LIAISON_BAD_CODE, "says nothing; it needs one of %s", names);
}

static enum liaison_err
check_message(void *arg, const struct path *path, const ProtobufCMessage *message, const struct message_rule *rule)
{
	const struct admit_question *question = arg;
	bool has_any = rule->any_of == 0;

	for (unsigned i = 0; i < rule->descriptor->n_fields; i++) {
		bool there = is_there(message, i);
		if (rule->fields[i].is_needed && !there)
			return path_fault(
				path, question->fault, LIAISON_BAD_CODE, "%s is missing", rule->fields[i].name);
		has_any = has_any || (there && (rule->any_of & UINT32_C(1) << i) != 0);
	}
	return has_any ? LIAISON_OK : fault_any_of(path, rule, question->fault);
}

/* --- one value -------------------------------------------------------------------------------------------------------- */

static bool
is_digits(const char *text, size_t count)
{
	return strspn(text, "0123456789") >= count;
}

static int
number_of(const char *text, size_t digits)
{
	int number = 0;

	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (text[i] - '0');
	return number;
}

static int
days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && is_leap ? 29 : days[month - 1];
}

/* YYYY-MM-DD, or where `may_be_partial` YYYY or YYYY-MM. */
static bool
is_date(const char *text, bool may_be_partial)
{
	size_t len = strlen(text);

	if ((len != 10 && !may_be_partial) || (len != 4 && len != 7 && len != 10))
		return false;
	if (!is_digits(text, 4) || number_of(text, 4) < 1800)
		return false;
	if (len == 4)
		return true;
	if (text[4] != '-' || !is_digits(text + 5, 2) || number_of(text + 5, 2) < 1 || number_of(text + 5, 2) > 12)
		return false;
	if (len == 7)
		return true;
	return text[7] == '-' && is_digits(text + 8, 2) && number_of(text + 8, 2) >= 1 &&
	       number_of(text + 8, 2) <= days_of_month(number_of(text, 4), number_of(text + 5, 2));
}

/* A birth date or a part of one, not after the day on which the alert was sent (anywhere on earth). */
static bool
is_past_date(const char *text, int64_t sent)
{
	char latest[RFC3339_BYTES];

	time_format(sent + MS_PER_DAY, latest);
	return is_date(text, true) && strncmp(text, latest, strlen(text)) <= 0;
}

/* E.164: '+' and up to 15 digits; the shortest in use have seven. */
static bool
is_phone(const char *text)
{
	size_t len = strlen(text);

	return len >= 8 && len <= 16 && text[0] == '+' && text[1] != '0' && strspn(text + 1, "0123456789") == len - 1;
}

/* ISO 15924, by form: "Khmr". */
static bool
is_script(const char *text)
{
	return strlen(text) == 4 && text[0] >= 'A' && text[0] <= 'Z' &&
	       strspn(text + 1, "abcdefghijklmnopqrstuvwxyz") == 3;
}

/* Chapter, heading, subheading, national digits. */
static bool
is_hs(const char *text)
{
	size_t len = strlen(text);

	return len >= 2 && len <= 12 && len % 2 == 0 && strspn(text, "0123456789") == len;
}

static enum liaison_err
fault_crossing(const struct admit_question *question, const struct path *path, const char *text)
{
	/*
	 * Near names are looked for where a person hears of it, as warnings are: the search costs as much as a dozen
	 * signatures, and a broker would pay it for each alert of a batch that somebody fills with bad ones.
	 */
	const struct crossing *near =
		question->warning != NULL ? crossings_nearest_name(question->crossings, text) : NULL;

	if (near != NULL)
		return path_fault(path, question->fault, LIAISON_BAD_CODE,
			"\"%.48s\" is no crossing of the register; did you mean %s?", text, near->id);
	return path_fault(path, question->fault, LIAISON_BAD_CODE, "\"%.48s\" is no crossing of the register", text);
}

static enum liaison_err
check_text(const struct admit_question *question, const struct path *path, enum field_form form, const char *text)
{
	const char *flaw = NULL;
	struct alert_id id;

	switch (form) {
	case FORM_COUNTRY:
		flaw = country_is_known(text) ? NULL
					      : "is not a country's code of ISO 3166-1, two capital letters as KH";
		break;
	case FORM_CROSSING:
		if (crossings_find(question->crossings, text) == NULL)
			return fault_crossing(question, path, text);
		break;
	case FORM_ADDRESS: flaw = address_is_valid(text) ? NULL : "is not an address, as kh.blo is"; break;
	case FORM_ALERT_ID:
		flaw = alert_id_parse(text, &id, NULL) == LIAISON_OK ? NULL
								     : "is not an alert id, as kh.blo.poipet/42 is";
		break;
	case FORM_LANG: flaw = lang_tag_is_valid(text) ? NULL : "is not a language tag, as th or zh-Hant is"; break;
	case FORM_SCRIPT: flaw = is_script(text) ? NULL : "is not a script's code of ISO 15924, as Khmr is"; break;
	case FORM_PHONE:
		flaw = is_phone(text) ? NULL : "is not a number of E.164: + and 7 to 15 digits, nothing else";
		break;
	case FORM_DATE: flaw = is_date(text, false) ? NULL : "is not a date, YYYY-MM-DD"; break;
	case FORM_BIRTH_DATE:
		flaw = is_past_date(text, question->alert->sent) ? NULL : "is not a past YYYY, YYYY-MM or YYYY-MM-DD";
		break;
	case FORM_HS:
		flaw = is_hs(text) ? NULL : "is not a code of the Harmonized System: 2 to 12 digits, in pairs";
		break;
	default: break;
	}
	if (flaw != NULL)
		return path_fault(path, question->fault, LIAISON_BAD_CODE, "\"%.64s\" %s", text, flaw);
	return LIAISON_OK;
}

static enum liaison_err
check_value(void *arg, const struct path *path, const struct field_rule *rule, const ProtobufCFieldDescriptor *field,
	const void *value)
{
	const struct admit_question *question = arg;

	if (field->type == PROTOBUF_C_TYPE_STRING)
		return check_text(question, path, rule->form, *(const char *const *)value);
	if (rule->form == FORM_QUANTITY && !(*(const double *)value > 0 && *(const double *)value <= QUANTITY_MAX))
		return path_fault(path, question->fault, LIAISON_BAD_CODE,
			"%g is not a quantity; leave it out if unknown", *(const double *)value);
	return LIAISON_OK;
}

enum liaison_err
admit_codes(const struct admit_question *question)
{
	const struct walker walker = {
		.message = check_message, .value = check_value, .arg = (void *)(uintptr_t)question};

	return body_walk(&question->alert->base, &walker);
}
