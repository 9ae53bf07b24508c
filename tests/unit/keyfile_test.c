/* Key files on a real disk: what may be read, what is refused with what to do, and that nothing is ever overwritten. */
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

struct folder {
	char path[64];
	char key[128];
};

static int
folder_setup(void **state)
{
	struct folder *folder = calloc(1, sizeof *folder);

	if (folder == NULL)
		return -1;
	if (folder_new_at(folder->path, sizeof folder->path) != 0)
		return -1;
	snprintf(folder->key, sizeof folder->key, "%s/office.key", folder->path);
	*state = folder;
	return 0;
}

static int
folder_teardown(void **state)
{
	struct folder *folder = *state;
	char other[160];

	unlink(folder->key);
	snprintf(other, sizeof other, "%s.real", folder->key);
	unlink(other);
	int result = rmdir(folder->path); /* fails if anything else was left behind */
	free(folder);
	return result;
}

static const char passphrase[] = "correct horse battery";

struct asked {
	const char *answer;
	int times;
};

static enum liaison_err
answer(void *arg, const char *path, char *out, struct fault *fault)
{
	struct asked *asked = arg;

	(void)path;
	(void)fault;
	asked->times++;
	snprintf(out, PASSPHRASE_BYTES, "%s", asked->answer);
	return LIAISON_OK;
}

static void
assert_same_keys(const struct secret_keys *a, const struct secret_keys *b)
{
	assert_memory_equal(a, b, sizeof *a);
}

static void
test_round_trip(void **state)
{
	struct folder *folder = *state;

	for (enum keys_owner owner = KEYS_SIGNER; owner <= KEYS_BROKER; owner++)
		for (int locked = 0; locked < 2; locked++) {
			struct secret_keys *keys = secret_keys_new(owner), *loaded;
			struct keyfile_info info;
			struct fault fault;
			struct stat stat_buf;
			struct asked asked = {.answer = passphrase};
			struct passphrase_source source = {answer, &asked};
			assert_int_equal(
				keyfile_create(folder->key, keys, "kh.blo.poipet", locked ? passphrase : NULL, &fault),
				LIAISON_OK);
			assert_int_equal(stat(folder->key, &stat_buf), 0);
			assert_int_equal(stat_buf.st_mode & 07777, 0600);
			assert_int_equal(keyfile_look(folder->key, &info, &fault), LIAISON_OK);
			assert_int_equal(info.owner, owner);
			assert_int_equal(info.has_passphrase, locked);
			assert_string_equal(info.name, "kh.blo.poipet");
			assert_int_equal(keyfile_load(folder->key, &source, &loaded, &info, &fault), LIAISON_OK);
			assert_int_equal(asked.times, locked);
			assert_same_keys(keys, loaded);
			secret_keys_free(keys);
			secret_keys_free(loaded);
			unlink(folder->key);
		}
}

static void
test_existing_key_is_never_overwritten(void **state)
{
	struct folder *folder = *state;
	struct secret_keys *first = secret_keys_new(KEYS_OFFICE), *second = secret_keys_new(KEYS_OFFICE), *loaded;
	struct fault fault;

	assert_int_equal(keyfile_create(folder->key, first, "kh.blo.poipet", NULL, &fault), LIAISON_OK);
	assert_int_equal(keyfile_create(folder->key, second, "kh.blo.poipet", NULL, &fault), LIAISON_EXISTS);
	assert_non_null(strstr(fault.message, folder->key));
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_OK);
	assert_same_keys(first, loaded);
	secret_keys_free(loaded);
	/* Changing the passphrase does replace it. */
	assert_int_equal(keyfile_replace(folder->key, first, "kh.blo.poipet", passphrase, &fault), LIAISON_OK);
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "passphrase"));
	secret_keys_free(first);
	secret_keys_free(second);
}

static void
test_modes_owner_and_links(void **state)
{
	struct folder *folder = *state;
	struct secret_keys *keys = secret_keys_new(KEYS_OFFICE), *loaded;
	static const struct {
		mode_t mode;
		enum liaison_err code;
	} rows[] = {
		{0600, LIAISON_OK},
		{0400, LIAISON_OK},
		{0640, LIAISON_BAD_CONFIG},
		{0604, LIAISON_BAD_CONFIG},
		{0620, LIAISON_BAD_CONFIG},
		{0601, LIAISON_BAD_CONFIG},
		{0644, LIAISON_BAD_CONFIG},
		{0666, LIAISON_BAD_CONFIG},
	};
	struct fault fault;
	char real[160];

	assert_int_equal(keyfile_create(folder->key, keys, "kh.blo.poipet", NULL, &fault), LIAISON_OK);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(chmod(folder->key, rows[i].mode), 0);
		assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), rows[i].code);
		if (rows[i].code == LIAISON_OK)
			secret_keys_free(loaded);
		else
			assert_non_null(strstr(fault.message, "chmod 600"));
	}
	assert_int_equal(chmod(folder->key, 0600), 0);

	if (geteuid() == 0) {
		assert_int_equal(chown(folder->key, 12345, 12345), 0);
		assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
		assert_non_null(strstr(fault.message, "12345"));
		assert_int_equal(chown(folder->key, 0, 0), 0);
	} else {
		print_message("SKIPPED: another owner, as only root can give files away\n");
	}

	snprintf(real, sizeof real, "%s.real", folder->key);
	assert_int_equal(rename(folder->key, real), 0);
	assert_int_equal(symlink(real, folder->key), 0);
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "symbolic link"));
	unlink(folder->key);
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_NOT_FOUND);
	assert_int_equal(mkfifo(folder->key, 0600), 0);
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	secret_keys_free(keys);
}

