/*
 * Where in a JSON text something stands: a second, light pass that is made only when there is an error to report, because
 * the parser keeps no positions. Line and column count from 1; columns are characters, as an editor counts them.
 */
#ifndef LIAISON_PROTO_JSON_PLACE_H
#define LIAISON_PROTO_JSON_PLACE_H

#include <stddef.h>

struct json_text {
	const char *at; /* borrowed */
	size_t len;
	size_t first_line; /* the number in its file of the text's first line */
};

/* One step from the outermost value inwards. The outermost itself has no parent. */
struct json_step {
	const struct json_step *parent;
	const char *key; /* NULL for a list's element */
	size_t ordinal;  /* the how manieth member or element, from 0 */
};

struct json_place {
	size_t line;
	size_t column;
};

struct json_place json_place_of(const struct json_text *text, size_t offset);

/* Writes `where.legs[0].from.lat` (empty for the outermost); cut to `size`, unprintable characters become '?'. */
void json_path_write(const struct json_step *step, char *out, size_t size);

/*
 * Where the step's key begins, or the list's element; the end of the text for a step that is not there. The text is JSON
 * that was parsed.
 */
size_t json_path_offset(const struct json_text *text, const struct json_step *step);

/*
 * The path of what stands at `offset`, as above, of a text that is JSON up to there (as far as anyone can tell); returns
 * where the innermost key or element begins. Texts nested deeper than JSON_DEPTH_MAX must have been refused before.
 */
size_t json_path_at(const struct json_text *text, size_t offset, char *out, size_t size);

/* Where the token begins whose end is at or after `offset`. */
size_t json_token_at(const struct json_text *text, size_t offset);

/* Where the text opens its (`depth_max` + 1)th bracket inside the others; the text's length if it never does. */
size_t json_too_deep_at(const struct json_text *text, size_t depth_max);

#endif
