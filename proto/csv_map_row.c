#include "proto/alert.pb-c.h"
#include "proto/base/time.h"
#include "proto/csv_map_parts.h"
#include "proto/csv_value.h"
#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

/* One row on its way to an alert. */
struct making {
	const struct csv_map *map;
	const struct csv_record *row;
	json_t *alert;
	struct fault *fault;
};

static const char *
cell(const struct making *making, size_t column, size_t *len)
{
	return csv_trim(making->row->fields[making->map->columns[column].field], len);
}

static enum liaison_err
no_memory(const struct making *making)
{
	return fault_set(making->fault, LIAISON_NO_MEMORY, "%zu: out of memory", making->row->line);
}

/* --- columns ----------------------------------------------------------------------------------------------------- */

static const char *
replaced(const struct csv_cell_rule *rule, const char *text, size_t *len)
{
	for (int i = 0; rule->replace != NULL && i < config_setting_length(rule->replace); i++) {
		const config_setting_t *entry = config_setting_get_elem(rule->replace, (unsigned)i);
		const char *value, *by;
		if (config_setting_lookup_string(entry, "value", &value) == CONFIG_TRUE &&
			config_setting_lookup_string(entry, "by", &by) == CONFIG_TRUE && strlen(value) == *len &&
			memcmp(value, text, *len) == 0) {
			*len = strlen(by);
			return by;
		}
	}
	return text;
}

static enum liaison_err
put_one(const struct making *making, const struct csv_cell_rule *rule, const char *text, size_t len)
{
	struct fault inner;
	json_t *value;

	text = replaced(rule, text, &len);
	if (len == 0)
		return LIAISON_OK;
	enum liaison_err err = csv_value(csv_path_field(&rule->path), text, len, &value, &inner);
	if (err != LIAISON_OK)
		return fault_set(making->fault, err, "%zu: column \"%s\": %s", making->row->line,
			making->map->columns[rule->column].name, inner.message);
	err = csv_path_set(&rule->path, making->alert, value);
	return err == LIAISON_OK ? LIAISON_OK : no_memory(making);
}

static enum liaison_err
put_cell(const struct making *making, const struct csv_cell_rule *rule)
{
	size_t len;
	const char *text = cell(making, rule->column, &len);
	const char *end = text + len;
	enum liaison_err err = LIAISON_OK;

	if (len == 0 && rule->is_required)
		return fault_set(making->fault, LIAISON_MALFORMED, "%zu: column \"%s\": empty, and the map requires it",
			making->row->line, making->map->columns[rule->column].name);
	if (rule->split == '\0')
		return put_one(making, rule, text, len);
	while (text < end && err == LIAISON_OK) {
		const char *next = memchr(text, rule->split, (size_t)(end - text));
		const char *stop = next == NULL ? end : next;
		const char *first = text;
		while (first < stop && *first == ' ')
			first++;
		text = next == NULL ? end : next + 1;
		while (stop > first && stop[-1] == ' ')
			stop--;
		err = put_one(making, rule, first, (size_t)(stop - first));
	}
	return err;
}

/* --- texts, lookups, expiry -------------------------------------------------------------------------------------- */

/* False where a column is empty. */
static bool
fill_text(const struct making *making, const struct csv_text_rule *rule, struct buf *out)
{
	for (size_t i = 0; i < rule->piece_count; i++) {
		size_t len = rule->pieces[i].len;
		const char *text = rule->pieces[i].text;
		if (text == NULL)
			text = cell(making, rule->pieces[i].column, &len);
		if (len == 0)
			return false;
		buf_put(out, text, len);
	}
	return true;
}

static enum liaison_err
put_texts(const struct making *making)
{
	bool is_done[CSV_MAP_RULES_MAX] = {false};
	struct buf out;
	enum liaison_err err = LIAISON_OK;

	buf_init(&out, CSV_RECORD_BYTES_MAX);
	for (size_t i = 0; i < making->map->text_count && err == LIAISON_OK; i++) {
		const struct csv_text_rule *rule = &making->map->texts[i];
		buf_reset(&out);
		if (is_done[rule->same_path_as] || !fill_text(making, rule, &out))
			continue;
		is_done[rule->same_path_as] = true;
		err = buf_check(&out);
		if (err == LIAISON_OK)
			err = csv_path_set(&rule->path, making->alert, json_stringn((const char *)out.data, out.len));
	}
	buf_clear(&out);
	return err == LIAISON_OK ? LIAISON_OK : no_memory(making);
}

