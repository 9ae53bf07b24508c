/* For tests of a damaged log: one log of several segments, all acknowledged, that each case copies and spoils. */
#ifndef LIAISON_TESTS_SUPPORT_LOG_ORIGINAL_H
#define LIAISON_TESTS_SUPPORT_LOG_ORIGINAL_H

#include "tests/support/log_fixture.h"

#define LOG_ORIGINAL_SEED UINT64_C(99)
#define LOG_ORIGINAL_RECORDS 260

struct log_original {
	struct log_fixture fixture;
	char segments[16][SEGMENT_NAME_BYTES + 8];
	size_t count;
	uint64_t size;
	struct digest root;
};

/* Set-up and tear-down of a cmocka group; *state is a struct log_original. */
int log_original_make(void **state);
int log_original_free(void **state);

void log_original_copy(const struct log_original *original, struct log_fixture *fixture);

/* What the last walk found, on standard error. */
void fixture_say(const struct log_fixture *fixture, const char *what);

/*
 * What holds whatever was spoiled: nothing wrong is shown, and either all is there or the log says that it is not. False:
 * fixture_say has said what was found.
 */
bool log_original_is_served_honestly(
	const struct log_original *original, struct log_fixture *fixture, const char *what);

#endif
