/*
 * json_within AUTHOR: is all that the author wrote in what was delivered? AUTHOR is a file with one alert; standard input
 * is one line of `liaison feed --json` or `liaison show --json`. Says each place that differs; exit 1 then. Prints what was
 * added on its way, one name on a line.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool compare(const char *place, const json_t *wanted, const json_t *got);

static bool
differ(const char *place, const json_t *wanted, const json_t *got)
{
	char *left = json_dumps(wanted, JSON_ENCODE_ANY | JSON_COMPACT);
	char *right = got != NULL ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

	printf("%s: written %s, delivered %s\n", place, left, right != NULL ? right : "nothing");
	free(left);
	free(right);
	return false;
}

static bool
compare_objects(const char *place, const json_t *wanted, const json_t *got)
{
	const char *key;
	json_t *value;
	bool same = true;

	json_object_foreach((json_t *)(uintptr_t)wanted, key, value)
	{
		char inner[1024];
		snprintf(inner, sizeof inner, "%s%s%s", place, place[0] != '\0' ? "." : "", key);
		same = compare(inner, value, json_object_get(got, key)) && same;
	}
	return same;
}

static bool
compare_arrays(const char *place, const json_t *wanted, const json_t *got)
{
	bool same = true;

	if (json_array_size(wanted) != json_array_size(got))
		return differ(place, wanted, got);
	for (size_t i = 0; i < json_array_size(wanted); i++) {
		char inner[1024];
		snprintf(inner, sizeof inner, "%s[%zu]", place, i);
		same = compare(inner, json_array_get(wanted, i), json_array_get(got, i)) && same;
	}
	return same;
}

static bool
compare(const char *place, const json_t *wanted, const json_t *got)
{
	if (json_is_object(wanted) && json_is_object(got))
		return compare_objects(place, wanted, got);
	if (json_is_array(wanted) && json_is_array(got))
		return compare_arrays(place, wanted, got);
	if (json_is_number(wanted) && json_is_number(got))
		return json_number_value(wanted) == json_number_value(got) || differ(place, wanted, got);
	return json_equal(wanted, got) || differ(place, wanted, got);
}

int
main(int argc, char **argv)
{
	json_error_t error;
	const char *key;
	json_t *value;

	json_t *wanted = argc == 2 ? json_load_file(argv[1], JSON_REJECT_DUPLICATES, &error) : NULL;
	json_t *line = wanted != NULL ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error) : NULL;
	json_t *alert = line != NULL ? json_object_get(line, "alert") : NULL;
	if (!json_is_object(wanted) || !json_is_object(alert)) {
		fprintf(stderr, "usage: json_within AUTHOR < LINE (%s)\n", argc == 2 ? error.text : "no file");
		return 64;
	}
	bool same = compare("", wanted, alert);
	json_object_foreach(alert, key, value) if (json_object_get(wanted, key) == NULL) printf("%s\n", key);
	json_decref(wanted);
	json_decref(line);
	return same ? 0 : 1;
}
