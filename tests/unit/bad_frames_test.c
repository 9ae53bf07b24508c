/*
 * What is no frame, and what is no body: the broker says `malformed`, the session goes on, a flood of it ends the session,
 * and nothing of it enters the log.
 */
#include "proto/scan.h"
#include "tests/support/talk.h"

#include "broker/segment.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENT 100000 /* more malformed frames than a test sends */

struct told {
	size_t malformed, others;
};

static struct rig *
patient_rig(void)
{
	struct rig *rig = rig_new(1);

	rig->config.malformed_max = PATIENT;
	rig_start(rig);
	return rig;
}

/* The answers to `count` frames that were sent. */
static struct told
hear_refusals(struct rig_client *client, size_t count)
{
	struct told told = {0};

	for (size_t i = 0; i < count; i++) {
		if (refusal_code(client) == LIAISON__CODE__CODE_MALFORMED)
			told.malformed++;
		else
			told.others++;
	}
	return told;
}

/* --- frames ----------------------------------------------------------------------------------------------------------- */

/* Sends every beginning of the frame; each must be refused. Answers are heard in between, so that no queue fills. */
static void
send_each_beginning(struct rig_client *client, const uint8_t *frame, size_t len)
{
	for (size_t cut = 1; cut < len; cut++) {
		rig_send_bytes(client, frame, cut);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	}
}

static void
a_frame_that_is_cut_at_any_length_is_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	struct submission submission;
	size_t len;
	uint64_t before = publish_route(rig, client, PUBLISHER, 1);
	(void)state;

	submission_init(&submission, rig, PUBLISHER, 2);
	const uint8_t *bodies[1] = {submission.body};
	uint8_t *frame = rig_submit_frame(rig, PUBLISHER, 7, bodies, &submission.len, 1, &len);
	send_each_beginning(client, frame, len);
	rig_send_bytes(client, frame, len);
	assert_int_equal(receipt_index(client), before + 1); /* only the whole one entered */
	free(frame);
	submission_clear(&submission);
	rig_disconnect(client);
	end_rig(rig);
}

static void
other_frames_that_are_cut_are_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, NEIGHBOUR);
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__ProofRequest proof = LIAISON__PROOF_REQUEST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	static char name[] = "all", country[] = "th";
	char *countries[1] = {country};
	uint64_t indexes[3] = {0, 1, 300};
	size_t len;
	uint8_t *bytes;
	(void)state;

	filter.n_countries = 1;
	filter.countries = countries;
	subscribe.has_channel = 1;
	subscribe.channel = 1;
	subscribe.feed = name;
	subscribe.filter = &filter;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	bytes = frame_encode(&frame, &len);
	send_each_beginning(client, bytes, len);
	free(bytes);
	proof.n_indexes = 3;
	proof.indexes = indexes;
	frame.frame_case = LIAISON__FRAME__FRAME_PROOF_REQUEST;
	frame.proof_request = &proof;
	bytes = frame_encode(&frame, &len);
	send_each_beginning(client, bytes, len);
	free(bytes);
	sync_with(client);
	rig_disconnect(client);
	end_rig(rig);
}

/* `depth` times the field `tag` around nothing, each with its right length; from malloc. */
static uint8_t *
nested(uint8_t tag, size_t depth, size_t *len)
{
	uint8_t *bytes = malloc(depth * 5 + 8), *at = bytes + depth * 5 + 8;
	size_t inner = 0;

	assert_non_null(bytes);
	for (size_t i = 0; i < depth; i++) {
		uint8_t varint[4];
		size_t digits = 0;
		for (size_t value = inner; digits == 0 || value > 0; value >>= 7)
			varint[digits++] = (uint8_t)((value & 0x7f) | (value >= 0x80 ? 0x80 : 0));
		at -= digits;
		memcpy(at, varint, digits);
		*--at = tag;
		inner += digits + 1;
	}
	memmove(bytes, at, inner);
	*len = inner;
	return bytes;
}

