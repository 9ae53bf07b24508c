/* The ground that everything stands on: errors, bytes, time, randomness. */
#include "proto/base/buf.h"
#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/base/time.h"
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

#define SEED UINT64_C(42)
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

/* --- time --------------------------------------------------------------------------------------------------------- */

static void
instants_have_one_way_to_be_written(void **state)
{
	(void)state;
	static const struct {
		int64_t at_ms;
		const char *text;
	} rows[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1, "1970-01-01T00:00:00.001Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{-1000, "1969-12-31T23:59:59Z"},
		{INT64_C(951782400000), "2000-02-29T00:00:00Z"},
		{INT64_C(951868800000), "2000-03-01T00:00:00Z"},
		{INT64_C(1709164800000), "2024-02-29T00:00:00Z"},
		{INT64_C(4107542400000), "2100-03-01T00:00:00Z"},
		{INT64_C(4107456000000), "2100-02-28T00:00:00Z"},
		{INT64_C(1234567890120), "2009-02-13T23:31:30.120Z"},
		{INT64_C(2147483648000), "2038-01-19T03:14:08Z"},
		{INT64_C(-62135596800000), "0001-01-01T00:00:00Z"},
		{INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
	};
	static const int64_t out_of_range[] = {
		INT64_MIN, INT64_MIN + 1, INT64_C(-62135596800001), INT64_C(253402300800000), INT64_MAX - 1, INT64_MAX};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[RFC3339_BYTES];
		int64_t at_ms;
		time_format(rows[i].at_ms, text);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(time_parse(text, strlen(text), &at_ms), LIAISON_OK);
		assert_int_equal(at_ms, rows[i].at_ms);
	}
	for (size_t i = 0; i < sizeof out_of_range / sizeof out_of_range[0]; i++) {
		char text[RFC3339_BYTES];
		time_format(out_of_range[i], text);
		assert_string_equal(text, "out-of-range");
	}
}

