#include "agents/view_alert.h"

#include "agents/say.h"
#include "proto/json.h"
#include "proto/reflect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 20

static void
put_safe(struct buf *out, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		out->failed = true;
	else
		buf_put_text(out, text_make_safe(copy));
	free(copy);
}

void
view_field(struct buf *out, const char *label, const char *value)
{
	buf_put_format(out, "%-*s ", LABEL_WIDTH, label);
	put_safe(out, value);
	buf_put_u8(out, '\n');
}

/* --- by reflection: a field that a later version adds is shown without a line of code here ---------------------------- */

static void put_message(const ProtobufCMessage *message, struct buf *out);

static void
put_time(int64_t at_ms, struct buf *out)
{
	char at[RFC3339_BYTES];

	time_format(at_ms, at);
	buf_put_text(out, at);
}

static void
put_value(const ProtobufCFieldDescriptor *field, const void *value, struct buf *out)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING: put_safe(out, *(char *const *)value); break;
	case PROTOBUF_C_TYPE_ENUM: {
		const char *name = json_enum_name(field->descriptor, *(const int *)value);
		buf_put_text(out, name != NULL ? name : "?");
		break;
	}
	case PROTOBUF_C_TYPE_BOOL: buf_put_text(out, *(const protobuf_c_boolean *)value ? "yes" : "no"); break;
	case PROTOBUF_C_TYPE_SFIXED64: put_time(*(const int64_t *)value, out); break;
	case PROTOBUF_C_TYPE_UINT32: buf_put_format(out, "%" PRIu32, *(const uint32_t *)value); break;
	case PROTOBUF_C_TYPE_UINT64: buf_put_format(out, "%" PRIu64, *(const uint64_t *)value); break;
	case PROTOBUF_C_TYPE_DOUBLE: buf_put_format(out, "%.7g", *(const double *)value); break;
	case PROTOBUF_C_TYPE_BYTES:
		buf_put_format(out, "(%zu bytes)", ((const ProtobufCBinaryData *)value)->len);
		break;
	case PROTOBUF_C_TYPE_MESSAGE: put_message(*(ProtobufCMessage *const *)value, out); break;
	default: buf_put_text(out, "?"); break;
	}
}

/* "do not alert subject". */
static void
put_name(const char *name, struct buf *out)
{
	for (; *name != '\0'; name++)
		buf_put_u8(out, (uint8_t)(*name == '_' ? ' ' : *name));
}

enum fields { FIELDS_ALL, FIELDS_PLAIN };

/* "name Bavet, lat 11.07, lon 106.15"; what is a message itself in brackets, or left out. Whether anything was put. */
static bool
put_fields(const ProtobufCMessage *message, enum fields which, struct buf *out)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	bool is_first = true;

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		bool is_message = field->type == PROTOBUF_C_TYPE_MESSAGE;
		size_t count = is_message && which == FIELDS_PLAIN ? 0 : reflect_count(message, field);
		for (size_t k = 0; k < count; k++) {
			if (!is_first)
				buf_put_text(out, k > 0 && !is_message ? " " : ", ");
			is_first = false;
			if (k == 0 || is_message) {
				put_name(field->name, out);
				buf_put_u8(out, ' ');
			}
			if (is_message)
				buf_put_u8(out, '(');
			put_value(field, reflect_value(message, field, k), out);
			if (is_message)
				buf_put_u8(out, ')');
		}
	}
	return !is_first;
}

static void
put_message(const ProtobufCMessage *message, struct buf *out)
{
	(void)put_fields(message, FIELDS_ALL, out);
}

static void
put_label(const char *indent, const char *name, struct buf *out)
{
	size_t before = out->len;

	buf_put_text(out, indent);
	put_name(name, out);
	while (!out->failed && out->len - before < LABEL_WIDTH)
		buf_put_u8(out, ' ');
	buf_put_u8(out, ' ');
}

