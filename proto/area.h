/*
 * Where on the globe an alert is: circles (a point is one of no radius), lines (legs), rings (polygons); and whether that
 * meets a circle or a box that somebody asks for. "Meets" means: at least one point in common.
 *
 * Positions are WGS 84 degrees. Lines and the sides of rings are straight in longitude and latitude, the shorter way
 * round (RFC 7946 section 3.1.1); distances are great-circle distances on a sphere of the mean radius, so that circles are
 * right at the poles and across the 180th meridian. A ring is read by the even-odd rule, may touch or cross itself, and
 * one that goes round the earth contains the pole that it lies nearer to.
 *
 * No GEOS: it knows the plane only, so that distances, poles and the 180th meridian would be ours anyway, and it refuses
 * rings that cross themselves, which real subscriptions have.
 */
#ifndef LIAISON_PROTO_AREA_H
#define LIAISON_PROTO_AREA_H

#include <stdbool.h>
#include <stddef.h>

#define EARTH_RADIUS_KM 6371.0088 /* IUGG mean radius */
#define EARTH_HALF_KM 20016.0     /* a little more than from a point to its antipode: no circle is larger */

struct area_point {
	double lat, lon;
};

bool area_point_is_valid(double lat, double lon); /* finite, on the globe: -90 to 90, -180 to 180 */

/* Great-circle distance (haversine). */
double area_distance_km(struct area_point a, struct area_point b);

/* --- what an alert says ------------------------------------------------------------------------------------------- */

struct area;

/* At most these many shapes will be added; NULL without memory. */
struct area *area_new(size_t circles, size_t lines, size_t rings, size_t ring_points);
void area_free(struct area *area); /* takes NULL */

/* All positions valid (assert); a ring has three points or more and is closed by itself. */
void area_add_circle(struct area *area, struct area_point centre, double km);
void area_add_line(struct area *area, struct area_point from, struct area_point to);
void area_add_ring(struct area *area, const struct area_point *points, size_t count);

/* --- what a filter asks for --------------------------------------------------------------------------------------- */

/* Prepared once, so that the question is cheap. */
struct area_circle {
	struct area_point centre;
	double km;
	double sin_lat, cos_lat, cos_km, sin_km; /* km as an angle at the earth's centre */
};
void area_circle_init(struct area_circle *circle, struct area_point centre, double km);

struct area_box {
	double south, west, north, east; /* east < west crosses the 180th meridian */
};

bool area_meets_circle(const struct area *area, const struct area_circle *circle);
bool area_meets_box(const struct area *area, const struct area_box *box);

#endif
