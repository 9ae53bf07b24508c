/* Where shapes meet circles and boxes: hand-made cases, then random ones against dense sampling. */
#include "proto/area.h"
#include "proto/base/rand.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <setjmp.h>

#include <cmocka.h>

#define SEED UINT64_C(20)
#define POINTS_MAX 8
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum shape { CIRCLE, LINE, RING };

/* A shape given by its points: the circle's centre, the line's two, the ring's three or more. */
struct given {
	enum shape shape;
	double km;
	size_t count;
	struct area_point points[POINTS_MAX];
};

static struct area *
area_of(const struct given *given)
{
	struct area *area = area_new(1, 1, 1, POINTS_MAX);

	assert_non_null(area);
	switch (given->shape) {
	case CIRCLE: area_add_circle(area, given->points[0], given->km); break;
	case LINE: area_add_line(area, given->points[0], given->points[1]); break;
	case RING: area_add_ring(area, given->points, given->count); break;
	}
	return area;
}

#define SQUARE(s, w, n, e)                                                                                             \
	{                                                                                                              \
		RING, 0, 4,                                                                                            \
		{                                                                                                      \
			{s, w}, {s, e}, {n, e},                                                                        \
			{                                                                                              \
				n, w                                                                                   \
			}                                                                                              \
		}                                                                                                      \
	}

static const struct {
	const char *what;
	struct given given;
	struct area_point centre;
	double km;
	bool meets;
} circles[] = {
	{"a point within", {CIRCLE, 0, 1, {{13.66, 102.56}}}, {13.7, 102.5}, 10, true},
	{"a point outside", {CIRCLE, 0, 1, {{13.66, 102.56}}}, {13.7, 102.5}, 5, false},
	{"circles that overlap", {CIRCLE, 30, 1, {{0, 0}}}, {0, 0.5}, 30, true},
	{"circles a kilometre apart", {CIRCLE, 30, 1, {{0, 0}}}, {0, 0.5495}, 30, false},
	{"circles of metres that overlap", {CIRCLE, 0.05, 1, {{20, 100}}}, {20.0008, 100}, 0.05, true},
	{"circles of metres apart", {CIRCLE, 0.05, 1, {{20, 100}}}, {20.001, 100}, 0.05, false},
	{"a point across the 180th meridian", {CIRCLE, 0, 1, {{-17, 179.9}}}, {-17, -179.9}, 25, true},
	{"a point across the pole", {CIRCLE, 0, 1, {{89.9, 10}}}, {89.9, -170}, 25, true},
	{"a point across the pole, too far", {CIRCLE, 0, 1, {{89.9, 10}}}, {89.9, -170}, 20, false},
	{"the pole by any longitude", {CIRCLE, 0, 1, {{90, 10}}}, {90, -120}, 0.001, true},
	{"the whole earth", {CIRCLE, 0, 1, {{-13.7, -77.5}}}, {13.7, 102.5}, EARTH_HALF_KM, true},
	{"all but the antipode", {CIRCLE, 0, 1, {{-13.7, -77.5}}}, {13.7, 102.5}, EARTH_HALF_KM - 2, false},
	{"the middle of a line", {LINE, 0, 2, {{10, 100}, {10, 110}}}, {10.05, 105}, 6, true},
	{"beside the middle of a line", {LINE, 0, 2, {{10, 100}, {10, 110}}}, {10.05, 105}, 5, false},
	{"the end of a line", {LINE, 0, 2, {{10, 100}, {10, 110}}}, {10, 110.05}, 6, true},
	{"beyond the end of a line", {LINE, 0, 2, {{10, 100}, {10, 110}}}, {10, 110.1}, 6, false},
	{"a line of no length", {LINE, 0, 2, {{10, 100}, {10, 100}}}, {10.01, 100}, 2, true},
	{"a line over the 180th meridian", {LINE, 0, 2, {{0, 179}, {0, -179}}}, {0, 180}, 1, true},
	{"... which is not the long way round", {LINE, 0, 2, {{0, 179}, {0, -179}}}, {0, 0}, 100, false},
	{"a line along a parallel, from the pole", {LINE, 0, 2, {{80, 0}, {80, 170}}}, {90, 0}, 1113, true},
	{"... just too far", {LINE, 0, 2, {{80, 0}, {80, 170}}}, {90, 0}, 1111, false},
	{"inside a ring, no corner near", SQUARE(0, 100, 20, 120), {10, 110}, 1, true},
	{"near a side from outside", SQUARE(0, 100, 20, 120), {10, 120.05}, 6, true},
	{"outside a ring", SQUARE(0, 100, 20, 120), {10, 120.1}, 6, false},
	{"a circle that holds the ring", SQUARE(9.9, 109.9, 10.1, 110.1), {10, 110}, 100, true},
	{"a ring over the 180th meridian, east part", SQUARE(-20, 170, -10, -170), {-15, 175}, 1, true},
	{"a ring over the 180th meridian, west part", SQUARE(-20, 170, -10, -170), {-15, -175}, 1, true},
	{"... not the rest of the earth", SQUARE(-20, 170, -10, -170), {-15, 0}, 1, false},
	{"a ring round the north pole, at it", {RING, 0, 4, {{70, 0}, {70, 90}, {70, 180}, {70, -90}}}, {90, 0}, 1,
		true},
	{"... inside", {RING, 0, 4, {{70, 0}, {70, 90}, {70, 180}, {70, -90}}}, {80, -135}, 1, true},
	{"... at its seam", {RING, 0, 4, {{70, 0}, {70, 90}, {70, 180}, {70, -90}}}, {80, 0}, 1, true},
	{"... outside", {RING, 0, 4, {{70, 0}, {70, 90}, {70, 180}, {70, -90}}}, {60, 45}, 1, false},
	{"a ring round the south pole", {RING, 0, 3, {{-70, 0}, {-70, -120}, {-70, 120}}}, {-85, 33}, 1, true},
	{"a bow tie, one wing", {RING, 0, 4, {{0, 0}, {10, 10}, {10, 0}, {0, 10}}}, {1, 5}, 1, true},
	{"a bow tie, the other", {RING, 0, 4, {{0, 0}, {10, 10}, {10, 0}, {0, 10}}}, {9, 5}, 1, true},
	{"a bow tie, between", {RING, 0, 4, {{0, 0}, {10, 10}, {10, 0}, {0, 10}}}, {5, 1}, 1, false},
	{"a ring that touches itself in a point",
		{RING, 0, 7, {{0, 0}, {0, 10}, {5, 5}, {10, 10}, {10, 0}, {5, 5}, {5, 0}}}, {1, 5}, 1, true},
};

