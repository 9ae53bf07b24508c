/* What a body may say: for each rule a change to a valid alert that breaks it, and what the author then hears. */
#include "proto/admit_fields.h"
#include "proto/json.h"
#include "tests/support/admitting.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define K(name) LIAISON__KIND__KIND_##name

/* Kind, path of the change, its value as JSON (NULL: taken out), answer, how the sentence begins or what it has. */
static const struct {
	Liaison__Kind kind;
	const char *path, *value;
	enum liaison_err err;
	const char *names;
} rows[] = {
	/* times */
	{K(ROUTE), "sent", "\"2026-01-15T08:07:00Z\"", LIAISON_CLOCK_AHEAD, "sent"},
	{K(ROUTE), "sent", "\"2025-12-16T07:00:00Z\"", LIAISON_STALE, "sent"},
	{K(ROUTE), "expires", "\"2026-01-15T08:01:00Z\"", LIAISON_EXPIRED, "expires"},
	{K(ROUTE), "expires", "\"2026-04-16T08:00:00Z\"", LIAISON_EXPIRED,
		"expires: ROUTE may stand until 2026-04-15T08:00:00Z"},
	{K(WANTED_PERSON), "expires", "\"2031-02-01T00:00:00Z\"", LIAISON_EXPIRED, "WANTED_PERSON"},
	{K(ROUTE), "effective", "\"2026-04-01T00:00:00Z\"", LIAISON_BAD_CODE, "effective"},
	{K(ROUTE), "onset", "\"2026-05-01T00:00:00Z\"", LIAISON_BAD_CODE, "onset"},
	{K(ROUTE), "reviewBy", "\"2026-05-01T00:00:00Z\"", LIAISON_BAD_CODE, "reviewBy"},
	{K(ROUTE), "respondBy", "\"2026-01-01T00:00:00Z\"", LIAISON_BAD_CODE, "respondBy"},
	/* presence */
	{K(ROUTE), "references", "[\"kh.blo.poipet/9\"]", LIAISON_BAD_CODE, "references: must not be in an ALERT"},
	{K(ROUTE), "reason", "\"ERROR\"", LIAISON_BAD_CODE, "reason: must not be in an ALERT; it belongs in notices"},
	{K(ROUTE), "message", "\"UPDATE\"", LIAISON_BAD_CODE, "references: is missing; an UPDATE"},
	{K(ROUTE), "kind", NULL, LIAISON_BAD_CODE, "kind: is missing"},
	{K(ROUTE), "crime", NULL, LIAISON_BAD_CODE, "crime: is missing"},
	{K(ROUTE), "urgency", NULL, LIAISON_BAD_CODE, "urgency: is missing"},
	{K(ROUTE), "severity", NULL, LIAISON_BAD_CODE, "severity: is missing"},
	{K(ROUTE), "certainty", NULL, LIAISON_BAD_CODE, "certainty: is missing"},
	{K(ROUTE), "source", NULL, LIAISON_BAD_CODE, "source: is missing"},
	{K(ROUTE), "information", NULL, LIAISON_BAD_CODE, "information: is missing"},
	{K(ROUTE), "expires", NULL, LIAISON_BAD_CODE, "expires: is missing"},
	{K(ROUTE), "handling", NULL, LIAISON_BAD_CODE, "handling: is missing"},
	{K(ROUTE), "texts", NULL, LIAISON_BAD_CODE, "texts: is missing; ROUTE"},
	{K(ROUTE), "hit", "{\"note\":\"found\"}", LIAISON_BAD_CODE,
		"hit: must not be in an ALERT; it belongs in a reply"},
	{K(ROUTE), "ack", "{\"type\":\"READ\"}", LIAISON_BAD_CODE, "ack: must not be"},
	{K(ROUTE), "id", "\"kh.blo.poipet/r1\"", LIAISON_MALFORMED, "id: kh.blo.poipet/r1 is a reply's"},
	{K(ROUTE), "id", "\"kh.blo.poipet\"", LIAISON_MALFORMED, "kh.blo.poipet"},
	{K(ROUTE), "id", NULL, LIAISON_MALFORMED, "id"},
	{K(ROUTE), "sent", NULL, LIAISON_MALFORMED, "sent"},
	{K(ROUTE), "status", NULL, LIAISON_MALFORMED, "status"},
	{K(ROUTE), "message", NULL, LIAISON_MALFORMED, "message"},
	{K(ROUTE), "salt", "\"AAAA\"", LIAISON_MALFORMED, "salt"},
	/* lengths, control characters */
	{K(ROUTE), "texts[0].headline", "\"\"", LIAISON_BAD_CODE, "texts[0].headline: is empty"},
	{K(ROUTE), "texts[0].headline", "\"two\\nlines\"", LIAISON_BAD_CODE,
		"texts[0].headline: has a control character at character 4"},
	{K(ROUTE), "texts[0].description", "\"two\\nlines\"", LIAISON_OK, ""},
	{K(ROUTE), "texts[0].description", "\"bell\\u0007\"", LIAISON_BAD_CODE, "texts[0].description"},
	{K(ROUTE), "texts[1].headline", "\"csi \\u009b31m\"", LIAISON_BAD_CODE, "texts[1].headline"},
	{K(ROUTE), "author", "\"\\u001b[31m\"", LIAISON_BAD_CODE, "author"},
	{K(WANTED_PERSON), "subjects[0].person.marks", "[\"ok\",\"ta\\u007fttoo\"]", LIAISON_BAD_CODE,
		"subjects[0].person.marks[1]"},
	{K(WANTED_PERSON), "subjects[0].person.nationalities",
		"[\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\",\"KH\","
		"\"KH\",\"KH\",\"KH\"]",
		LIAISON_TOO_LARGE, "subjects[0].person.nationalities: 17 values; at most 16"},
	/* positions */
	{K(ROUTE), "where.legs[0].from.lat", "91", LIAISON_BAD_CODE, "where.legs[0].from.lat"},
	{K(ROUTE), "where.legs[0].to.lon", "-180.5", LIAISON_BAD_CODE, "where.legs[0].to.lon"},
	{K(ROUTE), "where.legs[0].from.lat", NULL, LIAISON_BAD_CODE, "where.legs[0].from: lat and lon"},
	{K(ROUTE), "where.circles", "[{\"lat\":1,\"lon\":1,\"km\":1001}]", LIAISON_BAD_CODE, "where.circles[0].km"},
	{K(ROUTE), "where.circles", "[{\"lat\":1,\"lon\":1,\"km\":-1}]", LIAISON_BAD_CODE, "where.circles[0].km"},
	{K(ROUTE), "where.circles", "[{\"lat\":1,\"lon\":1}]", LIAISON_BAD_CODE, "where.circles[0]: km is missing"},
	{K(ROUTE), "where.polygons", "[{\"points\":[{\"lat\":1,\"lon\":1},{\"lat\":2,\"lon\":2}]}]", LIAISON_BAD_CODE,
		"where.polygons[0].points: 2"},
	{K(ROUTE), "where.polygons", "[{\"points\":[{\"lat\":1,\"lon\":1},{\"lat\":2,\"lon\":2},{\"lat\":2}]}]",
		LIAISON_BAD_CODE, "where.polygons[0].points[2]: lon is missing"},
	{K(ROUTE), "where.polygons",
		"[{\"points\":[{\"lat\":1,\"lon\":0},{\"lat\":1,\"lon\":120},{\"lat\":1,\"lon\":-120},{\"lat\":2,"
		"\"lon\":0},{\"lat\":2,\"lon\":120},{\"lat\":2,\"lon\":-120}]}]",
		LIAISON_BAD_CODE, "where.polygons[0]: goes round"},
	{K(ROUTE), "where.legs[0]", "{}", LIAISON_BAD_CODE, "where.legs[0]: says nothing"},
	{K(ROUTE), "where.legs[0].from", "{}", LIAISON_BAD_CODE, "where.legs[0].from: says nothing"},
	{K(ROUTE), "where.legs[0].end", "\"2026-01-15T07:00:00Z\"", LIAISON_OK, ""},
	{K(ROUTE), "where", "{\"countries\":[\"KH\"]}", LIAISON_BAD_CODE, "where: ROUTE needs"},
	{K(ROUTE), "where", NULL, LIAISON_BAD_CODE, "where: ROUTE needs"},
	{K(ROUTE), "where", "{\"crossings\":[\"kh-poipet\"]}", LIAISON_OK, ""},
	{K(HOTSPOT), "where", "{\"countries\":[\"KH\"]}", LIAISON_OK, ""},
	{K(HOTSPOT), "where", NULL, LIAISON_BAD_CODE, "where: HOTSPOT needs"},
	/* codes */
	{K(ROUTE), "where.countries", "[\"KH\",\"XK\"]", LIAISON_OK, ""},
	{K(ROUTE), "where.countries", "[\"KH\",\"UK\"]", LIAISON_BAD_CODE, "where.countries[1]: \"UK\""},
	{K(ROUTE), "where.countries", "[\"KHM\"]", LIAISON_BAD_CODE, "where.countries[0]"},
	{K(ROUTE), "where.countries", "[\"kh\"]", LIAISON_BAD_CODE, "where.countries[0]"},
	{K(ROUTE), "where.crossings", "[\"kh-poipett\"]", LIAISON_BAD_CODE, "did you mean kh-poipet?"},
	{K(ROUTE), "where.legs[0].crossing", "\"zz-nowhere-at-all\"", LIAISON_BAD_CODE, "where.legs[0].crossing"},
	{K(ROUTE), "where.legs[0].from.crossing", "\"Poipet\"", LIAISON_BAD_CODE, "where.legs[0].from.crossing"},
	{K(ROUTE), "handling.countries", "[\"TH\",\"QQQ\"]", LIAISON_BAD_CODE, "handling.countries[1]"},
	{K(ROUTE), "handling.offices", "[\"TH.blo\"]", LIAISON_BAD_CODE, "handling.offices[0]"},
	{K(ROUTE), "texts[0].lang", "\"english\"", LIAISON_BAD_CODE, "texts[0].lang"},
	{K(ROUTE), "texts[0].lang", NULL, LIAISON_BAD_CODE, "texts[0]: lang is missing"},
	{K(ROUTE), "texts[0].headline", NULL, LIAISON_BAD_CODE, "texts[0]: headline is missing"},
	{K(ROUTE), "texts[1].lang", "\"EN\"", LIAISON_BAD_CODE, "texts[1].lang: EN has a text already"},
	{K(ROUTE), "contact", "{\"phone\":\"+855 23 123\"}", LIAISON_BAD_CODE, "contact.phone"},
	{K(ROUTE), "contact", "{\"phone\":\"+85523123456\",\"langs\":[\"km\",\"x\"]}", LIAISON_BAD_CODE,
		"contact.langs[1]"},
	{K(ROUTE), "contact", "{\"hours\":\"24 h\"}", LIAISON_BAD_CODE, "contact: says nothing; it needs one of phone"},
	{K(ROUTE), "links", "[{\"id\":\"th.blo.a/3\"}]", LIAISON_BAD_CODE, "links[0]: type is missing"},
	{K(ROUTE), "links", "[{\"id\":\"th.blo.a/03\",\"type\":\"RELATED\"}]", LIAISON_BAD_CODE, "links[0].id"},
	{K(ROUTE), "links", "[{\"id\":\"th.blo.a/3\",\"type\":\"RELATED\"}]", LIAISON_OK, ""},
	{K(ROUTE), "crime", "[\"DRUGS\",\"DRUGS\"]", LIAISON_BAD_CODE, "crime[1]"},
	{K(ROUTE), "action", "[\"SEIZE\",\"INFORM_ONLY\"]", LIAISON_BAD_CODE, "action: INFORM_ONLY"},
	{K(ROUTE), "action", "[\"SEIZE\",\"SEIZE\"]", LIAISON_BAD_CODE, "action[1]"},
	{K(SEIZURE), "counts", "[{\"category\":\"DEAD\",\"number\":1},{\"category\":\"DEAD\",\"number\":2}]",
		LIAISON_BAD_CODE, "counts[1].category"},
	{K(SEIZURE), "counts", "[{\"category\":\"DEAD\"}]", LIAISON_BAD_CODE, "counts[0]: number is missing"},
	{K(SEIZURE), "counts", "[{\"category\":\"VICTIMS_IDENTIFIED\",\"number\":4}]", LIAISON_OK, ""},
	/* persons and what courts ask */
	{K(WANTED_PERSON), "legalBasis", NULL, LIAISON_BAD_CODE, "legalBasis: is missing; ARREST"},
	{K(WANTED_PERSON), "legalBasis.offence", NULL, LIAISON_BAD_CODE, "legalBasis: offence is missing"},
	{K(WANTED_PERSON), "legalBasis.date", "\"2025-11\"", LIAISON_BAD_CODE, "legalBasis.date"},
	{K(WANTED_PERSON), "legalBasis.date", "\"2025-02-29\"", LIAISON_BAD_CODE, "legalBasis.date"},
	{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"1974\"", LIAISON_OK, ""},
	{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"1974-08\"", LIAISON_OK, ""},
	{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"2000-02-29\"", LIAISON_OK, ""},
	{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"1974-13\"", LIAISON_BAD_CODE,
		"subjects[0].person.birthDate"},
	{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"2027\"", LIAISON_BAD_CODE,
		"subjects[0].person.birthDate"},
	{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"74-08-12\"", LIAISON_BAD_CODE,
		"subjects[0].person.birthDate"},
	{K(WANTED_PERSON), "subjects[0].person.names[0].script", "\"latn\"", LIAISON_BAD_CODE,
		"subjects[0].person.names[0].script"},
	{K(WANTED_PERSON), "subjects[0].person.names[0]", "{\"script\":\"Latn\"}", LIAISON_BAD_CODE,
		"subjects[0].person.names[0]: says nothing; it needs one of full, given, family"},
	{K(WANTED_PERSON), "subjects[0].person", "{\"sex\":\"MALE\"}", LIAISON_BAD_CODE,
		"subjects[0].person: says nothing; it needs one of names, documents"},
	{K(WANTED_PERSON), "subjects", "[{\"vehicle\":{\"plate\":\"2A-1\"}}]", LIAISON_BAD_CODE,
		"subjects: WANTED_PERSON needs a person"},
	{K(WANTED_PERSON), "subjects", NULL, LIAISON_BAD_CODE, "subjects: WANTED_PERSON needs a person"},
	{K(WANTED_PERSON), "subjects[0]", "{}", LIAISON_BAD_CODE, "subjects[0]: says nothing"},
	/* identifiers */
	{K(WANTED_PERSON), "subjects[0].person.documents[0].mrz",
		"\"P<KHMERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\\nN1234567<8KHM7408122F2904157<<<<<<<<<<<<<<<4\"",
		LIAISON_BAD_IDENTIFIER, "subjects[0].person.documents[0]: mrz"},
	{K(WANTED_PERSON), "subjects[0].person.documents[0].number", "\"---\"", LIAISON_BAD_IDENTIFIER,
		"subjects[0].person.documents[0].number"},
	{K(DOCUMENT), "subjects[0].document.number", "\"N1234568\"", LIAISON_BAD_IDENTIFIER,
		"subjects[0].document: mrz: has document number N1234567"},
	{K(DOCUMENT), "subjects[0].document.number", "\"n-123 4567\"", LIAISON_OK, ""},
	{K(DOCUMENT), "subjects[0].document.issuer", "\"TH\"", LIAISON_BAD_IDENTIFIER,
		"subjects[0].document.issuer: is TH; an office of KH"},
	{K(DOCUMENT), "subjects[0].document.mrz", NULL, LIAISON_OK, ""},
	{K(DOCUMENT), "subjects[0].document.number", NULL, LIAISON_BAD_CODE, "subjects[0].document.number: is missing"},
	{K(DOCUMENT), "subjects[0].document.issuer", NULL, LIAISON_BAD_CODE, "subjects[0].document.issuer: is missing"},
	{K(DOCUMENT), "subjects[0].document.type", NULL, LIAISON_BAD_CODE, "subjects[0].document.type: is missing"},
	{K(DOCUMENT), "subjects[0].document.state", NULL, LIAISON_BAD_CODE, "subjects[0].document.state: is missing"},
	{K(DOCUMENT), "subjects[1]", "{\"document\":{\"issuer\":\"KH\",\"number\":\"N2\"}}", LIAISON_BAD_CODE,
		"subjects: 2; DOCUMENT has exactly one"},
	{K(DOCUMENT), "subjects[0]", "{\"vehicle\":{\"plate\":\"2A-1\"}}", LIAISON_BAD_CODE,
		"subjects[0].vehicle: must not be in DOCUMENT"},
	{K(DOCUMENT), "subjects", NULL, LIAISON_BAD_CODE, "subjects: DOCUMENT needs a document"},
	{K(CONTAINER), "subjects[0].container.number", "\"CSQU3054384\"", LIAISON_BAD_IDENTIFIER,
		"subjects[0].container.number"},
	{K(CONTAINER), "subjects[0].container.number", NULL, LIAISON_BAD_CODE,
		"subjects[0].container: number is missing"},
	{K(CONTAINER), "subjects", NULL, LIAISON_BAD_CODE, "subjects: CONTAINER needs a container"},
	{K(VESSEL), "subjects[0].vessel.imo", "\"123456\"", LIAISON_BAD_IDENTIFIER, "subjects[0].vessel.imo"},
	{K(VESSEL), "subjects[0].vessel.mmsi", "\"51400099\"", LIAISON_BAD_IDENTIFIER, "subjects[0].vessel.mmsi"},
	{K(VESSEL), "subjects[0].vessel.callSign", "\"xu\"", LIAISON_BAD_IDENTIFIER, "subjects[0].vessel.callSign"},
	{K(VESSEL), "subjects[0].vessel.flag", "\"KHM\"", LIAISON_BAD_CODE, "subjects[0].vessel.flag"},
	{K(VESSEL), "subjects[0].vessel", "{\"flag\":\"KH\"}", LIAISON_BAD_CODE, "subjects[0].vessel: says nothing"},
	{K(VESSEL), "subjects", "[{\"vehicle\":{\"plate\":\"2A-1\"}}]", LIAISON_BAD_CODE,
		"subjects: VESSEL needs a vessel"},
	{K(VEHICLE), "subjects[0].vehicle.vin", "\"MHFSPEC12R000001I\"", LIAISON_BAD_IDENTIFIER,
		"subjects[0].vehicle.vin"},
	{K(VEHICLE), "subjects[0].vehicle.plate", NULL, LIAISON_BAD_CODE,
		"subjects[0].vehicle: says nothing; it needs one of plate, vin"},
	{K(VEHICLE), "subjects[0].vehicle.plate", "\"กข 1234\"", LIAISON_OK, ""},
	{K(VEHICLE), "subjects", NULL, LIAISON_BAD_CODE, "subjects: VEHICLE needs a vehicle"},
	{K(SEIZURE), "subjects[0].consignment.hs", "\"29393\"", LIAISON_BAD_CODE, "subjects[0].consignment.hs"},
	{K(SEIZURE), "subjects[0].consignment.quantity", "0", LIAISON_BAD_CODE, "subjects[0].consignment.quantity"},
	{K(SEIZURE), "subjects[0].consignment.unit", NULL, LIAISON_BAD_CODE,
		"subjects[0].consignment: quantity and unit"},
	{K(SEIZURE), "subjects[0].consignment.substance", NULL, LIAISON_BAD_CODE,
		"subjects[0].consignment: says nothing"},
	{K(SEIZURE), "subjects", NULL, LIAISON_BAD_CODE, "subjects: SEIZURE needs a consignment"},
	{K(MODUS_OPERANDI), "texts[0].description", NULL, LIAISON_BAD_CODE, "texts[0].description"},
	{K(MODUS_OPERANDI), "subjects", "[{\"person\":{\"names\":[{\"full\":\"A\"}]}}]", LIAISON_BAD_CODE,
		"subjects[0].person: must not be in MODUS_OPERANDI"},
	/* handling */
	{K(ROUTE), "handling.level", NULL, LIAISON_BAD_CODE, "handling: level is missing"},
	{K(ROUTE), "handling", "{\"level\":\"AMBER\"}", LIAISON_BAD_HANDLING, "handling.countries: is missing; AMBER"},
	{K(ROUTE), "handling", "{\"level\":\"AMBER\",\"offices\":[\"th.blo\"]}", LIAISON_OK, ""},
	{K(ROUTE), "handling", "{\"level\":\"AMBER\",\"everyone\":true}", LIAISON_BAD_HANDLING, "handling.everyone"},
	{K(ROUTE), "handling", "{\"level\":\"RED\",\"everyone\":true}", LIAISON_BAD_HANDLING, "handling.everyone"},
	{K(ROUTE), "handling", "{\"level\":\"GREEN\",\"everyone\":true,\"countries\":[\"TH\"]}", LIAISON_BAD_HANDLING,
		"handling.everyone"},
	{K(ROUTE), "handling", "{\"level\":\"CLEAR\",\"everyone\":true,\"ownCountry\":false}", LIAISON_BAD_HANDLING,
		"handling.everyone"},
	{K(ROUTE), "handling", "{\"level\":\"CLEAR\",\"everyone\":true}", LIAISON_OK, ""},
	{K(ROUTE), "handling", "{\"level\":\"GREEN\"}", LIAISON_OK, ""},
	{K(ROUTE), "handling", "{\"level\":\"GREEN\",\"ownCountry\":false}", LIAISON_BAD_HANDLING,
		"handling: reaches nobody"},
	{K(ROUTE), "handling", "{\"level\":\"RED\",\"offices\":[\"th.atu.capital\"]}", LIAISON_OK, ""},
	{K(ROUTE), "handling", "{\"level\":\"RED\"}", LIAISON_BAD_HANDLING, "handling.offices: is missing; RED"},
	{K(ROUTE), "handling", "{\"level\":\"RED\",\"countries\":[\"TH\"]}", LIAISON_BAD_HANDLING,
		"handling.countries: RED"},
	{K(ROUTE), "handling", "{\"level\":\"RED\",\"offices\":[\"th.atu.capital\",\"th.atu\"]}", LIAISON_BAD_HANDLING,
		"handling.offices[1]"},
	{K(ROUTE), "handling", "{\"level\":\"RED\",\"offices\":[\"th.atu.capital\"],\"ownCountry\":true}",
		LIAISON_BAD_HANDLING, "handling.ownCountry"},
	{K(ROUTE), "handling", "{\"level\":\"RED\",\"offices\":[\"th.atu.capital\"],\"onward\":true}",
		LIAISON_BAD_HANDLING, "handling.onward"},
	{K(ROUTE), "handling.keepUntil", "\"2026-01-15T08:01:00Z\"", LIAISON_BAD_HANDLING, "handling.keepUntil"},
	{K(ROUTE), "handling.keepUntil", "\"2026-02-01T00:00:00Z\"", LIAISON_OK, ""},
	/* victims */
	{K(ROUTE), "subjects", "[{\"protectedPerson\":{\"ageBand\":\"CHILD\"}}]", LIAISON_VICTIM_IN_CLEAR,
		"subjects[0].protectedPerson"},
	{K(WANTED_PERSON), "subjects[1]", "{\"protectedPerson\":{\"ageBand\":\"CHILD\"}}", LIAISON_VICTIM_IN_CLEAR,
		"subjects[1].protectedPerson"},
	{K(HOTSPOT), "subjects", "[{\"protectedPerson\":{\"ageBand\":\"CHILD\"}}]", LIAISON_VICTIM_IN_CLEAR,
		"subjects[0].protectedPerson"},
	{K(MISSING_PERSON), "onset", NULL, LIAISON_VICTIM_IN_CLEAR, "subjects[0].protectedPerson"},
	{K(MISSING_PERSON), "subjects", NULL, LIAISON_VICTIM_IN_CLEAR, "kind: MISSING_PERSON"},
	{K(MISSING_PERSON), "subjects", "[{\"person\":{\"names\":[{\"full\":\"A\"}]}}]", LIAISON_VICTIM_IN_CLEAR,
		"kind: MISSING_PERSON"},
	{K(PERSON_AT_RISK), "onset", NULL, LIAISON_VICTIM_IN_CLEAR, "subjects[0].protectedPerson"},
	{K(SMUGGLING_INCIDENT), "subjects", "[{\"person\":{\"names\":[{\"full\":\"A\"}]}}]", LIAISON_VICTIM_IN_CLEAR,
		"subjects[0].person"},
	{K(SMUGGLING_INCIDENT), "subjects", "[{\"document\":{\"number\":\"N1\"}}]", LIAISON_VICTIM_IN_CLEAR,
		"subjects[0].document"},
	{K(SMUGGLING_INCIDENT), "subjects", "[{\"vehicle\":{\"plate\":\"3A-0077\"}}]", LIAISON_OK, ""},
	{K(VESSEL), "subjects[1]", "{\"person\":{\"names\":[{\"full\":\"A\"}]}}", LIAISON_VICTIM_IN_CLEAR,
		"subjects[1].person"},
	{K(VEHICLE), "subjects[1]", "{\"person\":{\"names\":[{\"full\":\"A\"}]}}", LIAISON_OK, ""},
	/* A victim's passport, which traffickers take away, has the victim's name and birth date in its zone. */
	{K(DOCUMENT), "crime", "[\"TRAFFICKING_IN_PERSONS\"]", LIAISON_VICTIM_IN_CLEAR, "subjects[0].document.mrz"},
	{K(WANTED_PERSON), "subjects[1]",
		"{\"document\":{\"mrz\":\"P<KHMERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\\n"
		"N1234567<7KHM7408122F2904157<<<<<<<<<<<<<<<4\"}}",
		LIAISON_OK, ""},
	{K(WANTED_PERSON), "action", "[\"PROTECT\"]", LIAISON_VICTIM_IN_CLEAR, "subjects[0].person"},
	{K(WANTED_PERSON), "action", "[\"ARREST\",\"PROTECT\"]", LIAISON_OK, ""},
	/* later versions */
	{K(ROUTE), "attachments",
		"[{\"mediaType\":\"image/"
		"jpeg\",\"bytes\":10,\"digest\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}]",
		LIAISON_NOT_SUPPORTED, "attachments"},
	{K(ROUTE), "attachments", "[{\"mediaType\":\"image/jpeg\",\"bytes\":10,\"digest\":\"AAAA\"}]", LIAISON_BAD_CODE,
		"attachments[0].digest"},
};