static void
thirty_kilobytes_of_nesting_are_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	size_t len;
	(void)state;

	/* Groups, as a frame and inside a submit: what a parser that recurses dies of. */
	uint8_t *groups = malloc(30000);
	assert_non_null(groups);
	memset(groups, 0x0b, 30000); /* field 1, group begins */
	groups[0] = 0x1a;            /* but for the frame's own kind: submit, 29,996 bytes */
	groups[1] = 0xac;
	groups[2] = 0xea;
	groups[3] = 0x01;
	rig_send_bytes(client, groups, 30000);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	free(groups);
	/* Submit in submit in submit: as the schema has it, field 3 of Submit is a number. */
	uint8_t *bytes = nested(0x1a, 10000, &len);
	assert_true(len >= 29000);
	rig_send_bytes(client, bytes, len);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	free(bytes);
	/* An unknown field of a frame is passed over without looking inside: it is bytes, whatever they hold. */
	bytes = nested(0x7a, 10000, &len); /* field 15 */
	bytes[0] = 0xf2;                   /* ping (30), whose field 15 holds the rest */
	uint8_t *ping = malloc(len + 4);
	assert_non_null(ping);
	ping[0] = 0xf2;
	ping[1] = 0x01;
	memcpy(ping + 2, bytes + 1, len - 1);
	rig_send_bytes(client, ping, len + 1);
	rig_expect(client, LIAISON__FRAME__FRAME_PONG);
	free(ping);
	free(bytes);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	end_rig(rig);
}

/* A frame of the kind with `count` times the two bytes `element` inside. */
static uint8_t *
repeated(uint8_t kind, const uint8_t element[2], size_t count, size_t *len)
{
	size_t inner = count * 2, at = 0;
	uint8_t *bytes = malloc(inner + 8);

	assert_non_null(bytes);
	bytes[at++] = (uint8_t)(kind << 3 | 2);
	if (kind >= 16) {
		bytes[at - 1] |= 0x80;
		bytes[at++] = (uint8_t)(kind >> 4);
	}
	for (size_t value = inner; value > 0; value >>= 7)
		bytes[at++] = (uint8_t)((value & 0x7f) | (value >= 0x80 ? 0x80 : 0));
	for (size_t i = 0; i < count; i++) {
		bytes[at++] = element[0];
		bytes[at++] = element[1];
	}
	*len = at;
	return bytes;
}

static void
a_million_repeated_fields_are_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	const uint8_t item[2] = {0x2a, 0x00}, roster[2] = {0x2a, 0x00}, index[2] = {0x20, 0x00};
	size_t len, half = FRAME_BYTES_MAX / 2 - 8;
	(void)state;

	/* As many as fit a frame: empty items of a submit, roster versions of a hello, indexes of a proof request. */
	const struct {
		uint8_t kind;
		const uint8_t *element;
	} frames[] = {{3, item}, {17, index}};
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		uint8_t *bytes = repeated(frames[i].kind, frames[i].element, half, &len);
		rig_send_bytes(client, bytes, len);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
		free(bytes);
	}
	struct rig_client *fresh = rig_connect_raw(rig, PUBLISHER);
	uint8_t *bytes = repeated(1, roster, half, &len);
	rig_send_bytes(fresh, bytes, len);
	assert_int_equal(refusal_code(fresh), LIAISON__CODE__CODE_MALFORMED);
	free(bytes);
	/* 10^6 and packed, a byte each. */
	bytes = malloc(1000016);
	assert_non_null(bytes);
	memcpy(bytes, "\x8a\x01\xc5\x84\x3d\x22\xc0\x84\x3d", 9); /* proof request of 1,000,005; field 4 of 1,000,000 */
	memset(bytes + 9, 1, 1000000);
	rig_send_bytes(client, bytes, 1000009 - 1);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	bytes[2] = 0xc4;
	rig_send_bytes(client, bytes, 1000009);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	free(bytes);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(fresh);
	rig_disconnect(client);
	end_rig(rig);
}

