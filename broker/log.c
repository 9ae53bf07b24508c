#include "broker/log_internal.h"

#include "broker/log_folder.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

uint64_t
log_block_up(uint64_t offset)
{
	return (offset + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
}

/* --- failing -------------------------------------------------------------------------------------------------------- */

enum liaison_err
log_fail(struct log *log, int error, const char *what, const char *name, struct fault *fault)
{
	enum liaison_err err = fault_errno(&log->why_read_only, LIAISON_IO, error,
		"%s %s/%s failed, so the log takes nothing more until the broker is started again", what, log->dir,
		name);

	log->is_read_only = true;
	if (fault != NULL)
		*fault = log->why_read_only;
	return err;
}

static enum liaison_err
fail_segment(struct log *log, int error, const char *what, struct fault *fault)
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(log->segment.before.size, name);
	return log_fail(log, error, what, name, fault);
}

enum liaison_err
log_refuse(const struct log *log, struct fault *fault)
{
	if (fault != NULL)
		*fault = log->why_read_only;
	return fault_set(fault, LIAISON_READ_ONLY, "%s", log->why_read_only.message);
}

/* --- making a segment ----------------------------------------------------------------------------------------------- */

enum liaison_err
log_file(const struct log *log, const char *name, char *path, struct fault *fault)
{
	if (disk_path(path, log->dir, name) != LIAISON_OK)
		return fault_set(fault, LIAISON_IO, "the name of the folder %.200s... is too long", log->dir);
	return LIAISON_OK;
}

enum liaison_err
log_start_segment(struct log *log, uint64_t number, const struct epoch *epoch, struct fault *fault)
{
	struct segment_header header = {.bytes = log->segment_bytes,
		.epoch = *epoch,
		.number = number,
		.before = log->frontier,
		.before_at = log->durable.at_ms};

	assert(!log->is_pending);
	enum liaison_err err = log_spare_finish(log, fault);
	if (err != LIAISON_OK)
		return err;
	rng_fill(log->rng, header.key, sizeof header.key);
	err = log_spare_name(log, &header, fault);
	if (err != LIAISON_OK)
		return err;
	disk_close(log->disk, log->handle);
	log->handle = log->spare;
	log->spare = -1;
	log->spare_bytes = 0;
	log->spare_has_no_room = false;
	log->segment = header;
	log->end_offset = SEGMENT_HEADER_BYTES;
	return LIAISON_OK;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

static void
put_pending_trailer(struct log *log, int64_t now_ms, uint8_t *out)
{
	log->pending.at_ms = now_ms > log->durable.at_ms ? now_ms : log->durable.at_ms;
	for (unsigned copy = 0; copy < 2; copy++)
		segment_trailer_encode(&log->segment, &log->pending, copy, out + copy * SEGMENT_BLOCK);
}

static void
settle_pending(struct log *log)
{
	log->is_pending = false;
	log->durable = (struct log_head){log->pending.last_index + 1, log->pending.root, log->pending.at_ms};
}

static enum liaison_err
write_and_sync(struct log *log, size_t len, struct fault *fault)
{
	int error = 0;

	if (disk_write_all(log->disk, log->handle, log->buffer, len, log->end_offset, &error) != LIAISON_OK)
		return fail_segment(log, error, "writing", fault);
	int result = disk_data_sync(log->disk, log->handle);
	if (result < 0)
		return fail_segment(log, -result, "syncing", fault);
	log->end_offset += len;
	return LIAISON_OK;
}

enum liaison_err
log_flush(struct log *log, int64_t now_ms, struct fault *fault)
{
	if (log->is_read_only)
		return log_refuse(log, fault);
	if (!log->is_pending)
		return LIAISON_OK;
	put_pending_trailer(log, now_ms, log->buffer);
	enum liaison_err err = write_and_sync(log, SEGMENT_TRAILER_BYTES, fault);
	if (err == LIAISON_OK)
		settle_pending(log);
	return err;
}

uint64_t
log_group_bytes_max(const struct log *log)
{
	uint64_t room = log->segment_bytes - SEGMENT_HEADER_BYTES - SEGMENT_TRAILER_BYTES;

	return room < GROUP_BYTES_MAX ? room : GROUP_BYTES_MAX;
}

static enum liaison_err
check_group(
	const struct log *log, const struct record *records, size_t count, uint64_t *group_bytes, struct fault *fault)
{
	uint64_t bytes = 0;

	if (count == 0 || count > GROUP_RECORDS_MAX)
		return fault_set(fault, count == 0 ? LIAISON_MALFORMED : LIAISON_TOO_LARGE,
			"a group of %zu records; it can have 1 to %d", count, GROUP_RECORDS_MAX);
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &records[i];
		if (!record_type_is_known((uint8_t)record->type) || record->header_len == 0)
			return fault_set(fault, LIAISON_MALFORMED, "a record without a header or of no known type");
		if (record->header_len > RECORD_HEADER_MAX || record->payload_len > RECORD_PAYLOAD_MAX)
			return fault_set(fault, LIAISON_TOO_LARGE,
				"a record of %zu + %zu bytes; its limits are %d + %d", record->header_len,
				record->payload_len, RECORD_HEADER_MAX, RECORD_PAYLOAD_MAX);
		bytes += record_bytes(record->header_len, record->payload_len);
	}
	if (bytes > log_group_bytes_max(log))
		return fault_set(fault, LIAISON_TOO_LARGE, "a group of %llu bytes; it can have %llu",
			(unsigned long long)bytes, (unsigned long long)log_group_bytes_max(log));
	*group_bytes = bytes;
	return LIAISON_OK;
}

