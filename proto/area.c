#include "proto/area.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#define RADIANS (M_PI / 180)
#define KM_PER_DEGREE (EARTH_RADIUS_KM * RADIANS)
/* A line is cut in two this often at most; 2^-30 of the longest line is 2 cm. */
#define CUT_DEPTH_MAX 30
/* Pieces of one line that are looked at: a few suffice, and only lines made to be nearly tangent take more than 100. */
#define PIECES_MAX 2000

/* A line from `from`, by so much in latitude and longitude: the shorter way, unless it is the side of a box. */
struct line {
	struct area_point from;
	double d_lat, d_lon;
};

/* A part of `points`, with its longitudes unrolled: neighbours never differ by more than 180, the first closes it. */
struct ring {
	size_t first, count;
	double west, east;
};

struct area {
	double south, north; /* of everything in it */
	struct area_circle *circles;
	struct line *lines;
	struct ring *rings;
	struct area_point *points;
	size_t circle_count, line_count, ring_count, point_count;
	size_t circle_max, line_max, ring_max, point_max;
};

bool
area_point_is_valid(double lat, double lon)
{
	return lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180; /* false for NaN */
}

double
area_distance_km(struct area_point a, struct area_point b)
{
	double s_lat = sin((b.lat - a.lat) * RADIANS / 2), s_lon = sin((b.lon - a.lon) * RADIANS / 2);
	double h = s_lat * s_lat + cos(a.lat * RADIANS) * cos(b.lat * RADIANS) * s_lon * s_lon;

	return 2 * EARTH_RADIUS_KM * asin(fmin(1, sqrt(h)));
}

/* The shorter way from longitude `a` to `b`, both up to a turn apart. */
static double
shorter_way(double a, double b)
{
	return remainder(b - a, 360);
}

/* --- building ------------------------------------------------------------------------------------------------------ */

struct area *
area_new(size_t circles, size_t lines, size_t rings, size_t ring_points)
{
	size_t points = ring_points + 3 * rings; /* a ring round a pole gets three more */
	size_t bytes = sizeof(struct area) + circles * sizeof(struct area_circle) + lines * sizeof(struct line) +
		       rings * sizeof(struct ring) + points * sizeof(struct area_point);
	struct area *area = malloc(bytes);

	if (area == NULL)
		return NULL;
	*area = (struct area){
		.south = 90,
		.north = -90,
		.circle_max = circles,
		.line_max = lines,
		.ring_max = rings,
		.point_max = points,
	};
	area->circles = (struct area_circle *)(area + 1);
	area->lines = (struct line *)(area->circles + circles);
	area->rings = (struct ring *)(area->lines + lines);
	area->points = (struct area_point *)(area->rings + rings);
	return area;
}

void
area_free(struct area *area)
{
	free(area);
}

static void
area_widen(struct area *area, double lat, double degrees)
{
	area->south = fmin(area->south, lat - degrees);
	area->north = fmax(area->north, lat + degrees);
}

void
area_circle_init(struct area_circle *circle, struct area_point centre, double km)
{
	double angle = fmin(km / EARTH_RADIUS_KM, M_PI);

	assert(area_point_is_valid(centre.lat, centre.lon) && km >= 0);
	*circle = (struct area_circle){
		.centre = centre,
		.km = km,
		.sin_lat = sin(centre.lat * RADIANS),
		.cos_lat = cos(centre.lat * RADIANS),
		.cos_km = cos(angle),
		.sin_km = sin(angle),
	};
}

void
area_add_circle(struct area *area, struct area_point centre, double km)
{
	assert(area->circle_count < area->circle_max);
	area_circle_init(&area->circles[area->circle_count++], centre, km);
	area_widen(area, centre.lat, km / KM_PER_DEGREE);
}

void
area_add_line(struct area *area, struct area_point from, struct area_point to)
{
	assert(area->line_count < area->line_max);
	assert(area_point_is_valid(from.lat, from.lon) && area_point_is_valid(to.lat, to.lon));
	area->lines[area->line_count++] = (struct line){from, to.lat - from.lat, shorter_way(from.lon, to.lon)};
	area_widen(area, from.lat, 0);
	area_widen(area, to.lat, 0);
}

static void
ring_add(struct area *area, struct ring *ring, double lat, double lon)
{
	assert(area->point_count < area->point_max);
	area->points[area->point_count++] = (struct area_point){lat, lon};
	ring->count++;
	ring->west = fmin(ring->west, lon);
	ring->east = fmax(ring->east, lon);
	area_widen(area, lat, 0);
}

