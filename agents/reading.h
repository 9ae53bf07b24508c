/*
 * What a reader knows of one feed on one connection: how far each lane is safe here, what to tell the broker. Pure:
 * frames in, answers out; follow.c performs.
 *
 * A lane's cursor is the first index that is not yet safe with this office; it never goes back. It moves when what was
 * delivered has been handled, and by the broker's word (progress) that nothing for this feed stands below; that word
 * counts only when all that came before it is handled. The broker may go back by itself: to what it did not hear of, or,
 * for a changed filter or a new right, to the log's beginning. What then comes below our cursor may be new to this feed
 * or not; and when its search has passed our cursor again, it is told once more how far we are.
 *
 * Credit is cumulative and given back as deliveries are handled, so never more than one window is waiting in memory.
 */
#ifndef LIAISON_AGENTS_READING_H
#define LIAISON_AGENTS_READING_H

#include "proto/base/err.h"

#include <stdint.h>

enum reading_lane { READING_URGENT, READING_ORDINARY, READING_LANES };

struct reading_lane_state {
	uint64_t cursor;        /* below it everything is safe here */
	uint64_t promised;      /* the broker's last word: below it everything for us was sent */
	uint64_t searched;      /* how far the broker's search has come, by that word or by what it sent */
	uint64_t waiting;       /* received, not yet handled */
	uint64_t waiting_below; /* of them, below our cursor: new to this feed all the same, perhaps */
	uint64_t told;          /* the cursor that was last acknowledged */
	bool went_back;         /* the broker searches below what it was told */
};

struct reading {
	struct reading_lane_state lanes[READING_LANES];
	uint64_t window_messages, window_bytes;
	uint64_t received_messages, received_bytes;
	uint64_t handled_messages, handled_bytes;
	uint64_t granted_messages, granted_bytes;
};

/* Nothing granted yet. The broker sends nothing before reading_credit() was sent. */
void reading_init(struct reading *reading, uint64_t window_messages, uint64_t window_bytes);

/*
 * A subscription began. `theirs` are the broker's cursors; `ours` those that were kept here for the same feed and epoch,
 * or NULL where there are none or the reader asked to begin elsewhere.
 */
void reading_subscribed(
	struct reading *reading, const uint64_t theirs[READING_LANES], const uint64_t ours[READING_LANES]);

/* One item came. LIAISON_NOT_PERMITTED: more than was granted. */
enum liaison_err reading_receive(struct reading *reading, enum reading_lane lane, uint64_t index, uint64_t bytes,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Whether this item may have been handled before: it stands below the cursor. What was shown says for sure. */
bool reading_may_repeat(const struct reading *reading, enum reading_lane lane, uint64_t index);

/* The item is safe here (or will be, with the commit that keeps the cursors). */
void reading_handled(struct reading *reading, enum reading_lane lane, uint64_t index, uint64_t bytes);

/* The broker searched this lane below `cursor`, and what it found was sent before. */
void reading_progress(struct reading *reading, enum reading_lane lane, uint64_t cursor);

/* Whether the broker is to be told the lane's cursor; it is told from then on. After the commit. */
bool reading_acknowledge(struct reading *reading, enum reading_lane lane, uint64_t *cursor);

/* Whether credit is due: at first, and when half of the window has been handled. It is granted from then on. */
bool reading_credit(struct reading *reading, uint64_t *messages, uint64_t *bytes);

#endif
