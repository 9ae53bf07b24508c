#include "broker/segment.h"

#include "proto/base/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_VERSION 1
#define SEGMENT_NAME_PREFIX "segment-"
#define HEADER_SUM_BYTES 32
#define HEADER_HASH_BYTES 16
#define PAYLOAD_HASH_BYTES 32
#define SEAL_BYTES 16
#define RECORD_ALIGN 8
#define RECORD_IS_LAST 1U
#define TRAILER_SEALED_BYTES 88

static const char header_magic[16] = "liaison segment";
static const uint8_t record_magic[4] = {'L', 'R', 'e', 'c'};
static const uint8_t trailer_magic[4] = {'L', 'T', 'r', 'l'};

static void
hash(uint8_t *out, size_t out_len, const void *bytes, size_t len)
{
	crypto_generichash(out, out_len, bytes, len, NULL, 0);
}

static void
seal(const struct segment_header *segment, const void *bytes, size_t len, uint8_t *out)
{
	crypto_generichash(out, SEAL_BYTES, bytes, len, segment->key, SEGMENT_KEY_BYTES);
}

/* A cursor over a fixed array that is known to be long enough. */
static void
put(uint8_t **at, const void *bytes, size_t len)
{
	if (len > 0)
		memcpy(*at, bytes, len);
	*at += len;
}

static void
put_be(uint8_t **at, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*(*at)++ = (uint8_t)(value >> (8 * (len - 1 - i)));
}

/* --- header ------------------------------------------------------------------------------------------------------- */

void
segment_name(uint64_t first_index, char *out)
{
	snprintf(out, SEGMENT_NAME_BYTES, SEGMENT_NAME_PREFIX "%020" PRIu64, first_index);
}

bool
segment_name_parse(const char *name, uint64_t *first_index)
{
	const size_t prefix = sizeof SEGMENT_NAME_PREFIX - 1;
	char again[SEGMENT_NAME_BYTES];
	uint64_t value = 0;

	if (strncmp(name, SEGMENT_NAME_PREFIX, prefix) != 0 || strlen(name) != prefix + 20)
		return false;
	for (const char *digit = name + prefix; *digit != '\0'; digit++) {
		if (*digit < '0' || *digit > '9')
			return false;
		value = value * 10 + (uint64_t)(*digit - '0');
	}
	/* A number beyond 64 bits has wrapped round. */
	segment_name(value, again);
	if (strcmp(again, name) != 0)
		return false;
	*first_index = value;
	return true;
}

