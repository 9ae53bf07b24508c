#include "broker/match.h"

#include "broker/match_index.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A filter that names more texts of an attribute than this is asked itself, so that its memory has a bound. */
#define INDEXED_TEXTS_MAX 32
/* Rows that one filter may stand in: all values of all attributes and UNUSED, two asks. */
#define FILTER_ROWS_MAX (ATTRIBUTE_COUNT * (FILTER_VALUES_MAX + 1) + 2)

_Static_assert(LIAISON__SEVERITY__SEVERITY_EXTREME < CODES_MAX && LIAISON__URGENCY__URGENCY_IMMEDIATE < CODES_MAX &&
		       LIAISON__KIND__KIND_SMUGGLING_INCIDENT < CODES_MAX && LIAISON__CRIME__CRIME_OTHER < CODES_MAX,
	"codes have rows");

/* --- life ---------------------------------------------------------------------------------------------------------- */

/* Room for a query that takes every row, answered with every slot. */
static enum liaison_err
match_make_room(struct match *m)
{
	size_t row_max = ATTRIBUTE_COUNT * CODES_MAX + m->values.count;
	size_t feed_max = m->slots.count + ROWS_SLACK;

	if (row_max > m->row_max) {
		row_max += m->values.count; /* for the next ones */
		const struct row **rows = realloc(m->rows, row_max * sizeof *rows);
		if (!rows)
			return LIAISON_NO_MEMORY;
		m->rows = rows;
		const uint64_t **words = realloc(m->words, row_max * sizeof *words);
		if (!words)
			return LIAISON_NO_MEMORY;
		m->words = words;
		m->row_max = row_max;
	}
	if (feed_max > m->feed_max) {
		uint32_t *feeds = realloc(m->feeds, feed_max * sizeof *feeds);
		if (!feeds)
			return LIAISON_NO_MEMORY;
		m->feeds = feeds;
		m->feed_max = feed_max;
	}
	return LIAISON_OK;
}

enum liaison_err
match_new(const struct rng *rng, struct match **out)
{
	struct match *m = calloc(1, sizeof *m);
	enum liaison_err err;

	if (!m)
		return LIAISON_NO_MEMORY;
	m->steps = rows_steps_best();
	if ((err = slots_init(&m->slots)) || (err = values_init(&m->values, rng)) || (err = match_make_room(m))) {
		match_free(m);
		return err;
	}
	*out = m;
	return LIAISON_OK;
}

void
match_free(struct match *m)
{
	if (!m)
		return;
	for (size_t a = 0; a < ATTRIBUTE_COUNT; a++)
		for (size_t i = 0; i < CODES_MAX; i++)
			row_clear(&m->codes[a][i]);
	row_clear(&m->ask_area);
	row_clear(&m->ask_all);
	values_clear(&m->values);
	slots_clear(&m->slots);
	free(m->rows);
	free(m->words);
	free(m->feeds);
	free(m);
}

size_t
match_count(const struct match *m)
{
	return m->slots.used.count;
}

size_t
match_bytes(const struct match *m)
{
	size_t bytes = sizeof *m + slots_bytes(&m->slots) + values_bytes(&m->values) + row_bytes(&m->ask_area) +
		       row_bytes(&m->ask_all) + m->row_max * (sizeof *m->rows + sizeof *m->words) +
		       m->feed_max * sizeof *m->feeds;

	for (size_t a = 0; a < ATTRIBUTE_COUNT; a++)
		for (size_t i = 0; i < CODES_MAX; i++)
			bytes += row_bytes(&m->codes[a][i]);
	return bytes;
}

/* --- the rows of a filter ------------------------------------------------------------------------------------------ */

struct row_list {
	bool asks; /* the rows do not say all that the filter does */
	size_t count;
	struct row *rows[FILTER_ROWS_MAX];
	struct value *values[FILTER_ROWS_MAX]; /* whose row that is; NULL: one of codes */
};

static void
list_put(struct row_list *list, struct row *row, struct value *value)
{
	assert(list->count < FILTER_ROWS_MAX);
	list->rows[list->count] = row;
	list->values[list->count++] = value;
}

static void
list_code(struct match *m, struct row_list *list, enum attribute a, uint32_t code)
{
	assert(code < CODES_MAX);
	list_put(list, &m->codes[a][code], NULL);
}

