/*
 * One JSON object on one line of stdout, put together field by field: what --json prints. Does nothing when app->json is
 * false, so that a command says both forms one after the other without asking.
 */
#ifndef LIAISON_AGENTS_LINE_H
#define LIAISON_AGENTS_LINE_H

#include "agents/app.h"
#include "proto/base/buf.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

struct line {
	struct buf text;
	bool is_wanted;
	bool needs_comma;
};

void line_begin(struct line *line, const struct app *app);
/* Whatever --json says, for who takes line->text himself (and clears it): closed by line_close, without a line break. */
void line_begin_object(struct line *line);
void line_close(struct line *line);
void line_text(struct line *line, const char *key, const char *value); /* NULL value: the key is left out */
void line_number(struct line *line, const char *key, uint64_t value);
void line_bool(struct line *line, const char *key, bool value);
void line_time(struct line *line, const char *key, int64_t at_ms);
void line_bytes(struct line *line, const char *key, const void *bytes, size_t len); /* base64, as in protobuf's JSON */
void line_json(struct line *line, const char *key, const char *json, size_t len);   /* as it stands */

void line_message(struct line *line, const char *key, const ProtobufCMessage *message); /* json_from_message */

/* Nested: an object or array as a field, or (key NULL) as an element. Each open has its close. */
void line_open_object(struct line *line, const char *key);
void line_close_object(struct line *line);
void line_open_array(struct line *line, const char *key);
void line_close_array(struct line *line);
void line_element(struct line *line, const char *value); /* a string in an array */

/* Prints and frees. LIAISON_NO_MEMORY or LIAISON_TOO_LARGE if the line could not be made; nothing is printed then. */
enum liaison_err line_end(struct line *line, struct fault *fault) LIAISON_MUST_CHECK;

#endif
