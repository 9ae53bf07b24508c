/*
 * Alerts to test with: for each kind one that is right, as an office of kh would publish it, and ways to change one
 * thing about it. Written as JSON, so that a test reads like what an author writes. Everything in them is invented.
 */
#ifndef LIAISON_TESTS_SUPPORT_ALERTS_H
#define LIAISON_TESTS_SUPPORT_ALERTS_H

#include "proto/facts.h"

#include "proto/alert.pb-c.h"

#include <stddef.h>
#include <stdint.h>

#define ALERT_OFFICE "kh.blo.poipet"
#define ALERT_SENT INT64_C(1768464000000) /* 2026-01-15T08:00:00Z, WORLD_NOW */
#define ALERT_NOW (ALERT_SENT + 60000)

/* One change: the value (JSON text) at a path as faults name it; NULL takes it out. */
struct change {
	const char *path;  /* "where.legs[0].from.lat" */
	const char *value; /* "91" */
};

/*
 * A valid ALERT of the kind, id kh.blo.poipet/1, sent at ALERT_SENT, with the changes made (ended by one without path;
 * NULL: none). The caller frees it with liaison__alert__free_unpacked(alert, NULL). Ends the test where a change does not
 * fit the schema. MISSING_PERSON and PERSON_AT_RISK carry a protected person in the clear: admission refuses them.
 */
Liaison__Alert *an_alert(Liaison__Kind kind, const struct change *changes);
Liaison__Alert *a_route_alert(void);
/* A notice about kh.blo.poipet/1, id kh.blo.poipet/2. */
Liaison__Alert *a_notice(Liaison__MessageType message, const struct change *changes);
/* From JSON that says everything but the salt. */
Liaison__Alert *an_alert_of_json(const char *json);

/* Its canonical bytes, from malloc. */
uint8_t *alert_bytes(const Liaison__Alert *alert, size_t *len);

/* The facts of such an alert, with the builtin register; the alert itself is freed. */
struct facts *facts_of(Liaison__Alert *alert);

/* The register of crossings, made once for the program. */
const struct crossings *test_crossings(void);

#endif
