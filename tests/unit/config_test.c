#include "broker/config.h"
#include "tests/support/folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], path[96];

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
	static const char *const names[] = {"liaisond.conf", "again.conf"};
	char name[128];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		snprintf(name, sizeof name, "%s/%s", dir, names[i]);
		(void)unlink(name);
	}
	return rmdir(dir);
}

static void
write_file(const char *name, const void *text, size_t len)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

struct told {
	size_t count;
	char text[65536];
};

static void
tell(void *arg, const char *sentence)
{
	struct told *told = arg;
	size_t used = strlen(told->text);

	told->count++;
	snprintf(told->text + used, sizeof told->text - used, "%s\n", sentence);
}

static struct told told;
static struct fault fault;

static enum liaison_err
read_text(const char *text, struct config *config)
{
	memset(&told, 0, sizeof told);
	memset(&fault, 0, sizeof fault);
	write_file(path, text, strlen(text));
	return broker_config_read(path, config, tell, &told, &fault);
}

static void
assert_tells(const char *words)
{
	if (strstr(told.text, words) == NULL)
		fail_msg("no \"%s\" in:\n%s", words, told.text);
}

/* --- what is read ------------------------------------------------------------------------------------------------------ */

static void
an_id_is_enough(void **state)
{
	struct config config;
	char expected[128];

	(void)state;
	if (read_text("id = \"kh.broker\";\n", &config) != LIAISON_OK)
		fail_msg("%s", fault.message);
	assert_string_equal(config.id, "kh.broker");
	snprintf(expected, sizeof expected, "%s/broker.key", dir);
	assert_string_equal(config.key_file, expected);
	assert_int_equal(config.listen_count, 1);
	assert_int_equal(config.segment_bytes, 64 << 20);
	assert_int_equal(config.log_level, 2);
	broker_config_clear(&config);
}

static const struct {
	const char *line;
	size_t offset;
	int64_t value;
} values[] = {
	{"segment_bytes = 1048576", offsetof(struct config, segment_bytes), 1048576},
	{"segment_bytes = \"256 KiB\"", offsetof(struct config, segment_bytes), 262144},
	{"segment_bytes = 0x100000", offsetof(struct config, segment_bytes), 1048576},
	{"disk_floor_bytes = \"2TiB\"", offsetof(struct config, disk_floor_bytes), INT64_C(2) << 40},
	{"disk_floor_bytes = 3000000000", offsetof(struct config, disk_floor_bytes), 3000000000},
	{"disk_floor_bytes = 3000000000L", offsetof(struct config, disk_floor_bytes), 3000000000},
	{"disk_floor_bytes = 0x100000000", offsetof(struct config, disk_floor_bytes), INT64_C(1) << 32},
	{"disk_floor_bytes = 0", offsetof(struct config, disk_floor_bytes), 0},
	{"disk_floor_bytes = \"0 MiB\"", offsetof(struct config, disk_floor_bytes), 0},
	{"bytes_per_second = \"1048576 B\"", offsetof(struct config, bytes_per_second), 1048576},
	{"idle_ms = \"2 h\"", offsetof(struct config, idle_ms), 7200000},
	{"idle_ms = \"1 d\"", offsetof(struct config, idle_ms), 86400000},
	{"progress_ms = \"100 ms\"", offsetof(struct config, progress_ms), 100},
	{"handshake_ms = \"1min\"", offsetof(struct config, handshake_ms), 60000},
	{"handshake_ms = \"9000\"", offsetof(struct config, handshake_ms), 9000},
	{"log_level = \"debug\"", offsetof(struct config, log_level), 3},
	{"workers = 0", offsetof(struct config, workers), 0},
};

static void
values_are_numbers_or_texts_with_a_unit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		struct config config;
		char text[256];
		snprintf(text, sizeof text, "id = \"kh.broker\";\n%s;\n", values[i].line);
		if (read_text(text, &config) != LIAISON_OK)
			fail_msg("%s: %s", values[i].line, fault.message);
		int64_t value = *(const int64_t *)(const void *)((const char *)&config + values[i].offset);
		if (value != values[i].value)
			fail_msg("%s: read as %lld", values[i].line, (long long)value);
		broker_config_clear(&config);
	}
}

