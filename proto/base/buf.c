#include "proto/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
buf_init(struct buf *buf, size_t max)
{
	assert(max < SIZE_MAX / 4);
	*buf = (struct buf){.max = max};
}

void
buf_clear(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->max);
}

void
buf_reset(struct buf *buf)
{
	buf->len = 0;
	buf->failed = buf->too_large = false;
}

uint8_t *
buf_extend(struct buf *buf, size_t len)
{
	if (buf->failed)
		return NULL;
	if (len > buf->max - buf->len) {
		buf->failed = buf->too_large = true;
		return NULL;
	}
	/* One byte to spare, for the NUL that vsnprintf writes. */
	if (buf->len + len >= buf->cap) {
		size_t cap = buf->cap < 256 ? 256 : buf->cap;
		while (cap <= buf->len + len)
			cap = cap > buf->max / 2 ? buf->max + 1 : cap * 2;
		uint8_t *data = realloc(buf->data, cap);
		if (data == NULL) {
			buf->failed = true;
			return NULL;
		}
		buf->data = data;
		buf->cap = cap;
	}
	uint8_t *at = buf->data + buf->len;
	buf->len += len;
	return at;
}

void
buf_put(struct buf *buf, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	uint8_t *at = buf_extend(buf, len);
	if (at != NULL)
		memcpy(at, bytes, len);
}

void
buf_put_text(struct buf *buf, const char *text)
{
	buf_put(buf, text, strlen(text));
}

void
buf_put_format(struct buf *buf, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	uint8_t *at = len < 0 ? NULL : buf_extend(buf, (size_t)len);
	if (at != NULL)
		vsnprintf((char *)at, (size_t)len + 1, format, again);
	else
		buf->failed = true;
	va_end(again);
}

void
buf_put_u8(struct buf *buf, uint8_t value)
{
	buf_put(buf, &value, 1);
}

static void
put_be(struct buf *buf, uint64_t value, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
	buf_put(buf, bytes, len);
}

void
buf_put_be16(struct buf *buf, uint16_t value)
{
	put_be(buf, value, 2);
}

void
buf_put_be32(struct buf *buf, uint32_t value)
{
	put_be(buf, value, 4);
}

void
buf_put_be64(struct buf *buf, uint64_t value)
{
	put_be(buf, value, 8);
}

enum liaison_err
buf_check(const struct buf *buf)
{
	if (!buf->failed)
		return LIAISON_OK;
	return buf->too_large ? LIAISON_TOO_LARGE : LIAISON_NO_MEMORY;
}

void
reader_init(struct reader *reader, const void *bytes, size_t len)
{
	*reader = (struct reader){.at = bytes, .left = len};
}

const uint8_t *
reader_take(struct reader *reader, size_t len)
{
	if (reader->failed || len > reader->left) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *at = reader->at;
	if (len > 0) /* an empty reader's `at` may be NULL */
		reader->at += len;
	reader->left -= len;
	return at;
}

void
reader_copy(struct reader *reader, void *out, size_t len)
{
	const uint8_t *at = reader_take(reader, len);

	if (at != NULL)
		memcpy(out, at, len);
	else
		memset(out, 0, len);
}

static uint64_t
read_be(struct reader *reader, size_t len)
{
	const uint8_t *at = reader_take(reader, len);
	uint64_t value = 0;

	for (size_t i = 0; at != NULL && i < len; i++)
		value = value << 8 | at[i];
	return value;
}

uint8_t
reader_u8(struct reader *reader)
{
	return (uint8_t)read_be(reader, 1);
}

uint16_t
reader_be16(struct reader *reader)
{
	return (uint16_t)read_be(reader, 2);
}

uint32_t
reader_be32(struct reader *reader)
{
	return (uint32_t)read_be(reader, 4);
}

uint64_t
reader_be64(struct reader *reader)
{
	return read_be(reader, 8);
}

struct blob *
blob_new(const void *bytes, size_t len)
{
	struct blob *blob = len < SIZE_MAX - sizeof *blob ? malloc(sizeof *blob + len) : NULL;

	if (blob == NULL)
		return NULL;
	atomic_init(&blob->refs, 1);
	blob->len = len;
	if (bytes != NULL && len > 0)
		memcpy(blob->data, bytes, len);
	return blob;
}

struct blob *
blob_ref(struct blob *blob)
{
	unsigned before = atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
	assert(before > 0);
	return blob;
}

void
blob_unref(struct blob *blob)
{
	if (blob != NULL && atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) == 1)
		free(blob);
}
