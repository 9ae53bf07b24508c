#include "broker/log_folder.h"
#include "broker/log_internal.h"
#include "broker/log_walk.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct log *
log_new(const struct log_options *options)
{
	assert(options->segment_bytes >= SEGMENT_BYTES_MIN && options->segment_bytes <= SEGMENT_BYTES_MAX &&
		options->segment_bytes % SEGMENT_BLOCK == 0);
	struct log *log = calloc(1, sizeof *log);
	if (log == NULL)
		return NULL;
	log->disk = options->disk;
	log->rng = options->rng;
	log->segment_bytes = options->segment_bytes;
	log->floor_bytes = options->floor_bytes;
	log->lock = log->handle = log->spare = -1;
	log->dir = strdup(options->dir);
	log->buffer = malloc(LOG_BUFFER_BYTES);
	if (log->dir == NULL || log->buffer == NULL) {
		log_close(log);
		return NULL;
	}
	return log;
}

void
log_close(struct log *log)
{
	if (log == NULL)
		return;
	disk_close(log->disk, log->spare);
	disk_close(log->disk, log->handle);
	disk_close(log->disk, log->lock);
	free(log->buffer);
	free(log->dir);
	free(log);
}

/* --- making ---------------------------------------------------------------------------------------------------------- */

static enum liaison_err
make_folder(const struct log *log, struct fault *fault)
{
	char parent[DISK_PATH_BYTES];

	int result = disk_mkdir(log->disk, log->dir);
	if (result == -EEXIST)
		return LIAISON_OK;
	if (result < 0)
		return fault_errno(fault, LIAISON_IO, -result, "cannot make the folder %s", log->dir);
	snprintf(parent, sizeof parent, "%s", log->dir);
	char *slash = strrchr(parent, '/');
	if (slash == NULL)
		snprintf(parent, sizeof parent, ".");
	else
		slash[slash == parent ? 1 : 0] = '\0';
	result = disk_sync_dir(log->disk, parent);
	if (result < 0)
		return fault_errno(fault, LIAISON_IO, -result, "cannot sync the folder %s", parent);
	return LIAISON_OK;
}

/* Nothing may be there but what an earlier log_create left that did not come to its end; that is removed. */
static enum liaison_err
clear_unfinished(const struct log *log, struct fault *fault)
{
	char path[DISK_PATH_BYTES], name[SEGMENT_NAME_BYTES];
	struct log_walk_result walk;
	struct epoch epoch;
	uint64_t *indexes = NULL;
	size_t count = 0;

	enum liaison_err err = log_epoch_read(log->disk, log->dir, &epoch, fault);
	if (err == LIAISON_OK || err == LIAISON_CORRUPT)
		return fault_set(fault, LIAISON_EXISTS, "there is a log in %s already", log->dir);
	if (err != LIAISON_NOT_FOUND)
		return err;
	err = log_list_segments(log->disk, log->dir, &indexes, &count, fault);
	free(indexes);
	if (err != LIAISON_OK || count == 0)
		return err;
	err = log_walk(log->disk, log->dir, false, NULL, &walk, fault);
	if (err == LIAISON_OK)
		return fault_set(fault, LIAISON_EXISTS, "there are segments of a log in %s already", log->dir);
	if (err != LIAISON_NOT_FOUND)
		return err;
	segment_name(0, name);
	err = log_file(log, name, path, fault);
	if (err != LIAISON_OK)
		return err;
	int result = disk_unlink(log->disk, path);
	if (result < 0)
		return fault_errno(fault, LIAISON_IO, -result, "cannot remove %s", path);
	return LIAISON_OK;
}

static enum liaison_err
write_epoch_file(const struct log *log, const struct epoch *epoch, struct fault *fault)
{
	char path[DISK_PATH_BYTES], new_path[DISK_PATH_BYTES], text[LOG_EPOCH_TEXT_BYTES];
	int result = 0, error = 0;

	enum liaison_err err = log_file(log, LOG_EPOCH_FILE, path, fault);
	if (err == LIAISON_OK)
		err = log_file(log, LOG_EPOCH_NEW_FILE, new_path, fault);
	if (err != LIAISON_OK)
		return err;
	int handle = disk_open(log->disk, new_path, DISK_CREATE);
	if (handle == -EEXIST && disk_unlink(log->disk, new_path) == 0)
		handle = disk_open(log->disk, new_path, DISK_CREATE);
	if (handle < 0)
		return fault_errno(fault, LIAISON_IO, -handle, "cannot make %s", new_path);
	log_epoch_text(epoch, text);
	if (disk_write_all(log->disk, handle, text, strlen(text), 0, &error) != LIAISON_OK)
		result = -error;
	if (result == 0)
		result = disk_sync(log->disk, handle);
	disk_close(log->disk, handle);
	if (result == 0)
		result = disk_rename_new(log->disk, new_path, path);
	if (result == 0)
		result = disk_sync_dir(log->disk, log->dir);
	if (result < 0)
		return fault_errno(fault, LIAISON_IO, -result, "cannot write %s", path);
	return LIAISON_OK;
}

