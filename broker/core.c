/* What every step of the core needs: the time, and the one place where refusals are told, logged and audited. */
#include "broker/core.h"

#include "broker/note.h"

int64_t
core_now(const struct core *core)
{
	return core->clock->now_ms(core->clock->arg);
}

int64_t
core_monotonic(const struct core *core)
{
	return core->clock->monotonic_ms(core->clock->arg);
}

void
core_set_read_only(struct core *core, const char *why)
{
	char quoted[256];

	if (core->is_read_only)
		return;
	core->is_read_only = true;
	note(NOTE_ERROR, "read-only", "why=%s", note_quote(why, quoted));
}

void
audit_refusal(struct core *core, const char *office, enum liaison_err code, const char *alert_id,
	const struct digest *body_hash, const char *reason)
{
	struct audit_row row = {.at = core_now(core),
		.office = office,
		.code = code,
		.alert_id = alert_id,
		.body_hash = body_hash,
		.reason = reason};
	struct fault fault = {.message = ""};
	char quoted[256];

	note(NOTE_INFO, "refused", "office=%s code=%s alert=%s", office, err_name(code), alert_id ? alert_id : "-");
	if (store_audit(core->store, &row, &fault) != LIAISON_OK)
		note(NOTE_ERROR, "audit-failed", "message=%s", note_quote(fault.message, quoted));
}

void
core_refuse(struct core *core, struct session *session, uint32_t request, enum liaison_err code, const char *sentence)
{
	Liaison__Refusal refusal = LIAISON__REFUSAL__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	refusal.has_request = refusal.has_code = 1;
	refusal.request = request;
	refusal.code = (Liaison__Code)code;
	refusal.message = (char *)(uintptr_t)sentence;
	frame.frame_case = LIAISON__FRAME__FRAME_REFUSAL;
	frame.refusal = &refusal;
	audit_refusal(core, session->office.text, code, NULL, NULL, sentence);
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "refusal-not-sent", "office=%s", session->office.text);
}
