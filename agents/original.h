/*
 * The alert that an update or a cancellation is about, as far as this home knows it: from the outbox if it is the
 * office's own, else from the inbox.
 */
#ifndef LIAISON_AGENTS_ORIGINAL_H
#define LIAISON_AGENTS_ORIGINAL_H

#include "agents/agent.h"
#include "agents/kept.h"
#include "agents/outbox.h"

struct original {
	struct alert_id id;
	char text[ALERT_ID_BYTES];
	bool is_held;            /* `kept` below is filled */
	struct kept kept;        /* owned */
	enum outbox_state state; /* of the office's own; 0: another's, or not held */
	Liaison__Kind kind;      /* for original_admit, of one that is not held: what the message about it says */
};

/*
 * `id` as it was typed. LIAISON_BAD_USAGE for what is no alert id; LIAISON_BAD_REFERENCE for an own one that was never
 * accepted. One that is not held is no failure: the broker knows.
 */
enum liaison_err original_find(
	struct agent *agent, const char *id, struct original *out, struct fault *fault) LIAISON_MUST_CHECK;
void original_clear(struct original *original);

/* What the broker will ask of a message about it, as far as it can be told here (admit_state). */
enum liaison_err original_admit(struct agent *agent, struct original *original, const struct admitted *message,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Whether some office that the original addressed is not addressed by `update`: it must hear that it is replaced. */
bool original_drops_addressees(const struct agent *agent, const struct original *original, const struct facts *update);

#endif
