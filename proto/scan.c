#include "proto/scan.h"

#include "proto/base/buf.h"
#include "proto/base/utf8.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

/* No schema of ours comes near; a greater one needs more words in struct level. */
#define MESSAGE_FIELDS_MAX 128
#define FIELD_NUMBER_MAX ((UINT64_C(1) << 29) - 1)
#define LENGTH_VARINT_BYTES_MAX 5 /* protobuf-c takes no longer tag or length, even where more bytes say the same */
#define PATH_BYTES_MAX 160

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct scan {
	const uint8_t *start;
	size_t fields;
	size_t fields_max;
	bool is_canonical; /* else a frame */
	struct fault *fault;
};

/* One message that is being read, on the stack of scan_message. */
struct level {
	const struct level *parent;
	const ProtobufCMessageDescriptor *message;
	const ProtobufCFieldDescriptor *field; /* the one that is being read; NULL before it is known */
	unsigned depth;
	uint64_t seen[MESSAGE_FIELDS_MAX / 64]; /* by position in message->fields */
};

static enum liaison_err scan_message(
	struct scan *scan, const struct level *parent, const ProtobufCMessageDescriptor *message, struct reader reader);

/* --- faults ------------------------------------------------------------------------------------------------------ */

static void
path_write(const struct level *level, char *out, size_t size)
{
	const char *names[SCAN_DEPTH_MAX + 1];
	size_t count = 0;
	size_t used = 0;

	for (; level != NULL && count < SCAN_DEPTH_MAX + 1; level = level->parent)
		if (level->field != NULL)
			names[count++] = level->field->name;
	out[0] = '\0';
	while (count-- > 0) {
		size_t len = strlen(names[count]);
		if (used + len + 2 > size)
			return;
		if (used > 0)
			out[used++] = '.';
		memcpy(out + used, names[count], len + 1);
		used += len;
	}
}

/* Cold: keeps the good path short. */
static enum liaison_err __attribute__((noinline, cold)) scan_fail(
	const struct scan *scan, const struct level *level, const uint8_t *at, enum liaison_err code, const char *what)
{
	char path[PATH_BYTES_MAX];
	const struct level *root = level;

	while (root->parent != NULL)
		root = root->parent;
	path_write(level, path, sizeof path);
	return fault_set(scan->fault, code, "%s%s%s at byte %zu: %s", root->message->short_name,
		path[0] == '\0' ? "" : ", field ", path, (size_t)(at - scan->start), what);
}

/* --- varints ----------------------------------------------------------------------------------------------------- */

enum varint_verdict { VARINT_GOOD, VARINT_TRUNCATED, VARINT_TOO_LONG, VARINT_NOT_SHORTEST };

static enum varint_verdict __attribute__((noinline)) varint_take_long(struct reader *reader, uint64_t *value)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < reader->left && i < 10; i++) {
		uint8_t byte = reader->at[i];
		sum |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (i == 9 && byte > 1)
			return VARINT_TOO_LONG;
		if (byte < 0x80) {
			(void)reader_take(reader, i + 1);
			*value = sum;
			return i > 0 && byte == 0 ? VARINT_NOT_SHORTEST : VARINT_GOOD;
		}
	}
	return reader->left < 10 ? VARINT_TRUNCATED : VARINT_TOO_LONG;
}

static inline enum varint_verdict
varint_take(struct reader *reader, uint64_t *value)
{
	if (reader->left > 0 && reader->at[0] < 0x80) {
		*value = *reader->at++;
		reader->left--;
		return VARINT_GOOD;
	}
	return varint_take_long(reader, value);
}

static inline enum liaison_err
scan_varint(const struct scan *scan, const struct level *level, struct reader *reader, uint64_t *value)
{
	const uint8_t *at = reader->at;

	switch (varint_take(reader, value)) {
	case VARINT_GOOD: return LIAISON_OK;
	case VARINT_NOT_SHORTEST:
		if (!scan->is_canonical)
			return LIAISON_OK;
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "a varint is longer than it need be");
	case VARINT_TRUNCATED: return scan_fail(scan, level, at, LIAISON_MALFORMED, "a varint is cut short");
	case VARINT_TOO_LONG: break;
	}
	return scan_fail(scan, level, at, LIAISON_MALFORMED, "a varint is longer than 64 bits");
}

