#include "broker/log_walk.h"

#include "broker/log_folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_CHUNK_BYTES (UINT64_C(1) << 20)

/* --- the walk ------------------------------------------------------------------------------------------------------- */

struct walker {
	const struct disk *disk;
	const char *dir;
	bool thorough;
	const struct log_visitor *visitor;
	struct log_walk_result *result;
	struct fault *fault;

	uint64_t *indexes; /* what the names say; those that are left out are moved out of it */
	size_t count;
	uint8_t *bytes; /* the segment that is being walked */
	size_t cap;
	uint64_t segment; /* its first index */
	char file[LOG_FINDING_FILE_BYTES];
	uint64_t next_visit;    /* the index that the visitor has not had yet */
	bool frontier_is_known; /* false from a lost leaf to the next header */
	uint64_t next_index;    /* after all that was walked */
};

static enum liaison_err
report(struct walker *walker, const char *file, struct segment_finding at)
{
	struct log_report *sums = &walker->result->report;
	struct log_finding finding = {.at = at};

	snprintf(finding.file, sizeof finding.file, "%s", file);
	sums->lost += at.lost;
	switch (at.kind) {
	case FINDING_NOTE: sums->notes++; break;
	case FINDING_TORN: sums->torn++; break;
	case FINDING_DAMAGE:
		if (sums->damages++ == 0)
			sums->damage = finding;
		break;
	}
	if (walker->visitor->on_finding != NULL)
		walker->visitor->on_finding(walker->visitor->arg, &finding);
	return LIAISON_OK;
}

static enum liaison_err
report_damage(struct walker *walker, const char *file, uint64_t offset, uint64_t bytes, const char *what)
{
	return report(walker, file, (struct segment_finding){FINDING_DAMAGE, offset, bytes, 0, 0, what});
}

static enum liaison_err
on_finding(void *arg, const struct segment_finding *finding)
{
	struct walker *walker = arg;

	return report(walker, walker->file, *finding);
}

/* The visitor has every index once: those of which nothing is left, too. */
static enum liaison_err
visit_lost(struct walker *walker, uint64_t until_index)
{
	enum liaison_err err = LIAISON_OK;

	for (; err == LIAISON_OK && walker->next_visit < until_index; walker->next_visit++) {
		const struct stored_record lost = {.index = walker->next_visit, .damage = RECORD_LOST};
		walker->result->report.leaves_lost++;
		if (walker->visitor->on_record != NULL)
			err = walker->visitor->on_record(walker->visitor->arg, &lost, &(struct log_location){0});
	}
	return err;
}

static enum liaison_err
on_record(void *arg, const struct stored_record *record)
{
	struct walker *walker = arg;
	struct merkle_frontier *frontier = &walker->result->frontier;
	struct digest leaf;
	enum liaison_err err = visit_lost(walker, record->index);

	if (err != LIAISON_OK)
		return err;
	walker->next_visit = record->index + 1;
	if (frontier->size != record->index)
		walker->frontier_is_known = false;
	if (walker->frontier_is_known)
		merkle_frontier_append(frontier, &record->leaf);
	if (record->damage == 0)
		walker->result->report.records++;
	if (walker->thorough && (record->damage & RECORD_HEADER_DAMAGED) == 0) {
		log_leaf(record->record.type, record->record.header, record->record.header_len, &leaf);
		if (!digest_equal(&leaf, &record->leaf))
			err = report_damage(walker, walker->file, record->offset, record->bytes,
				"the leaf hash of a record is not that of its header");
	}
	if (err == LIAISON_OK && walker->visitor->on_record != NULL)
		err = walker->visitor->on_record(walker->visitor->arg, record,
			&(struct log_location){walker->segment, record->offset, (uint32_t)record->bytes});
	return err;
}

static enum liaison_err
check_root(struct walker *walker, const struct segment_trailer *trailer)
{
	struct digest root;

	if (!walker->frontier_is_known || walker->result->frontier.size != trailer->last_index + 1)
		return LIAISON_OK;
	merkle_frontier_root(&walker->result->frontier, &root);
	if (digest_equal(&root, &trailer->root))
		return LIAISON_OK;
	return report_damage(walker, walker->file, segment_trailer_offset(trailer), SEGMENT_TRAILER_BYTES,
		"the root in a trailer is not that of the records");
}

