#include "agents/intake.h"

#include "proto/json.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES (2 * JSON_LINE_BYTES_MAX)

struct intake {
	char *path;
	int fd, stop_fd; /* -1: none */
	bool is_file;
	bool is_stdin;
	bool is_begun; /* the form is known */
	bool is_lines;
	bool is_over; /* the source has no more */
	uint64_t size;
	char *buffer;      /* BUFFER_BYTES */
	size_t start, end; /* what was read and not given out */
	uint64_t offset, line;
	crypto_hash_sha256_state hash; /* of what was given out */
};

/* --- opening --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
open_source(struct intake *intake, const char *path, struct fault *fault)
{
	struct stat status;

	intake->is_stdin = strcmp(path, "-") == 0;
	intake->fd = intake->is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (intake->fd < 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot open %s", path);
	if (fstat(intake->fd, &status) != 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot look at %s", path);
	if (S_ISDIR(status.st_mode))
		return fault_set(fault, LIAISON_BAD_USAGE, "%s is a folder; name the files in it", path);
	intake->is_file = !intake->is_stdin && S_ISREG(status.st_mode);
	intake->size = S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
	return LIAISON_OK;
}

enum liaison_err
intake_open(const char *path, struct intake **out, struct fault *fault)
{
	struct intake *intake = calloc(1, sizeof *intake);

	if (intake != NULL) {
		intake->fd = intake->stop_fd = -1;
		intake->path = strdup(path);
		intake->buffer = malloc(BUFFER_BYTES);
		crypto_hash_sha256_init(&intake->hash);
	}
	if (intake == NULL || intake->path == NULL || intake->buffer == NULL) {
		intake_close(intake);
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	enum liaison_err err = open_source(intake, path, fault);
	if (err != LIAISON_OK) {
		intake_close(intake);
		return err;
	}
	*out = intake;
	return LIAISON_OK;
}

void
intake_close(struct intake *intake)
{
	if (intake == NULL)
		return;
	if (intake->fd >= 0 && !intake->is_stdin)
		close(intake->fd);
	free(intake->buffer);
	free(intake->path);
	free(intake);
}

void
intake_stop_on(struct intake *intake, int fd)
{
	intake->stop_fd = fd;
}

/* --- bytes ----------------------------------------------------------------------------------------------------------- */

/* Waits until there is something to read. False, with errno: told to stop. */
static bool
await_bytes(const struct intake *intake)
{
	struct pollfd items[] = {{.fd = intake->fd, .events = POLLIN}, {.fd = intake->stop_fd, .events = POLLIN}};

	if (intake->stop_fd < 0 || intake->is_file)
		return true;
	while (poll(items, 2, -1) < 0 && errno == EINTR)
		;
	errno = ECANCELED;
	return items[1].revents == 0;
}

/* One read more behind what is there, which moves to the front first. False: reading failed. */
static bool
fill(struct intake *intake)
{
	if (intake->start > 0) {
		memmove(intake->buffer, intake->buffer + intake->start, intake->end - intake->start);
		intake->end -= intake->start;
		intake->start = 0;
	}
	while (!intake->is_over && intake->end < BUFFER_BYTES) {
		if (!await_bytes(intake))
			return false;
		ssize_t got = read(intake->fd, intake->buffer + intake->end, BUFFER_BYTES - intake->end);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return false;
		intake->is_over = got == 0;
		intake->end += (size_t)got;
		break;
	}
	return true;
}

/* `len` bytes are given out. */
static void
give_out(struct intake *intake, size_t len)
{
	crypto_hash_sha256_update(&intake->hash, (const unsigned char *)intake->buffer + intake->start, len);
	intake->start += len;
	intake->offset += len;
}

static bool
is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r' && text[i] != '\n')
			return false;
	return true;
}

/* --- which form ------------------------------------------------------------------------------------------------------ */

static bool
has_ending(const char *path, const char *ending)
{
	size_t len = strlen(path), tail = strlen(ending);
	return len >= tail && strcmp(path + len - tail, ending) == 0;
}

/* Whether braces and brackets close exactly at the end of the line: an object by itself, as far as that shows. */
static bool
is_closed(const char *text, size_t len)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			depth++;
		} else if (c == '}' || c == ']') {
			if (depth == 0)
				return false;
			depth--;
		}
	}
	return depth == 0 && !in_string;
}

/* Whether what is there shows lines; not yet is no. */
static bool
looks_like_lines(const struct intake *intake)
{
	const char *text = intake->buffer + intake->start;
	size_t len = intake->end - intake->start;
	size_t seen = 0;

	if (has_ending(intake->path, ".jsonl") || has_ending(intake->path, ".ndjson"))
		return true;
	while (len > 0 && seen < 2) {
		const char *newline = memchr(text, '\n', len);
		size_t line = newline != NULL ? (size_t)(newline - text) : len;
		size_t next = newline != NULL ? line + 1 : len;
		if (!is_blank(text, line)) {
			if (seen == 0 && is_closed(text, line) && (newline != NULL || intake->is_over))
				return true;
			if (seen == 1 && text[0] == '{')
				return true;
			seen++;
		}
		text += next;
		len -= next;
	}
	return intake->end - intake->start == BUFFER_BYTES; /* more than one alert can be: at best lines */
}

static bool
begin(struct intake *intake)
{
	static const char mark[] = "\xef\xbb\xbf";

	do {
		if (!fill(intake))
			return false;
		intake->is_lines = looks_like_lines(intake);
	} while (!intake->is_over && !intake->is_lines);
	intake->is_begun = true;
	if (intake->offset == 0 && intake->end - intake->start >= 3 &&
		memcmp(intake->buffer + intake->start, mark, 3) == 0)
		give_out(intake, 3);
	return true;
}

