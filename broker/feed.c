#include "broker/feed.h"

#include "proto/scan.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
feed_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < FEED_NAME_BYTES &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

void
feed_attach(struct feed *feed, struct session *session, uint32_t channel)
{
	assert(feed->session == NULL);
	feed->session = session;
	feed->channel = channel;
	feed->credit_messages = feed->credit_bytes = 0;
	feed->sent_messages = feed->sent_bytes = 0;
	feed->is_told_end = false;
	for (int i = 0; i < FEED_LANES; i++) {
		feed->lanes[i].next = feed->lanes[i].cursor;
		feed->lanes[i].is_live = false;
	}
}

void
feed_detach(struct feed *feed)
{
	feed->session = NULL;
	for (int i = 0; i < FEED_LANES; i++) {
		feed->lanes[i].is_live = false;
		feed_sent(feed, (enum feed_lane)i);
	}
	feed_shrink(feed);
}

void
feed_seek(struct feed *feed, uint64_t at)
{
	for (int i = 0; i < FEED_LANES; i++)
		feed->lanes[i] = (struct feed_lane_state){.cursor = at, .next = at};
	feed->is_dirty = true;
	feed->is_told_end = false;
}

void
feed_grant(struct feed *feed, uint64_t messages, uint64_t bytes)
{
	if (messages > feed->credit_messages)
		feed->credit_messages = messages;
	if (bytes > feed->credit_bytes)
		feed->credit_bytes = bytes;
}

bool
feed_has_room(const struct feed *feed, enum feed_lane lane, size_t bytes)
{
	uint64_t messages = 1, needed = bytes;

	if (lane == FEED_ORDINARY) {
		messages += FEED_RESERVE_MESSAGES;
		needed += FEED_RESERVE_BYTES;
	}
	return feed->credit_messages - feed->sent_messages >= messages && feed->credit_bytes >= feed->sent_bytes &&
	       feed->credit_bytes - feed->sent_bytes >= needed;
}

enum liaison_err
feed_put(struct feed *feed, enum feed_lane lane, uint64_t index, const void *bytes, size_t len)
{
	struct feed_outgoing *outgoing = &feed->outgoing[lane];

	buf_put(&outgoing->items, bytes, len);
	if (buf_check(&outgoing->items) != LIAISON_OK)
		return LIAISON_NO_MEMORY;
	if (outgoing->count++ == 0)
		outgoing->first = index;
	feed->sent_messages++;
	feed->sent_bytes += len;
	return LIAISON_OK;
}

void
feed_sent(struct feed *feed, enum feed_lane lane)
{
	buf_reset(&feed->outgoing[lane].items);
	feed->outgoing[lane].count = 0;
}

void
feed_take_back(struct feed *feed, enum feed_lane lane)
{
	struct feed_outgoing *outgoing = &feed->outgoing[lane];

	if (outgoing->count > 0) {
		feed->sent_messages -= outgoing->count;
		feed->sent_bytes -= outgoing->items.len;
		feed->lanes[lane].next = outgoing->first;
		feed->lanes[lane].is_live = false;
	}
	feed_sent(feed, lane);
}

void
feed_shrink(struct feed *feed)
{
	for (int i = 0; i < FEED_LANES; i++)
		if (feed->outgoing[i].count == 0)
			buf_clear(&feed->outgoing[i].items);
}

bool
feed_acknowledge(struct feed *feed, enum feed_lane lane, uint64_t cursor, uint64_t log_size)
{
	if (cursor > feed_searched(feed, lane, log_size) || cursor <= feed->lanes[lane].cursor)
		return false;
	feed->lanes[lane].cursor = cursor;
	feed->is_dirty = true;
	return true;
}

