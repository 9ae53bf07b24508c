#include "proto/edge/docfile.h"

#include "proto/base/message.h"
#include "proto/edge/file.h"
#include "proto/scan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNED_BYTES_MAX FRAME_BYTES_MAX
#define FIRST_LINE_BYTES_MAX 64

static const char *const first_lines[] = {
	[DOCFILE_CHARTER] = "liaison charter v1\n",
	[DOCFILE_ROSTER] = "liaison roster v1\n",
	[DOCFILE_CARD] = "liaison card v1\n",
	[DOCFILE_SUSPENSION] = "liaison suspension v1\n",
	[DOCFILE_CHARTERS] = "liaison charters v1\n",
};
#define DOCFILE_TYPES (sizeof first_lines / sizeof first_lines[0])

static const enum docfile_type docfile_types[] = {
	[DOCUMENT_CHARTER] = DOCFILE_CHARTER,
	[DOCUMENT_ROSTER] = DOCFILE_ROSTER,
	[DOCUMENT_CARD] = DOCFILE_CARD,
	[DOCUMENT_SUSPENSION] = DOCFILE_SUSPENSION,
};

static const char *
docfile_name(enum docfile_type type)
{
	return type == DOCFILE_CHARTERS ? "file of charters" : document_type_name((enum document_type)type);
}
_Static_assert((int)DOCFILE_CHARTER == (int)DOCUMENT_CHARTER && (int)DOCFILE_ROSTER == (int)DOCUMENT_ROSTER &&
		       (int)DOCFILE_CARD == (int)DOCUMENT_CARD && (int)DOCFILE_SUSPENSION == (int)DOCUMENT_SUSPENSION,
	"docfile_name relies on it");

/* --- first lines ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
first_line_find(const char *path, const void *bytes, size_t len, enum docfile_type *type, struct fault *fault)
{
	for (size_t i = 0; i < DOCFILE_TYPES; i++)
		if (len >= strlen(first_lines[i]) && memcmp(bytes, first_lines[i], strlen(first_lines[i])) == 0) {
			*type = (enum docfile_type)i;
			return LIAISON_OK;
		}
	return fault_set(fault, LIAISON_MALFORMED, "%s is not a charter, roster, card or suspension of Liaison", path);
}

enum liaison_err
docfile_look(const char *path, enum docfile_type *type, struct fault *fault)
{
	struct buf bytes;

	buf_init(&bytes, DOCFILE_CHARTERS_BYTES_MAX);
	enum liaison_err err = file_read(path, FILE_ANY, &bytes, fault);
	if (err == LIAISON_OK)
		err = first_line_find(path, bytes.data, bytes.len, type, fault);
	buf_clear(&bytes);
	return err;
}

/* The file whole in `bytes`, its first line checked; `start` is where the message begins. */
static enum liaison_err
docfile_open(const char *path, enum docfile_type type, struct buf *bytes, size_t *start, struct fault *fault)
{
	enum docfile_type found;
	enum liaison_err err = file_read(path, FILE_ANY, bytes, fault);

	if (err == LIAISON_OK)
		err = first_line_find(path, bytes->data, bytes->len, &found, fault);
	if (err != LIAISON_OK)
		return err;
	if (found != type)
		return fault_set(fault, LIAISON_MALFORMED, "%s is a %s; a %s is wanted here", path, docfile_name(found),
			docfile_name(type));
	*start = strlen(first_lines[type]);
	return LIAISON_OK;
}

/* "PATH: sentence", for what a check without a path said. */
static enum liaison_err
fault_name_path(struct fault *fault, enum liaison_err err, const char *path)
{
	struct fault inner;

	if (fault == NULL)
		return err;
	inner = *fault;
	return fault_set(fault, err, "%s: %s", path, inner.message);
}

/* --- one document --------------------------------------------------------------------------------------------------- */

static enum liaison_err
signed_unpack(const char *path, enum document_type type, const uint8_t *bytes, size_t len, Liaison__Signed **out,
	struct fault *fault)
{
	enum liaison_err err = scan_frame(&liaison__signed__descriptor, bytes, len, fault);