static void
each_rule_has_its_code_and_names_its_place(void **state)
{
	(void)state;
	struct admitting admitting;

	admitting_init(&admitting);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct change changes[] = {{rows[i].path, rows[i].value}, {NULL, NULL}};
		admitting.known_count = 0;
		enum liaison_err err = admitting_try(&admitting, an_alert(rows[i].kind, changes));
		if (err != rows[i].err || strstr(admitting.fault.message, rows[i].names) == NULL)
			fail_msg("%s=%s: %s \"%s\", expected %s \"%s\"", rows[i].path,
				rows[i].value ? rows[i].value : "(none)", err_name(err), admitting.fault.message,
				err_name(rows[i].err), rows[i].names);
	}
	admitting_clear(&admitting);
}

static void
a_valid_alert_of_each_kind_is_admitted(void **state)
{
	(void)state;
	struct admitting admitting;

	admitting_init(&admitting);
	for (unsigned i = 0; i < liaison__kind__descriptor.n_values; i++) {
		Liaison__Kind kind = (Liaison__Kind)liaison__kind__descriptor.values[i].value;
		bool is_sealed_kind = kind == K(MISSING_PERSON) || kind == K(PERSON_AT_RISK);
		admitting.known_count = 0;
		enum liaison_err err = admitting_try(&admitting, an_alert(kind, NULL));
		if (err != (is_sealed_kind ? LIAISON_VICTIM_IN_CLEAR : LIAISON_OK))
			fail_msg("%s: %s", liaison__kind__descriptor.values[i].name, admitting.fault.message);
	}
	admitting_clear(&admitting);
}