/* --- single values ----------------------------------------------------------------------------------------------- */

static enum wire_type
wire_type_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM: return WIRE_VARINT;
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE: return WIRE_FIXED64;
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT: return WIRE_FIXED32;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE: break;
	}
	return WIRE_BYTES;
}

static bool
enum_has(const ProtobufCEnumDescriptor *descriptor, int64_t value)
{
	for (unsigned i = 0; i < descriptor->n_value_ranges; i++) {
		const ProtobufCIntRange *range = &descriptor->value_ranges[i];
		int64_t count = (int64_t)(range[1].orig_index - range[0].orig_index);
		if (value >= range->start_value && value < range->start_value + count)
			return true;
	}
	return false;
}

/* In canonical bytes a number is only what its type can hold; in a frame it is cut to the type, as protobuf does. */
static enum liaison_err
varint_check(const struct scan *scan, const struct level *level, const uint8_t *at, uint64_t value)
{
	const ProtobufCFieldDescriptor *field = level->field;
	bool fits = true;

	if (!scan->is_canonical)
		return LIAISON_OK;
	switch ((int)field->type) {
	case PROTOBUF_C_TYPE_BOOL: fits = value <= 1; break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_SINT32: fits = value <= UINT32_MAX; break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_ENUM: fits = (int64_t)value >= INT32_MIN && (int64_t)value <= INT32_MAX; break;
	default: break;
	}
	if (!fits)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "the number is out of its type's range");
	if (field->type == PROTOBUF_C_TYPE_ENUM && !enum_has(field->descriptor, (int64_t)value))
		return scan_fail(scan, level, at, LIAISON_BAD_CODE, "no such value is known");
	return LIAISON_OK;
}

static uint64_t
little_endian(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	while (len-- > 0)
		value = value << 8 | at[len];
	return value;
}

static enum liaison_err
scan_fixed(const struct scan *scan, const struct level *level, struct reader *reader, size_t len)
{
	const uint8_t *at = reader->at;

	if (reader_take(reader, len) == NULL)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "a number is cut short");
	if (level->field == NULL)
		return LIAISON_OK;
	double number = 0;
	if (level->field->type == PROTOBUF_C_TYPE_DOUBLE) {
		uint64_t bits = little_endian(at, len);
		memcpy(&number, &bits, sizeof number);
	} else if (level->field->type == PROTOBUF_C_TYPE_FLOAT) {
		uint32_t bits = (uint32_t)little_endian(at, len);
		float single;
		memcpy(&single, &bits, sizeof single);
		number = single;
	}
	if (!isfinite(number))
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "the number is not finite");
	return LIAISON_OK;
}

/* --- length-delimited -------------------------------------------------------------------------------------------- */

static enum liaison_err
count_field(struct scan *scan, const struct level *level, const uint8_t *at)
{
	if (++scan->fields > scan->fields_max)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "there are more fields than are allowed");
	return LIAISON_OK;
}

static enum liaison_err
scan_packed(struct scan *scan, const struct level *level, struct reader reader)
{
	enum wire_type type = wire_type_of(level->field->type);
	enum liaison_err err = LIAISON_OK;

	if (reader.left == 0 && scan->is_canonical)
		return scan_fail(
			scan, level, reader.at, LIAISON_MALFORMED, "an empty list is written as nothing at all");
	while (reader.left > 0 && err == LIAISON_OK) {
		const uint8_t *at = reader.at;
		uint64_t value = 0;

		err = count_field(scan, level, at);
		if (err != LIAISON_OK)
			break;
		if (type == WIRE_VARINT) {
			err = scan_varint(scan, level, &reader, &value);
			if (err == LIAISON_OK)
				err = varint_check(scan, level, at, value);
		} else {
			err = scan_fixed(scan, level, &reader, type == WIRE_FIXED64 ? 8 : 4);
		}
	}
	return err;
}

