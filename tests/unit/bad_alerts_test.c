/* What a right signature does not make right: the broker refuses it by its code, audits it, and goes on. */
#include "tests/support/talk.h"

#include "broker/segment.h"

#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define K(name) LIAISON__KIND__KIND_##name
#define C(name) LIAISON__CODE__CODE_##name

/* One thing is wrong with each. `sent_ms` is added to the time of sending. The agent's side is tests/scenario/bad_alerts.sh. */
static const struct row {
	const char *what;
	Liaison__Kind kind;
	const char *path, *value;
	int64_t sent_ms;
	Liaison__Code code;
} rows[] = {
	{"AMBER without a country", K(ROUTE), "handling", "{\"level\":\"AMBER\"}", 0, C(BAD_HANDLING)},
	{"AMBER to everyone", K(ROUTE), "handling", "{\"level\":\"AMBER\",\"everyone\":true}", 0, C(BAD_HANDLING)},
	{"RED without an office", K(ROUTE), "handling", "{\"level\":\"RED\"}", 0, C(BAD_HANDLING)},
	{"RED to a country", K(ROUTE), "handling", "{\"level\":\"RED\",\"countries\":[\"TH\"]}", 0, C(BAD_HANDLING)},
	{"RED to a prefix of offices", K(ROUTE), "handling", "{\"level\":\"RED\",\"offices\":[\"th.blo\"]}", 0,
		C(BAD_HANDLING)},
	{"RED to an office that no roster has", K(ROUTE), "handling",
		"{\"level\":\"RED\",\"offices\":[\"th.blo.nowhere\"]}", 0, C(BAD_HANDLING)},
	{"a missing person in the clear", K(MISSING_PERSON), NULL, NULL, 0, C(VICTIM_IN_CLEAR)},
	{"a person at risk in the clear", K(PERSON_AT_RISK), NULL, NULL, 0, C(VICTIM_IN_CLEAR)},
	{"expired", K(ROUTE), "expires", "\"2026-01-15T08:00:00.001Z\"", 0, C(EXPIRED)},
	{"beyond what its kind may last", K(ROUTE), "expires", "\"2030-01-01T00:00:00Z\"", 0, C(EXPIRED)},
	{"sent in the future", K(ROUTE), NULL, NULL, 6 * MS_PER_MINUTE, C(CLOCK_AHEAD)},
	{"sent years ahead", K(ROUTE), NULL, NULL, 3 * 365 * MS_PER_DAY, C(CLOCK_AHEAD)},
	{"sent too long ago", K(ROUTE), NULL, NULL, -31 * MS_PER_DAY, C(STALE)},
	{"ARREST without a legal basis", K(WANTED_PERSON), "legalBasis", NULL, 0, C(BAD_CODE)},
	{"ARREST with half a legal basis", K(WANTED_PERSON), "legalBasis.authority", NULL, 0, C(BAD_CODE)},
	{"a foreign document", K(DOCUMENT), "subjects[0].document.issuer", "\"TH\"", 0, C(BAD_IDENTIFIER)},
	{"a wrong check digit in an MRZ", K(WANTED_PERSON), "subjects[0].person.documents[0].mrz",
		"\"P<KHMERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\\nN1234567<8KHM7408122F2904157<<<<<<<<<<<<<<<4\"", 0,
		C(BAD_IDENTIFIER)},
	{"a wrong check digit of a container", K(CONTAINER), "subjects[0].container.number", "\"CSQU3054384\"", 0,
		C(BAD_IDENTIFIER)},
	{"an unknown crossing", K(ROUTE), "where.crossings", "[\"kh-nowhere\"]", 0, C(BAD_CODE)},
	{"an unknown country", K(ROUTE), "where.countries", "[\"UK\"]", 0, C(BAD_CODE)},
	{"a wrong code whose quotation is cut inside a character", K(ROUTE), "texts[0].lang",
		"\"\\u1781\\u1782\\u1783\\u1784\\u1785\\u1781\\u1782\\u1783\\u1784\\u1785\\u1781\\u1782\\u1783\\u1784\\"
		"u1785"
		"\\u1781\\u1782\\u1783\\u1784\\u1785\\u1781\\u1782\\u1783\\u1784\"",
		0, C(BAD_CODE)},
	{"REDACT, which is not done yet", K(ROUTE), "message", "\"REDACT\"", 0, C(BAD_CODE)},
};

/* The row's alert, sent when it says. */
static uint8_t *
row_body(const struct rig *rig, const struct row *row, uint64_t sequence, size_t *len)
{
	const struct change changes[] = {{row->path, row->value}, {NULL, NULL}};
	Liaison__Alert *alert = an_alert(row->kind, row->path != NULL ? changes : NULL);
	char id[ALERT_ID_BYTES];

	snprintf(id, sizeof id, PUBLISHER "/%llu", (unsigned long long)sequence);
	free(alert->id);
	alert->id = strdup(id);
	randombytes_buf(alert->salt.data, alert->salt.len);
	alert->sent = rig_now(rig) + row->sent_ms;
	uint8_t *body = alert_bytes(alert, len);
	liaison__alert__free_unpacked(alert, NULL);
	return body;
}

static void
each_bad_alert_is_refused_by_its_code(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	size_t by_code[64] = {0}, bad = 0;
	(void)state;

	uint64_t before = publish_route(rig, publisher, PUBLISHER, 1);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct submission submission;
		size_t len;
		uint8_t *body = row_body(rig, &rows[i], i + 2, &len);
		submission_of(&submission, rig, PUBLISHER, body, len);
		submission_send(&submission, publisher);
		const Liaison__Frame *answer = rig_receive(publisher, 10000);
		if (answer == NULL || answer->frame_case != LIAISON__FRAME__FRAME_REFUSAL)
			fail_msg("%s: was not refused", rows[i].what);
		const Liaison__Refusal *refusal = answer->refusal;
		assert_int_equal(refusal->n_items, 1);
		if (refusal->items[0]->code != rows[i].code) {
			print_error("%s: code %d, \"%s\"\n", rows[i].what, (int)refusal->items[0]->code,
				refusal->items[0]->message);
			bad++;
		}
		by_code[rows[i].code]++;
		submission_clear(&submission);
	}
	assert_int_equal(bad, 0);
	/* A number that was refused is not used up. */
	assert_int_equal(publish_route(rig, publisher, PUBLISHER, 2), before + 1);
	rig_disconnect(publisher);
	rig_stop(rig, SIGTERM);
	for (int code = 1; code < 64; code++)
		assert_int_equal(audit_count(rig, (enum liaison_err)code, PUBLISHER), by_code[code]);
	assert_int_equal(log_count(rig, RECORD_ALERT, NULL, NULL), 2);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bad_alert_is_refused_by_its_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
