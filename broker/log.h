/*
 * The log: the one thing that a broker stores by itself, append-only, in a folder of segments (segment.h has the format
 * and what a crash can leave).
 *
 * It promises: what log_durable() counts is on the medium and is found again, byte for byte, by every later log_open, or
 * is reported as damage by file and byte; nothing that is not whole is handed out; nothing acknowledged is cut. It does
 * not know what headers and payloads mean. The folder holds
 *
 *   epoch                        one line: which life of which log this is; made last, so that it stands for "complete"
 *   lock                         held by the one process that has the log open
 *   segment-<first index>        the segments, without gaps
 *   spare                        the next segment while it is being made; worth nothing without its name
 *
 * A struct log belongs to one thread. Readers (log_reader.h) have handles of their own and are told locations and the
 * durable size by message.
 */
#ifndef LIAISON_BROKER_LOG_H
#define LIAISON_BROKER_LOG_H

#include "broker/segment.h"
#include "proto/base/rand.h"
#include "proto/edge/disk.h"

struct log_options {
	const struct disk *disk; /* borrowed, as are the others, for the log's life */
	const char *dir;
	const struct rng *rng;
	uint64_t
		segment_bytes; /* for new segments; SEGMENT_BYTES_MIN to SEGMENT_BYTES_MAX, a multiple of SEGMENT_BLOCK */
	uint64_t floor_bytes; /* a new segment is made only if this much stays free */
};

#define LOG_SEGMENT_BYTES_DEFAULT (UINT64_C(64) << 20)

/* Where a record lies; a number that an index may keep. */
struct log_location {
	uint64_t segment; /* its first index */
	uint64_t offset;
	uint32_t bytes;
};

/* What a checkpoint is made of. */
struct log_head {
	uint64_t size;
	struct digest root;
	int64_t at_ms; /* of the last trailer; never goes back; 0 while the log is empty */
};

/* --- finding out what is there ------------------------------------------------------------------------------------- */

#define LOG_FINDING_FILE_BYTES SEGMENT_NAME_BYTES

struct log_finding {
	char file[LOG_FINDING_FILE_BYTES]; /* in the log's folder */
	struct segment_finding at;
};

/* "segment-000...: at byte 8192 (512 bytes): there is no whole record; record 7 is lost". Cut at `len`, with a NUL. */
void log_finding_text(const struct log_finding *finding, char *out, size_t len);

/*
 * on_record has every index once, ascending, from 0 to the head's size. One with `damage` is not to be served; it has its
 * index and leaf, and is at its location, unless it is RECORD_LOST: then it has its index and nothing else.
 */
struct log_visitor {
	enum liaison_err (*on_record)(
		void *arg, const struct stored_record *record, const struct log_location *location);
	void (*on_finding)(void *arg, const struct log_finding *finding);
	void *arg; /* all three may be NULL */
};

struct log_report {
	struct epoch epoch;
	struct log_head head;
	uint64_t segments;
	uint64_t records; /* visited, whole */
	uint64_t lost;    /* known to be gone, in part or altogether */
	/*
	 * ... of these, those whose leaf is gone too. If there is one, nobody can compute the tree again: a checkpoint or a
	 * proof that is made from what is left would contradict what was signed before.
	 */
	uint64_t leaves_lost;
	uint64_t notes;
	uint64_t damages;
	uint64_t torn;             /* tails that were never acknowledged: 0 or 1 */
	struct log_finding damage; /* the first one, if damages > 0 */
};

/*
 * Walks all of a log off line, changing nothing, and checks more than log_open does: every leaf against its header, the
 * root of every group. LIAISON_OK whatever was found: *report says it. LIAISON_NOT_FOUND if there is no log in `dir`,
 * LIAISON_BUSY while a broker has it open, LIAISON_IO, LIAISON_NO_MEMORY, or what on_record answered.
 */
enum liaison_err log_verify(const struct disk *disk, const char *dir, const struct log_visitor *visitor,
	struct log_report *report, struct fault *fault) LIAISON_MUST_CHECK;

/* --- a life --------------------------------------------------------------------------------------------------------- */

struct log;

/*
 * Makes an empty log of a new epoch in options->dir (made if its parent exists). After a crash half-way it can be called
 * again. LIAISON_EXISTS if there is a log; LIAISON_STORAGE_FULL, LIAISON_BUSY, LIAISON_IO, LIAISON_NO_MEMORY.
 */
enum liaison_err log_create(
	const struct log_options *options, const struct epoch *epoch, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Locks the folder, walks the log, cuts what was never acknowledged, and is ready to append after report->head. If there
 * is damage the log is read-only (log_is_read_only) and nothing in the folder is changed; what is whole was visited.
 * Otherwise all that was visited is on the medium when this returns. Errors as log_verify's.
 */
enum liaison_err log_open(const struct log_options *options, const struct log_visitor *visitor, struct log **log,
	struct log_report *report, struct fault *fault) LIAISON_MUST_CHECK;

/* Writes nothing: a group whose trailer is not yet durable is left to the next log_open. Takes NULL. */
void log_close(struct log *log);

/* --- writing -------------------------------------------------------------------------------------------------------- */

/*
 * Writes `count` records (1 to GROUP_RECORDS_MAX) as one group, and the trailer of the group before, in one sync: when it
 * returns LIAISON_OK, that one is durable, and this one is as soon as log_append or log_flush succeeds again. The records
 * get the indexes from log_next_index() on; `locations` (count of them, may be NULL) says where they are.
 *
 * Before anything is changed: LIAISON_TOO_LARGE (more than log_group_bytes_max() or GROUP_RECORDS_MAX, or a record over
 * its limits), LIAISON_MALFORMED (no header, no record, no such type). LIAISON_STORAGE_FULL: no room for the segment
 * that it needs; this group is not written, the one before is durable, and the call can be made again. LIAISON_READ_ONLY:
 * the log is damaged or failed before. LIAISON_IO: the log has failed now; nothing that log_durable() does not count may
 * be acknowledged, and only a log_open in a new process can tell what became of it.
 */
enum liaison_err log_append(struct log *log, const struct record *records, size_t count, int64_t now_ms,
	struct log_location *locations, struct fault *fault) LIAISON_MUST_CHECK;

/* Writes the trailer of the last group, if it has none. LIAISON_READ_ONLY, LIAISON_IO as above. */
enum liaison_err log_flush(struct log *log, int64_t now_ms, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Does a small step (256 KiB) of making the next segment ahead; for when the writer has nothing else to do. Without it
 * log_append does the same as it goes. LIAISON_OK also if there is nothing to do; LIAISON_STORAGE_FULL (said once, then
 * tried again only when the segment is needed), LIAISON_READ_ONLY, LIAISON_IO as above.
 */
enum liaison_err log_prepare(struct log *log, struct fault *fault) LIAISON_MUST_CHECK;

struct log_head log_durable(const struct log *log);
uint64_t log_next_index(const struct log *log);
struct epoch log_epoch(const struct log *log);
bool log_is_read_only(const struct log *log);

/* What the records of one group may take in all, record_bytes() each. */
uint64_t log_group_bytes_max(const struct log *log);

#endif
