/* The names in a log's folder, and the epoch file. For the log's own files; log.h is for others. */
#ifndef LIAISON_BROKER_LOG_FOLDER_H
#define LIAISON_BROKER_LOG_FOLDER_H

#include "broker/segment.h"
#include "proto/edge/disk.h"

#define LOG_EPOCH_FILE "epoch"
#define LOG_EPOCH_NEW_FILE "epoch.new"
#define LOG_SPARE_FILE "spare"

/* The first indexes that the names of the folder's segments say, ascending; *indexes is the caller's to free. */
enum liaison_err log_list_segments(const struct disk *disk, const char *dir, uint64_t **indexes, size_t *count,
	struct fault *fault) LIAISON_MUST_CHECK;

/* The text of the epoch file. `out` has room for LOG_EPOCH_TEXT_BYTES. */
#define LOG_EPOCH_TEXT_BYTES 128
void log_epoch_text(const struct epoch *epoch, char *out);

/* LIAISON_NOT_FOUND if there is none, LIAISON_CORRUPT if it is not as written, LIAISON_IO. */
enum liaison_err log_epoch_read(
	const struct disk *disk, const char *dir, struct epoch *epoch, struct fault *fault) LIAISON_MUST_CHECK;

#endif
