/*
 * A disk for SQLite that fails on command: the default VFS, whose n-th write or sync from now on does not happen, nor any
 * after it until it is mended. For testing stores; one connection at a time.
 */
#ifndef LIAISON_TESTS_SUPPORT_BAD_DISK_H
#define LIAISON_TESTS_SUPPORT_BAD_DISK_H

enum bad_disk_fault {
	BAD_DISK_WRITE, /* "disk I/O error" */
	BAD_DISK_FULL,
	BAD_DISK_SYNC,
};

/* Becomes SQLite's default for connections that are opened later. Once a process. */
void bad_disk_install(void);

/* The operation number `after` (from 0) and all later ones of its sort fail. */
void bad_disk_break(enum bad_disk_fault fault, int after);

/* All is well again. How many operations failed since bad_disk_break: 0 says that `after` was beyond the end. */
int bad_disk_mend(void);

#endif
