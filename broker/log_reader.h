/*
 * Reading records of a log by where they lie, beside the writer and without touching it.
 *
 * A reader has handles of its own and belongs to one thread; there may be any number. It is told by message what is
 * durable and where records lie (log_append's locations, or the index), and must not be asked for more. It verifies each
 * record before it hands it out: what is not as written is LIAISON_CORRUPT, never bytes.
 */
#ifndef LIAISON_BROKER_LOG_READER_H
#define LIAISON_BROKER_LOG_READER_H

#include "broker/log.h"

/* Segments that a reader keeps open at most. */
#define LOG_READER_SEGMENTS 16

struct log_reader;

/* Reads nothing yet. NULL: no memory. `disk` is borrowed. Only segments of `epoch` are read. */
struct log_reader *log_reader_new(const struct disk *disk, const char *dir, const struct epoch *epoch);
void log_reader_free(struct log_reader *reader); /* takes NULL */

/*
 * The record `index`, which lies at `location`. *record borrows from the reader until its next call. LIAISON_CORRUPT if
 * the record is damaged, or another one is there; LIAISON_IO.
 */
enum liaison_err log_read(struct log_reader *reader, uint64_t index, const struct log_location *location,
	struct stored_record *record, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Reads the records from `index`, which lies at `*location`, on, in large reads, and calls `each` for every one until
 * `until_index` (not with it), which is at most the durable size. Another answer than LIAISON_OK from `each` ends it and is
 * its result; the record is borrowed for the call. *next_index is set in any case: the first that `each` has not had.
 * LIAISON_CORRUPT, LIAISON_IO: as log_read, about record *next_index; what follows it can be reached by its own location.
 */
enum liaison_err log_read_run(struct log_reader *reader, uint64_t index, const struct log_location *location,
	uint64_t until_index, enum liaison_err (*each)(void *arg, const struct stored_record *record), void *arg,
	uint64_t *next_index, struct fault *fault) LIAISON_MUST_CHECK;

#endif