static enum liaison_err
on_group(void *arg, const struct segment_trailer *trailer)
{
	struct walker *walker = arg;

	return walker->thorough ? check_root(walker, trailer) : LIAISON_OK;
}

static enum liaison_err
open_segment(struct walker *walker, uint64_t first_index, int *handle, uint64_t *len)
{
	char path[DISK_PATH_BYTES];

	walker->segment = first_index;
	segment_name(first_index, walker->file);
	if (disk_path(path, walker->dir, walker->file) != LIAISON_OK)
		return fault_set(
			walker->fault, LIAISON_IO, "the name of the folder %.200s... is too long", walker->dir);
	int opened = disk_open(walker->disk, path, DISK_READ);
	if (opened < 0)
		return fault_errno(walker->fault, LIAISON_IO, -opened, "cannot open %s", path);
	int sized = disk_size(walker->disk, opened, len);
	if (sized < 0) {
		disk_close(walker->disk, opened);
		return fault_errno(walker->fault, LIAISON_IO, -sized, "cannot tell the size of %s", path);
	}
	*handle = opened;
	return LIAISON_OK;
}

/*
 * Reads [0, len) of a file. What the medium does not give back is read as zeros, block by block, and reported: a bad
 * sector must not keep the rest from being served.
 */
static enum liaison_err
read_file(struct walker *walker, int handle, uint8_t *out, uint64_t len)
{
	int error = 0;

	for (uint64_t at = 0; at < len; at += READ_CHUNK_BYTES) {
		uint64_t chunk = len - at < READ_CHUNK_BYTES ? len - at : READ_CHUNK_BYTES;
		if (disk_read_all(walker->disk, handle, out + at, chunk, at, &error) == LIAISON_OK)
			continue;
		for (uint64_t block = at; block < at + chunk; block += SEGMENT_BLOCK) {
			uint64_t part = at + chunk - block < SEGMENT_BLOCK ? at + chunk - block : SEGMENT_BLOCK;
			if (disk_read_all(walker->disk, handle, out + block, part, block, &error) == LIAISON_OK)
				continue;
			memset(out + block, 0, part);
			enum liaison_err err =
				report_damage(walker, walker->file, block, part, "the operating system cannot read it");
			if (err != LIAISON_OK)
				return err;
		}
	}
	return LIAISON_OK;
}

static enum liaison_err
reserve(struct walker *walker, uint64_t len)
{
	if (len <= walker->cap)
		return LIAISON_OK;
	free(walker->bytes);
	walker->cap = 0;
	walker->bytes = malloc(len);
	if (walker->bytes == NULL)
		return fault_set(walker->fault, LIAISON_NO_MEMORY, "no memory to read %s", walker->file);
	walker->cap = len;
	return LIAISON_OK;
}

/* Reads and judges a header. *usable says whether the segment is one of this log's and in its place. */
static enum liaison_err
read_header(struct walker *walker, uint64_t first_index, const struct epoch *epoch, struct segment_header *header,
	bool *usable, bool loudly)
{
	uint8_t bytes[SEGMENT_HEADER_BYTES] = {0};
	unsigned bad_copies = 0;
	uint64_t len;
	int handle, error;

	*usable = false;
	enum liaison_err err = open_segment(walker, first_index, &handle, &len);
	if (err != LIAISON_OK)
		return err;
	for (uint64_t at = 0; at + SEGMENT_BLOCK <= len && at < sizeof bytes; at += SEGMENT_BLOCK)
		if (disk_read_all(walker->disk, handle, bytes + at, SEGMENT_BLOCK, at, &error) != LIAISON_OK)
			memset(bytes + at, 0, SEGMENT_BLOCK);
	disk_close(walker->disk, handle);
	err = segment_header_parse(bytes, header, &bad_copies);
	if (err == LIAISON_UNSUPPORTED_VERSION)
		return fault_set(walker->fault, err, "%s/%s was written by a later version of Liaison; use that one",
			walker->dir, walker->file);
	const char *what = NULL;
	if (err != LIAISON_OK)
		what = "the segment's header is bad in both copies";
	else if (epoch != NULL && memcmp(epoch->bytes, header->epoch.bytes, EPOCH_BYTES) != 0)
		what = "the segment belongs to another log or epoch";
	else if (header->before.size != first_index)
		what = "the segment's header names another first record than its file name does";
	*usable = what == NULL;
	if (!loudly)
		return LIAISON_OK;
	if (what != NULL)
		return report_damage(walker, walker->file, 0, SEGMENT_HEADER_BYTES, what);
	if (bad_copies > 0)
		return report(walker, walker->file,
			(struct segment_finding){FINDING_NOTE, 0, SEGMENT_HEADER_BYTES, 0, 0,
				"one copy of the segment's header is bad, the other is whole"});
	return LIAISON_OK;
}

