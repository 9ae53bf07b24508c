#include "broker/log_reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_BYTES (UINT64_C(1) << 20) /* more than a greatest record */

struct open_segment {
	int handle; /* -1: this place is free */
	uint64_t used_at;
	struct segment_header header;
};

struct log_reader {
	const struct disk *disk;
	char *dir;
	struct epoch epoch;
	struct open_segment segments[LOG_READER_SEGMENTS];
	uint64_t uses;
	uint8_t *window; /* WINDOW_BYTES: bytes of one segment, read last */
};

struct log_reader *
log_reader_new(const struct disk *disk, const char *dir, const struct epoch *epoch)
{
	struct log_reader *reader = calloc(1, sizeof *reader);

	if (reader == NULL)
		return NULL;
	reader->disk = disk;
	reader->epoch = *epoch;
	for (size_t i = 0; i < LOG_READER_SEGMENTS; i++)
		reader->segments[i].handle = -1;
	reader->dir = strdup(dir);
	reader->window = malloc(WINDOW_BYTES);
	if (reader->dir == NULL || reader->window == NULL) {
		log_reader_free(reader);
		return NULL;
	}
	return reader;
}

void
log_reader_free(struct log_reader *reader)
{
	if (reader == NULL)
		return;
	for (size_t i = 0; i < LOG_READER_SEGMENTS; i++)
		disk_close(reader->disk, reader->segments[i].handle);
	free(reader->window);
	free(reader->dir);
	free(reader);
}

/* --- segments -------------------------------------------------------------------------------------------------------- */

static enum liaison_err
corrupt(const struct log_reader *reader, uint64_t segment, uint64_t offset, const char *what, struct fault *fault)
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(segment, name);
	return fault_set(fault, LIAISON_CORRUPT, "%s/%s: at byte %" PRIu64 ": %s; run liaisond --verify", reader->dir,
		name, offset, what);
}

static struct open_segment *
least_used(struct log_reader *reader)
{
	struct open_segment *best = &reader->segments[0];

	for (size_t i = 0; i < LOG_READER_SEGMENTS; i++) {
		struct open_segment *at = &reader->segments[i];
		if (at->handle < 0)
			return at;
		if (at->used_at < best->used_at)
			best = at;
	}
	return best;
}

static enum liaison_err
open_segment(struct log_reader *reader, uint64_t first_index, struct open_segment **out, struct fault *fault)
{
	char path[DISK_PATH_BYTES], name[SEGMENT_NAME_BYTES];
	uint8_t bytes[SEGMENT_HEADER_BYTES];
	struct segment_header header;
	unsigned bad_copies;
	int error = 0;

	segment_name(first_index, name);
	if (disk_path(path, reader->dir, name) != LIAISON_OK)
		return fault_set(fault, LIAISON_IO, "the name of the folder %.200s... is too long", reader->dir);
	int handle = disk_open(reader->disk, path, DISK_READ);
	if (handle == -ENOENT)
		return corrupt(reader, first_index, 0, "the file is missing", fault);
	if (handle < 0)
		return fault_errno(fault, LIAISON_IO, -handle, "cannot open %s", path);
	if (disk_read_all(reader->disk, handle, bytes, sizeof bytes, 0, &error) != LIAISON_OK) {
		disk_close(reader->disk, handle);
		return fault_errno(fault, LIAISON_IO, error, "cannot read %s", path);
	}
	if (segment_header_parse(bytes, &header, &bad_copies) != LIAISON_OK || header.before.size != first_index ||
		memcmp(header.epoch.bytes, reader->epoch.bytes, EPOCH_BYTES) != 0) {
		disk_close(reader->disk, handle);
		return corrupt(reader, first_index, 0, "not the header of this segment of this log", fault);
	}
	struct open_segment *at = least_used(reader);
	disk_close(reader->disk, at->handle);
	*at = (struct open_segment){.handle = handle, .header = header};
	*out = at;
	return LIAISON_OK;
}

static enum liaison_err
find_segment(struct log_reader *reader, uint64_t first_index, struct open_segment **out, struct fault *fault)
{
	for (size_t i = 0; i < LOG_READER_SEGMENTS; i++) {
		struct open_segment *at = &reader->segments[i];
		if (at->handle >= 0 && at->header.before.size == first_index) {
			at->used_at = ++reader->uses;
			*out = at;
			return LIAISON_OK;
		}
	}
	enum liaison_err err = open_segment(reader, first_index, out, fault);
	if (err == LIAISON_OK)
		(*out)->used_at = ++reader->uses;
	return err;
}

/* Fills the window with [offset, offset + want) of the segment, or up to its end. */
static enum liaison_err
read_window(struct log_reader *reader, const struct open_segment *segment, uint64_t offset, uint64_t want, size_t *len,
	struct fault *fault)
{
	char name[SEGMENT_NAME_BYTES];
	int error = 0;

