/*
 * What a person reads: results on stdout, everything else on stderr, progress only where stderr is a terminal. Text that
 * came from outside is shown without control characters, so that an alert cannot drive the reader's terminal.
 */
#ifndef LIAISON_AGENTS_SAY_H
#define LIAISON_AGENTS_SAY_H

#include "agents/app.h"
#include "proto/base/err.h"

#include <stddef.h>

/* One line of result on stdout, a line break is added. Nothing in --json mode: there, line.h speaks. */
void say_result(const struct app *app, const char *format, ...) LIAISON_PRINTF(2, 3);

/* A note, a detail (only with -v), a warning, an error: one line on stderr. Notes and warnings fall silent with -q. */
void say_note(const struct app *app, const char *format, ...) LIAISON_PRINTF(2, 3);
void say_detail(const struct app *app, const char *format, ...) LIAISON_PRINTF(2, 3);
void say_warning(const struct app *app, const char *format, ...) LIAISON_PRINTF(2, 3);
void say_error(const struct app *app, const char *format, ...) LIAISON_PRINTF(2, 3);

/* "liaison: MESSAGE" on stderr; returns the exit code of the fault's code, so that a command ends in one line. */
int say_fault(const struct app *app, const struct fault *fault);

/* Flushes stdout: EX_IOERR, said on stderr, if what was printed did not all arrive; otherwise `exit_code`. */
int say_finish(const struct app *app, int exit_code);

/* Replaces control characters (C0, DEL, C1, and the direction overrides of Unicode) by '?' in place; returns `text`. */
char *text_make_safe(char *text);

/* "1 office", "12 offices": into `out`, which is returned. */
const char *text_count(size_t count, const char *one, const char *many, char out[64]);

/* "KH, TH and VN", cut with "and N more" where `out` is full. */
const char *text_list(const char *const *items, size_t count, char *out, size_t out_bytes);

/* --- progress ------------------------------------------------------------------------------------------------------ */

/* A line on the terminal that is redrawn at most ten times a second, and wiped by progress_end. */
struct progress {
	const struct app *app;
	const char *label; /* borrowed: "documents.jsonl" */
	uint64_t total;    /* 0: not known */
	int64_t began_ms, drawn_ms;
	bool is_drawn;
};

void progress_begin(struct progress *progress, const struct app *app, const char *label, uint64_t total);
void progress_set(struct progress *progress, uint64_t done, const char *note); /* note may be NULL */
void progress_end(struct progress *progress);

#endif