	if (err != LIAISON_OK)
		return fault_name_path(fault, err, path);
	Liaison__Signed *signed_message = liaison__signed__unpack(NULL, len, bytes);
	if (signed_message == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	err = document_scan(type, signed_message, fault);
	if (err != LIAISON_OK) {
		liaison__signed__free_unpacked(signed_message, NULL);
		return fault_name_path(fault, err, path);
	}
	*out = signed_message;
	return LIAISON_OK;
}

enum liaison_err
docfile_read(const char *path, enum document_type type, Liaison__Signed **out, struct fault *fault)
{
	struct buf bytes;
	size_t start;

	buf_init(&bytes, SIGNED_BYTES_MAX + FIRST_LINE_BYTES_MAX);
	enum liaison_err err = docfile_open(path, docfile_types[type], &bytes, &start, fault);
	if (err == LIAISON_OK)
		err = signed_unpack(path, type, bytes.data + start, bytes.len - start, out, fault);
	buf_clear(&bytes);
	return err;
}

/* Whether the file holds these very bytes already. */
static bool
is_saved(const char *path, const struct buf *bytes)
{
	struct buf saved;
	struct fault why;

	buf_init(&saved, DOCFILE_CHARTERS_BYTES_MAX);
	bool is_same = file_read(path, FILE_ANY, &saved, &why) == LIAISON_OK && saved.len == bytes->len &&
		       memcmp(saved.data, bytes->data, bytes->len) == 0;
	buf_clear(&saved);
	return is_same;
}

static enum liaison_err
message_write(const char *path, enum docfile_type type, const ProtobufCMessage *message, struct fault *fault)
{
	struct buf bytes;

	buf_init(&bytes, DOCFILE_CHARTERS_BYTES_MAX);
	buf_put_text(&bytes, first_lines[type]);
	message_pack(message, &bytes);
	enum liaison_err err = buf_check(&bytes);
	if (err != LIAISON_OK)
		fault_set(fault, err, "the %s is too large for %s, or memory is out", docfile_name(type), path);
	else if (!is_saved(path, &bytes))
		err = file_replace(path, bytes.data, bytes.len, 0644, fault);
	buf_clear(&bytes);
	return err;
}

enum liaison_err
docfile_write(const char *path, enum document_type type, const Liaison__Signed *signed_message, struct fault *fault)
{
	return message_write(path, docfile_types[type], &signed_message->base, fault);
}

/* --- the chain ------------------------------------------------------------------------------------------------------ */

enum liaison_err
docfile_read_charters(const char *path, Liaison__CharterChain **out, struct fault *fault)
{
	Liaison__CharterChain *chain = NULL;
	struct buf bytes;
	size_t start;

	buf_init(&bytes, DOCFILE_CHARTERS_BYTES_MAX);
	enum liaison_err err = docfile_open(path, DOCFILE_CHARTERS, &bytes, &start, fault);
	if (err != LIAISON_OK)
		goto out;
	/* Two levels of messages that hold bytes: nothing here can nest or multiply beyond the file's length. */
	chain = liaison__charter_chain__unpack(NULL, bytes.len - start, bytes.data + start);
	if (chain == NULL) {
		err = fault_set(fault, LIAISON_MALFORMED, "%s is damaged; get the charters again", path);
		goto out;
	}
	for (size_t i = 0; err == LIAISON_OK && i < chain->n_charters; i++)
		err = document_scan(DOCUMENT_CHARTER, chain->charters[i], fault);
	if (err != LIAISON_OK) {
		liaison__charter_chain__free_unpacked(chain, NULL);
		fault_name_path(fault, err, path);
		goto out;
	}
	*out = chain;
out:
	buf_clear(&bytes);
	return err;
}

enum liaison_err
docfile_write_charters(const char *path, const struct trust *trust, struct fault *fault)
{
	Liaison__CharterChain chain = LIAISON__CHARTER_CHAIN__INIT;
	size_t count = trust_charter_count(trust);

	chain.charters = calloc(count + 1, sizeof(Liaison__Signed *));
	if (chain.charters == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const Liaison__Signed *charter = trust_signed_charter(trust, i);
		memcpy(&chain.charters[i], &charter, sizeof charter);
	}
	chain.n_charters = count;
	enum liaison_err err = message_write(path, DOCFILE_CHARTERS, &chain.base, fault);
	free(chain.charters);
	return err;
}
