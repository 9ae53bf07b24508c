#include "agents/reading.h"

#include <inttypes.h>
#include <stddef.h>

void
reading_init(struct reading *reading, uint64_t window_messages, uint64_t window_bytes)
{
	*reading = (struct reading){.window_messages = window_messages, .window_bytes = window_bytes};
}

void
reading_subscribed(struct reading *reading, const uint64_t theirs[READING_LANES], const uint64_t ours[READING_LANES])
{
	for (int i = 0; i < READING_LANES; i++)
		reading->lanes[i] = (struct reading_lane_state){
			.cursor = ours != NULL && ours[i] > theirs[i] ? ours[i] : theirs[i],
			.told = theirs[i],
			.promised = theirs[i],
			.searched = theirs[i],
		};
}

enum liaison_err
reading_receive(struct reading *reading, enum reading_lane lane, uint64_t index, uint64_t bytes, struct fault *fault)
{
	struct reading_lane_state *state = &reading->lanes[lane];

	if (reading->received_messages >= reading->granted_messages ||
		reading->received_bytes + bytes > reading->granted_bytes)
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"the broker sends more than this reader granted; tell its operator");
	reading->received_messages++;
	reading->received_bytes += bytes;
	state->waiting++;
	state->waiting_below += index < state->cursor;
	state->searched = index + 1;
	if (index < state->told)
		state->went_back = true;
	return LIAISON_OK;
}

bool
reading_may_repeat(const struct reading *reading, enum reading_lane lane, uint64_t index)
{
	return index < reading->lanes[lane].cursor;
}

static void
settle(struct reading_lane_state *state)
{
	if (state->waiting == 0 && state->promised > state->cursor)
		state->cursor = state->promised;
}

void
reading_handled(struct reading *reading, enum reading_lane lane, uint64_t index, uint64_t bytes)
{
	struct reading_lane_state *state = &reading->lanes[lane];

	reading->handled_messages++;
	reading->handled_bytes += bytes;
	if (state->waiting > 0)
		state->waiting--;
	if (index < state->cursor && state->waiting_below > 0)
		state->waiting_below--;
	if (index >= state->cursor)
		state->cursor = index + 1;
	settle(state);
}

void
reading_progress(struct reading *reading, enum reading_lane lane, uint64_t cursor)
{
	struct reading_lane_state *state = &reading->lanes[lane];

	if (cursor < state->told)
		state->went_back = true;
	state->promised = state->searched = cursor;
	settle(state);
}

bool
reading_acknowledge(struct reading *reading, enum reading_lane lane, uint64_t *cursor)
{
	struct reading_lane_state *state = &reading->lanes[lane];

	bool is_news = state->cursor > state->told || (state->went_back && state->waiting == 0);

	/* Not further than it has searched: it would not believe that. Nor over what waits: it would not come again. */
	if (!is_news || state->searched < state->cursor || state->waiting_below > 0)
		return false;
	state->went_back = false;
	state->told = state->cursor;
	*cursor = state->cursor;
	return true;
}

bool
reading_credit(struct reading *reading, uint64_t *messages, uint64_t *bytes)
{
	uint64_t messages_left = reading->granted_messages - reading->handled_messages;
	uint64_t bytes_left =
		reading->granted_bytes > reading->handled_bytes ? reading->granted_bytes - reading->handled_bytes : 0;

	if (messages_left > reading->window_messages / 2 && bytes_left > reading->window_bytes / 2)
		return false;
	*messages = reading->granted_messages = reading->handled_messages + reading->window_messages;
	*bytes = reading->granted_bytes = reading->handled_bytes + reading->window_bytes;
	return true;
}
