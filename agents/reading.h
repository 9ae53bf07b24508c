/*
 * What a reader knows of one feed on one connection: how far each lane is safe here, what came again, what to tell the
 * broker. Pure: frames in, answers out; follow.c performs.
 *
 * A lane's cursor is the first index that is not yet safe with this office. It moves when what was delivered has been
 * handled, and by the broker's word (progress) that nothing for this feed stands below; that word counts only when all
 * that came before it is handled. Below the broker's own cursor as it was when this connection subscribed, only a
 * backfill delivers: that is new to this feed. Between that and our cursor lies what was handled here while the broker
 * did not hear of it: that is the same delivery again.
 *
 * Credit is cumulative and given back as deliveries are handled, so never more than one window is waiting in memory.
 */
#ifndef LIAISON_AGENTS_READING_H
#define LIAISON_AGENTS_READING_H

#include "proto/base/err.h"

#include <stdint.h>

enum reading_lane { READING_URGENT, READING_ORDINARY, READING_LANES };

struct reading_lane_state {
	uint64_t cursor;       /* below it everything is safe here */
	uint64_t subscribed;   /* the broker's cursor when this connection subscribed */
	uint64_t repeat_below; /* our cursor then */
	uint64_t promised;     /* the broker searched below it, and sent what was for us */
	uint64_t waiting;      /* received, not yet handled */
	uint64_t told;         /* the cursor that was last acknowledged */
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

/*
 * One item came. LIAISON_NOT_PERMITTED: more than was granted. `log_size` is that of the checkpoint that came with it:
 * LIAISON_INCONSISTENT where the index is not inside.
 */
enum liaison_err reading_receive(struct reading *reading, enum reading_lane lane, uint64_t index, uint64_t bytes,
	uint64_t log_size, struct fault *fault) LIAISON_MUST_CHECK;

/* Whether this item was handled here before and only comes again since the broker did not hear of it. */
bool reading_is_repeat(const struct reading *reading, enum reading_lane lane, uint64_t index);

/* The item is safe here (or will be, with the commit that keeps the cursors). */
void reading_handled(struct reading *reading, enum reading_lane lane, uint64_t index, uint64_t bytes);

/* The broker searched this lane below `cursor`. */
void reading_progress(struct reading *reading, enum reading_lane lane, uint64_t cursor);

/* Whether the lane's cursor is further than what the broker was told; it is told from then on. After the commit. */
bool reading_acknowledge(struct reading *reading, enum reading_lane lane, uint64_t *cursor);

/* Whether credit is due: at first, and when half of the window has been handled. It is granted from then on. */
bool reading_credit(struct reading *reading, uint64_t *messages, uint64_t *bytes);

#endif
