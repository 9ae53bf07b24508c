#include "agents/sandbox.h"

#include "agents/say.h"
#include "proto/edge/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BROKER_PROGRAM "liaisond"
#define START_MS (30 * MS_PER_SECOND)
#define STOP_MS (15 * MS_PER_SECOND)
#define LOOK_EVERY_MS 10
#define LAST_LINES_BYTES 240

/* `sandbox`/`broker`/`name`, from malloc; NULL without memory. */
static char *
broker_file(const struct sandbox *sandbox, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s/%s", sandbox->dir, sandbox->broker.text, name) < 0 ? NULL : path;
}

static void
wait_a_moment(void)
{
	(void)poll(NULL, 0, LOOK_EVERY_MS);
}

/* --- which process ---------------------------------------------------------------------------------------------------- */

/* When the process began, in ticks since the machine's start; 0: there is none of that number, or it has ended. */
static unsigned long long
process_began(pid_t pid, char comm[32])
{
	char path[64], text[1024];
	unsigned long long began = 0;
	char state = 'Z';

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return 0;
	size_t len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = '\0';
	/* proc(5): the name stands in parentheses and may hold any byte; the state follows, the start is field 22. */
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (open == NULL || close == NULL || close < open)
		return 0;
	snprintf(comm, 32, "%.*s", (int)(close - open - 1), open + 1);
	if (sscanf(close + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
		    &state, &began) != 2 ||
		state == 'Z' || state == 'X')
		return 0;
	return began;
}

pid_t
sandbox_broker_pid(const struct sandbox *sandbox)
{
	unsigned long long began = 0;
	char comm[32] = "";
	long pid = 0;

	char *path = broker_file(sandbox, "pid");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	free(path);
	if (file == NULL)
		return 0;
	int got = fscanf(file, "%ld %llu", &pid, &began);
	fclose(file);
	if (got != 2 || pid <= 1 || began == 0)
		return 0;
	return process_began((pid_t)pid, comm) == began && strcmp(comm, BROKER_PROGRAM) == 0 ? (pid_t)pid : 0;
}

/* --- starting --------------------------------------------------------------------------------------------------------- */

/* The broker's program beside this one, else by PATH. Does not return but on failure. */
static void
exec_broker(char *const argv[])
{
	char self[PATH_MAX], program[PATH_MAX + sizeof "/" BROKER_PROGRAM];

	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	if (len > 0) {
		self[len] = '\0';
		snprintf(program, sizeof program, "%s/" BROKER_PROGRAM, dirname(self));
		if (access(program, X_OK) == 0)
			execv(program, argv);
	}
	execvp(BROKER_PROGRAM, argv);
	dprintf(STDERR_FILENO,
		"liaison: cannot start " BROKER_PROGRAM ", neither beside this program nor by PATH: %s\n",
		strerror(errno));
}

static bool
redirect(const char *log)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return nothing >= 0 && out >= 0 && dup2(nothing, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	       dup2(out, STDERR_FILENO) >= 0;
}

/* In the child: its number and start are on disk before the broker begins, so that none runs unknown. */
static bool
write_pid(const char *path)
{
	char text[64], comm[32];
	struct fault fault;

	snprintf(text, sizeof text, "%ld %llu\n", (long)getpid(), process_began(getpid(), comm));
	return file_replace(path, text, strlen(text), 0600, &fault) == LIAISON_OK;
}

/* Where a broker that did not start says why: the end of its log. */
static void
last_lines(const char *log, char out[LAST_LINES_BYTES])
{
	FILE *file = fopen(log, "re");

	out[0] = '\0';
	if (file == NULL)
		return;
	if (fseek(file, -(LAST_LINES_BYTES - 1), SEEK_END) != 0)
		rewind(file);
	size_t len = fread(out, 1, LAST_LINES_BYTES - 1, file);
	fclose(file);
	while (len > 0 && out[len - 1] == '\n')
		len--;
	out[len] = '\0';
	char *last = strrchr(out, '\n');
	if (last != NULL)
		memmove(out, last + 1, strlen(last));
	text_make_safe(out);
}

/* Forks `liaisond` with `argv`; `pid_file` NULL: the caller waits for its end. -1 on failure. */
static pid_t
spawn(const char *log, const char *pid_file, char *const argv[])
{
	pid_t child = fork();

	if (child != 0)
		return child;
	if (redirect(log) && setsid() >= 0 && (pid_file == NULL || write_pid(pid_file)))
		exec_broker(argv);
	_exit(127);
}

