#include "tests/support/log_original.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int
add_segment(void *arg, const char *name)
{
	struct log_original *original = arg;
	uint64_t index;

	if (segment_name_parse(name, &index))
		snprintf(original->segments[original->count++], sizeof original->segments[0], "%s/%s", FIXTURE_DIR,
			name);
	return 0;
}

static int
compare_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

int
log_original_make(void **state)
{
	struct log_original *original = calloc(1, sizeof *original);

	if (original == NULL || sodium_init() < 0)
		return -1;
	fixture_with_records(&original->fixture, LOG_ORIGINAL_SEED, LOG_ORIGINAL_RECORDS);
	disk_list(&original->fixture.disk, FIXTURE_DIR, add_segment, original);
	qsort(original->segments, original->count, sizeof original->segments[0], compare_text);
	original->size = original->fixture.acknowledged;
	if (fixture_verify(&original->fixture) != LIAISON_OK)
		return -1;
	original->root = original->fixture.report.head.root;
	*state = original;
	return original->count >= 3 ? 0 : -1;
}

int
log_original_free(void **state)
{
	struct log_original *original = *state;

	fixture_clear(&original->fixture);
	free(original);
	return 0;
}

void
log_original_copy(const struct log_original *original, struct log_fixture *fixture)
{
	fixture_init(fixture, LOG_ORIGINAL_SEED);
	fixture_move(fixture, memdisk_kill(original->fixture.memdisk));
}

void
fixture_say(const struct log_fixture *fixture, const char *what)
{
	char text[LIAISON_FAULT_BYTES];

	log_finding_text(&fixture->report.damage, text, sizeof text);
	fprintf(stderr, "%s: size %llu, seen %llu, lost %llu, damages %llu, notes %llu, torn %llu, wrong %llu; %s\n",
		what, (unsigned long long)fixture->report.head.size, (unsigned long long)fixture->seen,
		(unsigned long long)fixture->report.lost, (unsigned long long)fixture->report.damages,
		(unsigned long long)fixture->report.notes, (unsigned long long)fixture->report.torn,
		(unsigned long long)fixture->seen_wrong, fixture->report.damages > 0 ? text : "");
}

bool
log_original_is_served_honestly(const struct log_original *original, struct log_fixture *fixture, const char *what)
{
	bool whole = fixture->seen == original->size && fixture->report.head.size == original->size;
	bool honest = fixture->seen_wrong == 0 && (whole || fixture->report.damages > 0);

	if (whole && fixture->report.damages == 0)
		honest = honest && fixture->report.lost == 0;
	if (fixture->log != NULL)
		honest = honest && log_is_read_only(fixture->log) == (fixture->report.damages > 0);
	/* Where the size is known, what is not there is counted. */
	if (fixture->report.head.size == original->size)
		honest = honest && fixture->seen + fixture->report.lost >= original->size;
	if (!honest)
		fixture_say(fixture, what);
	return honest;
}