/* --- limits that a table is too long for ------------------------------------------------------------------------------ */

/* `count` times the character, as a JSON string from malloc. */
static char *
long_text(const char *character, size_t count)
{
	size_t len = strlen(character);
	char *text = malloc(count * len + 3), *at = text;

	assert_non_null(text);
	*at++ = '"';
	for (size_t i = 0; i < count; i++, at += len)
		memcpy(at, character, len);
	memcpy(at, "\"", 2);
	return text;
}

static void
lengths_are_counted_in_characters(void **state)
{
	(void)state;
	static const struct {
		const char *path, *character;
		size_t most;
	} limits[] = {
		{"texts[0].headline", "a", 160},
		{"texts[0].headline", "\xe1\x9e\x80", 160},
		{"texts[0].description", "\xe0\xb8\x81", 4000},
		{"texts[0].instruction", "a", 2000},
		{"incident", "a", 100},
	};
	struct admitting admitting;

	admitting_init(&admitting);
	for (size_t i = 0; i < COUNT(limits); i++) {
		for (size_t more = 0; more < 2; more++) {
			char *text = long_text(limits[i].character, limits[i].most + more);
			const struct change changes[] = {{limits[i].path, text}, {NULL, NULL}};
			admitting.known_count = 0;
			assert_int_equal(admitting_try(&admitting, an_alert(K(ROUTE), changes)),
				more ? LIAISON_TOO_LARGE : LIAISON_OK);
			if (more)
				assert_non_null(strstr(admitting.fault.message, limits[i].path));
			free(text);
		}
	}
	admitting_clear(&admitting);
}

