/* The sandbox's broker as a process of its own, which outlives this program. */
#include "agents/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_MS 20000
#define STOP_MS 15000
#define LOOK_MS 20

/* --- finding and running liaisond ------------------------------------------------------------------------------------ */

/* Beside this program, where a build and an installation both have it; else whatever PATH says. */
static void
broker_program(char out[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - sizeof "/liaisond");

	if (len > 0) {
		out[len] = '\0';
		char *slash = strrchr(out, '/');
		if (slash != NULL) {
			memcpy(slash, "/liaisond", sizeof "/liaisond");
			if (access(out, X_OK) == 0)
				return;
		}
	}
	memcpy(out, "liaisond", sizeof "liaisond");
}

/* In the child: away from the terminal, output into `log`, then liaisond. Does not return. */
static void
become_broker(char *const arguments[], const char *log)
{
	char program[PATH_MAX];
	char **argv = (char **)(uintptr_t)arguments;

	setsid();
	int null = open("/dev/null", O_RDONLY);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || out < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(out, STDERR_FILENO) < 0)
		_exit(127);
	for (int fd = 3; fd < 1024; fd++)
		close(fd); /* locks and pipes of ours are not the broker's */
	broker_program(program);
	execvp(program, argv);
	dprintf(STDERR_FILENO, "%s: %s\n", program, strerror(errno));
	_exit(127);
}

enum liaison_err
sandbox_run_broker(char *const arguments[], const char *log, struct fault *fault)
{
	int status = 0;

	pid_t pid = fork();
	if (pid < 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot start liaisond");
	if (pid == 0)
		become_broker(arguments, log);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_INTERNAL, "liaisond ended with %d; see %s",
		WIFEXITED(status) ? WEXITSTATUS(status) : -1, log);
}

/* --- which process it is --------------------------------------------------------------------------------------------- */

/* Whether the process is a liaisond with this configuration: numbers are used again. */
static bool
is_broker(pid_t pid, const char *conf)
{
	char path[64], line[2 * PATH_MAX];
	bool is_ours = false;

	snprintf(path, sizeof path, "/proc/%ld/cmdline", (long)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return false;
	size_t len = fread(line, 1, sizeof line - 1, file);
	fclose(file);
	line[len] = '\0';
	for (size_t at = 0; at < len; at += strlen(line + at) + 1)
		is_ours = is_ours || strcmp(line + at, conf) == 0;
	return is_ours;
}

pid_t
sandbox_pid(const struct sandbox *sandbox)
{
	char *pid_file = sandbox_broker_file(sandbox, "pid");
	char *conf = sandbox_broker_file(sandbox, "liaisond.conf");
	long pid = 0;

	FILE *file = pid_file != NULL ? fopen(pid_file, "re") : NULL;
	if (file != NULL) {
		if (fscanf(file, "%ld", &pid) != 1)
			pid = 0;
		fclose(file);
	}
	if (pid <= 1 || conf == NULL || !is_broker((pid_t)pid, conf))
		pid = 0;
	free(pid_file);
	free(conf);
	return (pid_t)pid;
}

/* --- starting -------------------------------------------------------------------------------------------------------- */

/* The last line of what the broker said, for the message. */
static void
last_words(const char *log, char *out, size_t size)
{
	char line[LIAISON_FAULT_BYTES];

	out[0] = '\0';
	FILE *file = fopen(log, "re");
	if (file == NULL)
		return;
	while (fgets(line, sizeof line, file) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0')
			snprintf(out, size, "%s", line);
	}
	fclose(file);
}

static enum liaison_err
await_ready(const struct app *app, pid_t pid, const char *ready, const char *log, struct fault *fault)
{
	int64_t until = app_monotonic(app) + READY_MS;
	char said[LIAISON_FAULT_BYTES];
	int status = 0;

	while (app_monotonic(app) < until) {
		if (access(ready, F_OK) == 0)
			return LIAISON_OK;
		if (waitpid(pid, &status, WNOHANG) == pid) {
			last_words(log, said, sizeof said);
			return fault_set(fault, LIAISON_IO, "the broker ended at once (exit %d): %s",
				WIFEXITED(status) ? WEXITSTATUS(status) : -1, said);
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	return fault_set(fault, LIAISON_IO, "the broker was not ready in %d seconds; see %s", READY_MS / 1000, log);
}

static enum liaison_err
write_pid(const char *path, pid_t pid, struct fault *fault)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return fault_errno(fault, LIAISON_IO, errno, "cannot write %s", path);
	bool is_good = fprintf(file, "%ld\n", (long)pid) > 0;
	is_good = fclose(file) == 0 && is_good;
	return is_good ? LIAISON_OK : fault_errno(fault, LIAISON_IO, errno, "cannot write %s", path);
}

enum liaison_err
sandbox_start(const struct app *app, const struct sandbox *sandbox, struct fault *fault)
{
	char *conf = sandbox_broker_file(sandbox, "liaisond.conf");
	char *log = sandbox_broker_file(sandbox, "liaisond.log");
	char *ready = sandbox_broker_file(sandbox, "ready");
	char *pid_file = sandbox_broker_file(sandbox, "pid");
	enum liaison_err err = LIAISON_OK;

	if (conf == NULL || log == NULL || ready == NULL || pid_file == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	char name[] = "liaisond", config_option[] = "-c", ready_option[] = "--ready-file";
	char *const arguments[] = {name, config_option, conf, ready_option, ready, NULL};
	unlink(ready);
	pid_t pid = fork();
	if (pid < 0) {
		err = fault_errno(fault, LIAISON_IO, errno, "cannot start liaisond");
		goto out;
	}
	if (pid == 0)
		become_broker(arguments, log);
	err = write_pid(pid_file, pid, fault);
	if (err == LIAISON_OK)
		err = await_ready(app, pid, ready, log, fault);
	if (err != LIAISON_OK && sandbox_pid(sandbox) == pid)
		kill(pid, SIGTERM);
out:
	free(conf);
	free(log);
	free(ready);
	free(pid_file);
	return err;
}

enum liaison_err
sandbox_stop(const struct app *app, const struct sandbox *sandbox, struct fault *fault)
{
	int64_t until = app_monotonic(app) + STOP_MS;
	pid_t pid = sandbox_pid(sandbox);

	if (pid == 0)
		return LIAISON_OK;
	if (kill(pid, SIGTERM) != 0 && errno != ESRCH)
		return fault_errno(fault, LIAISON_IO, errno, "cannot stop process %ld", (long)pid);
	while (sandbox_pid(sandbox) == pid) {
		if (app_monotonic(app) >= until)
			return fault_set(fault, LIAISON_BUSY,
				"process %ld did not end in %d seconds; look at its log in %s/brokers", (long)pid,
				STOP_MS / 1000, sandbox->dir);
		(void)waitpid(pid, NULL, WNOHANG); /* if it was this program's child */
		(void)poll(NULL, 0, LOOK_MS);
	}
	return LIAISON_OK;
}
