#include "broker/log_writer.h"

#include "broker/note.h"
#include "broker/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/*
 * Under load a sync is worth waiting for more records to share it: everything behind it (receipts, deliveries, wake-ups)
 * then comes in larger pieces too. Busy is who had so many in the group before; then records are gathered until no more
 * come. One alert alone never waits.
 */
#define BUSY_RECORDS 32
#define GATHER_RECORDS 1024
#define GATHER_GAP_US 1500
#define GATHER_MOST_US 6000

struct group {
	struct log_item *items[GROUP_RECORDS_MAX];
	size_t count;
};

struct log_writer {
	struct log *log;
	const struct clock *clock;
	struct queue *waiting, *finished;
	pthread_t thread;
	bool running;
	size_t inside; /* the core's own count */
	/* The thread's: the group whose trailer is still to come, the one being put together, and scratch. */
	struct group appended, next;
	struct record records[GROUP_RECORDS_MAX];
	struct log_location locations[GROUP_RECORDS_MAX];
};

void
log_item_free(struct log_item *item)
{
	if (item == NULL)
		return;
	blob_unref(item->header);
	blob_unref(item->payload);
	free(item);
}

static void
hand_back(struct log_writer *writer, struct group *group, enum liaison_err err)
{
	for (size_t i = 0; i < group->count; i++)
		group->items[i]->err = err;
	/* The queue holds as many as may be inside, so there is always room. */
	size_t sent = queue_put_many(writer->finished, (void *const *)group->items, group->count);
	assert(sent == group->count);
	group->count = 0;
}

static uint64_t
item_bytes(const struct log_item *item)
{
	return record_bytes(item->header->len, item->payload != NULL ? item->payload->len : 0);
}

/* Appends as many of `waiting` as one group may hold; sets *taken. */
static enum liaison_err
append_group(struct log_writer *writer, struct log_item **waiting, size_t count, size_t *taken, struct fault *fault)
{
	struct record *records = writer->records;
	uint64_t first = log_next_index(writer->log), bytes = 0, bytes_max = log_group_bytes_max(writer->log);
	size_t n = 0;

	for (; n < count; n++) {
		bytes += item_bytes(waiting[n]);
		if (n > 0 && bytes > bytes_max)
			break;
		records[n] = (struct record){.type = waiting[n]->type,
			.header = waiting[n]->header->data,
			.header_len = waiting[n]->header->len};
		if (waiting[n]->payload != NULL) {
			records[n].payload = waiting[n]->payload->data;
			records[n].payload_len = waiting[n]->payload->len;
		}
	}
	*taken = n;
	enum liaison_err err = log_append(
		writer->log, records, n, writer->clock->now_ms(writer->clock->arg), writer->locations, fault);
	for (size_t i = 0; err == LIAISON_OK && i < n; i++) {
		waiting[i]->index = first + i;
		waiting[i]->location = writer->locations[i];
	}
	return err;
}

static void
say_failure(enum liaison_err err, const struct fault *fault)
{
	char quoted[256];

	note(NOTE_ERROR, err == LIAISON_STORAGE_FULL ? "storage-full" : "log-failed", "code=%s message=%s",
		err_name(err), note_quote(fault->message, quoted));
}

/* The trailer of what was appended last, with nothing to share its sync. */
static void
finish_group(struct log_writer *writer, struct group *appended)
{
	struct fault fault = {.message = ""};
	enum liaison_err err = log_flush(writer->log, writer->clock->now_ms(writer->clock->arg), &fault);

	if (err != LIAISON_OK)
		say_failure(err, &fault);
	hand_back(writer, appended, err == LIAISON_OK ? LIAISON_OK : LIAISON_READ_ONLY);
}