static enum liaison_err
scan_bytes(struct scan *scan, const struct level *level, struct reader *reader)
{
	const ProtobufCFieldDescriptor *field = level->field;
	const uint8_t *at = reader->at;
	uint64_t len;
	enum liaison_err err = scan_varint(scan, level, reader, &len);

	if (err != LIAISON_OK)
		return err;
	if ((size_t)(reader->at - at) > LENGTH_VARINT_BYTES_MAX)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "a length of more than five bytes");
	if (len > reader->left)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "the length goes past the end");
	const uint8_t *bytes = reader->at;
	reader->at += len;
	reader->left -= (size_t)len;
	if (field == NULL)
		return LIAISON_OK;

	if (field->type == PROTOBUF_C_TYPE_STRING) {
		size_t valid = utf8_valid_bytes(bytes, (size_t)len);
		if (valid < len)
			return scan_fail(scan, level, bytes + valid, LIAISON_MALFORMED,
				bytes[valid] == 0 ? "NUL in a text" : "the text is not valid UTF-8");
		return LIAISON_OK;
	}
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return LIAISON_OK;
	struct reader inner;
	reader_init(&inner, bytes, (size_t)len);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return scan_message(scan, level, field->descriptor, inner);
	return scan_packed(scan, level, inner);
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

/* Fields mostly come in ascending order, so that the search goes on from the last one. */
static const ProtobufCFieldDescriptor *
field_find(const struct level *level, uint32_t number)
{
	const ProtobufCFieldDescriptor *field = level->field;
	const ProtobufCFieldDescriptor *end = level->message->fields + level->message->n_fields;

	if (field == NULL || field->id > number)
		field = level->message->fields;
	while (field < end && field->id < number)
		field++;
	return field < end && field->id == number ? field : NULL;
}

/* No singular field twice, no two members of a oneof. */
static enum liaison_err
seen_check(const struct scan *scan, struct level *level, const uint8_t *at)
{
	const ProtobufCFieldDescriptor *fields = level->message->fields;
	size_t index = (size_t)(level->field - fields);
	uint64_t bit = UINT64_C(1) << (index % 64);
	bool is_list = level->field->label == PROTOBUF_C_LABEL_REPEATED;

	/* In canonical form a packed list is one record. */
	if (is_list && scan->is_canonical)
		is_list = (level->field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) == 0;
	if (!is_list && (level->seen[index / 64] & bit) != 0)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "the field stands there twice");
	if ((level->field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
		for (size_t i = 0; i < level->message->n_fields; i++)
			if ((level->seen[i / 64] >> (i % 64) & 1) != 0 &&
				(fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
				fields[i].quantifier_offset == level->field->quantifier_offset)
				return scan_fail(scan, level, at, LIAISON_MALFORMED,
					"another member of this choice stands there already");
	level->seen[index / 64] |= bit;
	return LIAISON_OK;
}

/* Whether a field of this type may come with this wire type. */
static bool
wire_type_fits(const struct scan *scan, const ProtobufCFieldDescriptor *field, uint64_t wire)
{
	enum wire_type own = wire_type_of(field->type);

	if (field->label != PROTOBUF_C_LABEL_REPEATED || own == WIRE_BYTES)
		return wire == own;
	if (!scan->is_canonical)
		return wire == own || wire == WIRE_BYTES;
	return wire == ((field->flags & PROTOBUF_C_FIELD_FLAG_PACKED) != 0 ? WIRE_BYTES : own);
}

static enum liaison_err
scan_value(struct scan *scan, struct level *level, struct reader *reader, uint64_t wire)
{
	const uint8_t *at = reader->at;
	uint64_t value;
	enum liaison_err err;

	switch (wire) {
	case WIRE_VARINT:
		err = scan_varint(scan, level, reader, &value);
		if (err != LIAISON_OK || level->field == NULL)
			return err;
		return varint_check(scan, level, at, value);
	case WIRE_FIXED64: return scan_fixed(scan, level, reader, 8);
	case WIRE_FIXED32: return scan_fixed(scan, level, reader, 4);
	case WIRE_BYTES: return scan_bytes(scan, level, reader);
	default: return scan_fail(scan, level, at, LIAISON_MALFORMED, "a group or an unknown wire type");
	}
}

static enum liaison_err
scan_field(struct scan *scan, struct level *level, struct reader *reader)
{
	const uint8_t *at = reader->at;
	const ProtobufCFieldDescriptor *last = level->field;
	uint64_t tag;
	enum liaison_err err = scan_varint(scan, level, reader, &tag);

	if (err != LIAISON_OK)
		return err;
	uint64_t number = tag >> 3;
	if ((size_t)(reader->at - at) > LENGTH_VARINT_BYTES_MAX)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "a tag of more than five bytes");
	if (number == 0 || number > FIELD_NUMBER_MAX)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "a field number out of range");
	err = count_field(scan, level, at);
	if (err != LIAISON_OK)
		return err;

	const ProtobufCFieldDescriptor *field = field_find(level, (uint32_t)number);
	if (field != NULL) {
		level->field = field;
		if (scan->is_canonical && last != NULL && field < last)
			return scan_fail(scan, level, at, LIAISON_MALFORMED, "fields are not in ascending order");
		err = seen_check(scan, level, at);
		if (err != LIAISON_OK)
			return err;
		if (!wire_type_fits(scan, field, tag & 7))
			return scan_fail(scan, level, at, LIAISON_MALFORMED, "the wire type is not the field's");
		return scan_value(scan, level, reader, tag & 7);
	}
	level->field = NULL;
	if (scan->is_canonical)
		return scan_fail(scan, level, at, LIAISON_MALFORMED, "an unknown field");
	return scan_value(scan, level, reader, tag & 7);
}

