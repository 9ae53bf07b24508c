/*
 * A roster on an authority's desk: the file that is edited, and the trust that it is measured against. One that has been
 * signed is not edited any more: editing it begins the next version.
 */
#ifndef LIAISON_AGENTS_ROSTER_WORK_H
#define LIAISON_AGENTS_ROSTER_WORK_H

#include "agents/app.h"
#include "proto/document.h"
#include "proto/roster_edit.h"
#include "proto/trust.h"

struct roster_work {
	const struct app *app;
	const char *path;
	struct trust *trust;     /* owned reference; NULL: none at hand */
	Liaison__Roster *roster; /* owned, to be edited */
	bool is_next;            /* begun from a signed one */
};

/* The trust folder `folder`, or the home's where that is NULL. *out NULL where there is none. */
enum liaison_err roster_trust(
	const struct app *app, const char *folder, struct trust **out, struct fault *fault) LIAISON_MUST_CHECK;

/* Opens `path` for editing. `work` is zeroed. */
enum liaison_err roster_work_open(struct roster_work *work, const struct app *app, const char *path,
	const char *trust_folder, struct fault *fault) LIAISON_MUST_CHECK;
/* Checks and writes it back, unsigned, and says what it is now. */
enum liaison_err roster_work_save(struct roster_work *work, struct fault *fault) LIAISON_MUST_CHECK;
void roster_work_clear(struct roster_work *work);

#endif
