/* What readers say about their feeds: subscribe, credit, acknowledge, list, seek, forget. */
#include "broker/core.h"

#include "broker/note.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* So that the list of an office's feeds fits a frame. */
#define FILTER_BYTES_MAX 8192

static struct feed *
channel_feed(const struct session *session, uint32_t channel)
{
	for (size_t i = 0; i < session->channel_count; i++)
		if (session->channels[i]->channel == channel)
			return session->channels[i];
	return NULL;
}

static void
detach(struct core *core, struct feed *feed)
{
	struct session *session = feed->session;
	size_t kept = 0;

	for (size_t i = 0; i < session->channel_count; i++)
		if (session->channels[i] != feed)
			session->channels[kept++] = session->channels[i];
	session->channel_count = kept;
	deliver_forget(core, feed);
	feed_detach(feed);
}

void
subscribe_end(struct core *core, struct feed *feed, enum liaison_err code, const char *why)
{
	Liaison__Unsubscribe over = LIAISON__UNSUBSCRIBE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	struct session *session = feed->session;

	over.has_channel = over.has_code = 1;
	over.channel = feed->channel;
	over.code = (Liaison__Code)code;
	over.message = (char *)(uintptr_t)why;
	frame.frame_case = LIAISON__FRAME__FRAME_UNSUBSCRIBE;
	frame.unsubscribe = &over;
	detach(core, feed);
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "unsubscribe-not-sent", "office=%s", session->office.text);
}

/* --- subscribe ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
save_feed(struct core *core, const struct feed *feed, struct fault *fault)
{
	struct stored_feed row = {.office = feed->office,
		.filter = feed->filter_bytes,
		.filter_len = feed->filter_len,
		.urgent_cursor = feed->lanes[FEED_URGENT].cursor,
		.ordinary_cursor = feed->lanes[FEED_ORDINARY].cursor};

	snprintf(row.name, sizeof row.name, "%s", feed->name);
	memcpy(row.epoch, core->epoch.bytes, sizeof row.epoch);
	return store_put_feed(core->store, &row, fault);
}

static enum liaison_err
filter_fault(enum liaison_err err, struct fault *fault)
{
	if (err == LIAISON_TOO_LARGE)
		return fault_set(fault, err, "a filter takes at most %d bytes; make it two feeds", FILTER_BYTES_MAX);
	return fault_set(fault, LIAISON_RATE_LIMITED, "the broker is out of memory; try later");
}

/* The filter in the form in which it is kept. */
static enum liaison_err
pack_filter(const struct filter *filter, uint8_t **bytes, size_t *len)
{
	const Liaison__Filter *message = filter_message(filter);

	*len = liaison__filter__get_packed_size(message);
	if (*len > FILTER_BYTES_MAX)
		return LIAISON_TOO_LARGE;
	*bytes = malloc(*len > 0 ? *len : 1);
	if (*bytes == NULL)
		return LIAISON_NO_MEMORY;
	liaison__filter__pack(message, *bytes);
	return LIAISON_OK;
}

/* Out of memory, and out of what is matched. */
static void
forget_feed(struct core *core, struct feed *feed)
{
	enum liaison_err err = match_remove(core->match, feed->number);

	assert(err == LIAISON_OK);
	feeds_remove(core->feeds, feed);
}

static enum liaison_err
make_feed(struct core *core, const struct office_id *office, const Liaison__Subscribe *subscribe, struct filter *filter,
	struct feed **out, struct fault *fault)
{
	uint8_t *bytes;
	size_t len;

