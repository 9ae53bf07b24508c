/*
 * A disk in memory for tests: one flat folder tree behind `struct disk` that keeps apart what was written and what is on
 * the medium, fails the nth call in a chosen way, and can be cut off from power.
 *
 * What a sync has not covered may, after a crash, be lost, be there, or be there in part, sector by sector and in any
 * order; names come back as any prefix of what happened since the folder was synced, as a journal keeps them. A failed
 * sync leaves what Linux leaves: pages that read as written, that count as clean, and that never reach the medium.
 */
#ifndef LIAISON_TESTS_SUPPORT_MEMDISK_H
#define LIAISON_TESTS_SUPPORT_MEMDISK_H

#include "proto/base/rand.h"
#include "proto/edge/disk.h"

#include <stdbool.h>

struct memdisk;

/* Aborts where there is no memory, as all of tests/support does. Folders need not be made to be used. */
struct memdisk *memdisk_new(void);
void memdisk_free(struct memdisk *memdisk);

struct disk memdisk_disk(struct memdisk *memdisk); /* borrows */

/* Room for all files; UINT64_MAX at first. */
void memdisk_set_capacity(struct memdisk *memdisk, uint64_t bytes);

enum memdisk_fault {
	MEMDISK_NO_FAULT,
	MEMDISK_FAIL,  /* the call fails with `error`; a write has written half, a sync has lost what it should keep */
	MEMDISK_SHORT, /* a read or write does half; other calls are not changed */
	MEMDISK_INTERRUPT, /* -EINTR, once */
	MEMDISK_POWER_OFF, /* this call and all after it fail with EIO and do nothing */
};

/* The nth call from now, 1 being the next. */
void memdisk_set_fault(struct memdisk *memdisk, enum memdisk_fault fault, uint64_t nth, int error);
uint64_t memdisk_calls(const struct memdisk *memdisk); /* so far */
bool memdisk_fault_happened(const struct memdisk *memdisk);
const char *memdisk_faulted_call(const struct memdisk *memdisk); /* "pwrite" ...; "" if none was */

/* A new disk in one of the states that a power cut now could leave. `sector` is 512 or 4096. */
struct memdisk *memdisk_crash(const struct memdisk *memdisk, const struct rng *rng, size_t sector);

/* A new disk with what a process that is killed now would leave: all that was written, none of it lost. */
struct memdisk *memdisk_kill(const struct memdisk *memdisk);

/* --- what a test does to the medium behind everybody's back; all files must exist ------------------------------------- */

/* The bytes as they are now; NULL if there is no such file. Valid until the disk is next used. */
const uint8_t *memdisk_file(struct memdisk *memdisk, const char *path, size_t *len);
void memdisk_spoil(struct memdisk *memdisk, const char *path, uint64_t offset, const void *bytes, size_t len);
void memdisk_flip(struct memdisk *memdisk, const char *path, uint64_t bit);
void memdisk_truncate(struct memdisk *memdisk, const char *path, size_t len); /* longer: filled with zeros */
void memdisk_remove(struct memdisk *memdisk, const char *path);
void memdisk_copy(struct memdisk *memdisk, const char *path, struct memdisk *from, const char *from_path);

#endif
