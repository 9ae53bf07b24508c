#include "broker/match_index.h"

#include <assert.h>
#include <string.h>

/* The rows of an alert's values, attribute by attribute: a filter that matches has a bit in one row of each. */
struct query {
	struct match *match;
	const struct facts *alert;
	bool asks_area;
	size_t row_count;
	size_t term_count;
	struct query_term {
		size_t first, count; /* in match->rows */
		size_t bits;         /* at most so many filters pass it */
	} terms[ATTRIBUTE_COUNT];
};

static void
query_row(struct query *q, const struct row *row)
{
	struct query_term *term = &q->terms[q->term_count - 1];

	if (row->count == 0)
		return;
	assert(q->row_count < q->match->row_max);
	q->match->rows[q->row_count++] = row;
	term->count++;
	term->bits += row->count;
}

static void
query_term(struct query *q, enum attribute a, uint32_t code)
{
	assert(code < CODES_MAX);
	q->terms[q->term_count++] = (struct query_term){.first = q->row_count};
	query_row(q, &q->match->codes[a][code]);
}

static void
query_text(struct query *q, enum attribute a, const char *text, size_t len)
{
	const struct value *value = values_find(&q->match->values, a, text, len);

	if (value)
		query_row(q, &value->row);
}

static void
query_texts(struct query *q, enum attribute a, char *const *texts, size_t count)
{
	query_term(q, a, UNUSED);
	for (size_t i = 0; i < count; i++)
		query_text(q, a, texts[i], strlen(texts[i]));
}

/* An address covers the author if it is the author's id or a prefix of it at a dot. */
static void
query_author(struct query *q)
{
	const char *office = q->alert->id.office.text;

	query_term(q, ATTRIBUTE_OFFICE, UNUSED);
	for (size_t len = 1; office[len - 1] != '\0'; len++)
		if (office[len] == '.' || office[len] == '\0')
			query_text(q, ATTRIBUTE_OFFICE, office, len);
}

static void
query_build(struct query *q)
{
	const struct facts *alert = q->alert;

	query_author(q);
	query_texts(q, ATTRIBUTE_COUNTRY, alert->countries, alert->country_count);
	query_term(q, ATTRIBUTE_KIND, UNUSED);
	query_row(q, &q->match->codes[ATTRIBUTE_KIND][alert->kind]);
	query_term(q, ATTRIBUTE_STATUS, alert->status);
	query_term(q, ATTRIBUTE_SEVERITY, alert->severity);
	query_term(q, ATTRIBUTE_URGENCY, alert->urgency);
	if (alert->is_sealed)
		return;
	query_term(q, ATTRIBUTE_CRIME, UNUSED);
	for (uint32_t crimes = alert->crimes; crimes; crimes &= crimes - 1)
		query_row(q, &q->match->codes[ATTRIBUTE_CRIME][__builtin_ctz(crimes)]);
	query_texts(q, ATTRIBUTE_CROSSING, alert->crossings, alert->crossing_count);
	query_texts(q, ATTRIBUTE_LANG, alert->langs, alert->lang_count);
	q->asks_area = true;
}

/* The narrowest first: the sooner a block is empty, the fewer rows are read. */
static void
query_sort(struct query *q)
{
	for (size_t i = 1; i < q->term_count; i++) {
		struct query_term term = q->terms[i];
		size_t at = i;
		for (; at > 0 && q->terms[at - 1].bits > term.bits; at--)
			q->terms[at] = q->terms[at - 1];
		q->terms[at] = term;
	}
}

typedef bool ask_fn(const struct filter *filter, const struct facts *alert);

/* Takes the bits out of those filters in `row` that say no. */
static void
block_ask(const struct query *q, const struct row *row, ask_fn *ask, uint32_t slot, uint64_t words[BLOCK_WORDS])
{
	const struct chunk *chunk = row_chunk(row, slot / CHUNK_SLOTS);

	for (uint32_t i = 0; chunk && i < BLOCK_WORDS; i++) {
		uint64_t left = words[i] & chunk->words[slot % CHUNK_SLOTS / 64 + i];
		for (; left; left &= left - 1) {
			uint32_t bit = (uint32_t)__builtin_ctzll(left);
			if (!ask(q->match->slots.filters[slot + i * 64 + bit], q->alert))
				words[i] &= ~(UINT64_C(1) << bit);
		}
	}
}

/*
 * The query's terms in chunk `at`, less those that all its filters pass; returns the blocks in which every term has a
 * bit.
 */
static uint32_t
chunk_terms(const struct query *q, uint32_t at, const struct chunk *base, struct rows_term terms[ATTRIBUTE_COUNT],
	size_t *term_count)
{
	struct match *m = q->match;
	const uint64_t **words = m->words;
	uint32_t live = base->live;

	*term_count = 0;
	for (size_t t = 0; live && t < q->term_count; t++) {
		const struct query_term *term = &q->terms[t];
		uint32_t any = 0;
		size_t count = 0;
		bool passes_all = false;
		for (size_t i = term->first; i < term->first + term->count; i++) {
			const struct chunk *chunk = row_chunk(m->rows[i], at);
			if (!chunk)
				continue;
			words[count++] = chunk->words;
			any |= chunk->live;
			passes_all = passes_all || chunk->count == base->count;
		}
		live &= any;
		if (passes_all || count == 0)
			continue;
		terms[(*term_count)++] = (struct rows_term){.any = words, .count = count};
		words += count;
	}
	return live;
}

static uint32_t *
chunk_match(const struct query *q, uint32_t at, uint32_t *out)
{
	const struct match *m = q->match;
	const struct chunk *base = row_chunk(&m->slots.used, at);
	struct rows_term terms[ATTRIBUTE_COUNT];
	size_t term_count;

	if (!base)
		return out;
	for (uint32_t live = chunk_terms(q, at, base, terms, &term_count); live; live &= live - 1) {
		uint32_t block = (uint32_t)__builtin_ctz(live);
		uint32_t slot = at * CHUNK_SLOTS + block * BLOCK_SLOTS;
		uint64_t words[BLOCK_WORDS];
		if (!m->steps->combine(base->words, terms, term_count, block, words))
			continue;
		if (q->asks_area)
			block_ask(q, &m->ask_area, filter_area_matches, slot, words);
		block_ask(q, &m->ask_all, filter_matches, slot, words);
		out = m->steps->list(words, m->slots.feeds + slot, out);
	}
	return out;
}

size_t
match_alert(struct match *m, const struct facts *alert, const uint32_t **feeds)
{
	struct query q = {.match = m, .alert = alert};
	uint32_t *out = m->feeds;

	if (!facts_is_notice(alert)) {
		query_build(&q);
		query_sort(&q);
	}
	for (uint32_t at = 0; at < m->slots.count / CHUNK_SLOTS; at++)
		out = chunk_match(&q, at, out);
	*feeds = m->feeds;
	return (size_t)(out - m->feeds);
}
