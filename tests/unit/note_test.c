#include "broker/note.h"

#include "proto/base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int saved_stderr;
static FILE *captured;

static int
capture(void **state)
{
	(void)state;
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	captured = tmpfile();
	note_set_level(NOTE_INFO);
	return captured == NULL || saved_stderr < 0 || dup2(fileno(captured), STDERR_FILENO) < 0;
}

static int
release(void **state)
{
	(void)state;
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	return fclose(captured);
}

/* All that was noted so far. */
static const char *
noted(void)
{
	static char text[16384];

	fseek(captured, 0, SEEK_SET);
	text[fread(text, 1, sizeof text - 1, captured)] = '\0';
	return text;
}

static void
a_note_is_a_line_with_time_level_event_and_values(void **state)
{
	const char *text;
	int64_t at;

	(void)state;
	note(NOTE_INFO, "alert-accepted", "office=%s index=%d", "kh.blo.poipet", 42);
	note(NOTE_ERROR, "log-failed", "%s", "");
	text = noted();
	const char *first = strchr(text, ' ');
	assert_non_null(first);
	assert_memory_equal(text, "time=", 5);
	assert_int_equal(time_parse(text + 5, (size_t)(first - text - 5), &at), LIAISON_OK);
	assert_non_null(strstr(text, " level=info event=alert-accepted office=kh.blo.poipet index=42\n"));
	assert_non_null(strstr(text, " level=error event=log-failed"));
}

static void
a_level_that_is_off_writes_nothing(void **state)
{
	(void)state;
	note(NOTE_DEBUG, "tick", "n=1");
	assert_string_equal(noted(), "");
	assert_false(note_is_on(NOTE_DEBUG));
	note_set_level(NOTE_DEBUG);
	assert_true(note_is_on(NOTE_DEBUG));
	note(NOTE_DEBUG, "tick", "n=2");
	assert_non_null(strstr(noted(), "level=debug event=tick n=2\n"));
}

static void
what_was_not_quoted_cannot_begin_a_line(void **state)
{
	(void)state;
	note(NOTE_WARNING, "refused", "reason=%s", "x\nlevel=error event=forged\x1b[2J");
	const char *text = noted();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\x1b'));
}

static void
a_line_that_is_too_long_is_cut_and_still_a_line(void **state)
{
	char huge[5000];

	(void)state;
	memset(huge, 'a', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	note(NOTE_INFO, "big", "v=%s", huge);
	note(NOTE_INFO, "next", "v=1");
	const char *text = noted();
	const char *end = strchr(text, '\n');
	assert_non_null(end);
	assert_true(end - text < 4096);
	assert_non_null(strstr(end + 1, "event=next v=1\n"));
}

static const struct {
	const char *given, *expected;
} quotes[] = {
	{"", "\"\""}, {NULL, "\"\""}, {"two words", "\"two words\""}, {"a\"b\\c", "\"a\\\"b\\\\c\""},
	{"line\nnext\t\x7f", "\"line\\x0anext\\x09\\x7f\""}, {"\xe1\x9e\x80", "\"\xe1\x9e\x80\""}, /* Khmer ka */
	{"\xc2\x9b"
	 "31m",
		"\"\\xc2\\x9b31m\""}, /* CSI of a terminal */
	{"\xe2\x80\xae"
	 "abc",
		"\"\\xe2\\x80\\xaeabc\""}, /* right-to-left override */
	{"\xff\xc3", "\"\\xff\\xc3\""},    /* not UTF-8 */
	{"\xe1\x9e", "\"\\xe1\\x9e\""},    /* cut short */
};

static void
a_quoted_value_holds_nothing_that_acts(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof quotes / sizeof quotes[0]; i++)
		assert_string_equal(note_quote(quotes[i].given, out), quotes[i].expected);
}

static void
a_quoted_value_is_cut_and_says_so(void **state)
{
	char given[1000];
	struct {
		char out[256];
		char guard[8];
	} room;
	static const char *const fills[] = {"a", "\n", "\"", "\xf0\x9f\x9a\xa2", "\xf0"};

	(void)state;
	for (size_t i = 0; i < sizeof fills / sizeof fills[0]; i++) {
		size_t unit = strlen(fills[i]), used = 0;
		for (; used + unit < sizeof given; used += unit)
			memcpy(given + used, fills[i], unit);
		given[used] = '\0';
		memset(&room, 'g', sizeof room);
		note_quote(given, room.out);
		assert_memory_equal(room.guard, "gggggggg", sizeof room.guard);
		size_t len = strnlen(room.out, sizeof room.out);
		assert_true(len < sizeof room.out && len >= 200);
		assert_string_equal(room.out + len - 4, "...\"");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_note_is_a_line_with_time_level_event_and_values, capture, release),
		cmocka_unit_test_setup_teardown(a_level_that_is_off_writes_nothing, capture, release),
		cmocka_unit_test_setup_teardown(what_was_not_quoted_cannot_begin_a_line, capture, release),
		cmocka_unit_test_setup_teardown(a_line_that_is_too_long_is_cut_and_still_a_line, capture, release),
		cmocka_unit_test(a_quoted_value_holds_nothing_that_acts),
		cmocka_unit_test(a_quoted_value_is_cut_and_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
