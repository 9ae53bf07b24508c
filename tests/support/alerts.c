#include "tests/support/alerts.h"

#include "proto/json.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PERSON_TEXT "\"texts\":[{\"lang\":\"en\",\"headline\":\"Last seen at the bus station\"}]"
#define GREEN_TH "\"handling\":{\"level\":\"GREEN\",\"countries\":[\"TH\"]}"

/* Without what all have in common. */
static const char *const kinds[] = {
	[LIAISON__KIND__KIND_WANTED_PERSON] =
		"{\"crime\":[\"TRAFFICKING_IN_PERSONS\"],\"action\":[\"ARREST\"],"
		"\"legalBasis\":{\"authority\":\"Specimen Court\",\"reference\":\"S 1/2026\",\"date\":\"2025-11-02\","
		"\"offence\":\"Trafficking in persons\"},"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"Wanted for arrest: recruiter\"}],"
		"\"subjects\":[{\"person\":{\"names\":[{\"full\":\"Anna Maria Eriksson\",\"script\":\"Latn\"}],"
		"\"sex\":\"FEMALE\",\"birthDate\":\"1974-08-12\",\"nationalities\":[\"KH\"],"
		"\"documents\":[{\"issuer\":\"KH\",\"type\":\"PASSPORT\",\"number\":\"N1234567\"}]}}],"
		"\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\",\"VN\"],\"use\":\"H0\"}}",
	[LIAISON__KIND__KIND_MISSING_PERSON] =
		"{\"crime\":[\"TRAFFICKING_IN_PERSONS\"],\"action\":[\"LOCATE\",\"PROTECT\"]," PERSON_TEXT
		",\"subjects\":[{\"protectedPerson\":{\"ageBand\":\"CHILD\",\"consent\":\"GUARDIAN\",\"class\":"
		"\"MISSING\"}}],"
		"\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\"]}}",
	[LIAISON__KIND__KIND_PERSON_AT_RISK] =
		"{\"crime\":[\"TRAFFICKING_IN_PERSONS\"],\"action\":[\"PROTECT\"]," PERSON_TEXT
		",\"subjects\":[{\"protectedPerson\":{\"ageBand\":\"ADULT\",\"consent\":\"NOT_ASKED\",\"class\":\"AT_"
		"RISK\"}}],"
		"\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\"]}}",
	[LIAISON__KIND__KIND_ROUTE] = "{\"crime\":[\"WILDLIFE\"],\"action\":[\"SEIZE\"],"
				      "\"texts\":[{\"lang\":\"en\",\"headline\":\"Pangolin scales by "
				      "road\",\"description\":\"In dried seafood.\"},"
				      "{\"lang\":\"zh-Hans\",\"headline\":\"\\u7a7f\\u5c71\\u7532\"}],"
				      "\"where\":{\"countries\":[\"KH\",\"VN\"],\"crossings\":[\"kh-bavet\"],\"legs\":["
				      "{\"from\":{\"name\":\"Phnom Penh\","
				      "\"lat\":11.5564,\"lon\":104.9282},\"to\":{\"name\":\"Bavet\",\"lat\":11.07,"
				      "\"lon\":106.15},\"mode\":\"ROAD\"}]},"
				      "\"handling\":{\"level\":\"AMBER\",\"countries\":[\"TH\",\"VN\"]}}",
	[LIAISON__KIND__KIND_VEHICLE] = "{\"crime\":[\"OTHER\"],\"action\":[\"SEIZE\"],"
					"\"texts\":[{\"lang\":\"en\",\"headline\":\"Stolen pick-up\"}],"
					"\"subjects\":[{\"vehicle\":{\"plate\":\"2B-0042\",\"country\":\"KH\",\"make\":"
					"\"Ford Ranger\"}}]," GREEN_TH "}",
	[LIAISON__KIND__KIND_VESSEL] =
		"{\"crime\":[\"TRAFFICKING_IN_PERSONS\"],\"action\":[\"SPECIFIC_CHECK\"],"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"Carrier vessel\"}],"
		"\"subjects\":[{\"vessel\":{\"name\":\"Specimen Star 9\",\"flag\":\"KH\",\"imo\":\"1234567\","
		"\"mmsi\":\"514000999\",\"callSign\":\"XUSP9\"}}]," GREEN_TH "}",
	[LIAISON__KIND__KIND_CONTAINER] = "{\"crime\":[\"HAZARDOUS_GOODS\"],"
					  "\"texts\":[{\"lang\":\"en\",\"headline\":\"Container, weight too high\"}],"
					  "\"subjects\":[{\"container\":{\"number\":\"CSQU3054383\"}}]," GREEN_TH "}",
	[LIAISON__KIND__KIND_DOCUMENT] =
		"{\"crime\":[\"DOCUMENT_FRAUD\"],"
		"\"subjects\":[{\"document\":{\"issuer\":\"KH\",\"type\":\"PASSPORT\",\"number\":\"N1234567\",\"mrz\":"
		"\"P<KHMERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\\nN1234567<7KHM7408122F2904157<<<<<<<<<<<<<<<4\","
		"\"state\":\"LOST\"}}],\"handling\":{\"level\":\"GREEN\",\"everyone\":true}}",
	[LIAISON__KIND__KIND_SEIZURE] =
		"{\"crime\":[\"DRUGS\"],\"action\":[\"INFORM_ONLY\"],"
		"\"texts\":[{\"lang\":\"en\",\"headline\":\"12 kg of crystal in spare tyres\"}],"
		"\"subjects\":[{\"consignment\":{\"substance\":\"methamphetamine\",\"form\":\"CRYSTAL\",\"quantity\":"
		"12,"
		"\"unit\":\"KILOGRAM\"}}],\"counts\":[{\"category\":\"ARRESTED\",\"number\":3}]," GREEN_TH "}",
	[LIAISON__KIND__KIND_HOTSPOT] =
		"{\"crime\":[\"DRUGS\"],\"texts\":[{\"lang\":\"en\",\"headline\":\"Paths around the checkpoint\"}],"
		"\"where\":{\"crossings\":[\"kh-poipet\"],\"circles\":[{\"lat\":13.68,\"lon\":102.55,\"km\":5}]}"
		"," GREEN_TH "}",
	[LIAISON__KIND__KIND_MODUS_OPERANDI] = "{\"crime\":[\"TRAFFICKING_IN_PERSONS\"],"
					       "\"texts\":[{\"lang\":\"en\",\"headline\":\"Job "
					       "offers\",\"description\":\"Border passes lent for the day.\"}],"
					       "\"handling\":{\"level\":\"GREEN\",\"everyone\":true}}",
	[LIAISON__KIND__KIND_SMUGGLING_INCIDENT] =
		"{\"crime\":[\"MIGRANT_SMUGGLING\"],\"texts\":[{\"lang\":\"en\",\"headline\":\"17 migrants in a "
		"lorry\"}],"
		"\"where\":{\"countries\":[\"KH\"]},\"counts\":[{\"category\":\"MIGRANTS\",\"number\":17}]," GREEN_TH
		"}",
};

