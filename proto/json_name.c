#include "proto/json.h"

#include "proto/base/suggest.h"

#include <string.h>

static char
upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

void
json_field_name(const ProtobufCFieldDescriptor *field, char *out)
{
	size_t len = 0;

	for (const char *at = field->name; *at != '\0' && len + 1 < JSON_NAME_BYTES; at++) {
		bool starts_word = *at == '_' && at[1] != '\0';
		if (starts_word)
			at++;
		out[len++] = starts_word ? upper(*at) : *at;
	}
	out[len] = '\0';
}

const ProtobufCFieldDescriptor *
json_field_find(const ProtobufCMessageDescriptor *descriptor, const char *key)
{
	char name[JSON_NAME_BYTES];

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		if (descriptor->fields[i].name[0] != key[0])
			continue;
		json_field_name(&descriptor->fields[i], name);
		if (strcmp(name, key) == 0)
			return &descriptor->fields[i];
	}
	return NULL;
}

const ProtobufCFieldDescriptor *
json_field_nearest(const ProtobufCMessageDescriptor *descriptor, const char *key)
{
	const ProtobufCFieldDescriptor *nearest = NULL;
	size_t nearest_distance = 0;

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		char name[JSON_NAME_BYTES];
		const char *candidate = name;
		json_field_name(&descriptor->fields[i], name);
		if (suggest_nearest(key, &candidate, 1) == NULL)
			continue;
		size_t distance = suggest_distance(key, name);
		if (nearest == NULL || distance < nearest_distance) {
			nearest = &descriptor->fields[i];
			nearest_distance = distance;
		}
	}
	return nearest;
}

/* --- enums ------------------------------------------------------------------------------------------------------- */

/* Past "MESSAGE_TYPE_" for a value of MessageType; the whole name if it does not begin so. */
static const char *
without_prefix(const ProtobufCEnumDescriptor *descriptor, const char *name)
{
	const char *at = name;

	for (const char *type = descriptor->short_name; *type != '\0'; type++) {
		if (type != descriptor->short_name && *type >= 'A' && *type <= 'Z' && *at++ != '_')
			return name;
		if (*at++ != upper(*type))
			return name;
	}
	return at[0] == '_' && at[1] != '\0' ? at + 1 : name;
}

const char *
json_enum_name(const ProtobufCEnumDescriptor *descriptor, int value)
{
	const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);

	return found == NULL ? NULL : without_prefix(descriptor, found->name);
}

bool
json_enum_value(const ProtobufCEnumDescriptor *descriptor, const char *name, int *value)
{
	for (unsigned i = 0; i < descriptor->n_values; i++)
		if (strcmp(without_prefix(descriptor, descriptor->values[i].name), name) == 0) {
			*value = descriptor->values[i].value;
			return true;
		}
	return false;
}

const char *
json_enum_nearest(const ProtobufCEnumDescriptor *descriptor, const char *name)
{
	struct suggest suggest;

	/* Written with its prefix, as other programs' JSON has it. */
	const ProtobufCEnumValue *whole = protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
	if (whole != NULL)
		return without_prefix(descriptor, whole->name);
	suggest_init(&suggest, name);
	for (unsigned i = 0; i < descriptor->n_values; i++)
		suggest_offer(&suggest, without_prefix(descriptor, descriptor->values[i].name));
	return suggest.best;
}