/* Without the epoch file, the epoch that most segments are of (Boyer and Moore's vote). */
static enum liaison_err
vote_epoch(struct walker *walker, struct epoch *epoch)
{
	struct segment_header header;
	size_t votes = 0;

	memset(epoch, 0, sizeof *epoch);
	for (size_t i = 0; i < walker->count; i++) {
		bool usable;
		enum liaison_err err = read_header(walker, walker->indexes[i], NULL, &header, &usable, false);
		if (err != LIAISON_OK)
			return err;
		if (!usable)
			continue;
		if (votes == 0)
			*epoch = header.epoch;
		bool same = memcmp(epoch->bytes, header.epoch.bytes, EPOCH_BYTES) == 0;
		votes = same ? votes + 1 : votes - 1;
	}
	return LIAISON_OK;
}

/* Settles the epoch and leaves out the segments that are not usable. *epoch_missing: the file was never made. */
static enum liaison_err
sort_out(struct walker *walker, bool *epoch_missing)
{
	struct epoch *epoch = &walker->result->report.epoch;
	struct segment_header header;
	size_t kept = 0;

	enum liaison_err err = log_epoch_read(walker->disk, walker->dir, epoch, walker->fault);
	*epoch_missing = err == LIAISON_NOT_FOUND;
	if (err != LIAISON_OK && err != LIAISON_NOT_FOUND && err != LIAISON_CORRUPT)
		return err;
	if (err != LIAISON_OK) {
		const char *what = *epoch_missing ? "the file is missing" : "the file is not as written";
		err = report_damage(walker, LOG_EPOCH_FILE, 0, 0, what);
		if (err == LIAISON_OK)
			err = vote_epoch(walker, epoch);
	}
	for (size_t i = 0; err == LIAISON_OK && i < walker->count; i++) {
		bool usable;
		err = read_header(walker, walker->indexes[i], epoch, &header, &usable, true);
		if (err == LIAISON_OK && usable)
			walker->indexes[kept++] = walker->indexes[i];
	}
	walker->count = kept;
	return err;
}

/* Whether the segment goes on where the walk has come to; reports what lies between. */
static enum liaison_err
check_chain(struct walker *walker, const struct segment_header *header, bool *continues)
{
	struct merkle_frontier *frontier = &walker->result->frontier;
	struct digest ours, theirs;

	*continues = true;
	if (header->before.size > walker->next_index) {
		char missing[LOG_FINDING_FILE_BYTES];
		segment_name(walker->next_index, missing);
		enum liaison_err err = report(walker, missing,
			(struct segment_finding){FINDING_DAMAGE, 0, 0, walker->next_index,
				header->before.size - walker->next_index,
				"this segment, or the end of the one before it, is missing"});
		if (err != LIAISON_OK)
			return err;
	} else if (walker->frontier_is_known && frontier->size == header->before.size) {
		merkle_frontier_root(frontier, &ours);
		merkle_frontier_root(&header->before, &theirs);
		*continues = digest_equal(&ours, &theirs);
		if (!*continues)
			return report_damage(walker, walker->file, 0, SEGMENT_HEADER_BYTES,
				"the segment does not continue the records of those before it");
	}
	*frontier = header->before;
	walker->frontier_is_known = true;
	return LIAISON_OK;
}