	if (feeds_count_office(core->feeds, office->text) >= (size_t)core->config->feeds_per_office) {
		filter_free(filter);
		return fault_set(fault, LIAISON_NOT_PERMITTED, "this office has %lld feeds already; forget one first",
			(long long)core->config->feeds_per_office);
	}
	enum liaison_err err = pack_filter(filter, &bytes, &len);
	if (err != LIAISON_OK) {
		filter_free(filter);
		return filter_fault(err, fault);
	}
	err = feeds_add(core->feeds, office, subscribe->feed, filter, bytes, len, out);
	free(bytes);
	if (err != LIAISON_OK)
		return fault_set(fault, LIAISON_RATE_LIMITED, "the broker can hold no more feeds");
	err = match_add(core->match, (*out)->filter, (*out)->number);
	if (err != LIAISON_OK) {
		feeds_remove(core->feeds, *out);
		return fault_set(fault, LIAISON_RATE_LIMITED, "the broker can hold no more filters");
	}
	return LIAISON_OK;
}

static enum liaison_err
change_filter(struct core *core, struct feed *feed, struct filter *filter, struct fault *fault)
{
	uint8_t *bytes = NULL;
	size_t len;
	enum liaison_err err = pack_filter(filter, &bytes, &len);

	if (err == LIAISON_OK) {
		err = match_remove(core->match, feed->number);
		assert(err == LIAISON_OK);
		err = feed_replace_filter(feed, filter, bytes, len);
		/* Either filter goes back in; the room that the old one had is there. */
		enum liaison_err added = match_add(core->match, feed->filter, feed->number);
		if (added != LIAISON_OK) {
			free(bytes);
			if (err != LIAISON_OK)
				filter_free(filter);
			feeds_remove(core->feeds, feed);
			return fault_set(fault, LIAISON_RATE_LIMITED, "the broker can hold no more filters");
		}
	}
	free(bytes);
	if (err != LIAISON_OK) {
		filter_free(filter);
		return filter_fault(err, fault);
	}
	/* What the new filter lets through and the old one did not is due from the beginning. */
	feed_seek(feed, 0);
	return LIAISON_OK;
}

/* An existing feed under this name: whether this session may read it now, with this filter. Takes `filter`. */
static enum liaison_err
reopen_feed(struct core *core, const Liaison__Subscribe *subscribe, struct filter *filter, struct feed *feed,
	struct fault *fault)
{
	bool changes = subscribe->filter != NULL && !filter_equal(filter, feed->filter);

	if (feed->session != NULL && !subscribe->take_over) {
		filter_free(filter);
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"feed \"%s\" is being read by another program of this office; end that one, or take over",
			feed->name);
	}
	if (changes && !subscribe->replace) {
		filter_free(filter);
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"feed \"%s\" has another filter; use another name, or replace its filter", feed->name);
	}
	if (feed->session != NULL)
		subscribe_end(core, feed, LIAISON_NOT_PERMITTED, "another program of this office took this feed over");
	if (changes)
		return change_filter(core, feed, filter, fault);
	filter_free(filter);
	return LIAISON_OK;
}

static void
start_feed(struct core *core, struct feed *feed, const Liaison__Subscribe *subscribe, bool created)
{
	Liaison__Start start = subscribe->has_start ? subscribe->start : LIAISON__START__START_CURSOR;
	uint64_t size = index_size(core->index);

	switch (start) {
	case LIAISON__START__START_CURSOR:
		if (created)
			feed_seek(feed, 0);
		break;
	case LIAISON__START__START_LOG: feed_seek(feed, 0); break;
	case LIAISON__START__START_NEW: feed_seek(feed, size); break;
	case LIAISON__START__START_INDEX: feed_seek(feed, subscribe->index < size ? subscribe->index : size); break;
	default: break;
	}
}

