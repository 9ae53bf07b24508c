/*
 * The steps of admission, each in a file of its own, in the order in which they are asked. Internal to admission.
 */
#ifndef LIAISON_PROTO_ADMIT_RULES_H
#define LIAISON_PROTO_ADMIT_RULES_H

#include "proto/admission.h"

/* What every step may look at, and where it says what is wrong. */
struct admit_question {
	const Liaison__Alert *alert;
	const struct facts *facts;
	const struct trust *trust;
	const struct office *office; /* that the id names */
	const struct crossings *crossings;
	const struct admission_limits *limits;
	int64_t now;
	struct fault *fault; /* may be NULL */
	char *warning;       /* LIAISON_FAULT_BYTES of text so far; may be NULL */
};

/* The office may publish the kind. NOT_PERMITTED. */
enum liaison_err admit_permission(const struct admit_question *question) LIAISON_MUST_CHECK;
/* sent and expires. CLOCK_AHEAD, STALE, EXPIRED. */
enum liaison_err admit_times(const struct admit_question *question) LIAISON_MUST_CHECK;
/* A DOCUMENT is the office's own country's; check digits and forms. BAD_IDENTIFIER. */
enum liaison_err admit_identifiers(const struct admit_question *question) LIAISON_MUST_CHECK;
/* Codes, dates, what a message cannot do without, field by field. BAD_CODE. */
enum liaison_err admit_codes(const struct admit_question *question) LIAISON_MUST_CHECK;
/* What the kind needs, and what must fit together across fields. BAD_CODE. */
enum liaison_err admit_kind(const struct admit_question *question) LIAISON_MUST_CHECK;
/* BAD_HANDLING. */
enum liaison_err admit_handling(const struct admit_question *question) LIAISON_MUST_CHECK;
/* VICTIM_IN_CLEAR. */
enum liaison_err admit_victims(const struct admit_question *question) LIAISON_MUST_CHECK;
/* NOT_SUPPORTED. */
enum liaison_err admit_supported(const struct admit_question *question) LIAISON_MUST_CHECK;

/* Appends one sentence to the warnings. */
void admit_warn(const struct admit_question *question, const char *format, ...) LIAISON_PRINTF(2, 3);

/* Which row of the presence table (proto/README.md) a message follows. */
bool message_is_notice(Liaison__MessageType message); /* CANCEL, REDACT, SUPERSEDED */
bool message_is_reply(Liaison__MessageType message);  /* HIT, FLAG, ACK, REQUEST, ANSWER */

/* Names as in JSON, for messages; "?" for what has none. */
const char *kind_text(Liaison__Kind kind);
const char *message_text(Liaison__MessageType message);

#endif
