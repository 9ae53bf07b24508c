/* sql FILE QUERY: the rows of a SQLite file, which is only read, one on a line, columns with tabs between. */
#include <sqlite3.h>
#include <stdio.h>

static int
print_row(void *arg, int count, char **values, char **names)
{
	(void)arg;
	(void)names;
	for (int i = 0; i < count; i++)
		printf("%s%s", i > 0 ? "\t" : "", values[i] != NULL ? values[i] : "");
	putchar('\n');
	return 0;
}

int
main(int argc, char **argv)
{
	sqlite3 *db = NULL;
	char *why = NULL;

	if (argc != 3) {
		fprintf(stderr, "usage: sql FILE QUERY\n");
		return 64;
	}
	int result = sqlite3_open_v2(argv[1], &db, SQLITE_OPEN_READONLY, NULL);
	if (result == SQLITE_OK)
		result = sqlite3_exec(db, argv[2], print_row, NULL, &why);
	if (result != SQLITE_OK)
		fprintf(stderr, "sql: %s: %s\n", argv[1], why != NULL ? why : sqlite3_errmsg(db));
	sqlite3_free(why);
	sqlite3_close(db);
	return result == SQLITE_OK ? 0 : 74;
}
