/*
 * For tests of the log: records whose bytes follow from a seed and their index alone, so that whatever a log hands out
 * can be held against what it was given, and a log on a memdisk with the ledger of what was acknowledged.
 */
#ifndef LIAISON_TESTS_SUPPORT_LOG_FIXTURE_H
#define LIAISON_TESTS_SUPPORT_LOG_FIXTURE_H

#include "broker/log.h"
#include "tests/support/memdisk.h"

#define FIXTURE_DIR "/log"
#define FIXTURE_HEADER_MAX 300
#define FIXTURE_PAYLOAD_MAX 20000

struct specimen {
	struct record record; /* points into the bytes below */
	uint8_t header[FIXTURE_HEADER_MAX];
	uint8_t payload[FIXTURE_PAYLOAD_MAX];
};

/* The one record that may stand at `index` in a log of `seed`. */
void specimen_make(struct specimen *specimen, uint64_t seed, uint64_t index);
bool specimen_equals(uint64_t seed, const struct stored_record *stored);

struct log_fixture {
	struct memdisk *memdisk; /* owned */
	struct disk disk;
	struct rng_seeded rng_state;
	struct rng rng;
	uint64_t seed;
	struct log_options options;
	struct log *log; /* NULL while closed */
	struct log_report report;
	struct fault fault;

	uint64_t written; /* given to log_append since the beginning, whatever it answered */
	uint64_t acknowledged;
	int64_t now_ms;

	/* What the last walk visited. */
	uint64_t seen;       /* whole records, each the right one */
	uint64_t seen_wrong; /* whole, and not what was written there: never */
	uint64_t next_index; /* after the last */
	uint64_t findings;
};

/* A fresh memdisk with segments of the least size; nothing is made on it yet. */
void fixture_init(struct log_fixture *fixture, uint64_t seed);
void fixture_clear(struct log_fixture *fixture);

/* Goes on with another disk (which it takes), as after a crash; the log is closed. */
void fixture_move(struct log_fixture *fixture, struct memdisk *memdisk);

enum liaison_err fixture_create(struct log_fixture *fixture);
enum liaison_err fixture_open(struct log_fixture *fixture);
enum liaison_err fixture_verify(struct log_fixture *fixture);
void fixture_close(struct log_fixture *fixture);

/* Appends a group of `count` specimens; keeps the ledger. */
enum liaison_err fixture_append(struct log_fixture *fixture, size_t count, struct log_location *locations);
enum liaison_err fixture_flush(struct log_fixture *fixture);

/* Appends groups of 1 to `most` records, sometimes flushing, until `written` reaches `until` or something fails. */
enum liaison_err fixture_fill(struct log_fixture *fixture, uint64_t until, uint32_t most);

/* A fixture with a created, opened and filled log, all acknowledged, closed again. Asserts. */
void fixture_with_records(struct log_fixture *fixture, uint64_t seed, uint64_t count);

#endif