	if (offset >= segment->header.bytes)
		want = 0;
	else if (want > segment->header.bytes - offset)
		want = segment->header.bytes - offset;
	if (disk_read_all(reader->disk, segment->handle, reader->window, want, offset, &error) != LIAISON_OK) {
		segment_name(segment->header.before.size, name);
		if (error == 0)
			return corrupt(reader, segment->header.before.size, offset, "the file ends too early", fault);
		return fault_errno(
			fault, LIAISON_IO, error, "cannot read %s/%s at byte %" PRIu64, reader->dir, name, offset);
	}
	*len = want;
	return LIAISON_OK;
}

/* --- records --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
check_record(const struct log_reader *reader, const struct segment_header *segment, const uint8_t *bytes, size_t len,
	uint64_t offset, uint64_t index, struct stored_record *record, struct fault *fault)
{
	if (record_parse(segment, bytes, len, offset, record) != LIAISON_OK &&
		record_parse_mended(segment, bytes, len, offset, record) != LIAISON_OK)
		return corrupt(reader, segment->before.size, offset, "there is no whole record", fault);
	if (record->index != index)
		return corrupt(
			reader, segment->before.size, offset, "there is another record than the index says", fault);
	if (record->damage != 0)
		return corrupt(reader, segment->before.size, offset, "the record is not as it was written", fault);
	return LIAISON_OK;
}

enum liaison_err
log_read(struct log_reader *reader, uint64_t index, const struct log_location *location, struct stored_record *record,
	struct fault *fault)
{
	struct open_segment *segment = NULL;
	struct stored_record read;
	size_t len = 0;

	if (location->bytes > record_bytes(RECORD_HEADER_MAX, RECORD_PAYLOAD_MAX))
		return corrupt(
			reader, location->segment, location->offset, "the index names an impossible length", fault);
	enum liaison_err err = find_segment(reader, location->segment, &segment, fault);
	if (err == LIAISON_OK)
		err = read_window(reader, segment, location->offset, location->bytes, &len, fault);
	if (err == LIAISON_OK)
		err = check_record(
			reader, &segment->header, reader->window, len, location->offset, index, &read, fault);
	if (err == LIAISON_OK)
		*record = read;
	return err;
}

/* Where in a run the next record is looked for. */
struct run {
	uint64_t segment;
	uint64_t offset;
	uint64_t index;
	uint64_t until_index;
};

/* Goes on behind `record`: in its group, behind the group's trailer, or in the next segment, which is named by index. */
static void
step(struct run *run, const struct stored_record *record, const struct segment_header *segment)
{
	run->index = record->index + 1;
	run->offset = record->offset + record->bytes;
	if (record->is_last_of_group)
		run->offset = (run->offset + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK + SEGMENT_TRAILER_BYTES;
	if (run->offset >= segment->bytes) {
		run->segment = run->index;
		run->offset = SEGMENT_HEADER_BYTES;
	}
}

/* Whether the window holds zeros where the next group would begin: the rest of a segment that the group did not fit. */
static bool
is_end_of_segment(const uint8_t *bytes, size_t len)
{
	return len >= 4 && memcmp(bytes, "\0\0\0\0", 4) == 0;
}

/* Hands out the records of one window, which starts at run->offset; what it cuts off is left to the next one. */
static enum liaison_err
read_records(const struct log_reader *reader, const struct segment_header *segment, size_t len, struct run *run,
	enum liaison_err (*each)(void *arg, const struct stored_record *record), void *arg, struct fault *fault)
{
	const uint64_t start = run->offset, in_segment = run->segment;
	enum liaison_err err = LIAISON_OK;

	while (err == LIAISON_OK && run->index < run->until_index && run->segment == in_segment) {
		struct stored_record record;
		uint64_t at = run->offset - start;
		if (at > 0 && (at >= len || (len == WINDOW_BYTES && len - at < RECORD_BYTES_MAX + 8)))
			return LIAISON_OK;
		if (is_end_of_segment(reader->window + at, len - at) && run->index != run->segment) {
			run->segment = run->index;
			run->offset = SEGMENT_HEADER_BYTES;
			return LIAISON_OK;
		}
		err = check_record(
			reader, segment, reader->window + at, len - at, run->offset, run->index, &record, fault);
		if (err == LIAISON_OK)
			err = each(arg, &record);
		if (err == LIAISON_OK)
			step(run, &record, segment);
	}
	return err;
}

enum liaison_err
log_read_run(struct log_reader *reader, uint64_t index, const struct log_location *location, uint64_t until_index,
	enum liaison_err (*each)(void *arg, const struct stored_record *record), void *arg, uint64_t *next_index,
	struct fault *fault)
{
	struct run run = {location->segment, location->offset, index, until_index};
	enum liaison_err err = LIAISON_OK;

	while (err == LIAISON_OK && run.index < until_index) {
		struct open_segment *segment = NULL;
		size_t len = 0;
		err = find_segment(reader, run.segment, &segment, fault);
		if (err == LIAISON_OK)
			err = read_window(reader, segment, run.offset, WINDOW_BYTES, &len, fault);
		if (err == LIAISON_OK)
			err = read_records(reader, &segment->header, len, &run, each, arg, fault);
	}
	*next_index = run.index;
	return err;
}
