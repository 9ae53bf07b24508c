/* `liaison show`: one alert in full, verified once more, and what has become of it. */
#include "agents/agent.h"
#include "agents/commands.h"
#include "agents/inbox.h"
#include "agents/kept.h"
#include "agents/line.h"
#include "agents/outbox.h"
#include "agents/own_end.h"
#include "agents/say.h"
#include "agents/view_alert.h"
#include "proto/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define TEXT_BYTES_MAX (4U * 1024 * 1024)

struct show_options {
	const char *id;
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct show_options *chosen = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (chosen->id != NULL)
			argp_error(state, "one alert id at a time");
		chosen->id = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->id == NULL)
			argp_error(state, "say which alert: kh.blo.poipet/42");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.parser = read_option,
	.args_doc = "ID",
	.doc = "Show one alert of the inbox, or of this office's own, in full: verified once more, with what has "
	       "become of "
	       "it.\v"
	       "Examples:\n"
	       "  liaison show kh.blo.poipet/42\n"
	       "  liaison show kh.blo.poipet/42 --json",
};

struct showing {
	struct app *app;
	struct agent agent;
	struct view view;
	const char *id;
	struct own_end end; /* of an own alert, by this office's own words */
	bool is_bad;        /* something did not verify */
};

/* --- from the inbox -------------------------------------------------------------------------------------------------- */

static const char *
reason_name(Liaison__NoticeReason reason)
{
	return reason != 0 ? json_enum_name(&liaison__notice_reason__descriptor, (int)reason) : NULL;
}

static void
put_state(enum inbox_state state, Liaison__NoticeReason reason, struct buf *out)
{
	char text[64];

	if (state == INBOX_LIVE)
		return;
	snprintf(text, sizeof text, "%s%s%s", view_state_name(state), reason != 0 ? ": " : "",
		reason != 0 ? reason_name(reason) : "");
	view_field(out, "STATE", text);
}

static void
put_position(const struct inbox_row *row, struct buf *out)
{
	char text[320], at[RFC3339_BYTES];

	time_format(row->received_at, at);
	snprintf(text, sizeof text, "record %" PRIu64 " of %s, received %s", row->place.index, row->place.broker, at);
	view_field(out, "log", text);
	put_state(row->state, row->reason, out);
}

static void
print(const struct showing *showing, struct buf *text)
{
	if (!showing->app->json && buf_check(text) == LIAISON_OK)
		fwrite(text->data, 1, text->len, stdout);
}

static enum liaison_err
print_item(const struct showing *showing, const struct inbox_row *row, const struct item *item, struct fault *fault)
{
	struct buf text;
	struct line line;

	buf_init(&text, TEXT_BYTES_MAX);
	if (item->has_body) {
		view_alert(&showing->view, item->admitted.alert, item->is_disputed, &text);
		buf_put_u8(&text, '\n');
	}
	if (item->type == ITEM_UNVERIFIED) {
		view_field(&text, "NOT VERIFIED", item->why.message);
	} else {
		char key[OFFICE_ID_BYTES + 16];
		snprintf(key, sizeof key, "signed by %s", item->admitted.facts->id.office.text);
		view_field(&text, "verified", key);
	}
	put_position(row, &text);
	print(showing, &text);
	buf_clear(&text);
	line_begin(&line, showing->app);
	view_json_fields(item, &line);
	line_time(&line, "receivedAt", row->received_at);
	line_text(&line, "state", row->state != INBOX_LIVE ? view_state_name(row->state) : NULL);
	if (item->type != ITEM_NOTICE)
		line_text(&line, "reason", reason_name(row->reason));
	return line_end(&line, fault);
}

static enum liaison_err
show_row(void *arg, const struct inbox_row *received, struct fault *fault)
{
	struct showing *showing = arg;
	struct inbox_row with_end = *received;
	const struct inbox_row *row = &with_end;
	const struct item_context context = {.trust = showing->agent.trust,
		.office = showing->agent.home->office.text,
		.crossings = showing->agent.crossings,
		.now = app_now(showing->app),
		.was_released = true};
	Liaison__DeliveryItem wire = LIAISON__DELIVERY_ITEM__INIT;
	struct item item;

	if (received->state == INBOX_LIVE) {
		with_end.state = showing->end.state;
		with_end.reason = showing->end.reason;
	}
	if (row->envelope == NULL) {
		say_result(showing->app, "%s was erased%s%s; nothing of its content is kept", row->id,
			row->reason != 0 ? ": " : "", row->reason != 0 ? reason_name(row->reason) : "");
		item = (struct item){
			.type = ITEM_ERASED, .place = row->place, .leaf_hash = row->leaf_hash, .reason = row->reason};
		snprintf(item.id, sizeof item.id, "%s", row->id);
		struct line line;
		line_begin(&line, showing->app);
		view_json_fields(&item, &line);
		return line_end(&line, fault);
	}
	wire.envelope = liaison__envelope__unpack(NULL, row->envelope_len, row->envelope);
	wire.disputed = row->is_disputed;
	enum liaison_err err = item_judge(&context, &row->place, &wire, &item);
	if (err == LIAISON_OK) {
		showing->is_bad = item.type == ITEM_UNVERIFIED;
		err = print_item(showing, row, &item, fault);
		item_clear(&item);
	}
	if (wire.envelope != NULL)
		liaison__envelope__free_unpacked(wire.envelope, NULL);
	return err;
}

