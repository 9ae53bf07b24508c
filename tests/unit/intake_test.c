/* Alerts from files and pipes: lines or one object, bounded, and taken up again where they stood. */
#include "agents/intake.h"

#include "proto/json.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), LIAISON_OK)

static char *folder;

static int
set_up(void **state)
{
	(void)state;
	folder = folder_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	folder_remove(folder);
	return 0;
}

static struct intake *
open_text(const char *name, const char *text)
{
	struct intake *intake = NULL;
	struct fault fault;
	char path[4096];

	folder_write(folder, name, text);
	snprintf(path, sizeof path, "%s/%s", folder, name);
	OK(intake_open(path, &intake, &fault));
	return intake;
}

/* What comes out, as "LINE:TEXT|LINE:TEXT|", "!" for a bad one. */
static void
read_all(struct intake *intake, char *out, size_t size)
{
	const char *text = NULL;
	size_t len = 0, used = 0;
	uint64_t line = 0;
	struct fault fault;

	out[0] = '\0';
	for (;;) {
		enum intake_result result = intake_next(intake, &text, &len, &line, &fault);
		assert_int_not_equal(result, INTAKE_FAILED);
		if (result == INTAKE_END)
			return;
		used += (size_t)snprintf(out + used, size - used, "%d:%.*s|", (int)line,
			result == INTAKE_BAD ? 1 : (int)len, result == INTAKE_BAD ? "!" : text);
	}
}

static void
the_form_is_seen(void **state)
{
	static const struct {
		const char *name, *text, *comes_out;
	} rows[] = {
		{"a.json", "{\"a\":1}", "1:{\"a\":1}|"},
		{"a.json", "{\"a\":1}\n{\"b\":2}\n", "1:{\"a\":1}|2:{\"b\":2}|"},
		{"a.json", "{\"a\":1}\r\n\r\n{\"b\":2}", "1:{\"a\":1}\r|3:{\"b\":2}|"},
		{"a.json", "{\n \"a\": 1\n}\n", "1:{\n \"a\": 1\n}\n|"},
		{"a.json", "{\"a\":\n{\"b\":2}}\n", "1:{\"a\":|2:{\"b\":2}}|"}, /* a second line with a brace: lines */
		{"a.json", "{\"a\": \"}\n", "1:{\"a\": \"}\n|"},                /* a brace in a string closes nothing */
		{"a.json", "\xef\xbb\xbf{\"a\":1}\n", "1:{\"a\":1}|"},
		{"a.jsonl", "{\"a\":\n1}\n", "1:{\"a\":|2:1}|"}, /* by name */
		{"a.jsonl", "{\"broken\n{\"b\":2}\n", "1:{\"broken|2:{\"b\":2}|"},
		{"a.json", "", ""},
		{"a.json", " \n\n", ""},
		{"a.json", "nonsense", "1:nonsense|"},
	};
	char out[512];

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct intake *intake = open_text(rows[i].name, rows[i].text);
		read_all(intake, out, sizeof out);
		if (strcmp(out, rows[i].comes_out) != 0)
			fail_msg("row %zu: \"%s\"", i, out);
		intake_close(intake);
	}
}

static void
a_long_line_is_passed_over_and_the_next_one_comes(void **state)
{
	static const size_t lengths[] = {JSON_LINE_BYTES_MAX, JSON_LINE_BYTES_MAX + 1, 2 * JSON_LINE_BYTES_MAX,
		2 * JSON_LINE_BYTES_MAX + 1, 5000000};
	char *text = malloc(5000100);
	const char *got = NULL;
	size_t len = 0;
	uint64_t line = 0;
	struct fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		memset(text, 'x', lengths[i]);
		strcpy(text + lengths[i], "\n{\"b\":2}\n");
		struct intake *intake = open_text("long.jsonl", text);
		enum intake_result result = intake_next(intake, &got, &len, &line, &fault);
		assert_int_equal(result, lengths[i] > JSON_LINE_BYTES_MAX ? INTAKE_BAD : INTAKE_TEXT);
		assert_int_equal(line, 1);
		assert_int_equal(intake_next(intake, &got, &len, &line, &fault), INTAKE_TEXT);
		assert_int_equal(line, 2);
		assert_memory_equal(got, "{\"b\":2}", 7);
		assert_int_equal(intake_next(intake, &got, &len, &line, &fault), INTAKE_END);
		intake_close(intake);
	}
	free(text);
}