static void
a_document_without_its_zone_names_nobody(void **state)
{
	(void)state;
	const struct change changes[] = {
		{"crime", "[\"TRAFFICKING_IN_PERSONS\"]"}, {"subjects[0].document.mrz", NULL}, {NULL, NULL}};
	struct admitting admitting;

	admitting_init(&admitting);
	assert_int_equal(admitting_try(&admitting, an_alert(K(DOCUMENT), changes)), LIAISON_OK);
	admitting_clear(&admitting);
}

static void
a_thumbnail_has_its_limit(void **state)
{
	(void)state;
	struct admitting admitting;

	admitting_init(&admitting);
	for (size_t more = 0; more < 2; more++) {
		Liaison__Alert *alert = an_alert(K(WANTED_PERSON), NULL);
		Liaison__Person *person = alert->subjects[0]->person;
		person->has_thumbnail = 1;
		person->thumbnail.len = 8192 + more;
		person->thumbnail.data = calloc(1, person->thumbnail.len);
		assert_non_null(person->thumbnail.data);
		assert_int_equal(admitting_try(&admitting, alert), more ? LIAISON_TOO_LARGE : LIAISON_OK);
	}
	assert_non_null(strstr(admitting.fault.message, "subjects[0].person.thumbnail: 8193 bytes"));
	admitting_clear(&admitting);
}

