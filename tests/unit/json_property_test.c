/* Whatever a message holds, its JSON reads back as the same canonical bytes, and as the same JSON. */
#include "proto/alert.pb-c.h"
#include "proto/frame.pb-c.h"
#include "proto/json.h"
#include "tests/support/random_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEED UINT64_C(20240818)
#define MESSAGES_PER_SCHEMA 200

static void
check_round_trip(const ProtobufCMessageDescriptor *descriptor, const ProtobufCMessage *message)
{
	struct buf json, json_again;
	ProtobufCMessage *again;
	struct fault fault;
	size_t len, len_again;

	buf_init(&json, 1 << 20);
	buf_init(&json_again, 1 << 20);
	json_from_message(message, &json);
	assert_int_equal(buf_check(&json), LIAISON_OK);
	assert_null(memchr(json.data, '\n', json.len));
	if (json_to_message(descriptor, (char *)json.data, json.len, 1, &again, &fault) != LIAISON_OK)
		fail_msg("%s: %s: %.*s", descriptor->name, fault.message, (int)json.len, (char *)json.data);
	uint8_t *bytes = message_bytes(message, &len);
	uint8_t *bytes_again = message_bytes(again, &len_again);
	assert_int_equal(len, len_again);
	assert_memory_equal(bytes, bytes_again, len);
	json_from_message(again, &json_again);
	assert_int_equal(json.len, json_again.len);
	assert_memory_equal(json.data, json_again.data, json.len);
	free(bytes);
	free(bytes_again);
	buf_clear(&json);
	buf_clear(&json_again);
	protobuf_c_message_free_unpacked(again, NULL);
}

static void
json_keeps_every_message(void **state)
{
	(void)state;
	print_message("seed %llu\n", (unsigned long long)SEED);
	for (size_t s = 0; random_schemas[s] != NULL; s++) {
		struct rng_seeded seeded;
		struct rng rng = rng_from_seed(&seeded, SEED + s);
		for (size_t i = 0; i < MESSAGES_PER_SCHEMA; i++) {
			ProtobufCMessage *message = random_message(&rng, random_schemas[s]);
			check_round_trip(random_schemas[s], message);
			protobuf_c_message_free_unpacked(message, NULL);
		}
	}
}

/* Cuts and changes a good text: it is refused or taken, with a message or with an alert, and never more. */
static void
damaged_texts_are_safe(void **state)
{
	struct rng_seeded seeded;
	struct rng rng = rng_from_seed(&seeded, SEED);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)SEED);
	for (size_t i = 0; i < 3000; i++) {
		ProtobufCMessage *message = random_message(&rng, &liaison__alert__descriptor);
		struct fault fault = {0};
		struct buf json;
		buf_init(&json, 1 << 20);
		json_from_message(message, &json);
		protobuf_c_message_free_unpacked(message, NULL);
		size_t len = 1 + rng_below(&rng, (uint32_t)json.len);
		static const char pieces[] = "{}[],:\"\\ \n0eu\xc3";
		if (rng_below(&rng, 2))
			json.data[rng_below(&rng, (uint32_t)len)] = (uint8_t)pieces[rng_below(&rng, sizeof pieces - 1)];
		char *exact = malloc(len);
		memcpy(exact, json.data, len);
		if (json_to_message(&liaison__alert__descriptor, exact, len, 1, &message, &fault) == LIAISON_OK)
			protobuf_c_message_free_unpacked(message, NULL);
		else
			assert_int_equal(strspn(fault.message, "0123456789:") < 4, 0);
		free(exact);
		buf_clear(&json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_keeps_every_message),
		cmocka_unit_test(damaged_texts_are_safe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
