/*
 * What the two halves of the match index share: match.c puts filters in and takes them out, match_query.c answers. Nobody
 * else includes this; what the index promises stands in match.h.
 */
#ifndef LIAISON_BROKER_MATCH_INDEX_H
#define LIAISON_BROKER_MATCH_INDEX_H

#include "broker/match.h"
#include "broker/rows.h"
#include "broker/slots.h"
#include "broker/values.h"

enum attribute {
	ATTRIBUTE_KIND,
	ATTRIBUTE_CRIME,
	ATTRIBUTE_STATUS,
	ATTRIBUTE_SEVERITY,
	ATTRIBUTE_URGENCY,
	ATTRIBUTE_OFFICE, /* from here on the values are texts */
	ATTRIBUTE_COUNTRY,
	ATTRIBUTE_CROSSING,
	ATTRIBUTE_LANG,
	ATTRIBUTE_COUNT,
};

#define CODES_MAX 32 /* enum values are below: facts.crimes has as many bits */
#define UNUSED 0     /* no enum value: codes[a][UNUSED] has the filters that do not use the attribute */

struct match {
	const struct rows_steps *steps;
	struct slots slots;
	struct values values;
	/* Filters with more than rows can say: an area; very many texts. */
	struct row ask_area, ask_all;
	/* By enum value; of a threshold, the filters whose least level is at most that. Also for texts: UNUSED. */
	struct row codes[ATTRIBUTE_COUNT][CODES_MAX];

	/* Room for one query and its answer, made by match_add(). */
	size_t row_max;
	const struct row **rows;
	const uint64_t **words;
	size_t feed_max;
	uint32_t *feeds;
};

#endif