void
area_add_ring(struct area *area, const struct area_point *points, size_t count)
{
	assert(area->ring_count < area->ring_max && count >= 3);
	struct ring *ring = &area->rings[area->ring_count++];
	double lon = points[0].lon, lat_sum = 0;

	*ring = (struct ring){.first = area->point_count, .west = lon, .east = lon};
	for (size_t i = 0; i < count; i++) {
		assert(area_point_is_valid(points[i].lat, points[i].lon));
		lon += i == 0 ? 0 : shorter_way(points[i - 1].lon, points[i].lon);
		lat_sum += points[i].lat;
		ring_add(area, ring, points[i].lat, lon);
	}
	lon += shorter_way(points[count - 1].lon, points[0].lon);
	if (fabs(lon - points[0].lon) < 1)
		return;
	/* It comes back a turn later: round a pole. Closed by way of the pole it is a plain ring in longitude and latitude. */
	double pole = lat_sum < 0 ? -90 : 90;
	ring_add(area, ring, points[0].lat, lon);
	ring_add(area, ring, pole, lon);
	ring_add(area, ring, pole, points[0].lon);
}

static struct line
ring_side(const struct area *area, const struct ring *ring, size_t number)
{
	struct area_point from = area->points[ring->first + number];
	struct area_point to = area->points[ring->first + (number + 1 == ring->count ? 0 : number + 1)];

	return (struct line){from, to.lat - from.lat, to.lon - from.lon};
}

/* Even-odd. The ring's longitudes are unrolled, so the point is tried at each turn that the ring spans. */
static bool
ring_contains(const struct area *area, const struct ring *ring, struct area_point point)
{
	bool is_inside = false;

	for (double lon = point.lon + 360 * ceil((ring->west - point.lon) / 360); lon <= ring->east; lon += 360) {
		for (size_t i = 0; i < ring->count; i++) {
			struct line side = ring_side(area, ring, i);
			bool from_above = side.from.lat > point.lat;
			bool to_above = side.from.lat + side.d_lat > point.lat;
			if (from_above == to_above)
				continue;
			double t = (point.lat - side.from.lat) / side.d_lat;
			is_inside ^= lon < side.from.lon + t * side.d_lon;
		}
	}
	return is_inside;
}

/* --- circle -------------------------------------------------------------------------------------------------------- */

/* Cosine of the angle between the circle's centre and a point. */
static double
cos_angle(const struct area_circle *circle, double sin_lat, double cos_lat, double d_lon_degrees)
{
	return circle->sin_lat * sin_lat + circle->cos_lat * cos_lat * cos(d_lon_degrees * RADIANS);
}

static bool
circles_meet(const struct area_circle *a, const struct area_circle *b)
{
	/* Angles under a hundredth of a degree have cosines too near to 1 to compare. */
	double reach = (a->km + b->km) / EARTH_RADIUS_KM;
	if (reach < 2e-4)
		return area_distance_km(a->centre, b->centre) <= a->km + b->km;
	if (reach >= M_PI)
		return true;
	double cos_reach = a->cos_km * b->cos_km - a->sin_km * b->sin_km;
	return cos_angle(a, b->sin_lat, b->cos_lat, b->centre.lon - a->centre.lon) >= cos_reach;
}

/*
 * Some point of the line lies within the circle. Let f(t) be the cosine of the angle between the centre and the point at
 * t of the line, 0 to 1; it is asked whether f reaches cos_km. f is sums and products of sines of linear functions, so
 * |f''| has a bound, and with f and f' at the middle of a piece there is one for f on the piece. Pieces that cannot reach
 * are dropped, the others cut in two, until what is left matters less than a few metres.
 */
static bool
line_meets_circle(const struct line *line, const struct area_circle *circle)
{
	struct piece {
		double middle, half;
	} stack[CUT_DEPTH_MAX + 2];
	size_t depth = 0;
	double b = line->d_lat * RADIANS, d = line->d_lon * RADIANS;
	double curve = fabs(circle->sin_lat) * b * b + circle->cos_lat * (b * b + d * d);
	double close_enough = 1e-6 * circle->sin_km + 1e-13;

	stack[depth++] = (struct piece){0.5, 0.5};
	for (unsigned i = 0; depth > 0 && i < PIECES_MAX; i++) {
		struct piece piece = stack[--depth];
		double lat = line->from.lat * RADIANS + b * piece.middle;
		double lon = (line->from.lon - circle->centre.lon) * RADIANS + d * piece.middle;
		double sin_lat = sin(lat), cos_lat = cos(lat), sin_lon = sin(lon), cos_lon = cos(lon);
		double f = circle->sin_lat * sin_lat + circle->cos_lat * cos_lat * cos_lon;
		if (f >= circle->cos_km)
			return true;
		double slope = circle->sin_lat * cos_lat * b -
			       circle->cos_lat * (sin_lat * cos_lon * b + cos_lat * sin_lon * d);
		double rise = fabs(slope) * piece.half + curve * piece.half * piece.half / 2;
		if (f + rise < circle->cos_km || rise < close_enough || depth + 2 > CUT_DEPTH_MAX + 2)
			continue;
		double half = piece.half / 2;
		/* The half towards which f rises is looked at first. */
		double towards = slope < 0 ? -half : half;
		stack[depth++] = (struct piece){piece.middle - towards, half};
		stack[depth++] = (struct piece){piece.middle + towards, half};
	}
	return false;
}

