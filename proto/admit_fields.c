#include "proto/admit_fields.h"

#include "proto/alert.pb-c.h"
#include "proto/reflect.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/*
 * Columns: name, form, longest (characters, or bytes of a blob), most values of a list, needed. The lengths leave room
 * for scripts that need more characters than English, and keep any single field from filling the 64 KiB of a body. Codes
 * and identifiers have lengths of their own, which their forms check; here they are only kept from being absurd.
 */

static const struct field_rule link_fields[] = {
	{"id", FORM_ALERT_ID, 100, 0, true},
	{"type", FORM_ANY, 0, 0, true},
};

static const struct field_rule contact_fields[] = {
	{"phone", FORM_PHONE, 64, 0, false},
	{"hours", FORM_LINE, 80, 0, false},
	{"langs", FORM_LANG, 64, 16, false},
};

static const struct field_rule legal_basis_fields[] = {
	{"authority", FORM_LINE, 200, 0, true},
	{"reference", FORM_LINE, 100, 0, true},
	{"date", FORM_DATE, 64, 0, true},
	{"offence", FORM_LINE, 300, 0, true},
};

static const struct field_rule point_fields[] = {
	{"lat", FORM_LAT, 0, 0, true},
	{"lon", FORM_LON, 0, 0, true},
};

static const struct field_rule circle_fields[] = {
	{"lat", FORM_LAT, 0, 0, true},
	{"lon", FORM_LON, 0, 0, true},
	{"km", FORM_RADIUS_KM, 0, 0, true},
};

static const struct field_rule polygon_fields[] = {
	{"points", FORM_ANY, 0, 500, true},
};

static const struct field_rule place_fields[] = {
	{"name", FORM_LINE, 120, 0, false},
	{"lat", FORM_LAT, 0, 0, false},
	{"lon", FORM_LON, 0, 0, false},
	{"crossing", FORM_CROSSING, 64, 0, false},
};

static const struct field_rule leg_fields[] = {
	{"from", FORM_ANY, 0, 0, false},
	{"to", FORM_ANY, 0, 0, false},
	{"mode", FORM_ANY, 0, 0, false},
	{"crossing", FORM_CROSSING, 64, 0, false},
	{"start", FORM_TIME, 0, 0, false},
	{"end", FORM_TIME, 0, 0, false},
};

static const struct field_rule where_fields[] = {
	{"countries", FORM_COUNTRY, 64, 250, false},
	{"crossings", FORM_CROSSING, 64, 100, false},
	{"circles", FORM_ANY, 0, 100, false},
	{"polygons", FORM_ANY, 0, 50, false},
	{"legs", FORM_ANY, 0, 100, false},
};

static const struct field_rule text_fields[] = {
	{"lang", FORM_LANG, 64, 0, true},
	{"headline", FORM_LINE, 160, 0, true},
	{"description", FORM_TEXT, 4000, 0, false},
	{"instruction", FORM_TEXT, 2000, 0, false},
};

static const struct field_rule person_name_fields[] = {
	{"full", FORM_LINE, 200, 0, false},
	{"given", FORM_LINE, 100, 0, false},
	{"family", FORM_LINE, 100, 0, false},
	{"script", FORM_SCRIPT, 64, 0, false},
	{"type", FORM_ANY, 0, 0, false},
};

static const struct field_rule document_fields[] = {
	{"issuer", FORM_COUNTRY, 64, 0, false},
	{"type", FORM_ANY, 0, 0, false},
	{"number", FORM_NUMBER, 32, 0, false},
	{"mrz", FORM_MRZ, 128, 0, false},
	{"state", FORM_ANY, 0, 0, false},
};

static const struct field_rule person_fields[] = {
	{"names", FORM_ANY, 0, 32, false},
	{"sex", FORM_ANY, 0, 0, false},
	{"birthDate", FORM_BIRTH_DATE, 64, 0, false},
	{"nationalities", FORM_COUNTRY, 64, 16, false},
	{"documents", FORM_ANY, 0, 16, false},
	{"marks", FORM_LINE, 200, 32, false},
	{"thumbnail", FORM_BLOB, 8192, 0, false},
};

