/* For feeds that are behind, new, or short of credit: the log from their own position on, a bounded piece at a time. */
#include "broker/deliver_internal.h"

#include "broker/note.h"

#include <stdlib.h>
#include <string.h>

#define READS_MAX 3        /* of a record that the disk does not give, one a tick */
#define SEARCH_RECORDS 512 /* looked at for one feed before it is the next one's turn */

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
	struct facts *original = NULL;

	if (facts_is_notice(facts) && lookup_original(core, facts, &original) != LIAISON_OK)
		return LIAISON_BUSY;
	bool wanted = (facts_is_notice(facts) || filter_matches(feed->filter, facts)) &&
		      deliver_may_have(core, feed, index, facts, original);

	facts_free(original);

	if (wanted && !deliver_put(core, feed, search->lane, index, bytes)) {
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
		if (err == LIAISON_NO_MEMORY)
			return LIAISON_BUSY; /* and looked at again at the next tick */
		feed->lanes[search->lane].next = record->index + 1;
		return LIAISON_OK;
	}
	struct blob *bytes = deliver_encode_item(record->index, record->record.payload, record->record.payload_len);
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
	feed->lanes[lane].unread = 0;
}

/*
 * A record that could not be read now may be whole: its reader waits for the next tick, since a cursor that passed it would
 * never come back. One that cannot be read again and again is as good as damaged, and keeps what follows it back no longer.
 */
static bool
may_be_read_later(
	struct core *core, struct feed *feed, enum feed_lane lane, enum liaison_err err, const struct fault *fault)
{
	char quoted[256];

	if (err == LIAISON_CORRUPT)
		return false;
	if (err == LIAISON_NO_MEMORY)
		return true;
	core_set_read_only(core, fault->message);
	note(NOTE_ERROR, "record-unread", "index=%llu message=%s", (unsigned long long)feed->lanes[lane].next,
		note_quote(fault->message, quoted));
	return ++feed->lanes[lane].unread < READS_MAX;
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
		const struct live_item *live = deliver_find_live(core->delivery, at);
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
		if (state->next != at)
			state->unread = 0;
		if (err != LIAISON_OK && may_be_read_later(core, feed, lane, err, &fault))
			return false;
		if (err != LIAISON_OK)
			skip_damaged(core, feed, lane, next, &fault);
		state->unread = 0;
		i += (int)(state->next - at) - 1;
	}
	return true;
}

void
deliver_wake(struct core *core, struct feed *feed)
{
	struct deliver_state *state = core->delivery;
	struct timeval at_once = {0};

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
	event_add(state->search_event, &at_once);
}

static void
search_feed(struct core *core, struct feed *feed)
{
	if (!deliver_resume(core, feed->session))
		return;
	bool more = search_lane(core, feed, FEED_URGENT);
	more = search_lane(core, feed, FEED_ORDINARY) || more;
	deliver_flush(core);
	if (feed->session == NULL || feed->session->state == SESSION_CLOSING)
		return;
	bool is_live = feed->lanes[FEED_URGENT].is_live && feed->lanes[FEED_ORDINARY].is_live;
	if (is_live)
		feed_shrink(feed);
	if (is_live && !feed->is_told_end)
		feed->is_told_end = deliver_send_progress(core, feed, true);
	if (more)
		deliver_wake(core, feed);
}

/* One turn: every feed that waits gets one piece. */
void
deliver_on_search(evutil_socket_t fd, short what, void *arg)
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
