/*
 * One file of the log: its format, as pure functions over bytes. What is read and written, and when, is log.h's.
 *
 * A segment is made whole before it has a name: its full length is written with zeros, the header is put in, all is
 * synced, and only then it is renamed to segment-<first index> and the folder synced. Its length never changes again,
 * so a file that is shorter or longer than its header says was damaged from outside. All numbers are big-endian, a
 * block is 4,096 bytes.
 *
 *   block 0, 1    the header, twice, byte for byte the same
 *   then groups   records   back to back, each starting at a multiple of 8, zeros up to the next block
 *                 trailer   one block, copy 0
 *                 trailer   one block, copy 1
 *   then zeros    up to the file's length
 *
 *   header (4,096): magic "liaison segment\0" (16), version 1 (4), block size 4096 (4), file length (8), epoch (16),
 *     number of the segment from 0 (8), first index (8), time of the last trailer before (8), key (32), count of peaks
 *     (1), peaks of the Merkle frontier over all earlier records (32 each), zeros, BLAKE2b-256 of all that (last 32).
 *   record: frame (120), header, payload, zeros to a multiple of 8.
 *   frame: magic "LRec" (4), type (1), flags (1; bit 0: last of its group), header length (2), payload length (4),
 *     zero (4), index (8), leaf hash (32), BLAKE2b-128 of the header (16), BLAKE2b-256 of the payload (32), seal (16) =
 *     BLAKE2b-128, keyed, over the 104 bytes before and the frame's offset in the file (8).
 *   trailer (4,096): magic "LTrl" (4), copy 0 or 1 (1), zeros (3), offset of the group (8), length of its records
 *     without padding (4), count (4), first index (8), last index (8), root of the tree over all records up to and with
 *     this group (32), time in ms (8), own offset in the file (8), seal (16) = BLAKE2b-128, keyed, over the 88 bytes
 *     before; zeros.
 *
 * The key is random, made with the segment, and never leaves it. It keeps nobody out who can write the file. It makes a
 * block of another segment, another log or an earlier life fail, and so does a payload that a sender shaped like a frame
 * or a trailer. A seal binds its bytes to their place: a block that turns up elsewhere is not valid there. Header and
 * payload are hashed apart, so that a payload can be erased in place while the rest stays provable.
 *
 * What is written when, W(x) being the write of x, S a sync that covers all earlier writes, A(n) the acknowledgement of
 * group n:
 *
 *   W(records 1) S   W(trailer 1, records 2) S A(1)   W(trailer 2, records 3) S A(2)  ...  W(trailer n) S A(n)
 *
 * and a new segment is made only when every trailer of the one before is synced. A crash loses, tears (at 512 bytes or
 * at blocks) and reorders any of the writes since the last S. Hence, of the groups in the last segment, all but the last
 * two have all their bytes; of the last two, n and n + 1:
 *
 *   state of the file after a crash                              was n acknowledged?   what recovery does
 *   a trailer of n whole; n + 1 absent, partly there, or whole   perhaps               keeps n, cuts n + 1
 *   no trailer of n whole, both its blocks zero; n and n + 1     no                    cuts both
 *     whole, partly there, or absent
 *
 * To keep a group whose trailer is whole is right although it may not have been acknowledged: its records were synced
 * before the trailer was written. To cut is to write zeros and sync. No other state is one that a crash can leave, and
 * each other state is damage:
 *
 *   a record of a group with a trailer is not whole; a group without a trailer lies before one with; a group without a
 *   trailer lies in a segment that has a successor; all records of a group are whole, its trailer's blocks are not zero
 *   (a trailer stands in its first 512 bytes, so it cannot be torn) and neither is valid; a header copy is not whole.
 *
 * One whole copy of two, of header or trailer, is enough: that is noted, nothing is lost by it. What is not whole in the
 * space after the last group is not damage, it is what a crash leaves there.
 */
#ifndef LIAISON_BROKER_SEGMENT_H
#define LIAISON_BROKER_SEGMENT_H

