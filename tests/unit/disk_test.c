/* One contract, two disks: the machine's, in a folder of its own under $TMPDIR or /tmp, and the one in memory. */
#include "broker/log.h"
#include "proto/base/rand.h"
#include "proto/edge/disk.h"
#include "tests/support/memdisk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>
#include <errno.h>
#include <sodium.h>
#include <unistd.h>

struct place {
	struct memdisk *memdisk; /* NULL: the machine's */
	struct disk disk;
	char dir[1024];
};

static int
remove_name(void *arg, const char *name)
{
	char path[DISK_PATH_BYTES];

	if (disk_path(path, arg, name) == LIAISON_OK)
		unlink(path);
	return 0;
}

static int
in_memory(void **state)
{
	struct place *place = calloc(1, sizeof *place);

	if (place == NULL)
		return -1;
	place->memdisk = memdisk_new();
	place->disk = memdisk_disk(place->memdisk);
	snprintf(place->dir, sizeof place->dir, "/folder");
	*state = place;
	return 0;
}

static int
on_the_machine(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	const char *tmp = getenv("TMPDIR");

	if (place == NULL)
		return -1;
	place->disk = *disk_system();
	snprintf(place->dir, sizeof place->dir, "%s/liaison-disk-XXXXXX", tmp != NULL ? tmp : "/tmp");
	*state = place;
	return mkdtemp(place->dir) != NULL ? 0 : -1;
}

static int
leave(void **state)
{
	struct place *place = *state;

	if (place->memdisk == NULL) {
		disk_list(&place->disk, place->dir, remove_name, place->dir);
		rmdir(place->dir);
	}
	memdisk_free(place->memdisk);
	free(place);
	return 0;
}

static const char *
at(const struct place *place, const char *name)
{
	static char paths[4][DISK_PATH_BYTES];
	static unsigned next;
	char *path = paths[next++ % 4];

	assert_int_equal(disk_path(path, place->dir, name), LIAISON_OK);
	return path;
}

static void
files_are_made_once_written_and_read(void **state)
{
	const struct place *place = *state;
	const struct disk *disk = &place->disk;
	char out[8];
	uint64_t len;
	int error = -1;

	assert_int_equal(disk_open(disk, at(place, "a"), DISK_READ), -ENOENT);
	assert_int_equal(disk_open(disk, at(place, "a"), DISK_READ_WRITE), -ENOENT);
	int handle = disk_open(disk, at(place, "a"), DISK_CREATE);
	assert_true(handle >= 0);
	assert_int_equal(disk_open(disk, at(place, "a"), DISK_CREATE), -EEXIST);
	assert_int_equal(disk_write_all(disk, handle, "12345678", 8, 4, &error), LIAISON_OK);
	assert_int_equal(disk_size(disk, handle, &len), 0);
	assert_int_equal(len, 12);
	assert_int_equal(disk_read_all(disk, handle, out, 8, 0, &error), LIAISON_OK);
	assert_memory_equal(out, "\0\0\0\0001234", 8);
	/* The end of the file is no errno. */
	assert_int_equal(disk_read_all(disk, handle, out, 8, 5, &error), LIAISON_IO);
	assert_int_equal(error, 0);
	assert_int_equal(disk_allocate(disk, handle, 4096), 0);
	assert_int_equal(disk_size(disk, handle, &len), 0);
	assert_int_equal(len, 4096);
	assert_int_equal(disk_data_sync(disk, handle), 0);
	assert_int_equal(disk_sync(disk, handle), 0);
	assert_int_equal(disk->ops->forget_cached(disk->arg, handle), 0);
	assert_int_equal(disk_read_all(disk, handle, out, 8, 4, &error), LIAISON_OK);
	assert_memory_equal(out, "12345678", 8);
	disk_close(disk, handle);
}

static int
count_name(void *arg, const char *name)
{
	unsigned *seen = arg;

	if (strlen(name) != 1)
		return 1;
	*seen += 1U << (name[0] - 'a');
	return 0;
}

static void
a_rename_never_replaces(void **state)
{
	const struct place *place = *state;
	const struct disk *disk = &place->disk;
	unsigned seen = 0;

	disk_close(disk, disk_open(disk, at(place, "a"), DISK_CREATE));
	disk_close(disk, disk_open(disk, at(place, "b"), DISK_CREATE));
	assert_int_equal(disk_rename_new(disk, at(place, "a"), at(place, "b")), -EEXIST);
	assert_int_equal(disk_rename_new(disk, at(place, "x"), at(place, "c")), -ENOENT);
	assert_int_equal(disk_rename_new(disk, at(place, "a"), at(place, "c")), 0);
	assert_int_equal(disk_sync_dir(disk, place->dir), 0);
	assert_int_equal(disk_list(disk, place->dir, count_name, &seen), 0);
	assert_int_equal(seen, 1U << 1 | 1U << 2);
	assert_int_equal(disk_unlink(disk, at(place, "b")), 0);
	assert_int_equal(disk_unlink(disk, at(place, "b")), -ENOENT);
	disk_close(disk, disk_open(disk, at(place, "long-name"), DISK_CREATE));
	assert_int_equal(disk_list(disk, place->dir, count_name, &seen), 1);
}

