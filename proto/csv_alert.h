/*
 * Alerts as rows of a table, for people who work in a spreadsheet: one line an alert, the fields that a table can hold,
 * lists joined by "; ". Not all of an alert fits into a row, so that it does not convert back; JSON does. A text that a
 * spreadsheet would take for a formula gets an apostrophe in front.
 */
#ifndef LIAISON_PROTO_CSV_ALERT_H
#define LIAISON_PROTO_CSV_ALERT_H

#include "proto/alert.pb-c.h"
#include "proto/base/buf.h"

/* The line of column names. Check with buf_check. */
void csv_put_alert_header(struct buf *out);

/* The alert's row; its texts in `lang` (BCP 47), else in English, else the first. Check with buf_check. */
void csv_put_alert(struct buf *out, const Liaison__Alert *alert, const char *lang);

#endif
