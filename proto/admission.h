/*
 * Admission: may this body enter the log? The agent runs the same functions before sending, so that an officer hears
 * first. Pure: what the broker's index knows comes in as arguments and callbacks.
 *
 * The order is fixed (the first that fails is the answer): canonical - same body again - signature by a key of the office
 * that the id names and the connection authenticates - the office may publish this kind - sequence unused - time -
 * expiry - references - document's country - identifiers - codes - handling - nothing of a victim - supported.
 * Split in two because the first part (admit_body, admit_signer, admit_content) runs on any worker, the second
 * (admit_state) needs the index and runs where that lives.
 */
#ifndef LIAISON_PROTO_ADMISSION_H
#define LIAISON_PROTO_ADMISSION_H

#include "proto/base/time.h"
#include "proto/crossings.h"
#include "proto/envelope.h"
#include "proto/facts.h"
#include "proto/trust.h"

#define SENT_AHEAD_MAX_MS (5 * MS_PER_MINUTE)
#define SENT_AGE_MAX_MS (30 * MS_PER_DAY)
#define SALT_BYTES 16
#define THUMBNAIL_BYTES_MAX 8192

/* Per kind, how far ahead `expires` may lie, in ms; [kind]. Defaults from admission_limits_default. */
struct admission_limits {
	int64_t expires_max_ms[32];
	int64_t discreet_check_max_ms; /* where the only actions are checks */
};
void admission_limits_default(struct admission_limits *limits);

/* The furthest expiry that `alert` may have if sent at `sent`; what an agent fills in where the author wrote none. */
int64_t admission_expiry_limit(const struct admission_limits *limits, const Liaison__Alert *alert, int64_t sent);

/* A parsed and checked body. Owns `alert` and `facts`. */
struct admitted {
	Liaison__Alert *alert;
	struct facts *facts;
	struct digest body_hash;
};
void admitted_clear(struct admitted *admitted);

/* Canonical bytes, presence and absence of fields per message, lengths. MALFORMED, TOO_LARGE, BAD_CODE, NOT_SUPPORTED. */
enum liaison_err admit_body(
	const uint8_t *body, size_t len, struct admitted *out, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * The signing key belongs to the office that the id names, that office is `connected` (the one that ZAP named; a desk may
 * not publish for its post), it is valid now and not suspended, its roster is in force, it has right publish and the
 * kind. Fills `key` for batch_verify, which the caller does next. UNKNOWN_OFFICE, BAD_SIGNATURE, NOT_PERMITTED,
 * ROSTER_EXPIRED.
 */
enum liaison_err admit_signer(const struct admitted *admitted, const struct key_id *key_id, const char *connected,
	const struct trust *trust, int64_t now, struct public_key *key, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * What the body says by itself: sent and expires against `now`, document's country, identifiers, codes, crossings,
 * handling, victims, not-supported. CLOCK_AHEAD, STALE, EXPIRED, BAD_IDENTIFIER, BAD_CODE, BAD_HANDLING, VICTIM_IN_CLEAR,
 * NOT_SUPPORTED. `warning` (may be NULL) gets a sentence about what is odd but let pass (a wrong IMO digit), else "".
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
	bool is_terminal; /* cancelled or redacted */
};
typedef struct known_alert known_alert_fn(void *index, const struct alert_id *id);

enum admit_verdict {
	ADMIT_NEW,
	ADMIT_AGAIN, /* the same body is in the log: the same receipt */
};

/*
 * Sequence unused (EQUIVOCATION), references exist and are the office's own or its country's with right recall
 * (BAD_REFERENCE, NOT_PERMITTED). ADMIT_AGAIN is to be asked before time is looked at: call admit_again first.
 */
bool admit_again(const struct admitted *admitted, known_alert_fn *known, void *index);
enum liaison_err admit_state(const struct admitted *admitted, const struct trust *trust, known_alert_fn *known,
	void *index, struct fault *fault) LIAISON_MUST_CHECK;

#endif
