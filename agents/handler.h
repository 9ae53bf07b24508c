/*
 * A feed's command at work: `sh -c CMD` with one line on its standard input, one at a time. The line stands in a memory
 * file, so a command that does not read it, or reads it late, blocks nobody. Its standard output and error are ours.
 */
#ifndef LIAISON_AGENTS_HANDLER_H
#define LIAISON_AGENTS_HANDLER_H

#include "proto/base/err.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

struct handler {
	pid_t pid; /* 0: none is running */
};

/* `mask` is the signal mask that the command gets. LIAISON_IO. */
enum liaison_err handler_start(struct handler *handler, const char *command, const void *line, size_t len,
	const sigset_t *mask, struct fault *fault) LIAISON_MUST_CHECK;

/* Whether it has ended; then *status is what waitpid gave, and another may be started. Does not wait. */
bool handler_has_ended(struct handler *handler, int *status);

#endif
