/* Documents as files and the folder trust/: what is written is read again, what does not hold is named and left out. */
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "tests/support/folder.h"
#include "tests/support/world.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

struct place {
	char path[64];
	char trust[80];
	struct world *world;
};

static int
place_setup(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	if (place == NULL)
		return -1;
	if (folder_new_at(place->path, sizeof place->path) != 0)
		return -1;
	snprintf(place->trust, sizeof place->trust, "%s/trust", place->path);
	place->world = world_new(7);
	*state = place;
	return 0;
}

static int
remove_one(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
	(void)info;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int
place_teardown(void **state)
{
	struct place *place = *state;

	world_free(place->world);
	int result = nftw(place->path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(place);
	return result;
}

static const char *
in_trust(const struct place *place, const char *name)
{
	static char path[160];

	snprintf(path, sizeof path, "%s/%s", place->trust, name);
	return path;
}

static void
save(const struct place *place, const struct trust *trust, int64_t now)
{
	struct fault fault;

	if (trust_save_dir(place->trust, trust, now, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
}

struct troubles {
	size_t count;
	enum liaison_err code;
	char path[160];
};

static void
note_trouble(void *arg, const char *path, enum liaison_err code, const char *sentence)
{
	struct troubles *troubles = arg;

	assert_non_null(sentence);
	assert_true(strlen(sentence) > 10);
	troubles->count++;
	troubles->code = code;
	snprintf(troubles->path, sizeof troubles->path, "%s", path);
}

static struct trust *
load(const struct place *place, int64_t now, struct troubles *troubles)
{
	struct trust *trust;
	struct fault fault;

	*troubles = (struct troubles){0};
	if (trust_load_dir(place->trust, now, note_trouble, troubles, &trust, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	return trust;
}

static void
test_folder_round_trip(void **state)
{
	struct place *place = *state;
	struct world *world = place->world;
	struct troubles troubles;
	enum trust_change change;
	struct trust *view;
	struct fault fault;

	world_charter_publish(world, world_charter_edit(world));
	Liaison__Signed *suspension = world_suspension(world, "kh.blo.bavet", NULL, WORLD_NOW, WORLD_NOW + MS_PER_DAY);
	assert_int_equal(
		trust_add_suspension(world_trust(world), suspension, WORLD_NOW, &change, &view, &fault), LIAISON_OK);
	save(place, view, WORLD_NOW);
	struct trust *loaded = load(place, WORLD_NOW, &troubles);
	assert_int_equal(troubles.count, 0);
	assert_string_equal(trust_network(loaded), WORLD_NETWORK);
	assert_int_equal(trust_charter_version(loaded), 2);
	assert_int_equal(trust_office_count(loaded), trust_office_count(view));
	for (size_t i = 0; i < trust_member_count(view); i++)
		assert_true(
			digest_equal(&trust_member_at(view, i)->roster_hash, &trust_member_at(loaded, i)->roster_hash));
	assert_true(office_is_suspended(trust_office(loaded, "kh.blo.bavet"), WORLD_NOW));
	trust_unref(loaded);

	/* A suspension that is over is told, and stays on disk until it is long over: a clock may have jumped. */
	int64_t later = WORLD_NOW + 2 * MS_PER_DAY;
	loaded = load(place, later, &troubles);
	assert_int_equal(troubles.count, 1);
	assert_int_equal(troubles.code, LIAISON_EXPIRED);
	save(place, loaded, later);
	trust_unref(loaded);
	loaded = load(place, WORLD_NOW, &troubles);
	assert_int_equal(trust_suspension_count(loaded), 1);
	save(place, loaded, WORLD_NOW + MS_PER_DAY + SUSPENSION_KEPT_MS);
	trust_unref(loaded);
	loaded = load(place, WORLD_NOW, &troubles);
	assert_int_equal(trust_suspension_count(loaded), 0);
	trust_unref(loaded);
	trust_unref(view);
	world_signed_free(suspension);
}

static void
test_empty_and_missing_folder(void **state)
{
	struct place *place = *state;
	struct troubles troubles;
	struct trust *trust, *loaded;
	struct fault fault;
	struct public_key root = world_root(place->world, 0)->signing_public;

	assert_int_equal(trust_load_dir(place->trust, WORLD_NOW, NULL, NULL, &trust, &fault), LIAISON_NOT_FOUND);
	assert_int_equal(trust_new("fresh.net", &root, 1, 1, &trust, &fault), LIAISON_OK);
	save(place, trust, WORLD_NOW);
	loaded = load(place, WORLD_NOW, &troubles);
	assert_int_equal(trust_charter_version(loaded), 0);
	assert_string_equal(trust_network(loaded), "fresh.net");
	trust_unref(loaded);
	trust_unref(trust);
	assert_int_equal(unlink(in_trust(place, "root.keys")), 0);
	assert_int_equal(trust_load_dir(place->trust, WORLD_NOW, NULL, NULL, &trust, &fault), LIAISON_NOT_FOUND);
	assert_non_null(strstr(fault.message, "root.keys"));
}

static void
flip_byte(const char *path, size_t from_end)
{
	struct buf bytes;
	struct fault fault;

	buf_init(&bytes, 1 << 20);
	assert_int_equal(file_read(path, FILE_ANY, &bytes, &fault), LIAISON_OK);
	bytes.data[bytes.len - 1 - from_end] ^= 1;
	assert_int_equal(file_replace(path, bytes.data, bytes.len, 0644, &fault), LIAISON_OK);
	buf_clear(&bytes);
}

static void
test_a_roster_that_does_not_hold_is_left_out(void **state)
{
	struct place *place = *state;
	struct troubles troubles;
	struct trust *trust;
	struct fault fault;

	save(place, world_trust(place->world), WORLD_NOW);
	flip_byte(in_trust(place, "th.roster"), 0); /* the last byte of a signature */
	trust = load(place, WORLD_NOW, &troubles);
	assert_int_equal(troubles.count, 1);
	assert_int_equal(troubles.code, LIAISON_BAD_SIGNATURE);
	assert_string_equal(troubles.path, in_trust(place, "th.roster"));
	assert_null(trust_office(trust, "th.broker"));
	assert_non_null(trust_office(trust, "kh.broker"));
	trust_unref(trust);
	assert_int_equal(trust_load_dir(place->trust, WORLD_NOW, NULL, NULL, &trust, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "th.roster"));

	/* Saving puts it right again. */
	save(place, world_trust(place->world), WORLD_NOW);
	trust = load(place, WORLD_NOW, &troubles);
	assert_int_equal(troubles.count, 0);
	trust_unref(trust);
}

static void
test_charters_that_do_not_hold_end_it(void **state)
{
	struct place *place = *state;
	struct trust *trust;
	struct fault fault;

	save(place, world_trust(place->world), WORLD_NOW);
	flip_byte(in_trust(place, "charters"), 0);
	assert_int_equal(trust_load_dir(place->trust, WORLD_NOW, NULL, NULL, &trust, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "charters"));
}

static void
test_rosters_after_new_authority_keys(void **state)
{
	struct place *place = *state;
	struct troubles troubles;

	save(place, world_trust(place->world), WORLD_NOW);
	world_rekey(place->world, "kh");
	save(place, world_trust(place->world), WORLD_NOW);
	struct trust *trust = load(place, WORLD_NOW, &troubles);
	assert_int_equal(troubles.count, 1);
	assert_non_null(strstr(troubles.path, "kh.roster"));
	assert_null(trust_member(trust, "kh")->roster);
	assert_non_null(trust_member(trust, "th")->roster);
	trust_unref(trust);
}

static void
test_folder_that_others_may_write(void **state)
{
	struct place *place = *state;
	struct trust *trust;
	struct fault fault;

	save(place, world_trust(place->world), WORLD_NOW);
	assert_int_equal(chmod(place->trust, 0775), 0);
	assert_int_equal(trust_load_dir(place->trust, WORLD_NOW, NULL, NULL, &trust, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "chmod go-w"));
	assert_int_equal(chmod(place->trust, 0755), 0);
	assert_int_equal(chmod(in_trust(place, "root.keys"), 0666), 0);
	assert_int_equal(trust_load_dir(place->trust, WORLD_NOW, NULL, NULL, &trust, &fault), LIAISON_BAD_CONFIG);
	assert_non_null(strstr(fault.message, "root.keys"));
}

static void
test_root_key_files(void **state)
{
	struct place *place = *state;
	static const char *const bad[] = {
		"",
		"something else\n",
		"liaison root keys v1\n",
		"liaison root keys v1\nnetwork: test.net\nthreshold: 1\n",
		"liaison root keys v1\nnetwork: Test\nthreshold: 1\nkey: "
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
		"liaison root keys v1\nnetwork: test.net\nthreshold: 2\nkey: "
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
		"liaison root keys v1\nnetwork: test.net\nthreshold: 1\nkey: 0011\n",
		"liaison root keys v1\nnetwork: test.net\nthreshold: 1\nkeys: "
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
	};
	static const char good[] = "liaison root keys v1\n# by hand\n\nnetwork: test.net\nthreshold: 1\nkey: "
				   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	struct trust *trust;
	struct fault fault;
	char path[160];

	snprintf(path, sizeof path, "%s/root.keys", place->path);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(file_replace(path, bad[i], strlen(bad[i]), 0644, &fault), LIAISON_OK);
		assert_int_equal(rootkeys_read(path, &trust, &fault), LIAISON_BAD_CONFIG);
		assert_non_null(strstr(fault.message, path));
	}
	assert_int_equal(file_replace(path, good, strlen(good), 0644, &fault), LIAISON_OK);
	assert_int_equal(rootkeys_read(path, &trust, &fault), LIAISON_OK);
	assert_int_equal(rootkeys_create(path, trust, &fault), LIAISON_EXISTS);
	trust_unref(trust);
}

static void
test_documents_are_told_apart(void **state)
{
	struct place *place = *state;
	const struct trust *trust = world_trust(place->world);
	Liaison__CharterChain *chain;
	Liaison__Signed *read;
	enum docfile_type type;
	struct fault fault;
	char path[160];

	snprintf(path, sizeof path, "%s/file", place->path);
	assert_int_equal(docfile_write(path, DOCUMENT_ROSTER, trust_signed_roster(trust, "kh"), &fault), LIAISON_OK);
	assert_int_equal(docfile_look(path, &type, &fault), LIAISON_OK);
	assert_int_equal(type, DOCFILE_ROSTER);
	assert_int_equal(docfile_read(path, DOCUMENT_CARD, &read, &fault), LIAISON_MALFORMED);
	assert_non_null(strstr(fault.message, "is a roster; a card is wanted"));
	assert_int_equal(docfile_read_charters(path, &chain, &fault), LIAISON_MALFORMED);
	assert_int_equal(docfile_read(path, DOCUMENT_ROSTER, &read, &fault), LIAISON_OK);
	assert_int_equal(read->body.len, trust_signed_roster(trust, "kh")->body.len);
	world_signed_free(read);

	assert_int_equal(file_replace(path, "GIF89a", 6, 0644, &fault), LIAISON_OK);
	assert_int_equal(docfile_look(path, &type, &fault), LIAISON_MALFORMED);
	static const char torn[] = "liaison roster v1\n\x0a\x7f";
	assert_int_equal(file_replace(path, torn, sizeof torn - 1, 0644, &fault), LIAISON_OK);
	assert_int_equal(docfile_read(path, DOCUMENT_ROSTER, &read, &fault), LIAISON_MALFORMED);
}

int
main(void)
{
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
		ON_DISK(test_folder_round_trip),
		ON_DISK(test_empty_and_missing_folder),
		ON_DISK(test_a_roster_that_does_not_hold_is_left_out),
		ON_DISK(test_charters_that_do_not_hold_end_it),
		ON_DISK(test_rosters_after_new_authority_keys),
		ON_DISK(test_folder_that_others_may_write),
		ON_DISK(test_root_key_files),
		ON_DISK(test_documents_are_told_apart),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("docfile", tests, NULL, NULL);
}
