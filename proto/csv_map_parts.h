/* What a map holds once it is parsed. Only csv_map.c and csv_map_row.c include this. */
#ifndef LIAISON_PROTO_CSV_MAP_PARTS_H
#define LIAISON_PROTO_CSV_MAP_PARTS_H

#include "proto/csv_map.h"
#include "proto/csv_path.h"

#include <jansson.h>
#include <libconfig.h>

#define CSV_MAP_COLUMNS_MAX 128 /* that a map names */
#define CSV_MAP_RULES_MAX 128   /* of each sort */
#define CSV_MAP_PIECES_MAX 32   /* of a text */

/* A column that some rule of the map names. */
struct csv_column {
	char *name;   /* owned */
	size_t field; /* its position in a record, set by csv_map_bind */
};

/* `columns`: a cell goes to a path. */
struct csv_cell_rule {
	size_t column;
	struct csv_path path;
	bool is_required;
	char split;                      /* NUL: the cell is one value */
	const config_setting_t *replace; /* NULL: as it stands */
};

/* `texts`: pieces go to a path, if none of the columns is empty. */
struct csv_text_rule {
	struct csv_path path;
	size_t same_path_as; /* the first rule of this path, perhaps itself */
	size_t piece_count;
	struct {
		const char *text; /* NULL: the column */
		size_t len;
		size_t column;
	} pieces[CSV_MAP_PIECES_MAX];
};

/* `lookups`: words in a column add a value. */
struct csv_lookup_rule {
	size_t column;
	const char *contains;
	struct csv_path path;
	json_t *value; /* owned */
};

struct csv_map {
	config_t config; /* owns the texts that the rules borrow */
	char separator;
	int64_t expires_in_days; /* 0: the map does not say */
	json_t *constants;
	size_t header_fields;
	struct csv_column columns[CSV_MAP_COLUMNS_MAX];
	size_t column_count;
	struct csv_cell_rule cells[CSV_MAP_RULES_MAX];
	size_t cell_count;
	struct csv_text_rule texts[CSV_MAP_RULES_MAX];
	size_t text_count;
	struct csv_lookup_rule lookups[CSV_MAP_RULES_MAX];
	size_t lookup_count;
	size_t skips[CSV_MAP_RULES_MAX]; /* columns */
	size_t skip_count;
};

#endif
