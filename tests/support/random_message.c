#include "tests/support/random_message.h"

#include "proto/alert.pb-c.h"
#include "proto/frame.pb-c.h"
#include "proto/log.pb-c.h"
#include "proto/reflect.h"
#include "proto/trust.pb-c.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS_PER_MESSAGE_AIM 12 /* a message with more fields than that gets about so many */
#define LIST_VALUES_MAX 3
#define YEAR_9999_END_MS INT64_C(253402300799999)
#define YEAR_0001_START_MS INT64_C(-62135596800000)

const ProtobufCMessageDescriptor *const random_schemas[] = {
	&liaison__alert__descriptor,
	&liaison__subject__descriptor,
	&liaison__person__descriptor,
	&liaison__where__descriptor,
	&liaison__leg__descriptor,
	&liaison__handling__descriptor,
	&liaison__sealed__descriptor,
	&liaison__charter__descriptor,
	&liaison__roster__descriptor,
	&liaison__card__descriptor,
	&liaison__suspension__descriptor,
	&liaison__envelope__descriptor,
	&liaison__signed__descriptor,
	&liaison__checkpoint__descriptor,
	&liaison__alert_header__descriptor,
	&liaison__consignment__descriptor,
	&liaison__epoch_header__descriptor,
	&liaison__filter__descriptor,
	NULL,
};

static uint64_t
random_u64(const struct rng *rng)
{
	uint64_t value;

	rng_fill(rng, &value, sizeof value);
	return value >> rng_below(rng, 64); /* all magnitudes alike */
}

static char *
random_text(const struct rng *rng)
{
	static const char *const pieces[] = {"a", "Z", "7", " ", "\"", "\\", "/", "\n", "\x01", "\x1f", "\x7f", "é",
		"ប៉ោយប៉ែត", "แม่สอด", "东兴", "\u2028", "\U0001F6A2", "{Column}", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf",
		"\xed\x9f\xbf", "kh.blo.poipet/42"};
	size_t count = rng_below(rng, 8);
	char *text = calloc(1, count * 32 + 1);

	assert(text != NULL);
	for (size_t i = 0; i < count; i++)
		strcat(text, pieces[rng_below(rng, sizeof pieces / sizeof pieces[0])]);
	return text;
}

static ProtobufCBinaryData
random_bytes(const struct rng *rng)
{
	ProtobufCBinaryData bytes = {.len = rng_below(rng, 40)};

	if (bytes.len > 0) {
		bytes.data = malloc(bytes.len);
		assert(bytes.data != NULL);
		rng_fill(rng, bytes.data, bytes.len);
	}
	return bytes;
}

static double
random_double(const struct rng *rng)
{
	double value;

	switch (rng_below(rng, 6)) {
	case 0: return 0;
	case 1: return -0.0;
	case 2: return (double)rng_below(rng, 1000);
	case 3: return ((double)rng_below(rng, 360000000) - 180000000) / 1e6;
	default: break;
	}
	do {
		uint64_t bits;
		rng_fill(rng, &bits, sizeof bits);
		memcpy(&value, &bits, sizeof value);
	} while (!isfinite(value));
	return value;
}

static void
random_value(const struct rng *rng, const ProtobufCFieldDescriptor *field, void *out)
{
	const ProtobufCEnumDescriptor *names = field->descriptor;

	switch (field->type) {
	case PROTOBUF_C_TYPE_ENUM: *(int *)out = names->values[rng_below(rng, names->n_values)].value; break;
	case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)out = (int)rng_below(rng, 2); break;
	case PROTOBUF_C_TYPE_DOUBLE: *(double *)out = random_double(rng); break;
	case PROTOBUF_C_TYPE_FLOAT: *(float *)out = (float)rng_below(rng, 1000) / 8; break;
	case PROTOBUF_C_TYPE_STRING: *(char **)out = random_text(rng); break;
	case PROTOBUF_C_TYPE_BYTES: *(ProtobufCBinaryData *)out = random_bytes(rng); break;
	case PROTOBUF_C_TYPE_MESSAGE: *(ProtobufCMessage **)out = random_message(rng, field->descriptor); break;
	case PROTOBUF_C_TYPE_SFIXED64:
		*(int64_t *)out = YEAR_0001_START_MS +
				  (int64_t)(random_u64(rng) % (uint64_t)(YEAR_9999_END_MS - YEAR_0001_START_MS + 1));
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
		*(int64_t *)out = (int64_t)(random_u64(rng) >> 11) * (rng_below(rng, 2) ? 1 : -1);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64: *(uint64_t *)out = random_u64(rng) >> 11; break;
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32: *(uint32_t *)out = (uint32_t)random_u64(rng); break;
	}
}

static void
random_list(const struct rng *rng, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t count = 1 + rng_below(rng, LIST_VALUES_MAX);
	size_t value_bytes = reflect_value_bytes(field->type);
	char *values = calloc(count, value_bytes);

	assert(values != NULL);
	for (size_t i = 0; i < count; i++)
		random_value(rng, field, values + i * value_bytes);
	*(void **)reflect_member(message, field) = values;
	reflect_set_count(message, field, count);
}

ProtobufCMessage *
random_message(const struct rng *rng, const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *message = calloc(1, descriptor->sizeof_message);

	assert(message != NULL);
	descriptor->message_init(message);
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		if (rng_below(rng, descriptor->n_fields + FIELDS_PER_MESSAGE_AIM) >= FIELDS_PER_MESSAGE_AIM)
			continue;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			random_list(rng, message, field);
		} else if (reflect_oneof_member(message, field) == NULL) {
			random_value(rng, field, reflect_member(message, field));
			reflect_set_present(message, field);
		}
	}
	return message;
}

uint8_t *
message_bytes(const ProtobufCMessage *message, size_t *len)
{
	uint8_t *bytes;

	*len = protobuf_c_message_get_packed_size(message);
	bytes = malloc(*len + 1);
	assert(bytes != NULL);
	protobuf_c_message_pack(message, bytes);
	return bytes;
}
