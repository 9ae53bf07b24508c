#include "proto/crossings.h"

#include "tests/support/data.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLACE_NAMES 70
#define OUTLINE_KM 10.0
#define KM_PER_DEGREE 111.32

static const struct {
	const char *country, *outline;
} countries[] = {
	{"CN", "CHN"},
	{"KH", "KHM"},
	{"LA", "LAO"},
	{"MM", "MMR"},
	{"TH", "THA"},
	{"VN", "VNM"},
};

/* Where the folder's outlines, of a few dozen points a country, are further off than OUTLINE_KM; how far these are. */
static const struct {
	const char *id, *why;
	double km;
} outline_errors[] = {
	{"la-tonpheung", "the outline cuts the river's bend at the Golden Triangle", 14},
	{"th-hat-lek", "the outline leaves out the strip of coast south of Trat", 70},
};

static struct crossings *
builtin(void)
{
	struct crossings *crossings = NULL;
	struct fault fault = {0};

	if (crossings_builtin(&crossings, &fault) != LIAISON_OK)
		fail_msg("%s", fault.message);
	return crossings;
}

/* --- geometry: enough for points near an outline ----------------------------------------------------------------------- */

struct outline_search {
	double lat, lon;
	double nearest_km;
	bool is_inside;
};

static void
point_xy(const struct outline_search *search, const json_t *point, double *x, double *y)
{
	*x = (json_number_value(json_array_get(point, 0)) - search->lon) * cos(search->lat * acos(-1) / 180) *
	     KM_PER_DEGREE;
	*y = (json_number_value(json_array_get(point, 1)) - search->lat) * KM_PER_DEGREE;
}

/* Distance from the origin to the segment, and even-odd crossing of the ray to the east. */
static void
search_ring(struct outline_search *search, const json_t *ring)
{
	size_t count = json_array_size(ring);

	for (size_t i = 0; i < count; i++) {
		double ax, ay, bx, by, dx, dy, along, length;
		point_xy(search, json_array_get(ring, i), &ax, &ay);
		point_xy(search, json_array_get(ring, (i + 1) % count), &bx, &by);
		dx = bx - ax;
		dy = by - ay;
		length = dx * dx + dy * dy;
		along = length > 0 ? fmin(1, fmax(0, -(ax * dx + ay * dy) / length)) : 0;
		search->nearest_km = fmin(search->nearest_km, hypot(ax + along * dx, ay + along * dy));
		if ((ay > 0) != (by > 0) && ax - ay * dx / dy > 0)
			search->is_inside = !search->is_inside;
	}
}

static void
search_polygon(struct outline_search *search, const json_t *polygon)
{
	bool inside_others = search->is_inside;

	search->is_inside = false;
	search_ring(search, json_array_get(polygon, 0)); /* no country here has a hole */
	search->is_inside = search->is_inside || inside_others;
}

/* 0 inside the outline, else kilometres from it. */
static double
outline_km(const struct crossing *crossing, const json_t *geometry)
{
	struct outline_search search = {.lat = crossing->lat, .lon = crossing->lon, .nearest_km = INFINITY};
	const json_t *coordinates = json_object_get(geometry, "coordinates");
	const json_t *polygon;
	size_t i;

	if (strcmp(json_string_value(json_object_get(geometry, "type")), "Polygon") == 0)
		search_polygon(&search, coordinates);
	else
		json_array_foreach(coordinates, i, polygon) search_polygon(&search, polygon);
	return search.is_inside ? 0 : search.nearest_km;
}

static double
allowed_km(const char *id)
{
	for (size_t i = 0; i < sizeof outline_errors / sizeof outline_errors[0]; i++)
		if (strcmp(outline_errors[i].id, id) == 0)
			return outline_errors[i].km;
	return OUTLINE_KM;
}

static void
each_lies_in_or_near_its_country(void **state)
{
	struct crossings *crossings;

	(void)state;
	if (data_path("geo/countries") == NULL)
		skip_aloud();
	crossings = builtin();
	for (size_t c = 0; c < sizeof countries / sizeof countries[0]; c++) {
		char relative[64];
		const char *path;
		json_t *outline, *geometry;
		(void)snprintf(relative, sizeof relative, "geo/countries/%s.geo.json", countries[c].outline);
		path = data_path(relative);
		assert_non_null(path);
		outline = json_load_file(path, 0, NULL);
		assert_non_null(outline);
		geometry = json_object_get(json_array_get(json_object_get(outline, "features"), 0), "geometry");
		for (size_t i = 0; i < crossings_count(crossings); i++) {
			const struct crossing *crossing = crossings_at(crossings, i);
			if (strcmp(crossing->country, countries[c].country) != 0)
				continue;
			double km = outline_km(crossing, geometry);
			if (km > allowed_km(crossing->id))
				fail_msg("%s lies %.1f km outside %s", crossing->id, km, countries[c].outline);
		}
		json_decref(outline);
	}
	crossings_free(crossings);
}