static void
bad_bytes_in_a_frame_are_malformed(void **state)
{
	static const struct {
		const char *what, *bytes;
		size_t len;
	} rows[] = {
		{"a tag that is longer than need be", "\x9a\x80\x00\x00", 4},
		{"a length of eleven bytes", "\xf2\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 13},
		{"a number of eleven bytes", "\xf2\x01\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 15},
		{"a number above 64 bits", "\xf2\x01\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 14},
		{"a feed's name that is no UTF-8", "\x32\x07\x10\x01\x1a\x03\x61\xff\x62", 9},
		{"a feed's name with a NUL", "\x32\x07\x10\x01\x1a\x03\x61\x00\x62", 9},
		{"an overlong encoding in a name", "\x32\x06\x10\x01\x1a\x02\xc0\xaf", 8},
		{"a surrogate in a name", "\x32\x07\x10\x01\x1a\x03\xed\xa0\x80", 9},
		{"a singular field twice", "\xf2\x01\x04\x08\x01\x08\x02", 7},
		{"two kinds at once", "\xf2\x01\x02\x08\x01\xfa\x01\x02\x08\x01", 10},
		{"a length that goes past the end", "\xf2\x01\x7f\x08\x01", 5},
		{"a length of 2^63", "\xf2\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11},
		{"a number where a message belongs", "\xf2\x01\x02\x09\x01", 5},
		{"wire type 6", "\xf2\x01\x02\x0e\x01", 5},
		{"wire type 7", "\xf2\x01\x02\x0f\x01", 5},
		{"field number 0", "\xf2\x01\x02\x02\x00", 5},
		{"the end of a group that did not begin", "\xf2\x01\x01\x0c", 4},
	};
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		rig_send_bytes(client, rows[i].bytes, rows[i].len);
		Liaison__Code code = refusal_code(client);
		if (code != LIAISON__CODE__CODE_MALFORMED)
			fail_msg("%s: code %d", rows[i].what, (int)code);
	}
	rig_send_bytes(client, "", 0);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	rig_send_bytes(client, "\xc2\x3e\x00", 3); /* a frame of a later version: number 1000 */
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_UNSUPPORTED_VERSION);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	end_rig(rig);
	/* rig_free took the folder; the audit of a bad frame is asked for below. */
}

/* --- bodies ----------------------------------------------------------------------------------------------------------- */

/* Sends a body with its office's right signature over it. */
static void
send_body(struct rig *rig, struct rig_client *client, const uint8_t *bytes, size_t len)
{
	struct submission submission;
	uint8_t *copy = malloc(len + 1);

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	submission_of(&submission, rig, PUBLISHER, copy, len);
	submission_send(&submission, client);
	submission_clear(&submission);
}

static void
a_body_that_is_cut_at_any_length_is_refused(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	struct submission submission;
	struct told told = {0};
	uint64_t before = publish_route(rig, client, PUBLISHER, 1);
	(void)state;

	submission_init(&submission, rig, PUBLISHER, 2);
	for (size_t cut = 0; cut < submission.len; cut++) {
		send_body(rig, client, submission.body, cut);
		struct told one = hear_refusals(client, 1);
		told.malformed += one.malformed;
		told.others += one.others;
	}
	/* Where a field ends, what is left parses, and lacks what must be there. */
	print_message("%zu lengths malformed, %zu refused by another code\n", told.malformed, told.others);
	assert_true(told.malformed > told.others * 5);
	assert_int_equal(publish_route(rig, client, PUBLISHER, 2), before + 1);
	submission_clear(&submission);
	rig_disconnect(client);
	end_rig(rig);
}

static void
bad_bytes_in_a_signed_body_are_malformed(void **state)
{
	/* Put behind a body that is right: so each is the only thing that is wrong. Fields behind 35 keep the order. */
	static const struct {
		const char *what, *tail;
		size_t len;
	} rows[] = {
		{"an unknown field", "\xa0\x3f\x01", 3},
		{"an unknown message", "\xa2\x3f\x03\x0a\x01\x61", 6},
		{"the salt again", "\x0a\x10 0123456789abcdef", 18},
		{"a group", "\x9b\x3f\x9c\x3f", 4},
		{"fields that are not in order", "\x20\x01", 2},
		{"one byte too many", "\x00", 1},
		{"half a tag", "\xa0", 1},
	};
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	struct submission submission;
	uint8_t bytes[4096];
	(void)state;

	submission_init(&submission, rig, PUBLISHER, 2);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_true(submission.len + rows[i].len <= sizeof bytes);
		memcpy(bytes, submission.body, submission.len);
		memcpy(bytes + submission.len, rows[i].tail, rows[i].len);
		send_body(rig, client, bytes, submission.len + rows[i].len);
		Liaison__Code code = refusal_code(client);
		if (code != LIAISON__CODE__CODE_MALFORMED)
			fail_msg("%s: code %d", rows[i].what, (int)code);
	}
	publish_route(rig, client, PUBLISHER, 2);
	submission_clear(&submission);
	rig_disconnect(client);
	end_rig(rig);
}

/* Replaces the first `from` inside the body by `to` of any length, and sets the lengths around it by hand in the test. */
static size_t
replace(const struct submission *submission, const char *from, const void *to, size_t to_len, uint8_t *out)
{
	const uint8_t *found = memmem(submission->body, submission->len, from, strlen(from));
	size_t before;

	assert_non_null(found);
	before = (size_t)(found - submission->body);
	memcpy(out, submission->body, before);
	memcpy(out + before, to, to_len);
	memcpy(out + before + to_len, found + strlen(from), submission->len - before - strlen(from));
	return submission->len - strlen(from) + to_len;
}

static void
text_that_is_no_utf8_in_a_signed_body_is_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	struct submission submission;
	uint8_t bytes[4096];
	(void)state;

	submission_init(&submission, rig, PUBLISHER, 2);
	/* "dried" stands in the description; each is as long as it. */
	static const char *const texts[] = {"dri\xff"
					    "d",
		"dr\xc0\xaf"
		"d",
		"d\xed\xa0\x80"
		"d",
		"\xf4\x90\x80\x80"
		"d",
		"dri\xc3"};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		size_t len = replace(&submission, "dried", texts[i], 5, bytes);
		send_body(rig, client, bytes, len);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	}
	size_t len = replace(&submission, "dried", "dr\0ed", 5, bytes);
	send_body(rig, client, bytes, len);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	submission_clear(&submission);
	rig_disconnect(client);
	end_rig(rig);
}

