/* Who will see an alert, in a sentence: "12 offices in KH, TH and VN". */
#ifndef LIAISON_AGENTS_AUDIENCE_H
#define LIAISON_AGENTS_AUDIENCE_H

#include "proto/facts.h"
#include "proto/trust.h"

#include <stddef.h>

#define AUDIENCE_TEXT_BYTES 256

/* The offices that may see any of the alerts that were added; the author's own is not counted. */
struct audience {
	struct trust *trust;  /* owned reference: numbers are this view's */
	unsigned char *is_in; /* by office number */
	size_t offices;
};

enum liaison_err audience_init(struct audience *audience, struct trust *trust) LIAISON_MUST_CHECK;
void audience_clear(struct audience *audience);

/* By the release rule at `now` and the rosters of `trust`, the newest that is held. LIAISON_NO_MEMORY. */
enum liaison_err audience_add(
	struct audience *audience, struct trust *trust, const struct facts *alert, int64_t now) LIAISON_MUST_CHECK;

size_t audience_count(const struct audience *audience);
/* The sentence, without a stop: "nobody but this office" where it is empty. Returns `out`. */
const char *audience_text(const struct audience *audience, char out[AUDIENCE_TEXT_BYTES]);

#endif
