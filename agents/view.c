#include "agents/view.h"

#include "agents/say.h"
#include "proto/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_FORMAT "%-17s  %-5s  %-18s  %-24s  "

/* --- language -------------------------------------------------------------------------------------------------------- */

/* `range` itself, or a prefix of `tag` at a hyphen. */
static bool
covers_lang(const char *range, size_t range_len, const char *tag)
{
	return strncasecmp(range, tag, range_len) == 0 && (tag[range_len] == '\0' || tag[range_len] == '-');
}

/* Looks for the wanted language, then for ever wider ones: zh-Hant-TW, zh-Hant, zh. */
static const Liaison__Text *
find_text(const Liaison__Alert *alert, const char *wanted)
{
	size_t len = strlen(wanted);

	while (len > 0) {
		for (size_t i = 0; i < alert->n_texts; i++)
			if (alert->texts[i]->lang != NULL && covers_lang(wanted, len, alert->texts[i]->lang))
				return alert->texts[i];
		while (len > 0 && wanted[--len] != '-')
			;
	}
	return NULL;
}

const Liaison__Text *
view_text(const struct view *view, const Liaison__Alert *alert)
{
	const Liaison__Text *text = NULL;

	for (size_t i = 0; text == NULL && i < view->lang_count; i++)
		text = find_text(alert, view->langs[i]);
	if (text == NULL)
		text = find_text(alert, "en");
	return text != NULL || alert->n_texts == 0 ? text : alert->texts[0];
}

const char *
view_headline(const struct view *view, const Liaison__Alert *alert)
{
	const Liaison__Text *text = view_text(view, alert);

	if (text != NULL && text->headline != NULL)
		return text->headline;
	return alert->sealed != NULL ? "(sealed)" : "(no headline)";
}

/* --- for programs ---------------------------------------------------------------------------------------------------- */

static const char *const type_names[] = {
	[ITEM_DELIVERY] = "delivery",
	[ITEM_NOTICE] = "notice",
	[ITEM_ERASED] = "erased",
	[ITEM_UNVERIFIED] = "unverified",
};

const char *
view_state_name(enum inbox_state state)
{
	switch (state) {
	case INBOX_LIVE: return "";
	case INBOX_CANCELLED: return "CANCELLED";
	case INBOX_REDACTED: return "REDACTED";
	case INBOX_SUPERSEDED: return "SUPERSEDED";
	case INBOX_ERASED: return "ERASED";
	}
	return "";
}

static void
put_alert(struct line *line, const Liaison__Alert *alert)
{
	struct buf json;

	buf_init(&json, 16U * 1024 * 1024);
	json_from_message(&alert->base, &json);
	if (buf_check(&json) == LIAISON_OK)
		line_json(line, "alert", (const char *)json.data, json.len);
	else
		line->text.failed = true;
	buf_clear(&json);
}

static void
put_reason(struct line *line, Liaison__NoticeReason reason)
{
	line_text(line, "reason", json_enum_name(&liaison__notice_reason__descriptor, (int)reason));
}

void
view_json_fields(const struct item *item, struct line *line)
{
	line_text(line, "type", type_names[item->type]);
	line_bytes(line, "epoch", item->place.epoch, sizeof item->place.epoch);
	line_number(line, "index", item->place.index);
	line_text(line, "broker", item->place.broker);
	switch (item->type) {
	case ITEM_NOTICE:
		line_text(line, "notice", view_state_name(item->ends));
		line_text(line, "id", item->id);
		put_reason(line, item->reason);
		/* fall through */
	case ITEM_DELIVERY:
		line_bool(line, "verified", true);
		if (item->is_disputed)
			line_bool(line, "disputed", true);
		put_alert(line, item->admitted.alert);
		break;
	case ITEM_ERASED:
		line_text(line, "id", item->id);
		line_bytes(line, "leafHash", item->leaf_hash.bytes, sizeof item->leaf_hash.bytes);
		put_reason(line, item->reason);
		break;
	case ITEM_UNVERIFIED:
		line_bool(line, "verified", false);
		line_text(line, "id", item->id[0] != '\0' ? item->id : NULL);
		line_text(line, "code", err_name(item->why.code));
		line_text(line, "message", item->why.message);
		break;
	}
}

void
view_json(const struct item *item, struct buf *out)
{
	struct line line;

	line_begin_object(&line);
	view_json_fields(item, &line);
	line_close(&line);
	buf_put(out, line.text.data, line.text.len);
	out->failed = out->failed || line.text.failed;
	buf_clear(&line.text);
}

void
view_progress_json(const struct view_progress *progress, struct buf *out)
{
	struct line line;

	line_begin_object(&line);
	line_text(&line, "type", "progress");
	line_bytes(&line, "epoch", progress->epoch, INBOX_EPOCH_BYTES);
	line_text(&line, "broker", progress->broker);
	line_number(&line, "urgent", progress->urgent);
	line_number(&line, "ordinary", progress->ordinary);
	line_number(&line, "size", progress->size);
	line_bool(&line, "atEnd", progress->is_at_end);
	line_close(&line);
	buf_put(out, line.text.data, line.text.len);
	buf_clear(&line.text);
}