static void
defaults_follow_a_lower_bound_that_was_given(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(read_text("id = \"kh.broker\"; connections_max = 4; idle_ms = 10000;", &config), LIAISON_OK);
	assert_int_equal(config.connections_per_office, 4);
	assert_int_equal(config.unauthenticated_max, 4);
	assert_int_equal(config.handshake_ms, 10000);
	broker_config_clear(&config);
}

static void
end_points_come_alone_or_in_a_list(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(read_text("id = \"kh.broker\"; listen = \"tcp://*:7400\";", &config), LIAISON_OK);
	assert_int_equal(config.listen_count, 1);
	assert_string_equal(config.listen[0], "tcp://*:7400");
	broker_config_clear(&config);
	assert_int_equal(
		read_text("id = \"kh.broker\"; listen = (\"tcp://127.0.0.1:0\", \"tcp://[::1]:7400\");", &config),
		LIAISON_OK);
	assert_int_equal(config.listen_count, 2);
	assert_string_equal(config.listen[1], "tcp://[::1]:7400");
	broker_config_clear(&config);
}

static void
relative_paths_begin_at_the_file(void **state)
{
	struct config config;
	char expected[128], old[4096];

	(void)state;
	assert_int_equal(read_text("id = \"kh.broker\"; data_dir = \"x/y\"; trust_dir = \"/etc/liaison\";", &config),
		LIAISON_OK);
	snprintf(expected, sizeof expected, "%s/x/y", dir);
	assert_string_equal(config.data_dir, expected);
	assert_string_equal(config.trust_dir, "/etc/liaison");
	broker_config_clear(&config);
	/* Named without a folder, too. */
	assert_non_null(getcwd(old, sizeof old));
	assert_int_equal(chdir(dir), 0);
	enum liaison_err err = broker_config_read("liaisond.conf", &config, NULL, NULL, &fault);
	assert_int_equal(chdir(old), 0);
	assert_int_equal(err, LIAISON_OK);
	assert_string_equal(config.data_dir, expected);
	broker_config_clear(&config);
}

