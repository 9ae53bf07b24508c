/* What is sent to a session, how much of it may be on its way, and a session's last words. */
#include "broker/accept_internal.h"

#include "broker/note.h"
#include "proto/frame.h"

#include <stdlib.h>

/* Whether at most `most` bytes are on their way to the reader. The kernel is asked only where the last answer says no. */
static bool
waits_at_most(struct session *session, uint64_t most)
{
	if (session->sent_bytes <= session->acked_bytes + most)
		return true;
	session->acked_bytes = server_acked_bytes(session->fd);
	return session->sent_bytes <= session->acked_bytes + most;
}

bool
accept_has_room(struct accept *accept, struct session *session)
{
	(void)accept;
	return waits_at_most(session, SEND_WAITING_BYTES);
}

enum liaison_err
accept_send(struct accept *accept, struct session *session, void *bytes, size_t len)
{
	enum liaison_err err = LIAISON_BUSY;

	if (session->state == SESSION_CLOSING) {
		free(bytes);
		return LIAISON_UNREACHABLE;
	}
	if (waits_at_most(session, SEND_HELD_BYTES))
		err = server_send(accept->server, session->route, bytes, len);
	else
		free(bytes);
	accept_look_again(accept);
	if (err == LIAISON_OK) {
		session->sent_bytes += server_wire_bytes(len);
		return LIAISON_OK;
	}
	if (err == LIAISON_BUSY)
		note(NOTE_WARNING, "session-shut", "office=%s reason=does-not-read", session->office.text);
	line_shut(accept, session->fd);
	session->state = SESSION_CLOSING;
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
