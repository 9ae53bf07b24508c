#include "proto/crossings.h"

#include "proto/base/suggest.h"
#include "proto/register.h"

#include <stdlib.h>
#include <string.h>

#define WHAT "register of crossings"
#define WITHIN_KM_MOST 50

static const char *const row_keys[] = {
	"id", "name", "country", "lat", "lon", "within_km", "names", "facing", "listed_as", NULL};
static const char *const unplaced_keys[] = {"listed_as", "reason", NULL};

extern const unsigned char register_crossings[];

struct crossings {
	config_t config; /* owns every string */
	struct crossing *rows;
	size_t count;
	struct crossing_unplaced *unplaced;
	size_t unplaced_count;
};

static int
compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct crossing *)a)->id, ((const struct crossing *)b)->id);
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Not isupper() and its kin: the locale must not matter. */
static bool
is_country(const char *text)
{
	return text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'A' && text[1] <= 'Z' && text[2] == '\0';
}

/* The country in lower case, '-', then words of [a-z0-9] with single '-' between. */
static bool
is_crossing_id(const char *id, const char *country)
{
	size_t len = strlen(id);

	if (len >= CROSSING_ID_BYTES_MAX || len < 4 || id[len - 1] == '-')
		return false;
	if (id[0] != country[0] - 'A' + 'a' || id[1] != country[1] - 'A' + 'a' || id[2] != '-')
		return false;
	for (size_t i = 3; i < len; i++) {
		bool is_word = (id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9');
		if (!is_word && (id[i] != '-' || id[i - 1] == '-'))
			return false;
	}
	return true;
}

static enum liaison_err
read_names(const config_setting_t *entry, struct crossing *row, struct fault *fault)
{
	const config_setting_t *names = config_setting_get_member(entry, "names");
	int length;

	if (names == NULL)
		return LIAISON_OK;
	length = config_setting_length(names);
	if (!config_setting_is_group(names) || length == 0)
		return register_fault(names, WHAT, fault, "`names` is a group: { th = \"...\"; }");
	row->names = calloc((size_t)length, sizeof *row->names);
	if (row->names == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, WHAT ": out of memory");
	for (int i = 0; i < length; i++) {
		const config_setting_t *name = config_setting_get_elem(names, (unsigned)i);
		const char *text = config_setting_get_string(name);
		if (text == NULL || text[0] == '\0')
			return register_fault(name, WHAT, fault, "a name is a text");
		row->names[row->name_count++] = (struct crossing_name){config_setting_name(name), text};
	}
	return LIAISON_OK;
}

static enum liaison_err
read_row(const config_setting_t *entry, struct crossing *row, struct fault *fault)
{
	const char *country;
	enum liaison_err err;

	if ((err = register_check_keys(entry, WHAT, row_keys, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "id", &row->id, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "name", &row->name, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "country", &country, fault)) != LIAISON_OK ||
		(err = register_number(entry, WHAT, "lat", -90, 90, &row->lat, fault)) != LIAISON_OK ||
		(err = register_number(entry, WHAT, "lon", -180, 180, &row->lon, fault)) != LIAISON_OK ||
		(err = register_number(entry, WHAT, "within_km", 0, WITHIN_KM_MOST, &row->within_km, fault)) !=
			LIAISON_OK)
		return err;
	if (!is_country(country))
		return register_fault(entry, WHAT, fault, "`country` is two capital letters, as in \"KH\"");
	memcpy(row->country, country, sizeof row->country);
	if (!is_crossing_id(row->id, row->country))
		return register_fault(entry, WHAT, fault,
			"id \"%s\" is not the country, '-' and a lower-case name, as in \"kh-poipet\"", row->id);
	if ((err = register_texts(entry, WHAT, "facing", &row->facing, &row->facing_count, fault)) != LIAISON_OK ||
		(err = register_texts(entry, WHAT, "listed_as", &row->listed_as, &row->listed_as_count, fault)) !=
			LIAISON_OK)
		return err;
	if (row->facing_count > 1)
		qsort(row->facing, row->facing_count, sizeof *row->facing, compare_texts);
	return read_names(entry, row, fault);
}

static enum liaison_err
read_rows(struct crossings *crossings, struct fault *fault)
{
	config_setting_t *list;
	enum liaison_err err = register_list(&crossings->config, WHAT, "crossings", &list, fault);
	size_t length;

	if (err != LIAISON_OK)
		return err;
	length = (size_t)config_setting_length(list);
	crossings->rows = calloc(length + 1, sizeof *crossings->rows);
	if (crossings->rows == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, WHAT ": out of memory");
	for (size_t i = 0; i < length && err == LIAISON_OK; i++)
		err = read_row(config_setting_get_elem(list, (unsigned)i), &crossings->rows[crossings->count++], fault);
	return err;
}

static enum liaison_err
read_unplaced(struct crossings *crossings, struct fault *fault)
{
	config_setting_t *list;
	size_t length;
	enum liaison_err err;

	if (config_lookup(&crossings->config, "unplaced") == NULL)
		return LIAISON_OK;
	err = register_list(&crossings->config, WHAT, "unplaced", &list, fault);
	if (err != LIAISON_OK)
		return err;
	length = (size_t)config_setting_length(list);
	crossings->unplaced = calloc(length + 1, sizeof *crossings->unplaced);
	if (crossings->unplaced == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, WHAT ": out of memory");
	for (size_t i = 0; i < length; i++) {
		const config_setting_t *entry = config_setting_get_elem(list, (unsigned)i);
		struct crossing_unplaced *row = &crossings->unplaced[crossings->unplaced_count];
		if ((err = register_check_keys(entry, WHAT, unplaced_keys, fault)) != LIAISON_OK ||
			(err = register_text(entry, WHAT, "listed_as", &row->listed_as, fault)) != LIAISON_OK ||
			(err = register_text(entry, WHAT, "reason", &row->reason, fault)) != LIAISON_OK)
			return err;
		crossings->unplaced_count++;
	}
	return LIAISON_OK;
}

static bool
faces(const struct crossing *row, const char *id)
{
	for (size_t i = 0; i < row->facing_count; i++)
		if (strcmp(row->facing[i], id) == 0)
			return true;
	return false;
}

/* What only the whole register can tell. */
static enum liaison_err
check_rows(struct crossings *crossings, struct fault *fault)
{
	qsort(crossings->rows, crossings->count, sizeof *crossings->rows, compare_rows);
	for (size_t i = 0; i < crossings->count; i++) {
		const struct crossing *row = &crossings->rows[i];
		if (i > 0 && strcmp(row->id, row[-1].id) == 0)
			return fault_set(fault, LIAISON_BAD_CONFIG, WHAT ": \"%s\" stands there twice", row->id);
		for (size_t j = 0; j < row->facing_count; j++) {
			const struct crossing *other = crossings_find(crossings, row->facing[j]);
			if (other == NULL)
				return fault_set(fault, LIAISON_BAD_CONFIG,
					WHAT ": \"%s\" faces \"%s\", which it does not have", row->id, row->facing[j]);
			if (strcmp(other->country, row->country) == 0 || !faces(other, row->id))
				return fault_set(fault, LIAISON_BAD_CONFIG,
					WHAT ": \"%s\" and \"%s\" must face each other across a border", row->id,
					other->id);
		}
	}
	return LIAISON_OK;
}

enum liaison_err
crossings_new(const char *text, struct crossings **out, struct fault *fault)
{
	struct crossings *crossings = calloc(1, sizeof *crossings);
	enum liaison_err err;

	if (crossings == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, WHAT ": out of memory");
	if ((err = register_read(&crossings->config, WHAT, text, fault)) != LIAISON_OK ||
		(err = read_rows(crossings, fault)) != LIAISON_OK ||
		(err = read_unplaced(crossings, fault)) != LIAISON_OK ||
		(err = check_rows(crossings, fault)) != LIAISON_OK) {
		crossings_free(crossings);
		return err;
	}
	*out = crossings;
	return LIAISON_OK;
}

enum liaison_err
crossings_builtin(struct crossings **out, struct fault *fault)
{
	return crossings_new((const char *)register_crossings, out, fault);
}

void
crossings_free(struct crossings *crossings)
{
	if (crossings == NULL)
		return;
	for (size_t i = 0; i < crossings->count; i++) {
		free(crossings->rows[i].facing);
		free(crossings->rows[i].listed_as);
		free(crossings->rows[i].names);
	}
	free(crossings->rows);
	free(crossings->unplaced);
	config_destroy(&crossings->config);
	free(crossings);
}

const struct crossing *
crossings_find(const struct crossings *crossings, const char *id)
{
	const struct crossing key = {.id = id};

	return bsearch(&key, crossings->rows, crossings->count, sizeof *crossings->rows, compare_rows);
}

size_t
crossings_count(const struct crossings *crossings)
{
	return crossings->count;
}

const struct crossing *
crossings_at(const struct crossings *crossings, size_t number)
{
	return &crossings->rows[number];
}

const struct crossing *
crossings_nearest_name(const struct crossings *crossings, const char *text)
{
	const struct crossing *best = NULL;
	struct suggest suggest;

	suggest_init(&suggest, text);
	for (size_t i = 0; i < crossings->count; i++) {
		const struct crossing *row = &crossings->rows[i];
		const char *before = suggest.best;
		suggest_offer(&suggest, row->id);
		suggest_offer(&suggest, row->id + 3); /* the id without its country */
		suggest_offer(&suggest, row->name);
		for (size_t j = 0; j < row->listed_as_count; j++)
			suggest_offer(&suggest, row->listed_as[j]);
		for (size_t j = 0; j < row->name_count; j++)
			suggest_offer(&suggest, row->names[j].text);
		if (suggest.best != before)
			best = row;
	}
	return best;
}

const char *
crossing_name_in(const struct crossing *crossing, const char *const *langs)
{
	for (; *langs != NULL && strcmp(*langs, "en") != 0; langs++)
		for (size_t i = 0; i < crossing->name_count; i++)
			if (strcmp(crossing->names[i].lang, *langs) == 0)
				return crossing->names[i].text;
	return crossing->name;
}

size_t
crossings_unplaced_count(const struct crossings *crossings)
{
	return crossings->unplaced_count;
}

const struct crossing_unplaced *
crossings_unplaced_at(const struct crossings *crossings, size_t number)
{
	return &crossings->unplaced[number];
}
