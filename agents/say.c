#include "agents/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#define PROGRESS_EVERY_MS 100

/* Whatever a progress line has left on the terminal, so that the next line is whole. */
static void
wipe_progress(const struct app *app)
{
	if (app->has_progress && app->verbosity > VERBOSITY_QUIET)
		fputs("\r\033[K", stderr);
}

LIAISON_PRINTF(3, 0)
static void
say_to_stderr(const struct app *app, const char *prefix, const char *format, va_list args)
{
	char text[4096];

	wipe_progress(app);
	vsnprintf(text, sizeof text, format, args);
	fprintf(stderr, "%s%s\n", prefix, text_make_safe(text));
}

void
say_result(const struct app *app, const char *format, ...)
{
	va_list args;

	if (app->json)
		return;
	wipe_progress(app);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void
say_note(const struct app *app, const char *format, ...)
{
	va_list args;

	if (app->verbosity <= VERBOSITY_QUIET)
		return;
	va_start(args, format);
	say_to_stderr(app, "", format, args);
	va_end(args);
}

void
say_detail(const struct app *app, const char *format, ...)
{
	va_list args;

	if (app->verbosity < VERBOSITY_DETAILS)
		return;
	va_start(args, format);
	say_to_stderr(app, "", format, args);
	va_end(args);
}

void
say_warning(const struct app *app, const char *format, ...)
{
	va_list args;

	if (app->verbosity <= VERBOSITY_QUIET)
		return;
	va_start(args, format);
	say_to_stderr(app, "warning: ", format, args);
	va_end(args);
}

void
say_error(const struct app *app, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_to_stderr(app, "liaison: ", format, args);
	va_end(args);
}

int
say_fault(const struct app *app, const struct fault *fault)
{
	say_error(app, "%s", fault->message);
	return err_exit_code(fault->code);
}

int
say_finish(const struct app *app, int exit_code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_code;
	say_error(app, "could not write all of the result: %s", strerror(errno));
	return err_worse_exit(exit_code, EX_IOERR);
}

char *
text_make_safe(char *text)
{
	unsigned char *at = (unsigned char *)text;

	for (; *at != '\0'; at++) {
		if ((*at < 0x20 && *at != '\t') || *at == 0x7f)
			*at = '?';
		else if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at[0] = at[1] = '?'; /* C1 */
		else if (at[0] == 0xe2 && ((at[1] == 0x80 && at[2] >= 0xaa && at[2] <= 0xae) ||
						  (at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9)))
			at[0] = at[1] = at[2] = '?'; /* direction overrides and isolates */
	}
	return text;
}

const char *
text_count(size_t count, const char *one, const char *many, char out[64])
{
	snprintf(out, 64, "%zu %s", count, count == 1 ? one : many);
	return out;
}

const char *
text_list(const char *const *items, size_t count, char *out, size_t out_bytes)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		const char *joint = i == 0 ? "" : i + 1 == count ? " and " : ", ";
		if (used + strlen(joint) + strlen(items[i]) + sizeof " and 18446744073709551615 more" > out_bytes) {
			snprintf(out + used, out_bytes - used, " and %zu more", count - i);
			break;
		}
		used += (size_t)snprintf(out + used, out_bytes - used, "%s%s", joint, items[i]);
	}
	return out;
}

void
progress_begin(struct progress *progress, const struct app *app, const char *label, uint64_t total)
{
	*progress = (struct progress){.app = app, .label = label, .total = total, .began_ms = app_monotonic(app)};
}

void
progress_set(struct progress *progress, uint64_t done, const char *note)
{
	const struct app *app = progress->app;
	int64_t now = app_monotonic(app);
	char share[32] = "";

	if (!app->has_progress || app->verbosity <= VERBOSITY_QUIET || now - progress->drawn_ms < PROGRESS_EVERY_MS)
		return;
	progress->drawn_ms = now;
	progress->is_drawn = true;
	double seconds = (double)(now - progress->began_ms) / 1000.0;
	if (progress->total > 0)
		snprintf(share, sizeof share, " of %" PRIu64 " (%.0f%%)", progress->total,
			100.0 * (double)done / (double)progress->total);
	fprintf(stderr, "\r\033[K%s: %" PRIu64 "%s, %.0f/s%s%s", progress->label, done, share,
		seconds > 0 ? (double)done / seconds : 0.0, note != NULL ? ", " : "", note != NULL ? note : "");
	fflush(stderr);
}

void
progress_end(struct progress *progress)
{
	if (progress->is_drawn)
		fputs("\r\033[K", stderr);
	progress->is_drawn = false;
}
