/*
 * Disks after a power cut: from what a trace has recorded up to a position, the folders of some machines as a cut at that
 * moment may leave them, and of the others as they were at that moment. The rules of what a medium keeps, tears, reorders
 * and loses are those of tests/support/memdisk.h. Each folder right below the root is a machine of its own.
 */
#ifndef LIAISON_TESTS_FAULT_REBUILD_H
#define LIAISON_TESTS_FAULT_REBUILD_H

#include "proto/base/rand.h"
#include "tests/fault/process.h"
#include "tests/fault/trace.h"

#include <stdbool.h>
#include <stddef.h>

struct trace {
	int fd;
	struct trace_head *head;
};

/* A new, empty trace at `path`. */
void trace_init(struct trace *trace, const char *path);
void trace_clear(struct trace *trace);
/* Kills a process between two operations, so that none is done and not recorded. `trace` NULL: as it comes. */
void trace_kill(const struct trace *trace, struct process *process);

struct rebuild {
	const struct trace *trace;
	const char *root;  /* the folder that was watched */
	const char *base;  /* what was in it when the trace began */
	uint64_t position; /* so many records have happened */
	const struct rng *rng;
	size_t sector; /* 512 or 4096 */
	bool (*is_cut)(void *arg, const char *machine);
	void *arg;
};

/* Makes the folder `out`. */
void rebuild(const struct rebuild *what, const char *out);

#endif
