/*
 * Is this home in order? Each check says what it found in a sentence and, where something is wrong, what to do. Checks
 * read; the one on line also takes newer trust that the broker hands over, as every connection does.
 */
#ifndef LIAISON_AGENTS_DOCTOR_H
#define LIAISON_AGENTS_DOCTOR_H

#include "agents/agent.h"

enum health {
	HEALTH_GOOD,
	HEALTH_WARNING, /* works now, and somebody should know */
	HEALTH_BAD,
};

struct doctor {
	const struct app *app;
	struct agent agent; /* as far as its parts could be opened */
	unsigned warnings, failures;
};

/* One finding; `what` is a whole sentence, `todo` another, NULL where nothing is to be done. */
void doctor_say(struct doctor *doctor, const char *check, enum health health, const char *todo, const char *what, ...)
	LIAISON_PRINTF(5, 6);

/* What lies on disk (doctor_home.c). Fills doctor->agent; false: there is no home to look at. */
bool doctor_look_at_home(struct doctor *doctor);

/* Brokers, clock and trust on line (doctor_line.c); needs all parts of doctor->agent. */
void doctor_look_at_line(struct doctor *doctor);

#endif
