/*
 * What `liaison update` and `liaison cancel` share: one or two messages about an alert, composed, queued as one batch,
 * sent, told.
 */
#ifndef LIAISON_AGENTS_FOLLOW_UP_H
#define LIAISON_AGENTS_FOLLOW_UP_H

#include "agents/load.h"
#include "agents/original.h"

struct follow_up {
	struct agent agent;
	struct report report;
	struct load *load;
	struct original original;
};

/* `id` NULL: about no alert. `wait_seconds` -1: what office.conf says. `follow_up` is zeroed, and cleared in any case. */
enum liaison_err follow_up_open(struct follow_up *follow_up, const struct app *app, const char *id, int wait_seconds,
	struct fault *fault) LIAISON_MUST_CHECK;
void follow_up_clear(struct follow_up *follow_up);

/* A notice about the original: nothing but what a notice may hold. */
enum liaison_err follow_up_notice(struct follow_up *follow_up, Liaison__MessageType message,
	Liaison__NoticeReason reason, struct draft *out, struct fault *fault) LIAISON_MUST_CHECK;

/* Puts the drafts into the outbox, sends them, and says what became of them: the exit code. */
int follow_up_send(struct follow_up *follow_up, struct draft *drafts, size_t count);

/* --wait's argument; argp ends the program where it is wrong. */
struct argp_state;
int follow_up_wait(struct argp_state *state, const char *arg);

#endif
