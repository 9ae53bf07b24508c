#include "proto/admit_fields.h"
#include "proto/admit_rules.h"
#include "proto/identifiers/container.h"
#include "proto/identifiers/country.h"
#include "proto/identifiers/imo.h"
#include "proto/identifiers/mrz.h"
#include "proto/identifiers/vin.h"

#include <string.h>

#define NUMBER_BYTES 132

static enum liaison_err
check_document_country(const struct admit_question *question)
{
	const Liaison__Alert *alert = question->alert;
	const char *member = question->office->member->code;
	char country[8] = {0};

	for (size_t i = 0; member[i] != '\0' && i + 1 < sizeof country; i++)
		country[i] = (char)(member[i] & ~0x20);
	for (size_t i = 0; i < alert->n_subjects; i++) {
		const Liaison__Subject *subject = alert->subjects[i];
		if (subject->subject_case != LIAISON__SUBJECT__SUBJECT_DOCUMENT || subject->document->issuer == NULL)
			continue;
		if (strcmp(subject->document->issuer, country) != 0)
			return fault_set(question->fault, LIAISON_BAD_IDENTIFIER,
				"subjects[%zu].document.issuer: is %.8s; an office of %s reports documents of %s only",
				i, subject->document->issuer, country, country);
	}
	return LIAISON_OK;
}

/* What the zone says and what stands beside it must be one document. */
static enum liaison_err
check_mrz(const struct path *path, const Liaison__Document *document, struct fault *fault)
{
	struct fault why;
	struct mrz mrz;
	char given[NUMBER_BYTES], printed[NUMBER_BYTES];

	if (mrz_parse(document->mrz, &mrz, &why) != LIAISON_OK)
		return path_fault(path, fault, LIAISON_BAD_IDENTIFIER, "mrz: %s", why.message);
	if (document->number != NULL &&
		(identifier_normalise(document->number, given, sizeof given) != LIAISON_OK ||
			identifier_normalise(mrz.number, printed, sizeof printed) != LIAISON_OK ||
			strcmp(given, printed) != 0))
		return path_fault(path, fault, LIAISON_BAD_IDENTIFIER,
			"mrz: has document number %s, but `number` is %.40s", mrz.number, document->number);
	const char *issuer = country_of_travel_code(mrz.issuer);
	if (document->issuer != NULL && issuer != NULL && strcmp(issuer, document->issuer) != 0)
		return path_fault(path, fault, LIAISON_BAD_IDENTIFIER, "mrz: is of %s, but `issuer` is %.8s", issuer,
			document->issuer);
	return LIAISON_OK;
}

static enum liaison_err
check_message(void *arg, const struct path *path, const ProtobufCMessage *message, const struct message_rule *rule)
{
	const struct admit_question *question = arg;

	(void)rule;
	if (message->descriptor != &liaison__document__descriptor)
		return LIAISON_OK;
	const Liaison__Document *document = (const Liaison__Document *)message;
	return document->mrz != NULL ? check_mrz(path, document, question->fault) : LIAISON_OK;
}

static bool
is_of(const char *text, const char *allowed, size_t least, size_t most)
{
	size_t len = strlen(text);

	return len >= least && len <= most && strspn(text, allowed) == len;
}

static enum liaison_err
take_verdict(const struct admit_question *question, const struct path *path, enum identifier_verdict verdict,
	const struct fault *why)
{
	char where[PATH_BYTES];

	switch (verdict) {
	case IDENTIFIER_VALID: return LIAISON_OK;
	case IDENTIFIER_WARN:
		path_format(path, where);
		admit_warn(question, "%s: %s", where, why->message);
		return LIAISON_OK;
	case IDENTIFIER_INVALID: break;
	}
	return path_fault(path, question->fault, LIAISON_BAD_IDENTIFIER, "%s", why->message);
}

static enum liaison_err
check_value(void *arg, const struct path *path, const struct field_rule *rule, const ProtobufCFieldDescriptor *field,
	const void *value)
{
	const struct admit_question *question = arg;
	struct fault why = {.message = ""};
	char normal[NUMBER_BYTES];

	if (field->type != PROTOBUF_C_TYPE_STRING)
		return LIAISON_OK;
	const char *text = *(const char *const *)value;
	switch (rule->form) {
	case FORM_VIN: return take_verdict(question, path, vin_check(text, &why), &why);
	case FORM_IMO: return take_verdict(question, path, imo_check(text, NULL, &why), &why);
	case FORM_CONTAINER: return take_verdict(question, path, container_check(text, NULL, &why), &why);
	case FORM_NUMBER:
		if (identifier_normalise(text, normal, sizeof normal) != LIAISON_OK)
			return path_fault(path, question->fault, LIAISON_BAD_IDENTIFIER,
				"\"%.40s\" has no letter or digit", text);
		return LIAISON_OK;
	case FORM_MMSI:
		if (!is_of(text, "0123456789", 9, 9))
			return path_fault(path, question->fault, LIAISON_BAD_IDENTIFIER,
				"\"%.40s\" is not an MMSI, which has nine digits", text);
		return LIAISON_OK;
	case FORM_CALL_SIGN:
		if (!is_of(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 3, 8))
			return path_fault(path, question->fault, LIAISON_BAD_IDENTIFIER,
				"\"%.40s\" is not a call sign, which has three to eight of A-Z and 0-9", text);
		return LIAISON_OK;
	default: return LIAISON_OK;
	}
}

enum liaison_err
admit_identifiers(const struct admit_question *question)
{
	const struct walker walker = {
		.message = check_message, .value = check_value, .arg = (void *)(uintptr_t)question};
	const Liaison__Alert *alert = question->alert;
	enum liaison_err err = LIAISON_OK;

	if (alert->n_subjects == 0)
		return LIAISON_OK;
	if (question->facts->kind == LIAISON__KIND__KIND_DOCUMENT)
		err = check_document_country(question);
	return err == LIAISON_OK ? body_walk(&alert->base, &walker) : err;
}
