/* The ground that everything stands on: errors, bytes, digests. */
#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/frame.pb-c.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <setjmp.h>

#include <cmocka.h>

#define CODES_END 128

/* --- errors ------------------------------------------------------------------------------------------------------- */

static bool
is_code(int code)
{
	return strcmp(err_name((enum liaison_err)code), err_name((enum liaison_err)CODES_END)) != 0;
}

static void
each_code_has_its_own_name_and_a_sentence(void **state)
{
	(void)state;
	int codes = 0;

	for (int code = 0; code < CODES_END; code++) {
		if (!is_code(code))
			continue;
		const char *name = err_name((enum liaison_err)code), *meaning = err_meaning((enum liaison_err)code);
		codes++;
		assert_int_equal(err_from_name(name), code);
		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz-") == strlen(name));
		assert_true(strlen(meaning) > 0 && meaning[strlen(meaning) - 1] == '.');
	}
	assert_true(codes > 30);
	assert_int_equal(err_from_name("no-such-code"), LIAISON_OK);
	assert_int_equal(err_from_name(""), LIAISON_OK);
}

/* frame.proto's Code and the refusals of err.h are one list. */
static void
refusals_are_those_of_the_wire(void **state)
{
	(void)state;
	const ProtobufCEnumDescriptor *wire = &liaison__code__descriptor;
	unsigned on_wire = 0;

	for (int code = 1; code < CODES_END; code++) {
		const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(wire, code);
		assert_int_equal(value != NULL, err_is_refusal((enum liaison_err)code));
		if (value == NULL)
			continue;
		char name[64] = {0};
		const char *from = value->name + strlen("CODE_");
		for (size_t i = 0; from[i] != '\0'; i++)
			name[i] = from[i] == '_' ? '-' : (char)(from[i] - 'A' + 'a');
		assert_string_equal(err_name((enum liaison_err)code), name);
		on_wire++;
	}
	assert_int_equal(on_wire + 1, wire->n_values); /* and CODE_OK */
	assert_false(err_is_refusal(LIAISON_OK));
}

static void
only_refusals_for_now_are_tried_again(void **state)
{
	(void)state;
	for (int code = 0; code < CODES_END; code++) {
		bool for_now = code == LIAISON_CLOCK_AHEAD || code == LIAISON_RATE_LIMITED ||
			       code == LIAISON_STORAGE_FULL || code == LIAISON_READ_ONLY ||
			       code == LIAISON_ROSTER_EXPIRED;
		assert_int_equal(err_is_for_now((enum liaison_err)code), for_now);
		if (for_now)
			assert_int_equal(err_exit_code((enum liaison_err)code), EX_TEMPFAIL);
	}
}

static void
exit_codes_are_those_that_are_promised(void **state)
{
	(void)state;
	static const int promised[] = {0, 1, 64, 65, 69, 70, 74, 75, 76, 77, 78};

	for (int code = 0; code < CODES_END; code++) {
		int exit_code = err_exit_code((enum liaison_err)code);
		bool found = false;
		for (size_t i = 0; i < sizeof promised / sizeof promised[0]; i++)
			found = found || promised[i] == exit_code;
		if (!found || (exit_code == 0) != (code == 0))
			fail_msg("%s ends with %d", err_name((enum liaison_err)code), exit_code);
	}
	assert_int_equal(err_exit_code(LIAISON_BAD_SIGNATURE), 65);
	assert_int_equal(err_exit_code(LIAISON_NOT_PERMITTED), 77);
	assert_int_equal(err_exit_code(LIAISON_BAD_CONFIG), 78);
	assert_int_equal(err_exit_code(LIAISON_UNREACHABLE), 69);
	assert_int_equal(err_exit_code(LIAISON_DEFERRED), 75);
	assert_int_equal(err_exit_code(LIAISON_BAD_USAGE), 64);
	assert_int_equal(err_exit_code(LIAISON_UNSUPPORTED_VERSION), 76);
	assert_int_equal(err_exit_code(LIAISON_TOO_LARGE), 65); /* a file that could not be parsed */
	assert_int_equal(err_refusal_exit(LIAISON_TOO_LARGE), 77);
	assert_int_equal(err_refusal_exit(LIAISON_MALFORMED), 65);
	assert_int_equal(err_refusal_exit(LIAISON_EXPIRED), 77);
	assert_int_equal(err_refusal_exit(LIAISON_STORAGE_FULL), 75);
}

