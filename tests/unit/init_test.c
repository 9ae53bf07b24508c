#include "broker/config.h"
#include "broker/init.h"
#include "proto/card.h"
#include "proto/edge/docfile.h"
#include "proto/edge/keyfile.h"
#include "tests/support/folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char parent[64], dir[96];
static struct fault fault;

static const char *const made[] = {"liaisond.conf", "broker.key", "kh.broker.card", "trust"};

static int
make_folder(void **state)
{
	(void)state;
	if (folder_new_at(parent, sizeof parent) != 0)
		return -1;
	snprintf(dir, sizeof dir, "%s/home", parent);
	return 0;
}

static const char *
in_home(const char *name)
{
	static char full[160];

	snprintf(full, sizeof full, "%s/%s", dir, name);
	return full;
}

static int
remove_folder(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
		(void)remove(in_home(made[i]));
	(void)rmdir(dir);
	return rmdir(parent);
}

static struct init_options
a_broker(void)
{
	return (struct init_options){.dir = dir, .id = "kh.broker", .now = 1789000000000};
}

/* What init_home prints; the caller frees. NULL: it failed, see `fault`. */
static char *
init(const struct init_options *options)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	memset(&fault, 0, sizeof fault);
	enum liaison_err err = init_home(options, out, &fault);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(fault.code, err);
	if (err == LIAISON_OK)
		return text;
	assert_int_equal(len, 0);
	free(text);
	return NULL;
}

static void
assert_mode(const char *name, mode_t mode)
{
	struct stat st;

	assert_int_equal(stat(in_home(name), &st), 0);
	assert_int_equal(st.st_mode & 07777 & ~(mode_t)0044, mode);
}

static void
a_home_has_configuration_keys_card_and_trust(void **state)
{
	const char *endpoints[] = {"tcp://192.0.2.10:7400"}, *listen[] = {"tcp://*:7400", "tcp://[::1]:7401"};
	struct init_options options = a_broker();
	struct config config;
	struct secret_keys *keys;
	struct keyfile_info info;
	Liaison__Signed *card;
	struct document *document;
	char fingerprint[SPOKEN_FINGERPRINT_BYTES];

	(void)state;
	options.listen = listen;
	options.listen_count = 2;
	options.endpoints = endpoints;
	options.endpoint_count = 1;
	char *text = init(&options);
	assert_non_null(text);
	assert_mode("", 0700);
	assert_mode("trust", 0700);
	assert_mode("broker.key", 0600);
	assert_mode("liaisond.conf", 0600);

	if (broker_config_read(in_home("liaisond.conf"), &config, NULL, NULL, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	assert_string_equal(config.id, "kh.broker");
	assert_int_equal(config.listen_count, 2);
	assert_string_equal(config.listen[1], "tcp://[::1]:7401");
	assert_int_equal(keyfile_load(config.key_file, NULL, &keys, &info, &fault), LIAISON_OK);
	assert_int_equal(info.owner, KEYS_BROKER);
	assert_string_equal(info.name, "kh.broker");

	assert_int_equal(docfile_read(in_home("kh.broker.card"), DOCUMENT_CARD, &card, &fault), LIAISON_OK);
	assert_int_equal(card_open(card, &document, &fault), LIAISON_OK);
	assert_string_equal(document->card->office, "kh.broker");
	assert_int_equal(document->card->n_endpoints, 1);
	assert_string_equal(document->card->endpoints[0], "tcp://192.0.2.10:7400");
	assert_memory_equal(document->card->checkpoint_key.data, keys->checkpoint_public.bytes, PUBLIC_KEY_BYTES);
	card_fingerprint(card, fingerprint);
	assert_non_null(strstr(text, fingerprint));
	assert_non_null(strstr(text, in_home("trust")));

	document_unref(document);
	liaison__signed__free_unpacked(card, NULL);
	secret_keys_free(keys);
	broker_config_clear(&config);
	free(text);
}

static size_t
content(const char *name, char out[4096])
{
	FILE *file = fopen(in_home(name), "r");

	assert_non_null(file);
	size_t len = fread(out, 1, 4096, file);
	assert_int_equal(fclose(file), 0);
	return len;
}

static void
nothing_that_is_there_is_overwritten(void **state)
{
	struct init_options options = a_broker();
	char before[4096], after[4096];

	(void)state;
	free(init(&options));
	for (int i = 0; i < 3; i++) {
		/* Whichever one of the three is left. */
		size_t len = content(made[i], before);
		assert_null(init(&options));
		assert_int_equal(fault.code, LIAISON_EXISTS);
		for (int j = i; j < 3; j++)
			assert_int_equal(access(in_home(made[j]), F_OK), 0);
		assert_int_equal(content(made[i], after), len);
		assert_memory_equal(before, after, len);
		assert_int_equal(unlink(in_home(made[i])), 0);
	}
	assert_non_null(strstr(fault.message, "kh.broker.card is there already"));
	/* A folder with trust in it is not in the way. */
	char *text = init(&options);
	assert_non_null(text);
	free(text);
}

static const struct {
	const char *id, *listen, *endpoint, *words;
} refusals[] = {
	{"broker", NULL, NULL, "--id: "},
	{"KH.broker", NULL, NULL, "--id: "},
	{"kh.broker", "127.0.0.1:7400", NULL, "--listen: \"127.0.0.1:7400\" does not begin with tcp://"},
	{"kh.broker", "tcp://*:7400", NULL, "--endpoint"},
	{"kh.broker", "tcp://0.0.0.0:7400", NULL, "--endpoint"},
	{"kh.broker", "tcp://[::]:7400", NULL, "--endpoint"},
	{"kh.broker", "tcp://127.0.0.1:0", NULL, "--endpoint"},
	{"kh.broker", "tcp://*:7400", "nonsense", "no card can be made"},
};

static void
what_is_wrong_is_told_before_anything_is_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		struct init_options options = a_broker();
		options.id = refusals[i].id;
		options.listen = &refusals[i].listen;
		options.listen_count = refusals[i].listen != NULL;
		options.endpoints = &refusals[i].endpoint;
		options.endpoint_count = refusals[i].endpoint != NULL;
		assert_null(init(&options));
		assert_int_equal(fault.code, LIAISON_BAD_USAGE);
		if (strstr(fault.message, refusals[i].words) == NULL)
			fail_msg("no \"%s\" in \"%s\"", refusals[i].words, fault.message);
		assert_int_equal(access(dir, F_OK), -1);
	}
}

static void
a_folder_that_others_may_write_is_refused(void **state)
{
	struct init_options options = a_broker();

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	assert_null(init(&options));
	assert_int_equal(fault.code, LIAISON_BAD_CONFIG);
	assert_int_equal(access(in_home("broker.key"), F_OK), -1);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(a_home_has_configuration_keys_card_and_trust),
		WITH_FOLDER(nothing_that_is_there_is_overwritten),
		WITH_FOLDER(what_is_wrong_is_told_before_anything_is_made),
		WITH_FOLDER(a_folder_that_others_may_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
