#include "proto/csv_map.h"

#include "proto/alert.pb-c.h"
#include "proto/base/suggest.h"
#include "proto/csv_map_parts.h"
#include "proto/csv_value.h"
#include "proto/json.h"
#include "proto/register.h"

#include <stdlib.h>
#include <string.h>

#define ALERT (&liaison__alert__descriptor)
#define EXPIRES_IN_DAYS_MAX (5 * 366)

/* What every step of one parsing needs. */
struct parsing {
	struct csv_map *map;
	const char *what;
	struct fault *fault;
};

static enum liaison_err
no_memory(const struct parsing *parsing)
{
	return fault_set(parsing->fault, LIAISON_NO_MEMORY, "%s: out of memory", parsing->what);
}

/* --- columns and paths ------------------------------------------------------------------------------------------- */

static enum liaison_err
add_column(const struct parsing *parsing, const config_setting_t *at, const char *name, size_t len, size_t *column)
{
	struct csv_map *map = parsing->map;

	for (size_t i = 0; i < map->column_count; i++)
		if (strlen(map->columns[i].name) == len && memcmp(map->columns[i].name, name, len) == 0) {
			*column = i;
			return LIAISON_OK;
		}
	if (map->column_count == CSV_MAP_COLUMNS_MAX)
		return register_fault(at, parsing->what, parsing->fault, "more than %d columns", CSV_MAP_COLUMNS_MAX);
	char *copy = strndup(name, len);
	if (copy == NULL)
		return no_memory(parsing);
	map->columns[map->column_count] = (struct csv_column){.name = copy};
	*column = map->column_count++;
	return LIAISON_OK;
}

static enum liaison_err
read_column(const struct parsing *parsing, const config_setting_t *entry, const char *key, size_t *column)
{
	const char *name;
	enum liaison_err err = register_text(entry, parsing->what, key, &name, parsing->fault);

	return err != LIAISON_OK ? err : add_column(parsing, entry, name, strlen(name), column);
}

static enum liaison_err
read_path(const struct parsing *parsing, const config_setting_t *entry, struct csv_path *path)
{
	struct fault inner;
	const char *text;
	enum liaison_err err = register_text(entry, parsing->what, "path", &text, parsing->fault);

	if (err != LIAISON_OK)
		return err;
	if (csv_path_parse(ALERT, text, path, &inner) != LIAISON_OK)
		return register_fault(
			config_setting_get_member(entry, "path"), parsing->what, parsing->fault, "%s", inner.message);
	return LIAISON_OK;
}

/* --- rules ------------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_replace(const struct parsing *parsing, const config_setting_t *entry, const config_setting_t **replace)
{
	static const char *const keys[] = {"value", "by", NULL};
	const config_setting_t *list = config_setting_get_member(entry, "replace");
	const char *text;

	if (list == NULL)
		return LIAISON_OK;
	if (!config_setting_is_list(list))
		return register_fault(list, parsing->what, parsing->fault,
			"`replace` is a list: ( { value = \"...\"; by = \"...\"; } )");
	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *one = config_setting_get_elem(list, (unsigned)i);
		enum liaison_err err = register_check_keys(one, parsing->what, keys, parsing->fault);
		if (err == LIAISON_OK)
			err = register_text(one, parsing->what, "value", &text, parsing->fault);
		if (err != LIAISON_OK)
			return err;
		if (config_setting_lookup_string(one, "by", &text) != CONFIG_TRUE) /* empty: leave the cell out */
			return register_fault(one, parsing->what, parsing->fault, "this entry needs a text `by`");
	}
	*replace = list;
	return LIAISON_OK;
}

