#include "proto/base/err.h"

#include "proto/base/utf8.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct err_row {
	enum liaison_err code;
	int exit_code;
	const char *name;
	const char *meaning;
};

static const struct err_row err_rows[] = {
	{LIAISON_OK, EX_OK, "ok", "Done."},
	{LIAISON_MALFORMED, EX_DATAERR, "malformed",
		"The bytes are not a well-formed message in canonical form; correct the program that made them."},
	{LIAISON_TOO_LARGE, EX_DATAERR, "too-large", "The alert or frame is over its limit; shorten it or split it."},
	{LIAISON_BAD_SIGNATURE, EX_DATAERR, "bad-signature",
		"The signature does not belong to these bytes, this network and a key of this office that is valid "
		"now."},
	{LIAISON_UNKNOWN_OFFICE, EX_NOPERM, "unknown-office",
		"No roster that the broker holds names this office; ask the authority to enrol it."},
	{LIAISON_NOT_PERMITTED, EX_NOPERM, "not-permitted",
		"The roster does not give this office the right; ask the authority to change the roster."},
	{LIAISON_EQUIVOCATION, EX_NOPERM, "equivocation",
		"Another body was already accepted under this id; both are kept as evidence. Publish under a new "
		"number."},
	{LIAISON_STALE, EX_NOPERM, "stale", "The alert was signed more than 30 days ago; publish it anew."},
	{LIAISON_EXPIRED, EX_NOPERM, "expired",
		"The alert's expiry is not ahead, or is further ahead than its kind allows; set another expiry."},
	{LIAISON_BAD_REFERENCE, EX_NOPERM, "bad-reference",
		"The alert refers to one that the broker does not hold or that is not this office's to change."},
	{LIAISON_BAD_IDENTIFIER, EX_NOPERM, "bad-identifier",
		"A document, MRZ or container number fails its check digit or form, or is not this country's to "
		"report."},
	{LIAISON_BAD_CODE, EX_NOPERM, "bad-code",
		"A country, crossing or code is not known, or a field that the kind needs is missing or not allowed."},
	{LIAISON_BAD_HANDLING, EX_NOPERM, "bad-handling",
		"Handling level, distribution and rights do not fit together; the level says more: `liaison explain "
		"--code RED`."},
	{LIAISON_VICTIM_IN_CLEAR, EX_NOPERM, "victim-in-clear",
		"Something about a protected person would travel readable; take it out, or send it sealed."},
	{LIAISON_UNSUPPORTED_VERSION, EX_PROTOCOL, "unsupported-version",
		"The other side does not know this frame or protocol version; update the older program."},
	{LIAISON_NOT_SUPPORTED, EX_NOPERM, "not-supported", "This version of Liaison does not do this yet."},
	{LIAISON_CLOCK_AHEAD, EX_TEMPFAIL, "clock-ahead",
		"The alert's time is more than 5 minutes ahead of the broker's; set this computer's clock."},
	{LIAISON_RATE_LIMITED, EX_TEMPFAIL, "rate-limited",
		"More than this office's share per second; sent again later."},
	{LIAISON_STORAGE_FULL, EX_TEMPFAIL, "storage-full",
		"The broker's disk is at its floor; its operator must make room. Sent again later."},
	{LIAISON_READ_ONLY, EX_TEMPFAIL, "read-only",
		"The broker accepts nothing until its operator has looked at its log. Sent again later."},
	{LIAISON_ROSTER_EXPIRED, EX_TEMPFAIL, "roster-expired",
		"The country's roster has expired; its authority must sign a new one. Sent again later."},
	{LIAISON_NO_MEMORY, EX_IOERR, "no-memory", "Out of memory."},
	{LIAISON_IO, EX_IOERR, "io", "The operating system refused to read or write."},
	{LIAISON_NOT_FOUND, EX_DATAERR, "not-found", "There is no such thing here."},
	{LIAISON_EXISTS, EX_CONFIG, "exists", "It is there already and would be overwritten."},
	{LIAISON_CORRUPT, EX_DATAERR, "corrupt", "Stored bytes are not what was written."},
	{LIAISON_BAD_CONFIG, EX_CONFIG, "bad-config", "Configuration, keys or home are not in order."},
	{LIAISON_BAD_USAGE, EX_USAGE, "bad-usage", "The command line is not understood."},
	{LIAISON_UNREACHABLE, EX_UNAVAILABLE, "unreachable", "No broker answers."},
	{LIAISON_INCONSISTENT, EX_DATAERR, "inconsistent",
		"The broker's log does not continue the one that was seen before; tell its operator and keep this "
		"message."},
	{LIAISON_BUSY, EX_UNAVAILABLE, "busy", "Another program holds it."},
	{LIAISON_INTERNAL, EX_SOFTWARE, "internal", "A fault in Liaison itself; please report it."},
	{LIAISON_DEFERRED, EX_TEMPFAIL, "deferred", "Safe in the outbox, not yet accepted."},
};

