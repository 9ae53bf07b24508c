#include "proto/facts.h"

#include <stdlib.h>
#include <string.h>

/* A list that is being filled: room for all that could stand in it was counted before. */
struct list {
	char **texts;
	size_t count;
};

/* What facts_new measures before it allocates, and the memory that it then hands out. */
struct arena {
	size_t addresses, countries, crossings, langs; /* at most so many */
	size_t chars;                                  /* of all their texts, with NULs */
	char *free;
};

static char
lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static void
list_add(struct list *list, struct arena *arena, const char *text, size_t len)
{
	char *copy = arena->free;

	for (size_t i = 0; i < len; i++)
		copy[i] = lower(text[i]);
	copy[len] = '\0';
	arena->free += len + 1;
	list->texts[list->count++] = copy;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
list_finish(const struct list *list, char ***texts, size_t *count)
{
	size_t kept = 0;

	if (list->count > 1)
		qsort(list->texts, list->count, sizeof list->texts[0], compare_texts);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || strcmp(list->texts[kept - 1], list->texts[i]) != 0)
			list->texts[kept++] = list->texts[i];
	*texts = list->texts;
	*count = kept;
}

/* --- where --------------------------------------------------------------------------------------------------------- */

/* Calls back for each crossing id under `where`; the same id may come more than once. */
typedef void crossing_fn(void *arg, const char *id);

static void
each_crossing(const Liaison__Where *where, crossing_fn *take, void *arg)
{
	for (size_t i = 0; i < where->n_crossings; i++)
		take(arg, where->crossings[i]);
	for (size_t i = 0; i < where->n_legs; i++) {
		const Liaison__Leg *leg = where->legs[i];
		const char *ids[] = {
			leg->from ? leg->from->crossing : NULL, leg->crossing, leg->to ? leg->to->crossing : NULL};
		for (size_t k = 0; k < 3; k++)
			if (ids[k] != NULL)
				take(arg, ids[k]);
	}
}

static size_t
ring_points(const Liaison__Where *where)
{
	size_t points = 0;

	for (size_t i = 0; i < where->n_polygons; i++)
		points += where->polygons[i]->n_points;
	return points;
}

struct place {
	bool is_known;
	struct area_point point;
};

static struct place
place_at(double lat, double lon)
{
	return (struct place){area_point_is_valid(lat, lon), {lat, lon}};
}

static struct place
place_of_crossing(const struct crossings *crossings, const char *id)
{
	const struct crossing *crossing = crossings && id ? crossings_find(crossings, id) : NULL;

	return crossing ? place_at(crossing->lat, crossing->lon) : (struct place){0};
}

static struct place
place_of(const struct crossings *crossings, const Liaison__Place *place)
{
	if (place != NULL && place->has_lat && place->has_lon)
		return place_at(place->lat, place->lon);
	return place_of_crossing(crossings, place ? place->crossing : NULL);
}

/* A leg is drawn through what is known of it: from, crossing, to. */
static size_t
area_add_leg(struct area *area, const struct crossings *crossings, const Liaison__Leg *leg)
{
	const struct place places[] = {place_of(crossings, leg->from), place_of_crossing(crossings, leg->crossing),
		place_of(crossings, leg->to)};
	const struct place *last = NULL;
	size_t known = 0;

	for (size_t i = 0; i < 3; i++) {
		if (!places[i].is_known)
			continue;
		if (last != NULL)
			area_add_line(area, last->point, places[i].point);
		last = &places[i];
		known++;
	}
	if (known == 1)
		area_add_circle(area, last->point, 0);
	return known;
}

static enum liaison_err
area_add_polygon(struct area *area, const Liaison__Polygon *polygon)
{
	struct area_point *points;
	enum liaison_err err = LIAISON_MALFORMED;

	if (polygon->n_points < 3)
		return err;
	points = malloc(polygon->n_points * sizeof *points);
	if (points == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; i < polygon->n_points; i++) {
		points[i] = (struct area_point){polygon->points[i]->lat, polygon->points[i]->lon};
		if (!area_point_is_valid(points[i].lat, points[i].lon))
			goto out;
	}
	area_add_ring(area, points, polygon->n_points);
	err = LIAISON_OK;
out:
	free(points);
	return err;
}

/* A crossing stands for the ground around it, as far as the register is unsure. */
static size_t
area_add_crossings(struct area *area, const struct crossings *crossings, const Liaison__Where *where)
{
	size_t known = 0;

	for (size_t i = 0; crossings != NULL && i < where->n_crossings; i++) {
		const struct crossing *crossing = crossings_find(crossings, where->crossings[i]);
		if (crossing == NULL)
			continue;
		area_add_circle(area, (struct area_point){crossing->lat, crossing->lon}, crossing->within_km);
		known++;
	}
	return known;
}

