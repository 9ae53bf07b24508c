#include "tests/support/interests.h"

#include "proto/frame.pb-c.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_MAX 5
#define VALUES_MAX 8
#define TEXT_BYTES 64

static const char COUNTRIES[][3] = {"KH", "LA", "MM", "TH", "VN", "CN", "ID", "MY", "PH", "SG", "BD", "IN", "NP", "LK",
	"JP", "KR", "AU", "NZ", "BN", "TL"};
static const char *const LANGS[] = {"en", "km", "lo", "my", "th", "vi", "zh-Hant", "zh-Hans", "en-GB", "ms"};
static const char *const OFFICE_KINDS[] = {"blo", "atu", "piu"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void
give_up(const char *what, const struct fault *fault)
{
	fprintf(stderr, "interests: %s: %s\n", what, fault ? fault->message : "failed");
	exit(EXIT_FAILURE);
}

static unsigned
below(const struct rng *rng, size_t bound)
{
	return rng_below(rng, (uint32_t)bound);
}

static bool
percent(const struct rng *rng, unsigned chance)
{
	return below(rng, 100) < chance;
}

/* Up to VALUES_MAX texts of one attribute, and the pointers that a message wants. */
struct texts {
	char text[VALUES_MAX][TEXT_BYTES];
	char *at[VALUES_MAX];
};

static char *
texts_put(struct texts *texts, size_t i, const char *text)
{
	snprintf(texts->text[i], TEXT_BYTES, "%s", text);
	return texts->at[i] = texts->text[i];
}

static const char *
draw_country(const struct rng *rng, const struct interest_mix *mix)
{
	unsigned countries = mix->countries < COUNT(COUNTRIES) ? mix->countries : COUNT(COUNTRIES);

	return COUNTRIES[below(rng, countries)];
}

static void
draw_crossing(const struct rng *rng, const struct interest_mix *mix, char out[TEXT_BYTES])
{
	const char *country = draw_country(rng, mix);

	snprintf(out, TEXT_BYTES, "%c%c-crossing-%u", country[0] | 0x20, country[1] | 0x20,
		below(rng, (mix->crossings + mix->countries - 1) / mix->countries));
}

/* Labels: 1 the country, 2 its offices of a kind, 3 one office. */
static void
draw_address(const struct rng *rng, const struct interest_mix *mix, unsigned labels, char out[TEXT_BYTES])
{
	const char *country = draw_country(rng, mix);
	int len = snprintf(out, TEXT_BYTES, "%c%c", country[0] | 0x20, country[1] | 0x20);

	if (labels > 1)
		len += snprintf(
			out + len, TEXT_BYTES - (size_t)len, ".%s", OFFICE_KINDS[below(rng, COUNT(OFFICE_KINDS))]);
	if (labels > 2)
		snprintf(out + len, TEXT_BYTES - (size_t)len, ".post%u", below(rng, mix->posts));
}

/* --- filters ------------------------------------------------------------------------------------------------------- */

struct filter_parts {
	Liaison__Kind kinds[VALUES_MAX];
	Liaison__Crime crimes[VALUES_MAX];
	Liaison__Status statuses[VALUES_MAX];
	struct texts countries, crossings, offices, langs;
	Liaison__Near near;
	Liaison__Near *nears[1];
};

static void
draw_attribute(const struct rng *rng, const struct interest_mix *mix, enum interest interest, struct filter_parts *p,
	Liaison__Filter *f)
{
	size_t count = 1 + below(rng, mix->values_max < VALUES_MAX ? mix->values_max : VALUES_MAX);
	uint32_t level = mix->level_least + below(rng, LEVEL_MAX + 1 - mix->level_least);
	char text[TEXT_BYTES];

	for (size_t i = 0; i < count; i++) {
		switch (interest) {
		case INTEREST_KIND: p->kinds[f->n_kinds++] = (Liaison__Kind)(1 + below(rng, 12)); break;
		case INTEREST_CRIME: p->crimes[f->n_crimes++] = (Liaison__Crime)(1 + below(rng, 12)); break;
		case INTEREST_STATUS: p->statuses[f->n_statuses++] = (Liaison__Status)(1 + below(rng, 3)); break;
		case INTEREST_COUNTRY: texts_put(&p->countries, f->n_countries++, draw_country(rng, mix)); break;
		case INTEREST_CROSSING:
			draw_crossing(rng, mix, text);
			texts_put(&p->crossings, f->n_crossings++, text);
			break;
		case INTEREST_OFFICE:
			draw_address(rng, mix, 1 + below(rng, 3), text);
			texts_put(&p->offices, f->n_offices++, text);
			break;
		case INTEREST_LANG: texts_put(&p->langs, f->n_langs++, LANGS[below(rng, COUNT(LANGS))]); break;
		case INTEREST_SEVERITY:
			f->has_min_severity = true;
			f->min_severity = (Liaison__Severity)level;
			break;
		case INTEREST_URGENCY:
			f->has_min_urgency = true;
			f->min_urgency = (Liaison__Urgency)level;
			break;
		case INTEREST_AREA: f->n_near = 1; break;
		case INTEREST_SEVEN:
		case INTEREST_ALL: break;
		}
	}
}

struct filter *
interest_filter(const struct rng *rng, const struct interest_mix *mix)
{
	Liaison__Filter f = LIAISON__FILTER__INIT;
	struct filter_parts p;
	struct fault fault;
	struct filter *filter;
	unsigned left = mix->least + below(rng, mix->most + 1 - mix->least);
	unsigned open = mix->interests;

	while (left > 0 && open) {
		enum interest interest = (enum interest)(1u << below(rng, 10));
		if (!(open & interest))
			continue;
		open &= ~(unsigned)interest;
		draw_attribute(rng, mix, interest, &p, &f);
		left--;
	}
	liaison__near__init(&p.near);
	p.near.has_lat = p.near.has_lon = p.near.has_km = true;
	p.near.lat = 8 + below(rng, 160) / 10.0;
	p.near.lon = 96 + below(rng, 140) / 10.0;
	p.near.km = 20 + below(rng, 300);
	p.nears[0] = &p.near;
	f.kinds = p.kinds;
	f.crimes = p.crimes;
	f.statuses = p.statuses;
	f.countries = p.countries.at;
	f.crossings = p.crossings.at;
	f.offices = p.offices.at;
	f.langs = p.langs.at;
	f.near = p.nears;
	if (filter_new(&f, &filter, &fault) != LIAISON_OK)
		give_up("filter", &fault);
	return filter;
}

/* --- alerts -------------------------------------------------------------------------------------------------------- */

#define ALERT_VALUES_MAX 3

struct alert_parts {
	char id[TEXT_BYTES + 8];
	Liaison__Crime crimes[ALERT_VALUES_MAX];
	struct texts countries, crossings;
	Liaison__Text text[2];
	Liaison__Text *texts[2];
	Liaison__Circle circle;
	Liaison__Circle *circles[1];
	Liaison__Where where;
	Liaison__Handling handling;
	Liaison__Sealed sealed;
};

static void
draw_where(const struct rng *rng, const struct interest_mix *mix, struct alert_parts *p, bool is_sealed)
{
	char text[TEXT_BYTES];

	liaison__where__init(&p->where);
	p->where.countries = p->countries.at;
	p->where.crossings = p->crossings.at;
	for (size_t left = below(rng, ALERT_VALUES_MAX) + 1; left > 0; left--)
		texts_put(&p->countries, p->where.n_countries++, draw_country(rng, mix));
	if (is_sealed)
		return;
	for (size_t left = below(rng, 4) ? 1 : 0; left > 0; left--) {
		draw_crossing(rng, mix, text);
		texts_put(&p->crossings, p->where.n_crossings++, text);
	}
	if (!(mix->interests & INTEREST_AREA) || percent(rng, 10))
		return;
	liaison__circle__init(&p->circle);
	p->circle.has_lat = p->circle.has_lon = p->circle.has_km = true;
	p->circle.lat = 8 + below(rng, 1600) / 100.0;
	p->circle.lon = 96 + below(rng, 1400) / 100.0;
	p->circle.km = below(rng, 30);
	p->circles[0] = &p->circle;
	p->where.circles = p->circles;
	p->where.n_circles = 1;
}

static void
draw_content(const struct rng *rng, struct alert_parts *p, Liaison__Alert *a)
{
	for (size_t left = below(rng, ALERT_VALUES_MAX) + 1; left > 0; left--)
		p->crimes[a->n_crime++] = (Liaison__Crime)(1 + below(rng, 12));
	a->crime = p->crimes;
	for (size_t i = 0; i < 2; i++) {
		liaison__text__init(&p->text[i]);
		p->text[i].lang = (char *)(uintptr_t)LANGS[below(rng, COUNT(LANGS))];
		p->text[i].headline = (char *)(uintptr_t) "Specimen";
		p->texts[i] = &p->text[i];
	}
	a->n_texts = 1 + below(rng, 2);
	a->texts = p->texts;
}

struct facts *
interest_alert(const struct rng *rng, const struct interest_mix *mix)
{
	static const char everywhere[] = "TH";
	Liaison__Alert a = LIAISON__ALERT__INIT;
	struct alert_parts p;
	char office[TEXT_BYTES];
	char *countries[] = {(char *)(uintptr_t)everywhere};
	bool is_sealed = percent(rng, mix->sealed);
	struct facts *facts;
	struct fault fault;

	draw_address(rng, mix, 3, office);
	snprintf(p.id, sizeof p.id, "%s/%u", office, 1 + below(rng, 1000));
	a.id = p.id;
	a.has_sent = a.has_expires = a.has_status = a.has_message = a.has_kind = true;
	a.sent = 1700000000000;
	a.expires = a.sent + 1000;
	a.status = percent(rng, mix->not_actual) ? LIAISON__STATUS__STATUS_EXERCISE : LIAISON__STATUS__STATUS_ACTUAL;
	a.message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT;
	a.kind = (Liaison__Kind)(1 + below(rng, 12));
	a.has_severity = !percent(rng, mix->weightless);
	a.severity = (Liaison__Severity)(1 + below(rng, LEVEL_MAX));
	a.has_urgency = !percent(rng, mix->weightless);
	a.urgency = (Liaison__Urgency)(1 + below(rng, LEVEL_MAX));
	liaison__handling__init(&p.handling);
	p.handling.has_level = true;
	p.handling.level = LIAISON__LEVEL__LEVEL_AMBER;
	p.handling.n_countries = 1;
	p.handling.countries = countries;
	a.handling = &p.handling;
	draw_where(rng, mix, &p, is_sealed);
	a.where = &p.where;
	if (is_sealed) {
		liaison__sealed__init(&p.sealed);
		a.sealed = &p.sealed;
	} else {
		draw_content(rng, &p, &a);
	}
	if (facts_new(&a, NULL, &facts, &fault) != LIAISON_OK)
		give_up("facts", &fault);
	return facts;
}
