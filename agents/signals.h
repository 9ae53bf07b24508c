/*
 * Signals as a descriptor that becomes readable, for programs that wait on other descriptors: SIGINT, SIGTERM and SIGHUP
 * (unless it is ignored) ask for an end, SIGCHLD tells of a child. To be opened before any thread is started, so that all
 * threads block them.
 */
#ifndef LIAISON_AGENTS_SIGNALS_H
#define LIAISON_AGENTS_SIGNALS_H

#include "proto/base/err.h"

#include <signal.h>

struct signals {
	int fd;
	sigset_t before; /* the mask that a child gets */
	unsigned ends;   /* how often an end was asked for */
};

/* Ignores SIGPIPE too: a reader that has gone is an error of the write. LIAISON_IO. */
enum liaison_err signals_open(struct signals *signals, struct fault *fault) LIAISON_MUST_CHECK;
void signals_close(struct signals *signals);

/* Takes what has come without waiting. Whether an end has been asked for, now or before. */
bool signals_ask_for_end(struct signals *signals);

#endif