static void
a_number_in_a_signed_body_that_is_longer_than_need_be_is_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	struct submission submission;
	uint8_t bytes[4096];
	(void)state;

	submission_init(&submission, rig, PUBLISHER, 2);
	/* status ACTUAL: 20 01. As 81 00, as 81 80 80 80 80 80 80 80 80 00, and as eleven bytes. */
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {{"\x20\x81\x00\x28\x01", 5}, {"\x20\x81\x80\x80\x80\x80\x80\x80\x80\x80\x00\x28\x01", 13},
		{"\x20\x81\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x28\x01", 14}, {"\xa0\x00\x01\x28\x01", 5}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		size_t len = replace(&submission, "\x20\x01\x28\x01", rows[i].bytes, rows[i].len, bytes);
		send_body(rig, client, bytes, len);
		assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	}
	submission_clear(&submission);
	rig_disconnect(client);
	end_rig(rig);
}

static void
a_body_of_nothing_but_nesting_or_repetition_is_malformed(void **state)
{
	struct rig *rig = patient_rig();
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	size_t len;
	(void)state;

	uint8_t *bytes =
		nested(0xe2, 10000, &len); /* one byte of the tag of `where`: an unknown field, and so on down */
	send_body(rig, client, bytes, len);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	free(bytes);
	bytes = malloc(64000);
	assert_non_null(bytes);
	memset(bytes, 0x0b, 30000);
	send_body(rig, client, bytes, 30000);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	for (size_t i = 0; i < 32000; i++)
		memcpy(bytes + 2 * i, "\x32\x00", 2); /* references, all empty */
	send_body(rig, client, bytes, 64000);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_MALFORMED);
	free(bytes);
	/* Greater than any body: too large, whatever it holds. */
	bytes = calloc(1, BODY_BYTES_MAX + 1);
	assert_non_null(bytes);
	send_body(rig, client, bytes, BODY_BYTES_MAX + 1);
	assert_int_equal(refusal_code(client), LIAISON__CODE__CODE_TOO_LARGE);
	free(bytes);
	publish_route(rig, client, PUBLISHER, 1);
	rig_disconnect(client);
	end_rig(rig);
}