static const struct field_rule protected_person_fields[] = {
	{"names", FORM_ANY, 0, 32, false},
	{"ageBand", FORM_ANY, 0, 0, false},
	{"consent", FORM_ANY, 0, 0, false},
	{"referralContact", FORM_ANY, 0, 0, false},
	{"class", FORM_ANY, 0, 0, false},
};

static const struct field_rule vehicle_fields[] = {
	{"plate", FORM_NUMBER, 32, 0, false},
	{"country", FORM_COUNTRY, 64, 0, false},
	{"vin", FORM_VIN, 64, 0, false},
	{"make", FORM_LINE, 80, 0, false},
	{"colour", FORM_LINE, 40, 0, false},
};

static const struct field_rule vessel_fields[] = {
	{"name", FORM_LINE, 80, 0, false},
	{"flag", FORM_COUNTRY, 64, 0, false},
	{"imo", FORM_IMO, 64, 0, false},
	{"mmsi", FORM_MMSI, 64, 0, false},
	{"callSign", FORM_CALL_SIGN, 64, 0, false},
};

static const struct field_rule container_fields[] = {
	{"number", FORM_CONTAINER, 64, 0, true},
};

static const struct field_rule consignment_fields[] = {
	{"substance", FORM_LINE, 200, 0, false},
	{"species", FORM_LINE, 120, 0, false},
	{"hs", FORM_HS, 64, 0, false},
	{"form", FORM_ANY, 0, 0, false},
	{"quantity", FORM_QUANTITY, 0, 0, false},
	{"unit", FORM_ANY, 0, 0, false},
	{"concealment", FORM_LINE, 300, 0, false},
};

static const struct field_rule subject_fields[] = {
	{"person", FORM_ANY, 0, 0, false},
	{"protectedPerson", FORM_ANY, 0, 0, false},
	{"vehicle", FORM_ANY, 0, 0, false},
	{"vessel", FORM_ANY, 0, 0, false},
	{"container", FORM_ANY, 0, 0, false},
	{"document", FORM_ANY, 0, 0, false},
	{"consignment", FORM_ANY, 0, 0, false},
};

static const struct field_rule count_fields[] = {
	{"category", FORM_ANY, 0, 0, true},
	{"number", FORM_ANY, 0, 0, true},
};

static const struct field_rule handling_fields[] = {
	{"level", FORM_ANY, 0, 0, true},
	{"countries", FORM_COUNTRY, 64, 250, false},
	{"offices", FORM_ADDRESS, 100, 400, false},
	{"everyone", FORM_ANY, 0, 0, false},
	{"ownCountry", FORM_ANY, 0, 0, false},
	{"onward", FORM_ANY, 0, 0, false},
	{"use", FORM_ANY, 0, 0, false},
	{"keepUntil", FORM_TIME, 0, 0, false},
};

static const struct field_rule attachment_fields[] = {
	{"mediaType", FORM_LINE, 100, 0, true},
	{"bytes", FORM_ANY, 0, 0, true},
	{"digest", FORM_BYTES, 32, 0, true},
	{"name", FORM_LINE, 200, 0, false},
};

static const struct field_rule sealed_key_fields[] = {
	{"office", FORM_ADDRESS, 100, 0, true},
	{"key", FORM_BYTES, 16, 0, true},
	{"box", FORM_BYTES, 80, 0, true},
};

static const struct field_rule sealed_fields[] = {
	{"recipients", FORM_ANY, 0, 400, true},
	{"nonce", FORM_BYTES, 24, 0, true},
	{"ciphertext", FORM_BLOB, 65536, 0, true},
	{"commitment", FORM_BYTES, 32, 0, true},
};

static const struct field_rule hit_fields[] = {
	{"subject", FORM_ANY, 0, 0, false},
	{"at", FORM_TIME, 0, 0, false},
	{"where", FORM_ANY, 0, 0, false},
	{"found", FORM_TEXT, 2000, 0, false},
	{"actionTaken", FORM_ANY, 0, 0, false},
	{"contact", FORM_ANY, 0, 0, false},
	{"note", FORM_TEXT, 2000, 0, false},
};

static const struct field_rule flag_fields[] = {
	{"reason", FORM_ANY, 0, 0, false},
	{"until", FORM_TIME, 0, 0, false},
	{"note", FORM_TEXT, 2000, 0, false},
};

static const struct field_rule ack_fields[] = {
	{"type", FORM_ANY, 0, 0, false},
	{"by", FORM_LINE, 100, 0, false},
	{"alerts", FORM_BYTES, 32, 1024, false},
};