/* --- the source list ------------------------------------------------------------------------------------------------- */

/* How often the register has this name of the source list: placed, unplaced. */
static void
count_listed(const struct crossings *crossings, const char *name, size_t *placed, size_t *unplaced)
{
	*placed = *unplaced = 0;
	for (size_t i = 0; i < crossings_count(crossings); i++)
		for (size_t j = 0; j < crossings_at(crossings, i)->listed_as_count; j++)
			*placed += strcmp(crossings_at(crossings, i)->listed_as[j], name) == 0;
	for (size_t i = 0; i < crossings_unplaced_count(crossings); i++)
		*unplaced += strcmp(crossings_unplaced_at(crossings, i)->listed_as, name) == 0;
}

static size_t
listed_in_all(const struct crossings *crossings)
{
	size_t sum = crossings_unplaced_count(crossings);

	for (size_t i = 0; i < crossings_count(crossings); i++)
		sum += crossings_at(crossings, i)->listed_as_count;
	return sum;
}

static void
every_name_of_the_list_is_placed_or_listed_as_unplaced(void **state)
{
	struct crossings *crossings;
	const char *path = data_path("geo/unodc_blo_names.txt");
	char line[4096];
	size_t names = 0, found = 0;
	FILE *file;

	(void)state;
	if (path == NULL)
		skip_aloud();
	file = fopen(path, "r");
	assert_non_null(file);
	crossings = builtin();
	while (fgets(line, sizeof line, file) != NULL) {
		if (line[0] == '#')
			continue;
		line[strcspn(line, "\n")] = '\0';
		for (char *at = NULL, *name = strtok_r(line, "|", &at); name != NULL; name = strtok_r(NULL, "|", &at)) {
			size_t placed, unplaced;
			count_listed(crossings, name, &placed, &unplaced);
			if ((placed > 0) == (unplaced > 0) || unplaced > 1)
				fail_msg("\"%s\" is placed %zu times and unplaced %zu times", name, placed, unplaced);
			names++;
			found += placed + unplaced;
		}
	}
	(void)fclose(file);
	assert_int_equal(names, PLACE_NAMES);
	assert_int_equal(listed_in_all(crossings), found); /* and nothing is made up */
	crossings_free(crossings);
}

/* --- the register by itself ------------------------------------------------------------------------------------------ */

static bool
is_known_country(const char *code)
{
	for (size_t i = 0; i < sizeof countries / sizeof countries[0]; i++)
		if (strcmp(countries[i].country, code) == 0)
			return true;
	return false;
}

static void
each_is_found_by_its_id_and_comes_from_the_list(void **state)
{
	struct crossings *crossings = builtin();

	(void)state;
	for (size_t i = 0; i < crossings_count(crossings); i++) {
		const struct crossing *crossing = crossings_at(crossings, i);
		assert_ptr_equal(crossings_find(crossings, crossing->id), crossing);
		assert_true(crossing->listed_as_count > 0);
		assert_true(is_known_country(crossing->country));
	}
	assert_null(crossings_find(crossings, "kh-poipe"));
	assert_null(crossings_find(crossings, ""));
	crossings_free(crossings);
}

static double
apart_km(const struct crossing *a, const struct crossing *b)
{
	return hypot((a->lon - b->lon) * cos(a->lat * acos(-1) / 180), a->lat - b->lat) * KM_PER_DEGREE;
}

/* Two towns with a hill between them and the gate half-way are the furthest that the register has. */
static void
facing_places_are_neighbours(void **state)
{
	struct crossings *crossings = builtin();

	(void)state;
	for (size_t i = 0; i < crossings_count(crossings); i++) {
		const struct crossing *crossing = crossings_at(crossings, i);
		for (size_t j = 0; j < crossing->facing_count; j++)
			assert_true(apart_km(crossing, crossings_find(crossings, crossing->facing[j])) < 40);
	}
	crossings_free(crossings);
}

static const struct {
	const char *given, *expected;
} nearest[] = {
	{"kh-poipt", "kh-poipet"},
	{"poipet", "kh-poipet"},
	{"Poi Pet", "kh-poipet"},
	{"Aranyaprathat", "th-aranyaprathet"},
	{"Thachileik", "mm-tachileik"},
	{"Móng Cái", "vn-mong-cai"},
	{"勐腊", "cn-mengla"},
	{"Kemraj", "th-khemmarat"},
	{"Timbuktu", NULL},
};

