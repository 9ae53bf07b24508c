/* What canonical bytes are, rule by rule, and what a frame must be. */
#include "proto/alert.pb-c.h"
#include "proto/frame.pb-c.h"
#include "proto/scan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- a schema that nests without end and has a list that is not packed ------------------------------------------- */

static const ProtobufCMessageDescriptor node_descriptor;
static const ProtobufCFieldDescriptor node_fields[] = {
	{.name = "child",
		.id = 1,
		.label = PROTOBUF_C_LABEL_OPTIONAL,
		.type = PROTOBUF_C_TYPE_MESSAGE,
		.descriptor = &node_descriptor},
	{.name = "numbers", .id = 2, .label = PROTOBUF_C_LABEL_REPEATED, .type = PROTOBUF_C_TYPE_UINT32},
	{.name = "signed", .id = 3, .label = PROTOBUF_C_LABEL_OPTIONAL, .type = PROTOBUF_C_TYPE_INT32},
	{.name = "single", .id = 4, .label = PROTOBUF_C_LABEL_OPTIONAL, .type = PROTOBUF_C_TYPE_FLOAT},
};
static const ProtobufCMessageDescriptor node_descriptor = {.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
	.name = "Node",
	.short_name = "Node",
	.n_fields = sizeof node_fields / sizeof node_fields[0],
	.fields = node_fields};

#define ALERT (&liaison__alert__descriptor)
#define FRAME (&liaison__frame__descriptor)
#define NODE (&node_descriptor)