static enum liaison_err
walk_segment(struct walker *walker, uint64_t first_index, uint64_t until_index)
{
	const struct segment_visitor visitor = {
		.on_record = on_record, .on_group = on_group, .on_finding = on_finding, .arg = walker};
	struct log_walk_result *result = walker->result;
	struct segment_header header;
	struct segment_summary summary;
	bool usable, continues = false;
	uint64_t len = 0;
	int handle = -1;

	enum liaison_err err = read_header(walker, first_index, NULL, &header, &usable, false);
	if (err == LIAISON_OK && !usable)
		err = report_damage(
			walker, walker->file, 0, SEGMENT_HEADER_BYTES, "the header could not be read again");
	else if (err == LIAISON_OK)
		err = check_chain(walker, &header, &continues);
	if (err != LIAISON_OK || !continues)
		return err;
	err = reserve(walker, header.bytes);
	if (err == LIAISON_OK)
		err = open_segment(walker, first_index, &handle, &len);
	if (err == LIAISON_OK && len != header.bytes)
		err = report_damage(walker, walker->file, len < header.bytes ? len : header.bytes,
			len < header.bytes ? header.bytes - len : len - header.bytes,
			len < header.bytes ? "the file was cut off" : "the file is longer than its header says");
	uint64_t there = len < header.bytes ? len : header.bytes;
	if (err == LIAISON_OK)
		err = read_file(walker, handle, walker->bytes, there);
	disk_close(walker->disk, handle);
	if (err != LIAISON_OK)
		return err;
	memset(walker->bytes + there, 0, header.bytes - there);
	err = segment_walk(&header, walker->bytes, header.bytes, until_index, &visitor, &summary);
	if (err == LIAISON_OK && summary.has_trailer)
		err = check_root(walker, &summary.trailer);
	walker->next_index = summary.next_index;
	result->report.segments++;
	result->last_header = header;
	result->last_summary = summary;
	return err;
}

/* The last state of the tree that can be proven: all records, or as many as the last trailer speaks of. */
static void
set_head(const struct walker *walker)
{
	struct log_walk_result *result = walker->result;
	const struct segment_summary *summary = &result->last_summary;
	struct log_head *head = &result->report.head;

	head->at_ms = summary->has_trailer ? summary->trailer.at_ms : result->last_header.before_at;
	if (!summary->has_trailer || (walker->frontier_is_known && result->frontier.size == walker->next_index)) {
		head->size = result->frontier.size;
		merkle_frontier_root(&result->frontier, &head->root);
	} else {
		head->size = summary->trailer.last_index + 1;
		head->root = summary->trailer.root;
	}
}

enum liaison_err
log_walk(const struct disk *disk, const char *dir, bool thorough, const struct log_visitor *visitor,
	struct log_walk_result *result, struct fault *fault)
{
	static const struct log_visitor nobody;
	struct walker walker = {.disk = disk,
		.dir = dir,
		.thorough = thorough,
		.visitor = visitor != NULL ? visitor : &nobody,
		.result = result,
		.fault = fault};
	bool epoch_missing = false;

	memset(result, 0, sizeof *result);
	enum liaison_err err = log_list_segments(disk, dir, &walker.indexes, &walker.count, fault);
	if (err == LIAISON_OK)
		err = sort_out(&walker, &epoch_missing);
	for (size_t i = 0; err == LIAISON_OK && i < walker.count; i++)
		err = walk_segment(
			&walker, walker.indexes[i], i + 1 < walker.count ? walker.indexes[i + 1] : SEGMENT_IS_LAST);
	if (err == LIAISON_OK)
		err = visit_lost(&walker, walker.next_index);
	if (err == LIAISON_OK)
		set_head(&walker);
	if (err == LIAISON_OK && epoch_missing && result->report.segments <= 1 && walker.next_index == 0)
		err = fault_set(fault, LIAISON_NOT_FOUND, "there is no log in %s, or it was never completed", dir);
	else if (err == LIAISON_OK && result->report.segments == 0 && result->report.damages == 0)
		err = report_damage(&walker, "segment-00000000000000000000", 0, 0, "the file is missing");
	free(walker.indexes);
	free(walker.bytes);
	return err;
}

void
log_finding_text(const struct log_finding *finding, char *out, size_t len)
{
	const struct segment_finding *at = &finding->at;

	int used = snprintf(out, len, "%s: at byte %" PRIu64, finding->file, at->offset);
	if (used >= 0 && (size_t)used < len && at->bytes > 0)
		used += snprintf(out + used, len - (size_t)used, " (%" PRIu64 " bytes)", at->bytes);
	if (used >= 0 && (size_t)used < len)
		used += snprintf(out + used, len - (size_t)used, ": %s", at->what);
	if (used < 0 || (size_t)used >= len || at->lost == 0)
		return;
	if (at->lost == 1)
		snprintf(out + used, len - (size_t)used, "; record %" PRIu64 " is lost", at->first_index);
	else
		snprintf(out + used, len - (size_t)used, "; records %" PRIu64 " to %" PRIu64 " are lost",
			at->first_index, at->first_index + at->lost - 1);
}