static enum liaison_err
read_cell_rule(const struct parsing *parsing, const config_setting_t *entry)
{
	static const char *const keys[] = {"name", "path", "required", "split", "replace", NULL};
	struct csv_cell_rule *rule = &parsing->map->cells[parsing->map->cell_count];
	const char *split;
	int required;

	enum liaison_err err = register_check_keys(entry, parsing->what, keys, parsing->fault);
	if (err == LIAISON_OK)
		err = read_column(parsing, entry, "name", &rule->column);
	if (err == LIAISON_OK)
		err = read_path(parsing, entry, &rule->path);
	if (err == LIAISON_OK)
		err = read_replace(parsing, entry, &rule->replace);
	if (err != LIAISON_OK)
		return err;
	if (config_setting_get_member(entry, "required") != NULL) {
		if (config_setting_lookup_bool(entry, "required", &required) != CONFIG_TRUE)
			return register_fault(entry, parsing->what, parsing->fault, "`required` is true or false");
		rule->is_required = required != 0;
	}
	if (config_setting_get_member(entry, "split") != NULL) {
		if (config_setting_lookup_string(entry, "split", &split) != CONFIG_TRUE || strlen(split) != 1)
			return register_fault(entry, parsing->what, parsing->fault, "`split` is one character");
		if (csv_path_field(&rule->path)->label != PROTOBUF_C_LABEL_REPEATED)
			return register_fault(
				entry, parsing->what, parsing->fault, "`split` needs a path that ends in []");
		rule->split = split[0];
	}
	parsing->map->cell_count++;
	return LIAISON_OK;
}

/* "From {From} to {To}": text and column names; {{ is a brace. */
static enum liaison_err
parse_text(const struct parsing *parsing, const config_setting_t *entry, const char *text, struct csv_text_rule *rule)
{
	while (*text != '\0') {
		if (rule->piece_count == CSV_MAP_PIECES_MAX)
			return register_fault(entry, parsing->what, parsing->fault, "the text has more than %d pieces",
				CSV_MAP_PIECES_MAX);
		size_t piece = rule->piece_count++;
		if (text[0] != '{' || text[1] == '{') {
			size_t plain = text[0] == '{' ? 0 : strcspn(text, "{");
			rule->pieces[piece].text = text;
			rule->pieces[piece].len = plain == 0 ? 1 : plain;
			text += plain == 0 ? 2 : plain;
			continue;
		}
		size_t len = strcspn(++text, "}");
		if (len == 0 || text[len] != '}')
			return register_fault(entry, parsing->what, parsing->fault,
				"a column in a text is {Name}; write {{ for a brace");
		enum liaison_err err = add_column(parsing, entry, text, len, &rule->pieces[piece].column);
		if (err != LIAISON_OK)
			return err;
		text += len + 1;
	}
	return LIAISON_OK;
}

static enum liaison_err
read_text_rule(const struct parsing *parsing, const config_setting_t *entry)
{
	static const char *const keys[] = {"path", "text", NULL};
	struct csv_map *map = parsing->map;
	struct csv_text_rule *rule = &map->texts[map->text_count];
	const char *text;

	enum liaison_err err = register_check_keys(entry, parsing->what, keys, parsing->fault);
	if (err == LIAISON_OK)
		err = read_path(parsing, entry, &rule->path);
	if (err == LIAISON_OK)
		err = register_text(entry, parsing->what, "text", &text, parsing->fault);
	if (err == LIAISON_OK)
		err = parse_text(parsing, entry, text, rule);
	if (err != LIAISON_OK)
		return err;
	if (csv_path_field(&rule->path)->type != PROTOBUF_C_TYPE_STRING)
		return register_fault(entry, parsing->what, parsing->fault, "the path of a text must end at a text");
	for (rule->same_path_as = 0; rule->same_path_as < map->text_count; rule->same_path_as++)
		if (csv_path_equal(&map->texts[rule->same_path_as].path, &rule->path))
			break;
	map->text_count++;
	return LIAISON_OK;
}

/* Without a word, every cell that is not empty. */
static enum liaison_err
read_contains(const struct parsing *parsing, const config_setting_t *entry, struct csv_lookup_rule *rule)
{
	rule->contains = "";
	if (config_setting_get_member(entry, "contains") == NULL)
		return LIAISON_OK;
	return register_text(entry, parsing->what, "contains", &rule->contains, parsing->fault);
}

static enum liaison_err
read_lookup_rule(const struct parsing *parsing, const config_setting_t *entry)
{
	static const char *const keys[] = {"column", "contains", "path", "value", NULL};
	struct csv_lookup_rule *rule = &parsing->map->lookups[parsing->map->lookup_count];
	struct fault inner;
	const char *value;

	enum liaison_err err = register_check_keys(entry, parsing->what, keys, parsing->fault);
	if (err == LIAISON_OK)
		err = read_column(parsing, entry, "column", &rule->column);
	if (err == LIAISON_OK)
		err = read_contains(parsing, entry, rule);
	if (err == LIAISON_OK)
		err = read_path(parsing, entry, &rule->path);
	if (err == LIAISON_OK)
		err = register_text(entry, parsing->what, "value", &value, parsing->fault);
	if (err != LIAISON_OK)
		return err;
	if (csv_value(csv_path_field(&rule->path), value, strlen(value), &rule->value, &inner) != LIAISON_OK)
		return register_fault(entry, parsing->what, parsing->fault, "%s", inner.message);
	parsing->map->lookup_count++;
	return LIAISON_OK;
}

