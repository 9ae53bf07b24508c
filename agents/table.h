/*
 * A table on stdout for people, by libsmartcols (its one home): columns as wide as the terminal allows, the last one cut
 * first. Does nothing when app->json is true.
 */
#ifndef LIAISON_AGENTS_TABLE_H
#define LIAISON_AGENTS_TABLE_H

#include "agents/app.h"

#include <stddef.h>

struct table;

/* `columns` are headings, ended by NULL. A heading that begins with '>' is a column of numbers (right-aligned). */
struct table *table_new(
	const struct app *app, const char *const *columns); /* NULL: no memory, or json; all take NULL */

/* Adds a row; `cells` has one text for each column (NULL: empty). Copies. */
void table_row(struct table *table, const char *const *cells);

/* Prints what was added and frees. Nothing at all for a table without rows. */
void table_end(struct table *table);

#endif
