/* Each message to its handler, by the table of session.h. */
#include "broker/core.h"

#include "broker/note.h"

#include <assert.h>

static void
answer_ping(struct core *core, struct session *session, const Liaison__Ping *ping)
{
	Liaison__Pong pong = LIAISON__PONG__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	pong.has_nonce = pong.has_time = 1;
	pong.nonce = ping->nonce;
	pong.time = core_now(core);
	frame.frame_case = LIAISON__FRAME__FRAME_PONG;
	frame.pong = &pong;
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "pong-not-sent", "office=%s", session->office.text);
}

/* Only frames that session_may_send() let pass come here. */
static void
handle_frame(struct core *core, struct session *session, const Liaison__Frame *frame)
{
	switch (frame->frame_case) {
	case LIAISON__FRAME__FRAME_HELLO: hello_handle(core, session, frame->hello); break;
	case LIAISON__FRAME__FRAME_SUBSCRIBE: subscribe_handle(core, session, frame->subscribe); break;
	case LIAISON__FRAME__FRAME_UNSUBSCRIBE: unsubscribe_handle(core, session, frame->unsubscribe); break;
	case LIAISON__FRAME__FRAME_CREDIT: credit_handle(core, session, frame->credit); break;
	case LIAISON__FRAME__FRAME_ACKNOWLEDGE: acknowledge_handle(core, session, frame->acknowledge); break;
	case LIAISON__FRAME__FRAME_FEEDS_REQUEST: feeds_handle(core, session, frame->feeds_request); break;
	case LIAISON__FRAME__FRAME_TRUST: adopt_handle(core, session, frame->trust); break;
	case LIAISON__FRAME__FRAME_SUSPENSION: adopt_suspension_handle(core, session, frame->suspension); break;
	case LIAISON__FRAME__FRAME_PROOF_REQUEST: proof_handle(core, session, frame->proof_request); break;
	case LIAISON__FRAME__FRAME_PING: answer_ping(core, session, frame->ping); break;
	case LIAISON__FRAME__FRAME_GOODBYE:
		accept_shut(core->accept, session, LIAISON_OK, "the reader said goodbye");
		break;
	case LIAISON__FRAME__FRAME_PONG: break;
	default: assert(!"session_may_send lets pass what has no handler"); break;
	}
}

/* Whether what begins with no known kind is no frame of any version, or one of this version with its kind hidden. */
static bool
is_no_frame(const uint8_t *bytes, size_t len, struct fault *fault)
{
	Liaison__Frame *frame = NULL;
	enum liaison_err err = frame_decode(bytes, len, &frame, fault);

	if (err == LIAISON_OK && frame->frame_case != LIAISON__FRAME__FRAME__NOT_SET)
		err = fault_set(fault, LIAISON_MALFORMED, "the kind of a frame comes first, in its shortest form");
	frame_free(frame);
	return err == LIAISON_MALFORMED;
}

void
dispatch_message(struct core *core, struct session *session, struct net_message *message)
{
	const uint8_t *bytes = net_message_data(message);
	size_t len = net_message_size(message);
	Liaison__Frame__FrameCase frame_case = frame_peek(bytes, len);
	Liaison__Frame *frame = NULL;
	struct fault fault = {.message = ""};
	enum liaison_err err = session_may_send(session->state, frame_case);

	if (err == LIAISON_OK && frame_case == LIAISON__FRAME__FRAME_SUBMIT) {
		submit_handle(core, session, message); /* a worker parses it */
		return;
	}
	if (err == LIAISON_MALFORMED) {
		fault_set(&fault, err, "this frame is out of turn: hello comes first, and once");
	} else if (err == LIAISON_UNSUPPORTED_VERSION && is_no_frame(bytes, len, &fault)) {
		err = LIAISON_MALFORMED;
	} else if (err != LIAISON_OK) {
		fault_set(&fault, err, "%s", err_meaning(err));
	} else {
		err = frame_decode(bytes, len, &frame, &fault);
	}
	if (err == LIAISON_OK && frame->frame_case != frame_case)
		err = fault_set(&fault, LIAISON_MALFORMED, "the frame holds more than one kind");
	net_message_close(message);
	if (err == LIAISON_OK) {
		handle_frame(core, session, frame);
	} else if (err == LIAISON_NO_MEMORY) {
		core_refuse(core, session, 0, LIAISON_RATE_LIMITED, "the broker is out of memory; send again later");
	} else {
		core_refuse(core, session, 0, err, fault.message);
		accept_count_malformed(core->accept, session);
	}
	frame_free(frame);
}
