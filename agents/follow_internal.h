/* Inside of follow: what follow.c (connection and frames), follow_show.c and follow_exec.c share. */
#ifndef LIAISON_AGENTS_FOLLOW_INTERNAL_H
#define LIAISON_AGENTS_FOLLOW_INTERNAL_H

#include "agents/agent.h"
#include "agents/attempt.h"
#include "agents/feed_post.h"
#include "agents/follow.h"
#include "agents/handler.h"
#include "agents/item.h"
#include "agents/reading.h"
#include "agents/signals.h"
#include "agents/view.h"

#define FOLLOW_CHANNEL 1
#define FOLLOW_WINDOW_MESSAGES (LINK_RECEIVE_HIGH_WATER / 2)

/* A delivery frame of which items are not yet handled. */
struct waiting {
	struct waiting *next;
	Liaison__Frame *frame; /* owned */
	size_t at;
};

struct waiting_queue {
	struct waiting *first, *last;
};

/* Where a command's work comes from: the lanes, and what was parked and is to be tried once more. */
enum job_source { JOB_URGENT, JOB_ORDINARY, JOB_DUE, JOB_SOURCES };

/* One delivery on its way through the feed's command. */
struct job {
	bool is_loaded;
	struct item item;
	Liaison__DeliveryItem *wire; /* owned: what `item` borrows from */
	uint64_t bytes;              /* of credit */
	uint64_t tries_before;       /* JOB_DUE: when it was parked */
	struct attempt attempt;
	struct buf line;
};

struct follow {
	struct app *app;
	const struct follow_options *options;
	struct agent agent;
	struct view view;
	struct batch_cache *cache;
	struct signals signals;
	struct link *link; /* NULL between connections */
	char broker[OFFICE_ID_BYTES];
	uint8_t epoch[INBOX_EPOCH_BYTES];
	int64_t feed; /* its number in post.db; 0: not yet subscribed */
	bool has_begun;
	struct reading reading;
	struct waiting_queue queues[READING_LANES];
	bool is_at_end;                /* the broker said so on this connection */
	bool may_be_due;               /* parked ones may have been told to be tried again since we looked */
	uint64_t saved[READING_LANES]; /* the cursors as they stand in post.db */
	bool is_heading_shown;
	uint64_t handled; /* items, for --count */
	int exit_code;    /* the worst so far */
	bool is_over;
	struct job jobs[JOB_SOURCES];
	int running; /* index into jobs; -1: none */
	struct handler handler;
};

/* Ends the feed with this fault's code; says it. */
void follow_end(struct follow *follow, const struct fault *fault);
/* The same without saying anything. */
void follow_end_quietly(struct follow *follow, int exit_code);

/* One delivery more was handled: ends the feed that was asked for no more. */
void follow_count(struct follow *follow);

struct item_context follow_context(const struct follow *follow);

/* --- what waits ------------------------------------------------------------------------------------------------------ */

struct place_in_lane {
	struct inbox_place place;
	const Liaison__DeliveryItem *wire; /* borrowed from the queue until follow_pass */
	uint64_t bytes;
};

/* The next item of a lane that a signed checkpoint covers; false: none. Stays where it is until follow_pass. */
bool follow_peek(const struct follow *follow, enum reading_lane lane, struct place_in_lane *out);
/* Takes it away. The frame it came in is handed to the caller when this was its last item, else NULL. */
Liaison__Frame *follow_pass(struct follow *follow, enum reading_lane lane);
bool follow_is_idle(const struct follow *follow); /* nothing waits in any lane */
/* Takes the frame, a delivery with items. False: no memory; it is still the caller's. */
bool follow_enqueue(struct follow *follow, enum reading_lane lane, Liaison__Frame *frame);
void follow_clear_queues(struct follow *follow);
/* What an item costs of the credit: its field in the delivery, whole (proto/README.md, "Credit"). */
uint64_t follow_credit_bytes(const Liaison__DeliveryItem *item);

/* --- where the feed stands ------------------------------------------------------------------------------------------- */

/*
 * Subscribes, keeps the feed, grants the first credit. A refusal is its code. Where the broker was told that more is safe
 * here than is (an older copy of post.db was put back), the feed begins again where this home stands.
 */
enum liaison_err follow_subscribe(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;
/* Ends the channel, and is not answered. */
void follow_unsubscribe(struct follow *follow);

/* --- judging and keeping --------------------------------------------------------------------------------------------- */

/* item_judge, and what the inbox knows: another body under the same id is evidence and does not verify. */
enum liaison_err follow_judge(struct follow *follow, const struct inbox_place *place, const Liaison__DeliveryItem *wire,
	struct item *out, struct fault *fault) LIAISON_MUST_CHECK;
/* Whether it was handled here before and comes again. */
enum liaison_err follow_is_repeat(struct follow *follow, enum reading_lane lane, const struct inbox_place *place,
	bool *is_repeat, struct fault *fault) LIAISON_MUST_CHECK;

/* Into the inbox, with what a notice or an erasure does there. Inside a transaction; not for unverified ones. */
enum liaison_err follow_store(struct follow *follow, const struct item *item, struct fault *fault) LIAISON_MUST_CHECK;
/* Parks what did not verify. Inside a transaction. */
enum liaison_err follow_park_unverified(struct follow *follow, const struct item *item,
	const Liaison__DeliveryItem *wire, struct fault *fault) LIAISON_MUST_CHECK;
void follow_say_unverified(struct follow *follow, const struct item *item);

/* Cursors and checkpoint, then commit; tells the broker, gives credit back. Inside a transaction, which it ends. */
enum liaison_err follow_commit(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;
/* The same with a transaction of its own, where a cursor has moved. */
enum liaison_err follow_save_cursors(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;

/* --- the two ways ---------------------------------------------------------------------------------------------------- */

/* Shows everything that waits. */
enum liaison_err follow_show(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err follow_show_progress(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;
/* Parked ones that are to be tried once more. */
enum liaison_err follow_show_due(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;

/* Moves the command's work on; *wait_ms is when it wants to be called again at the latest, -1: when something comes. */
enum liaison_err follow_exec(struct follow *follow, int *wait_ms, struct fault *fault) LIAISON_MUST_CHECK;
/* No command is running, or its end was waited for and settled; what was loaded is given up. */
enum liaison_err follow_exec_stop(struct follow *follow, struct fault *fault) LIAISON_MUST_CHECK;
bool follow_exec_is_idle(const struct follow *follow);

/* --- what was parked ------------------------------------------------------------------------------------------------- */

void job_clear(struct job *job);
/*
 * The next parked delivery that is due, judged again, into an empty job; not loaded: there is none. What still does not
 * verify stays parked and is told.
 */
enum liaison_err follow_load_due(struct follow *follow, struct job *job, struct fault *fault) LIAISON_MUST_CHECK;
/* It was taken at last. A transaction of its own. */
enum liaison_err follow_settle_due(
	struct follow *follow, const struct job *job, struct fault *fault) LIAISON_MUST_CHECK;
/* It was not, and stays parked. A transaction of its own. */
enum liaison_err follow_park_again(struct follow *follow, const struct job *job, enum liaison_err code,
	const char *reason, struct fault *fault) LIAISON_MUST_CHECK;

#endif
