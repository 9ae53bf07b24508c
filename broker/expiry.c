/*
 * What comes to its end, told in time: the charter, and the rosters of the members that this broker serves, from 30 days
 * ahead on (30, 14, 7 and 1 day are levels: the last two are errors), and when they have ended.
 */
#include "broker/core.h"

#include "broker/note.h"

#include <stdio.h>

#define TOLD_DAYS 30
#define PRESSING_DAYS 7

static void
note_end(const struct core *core, const char *what, const char *name, int64_t expires)
{
	int64_t left_ms = expires - core_now(core);
	char when[RFC3339_BYTES];

	if (left_ms > TOLD_DAYS * MS_PER_DAY)
		return;
	time_format(expires, when);
	if (left_ms <= 0)
		note(NOTE_ERROR, "expired", "what=%s name=%s since=%s do=\"have a new one signed and import it\"", what,
			name, when);
	else
		note(left_ms <= PRESSING_DAYS * MS_PER_DAY ? NOTE_ERROR : NOTE_WARNING, "expires-soon",
			"what=%s name=%s at=%s days=%lld do=\"have a new one signed and import it\"", what, name, when,
			(long long)(left_ms / MS_PER_DAY));
}

void
expiry_note(struct core *core)
{
	const Liaison__Charter *charter = trust_charter(core->trust);

	if (charter != NULL && charter->has_expires)
		note_end(core, "charter", core->network, charter->expires);
	for (size_t i = 0; i < trust_member_count(core->trust); i++) {
		const struct member *member = trust_member_at(core->trust, i);
		if (member->roster != NULL && trust_serves(core->trust, core->config->id, member))
			note_end(core, "roster", member->code, member->roster->expires);
	}
}
