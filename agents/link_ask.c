/* Questions to the broker: frames that came while an answer was awaited wait for later. */
#include "agents/link_internal.h"

#include "agents/say.h"
#include "proto/frame.h"

static bool
put_pending(struct link *link, Liaison__Frame *frame)
{
	if (link->pending_count == LINK_PENDING_MAX)
		return false;
	link->pending[(link->pending_first + link->pending_count++) % LINK_PENDING_MAX] = frame;
	return true;
}

static uint32_t
request_of(const Liaison__Frame *frame)
{
	switch (frame->frame_case) {
	case LIAISON__FRAME__FRAME_RECEIPT: return frame->receipt->request;
	case LIAISON__FRAME__FRAME_REFUSAL: return frame->refusal->request;
	case LIAISON__FRAME__FRAME_SUBSCRIBED: return frame->subscribed->request;
	case LIAISON__FRAME__FRAME_FEEDS: return frame->feeds->request;
	case LIAISON__FRAME__FRAME_TRUST_STATE: return frame->trust_state->request;
	case LIAISON__FRAME__FRAME_PROOF: return frame->proof->request;
	default: return 0;
	}
}

enum liaison_err
link_ask(struct link *link, const Liaison__Frame *question, uint32_t request, Liaison__Frame__FrameCase answer,
	int timeout_ms, Liaison__Frame **out, struct fault *fault)
{
	const struct app *app = link->setup.app;
	int64_t until = app_monotonic(app) + timeout_ms;
	Liaison__Frame *frame = NULL;
	bool is_silent = false;

	enum liaison_err err = link_send(link, question, fault);
	if (err != LIAISON_OK)
		return err;
	for (;;) {
		int64_t left = until - app_monotonic(app);
		if (left <= 0)
			return fault_set(fault, LIAISON_UNREACHABLE, "the broker at %s did not answer in time",
				link->broker->endpoint);
		enum link_event event = link_step(link, (int)left, -1, &frame, &is_silent, fault);
		if (event == LINK_LOST)
			return fault->code;
		if (event != LINK_FRAME || is_silent)
			continue;
		bool is_ours = request_of(frame) == request;
		if (is_ours && frame->frame_case == answer) {
			*out = frame;
			return LIAISON_OK;
		}
		if (is_ours && frame->frame_case == LIAISON__FRAME__FRAME_REFUSAL) {
			err = fault_set(fault,
				frame->refusal->has_code ? (enum liaison_err)frame->refusal->code
							 : LIAISON_NOT_PERMITTED,
				"the broker refused: %s",
				frame->refusal->message != NULL ? frame->refusal->message : "it did not say why");
			text_make_safe(fault->message);
			frame_free(frame);
			return err != LIAISON_OK ? err : LIAISON_NOT_PERMITTED;
		}
		if (!put_pending(link, frame)) {
			frame_free(frame);
			return fault_set(fault, LIAISON_TOO_LARGE, "the broker at %s sends more than was asked for",
				link->broker->endpoint);
		}
	}
}

enum liaison_err
link_settle(struct link *link, int timeout_ms, struct fault *fault)
{
	const struct app *app = link->setup.app;
	int64_t until = app_monotonic(app) + timeout_ms;
	Liaison__Frame *frame = NULL;
	bool is_silent = false;

	link_ping(link);
	while (link->ponged != link->pinged) {
		int64_t left = until - app_monotonic(app);
		if (left <= 0)
			return fault_set(fault, LIAISON_UNREACHABLE, "the broker at %s did not answer in time",
				link->broker->endpoint);
		enum link_event event = link_step(link, (int)left, -1, &frame, &is_silent, fault);
		if (event == LINK_LOST)
			return fault->code;
		if (event == LINK_FRAME && !is_silent && !put_pending(link, frame))
			frame_free(frame); /* more than may wait: what was not acknowledged comes again */
	}
	return LIAISON_OK;
}