static void
send_subscribed(struct core *core, struct session *session, const struct feed *feed, uint32_t request, bool created)
{
	Liaison__Subscribed subscribed = LIAISON__SUBSCRIBED__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__LaneState lanes[FEED_LANES], *pointers[FEED_LANES];

	for (int i = 0; i < FEED_LANES; i++) {
		liaison__lane_state__init(&lanes[i]);
		lanes[i].has_lane = lanes[i].has_cursor = 1;
		lanes[i].lane = i == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
		lanes[i].cursor = feed->lanes[i].cursor;
		pointers[i] = &lanes[i];
	}
	subscribed.has_request = subscribed.has_channel = subscribed.has_epoch = subscribed.has_created = 1;
	subscribed.request = request;
	subscribed.channel = feed->channel;
	subscribed.epoch = (ProtobufCBinaryData){EPOCH_BYTES, core->epoch.bytes};
	subscribed.n_lanes = FEED_LANES;
	subscribed.lanes = pointers;
	subscribed.created = created;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBED;
	frame.subscribed = &subscribed;
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "subscribed-not-sent", "office=%s", session->office.text);
}

static enum liaison_err
check_subscribe(
	struct core *core, const struct session *session, const Liaison__Subscribe *subscribe, struct fault *fault)
{
	const struct office *office = trust_office(core->trust, session->office.text);

	if (office == NULL || !office_has_right(office, LIAISON__RIGHT__RIGHT_SUBSCRIBE))
		return fault_set(
			fault, LIAISON_NOT_PERMITTED, "the roster does not let %s subscribe", session->office.text);
	if (subscribe->feed == NULL || !feed_name_is_valid(subscribe->feed))
		return fault_set(fault, LIAISON_MALFORMED, "a feed's name is 1 to %d of the letters A-Z a-z 0-9 . _ -",
			FEED_NAME_BYTES - 1);
	if (!subscribe->has_channel || channel_feed(session, subscribe->channel) != NULL)
		return fault_set(fault, LIAISON_MALFORMED, "channel %u is in use or missing", subscribe->channel);
	if (session->channel_count == SESSION_CHANNELS_MAX)
		return fault_set(fault, LIAISON_NOT_PERMITTED, "at most %d feeds a connection", SESSION_CHANNELS_MAX);
	return LIAISON_OK;
}

/* Whether there will be something to write: a feed that is read on from its cursor is there already. */
static bool
is_changed(const struct feed *feed, const Liaison__Subscribe *subscribe, const struct filter *filter)
{
	return feed == NULL || (subscribe->has_start && subscribe->start != LIAISON__START__START_CURSOR) ||
	       (subscribe->filter != NULL && !filter_equal(filter, feed->filter));
}

static enum liaison_err
open_feed(struct core *core, struct session *session, const Liaison__Subscribe *subscribe, struct feed **out,
	bool *created, struct fault *fault)
{
	static const Liaison__Filter everything = LIAISON__FILTER__INIT;
	struct filter *filter;
	enum liaison_err err = check_subscribe(core, session, subscribe, fault);

	if (err == LIAISON_OK)
		err = filter_new(subscribe->filter != NULL ? subscribe->filter : &everything, &filter, fault);
	if (err != LIAISON_OK)
		return err;
	struct feed *feed = feeds_find(core->feeds, session->office.text, subscribe->feed);
	*created = feed == NULL;
	bool changes = is_changed(feed, subscribe, filter);
	err = core_spend(core, session, changes ? COST_WRITE : 1, fault);
	if (err != LIAISON_OK) {
		filter_free(filter);
		return err;
	}
	err = feed != NULL ? reopen_feed(core, subscribe, filter, feed, fault)
			   : make_feed(core, &session->office, subscribe, filter, &feed, fault);
	if (err != LIAISON_OK)
		return err;
	start_feed(core, feed, subscribe, *created);
	err = changes ? save_feed(core, feed, fault) : LIAISON_OK;
	if (err != LIAISON_OK) {
		if (*created)
			forget_feed(core, feed);
		return err;
	}
	*out = feed;
	return LIAISON_OK;
}