/* `out` stays NULL where no position is given. */
static enum liaison_err
area_of(const Liaison__Where *where, const struct crossings *crossings, struct area **out)
{
	size_t circles = where->n_circles + where->n_crossings + where->n_legs;
	struct area *area = area_new(circles, 2 * where->n_legs, where->n_polygons, ring_points(where));
	enum liaison_err err = LIAISON_OK;

	if (area == NULL)
		return LIAISON_NO_MEMORY;
	size_t known = area_add_crossings(area, crossings, where) + where->n_circles + where->n_polygons;
	for (size_t i = 0; i < where->n_circles; i++) {
		const Liaison__Circle *circle = where->circles[i];
		if (!area_point_is_valid(circle->lat, circle->lon) ||
			!(circle->km >= 0 && circle->km <= EARTH_HALF_KM)) {
			err = LIAISON_MALFORMED;
			goto out;
		}
		area_add_circle(area, (struct area_point){circle->lat, circle->lon}, circle->km);
	}
	for (size_t i = 0; err == LIAISON_OK && i < where->n_polygons; i++)
		err = area_add_polygon(area, where->polygons[i]);
	if (err != LIAISON_OK)
		goto out;
	for (size_t i = 0; i < where->n_legs; i++)
		known += area_add_leg(area, crossings, where->legs[i]);
	if (known > 0) {
		*out = area;
		area = NULL;
	}
out:
	area_free(area);
	return err;
}

/* --- measuring and filling ------------------------------------------------------------------------------------------ */

static void
count_crossing(void *arg, const char *id)
{
	struct arena *need = arg;

	need->crossings++;
	need->countries++; /* its country */
	need->chars += strlen(id) + 1 + MEMBER_BYTES;
}

static void
measure(const Liaison__Alert *alert, struct arena *need)
{
	const Liaison__Handling *handling = alert->handling;

	if (handling != NULL) {
		need->addresses = handling->n_countries + handling->n_offices + 1;
		for (size_t i = 0; i < handling->n_countries; i++)
			need->chars += strlen(handling->countries[i]) + 1;
		for (size_t i = 0; i < handling->n_offices; i++)
			need->chars += strlen(handling->offices[i]) + 1;
		need->chars += MEMBER_BYTES;
	}
	if (alert->where != NULL) {
		need->countries = alert->where->n_countries;
		for (size_t i = 0; i < alert->where->n_countries; i++)
			need->chars += strlen(alert->where->countries[i]) + 1;
		each_crossing(alert->where, count_crossing, need);
	}
	for (size_t i = 0; i < alert->n_texts; i++) {
		const char *lang = alert->texts[i]->lang ? alert->texts[i]->lang : "";
		for (const char *end = lang; *end != '\0'; end++) {
			if (end[1] != '-' && end[1] != '\0')
				continue;
			need->langs++;
			need->chars += (size_t)(end - lang) + 2;
		}
	}
}

struct filling {
	struct arena *arena;
	const struct crossings *register_;
	struct list *crossings, *countries;
};

static void
take_crossing(void *arg, const char *id)
{
	struct filling *filling = arg;
	const struct crossing *crossing = filling->register_ ? crossings_find(filling->register_, id) : NULL;

	list_add(filling->crossings, filling->arena, id, strlen(id));
	if (crossing != NULL)
		list_add(filling->countries, filling->arena, crossing->country, strlen(crossing->country));
}

static void
fill_addresses(struct facts *facts, const Liaison__Handling *handling, struct arena *arena)
{
	struct list list = {.texts = facts->addresses};
	char member[MEMBER_BYTES];

	for (size_t i = 0; i < handling->n_countries; i++)
		list_add(&list, arena, handling->countries[i], strlen(handling->countries[i]));
	for (size_t i = 0; i < handling->n_offices; i++)
		list_add(&list, arena, handling->offices[i], strlen(handling->offices[i]));
	if (facts->own_country) {
		address_member(facts->id.office.text, member);
		list_add(&list, arena, member, strlen(member));
	}
	list_finish(&list, &facts->addresses, &facts->address_count);
}

static void
fill_where(struct facts *facts, const Liaison__Where *where, const struct crossings *crossings, struct arena *arena)
{
	struct list countries = {.texts = facts->countries}, ids = {.texts = facts->crossings};
	struct filling filling = {arena, crossings, &ids, &countries};

	for (size_t i = 0; i < where->n_countries; i++)
		list_add(&countries, arena, where->countries[i], strlen(where->countries[i]));
	each_crossing(where, take_crossing, &filling);
	list_finish(&countries, &facts->countries, &facts->country_count);
	list_finish(&ids, &facts->crossings, &facts->crossing_count);
}

static void
fill_langs(struct facts *facts, const Liaison__Alert *alert, struct arena *arena)
{
	struct list list = {.texts = facts->langs};

	for (size_t i = 0; i < alert->n_texts; i++) {
		const char *lang = alert->texts[i]->lang ? alert->texts[i]->lang : "";
		for (const char *end = lang; *end != '\0'; end++)
			if (end[1] == '-' || end[1] == '\0')
				list_add(&list, arena, lang, (size_t)(end - lang) + 1);
	}
	list_finish(&list, &facts->langs, &facts->lang_count);
}

