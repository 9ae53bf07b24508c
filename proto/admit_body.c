#include "proto/admit_fields.h"
#include "proto/admit_rules.h"
#include "proto/json.h"
#include "proto/reflect.h"
#include "proto/scan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- presence ------------------------------------------------------------------------------------------------------- */

enum presence_column { COLUMN_ALERT, COLUMN_UPDATE, COLUMN_SEALED, COLUMN_SEALED_UPDATE, COLUMN_NOTICE, COLUMN_REPLY };

static const char *const column_names[] = {
	[COLUMN_ALERT] = "an ALERT",
	[COLUMN_UPDATE] = "an UPDATE",
	[COLUMN_SEALED] = "a sealed ALERT",
	[COLUMN_SEALED_UPDATE] = "a sealed UPDATE",
	[COLUMN_NOTICE] = "a notice (CANCEL, REDACT, SUPERSEDED)",
	[COLUMN_REPLY] = "a reply",
};

/*
 * For each field of an Alert, in the schema's order: R required, O optional, - must not be there. Columns: ALERT, UPDATE,
 * sealed ALERT, sealed UPDATE, notice, reply. What a sealed alert must not have stands inside `sealed`. A kind may need
 * more (admit_kind.c).
 */
static const char *const presence[] = {
	"RRRRRR", /* salt */
	"RRRRRR", /* id */
	"RRRRRR", /* sent */
	"RRRRRR", /* status */
	"RRRRRR", /* message */
	"-R-RRR", /* references: exactly one */
	"----R-", /* reason */
	"OOOO--", /* effective */
	"OOOO--", /* onset */
	"RRRR--", /* expires */
	"OOOO--", /* reviewBy */
	"OOOO--", /* respondBy */
	"OOOO--", /* incident */
	"OOOO--", /* links */
	"OOOO--", /* author */
	"OOOO--", /* contact */
	"RRRR--", /* kind */
	"RR----", /* crime */
	"RRRR--", /* urgency */
	"RRRR--", /* severity */
	"RRRR--", /* certainty */
	"RRRR--", /* source */
	"RRRR--", /* information */
	"OO----", /* action */
	"OO----", /* warning */
	"OO----", /* doNotAlertSubject */
	"OO----", /* legalBasis */
	"OOOO--", /* where: of a sealed one, countries alone */
	"OO----", /* texts */
	"OO----", /* subjects */
	"OO----", /* counts */
	"RRRR--", /* handling */
	"OOOO--", /* attachments */
	"--RR-R", /* sealed */
	"------", /* hit: always sealed, as are the four that follow */
	"------", /* flag */
	"------", /* ack */
	"------", /* request */
	"------", /* answer */
};

bool
message_is_notice(Liaison__MessageType message)
{
	return message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL ||
	       message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT ||
	       message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_SUPERSEDED;
}

bool
message_is_reply(Liaison__MessageType message)
{
	return message >= LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_HIT;
}

static enum presence_column
column_of(Liaison__MessageType message, bool is_sealed)
{
	if (message_is_reply(message))
		return COLUMN_REPLY;
	if (message_is_notice(message))
		return COLUMN_NOTICE;
	if (message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE)
		return is_sealed ? COLUMN_SEALED_UPDATE : COLUMN_UPDATE;
	return is_sealed ? COLUMN_SEALED : COLUMN_ALERT;
}

enum field_presence
admission_presence(Liaison__MessageType message, bool is_sealed, unsigned field)
{
	assert(field < sizeof presence / sizeof presence[0]);
	switch (presence[field][column_of(message, is_sealed)]) {
	case 'R': return FIELD_REQUIRED;
	case 'O': return FIELD_OPTIONAL;
	default: return FIELD_FORBIDDEN;
	}
}

/* Says where the field belongs instead. */
static enum liaison_err
fault_forbidden(const char *name, const char *row, enum presence_column column, struct fault *fault)
{
	const char *home = strncmp(row, "----", 4) == 0 && row[COLUMN_NOTICE] != '-' ? "; it belongs in notices" : "";

	if (column != COLUMN_REPLY && column != COLUMN_NOTICE && strcmp(row, "------") == 0)
		home = "; it belongs in a reply, and there inside `sealed`";
	else if ((column == COLUMN_SEALED || column == COLUMN_SEALED_UPDATE) && row[COLUMN_ALERT] != '-')
		home = "; it belongs inside `sealed`";
	return fault_set(fault, LIAISON_BAD_CODE, "%s: must not be in %s%s", name, column_names[column], home);
}

