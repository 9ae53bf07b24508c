/* What every step of the core needs: the time, and the one place where refusals are told, logged and audited. */
#include "broker/core.h"

#include "broker/note.h"

#include <string.h>

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

/*
 * What of a refusal's sentence may be kept: the place ("subjects[0].document.number") and not the value that stood there,
 * which the sentence quotes for its author. A sentence without a place is the broker's own and says nothing of content.
 */
static void
reason_without_content(const char *sentence, char out[128])
{
	size_t len = strspn(sentence, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.[]");

	if (sentence[len] != ':' || len >= 128)
		len = 0;
	memcpy(out, sentence, len);
	out[len] = '\0';
}

void
audit_refusal(struct core *core, const char *office, enum liaison_err code, const char *alert_id,
	const struct digest *body_hash, const char *reason)
{
	char place[128];
	struct audit_row row = {.at = core_now(core),
		.office = office,
		.code = code,
		.alert_id = alert_id,
		.body_hash = body_hash,
		.reason = place};
	struct fault fault = {.message = ""};
	char quoted[256];

	reason_without_content(reason, place);
	note(NOTE_INFO, "refused", "office=%s code=%s alert=%s", office, err_name(code), alert_id ? alert_id : "-");
	if (store_audit(core->store, &row, &fault) != LIAISON_OK)
		note(NOTE_ERROR, "audit-failed", "message=%s", note_quote(fault.message, quoted));
}

enum liaison_err
core_spend(struct core *core, const struct session *session, uint32_t cost, struct fault *fault)
{
	enum liaison_err err = rate_take(core->rate, &session->office, cost, 0, core_monotonic(core));

	if (err != LIAISON_OK)
		fault_set(fault, err, "%s asks for more than it may in a second; ask again in a second",
			session->office.text);
	return err;
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
