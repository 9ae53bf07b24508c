/*
 * What was delivered, as people and programs see it: one line of JSON (DESIGN, "Feeds, as a program meets them") or one
 * line of text. Pure: nothing is printed here. Text that came from outside is shown without control characters.
 */
#ifndef LIAISON_AGENTS_VIEW_H
#define LIAISON_AGENTS_VIEW_H

#include "agents/item.h"
#include "agents/line.h"
#include "proto/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct view {
	char *const *langs; /* the reader's languages, best first */
	size_t lang_count;
	bool has_colour;
};

/*
 * The text to show: in the reader's language, else English, else the first; NULL where the alert has none. Languages
 * match as BCP 47 lookup does it (RFC 4647 section 3.4), and a reader of `zh` also reads `zh-Hant`.
 */
const Liaison__Text *view_text(const struct view *view, const Liaison__Alert *alert);

/* The headline of that text, or a few words in its place (sealed, none given). Never NULL. */
const char *view_headline(const struct view *view, const Liaison__Alert *alert);

/* What every reader must see beside a headline: "[EXERCISE] [DISPUTED] ", or "". */
void view_marks(const Liaison__Alert *alert, bool is_disputed, struct buf *out);

/* "CANCELLED" of an inbox state; "" for a live one. */
const char *view_state_name(enum inbox_state state);

/* The fields of its JSON object into a line that is open. */
void view_json_fields(const struct item *item, struct line *line);
/* One JSON object, no line break. Check with buf_check. */
void view_json(const struct item *item, struct buf *out);

/* How far the log was searched. */
struct view_progress {
	const char *broker;
	const uint8_t *epoch; /* INBOX_EPOCH_BYTES */
	uint64_t urgent, ordinary;
	uint64_t size; /* of the log, by its newest checkpoint */
	bool is_at_end;
};
void view_progress_json(const struct view_progress *progress, struct buf *out);

/* One line for people, without a line break: sent, level, kind, id, marks and headline. */
void view_line(const struct view *view, const struct item *item, struct buf *out);
/* The level's name, "-" where there is none. */
const char *view_level(const Liaison__Alert *alert);
/* The headings over such lines. */
void view_line_heading(struct buf *out);

/* An instant as people read it, "2026-01-15 08:00Z"; `out` has room for VIEW_TIME_BYTES. */
#define VIEW_TIME_BYTES 24
const char *view_time(int64_t at_ms, char out[VIEW_TIME_BYTES]);

#endif