static void
write_waiting(struct log_writer *writer, struct group *appended, struct group *waiting)
{
	size_t done = 0;

	while (done < waiting->count) {
		struct fault fault = {.message = ""};
		size_t taken = 0;
		enum liaison_err err =
			append_group(writer, waiting->items + done, waiting->count - done, &taken, &fault);
		if (err == LIAISON_MALFORMED || err == LIAISON_TOO_LARGE) {
			/* Nothing was written, and the group before still waits for its trailer: it comes first. */
			say_failure(err, &fault);
			finish_group(writer, appended);
		} else {
			/* On success, and when only this group found no room, the group before is durable now. */
			bool before_is_durable = err == LIAISON_OK || err == LIAISON_STORAGE_FULL;
			hand_back(writer, appended, before_is_durable ? LIAISON_OK : LIAISON_READ_ONLY);
			if (err != LIAISON_OK)
				say_failure(err, &fault);
		}
		for (size_t i = 0; i < taken; i++)
			appended->items[i] = waiting->items[done + i];
		appended->count = taken;
		done += taken;
		if (err != LIAISON_OK)
			hand_back(writer, appended, err_is_refusal(err) ? err : LIAISON_READ_ONLY);
	}
	waiting->count = 0;
}

/*
 * Owns the log and two groups. Receives items from the core, sends them back durable or refused. Ends when the queue is
 * closed and everything that was put is on the medium.
 */
static void *
writer_main(void *arg)
{
	struct log_writer *writer = arg;
	struct group *appended = &writer->appended, *waiting = &writer->next;

	pthread_setname_np(pthread_self(), "log");
	for (;;) {
		if (appended->count >= BUSY_RECORDS)
			queue_gather(writer->waiting, GATHER_RECORDS, GATHER_GAP_US, GATHER_MOST_US);
		/* While a group waits for its trailer, more records are taken only if they are there already. */
		waiting->count = appended->count > 0
					 ? queue_take(writer->waiting, (void **)waiting->items, GROUP_RECORDS_MAX)
					 : queue_take_wait(writer->waiting, (void **)waiting->items, GROUP_RECORDS_MAX);
		if (waiting->count > 0) {
			write_waiting(writer, appended, waiting);
			continue;
		}
		if (appended->count == 0)
			break;
		finish_group(writer, appended);
		struct fault fault = {.message = ""};
		if (queue_length(writer->waiting) == 0 && log_prepare(writer->log, &fault) != LIAISON_OK)
			say_failure(fault.code, &fault);
	}
	return NULL;
}

enum liaison_err
log_writer_new(struct log *log, const struct clock *clock, struct log_writer **out, struct fault *fault)
{
	struct log_writer *writer = calloc(1, sizeof *writer);

	if (writer == NULL) {
		log_close(log);
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the log's writer");
	}
	writer->log = log;
	writer->clock = clock;
	writer->waiting = queue_new(LOG_WRITER_RECORDS_MAX, false);
	writer->finished = queue_new(LOG_WRITER_RECORDS_MAX, true);
	if (writer->waiting == NULL || writer->finished == NULL ||
		pthread_create(&writer->thread, NULL, writer_main, writer) != 0) {
		log_writer_free(writer);
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory, descriptors or thread for the log's writer");
	}
	writer->running = true;
	*out = writer;
	return LIAISON_OK;
}

void
log_writer_stop(struct log_writer *writer)
{
	if (!writer->running)
		return;
	queue_close(writer->waiting);
	pthread_join(writer->thread, NULL);
	writer->running = false;
}

void
log_writer_free(struct log_writer *writer)
{
	struct log_item *item;

	if (writer == NULL)
		return;
	if (writer->running)
		log_writer_stop(writer);
	while (writer->finished != NULL && queue_take(writer->finished, (void **)&item, 1) == 1)
		log_item_free(item);
	log_close(writer->log);
	queue_free(writer->waiting);
	queue_free(writer->finished);
	free(writer);
}

bool
log_writer_put(struct log_writer *writer, struct log_item *item)
{
	if (writer->inside >= LOG_WRITER_RECORDS_MAX || !queue_put(writer->waiting, item))
		return false;
	writer->inside++;
	return true;
}

size_t
log_writer_take(struct log_writer *writer, struct log_item **items, size_t max)
{
	size_t count = queue_take(writer->finished, (void **)items, max);

	writer->inside -= count;
	return count;
}

size_t
log_writer_inside(const struct log_writer *writer)
{
	return writer->inside;
}

int
log_writer_fd(const struct log_writer *writer)
{
	return queue_fd(writer->finished);
}