static enum liaison_err
check_presence(const Liaison__Alert *alert, struct fault *fault)
{
	const ProtobufCMessageDescriptor *descriptor = &liaison__alert__descriptor;
	const struct field_rule *fields = message_rule_of(descriptor)->fields;
	enum presence_column column = column_of(alert->message, alert->sealed != NULL);

	assert(sizeof presence / sizeof presence[0] == descriptor->n_fields);
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		size_t count = reflect_count(&alert->base, &descriptor->fields[i]);
		char rule = presence[i][column];
		if (rule == 'R' && count == 0)
			return fault_set(fault, LIAISON_BAD_CODE, "%s: is missing; %s needs it", fields[i].name,
				column_names[column]);
		if (rule == '-' && count > 0)
			return fault_forbidden(fields[i].name, presence[i], column, fault);
	}
	const Liaison__Where *where = alert->sealed ? alert->where : NULL;
	if (where != NULL && (where->n_crossings || where->n_circles || where->n_polygons || where->n_legs))
		return fault_set(fault, LIAISON_BAD_CODE,
			"where: only countries stand outside of a sealed alert; the rest belongs inside `sealed`");
	return LIAISON_OK;
}

/* What everything later counts on: who, when, which message. */
static enum liaison_err
check_identity(const Liaison__Alert *alert, struct fault *fault)
{
	struct alert_id id;
	enum liaison_err err;

	if (!alert->has_salt || alert->salt.len != SALT_BYTES)
		return fault_set(fault, LIAISON_MALFORMED, "salt: must be %d bytes", SALT_BYTES);
	if (alert->id == NULL || !alert->has_sent || !alert->has_status || !alert->has_message)
		return fault_set(fault, LIAISON_MALFORMED, "id, sent, status and message must be there");
	err = alert_id_parse(alert->id, &id, fault);
	if (err != LIAISON_OK)
		return err;
	if (id.is_reply != message_is_reply(alert->message))
		return fault_set(fault, LIAISON_MALFORMED, "id: %s is %s number, the message is %s", alert->id,
			id.is_reply ? "a reply's" : "an alert's", message_text(alert->message));
	return LIAISON_OK;
}

/* --- lengths and positions ------------------------------------------------------------------------------------------ */

static enum liaison_err
check_list(void *arg, const struct path *path, const struct field_rule *rule, size_t count)
{
	if (count > rule->max_values)
		return path_fault(path, arg, LIAISON_TOO_LARGE, "%zu values; at most %u are allowed", count,
			(unsigned)rule->max_values);
	return LIAISON_OK;
}

static enum liaison_err
check_string(const struct path *path, const struct field_rule *rule, const char *text, struct fault *fault)
{
	size_t chars = 0;

	if (text[0] == '\0')
		return path_fault(path, fault, LIAISON_BAD_CODE, "is empty; leave it out");
	for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
		bool is_break = *at == '\n' && (rule->form == FORM_TEXT || rule->form == FORM_MRZ);
		/* C0, DEL, and C1, which UTF-8 writes as C2 80 to C2 9F: a terminal would act on them. */
		bool is_control = (*at < 0x20 && !is_break) || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0);
		if (is_control)
			return path_fault(
				path, fault, LIAISON_BAD_CODE, "has a control character at character %zu", chars + 1);
		chars += (*at & 0xc0) != 0x80;
	}
	if (chars > rule->max)
		return path_fault(path, fault, LIAISON_TOO_LARGE, "%zu characters; at most %u are allowed", chars,
			(unsigned)rule->max);
	return LIAISON_OK;
}

static enum liaison_err
check_bytes(
	const struct path *path, const struct field_rule *rule, const ProtobufCBinaryData *bytes, struct fault *fault)
{
	if (rule->form == FORM_BYTES && bytes->len != rule->max)
		return path_fault(
			path, fault, LIAISON_BAD_CODE, "%zu bytes; must be %u", bytes->len, (unsigned)rule->max);
	if (bytes->len == 0)
		return path_fault(path, fault, LIAISON_BAD_CODE, "is empty; leave it out");
	if (bytes->len > rule->max)
		return path_fault(path, fault, LIAISON_TOO_LARGE, "%zu bytes; at most %u are allowed", bytes->len,
			(unsigned)rule->max);
	return LIAISON_OK;
}