static const struct field_rule request_fields[] = {
	{"question", FORM_TEXT, 2000, 0, false},
	{"respondBy", FORM_TIME, 0, 0, false},
};

static const struct field_rule answer_fields[] = {
	{"text", FORM_TEXT, 4000, 0, false},
};

static const struct field_rule alert_fields[] = {
	{"salt", FORM_BYTES, 16, 0, false},
	{"id", FORM_ALERT_ID, 100, 0, false},
	{"sent", FORM_TIME, 0, 0, false},
	{"status", FORM_ANY, 0, 0, false},
	{"message", FORM_ANY, 0, 0, false},
	{"references", FORM_ALERT_ID, 100, 1, false},
	{"reason", FORM_ANY, 0, 0, false},
	{"effective", FORM_TIME, 0, 0, false},
	{"onset", FORM_TIME, 0, 0, false},
	{"expires", FORM_TIME, 0, 0, false},
	{"reviewBy", FORM_TIME, 0, 0, false},
	{"respondBy", FORM_TIME, 0, 0, false},
	{"incident", FORM_LINE, 100, 0, false},
	{"links", FORM_ANY, 0, 64, false},
	{"author", FORM_LINE, 100, 0, false},
	{"contact", FORM_ANY, 0, 0, false},
	{"kind", FORM_ANY, 0, 0, false},
	{"crime", FORM_ANY, 0, 12, false},
	{"urgency", FORM_ANY, 0, 0, false},
	{"severity", FORM_ANY, 0, 0, false},
	{"certainty", FORM_ANY, 0, 0, false},
	{"source", FORM_ANY, 0, 0, false},
	{"information", FORM_ANY, 0, 0, false},
	{"action", FORM_ANY, 0, 11, false},
	{"warning", FORM_ANY, 0, 10, false},
	{"doNotAlertSubject", FORM_ANY, 0, 0, false},
	{"legalBasis", FORM_ANY, 0, 0, false},
	{"where", FORM_ANY, 0, 0, false},
	{"texts", FORM_ANY, 0, 16, false},
	{"subjects", FORM_ANY, 0, 64, false},
	{"counts", FORM_ANY, 0, 5, false},
	{"handling", FORM_ANY, 0, 0, false},
	{"attachments", FORM_ANY, 0, 5, false},
	{"sealed", FORM_ANY, 0, 0, false},
	{"hit", FORM_ANY, 0, 0, false},
	{"flag", FORM_ANY, 0, 0, false},
	{"ack", FORM_ANY, 0, 0, false},
	{"request", FORM_ANY, 0, 0, false},
	{"answer", FORM_ANY, 0, 0, false},
};

#define BIT(position) (UINT32_C(1) << (position))

/* Those that bodies hold most often come first. */
static const struct message_rule message_rules[] = {
	{&liaison__alert__descriptor, alert_fields, 0},
	{&liaison__text__descriptor, text_fields, 0},
	{&liaison__handling__descriptor, handling_fields, 0},
	{&liaison__subject__descriptor, subject_fields, BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6)},
	{&liaison__document__descriptor, document_fields, BIT(2) | BIT(3)},
	{&liaison__where__descriptor, where_fields, BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4)},
	{&liaison__leg__descriptor, leg_fields, BIT(0) | BIT(1) | BIT(3)},
	{&liaison__place__descriptor, place_fields, BIT(0) | BIT(1) | BIT(3)},
	{&liaison__point__descriptor, point_fields, 0},
	{&liaison__circle__descriptor, circle_fields, 0},
	{&liaison__polygon__descriptor, polygon_fields, 0},
	{&liaison__consignment__descriptor, consignment_fields, BIT(0) | BIT(1) | BIT(2)},
	{&liaison__person__descriptor, person_fields, BIT(0) | BIT(4)},
	{&liaison__person_name__descriptor, person_name_fields, BIT(0) | BIT(1) | BIT(2)},
	{&liaison__vehicle__descriptor, vehicle_fields, BIT(0) | BIT(2)},
	{&liaison__vessel__descriptor, vessel_fields, BIT(0) | BIT(2) | BIT(3) | BIT(4)},
	{&liaison__container__descriptor, container_fields, 0},
	{&liaison__count__descriptor, count_fields, 0},
	{&liaison__contact__descriptor, contact_fields, BIT(0)},
	{&liaison__legal_basis__descriptor, legal_basis_fields, 0},
	{&liaison__link__descriptor, link_fields, 0},
	{&liaison__attachment__descriptor, attachment_fields, 0},
	{&liaison__protected_person__descriptor, protected_person_fields, 0},
	{&liaison__sealed__descriptor, sealed_fields, 0},
	{&liaison__sealed_key__descriptor, sealed_key_fields, 0},
	{&liaison__hit__descriptor, hit_fields, 0},
	{&liaison__flag__descriptor, flag_fields, 0},
	{&liaison__ack__descriptor, ack_fields, 0},
	{&liaison__request__descriptor, request_fields, 0},
	{&liaison__answer__descriptor, answer_fields, 0},
};