/* Puts the group into the buffer at `at`, to stand at `offset` of the segment, and its leaves into the tree. */
static void
put_group(struct log *log, const struct record *records, size_t count, uint8_t *at, uint64_t offset,
	struct log_location *locations)
{
	struct segment_trailer *trailer = &log->pending;
	const uint64_t group_offset = offset, first_index = log->frontier.size;

	for (size_t i = 0; i < count; i++) {
		struct digest leaf;
		size_t bytes = record_bytes(records[i].header_len, records[i].payload_len);
		record_encode(&log->segment, &records[i], first_index + i, offset, i + 1 == count, at, &leaf);
		merkle_frontier_append(&log->frontier, &leaf);
		if (locations != NULL)
			locations[i] = (struct log_location){log->segment.before.size, offset, (uint32_t)bytes};
		at += bytes;
		offset += bytes;
	}
	memset(at, 0, log_block_up(offset) - offset);
	trailer->group_offset = group_offset;
	trailer->group_bytes = (uint32_t)(offset - group_offset);
	trailer->count = (uint32_t)count;
	trailer->first_index = first_index;
	trailer->last_index = first_index + count - 1;
	merkle_frontier_root(&log->frontier, &trailer->root);
}

enum liaison_err
log_append(struct log *log, const struct record *records, size_t count, int64_t now_ms, struct log_location *locations,
	struct fault *fault)
{
	uint64_t group_bytes = 0;

	if (log->is_read_only)
		return log_refuse(log, fault);
	enum liaison_err err = check_group(log, records, count, &group_bytes, fault);
	if (err != LIAISON_OK)
		return err;
	err = log_spare_keep_pace(log, fault);
	if (err != LIAISON_OK)
		return err;
	size_t used = log->is_pending ? SEGMENT_TRAILER_BYTES : 0;
	if (log->end_offset + used + log_block_up(group_bytes) + SEGMENT_TRAILER_BYTES > log->segment.bytes) {
		err = log_flush(log, now_ms, fault);
		if (err == LIAISON_OK)
			err = log_start_segment(log, log->segment.number + 1, &log->segment.epoch, fault);
		if (err != LIAISON_OK)
			return err;
		used = 0;
	}
	if (used > 0)
		put_pending_trailer(log, now_ms, log->buffer);
	struct log_head before = {log->pending.last_index + 1, log->pending.root, log->pending.at_ms};
	put_group(log, records, count, log->buffer + used, log->end_offset + used, locations);
	err = write_and_sync(log, used + log_block_up(group_bytes), fault);
	if (err != LIAISON_OK)
		return err;
	if (used > 0)
		log->durable = before;
	log->is_pending = true;
	return LIAISON_OK;
}

struct log_head
log_durable(const struct log *log)
{
	return log->durable;
}

uint64_t
log_next_index(const struct log *log)
{
	return log->frontier.size;
}

struct epoch
log_epoch(const struct log *log)
{
	return log->segment.epoch;
}

bool
log_is_read_only(const struct log *log)
{
	return log->is_read_only;
}