/* --- what is not -------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *text;
	const char *words[3];
} mistakes[] = {
	{"", {"id: is missing"}},
	{"id = \"KH.broker\";", {":1: id: "}},
	{"id = 7;", {":1: id: is a number; allowed: an office id"}},
	{"id = \"kh.broker\";\nsegmnet_bytes = 1;",
		{":2: \"segmnet_bytes\": no such key; did you mean `segment_bytes`?"}},
	{"id = \"kh.broker\";\nqwertyuiop = 1;", {":2: \"qwertyuiop\": no such key; liaisond(8)"}},
	{"id = \"kh.broker\";\nlog = { level = 1; };", {":2: \"log\": no such key"}},
	{"id = \"kh.broker\";\n\n\nsegment_bytes = 5;", {":4: segment_bytes: is 5; allowed:", "256 KiB to 256 MiB"}},
	{"id = \"kh.broker\"; segment_bytes = 1048577;", {"no multiple of 4096"}},
	{"id = \"kh.broker\"; segment_bytes = \"64 MB\";", {"\"64 MB\" has no unit of B, KiB, MiB"}},
	{"id = \"kh.broker\"; segment_bytes = \"1.5 MiB\";", {"no whole number"}},
	{"id = \"kh.broker\"; segment_bytes = \"-1 MiB\";", {"no whole number"}},
	{"id = \"kh.broker\"; segment_bytes = \"99999999999 TiB\";", {"is too great"}},
	{"id = \"kh.broker\"; segment_bytes = \"99999999999999999999\";", {"is too great"}},
	{"id = \"kh.broker\"; segment_bytes = -4096;", {"is -4096; allowed"}},
	{"id = \"kh.broker\"; segment_bytes = 64.5;", {"is a number with a fraction"}},
	{"id = \"kh.broker\"; segment_bytes = true;", {"is true or false"}},
	{"id = \"kh.broker\"; segment_bytes = \"\\n64\";", {"\"\\x0a64\" is no whole number"}},
	{"id = \"kh.broker\"; segment_bytes = 0;", {"is 0; allowed"}},
	{"id = \"kh.broker\"; workers = \"two\";", {"workers: is text; allowed: a number from 1 to 64, or 0: as many"}},
	{"id = \"kh.broker\"; workers = 4294967298;", {"workers: is 4294967298"}}, /* libconfig would wrap it to 2 */
	{"id = \"kh.broker\"; workers = -4294967294;", {"workers: is -4294967294"}},
	{"id = \"kh.broker\"; workers = 99999999999999999999;", {"workers: is 9223372036854775807"}},
	{"id = \"kh.broker\"; workers = 0x100000002;", {"workers: is 4294967298"}},
	{"id = \"kh.broker\"; workers = 12345678901.5;", {"is a number with a fraction"}},
	{"id = \"kh.broker\"; workers = 65;", {"workers: is 65"}},
	{"id = \"kh.broker\"; idle_ms = \"2 hours\";", {"has no unit of ms, s, min, h, d"}},
	{"id = \"kh.broker\"; log_level = \"infos\";", {"did you mean \"info\"?"}},
	{"id = \"kh.broker\"; log_level = \"loud\";", {"log_level: is \"loud\"; allowed: \"error\""}},
	{"id = \"kh.broker\"; log_level = 2;", {"log_level: is a number"}},
	{"id = \"kh.broker\"; data_dir = \"\";", {"data_dir: is empty; allowed: a path"}},
	{"id = \"kh.broker\"; data_dir = \"a\\x07\";", {"data_dir: has a control character"}},
	{"id = \"kh.broker\"; listen = [];", {"listen: has 0; allowed: end points"}},
	{"id = \"kh.broker\"; listen = [ 1 ];", {"listen: is a number"}},
	{"id = \"kh.broker\"; listen = { a = 1; };", {"listen: is a group"}},
	{"id = \"kh.broker\"; listen = \"127.0.0.1:7400\";", {"does not begin with tcp://"}},
	{"id = \"kh.broker\"; listen = \"ipc:///tmp/x\";", {"does not begin with tcp://"}},
	{"id = \"kh.broker\"; listen = \"tcp://127.0.0.1\";", {"has no port"}},
	{"id = \"kh.broker\"; listen = \"tcp://127.0.0.1:\";", {"has no port"}},
	{"id = \"kh.broker\"; listen = \"tcp://127.0.0.1:65536\";", {"has no port"}},
	{"id = \"kh.broker\"; listen = \"tcp://127.0.0.1:99999999999999999999\";", {"has no port"}},
	{"id = \"kh.broker\"; listen = \"tcp://127.0.0.1:74x\";", {"has no port"}},
	{"id = \"kh.broker\"; listen = \"tcp://localhost:7400\";", {"names are not looked up"}},
	{"id = \"kh.broker\"; listen = \"tcp://256.0.0.1:7400\";", {"has no IP address"}},
	{"id = \"kh.broker\"; listen = \"tcp://::1:7400\";", {"without brackets"}},
	{"id = \"kh.broker\"; listen = \"tcp://[::g]:7400\";", {"in its brackets"}},
	{"id = \"kh.broker\"; listen = [ \"tcp://*:1\", \"tcp://*:1\" ];", {"is there twice"}},
	{"id = \"kh.broker\";\nconnections_max = 10; unauthenticated_max = 11;",
		{":2: unauthenticated_max: is 11, more"}},
	{"id = \"kh.broker\";\nhandshake_ms = \"100 s\";",
		{":2: handshake_ms: is 100 s, more than idle_ms, which is 90 s by default"}},
	{"id = \"kh.broker\";\nid = \"kh.broker\";", {":2: duplicate setting name"}},
	{"id = \"kh.broker\";\nworkers = ;", {":2: syntax error"}},
	{"id = \"kh.broker\"\nworkers = \"\n", {": syntax error"}},
	{"@include \"/etc/hostname\"", {":1: "}},
	{"id = \"a\x1b[2J\";\n", {":1: id: "}},
};

