#include "tests/support/paper.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define PAPER_BYTES_MAX (1024 * 1024)
#define VECTORS_MAX 128
#define VECTOR_CHARS_MAX 8192
#define TABLES_MAX 16
#define ROW_CHARS_MAX 1024

struct vector {
	char name[64];
	char *value; /* hexadecimal in lower case without blanks, or a text with its quotes */
	bool was_asked;
};

struct table {
	char name[64];
	const char *next; /* the row that is due; in `text` */
	bool is_past_head;
};

struct paper {
	bool prints;
	char *text;
	struct vector vectors[VECTORS_MAX];
	size_t vector_count;
	struct table tables[TABLES_MAX];
	size_t table_count;
};

/* --- vectors --------------------------------------------------------------------------------------------------------- */

static void
append_value(struct vector *vector, const char *line, size_t len)
{
	size_t used = strlen(vector->value);

	for (size_t i = 0; i < len; i++) {
		if (vector->value[0] == '"' || (used == 0 && line[i] == '"')) {
			vector->value[used++] = line[i];
			continue;
		}
		if (line[i] == '#')
			break;
		if (!isspace((unsigned char)line[i]))
			vector->value[used++] = line[i];
		assert_true(used < VECTOR_CHARS_MAX - 1);
	}
	while (vector->value[0] == '"' && used > 0 && isspace((unsigned char)vector->value[used - 1]))
		used--;
	vector->value[used] = '\0';
}

static void
take_vector_line(struct paper *paper, const char *line, size_t len)
{
	const char *equals = memchr(line, '=', len);
	struct vector *vector;

	if (len == 0)
		return;
	if (isspace((unsigned char)line[0])) {
		assert_true(paper->vector_count > 0);
		append_value(&paper->vectors[paper->vector_count - 1], line, len);
		return;
	}
	assert_true(paper->vector_count < VECTORS_MAX);
	if (equals == NULL)
		fail_msg("no '=' in a line of vectors: %.*s", (int)len, line);
	vector = &paper->vectors[paper->vector_count++];
	snprintf(vector->name, sizeof vector->name, "%.*s", (int)strcspn(line, " ="), line);
	vector->value = calloc(1, VECTOR_CHARS_MAX);
	assert_non_null(vector->value);
	equals += 1 + strspn(equals + 1, " ");
	append_value(vector, equals, len - (size_t)(equals - line));
}

static void
take_line(struct paper *paper, const char *line, size_t len, bool *in_vectors)
{
	static const char mark[] = "<!-- table: ";

	if (len >= 3 && strncmp(line, "```", 3) == 0) {
		*in_vectors = !*in_vectors && len == 10 && strncmp(line, "```vectors", 10) == 0;
	} else if (*in_vectors) {
		take_vector_line(paper, line, len);
	} else if (len > sizeof mark && strncmp(line, mark, sizeof mark - 1) == 0) {
		assert_true(paper->table_count < TABLES_MAX);
		struct table *table = &paper->tables[paper->table_count++];
		const char *name = line + sizeof mark - 1;
		snprintf(table->name, sizeof table->name, "%.*s", (int)strcspn(name, " "), name);
		table->next = line + len + 1;
	}
}

struct paper *
paper_new(const char *path)
{
	struct paper *paper = calloc(1, sizeof *paper);
	FILE *file = fopen(path, "r");
	const char *print = getenv("PAPER");
	bool in_vectors = false;

	if (file == NULL)
		fail_msg("%s cannot be read; tests run from the top of the tree", path);
	assert_non_null(paper);
	paper->prints = print != NULL && strcmp(print, "print") == 0;
	paper->text = calloc(1, PAPER_BYTES_MAX);
	assert_non_null(paper->text);
	assert_true(fread(paper->text, 1, PAPER_BYTES_MAX - 1, file) < PAPER_BYTES_MAX - 1);
	(void)fclose(file);
	for (const char *line = paper->text; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		take_line(paper, line, len, &in_vectors);
		line += len + (line[len] == '\n');
	}
	return paper;
}