void
subscribe_handle(struct core *core, struct session *session, const Liaison__Subscribe *subscribe)
{
	struct fault fault = {.message = ""};
	struct feed *feed;
	bool created;
	enum liaison_err err = open_feed(core, session, subscribe, &feed, &created, &fault);

	if (err != LIAISON_OK) {
		core_refuse(core, session, subscribe->request, err_is_refusal(err) ? err : LIAISON_STORAGE_FULL,
			fault.message);
		return;
	}
	feed_attach(feed, session, subscribe->channel);
	session->channels[session->channel_count++] = feed;
	note(NOTE_INFO, "subscribed", "office=%s feed=%s created=%d", session->office.text, feed->name, created);
	send_subscribed(core, session, feed, subscribe->request, created);
	deliver_wake(core, feed);
}

void
unsubscribe_handle(struct core *core, struct session *session, const Liaison__Unsubscribe *unsubscribe)
{
	struct feed *feed = channel_feed(session, unsubscribe->channel);

	if (feed != NULL)
		detach(core, feed);
}

/* --- credit and acknowledgement ----------------------------------------------------------------------------------- */

/* Frames for a channel that is over cross its end on the way; they are ignored. */
void
credit_handle(struct core *core, struct session *session, const Liaison__Credit *credit)
{
	struct feed *feed = channel_feed(session, credit->channel);

	if (feed == NULL)
		return;
	feed_grant(feed, credit->messages, credit->bytes);
	if (!feed->lanes[FEED_URGENT].is_live || !feed->lanes[FEED_ORDINARY].is_live)
		deliver_wake(core, feed);
}

void
acknowledge_handle(struct core *core, struct session *session, const Liaison__Acknowledge *acknowledge)
{
	struct feed *feed = channel_feed(session, acknowledge->channel);

	if (feed == NULL || acknowledge->epoch.len != EPOCH_BYTES ||
		memcmp(acknowledge->epoch.data, core->epoch.bytes, EPOCH_BYTES) != 0)
		return;
	if (feed_acknowledge(feed, acknowledge->lane == LIAISON__LANE__LANE_URGENT ? FEED_URGENT : FEED_ORDINARY,
		    acknowledge->cursor, index_size(core->index)))
		session->taken_ms = core_monotonic(core);
}

/* --- feeds: list, seek, forget ------------------------------------------------------------------------------------ */

static enum liaison_err
change_feed(struct core *core, struct session *session, const Liaison__FeedsRequest *request, struct fault *fault)
{
	const char *name = request->remove != NULL ? request->remove : request->seek;
	struct feed *feed = feeds_find(core->feeds, session->office.text, name);

	if (feed == NULL)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "%s has no feed of that name", session->office.text);
	if (feed->session != NULL)
		subscribe_end(core, feed, request->remove != NULL ? LIAISON_BAD_REFERENCE : LIAISON_OK,
			request->remove != NULL ? "this feed was removed" : "this feed's cursor was moved");
	if (request->remove != NULL) {
		enum liaison_err err = store_remove_feed(core->store, feed->office.text, feed->name, fault);
		if (err != LIAISON_OK)
			return err;
		forget_feed(core, feed);
		return LIAISON_OK;
	}
	uint64_t size = index_size(core->index);
	feed_seek(feed, request->index < size ? request->index : size);
	return save_feed(core, feed, fault);
}

struct feed_info_room {
	Liaison__FeedInfo info;
	Liaison__LaneState lanes[FEED_LANES], *pointers[FEED_LANES];
};

static void
fill_feed_info(struct core *core, struct feed *feed, struct feed_info_room *room)
{
	uint64_t least = index_size(core->index);

	liaison__feed_info__init(&room->info);
	room->info.feed = feed->name;
	room->info.filter = (Liaison__Filter *)(uintptr_t)filter_message(feed->filter);
	for (int i = 0; i < FEED_LANES; i++) {
		liaison__lane_state__init(&room->lanes[i]);
		room->lanes[i].has_lane = room->lanes[i].has_cursor = 1;
		room->lanes[i].lane = i == FEED_URGENT ? LIAISON__LANE__LANE_URGENT : LIAISON__LANE__LANE_ORDINARY;
		room->lanes[i].cursor = feed->lanes[i].cursor;
		room->pointers[i] = &room->lanes[i];
		if (feed->lanes[i].cursor < least)
			least = feed->lanes[i].cursor;
	}
	room->info.n_lanes = FEED_LANES;
	room->info.lanes = room->pointers;
	room->info.has_attached = room->info.has_waiting = 1;
	room->info.attached = feed->session != NULL;
	room->info.waiting = index_size(core->index) - least;
}

