/* Whatever text is read as CSV ends, and each record that is taken is written as a text that reads back the same. */
#include "proto/csv.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
check_record(const struct csv_record *record)
{
	struct csv_reader again;
	const struct csv_record *read;
	struct buf out;

	buf_init(&out, 4 * CSV_RECORD_BYTES_MAX);
	for (size_t i = 0; i < record->count; i++)
		csv_put_field(&out, record->fields[i], strlen(record->fields[i]), i == 0);
	/* One empty field alone would be a blank line. */
	if (out.len == 0)
		buf_put_text(&out, "\"\"");
	csv_put_end(&out);
	assert(buf_check(&out) == LIAISON_OK);
	csv_reader_init(&again, (const char *)out.data, out.len, ',');
	assert(csv_read(&again, &read, NULL) == LIAISON_OK);
	assert(read->count == record->count);
	for (size_t i = 0; i < record->count; i++)
		assert(strcmp(read->fields[i], record->fields[i]) == 0);
	csv_reader_clear(&again);
	buf_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct csv_reader reader;
	const struct csv_record *record;
	struct fault fault;

	csv_reader_init(&reader, (const char *)bytes, len, len > 0 && bytes[0] == ';' ? ';' : ',');
	for (;;) {
		enum liaison_err err = csv_read(&reader, &record, &fault);
		if (err == LIAISON_OK && record == NULL)
			break;
		if (err == LIAISON_OK)
			check_record(record);
	}
	csv_reader_clear(&reader);
	return 0;
}
