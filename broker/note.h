/*
 * The broker's log lines: one line an event on standard error, `level=info event=alert-accepted office=kh.blo.poipet
 * index=42`. Event names are stable. Never an alert's content, never a key. A level that is off costs a comparison.
 * Any thread may call.
 */
#ifndef LIAISON_BROKER_NOTE_H
#define LIAISON_BROKER_NOTE_H

#include "proto/base/err.h"

enum note_level { NOTE_ERROR, NOTE_WARNING, NOTE_INFO, NOTE_DEBUG };

void note_set_level(enum note_level level);
bool note_is_on(enum note_level level);

/*
 * `format` makes "key=value key=value"; a value that may hold blanks or anything from outside goes through
 * note_quote() first. Under systemd (JOURNAL_STREAM) the line begins with <priority> and has no time of its own.
 */
void note(enum note_level level, const char *event, const char *format, ...) LIAISON_PRINTF(3, 4);

/* A value in double quotes with control characters, quotes and backslashes escaped, cut at 200 bytes; `out` holds 256. */
const char *note_quote(const char *text, char out[256]);

#endif