static void
it_is_taken_up_where_it_stood(void **state)
{
	static const char text[] = "{\"a\":1}\n\n{\"b\":2}\n{\"c\":3}\n{\"d\":4}";
	const char *got = NULL;
	size_t len = 0;
	uint64_t line = 0;
	struct intake_mark mark;
	struct fault fault;
	char out[256];

	(void)state;
	struct intake *intake = open_text("a.jsonl", text);
	for (int i = 0; i < 2; i++)
		assert_int_equal(intake_next(intake, &got, &len, &line, &fault), INTAKE_TEXT);
	intake_mark(intake, &mark);
	assert_int_equal(mark.line, 3);
	intake_close(intake);

	intake = open_text("a.jsonl", text);
	OK(intake_resume(intake, &mark, &fault));
	read_all(intake, out, sizeof out);
	assert_string_equal(out, "4:{\"c\":3}|5:{\"d\":4}|");
	intake_mark(intake, &mark);
	assert_int_equal(mark.offset, sizeof text - 1);
	intake_close(intake);
}

static void
a_changed_beginning_is_found(void **state)
{
	const char *got = NULL;
	size_t len = 0;
	uint64_t line = 0;
	struct intake_mark mark;
	struct fault fault;

	(void)state;
	struct intake *intake = open_text("a.jsonl", "{\"a\":1}\n{\"b\":2}\n");
	assert_int_equal(intake_next(intake, &got, &len, &line, &fault), INTAKE_TEXT);
	intake_mark(intake, &mark);
	intake_close(intake);
	intake = open_text("a.jsonl", "{\"a\":9}\n{\"b\":2}\n");
	assert_int_equal(intake_resume(intake, &mark, &fault), LIAISON_INCONSISTENT);
	intake_close(intake);
	intake = open_text("a.jsonl", "{}\n");
	assert_int_equal(intake_resume(intake, &mark, &fault), LIAISON_INCONSISTENT);
	intake_close(intake);
	intake = open_text("a.jsonl", "{\"a\":1}\n{\"other\":2}\n"); /* only what follows is new */
	OK(intake_resume(intake, &mark, &fault));
	intake_close(intake);
}

static void
a_pipe_gives_each_line_as_it_comes(void **state)
{
	struct intake *intake = NULL;
	struct fault fault;
	const char *got = NULL;
	size_t len = 0;
	uint64_t line = 0;
	int ends[2], before = dup(STDIN_FILENO);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(write(ends[1], "{\"a\":1}\n", 8), 8);
	OK(intake_open("-", &intake, &fault));
	assert_int_equal(
		intake_next(intake, &got, &len, &line, &fault), INTAKE_TEXT); /* and the writer is still there */
	assert_false(intake_is_file(intake));
	assert_int_equal(write(ends[1], "{\"b\":2}\n", 8), 8);
	assert_int_equal(intake_next(intake, &got, &len, &line, &fault), INTAKE_TEXT);
	close(ends[1]);
	assert_int_equal(intake_next(intake, &got, &len, &line, &fault), INTAKE_END);
	intake_close(intake);
	dup2(before, STDIN_FILENO);
	close(before);
	close(ends[0]);
}

static void
what_is_no_file_is_told(void **state)
{
	struct intake *intake = NULL;
	struct fault fault;

	(void)state;
	assert_int_equal(intake_open(folder, &intake, &fault), LIAISON_BAD_USAGE);
	assert_int_equal(intake_open("/nonexistent/x", &intake, &fault), LIAISON_IO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_form_is_seen),
		cmocka_unit_test(a_long_line_is_passed_over_and_the_next_one_comes),
		cmocka_unit_test(it_is_taken_up_where_it_stood),
		cmocka_unit_test(a_changed_beginning_is_found),
		cmocka_unit_test(a_pipe_gives_each_line_as_it_comes),
		cmocka_unit_test(what_is_no_file_is_told),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
