/* What is sent to a session, how much of it may be on its way, and a session's last words. */
#include "broker/accept_internal.h"

#include "broker/note.h"
#include "proto/frame.h"

#include <stdlib.h>

/* Asks the kernel. True: more has arrived than was known. */
static bool
look(struct session *session)
{
	return flight_arrived(&session->flight, server_acked_bytes(session->fd));
}

/* Whether at most so much is on its way to the reader. The kernel is asked only where the last answer says no. */
static bool
holds_at_most(struct session *session, uint64_t bytes, uint64_t messages)
{
	const struct flight *flight = &session->flight;

	if (flight_bytes(flight) > bytes || flight_messages(flight) > messages)
		look(session);
	return flight_bytes(flight) <= bytes && flight_messages(flight) <= messages;
}

/* What each session may hold of what can wait. */
static uint64_t
share_bytes(const struct accept *accept)
{
	size_t count = sessions_count(accept->sessions);
	uint64_t share = SEND_WAITING_ALL_BYTES / (count > 0 ? count : 1);

	if (share < SEND_WAITING_LEAST_BYTES)
		return SEND_WAITING_LEAST_BYTES;
	return share < SEND_WAITING_MOST_BYTES ? share : SEND_WAITING_MOST_BYTES;
}

bool
accept_has_room(struct accept *accept, struct session *session, size_t more)
{
	uint64_t share = share_bytes(accept);

	return more <= share && holds_at_most(session, share - more, SEND_WAITING_MESSAGES - 1);
}

bool
accept_has_drained(struct accept *accept, struct session *session)
{
	return holds_at_most(session, share_bytes(accept) / 2, SEND_WAITING_MESSAGES / 2);
}

bool
send_is_stuck(struct accept *accept, struct session *session)
{
	int64_t at = accept_monotonic(accept);

	if (flight_bytes(&session->flight) == 0 || look(session))
		session->taken_ms = at;
	return at - session->taken_ms > accept->options.config->idle_ms;
}

enum liaison_err
accept_offer(struct accept *accept, struct session *session, void *bytes, size_t len)
{
	if (session->state == SESSION_CLOSING) {
		free(bytes);
		return LIAISON_UNREACHABLE;
	}
	enum liaison_err err = server_send(accept->server, session->route, bytes, len);
	accept_look_again(accept);
	if (err == LIAISON_OK) {
		flight_sent(&session->flight, server_wire_bytes(len));
	} else if (err != LIAISON_BUSY) {
		line_shut(accept, session->fd);
		session->state = SESSION_CLOSING;
	}
	return err;
}

enum liaison_err
accept_send(struct accept *accept, struct session *session, void *bytes, size_t len)
{
	enum liaison_err err = LIAISON_BUSY;

	if (holds_at_most(session, SEND_HELD_BYTES, UINT64_MAX))
		err = accept_offer(accept, session, bytes, len);
	else
		free(bytes);
	if (err == LIAISON_BUSY && session->state != SESSION_CLOSING) {
		note(NOTE_WARNING, "session-shut", "office=%s reason=does-not-read", session->office.text);
		line_shut(accept, session->fd);
		session->state = SESSION_CLOSING;
	}
	return err;
}

enum liaison_err
accept_send_frame(struct accept *accept, struct session *session, const Liaison__Frame *frame)
{
	size_t len;
	uint8_t *bytes = frame_encode(frame, &len);

	return bytes != NULL ? accept_send(accept, session, bytes, len) : LIAISON_NO_MEMORY;
}

void
accept_shut(struct accept *accept, struct session *session, enum liaison_err code, const char *why)
{
	Liaison__Goodbye goodbye = LIAISON__GOODBYE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	if (session->state == SESSION_CLOSING)
		return;
	note(NOTE_INFO, "session-shut", "office=%s code=%s reason=\"%s\"", session->office.text, err_name(code), why);
	goodbye.has_code = 1;
	goodbye.code = (Liaison__Code)code;
	goodbye.message = (char *)(uintptr_t)why;
	frame.frame_case = LIAISON__FRAME__FRAME_GOODBYE;
	frame.goodbye = &goodbye;
	/* The word gets until the next tick to leave; whether it does or not, the descriptor is shut then. */
	if (accept_send_frame(accept, session, &frame) != LIAISON_OK)
		line_shut(accept, session->fd);
	session->state = SESSION_CLOSING;
}

static void
say_goodbye(void *arg, struct session *session)
{
	accept_shut(arg, session, LIAISON_OK, "the broker is stopping");
}

void
accept_goodbye(struct accept *accept)
{
	sessions_each(accept->sessions, say_goodbye, accept);
}

bool
accept_count_malformed(struct accept *accept, struct session *session)
{
	int64_t at = accept_monotonic(accept);

	if (at - session->malformed_since_ms > MS_PER_MINUTE) {
		session->malformed_since_ms = at;
		session->malformed = 0;
	}
	if (++session->malformed <= accept->options.config->malformed_max)
		return false;
	accept_shut(accept, session, LIAISON_MALFORMED, "too many malformed frames");
	return true;
}