static void
of_many_exits_the_worst_counts(void **state)
{
	(void)state;
	static const int order[] = {70, 76, 78, 74, 77, 65, 69, 75, 64, 1, 0};
	const size_t count = sizeof order / sizeof order[0];

	for (size_t i = 0; i < count; i++)
		for (size_t j = i; j < count; j++) {
			assert_int_equal(err_worse_exit(order[i], order[j]), order[i]);
			assert_int_equal(err_worse_exit(order[j], order[i]), order[i]);
		}
}

static void
a_fault_is_cut_between_characters(void **state)
{
	(void)state;
	/* One, two, three and four bytes a character, from each possible offset. */
	static const char *const characters[] = {"x", "\xc3\xb6", "\xe1\x9e\x81", "\xf0\x9f\x9a\xa2"};
	const size_t room = LIAISON_FAULT_BYTES - 1;

	for (size_t c = 0; c < 4; c++)
		for (size_t before = 0; before < 4; before++) {
			char text[3 * LIAISON_FAULT_BYTES];
			size_t size = strlen(characters[c]), len = before;
			struct fault fault;
			memset(text, '.', before);
			for (; len < 2 * LIAISON_FAULT_BYTES; len += size)
				memcpy(text + len, characters[c], size);
			text[len] = '\0';
			assert_int_equal(fault_set(&fault, LIAISON_STALE, "%s", text), LIAISON_STALE);
			assert_int_equal(fault.code, LIAISON_STALE);
			assert_int_equal(strlen(fault.message), room - (room - before) % size);
			assert_memory_equal(fault.message, text, strlen(fault.message));
		}
}

static void
a_fault_says_all_that_fits(void **state)
{
	(void)state;
	struct fault fault;

	assert_int_equal(fault_set(NULL, LIAISON_IO, "%d", 1), LIAISON_IO);
	assert_int_equal(fault_errno(NULL, LIAISON_IO, ENOENT, "open"), LIAISON_IO);
	assert_int_equal(fault_set(&fault, LIAISON_IO, "\xc3\xb6%s", "\xe1\x9e\x81"), LIAISON_IO);
	assert_string_equal(fault.message, "\xc3\xb6\xe1\x9e\x81");
	assert_int_equal(fault_set(&fault, LIAISON_IO, "%s", ""), LIAISON_IO);
	assert_string_equal(fault.message, "");
	assert_int_equal(fault_errno(&fault, LIAISON_IO, ENOENT, "open %s", "/x"), LIAISON_IO);
	assert_string_equal(fault.message, "open /x: No such file or directory");
	assert_int_equal(fault_errno(&fault, LIAISON_IO, ENOENT, "%600s", "x"), LIAISON_IO);
	assert_int_equal(strlen(fault.message), LIAISON_FAULT_BYTES - 1);
}