static bool
ring_meets_circle(const struct area *area, const struct ring *ring, const struct area_circle *circle)
{
	if (ring_contains(area, ring, circle->centre))
		return true;
	for (size_t i = 0; i < ring->count; i++) {
		struct line side = ring_side(area, ring, i);
		if (line_meets_circle(&side, circle))
			return true;
	}
	return false;
}

bool
area_meets_circle(const struct area *area, const struct area_circle *circle)
{
	double degrees = circle->km / KM_PER_DEGREE;

	if (circle->centre.lat + degrees < area->south || circle->centre.lat - degrees > area->north)
		return false;
	for (size_t i = 0; i < area->circle_count; i++)
		if (circles_meet(&area->circles[i], circle))
			return true;
	for (size_t i = 0; i < area->line_count; i++)
		if (line_meets_circle(&area->lines[i], circle))
			return true;
	for (size_t i = 0; i < area->ring_count; i++)
		if (ring_meets_circle(area, &area->rings[i], circle))
			return true;
	return false;
}

/* --- box ----------------------------------------------------------------------------------------------------------- */

static double
box_width(const struct area_box *box)
{
	return box->east < box->west ? box->east - box->west + 360 : box->east - box->west;
}

static bool
box_contains(const struct area_box *box, struct area_point point)
{
	double beyond_west = point.lon - box->west;

	beyond_west -= 360 * floor(beyond_west / 360);
	return point.lat >= box->south && point.lat <= box->north &&
	       (beyond_west <= box_width(box) || fabs(point.lat) == 90); /* at a pole every longitude is the same */
}

/* Narrows [*t0, *t1] to where low <= from + t * delta <= high; false if nothing is left (Liang and Barsky). */
static bool
clip(double from, double delta, double low, double high, double *t0, double *t1)
{
	if (delta == 0)
		return from >= low && from <= high;
	double ta = (low - from) / delta, tb = (high - from) / delta;
	*t0 = fmax(*t0, fmin(ta, tb));
	*t1 = fmin(*t1, fmax(ta, tb));
	return *t0 <= *t1;
}

static bool
line_meets_box(const struct line *line, const struct area_box *box)
{
	double width = box_width(box);
	double west = fmin(line->from.lon, line->from.lon + line->d_lon);
	double east = fmax(line->from.lon, line->from.lon + line->d_lon);

	/* The box at each turn at which the line may meet it. */
	for (double at = box->west + 360 * ceil((west - width - box->west) / 360); at <= east; at += 360) {
		double t0 = 0, t1 = 1;
		if (clip(line->from.lat, line->d_lat, box->south, box->north, &t0, &t1) &&
			clip(line->from.lon, line->d_lon, at, at + width, &t0, &t1))
			return true;
	}
	return false;
}

static bool
circle_meets_box(const struct area_circle *circle, const struct area_box *box)
{
	double width = box_width(box), height = box->north - box->south;
	const struct line sides[] = {
		{{box->south, box->west}, height, 0},
		{{box->south, box->west}, 0, width},
		{{box->north, box->west}, 0, width},
		{{box->south, box->west + width}, height, 0},
	};

	if (box_contains(box, circle->centre))
		return true;
	for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++)
		if (line_meets_circle(&sides[i], circle))
			return true;
	return false;
}

static bool
ring_meets_box(const struct area *area, const struct ring *ring, const struct area_box *box)
{
	/* Without a common side, the ring lies around the box or apart from it. */
	if (ring_contains(area, ring, (struct area_point){box->south, box->west}))
		return true;
	for (size_t i = 0; i < ring->count; i++) {
		struct line side = ring_side(area, ring, i);
		if (line_meets_box(&side, box))
			return true;
	}
	return false;
}

bool
area_meets_box(const struct area *area, const struct area_box *box)
{
	if (box->north < area->south || box->south > area->north)
		return false;
	for (size_t i = 0; i < area->circle_count; i++)
		if (circle_meets_box(&area->circles[i], box))
			return true;
	for (size_t i = 0; i < area->line_count; i++)
		if (line_meets_box(&area->lines[i], box))
			return true;
	for (size_t i = 0; i < area->ring_count; i++)
		if (ring_meets_box(area, &area->rings[i], box))
			return true;
	return false;
}