/* --- floods ------------------------------------------------------------------------------------------------------------ */

static void
a_flood_of_malformed_frames_ends_the_session_and_no_other(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *flooder = rig_connect(rig, PUBLISHER), *other = rig_connect(rig, NEIGHBOUR);
	(void)state;

	for (int i = 0; i <= rig->config.malformed_max; i++)
		rig_send_bytes(flooder, "\x1a\x7f\x00", 3);
	assert_int_equal(await_end(flooder), LIAISON__CODE__CODE_MALFORMED);
	sync_with(other);
	/* It may come back: a program with a fault is not locked out for ever. */
	rig_disconnect(flooder);
	flooder = rig_connect(rig, PUBLISHER);
	publish_route(rig, flooder, PUBLISHER, 1);
	rig_disconnect(flooder);
	rig_disconnect(other);
	rig_stop(rig, SIGTERM);
	assert_int_equal(audit_count(rig, LIAISON_MALFORMED, PUBLISHER), (size_t)rig->config.malformed_max + 1);
	rig_free(rig);
}

static void
a_flood_of_malformed_bodies_ends_the_session(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *flooder = rig_connect(rig, PUBLISHER);
	(void)state;

	for (int i = 0; i <= rig->config.malformed_max; i++) {
		send_body(rig, flooder, (const uint8_t *)"\xff", 1);
		if (i < rig->config.malformed_max)
			assert_int_equal(refusal_code(flooder), LIAISON__CODE__CODE_MALFORMED);
	}
	assert_int_equal(await_end(flooder), LIAISON__CODE__CODE_MALFORMED);
	rig_disconnect(flooder);
	rig_stop(rig, SIGTERM);
	assert_int_equal(audit_count(rig, LIAISON_MALFORMED, PUBLISHER), (size_t)rig->config.malformed_max + 1);
	assert_int_equal(log_count(rig, RECORD_ALERT, NULL, NULL), 0);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_that_is_cut_at_any_length_is_malformed),
		cmocka_unit_test(other_frames_that_are_cut_are_malformed),
		cmocka_unit_test(thirty_kilobytes_of_nesting_are_malformed),
		cmocka_unit_test(a_million_repeated_fields_are_malformed),
		cmocka_unit_test(bad_bytes_in_a_frame_are_malformed),
		cmocka_unit_test(a_body_that_is_cut_at_any_length_is_refused),
		cmocka_unit_test(bad_bytes_in_a_signed_body_are_malformed),
		cmocka_unit_test(text_that_is_no_utf8_in_a_signed_body_is_malformed),
		cmocka_unit_test(a_number_in_a_signed_body_that_is_longer_than_need_be_is_malformed),
		cmocka_unit_test(a_body_of_nothing_but_nesting_or_repetition_is_malformed),
		cmocka_unit_test(a_flood_of_malformed_frames_ends_the_session_and_no_other),
		cmocka_unit_test(a_flood_of_malformed_bodies_ends_the_session),
	};
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