static enum liaison_err
read_skip(const struct parsing *parsing, const config_setting_t *entry)
{
	const char *name = config_setting_get_string(entry);

	if (name == NULL || name[0] == '\0')
		return register_fault(
			entry, parsing->what, parsing->fault, "`skip_if_empty` is an array of columns' names");
	enum liaison_err err =
		add_column(parsing, entry, name, strlen(name), &parsing->map->skips[parsing->map->skip_count]);
	if (err == LIAISON_OK)
		parsing->map->skip_count++;
	return err;
}

static enum liaison_err
read_rules(const struct parsing *parsing, const char *name,
	enum liaison_err (*read)(const struct parsing *parsing, const config_setting_t *entry))
{
	const config_setting_t *list = config_lookup(&parsing->map->config, name);

	if (list == NULL)
		return LIAISON_OK;
	if (!config_setting_is_list(list) && !config_setting_is_array(list))
		return register_fault(list, parsing->what, parsing->fault, "`%s` is a list", name);
	if (config_setting_length(list) > CSV_MAP_RULES_MAX)
		return register_fault(
			list, parsing->what, parsing->fault, "`%s` has more than %d entries", name, CSV_MAP_RULES_MAX);
	for (int i = 0; i < config_setting_length(list); i++) {
		enum liaison_err err = read(parsing, config_setting_get_elem(list, (unsigned)i));
		if (err != LIAISON_OK)
			return err;
	}
	return LIAISON_OK;
}

/* --- what every alert has ---------------------------------------------------------------------------------------- */

/* A setting as JSON; NULL for want of memory. The recursion is as deep as libconfig let the text nest. */
static json_t *
setting_json(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT: return json_integer(config_setting_get_int(setting));
	case CONFIG_TYPE_INT64: return json_integer(config_setting_get_int64(setting));
	case CONFIG_TYPE_FLOAT: return json_real(config_setting_get_float(setting));
	case CONFIG_TYPE_BOOL: return json_boolean(config_setting_get_bool(setting));
	case CONFIG_TYPE_STRING: return json_string(config_setting_get_string(setting));
	default: break;
	}
	bool is_group = config_setting_is_group(setting);
	json_t *json = is_group ? json_object() : json_array();
	for (int i = 0; json != NULL && i < config_setting_length(setting); i++) {
		const config_setting_t *inner = config_setting_get_elem(setting, (unsigned)i);
		json_t *value = setting_json(inner);
		if ((is_group ? json_object_set_new(json, config_setting_name(inner), value)
			      : json_array_append_new(json, value)) != 0) {
			json_decref(json);
			return NULL;
		}
	}
	return json;
}

static enum liaison_err
read_constants(const struct parsing *parsing)
{
	const config_setting_t *alert = config_lookup(&parsing->map->config, "alert");
	ProtobufCMessage *message;
	struct fault inner;

	if (alert == NULL || !config_setting_is_group(alert))
		return fault_set(parsing->fault, LIAISON_BAD_CONFIG,
			"%s: a group `alert = { kind = ...; }` is needed: what every alert has", parsing->what);
	parsing->map->constants = setting_json(alert);
	char *text = parsing->map->constants == NULL ? NULL : json_dumps(parsing->map->constants, JSON_COMPACT);
	if (text == NULL)
		return no_memory(parsing);
	enum liaison_err err = json_to_message(ALERT, text, strlen(text), 1, &message, &inner);
	free(text);
	if (err != LIAISON_OK)
		return register_fault(alert, parsing->what, parsing->fault, "alert: %s",
			inner.message + strspn(inner.message, "0123456789: "));
	protobuf_c_message_free_unpacked(message, NULL);
	return LIAISON_OK;
}