#define ERR_ROWS (sizeof err_rows / sizeof err_rows[0])

static const struct err_row *
err_row(enum liaison_err code)
{
	for (size_t i = 0; i < ERR_ROWS; i++)
		if (err_rows[i].code == code)
			return &err_rows[i];
	return NULL;
}

const char *
err_name(enum liaison_err code)
{
	const struct err_row *row = err_row(code);
	return row ? row->name : "unknown-code";
}

const char *
err_meaning(enum liaison_err code)
{
	const struct err_row *row = err_row(code);
	return row ? row->meaning : "A code that this version does not know.";
}

enum liaison_err
err_from_name(const char *name)
{
	for (size_t i = 0; i < ERR_ROWS; i++)
		if (strcmp(err_rows[i].name, name) == 0)
			return err_rows[i].code;
	return LIAISON_OK;
}

bool
err_is_refusal(enum liaison_err code)
{
	return code != LIAISON_OK && (int)code < (int)LIAISON_NO_MEMORY && err_row(code) != NULL;
}

bool
err_is_for_now(enum liaison_err code)
{
	return err_is_refusal(code) && (int)code >= (int)LIAISON_CLOCK_AHEAD;
}

int
err_exit_code(enum liaison_err code)
{
	const struct err_row *row = err_row(code);
	return row ? row->exit_code : EX_SOFTWARE;
}

int
err_refusal_exit(enum liaison_err code)
{
	return code == LIAISON_TOO_LARGE ? EX_NOPERM : err_exit_code(code);
}

int
err_worse_exit(int a, int b)
{
	static const int order[] = {
		EX_SOFTWARE, EX_PROTOCOL, EX_CONFIG, EX_IOERR, EX_NOPERM, EX_DATAERR, EX_UNAVAILABLE, EX_TEMPFAIL};

	for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a > b ? a : b;
}

/* Drops a UTF-8 sequence that vsnprintf cut in the middle. */
static void
trim_partial_utf8(char *text)
{
	size_t len = strlen(text);
	size_t start = len;

	while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xc0) == 0x80)
		start--;
	if (start == 0)
		return;
	unsigned char lead = (unsigned char)text[start - 1];
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	if (len - (start - 1) < want)
		text[start - 1] = '\0';
}

enum liaison_err
fault_set(struct fault *fault, enum liaison_err code, const char *format, ...)
{
	va_list args;

	if (fault == NULL)
		return code;
	fault->code = code;
	va_start(args, format);
	vsnprintf(fault->message, sizeof fault->message, format, args);
	va_end(args);
	trim_partial_utf8(fault->message);
	utf8_make_shown(fault->message);
	return code;
}

enum liaison_err
fault_errno(struct fault *fault, enum liaison_err code, int saved_errno, const char *format, ...)
{
	va_list args;

	if (fault == NULL)
		return code;
	fault->code = code;
	va_start(args, format);
	int used = vsnprintf(fault->message, sizeof fault->message, format, args);
	va_end(args);
	if (used >= 0 && (size_t)used < sizeof fault->message)
		snprintf(fault->message + used, sizeof fault->message - (size_t)used, ": %s", strerror(saved_errno));
	trim_partial_utf8(fault->message);
	utf8_make_shown(fault->message);
	return code;
}
