/*
 * Admission: may this body enter the log? The agent runs the same functions before sending, so that an officer hears
 * first. Pure: what the broker's index knows comes in as arguments and callbacks.
 *
 * The order is fixed, and the first that fails is the answer:
 *
 *   admit_body     canonical - identity - what the message must and must not hold - lengths, positions
 *   admit_again    the same body again: the same receipt, whatever the time is now
 *   admit_signer   the office is known, is the one connected, its roster is in force, the key is one of its, valid now
 *   (the caller)   envelope_verify: the signature
 *   admit_content  the office may publish the kind - sent - expires - document's country, identifiers - codes, what the
 *                  kind needs - handling - nothing of a victim - nothing that this version does not do yet
 *   admit_state    sequence unused - references
 *
 * All but admit_again and admit_state run on any worker; those two need the index and run where that lives.
 * Every fault names the field as it stands in JSON: "subjects[0].document.issuer: ...".
 */
#ifndef LIAISON_PROTO_ADMISSION_H
#define LIAISON_PROTO_ADMISSION_H

#include "proto/base/arena.h"
#include "proto/base/time.h"
#include "proto/crossings.h"
#include "proto/envelope.h"
#include "proto/facts.h"
#include "proto/trust.h"

#define SENT_AHEAD_MAX_MS (5 * MS_PER_MINUTE)
#define SENT_AGE_MAX_MS (30 * MS_PER_DAY)
#define SALT_BYTES 16
#define CIRCLE_KM_MAX 1000 /* a larger one says nothing, and is often metres taken for kilometres */

/* Per kind, how far after `sent` `expires` may lie, in ms; [kind]. Defaults from admission_limits_default. */
struct admission_limits {
	int64_t expires_max_ms[32];
	int64_t discreet_check_max_ms; /* where the only actions are checks */
};
void admission_limits_default(struct admission_limits *limits);

/* The furthest expiry that `alert` may have if sent at `sent`; what an agent fills in where the author wrote none. */
int64_t admission_expiry_limit(const struct admission_limits *limits, const Liaison__Alert *alert, int64_t sent);

/* The table of proto/README.md: may the field (position in liaison__alert__descriptor.fields) be in such a message? */
enum field_presence { FIELD_FORBIDDEN, FIELD_OPTIONAL, FIELD_REQUIRED };
enum field_presence admission_presence(Liaison__MessageType message, bool is_sealed, unsigned field);

/* A parsed and checked body. Owns `facts`, and `alert` unless that lives in an arena. */
struct admitted {
	Liaison__Alert *alert;
	bool alert_is_borrowed;
	struct facts *facts;
	struct digest body_hash;
};
void admitted_clear(struct admitted *admitted);

/*
 * Canonical bytes, identity, presence and absence of fields per message, lengths, positions on the globe. `crossings`
 * is for the facts. MALFORMED, TOO_LARGE, BAD_CODE.
 */
enum liaison_err admit_body(const uint8_t *body, size_t len, const struct crossings *crossings, struct admitted *out,
	struct fault *fault) LIAISON_MUST_CHECK;

/* The same; `alert` lives in `arena`, is not to be changed, and ends with it. */
enum liaison_err admit_body_in(struct arena *arena, const uint8_t *body, size_t len, const struct crossings *crossings,
	struct admitted *out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The office that the id names is on a roster in force, not suspended, and is `connected` (the one that ZAP named; a desk
 * may not publish for its post); the key is one of its, valid now. Fills `key` for envelope_verify, which the caller does
 * next. UNKNOWN_OFFICE, NOT_PERMITTED, ROSTER_EXPIRED, BAD_SIGNATURE.
 */
enum liaison_err admit_signer(const struct admitted *admitted, const struct key_id *key_id, const char *connected,
	const struct trust *trust, int64_t now, struct public_key *key, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * What the body says by itself. NOT_PERMITTED, CLOCK_AHEAD, STALE, EXPIRED, BAD_IDENTIFIER, BAD_CODE, BAD_HANDLING,
 * VICTIM_IN_CLEAR, NOT_SUPPORTED. `warning` gets sentences about what is odd but let pass (a wrong IMO digit, a country
 * that nobody would receive it in), else "". NULL, for a broker: neither warnings nor what was probably meant are
 * looked for. `crossings` is not NULL.
 */
enum liaison_err admit_content(const struct admitted *admitted, const struct trust *trust,
	const struct crossings *crossings, const struct admission_limits *limits, int64_t now, struct fault *fault,
	char warning[LIAISON_FAULT_BYTES]) LIAISON_MUST_CHECK;

/* What an index says of one alert id. */
struct known_alert {
	bool is_known;
	struct digest body_hash;
	Liaison__MessageType message;
	Liaison__Kind kind;
	Liaison__Status status; /* 0: the index does not keep it */
	bool is_terminal;       /* cancelled or redacted */
};
typedef struct known_alert known_alert_fn(void *index, const struct alert_id *id);

/* The same body is in the log already. */
bool admit_again(const struct admitted *admitted, known_alert_fn *known, void *index);
/*
 * Whether the office may change or end what it refers to: its own, or its country's and the roster gives it right recall.
 * Readers ask it again. NOT_PERMITTED. `facts` has a reference.
 */
enum liaison_err admit_owner(
	const struct facts *facts, const struct trust *trust, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Sequence unused (EQUIVOCATION); what is referred to exists, can be changed in this way, and is the office's own, or its
 * country's and the office has right recall (BAD_REFERENCE, NOT_PERMITTED). For a body that is there already, see
 * admit_again; here it is LIAISON_EXISTS. An agent whose index does not know an original of another office cannot ask.
 */
enum liaison_err admit_state(const struct admitted *admitted, const struct trust *trust, known_alert_fn *known,
	void *index, struct fault *fault) LIAISON_MUST_CHECK;

#endif
