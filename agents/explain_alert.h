/* Why an office may or may not see an alert, rule by rule: the second half of `liaison explain`. */
#ifndef LIAISON_AGENTS_EXPLAIN_ALERT_H
#define LIAISON_AGENTS_EXPLAIN_ALERT_H

#include "agents/app.h"

/*
 * `id` is in the inbox, or is this office's own; `office` NULL: this office. Returns the exit code: EX_OK where it may,
 * 1 where it may not.
 */
int explain_alert(struct app *app, const char *id, const char *office);

#endif
