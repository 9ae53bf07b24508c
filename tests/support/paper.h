/*
 * What a paper says in a form that a test can hold to: blocks of vectors, and tables with a mark above them.
 *
 *   ```vectors                      NAME = hexadecimal, or NAME = "text"; a value goes on in indented lines;
 *   alert.hash = 0a10 0b ...        blanks and what follows a # do not count
 *   ```
 *
 *   <!-- table: presence -->        and below it a table whose rows are compared whole, but for blanks
 *
 * With PAPER=print in the environment nothing is compared: what the paper should say is printed.
 */
#ifndef LIAISON_TESTS_SUPPORT_PAPER_H
#define LIAISON_TESTS_SUPPORT_PAPER_H

#include <stddef.h>
#include <stdint.h>

struct paper;

/* From the top of the tree; fails the test if there is none. */
struct paper *paper_new(const char *path);
void paper_free(struct paper *paper);

/* Fails the test where the paper has no such vector or another value, and prints the right one. */
void paper_check_vector(struct paper *paper, const char *name, const void *bytes, size_t len);
void paper_check_text(struct paper *paper, const char *name, const char *text);
/* Every vector of the paper was asked for. */
void paper_check_no_more_vectors(const struct paper *paper);

/* The next row of the table of that mark must be this one; row by row, in order. */
void paper_check_row(struct paper *paper, const char *table, const char *row);
/* The table has no further row. */
void paper_check_table_end(struct paper *paper, const char *table);

#endif
