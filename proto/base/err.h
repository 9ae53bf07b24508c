/*
 * One error type for the whole of Liaison.
 *
 * Every function that can fail returns `enum liaison_err`, is marked LIAISON_MUST_CHECK, and sets its out-parameters on
 * success only. The first part of the list are the refusal codes of the wire (frame.proto, enum Code, has the same
 * names and numbers; a test holds them together); the second part never leaves a process.
 *
 * Where a person will read the answer, the function also takes a `struct fault *`: one code and one sentence that says
 * what is wrong, where, and what to do.
 */
#ifndef LIAISON_PROTO_BASE_ERR_H
#define LIAISON_PROTO_BASE_ERR_H

#include <stdbool.h>

#define LIAISON_MUST_CHECK __attribute__((warn_unused_result))
#define LIAISON_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum liaison_err {
	LIAISON_OK = 0,

	/* Refusals for good: sending the same again will never help. */
	LIAISON_MALFORMED = 1,
	LIAISON_TOO_LARGE = 2,
	LIAISON_BAD_SIGNATURE = 3,
	LIAISON_UNKNOWN_OFFICE = 4,
	LIAISON_NOT_PERMITTED = 5,
	LIAISON_EQUIVOCATION = 6,
	LIAISON_STALE = 7,
	LIAISON_EXPIRED = 8,
	LIAISON_BAD_REFERENCE = 9,
	LIAISON_BAD_IDENTIFIER = 10,
	LIAISON_BAD_CODE = 11,
	LIAISON_BAD_HANDLING = 12,
	LIAISON_VICTIM_IN_CLEAR = 13,
	LIAISON_UNSUPPORTED_VERSION = 14,
	LIAISON_NOT_SUPPORTED = 15,

	/* Refusals for now: the alert stays in the outbox and is sent again. */
	LIAISON_CLOCK_AHEAD = 32,
	LIAISON_RATE_LIMITED = 33,
	LIAISON_STORAGE_FULL = 34,
	LIAISON_READ_ONLY = 35,
	LIAISON_ROSTER_EXPIRED = 36,

	/* Never on the wire. */
	LIAISON_NO_MEMORY = 64,
	LIAISON_IO = 65, /* the operating system said no; the fault names call, path and errno */
	LIAISON_NOT_FOUND = 66,
	LIAISON_EXISTS = 67,
	LIAISON_CORRUPT = 68,      /* stored bytes are not what was written */
	LIAISON_BAD_CONFIG = 69,   /* configuration, keys, homes: exit 78 */
	LIAISON_BAD_USAGE = 70,    /* the command line: exit 64 */
	LIAISON_UNREACHABLE = 71,  /* no broker answers */
	LIAISON_INCONSISTENT = 72, /* a proof does not hold: a log was rewritten, forked or rolled back */
	LIAISON_BUSY = 73,         /* somebody else holds it */
	LIAISON_INTERNAL = 74,     /* our fault: exit 70 */
	LIAISON_DEFERRED = 75,     /* in the outbox, not yet accepted */
};

#define LIAISON_FAULT_BYTES 512

struct fault {
	enum liaison_err code;
	char message[LIAISON_FAULT_BYTES];
};

/* The stable name that people and programs see: "bad-signature". Never NULL. */
const char *err_name(enum liaison_err code);

/* One sentence on what the code means and what to do. Never NULL. */
const char *err_meaning(enum liaison_err code);

/* The code of that name; LIAISON_OK for a name that is not one. */
enum liaison_err err_from_name(const char *name);

/* Whether `code` may stand in a refusal frame. */
bool err_is_refusal(enum liaison_err code);

/* Whether the same alert may be sent again later (the second group above). */
bool err_is_for_now(enum liaison_err code);

/* The sysexits code of DESIGN's table that a program ends with for `code`. */
int err_exit_code(enum liaison_err code);

/*
 * The same for an alert that was read and then refused: too large is then a refusal as any other (77), where a file that is
 * too large could not be parsed (65).
 */
int err_refusal_exit(enum liaison_err code);

/*
 * Of two exit codes the one that counts when several alerts were handled: order 70 76 78 74 77 65 69 75, then
 * the greater. */
int err_worse_exit(int a, int b);

/*
 * Fills `fault` (may be NULL) and returns `code`, so that a caller writes `return fault_set(...)`. The text is cut at
 * LIAISON_FAULT_BYTES - 1 bytes, never inside a UTF-8 sequence. Whatever input it quotes, and wherever a "%.40s" cut that,
 * the message is valid UTF-8 without control characters: it may go into a frame and to a terminal.
 */
enum liaison_err fault_set(struct fault *fault, enum liaison_err code, const char *format, ...) LIAISON_PRINTF(3, 4);

/* The same for a failed system call: appends ": " and strerror(saved_errno). */
enum liaison_err fault_errno(struct fault *fault, enum liaison_err code, int saved_errno, const char *format, ...)
	LIAISON_PRINTF(4, 5);

#endif