static void
test_wrong_or_weak_passphrase(void **state)
{
	struct folder *folder = *state;
	struct secret_keys *keys = secret_keys_new(KEYS_OFFICE), *loaded;
	struct asked asked = {.answer = "correct horse batterz"};
	struct passphrase_source source = {answer, &asked};
	struct fault fault;

	assert_int_equal(keyfile_create(folder->key, keys, "x", "short", &fault), LIAISON_BAD_USAGE);
	assert_int_equal(access(folder->key, F_OK), -1);
	assert_int_equal(keyfile_create(folder->key, keys, "two words", NULL, &fault), LIAISON_BAD_USAGE);
	assert_int_equal(keyfile_create(folder->key, keys, "", NULL, &fault), LIAISON_BAD_USAGE);
	assert_int_equal(keyfile_create(folder->key, keys, "x", passphrase, &fault), LIAISON_OK);
	assert_int_equal(keyfile_load(folder->key, &source, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "not the passphrase"));
	secret_keys_free(keys);
}

static void
rewrite(const char *path, const void *bytes, size_t len)
{
	struct fault fault;

	assert_int_equal(file_replace(path, bytes, len, 0600, &fault), LIAISON_OK);
}

/* Every cut and every changed byte: refused with a sentence, or (in the name, in unused base64 bits) the same keys. */
static void
test_damaged_files(void **state)
{
	struct folder *folder = *state;
	struct secret_keys *keys = secret_keys_new(KEYS_BROKER), *loaded;
	char text[KEYFILE_BYTES_MAX];
	size_t len;
	struct fault fault;

	assert_int_equal(keyfile_create(folder->key, keys, "kh.broker", NULL, &fault), LIAISON_OK);
	assert_int_equal(file_read_into(folder->key, FILE_SECRET, text, sizeof text, &len, &fault), LIAISON_OK);
	for (size_t cut = 0; cut < len; cut++) {
		rewrite(folder->key, text, cut);
		assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	}
	for (size_t at = 0; at < len; at++) {
		char saved = text[at];
		text[at] = (char)(saved ^ 1);
		rewrite(folder->key, text, len);
		text[at] = saved;
		if (keyfile_load(folder->key, NULL, &loaded, NULL, &fault) == LIAISON_OK) {
			/* X25519 secrets carry no check: their public halves follow, and no roster names those. */
			assert_memory_equal(keys->signing, loaded->signing, sizeof keys->signing);
			assert_memory_equal(keys->checkpoint, loaded->checkpoint, sizeof keys->checkpoint);
			secret_keys_free(loaded);
		}
	}
	text[len] = 'x';
	rewrite(folder->key, text, len + 1);
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	static const char huge[KEYFILE_BYTES_MAX + 1];
	rewrite(folder->key, huge, sizeof huge);
	assert_int_equal(keyfile_load(folder->key, NULL, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
	secret_keys_free(keys);
}

/* A file that asks for more memory or time than the machine should give. */
static void
test_greedy_parameters(void **state)
{
	struct folder *folder = *state;
	static const char *const bad[] = {"operations: 17\nmemory: 134217728", "operations: 0\nmemory: 134217728",
		"operations: -1\nmemory: 134217728", "operations: 3\nmemory: 99999999999999999999",
		"operations: 3\nmemory: 1073741825", "operations: 3\nmemory: 1"};
	struct asked asked = {.answer = passphrase};
	struct passphrase_source source = {answer, &asked};
	struct secret_keys *loaded;
	struct fault fault;
	char text[512];

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text,
			"liaison secret keys v1\nowner: signer\nname: x\nkdf: argon2id13\n%s\nsalt: "
			"AAAAAAAAAAAAAAAAAAAAAA==\n",
			bad[i]);
		rewrite(folder->key, text, strlen(text));
		assert_int_equal(keyfile_load(folder->key, &source, &loaded, NULL, &fault), LIAISON_BAD_CONFIG);
		assert_int_equal(asked.times, 0);
	}
}

int
main(void)
{
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
	const struct CMUnitTest tests[] = {
		ON_DISK(test_round_trip),
		ON_DISK(test_existing_key_is_never_overwritten),
		ON_DISK(test_modes_owner_and_links),
		ON_DISK(test_wrong_or_weak_passphrase),
		ON_DISK(test_damaged_files),
		ON_DISK(test_greedy_parameters),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
