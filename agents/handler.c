#include "agents/handler.h"

#include <assert.h>
#include <errno.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* The line with its break, to be read from its beginning; -1 with errno. */
static int
open_line(const void *line, size_t len)
{
	const char *at = line;
	size_t left = len;
	int fd = memfd_create("liaison-delivery", MFD_CLOEXEC);

	if (fd < 0)
		return -1;
	while (left > 0) {
		ssize_t written = write(fd, at, left);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			goto fail;
		at += written;
		left -= (size_t)written;
	}
	if (write(fd, "\n", 1) == 1 && lseek(fd, 0, SEEK_SET) == 0)
		return fd;
fail:
	close(fd);
	return -1;
}

static int
spawn(pid_t *pid, const char *command, int input, const sigset_t *mask)
{
	static char shell[] = "/bin/sh", option[] = "-c";
	char *argv[] = {shell, option, (char *)(uintptr_t)command, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t restored;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	sigemptyset(&restored);
	sigaddset(&restored, SIGPIPE);
	int error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (error == 0)
		error = posix_spawnattr_setsigmask(&attributes, mask);
	if (error == 0)
		error = posix_spawnattr_setsigdefault(&attributes, &restored);
	if (error == 0)
		error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (error == 0)
		error = posix_spawn(pid, shell, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

enum liaison_err
handler_start(struct handler *handler, const char *command, const void *line, size_t len, const sigset_t *mask,
	struct fault *fault)
{
	assert(handler->pid == 0);
	int input = open_line(line, len);
	if (input < 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot hand a delivery to the command");
	int error = spawn(&handler->pid, command, input, mask);
	close(input);
	if (error == 0)
		return LIAISON_OK;
	handler->pid = 0;
	return fault_errno(fault, LIAISON_IO, error, "cannot start /bin/sh for the command");
}

bool
handler_has_ended(struct handler *handler, int *status)
{
	if (handler->pid == 0 || waitpid(handler->pid, status, WNOHANG) != handler->pid)
		return false;
	handler->pid = 0;
	return true;
}