#include "proto/base/digest.h"
#include "proto/base/err.h"
#include "proto/log_leaf.h"
#include "proto/merkle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEGMENT_BLOCK 4096
#define SEGMENT_HEADER_BYTES (2 * SEGMENT_BLOCK)
#define SEGMENT_TRAILER_BYTES (2 * SEGMENT_BLOCK)
#define SEGMENT_BYTES_MIN (UINT64_C(256) << 10) /* one greatest record fits */
#define SEGMENT_BYTES_MAX (UINT64_C(256) << 20) /* recovery holds one segment in memory */
#define SEGMENT_NAME_BYTES 32
#define SEGMENT_KEY_BYTES 32
#define EPOCH_BYTES 16
#define RECORD_FRAME_BYTES 120
#define RECORD_BYTES_MAX (RECORD_FRAME_BYTES + RECORD_HEADER_MAX + RECORD_PAYLOAD_MAX)
#define GROUP_RECORDS_MAX 4096
#define GROUP_BYTES_MAX (UINT64_C(4) << 20) /* records with their frames */

struct epoch {
	uint8_t bytes[EPOCH_BYTES];
};

/* What is to be stored, or was read; pointers are borrowed. */
struct record {
	enum record_type type;
	const uint8_t *header;
	size_t header_len; /* 1 to RECORD_HEADER_MAX */
	const uint8_t *payload;
	size_t payload_len; /* 0 to RECORD_PAYLOAD_MAX */
};

/* --- header ------------------------------------------------------------------------------------------------------- */

struct segment_header {
	uint64_t bytes; /* length of the file */
	struct epoch epoch;
	uint64_t number;
	struct merkle_frontier before; /* over all records before this segment; before.size is its first index */
	int64_t before_at;             /* time of the last trailer before this segment; 0 in the first */
	uint8_t key[SEGMENT_KEY_BYTES];
};

/* "segment-00000000000000000042". `out` has room for SEGMENT_NAME_BYTES. */
void segment_name(uint64_t first_index, char *out);

/* Whether `name` is that of a segment; sets *first_index if so. */
bool segment_name_parse(const char *name, uint64_t *first_index);

/* One copy, SEGMENT_BLOCK bytes. */
void segment_header_encode(const struct segment_header *header, uint8_t *out);

/*
 * Reads both copies from `bytes`, SEGMENT_HEADER_BYTES of them. *bad_copies counts those that are not whole: 0, or 1, and
 * then the other one counts. LIAISON_CORRUPT if neither is whole or they differ; LIAISON_UNSUPPORTED_VERSION if a whole
 * one says that it is of another version.
 */
enum liaison_err segment_header_parse(
	const uint8_t *bytes, struct segment_header *header, unsigned *bad_copies) LIAISON_MUST_CHECK;

/* --- records and trailers ------------------------------------------------------------------------------------------ */

/* What one record takes, with frame and padding; lengths within their limits. */
size_t record_bytes(size_t header_len, size_t payload_len);

/* Writes record_bytes() bytes to `out`, which will stand at `offset` of the file, and sets *leaf. */
void record_encode(const struct segment_header *segment, const struct record *record, uint64_t index, uint64_t offset,
	bool is_last_of_group, uint8_t *out, struct digest *leaf);

/* A record where it lies. If `damage` is not 0, nothing of it but index and leaf may be used. */
#define RECORD_HEADER_DAMAGED 1U
#define RECORD_PAYLOAD_DAMAGED 2U
#define RECORD_LOST 4U /* nothing is left of it, not even the leaf, which is all zeros; only log_visitor meets these */
struct stored_record {
	struct record record; /* borrows from the bytes that were parsed */
	uint64_t index;
	struct digest leaf;
	uint64_t offset; /* of its frame in the file */
	size_t bytes;    /* with frame and padding */
	bool is_last_of_group;
	bool has_stray_bytes; /* the padding is not zero; nothing is lost by it */
	unsigned damage;
};

