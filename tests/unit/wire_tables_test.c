/* The tables of proto/README.md against the code that they describe: codes, frames, limits, fields, kinds, reasons. */
#include "broker/feed.h"
#include "broker/session.h"
#include "proto/admission.h"
#include "proto/admit_fields.h"
#include "proto/card.h"
#include "proto/charter.h"
#include "proto/filter.h"
#include "proto/json.h"
#include "proto/log_leaf.h"
#include "proto/release.h"
#include "proto/scan.h"
#include "proto/signature.h"
#include "proto/suspension.h"
#include "tests/support/paper.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROW_BYTES 1024
#define CODES_END 64

static int
setup(void **state)
{
	*state = paper_new("proto/README.md");
	return 0;
}

static int
teardown(void **state)
{
	paper_free(*state);
	return 0;
}

static void
test_codes(void **state)
{
	char row[ROW_BYTES];

	for (int code = 1; code < CODES_END; code++) {
		enum liaison_err err = (enum liaison_err)code;
		if (!err_is_refusal(err))
			continue;
		snprintf(row, sizeof row, "| %d | `%s` | %s | %s |", code, err_name(err),
			err_is_for_now(err) ? "for now" : "for good", err_meaning(err));
		paper_check_row(*state, "codes", row);
	}
	paper_check_table_end(*state, "codes");
}

/* --- frames ---------------------------------------------------------------------------------------------------------- */

static const char *
frame_rule_text(Liaison__Frame__FrameCase frame)
{
	enum liaison_err before = session_may_send(SESSION_NEW, frame);
	enum liaison_err after = session_may_send(SESSION_READY, frame);

	if (before == LIAISON_OK && after == LIAISON_MALFORMED)
		return "first, and once";
	if (before == LIAISON_MALFORMED && after == LIAISON_OK)
		return "once welcomed";
	if (before == LIAISON_MALFORMED && after == LIAISON_NOT_SUPPORTED)
		return "never yet: `not-supported`";
	if (before == LIAISON_NOT_PERMITTED && after == LIAISON_NOT_PERMITTED)
		return "never: `not-permitted`";
	fail_msg("frame %d has a rule that the paper has no words for", (int)frame);
	return NULL;
}

static void
test_frames(void **state)
{
	const ProtobufCMessageDescriptor *descriptor = &liaison__frame__descriptor;
	char row[ROW_BYTES];

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		snprintf(row, sizeof row, "| %u | `%s` | %s |", field->id, field->name,
			frame_rule_text((Liaison__Frame__FrameCase)field->id));
		paper_check_row(*state, "frames", row);
	}
	paper_check_table_end(*state, "frames");
}

/* --- limits ---------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *what;
	uint64_t most;
} limits[] = {
	{"bytes of a frame", FRAME_BYTES_MAX},
	{"fields in a frame, at all depths", FRAME_FIELDS_MAX},
	{"bytes of a body", BODY_BYTES_MAX},
	{"fields in a body, at all depths", SCAN_FIELDS_MAX},
	{"messages inside each other, the outermost counted", SCAN_DEPTH_MAX},
	{"alerts under one signature, and in one submit", BATCH_LEAVES_MAX},
	{"hashes in a batch's path", BATCH_PATH_MAX},
	{"bytes of an office id or an address", OFFICE_ID_MAX},
	{"a sequence", SEQUENCE_MAX},
	{"bytes of a network id", NETWORK_ID_BYTES_MAX},
	{"signatures on a charter, roster, card or suspension", SIGNED_SIGNATURES_MAX},
	{"bytes of a charter's body", CHARTER_BYTES_MAX},
	{"bytes of a roster's body", DOCUMENT_BYTES_MAX},
	{"bytes of a card's body", CARD_BYTES_MAX},
	{"bytes of a suspension's body", SUSPENSION_BYTES_MAX},
	{"fields in one of those four, at all depths", DOCUMENT_FIELDS_MAX},
	{"root keys, and authority keys of a member", CHARTER_KEYS_MAX},
	{"members of a charter", CHARTER_MEMBERS_MAX},
	{"offices on all rosters together", TRUST_OFFICES_MAX},
	{"keys of one use of one office", OFFICE_KEYS_MAX},
	{"bytes of a suspension's reason", SUSPENSION_REASON_BYTES_MAX},
	{"suspensions of one member that stand", TRUST_SUSPENSIONS_MAX},
	{"end points on a card", CARD_ENDPOINTS_MAX},
	{"channels of a session", SESSION_CHANNELS_MAX},
	{"bytes of a feed's name", FEED_NAME_BYTES - 1},
	{"values of one attribute of a filter", FILTER_VALUES_MAX},
	{"bytes of a log record's header", RECORD_HEADER_MAX},
	{"kilometres of a circle's radius in a body", CIRCLE_KM_MAX},
	{"credit in messages that the ordinary lane leaves to the urgent one", FEED_RESERVE_MESSAGES},
	{"credit in bytes that the ordinary lane leaves to the urgent one", FEED_RESERVE_BYTES},
};

static void
test_limits(void **state)
{
	char row[ROW_BYTES];

	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		snprintf(row, sizeof row, "| %s | %" PRIu64 " |", limits[i].what, limits[i].most);
		paper_check_row(*state, "limits", row);
	}
	paper_check_table_end(*state, "limits");
}

/* --- fields ---------------------------------------------------------------------------------------------------------- */

static const struct {
	Liaison__MessageType message;
	bool is_sealed;
} columns[] = {
	{LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT, false},
	{LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE, false},
	{LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT, true},
	{LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE, true},
	{LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, false},
	{LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_HIT, true},
};