static size_t
peak_count(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void
segment_header_encode(const struct segment_header *header, uint8_t *out)
{
	uint8_t *at = out;

	memset(out, 0, SEGMENT_BLOCK);
	put(&at, header_magic, sizeof header_magic);
	put_be(&at, SEGMENT_VERSION, 4);
	put_be(&at, SEGMENT_BLOCK, 4);
	put_be(&at, header->bytes, 8);
	put(&at, header->epoch.bytes, EPOCH_BYTES);
	put_be(&at, header->number, 8);
	put_be(&at, header->before.size, 8);
	put_be(&at, (uint64_t)header->before_at, 8);
	put(&at, header->key, SEGMENT_KEY_BYTES);
	put_be(&at, peak_count(header->before.size), 1);
	for (size_t i = 0; i < peak_count(header->before.size); i++)
		put(&at, header->before.peaks[i].bytes, DIGEST_BYTES);
	assert(at - out <= SEGMENT_BLOCK - HEADER_SUM_BYTES);
	hash(out + SEGMENT_BLOCK - HEADER_SUM_BYTES, HEADER_SUM_BYTES, out, SEGMENT_BLOCK - HEADER_SUM_BYTES);
}

static bool
header_copy_is_whole(const uint8_t *block)
{
	uint8_t sum[HEADER_SUM_BYTES];

	hash(sum, sizeof sum, block, SEGMENT_BLOCK - HEADER_SUM_BYTES);
	return memcmp(sum, block + SEGMENT_BLOCK - HEADER_SUM_BYTES, sizeof sum) == 0 &&
	       memcmp(block, header_magic, sizeof header_magic) == 0;
}

static enum liaison_err
header_copy_parse(const uint8_t *block, struct segment_header *out)
{
	struct segment_header header = {0};
	struct reader reader;

	reader_init(&reader, block, SEGMENT_BLOCK - HEADER_SUM_BYTES);
	reader_take(&reader, sizeof header_magic);
	if (reader_be32(&reader) != SEGMENT_VERSION || reader_be32(&reader) != SEGMENT_BLOCK)
		return LIAISON_UNSUPPORTED_VERSION;
	header.bytes = reader_be64(&reader);
	reader_copy(&reader, header.epoch.bytes, EPOCH_BYTES);
	header.number = reader_be64(&reader);
	header.before.size = reader_be64(&reader);
	header.before_at = (int64_t)reader_be64(&reader);
	reader_copy(&reader, header.key, SEGMENT_KEY_BYTES);
	size_t peaks = reader_u8(&reader);
	if (peaks != peak_count(header.before.size) || header.before.size > INT64_MAX ||
		header.bytes < SEGMENT_BYTES_MIN || header.bytes > SEGMENT_BYTES_MAX ||
		header.bytes % SEGMENT_BLOCK != 0)
		return LIAISON_CORRUPT;
	for (size_t i = 0; i < peaks; i++)
		reader_copy(&reader, header.before.peaks[i].bytes, DIGEST_BYTES);
	*out = header;
	return LIAISON_OK;
}

enum liaison_err
segment_header_parse(const uint8_t *bytes, struct segment_header *header, unsigned *bad_copies)
{
	const uint8_t *second = bytes + SEGMENT_BLOCK;
	bool first_whole = header_copy_is_whole(bytes), second_whole = header_copy_is_whole(second);

	if (!first_whole && !second_whole)
		return LIAISON_CORRUPT;
	if (first_whole && second_whole && memcmp(bytes, second, SEGMENT_BLOCK) != 0)
		return LIAISON_CORRUPT;
	enum liaison_err err = header_copy_parse(first_whole ? bytes : second, header);
	if (err == LIAISON_OK)
		*bad_copies = !first_whole + !second_whole;
	return err;
}

/* --- records ------------------------------------------------------------------------------------------------------- */

size_t
record_bytes(size_t header_len, size_t payload_len)
{
	size_t bytes = RECORD_FRAME_BYTES + header_len + payload_len;

	return (bytes + RECORD_ALIGN - 1) / RECORD_ALIGN * RECORD_ALIGN;
}

/* The seal of a frame covers its place too. */
static void
frame_seal(const struct segment_header *segment, const uint8_t *frame, uint64_t offset, uint8_t *out)
{
	uint8_t sealed[RECORD_FRAME_BYTES - SEAL_BYTES + 8];
	uint8_t *at = sealed;

	put(&at, frame, RECORD_FRAME_BYTES - SEAL_BYTES);
	put_be(&at, offset, 8);
	seal(segment, sealed, sizeof sealed, out);
}

void
record_encode(const struct segment_header *segment, const struct record *record, uint64_t index, uint64_t offset,
	bool is_last_of_group, uint8_t *out, struct digest *leaf)
{
	uint8_t *at = out;

	assert(record->header_len > 0 && record->header_len <= RECORD_HEADER_MAX);
	assert(record->payload_len <= RECORD_PAYLOAD_MAX && offset % RECORD_ALIGN == 0);
	log_leaf(record->type, record->header, record->header_len, leaf);
	put(&at, record_magic, sizeof record_magic);
	put_be(&at, record->type, 1);
	put_be(&at, is_last_of_group ? RECORD_IS_LAST : 0, 1);
	put_be(&at, record->header_len, 2);
	put_be(&at, record->payload_len, 4);
	put_be(&at, 0, 4);
	put_be(&at, index, 8);
	put(&at, leaf->bytes, DIGEST_BYTES);
	hash(at, HEADER_HASH_BYTES, record->header, record->header_len);
	at += HEADER_HASH_BYTES;
	hash(at, PAYLOAD_HASH_BYTES, record->payload, record->payload_len);
	at += PAYLOAD_HASH_BYTES;
	frame_seal(segment, out, offset, at);
	at += SEAL_BYTES;
	put(&at, record->header, record->header_len);
	put(&at, record->payload, record->payload_len);
	memset(at, 0, record_bytes(record->header_len, record->payload_len) - (size_t)(at - out));
}

/* `frame` is that of the record whose frame lies at `bytes`, or one that was put right. */
static enum liaison_err
parse_with_frame(const struct segment_header *segment, const uint8_t *frame, const uint8_t *bytes, size_t len,
	uint64_t offset, struct stored_record *out)
{
	uint8_t sum[PAYLOAD_HASH_BYTES];
	struct stored_record stored = {.offset = offset};
	struct record *record = &stored.record;
	struct reader reader;

	frame_seal(segment, frame, offset, sum);
	if (memcmp(sum, frame + RECORD_FRAME_BYTES - SEAL_BYTES, SEAL_BYTES) != 0)
		return LIAISON_CORRUPT;
	reader_init(&reader, frame, RECORD_FRAME_BYTES);
	reader_take(&reader, sizeof record_magic);
	record->type = reader_u8(&reader);
	uint8_t flags = reader_u8(&reader);
	record->header_len = reader_be16(&reader);
	record->payload_len = reader_be32(&reader);
	uint32_t zero = reader_be32(&reader);
	stored.index = reader_be64(&reader);
	reader_copy(&reader, stored.leaf.bytes, DIGEST_BYTES);
	const uint8_t *header_hash = reader_take(&reader, HEADER_HASH_BYTES);
	const uint8_t *payload_hash = reader_take(&reader, PAYLOAD_HASH_BYTES);
	if (!record_type_is_known((uint8_t)record->type) || flags > RECORD_IS_LAST || zero != 0 ||
		record->header_len == 0 || record->header_len > RECORD_HEADER_MAX ||
		record->payload_len > RECORD_PAYLOAD_MAX || stored.index >= INT64_MAX)
		return LIAISON_CORRUPT;
	stored.is_last_of_group = flags == RECORD_IS_LAST;
	stored.bytes = record_bytes(record->header_len, record->payload_len);
	if (stored.bytes > len)
		return LIAISON_CORRUPT;
	reader_init(&reader, bytes + RECORD_FRAME_BYTES, stored.bytes - RECORD_FRAME_BYTES);
	record->header = reader_take(&reader, record->header_len);
	record->payload = reader_take(&reader, record->payload_len);
	for (size_t i = 0; i < reader.left; i++)
		stored.has_stray_bytes |= reader.at[i] != 0;
	hash(sum, HEADER_HASH_BYTES, record->header, record->header_len);
	if (memcmp(sum, header_hash, HEADER_HASH_BYTES) != 0)
		stored.damage |= RECORD_HEADER_DAMAGED;
	hash(sum, PAYLOAD_HASH_BYTES, record->payload, record->payload_len);
	if (memcmp(sum, payload_hash, PAYLOAD_HASH_BYTES) != 0)
		stored.damage |= RECORD_PAYLOAD_DAMAGED;
	*out = stored;
	return LIAISON_OK;
}

enum liaison_err
record_parse(const struct segment_header *segment, const uint8_t *bytes, size_t len, uint64_t offset,
	struct stored_record *out)
{
	if (len < RECORD_FRAME_BYTES || memcmp(bytes, record_magic, sizeof record_magic) != 0)
		return LIAISON_CORRUPT;
	return parse_with_frame(segment, bytes, bytes, len, offset, out);
}

enum liaison_err
record_parse_mended(const struct segment_header *segment, const uint8_t *bytes, size_t len, uint64_t offset,
	struct stored_record *out)
{
	uint8_t frame[RECORD_FRAME_BYTES];

	if (len < RECORD_FRAME_BYTES)
		return LIAISON_CORRUPT;
	memcpy(frame, bytes, sizeof frame);
	for (size_t bit = 0; bit < 8 * sizeof frame; bit++) {
		const uint8_t mask = (uint8_t)(1U << bit % 8);
		frame[bit / 8] ^= mask;
		if (memcmp(frame, record_magic, sizeof record_magic) == 0 &&
			parse_with_frame(segment, frame, bytes, len, offset, out) == LIAISON_OK)
			return LIAISON_OK;
		frame[bit / 8] ^= mask;
	}
	return LIAISON_CORRUPT;
}

/* --- trailers ------------------------------------------------------------------------------------------------------ */

uint64_t
segment_trailer_offset(const struct segment_trailer *trailer)
{
	uint64_t end = trailer->group_offset + trailer->group_bytes;

	return (end + SEGMENT_BLOCK - 1) / SEGMENT_BLOCK * SEGMENT_BLOCK;
}

void
segment_trailer_encode(
	const struct segment_header *segment, const struct segment_trailer *trailer, unsigned copy, uint8_t *out)
{
	uint8_t *at = out;

	assert(copy < 2);
	memset(out, 0, SEGMENT_BLOCK);
	put(&at, trailer_magic, sizeof trailer_magic);
	put_be(&at, copy, 1);
	put_be(&at, 0, 3);
	put_be(&at, trailer->group_offset, 8);
	put_be(&at, trailer->group_bytes, 4);
	put_be(&at, trailer->count, 4);
	put_be(&at, trailer->first_index, 8);
	put_be(&at, trailer->last_index, 8);
	put(&at, trailer->root.bytes, DIGEST_BYTES);
	put_be(&at, (uint64_t)trailer->at_ms, 8);
	put_be(&at, segment_trailer_offset(trailer) + copy * SEGMENT_BLOCK, 8);
	assert(at - out == TRAILER_SEALED_BYTES);
	seal(segment, out, TRAILER_SEALED_BYTES, at);
}

enum liaison_err
segment_trailer_parse(const struct segment_header *segment, const uint8_t *block, uint64_t offset,
	struct segment_trailer *out, unsigned *copy)
{
	uint8_t sum[SEAL_BYTES];
	struct segment_trailer trailer;
	struct reader reader;

	if (memcmp(block, trailer_magic, sizeof trailer_magic) != 0)
		return LIAISON_CORRUPT;
	seal(segment, block, TRAILER_SEALED_BYTES, sum);
	if (memcmp(sum, block + TRAILER_SEALED_BYTES, SEAL_BYTES) != 0)
		return LIAISON_CORRUPT;
	reader_init(&reader, block, TRAILER_SEALED_BYTES);
	reader_take(&reader, sizeof trailer_magic);
	uint32_t which = reader_be32(&reader) >> 24;
	trailer.group_offset = reader_be64(&reader);
	trailer.group_bytes = reader_be32(&reader);
	trailer.count = reader_be32(&reader);
	trailer.first_index = reader_be64(&reader);
	trailer.last_index = reader_be64(&reader);
	reader_copy(&reader, trailer.root.bytes, DIGEST_BYTES);
	trailer.at_ms = (int64_t)reader_be64(&reader);
	/* The rest is what our own writer never breaks; checked, so that nothing below need reason about a false seal. */
	if (which > 1 || reader_be64(&reader) != offset || trailer.group_offset < SEGMENT_HEADER_BYTES ||
		trailer.group_offset % SEGMENT_BLOCK != 0 || trailer.group_offset >= offset ||
		trailer.group_bytes == 0 || segment_trailer_offset(&trailer) + which * SEGMENT_BLOCK != offset ||
		trailer.count == 0 || trailer.first_index < segment->before.size ||
		trailer.last_index < trailer.first_index ||
		trailer.last_index - trailer.first_index != trailer.count - 1 || trailer.last_index >= INT64_MAX)
		return LIAISON_CORRUPT;
	*out = trailer;
	*copy = which;
	return LIAISON_OK;
}
