#include "broker/note.h"

#include "proto/base/time.h"
#include "proto/base/utf8.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe takes this much in one piece (PIPE_BUF), so lines of two threads never mix. */
#define LINE_BYTES 2048
#define QUOTE_BYTES 256
#define QUOTE_TEXT_BYTES 200

static atomic_int highest = NOTE_INFO;
static pthread_once_t journal_once = PTHREAD_ONCE_INIT;
static bool is_journal;

static const struct {
	const char *name;
	int priority; /* syslog's, sd-daemon(3) */
} levels[] = {
	[NOTE_ERROR] = {"error", 3},
	[NOTE_WARNING] = {"warning", 4},
	[NOTE_INFO] = {"info", 6},
	[NOTE_DEBUG] = {"debug", 7},
};

void
note_set_level(enum note_level level)
{
	atomic_store_explicit(&highest, (int)level, memory_order_relaxed);
}

bool
note_is_on(enum note_level level)
{
	return (int)level <= atomic_load_explicit(&highest, memory_order_relaxed);
}

/* $JOURNAL_STREAM survives a redirection, so it counts only if it names what standard error is (systemd.exec(5)). */
static void
look_for_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char *colon;
	struct stat st;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
		return;
	unsigned long long device = strtoull(stream, &colon, 10);
	is_journal = *colon == ':' && st.st_dev == (dev_t)device && st.st_ino == (ino_t)strtoull(colon + 1, NULL, 10);
}

static bool
is_control(unsigned char byte)
{
	return byte < 0x20 || byte == 0x7f;
}

void
note(enum note_level level, const char *event, const char *format, ...)
{
	char line[LINE_BYTES];
	char at[RFC3339_BYTES];
	size_t used;
	va_list args;

	if (!note_is_on(level))
		return;
	pthread_once(&journal_once, look_for_journal);
	/* The last byte is kept for the newline. */
	if (is_journal) {
		used = (size_t)snprintf(line, sizeof line - 1, "<%d>level=%s event=%s ", levels[level].priority,
			levels[level].name, event);
	} else {
		const struct clock *clock = clock_system();
		time_format(clock->now_ms(clock->arg), at);
		used = (size_t)snprintf(
			line, sizeof line - 1, "time=%s level=%s event=%s ", at, levels[level].name, event);
	}
	if (used < sizeof line - 1) {
		va_start(args, format);
		(void)vsnprintf(line + used, sizeof line - 1 - used, format, args);
		va_end(args);
	}
	used = strlen(line);
	/* Whatever a caller forgot to quote, one event stays one line. */
	for (size_t i = 0; i < used; i++)
		if (is_control((unsigned char)line[i]))
			line[i] = '?';
	line[used++] = '\n';
	/* A log that cannot be written must not stop the broker; there is nobody left to tell. */
	ssize_t written;
	do
		written = write(STDERR_FILENO, line, used);
	while (written < 0 && errno == EINTR);
}

/* How many bytes at `text` may be shown as they are: one printable character, or 0. */
static size_t
printable_bytes(const unsigned char *text, size_t len)
{
	if (text[0] < 0x80)
		return is_control(text[0]) || text[0] == '"' || text[0] == '\\' ? 0 : 1;
	size_t width = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
	if (width > len || utf8_valid_bytes(text, width) != width)
		return 0;
	/* C1 controls drive terminals; these others break lines or turn the direction of what follows. */
	if (text[0] == 0xc2 && text[1] < 0xa0)
		return 0;
	if (text[0] == 0xe2 && text[1] == 0x80 && text[2] >= 0xa8 && text[2] <= 0xae)
		return 0;
	if (text[0] == 0xe2 && text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9)
		return 0;
	return width;
}

const char *
note_quote(const char *text, char out[QUOTE_BYTES])
{
	const unsigned char *from = (const unsigned char *)(text == NULL ? "" : text);
	size_t left = strnlen((const char *)from, QUOTE_BYTES);
	size_t used = 0;

	out[used++] = '"';
	while (left > 0 && used < QUOTE_TEXT_BYTES) {
		size_t width = printable_bytes(from, left);
		if (width > 0) {
			memcpy(out + used, from, width);
			used += width;
		} else {
			width = 1;
			if (*from == '"' || *from == '\\')
				used += (size_t)snprintf(out + used, QUOTE_BYTES - used, "\\%c", *from);
			else
				used += (size_t)snprintf(out + used, QUOTE_BYTES - used, "\\x%02x", *from);
		}
		from += width;
		left -= width;
	}
	snprintf(out + used, QUOTE_BYTES - used, "%s\"", left > 0 ? "..." : "");
	return out;
}
