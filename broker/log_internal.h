/* What log.c (writing) and log_open.c (making, opening, verifying) share. Not for others: log.h is. */
#ifndef LIAISON_BROKER_LOG_INTERNAL_H
#define LIAISON_BROKER_LOG_INTERNAL_H

#include "broker/log.h"

#define LOG_ZEROS_BYTES (UINT64_C(1) << 20)
/* One write: the trailer of the group before, and a group with its padding. */
#define LOG_BUFFER_BYTES (SEGMENT_TRAILER_BYTES + GROUP_BYTES_MAX + SEGMENT_BLOCK)

struct log {
	const struct disk *disk;
	const struct rng *rng;
	char *dir;
	uint64_t segment_bytes;
	uint64_t floor_bytes;
	int lock;

	struct segment_header segment; /* the one that is written to */
	int handle;
	uint64_t end_offset; /* where the next write goes: the pending trailer, or else the next group */

	int spare;              /* the next segment, zeros so far; -1: none */
	uint64_t spare_bytes;   /* of it on the medium */
	bool spare_has_no_room; /* not tried again until it is needed */

	struct merkle_frontier frontier; /* over all records that were written */
	struct log_head durable;
	bool is_pending; /* the last group is synced, its trailer not yet written: */
	struct segment_trailer pending;

	bool is_read_only;
	struct fault why_read_only;
	uint8_t *buffer; /* LOG_BUFFER_BYTES */
};

uint64_t log_block_up(uint64_t offset);

/* `name` in the log's folder; `path` has room for DISK_PATH_BYTES. */
enum liaison_err log_file(const struct log *log, const char *name, char *path, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * After this nothing more is written: what a failed write or sync has left on the medium, only a new start can tell.
 * LIAISON_IO.
 */
enum liaison_err log_fail(
	struct log *log, int error, const char *what, const char *name, struct fault *fault) LIAISON_MUST_CHECK;
/* LIAISON_READ_ONLY, and why. */
enum liaison_err log_refuse(const struct log *log, struct fault *fault) LIAISON_MUST_CHECK;

/* All of the spare is on the medium. LIAISON_STORAGE_FULL; LIAISON_IO, and the log has failed. */
enum liaison_err log_spare_finish(struct log *log, struct fault *fault) LIAISON_MUST_CHECK;
/* As much of it as the present segment is used. No room for it is not an error here. */
enum liaison_err log_spare_keep_pace(struct log *log, struct fault *fault) LIAISON_MUST_CHECK;
/* Turns the spare into the segment of `header`, on the medium with its name when this returns LIAISON_OK. */
enum liaison_err log_spare_name(
	struct log *log, const struct segment_header *header, struct fault *fault) LIAISON_MUST_CHECK;

/* The next segment; all records before it must have their trailers on the medium. Errors as log_append's. */
enum liaison_err log_start_segment(
	struct log *log, uint64_t number, const struct epoch *epoch, struct fault *fault) LIAISON_MUST_CHECK;

#endif
