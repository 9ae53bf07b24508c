#include "tests/support/bad_disk.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

/* The unix VFS has one table of methods per way of locking. */
#define TABLES 8

static sqlite3_vfs *real;
static sqlite3_vfs bad;
static struct {
	const sqlite3_io_methods *real;
	sqlite3_io_methods bad;
} tables[TABLES];

static struct {
	bool is_on;
	enum bad_disk_fault fault;
	int left;
	int failed;
} plan;

static bool
is_to_fail(bool is_sync)
{
	if (!plan.is_on || is_sync != (plan.fault == BAD_DISK_SYNC))
		return false;
	if (plan.left > 0) {
		plan.left--;
		return false;
	}
	plan.failed++;
	return true;
}

static const sqlite3_io_methods *
real_of(sqlite3_file *file)
{
	for (size_t i = 0; i < TABLES; i++)
		if (file->pMethods == &tables[i].bad)
			return tables[i].real;
	assert(!"a file of this disk");
	return NULL;
}

static int
bad_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	if (is_to_fail(false))
		return plan.fault == BAD_DISK_FULL ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	return real_of(file)->xWrite(file, bytes, len, at);
}

static int
bad_sync(sqlite3_file *file, int flags)
{
	return is_to_fail(true) ? SQLITE_IOERR_FSYNC : real_of(file)->xSync(file, flags);
}

static int
bad_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
	(void)vfs;
	int result = real->xOpen(real, name, file, flags, out_flags);
	if (result != SQLITE_OK || file->pMethods == NULL)
		return result;
	for (size_t i = 0; i < TABLES; i++) {
		if (tables[i].real == NULL) {
			tables[i].real = file->pMethods;
			tables[i].bad = *file->pMethods;
			tables[i].bad.xWrite = bad_write;
			tables[i].bad.xSync = bad_sync;
		}
		if (tables[i].real == file->pMethods) {
			file->pMethods = &tables[i].bad;
			return SQLITE_OK;
		}
	}
	assert(!"room for all tables");
	return SQLITE_INTERNAL;
}

void
bad_disk_install(void)
{
	real = sqlite3_vfs_find(NULL);
	bad = *real;
	bad.zName = "bad-disk";
	bad.xOpen = bad_open;
	bad.pNext = NULL;
	int result = sqlite3_vfs_register(&bad, 1);
	assert(result == SQLITE_OK);
	(void)result;
}

void
bad_disk_break(enum bad_disk_fault fault, int after)
{
	plan.is_on = true;
	plan.fault = fault;
	plan.left = after;
	plan.failed = 0;
}

int
bad_disk_mend(void)
{
	plan.is_on = false;
	return plan.failed;
}