static bool
has_plain(const ProtobufCMessage *message)
{
	for (unsigned i = 0; i < message->descriptor->n_fields; i++)
		if (message->descriptor->fields[i].type != PROTOBUF_C_TYPE_MESSAGE &&
			reflect_count(message, &message->descriptor->fields[i]) > 0)
			return true;
	return false;
}

/* Its plain fields on one line, and one line for each message in it. */
static void
put_block(const char *name, const ProtobufCMessage *message, struct buf *out)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	const char *indent = "";

	if (has_plain(message)) {
		put_label("", name, out);
		(void)put_fields(message, FIELDS_PLAIN, out);
		buf_put_u8(out, '\n');
		indent = "  ";
	}
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		size_t count = field->type == PROTOBUF_C_TYPE_MESSAGE ? reflect_count(message, field) : 0;
		for (size_t k = 0; k < count; k++) {
			put_label(indent, field->name, out);
			put_value(field, reflect_value(message, field, k), out);
			buf_put_u8(out, '\n');
		}
	}
}

static void
put_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, struct buf *out)
{
	size_t count = reflect_count(message, field);

	for (size_t i = 0; i < count; i++) {
		const void *value = reflect_value(message, field, i);
		if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
			put_block(field->name, *(ProtobufCMessage *const *)value, out);
			continue;
		}
		if (i == 0)
			put_label("", field->name, out);
		else
			buf_put_text(out, ", ");
		put_value(field, value, out);
		if (i + 1 == count)
			buf_put_u8(out, '\n');
	}
}

/* --- text ------------------------------------------------------------------------------------------------------------ */

static void
put_paragraph(struct buf *out, const char *label, const char *text)
{
	if (text == NULL)
		return;
	buf_put_text(out, label);
	/* Its own line breaks are kept, other control characters are not. */
	for (const char *at = text; *at != '\0';) {
		size_t len = strcspn(at, "\n");
		char *part = strndup(at, len);
		if (part == NULL) {
			out->failed = true;
			return;
		}
		buf_put_text(out, text_make_safe(part));
		free(part);
		buf_put_u8(out, '\n');
		at += len + (at[len] == '\n' ? 1 : 0);
	}
}

static void
put_text(const Liaison__Text *text, struct buf *out)
{
	put_paragraph(out, "", text->headline);
	put_paragraph(out, "", text->description);
	put_paragraph(out, "What to do: ", text->instruction);
}

static void
put_other_texts(const Liaison__Alert *alert, const Liaison__Text *shown, struct buf *out)
{
	for (size_t i = 0; i < alert->n_texts; i++) {
		if (alert->texts[i] == shown)
			continue;
		buf_put_text(out, "\n[");
		put_safe(out, alert->texts[i]->lang != NULL ? alert->texts[i]->lang : "?");
		buf_put_text(out, "] ");
		put_text(alert->texts[i], out);
	}
}

static bool
is_shown_elsewhere(const char *name)
{
	static const char *const names[] = {"salt", "id", "texts", "kind"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

void
view_alert(const struct view *view, const Liaison__Alert *alert, bool is_disputed, struct buf *out)
{
	const ProtobufCMessageDescriptor *descriptor = alert->base.descriptor;
	const Liaison__Text *text = view_text(view, alert);
	const char *kind = json_enum_name(&liaison__kind__descriptor, (int)alert->kind);

	put_safe(out, alert->id);
	buf_put_format(out, "  %s  %s  ", alert->has_kind && kind != NULL ? kind : "notice", view_level(alert));
	view_marks(alert, is_disputed, out);
	buf_put_u8(out, '\n');
	if (text != NULL)
		put_text(text, out);
	buf_put_u8(out, '\n');
	for (unsigned i = 0; i < descriptor->n_fields; i++)
		if (!is_shown_elsewhere(descriptor->fields[i].name))
			put_field(&alert->base, &descriptor->fields[i], out);
	put_other_texts(alert, text, out);
}