static void
circles_are_met(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(circles); i++) {
		struct area *area = area_of(&circles[i].given);
		struct area_circle circle;

		area_circle_init(&circle, circles[i].centre, circles[i].km);
		if (area_meets_circle(area, &circle) != circles[i].meets)
			fail_msg("%s: expected %d", circles[i].what, circles[i].meets);
		area_free(area);
	}
}

static const struct {
	const char *what;
	struct given given;
	struct area_box box;
	bool meets;
} boxes[] = {
	{"a point within", {CIRCLE, 0, 1, {{10, 105}}}, {9, 104, 11, 106}, true},
	{"a point on the border", {CIRCLE, 0, 1, {{9, 104}}}, {9, 104, 11, 106}, true},
	{"a point outside", {CIRCLE, 0, 1, {{8.9, 105}}}, {9, 104, 11, 106}, false},
	{"a point in a box over the 180th meridian", {CIRCLE, 0, 1, {{0, -175}}}, {-10, 170, 10, -170}, true},
	{"a point outside such a box", {CIRCLE, 0, 1, {{0, 0}}}, {-10, 170, 10, -170}, false},
	{"180 and -180 are one meridian", {CIRCLE, 0, 1, {{0, -180}}}, {-10, 170, 10, 180}, true},
	{"the whole earth", {CIRCLE, 0, 1, {{-33, 151}}}, {-90, -180, 90, 180}, true},
	{"a circle that reaches in", {CIRCLE, 60, 1, {{10, 106.5}}}, {9, 104, 11, 106}, true},
	{"a circle that does not", {CIRCLE, 50, 1, {{10, 106.5}}}, {9, 104, 11, 106}, false},
	{"a circle over the pole", {CIRCLE, 400, 1, {{88, 0}}}, {87, 170, 89, -170}, true},
	{"the pole, in every box that ends there", {CIRCLE, 0, 1, {{90, 0}}}, {80, 100, 90, 110}, true},
	{"a line through, no end inside", {LINE, 0, 2, {{0, 90}, {20, 120}}}, {9, 104, 11, 106}, true},
	{"a line past a corner", {LINE, 0, 2, {{0, 95}, {20, 120}}}, {9, 104, 11, 106}, false},
	{"a line inside", {LINE, 0, 2, {{10, 104.5}, {10, 105}}}, {9, 104, 11, 106}, true},
	{"a line over the 180th meridian", {LINE, 0, 2, {{0, 175}, {5, -175}}}, {2, -180, 3, -178}, true},
	{"... not the long way round", {LINE, 0, 2, {{0, 175}, {5, -175}}}, {0, -10, 5, 10}, false},
	{"a ring around the box", SQUARE(0, 100, 20, 120), {9, 104, 11, 106}, true},
	{"a ring inside the box", SQUARE(9.5, 104.5, 10, 105), {9, 104, 11, 106}, true},
	{"a ring that crosses it, no corner in the other", SQUARE(9.5, 90, 10, 120), {0, 104, 20, 106}, true},
	{"a ring apart", SQUARE(0, 100, 5, 120), {9, 104, 11, 106}, false},
	{"a ring over the 180th meridian around a box", SQUARE(-20, 170, -10, -170), {-16, -176, -14, -174}, true},
	{"a box in the hole of a bow tie", {RING, 0, 4, {{0, 0}, {10, 10}, {10, 0}, {0, 10}}}, {4.5, 0, 5.5, 2}, false},
	{"a ring round the pole", {RING, 0, 3, {{70, 0}, {70, 120}, {70, -120}}}, {80, 10, 81, 11}, true},
	{"a box beyond it", {RING, 0, 3, {{70, 0}, {70, 120}, {70, -120}}}, {60, 10, 61, 11}, false},
};

