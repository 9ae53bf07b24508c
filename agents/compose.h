/*
 * From what an author wrote to alerts that may be signed: parsed, completed by what is the agent's to fill (salt, id,
 * sent, status, message, expiry), and put through the broker's own admission, so that an officer hears first. Then many
 * of them are numbered, signed once and put into the outbox in one transaction.
 */
#ifndef LIAISON_AGENTS_COMPOSE_H
#define LIAISON_AGENTS_COMPOSE_H

#include "agents/agent.h"
#include "agents/outbox.h"

#define COMPOSE_BATCH_BYTES_MAX (800 * 1024) /* of bodies in one batch, so that its submit stays one frame */

/* One alert that may be signed. Its id has a stand-in for the sequence until compose_queue. */
struct draft {
	struct admitted admitted; /* owned */
	size_t body_len;          /* with the longest sequence: an upper bound */
	int64_t line;             /* where it stands in its file; 0: nowhere */
	uint64_t sequence;        /* set by compose_queue */
};

void draft_clear(struct draft *draft);

/*
 * One JSON object. *is_unread: it could not even be parsed (exit 65, whatever the code). `warning` as admit_content.
 * All refusal codes of admission; faults name field, line and column.
 */
enum liaison_err compose_text(struct agent *agent, const char *text, size_t len, uint64_t line, struct draft *out,
	bool *is_unread, char warning[LIAISON_FAULT_BYTES], struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The same from a message whose author's fields are set (an UPDATE, a notice). Takes ownership of `alert`, whatever the
 * result.
 */
enum liaison_err compose_message(struct agent *agent, Liaison__Alert *alert, struct draft *out,
	char warning[LIAISON_FAULT_BYTES], struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Numbers, signs as one batch and queues 1 to BATCH_LEAVES_MAX drafts, inside the caller's transaction.
 * `job` 0: from no file.
 */
enum liaison_err compose_queue(
	struct agent *agent, struct draft *drafts, size_t count, int64_t job, struct fault *fault) LIAISON_MUST_CHECK;

#endif