void
feeds_handle(struct core *core, struct session *session, const Liaison__FeedsRequest *request)
{
	Liaison__Feeds answer = LIAISON__FEEDS__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	struct fault fault = {.message = ""};
	enum liaison_err err = LIAISON_OK;

	bool changes = request->remove != NULL || request->seek != NULL;
	err = core_spend(core, session, changes ? COST_WRITE : 2, &fault);
	if (err == LIAISON_OK && changes)
		err = change_feed(core, session, request, &fault);
	size_t count = feeds_count_office(core->feeds, session->office.text), filled = 0;
	struct feed_info_room *rooms = calloc(count + 1, sizeof *rooms);
	Liaison__FeedInfo **infos = calloc(count + 1, sizeof *infos);
	if (err == LIAISON_OK && (rooms == NULL || infos == NULL))
		err = fault_set(&fault, LIAISON_RATE_LIMITED, "the broker is out of memory; ask again later");
	for (uint32_t number = 0; err == LIAISON_OK && filled < count && number < feeds_end(core->feeds); number++) {
		struct feed *feed = feeds_at(core->feeds, number);
		if (feed == NULL || !office_id_equal(&feed->office, &session->office))
			continue;
		fill_feed_info(core, feed, &rooms[filled]);
		infos[filled] = &rooms[filled].info;
		filled++;
	}
	answer.has_request = answer.has_log_size = 1;
	answer.request = request->request;
	answer.n_feeds = filled;
	answer.feeds = infos;
	answer.log_size = index_size(core->index);
	frame.frame_case = LIAISON__FRAME__FRAME_FEEDS;
	frame.feeds = &answer;
	if (err != LIAISON_OK)
		core_refuse(core, session, request->request, err_is_refusal(err) ? err : LIAISON_STORAGE_FULL,
			fault.message);
	else if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "feeds-not-sent", "office=%s", session->office.text);
	free(rooms);
	free(infos);
}

/* --- when rights change ------------------------------------------------------------------------------------------- */

static bool
is_in_force(const struct trust *trust, const struct office *office, int64_t now)
{
	enum roster_state state = trust_roster_state(trust, office->member, now);

	return state == ROSTER_VALID || state == ROSTER_GRACE;
}

/* Whether the office may see anything now that it could not before: then live alerts of the past are due. */
static bool
is_widened(const struct core *core, const struct trust *before_trust, const char *id)
{
	const struct office *before = trust_office(before_trust, id), *after = trust_office(core->trust, id);
	int64_t now = core_now(core);

	if (after == NULL)
		return false;
	/* At start, a roster that was too great for its record is in no view of the past: that is no news. */
	if (before == NULL)
		return core->accept != NULL;
	return (!is_in_force(before_trust, before, now) && is_in_force(core->trust, after, now)) ||
	       (after->receives & ~before->receives) != 0 || (after->rights & ~before->rights) != 0 ||
	       after->clearance > before->clearance || (before->is_suspended && !after->is_suspended) ||
	       (after->member->contributes & ~before->member->contributes) != 0;
}

void
subscribe_trust_changed(struct core *core, const struct trust *before)
{
	for (uint32_t number = 0; number < feeds_end(core->feeds); number++) {
		struct feed *feed = feeds_at(core->feeds, number);
		if (feed == NULL)
			continue;
		feed->entry = NULL;
		if (!is_widened(core, before, feed->office.text))
			continue;
		if (feed->session != NULL)
			subscribe_end(core, feed, LIAISON_OK, "rights were widened: older alerts are due");
		feed_seek(feed, 0);
	}
}
