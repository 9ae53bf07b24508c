#include "proto/register.h"

#include "proto/base/suggest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum liaison_err
register_read(config_t *config, const char *what, const char *text, struct fault *fault)
{
	config_init(config);
	config_set_include_dir(config, "/dev/null/no-includes");
	if (config_read_string(config, text) == CONFIG_TRUE)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_BAD_CONFIG, "%s, line %d: %s", what, config_error_line(config),
		config_error_text(config));
}

enum liaison_err
register_list(const config_t *config, const char *what, const char *name, config_setting_t **list, struct fault *fault)
{
	config_setting_t *found = config_lookup(config, name);

	if (found == NULL || !config_setting_is_list(found))
		return fault_set(fault, LIAISON_BAD_CONFIG, "%s: a list `%s = ( ... )` is needed", what, name);
	*list = found;
	return LIAISON_OK;
}

enum liaison_err
register_check_keys(const config_setting_t *entry, const char *what, const char *const *keys, struct fault *fault)
{
	if (!config_setting_is_group(entry))
		return register_fault(entry, what, fault, "an entry is a group in braces");
	for (int i = 0; i < config_setting_length(entry); i++) {
		const config_setting_t *member = config_setting_get_elem(entry, (unsigned)i);
		const char *name = config_setting_name(member);
		struct suggest suggest;
		size_t at = 0;

		suggest_init(&suggest, name);
		for (; keys[at] != NULL && strcmp(keys[at], name) != 0; at++)
			suggest_offer(&suggest, keys[at]);
		if (keys[at] == NULL)
			return register_fault(member, what, fault, "`%s` is no key of an entry%s%s%s", name,
				suggest.best ? "; did you mean `" : "", suggest.best ? suggest.best : "",
				suggest.best ? "`?" : "");
	}
	return LIAISON_OK;
}

enum liaison_err
register_text(const config_setting_t *entry, const char *what, const char *key, const char **text, struct fault *fault)
{
	const char *found;

	if (config_setting_lookup_string(entry, key, &found) != CONFIG_TRUE || found[0] == '\0')
		return register_fault(entry, what, fault, "this entry needs a text `%s`", key);
	*text = found;
	return LIAISON_OK;
}

enum liaison_err
register_number(const config_setting_t *entry, const char *what, const char *key, double least, double most,
	double *number, struct fault *fault)
{
	const config_setting_t *found = config_setting_get_member(entry, key);
	double value;

	if (found == NULL || !config_setting_is_number(found))
		return register_fault(entry, what, fault, "this entry needs a number `%s`", key);
	switch (config_setting_type(found)) {
	case CONFIG_TYPE_INT: value = config_setting_get_int(found); break;
	case CONFIG_TYPE_INT64: value = (double)config_setting_get_int64(found); break;
	default: value = config_setting_get_float(found); break;
	}
	if (!(value >= least && value <= most))
		return register_fault(found, what, fault, "`%s` is %g; allowed are %g to %g", key, value, least, most);
	*number = value;
	return LIAISON_OK;
}

enum liaison_err
register_texts(const config_setting_t *entry, const char *what, const char *key, const char ***texts, size_t *count,
	struct fault *fault)
{
	const config_setting_t *found = config_setting_get_member(entry, key);
	const char **list;
	int length;

	if (found == NULL) {
		*texts = NULL;
		*count = 0;
		return LIAISON_OK;
	}
	length = config_setting_length(found);
	if (!config_setting_is_array(found) || length == 0 || config_setting_get_string_elem(found, 0) == NULL)
		return register_fault(found, what, fault, "`%s` is an array of texts: [ \"...\", \"...\" ]", key);
	list = calloc((size_t)length, sizeof *list);
	if (list == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", what);
	for (int i = 0; i < length; i++)
		list[i] = config_setting_get_string_elem(found, i); /* an array is of one type */
	*texts = list;
	*count = (size_t)length;
	return LIAISON_OK;
}

enum liaison_err
register_fault(const config_setting_t *at, const char *what, struct fault *fault, const char *format, ...)
{
	char sentence[LIAISON_FAULT_BYTES / 2];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(sentence, sizeof sentence, format, args);
	va_end(args);
	return fault_set(
		fault, LIAISON_BAD_CONFIG, "%s, line %d: %s", what, (int)config_setting_source_line(at), sentence);
}
