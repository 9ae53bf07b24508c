#include "proto/csv_alert.h"

#include "proto/csv.h"
#include "proto/identifiers/lang.h"
#include "proto/json.h"
#include "proto/reflect.h"

#include <assert.h>
#include <string.h>

#define CELL_BYTES_MAX (1024 * 1024) /* a body is far smaller */

/* Paths as in JSON, with every element of the lists on the way. */
static const struct {
	const char *name;
	const char *path;
} columns[] = {
	{"id", "id"},
	{"sent", "sent"},
	{"status", "status"},
	{"message", "message"},
	{"references", "references"},
	{"kind", "kind"},
	{"crime", "crime"},
	{"urgency", "urgency"},
	{"severity", "severity"},
	{"certainty", "certainty"},
	{"source", "source"},
	{"information", "information"},
	{"action", "action"},
	{"warning", "warning"},
	{"onset", "onset"},
	{"expires", "expires"},
	{"incident", "incident"},
	{"countries", "where.countries"},
	{"crossings", "where.crossings"},
	{"lat", "where.circles.lat"},
	{"lon", "where.circles.lon"},
	{"km", "where.circles.km"},
	{"from", "where.legs.from.name"},
	{"from_lat", "where.legs.from.lat"},
	{"from_lon", "where.legs.from.lon"},
	{"to", "where.legs.to.name"},
	{"to_lat", "where.legs.to.lat"},
	{"to_lon", "where.legs.to.lon"},
	{"mode", "where.legs.mode"},
	{"lang", "texts.lang"},
	{"headline", "texts.headline"},
	{"description", "texts.description"},
	{"instruction", "texts.instruction"},
	{"person", "subjects.person.names.full"},
	{"birth_date", "subjects.person.birthDate"},
	{"nationalities", "subjects.person.nationalities"},
	{"plate", "subjects.vehicle.plate"},
	{"vin", "subjects.vehicle.vin"},
	{"vessel", "subjects.vessel.name"},
	{"imo", "subjects.vessel.imo"},
	{"container", "subjects.container.number"},
	{"document_issuer", "subjects.document.issuer"},
	{"document_type", "subjects.document.type"},
	{"document_number", "subjects.document.number"},
	{"document_state", "subjects.document.state"},
	{"substance", "subjects.consignment.substance"},
	{"species", "subjects.consignment.species"},
	{"hs", "subjects.consignment.hs"},
	{"form", "subjects.consignment.form"},
	{"quantity", "subjects.consignment.quantity"},
	{"unit", "subjects.consignment.unit"},
	{"concealment", "subjects.consignment.concealment"},
	{"counted", "counts.category"},
	{"count", "counts.number"},
	{"level", "handling.level"},
	{"to_countries", "handling.countries"},
	{"to_offices", "handling.offices"},
	{"use", "handling.use"},
};

#define COLUMNS (sizeof columns / sizeof columns[0])

/* One alert on its way to a row. */
struct row {
	size_t text; /* the one to show */
	struct buf cell;
};

static size_t
text_in(const Liaison__Alert *alert, const char *lang)
{
	size_t english = alert->n_texts;

	for (size_t i = 0; i < alert->n_texts; i++) {
		const char *own = alert->texts[i]->lang;
		if (own != NULL && lang != NULL && lang_tag_equal(own, lang))
			return i;
		if (own != NULL && lang_tag_equal(own, "en") && english == alert->n_texts)
			english = i;
	}
	return english < alert->n_texts ? english : 0;
}

static void
put_cell_value(struct row *row, const ProtobufCFieldDescriptor *field, const void *value)
{
	if (row->cell.len > 0)
		buf_put_text(&row->cell, "; ");
	if (field->type == PROTOBUF_C_TYPE_STRING) {
		const char *text = *(char *const *)value;
		if (row->cell.len == 0 && text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL)
			buf_put_u8(&row->cell, '\'');
		buf_put_text(&row->cell, text);
	} else if (field->type == PROTOBUF_C_TYPE_ENUM &&
		   json_enum_name(field->descriptor, *(const int *)value) != NULL) {
		buf_put_text(&row->cell, json_enum_name(field->descriptor, *(const int *)value));
	} else {
		size_t from = row->cell.len;
		json_put_value(&row->cell, field, value);
		/* Times come in quotes. */
		if (!row->cell.failed && row->cell.len - from > 2 && row->cell.data[from] == '"') {
			memmove(row->cell.data + from, row->cell.data + from + 1, row->cell.len - from - 2);
			row->cell.len -= 2;
		}
	}
}

/* The recursion follows the path. */
static void
put_path(struct row *row, const ProtobufCMessage *message, const char *path)
{
	char name[JSON_NAME_BYTES];
	size_t len = strcspn(path, ".");

	assert(len < sizeof name);
	memcpy(name, path, len);
	name[len] = '\0';
	const ProtobufCFieldDescriptor *field = json_field_find(message->descriptor, name);
	assert(field != NULL); /* a test writes every column */
	for (size_t i = 0; i < reflect_count(message, field); i++) {
		const void *value = reflect_value(message, field, i);
		if (field->descriptor == &liaison__text__descriptor && i != row->text)
			continue;
		if (path[len] == '.')
			put_path(row, *(ProtobufCMessage *const *)value, path + len + 1);
		else
			put_cell_value(row, field, value);
	}
}

void
csv_put_alert_header(struct buf *out)
{
	for (size_t i = 0; i < COLUMNS; i++)
		csv_put_field(out, columns[i].name, strlen(columns[i].name), i == 0);
	csv_put_end(out);
}

void
csv_put_alert(struct buf *out, const Liaison__Alert *alert, const char *lang)
{
	struct row row = {.text = text_in(alert, lang)};

	buf_init(&row.cell, CELL_BYTES_MAX);
	for (size_t i = 0; i < COLUMNS; i++) {
		buf_reset(&row.cell);
		put_path(&row, &alert->base, columns[i].path);
		csv_put_field(out, row.cell.len == 0 ? "" : (const char *)row.cell.data, row.cell.len, i == 0);
		out->failed = out->failed || row.cell.failed;
	}
	csv_put_end(out);
	buf_clear(&row.cell);
}
