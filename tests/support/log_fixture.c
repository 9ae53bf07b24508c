#include "tests/support/log_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_MAX 64

void
specimen_make(struct specimen *specimen, uint64_t seed, uint64_t index)
{
	struct rng_seeded state;
	struct rng rng = rng_from_seed(&state, seed * UINT64_C(0x9e3779b97f4a7c15) + index);
	uint32_t size = rng_below(&rng, 100);

	specimen->record.type = 1 + rng_below(&rng, RECORD_EPOCH);
	specimen->record.header = specimen->header;
	specimen->record.payload = specimen->payload;
	specimen->record.header_len = 1 + rng_below(&rng, FIXTURE_HEADER_MAX);
	specimen->record.payload_len = size < 10   ? 0
				       : size < 85 ? rng_below(&rng, 1000)
						   : rng_below(&rng, FIXTURE_PAYLOAD_MAX + 1);
	rng_fill(&rng, specimen->header, specimen->record.header_len);
	rng_fill(&rng, specimen->payload, specimen->record.payload_len);
}

bool
specimen_equals(uint64_t seed, const struct stored_record *stored)
{
	struct specimen specimen;
	struct digest leaf;
	const struct record *want = &specimen.record, *got = &stored->record;

	specimen_make(&specimen, seed, stored->index);
	log_leaf(want->type, want->header, want->header_len, &leaf);
	return want->type == got->type && want->header_len == got->header_len &&
	       want->payload_len == got->payload_len && memcmp(want->header, got->header, got->header_len) == 0 &&
	       memcmp(want->payload, got->payload, got->payload_len) == 0 && digest_equal(&leaf, &stored->leaf);
}

void
fixture_init(struct log_fixture *fixture, uint64_t seed)
{
	*fixture = (struct log_fixture){.seed = seed, .now_ms = 1000};
	fixture->rng = rng_from_seed(&fixture->rng_state, seed);
	fixture->memdisk = memdisk_new();
	fixture->disk = memdisk_disk(fixture->memdisk);
	fixture->options = (struct log_options){
		.disk = &fixture->disk, .dir = FIXTURE_DIR, .rng = &fixture->rng, .segment_bytes = SEGMENT_BYTES_MIN};
}

void
fixture_clear(struct log_fixture *fixture)
{
	fixture_close(fixture);
	memdisk_free(fixture->memdisk);
	fixture->memdisk = NULL;
}

void
fixture_move(struct log_fixture *fixture, struct memdisk *memdisk)
{
	fixture_clear(fixture);
	fixture->memdisk = memdisk;
	fixture->disk = memdisk_disk(memdisk);
}

enum liaison_err
fixture_create(struct log_fixture *fixture)
{
	struct epoch epoch;

	rng_fill(&fixture->rng, epoch.bytes, EPOCH_BYTES);
	return log_create(&fixture->options, &epoch, &fixture->fault);
}

static enum liaison_err
on_record(void *arg, const struct stored_record *record, const struct log_location *location)
{
	struct log_fixture *fixture = arg;

	/* Whatever the medium gives back, each index comes once. */
	if (record->index != fixture->next_index || location->offset != record->offset)
		fixture->seen_wrong++;
	fixture->next_index = record->index + 1;
	if (record->damage != 0)
		return LIAISON_OK;
	if (specimen_equals(fixture->seed, record))
		fixture->seen++;
	else
		fixture->seen_wrong++;
	return LIAISON_OK;
}

static void
on_finding(void *arg, const struct log_finding *finding)
{
	struct log_fixture *fixture = arg;
	char text[LIAISON_FAULT_BYTES];

	log_finding_text(finding, text, sizeof text);
	fixture->findings++;
}

static struct log_visitor
visitor_of(struct log_fixture *fixture)
{
	fixture->seen = fixture->seen_wrong = fixture->next_index = fixture->findings = 0;
	return (struct log_visitor){.on_record = on_record, .on_finding = on_finding, .arg = fixture};
}

enum liaison_err
fixture_open(struct log_fixture *fixture)
{
	struct log_visitor visitor = visitor_of(fixture);

	enum liaison_err err = log_open(&fixture->options, &visitor, &fixture->log, &fixture->report, &fixture->fault);
	if (err == LIAISON_OK && fixture->report.damages == 0)
		fixture->written = fixture->report.head.size;
	return err;
}

enum liaison_err
fixture_verify(struct log_fixture *fixture)
{
	struct log_visitor visitor = visitor_of(fixture);

	return log_verify(&fixture->disk, FIXTURE_DIR, &visitor, &fixture->report, &fixture->fault);
}

void
fixture_close(struct log_fixture *fixture)
{
	log_close(fixture->log);
	fixture->log = NULL;
}

enum liaison_err
fixture_append(struct log_fixture *fixture, size_t count, struct log_location *locations)
{
	static struct specimen specimens[GROUP_MAX];
	struct record records[GROUP_MAX];

	assert(count <= GROUP_MAX);
	for (size_t i = 0; i < count; i++) {
		specimen_make(&specimens[i], fixture->seed, fixture->written + i);
		records[i] = specimens[i].record;
	}
	fixture->now_ms += rng_below(&fixture->rng, 2000);
	enum liaison_err err = log_append(fixture->log, records, count, fixture->now_ms, locations, &fixture->fault);
	if (err != LIAISON_STORAGE_FULL && err != LIAISON_NO_MEMORY)
		fixture->written += count;
	fixture->acknowledged = log_durable(fixture->log).size;
	return err;
}

enum liaison_err
fixture_flush(struct log_fixture *fixture)
{
	enum liaison_err err = log_flush(fixture->log, fixture->now_ms, &fixture->fault);

	fixture->acknowledged = log_durable(fixture->log).size;
	return err;
}

enum liaison_err
fixture_fill(struct log_fixture *fixture, uint64_t until, uint32_t most)
{
	enum liaison_err err = LIAISON_OK;

	while (err == LIAISON_OK && fixture->written < until) {
		err = fixture_append(fixture, 1 + rng_below(&fixture->rng, most), NULL);
		if (err == LIAISON_OK && rng_below(&fixture->rng, 4) == 0)
			err = fixture_flush(fixture);
		if (err == LIAISON_OK && rng_below(&fixture->rng, 8) == 0) {
			err = log_prepare(fixture->log, &fixture->fault);
			/* No room for the segment after this one is nothing to stop for yet. */
			err = err == LIAISON_STORAGE_FULL ? LIAISON_OK : err;
		}
	}
	return err;
}

void
fixture_with_records(struct log_fixture *fixture, uint64_t seed, uint64_t count)
{
	fixture_init(fixture, seed);
	enum liaison_err err = fixture_create(fixture);
	assert(err == LIAISON_OK);
	err = fixture_open(fixture);
	assert(err == LIAISON_OK);
	err = fixture_fill(fixture, count, 8);
	assert(err == LIAISON_OK);
	err = fixture_flush(fixture);
	assert(err == LIAISON_OK && fixture->acknowledged >= count);
	fixture_close(fixture);
}
