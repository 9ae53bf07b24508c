/*
 * From a table's rows to alerts: a map (libconfig text) says what every alert has, which column goes where, which texts
 * are made of which columns, and what a column's words add. The result is the JSON that an author would write, already
 * checked against the schema; whether an alert may be sent is admission's to say. See config/maps for examples.
 *
 *   separator = ",";                                # or ";" or "\t"
 *   expires_in_days = 60;                           # from the time of the conversion
 *   skip_if_empty = [ "To" ];                       # rows without these are passed over, and counted
 *   alert = { kind = "ROUTE"; crime = [ "WILDLIFE" ]; texts = ( { lang = "en"; } ); ... };
 *   columns = ( { name = "From"; path = "where.legs[0].from.name"; },
 *               { name = "lat"; path = "where.legs[0].from.lat"; required = true; },
 *               { name = "form"; path = "subjects[0].consignment.form"; replace = ( { value = "Live"; by = "LIVE"; } ); },
 *               { name = "countries"; path = "where.countries[]"; split = "/"; } );
 *   texts = ( { path = "texts[0].headline"; text = "From {From} to {To}"; },
 *             { path = "texts[0].headline"; text = "To {To}"; } );   # the first of a path that has all its columns
 *   lookups = ( { column = "From"; contains = "Myanmar"; path = "where.countries[]"; value = "MM"; },
 *               { column = "No."; path = "subjects[0].consignment.unit"; value = "PIECE"; } ); # if not empty
 */
#ifndef LIAISON_PROTO_CSV_MAP_H
#define LIAISON_PROTO_CSV_MAP_H

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/csv.h"

#include <stdbool.h>
#include <stdint.h>

struct csv_map;

/*
 * Parses a map; `what` is what faults call it (borrowed for the call), `text` ends with a NUL. LIAISON_BAD_CONFIG with
 * the line and what was probably meant.
 */
enum liaison_err csv_map_new(
	const char *what, const char *text, struct csv_map **map, struct fault *fault) LIAISON_MUST_CHECK;
void csv_map_free(struct csv_map *map); /* takes NULL */

char csv_map_separator(const struct csv_map *map);

/*
 * Finds the map's columns in the table's first record; call once before csv_map_row. LIAISON_MALFORMED for a column that
 * is missing or there twice, with the nearest name. Columns that the map does not name are passed over.
 */
enum liaison_err csv_map_bind(
	struct csv_map *map, const struct csv_record *header, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Appends the row's alert to `out` as one JSON object and a line break, or nothing where `is_skipped`. LIAISON_MALFORMED
 * or LIAISON_BAD_CODE with a fault `LINE: column "lat": ...`; nothing is appended then.
 */
enum liaison_err csv_map_row(const struct csv_map *map, const struct csv_record *row, int64_t now_ms, bool *is_skipped,
	struct buf *out, struct fault *fault) LIAISON_MUST_CHECK;

#endif
