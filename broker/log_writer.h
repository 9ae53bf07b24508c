/*
 * The one writer of the log: a thread that owns the struct log, takes records from the core, groups what is waiting, and
 * hands each back when it is durable. Receipts leave and delivery starts only after that.
 *
 * Records come back in the order of their indexes, without gaps, each with LIAISON_OK or the reason why it was not
 * written: LIAISON_STORAGE_FULL (may be tried again), LIAISON_READ_ONLY (this process writes no more). One that came back
 * with an error has no index and is not in the log.
 */
#ifndef LIAISON_BROKER_LOG_WRITER_H
#define LIAISON_BROKER_LOG_WRITER_H

#include "broker/log.h"
#include "proto/base/buf.h"
#include "proto/base/time.h"

#define LOG_WRITER_RECORDS_MAX 16384 /* inside at once: put, and not yet taken back */

struct log_item {
	/* in; `header` and `payload` are references that the item owns */
	enum record_type type;
	struct blob *header, *payload;
	void *context; /* the core's own */
	/* out */
	enum liaison_err err;
	uint64_t index;
	struct log_location location;
};

void log_item_free(struct log_item *item); /* takes NULL; lets go of header and payload */

struct log_writer;

/* Takes ownership of `log`, which is closed on failure too. */
enum liaison_err log_writer_new(
	struct log *log, const struct clock *clock, struct log_writer **out, struct fault *fault) LIAISON_MUST_CHECK;
/* Writes and syncs what was put, then ends the thread and closes the log. What was not taken back is freed. */
void log_writer_free(struct log_writer *writer); /* takes NULL */

/* False: as many as it may hold are inside; the caller keeps the item. */
bool log_writer_put(struct log_writer *writer, struct log_item *item);
size_t log_writer_take(struct log_writer *writer, struct log_item **items, size_t max);
size_t log_writer_inside(const struct log_writer *writer);
int log_writer_fd(const struct log_writer *writer);

/* No more puts; the thread writes what it has and ends; then everything can be taken. Waits. */
void log_writer_stop(struct log_writer *writer);

#endif