static void
a_fault_can_be_shown_and_sent_whatever_it_quotes(void **state)
{
	(void)state;
	static const char *const texts[][2] = {
		/* Cut by the format inside a character, which a broker's refusal would carry into a frame. */
		{"\xe1\x9e\x81\xe1\x9e\x82", "\xe1\x9e\x81?."},
		{"a\xc3\xb6\xc3\xb6", "a\xc3\xb6?."},
		{"\xff\xfe"
		 "a",
			"??a."},
		{"\x80\x80"
		 "ab",
			"?ab."},
		{"\xed\xa0\x80"
		 "ab",
			"?a."},
		/* What a terminal obeys: ESC, CSI as one character, line ends, DEL. */
		{"\x1b[2J", "?[2J."},
		{"\xc2\x9b"
		 "2J",
			"?2J."},
		{"a\r\n\x7f", "a???."},
	};
	struct fault fault;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(fault_set(&fault, LIAISON_BAD_CODE, "%.4s.", texts[i][0]), LIAISON_BAD_CODE);
		assert_string_equal(fault.message, texts[i][1]);
	}
	assert_int_equal(fault_errno(&fault, LIAISON_IO, ENOENT, "open %s", "\x1b"), LIAISON_IO);
	assert_string_equal(fault.message, "open ?: No such file or directory");
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static void
a_buf_fills_to_its_maximum_and_no_further(void **state)
{
	(void)state;
	static const size_t maxima[] = {1, 5, 255, 256, 257, 1000, 4096, 70000};

	for (size_t m = 0; m < sizeof maxima / sizeof maxima[0]; m++) {
		struct buf buf;
		buf_init(&buf, maxima[m]);
		for (size_t i = 0; i < maxima[m]; i++)
			buf_put_u8(&buf, (uint8_t)i);
		assert_int_equal(buf_check(&buf), LIAISON_OK);
		assert_int_equal(buf.len, maxima[m]);
		buf_put_u8(&buf, 0);
		assert_int_equal(buf_check(&buf), LIAISON_TOO_LARGE);
		assert_int_equal(buf.len, maxima[m]);
		for (size_t i = 0; i < maxima[m]; i++)
			assert_int_equal(buf.data[i], (uint8_t)i);
		buf_clear(&buf);
	}
}

static void
a_failed_write_sticks_until_reset(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 4);
	buf_put(&buf, "abc", 3);
	buf_put_be16(&buf, 1);
	assert_int_equal(buf_check(&buf), LIAISON_TOO_LARGE);
	buf_put_u8(&buf, 'x'); /* would fit, comes after a gap */
	assert_int_equal(buf.len, 3);
	assert_null(buf_extend(&buf, 1));
	assert_null(buf_extend(&buf, SIZE_MAX));
	buf_reset(&buf);
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	assert_int_equal(buf.len, 0);
	buf_put_text(&buf, "wxyz");
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	assert_memory_equal(buf.data, "wxyz", 4);
	assert_null(buf_extend(&buf, SIZE_MAX));
	assert_int_equal(buf_check(&buf), LIAISON_TOO_LARGE);
	buf_clear(&buf);
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	buf_put(&buf, NULL, 0);
	assert_non_null(buf_extend(&buf, 0));
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	buf_clear(&buf);
}

static void
formatted_text_needs_no_room_for_its_nul(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 5);
	buf_put_format(&buf, "%s-%d", "ab", 12);
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	assert_int_equal(buf.len, 5);
	assert_memory_equal(buf.data, "ab-12", 5);
	buf_put_format(&buf, "%s", "");
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	buf_put_format(&buf, "%d", 1);
	assert_int_equal(buf_check(&buf), LIAISON_TOO_LARGE);
	buf_clear(&buf);

	buf_init(&buf, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_put_format(&buf, "%0255d;", i);
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	assert_int_equal(buf.len, 256000);
	assert_memory_equal(buf.data + 255995, "0999;", 5);
	buf_clear(&buf);
}