static void
each_mistake_is_told_with_its_line_and_what_is_allowed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		struct config config;
		enum liaison_err err = read_text(mistakes[i].text, &config);
		if (err != LIAISON_BAD_CONFIG)
			fail_msg("%s: %s", mistakes[i].text, err_name(err));
		if (told.count != 1)
			fail_msg("%zu mistakes:\n%s", told.count, told.text);
		assert_int_equal(fault.code, LIAISON_BAD_CONFIG);
		assert_memory_equal(told.text, path, strlen(path));
		assert_memory_equal(fault.message, path, strlen(path));
		assert_null(strchr(told.text, '\x1b'));
		for (size_t j = 0; j < 3 && mistakes[i].words[j] != NULL; j++)
			assert_tells(mistakes[i].words[j]);
	}
}

static void
all_mistakes_are_told_at_once(void **state)
{
	struct config config;

	(void)state;
	assert_int_equal(read_text("id = 1;\nworker = 2;\nidle_ms = \"1 year\";\nlisten = \"x\";\n", &config),
		LIAISON_BAD_CONFIG);
	assert_int_equal(told.count, 4);
	assert_tells(":1: id:");
	assert_tells(":2: \"worker\": no such key; did you mean `workers`?");
	assert_tells(":3: idle_ms:");
	assert_tells(":4: listen:");
	assert_non_null(strstr(fault.message, "4 mistakes, the first: "));
	/* Nobody has to listen. */
	assert_int_equal(broker_config_read(path, &config, NULL, NULL, NULL), LIAISON_BAD_CONFIG);
}

static void
a_flood_of_mistakes_is_counted_and_not_all_told(void **state)
{
	static char text[CONFIG_FILE_BYTES_MAX];
	struct config config;
	size_t used = 0;

	(void)state;
	for (int i = 0; used + 32 < sizeof text && i < 5000; i++)
		used += (size_t)sprintf(text + used, "k%d = 1;\n", i);
	assert_int_equal(read_text(text, &config), LIAISON_BAD_CONFIG);
	assert_int_equal(told.count, CONFIG_MISTAKES_MAX);
	assert_non_null(strstr(fault.message, "5001 mistakes"));
}

static void
a_file_that_is_none_is_refused(void **state)
{
	static char text[CONFIG_FILE_BYTES_MAX + 1];
	struct config config;

	(void)state;
	assert_int_equal(broker_config_read(path, &config, tell, &told, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "--init"));
	assert_int_equal(broker_config_read(dir, &config, tell, &told, &fault), LIAISON_IO);
	memset(text, '\n', sizeof text);
	write_file(path, text, sizeof text);
	assert_int_equal(broker_config_read(path, &config, tell, &told, &fault), LIAISON_BAD_CONFIG);
	write_file(path, "id = \"kh.broker\";\0segment_bytes = 1;", 36);
	assert_int_equal(broker_config_read(path, &config, tell, &told, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "NUL"));
	/* Deeper than a parser's stack. */
	memset(text, '(', sizeof text - 1);
	memcpy(text, "a = ", 4);
	write_file(path, text, sizeof text - 1);
	assert_int_equal(broker_config_read(path, &config, tell, &told, &fault), LIAISON_BAD_CONFIG);
}

/* --- printing ----------------------------------------------------------------------------------------------------------- */