static void
other_spellings_are_understood(void **state)
{
	(void)state;
	static const struct {
		const char *text, *means;
	} rows[] = {
		{"2024-02-29t12:00:00z", "2024-02-29T12:00:00Z"},
		{"2024-02-29T12:00:00+00:00", "2024-02-29T12:00:00Z"},
		{"2024-02-29T12:00:00-00:00", "2024-02-29T12:00:00Z"},
		{"2024-03-01T00:30:00+07:00", "2024-02-29T17:30:00Z"},
		{"2023-12-31T20:00:00-05:30", "2024-01-01T01:30:00Z"},
		{"2024-01-01T05:45:00+05:45", "2024-01-01T00:00:00Z"},
		{"2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500Z"},
		{"2024-01-01T00:00:00.05Z", "2024-01-01T00:00:00.050Z"},
		{"2024-01-01T00:00:00.1239999999999999999999Z", "2024-01-01T00:00:00.123Z"},
		{"2024-01-01T00:00:00.000Z", "2024-01-01T00:00:00Z"},
		{"2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"},
		{"2016-12-31T23:59:60.5Z", "2016-12-31T23:59:59.500Z"},
		{"2017-01-01T06:59:60+07:00", "2016-12-31T23:59:59Z"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t at_ms = 0;
		char text[RFC3339_BYTES];
		if (time_parse(rows[i].text, strlen(rows[i].text), &at_ms) != LIAISON_OK)
			fail_msg("%s is not understood", rows[i].text);
		time_format(at_ms, text);
		assert_string_equal(text, rows[i].means);
	}
}

static void
junk_is_no_time(void **state)
{
	(void)state;
	static const char *const junk[] = {"", "Z", "2024", "2024-02-29", "2024-02-29T12:00:00", "2024-02-29T12:00Z",
		"2024-02-29 12:00:00Z", "2023-02-29T12:00:00Z", "1900-02-29T12:00:00Z", "2100-02-29T12:00:00Z",
		"2024-02-30T12:00:00Z", "2024-04-31T12:00:00Z", "2024-00-01T12:00:00Z", "2024-13-01T12:00:00Z",
		"2024-01-00T12:00:00Z", "2024-01-32T12:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T12:60:00Z",
		"2024-01-01T12:00:61Z", "2024-01-01T12:00:60Z", "2024-01-01T23:59:60+01:00", "2024-01-01T12:00:00.Z",
		"2024-01-01T12:00:00,5Z", "2024-01-01T12:00:00+7:00", "2024-01-01T12:00:00+0700",
		"2024-01-01T12:00:00+24:00", "2024-01-01T12:00:00+07:60", "2024-01-01T12:00:00+07",
		"2024-1-1T12:00:00Z", "2024-01-01T12:00:00ZZ", "2024-01-01T12:00:00Z ", " 2024-01-01T12:00:00Z",
		"+024-01-01T12:00:00Z", "-024-01-01T12:00:00Z", "0000-01-01T12:00:00Z", "20240101T120000Z",
		"2024-01-01T12:00:0xZ", "2024-01-01T12:00:00\xef\xbc\xba", "0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01", "out-of-range"};

	for (size_t i = 0; i < sizeof junk / sizeof junk[0]; i++) {
		int64_t at_ms = 77;
		if (time_parse(junk[i], strlen(junk[i]), &at_ms) != LIAISON_MALFORMED)
			fail_msg("\"%s\" is taken for a time", junk[i]);
		assert_int_equal(at_ms, 77);
	}
	/* Cut anywhere, and with a NUL inside. */
	const char whole[] = "2024-01-01T12:00:00.125+07:00";
	int64_t at_ms;
	for (size_t len = 0; len + 1 < sizeof whole; len++)
		assert_int_equal(time_parse(whole, len, &at_ms), LIAISON_MALFORMED);
	assert_int_equal(time_parse(whole, sizeof whole - 1, &at_ms), LIAISON_OK);
	assert_int_equal(time_parse(whole, sizeof whole, &at_ms), LIAISON_MALFORMED);
}

static void
any_instant_survives_being_written(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	const uint64_t span = UINT64_C(253402300800000) + UINT64_C(62135596800000);
	int64_t before_ms = 0;
	char before[RFC3339_BYTES] = "1970-01-01T00:00:00Z";

	print_message("seed %llu\n", (unsigned long long)SEED);
	for (int i = 0; i < 100000; i++) {
		uint64_t draw;
		char text[RFC3339_BYTES];
		int64_t again = 0;
		rng_fill(&rng, &draw, sizeof draw);
		int64_t at_ms = (int64_t)(draw % span) - INT64_C(62135596800000);
		time_format(at_ms, text);
		assert_int_equal(time_parse(text, strlen(text), &again), LIAISON_OK);
		assert_int_equal(again, at_ms);
		/* And text sorts as time does, by whole seconds. */
		if (before_ms / 1000 != at_ms / 1000)
			assert_int_equal(strncmp(before, text, 19) < 0, before_ms < at_ms);
		before_ms = at_ms;
		memcpy(before, text, sizeof before);
	}
}

static void
the_machines_clock_goes(void **state)
{
	(void)state;
	const struct clock *clock = clock_system();
	int64_t first = clock->monotonic_ms(clock->arg);

	assert_true(clock->now_ms(clock->arg) > INT64_C(1700000000000));
	assert_true(clock->monotonic_ms(clock->arg) >= first);
}

/* --- randomness --------------------------------------------------------------------------------------------------- */

static void
a_seed_replays(void **state)
{
	(void)state;
	struct rng_seeded a_state, b_state, c_state;
	struct rng a = rng_from_seed(&a_state, SEED), b = rng_from_seed(&b_state, SEED),
		   c = rng_from_seed(&c_state, SEED + 1);
	uint8_t from_a[64], from_b[64], from_c[64], earlier[64] = {0};

	for (int i = 0; i < 100; i++) {
		rng_fill(&a, from_a, sizeof from_a);
		rng_fill(&b, from_b, sizeof from_b);
		rng_fill(&c, from_c, sizeof from_c);
		assert_memory_equal(from_a, from_b, sizeof from_a);
		assert_memory_not_equal(from_a, from_c, sizeof from_a);
		assert_memory_not_equal(from_a, earlier, sizeof from_a);
		memcpy(earlier, from_a, sizeof earlier);
	}
	rng_fill(rng_system(), from_a, sizeof from_a);
	rng_fill(rng_system(), from_b, sizeof from_b);
	assert_memory_not_equal(from_a, from_b, sizeof from_a);
}

/* Chi-squared with bound - 1 degrees of freedom, at most six standard deviations off: with a fixed seed, no flaking. */
static void
draws_below_a_bound_are_uniform(void **state)
{
	(void)state;
	static const uint32_t bounds[] = {1, 2, 3, 7, 10, 64, 100};
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);

	for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
		const uint32_t bound = bounds[b], draws = 20000;
		uint32_t counts[100] = {0};
		double chi_squared = 0, expected = (double)draws / bound;
		for (uint32_t i = 0; i < draws; i++) {
			uint32_t draw = rng_below(&rng, bound);
			assert_true(draw < bound);
			counts[draw]++;
		}
		for (uint32_t i = 0; i < bound; i++)
			chi_squared += (counts[i] - expected) * (counts[i] - expected) / expected;
		/* Variance of chi-squared is twice its degrees of freedom. */
		double excess = chi_squared - (bound - 1);
		assert_true(excess <= 0 || excess * excess <= 36 * 2.0 * (bound - 1));
	}
	/* Half of what a plain modulo gives would fall into the lower third of this range. */
	uint32_t low = 0;
	for (int i = 0; i < 20000; i++)
		low += rng_below(&rng, UINT32_C(0xc0000000)) < UINT32_C(0x40000000);
	assert_true(low > 6000 && low < 7400);
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
	const struct CMUnitTest time_and_chance[] = {
		cmocka_unit_test(instants_have_one_way_to_be_written),
		cmocka_unit_test(other_spellings_are_understood),
		cmocka_unit_test(junk_is_no_time),
		cmocka_unit_test(any_instant_survives_being_written),
		cmocka_unit_test(the_machines_clock_goes),
		cmocka_unit_test(a_seed_replays),
		cmocka_unit_test(draws_below_a_bound_are_uniform),
	};

	return cmocka_run_group_tests(errors, NULL, NULL) + cmocka_run_group_tests(bytes, NULL, NULL) +
	       cmocka_run_group_tests(time_and_chance, NULL, NULL);
}
