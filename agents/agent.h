/*
 * One office at work: its home opened as far as a command needs it, and what its decisions are made with.
 */
#ifndef LIAISON_AGENTS_AGENT_H
#define LIAISON_AGENTS_AGENT_H

#include "agents/app.h"
#include "agents/home.h"
#include "agents/link.h"
#include "agents/post.h"
#include "proto/admission.h"
#include "proto/crossings.h"
#include "proto/keys.h"
#include "proto/trust.h"

#define AGENT_REFRESH_MS 3000 /* the most that a command spends on newer rosters before it says no */

/* What to open beside office.conf. */
enum agent_needs {
	AGENT_TRUST = 1,
	AGENT_KEYS = 2,
	AGENT_POST = 4,
	AGENT_CROSSINGS = 8,
	AGENT_ALL = 15,
};

struct agent {
	const struct app *app;
	struct home *home;
	struct trust *trust; /* owned reference */
	struct secret_keys *keys;
	struct post *post;
	struct crossings *crossings;
	struct admission_limits limits;
	int stop_fd;        /* readable: no more waiting for a broker; 0: none */
	int64_t refresh_ms; /* how long agent_refresh may take; 0: it does nothing (any more) */
};

/* LIAISON_BAD_CONFIG with what to do, or what post_open says. On failure nothing stays open. */
enum liaison_err agent_open(
	const struct app *app, unsigned needs, struct agent *out, struct fault *fault) LIAISON_MUST_CHECK;
void agent_close(struct agent *agent);

/* This office as the rosters have it; NULL: on none. */
const struct office *agent_office(const struct agent *agent);

/*
 * link_open with what the agent holds; the trust that the broker handed over becomes the agent's. Waits until
 * `deadline_ms` (app_monotonic).
 */
enum liaison_err agent_connect(
	struct agent *agent, int64_t deadline_ms, struct link **out, struct fault *fault) LIAISON_MUST_CHECK;
/*
 * What is held here refuses what newer rosters may allow: asks a broker for them, once. True if there are newer ones now.
 */
bool agent_refresh(struct agent *agent);

/* Takes over the link's newest trust. */
void agent_follow(struct agent *agent, const struct link *link);

#endif