static void
boxes_are_met(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(boxes); i++) {
		struct area *area = area_of(&boxes[i].given);

		if (area_meets_box(area, &boxes[i].box) != boxes[i].meets)
			fail_msg("%s: expected %d", boxes[i].what, boxes[i].meets);
		area_free(area);
	}
}

static void
distances_are_those_of_the_sphere(void **state)
{
	(void)state;
	/* A quarter of a meridian, half the equator, and Phnom Penh to Bangkok. */
	double quarter = area_distance_km((struct area_point){0, 0}, (struct area_point){90, 77});
	double half = area_distance_km((struct area_point){0, 0}, (struct area_point){0, 180});
	assert_true(fabs(quarter - 10007.56) < 0.01 && fabs(half - 20015.11) < 0.01);
	double km = area_distance_km((struct area_point){11.5564, 104.9282}, (struct area_point){13.7563, 100.5018});
	assert_true(km > 530 && km < 540);
}

/* --- against sampling ----------------------------------------------------------------------------------------------- */

static double
uniform(const struct rng *rng, double low, double high)
{
	return low + (high - low) * rng_below(rng, 1u << 30) / (double)(1u << 30);
}

static struct area_point
a_point(const struct rng *rng, double lat, double lon, double spread)
{
	struct area_point point = {uniform(rng, lat - spread, lat + spread), uniform(rng, lon - spread, lon + spread)};

	point.lat = fmax(-90, fmin(90, point.lat));
	point.lon = remainder(point.lon, 360);
	return point;
}

/* Least distance of the circle's centre from 4,001 points of the line, and whether one of them lies in the box. */
struct sampled {
	double km;
	bool in_box;
};

