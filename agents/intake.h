/*
 * A file or stream of alerts, one text at a time, in bounded memory: JSON Lines, or one JSON object over many lines.
 *
 * Lines are told from a single object by the name (.jsonl, .ndjson) or by the look: the first line is an object by
 * itself, or the second one begins with a brace. A line that is too long is told and passed over without being held.
 * Where the source is a file, what was read is known by offset, line and digest, so that a load can go on from there.
 */
#ifndef LIAISON_AGENTS_INTAKE_H
#define LIAISON_AGENTS_INTAKE_H

#include "proto/base/digest.h"
#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct intake;

/* How far the source has been read. */
struct intake_mark {
	uint64_t offset;      /* bytes */
	uint64_t line;        /* lines */
	struct digest digest; /* SHA-256 of these bytes */
};

/*
 * `path` "-": standard input. LIAISON_IO if it cannot be opened, LIAISON_BAD_USAGE for a folder.
 */
enum liaison_err intake_open(const char *path, struct intake **out, struct fault *fault) LIAISON_MUST_CHECK;
void intake_close(struct intake *intake); /* takes NULL */

/* Where reading would wait (not for a file), it fails as soon as `fd` is readable. */
void intake_stop_on(struct intake *intake, int fd);

/*
 * Goes on after `mark`, whose bytes are read again and compared: LIAISON_INCONSISTENT if they have changed since
 * (then it stands at its beginning again), LIAISON_IO. Only before the first intake_next.
 */
enum liaison_err intake_resume(
	struct intake *intake, const struct intake_mark *mark, struct fault *fault) LIAISON_MUST_CHECK;

/* Back to the source's beginning, after intake_resume. LIAISON_IO. */
enum liaison_err intake_rewind(struct intake *intake, struct fault *fault) LIAISON_MUST_CHECK;

enum intake_result {
	INTAKE_TEXT, /* *text, *len, *line (its first line) are set; borrowed until the next call */
	INTAKE_BAD,  /* too long: told in the fault, passed over; *line is set */
	INTAKE_END,
	INTAKE_FAILED, /* reading failed: told in the fault */
};

enum intake_result intake_next(
	struct intake *intake, const char **text, size_t *len, uint64_t *line, struct fault *fault);

/* Where it stands: everything that intake_next gave out so far is before it. */
void intake_mark(const struct intake *intake, struct intake_mark *out);

const char *intake_name(const struct intake *intake); /* for messages: the path, or "standard input" */
uint64_t intake_size(const struct intake *intake);    /* bytes; 0: not known */
bool intake_is_file(const struct intake *intake);     /* a regular file: it can be resumed */
bool intake_is_lines(const struct intake *intake);

#endif