/* --- going on where it stood ----------------------------------------------------------------------------------------- */

enum liaison_err
intake_rewind(struct intake *intake, struct fault *fault)
{
	if (lseek(intake->fd, 0, SEEK_SET) != 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot read %s again", intake->path);
	intake->is_begun = intake->is_lines = intake->is_over = false;
	intake->start = intake->end = 0;
	intake->offset = intake->line = 0;
	crypto_hash_sha256_init(&intake->hash);
	return LIAISON_OK;
}

enum liaison_err
intake_resume(struct intake *intake, const struct intake_mark *mark, struct fault *fault)
{
	struct digest digest;

	if (intake->size < mark->offset)
		return fault_set(
			fault, LIAISON_INCONSISTENT, "%s is shorter than what was taken in of it", intake->path);
	if (!begin(intake))
		return fault_errno(fault, LIAISON_IO, errno, "cannot read %s", intake->path);
	while (intake->offset < mark->offset) {
		if (intake->start == intake->end && (!fill(intake) || intake->start == intake->end))
			return fault_errno(fault, LIAISON_IO, errno, "cannot read %s", intake->path);
		uint64_t left = mark->offset - intake->offset;
		size_t here = intake->end - intake->start;
		give_out(intake, here < left ? here : (size_t)left);
	}
	struct intake_mark now;
	intake_mark(intake, &now);
	digest = now.digest;
	if (!digest_equal(&digest, &mark->digest)) {
		enum liaison_err err = intake_rewind(intake, fault);
		return err != LIAISON_OK
			       ? err
			       : fault_set(fault, LIAISON_INCONSISTENT,
					 "%s was changed in its first %llu lines, which were taken in already",
					 intake->path, (unsigned long long)mark->line);
	}
	intake->line = mark->line;
	return LIAISON_OK;
}

/* --- giving out ------------------------------------------------------------------------------------------------------ */

/* The rest of a line that does not fit is passed over. */
static enum intake_result
pass_long_line(struct intake *intake, uint64_t *line, struct fault *fault)
{
	uint64_t bytes = 0;

	*line = ++intake->line;
	for (;;) {
		const char *from = intake->buffer + intake->start;
		size_t len = intake->end - intake->start;
		const char *newline = memchr(from, '\n', len);
		size_t step = newline != NULL ? (size_t)(newline - from) + 1 : len;
		bytes += step;
		give_out(intake, step);
		if (newline != NULL)
			break;
		if (!fill(intake)) {
			fault_errno(fault, LIAISON_IO, errno, "cannot read %s", intake->path);
			return INTAKE_FAILED;
		}
		if (intake->start == intake->end)
			break;
	}
	fault_set(fault, LIAISON_TOO_LARGE,
		"the line has %llu bytes, no alert needs more than %d; write one alert a line, without attachments",
		(unsigned long long)bytes, JSON_LINE_BYTES_MAX);
	return INTAKE_BAD;
}

static enum intake_result
next_line(struct intake *intake, const char **text, size_t *len, uint64_t *line, struct fault *fault)
{
	for (;;) {
		const char *from = intake->buffer + intake->start;
		size_t here = intake->end - intake->start;
		const char *newline = memchr(from, '\n', here);
		if (newline == NULL && !intake->is_over && here <= JSON_LINE_BYTES_MAX) {
			if (!fill(intake)) {
				fault_errno(fault, LIAISON_IO, errno, "cannot read %s", intake->path);
				return INTAKE_FAILED;
			}
			continue;
		}
		size_t length = newline != NULL ? (size_t)(newline - from) : here;
		if (newline == NULL && here == 0)
			return INTAKE_END;
		if (length > JSON_LINE_BYTES_MAX)
			return pass_long_line(intake, line, fault);
		intake->line++;
		give_out(intake, newline != NULL ? length + 1 : length);
		if (is_blank(from, length))
			continue;
		*text = from;
		*len = length;
		*line = intake->line;
		return INTAKE_TEXT;
	}
}

static enum intake_result
next_whole(struct intake *intake, const char **text, size_t *len, uint64_t *line)
{
	const char *from = intake->buffer + intake->start;
	size_t here = intake->end - intake->start;
	uint64_t lines = 1;

	if (is_blank(from, here))
		return INTAKE_END;
	for (size_t i = 0; i < here; i++)
		lines += from[i] == '\n';
	*text = from;
	*len = here;
	*line = intake->line + 1;
	intake->line += lines;
	give_out(intake, here);
	return INTAKE_TEXT;
}

enum intake_result
intake_next(struct intake *intake, const char **text, size_t *len, uint64_t *line, struct fault *fault)
{
	if (!intake->is_begun && !begin(intake)) {
		fault_errno(fault, LIAISON_IO, errno, "cannot read %s", intake_name(intake));
		return INTAKE_FAILED;
	}
	return intake->is_lines ? next_line(intake, text, len, line, fault) : next_whole(intake, text, len, line);
}

void
intake_mark(const struct intake *intake, struct intake_mark *out)
{
	crypto_hash_sha256_state hash = intake->hash;

	out->offset = intake->offset;
	out->line = intake->line;
	crypto_hash_sha256_final(&hash, out->digest.bytes);
}

const char *
intake_name(const struct intake *intake)
{
	return intake->is_stdin ? "standard input" : intake->path;
}

uint64_t
intake_size(const struct intake *intake)
{
	return intake->size;
}

bool
intake_is_file(const struct intake *intake)
{
	return intake->is_file;
}

bool
intake_is_lines(const struct intake *intake)
{
	return intake->is_lines;
}