/* --- from the outbox ------------------------------------------------------------------------------------------------- */

static void
put_outbox_state(const struct outbox_row *row, struct buf *out)
{
	char text[LIAISON_FAULT_BYTES + 128];

	switch (row->state) {
	case OUTBOX_ACCEPTED:
		snprintf(text, sizeof text, "accepted by %s, record %" PRIu64, row->broker != NULL ? row->broker : "?",
			row->index);
		break;
	case OUTBOX_REFUSED: snprintf(text, sizeof text, "refused: %s: %s", err_name(row->code), row->message); break;
	case OUTBOX_QUEUED: snprintf(text, sizeof text, "in the outbox, not yet accepted"); break;
	case OUTBOX_DROPPED: snprintf(text, sizeof text, "dropped by this office"); break;
	}
	view_field(out, "outbox", text);
}

static enum liaison_err
show_own(void *arg, const struct outbox_row *row, struct fault *fault)
{
	static const char *const states[] = {[OUTBOX_QUEUED] = "QUEUED",
		[OUTBOX_REFUSED] = "REFUSED",
		[OUTBOX_ACCEPTED] = "ACCEPTED",
		[OUTBOX_DROPPED] = "DROPPED"};
	struct showing *showing = arg;
	struct kept kept = {0};
	struct buf text, json;
	struct line line;

	if (row->body == NULL)
		return fault_set(fault, LIAISON_NOT_FOUND, "%s was dropped from the outbox; its content is not kept",
			showing->id);
	enum liaison_err err =
		kept_from_body(showing->id, row->body, row->body_len, showing->agent.crossings, &kept, fault);
	if (err != LIAISON_OK)
		return err;
	buf_init(&text, TEXT_BYTES_MAX);
	buf_init(&json, TEXT_BYTES_MAX);
	view_alert(&showing->view, kept.admitted.alert, false, &text);
	buf_put_u8(&text, '\n');
	put_outbox_state(row, &text);
	put_state(showing->end.state, showing->end.reason, &text);
	if (showing->end.state != INBOX_LIVE)
		view_field(&text, "by", showing->end.by);
	print(showing, &text);
	json_from_message(&kept.admitted.alert->base, &json);
	line_begin(&line, showing->app);
	line_text(&line, "type", "own");
	line_text(&line, "state", states[row->state]);
	if (row->state == OUTBOX_ACCEPTED) {
		line_text(&line, "broker", row->broker);
		line_bytes(&line, "epoch", row->epoch, sizeof row->epoch);
		line_number(&line, "index", row->index);
	}
	line_json(&line, "alert", (const char *)json.data, json.len);
	if (showing->end.state != INBOX_LIVE) {
		line_text(&line, "ended", view_state_name(showing->end.state));
		line_text(&line, "reason", reason_name(showing->end.reason));
		line_text(&line, "by", showing->end.by);
	}
	err = line_end(&line, fault);
	buf_clear(&text);
	buf_clear(&json);
	kept_clear(&kept);
	return err;
}

/* --- what refers to it ----------------------------------------------------------------------------------------------- */

static enum liaison_err
tell_about(void *arg, const struct inbox_row *row, struct fault *fault)
{
	const struct showing *showing = arg;
	const char *message = json_enum_name(&liaison__message_type__descriptor, (int)row->message);

	(void)fault;
	say_result(showing->app, "%-20s %s", message != NULL ? message : "?", row->id);
	return LIAISON_OK;
}

static enum liaison_err
show(struct showing *showing, struct fault *fault)
{
	struct alert_id id;

	enum liaison_err err = alert_id_parse(showing->id, &id, fault);
	if (err != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_USAGE, "`%s` is no alert id such as kh.blo.poipet/42", showing->id);
	bool is_own = !id.is_reply && office_id_equal(&id.office, &showing->agent.home->office);
	if (is_own)
		err = own_end_find(showing->agent.post, &id, &showing->end, fault);
	if (err == LIAISON_OK)
		err = inbox_find(showing->agent.post, showing->id, show_row, showing, fault);
	if (err == LIAISON_NOT_FOUND && is_own)
		err = outbox_find(showing->agent.post, id.sequence, show_own, showing, fault);
	if (err == LIAISON_NOT_FOUND)
		return fault_set(fault, LIAISON_NOT_FOUND,
			"%s is neither in the inbox nor in the outbox; `liaison feed` receives what this office may "
			"see",
			showing->id);
	return err == LIAISON_OK ? inbox_each_about(showing->agent.post, showing->id, tell_about, showing, fault) : err;
}

int
command_show(struct app *app, int argc, char **argv)
{
	struct show_options chosen = {0};
	struct showing showing = {.app = app};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	showing.id = chosen.id;
	enum liaison_err err = agent_open(app, AGENT_POST | AGENT_TRUST | AGENT_CROSSINGS, &showing.agent, &fault);
	if (err == LIAISON_OK) {
		showing.view = (struct view){.langs = showing.agent.home->langs,
			.lang_count = showing.agent.home->lang_count,
			.has_colour = app->has_colour};
		err = show(&showing, &fault);
	}
	agent_close(&showing.agent);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	return showing.is_bad ? EX_DATAERR : EX_OK;
}
