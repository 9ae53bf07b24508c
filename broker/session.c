#include "broker/session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_BUCKETS 4096

struct sessions {
	struct session *buckets[SESSION_BUCKETS];
	size_t count;
};

struct sessions *
sessions_new(void)
{
	return calloc(1, sizeof(struct sessions));
}

static struct session **
bucket_of(struct sessions *sessions, uint32_t route)
{
	return &sessions->buckets[route % SESSION_BUCKETS];
}

void
sessions_free(struct sessions *sessions)
{
	if (sessions == NULL)
		return;
	for (size_t i = 0; i < SESSION_BUCKETS; i++)
		for (struct session *session = sessions->buckets[i], *next; session != NULL; session = next) {
			next = session->next;
			free(session);
		}
	free(sessions);
}

struct session *
sessions_find(const struct sessions *sessions, uint32_t route)
{
	struct session *session = sessions->buckets[route % SESSION_BUCKETS];

	while (session != NULL && session->route != route)
		session = session->next;
	return session;
}

struct session *
sessions_add(struct sessions *sessions, uint32_t route)
{
	struct session *session = calloc(1, sizeof *session);
	struct session **bucket = bucket_of(sessions, route);

	if (session == NULL)
		return NULL;
	session->route = route;
	session->fd = -1;
	session->next = *bucket;
	*bucket = session;
	sessions->count++;
	return session;
}

void
sessions_remove(struct sessions *sessions, struct session *session)
{
	struct session **link = bucket_of(sessions, session->route);

	while (*link != session) {
		assert(*link != NULL);
		link = &(*link)->next;
	}
	*link = session->next;
	sessions->count--;
	free(session);
}

size_t
sessions_count(const struct sessions *sessions)
{
	return sessions->count;
}

size_t
sessions_count_office(const struct sessions *sessions, const char *office)
{
	size_t count = 0;

	for (size_t i = 0; i < SESSION_BUCKETS; i++)
		for (const struct session *session = sessions->buckets[i]; session != NULL; session = session->next)
			count += session->state != SESSION_CLOSING && strcmp(session->office.text, office) == 0;
	return count;
}

void
sessions_each(struct sessions *sessions, void (*each)(void *arg, struct session *session), void *arg)
{
	for (size_t i = 0; i < SESSION_BUCKETS; i++) {
		struct session *next;
		for (struct session *session = sessions->buckets[i]; session != NULL; session = next) {
			next = session->next;
			each(arg, session);
		}
	}
}

/* The protocol's states as a table: what may come, and when. */
enum frame_rule { RULE_UNKNOWN, RULE_FIRST, RULE_READY, RULE_LATER, RULE_BROKER_ONLY };

static const enum frame_rule frame_rules[] = {
	[LIAISON__FRAME__FRAME_HELLO] = RULE_FIRST,
	[LIAISON__FRAME__FRAME_WELCOME] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_SUBMIT] = RULE_READY,
	[LIAISON__FRAME__FRAME_RECEIPT] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_REFUSAL] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_SUBSCRIBE] = RULE_READY,
	[LIAISON__FRAME__FRAME_SUBSCRIBED] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_UNSUBSCRIBE] = RULE_READY,
	[LIAISON__FRAME__FRAME_DELIVERY] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_PROGRESS] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_CREDIT] = RULE_READY,
	[LIAISON__FRAME__FRAME_ACKNOWLEDGE] = RULE_READY,
	[LIAISON__FRAME__FRAME_FEEDS_REQUEST] = RULE_READY,
	[LIAISON__FRAME__FRAME_FEEDS] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_TRUST] = RULE_READY,
	[LIAISON__FRAME__FRAME_TRUST_STATE] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_PROOF_REQUEST] = RULE_READY,
	[LIAISON__FRAME__FRAME_PROOF] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_CHECKPOINT] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_ATTACHMENT_REQUEST] = RULE_LATER,
	[LIAISON__FRAME__FRAME_ATTACHMENT_CHUNK] = RULE_LATER,
	[LIAISON__FRAME__FRAME_DELIVERY_STATUS_REQUEST] = RULE_LATER,
	[LIAISON__FRAME__FRAME_DELIVERY_STATUS] = RULE_BROKER_ONLY,
	[LIAISON__FRAME__FRAME_SUSPENSION] = RULE_READY,
	[LIAISON__FRAME__FRAME_WITNESS] = RULE_LATER,
	[LIAISON__FRAME__FRAME_TALLY] = RULE_LATER,
	[LIAISON__FRAME__FRAME_EVIDENCE] = RULE_LATER,
	[LIAISON__FRAME__FRAME_ERASURE] = RULE_LATER,
	[LIAISON__FRAME__FRAME_NEW_EPOCH] = RULE_LATER,
	[LIAISON__FRAME__FRAME_PING] = RULE_READY,
	[LIAISON__FRAME__FRAME_PONG] = RULE_READY,
	[LIAISON__FRAME__FRAME_GOODBYE] = RULE_READY,
};

enum liaison_err
session_may_send(enum session_state state, Liaison__Frame__FrameCase frame)
{
	size_t at = (size_t)frame;
	enum frame_rule rule = at < sizeof frame_rules / sizeof frame_rules[0] ? frame_rules[at] : RULE_UNKNOWN;

	switch (rule) {
	case RULE_UNKNOWN: return LIAISON_UNSUPPORTED_VERSION;
	case RULE_BROKER_ONLY: return LIAISON_NOT_PERMITTED;
	case RULE_LATER: return state == SESSION_READY ? LIAISON_NOT_SUPPORTED : LIAISON_MALFORMED;
	case RULE_FIRST: return state == SESSION_NEW ? LIAISON_OK : LIAISON_MALFORMED;
	case RULE_READY: return state == SESSION_READY ? LIAISON_OK : LIAISON_MALFORMED;
	}
	return LIAISON_UNSUPPORTED_VERSION;
}