static struct sampled
sample_line(struct area_point from, struct area_point to, struct area_point centre, const struct area_box *box)
{
	struct sampled sampled = {INFINITY, false};
	double d_lon = to.lon - from.lon;

	d_lon -= d_lon > 180 ? 360 : d_lon < -180 ? -360 : 0;
	for (int i = 0; i <= 4000; i++) {
		struct area_point at = {from.lat + (to.lat - from.lat) * i / 4000, from.lon + d_lon * i / 4000};
		double lon = at.lon > 180 ? at.lon - 360 : at.lon < -180 ? at.lon + 360 : at.lon;
		bool lon_within = box->west <= box->east ? lon >= box->west && lon <= box->east
							 : lon >= box->west || lon <= box->east;
		sampled.km = fmin(sampled.km, area_distance_km(at, centre));
		sampled.in_box |= lon_within && at.lat >= box->south && at.lat <= box->north;
	}
	return sampled;
}

static void
lines_agree_with_sampling(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);
	unsigned met = 0, in_box = 0;

	printf("seed %llu\n", (unsigned long long)SEED);
	for (int i = 0; i < 3000; i++) {
		double lat = uniform(&rng, -90, 90), lon = uniform(&rng, -180, 180), spread = uniform(&rng, 0.1, 60);
		struct given given = {LINE, 0, 2, {a_point(&rng, lat, lon, spread), a_point(&rng, lat, lon, spread)}};
		struct area_point centre = a_point(&rng, lat, lon, spread), corner = a_point(&rng, lat, lon, spread);
		struct area_box box = {corner.lat, corner.lon, fmin(90, corner.lat + spread / 4),
			remainder(corner.lon + spread / 4, 360)};
		struct sampled sampled = sample_line(given.points[0], given.points[1], centre, &box);
		struct area *area = area_of(&given);
		struct area_circle circle;

		/* Samples lie up to this far apart. */
		double step = 1.5 * 2 * spread * 111.2 / 4000;
		if (sampled.km > 2 * step + 0.1) {
			area_circle_init(&circle, centre, sampled.km + step);
			assert_true(area_meets_circle(area, &circle));
			area_circle_init(&circle, centre, sampled.km - step);
			assert_false(area_meets_circle(area, &circle));
			met++;
		}
		if (sampled.in_box) {
			assert_true(area_meets_box(area, &box));
			in_box++;
		}
		area_free(area);
	}
	assert_true(met > 1000 && in_box > 100); /* the property was put to the test */
}

/* A convex ring (its points on a small circle) contains its middle, and not what lies beyond every point. */
static void
rings_agree_with_their_making(void **state)
{
	(void)state;
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);

	for (int i = 0; i < 2000; i++) {
		double lat = uniform(&rng, -60, 60), lon = uniform(&rng, -180, 180), size = uniform(&rng, 0.1, 20);
		struct given given = {.shape = RING, .count = 6};
		struct area_circle circle;

		for (size_t k = 0; k < 6; k++)
			given.points[k] = (struct area_point){lat + size * sin((double)k * M_PI / 3),
				remainder(lon + size * cos((double)k * M_PI / 3), 360)};
		struct area *area = area_of(&given);
		struct area_point inside = a_point(&rng, lat, lon, size / 2);
		area_circle_init(&circle, inside, 0.001);
		assert_true(area_meets_circle(area, &circle));
		struct area_point beyond = {lat, remainder(lon + size * 1.1 + 0.1, 360)};
		area_circle_init(&circle, beyond, 0.001);
		assert_false(area_meets_circle(area, &circle));
		struct area_box box = {inside.lat, inside.lon, inside.lat, inside.lon};
		assert_true(area_meets_box(area, &box));
		area_free(area);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(circles_are_met),
		cmocka_unit_test(boxes_are_met),
		cmocka_unit_test(distances_are_those_of_the_sphere),
		cmocka_unit_test(lines_agree_with_sampling),
		cmocka_unit_test(rings_agree_with_their_making),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
