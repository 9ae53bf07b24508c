/*
 * When a feed's command is tried again: exit 0 is done; 75 (EX_TEMPFAIL) is tried again for as long as it takes; anything
 * else, a death by signal too, is tried ATTEMPTS_MAX times and then parked. Each wait is twice the one before. Pure.
 */
#ifndef LIAISON_AGENTS_ATTEMPT_H
#define LIAISON_AGENTS_ATTEMPT_H

#include <stddef.h>
#include <stdint.h>

#define ATTEMPTS_MAX 5
#define ATTEMPT_FIRST_WAIT_MS 250
#define ATTEMPT_MAX_WAIT_MS 60000

struct attempt {
	unsigned failures; /* those that count towards parking */
	unsigned waits;
	int64_t not_before_ms; /* monotonic */
};

enum attempt_verdict {
	ATTEMPT_DONE,
	ATTEMPT_AGAIN, /* not before attempt->not_before_ms */
	ATTEMPT_PARK,
};

void attempt_init(struct attempt *attempt);

/* `status` is what waitpid gave. */
enum attempt_verdict attempt_judge(struct attempt *attempt, int status, int64_t now_ms);

/* "it ended with exit code 3", "signal 9 (Killed) ended it": into `out`, which is returned. */
const char *attempt_describe(int status, char *out, size_t out_bytes);

#endif