static void
test_presence(void **state)
{
	static const char *const marks[] = {[FIELD_FORBIDDEN] = "-", [FIELD_OPTIONAL] = "o", [FIELD_REQUIRED] = "R"};
	const ProtobufCMessageDescriptor *descriptor = &liaison__alert__descriptor;
	char row[ROW_BYTES], name[JSON_NAME_BYTES];

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		json_field_name(&descriptor->fields[i], name);
		int used = snprintf(row, sizeof row, "| %u | `%s` |", descriptor->fields[i].id, name);
		for (size_t k = 0; k < sizeof columns / sizeof columns[0]; k++)
			used += snprintf(row + used, sizeof row - (size_t)used, " %s |",
				marks[admission_presence(columns[k].message, columns[k].is_sealed, i)]);
		paper_check_row(*state, "presence", row);
	}
	paper_check_table_end(*state, "presence");
}

static const char *const forms[] = {
	[FORM_ANY] = "",
	[FORM_BYTES] = "BYTES",
	[FORM_BLOB] = "BLOB",
	[FORM_TIME] = "TIME",
	[FORM_LINE] = "LINE",
	[FORM_TEXT] = "TEXT",
	[FORM_LAT] = "LAT",
	[FORM_LON] = "LON",
	[FORM_RADIUS_KM] = "RADIUS",
	[FORM_COUNTRY] = "COUNTRY",
	[FORM_CROSSING] = "CROSSING",
	[FORM_ADDRESS] = "ADDRESS",
	[FORM_ALERT_ID] = "ALERT_ID",
	[FORM_LANG] = "LANG",
	[FORM_SCRIPT] = "SCRIPT",
	[FORM_PHONE] = "PHONE",
	[FORM_DATE] = "DATE",
	[FORM_BIRTH_DATE] = "BIRTH_DATE",
	[FORM_HS] = "HS",
	[FORM_QUANTITY] = "QUANTITY",
	[FORM_NUMBER] = "NUMBER",
	[FORM_MRZ] = "MRZ",
	[FORM_VIN] = "VIN",
	[FORM_IMO] = "IMO",
	[FORM_MMSI] = "MMSI",
	[FORM_CALL_SIGN] = "CALL_SIGN",
	[FORM_CONTAINER] = "CONTAINER",
};

static int
field_text(char *out, size_t size, const struct field_rule *rule)
{
	char most[24] = "", values[24] = "";

	if (rule->max > 0)
		snprintf(most, sizeof most, " %u", (unsigned)rule->max);
	if (rule->max_values > 0)
		snprintf(values, sizeof values, " x%u", (unsigned)rule->max_values);
	return snprintf(out, size, "`%s`%s%s%s%s%s", rule->name, rule->form != FORM_ANY ? " " : "", forms[rule->form],
		most, values, rule->is_needed ? "!" : "");
}

/* Each message in the order in which Alert's schema first comes to it, once. */
static void
check_message(struct paper *paper, const ProtobufCMessageDescriptor *descriptor,
	const ProtobufCMessageDescriptor *seen[], size_t *count)
{
	const struct message_rule *rule = message_rule_of(descriptor);
	char row[ROW_BYTES];

	for (size_t i = 0; i < *count; i++)
		if (seen[i] == descriptor)
			return;
	seen[(*count)++] = descriptor;
	assert_non_null(rule);
	size_t used = (size_t)snprintf(row, sizeof row, "| %s | ", descriptor->short_name);
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		used += (size_t)snprintf(row + used, sizeof row - used, "%s", i > 0 ? ", " : "");
		used += (size_t)field_text(row + used, sizeof row - used, &rule->fields[i]);
	}
	used += (size_t)snprintf(row + used, sizeof row - used, " | ");
	bool is_first = true;
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		if ((rule->any_of & UINT64_C(1) << i) == 0)
			continue;
		used += (size_t)snprintf(
			row + used, sizeof row - used, "%s`%s`", is_first ? "" : ", ", rule->fields[i].name);
		is_first = false;
	}
	snprintf(row + used, sizeof row - used, " |");
	/* What Alert itself needs is the table of presence. */
	paper_check_row(paper, "fields", row);
	for (unsigned i = 0; i < descriptor->n_fields; i++)
		if (descriptor->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			check_message(paper, descriptor->fields[i].descriptor, seen, count);
}

static void
test_fields(void **state)
{
	const ProtobufCMessageDescriptor *seen[64];
	size_t count = 0;

	check_message(*state, &liaison__alert__descriptor, seen, &count);
	paper_check_table_end(*state, "fields");
}

static void
test_expiries(void **state)
{
	struct admission_limits limit;
	char row[ROW_BYTES];

	admission_limits_default(&limit);
	for (unsigned i = 0; i < liaison__kind__descriptor.n_values; i++) {
		int kind = liaison__kind__descriptor.values[i].value;
		snprintf(row, sizeof row, "| %s | %" PRId64 " |", json_enum_name(&liaison__kind__descriptor, kind),
			limit.expires_max_ms[kind] / MS_PER_DAY);
		paper_check_row(*state, "expiries", row);
	}
	snprintf(row, sizeof row, "| any, where every action is a check | %" PRId64 " |",
		limit.discreet_check_max_ms / MS_PER_DAY);
	paper_check_row(*state, "expiries", row);
	paper_check_table_end(*state, "expiries");
}

static void
test_reasons(void **state)
{
	char row[ROW_BYTES];

	for (int reason = RELEASE_NO_ROSTER; reason < RELEASE_REASONS; reason++) {
		snprintf(row, sizeof row, "| `%s` | %s |", release_reason_name((enum release_reason)reason),
			release_reason_meaning((enum release_reason)reason));
		paper_check_row(*state, "reasons", row);
	}
	paper_check_table_end(*state, "reasons");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_presence),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_expiries),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
