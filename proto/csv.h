/*
 * CSV (RFC 4180) out of a text in memory, record by record, and into a buf. Understood beyond it: LF and CR alone as line
 * ends, a byte order mark, another separator, blank lines (skipped). Not guessed: a quote inside an unquoted field, text
 * after a closing quote, a quote that is never closed, NUL and bad UTF-8 are errors with the line; reading then goes on
 * at the next line, so that one bad record costs only itself.
 */
#ifndef LIAISON_PROTO_CSV_H
#define LIAISON_PROTO_CSV_H

#include "proto/base/buf.h"
#include "proto/base/err.h"

#include <stdbool.h>
#include <stddef.h>

#define CSV_FIELDS_MAX 256
#define CSV_RECORD_BYTES_MAX (256 * 1024)

struct csv_record {
	const char *fields[CSV_FIELDS_MAX]; /* without quotes; valid until the next read */
	size_t count;
	size_t line; /* where it begins, from 1 */
};

struct csv_reader {
	const char *text; /* borrowed */
	size_t len;
	size_t at;
	size_t line; /* of `at` */
	char separator;
	struct buf data; /* the fields of `record` */
	struct csv_record record;
};

void csv_reader_init(struct csv_reader *reader, const char *text, size_t len, char separator);
void csv_reader_clear(struct csv_reader *reader);

/*
 * The next record, or NULL in `record` at the end; it is the reader's. LIAISON_MALFORMED, LIAISON_TOO_LARGE or
 * LIAISON_NO_MEMORY with a fault that begins "LINE: "; call again for the record after it.
 */
enum liaison_err csv_read(
	struct csv_reader *reader, const struct csv_record **record, struct fault *fault) LIAISON_MUST_CHECK;

/* Appends a field, quoted where it must be, with a separator before it unless it `is_first`. End a record with csv_put_end. */
void csv_put_field(struct buf *out, const char *text, size_t len, bool is_first);
void csv_put_end(struct buf *out);

#endif