/* --- the whole --------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_scalars(const struct parsing *parsing)
{
	const config_setting_t *root = config_root_setting(&parsing->map->config);
	const char *separator;
	double days;

	parsing->map->separator = ',';
	if (config_setting_get_member(root, "separator") != NULL) {
		if (config_setting_lookup_string(root, "separator", &separator) != CONFIG_TRUE ||
			strlen(separator) != 1 || strchr(",;\t|", separator[0]) == NULL)
			return register_fault(config_setting_get_member(root, "separator"), parsing->what,
				parsing->fault, "`separator` is one of \",\" \";\" \"\\t\" \"|\"");
		parsing->map->separator = separator[0];
	}
	if (config_setting_get_member(root, "expires_in_days") == NULL)
		return LIAISON_OK;
	enum liaison_err err =
		register_number(root, parsing->what, "expires_in_days", 1, EXPIRES_IN_DAYS_MAX, &days, parsing->fault);
	if (err == LIAISON_OK)
		parsing->map->expires_in_days = (int64_t)days;
	return err;
}

static enum liaison_err
read_map(const struct parsing *parsing, const char *text)
{
	static const char *const keys[] = {
		"separator", "expires_in_days", "skip_if_empty", "alert", "columns", "texts", "lookups", NULL};

	enum liaison_err err = register_read(&parsing->map->config, parsing->what, text, parsing->fault);
	if (err == LIAISON_OK)
		err = register_check_keys(
			config_root_setting(&parsing->map->config), parsing->what, keys, parsing->fault);
	if (err == LIAISON_OK)
		err = read_scalars(parsing);
	if (err == LIAISON_OK)
		err = read_constants(parsing);
	if (err == LIAISON_OK)
		err = read_rules(parsing, "columns", read_cell_rule);
	if (err == LIAISON_OK)
		err = read_rules(parsing, "texts", read_text_rule);
	if (err == LIAISON_OK)
		err = read_rules(parsing, "lookups", read_lookup_rule);
	if (err == LIAISON_OK)
		err = read_rules(parsing, "skip_if_empty", read_skip);
	if (err == LIAISON_OK && parsing->map->column_count == 0)
		return fault_set(parsing->fault, LIAISON_BAD_CONFIG, "%s: no column is used", parsing->what);
	return err;
}

enum liaison_err
csv_map_new(const char *what, const char *text, struct csv_map **map, struct fault *fault)
{
	struct csv_map *made = calloc(1, sizeof *made);
	struct parsing parsing = {.map = made, .what = what, .fault = fault};

	if (made == NULL)
		return no_memory(&parsing);
	enum liaison_err err = read_map(&parsing, text);
	if (err != LIAISON_OK) {
		csv_map_free(made);
		return err;
	}
	*map = made;
	return LIAISON_OK;
}

void
csv_map_free(struct csv_map *map)
{
	if (map == NULL)
		return;
	for (size_t i = 0; i < map->column_count; i++)
		free(map->columns[i].name);
	for (size_t i = 0; i < map->lookup_count; i++)
		json_decref(map->lookups[i].value);
	json_decref(map->constants);
	config_destroy(&map->config);
	free(map);
}

char
csv_map_separator(const struct csv_map *map)
{
	return map->separator;
}

static enum liaison_err
bind_column(struct csv_column *column, const struct csv_record *header, struct fault *fault)
{
	struct suggest suggest;
	bool is_found = false;

	suggest_init(&suggest, column->name);
	for (size_t i = 0; i < header->count; i++) {
		size_t len;
		const char *name = csv_trim(header->fields[i], &len);
		suggest_offer(&suggest, header->fields[i]);
		if (strlen(column->name) != len || memcmp(column->name, name, len) != 0)
			continue;
		if (is_found)
			return fault_set(fault, LIAISON_MALFORMED, "%zu: the table has two columns \"%s\"",
				header->line, column->name);
		is_found = true;
		column->field = i;
	}
	if (is_found)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_MALFORMED, "%zu: the table has no column \"%s\", which the map names%s%s%s",
		header->line, column->name, suggest.best == NULL ? "" : "; did it mean \"",
		suggest.best == NULL ? "" : suggest.best, suggest.best == NULL ? "" : "\"?");
}

enum liaison_err
csv_map_bind(struct csv_map *map, const struct csv_record *header, struct fault *fault)
{
	for (size_t i = 0; i < map->column_count; i++) {
		enum liaison_err err = bind_column(&map->columns[i], header, fault);
		if (err != LIAISON_OK)
			return err;
	}
	map->header_fields = header->count;
	return LIAISON_OK;
}
