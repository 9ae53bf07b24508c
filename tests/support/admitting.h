/*
 * All steps of admission in their order, as a broker takes them, over a world of tests/support/world and an index that is
 * a list. What is admitted is remembered there.
 */
#ifndef LIAISON_TESTS_SUPPORT_ADMITTING_H
#define LIAISON_TESTS_SUPPORT_ADMITTING_H

#include "proto/admission.h"
#include "tests/support/alerts.h"
#include "tests/support/world.h"

#define ADMITTING_KNOWN_MAX 32

struct admitting {
	struct world *world;
	struct admission_limits limits;
	int64_t now;
	const char *connected; /* NULL: the office that the id names */
	struct {
		struct alert_id id;
		struct known_alert alert;
	} known[ADMITTING_KNOWN_MAX];
	size_t known_count;
	/* Of the last one that was tried. */
	struct fault fault;
	char warning[LIAISON_FAULT_BYTES];
};

void admitting_init(struct admitting *admitting);
void admitting_clear(struct admitting *admitting);

/* Signed by the newest key of the office that its id names. Frees the alert. LIAISON_EXISTS: admitted before. */
enum liaison_err admitting_try(struct admitting *admitting, Liaison__Alert *alert);
/* Bytes in an envelope that somebody made. */
enum liaison_err admitting_try_envelope(struct admitting *admitting, const struct envelope *envelope);

#endif