/*
 * Parses the record whose frame would stand at `bytes` = `offset` of the file, `len` bytes being there. LIAISON_CORRUPT if
 * the frame is not whole, or not of this segment and place; if it is, header and payload are checked against it and
 * `damage` says the rest.
 */
enum liaison_err record_parse(const struct segment_header *segment, const uint8_t *bytes, size_t len, uint64_t offset,
	struct stored_record *out) LIAISON_MUST_CHECK;

/*
 * For a place where record_parse failed although a record must be there: tries whether the frame is whole but for one
 * bit. The seal decides, so a record that it gives is the one that was written. LIAISON_CORRUPT if there is none.
 */
enum liaison_err record_parse_mended(const struct segment_header *segment, const uint8_t *bytes, size_t len,
	uint64_t offset, struct stored_record *out) LIAISON_MUST_CHECK;

struct segment_trailer {
	uint64_t group_offset;
	uint32_t group_bytes; /* without padding */
	uint32_t count;
	uint64_t first_index;
	uint64_t last_index;
	struct digest root; /* over last_index + 1 records */
	int64_t at_ms;
};

/* Where the trailer's first copy stands. */
uint64_t segment_trailer_offset(const struct segment_trailer *trailer);

/* One block, copy 0 or 1. */
void segment_trailer_encode(
	const struct segment_header *segment, const struct segment_trailer *trailer, unsigned copy, uint8_t *out);

/* LIAISON_CORRUPT if the block at `offset` is not a whole trailer, or not of this segment and place. */
enum liaison_err segment_trailer_parse(const struct segment_header *segment, const uint8_t *block, uint64_t offset,
	struct segment_trailer *out, unsigned *copy) LIAISON_MUST_CHECK;

/* --- the whole file ------------------------------------------------------------------------------------------------ */

enum finding_kind {
	FINDING_NOTE,   /* not as written, but nothing is lost */
	FINDING_TORN,   /* what a crash left of groups that were never acknowledged */
	FINDING_DAMAGE, /* acknowledged bytes are not what was written */
};

struct segment_finding {
	enum finding_kind kind;
	uint64_t offset; /* in the file */
	uint64_t bytes;
	uint64_t first_index; /* of the records that are lost by it ... */
	uint64_t lost;        /* ... and how many; 0: none */
	const char *what;     /* a clause that goes after "at byte N": "both copies of a trailer are bad" */
};

/* Any of the functions may be NULL. Another answer than LIAISON_OK ends the walk and is its result. */
struct segment_visitor {
	enum liaison_err (*on_record)(void *arg, const struct stored_record *record);
	enum liaison_err (*on_group)(void *arg, const struct segment_trailer *trailer); /* after its records */
	enum liaison_err (*on_finding)(void *arg, const struct segment_finding *finding);
	void *arg;
};

/* No record is known to follow: the walk is over the last segment of a log. */
#define SEGMENT_IS_LAST UINT64_MAX

struct segment_summary {
	uint64_t next_index; /* after the last record that was acknowledged */
	uint64_t end_offset; /* where the next group goes */
	bool has_trailer;
	struct segment_trailer trailer; /* the last one */
	unsigned bad_trailer_copies;    /* of it: bit 0 for copy 0, bit 1 for copy 1 */
	uint64_t torn_end;              /* a torn tail reaches from end_offset to here; equal if there is none */
};

/*
 * Walks the groups of a whole file in order of index. `until_index` is the first index of the segment that follows, or
 * SEGMENT_IS_LAST. Each record whose frame is whole is visited once, with indexes ascending; each damage, and each gap in
 * the indexes but one at the very end, is a finding. Never reads past `len`, whatever the bytes.
 */
enum liaison_err segment_walk(const struct segment_header *segment, const uint8_t *bytes, size_t len,
	uint64_t until_index, const struct segment_visitor *visitor,
	struct segment_summary *summary) LIAISON_MUST_CHECK;

#endif
