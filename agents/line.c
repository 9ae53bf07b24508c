#include "agents/line.h"

#include "proto/json.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES_MAX (64U * 1024 * 1024)

static void
begin(struct line *line, bool is_wanted)
{
	buf_init(&line->text, LINE_BYTES_MAX);
	line->is_wanted = is_wanted;
	line->needs_comma = false;
	if (is_wanted)
		buf_put_u8(&line->text, '{');
}

void
line_begin(struct line *line, const struct app *app)
{
	begin(line, app->json);
}

void
line_begin_object(struct line *line)
{
	begin(line, true);
}

void
line_close(struct line *line)
{
	buf_put_u8(&line->text, '}');
}

/* Comma and key as the place needs; false where the line is not wanted. */
static bool
put_key(struct line *line, const char *key)
{
	if (!line->is_wanted)
		return false;
	if (line->needs_comma)
		buf_put_u8(&line->text, ',');
	line->needs_comma = true;
	if (key != NULL) {
		json_put_string(&line->text, key, strlen(key));
		buf_put_u8(&line->text, ':');
	}
	return true;
}

void
line_text(struct line *line, const char *key, const char *value)
{
	if (value != NULL && put_key(line, key))
		json_put_string(&line->text, value, strlen(value));
}

void
line_element(struct line *line, const char *value)
{
	if (put_key(line, NULL))
		json_put_string(&line->text, value, strlen(value));
}

void
line_number(struct line *line, const char *key, uint64_t value)
{
	if (put_key(line, key))
		buf_put_format(&line->text, "%" PRIu64, value);
}

void
line_bool(struct line *line, const char *key, bool value)
{
	if (put_key(line, key))
		buf_put_text(&line->text, value ? "true" : "false");
}

void
line_time(struct line *line, const char *key, int64_t at_ms)
{
	char text[RFC3339_BYTES];

	time_format(at_ms, text);
	line_text(line, key, text);
}

void
line_bytes(struct line *line, const char *key, const void *bytes, size_t len)
{
	size_t size = sodium_base64_ENCODED_LEN(len, sodium_base64_VARIANT_ORIGINAL);
	char *text = malloc(size);

	if (text == NULL) {
		line->text.failed = true;
		return;
	}
	line_text(line, key, sodium_bin2base64(text, size, bytes, len, sodium_base64_VARIANT_ORIGINAL));
	free(text);
}

void
line_message(struct line *line, const char *key, const ProtobufCMessage *message)
{
	if (put_key(line, key))
		json_from_message(message, &line->text);
}

void
line_json(struct line *line, const char *key, const char *json, size_t len)
{
	if (put_key(line, key))
		buf_put(&line->text, json, len);
}

static void
open_with(struct line *line, const char *key, char bracket)
{
	if (!put_key(line, key))
		return;
	buf_put_u8(&line->text, (uint8_t)bracket);
	line->needs_comma = false;
}

static void
close_with(struct line *line, char bracket)
{
	if (!line->is_wanted)
		return;
	buf_put_u8(&line->text, (uint8_t)bracket);
	line->needs_comma = true;
}

void
line_open_object(struct line *line, const char *key)
{
	open_with(line, key, '{');
}

void
line_close_object(struct line *line)
{
	close_with(line, '}');
}

void
line_open_array(struct line *line, const char *key)
{
	open_with(line, key, '[');
}

void
line_close_array(struct line *line)
{
	close_with(line, ']');
}

enum liaison_err
line_end(struct line *line, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (line->is_wanted) {
		buf_put_text(&line->text, "}\n");
		err = buf_check(&line->text);
		if (err != LIAISON_OK)
			err = fault_set(fault, err, "a result is too large to print as one line of JSON");
		else
			fwrite(line->text.data, 1, line->text.len, stdout);
	}
	buf_clear(&line->text);
	return err;
}