static void
a_lock_is_held_until_it_is_closed(void **state)
{
	const struct place *place = *state;
	struct fault fault;
	int first, second = -1;

	assert_int_equal(disk_lock_dir(&place->disk, place->dir, &first, &fault), LIAISON_OK);
	assert_int_equal(disk_lock_dir(&place->disk, place->dir, &second, &fault), LIAISON_BUSY);
	assert_int_equal(second, -1);
	disk_close(&place->disk, first);
	assert_int_equal(disk_lock_dir(&place->disk, place->dir, &second, &fault), LIAISON_OK);
	disk_close(&place->disk, second);
}

static enum liaison_err
expect_record(void *arg, const struct stored_record *record, const struct log_location *location)
{
	uint64_t *next = arg;

	(void)location;
	assert_int_equal(record->index, *next);
	assert_int_equal(record->record.payload_len, *next * 3);
	++*next;
	return LIAISON_OK;
}

static void
a_log_lives_on_it(void **state)
{
	static uint8_t bytes[3000];
	const struct place *place = *state;
	const struct epoch epoch = {{1, 2, 3}};
	const struct log_options options = {
		.disk = &place->disk, .dir = place->dir, .rng = rng_system(), .segment_bytes = SEGMENT_BYTES_MIN};
	struct log_report report;
	struct fault fault;
	struct log *log;

	assert_int_equal(log_create(&options, &epoch, &fault), LIAISON_OK);
	assert_int_equal(log_create(&options, &epoch, &fault), LIAISON_EXISTS);
	for (uint64_t written = 0; written <= 300;) {
		uint64_t next = 0;
		const struct log_visitor visitor = {.on_record = expect_record, .arg = &next};
		assert_int_equal(log_open(&options, &visitor, &log, &report, &fault), LIAISON_OK);
		assert_int_equal(report.damages, 0);
		assert_int_equal(next, written);
		for (int i = 0; i < 60; i++, written++) {
			struct record record = {.type = RECORD_ALERT,
				.header = bytes,
				.header_len = 1,
				.payload = bytes,
				.payload_len = written * 3};
			assert_int_equal(log_append(log, &record, 1, 1, NULL, &fault), LIAISON_OK);
		}
		assert_int_equal(log_flush(log, 1, &fault), LIAISON_OK);
		log_close(log);
	}
	assert_int_equal(log_verify(&place->disk, place->dir, NULL, &report, &fault), LIAISON_OK);
	assert_true(report.segments > 1 && report.damages == 0 && report.notes == 0);
}

static void
a_folder_that_is_not_there_is_said(void **state)
{
	const struct disk *disk = disk_system();
	const struct log_options options = {
		.disk = disk, .dir = "/nonexistent/log", .rng = rng_system(), .segment_bytes = SEGMENT_BYTES_MIN};
	struct log_report report;
	struct fault fault;
	struct log *log;
	uint64_t len;
	int handle;

	(void)state;
	assert_int_equal(log_open(&options, NULL, &log, &report, &fault), LIAISON_NOT_FOUND);
	assert_non_null(strstr(fault.message, "/nonexistent/log"));
	assert_int_equal(log_create(&options, &(struct epoch){{0}}, &fault), LIAISON_IO);
	assert_int_equal(log_verify(disk, options.dir, NULL, &report, &fault), LIAISON_NOT_FOUND);
	assert_int_equal(disk_lock_dir(disk, options.dir, &handle, &fault), LIAISON_NOT_FOUND);
	assert_int_equal(disk_free_bytes(disk, options.dir, &len), -ENOENT);
}

#define ON_BOTH(test)                                                                                                  \
	cmocka_unit_test_setup_teardown(test, in_memory, leave),                                                       \
		cmocka_unit_test_setup_teardown(test, on_the_machine, leave)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		ON_BOTH(files_are_made_once_written_and_read),
		ON_BOTH(a_rename_never_replaces),
		ON_BOTH(a_lock_is_held_until_it_is_closed),
		ON_BOTH(a_log_lives_on_it),
		cmocka_unit_test(a_folder_that_is_not_there_is_said),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
