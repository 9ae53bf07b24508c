/*
 * What became of an alert of this office by its own later words, which the inbox knows only where the office follows a
 * feed of its own alerts, and not yet where it has just said them.
 */
#ifndef LIAISON_AGENTS_OWN_END_H
#define LIAISON_AGENTS_OWN_END_H

#include "agents/inbox.h"
#include "agents/post.h"
#include "proto/address.h"

#include "proto/alert.pb-c.h"

struct own_end {
	enum inbox_state state;       /* INBOX_LIVE: nothing ended it */
	Liaison__NoticeReason reason; /* 0 where it was superseded */
	char by[ALERT_ID_BYTES];      /* the alert that said so */
};

/*
 * By the accepted alerts of the outbox after `id`, which is one of this office's own. CANCEL and REDACT are terminal;
 * otherwise the last UPDATE counts. LIAISON_CORRUPT, LIAISON_IO, LIAISON_NO_MEMORY.
 */
enum liaison_err own_end_find(
	struct post *post, const struct alert_id *id, struct own_end *out, struct fault *fault) LIAISON_MUST_CHECK;

#endif
