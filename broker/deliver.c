/*
 * Deliveries: each durable alert to exactly the feeds whose filter it matches and whose office it may be released to.
 *
 * A feed that keeps up gets an alert from memory, in the same turn in which it became durable. One that is behind, new,
 * or short of credit is searched for: from its own position on, through the log, a bounded piece at a time and in turn
 * with the others, so that nobody's backlog costs anybody else. Release is asked at the moment an alert is put into a
 * reader's frame, never before; what is in a frame leaves in the same turn.
 */
#include "broker/core.h"

#include "broker/note.h"
#include "proto/release.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES (256 * 1024) /* a delivery frame is sent when it holds so much */
#define SEARCH_RECORDS 512       /* looked at for one feed before it is the next one's turn */
#define LIVE_ITEMS_MAX 65536
#define TAKEN_CHECK_MS 10 /* how soon a reader that had too much on its way is looked at again */

/* An alert in memory for those who keep up, and for those who are only a little behind. */
struct live_item {
	uint64_t index;
	struct facts *facts; /* owned */
	struct blob *bytes;  /* the encoded delivery item */
};

struct deliver_state {
	struct live_item *ring; /* ascending by index */
	size_t ring_head, ring_count;
	size_t ring_bytes;
	struct feed **touched; /* feeds with something outgoing */
	size_t touched_count, touched_cap;
	struct feed **searching; /* a FIFO of feeds that are behind and may be sent to */
	size_t search_count, search_cap;
	struct event *search_event;
};

static void on_search(evutil_socket_t fd, short what, void *arg);
static void search_later(struct core *core, struct feed *feed, int wait_ms);