/* --- expiry ------------------------------------------------------------------------------------------------------------ */

static void
expiry_is_limited_by_kind_and_by_checks(void **state)
{
	(void)state;
	struct admission_limits limits;

	admission_limits_default(&limits);
	for (unsigned i = 0; i < liaison__kind__descriptor.n_values; i++)
		assert_true(limits.expires_max_ms[liaison__kind__descriptor.values[i].value] > 0);
	Liaison__Alert *route = a_route_alert();
	assert_int_equal(admission_expiry_limit(&limits, route, 1000), 1000 + 90 * MS_PER_DAY);
	liaison__alert__free_unpacked(route, NULL);

	const struct change check[] = {{"action", "[\"DISCREET_CHECK\",\"SPECIFIC_CHECK\"]"}, {NULL, NULL}};
	const struct change more[] = {{"action", "[\"DISCREET_CHECK\",\"ARREST\"]"}, {NULL, NULL}};
	Liaison__Alert *checked = an_alert(K(WANTED_PERSON), check), *sought = an_alert(K(WANTED_PERSON), more);
	assert_int_equal(admission_expiry_limit(&limits, checked, 0), 365 * MS_PER_DAY);
	assert_int_equal(admission_expiry_limit(&limits, sought, 0), (5 * 365 + 1) * MS_PER_DAY);
	liaison__alert__free_unpacked(checked, NULL);
	liaison__alert__free_unpacked(sought, NULL);
}

