/* A home is read whole or refused with one sentence that names file, line and what to do. */
#include "agents/home.h"

#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEY64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good[] =
	"office = \"kh.blo.poipet\";\n"
	"languages = ( \"km\", \"en\" );\n"
	"wait_seconds = 12;\n"
	"broker = ( { id = \"kh.broker\"; endpoint = \"tcp://127.0.0.1:5670\"; key = \"" KEY64 "\"; },\n"
	"           { endpoint = \"[::1]:5671\"; key = \"ASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4mrze8=\"; } );\n";

static void
reads_all_keys(void **state)
{
	struct home *home = NULL;
	struct fault fault;

	(void)state;
	assert_int_equal(home_parse("h", good, &home, &fault), LIAISON_OK);
	assert_string_equal(home->office.text, "kh.blo.poipet");
	assert_int_equal(home->wait_seconds, 12);
	assert_int_equal(home->lang_count, 2);
	assert_string_equal(home->langs[0], "km");
	assert_int_equal(home->broker_count, 2);
	assert_string_equal(home->brokers[0].id.text, "kh.broker");
	assert_string_equal(home->brokers[1].id.text, "");
	assert_string_equal(home->brokers[1].endpoint, "tcp://[::1]:5671");
	assert_memory_equal(home->brokers[0].key.bytes, home->brokers[1].key.bytes, PUBLIC_KEY_BYTES);
	home_free(home);
}

static void
what_it_writes_it_reads(void **state)
{
	struct home *home = NULL, *again = NULL;
	struct fault fault;
	struct buf text;

	(void)state;
	assert_int_equal(home_parse("h", good, &home, &fault), LIAISON_OK);
	buf_init(&text, 65536);
	home_write_conf(home, &text);
	buf_put_u8(&text, 0);
	assert_int_equal(buf_check(&text), LIAISON_OK);
	assert_int_equal(home_parse("h", (const char *)text.data, &again, &fault), LIAISON_OK);
	assert_string_equal(again->office.text, home->office.text);
	assert_int_equal(again->wait_seconds, home->wait_seconds);
	assert_int_equal(again->lang_count, 2);
	assert_memory_equal(again->brokers, home->brokers, sizeof home->brokers);
	buf_clear(&text);
	home_free(home);
	home_free(again);
}

static void
each_mistake_is_named_with_its_line(void **state)
{
	static const struct {
		const char *conf;
		const char *says; /* part of the message */
	} rows[] = {
		{"", "`office` is missing"},
		{"office = \"kh\";", "line 1: `office`"},
		{"office = 7;", "line 1: `office` must be text in quotes"},
		{"\noffice = \"kh.blo.a\";\nlanguage = (\"km\");",
			"line 3: there is no key `language`; did you mean `languages`?"},
		{"office = \"kh.blo.a\"\nwait_seconds = 9999;",
			"line 2: `wait_seconds` must be from 0 to 3600, not 9999"},
		{"office = \"kh.blo.a\";\nlanguages = ( 7 );", "line 2"},
		{"office = \"kh.blo.a\";\nnetwork = \"A B\";", "line 2: `network` is 1 to 64"},
		{"office = \"kh.blo.a\";\nbroker = ( \"x\" );", "line 2: each of `broker` is a group"},
		{"office = \"kh.blo.a\";\nbroker = ( { key = \"" KEY64 "\"; } );", "needs `endpoint`"},
		{"office = \"kh.blo.a\";\nbroker = ( { endpoint = \"h:1\"; } );", "needs `key`"},
		{"office = \"kh.blo.a\";\nbroker = ( { endpoint = \"h:0\"; key = \"" KEY64 "\"; } );",
			"port from 1 to 65535"},
		{"office = \"kh.blo.a\";\nbroker = ( { endpoint = \"h:1\"; key = \"12\"; } );",
			"64 hexadecimal digits"},
		{"office = \"kh.blo.a\";\nbroker = ( { endpont = \"h:1\"; } );", "did you mean `endpoint`?"},
		{"office = \"kh.blo.a\";\nbroker = ( { ", "line 2"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct home *home = NULL;
		struct fault fault = {0};
		assert_int_equal(home_parse("h", rows[i].conf, &home, &fault), LIAISON_BAD_CONFIG);
		if (strstr(fault.message, rows[i].says) == NULL)
			fail_msg("row %zu says \"%s\", not \"%s\"", i, fault.message, rows[i].says);
		assert_null(home);
		assert_non_null(strstr(fault.message, "h/office.conf"));
	}
}

static void
a_folder_that_is_no_home_says_what_to_do(void **state)
{
	char *path = folder_new();
	struct home *home = NULL;
	struct fault fault;

	(void)state;
	assert_int_equal(home_open(path, &home, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "liaison home init"));
	folder_write(path, "office.conf", good);
	assert_int_equal(home_open(path, &home, &fault), LIAISON_OK);
	home_free(home);
	folder_remove(path);
}

static void
a_lock_has_one_holder(void **state)
{
	char *path = folder_new();
	int first = -1, second = -1;
	struct fault fault;

	(void)state;
	assert_int_equal(home_lock(path, "outbox", &first, &fault), LIAISON_OK);
	assert_int_equal(home_lock(path, "outbox", &second, &fault), LIAISON_BUSY);
	assert_non_null(strstr(fault.message, "process "));
	assert_int_equal(home_lock(path, "other", &second, &fault), LIAISON_OK);
	home_unlock(second);
	home_unlock(first);
	assert_int_equal(home_lock(path, "outbox", &first, &fault), LIAISON_OK);
	home_unlock(first);
	folder_remove(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_keys),
		cmocka_unit_test(what_it_writes_it_reads),
		cmocka_unit_test(each_mistake_is_named_with_its_line),
		cmocka_unit_test(a_folder_that_is_no_home_says_what_to_do),
		cmocka_unit_test(a_lock_has_one_holder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