enum liaison_err
deliver_init(struct core *core, struct fault *fault)
{
	struct deliver_state *state = calloc(1, sizeof *state);

	core->delivery = state;
	if (state != NULL) {
		state->ring = calloc(LIVE_ITEMS_MAX, sizeof *state->ring);
		state->search_event = evtimer_new(core->base, on_search, core);
	}
	if (state == NULL || state->ring == NULL || state->search_event == NULL)
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
	free(state->ring);
	free(state->touched);
	free(state->searching);
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

/* `original`: of a notice, the alert that it is about, if it is held. */
static bool
may_have(struct core *core, struct feed *feed, uint64_t index, const struct facts *facts, const struct facts *original)
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

/* --- frames ------------------------------------------------------------------------------------------------------- */

static void
send_outgoing(struct core *core, struct feed *feed, enum feed_lane lane)
{
	struct session *session = feed->session;
	struct buf *items = &feed->outgoing[lane];
	Liaison__Delivery tail = LIAISON__DELIVERY__INIT;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	size_t len;

	if (items->len == 0 || session == NULL)
		return;
	tail.has_channel = tail.has_lane = 1;
	tail.channel = feed->channel;
	tail.lane = lane == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
	if (!core->is_tree_lost && session->checkpoint_size < core->checkpoint.message.size) {
		tail.checkpoint = &core->checkpoint.message;
		tail.n_consistency = path_fields(checkpoint_consistency(core, session->checkpoint_size), fields);
		tail.consistency = fields;
		session->checkpoint_size = core->checkpoint.message.size;
	}
	uint8_t *bytes = delivery_encode(&tail, items, &len);
	buf_reset(items);
	/* What could not be sent was not acknowledged either: the reader gets it when it is back. */
	if (bytes == NULL)
		accept_shut(core->accept, session, LIAISON_RATE_LIMITED, "the broker is out of memory");
	else if (accept_send(core->accept, session, bytes, len) != LIAISON_OK)
		note(NOTE_DEBUG, "delivery-not-sent", "office=%s", session->office.text);
}

static void
touch(struct deliver_state *state, struct feed *feed)
{
	if (feed->outgoing[FEED_URGENT].len > 0 || feed->outgoing[FEED_ORDINARY].len > 0)
		return;
	if (state->touched_count == state->touched_cap) {
		size_t cap = state->touched_cap > 0 ? state->touched_cap * 2 : 256;
		struct feed **touched = realloc(state->touched, cap * sizeof(struct feed *));
		if (touched == NULL)
			return; /* the caller finds no room and the feed is searched for later */
		state->touched = touched;
		state->touched_cap = cap;
	}
	state->touched[state->touched_count++] = feed;
}

/*
 * Puts an item into a feed's next frame. False: it does not fit the reader's credit, or memory, or the reader has yet to
 * take what was sent; then it is searched for again soon.
 */
static bool
append_item(struct core *core, struct feed *feed, enum feed_lane lane, const struct blob *bytes)
{
	if (!feed_has_room(feed, lane, bytes->len))
		return false;
	if (!accept_has_room(core->accept, feed->session)) {
		search_later(core, feed, TAKEN_CHECK_MS);
		return false;
	}
	touch(core->delivery, feed);
	if (core->delivery->touched_count == 0)
		return false;
	if (feed->outgoing[lane].len + bytes->len > BATCH_BYTES)
		send_outgoing(core, feed, lane);
	buf_put(&feed->outgoing[lane], bytes->data, bytes->len);
	if (buf_check(&feed->outgoing[lane]) != LIAISON_OK) {
		buf_reset(&feed->outgoing[lane]);
		accept_shut(core->accept, feed->session, LIAISON_RATE_LIMITED, "the broker is out of memory");
		return false;
	}
	feed_count_sent(feed, bytes->len);
	return true;
}

void
deliver_flush(struct core *core)
{
	struct deliver_state *state = core->delivery;

	for (size_t i = 0; i < state->touched_count; i++) {
		struct feed *feed = state->touched[i];
		send_outgoing(core, feed, FEED_URGENT);
		send_outgoing(core, feed, FEED_ORDINARY);
	}
	state->touched_count = 0;
}

/* --- live --------------------------------------------------------------------------------------------------------- */

static struct blob *
encode_item(uint64_t index, const uint8_t *envelope, size_t len)
{
	size_t size = delivery_item_bytes(index, len, false);
	struct blob *bytes = blob_new(NULL, size);

	if (bytes != NULL)
		delivery_item_write(index, envelope, len, false, bytes->data);
	return bytes;
}

static void
offer_live(struct core *core, struct feed *feed, const struct live_item *item, const struct facts *original)
{
	enum feed_lane lane = facts_is_urgent(item->facts) ? FEED_URGENT : FEED_ORDINARY;
	struct feed_lane_state *state = &feed->lanes[lane];

	if (feed->session == NULL || !state->is_live || !may_have(core, feed, item->index, item->facts, original))
		return;
	if (!append_item(core, feed, lane, item->bytes)) {
		/* From here on by search, when credit comes. */
		state->is_live = false;
		state->next = item->index;
		deliver_wake(core, feed);
	}
}

static void
offer_to_all(struct core *core, const struct live_item *item)
{
	if (facts_is_notice(item->facts)) {
		struct facts *original = lookup_original(core, item->facts);
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

void
deliver_alert(struct core *core, uint64_t index, struct facts *facts, struct blob *envelope)
{
	struct deliver_state *state = core->delivery;
	struct live_item item = {.index = index, .facts = facts};

	item.bytes = encode_item(index, envelope->data, envelope->len);
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

/* --- search ------------------------------------------------------------------------------------------------------- */

static const struct live_item *
find_live(const struct deliver_state *state, uint64_t index)
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

/* What the index alone can rule out, without reading the record. */
static bool
is_out_of_question(struct core *core, const struct feed *feed, const struct index_entry *entry)
{
	bool has_ended = entry->is_cancelled || (entry->expires != 0 && entry->expires <= core_now(core));

	if (entry->is_damaged || entry->is_erased)
		return true;
	return entry->kind != 0 && (entry->is_restricted || (has_ended && !feed->includes_ended));
}

/* One feed's search through the log, as log_read_run's callback sees it. */
struct search {
	struct core *core;
	struct feed *feed;
	enum feed_lane lane;
	bool is_full; /* credit ended it */
};

/* LIAISON_BUSY: no room; the record is not passed over. */
static enum liaison_err
search_facts(struct search *search, uint64_t index, const struct facts *facts, struct blob *bytes)
{
	struct core *core = search->core;
	struct feed *feed = search->feed;
	struct facts *original = facts_is_notice(facts) ? lookup_original(core, facts) : NULL;
	bool wanted = (facts_is_notice(facts) || filter_matches(feed->filter, facts)) &&
		      may_have(core, feed, index, facts, original);

	facts_free(original);

	if (wanted && !append_item(core, feed, search->lane, bytes)) {
		search->is_full = true;
		return LIAISON_BUSY;
	}
	feed->lanes[search->lane].next = index + 1;
	return LIAISON_OK;
}

static enum liaison_err
search_record(void *arg, const struct stored_record *record)
{
	struct search *search = arg;
	struct feed *feed = search->feed;
	const struct index_entry *entry = index_entry(search->core->index, record->index);
	struct facts *facts = NULL;
	struct fault fault = {.message = ""};
	bool in_lane = entry->type == RECORD_ALERT && entry->is_urgent == (search->lane == FEED_URGENT);

	if (!in_lane || is_out_of_question(search->core, feed, entry) || record->damage != 0) {
		feed->lanes[search->lane].next = record->index + 1;
		return LIAISON_OK;
	}
	enum liaison_err err = lookup_parse(search->core, record, &facts, &fault);
	if (err != LIAISON_OK) {
		/* It was admitted once: only damage that the hashes do not see, or no memory, comes here. */
		note(NOTE_ERROR, "record-not-served", "index=%llu code=%s", (unsigned long long)record->index,
			err_name(err));
		feed->lanes[search->lane].next = record->index + 1;
		return err == LIAISON_NO_MEMORY ? LIAISON_BUSY : LIAISON_OK;
	}
	struct blob *bytes = encode_item(record->index, record->record.payload, record->record.payload_len);
	err = bytes != NULL ? search_facts(search, record->index, facts, bytes) : LIAISON_BUSY;
	blob_unref(bytes);
	facts_free(facts);
	return err;
}

static void
skip_damaged(struct core *core, struct feed *feed, enum feed_lane lane, uint64_t index, const struct fault *fault)
{
	char quoted[256];

	note(NOTE_ERROR, "damaged-record", "index=%llu message=%s", (unsigned long long)index,
		note_quote(fault->message, quoted));
	core_set_read_only(core, fault->message);
	index_set_damaged(core->index, index);
	feed->lanes[lane].next = index + 1;
}

/* One piece of the log for one lane. True: there is more to look at, and credit left for it. */
static bool
search_lane(struct core *core, struct feed *feed, enum feed_lane lane)
{
	struct feed_lane_state *state = &feed->lanes[lane];
	struct search search = {.core = core, .feed = feed, .lane = lane};
	uint64_t size = index_size(core->index), next;
	struct fault fault = {.message = ""};

	if (state->is_live)
		return false;
	for (int i = 0; i < SEARCH_RECORDS; i++) {
		uint64_t at = index_next(core->index, state->next, lane == FEED_URGENT);
		state->next = at;
		if (at == size) {
			state->is_live = true;
			return false;
		}
		const struct index_entry *entry = index_entry(core->index, at);
		if (is_out_of_question(core, feed, entry)) {
			state->next = at + 1;
			continue;
		}
		const struct live_item *live = find_live(core->delivery, at);
		if (live != NULL) {
			if (search_facts(&search, at, live->facts, live->bytes) != LIAISON_OK)
				return false;
			continue;
		}
		/* From disk: the ordinary lane takes what lies together in one read, urgent ones lie far apart. */
		uint64_t until = lane == FEED_ORDINARY ? at + (uint64_t)(SEARCH_RECORDS - i) : at + 1;
		enum liaison_err err = log_read_run(core->reader, at, &entry->location, until < size ? until : size,
			search_record, &search, &next, &fault);
		if (search.is_full || err == LIAISON_BUSY)
			return false;
		if (err != LIAISON_OK)
			skip_damaged(core, feed, lane, next, &fault);
		i += (int)(state->next - at) - 1;
	}
	return true;
}

static void
send_progress(struct core *core, struct feed *feed, bool at_end)
{
	Liaison__Progress progress = LIAISON__PROGRESS__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__LaneState lanes[FEED_LANES], *pointers[FEED_LANES];
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];

	for (int i = 0; i < FEED_LANES; i++) {
		liaison__lane_state__init(&lanes[i]);
		lanes[i].has_lane = lanes[i].has_cursor = 1;
		lanes[i].lane = i == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
		lanes[i].cursor = feed_searched(feed, (enum feed_lane)i, index_size(core->index));
		pointers[i] = &lanes[i];
	}
	progress.has_channel = progress.has_at_end = 1;
	progress.channel = feed->channel;
	progress.n_lanes = FEED_LANES;
	progress.lanes = pointers;
	progress.at_end = at_end;
	progress.checkpoint = checkpoint_newest(core);
	progress.n_consistency = path_fields(checkpoint_consistency(core, feed->session->checkpoint_size), fields);
	progress.consistency = fields;
	feed->session->checkpoint_size = core->checkpoint.message.size;
	frame.frame_case = LIAISON__FRAME__FRAME_PROGRESS;
	frame.progress = &progress;
	if (accept_send_frame(core->accept, feed->session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "progress-not-sent", "office=%s", feed->office.text);
}

static void
search_later(struct core *core, struct feed *feed, int wait_ms)
{
	struct deliver_state *state = core->delivery;
	struct timeval wait = {.tv_usec = wait_ms * 1000};

	if (feed->session == NULL || feed->is_searching)
		return;
	if (state->search_count == state->search_cap) {
		size_t cap = state->search_cap > 0 ? state->search_cap * 2 : 256;
		struct feed **searching = realloc(state->searching, cap * sizeof(struct feed *));
		if (searching == NULL)
			return; /* the next credit or tick tries again */
		state->searching = searching;
		state->search_cap = cap;
	}
	state->searching[state->search_count++] = feed;
	feed->is_searching = true;
	if (wait_ms == 0 || !evtimer_pending(state->search_event, NULL))
		event_add(state->search_event, &wait);
}

void
deliver_wake(struct core *core, struct feed *feed)
{
	search_later(core, feed, 0);
}

static void
search_feed(struct core *core, struct feed *feed)
{
	bool more = search_lane(core, feed, FEED_URGENT);

	more = search_lane(core, feed, FEED_ORDINARY) || more;
	deliver_flush(core);
	if (feed->session == NULL || feed->session->state == SESSION_CLOSING)
		return;
	if (feed->lanes[FEED_URGENT].is_live && feed->lanes[FEED_ORDINARY].is_live && !feed->is_told_end) {
		feed->is_told_end = true;
		send_progress(core, feed, true);
	}
	if (more)
		deliver_wake(core, feed);
}

/* One turn: every feed that waits gets one piece. */
static void
on_search(evutil_socket_t fd, short what, void *arg)
{
	struct core *core = arg;
	struct deliver_state *state = core->delivery;
	size_t count = state->search_count;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < count; i++) {
		struct feed *feed = state->searching[i];
		feed->is_searching = false;
		if (feed->session != NULL && feed->session->state == SESSION_READY)
			search_feed(core, feed);
	}
	memmove(state->searching, state->searching + count, (state->search_count - count) * sizeof(struct feed *));
	state->search_count -= count;
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
}

void
deliver_progress(struct core *core)
{
	for (uint32_t number = 0; number < feeds_end(core->feeds); number++) {
		struct feed *feed = feeds_at(core->feeds, number);
		if (feed == NULL || feed->session == NULL || feed->session->state != SESSION_READY)
			continue;
		send_progress(core, feed, feed->lanes[FEED_URGENT].is_live && feed->lanes[FEED_ORDINARY].is_live);
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
	core->log_seen = seen.size;
	return store_set_log(core->store, &seen, fault);
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
		feed->is_dirty = err != LIAISON_OK;
	}
	if (err == LIAISON_OK)
		err = save_log_seen(core, &fault);
	if (err == LIAISON_OK)
		err = store_commit(core->store, &fault);
	if (err != LIAISON_OK)
		note(NOTE_ERROR, "cursors-not-saved", "message=%s", note_quote(fault.message, quoted));
}
