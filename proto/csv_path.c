#include "proto/csv_path.h"

#include "proto/json.h"

#include <stdlib.h>
#include <string.h>

/* --- parsing ----------------------------------------------------------------------------------------------------- */

static bool
is_object_list(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED && field->type == PROTOBUF_C_TYPE_MESSAGE;
}

static enum liaison_err
find_field(const ProtobufCMessageDescriptor *descriptor, const char *name, const ProtobufCFieldDescriptor **field,
	struct fault *fault)
{
	char nearest[JSON_NAME_BYTES];

	*field = json_field_find(descriptor, name);
	if (*field != NULL)
		return LIAISON_OK;
	*field = json_field_nearest(descriptor, name);
	if (*field == NULL)
		return fault_set(fault, LIAISON_BAD_CONFIG, "an alert has no key `%s` there", name);
	json_field_name(*field, nearest);
	return fault_set(
		fault, LIAISON_BAD_CONFIG, "an alert has no key `%s` there; did you mean `%s`?", name, nearest);
}

/* What stands in [ ] after a name; `at` moves past it. */
static enum liaison_err
parse_brackets(const ProtobufCFieldDescriptor *field, const char **at, size_t *element, struct fault *fault)
{
	char name[JSON_NAME_BYTES];
	char *end;

	json_field_name(field, name);
	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		if (**at == '[')
			return fault_set(fault, LIAISON_BAD_CONFIG, "`%s` is no list; leave the brackets out", name);
		return LIAISON_OK;
	}
	if (!is_object_list(field)) {
		if (strncmp(*at, "[]", 2) != 0)
			return fault_set(fault, LIAISON_BAD_CONFIG, "`%s` is a list; write `%s[]`", name, name);
		*at += 2;
		return LIAISON_OK;
	}
	if ((*at)[0] != '[' || (*at)[1] < '0' || (*at)[1] > '9')
		return fault_set(
			fault, LIAISON_BAD_CONFIG, "`%s` is a list of objects; say which, as `%s[0]`", name, name);
	unsigned long number = strtoul(*at + 1, &end, 10);
	if (*end != ']' || number >= CSV_PATH_ELEMENTS_MAX)
		return fault_set(fault, LIAISON_BAD_CONFIG, "`%s` takes an element's number from 0 to %d in brackets",
			name, CSV_PATH_ELEMENTS_MAX - 1);
	*element = number;
	*at = end + 1;
	return LIAISON_OK;
}

static enum liaison_err
parse_step(const ProtobufCMessageDescriptor *descriptor, struct csv_path *path, const char **at, struct fault *fault)
{
	char name[JSON_NAME_BYTES];
	size_t len = strcspn(*at, ".[");

	if (len == 0 || len >= sizeof name)
		return fault_set(
			fault, LIAISON_BAD_CONFIG, "a path is keys with dots between, as `where.legs[0].mode`");
	if (path->count == CSV_PATH_STEPS_MAX)
		return fault_set(fault, LIAISON_BAD_CONFIG, "the path has more than %d steps", CSV_PATH_STEPS_MAX);
	memcpy(name, *at, len);
	name[len] = '\0';
	*at += len;
	enum liaison_err err = find_field(descriptor, name, &path->steps[path->count].field, fault);
	if (err == LIAISON_OK)
		err = parse_brackets(path->steps[path->count].field, at, &path->steps[path->count].element, fault);
	path->count++;
	return err;
}

enum liaison_err
csv_path_parse(
	const ProtobufCMessageDescriptor *descriptor, const char *text, struct csv_path *path, struct fault *fault)
{
	const char *at = text;
	struct csv_path parsed = {0};

	for (;;) {
		enum liaison_err err = parse_step(descriptor, &parsed, &at, fault);
		if (err != LIAISON_OK)
			return err;
		const ProtobufCFieldDescriptor *field = csv_path_field(&parsed);
		bool is_object = field->type == PROTOBUF_C_TYPE_MESSAGE;
		if (*at == '\0' && is_object)
			return fault_set(fault, LIAISON_BAD_CONFIG, "`%s` is an object; say which of its keys", text);
		if (*at == '\0')
			break;
		if (*at != '.' || !is_object)
			return fault_set(
				fault, LIAISON_BAD_CONFIG, "`%s` ends before `%s`, since it is no object", text, at);
		at++;
		descriptor = field->descriptor;
	}
	*path = parsed;
	return LIAISON_OK;
}

bool
csv_path_equal(const struct csv_path *a, const struct csv_path *b)
{
	for (size_t i = 0; i < a->count && i < b->count; i++)
		if (a->steps[i].field != b->steps[i].field || a->steps[i].element != b->steps[i].element)
			return false;
	return a->count == b->count;
}

const ProtobufCFieldDescriptor *
csv_path_field(const struct csv_path *path)
{
	return path->steps[path->count - 1].field;
}

/* --- in an object ------------------------------------------------------------------------------------------------ */

/* The member `name`, made if it is not there; borrowed. */
static json_t *
member(json_t *object, const char *name, bool is_list)
{
	json_t *found = json_object_get(object, name);

	if (found == NULL && json_object_set_new(object, name, is_list ? json_array() : json_object()) == 0)
		found = json_object_get(object, name);
	return found;
}

static json_t *
element(json_t *list, size_t index)
{
	while (json_array_size(list) <= index)
		if (json_array_append_new(list, json_object()) != 0)
			return NULL;
	return json_array_get(list, index);
}

static bool
list_has(const json_t *list, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), value))
			return true;
	return false;
}

enum liaison_err
csv_path_set(const struct csv_path *path, json_t *object, json_t *value)
{
	char name[JSON_NAME_BYTES];

	for (size_t i = 0; i + 1 < path->count && object != NULL; i++) {
		const ProtobufCFieldDescriptor *field = path->steps[i].field;
		json_field_name(field, name);
		object = member(object, name, is_object_list(field));
		if (object != NULL && is_object_list(field))
			object = element(object, path->steps[i].element);
	}
	json_field_name(csv_path_field(path), name);
	if (object != NULL && csv_path_field(path)->label == PROTOBUF_C_LABEL_REPEATED) {
		object = member(object, name, true);
		if (object != NULL && list_has(object, value)) {
			json_decref(value);
			return LIAISON_OK;
		}
		if (object != NULL && value != NULL)
			return json_array_append_new(object, value) == 0 ? LIAISON_OK : LIAISON_NO_MEMORY;
	} else if (object != NULL && value != NULL) {
		return json_object_set_new(object, name, value) == 0 ? LIAISON_OK : LIAISON_NO_MEMORY;
	}
	json_decref(value);
	return LIAISON_NO_MEMORY;
}