static void
a_slip_or_another_spelling_finds_the_crossing(void **state)
{
	struct crossings *crossings = builtin();

	(void)state;
	for (size_t i = 0; i < sizeof nearest / sizeof nearest[0]; i++) {
		const struct crossing *found = crossings_nearest_name(crossings, nearest[i].given);
		if (nearest[i].expected == NULL)
			assert_null(found);
		else if (found == NULL || strcmp(found->id, nearest[i].expected) != 0)
			fail_msg("%s finds %s", nearest[i].given, found ? found->id : "nothing");
	}
	crossings_free(crossings);
}

static void
names_come_in_the_reader_s_language_else_in_english(void **state)
{
	struct crossings *crossings = builtin();
	const struct crossing *mae_sai = crossings_find(crossings, "th-mae-sai");
	const char *const thai[] = {"th", NULL}, *const english_first[] = {"en", "th", NULL}, *const none[] = {NULL};

	(void)state;
	assert_string_equal(crossing_name_in(mae_sai, thai), "แม่สาย");
	assert_string_equal(crossing_name_in(mae_sai, english_first), "Mae Sai");
	assert_string_equal(crossing_name_in(mae_sai, none), "Mae Sai");
	crossings_free(crossings);
}

#define ROW(id, country, more)                                                                                         \
	"{ id = \"" id "\"; name = \"A\"; country = \"" country "\"; lat = 1.5; lon = 100; within_km = 2;" more " }"

static const struct {
	const char *text, *expected;
} mistakes[] = {
	{"crossings = ( " ROW("kh-a", "KH", "facing = [ \"th-a\" ];") " );", "faces \"th-a\", which it does not have"},
	{"crossings = ( " ROW("kh-a", "KH", "facing = [ \"th-a\" ];") ", " ROW("th-a", "TH", "") " );",
		"must face each other"},
	{"crossings = ( " ROW("kh-a", "KH", "facing = [ \"kh-b\" ];") ", " ROW(
		 "kh-b", "KH", "facing = [ \"kh-a\" ];") " );",
		"across a border"},
	{"crossings = ( " ROW("kh-a", "KH", "") ", " ROW("kh-a", "KH", "") " );", "\"kh-a\" stands there twice"},
	{"crossings = (\n" ROW("th-a", "KH", "") " );", "line 2: id \"th-a\" is not the country"},
	{"crossings = ( " ROW("kh-A", "KH", "") " );", "id \"kh-A\""},
	{"crossings = ( " ROW("kh-a--b", "KH", "") " );", "id \"kh-a--b\""},
	{"crossings = ( " ROW("kh-", "KH", "") " );", "id \"kh-\""},
	{"crossings = ( " ROW("kh-a", "Kh", "") " );", "two capital letters"},
	{"crossings = ( " ROW("kh-a", "KH", "fasing = [ \"x\" ];") " );", "did you mean `facing`?"},
	{"crossings = ( " ROW("kh-a", "KH", "facing = \"x\";") " );", "an array of texts"},
	{"crossings = ( " ROW("kh-a", "KH", "names = { th = 3; };") " );", "a name is a text"},
	{"crossings = ( { id = \"kh-a\"; name = \"A\"; country = \"KH\"; lat = 95.0; lon = 100; within_km = 2 } );",
		"allowed are -90 to 90"},
	{"crossings = ( { id = \"kh-a\"; name = \"A\"; country = \"KH\"; lat = \"x\"; lon = 100; within_km = 2 } );",
		"needs a number `lat`"},
	{"crossings = (); unplaced = ( { listed_as = \"X\" } );", "needs a text `reason`"},
	{"", "a list `crossings = ( ... )` is needed"},
};

static void
a_mistake_is_named_with_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
		struct crossings *crossings = NULL;
		struct fault fault = {0};
		assert_int_equal(crossings_new(mistakes[i].text, &crossings, &fault), LIAISON_BAD_CONFIG);
		assert_null(crossings);
		if (strstr(fault.message, mistakes[i].expected) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", fault.message, mistakes[i].expected);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_lies_in_or_near_its_country),
		cmocka_unit_test(every_name_of_the_list_is_placed_or_listed_as_unplaced),
		cmocka_unit_test(each_is_found_by_its_id_and_comes_from_the_list),
		cmocka_unit_test(facing_places_are_neighbours),
		cmocka_unit_test(a_slip_or_another_spelling_finds_the_crossing),
		cmocka_unit_test(names_come_in_the_reader_s_language_else_in_english),
		cmocka_unit_test(a_mistake_is_named_with_its_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
