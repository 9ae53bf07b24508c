#include "proto/codes.h"

#include "proto/alert.pb-c.h"
#include "proto/trust.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ENUMS_MOST 64

/* The enums that messages can carry, found by walking the schema, so that a new one is not forgotten here. */
struct enums {
	const ProtobufCEnumDescriptor *list[ENUMS_MOST];
	size_t count;
	const ProtobufCMessageDescriptor *seen[ENUMS_MOST];
	size_t seen_count;
};

static void
walk(struct enums *enums, const ProtobufCMessageDescriptor *message)
{
	for (size_t i = 0; i < enums->seen_count; i++)
		if (enums->seen[i] == message)
			return;
	assert_true(enums->seen_count < ENUMS_MOST);
	enums->seen[enums->seen_count++] = message;
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		size_t at = 0;
		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			walk(enums, field->descriptor);
		if (field->type != PROTOBUF_C_TYPE_ENUM)
			continue;
		while (at < enums->count && enums->list[at] != field->descriptor)
			at++;
		assert_true(at < ENUMS_MOST);
		if (at == enums->count)
			enums->list[enums->count++] = field->descriptor;
	}
}

static int
setup(void **state)
{
	static struct enums enums;

	enums = (struct enums){0};
	walk(&enums, &liaison__alert__descriptor);
	walk(&enums, &liaison__roster__descriptor);
	*state = &enums;
	return 0;
}

/* "DocumentState" -> "document_state" */
static void
snake(const char *camel, char *out, size_t size)
{
	size_t len = 0;

	for (const char *at = camel; *at != '\0'; at++) {
		assert_true(len + 3 < size);
		if (*at >= 'A' && *at <= 'Z') {
			if (len > 0)
				out[len++] = '_';
			out[len++] = (char)(*at - 'A' + 'a');
		} else {
			out[len++] = *at;
		}
	}
	out[len] = '\0';
}

static struct codes *
builtin(void)
{
	struct codes *codes = NULL;
	struct fault fault = {0};

	if (codes_builtin(&codes, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	return codes;
}

static void
every_enum_value_has_a_meaning(void **state)
{
	const struct enums *enums = *state;
	struct codes *codes = builtin();

	assert_true(enums->count > 25);
	for (size_t i = 0; i < enums->count; i++) {
		char group[64];
		snake(enums->list[i]->short_name, group, sizeof group);
		if (codes_group_meaning(codes, group) == NULL)
			fail_msg("no group %s", group);
		for (unsigned j = 0; j < enums->list[i]->n_values; j++) {
			const char *code = enums->list[i]->values[j].name + strlen(group) + 1;
			if (codes_meaning(codes, group, code) == NULL)
				fail_msg("no meaning for %s in %s", code, group);
		}
	}
	codes_free(codes);
}

static bool
enum_has(const struct enums *enums, const struct code *code)
{
	for (size_t i = 0; i < enums->count; i++) {
		char group[64];
		snake(enums->list[i]->short_name, group, sizeof group);
		if (strcmp(group, code->group) != 0)
			continue;
		for (unsigned j = 0; j < enums->list[i]->n_values; j++)
			if (strcmp(enums->list[i]->values[j].name + strlen(group) + 1, code->code) == 0)
				return true;
	}
	return false;
}

static void
no_code_is_explained_that_the_schema_lacks(void **state)
{
	struct codes *codes = builtin();

	for (size_t i = 0; i < codes_count(codes); i++)
		if (!enum_has(*state, codes_at(codes, i)))
			fail_msg("%s in %s is no value of the schema", codes_at(codes, i)->code,
				codes_at(codes, i)->group);
	codes_free(codes);
}

static void
each_meaning_is_one_sentence(void **state)
{
	struct codes *codes = builtin();

	(void)state;
	for (size_t i = 0; i < codes_count(codes); i++) {
		const char *meaning = codes_at(codes, i)->meaning;
		size_t len = strlen(meaning);
		if (len > 160 || meaning[len - 1] != '.' || strstr(meaning, ". ") != NULL)
			fail_msg("%s: not one short sentence: %s", codes_at(codes, i)->code, meaning);
	}
	codes_free(codes);
}

static void
a_slip_is_corrected_within_its_group(void **state)
{
	struct codes *codes = builtin();

	(void)state;
	assert_string_equal(codes_nearest(codes, "action", "DISCRETE_CHECK")->code, "DISCREET_CHECK");
	assert_string_equal(codes_nearest(codes, NULL, "hotspt")->code, "HOTSPOT");
	assert_null(codes_nearest(codes, "unit", "HOTSPT"));
	codes_free(codes);
}

static const struct {
	const char *text, *expected;
} mistakes[] = {
	{"groups = ( { name = \"a\"; meaning = \"A.\" } );", "line 1: group \"a\" needs a list"},
	{"groups = (\n{ name = \"a\"; meaning = \"A.\"; codes = ( { code = \"X\" } ) } );",
		"line 2: this entry needs a text `meaning`"},
	{"groups = ( { name = \"a\"; meaning = \"A.\"; codes = ( { cod = \"X\" } ) } );", "did you mean `code`?"},
	{"groups = ( { name = \"a\"; meaning = \"A.\"; codes = ( { code = \"X\"; meaning = \"x.\" }, { code = \"X\"; "
	 "meaning = \"y.\" } ) } );",
		"\"X\" stands twice"},
	{"groups = ( { name = \"a\"; meaning = \"A.\"; codes = () }, { name = \"a\"; meaning = \"A.\"; codes = () } );",
		"group \"a\" stands there twice"},
	{"groups = ( 1 );", "an entry is a group in braces"},
	{"groups = 1;", "a list `groups = ( ... )` is needed"},
	{"groups = (", "line 1: syntax error"},
	{"@include \"/etc/hostname\"\n", "line 1: cannot open include file"},
};

static void
a_mistake_is_named_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		struct codes *codes = NULL;
		struct fault fault = {0};
		assert_int_equal(codes_new(mistakes[i].text, &codes, &fault), LIAISON_BAD_CONFIG);
		assert_null(codes);
		if (strstr(fault.message, mistakes[i].expected) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", fault.message, mistakes[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_enum_value_has_a_meaning),
		cmocka_unit_test(no_code_is_explained_that_the_schema_lacks),
		cmocka_unit_test(each_meaning_is_one_sentence),
		cmocka_unit_test(a_slip_is_corrected_within_its_group),
		cmocka_unit_test(a_mistake_is_named_with_its_line),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
