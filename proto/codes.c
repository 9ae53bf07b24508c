#include "proto/codes.h"

#include "proto/base/suggest.h"
#include "proto/register.h"

#include <stdlib.h>
#include <string.h>

#define WHAT "vocabularies"
#define CODES_MOST 4096

extern const unsigned char register_codes[];

static const char *const group_keys[] = {"name", "meaning", "codes", NULL};
static const char *const code_keys[] = {"code", "meaning", NULL};

struct group {
	const char *name;
	const char *meaning;
};

struct codes {
	config_t config; /* owns every string */
	struct group *groups;
	size_t group_count;
	struct code *rows;
	size_t count;
};

static enum liaison_err
add_code(struct codes *codes, const config_setting_t *entry, const char *group, struct fault *fault)
{
	struct code *row = &codes->rows[codes->count];
	enum liaison_err err;

	if (codes->count == CODES_MOST)
		return register_fault(entry, WHAT, fault, "more than %d codes", CODES_MOST);
	if ((err = register_check_keys(entry, WHAT, code_keys, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "code", &row->code, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "meaning", &row->meaning, fault)) != LIAISON_OK)
		return err;
	if (codes_meaning(codes, group, row->code) != NULL)
		return register_fault(entry, WHAT, fault, "\"%s\" stands twice in group \"%s\"", row->code, group);
	row->group = group;
	codes->count++;
	return LIAISON_OK;
}

static enum liaison_err
add_group(struct codes *codes, const config_setting_t *entry, struct fault *fault)
{
	struct group *group = &codes->groups[codes->group_count];
	const config_setting_t *list;
	enum liaison_err err;

	if ((err = register_check_keys(entry, WHAT, group_keys, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "name", &group->name, fault)) != LIAISON_OK ||
		(err = register_text(entry, WHAT, "meaning", &group->meaning, fault)) != LIAISON_OK)
		return err;
	if (codes_group_meaning(codes, group->name) != NULL)
		return register_fault(entry, WHAT, fault, "group \"%s\" stands there twice", group->name);
	list = config_setting_get_member(entry, "codes");
	if (list == NULL || !config_setting_is_list(list))
		return register_fault(entry, WHAT, fault, "group \"%s\" needs a list `codes = ( ... )`", group->name);
	codes->group_count++;
	for (int i = 0; i < config_setting_length(list) && err == LIAISON_OK; i++)
		err = add_code(codes, config_setting_get_elem(list, (unsigned)i), group->name, fault);
	return err;
}

static enum liaison_err
read_groups(struct codes *codes, struct fault *fault)
{
	config_setting_t *list;
	enum liaison_err err = register_list(&codes->config, WHAT, "groups", &list, fault);
	size_t length;

	if (err != LIAISON_OK)
		return err;
	length = (size_t)config_setting_length(list);
	codes->groups = calloc(length + 1, sizeof *codes->groups);
	codes->rows = calloc(CODES_MOST + 1, sizeof *codes->rows);
	if (codes->groups == NULL || codes->rows == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, WHAT ": out of memory");
	for (size_t i = 0; i < length && err == LIAISON_OK; i++)
		err = add_group(codes, config_setting_get_elem(list, (unsigned)i), fault);
	return err;
}

enum liaison_err
codes_new(const char *text, struct codes **out, struct fault *fault)
{
	struct codes *codes = calloc(1, sizeof *codes);
	enum liaison_err err;

	if (codes == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, WHAT ": out of memory");
	if ((err = register_read(&codes->config, WHAT, text, fault)) != LIAISON_OK ||
		(err = read_groups(codes, fault)) != LIAISON_OK) {
		codes_free(codes);
		return err;
	}
	*out = codes;
	return LIAISON_OK;
}

enum liaison_err
codes_builtin(struct codes **out, struct fault *fault)
{
	return codes_new((const char *)register_codes, out, fault);
}

void
codes_free(struct codes *codes)
{
	if (codes == NULL)
		return;
	free(codes->groups);
	free(codes->rows);
	config_destroy(&codes->config);
	free(codes);
}

/* Some two hundred rows, asked for when a person waits: a walk is quick enough. */
const char *
codes_meaning(const struct codes *codes, const char *group, const char *code)
{
	for (size_t i = 0; i < codes->count; i++)
		if (strcmp(codes->rows[i].group, group) == 0 && strcmp(codes->rows[i].code, code) == 0)
			return codes->rows[i].meaning;
	return NULL;
}

const char *
codes_group_meaning(const struct codes *codes, const char *group)
{
	for (size_t i = 0; i < codes->group_count; i++)
		if (strcmp(codes->groups[i].name, group) == 0)
			return codes->groups[i].meaning;
	return NULL;
}

size_t
codes_count(const struct codes *codes)
{
	return codes->count;
}

const struct code *
codes_at(const struct codes *codes, size_t number)
{
	return &codes->rows[number];
}

const struct code *
codes_nearest(const struct codes *codes, const char *group, const char *code)
{
	const struct code *best = NULL;
	struct suggest suggest;

	suggest_init(&suggest, code);
	for (size_t i = 0; i < codes->count; i++) {
		const char *before = suggest.best;
		if (group != NULL && strcmp(codes->rows[i].group, group) != 0)
			continue;
		suggest_offer(&suggest, codes->rows[i].code);
		if (suggest.best != before)
			best = &codes->rows[i];
	}
	return best;
}