enum liaison_err
log_create(const struct log_options *options, const struct epoch *epoch, struct fault *fault)
{
	struct log *log = log_new(options);
	if (log == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory to make the log");
	merkle_frontier_init(&log->frontier);
	enum liaison_err err = make_folder(log, fault);
	if (err == LIAISON_OK)
		err = disk_lock_dir(log->disk, log->dir, &log->lock, fault);
	if (err == LIAISON_OK)
		err = clear_unfinished(log, fault);
	if (err == LIAISON_OK)
		err = log_start_segment(log, 0, epoch, fault);
	if (err == LIAISON_OK)
		err = write_epoch_file(log, epoch, fault);
	log_close(log);
	return err;
}

/* --- opening --------------------------------------------------------------------------------------------------------- */

/*
 * Makes sure that what will be read of the last segment is what the medium holds. A process that was killed leaves
 * written pages that were never synced; one that met a failed sync leaves pages that the kernel takes for clean although
 * they never reached the medium.
 */
static enum liaison_err
settle_last_segment(struct log *log, struct fault *fault)
{
	char path[DISK_PATH_BYTES], name[SEGMENT_NAME_BYTES];
	uint64_t *indexes = NULL;
	size_t count = 0;

	enum liaison_err err = log_list_segments(log->disk, log->dir, &indexes, &count, fault);
	if (err == LIAISON_OK && count > 0)
		segment_name(indexes[count - 1], name);
	free(indexes);
	if (err != LIAISON_OK || count == 0)
		return err;
	err = log_file(log, name, path, fault);
	if (err != LIAISON_OK)
		return err;
	log->handle = disk_open(log->disk, path, DISK_READ_WRITE);
	if (log->handle < 0)
		return fault_errno(fault, LIAISON_IO, -log->handle, "cannot open %s", path);
	int result = disk_sync_dir(log->disk, log->dir);
	if (result < 0)
		return fault_errno(fault, LIAISON_IO, -result, "cannot sync the folder %s", log->dir);
	result = disk_sync(log->disk, log->handle);
	if (result < 0)
		return fault_errno(fault, LIAISON_IO, -result, "cannot sync %s", path);
	log->disk->ops->forget_cached(log->disk->arg, log->handle);
	return LIAISON_OK;
}

/* Cuts what was never acknowledged, and makes both copies of the last trailer whole (segment.h). */
static enum liaison_err
repair_tail(struct log *log, const struct segment_summary *summary, struct fault *fault)
{
	int error = 0;

	if (summary->torn_end == summary->end_offset && summary->bad_trailer_copies == 0)
		return LIAISON_OK;
	memset(log->buffer, 0, LOG_ZEROS_BYTES);
	for (uint64_t at = summary->end_offset; error == 0 && at < summary->torn_end; at += LOG_ZEROS_BYTES) {
		uint64_t left = summary->torn_end - at;
		if (disk_write_all(log->disk, log->handle, log->buffer, left < LOG_ZEROS_BYTES ? left : LOG_ZEROS_BYTES,
			    at, &error) != LIAISON_OK)
			break;
	}
	for (unsigned copy = 0; error == 0 && copy < 2; copy++) {
		if ((summary->bad_trailer_copies & 1U << copy) == 0)
			continue;
		segment_trailer_encode(&log->segment, &summary->trailer, copy, log->buffer);
		if (disk_write_all(log->disk, log->handle, log->buffer, SEGMENT_BLOCK,
			    segment_trailer_offset(&summary->trailer) + copy * SEGMENT_BLOCK, &error) != LIAISON_OK)
			break;
	}
	if (error == 0)
		error = -disk_data_sync(log->disk, log->handle);
	if (error != 0)
		return fault_errno(fault, LIAISON_IO, error, "cannot repair the end of the log in %s", log->dir);
	return LIAISON_OK;
}

static void
set_read_only(struct log *log, const struct log_report *report)
{
	char text[LIAISON_FAULT_BYTES / 2];

	log_finding_text(&report->damage, text, sizeof text);
	log->is_read_only = true;
	fault_set(&log->why_read_only, LIAISON_CORRUPT,
		"the log is damaged (%llu places) and takes nothing more; what is whole is served. %s/%s",
		(unsigned long long)report->damages, log->dir, text);
}

enum liaison_err
log_open(const struct log_options *options, const struct log_visitor *visitor, struct log **out,
	struct log_report *report, struct fault *fault)
{
	struct log_walk_result walk;
	struct log *log = log_new(options);
	if (log == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory to open the log");
	enum liaison_err err = disk_lock_dir(log->disk, log->dir, &log->lock, fault);
	if (err == LIAISON_OK)
		err = settle_last_segment(log, fault);
	if (err == LIAISON_OK)
		err = log_walk(log->disk, log->dir, false, visitor, &walk, fault);
	if (err != LIAISON_OK)
		goto out;
	log->segment = walk.last_header;
	log->segment.epoch = walk.report.epoch;
	log->end_offset = walk.last_summary.end_offset;
	log->frontier = walk.frontier;
	log->durable = walk.report.head;
	if (walk.report.damages > 0)
		set_read_only(log, &walk.report);
	else
		err = repair_tail(log, &walk.last_summary, fault);
	if (err != LIAISON_OK)
		goto out;
	*report = walk.report;
	*out = log;
	return LIAISON_OK;
out:
	log_close(log);
	return err;
}

enum liaison_err
log_verify(const struct disk *disk, const char *dir, const struct log_visitor *visitor, struct log_report *report,
	struct fault *fault)
{
	struct log_walk_result walk;
	int lock = -1;

	/* A medium that cannot be written to cannot have a broker at work either. */
	enum liaison_err err = disk_lock_dir(disk, dir, &lock, fault);
	if (err == LIAISON_BUSY || err == LIAISON_NOT_FOUND)
		return err;
	err = log_walk(disk, dir, true, visitor, &walk, fault);
	if (err == LIAISON_OK)
		*report = walk.report;
	disk_close(disk, lock);
	return err;
}