enum liaison_err
sandbox_broker_init(const struct sandbox *sandbox, struct fault *fault)
{
	char said[LAST_LINES_BYTES], *home = NULL, *log = NULL;
	enum liaison_err err = LIAISON_OK;
	int status = 0;

	if (asprintf(&home, "%s/%s", sandbox->dir, sandbox->broker.text) < 0)
		home = NULL;
	if (asprintf(&log, "%s/init.txt", sandbox->dir) < 0)
		log = NULL;
	if (home == NULL || log == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	char *argv[] = {(char[]){BROKER_PROGRAM}, (char[]){"--init"}, home, (char[]){"--id"},
		(char *)(uintptr_t)sandbox->broker.text, (char[]){"--listen"}, (char *)(uintptr_t)sandbox->endpoint,
		NULL};
	pid_t child = spawn(log, NULL, argv);
	if (child < 0) {
		err = fault_errno(fault, LIAISON_IO, errno, "cannot start " BROKER_PROGRAM);
		goto out;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		last_lines(log, said);
		err = fault_set(fault, LIAISON_IO, "`liaisond --init %s` did not work: %s", home, said);
	}
	(void)unlink(log);
out:
	free(home);
	free(log);
	return err;
}

static enum liaison_err
await_ready(const struct app *app, pid_t child, const char *ready, const char *log, struct fault *fault)
{
	const int64_t deadline = app_monotonic(app) + START_MS;
	char said[LAST_LINES_BYTES];
	int status = 0;

	for (;;) {
		if (access(ready, F_OK) == 0)
			return LIAISON_OK;
		if (waitpid(child, &status, WNOHANG) == child) {
			last_lines(log, said);
			return fault_set(fault, LIAISON_IO,
				"the broker ended at its start, and says: %s (all of it: %s)", said, log);
		}
		if (app_monotonic(app) >= deadline)
			return fault_set(fault, LIAISON_IO,
				"the broker, process %ld, takes no connections after %d s; look into %s", (long)child,
				(int)(START_MS / MS_PER_SECOND), log);
		wait_a_moment();
	}
}

enum liaison_err
sandbox_broker_start(const struct app *app, const struct sandbox *sandbox, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (sandbox_broker_pid(sandbox) != 0)
		return LIAISON_OK;
	char *conf = broker_file(sandbox, "liaisond.conf"), *ready = broker_file(sandbox, "ready");
	char *log = broker_file(sandbox, "log.txt"), *pid_file = broker_file(sandbox, "pid");
	if (conf == NULL || ready == NULL || log == NULL || pid_file == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	if (unlink(ready) != 0 && errno != ENOENT) {
		err = fault_errno(fault, LIAISON_IO, errno, "cannot remove %s", ready);
		goto out;
	}
	char *argv[] = {(char[]){BROKER_PROGRAM}, (char[]){"-c"}, conf, (char[]){"--ready-file"}, ready, NULL};
	pid_t child = spawn(log, pid_file, argv);
	err = child < 0 ? fault_errno(fault, LIAISON_IO, errno, "cannot start " BROKER_PROGRAM)
			: await_ready(app, child, ready, log, fault);
out:
	free(conf);
	free(ready);
	free(log);
	free(pid_file);
	return err;
}

/* --- stopping --------------------------------------------------------------------------------------------------------- */

static bool
has_ended(const struct app *app, const struct sandbox *sandbox, int64_t wait_ms)
{
	const int64_t deadline = app_monotonic(app) + wait_ms;

	while (sandbox_broker_pid(sandbox) != 0) {
		if (app_monotonic(app) >= deadline)
			return false;
		wait_a_moment();
	}
	return true;
}

enum liaison_err
sandbox_broker_stop(const struct app *app, const struct sandbox *sandbox, struct fault *fault)
{
	pid_t pid = sandbox_broker_pid(sandbox);

	if (pid == 0)
		return LIAISON_OK;
	if (kill(pid, SIGTERM) != 0 && errno != ESRCH)
		return fault_errno(fault, LIAISON_IO, errno, "cannot stop process %ld", (long)pid);
	if (has_ended(app, sandbox, STOP_MS))
		return LIAISON_OK;
	say_warning(app, "%s did not end in %d s and is killed; nothing that it acknowledged is lost by that",
		sandbox->broker.text, (int)(STOP_MS / MS_PER_SECOND));
	if (kill(pid, SIGKILL) != 0 && errno != ESRCH)
		return fault_errno(fault, LIAISON_IO, errno, "cannot kill process %ld", (long)pid);
	return has_ended(app, sandbox, STOP_MS) ? LIAISON_OK
						: fault_set(fault, LIAISON_IO, "process %ld does not end", (long)pid);
}
