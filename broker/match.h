/*
 * The match index: the filters of all feeds, arranged so that asking "which feeds want this alert?" does not ask each of
 * them. It promises exactly what filter_matches() says of every filter that is in it, and does not judge who may see the
 * alert: that is release. Pure: no socket, disk, clock.
 *
 * How: each filter has a slot, each value that any filter names has a row with one bit per slot ("accepts this value"),
 * and each attribute one more for the filters that do not use it. The rows of an alert's values are ORed within an
 * attribute and ANDed across attributes, 512 slots at a time; an attribute that the alert hides (sealed) is left out.
 * Thresholds have a row per level, offices a row per address, so that an alert reads the rows of its author's prefixes
 * only. Filters that ask for the same stand together (slots.h) and each row knows which of its blocks are empty, so that
 * most blocks are never read. Filters with an area, or with more texts of one attribute than rows are kept for, are asked
 * themselves, if they survive all else.
 *
 * Memory: 12 to 28 bytes per slot, of which there are, at an attribute's peak, at most 4/3 per filter at home there and a
 * chunk (16,384) more; and a row per value, of slots / 8 bytes at most, in chunks of 2 KiB of which it has only those with
 * a bit set. So 100,000 filters over 400 values take 7 to 11 MB, and one filter never more than 128 chunks of texts. At
 * most MATCH_FEEDS_MAX filters, and rows for MATCH_TEXTS_MAX texts (filters that come later and name others are asked
 * themselves). Of a filter that has gone, free slots are kept and nothing else.
 */
#ifndef LIAISON_BROKER_MATCH_H
#define LIAISON_BROKER_MATCH_H

#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/facts.h"
#include "proto/filter.h"

#include <stddef.h>
#include <stdint.h>

#define MATCH_FEEDS_MAX (1u << 20)
#define MATCH_TEXTS_MAX (1u << 16)

struct match;

/* `rng` seeds the table of values (so that nobody can choose values that collide) and is not kept. LIAISON_NO_MEMORY. */
enum liaison_err match_new(const struct rng *rng, struct match **out) LIAISON_MUST_CHECK;
void match_free(struct match *match); /* takes NULL; the filters stay their owners' */

/*
 * Puts a feed's filter in. Borrows `filter` until match_remove() or match_free(). LIAISON_EXISTS if the feed has one here
 * already (a changed filter is a removal and an addition), LIAISON_TOO_LARGE past MATCH_FEEDS_MAX,
 * LIAISON_NO_MEMORY; on failure nothing is in that was not.
 */
enum liaison_err match_add(struct match *match, const struct filter *filter, uint32_t feed) LIAISON_MUST_CHECK;

/* Takes the feed's filter out; its slot is used again. LIAISON_NOT_FOUND. */
enum liaison_err match_remove(struct match *match, uint32_t feed) LIAISON_MUST_CHECK;

size_t match_count(const struct match *match); /* filters that are in */

size_t match_bytes(const struct match *match); /* what it holds on the heap; walks all rows */

/*
 * The feeds whose filters match the alert, each once, in no particular order. The list is the index's own, and stands
 * until the next call on it. Does not allocate and cannot fail. A notice matches every filter.
 */
size_t match_alert(struct match *match, const struct facts *alert, const uint32_t **feeds);

#endif