/* --- warnings ---------------------------------------------------------------------------------------------------------- */

static void
what_is_odd_is_let_pass_and_said(void **state)
{
	(void)state;
	static const struct {
		Liaison__Kind kind;
		const char *path, *value, *warning;
	} odd[] = {
		{K(VESSEL), "subjects[0].vessel.imo", "\"1234560\"", "subjects[0].vessel.imo"},
		{K(VESSEL), "subjects[0].vessel.imo", "\"1234567\"", ""},
		{K(VEHICLE), "subjects[0].vehicle.vin", "\"MHFSPEC12R0000017\"", NULL},
		{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"2008-01-16\"", "subjects[0].person: is under 18"},
		{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"2008-01-15\"", ""},
		{K(WANTED_PERSON), "subjects[0].person.birthDate", "\"2008\"", ""},
		{K(ROUTE), "handling.countries", "[\"TH\",\"LA\"]", "handling.countries[1]: no office of LA"},
		{K(ROUTE), "handling.offices", "[\"th.police\"]", "handling.offices[0]: no office under th.police"},
	};
	struct admitting admitting;

	admitting_init(&admitting);
	for (size_t i = 0; i < COUNT(odd); i++) {
		const struct change changes[] = {{odd[i].path, odd[i].value}, {NULL, NULL}};
		admitting.known_count = 0;
		assert_int_equal(admitting_try(&admitting, an_alert(odd[i].kind, changes)), LIAISON_OK);
		if (odd[i].warning != NULL && strncmp(admitting.warning, odd[i].warning, strlen(odd[i].warning)) != 0)
			fail_msg("%s: \"%s\"", odd[i].value, admitting.warning);
		if (odd[i].warning != NULL && odd[i].warning[0] == '\0')
			assert_string_equal(admitting.warning, "");
	}
	admitting_clear(&admitting);
}

