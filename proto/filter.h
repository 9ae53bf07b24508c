/*
 * A feed's filter: values of one attribute are alternatives, attributes are all required, an absent attribute matches
 * all (absent statuses: ACTUAL only). It narrows what an office may see, never widens it. Notices pass every filter
 * (release decides alone). Sealed alerts pass on every attribute that is hidden: crimes, crossings, langs, areas. Area
 * tests come last. An alert that says nothing about an attribute that the filter asks for does not match.
 */
#ifndef LIAISON_PROTO_FILTER_H
#define LIAISON_PROTO_FILTER_H

#include "proto/facts.h"

#include "proto/frame.pb-c.h"

#define FILTER_VALUES_MAX 256 /* per attribute */

struct filter;

/*
 * Codes, addresses, ranges checked: LIAISON_BAD_CODE or LIAISON_TOO_LARGE, with the attribute named as in JSON. Country
 * codes may be in capitals or not; crossings need not exist (a later register may have more).
 */
enum liaison_err filter_new(
	const Liaison__Filter *message, struct filter **out, struct fault *fault) LIAISON_MUST_CHECK;
void filter_free(struct filter *filter); /* takes NULL */

bool filter_matches(const struct filter *filter, const struct facts *alert);
/* The area attributes alone (near, bbox); true where the filter has none. For an index that did the rest. */
bool filter_area_matches(const struct filter *filter, const struct facts *alert);
bool filter_has_area(const struct filter *filter);

/*
 * The filter in its one normal form, which filter_new takes again: lists ascending without doubles, texts in lower case
 * as struct facts has them (so an index compares bytes; `langs` of facts hold prefixes), no statuses where they are
 * ACTUAL only, no threshold where it is UNKNOWN. Lives as long as the filter.
 */
const Liaison__Filter *filter_message(const struct filter *filter);
bool filter_equal(const struct filter *a, const struct filter *b);

#endif