const struct message_rule *
message_rule_of(const ProtobufCMessageDescriptor *descriptor)
{
	for (size_t i = 0; i < sizeof message_rules / sizeof message_rules[0]; i++)
		if (message_rules[i].descriptor == descriptor)
			return &message_rules[i];
	return NULL;
}

/* --- walking ------------------------------------------------------------------------------------------------------- */

void
path_format(const struct path *path, char *out)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < path->depth && len < PATH_BYTES; i++) {
		const struct field_rule *field = path->steps[i].field;
		size_t index = path->steps[i].index;
		int wrote =
			index == PATH_WHOLE
				? snprintf(out + len, PATH_BYTES - len, "%s%s", i ? "." : "", field->name)
				: snprintf(out + len, PATH_BYTES - len, "%s%s[%zu]", i ? "." : "", field->name, index);
		len += wrote > 0 ? (size_t)wrote : 0;
	}
}

enum liaison_err
path_fault(const struct path *path, struct fault *fault, enum liaison_err code, const char *format, ...)
{
	char where[PATH_BYTES], text[LIAISON_FAULT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	path_format(path, where);
	return fault_set(fault, code, "%s%s%s", where, where[0] ? ": " : "", text);
}

static enum liaison_err walk_message(const ProtobufCMessage *message, const struct walker *walker, struct path *path);

static enum liaison_err
walk_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, const struct field_rule *rule,
	const struct walker *walker, struct path *path)
{
	bool is_message = field->type == PROTOBUF_C_TYPE_MESSAGE;
	bool wants_value = walker->value != NULL && rule->form != FORM_ANY;
	bool wants_list = walker->list != NULL && rule->max_values != 0;
	enum liaison_err err = LIAISON_OK;

	if (!is_message && !wants_value && !wants_list)
		return LIAISON_OK;
	size_t count = reflect_count(message, field);
	if (count == 0)
		return LIAISON_OK;
	size_t depth = path->depth++;
	path->steps[depth].field = rule;
	path->steps[depth].index = PATH_WHOLE;
	if (wants_list)
		err = walker->list(walker->arg, path, rule, count);
	for (size_t i = 0; err == LIAISON_OK && i < count; i++) {
		const void *value = reflect_value(message, field, i);
		path->steps[depth].index = rule->max_values != 0 ? i : PATH_WHOLE;
		if (is_message)
			err = walk_message(*(ProtobufCMessage *const *)value, walker, path);
		else if (wants_value)
			err = walker->value(walker->arg, path, rule, field, value);
	}
	path->depth = depth;
	return err;
}

/* Bodies are at most as deep as the scanner lets pass, and Alert's messages never hold themselves. */
static enum liaison_err
walk_message(const ProtobufCMessage *message, const struct walker *walker, struct path *path)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	const struct message_rule *rule = message_rule_of(descriptor);
	enum liaison_err err = LIAISON_OK;

	assert(rule != NULL && path->depth < WALK_DEPTH_MAX);
	if (walker->message != NULL)
		err = walker->message(walker->arg, path, message, rule);
	for (unsigned i = 0; err == LIAISON_OK && i < descriptor->n_fields; i++)
		err = walk_field(message, &descriptor->fields[i], &rule->fields[i], walker, path);
	return err;
}

enum liaison_err
body_walk(const ProtobufCMessage *message, const struct walker *walker)
{
	struct path path = {.depth = 0};

	return walk_message(message, walker, &path);
}