/* --- the tables against the schema -------------------------------------------------------------------------------- */

static void
assert_rules_of(const ProtobufCMessageDescriptor *descriptor, unsigned depth)
{
	const struct message_rule *rule = message_rule_of(descriptor);

	assert_true(depth < WALK_DEPTH_MAX);
	if (rule == NULL)
		fail_msg("%s has no row in the table of fields", descriptor->short_name);
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const struct field_rule *row = &rule->fields[i];
		char name[JSON_NAME_BYTES];
		json_field_name(field, name);
		assert_string_equal(row->name, name);
		bool has_length = field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES;
		assert_int_equal(row->max != 0, has_length);
		assert_int_equal(row->max_values != 0, field->label == PROTOBUF_C_LABEL_REPEATED);
		/* Every text has a form, every time and number that stands for a place is looked at. */
		if (has_length || field->type == PROTOBUF_C_TYPE_SFIXED64 || field->type == PROTOBUF_C_TYPE_DOUBLE)
			assert_int_not_equal(row->form, FORM_ANY);
		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			assert_rules_of(field->descriptor, depth + 1);
	}
}

static void
every_field_of_the_schema_has_its_rule(void **state)
{
	(void)state;
	assert_rules_of(&liaison__alert__descriptor, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_its_code_and_names_its_place),
		cmocka_unit_test(a_valid_alert_of_each_kind_is_admitted),
		cmocka_unit_test(lengths_are_counted_in_characters),
		cmocka_unit_test(a_document_without_its_zone_names_nobody),
		cmocka_unit_test(a_thumbnail_has_its_limit),
		cmocka_unit_test(expiry_is_limited_by_kind_and_by_checks),
		cmocka_unit_test(what_is_odd_is_let_pass_and_said),
		cmocka_unit_test(every_field_of_the_schema_has_its_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