static enum liaison_err
check_number(const struct path *path, const struct field_rule *rule, const void *value, struct fault *fault)
{
	switch (rule->form) {
	case FORM_LAT:
		if (!area_point_is_valid(*(const double *)value, 0))
			return path_fault(path, fault, LIAISON_BAD_CODE, "%g is not a latitude; -90 to 90 are",
				*(const double *)value);
		return LIAISON_OK;
	case FORM_LON:
		if (!area_point_is_valid(0, *(const double *)value))
			return path_fault(path, fault, LIAISON_BAD_CODE, "%g is not a longitude; -180 to 180 are",
				*(const double *)value);
		return LIAISON_OK;
	case FORM_RADIUS_KM:
		if (!(*(const double *)value >= 0 && *(const double *)value <= CIRCLE_KM_MAX))
			return path_fault(path, fault, LIAISON_BAD_CODE,
				"%g is not a radius in kilometres from 0 to %d", *(const double *)value, CIRCLE_KM_MAX);
		return LIAISON_OK;
	case FORM_TIME:
		if (!time_is_valid(*(const int64_t *)value))
			return path_fault(path, fault, LIAISON_BAD_CODE, "is not a time of the years 1 to 9999");
		return LIAISON_OK;
	default: return LIAISON_OK;
	}
}

static enum liaison_err
check_value(void *arg, const struct path *path, const struct field_rule *rule, const ProtobufCFieldDescriptor *field,
	const void *value)
{
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return check_string(path, rule, *(const char *const *)value, arg);
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return check_bytes(path, rule, value, arg);
	return check_number(path, rule, value, arg);
}

/* A ring of fewer points has no inside. */
static enum liaison_err
check_polygons(const Liaison__Where *where, struct fault *fault)
{
	for (size_t i = 0; where != NULL && i < where->n_polygons; i++)
		if (where->polygons[i]->n_points < 3)
			return fault_set(fault, LIAISON_BAD_CODE,
				"where.polygons[%zu].points: %zu; a polygon has three or more", i,
				where->polygons[i]->n_points);
	return LIAISON_OK;
}

/* --- the step -------------------------------------------------------------------------------------------------------- */

/* `allocator` NULL: from malloc. */
static enum liaison_err
admit_body_with(ProtobufCAllocator *allocator, const uint8_t *body, size_t len, const struct crossings *crossings,
	struct admitted *out, struct fault *fault)
{
	const struct walker lengths = {.list = check_list, .value = check_value, .arg = fault};
	struct admitted admitted = {.alert_is_borrowed = allocator != NULL};
	enum liaison_err err = scan_canonical(&liaison__alert__descriptor, body, len, fault);

	if (err != LIAISON_OK)
		return err;
	admitted.alert = liaison__alert__unpack(allocator, len, body);
	if (admitted.alert == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	err = check_identity(admitted.alert, fault);
	if (err == LIAISON_OK)
		err = check_presence(admitted.alert, fault);
	if (err == LIAISON_OK)
		err = body_walk(&admitted.alert->base, &lengths);
	if (err == LIAISON_OK)
		err = check_polygons(admitted.alert->where, fault);
	if (err == LIAISON_OK)
		err = facts_new(admitted.alert, crossings, &admitted.facts, fault);
	if (err != LIAISON_OK) {
		admitted_clear(&admitted);
		return err;
	}
	envelope_body_hash(body, len, &admitted.body_hash);
	*out = admitted;
	return LIAISON_OK;
}

enum liaison_err
admit_body(
	const uint8_t *body, size_t len, const struct crossings *crossings, struct admitted *out, struct fault *fault)
{
	return admit_body_with(NULL, body, len, crossings, out, fault);
}

enum liaison_err
admit_body_in(struct arena *arena, const uint8_t *body, size_t len, const struct crossings *crossings,
	struct admitted *out, struct fault *fault)
{
	return admit_body_with(&arena->allocator, body, len, crossings, out, fault);
}

void
admitted_clear(struct admitted *admitted)
{
	if (admitted->alert != NULL && !admitted->alert_is_borrowed)
		liaison__alert__free_unpacked(admitted->alert, NULL);
	facts_free(admitted->facts);
	*admitted = (struct admitted){0};
}
