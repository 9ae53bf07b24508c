/*
 * Deliveries: each durable alert to exactly the feeds whose filter it matches and whose office it may be released to.
 *
 * A feed that keeps up gets an alert from memory, in the same turn in which it became durable. One that is behind or new,
 * is short of credit, or whose reader does not take what it is sent, is searched for: from its own position on, through
 * the log, a bounded piece at a time and in turn with the others, so that nobody's backlog costs anybody else. Release is
 * asked at the moment an alert is put into a reader's frame, never before; what is in a frame leaves in the same turn.
 */
#include "broker/deliver_internal.h"

#include "broker/note.h"
#include "proto/release.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum liaison_err
deliver_init(struct core *core, struct fault *fault)
{
	struct deliver_state *state = calloc(1, sizeof *state);

	core->delivery = state;
	if (state != NULL) {
		state->ring = calloc(LIVE_ITEMS_MAX, sizeof *state->ring);
		state->search_event = evtimer_new(core->base, deliver_on_search, core);
		state->retry_event = evtimer_new(core->base, deliver_on_retry, core);
	}
	if (state == NULL || state->ring == NULL || state->search_event == NULL || state->retry_event == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for deliveries");
	return LIAISON_OK;
}

static void
drop_oldest(struct deliver_state *state)
{
	struct live_item *item = &state->ring[state->ring_head];

	state->ring_bytes -= item->bytes->len;
	facts_free(item->facts);
	blob_unref(item->bytes);
	state->ring_head = (state->ring_head + 1) % LIVE_ITEMS_MAX;
	state->ring_count--;
}

void
deliver_clear(struct core *core)
{
	struct deliver_state *state = core->delivery;

	if (state == NULL)
		return;
	while (state->ring_count > 0)
		drop_oldest(state);
	if (state->search_event != NULL)
		event_free(state->search_event);
	if (state->retry_event != NULL)
		event_free(state->retry_event);
	free(state->ring);
	free(state->touched);
	free(state->searching);
	free(state->stalled);
	free(state);
	core->delivery = NULL;
}

/* --- who may have it ---------------------------------------------------------------------------------------------- */

static const struct office *
feed_office(struct core *core, struct feed *feed)
{
	if (feed->entry == NULL)
		feed->entry = trust_office(core->trust, feed->office.text);
	return feed->entry;
}

bool
deliver_may_have(
	struct core *core, struct feed *feed, uint64_t index, const struct facts *facts, const struct facts *original)
{
	const struct office *office = feed_office(core, feed);
	const struct index_entry *entry = index_entry(core->index, index);
	struct alert_state state = {.is_cancelled = entry->is_cancelled,
		.is_restricted = entry->is_restricted,
		.is_erased = entry->is_erased};

	if (facts_is_notice(facts))
		return may_release_notice(facts, original, false, office, core->trust, core_now(core)) ==
		       RELEASE_ALLOWED;
	enum release_reason reason = may_release(facts, &state, office, core->trust, core_now(core));
	/* A feed that asks for what has ended gets it; everything else still holds, keepUntil too. */
	if (feed->includes_ended && (reason == RELEASE_EXPIRED || reason == RELEASE_CANCELLED))
		return !state.is_restricted && !state.is_erased &&
		       (facts->keep_until == 0 || core_now(core) < facts->keep_until);
	return reason == RELEASE_ALLOWED;
}

/* --- live --------------------------------------------------------------------------------------------------------- */

struct blob *
deliver_encode_item(uint64_t index, const uint8_t *envelope, size_t len)
{
	size_t size = delivery_item_bytes(index, len, false);
	struct blob *bytes = blob_new(NULL, size);

	if (bytes != NULL)
		delivery_item_write(index, envelope, len, false, bytes->data);
	return bytes;
}

const struct live_item *
deliver_find_live(const struct deliver_state *state, uint64_t index)
{
	size_t low = 0, high = state->ring_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct live_item *item = &state->ring[(state->ring_head + middle) % LIVE_ITEMS_MAX];
		if (item->index == index)
			return item;
		if (item->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void
offer_live(struct core *core, struct feed *feed, const struct live_item *item, const struct facts *original)
{
	enum feed_lane lane = facts_is_urgent(item->facts) ? FEED_URGENT : FEED_ORDINARY;
	struct feed_lane_state *state = &feed->lanes[lane];

	if (feed->session == NULL || !state->is_live ||
		!deliver_may_have(core, feed, item->index, item->facts, original))
		return;
	/* From here on by search, when credit or room comes; what has fallen behind already stands further back. */
	if (!deliver_put(core, feed, lane, item->index, item->bytes) && state->is_live) {
		state->is_live = false;
		state->next = item->index;
	}
}

/* Without memory for the item: everybody who keeps up finds it by search. */
static void
leave_to_search(struct core *core, uint64_t index)
{
	for (uint32_t number = 0; number < feeds_end(core->feeds); number++) {
		struct feed *feed = feeds_at(core->feeds, number);
		for (int lane = 0; feed != NULL && lane < FEED_LANES; lane++)
			if (feed->lanes[lane].is_live)
				feed->lanes[lane] = (struct feed_lane_state){
					.cursor = feed->lanes[lane].cursor, .next = index, .is_live = false};
		if (feed != NULL)
			deliver_wake(core, feed);
	}
}

static void
offer_to_all(struct core *core, const struct live_item *item)
{
	if (facts_is_notice(item->facts)) {
		struct facts *original;
		if (lookup_original(core, item->facts, &original) != LIAISON_OK) {
			leave_to_search(core, item->index);
			return;
		}
		for (uint32_t number = 0; number < feeds_end(core->feeds); number++)
			if (feeds_at(core->feeds, number) != NULL)
				offer_live(core, feeds_at(core->feeds, number), item, original);
		facts_free(original);
		return;
	}
	const uint32_t *numbers;
	size_t count = match_alert(core->match, item->facts, &numbers);
	for (size_t i = 0; i < count; i++)
		offer_live(core, feeds_at(core->feeds, numbers[i]), item, NULL);
}

void
deliver_alert(struct core *core, uint64_t index, struct facts *facts, struct blob *envelope)
{
	struct deliver_state *state = core->delivery;
	struct live_item item = {.index = index, .facts = facts};

	item.bytes = deliver_encode_item(index, envelope->data, envelope->len);
	if (item.bytes == NULL) {
		leave_to_search(core, index);
		facts_free(facts);
		return;
	}
	offer_to_all(core, &item);
	if (state->ring_count == LIVE_ITEMS_MAX)
		drop_oldest(state);
	state->ring[(state->ring_head + state->ring_count) % LIVE_ITEMS_MAX] = item;
	state->ring_count++;
	state->ring_bytes += item.bytes->len;
	while (state->ring_bytes > (size_t)core->config->live_cache_bytes)
		drop_oldest(state);
}

/* --- changes around ----------------------------------------------------------------------------------------------- */

static void
remove_from(struct feed **list, size_t *count, const struct feed *feed)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++)
		if (list[i] != feed)
			list[kept++] = list[i];
	*count = kept;
}

void
deliver_forget(struct core *core, struct feed *feed)
{
	struct deliver_state *state = core->delivery;

	if (feed->session != NULL)
		for (int i = 0; i < FEED_LANES; i++)
			feed->session->gathered_bytes -= feed->outgoing[i].items.len;
	remove_from(state->searching, &state->search_count, feed);
	remove_from(state->touched, &state->touched_count, feed);
	feed->is_searching = false;
}

void
deliver_session_closed(struct core *core, struct session *session)
{
	for (size_t i = 0; i < session->channel_count; i++) {
		deliver_forget(core, session->channels[i]);
		feed_detach(session->channels[i]);
	}
	session->channel_count = 0;
	deliver_forget_stall(core, session);
}

void
deliver_progress(struct core *core)
{
	for (uint32_t number = 0; number < feeds_end(core->feeds); number++) {
		struct feed *feed = feeds_at(core->feeds, number);
		if (feed == NULL || feed->session == NULL || feed->session->state != SESSION_READY)
			continue;
		deliver_send_progress(
			core, feed, feed->lanes[FEED_URGENT].is_live && feed->lanes[FEED_ORDINARY].is_live);
		deliver_wake(core, feed);
	}
}

/* How far the log is known to go: what the next start must find. */
static enum liaison_err
save_log_seen(struct core *core, struct fault *fault)
{
	struct stored_log seen = {.size = core->checkpoint.message.size};

	if (core->is_tree_lost || seen.size == core->log_seen)
		return LIAISON_OK;
	memcpy(seen.epoch, core->epoch.bytes, sizeof seen.epoch);
	memcpy(seen.root.bytes, core->checkpoint.root, sizeof seen.root.bytes);
	return store_set_log(core->store, &seen, fault);
}

/* What a failed commit has given up is still to be saved: a cursor that goes back brings what is due. */
static void
mark_saved(struct core *core)
{
	core->log_seen = core->checkpoint.message.size;
	for (uint32_t number = 0; number < feeds_end(core->feeds); number++)
		if (feeds_at(core->feeds, number) != NULL)
			feeds_at(core->feeds, number)->is_dirty = false;
}

void
deliver_save_cursors(struct core *core)
{
	struct fault fault = {.message = ""};
	enum liaison_err err = store_begin(core->store, &fault);
	char quoted[256];

	for (uint32_t number = 0; err == LIAISON_OK && number < feeds_end(core->feeds); number++) {
		struct feed *feed = feeds_at(core->feeds, number);
		if (feed == NULL || !feed->is_dirty)
			continue;
		err = store_set_cursors(core->store, feed->office.text, feed->name, core->epoch.bytes,
			feed->lanes[FEED_URGENT].cursor, feed->lanes[FEED_ORDINARY].cursor, &fault);
		if (err == LIAISON_NOT_FOUND) /* the others stand */
			err = LIAISON_OK;
	}
	if (err == LIAISON_OK)
		err = save_log_seen(core, &fault);
	if (err == LIAISON_OK)
		err = store_commit(core->store, &fault);
	if (err == LIAISON_OK)
		mark_saved(core);
	else
		note(NOTE_ERROR, "cursors-not-saved", "message=%s", note_quote(fault.message, quoted));
}
