/*
 * A segment whose bytes are anything, and one that was written properly and then spoiled as the input says. Whatever is
 * there, the walk ends, visits ascending indexes inside of the file, and every record that it calls whole is the one that
 * was written under that index.
 */
#include "broker/segment.h"

#include <stdlib.h>
#include <string.h>

#define FILE_BYTES (24 * SEGMENT_BLOCK)
#define GROUPS_MAX 6
#define RECORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *at;
	size_t left;
};

static uint8_t
next_byte(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static uint32_t
next_number(struct input *input, uint32_t below)
{
	uint32_t value = 0;

	for (int i = 0; i < 3; i++)
		value = value << 8 | next_byte(input);
	return value % below;
}

struct written {
	struct segment_header segment;
	uint8_t lens[RECORDS_MAX];
	uint64_t records;
	uint64_t next;
	uint64_t findings;
	bool is_spoiled;
};

/* The one record of that index and length: both parts follow from them. */
static void
make_record(uint64_t index, uint8_t len, uint8_t *bytes, struct record *record)
{
	memset(bytes, (int)(index * 7 + 1), 512);
	*record = (struct record){RECORD_ALERT, bytes, 1U + len / 4U, bytes + 128, len * 4U % 384};
}

static enum liaison_err
on_record(void *arg, const struct stored_record *stored)
{
	struct written *written = arg;
	uint8_t bytes[512];
	struct record want;

	if (stored->index < written->next || stored->offset + stored->bytes > FILE_BYTES)
		abort();
	written->next = stored->index + 1;
	if (stored->damage != 0)
		return LIAISON_OK;
	if (stored->index >= written->records)
		abort();
	make_record(stored->index, written->lens[stored->index], bytes, &want);
	if (stored->record.header_len != want.header_len || stored->record.payload_len != want.payload_len ||
		memcmp(stored->record.header, want.header, want.header_len) != 0 ||
		memcmp(stored->record.payload, want.payload, want.payload_len) != 0)
		abort();
	return LIAISON_OK;
}

static enum liaison_err
on_finding(void *arg, const struct segment_finding *finding)
{
	struct written *written = arg;

	if (finding->offset + finding->bytes > FILE_BYTES)
		abort();
	written->findings += finding->kind == FINDING_DAMAGE;
	return LIAISON_OK;
}

/* Groups as the input says; the last one has its trailer or not. The committed records are the result. */
static uint64_t
write_groups(struct written *written, struct input *input, uint8_t *file)
{
	struct merkle_frontier frontier = {.size = 0};
	uint64_t offset = SEGMENT_HEADER_BYTES, committed = 0;
	unsigned groups = 1 + next_byte(input) % GROUPS_MAX;

	for (unsigned group = 0; group < groups; group++) {
		unsigned count = 1 + next_byte(input) % 8;
		struct segment_trailer trailer = {
			.group_offset = offset, .first_index = written->records, .count = count, .at_ms = group};
		for (unsigned i = 0; i < count; i++) {
			uint8_t bytes[512];
			struct record record;
			struct digest leaf;
			written->lens[written->records] = next_byte(input);
			make_record(written->records, written->lens[written->records], bytes, &record);
			size_t need = record_bytes(record.header_len, record.payload_len);
			if (offset + need + SEGMENT_BLOCK + SEGMENT_TRAILER_BYTES > FILE_BYTES)
				return committed;
			record_encode(&written->segment, &record, written->records++, offset, i + 1 == count,
				file + offset, &leaf);
			merkle_frontier_append(&frontier, &leaf);
			offset += need;
		}
		trailer.group_bytes = (uint32_t)(offset - trailer.group_offset);
		trailer.last_index = written->records - 1;
		merkle_frontier_root(&frontier, &trailer.root);
		offset = segment_trailer_offset(&trailer);
		if (group + 1 == groups && next_byte(input) % 2 == 0)
			return committed;
		for (unsigned copy = 0; copy < 2; copy++, offset += SEGMENT_BLOCK)
			segment_trailer_encode(&written->segment, &trailer, copy, file + offset);
		committed = written->records;
	}
	return committed;
}

static void
spoil(struct written *written, struct input *input, uint8_t *file)
{
	for (int i = 0; i < 8 && input->left > 0; i++) {
		uint32_t to = next_number(input, FILE_BYTES / 512) * 512,
			 from = next_number(input, FILE_BYTES / 512) * 512;
		written->is_spoiled = true;
		switch (next_byte(input) % 3) {
		case 0: file[next_number(input, FILE_BYTES)] ^= next_byte(input); break;
		case 1: memset(file + to, 0, 512); break;
		default: memmove(file + to, file + from, 512); break;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t file[FILE_BYTES];
	struct written written = {.segment = {.bytes = SEGMENT_BYTES_MIN}};
	const struct segment_visitor visitor = {.on_record = on_record, .on_finding = on_finding, .arg = &written};
	struct input input = {data, len};
	struct segment_summary summary;
	struct segment_header header;
	unsigned bad;

	memset(file, 0, sizeof file);
	uint8_t mode = next_byte(&input);
	uint64_t committed = 0;
	if (mode % 4 == 0 && input.left > 0)
		memcpy(file + SEGMENT_HEADER_BYTES, input.at,
			input.left < FILE_BYTES - SEGMENT_HEADER_BYTES ? input.left
								       : FILE_BYTES - SEGMENT_HEADER_BYTES);
	else
		committed = write_groups(&written, &input, file);
	if (mode % 4 > 1)
		spoil(&written, &input, file);
	uint64_t until = mode % 8 > 3 ? SEGMENT_IS_LAST : written.records;
	if (segment_walk(&written.segment, file, sizeof file, until, &visitor, &summary) != LIAISON_OK)
		abort();
	if (summary.end_offset > FILE_BYTES || summary.torn_end < summary.end_offset || summary.torn_end > FILE_BYTES)
		abort();
	if (mode % 4 != 0 && !written.is_spoiled && until == SEGMENT_IS_LAST &&
		(written.findings > 0 || summary.next_index != committed || written.next != committed))
		abort();
	if (len >= SEGMENT_HEADER_BYTES && segment_header_parse(data, &header, &bad) == LIAISON_OK && bad > 1)
		abort();
	return 0;
}
