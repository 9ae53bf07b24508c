#include "agents/doctor.h"

#include <inttypes.h>
#include <stdlib.h>

#define CONNECT_MS (5 * MS_PER_SECOND)
/* A broker takes what is up to five minutes ahead of it (`clock-ahead`); half of that is time to act. */
#define CLOCK_BAD_MS (5 * MS_PER_MINUTE)
#define CLOCK_WARNING_MS (CLOCK_BAD_MS / 2)

static void
look_at_clock(struct doctor *doctor, int64_t broker_time)
{
	const int64_t ahead = app_now(doctor->app) - broker_time;
	const int64_t off = ahead < 0 ? -ahead : ahead;
	enum health health = off > CLOCK_BAD_MS ? HEALTH_BAD : off > CLOCK_WARNING_MS ? HEALTH_WARNING : HEALTH_GOOD;

	doctor_say(doctor, "clock", health,
		health == HEALTH_GOOD
			? NULL
			: "set the clock here (timedatectl), or tell the broker's operator that theirs is off",
		"It is %" PRId64 " s %s the broker's.", off / MS_PER_SECOND, ahead < 0 ? "behind" : "ahead of");
}

static const char *
advice(enum liaison_err code)
{
	switch (code) {
	case LIAISON_UNREACHABLE: return "is the network up, is the broker's end point right, does it run?";
	case LIAISON_UNKNOWN_OFFICE:
		return "bring office.card to the authority, or wait until the broker has the roster with these keys";
	case LIAISON_INCONSISTENT: return "trust this broker no more, and tell its operator and your authority";
	case LIAISON_UNSUPPORTED_VERSION: return "bring both sides to versions that know each other";
	default: return NULL;
	}
}

void
doctor_look_at_line(struct doctor *doctor)
{
	struct link *link = NULL;
	struct fault fault;

	const int64_t began = app_monotonic(doctor->app);
	enum liaison_err err = agent_connect(&doctor->agent, began + CONNECT_MS, &link, &fault);
	if (err != LIAISON_OK) {
		doctor_say(doctor, "line", HEALTH_BAD, advice(err), "%s", fault.message);
		return;
	}
	const Liaison__Welcome *welcome = link_welcome(link);
	doctor_say(doctor, "line", HEALTH_GOOD, NULL, "%s welcomed this office after %" PRId64 " ms.",
		link_broker(link), app_monotonic(doctor->app) - began);
	if (welcome->has_time)
		look_at_clock(doctor, welcome->time);
	if (welcome->has_read_only && welcome->read_only)
		doctor_say(doctor, "line", HEALTH_BAD, "its operator must look at its log (`liaisond --verify`)",
			"%s takes no alerts at present; it serves what it has.", link_broker(link));
	link_close(link);
}
