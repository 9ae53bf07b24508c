/*
 * Filters and alerts drawn at random from one small vocabulary, so that some of them meet: for tests that compare and
 * benches that count. The same seed draws the same ones.
 */
#ifndef LIAISON_TESTS_SUPPORT_INTERESTS_H
#define LIAISON_TESTS_SUPPORT_INTERESTS_H

#include "proto/base/rand.h"
#include "proto/facts.h"
#include "proto/filter.h"

enum interest {
	INTEREST_KIND = 1 << 0,
	INTEREST_CRIME = 1 << 1,
	INTEREST_COUNTRY = 1 << 2,
	INTEREST_CROSSING = 1 << 3,
	INTEREST_OFFICE = 1 << 4,
	INTEREST_SEVERITY = 1 << 5,
	INTEREST_URGENCY = 1 << 6,
	INTEREST_LANG = 1 << 7,
	INTEREST_STATUS = 1 << 8,
	INTEREST_AREA = 1 << 9,
	/* The seven of the bench. */
	INTEREST_SEVEN = INTEREST_LANG - 1,
	INTEREST_ALL = 2 * INTEREST_AREA - 1,
};

struct interest_mix {
	unsigned interests;   /* which attributes filters use */
	unsigned least, most; /* how many of them each uses */
	unsigned values_max;  /* a filter names up to so many of one attribute, with repetitions */
	unsigned level_least; /* thresholds are drawn from here to the highest, 5 */
	/* Of the vocabulary: so many countries, posts in each, crossings. */
	unsigned countries, posts, crossings;
	/* Alerts: of a hundred so many are sealed, not ACTUAL, without a severity or urgency; the rest have all. */
	unsigned sealed, not_actual, weightless;
};

/* The caller frees; a failure ends the program. */
struct filter *interest_filter(const struct rng *rng, const struct interest_mix *mix);
struct facts *interest_alert(const struct rng *rng, const struct interest_mix *mix);

#endif