static size_t
from_hex(const char *hex, uint8_t *out)
{
	size_t len = 0;

	for (; *hex != '\0'; hex++) {
		unsigned byte;
		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		out[len++] = (uint8_t)byte;
		hex++;
	}
	return len;
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

struct row {
	const char *rule;
	const ProtobufCMessageDescriptor *descriptor;
	const char *hex;
	enum liaison_err want;
	const char *says; /* part of the message */
};

static const struct row canonical_rows[] = {
	{"nothing at all", ALERT, "", LIAISON_OK, NULL},
	{"an empty text", ALERT, "12 00", LIAISON_OK, NULL},
	{"an empty message", ALERT, "e201 00", LIAISON_OK, NULL},
	{"a list of texts", ALERT, "32 01 61 32 01 61", LIAISON_OK, NULL},
	{"a packed list", ALERT, "9201 03 010c01", LIAISON_OK, NULL},
	{"an int32 below zero", NODE, "18 ffffffffffffffffff01", LIAISON_OK, NULL},
	{"the greatest uint32", NODE, "10 ffffffff0f", LIAISON_OK, NULL},
	{"text with 2, 3 and 4 byte sequences", ALERT, "12 0b c3a9 e19e94 f09f9aa2 0a 41", LIAISON_OK, NULL},

	{"fields in descending order", ALERT, "20 01 12 01 61", LIAISON_MALFORMED, "ascending"},
	{"a singular field twice", ALERT, "12 01 61 12 01 62", LIAISON_MALFORMED, "twice"},
	{"a singular message twice", ALERT, "e201 00 e201 00", LIAISON_MALFORMED, "twice"},
	{"two members of a oneof", ALERT, "f201 04 0a00 1200", LIAISON_MALFORMED, "subjects.protected_person"},
	{"a tag longer than need be", ALERT, "9200 01 61", LIAISON_MALFORMED, "longer"},
	{"a length longer than need be", ALERT, "12 8100 61", LIAISON_MALFORMED, "longer"},
	{"a value longer than need be", ALERT, "20 8100", LIAISON_MALFORMED, "longer"},
	{"a packed value longer than need be", ALERT, "9201 02 8100", LIAISON_MALFORMED, "longer"},
	{"a varint of 65 bits", ALERT, "20 ffffffffffffffffff02", LIAISON_MALFORMED, "64 bits"},
	{"a varint of 11 bytes", ALERT, "20 ffffffffffffffffffff01", LIAISON_MALFORMED, "64 bits"},
	{"a value cut short", ALERT, "20 80", LIAISON_MALFORMED, "cut short"},
	{"a value that is missing", ALERT, "20", LIAISON_MALFORMED, "cut short"},
	{"a tag cut short", ALERT, "e2", LIAISON_MALFORMED, "cut short"},
	{"a number cut short", ALERT, "19 00000000000000", LIAISON_MALFORMED, "cut short"},
	{"a length past the end", ALERT, "12 02 61", LIAISON_MALFORMED, "past the end"},
	{"a length of 2^63", ALERT, "12 80808080808080808001 61", LIAISON_MALFORMED, "five bytes"},
	{"a length past its message's end", ALERT, "ea01 03 0a02 61 fa01 00", LIAISON_MALFORMED, "texts.lang"},
	{"an enum of zero", ALERT, "20 00", LIAISON_BAD_CODE, "status"},
	{"an enum that is not known", ALERT, "20 04", LIAISON_BAD_CODE, "byte 1"},
	{"an enum below zero", ALERT, "20 ffffffffffffffffff01", LIAISON_BAD_CODE, "status"},
	{"an enum between its ranges", ALERT, "28 06", LIAISON_BAD_CODE, "message"},
	{"an enum in a packed list", ALERT, "9201 02 010d", LIAISON_BAD_CODE, "crime"},
	{"an enum beyond 32 bits", ALERT, "20 8180808010", LIAISON_MALFORMED, "range"},
	{"a bool of two", ALERT, "d001 02", LIAISON_MALFORMED, "range"},
	{"a uint32 of 33 bits", ALERT, "fa01 06 10 8080808010", LIAISON_MALFORMED, "counts.number"},
	{"an int32 that is not sign-extended", NODE, "18 ffffffff0f", LIAISON_MALFORMED, "range"},
	{"an unknown field", ALERT, "e802 01", LIAISON_MALFORMED, "unknown field"},
	{"an unknown field between known ones", ALERT, "a802 01", LIAISON_MALFORMED, "unknown field"},
	{"an unknown field deeper", ALERT, "ea01 02 2801", LIAISON_MALFORMED, "texts at byte 3"},
	{"field number zero", ALERT, "02 00", LIAISON_MALFORMED, "field number"},
	{"a field number beyond 2^29 - 1", ALERT, "8280808010 00", LIAISON_MALFORMED, "field number"},
	{"not packed where declared", ALERT, "9001 01", LIAISON_MALFORMED, "wire type"},
	{"packed where not declared", NODE, "12 01 01", LIAISON_MALFORMED, "wire type"},
	{"a packed list in two parts", ALERT, "9201 01 01 9201 01 02", LIAISON_MALFORMED, "twice"},
	{"an empty packed list", ALERT, "9201 00", LIAISON_MALFORMED, "empty list"},
	{"a packed list cut short", ALERT, "9201 02 0180", LIAISON_MALFORMED, "cut short"},
	{"a text as a number", ALERT, "10 01", LIAISON_MALFORMED, "wire type"},
	{"a time as a text", ALERT, "1a 08 0000000000000000", LIAISON_MALFORMED, "wire type"},
	{"a time of 32 bits", ALERT, "1d 00000000", LIAISON_MALFORMED, "wire type"},
	{"the start of a group", ALERT, "13 14", LIAISON_MALFORMED, "wire type"},
	{"the end of a group", ALERT, "14", LIAISON_MALFORMED, "wire type"},
	{"wire type 6", ALERT, "16 00", LIAISON_MALFORMED, "wire type"},
	{"wire type 7", ALERT, "17 00", LIAISON_MALFORMED, "wire type"},
	{"a double that is not a number", ALERT, "e201 0b 1a09 19 000000000000f87f", LIAISON_MALFORMED,
		"where.circles.km"},
	{"a double without end", ALERT, "e201 0b 1a09 19 000000000000f0ff", LIAISON_MALFORMED, "finite"},
	{"a float that is not a number", NODE, "25 0000c07f", LIAISON_MALFORMED, "finite"},
	{"text with NUL", ALERT, "12 03 610062", LIAISON_MALFORMED, "NUL"},
	{"text with NUL after eight letters", ALERT, "12 10 6161616161616161 6161616161616100", LIAISON_MALFORMED,
		"byte 17"},
	{"text with an overlong slash", ALERT, "12 02 c0af", LIAISON_MALFORMED, "UTF-8"},
	{"text with an overlong NUL", ALERT, "12 02 c080", LIAISON_MALFORMED, "UTF-8"},
	{"text overlong in three bytes", ALERT, "12 03 e09fbf", LIAISON_MALFORMED, "UTF-8"},
	{"text overlong in four bytes", ALERT, "12 04 f08fbfbf", LIAISON_MALFORMED, "UTF-8"},
	{"text with a high surrogate", ALERT, "12 03 eda080", LIAISON_MALFORMED, "UTF-8"},
	{"text with a low surrogate", ALERT, "12 03 edbfbf", LIAISON_MALFORMED, "UTF-8"},
	{"text above U+10FFFF", ALERT, "12 04 f4908080", LIAISON_MALFORMED, "UTF-8"},
	{"text of five byte sequences", ALERT, "12 05 f888808080", LIAISON_MALFORMED, "UTF-8"},
	{"text with a lone continuation", ALERT, "12 01 80", LIAISON_MALFORMED, "UTF-8"},
	{"text with a sequence cut short", ALERT, "12 02 e19e", LIAISON_MALFORMED, "UTF-8"},
	{"text with a sequence broken off", ALERT, "12 03 e19e41", LIAISON_MALFORMED, "UTF-8"},
	{"text of Latin-1 after eight letters", ALERT, "12 0a 6161616161616161 e961", LIAISON_MALFORMED, "byte 10"},
	{"text with 0xff", ALERT, "12 01 ff", LIAISON_MALFORMED, "UTF-8"},
};

static const struct row frame_rows[] = {
	{"an empty frame", FRAME, "", LIAISON_OK, NULL},
	{"a ping", FRAME, "f201 02 082a", LIAISON_OK, NULL},
	{"an unknown field", FRAME, "8806 01", LIAISON_OK, NULL},
	{"an unknown field deeper", FRAME, "f201 05 9806 01 082a", LIAISON_OK, NULL},
	{"an unknown field of each wire type", FRAME, "8006 01 8106 0000000000000000 8206 00 8506 00000000", LIAISON_OK,
		NULL},
	{"fields in any order", FRAME, "fa01 0b 11 0000000000000000 0801", LIAISON_OK, NULL},
	{"a body that is no protobuf", FRAME, "1a 06 2a04 1202 ffff", LIAISON_OK, NULL},
	{"a packed list that is not packed", FRAME, "32 06 2204 0801 0804", LIAISON_OK, NULL},
	{"an unknown enum", FRAME, "82020208 63", LIAISON_OK, NULL},
	{"a varint longer than need be", FRAME, "f201 03 08aa00", LIAISON_OK, NULL},

	{"a tag of six bytes", FRAME, "828a828a8a00 00", LIAISON_MALFORMED, "five bytes"},
	{"a length of six bytes", FRAME, "f201 828080808000 082a", LIAISON_MALFORMED, "five bytes"},
	{"two frames in one", FRAME, "f201 00 fa01 00", LIAISON_MALFORMED, "choice"},
	{"the same frame twice", FRAME, "f201 00 f201 00", LIAISON_MALFORMED, "twice"},
	{"a singular field twice", FRAME, "f201 04 082a 082a", LIAISON_MALFORMED, "ping.nonce"},
	{"text with NUL", FRAME, "0a 03 320100", LIAISON_MALFORMED, "NUL"},
	{"text that is not UTF-8", FRAME, "0a 03 3201ff", LIAISON_MALFORMED, "hello.software"},
	{"a group", FRAME, "8306 8406", LIAISON_MALFORMED, "group"},
	{"a length past the end", FRAME, "f201 03 082a", LIAISON_MALFORMED, "past the end"},
	{"an unknown length past the end", FRAME, "8206 03 082a", LIAISON_MALFORMED, "past the end"},
	{"a double that is not a number", FRAME, "32 0d 220b 4209 09 000000000000f87f", LIAISON_MALFORMED,
		"subscribe.filter.near.lat"},
	{"a varint cut short", FRAME, "f201 02 08aa", LIAISON_MALFORMED, "cut short"},
};

typedef enum liaison_err scanner(
	const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len, struct fault *fault);

static void
check_rows(scanner *scan, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct fault fault = {0};
		uint8_t *bytes = malloc(256); /* exact size below, so that ASan sees a step too far */
		size_t len = from_hex(row->hex, bytes);
		bytes = realloc(bytes, len == 0 ? 1 : len);
		enum liaison_err got = scan(row->descriptor, bytes, len, &fault);
		if (got != row->want || (row->says != NULL && strstr(fault.message, row->says) == NULL))
			fail_msg("%s: got %s \"%s\", want %s \"%s\"", row->rule, err_name(got), fault.message,
				err_name(row->want), row->says == NULL ? "" : row->says);
		free(bytes);
	}
}

