#include "tests/fault/process.h"

#include "tests/fault/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES 65536
#define TOGETHER_MAX 16

long long
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
sleep_us(unsigned microseconds)
{
	struct timespec left = {.tv_sec = microseconds / 1000000, .tv_nsec = (long)(microseconds % 1000000) * 1000};

	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

static void
become(const char *const *argv, const struct launch *launch, int out)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int said = launch->said != NULL ? open(launch->said, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : nothing;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (nothing < 0 || said < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
		dup2(out >= 0 ? out : nothing, STDOUT_FILENO) < 0 || dup2(said, STDERR_FILENO) < 0)
		_exit(126);
	for (size_t i = 0; launch->env != NULL && launch->env[i] != NULL; i++)
		putenv(strdup(launch->env[i]));
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(127);
}

void
process_start(struct process *process, const char *const *argv, const struct launch *launch)
{
	int ends[2] = {-1, -1};

	*process = (struct process){.out = -1, .launch = *launch};
	if (launch->on_line != NULL && pipe2(ends, O_CLOEXEC) != 0)
		fault_give_up("no pipe: %s", strerror(errno));
	process->pid = fork();
	if (process->pid < 0)
		fault_give_up("no process: %s", strerror(errno));
	if (process->pid == 0)
		become(argv, launch, ends[1]);
	if (ends[1] >= 0)
		close(ends[1]);
	process->out = ends[0];
}

/* --- hearing --------------------------------------------------------------------------------------------------------- */

static void
hand_on_lines(struct process *process)
{
	char *from = process->buffer, *newline;
	size_t left = process->len;

	while (left > 0 && (newline = memchr(from, '\n', left)) != NULL) {
		*newline = '\0';
		process->launch.on_line(process->launch.arg, from);
		left -= (size_t)(newline + 1 - from);
		from = newline + 1;
	}
	memmove(process->buffer, from, left);
	process->len = left;
}

/* Reads once; at the end of its output closes it. */
static void
hear(struct process *process)
{
	if (process->room - process->len < READ_BYTES) {
		process->room = process->len + 2 * READ_BYTES;
		process->buffer = fault_need(realloc(process->buffer, process->room));
	}
	ssize_t got = read(process->out, process->buffer + process->len, READ_BYTES);
	if (got < 0 && errno == EINTR)
		return;
	if (got > 0) {
		process->len += (size_t)got;
		hand_on_lines(process);
		return;
	}
	close(process->out);
	process->out = -1;
	free(process->buffer);
	process->buffer = NULL;
	process->len = process->room = 0;
}

bool
processes_hear(struct process *const *processes, size_t count, int timeout_ms)
{
	struct pollfd items[TOGETHER_MAX];
	bool heard = false;

	for (size_t i = 0; i < count; i++)
		items[i] = (struct pollfd){.fd = processes[i]->out, .events = POLLIN};
	if (poll(items, (nfds_t)count, timeout_ms) <= 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (items[i].revents == 0)
			continue;
		hear(processes[i]);
		heard = true;
	}
	return heard;
}

/* --- ends ------------------------------------------------------------------------------------------------------------ */

static int
code_of(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool
process_has_ended(struct process *process, int *code)
{
	int status;

	if (process->pid == 0 || waitpid(process->pid, &status, WNOHANG) != process->pid)
		return false;
	while (process->out >= 0)
		hear(process);
	process->pid = 0;
	*code = code_of(status);
	return true;
}

int
process_await(struct process *process, int timeout_ms)
{
	const long long deadline = monotonic_ms() + timeout_ms;
	int code = -1;

	if (process->pid == 0)
		return 0;
	while (!process_has_ended(process, &code)) {
		if (monotonic_ms() >= deadline) {
			process_kill(process);
			return -1;
		}
		if (process->out < 0)
			sleep_us(500);
		else
			(void)processes_hear(&process, 1, 10);
	}
	return code;
}

void
process_kill(struct process *process)
{
	int status;

	if (process->pid == 0)
		return;
	kill(process->pid, SIGKILL);
	while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
		;
	while (process->out >= 0)
		hear(process);
	process->pid = 0;
}

int
process_stop(struct process *process, int timeout_ms)
{
	if (process->pid != 0)
		kill(process->pid, SIGTERM);
	return process_await(process, timeout_ms);
}

int
process_run(const char *const *argv, const struct launch *launch, int timeout_ms)
{
	struct process process;

	process_start(&process, argv, launch);
	return process_await(&process, timeout_ms);
}