static enum liaison_err
scan_message(
	struct scan *scan, const struct level *parent, const ProtobufCMessageDescriptor *message, struct reader reader)
{
	struct level level = {.parent = parent, .message = message, .depth = parent == NULL ? 1 : parent->depth + 1};
	enum liaison_err err = LIAISON_OK;

	assert(message->n_fields <= MESSAGE_FIELDS_MAX);
	if (level.depth > SCAN_DEPTH_MAX)
		return scan_fail(scan, &level, reader.at, LIAISON_MALFORMED, "messages are nested too deep");
	while (reader.left > 0 && err == LIAISON_OK)
		err = scan_field(scan, &level, &reader);
	return err;
}

/* --- doors ------------------------------------------------------------------------------------------------------- */

static enum liaison_err
scan_start(struct scan *scan, const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len,
	size_t bytes_max)
{
	struct reader reader;

	if (len > bytes_max)
		return fault_set(scan->fault, LIAISON_TOO_LARGE, "%s: %zu bytes, at most %zu are allowed",
			descriptor->short_name, len, bytes_max);
	reader_init(&reader, bytes, len);
	return scan_message(scan, NULL, descriptor, reader);
}

enum liaison_err
scan_canonical(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len, struct fault *fault)
{
	struct scan scan = {.start = bytes, .fields_max = SCAN_FIELDS_MAX, .is_canonical = true, .fault = fault};

	return scan_start(&scan, descriptor, bytes, len, BODY_BYTES_MAX);
}

enum liaison_err
scan_document(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len, struct fault *fault)
{
	struct scan scan = {.start = bytes, .fields_max = DOCUMENT_FIELDS_MAX, .is_canonical = true, .fault = fault};

	return scan_start(&scan, descriptor, bytes, len, FRAME_BYTES_MAX);
}

enum liaison_err
scan_frame(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t len, struct fault *fault)
{
	struct scan scan = {.start = bytes, .fields_max = FRAME_FIELDS_MAX, .is_canonical = false, .fault = fault};

	return scan_start(&scan, descriptor, bytes, len, FRAME_BYTES_MAX);
}
