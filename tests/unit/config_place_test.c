#include "broker/config.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DESCRIPTORS 4096

static char dir[64], path[96];
static struct fault fault;

struct told {
	size_t count;
	char text[4096];
};

static struct told told;

static void
tell(void *arg, const char *sentence)
{
	struct told *into = arg;
	size_t used = strlen(into->text);

	into->count++;
	snprintf(into->text + used, sizeof into->text - used, "%s\n", sentence);
}

static const char *const files[] = {"liaisond.conf", "broker.key", "trust/root.keys", "trust", "data"};

static int
make_folder(void **state)
{
	(void)state;
	if (folder_new_at(dir, sizeof dir) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/liaisond.conf", dir);
	return 0;
}

static int
remove_folder(void **state)
{
	char name[128];

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", dir, files[i]);
		(void)remove(name);
	}
	return rmdir(dir);
}

static void
make_file(const char *name, const char *text, mode_t mode)
{
	char full[128];

	snprintf(full, sizeof full, "%s/%s", dir, name);
	FILE *file = fopen(full, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(full, mode), 0);
}

static void
make_dir(const char *name)
{
	char full[128];

	snprintf(full, sizeof full, "%s/%s", dir, name);
	assert_int_equal(mkdir(full, 0700), 0);
}

/* What is told of a configuration that reads well. */
static enum liaison_err
check(const char *text)
{
	struct config config;

	make_file("liaisond.conf", text, 0600);
	memset(&told, 0, sizeof told);
	if (broker_config_read(path, &config, NULL, NULL, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	enum liaison_err err = broker_config_check_place(path, &config, tell, &told, &fault);
	broker_config_clear(&config);
	return err;
}

static void
assert_tells(const char *words)
{
	if (strstr(told.text, words) == NULL)
		fail_msg("no \"%s\" in:\n%s", words, told.text);
}

static void
all_that_the_machine_lacks_is_told(void **state)
{
	(void)state;
	assert_int_equal(check("id = \"kh.broker\";\ndata_dir = \"no/where\";\nconnections_max = 100000;\n"),
		LIAISON_BAD_CONFIG);
	assert_tells(":2: data_dir: ");
	assert_tells("the folder above data_dir must be there");
	assert_tells(":3: connections_max: is 100000");
	assert_tells("key_file: ");
	assert_tells("liaisond --init");
	assert_tells("trust_dir: ");
	assert_int_equal(told.count, 4);
	assert_non_null(strstr(fault.message, "4 mistakes"));
}

static void
a_home_that_is_complete_is_in_order_and_left_as_it_is(void **state)
{
	char data[128];

	(void)state;
	make_dir("trust");
	make_file("trust/root.keys", "", 0600);
	make_file("broker.key", "", 0600);
	assert_int_equal(check("id = \"kh.broker\";"), LIAISON_OK);
	snprintf(data, sizeof data, "%s/data", dir);
	assert_int_equal(access(data, F_OK), -1);
	make_dir("data");
	assert_int_equal(check("id = \"kh.broker\";"), LIAISON_OK);
}

static void
keys_that_others_may_read_are_refused(void **state)
{
	(void)state;
	make_dir("trust");
	make_file("trust/root.keys", "", 0600);
	make_file("broker.key", "", 0640);
	assert_int_equal(check("id = \"kh.broker\";"), LIAISON_BAD_CONFIG);
	assert_tells("chmod 600");
	assert_int_equal(told.count, 1);
}

static void
a_trust_folder_without_root_keys_is_told(void **state)
{
	(void)state;
	make_dir("trust");
	make_file("broker.key", "", 0600);
	assert_int_equal(check("id = \"kh.broker\";\n\ntrust_dir = \"trust\";"), LIAISON_BAD_CONFIG);
	assert_tells(":3: trust_dir: ");
	assert_tells("root.keys");
	assert_int_equal(told.count, 1);
}

static void
what_is_no_folder_is_told(void **state)
{
	(void)state;
	make_file("trust", "", 0600);
	make_file("data", "", 0600);
	make_dir("broker.key");
	assert_int_equal(check("id = \"kh.broker\";"), LIAISON_BAD_CONFIG);
	assert_tells("data is not a folder");
	assert_tells("trust is not a folder");
	assert_tells("broker.key is not a regular file");
}

static void
connections_fit_below_the_limit_of_descriptors(void **state)
{
	char text[128];

	(void)state;
	make_dir("trust");
	make_file("trust/root.keys", "", 0600);
	make_file("broker.key", "", 0600);
	snprintf(text, sizeof text, "id = \"kh.broker\"; connections_max = %d;",
		DESCRIPTORS - CONFIG_DESCRIPTORS_RESERVED);
	assert_int_equal(check(text), LIAISON_OK);
	snprintf(text, sizeof text, "id = \"kh.broker\"; connections_max = %d;",
		DESCRIPTORS - CONFIG_DESCRIPTORS_RESERVED + 1);
	assert_int_equal(check(text), LIAISON_BAD_CONFIG);
	assert_tells("3896 at most");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(all_that_the_machine_lacks_is_told),
		WITH_FOLDER(a_home_that_is_complete_is_in_order_and_left_as_it_is),
		WITH_FOLDER(keys_that_others_may_read_are_refused),
		WITH_FOLDER(a_trust_folder_without_root_keys_is_told),
		WITH_FOLDER(what_is_no_folder_is_told),
		WITH_FOLDER(connections_fit_below_the_limit_of_descriptors),
	};
	struct rlimit limit = {DESCRIPTORS, DESCRIPTORS};

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		fputs("config_place_test: needs a hard limit of 4096 descriptors or more\n", stderr);
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