uint64_t
feed_searched(const struct feed *feed, enum feed_lane lane, uint64_t log_size)
{
	return feed->lanes[lane].is_live ? log_size : feed->lanes[lane].next;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

struct feeds {
	struct feed **by_number; /* NULL: a hole */
	uint32_t end, cap;
	struct feed **by_name; /* ascending by office, then name */
	size_t count;
};

struct feeds *
feeds_new(void)
{
	return calloc(1, sizeof(struct feeds));
}

static void
feed_free(struct feed *feed)
{
	filter_free(feed->filter);
	free(feed->filter_bytes);
	for (int i = 0; i < FEED_LANES; i++)
		buf_clear(&feed->outgoing[i].items);
	free(feed);
}

void
feeds_free(struct feeds *feeds)
{
	if (feeds == NULL)
		return;
	for (size_t i = 0; i < feeds->count; i++)
		feed_free(feeds->by_name[i]);
	free(feeds->by_number);
	free(feeds->by_name);
	free(feeds);
}

/* The first position whose feed is not before (office, name). */
static size_t
name_position(const struct feeds *feeds, const char *office, const char *name)
{
	size_t low = 0, high = feeds->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(feeds->by_name[middle]->office.text, office);
		if (order == 0)
			order = strcmp(feeds->by_name[middle]->name, name);
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct feed *
feeds_find(const struct feeds *feeds, const char *office, const char *name)
{
	size_t at = name_position(feeds, office, name);

	if (at < feeds->count && strcmp(feeds->by_name[at]->office.text, office) == 0 &&
		strcmp(feeds->by_name[at]->name, name) == 0)
		return feeds->by_name[at];
	return NULL;
}

static uint32_t
free_number(const struct feeds *feeds)
{
	if (feeds->count == feeds->end)
		return feeds->end;
	uint32_t number = 0;
	while (feeds->by_number[number] != NULL)
		number++;
	return number;
}

static bool
reserve(struct feeds *feeds)
{
	if (feeds->count < feeds->cap)
		return true;
	uint32_t cap = feeds->cap > 0 ? feeds->cap * 2 : 64;
	struct feed **by_number = realloc(feeds->by_number, cap * sizeof(struct feed *));
	if (by_number == NULL)
		return false;
	feeds->by_number = by_number;
	struct feed **by_name = realloc(feeds->by_name, cap * sizeof(struct feed *));
	if (by_name == NULL)
		return false;
	feeds->by_name = by_name;
	feeds->cap = cap;
	return true;
}

enum liaison_err
feeds_add(struct feeds *feeds, const struct office_id *office, const char *name, struct filter *filter,
	const uint8_t *filter_bytes, size_t filter_len, struct feed **out)
{
	assert(feeds_find(feeds, office->text, name) == NULL);
	if (feeds->count >= FEEDS_MAX) {
		filter_free(filter);
		return LIAISON_TOO_LARGE;
	}
	struct feed *feed = calloc(1, sizeof *feed);
	if (feed == NULL || !reserve(feeds) ||
		feed_replace_filter(feed, filter, filter_bytes, filter_len) != LIAISON_OK) {
		free(feed);
		filter_free(filter);
		return LIAISON_NO_MEMORY;
	}
	feed->office = *office;
	for (int i = 0; i < FEED_LANES; i++)
		buf_init(&feed->outgoing[i].items, FRAME_BYTES_MAX);
	snprintf(feed->name, sizeof feed->name, "%s", name);
	feed->number = free_number(feeds);
	size_t at = name_position(feeds, office->text, name);
	memmove(&feeds->by_name[at + 1], &feeds->by_name[at], (feeds->count - at) * sizeof(struct feed *));
	feeds->by_name[at] = feed;
	feeds->count++;
	feeds->by_number[feed->number] = feed;
	if (feed->number == feeds->end)
		feeds->end++;
	*out = feed;
	return LIAISON_OK;
}

void
feeds_remove(struct feeds *feeds, struct feed *feed)
{
	size_t at = name_position(feeds, feed->office.text, feed->name);

	assert(at < feeds->count && feeds->by_name[at] == feed);
	memmove(&feeds->by_name[at], &feeds->by_name[at + 1], (feeds->count - at - 1) * sizeof(struct feed *));
	feeds->count--;
	feeds->by_number[feed->number] = NULL;
	feed_free(feed);
}

enum liaison_err
feed_replace_filter(struct feed *feed, struct filter *filter, const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		return LIAISON_NO_MEMORY;
	if (len > 0)
		memcpy(copy, bytes, len);
	filter_free(feed->filter);
	free(feed->filter_bytes);
	feed->filter = filter;
	feed->filter_bytes = copy;
	feed->filter_len = len;
	const Liaison__Filter *message = filter_message(filter);
	feed->includes_ended = message->has_include_ended && message->include_ended;
	return LIAISON_OK;
}

struct feed *
feeds_at(const struct feeds *feeds, uint32_t number)
{
	return number < feeds->end ? feeds->by_number[number] : NULL;
}

uint32_t
feeds_end(const struct feeds *feeds)
{
	return feeds->end;
}

size_t
feeds_count_office(const struct feeds *feeds, const char *office)
{
	size_t at = name_position(feeds, office, "");
	size_t from = at;

	while (at < feeds->count && strcmp(feeds->by_name[at]->office.text, office) == 0)
		at++;
	return at - from;
}
