#include "agents/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum liaison_err
signals_open(struct signals *signals, struct fault *fault)
{
	struct sigaction hangup;
	sigset_t set;

	*signals = (struct signals){.fd = -1};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	/* nohup's way of saying that the program is to outlive its terminal; blocked, it would be seen all the same. */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	/* A shell starts what runs in the background with SIGINT ignored, and an ignored signal is never seen. */
	signal(SIGINT, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &set, &signals->before) != 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot block signals");
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals->fd < 0) {
		int error = errno;
		sigprocmask(SIG_SETMASK, &signals->before, NULL);
		return fault_errno(fault, LIAISON_IO, error, "cannot read signals");
	}
	return LIAISON_OK;
}

void
signals_close(struct signals *signals)
{
	if (signals->fd < 0)
		return;
	(void)signals_ask_for_end(signals);
	close(signals->fd);
	signals->fd = -1;
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

bool
signals_ask_for_end(struct signals *signals)
{
	struct signalfd_siginfo info;

	while (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info)
		if (info.ssi_signo != SIGCHLD)
			signals->ends++;
	return signals->ends > 0;
}
