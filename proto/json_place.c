#include "proto/json_place.h"

#include "proto/json.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KEY_BYTES_SHOWN 40

struct json_place
json_place_of(const struct json_text *text, size_t offset)
{
	struct json_place place = {.line = text->first_line, .column = 1};

	for (size_t i = 0; i < offset && i < text->len; i++) {
		if (text->at[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text->at[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/* --- tokens ------------------------------------------------------------------------------------------------------ */

static size_t
skip_space(const struct json_text *text, size_t at)
{
	while (at < text->len && memchr(" \t\r\n", text->at[at], 4) != NULL)
		at++;
	return at;
}

/* `at` is at the opening quote; returns what follows the closing one. */
static size_t
skip_string(const struct json_text *text, size_t at)
{
	for (at++; at < text->len && text->at[at] != '"'; at++)
		if (text->at[at] == '\\')
			at++;
	return at < text->len ? at + 1 : text->len;
}

static bool
is_delimiter(char c)
{
	return memchr("{}[],:\" \t\r\n", c, 11) != NULL;
}

/* One token: a string, a bracket, a comma, a colon, or a bare word. */
static size_t
skip_token(const struct json_text *text, size_t at)
{
	if (at >= text->len)
		return text->len;
	if (text->at[at] == '"')
		return skip_string(text, at);
	if (is_delimiter(text->at[at]))
		return at + 1;
	while (at < text->len && !is_delimiter(text->at[at]))
		at++;
	return at;
}

static size_t
skip_value(const struct json_text *text, size_t at)
{
	size_t depth = 0;

	at = skip_space(text, at);
	while (at < text->len) {
		char c = text->at[at];
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && depth > 0)
			depth--;
		at = skip_token(text, at);
		if (depth == 0)
			break;
		at = skip_space(text, at);
	}
	return at;
}

size_t
json_token_at(const struct json_text *text, size_t offset)
{
	size_t at = skip_space(text, 0);

	while (at < text->len) {
		size_t end = skip_token(text, at);
		if (end >= offset)
			return at;
		at = skip_space(text, end);
	}
	return text->len;
}

size_t
json_too_deep_at(const struct json_text *text, size_t depth_max)
{
	size_t depth = 0;

	for (size_t at = skip_space(text, 0); at < text->len; at = skip_space(text, skip_token(text, at))) {
		char c = text->at[at];
		if (c == '{' || c == '[') {
			if (++depth > depth_max)
				return at;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return text->len;
}

/* --- paths ------------------------------------------------------------------------------------------------------- */

/* Appends a key of `len` bytes; what a terminal would obey is not shown. */
static size_t
put_key(char *out, size_t size, size_t used, const char *key, size_t len)
{
	bool is_cut = len > KEY_BYTES_SHOWN;

	if (is_cut)
		for (len = KEY_BYTES_SHOWN; len > 0 && ((unsigned char)key[len] & 0xc0) == 0x80;)
			len--;
	if (used + len + 8 > size)
		return used;
	if (used > 0)
		out[used++] = '.';
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)key[i];
		bool is_c1 = c == 0xc2 && i + 1 < len && (unsigned char)key[i + 1] < 0xa0;
		if (is_c1)
			i++;
		out[used++] = c < 0x20 || c == 0x7f || is_c1 ? '?' : key[i];
	}
	if (is_cut) {
		memcpy(out + used, "...", 3);
		used += 3;
	}
	return used;
}

static size_t
put_index(char *out, size_t size, size_t used, size_t index)
{
	int len = snprintf(out + used, size - used, "[%zu]", index);

	return len < 0 || (size_t)len >= size - used ? used : used + (size_t)len;
}

void
json_path_write(const struct json_step *step, char *out, size_t size)
{
	const struct json_step *steps[JSON_DEPTH_MAX + 1];
	size_t count = 0;
	size_t used = 0;

	for (; step != NULL && step->parent != NULL && count <= JSON_DEPTH_MAX; step = step->parent)
		steps[count++] = step;
	while (count-- > 0)
		used = steps[count]->key == NULL
			       ? put_index(out, size, used, steps[count]->ordinal)
			       : put_key(out, size, used, steps[count]->key, strlen(steps[count]->key));
	out[used] = '\0';
}

static size_t
value_offset(const struct json_text *text, const struct json_step *step)
{
	size_t at = json_path_offset(text, step);

	if (step->parent == NULL || step->key == NULL)
		return at;
	at = skip_space(text, skip_token(text, at));   /* the colon */
	return skip_space(text, skip_token(text, at)); /* the value */
}

/* The recursion is as deep as the path, at most JSON_DEPTH_MAX. */
size_t
json_path_offset(const struct json_text *text, const struct json_step *step)
{
	if (step->parent == NULL)
		return skip_space(text, 0);
	size_t at = skip_space(text, skip_token(text, value_offset(text, step->parent)));
	for (size_t i = 0; i < step->ordinal; i++) {
		if (step->key != NULL) {
			at = skip_space(text, skip_token(text, at)); /* the colon */
			at = skip_token(text, at);
		}
		at = skip_space(text, skip_value(text, at)); /* the comma */
		at = skip_space(text, skip_token(text, at)); /* the next one */
	}
	return at;
}

/* An open bracket, and the member or element that is being read in it. */
struct open {
	bool is_object;
	bool has_key;
	size_t at; /* of the key or the element */
	size_t key_len;
	size_t index;
};

static void
path_write_open(const struct json_text *text, const struct open *stack, size_t depth, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < depth; i++) {
		if (!stack[i].is_object)
			used = put_index(out, size, used, stack[i].index);
		else if (stack[i].has_key)
			used = put_key(out, size, used, text->at + stack[i].at + 1, stack[i].key_len);
	}
	out[used] = '\0';
}

size_t
json_path_at(const struct json_text *text, size_t offset, char *out, size_t size)
{
	struct open stack[JSON_DEPTH_MAX] = {0};
	struct open *top = NULL;
	size_t depth = 0;
	size_t found = skip_space(text, 0);

	for (size_t at = found; at < text->len && at < offset; at = skip_space(text, skip_token(text, at))) {
		char c = text->at[at];
		size_t end = skip_token(text, at);
		if ((c == '{' || c == '[') && depth < JSON_DEPTH_MAX) {
			stack[depth++] = (struct open){.is_object = c == '{', .at = skip_space(text, end)};
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		} else if (c == ',' && top != NULL) {
			top->index++;
			top->has_key = false;
			top->at = skip_space(text, end);
		} else if (c == '"' && top != NULL && top->is_object && !top->has_key) {
			top->has_key = true;
			top->at = at;
			top->key_len = end - at > 2 ? end - at - 2 : 0;
		}
		top = depth > 0 ? &stack[depth - 1] : NULL;
	}
	if (top != NULL)
		found = top->at;
	path_write_open(text, stack, depth, out, size);
	return found;
}
