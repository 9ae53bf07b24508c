/*
 * What was acknowledged to whom, and what each reader was shown: kept by the experiment from what the programs print, and
 * from nothing that they keep themselves.
 *
 * Every alert has a number of its own in its headline. An acknowledgement is a line of `liaison publish --json` (or of
 * `outbox retry`): accepted (durable at the broker) or queued (safe in the outbox). A reader's sight is what `liaison feed
 * --json` printed. `at` is where the trace (trace.h) stood when the line was seen: whatever the line promises was on the
 * disk by then. It is 1 where nothing is traced.
 */
#ifndef LIAISON_TESTS_FAULT_LEDGER_H
#define LIAISON_TESTS_FAULT_LEDGER_H

#include "tests/fault/fault.h"

#include <jansson.h>
#include <stdio.h>

struct alert_entry {
	char *input; /* what its author wrote, one line */
};

struct answer {
	char *id;
	uint64_t accepted_at, queued_at; /* 0: it was not told so */
	uint64_t refused_at;
};

struct ledger {
	struct experiment *experiment;
	struct alert_entry *alerts;
	size_t count, room;
	struct answer *answers;
	size_t answer_count, answer_room;
	json_t *by_id;                     /* id -> position in answers */
	const volatile uint64_t *position; /* of the trace; NULL: there is none */
	bool has_others_alerts;            /* ledger_at */
};

void ledger_init(struct ledger *ledger, struct experiment *experiment);
void ledger_clear(struct ledger *ledger);

/* What stood in `from` at that time. Borrows the alerts; no new ones can be written. */
void ledger_at(struct ledger *ledger, const struct ledger *from, uint64_t until);

/* A new alert with up to `bytes` of text, as one line. */
void ledger_write_alert(struct ledger *ledger, uint32_t bytes, FILE *out);

/* What is now. */
uint64_t ledger_now(const struct ledger *ledger);

/* A line of `publish --json`; anything else is broken. */
void ledger_take_answer(struct ledger *ledger, const char *line);
/* As struct launch wants it. */
void ledger_on_answer(void *ledger, const char *line);

/* How many answers up to `until` were acknowledgements. */
uint64_t ledger_acknowledged(const struct ledger *ledger, uint64_t until);

/* --- a reader -------------------------------------------------------------------------------------------------------- */

struct sighting {
	const char *id; /* of the sight's map */
	uint64_t alert; /* its number */
	uint64_t at;
	uint64_t settled_at; /* when the next progress line was seen: the reader had kept it by then; 0: none was */
};

/* One reader's view, over all its lives. */
struct sight {
	struct ledger *ledger;
	char who[64];
	json_t *by_id;     /* id -> how often it was shown */
	json_t *by_number; /* number of the alert -> id */
	struct sighting *list;
	size_t count, room;
	uint64_t settled; /* so many of the list were followed by a progress line */
};

void sight_init(struct sight *sight, struct ledger *ledger, const char *who);
void sight_clear(struct sight *sight);
/* A line of `feed --json`. A delivery that is not verified, or not what its author wrote, is damaged. */
void sight_take_line(struct sight *sight, const char *line);
void sight_on_line(void *sight, const char *line);
bool sight_has(const struct sight *sight, const char *id);
bool sight_has_number(const struct sight *sight, uint64_t number);

/* Counts every alert that was accepted by then, and is not in sight, as lost; those shown twice as such. */
void sight_check(const struct sight *sight, uint64_t until, bool with_queued);

/*
 * A reader came back after a crash; `before` is what it was shown, `kept` what its inbox held when it came back, `after`
 * what it was shown since. Shown is at least once: a reader that dies between showing and keeping is shown it again. So:
 * what was followed by a progress line by `until` was kept; what was kept is not shown again; all that was acknowledged
 * was kept or is shown.
 */
void sight_check_return(
	const struct sight *before, uint64_t until, const struct sight *kept, const struct sight *after);

/*
 * One life of a reader that was killed: nothing was shown that its inbox held `before`, nothing twice; what it held, and
 * what was followed by a progress line, it still holds.
 */
void sight_check_life(const struct sight *before, const struct sight *shown, const struct sight *now);

#endif