static void
list_levels(struct match *m, struct row_list *list, enum attribute a, uint32_t least, uint32_t most)
{
	for (uint32_t level = least; level <= most; level++)
		list_code(m, list, a, level);
}

/* Lets go of the values that no filter names any more. */
static void
list_drop_empty(struct match *m, const struct row_list *list, size_t first)
{
	for (size_t i = first; i < list->count; i++)
		if (list->values[i] && list->rows[i]->count == 0)
			values_remove(&m->values, list->values[i]);
}

/* The values' rows, or UNUSED and `asks` if there are too many. */
static enum liaison_err
list_texts(struct match *m, struct row_list *list, enum attribute a, char *const *texts, size_t count)
{
	size_t first = list->count;
	enum liaison_err err = count > INDEXED_TEXTS_MAX ? LIAISON_TOO_LARGE : LIAISON_OK;

	for (size_t i = 0; !err && i < count; i++) {
		struct value *value;
		err = values_add(&m->values, a, texts[i], MATCH_TEXTS_MAX, &value);
		if (!err)
			list_put(list, &value->row, value);
	}
	if (err && err != LIAISON_TOO_LARGE)
		return err;
	if (err) {
		list_drop_empty(m, list, first);
		list->count = first;
		list->asks = true;
	}
	if (err || count == 0)
		list_code(m, list, a, UNUSED);
	return LIAISON_OK;
}

static void
list_codes(struct match *m, struct row_list *list, const Liaison__Filter *f)
{
	if (f->n_kinds == 0)
		list_code(m, list, ATTRIBUTE_KIND, UNUSED);
	for (size_t i = 0; i < f->n_kinds; i++)
		list_code(m, list, ATTRIBUTE_KIND, f->kinds[i]);
	if (f->n_crimes == 0)
		list_code(m, list, ATTRIBUTE_CRIME, UNUSED);
	for (size_t i = 0; i < f->n_crimes; i++)
		list_code(m, list, ATTRIBUTE_CRIME, f->crimes[i]);
	if (f->n_statuses == 0)
		list_code(m, list, ATTRIBUTE_STATUS, LIAISON__STATUS__STATUS_ACTUAL);
	for (size_t i = 0; i < f->n_statuses; i++)
		list_code(m, list, ATTRIBUTE_STATUS, f->statuses[i]);
	list_levels(m, list, ATTRIBUTE_SEVERITY,
		f->has_min_severity ? f->min_severity : LIAISON__SEVERITY__SEVERITY_UNKNOWN,
		LIAISON__SEVERITY__SEVERITY_EXTREME);
	list_levels(m, list, ATTRIBUTE_URGENCY, f->has_min_urgency ? f->min_urgency : LIAISON__URGENCY__URGENCY_UNKNOWN,
		LIAISON__URGENCY__URGENCY_IMMEDIATE);
}

/* Every row that the filter is to stand in. Values are made where missing, some though it failed: list_drop_empty(). */
static enum liaison_err
list_to_add(struct match *m, const struct filter *filter, struct row_list *list)
{
	const Liaison__Filter *f = filter_message(filter);
	enum liaison_err err;

	list->count = 0;
	list->asks = false;
	list_codes(m, list, f);
	if ((err = list_texts(m, list, ATTRIBUTE_OFFICE, f->offices, f->n_offices)) ||
		(err = list_texts(m, list, ATTRIBUTE_COUNTRY, f->countries, f->n_countries)) ||
		(err = list_texts(m, list, ATTRIBUTE_CROSSING, f->crossings, f->n_crossings)) ||
		(err = list_texts(m, list, ATTRIBUTE_LANG, f->langs, f->n_langs)))
		return err;
	if (list->asks)
		list_put(list, &m->ask_all, NULL);
	else if (filter_has_area(filter))
		list_put(list, &m->ask_area, NULL);
	return LIAISON_OK;
}

static void
list_known_texts(struct match *m, struct row_list *list, enum attribute a, char *const *texts, size_t count)
{
	list_code(m, list, a, UNUSED);
	for (size_t i = 0; i < count; i++) {
		struct value *value = values_find(&m->values, a, texts[i], strlen(texts[i]));
		if (value)
			list_put(list, &value->row, value);
	}
}