static const char common[] =
	"{\"id\":\"" ALERT_OFFICE "/1\",\"sent\":\"2026-01-15T08:00:00Z\",\"status\":\"ACTUAL\",\"message\":\"ALERT\","
	"\"expires\":\"2026-04-01T00:00:00Z\",\"urgency\":\"EXPECTED\",\"severity\":\"SEVERE\",\"certainty\":"
	"\"LIKELY\","
	"\"source\":\"B\",\"information\":\"2\"}";

static const char notice[] = "{\"id\":\"" ALERT_OFFICE "/2\",\"sent\":\"2026-01-15T08:00:00Z\",\"status\":\"ACTUAL\","
			     "\"references\":[\"" ALERT_OFFICE "/1\"],\"reason\":\"ERROR\"}";

/* A mistake in a test, not in what it tests. */
static void
give_up(const char *what, const char *about)
{
	fprintf(stderr, "tests/support/alerts: %s: %s\n", what, about);
	abort();
}

static json_t *
parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	if (json == NULL)
		give_up(error.text, text);
	return json;
}

static void
put_key(json_t *at, const char *key, json_t *value)
{
	if (value == NULL)
		json_object_del(at, key);
	else
		json_object_set_new(at, key, value);
}

static void
put_index(json_t *at, size_t index, json_t *value)
{
	if (value == NULL)
		json_array_remove(at, index);
	else if (index < json_array_size(at))
		json_array_set_new(at, index, value);
	else
		json_array_append_new(at, value);
}

