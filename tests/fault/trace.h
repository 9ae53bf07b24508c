/*
 * What the preloaded library (shim.c) and the experiments share: the trace of everything that programs did to the files
 * below one folder, and the list of calls for faults that hit exactly one of them.
 *
 * The trace is a file: a page with struct trace_head, then records back to back, each followed by its path, the other
 * path and the bytes. Every operation is done and recorded under one lock, for all processes, so that the order of records
 * is the order of what happened: what one program did because of what another one had done comes after it. The head lies
 * in shared memory; `count` is where the trace stands.
 */
#ifndef LIAISON_TESTS_FAULT_TRACE_H
#define LIAISON_TESTS_FAULT_TRACE_H

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* In the environment of a program that is watched. */
#define FAULT_ROOT "FAULT_ROOT"       /* only what lies below this folder counts */
#define FAULT_TRACE "FAULT_TRACE"     /* the trace's file; syncs are then recorded, and not done */
#define FAULT_NO_SYNC "FAULT_NO_SYNC" /* set: syncs are not done; what is checked after a cut needs none */
#define FAULT_CALLS "FAULT_CALLS"     /* the file of struct call_list */
#define FAULT_AT "FAULT_AT"           /* the number of the call that fails, from 1 */
#define FAULT_KIND "FAULT_KIND"       /* a letter of fault_kind */
#define FAULT_STICKY "FAULT_STICKY"   /* set: all calls of its sort fail from then on */

#define TRACE_HEAD_BYTES 4096

struct trace_head {
	pthread_mutex_t lock; /* robust, shared by processes */
	volatile uint64_t count;
	uint64_t bytes; /* where the next record goes */
};

enum trace_type {
	TRACE_OPEN = 1,  /* of a file that may be written; offset 1: what it held is cut off */
	TRACE_WRITE,     /* data_len bytes at offset */
	TRACE_TRUNCATE,  /* to offset bytes */
	TRACE_ALLOCATE,  /* room up to offset; grows the file */
	TRACE_SYNC,      /* of a file */
	TRACE_SYNC_LOST, /* of a file, and it failed: what it should have kept is gone */
	TRACE_SYNC_DIR,  /* of a folder */
	TRACE_RENAME,    /* path to other */
	TRACE_LINK,      /* path is also called other */
	TRACE_UNLINK,
	TRACE_MKDIR,
};

struct trace_record {
	uint32_t type;
	uint32_t path_len, other_len; /* without NUL */
	uint32_t data_len;
	uint64_t inode; /* of TRACE_OPEN and of all that is done to an open file */
	uint64_t offset;
};

/*
 * Takes the lock. A process that is killed just as it is woken takes the word of it to the grave, so nobody sleeps long.
 * Not 0: who held it was killed, and the trace is not whole.
 */
static inline int
trace_lock(struct trace_head *head)
{
	struct timespec until;
	int error;

	do {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 20000000;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		error = pthread_mutex_timedlock(&head->lock, &until);
	} while (error == ETIMEDOUT);
	return error;
}

/* --- faults ---------------------------------------------------------------------------------------------------------- */

/* What sort of call it is: which faults can hit it. */
enum call_class {
	CALL_OPEN = 'o',   /* of a file that must be there */
	CALL_CREATE = 'c', /* of one that may be made */
	CALL_READ = 'r',
	CALL_WRITE = 'w',
	CALL_SYNC = 's',
	CALL_ROOM = 'a', /* truncate, allocate */
	CALL_NAME = 'n', /* rename, link, unlink, mkdir */
};

enum fault_kind {
	KIND_EIO = 'e', /* a write has written half */
	KIND_ENOSPC = 'f',
	KIND_EINTR = 'i',
	KIND_SHORT = 's', /* a read or write does half */
};

#define CALLS_MAX 65000

struct call_list {
	volatile uint64_t count;
	volatile uint64_t hit; /* the number of the call that failed; 0: none did */
	char classes[CALLS_MAX];
};

static inline int
kind_fits(char kind, char call)
{
	switch (kind) {
	case KIND_EIO: return 1;
	case KIND_ENOSPC: return call != CALL_READ && call != CALL_OPEN;
	case KIND_EINTR: return call != CALL_NAME;
	case KIND_SHORT: return call == CALL_READ || call == CALL_WRITE;
	default: return 0;
	}
}

#endif
