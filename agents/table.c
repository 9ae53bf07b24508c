#include "agents/table.h"

#include "agents/say.h"

#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

struct table {
	struct libscols_table *lines;
	size_t columns;
	size_t rows;
};

struct table *
table_new(const struct app *app, const char *const *columns)
{
	struct table *table = app->json ? NULL : calloc(1, sizeof *table);

	if (table == NULL)
		return NULL;
	table->lines = scols_new_table();
	if (table->lines == NULL) {
		free(table);
		return NULL;
	}
	scols_table_enable_colors(table->lines, app->has_colour);
	for (; columns[table->columns] != NULL; table->columns++) {
		const char *heading = columns[table->columns];
		bool is_number = heading[0] == '>';
		bool is_last = columns[table->columns + 1] == NULL;
		scols_table_new_column(table->lines, heading + (is_number ? 1 : 0), is_last ? 1.0 : 0.0,
			is_number ? SCOLS_FL_RIGHT
			: is_last ? SCOLS_FL_TRUNC
				  : 0);
	}
	return table;
}

void
table_row(struct table *table, const char *const *cells)
{
	if (table == NULL)
		return;
	struct libscols_line *line = scols_table_new_line(table->lines, NULL);
	if (line == NULL)
		return;
	table->rows++;
	for (size_t i = 0; i < table->columns; i++) {
		char *copy = strdup(cells[i] != NULL ? cells[i] : "");
		if (copy != NULL && scols_line_refer_data(line, i, text_make_safe(copy)) != 0)
			free(copy);
	}
}

void
table_end(struct table *table)
{
	if (table == NULL)
		return;
	if (table->rows > 0)
		scols_print_table(table->lines);
	scols_unref_table(table->lines);
	free(table);
}
