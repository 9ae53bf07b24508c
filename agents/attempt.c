#include "agents/attempt.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>

void
attempt_init(struct attempt *attempt)
{
	*attempt = (struct attempt){0};
}

static int64_t
wait_of(unsigned waits)
{
	int64_t wait_ms = ATTEMPT_FIRST_WAIT_MS;

	for (unsigned i = 0; i < waits && wait_ms < ATTEMPT_MAX_WAIT_MS; i++)
		wait_ms *= 2;
	return wait_ms < ATTEMPT_MAX_WAIT_MS ? wait_ms : ATTEMPT_MAX_WAIT_MS;
}

enum attempt_verdict
attempt_judge(struct attempt *attempt, int status, int64_t now_ms)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return ATTEMPT_DONE;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != EX_TEMPFAIL)
		attempt->failures++;
	if (attempt->failures >= ATTEMPTS_MAX)
		return ATTEMPT_PARK;
	attempt->not_before_ms = now_ms + wait_of(attempt->waits++);
	return ATTEMPT_AGAIN;
}

const char *
attempt_describe(int status, char *out, size_t out_bytes)
{
	if (WIFSIGNALED(status))
		snprintf(out, out_bytes, "signal %d (%s) ended it", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		snprintf(out, out_bytes, "it ended with exit code 127: the shell did not find the command");
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 126)
		snprintf(out, out_bytes, "it ended with exit code 126: the shell may not run the command (chmod +x?)");
	else
		snprintf(out, out_bytes, "it ended with exit code %d", WEXITSTATUS(status));
	return out;
}