/* Every row that the filter may stand in: when it was added, values may have been too many. */
static void
list_to_remove(struct match *m, const struct filter *filter, struct row_list *list)
{
	const Liaison__Filter *f = filter_message(filter);

	list->count = 0;
	list_put(list, &m->ask_area, NULL);
	list_put(list, &m->ask_all, NULL);
	list_codes(m, list, f);
	list_known_texts(m, list, ATTRIBUTE_OFFICE, f->offices, f->n_offices);
	list_known_texts(m, list, ATTRIBUTE_COUNTRY, f->countries, f->n_countries);
	list_known_texts(m, list, ATTRIBUTE_CROSSING, f->crossings, f->n_crossings);
	list_known_texts(m, list, ATTRIBUTE_LANG, f->langs, f->n_langs);
}

/* --- in and out ---------------------------------------------------------------------------------------------------- */

/* A filter that names more values of an attribute than this is not put with those that name the first of them. */
#define HOME_VALUES_MAX 4

static bool
home_text(const struct match *m, enum attribute a, char *const *texts, size_t count, struct slot_home *home)
{
	if (count == 0 || count > HOME_VALUES_MAX)
		return false;
	home->attribute = a;
	home->block = (uint32_t)(values_hash(&m->values, a, texts[0], strlen(texts[0])) % CHUNK_BLOCKS);
	return true;
}

static bool
home_code(enum attribute a, uint32_t code, size_t count, struct slot_home *home)
{
	if (count == 0 || count > HOME_VALUES_MAX)
		return false;
	home->attribute = a;
	/* There are few codes and many filters of each, so the codes are spread over the chunk. */
	home->block = code * 5 % CHUNK_BLOCKS;
	return true;
}

/* The narrowest attribute first. */
static struct slot_home
filter_home(const struct match *m, const struct filter *filter)
{
	const Liaison__Filter *f = filter_message(filter);
	struct slot_home home = {.attribute = ATTRIBUTE_COUNT};

	(void)(home_text(m, ATTRIBUTE_CROSSING, f->crossings, f->n_crossings, &home) ||
		home_text(m, ATTRIBUTE_OFFICE, f->offices, f->n_offices, &home) ||
		home_text(m, ATTRIBUTE_COUNTRY, f->countries, f->n_countries, &home) ||
		home_code(ATTRIBUTE_KIND, f->n_kinds ? f->kinds[0] : 0, f->n_kinds, &home) ||
		home_code(ATTRIBUTE_CRIME, f->n_crimes ? f->crimes[0] : 0, f->n_crimes, &home));
	return home;
}

enum liaison_err
match_add(struct match *m, const struct filter *filter, uint32_t feed)
{
	struct slot_home home = filter_home(m, filter);
	struct row_list list;
	uint32_t slot;
	enum liaison_err err;

	if (slots_find(&m->slots, feed, &slot))
		return LIAISON_EXISTS;
	if (match_count(m) == MATCH_FEEDS_MAX)
		return LIAISON_TOO_LARGE;
	if ((err = slots_choose(&m->slots, home, &slot)))
		return err;
	err = list_to_add(m, filter, &list);
	if (!err)
		err = match_make_room(m);
	for (size_t i = 0; !err && i < list.count; i++)
		err = row_reserve(list.rows[i], slot);
	if (err) {
		for (size_t i = 0; i < list.count; i++)
			row_trim(list.rows[i], slot);
		list_drop_empty(m, &list, 0);
		return err;
	}
	for (size_t i = 0; i < list.count; i++)
		row_set(list.rows[i], slot);
	slots_fill(&m->slots, home, slot, filter, feed);
	return LIAISON_OK;
}

enum liaison_err
match_remove(struct match *m, uint32_t feed)
{
	struct row_list list;
	uint32_t slot;

	if (!slots_find(&m->slots, feed, &slot))
		return LIAISON_NOT_FOUND;
	list_to_remove(m, m->slots.filters[slot], &list);
	for (size_t i = 0; i < list.count; i++)
		row_unset(list.rows[i], slot);
	list_drop_empty(m, &list, 0);
	slots_empty(&m->slots, slot);
	return LIAISON_OK;
}