void
paper_free(struct paper *paper)
{
	for (size_t i = 0; i < paper->vector_count; i++)
		free(paper->vectors[i].value);
	free(paper->text);
	free(paper);
}

static void
print_value(const char *name, const char *value)
{
	size_t len = strlen(value);

	if (value[0] == '"')
		printf("%s = %s\n", name, value);
	else if (len <= 64)
		printf("%s = %s\n", name, value);
	else
		printf("%s =\n", name);
	for (size_t at = 0; value[0] != '"' && len > 64 && at < len; at += 64)
		printf("  %.64s\n", value + at);
}

static void
check_value(struct paper *paper, const char *name, const char *value)
{
	if (paper->prints) {
		print_value(name, value);
		return;
	}
	for (size_t i = 0; i < paper->vector_count; i++) {
		struct vector *vector = &paper->vectors[i];
		if (strcmp(vector->name, name) != 0)
			continue;
		vector->was_asked = true;
		if (strcmp(vector->value, value) != 0)
			fail_msg("the paper says\n%s = %s, it is\n%s = %s", name, vector->value, name, value);
		return;
	}
	fail_msg("the paper lacks\n%s = %s", name, value);
}

void
paper_check_vector(struct paper *paper, const char *name, const void *bytes, size_t len)
{
	char *hex = malloc(2 * len + 1);

	assert_non_null(hex);
	sodium_bin2hex(hex, 2 * len + 1, bytes, len);
	check_value(paper, name, hex);
	free(hex);
}

void
paper_check_text(struct paper *paper, const char *name, const char *text)
{
	char quoted[256];

	snprintf(quoted, sizeof quoted, "\"%s\"", text);
	check_value(paper, name, quoted);
}

void
paper_check_no_more_vectors(const struct paper *paper)
{
	for (size_t i = 0; !paper->prints && i < paper->vector_count; i++)
		if (!paper->vectors[i].was_asked)
			fail_msg("no test holds %s to its value", paper->vectors[i].name);
}

/* --- tables ---------------------------------------------------------------------------------------------------------- */

static struct table *
find_table(struct paper *paper, const char *name)
{
	struct table *table = NULL;

	for (size_t i = 0; table == NULL && i < paper->table_count; i++)
		if (strcmp(paper->tables[i].name, name) == 0)
			table = &paper->tables[i];
	if (table == NULL)
		fail_msg("the paper has no table marked %s", name);
	if (!table->is_past_head) {
		const char *dashes = strstr(table->next, "\n|-");
		assert_non_null(dashes);
		table->next = dashes + 1 + strcspn(dashes + 1, "\n") + 1;
		table->is_past_head = true;
	}
	return table;
}

/* Runs of blanks count as one. */
static void
squeeze(const char *text, size_t len, char out[ROW_CHARS_MAX])
{
	size_t used = 0;

	for (size_t i = 0; i < len && used < ROW_CHARS_MAX - 1; i++)
		if (text[i] != ' ' || (used > 0 && out[used - 1] != ' '))
			out[used++] = text[i];
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

void
paper_check_row(struct paper *paper, const char *name, const char *row)
{
	char found[ROW_CHARS_MAX], wanted[ROW_CHARS_MAX];

	if (paper->prints) {
		printf("%s\n", row);
		return;
	}
	struct table *table = find_table(paper, name);
	size_t len = strcspn(table->next, "\n");
	squeeze(table->next, len, found);
	squeeze(row, strlen(row), wanted);
	if (strcmp(found, wanted) != 0)
		fail_msg("table %s says\n%s\nwhere it should say\n%s", name, found, wanted);
	table->next += len + 1;
}

void
paper_check_table_end(struct paper *paper, const char *name)
{
	const struct table *table = paper->prints ? NULL : find_table(paper, name);

	if (table != NULL && table->next[0] == '|')
		fail_msg("table %s has a row too many:\n%.*s", name, (int)strcspn(table->next, "\n"), table->next);
}