/* --- for people ------------------------------------------------------------------------------------------------------ */

const char *
view_time(int64_t at_ms, char out[VIEW_TIME_BYTES])
{
	char text[RFC3339_BYTES];

	time_format(at_ms, text);
	if (strlen(text) < sizeof "2026-01-15T08:00" - 1)
		return strcpy(out, "out of range");
	snprintf(out, VIEW_TIME_BYTES, "%.10s %.5sZ", text, text + 11);
	return out;
}

/* Appends without control characters. */
static void
put_safe(struct buf *out, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		out->failed = true;
	else
		buf_put_text(out, text_make_safe(copy));
	free(copy);
}

static void
put_mark(struct buf *out, const char *before, const char *text)
{
	buf_put_text(out, "[");
	buf_put_text(out, before);
	put_safe(out, text);
	buf_put_text(out, "] ");
}

void
view_marks(const Liaison__Alert *alert, bool is_disputed, struct buf *out)
{
	if (alert->status != LIAISON__STATUS__STATUS_ACTUAL)
		put_mark(out, "", json_enum_name(&liaison__status__descriptor, (int)alert->status));
	if (is_disputed)
		put_mark(out, "", "DISPUTED: the key was stolen");
	if (alert->has_urgency && alert->urgency == LIAISON__URGENCY__URGENCY_IMMEDIATE)
		put_mark(out, "", "IMMEDIATE");
	if (alert->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE && alert->n_references > 0)
		put_mark(out, "UPDATE of ", alert->references[0]);
}

static void
put_colour(const struct view *view, const char *code, struct buf *out)
{
	if (view->has_colour)
		buf_put_format(out, "\033[%sm", code);
}

/* By level, as the Traffic Light Protocol has its colours; an exercise is turned around whatever its level. */
static const char *
colour_of(const Liaison__Alert *alert)
{
	if (alert->status != LIAISON__STATUS__STATUS_ACTUAL)
		return "7";
	if (alert->handling == NULL)
		return "0";
	switch (alert->handling->level) {
	case LIAISON__LEVEL__LEVEL_RED: return "31";
	case LIAISON__LEVEL__LEVEL_AMBER: return "33";
	case LIAISON__LEVEL__LEVEL_GREEN: return "32";
	default: return "0";
	}
}

const char *
view_level(const Liaison__Alert *alert)
{
	const char *name = alert->handling != NULL
				   ? json_enum_name(&liaison__level__descriptor, (int)alert->handling->level)
				   : NULL;
	return name != NULL ? name : "-";
}

static void
put_delivery(const struct view *view, const struct item *item, struct buf *out)
{
	const Liaison__Alert *alert = item->admitted.alert;
	const char *kind = json_enum_name(&liaison__kind__descriptor, (int)alert->kind);
	char at[VIEW_TIME_BYTES];

	put_colour(view, colour_of(alert), out);
	buf_put_format(
		out, LINE_FORMAT, view_time(alert->sent, at), view_level(alert), kind != NULL ? kind : "-", item->id);
	view_marks(alert, item->is_disputed, out);
	put_safe(out, view_headline(view, alert));
	put_colour(view, "0", out);
}

static void
put_ending(const struct item *item, struct buf *out)
{
	const char *reason = json_enum_name(&liaison__notice_reason__descriptor, (int)item->reason);
	const Liaison__Alert *alert = item->type == ITEM_NOTICE ? item->admitted.alert : NULL;
	char at[VIEW_TIME_BYTES] = "-";

	if (alert != NULL)
		view_time(alert->sent, at);
	buf_put_format(out, LINE_FORMAT, at, "-",
		item->type == ITEM_NOTICE ? view_state_name(item->ends) : view_state_name(INBOX_ERASED), item->id);
	if (alert != NULL) {
		view_marks(alert, item->is_disputed, out);
		buf_put_text(out, "by ");
		put_safe(out, alert->id);
	} else {
		buf_put_text(out, "the content was destroyed");
	}
	if (reason != NULL)
		buf_put_format(out, ": %s", reason);
}

void
view_line(const struct view *view, const struct item *item, struct buf *out)
{
	switch (item->type) {
	case ITEM_DELIVERY: put_delivery(view, item, out); break;
	case ITEM_NOTICE:
	case ITEM_ERASED: put_ending(item, out); break;
	case ITEM_UNVERIFIED:
		buf_put_format(out, LINE_FORMAT, "-", "-", "NOT VERIFIED", item->id[0] != '\0' ? item->id : "-");
		buf_put_format(out, "%s: ", err_name(item->why.code));
		put_safe(out, item->why.message);
		break;
	}
}

void
view_line_heading(struct buf *out)
{
	buf_put_format(out, LINE_FORMAT, "SENT", "LEVEL", "KIND", "ALERT");
	buf_put_text(out, "HEADLINE");
}