static void
canonical_form_has_one_rule_per_row(void **state)
{
	(void)state;
	check_rows(scan_canonical, canonical_rows, sizeof canonical_rows / sizeof canonical_rows[0]);
}

static void
frames_are_bounded_but_may_hold_what_is_not_known(void **state)
{
	(void)state;
	check_rows(scan_frame, frame_rows, sizeof frame_rows / sizeof frame_rows[0]);
}

static void
faults_name_field_and_byte(void **state)
{
	struct fault fault;
	uint8_t bytes[64];
	size_t len = from_hex("e201 0c 2a0a 0a08 0a06 646f6e67 ff67", bytes);

	(void)state;
	assert_int_equal(scan_canonical(ALERT, bytes, len, &fault), LIAISON_MALFORMED);
	assert_int_equal(fault.code, LIAISON_MALFORMED);
	assert_string_equal(fault.message, "Alert, field where.legs.from.name at byte 13: the text is not valid UTF-8");
	assert_int_equal(scan_canonical(ALERT, bytes, len, NULL), LIAISON_MALFORMED);
}

/* --- bounds ------------------------------------------------------------------------------------------------------ */

static size_t
nested_nodes(size_t depth, uint8_t *out)
{
	/* From the inside out: each level is a tag and the length of what it holds. */
	uint8_t *end = out + 4 * depth;
	uint8_t *at = end;

	for (size_t i = 1; i < depth; i++) {
		size_t inner = (size_t)(end - at);
		size_t varint = inner < 0x80 ? 1 : inner < 0x4000 ? 2 : 3;
		for (size_t byte = varint; byte-- > 0;)
			*--at = (uint8_t)((inner >> (7 * byte) & 0x7f) | (byte + 1 < varint ? 0x80 : 0));
		*--at = 0x0a;
	}
	memmove(out, at, (size_t)(end - at));
	return (size_t)(end - at);
}