static enum liaison_err
put_lookups(const struct making *making)
{
	for (size_t i = 0; i < making->map->lookup_count; i++) {
		const struct csv_lookup_rule *rule = &making->map->lookups[i];
		size_t len;
		const char *text = cell(making, rule->column, &len);
		if (len == 0 || memmem(text, len, rule->contains, strlen(rule->contains)) == NULL)
			continue;
		if (csv_path_set(&rule->path, making->alert, json_incref(rule->value)) != LIAISON_OK)
			return no_memory(making);
	}
	return LIAISON_OK;
}

static enum liaison_err
put_expiry(const struct making *making, int64_t now_ms)
{
	char text[RFC3339_BYTES];

	if (making->map->expires_in_days == 0 || json_object_get(making->alert, "expires") != NULL)
		return LIAISON_OK;
	int64_t at_ms = now_ms + making->map->expires_in_days * MS_PER_DAY;
	time_format(at_ms - at_ms % MS_PER_SECOND, text);
	return json_object_set_new(making->alert, "expires", json_string(text)) == 0 ? LIAISON_OK : no_memory(making);
}

/* --- result ------------------------------------------------------------------------------------------------------ */

/* Takes out objects and lists that rows left empty. The recursion follows the schema. */
static void
prune(json_t *json)
{
	if (json_is_array(json)) {
		for (size_t i = json_array_size(json); i-- > 0;) {
			json_t *value = json_array_get(json, i);
			prune(value);
			if (json_is_object(value) && json_object_size(value) == 0)
				(void)json_array_remove(json, i);
		}
	} else if (json_is_object(json)) {
		void *next;
		for (void *at = json_object_iter(json); at != NULL; at = next) {
			json_t *value = json_object_iter_value(at);
			const char *key = json_object_iter_key(at);
			next = json_object_iter_next(json, at);
			prune(value);
			if ((json_is_object(value) && json_object_size(value) == 0) ||
				(json_is_array(value) && json_array_size(value) == 0))
				(void)json_object_del(json, key);
		}
	}
}

/* Through the schema and back, so that what comes out is what `publish` takes. */
static enum liaison_err
write_alert(const struct making *making, struct buf *out)
{
	ProtobufCMessage *message;
	struct fault inner;
	char *text = json_dumps(making->alert, JSON_COMPACT);

	if (text == NULL)
		return no_memory(making);
	enum liaison_err err = json_to_message(&liaison__alert__descriptor, text, strlen(text), 1, &message, &inner);
	free(text);
	if (err != LIAISON_OK)
		return fault_set(making->fault, err, "%zu: %s", making->row->line,
			inner.message + strspn(inner.message, "0123456789: "));
	json_from_message(message, out);
	buf_put_u8(out, '\n');
	protobuf_c_message_free_unpacked(message, NULL);
	err = buf_check(out);
	return err == LIAISON_OK ? LIAISON_OK : fault_set(making->fault, err, "%zu: no room", making->row->line);
}

static enum liaison_err
make_alert(const struct making *making, int64_t now_ms, struct buf *out)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; i < making->map->cell_count && err == LIAISON_OK; i++)
		err = put_cell(making, &making->map->cells[i]);
	if (err == LIAISON_OK)
		err = put_lookups(making);
	if (err == LIAISON_OK)
		err = put_texts(making);
	if (err == LIAISON_OK)
		err = put_expiry(making, now_ms);
	if (err != LIAISON_OK)
		return err;
	prune(making->alert);
	return write_alert(making, out);
}

enum liaison_err
csv_map_row(const struct csv_map *map, const struct csv_record *row, int64_t now_ms, bool *is_skipped, struct buf *out,
	struct fault *fault)
{
	struct making making = {.map = map, .row = row, .fault = fault};

	if (row->count != map->header_fields)
		return fault_set(fault, LIAISON_MALFORMED, "%zu: %zu fields, but the first line has %zu", row->line,
			row->count, map->header_fields);
	for (size_t i = 0; i < map->skip_count; i++) {
		size_t len;
		(void)cell(&making, map->skips[i], &len);
		if (len == 0) {
			*is_skipped = true;
			return LIAISON_OK;
		}
	}
	making.alert = json_deep_copy(map->constants);
	if (making.alert == NULL)
		return no_memory(&making);
	enum liaison_err err = make_alert(&making, now_ms, out);
	json_decref(making.alert);
	if (err == LIAISON_OK)
		*is_skipped = false;
	return err;
}
