#include "broker/segment.h"

#include <string.h>

#define RECORD_STEP 8 /* frames stand at multiples of it */
#define BOTH_COPIES 3U

struct walk {
	const struct segment_header *segment;
	const uint8_t *bytes;
	uint64_t len;
	uint64_t until_index;
	const struct segment_visitor *visitor;
	struct segment_summary *summary;
	uint64_t at;         /* where the next group should stand */
	uint64_t next_index; /* and the index of its first record */
};

static bool
is_zero(const uint8_t *bytes, uint64_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

static uint64_t
block_up(uint64_t offset)
{
	return (offset + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
}

static enum liaison_err
report(const struct walk *walk, struct segment_finding finding)
{
	if (walk->visitor->on_finding == NULL)
		return LIAISON_OK;
	return walk->visitor->on_finding(walk->visitor->arg, &finding);
}

static enum liaison_err
visit_record(struct walk *walk, const struct stored_record *record)
{
	static const char stray_text[] = "the space after a record is not empty";
	enum liaison_err err = LIAISON_OK;

	if (record->damage != 0)
		err = report(walk,
			(struct segment_finding){FINDING_DAMAGE, record->offset, record->bytes, record->index, 1,
				record->damage & RECORD_HEADER_DAMAGED ? "the header of a record is not as written"
								       : "the payload of a record is not as written"});
	else if (record->has_stray_bytes)
		err = report(
			walk, (struct segment_finding){FINDING_NOTE, record->offset, record->bytes, 0, 0, stray_text});
	if (err == LIAISON_OK && walk->visitor->on_record != NULL)
		err = walk->visitor->on_record(walk->visitor->arg, record);
	walk->next_index = record->index + 1;
	return err;
}

/* Whether the record that should stand at `at` is there but for one bit of its frame; then it is visited. */
static bool
mend(const struct walk *walk, uint64_t at, uint64_t to, struct stored_record *record)
{
	return record_parse_mended(walk->segment, walk->bytes + at, to - at, at, record) == LIAISON_OK &&
	       record->index == walk->next_index;
}

/*
 * Visits the records up to `last_index` that stand whole in [from, to). Where one is not, looks at each place where a
 * frame may stand: the seal tells a frame from bytes that look like one.
 */
static enum liaison_err
visit_span(struct walk *walk, uint64_t from, uint64_t to, uint64_t last_index)
{
	static const char gap_text[] = "there is no whole record", bit_text[] = "one bit of a record's frame is wrong";
	uint64_t gap = from;
	enum liaison_err err = LIAISON_OK;

	while (err == LIAISON_OK && from < to && walk->next_index <= last_index) {
		struct stored_record record;
		bool found = record_parse(walk->segment, walk->bytes + from, to - from, from, &record) == LIAISON_OK &&
			     record.index >= walk->next_index && record.index <= last_index;
		if (!found && from == gap && mend(walk, from, to, &record)) {
			found = true;
			err = report(walk,
				(struct segment_finding){FINDING_DAMAGE, from, RECORD_FRAME_BYTES, 0, 0, bit_text});
		}
		if (!found) {
			from += RECORD_STEP;
			continue;
		}
		if (gap != from || record.index != walk->next_index)
			err = report(walk, (struct segment_finding){FINDING_DAMAGE, gap, from - gap, walk->next_index,
						   record.index - walk->next_index, gap_text});
		if (err == LIAISON_OK)
			err = visit_record(walk, &record);
		from += record.bytes;
		gap = from;
	}
	if (err == LIAISON_OK && walk->next_index <= last_index) {
		err = report(walk, (struct segment_finding){FINDING_DAMAGE, gap, to - gap, walk->next_index,
					   last_index + 1 - walk->next_index, gap_text});
		walk->next_index = last_index + 1;
	}
	return err;
}

/* --- finding a group's trailer -------------------------------------------------------------------------------------- */

static bool
trailer_at(const struct walk *walk, uint64_t offset, struct segment_trailer *trailer)
{
	unsigned copy;

	return offset + SEGMENT_BLOCK <= walk->len &&
	       segment_trailer_parse(walk->segment, walk->bytes + offset, offset, trailer, &copy) == LIAISON_OK &&
	       trailer->group_offset >= walk->at && trailer->first_index >= walk->next_index;
}

/* Which copies of a trailer that was found are not as written, a bit each. */
static unsigned
bad_copies(const struct walk *walk, const struct segment_trailer *trailer)
{
	unsigned bad = 0;

	for (unsigned copy = 0; copy < 2; copy++) {
		uint8_t block[SEGMENT_BLOCK];
		uint64_t offset = segment_trailer_offset(trailer) + copy * SEGMENT_BLOCK;
		segment_trailer_encode(walk->segment, trailer, copy, block);
		if (offset + SEGMENT_BLOCK > walk->len || memcmp(block, walk->bytes + offset, SEGMENT_BLOCK) != 0)
			bad |= 1U << copy;
	}
	return bad;
}

/*
 * Where the records of the group at walk->at end, by lengths that nobody has verified: good enough to say where to look
 * for a trailer, which is sealed. 0 if they lead nowhere.
 */
static uint64_t
guess_end(const struct walk *walk)
{
	uint64_t at = walk->at;

	while (at + RECORD_FRAME_BYTES <= walk->len && memcmp(walk->bytes + at, "LRec", 4) == 0) {
		const uint8_t *frame = walk->bytes + at;
		size_t header_len = (size_t)frame[6] << 8 | frame[7];
		size_t payload_len =
			(size_t)frame[8] << 24 | (size_t)frame[9] << 16 | (size_t)frame[10] << 8 | frame[11];
		at += record_bytes(header_len, payload_len);
		if ((frame[5] & 1) != 0)
			return at;
	}
	return 0;
}

/* The trailer of the group at walk->at, or else of the nearest group after it that has one. */
static bool
find_trailer(const struct walk *walk, struct segment_trailer *trailer)
{
	uint64_t end = guess_end(walk);

	if (end != 0)
		for (uint64_t at = block_up(end), last = at + SEGMENT_BLOCK; at <= last; at += SEGMENT_BLOCK)
			if (trailer_at(walk, at, trailer) && trailer->group_offset == walk->at)
				return true;
	for (uint64_t at = walk->at + SEGMENT_BLOCK; at + SEGMENT_BLOCK <= walk->len; at += SEGMENT_BLOCK)
		if (trailer_at(walk, at, trailer))
			return true;
	return false;
}

/* --- groups --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
note_bad_copies(const struct walk *walk)
{
	const struct segment_summary *summary = walk->summary;

	if (!summary->has_trailer || summary->bad_trailer_copies == 0)
		return LIAISON_OK;
	uint64_t offset = segment_trailer_offset(&summary->trailer);
	if ((summary->bad_trailer_copies & 1) == 0)
		offset += SEGMENT_BLOCK;
	return report(walk, (struct segment_finding){FINDING_NOTE, offset, SEGMENT_BLOCK, 0, 0,
				    summary->bad_trailer_copies == BOTH_COPIES
					    ? "both copies of a trailer have stray bytes behind them"
					    : "one copy of a trailer is bad, the other is whole"});
}

static enum liaison_err
visit_group(struct walk *walk, const struct segment_trailer *trailer)
{
	uint64_t last_index = trailer->last_index < walk->until_index ? trailer->last_index : walk->until_index - 1;
	uint64_t records_end = trailer->group_offset + trailer->group_bytes;
	uint64_t offset = segment_trailer_offset(trailer);

	enum liaison_err err = note_bad_copies(walk);
	if (err == LIAISON_OK)
		err = visit_span(walk, walk->at, records_end, last_index);
	if (err == LIAISON_OK && !is_zero(walk->bytes + records_end, offset - records_end))
		err = report(walk, (struct segment_finding){FINDING_NOTE, records_end, offset - records_end, 0, 0,
					   "the space after a group's records is not empty"});
	if (err == LIAISON_OK && last_index != trailer->last_index)
		err = report(walk,
			(struct segment_finding){FINDING_DAMAGE, walk->at, trailer->group_bytes, walk->until_index, 0,
				"the segment goes on past the first record of the next one"});
	if (err == LIAISON_OK && walk->visitor->on_group != NULL)
		err = walk->visitor->on_group(walk->visitor->arg, trailer);
	walk->summary->has_trailer = true;
	walk->summary->trailer = *trailer;
	walk->summary->bad_trailer_copies = bad_copies(walk, trailer);
	walk->at = offset + SEGMENT_TRAILER_BYTES;
	return err;
}

/* Records that have lost their trailer and lie before something that proves that they were acknowledged. */
static enum liaison_err
visit_without_trailer(struct walk *walk, uint64_t to, uint64_t last_index)
{
	enum liaison_err err = report(walk, (struct segment_finding){FINDING_DAMAGE, walk->at, to - walk->at,
						    walk->next_index, 0, "a group's trailer is bad in both copies"});

	if (err == LIAISON_OK)
		err = visit_span(walk, walk->at, to, last_index);
	walk->at = to;
	return err;
}

/* Whether all records of the group at walk->at are whole; then sets where they end and the last one's index. */
static bool
records_are_whole(const struct walk *walk, uint64_t *end, uint64_t *last_index)
{
	struct stored_record record;
	uint64_t index = walk->next_index;

	for (uint64_t at = walk->at; at < walk->len; at += record.bytes, index++) {
		if (record_parse(walk->segment, walk->bytes + at, walk->len - at, at, &record) != LIAISON_OK ||
			record.index != index || record.damage != 0)
			return false;
		if (record.is_last_of_group) {
			*end = at + record.bytes;
			*last_index = index;
			return true;
		}
	}
	return false;
}

/* What stands after the last group with a trailer. */
static enum liaison_err
visit_rest(struct walk *walk)
{
	bool is_last = walk->until_index == SEGMENT_IS_LAST;
	uint64_t end, last_index;

	if (is_zero(walk->bytes + walk->at, walk->len - walk->at))
		return LIAISON_OK;
	if (!is_last && walk->next_index < walk->until_index)
		return visit_without_trailer(walk, walk->len, walk->until_index - 1);
	if (!is_last)
		return report(walk, (struct segment_finding){FINDING_NOTE, walk->at, walk->len - walk->at, 0, 0,
					    "the space after the last group is not empty"});
	if (records_are_whole(walk, &end, &last_index)) {
		uint64_t after = block_up(end) + SEGMENT_TRAILER_BYTES;
		if (after > walk->len || !is_zero(walk->bytes + block_up(end), SEGMENT_TRAILER_BYTES))
			return visit_without_trailer(walk, after < walk->len ? after : walk->len, last_index);
	}
	walk->summary->torn_end = walk->len;
	while (is_zero(walk->bytes + walk->summary->torn_end - SEGMENT_BLOCK, SEGMENT_BLOCK))
		walk->summary->torn_end -= SEGMENT_BLOCK;
	return report(walk,
		(struct segment_finding){FINDING_TORN, walk->at, walk->summary->torn_end - walk->at, walk->next_index,
			0, "a group was not finished before a crash and was never acknowledged"});
}

enum liaison_err
segment_walk(const struct segment_header *segment, const uint8_t *bytes, size_t len, uint64_t until_index,
	const struct segment_visitor *visitor, struct segment_summary *summary)
{
	struct walk walk = {.segment = segment,
		.bytes = bytes,
		.len = len / SEGMENT_BLOCK * SEGMENT_BLOCK,
		.until_index = until_index,
		.visitor = visitor,
		.summary = summary,
		.at = SEGMENT_HEADER_BYTES,
		.next_index = segment->before.size};
	struct segment_trailer trailer;
	enum liaison_err err = LIAISON_OK;

	memset(summary, 0, sizeof *summary);
	while (err == LIAISON_OK && walk.at < walk.len && walk.next_index < until_index &&
		find_trailer(&walk, &trailer)) {
		if (trailer.group_offset != walk.at)
			err = visit_without_trailer(&walk, trailer.group_offset, trailer.first_index - 1);
		if (err == LIAISON_OK)
			err = visit_group(&walk, &trailer);
	}
	summary->end_offset = summary->torn_end = walk.at < walk.len ? walk.at : walk.len;
	if (err == LIAISON_OK)
		err = note_bad_copies(&walk);
	if (err == LIAISON_OK && walk.at < walk.len) {
		summary->torn_end = walk.at;
		err = visit_rest(&walk);
	}
	summary->next_index = walk.next_index;
	return err;
}