static char *
printed(const struct config *config)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	broker_config_print(config, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
what_is_printed_reads_as_the_same(void **state)
{
	static const char *const texts[] = {
		"id = \"kh.broker\";",
		"id = \"kh.broker\"; data_dir = \"with \\\"quotes\\\" and \\\\ \xe1\x9e\x80\"; segment_bytes = 266240;",
		("id = \"xa.pidc\"; listen = [ \"tcp://*:1\", \"tcp://[::]:2\" ]; disk_floor_bytes = 0; idle_ms = "
		 "90001;"
		 "log_level = \"error\"; bytes_per_second = 64424509440; workers = 3;"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct config config, again;
		char other[128];
		if (read_text(texts[i], &config) != LIAISON_OK)
			fail_msg("%s", fault.message);
		char *first = printed(&config);
		snprintf(other, sizeof other, "%s/again.conf", dir);
		write_file(other, first, strlen(first));
		if (broker_config_read(other, &again, NULL, NULL, &fault) != LIAISON_OK)
			fail_msg("%s", fault.message);
		char *second = printed(&again);
		assert_string_equal(first, second);
		assert_string_equal(config.data_dir, again.data_dir);
		assert_int_equal(config.segment_bytes, again.segment_bytes);
		for (int key = 0; key < CONFIG_KEYS; key++)
			assert_int_equal(again.lines[key], key + 1);
		free(first);
		free(second);
		broker_config_clear(&config);
		broker_config_clear(&again);
	}
}

static void
the_sample_holds_every_key_with_its_default(void **state)
{
	struct config sample, preset;

	(void)state;
	if (broker_config_read("config/liaisond.conf", &sample, NULL, NULL, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	assert_int_equal(read_text("id = \"kh.broker\";", &preset), LIAISON_OK);
	for (int key = 0; key < CONFIG_KEYS; key++)
		if (sample.lines[key] == 0)
			fail_msg("config/liaisond.conf has no `%s`", broker_config_key_name((enum config_key)key));
	/* Paths differ by folder. */
	char **const texts[] = {&sample.data_dir, &sample.key_file, &sample.trust_dir};
	char **const presets[] = {&preset.data_dir, &preset.key_file, &preset.trust_dir};
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(strrchr(*texts[i], '/'), strrchr(*presets[i], '/'));
		free(*texts[i]);
		*texts[i] = strdup(*presets[i]);
	}
	char *is = printed(&sample), *should_be = printed(&preset);
	assert_string_equal(is, should_be);
	free(is);
	free(should_be);
	broker_config_clear(&sample);
	broker_config_clear(&preset);
}

static void
help_has_a_line_a_key(void **state)
{
	char *text = NULL;
	size_t len = 0, lines = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	broker_config_print_help(out);
	assert_int_equal(fclose(out), 0);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	assert_int_equal(lines, CONFIG_KEYS);
	assert_non_null(strstr(text, "idle_ms: a time such as \"5 s\", from 5 s to 1 d; default 90 s. "));
	free(text);
}

/* The manual has the same line as the help, under the key's name. */
static void
the_manual_says_of_every_key_what_the_table_says(void **state)
{
	static char manual[65536];
	char *help = NULL, *rest;
	size_t len = 0;
	FILE *out = open_memstream(&help, &len), *in = fopen("config/man/liaisond.8", "r");

	(void)state;
	assert_non_null(in);
	manual[fread(manual, 1, sizeof manual - 1, in)] = '\0';
	assert_int_equal(fclose(in), 0);
	broker_config_print_help(out);
	assert_int_equal(fclose(out), 0);
	for (char *line = strtok_r(help, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		char expected[512];
		char *colon = strstr(line, ": ");
		assert_non_null(colon);
		snprintf(expected, sizeof expected, "\n.It Cm %.*s\n%s\n", (int)(colon - line), line, colon + 2);
		if (strstr(manual, expected) == NULL)
			fail_msg("config/man/liaisond.8 does not have:%s", expected);
	}
	free(help);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(an_id_is_enough),
		WITH_FOLDER(values_are_numbers_or_texts_with_a_unit),
		WITH_FOLDER(defaults_follow_a_lower_bound_that_was_given),
		WITH_FOLDER(end_points_come_alone_or_in_a_list),
		WITH_FOLDER(relative_paths_begin_at_the_file),
		WITH_FOLDER(each_mistake_is_told_with_its_line_and_what_is_allowed),
		WITH_FOLDER(all_mistakes_are_told_at_once),
		WITH_FOLDER(a_flood_of_mistakes_is_counted_and_not_all_told),
		WITH_FOLDER(a_file_that_is_none_is_refused),
		WITH_FOLDER(what_is_printed_reads_as_the_same),
		WITH_FOLDER(the_sample_holds_every_key_with_its_default),
		WITH_FOLDER(help_has_a_line_a_key),
		cmocka_unit_test(the_manual_says_of_every_key_what_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