static enum liaison_err
fill_identity(struct facts *facts, const Liaison__Alert *alert, struct fault *fault)
{
	enum liaison_err err;

	if (alert->id == NULL || !alert->has_sent || !alert->has_status || !alert->has_message)
		return fault_set(fault, LIAISON_MALFORMED, "id, sent, status and message must be there");
	err = alert_id_parse(alert->id, &facts->id, fault);
	if (err == LIAISON_OK && alert->n_references > 0)
		err = alert_id_parse(alert->references[0], &facts->reference, fault);
	facts->sent = alert->sent;
	facts->effective = alert->has_effective ? alert->effective : alert->sent;
	facts->expires = alert->has_expires ? alert->expires : 0;
	facts->status = alert->status;
	facts->message = alert->message;
	facts->kind = alert->has_kind ? alert->kind : 0;
	facts->urgency = alert->has_urgency ? alert->urgency : LIAISON__URGENCY__URGENCY_UNKNOWN;
	facts->severity = alert->has_severity ? alert->severity : LIAISON__SEVERITY__SEVERITY_UNKNOWN;
	facts->is_sealed = alert->sealed != NULL;
	for (size_t i = 0; i < alert->n_crime; i++)
		facts->crimes |= UINT32_C(1) << ((unsigned)alert->crime[i] & 31);
	return err;
}

enum liaison_err
facts_new(const Liaison__Alert *alert, const struct crossings *crossings, struct facts **out, struct fault *fault)
{
	const Liaison__Handling *handling = alert->handling;
	struct arena arena = {0};
	struct facts *facts;
	enum liaison_err err;

	measure(alert, &arena);
	size_t lists = arena.addresses + arena.countries + arena.crossings + arena.langs;
	facts = malloc(sizeof *facts + lists * sizeof(char *) + arena.chars);
	if (facts == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	*facts = (struct facts){0};
	facts->addresses = (char **)(facts + 1);
	facts->countries = facts->addresses + arena.addresses;
	facts->crossings = facts->countries + arena.countries;
	facts->langs = facts->crossings + arena.crossings;
	arena.free = (char *)(facts->langs + arena.langs);

	err = fill_identity(facts, alert, fault);
	if (err != LIAISON_OK)
		goto out;
	if (handling != NULL) {
		facts->level = handling->has_level ? handling->level : 0;
		facts->everyone = handling->has_everyone && handling->everyone;
		facts->own_country = facts->level <= LIAISON__LEVEL__LEVEL_AMBER &&
				     (!handling->has_own_country || handling->own_country);
		facts->keep_until = handling->has_keep_until ? handling->keep_until : 0;
		fill_addresses(facts, handling, &arena);
	}
	fill_langs(facts, alert, &arena);
	if (alert->where != NULL) {
		fill_where(facts, alert->where, crossings, &arena);
		err = area_of(alert->where, crossings, &facts->area);
		if (err != LIAISON_OK)
			fault_set(fault, err,
				err == LIAISON_NO_MEMORY
					? "out of memory"
					: "where: a position, radius or polygon is not one on the globe");
	}
out:
	if (err == LIAISON_OK)
		*out = facts;
	else
		facts_free(facts);
	return err;
}

void
facts_free(struct facts *facts)
{
	if (facts == NULL)
		return;
	area_free(facts->area);
	free(facts);
}

/* --- asking -------------------------------------------------------------------------------------------------------- */

bool
facts_is_notice(const struct facts *facts)
{
	return facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL ||
	       facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT ||
	       facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_SUPERSEDED;
}

bool
facts_is_reply(const struct facts *facts)
{
	return facts->message >= LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_HIT;
}

bool
facts_is_urgent(const struct facts *facts)
{
	return facts->urgency == LIAISON__URGENCY__URGENCY_IMMEDIATE ||
	       facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL ||
	       facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT;
}

/* strcmp of `text` with the first `len` bytes of `office`. */
static int
compare_prefix(const char *text, const char *office, size_t len)
{
	int order = strncmp(text, office, len);

	return order != 0 ? order : text[len] != '\0';
}

static bool
addresses_have(const struct facts *facts, const char *office, size_t len)
{
	size_t low = 0, high = facts->address_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_prefix(facts->addresses[middle], office, len);
		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* An address covers an office if it is one of the office id's prefixes at a dot: a handful of searches at most. */
bool
facts_address(const struct facts *facts, const char *office)
{
	if (facts->everyone)
		return true;
	for (size_t len = 0;; len++) {
		if (office[len] != '.' && office[len] != '\0')
			continue;
		if (addresses_have(facts, office, len))
			return true;
		if (office[len] == '\0')
			return false;
	}
}

bool
facts_list_has(char *const *list, size_t count, const char *text)
{
	for (size_t i = 0; i < count; i++) {
		int order = strcmp(list[i], text);
		if (order >= 0)
			return order == 0;
	}
	return false;
}
