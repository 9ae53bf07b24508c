#include "proto/csv.h"

#include "proto/base/utf8.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void
csv_reader_init(struct csv_reader *reader, const char *text, size_t len, char separator)
{
	*reader = (struct csv_reader){.text = text, .len = len, .line = 1, .separator = separator};
	buf_init(&reader->data, CSV_RECORD_BYTES_MAX);
	if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
		reader->at = 3;
}

void
csv_reader_clear(struct csv_reader *reader)
{
	buf_clear(&reader->data);
}

/* --- characters -------------------------------------------------------------------------------------------------- */

static bool
is_at_end(const struct csv_reader *reader)
{
	return reader->at >= reader->len;
}

static bool
is_at_line_end(const struct csv_reader *reader)
{
	return is_at_end(reader) || reader->text[reader->at] == '\n' || reader->text[reader->at] == '\r';
}

/* Steps over one character; CR LF is one. */
static void
step(struct csv_reader *reader)
{
	char c = reader->text[reader->at++];

	if (c == '\n' || c == '\r')
		reader->line++;
	if (c == '\r' && !is_at_end(reader) && reader->text[reader->at] == '\n')
		reader->at++;
}

static void
skip_line(struct csv_reader *reader)
{
	while (!is_at_line_end(reader))
		reader->at++;
	if (!is_at_end(reader))
		step(reader);
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static enum liaison_err
put_bytes(struct csv_reader *reader, size_t from, size_t to, struct fault *fault)
{
	size_t valid = utf8_valid_bytes(reader->text + from, to - from);

	if (valid < to - from)
		return fault_set(fault, LIAISON_MALFORMED,
			"%zu: byte 0x%02x is not valid UTF-8; save the file as UTF-8", reader->line,
			(unsigned char)reader->text[from + valid]);
	buf_put(&reader->data, reader->text + from, to - from);
	return LIAISON_OK;
}

static enum liaison_err
read_plain(struct csv_reader *reader, struct fault *fault)
{
	size_t from = reader->at;

	for (; !is_at_line_end(reader) && reader->text[reader->at] != reader->separator; reader->at++)
		if (reader->text[reader->at] == '"')
			return fault_set(fault, LIAISON_MALFORMED,
				"%zu: field %zu has a quote in it; put the whole field in quotes and double that one",
				reader->line, reader->record.count);
	return put_bytes(reader, from, reader->at, fault);
}

static enum liaison_err
read_quoted(struct csv_reader *reader, struct fault *fault)
{
	size_t opened_line = reader->line;
	size_t from = ++reader->at;
	enum liaison_err err = LIAISON_OK;

	for (;;) {
		while (!is_at_end(reader) && reader->text[reader->at] != '"')
			step(reader);
		if (is_at_end(reader))
			return fault_set(fault, LIAISON_MALFORMED,
				"%zu: the quote that opens field %zu is never closed", opened_line,
				reader->record.count);
		err = put_bytes(reader, from, reader->at, fault);
		reader->at++;
		if (err != LIAISON_OK || is_at_end(reader) || reader->text[reader->at] != '"')
			break;
		buf_put_u8(&reader->data, '"');
		from = ++reader->at;
	}
	if (err == LIAISON_OK && !is_at_line_end(reader) && reader->text[reader->at] != reader->separator)
		return fault_set(fault, LIAISON_MALFORMED,
			"%zu: field %zu goes on after its closing quote; double a quote that belongs to the text",
			reader->line, reader->record.count);
	return err;
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_fields(struct csv_reader *reader, size_t starts[static CSV_FIELDS_MAX], struct fault *fault)
{
	struct csv_record *record = &reader->record;

	for (;;) {
		if (record->count == CSV_FIELDS_MAX)
			return fault_set(
				fault, LIAISON_TOO_LARGE, "%zu: more than %d fields", record->line, CSV_FIELDS_MAX);
		starts[record->count++] = reader->data.len;
		enum liaison_err err = !is_at_end(reader) && reader->text[reader->at] == '"'
					       ? read_quoted(reader, fault)
					       : read_plain(reader, fault);
		if (err != LIAISON_OK)
			return err;
		buf_put_u8(&reader->data, '\0');
		if (is_at_line_end(reader))
			break;
		reader->at++; /* the separator */
	}
	switch (buf_check(&reader->data)) {
	case LIAISON_OK: return LIAISON_OK;
	case LIAISON_TOO_LARGE:
		return fault_set(fault, LIAISON_TOO_LARGE, "%zu: the record has more than %d bytes", record->line,
			CSV_RECORD_BYTES_MAX);
	default: return fault_set(fault, LIAISON_NO_MEMORY, "%zu: out of memory", record->line);
	}
}

enum liaison_err
csv_read(struct csv_reader *reader, const struct csv_record **record, struct fault *fault)
{
	size_t starts[CSV_FIELDS_MAX];

	while (!is_at_end(reader) && is_at_line_end(reader))
		step(reader);
	*record = NULL;
	if (is_at_end(reader))
		return LIAISON_OK;
	size_t began_at = reader->at;
	reader->record = (struct csv_record){.line = reader->line};
	buf_reset(&reader->data);
	enum liaison_err err = read_fields(reader, starts, fault);
	if (err != LIAISON_OK && is_at_end(reader)) {
		/* Perhaps a quote that was never closed swallowed the rest: only the record's first line is lost. */
		reader->at = began_at;
		reader->line = reader->record.line;
	}
	if (!is_at_end(reader))
		skip_line(reader);
	if (err != LIAISON_OK)
		return err;
	for (size_t i = 0; i < reader->record.count; i++)
		reader->record.fields[i] = (const char *)reader->data.data + starts[i];
	*record = &reader->record;
	return LIAISON_OK;
}

/* --- writing ----------------------------------------------------------------------------------------------------- */

static bool
needs_quotes(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr(",;\t\"\r\n", text[i]) != NULL)
			return true;
	if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0) /* at the head of a file it would be taken for one */
		return true;
	return len > 0 && (text[0] == ' ' || text[len - 1] == ' ');
}

void
csv_put_field(struct buf *out, const char *text, size_t len, bool is_first)
{
	if (!is_first)
		buf_put_u8(out, ',');
	if (!needs_quotes(text, len)) {
		buf_put(out, text, len);
		return;
	}
	buf_put_u8(out, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			buf_put_u8(out, '"');
		buf_put_u8(out, (uint8_t)text[i]);
	}
	buf_put_u8(out, '"');
}

void
csv_put_end(struct buf *out)
{
	buf_put_text(out, "\r\n");
}
