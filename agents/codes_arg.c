#include "agents/codes_arg.h"

#include "proto/json.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CODE_BYTES 64

enum liaison_err
code_parse(const ProtobufCEnumDescriptor *codes, const char *what, const char *name, int *value, struct fault *fault)
{
	char upper[CODE_BYTES], all[CODES_TEXT_BYTES] = "";
	size_t len = 0;

	for (; name[len] != '\0' && len + 1 < sizeof upper; len++)
		upper[len] = name[len] == '-' ? '_' : (char)toupper((unsigned char)name[len]);
	upper[len] = '\0';
	if (json_enum_value(codes, upper, value))
		return LIAISON_OK;
	const char *nearest = json_enum_nearest(codes, upper);
	if (nearest != NULL)
		return fault_set(
			fault, LIAISON_BAD_USAGE, "there is no %s `%s`; did you mean %s?", what, name, nearest);
	size_t used = 0;
	for (unsigned i = 0; i < codes->n_values && used + CODE_BYTES < sizeof all; i++)
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "",
			json_enum_name(codes, codes->values[i].value));
	return fault_set(fault, LIAISON_BAD_USAGE, "there is no %s `%.64s`; there are %s", what, name, all);
}

static uint32_t
all_bits(const ProtobufCEnumDescriptor *codes)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < codes->n_values; i++)
		bits |= UINT32_C(1) << codes->values[i].value;
	return bits;
}

enum liaison_err
code_list_parse(
	const ProtobufCEnumDescriptor *codes, const char *what, const char *list, uint32_t *bits, struct fault *fault)
{
	uint32_t found = 0;
	char name[CODE_BYTES];
	int value = 0;

	if (strcmp(list, "all") == 0 || strcmp(list, "none") == 0) {
		*bits = list[0] == 'a' ? all_bits(codes) : 0;
		return LIAISON_OK;
	}
	for (;;) {
		size_t len = strcspn(list, ",");
		if (len >= sizeof name)
			return fault_set(fault, LIAISON_BAD_USAGE, "there is no %s of %zu letters", what, len);
		memcpy(name, list, len);
		name[len] = '\0';
		enum liaison_err err = code_parse(codes, what, name, &value, fault);
		if (err != LIAISON_OK)
			return err;
		found |= UINT32_C(1) << value;
		if (list[len] == '\0')
			break;
		list += len + 1;
	}
	*bits = found;
	return LIAISON_OK;
}

const char *
code_list_text(const ProtobufCEnumDescriptor *codes, uint32_t bits, char out[CODES_TEXT_BYTES])
{
	size_t used = 0;

	if (bits == 0 || bits == all_bits(codes)) {
		snprintf(out, CODES_TEXT_BYTES, "%s", bits == 0 ? "none" : "all");
		return out;
	}
	out[0] = '\0';
	for (unsigned i = 0; i < codes->n_values && used + CODE_BYTES < CODES_TEXT_BYTES; i++)
		if ((bits >> codes->values[i].value & 1) != 0)
			used += (size_t)snprintf(out + used, CODES_TEXT_BYTES - used, "%s%s", used > 0 ? ", " : "",
				json_enum_name(codes, codes->values[i].value));
	return out;
}

const char *
code_text(const ProtobufCEnumDescriptor *codes, int value)
{
	const char *name = json_enum_name(codes, value);
	return name != NULL ? name : "?";
}