static void
what_is_written_is_read(void **state)
{
	(void)state;
	struct buf buf;
	struct reader reader;
	char text[4] = "???";

	buf_init(&buf, 100);
	buf_put_u8(&buf, 0xfe);
	buf_put_be16(&buf, 0x1234);
	buf_put_be32(&buf, 0xdeadbeef);
	buf_put_be64(&buf, UINT64_C(0x0102030405060708));
	buf_put_text(&buf, "end");
	assert_int_equal(buf_check(&buf), LIAISON_OK);
	assert_memory_equal(buf.data,
		"\xfe\x12\x34\xde\xad\xbe\xef\x01\x02\x03\x04\x05\x06\x07\x08"
		"end",
		buf.len);

	reader_init(&reader, buf.data, buf.len);
	assert_int_equal(reader_u8(&reader), 0xfe);
	assert_int_equal(reader_be16(&reader), 0x1234);
	assert_int_equal(reader_be32(&reader), 0xdeadbeef);
	assert_int_equal(reader_be64(&reader), UINT64_C(0x0102030405060708));
	reader_copy(&reader, text, 3);
	assert_string_equal(text, "end");
	assert_int_equal(reader.left, 0);
	assert_false(reader.failed);
	buf_clear(&buf);
}

static void
a_read_past_the_end_sticks(void **state)
{
	(void)state;
	static const uint8_t bytes[] = {1, 2, 3};
	uint8_t out[2] = {9, 9};
	struct reader reader;

	reader_init(&reader, bytes, sizeof bytes);
	assert_ptr_equal(reader_take(&reader, 3), bytes);
	assert_false(reader.failed);
	reader_init(&reader, bytes, sizeof bytes);
	assert_int_equal(reader_be32(&reader), 0);
	assert_true(reader.failed);
	assert_int_equal(reader_u8(&reader), 0); /* there is one, but what stands before it is missing */
	reader_copy(&reader, out, sizeof out);
	assert_int_equal(out[0] | out[1], 0);
	assert_null(reader_take(&reader, 0));
	reader_init(&reader, bytes, sizeof bytes);
	assert_null(reader_take(&reader, SIZE_MAX));
	assert_true(reader.failed);
	reader_init(&reader, NULL, 0);
	(void)reader_take(&reader, 0);
	assert_false(reader.failed);
	assert_int_equal(reader_u8(&reader), 0);
	assert_true(reader.failed);
}

static void
a_blob_lives_as_long_as_its_last_holder(void **state)
{
	(void)state;
	struct blob *blob = blob_new("bytes", 5);

	assert_non_null(blob);
	assert_ptr_equal(blob_ref(blob), blob);
	blob_unref(blob);
	assert_int_equal(blob->len, 5);
	assert_memory_equal(blob->data, "bytes", 5);
	blob_unref(blob);
	blob_unref(NULL);
	assert_null(blob_new(NULL, SIZE_MAX));
}

static void
digests_are_sha_256(void **state)
{
	(void)state;
	struct digest digest;
	char hex[DIGEST_HEX_BYTES];

	/* FIPS 180-4's example "abc". */
	digest_sha256("abc", 3, &digest);
	digest_hex(&digest, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int
main(void)
{
	const struct CMUnitTest errors[] = {
		cmocka_unit_test(each_code_has_its_own_name_and_a_sentence),
		cmocka_unit_test(refusals_are_those_of_the_wire),
		cmocka_unit_test(only_refusals_for_now_are_tried_again),
		cmocka_unit_test(exit_codes_are_those_that_are_promised),
		cmocka_unit_test(of_many_exits_the_worst_counts),
		cmocka_unit_test(a_fault_is_cut_between_characters),
		cmocka_unit_test(a_fault_says_all_that_fits),
		cmocka_unit_test(a_fault_can_be_shown_and_sent_whatever_it_quotes),
	};
	const struct CMUnitTest bytes[] = {
		cmocka_unit_test(a_buf_fills_to_its_maximum_and_no_further),
		cmocka_unit_test(a_failed_write_sticks_until_reset),
		cmocka_unit_test(formatted_text_needs_no_room_for_its_nul),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_read_past_the_end_sticks),
		cmocka_unit_test(a_blob_lives_as_long_as_its_last_holder),
		cmocka_unit_test(digests_are_sha_256),
	};

	return cmocka_run_group_tests(errors, NULL, NULL) + cmocka_run_group_tests(bytes, NULL, NULL);
}