/* Makes objects and lists on the way where they are not there yet. */
static void
apply(json_t *root, const struct change *change)
{
	json_t *at = root, *value = change->value != NULL ? parse(change->value) : NULL;
	const char *path = change->path;
	char key[64];

	for (;;) {
		size_t len = strcspn(path, ".[");
		snprintf(key, sizeof key, "%.*s", (int)len, path);
		path += len;
		if (*path == '\0') {
			put_key(at, key, value);
			return;
		}
		json_t *next = json_object_get(at, key);
		if (next == NULL) {
			next = *path == '[' ? json_array() : json_object();
			json_object_set_new(at, key, next);
		}
		at = next;
		if (*path == '[') {
			char *end;
			size_t index = strtoul(path + 1, &end, 10);
			path = end + 1;
			if (*path == '\0') {
				put_index(at, index, value);
				return;
			}
			if (index >= json_array_size(at))
				json_array_append_new(at, json_object());
			at = json_array_get(at, index);
		}
		path++;
	}
}

Liaison__Alert *
an_alert_of_json(const char *json)
{
	ProtobufCMessage *message = NULL;
	struct fault fault;

	if (json_to_message(&liaison__alert__descriptor, json, strlen(json), 1, &message, &fault) != LIAISON_OK)
		give_up(fault.message, json);
	Liaison__Alert *alert = (Liaison__Alert *)message;
	if (!alert->has_salt) {
		alert->has_salt = 1;
		alert->salt.data = malloc(16);
		alert->salt.len = 16;
		assert(alert->salt.data != NULL);
		memset(alert->salt.data, 0x5a, 16);
	}
	return alert;
}

static Liaison__Alert *
finish(json_t *root, const struct change *changes)
{
	for (; changes != NULL && changes->path != NULL; changes++)
		apply(root, changes);
	char *text = json_dumps(root, 0);
	if (text == NULL)
		give_up("no text", "");
	Liaison__Alert *alert = an_alert_of_json(text);
	free(text);
	json_decref(root);
	return alert;
}

Liaison__Alert *
an_alert(Liaison__Kind kind, const struct change *changes)
{
	json_t *root = parse(common), *rest = parse(kinds[kind]);
	char name[40];

	json_object_update(root, rest);
	json_decref(rest);
	snprintf(name, sizeof name, "%s", json_enum_name(&liaison__kind__descriptor, (int)kind));
	json_object_set_new(root, "kind", json_string(name));
	return finish(root, changes);
}

Liaison__Alert *
a_route_alert(void)
{
	return an_alert(LIAISON__KIND__KIND_ROUTE, NULL);
}

Liaison__Alert *
a_notice(Liaison__MessageType message, const struct change *changes)
{
	json_t *root = parse(notice);

	json_object_set_new(
		root, "message", json_string(json_enum_name(&liaison__message_type__descriptor, (int)message)));
	return finish(root, changes);
}

uint8_t *
alert_bytes(const Liaison__Alert *alert, size_t *len)
{
	uint8_t *bytes;

	*len = liaison__alert__get_packed_size(alert);
	bytes = malloc(*len + 1);
	assert(bytes != NULL);
	liaison__alert__pack(alert, bytes);
	return bytes;
}

const struct crossings *
test_crossings(void)
{
	static struct crossings *crossings;
	struct fault fault;

	if (crossings == NULL && crossings_builtin(&crossings, &fault) != LIAISON_OK)
		give_up("crossings", fault.message);
	return crossings;
}

struct facts *
facts_of(Liaison__Alert *alert)
{
	struct facts *facts = NULL;
	struct fault fault;

	if (facts_new(alert, test_crossings(), &facts, &fault) != LIAISON_OK)
		give_up("facts", fault.message);
	liaison__alert__free_unpacked(alert, NULL);
	return facts;
}
