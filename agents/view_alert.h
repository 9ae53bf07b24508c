/* One alert in full, for people: every field that it has, text in the reader's language first. Pure. */
#ifndef LIAISON_AGENTS_VIEW_ALERT_H
#define LIAISON_AGENTS_VIEW_ALERT_H

#include "agents/view.h"

/* Lines, each with its break; no control characters from outside. Check with buf_check. */
void view_alert(const struct view *view, const Liaison__Alert *alert, bool is_disputed, struct buf *out);

/* One line "label          value". */
void view_field(struct buf *out, const char *label, const char *value);

#endif