static void
nesting_is_bounded(void **state)
{
	uint8_t *bytes = malloc(64 * 1024);
	struct fault fault;

	(void)state;
	assert_int_equal(scan_canonical(NODE, bytes, nested_nodes(SCAN_DEPTH_MAX, bytes), &fault), LIAISON_OK);
	assert_int_equal(
		scan_canonical(NODE, bytes, nested_nodes(SCAN_DEPTH_MAX + 1, bytes), &fault), LIAISON_MALFORMED);
	size_t len = nested_nodes(10000, bytes);
	assert_true(len > 30 * 1024);
	assert_int_equal(scan_canonical(NODE, bytes, len, &fault), LIAISON_MALFORMED);
	assert_non_null(strstr(fault.message, "too deep"));
	assert_int_equal(scan_frame(NODE, bytes, len, &fault), LIAISON_MALFORMED);
	free(bytes);
}

static void
fields_and_bytes_are_bounded(void **state)
{
	size_t len = 2 * 1000 * 1000;
	uint8_t *bytes = calloc(1, len);
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < len; i += 2)
		bytes[i] = 0x32; /* references: a million empty ones */
	assert_int_equal(scan_canonical(ALERT, bytes, 2 * SCAN_FIELDS_MAX, &fault), LIAISON_OK);
	assert_int_equal(scan_canonical(ALERT, bytes, 2 * SCAN_FIELDS_MAX + 2, &fault), LIAISON_MALFORMED);
	assert_int_equal(scan_canonical(ALERT, bytes, BODY_BYTES_MAX, &fault), LIAISON_MALFORMED);
	assert_int_equal(scan_canonical(ALERT, bytes, BODY_BYTES_MAX + 2, &fault), LIAISON_TOO_LARGE);
	assert_int_equal(scan_canonical(ALERT, bytes, len, &fault), LIAISON_TOO_LARGE);
	assert_int_equal(scan_frame(ALERT, bytes, 2 * FRAME_FIELDS_MAX, &fault), LIAISON_OK);
	assert_int_equal(scan_frame(ALERT, bytes, 2 * FRAME_FIELDS_MAX + 2, &fault), LIAISON_MALFORMED);
	assert_int_equal(scan_frame(ALERT, bytes, FRAME_BYTES_MAX + 1, &fault), LIAISON_TOO_LARGE);

	/* Each value of a packed list counts. */
	memset(bytes, 1, SCAN_FIELDS_MAX + 16);
	memcpy(bytes, "\x92\x01\xff\x1f", 4); /* 4095 values and the list itself */
	assert_int_equal(scan_canonical(ALERT, bytes, 4 + 4095, &fault), LIAISON_OK);
	memcpy(bytes, "\x92\x01\x80\x20", 4);
	assert_int_equal(scan_canonical(ALERT, bytes, 4 + 4096, &fault), LIAISON_MALFORMED);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_form_has_one_rule_per_row),
		cmocka_unit_test(frames_are_bounded_but_may_hold_what_is_not_known),
		cmocka_unit_test(faults_name_field_and_byte),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(fields_and_bytes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
