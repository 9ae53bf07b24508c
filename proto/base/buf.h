/*
 * Bytes: a growing writer with a written maximum, a bounded reader whose error sticks, and a counted immutable blob.
 *
 * All bytes that come from outside are read through `struct reader`, all that are put together go through `struct buf`.
 * Both keep a failure until asked, so that code reads straight down and checks once. Big-endian everywhere.
 */
#ifndef LIAISON_PROTO_BASE_BUF_H
#define LIAISON_PROTO_BASE_BUF_H

#include "proto/base/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* --- writer ------------------------------------------------------------------------------------------------------ */

struct buf {
	uint8_t *data; /* owned */
	size_t len;
	size_t cap;
	size_t max;     /* never grows past this many bytes */
	bool failed;    /* a write did not happen, nor any after it */
	bool too_large; /* ... because `max` would have been passed */
};

void buf_init(struct buf *buf, size_t max); /* max is a constant of the program, far below SIZE_MAX (assert) */
void buf_clear(struct buf *buf);            /* frees; the buf may be initialised again */
void buf_reset(struct buf *buf);            /* empties, keeps the memory, forgets a failure */

/* Room for `len` more bytes, counted as written; NULL (and `failed`) if they do not fit. */
uint8_t *buf_extend(struct buf *buf, size_t len);
void buf_put(struct buf *buf, const void *bytes, size_t len);
void buf_put_text(struct buf *buf, const char *text); /* without its NUL */
void buf_put_format(struct buf *buf, const char *format, ...) LIAISON_PRINTF(2, 3);
void buf_put_u8(struct buf *buf, uint8_t value);
void buf_put_be16(struct buf *buf, uint16_t value);
void buf_put_be32(struct buf *buf, uint32_t value);
void buf_put_be64(struct buf *buf, uint64_t value);

/* LIAISON_OK, or LIAISON_NO_MEMORY / LIAISON_TOO_LARGE if any write since the last reset failed. */
enum liaison_err buf_check(const struct buf *buf) LIAISON_MUST_CHECK;

/* --- reader ------------------------------------------------------------------------------------------------------ */

struct reader {
	const uint8_t *at; /* borrowed */
	size_t left;
	bool failed; /* a read went past the end; every later read returns zeros */
};

void reader_init(struct reader *reader, const void *bytes, size_t len);
/* The next `len` bytes, still inside the source; NULL if there are fewer (or none, of an empty source). */
const uint8_t *reader_take(struct reader *reader, size_t len);
void reader_copy(struct reader *reader, void *out, size_t len); /* zeros `out` on failure */
uint8_t reader_u8(struct reader *reader);
uint16_t reader_be16(struct reader *reader);
uint32_t reader_be32(struct reader *reader);
uint64_t reader_be64(struct reader *reader);

/* --- counted blob ------------------------------------------------------------------------------------------------ */

/* Immutable once shared. Freed when the last holder lets go; safe from any thread. */
struct blob {
	atomic_uint refs;
	size_t len;
	uint8_t data[];
};

struct blob *blob_new(
	const void *bytes, size_t len); /* bytes may be NULL: contents undefined, for the caller to fill */
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob); /* takes NULL */

#endif
