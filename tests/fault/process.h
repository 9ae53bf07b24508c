/*
 * Processes that an experiment starts, whose lines it reads, and that it ends by their number. None outlives the
 * experiment: each is killed by the kernel when its parent dies.
 */
#ifndef LIAISON_TESTS_FAULT_PROCESS_H
#define LIAISON_TESTS_FAULT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How a program is started. */
struct launch {
	const char *const *env;                       /* "NAME=value" to add, until NULL; may be NULL */
	const char *said;                             /* the file that standard error is added to; NULL: nowhere */
	void (*on_line)(void *arg, const char *line); /* of standard output; NULL: it goes nowhere */
	void *arg;
};

struct process {
	pid_t pid; /* 0: none, or its end was seen */
	int out;   /* -1: over */
	char *buffer;
	size_t len, room;
	struct launch launch;
};

#define ARGV_MAX 24

/* `argv` ends with NULL; its first is searched for in PATH. */
void process_start(struct process *process, const char *const *argv, const struct launch *launch);

static inline bool
process_is_there(const struct process *process)
{
	return process->pid != 0;
}

/* Hands on what the processes have said, after waiting for it up to timeout_ms. False: none of them said anything. */
bool processes_hear(struct process *const *processes, size_t count, int timeout_ms);

/* Sees whether it has ended by itself; *code as process_await's. What it said is handed on before. */
bool process_has_ended(struct process *process, int *code);

/* Its exit code, or 128 + the signal that ended it; -1 and killed if it does not end in time. */
int process_await(struct process *process, int timeout_ms);

/* SIGKILL; what it had said before is handed on, whole lines only. */
void process_kill(struct process *process);
/* SIGTERM, and process_await. */
int process_stop(struct process *process, int timeout_ms);

/* From start to end; process_await's answer. */
int process_run(const char *const *argv, const struct launch *launch, int timeout_ms);

void sleep_us(unsigned microseconds);
long long monotonic_ms(void);

#endif
