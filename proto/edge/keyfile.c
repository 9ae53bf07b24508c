#include "proto/edge/keyfile.h"

#include "proto/edge/file.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LINE "liaison secret keys v1"
#define KDF_NAME "argon2id13"
#define SECRETS_BYTES_MAX (64 + 32 + 32 + 64)
#define BASE64 sodium_base64_VARIANT_ORIGINAL
#define BASE64_BYTES_MAX 512

static const char *const owner_names[] = {
	[KEYS_SIGNER] = "signer",
	[KEYS_OFFICE] = "office",
	[KEYS_BROKER] = "broker",
};

/* Guarded memory for one load or save: nothing secret stands anywhere else. */
struct workspace {
	char text[KEYFILE_BYTES_MAX + 1];
	size_t text_len;
	uint8_t secrets[SECRETS_BYTES_MAX];
	uint8_t box[SECRETS_BYTES_MAX + crypto_secretbox_MACBYTES];
	uint8_t box_key[crypto_secretbox_KEYBYTES];
	char passphrase[PASSPHRASE_BYTES];
	char base64[BASE64_BYTES_MAX];
};

static enum liaison_err
workspace_new(struct workspace **out, struct fault *fault)
{
	struct workspace *work = sodium_init() < 0 ? NULL : sodium_malloc(sizeof *work);

	if (work == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory that can be locked for secret keys");
	sodium_memzero(work, sizeof *work);
	*out = work;
	return LIAISON_OK;
}

/* --- the secrets one after the other -------------------------------------------------------------------------------- */

static size_t
secrets_len(enum keys_owner owner)
{
	return 64 + (keys_have_transport(owner) ? 64 : 0) + (keys_have_checkpoint(owner) ? 64 : 0);
}

struct secret_part {
	const char *name;
	size_t len;
	enum keys_owner least; /* the first owner that has it */
};

static const struct secret_part parts[] = {
	{"signing", 64, KEYS_SIGNER},
	{"transport", 32, KEYS_OFFICE},
	{"sealing", 32, KEYS_OFFICE},
	{"checkpoint", 64, KEYS_BROKER},
};
#define PARTS (sizeof parts / sizeof parts[0])

static void
secrets_from_keys(const struct secret_keys *keys, uint8_t out[SECRETS_BYTES_MAX])
{
	memcpy(out, keys->signing, 64);
	memcpy(out + 64, keys->transport, 32);
	memcpy(out + 96, keys->sealing, 32);
	memcpy(out + 128, keys->checkpoint, 64);
}

static enum liaison_err
keys_from_secrets(enum keys_owner owner, const uint8_t secrets[SECRETS_BYTES_MAX], struct secret_keys **out)
{
	struct secret_keys *keys = secret_keys_blank(owner);

	if (keys == NULL)
		return LIAISON_NO_MEMORY;
	memcpy(keys->signing, secrets, 64);
	if (keys_have_transport(owner)) {
		memcpy(keys->transport, secrets + 64, 32);
		memcpy(keys->sealing, secrets + 96, 32);
	}
	if (keys_have_checkpoint(owner))
		memcpy(keys->checkpoint, secrets + 128, 64);
	enum liaison_err err = secret_keys_derive_public(keys);
	if (err != LIAISON_OK) {
		secret_keys_free(keys);
		return err;
	}
	*out = keys;
	return LIAISON_OK;
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

/* The text cannot pass its bound: all fields are short and counted. */
LIAISON_PRINTF(2, 3)
static void
put(struct workspace *work, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(work->text + work->text_len, sizeof work->text - work->text_len, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < sizeof work->text - work->text_len)
		work->text_len += (size_t)n;
}

static void
put_base64(struct workspace *work, const char *name, const uint8_t *bytes, size_t len)
{
	sodium_bin2base64(work->base64, sizeof work->base64, bytes, len, BASE64);
	put(work, "%s: %s\n", name, work->base64);
}

static void
put_secrets(struct workspace *work, enum keys_owner owner)
{
	const uint8_t *at = work->secrets;

	for (size_t i = 0; i < PARTS; at += parts[i].len, i++)
		if (owner >= parts[i].least)
			put_base64(work, parts[i].name, at, parts[i].len);
}

static enum liaison_err
box_key_derive(struct workspace *work, const uint8_t salt[crypto_pwhash_SALTBYTES], unsigned long long operations,
	size_t memory, struct fault *fault)
{
	if (crypto_pwhash(work->box_key, sizeof work->box_key, work->passphrase, strlen(work->passphrase), salt,
		    operations, memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return fault_set(fault, LIAISON_NO_MEMORY, "the passphrase needs %zu MiB of memory to be worked out",
			memory >> 20);
	return LIAISON_OK;
}

static enum liaison_err
put_box(struct workspace *work, enum keys_owner owner, const char *passphrase, struct fault *fault)
{
	uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES];
	size_t len = secrets_len(owner);

	if (strlen(passphrase) < PASSPHRASE_LEAST_BYTES || strlen(passphrase) >= PASSPHRASE_BYTES)
		return fault_set(fault, LIAISON_BAD_USAGE, "a passphrase has %d to %d bytes; take several words",
			PASSPHRASE_LEAST_BYTES, PASSPHRASE_BYTES - 1);
	strcpy(work->passphrase, passphrase);
	randombytes_buf(salt, sizeof salt);
	randombytes_buf(nonce, sizeof nonce);
	enum liaison_err err = box_key_derive(work, salt, KEYFILE_OPERATIONS, KEYFILE_MEMORY_BYTES, fault);
	if (err != LIAISON_OK)
		return err;
	crypto_secretbox_easy(work->box, work->secrets, len, nonce, work->box_key);
	put(work, "kdf: %s\noperations: %d\nmemory: %d\n", KDF_NAME, KEYFILE_OPERATIONS, KEYFILE_MEMORY_BYTES);
	put_base64(work, "salt", salt, sizeof salt);
	put_base64(work, "nonce", nonce, sizeof nonce);
	put_base64(work, "box", work->box, len + crypto_secretbox_MACBYTES);
	return LIAISON_OK;
}

static bool
name_is_valid(const char *name)
{
	size_t len = strnlen(name, KEYFILE_NAME_BYTES);

	if (len < 1 || len >= KEYFILE_NAME_BYTES)
		return false;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] == 0x7f)
			return false;
	return true;
}

typedef enum liaison_err write_fn(const char *path, const void *bytes, size_t len, mode_t mode, struct fault *fault);

static enum liaison_err
keyfile_write(const char *path, const struct secret_keys *keys, const char *name, const char *passphrase,
	write_fn *write_file, struct fault *fault)
{
	struct workspace *work = NULL;

	if (!name_is_valid(name))
		return fault_set(fault, LIAISON_BAD_USAGE, "keys need a name of 1 to %d bytes without blanks",
			KEYFILE_NAME_BYTES - 1);
	enum liaison_err err = workspace_new(&work, fault);
	if (err != LIAISON_OK)
		return err;
	secrets_from_keys(keys, work->secrets);
	put(work, "%s\nowner: %s\nname: %s\n", FIRST_LINE, owner_names[keys->owner], name);
	if (passphrase != NULL)
		err = put_box(work, keys->owner, passphrase, fault);
	else
		put_secrets(work, keys->owner);
	if (err == LIAISON_OK)
		err = write_file(path, work->text, work->text_len, 0600, fault);
	sodium_free(work);
	return err;
}

enum liaison_err
keyfile_create(
	const char *path, const struct secret_keys *keys, const char *name, const char *passphrase, struct fault *fault)
{
	return keyfile_write(path, keys, name, passphrase, file_create, fault);
}

enum liaison_err
keyfile_replace(
	const char *path, const struct secret_keys *keys, const char *name, const char *passphrase, struct fault *fault)
{
	return keyfile_write(path, keys, name, passphrase, file_replace, fault);
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

/* The rest of the text that is still to be read, line by line. */
struct lines {
	const char *path;
	char *at;
	unsigned number; /* of the line that was read last */
	struct fault *fault;
};

static enum liaison_err
lines_fault(const struct lines *lines, const char *what)
{
	return fault_set(lines->fault, LIAISON_BAD_CONFIG,
		"%s, line %u: %s; restore the file from its copy or make new keys", lines->path, lines->number, what);
}

/* The value of a line "NAME: VALUE", its end cut off in place. */
static enum liaison_err
lines_take(struct lines *lines, const char *name, char **value)
{
	char *line = lines->at, *end = strchr(line, '\n');
	size_t len = strlen(name);
	char what[64];

	lines->number++;
	snprintf(what, sizeof what, "\"%s: ...\" should stand here", name);
	if (end == NULL || strncmp(line, name, len) != 0 || line[len] != ':' || line[len + 1] != ' ')
		return lines_fault(lines, what);
	*end = '\0';
	lines->at = end + 1;
	*value = line + len + 2;
	return LIAISON_OK;
}

static enum liaison_err
lines_take_base64(struct lines *lines, const char *name, uint8_t *out, size_t len)
{
	char *value;
	size_t got;
	enum liaison_err err = lines_take(lines, name, &value);

	if (err != LIAISON_OK)
		return err;
	if (sodium_base642bin(out, len, value, strlen(value), NULL, &got, NULL, BASE64) != 0 || got != len)
		return lines_fault(lines, "the value is not base64 of the right length");
	return LIAISON_OK;
}

static enum liaison_err
lines_take_number(struct lines *lines, const char *name, unsigned long least, unsigned long most, unsigned long *out)
{
	char *value, *end;
	enum liaison_err err = lines_take(lines, name, &value);

	if (err != LIAISON_OK)
		return err;
	unsigned long number = strtoul(value, &end, 10);
	if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < least || number > most)
		return lines_fault(lines, "the number is out of its range");
	*out = number;
	return LIAISON_OK;
}

static enum liaison_err
read_head(struct lines *lines, struct keyfile_info *info)
{
	char *value;
	size_t len = strlen(FIRST_LINE);

	lines->number = 1;
	if (strncmp(lines->at, FIRST_LINE "\n", len + 1) != 0)
		return fault_set(lines->fault, LIAISON_BAD_CONFIG,
			"%s is not a file of secret keys (\"%s\" should be its first line)", lines->path, FIRST_LINE);
	lines->at += len + 1;
	enum liaison_err err = lines_take(lines, "owner", &value);
	if (err != LIAISON_OK)
		return err;
	for (info->owner = KEYS_SIGNER; strcmp(owner_names[info->owner], value) != 0; info->owner++)
		if (info->owner == KEYS_BROKER)
			return lines_fault(lines, "the owner is not signer, office or broker");
	err = lines_take(lines, "name", &value);
	if (err == LIAISON_OK && !name_is_valid(value))
		err = lines_fault(lines, "the name is empty, too long or has blanks");
	if (err != LIAISON_OK)
		return err;
	strcpy(info->name, value);
	info->has_passphrase = strncmp(lines->at, "kdf:", 4) == 0;
	return LIAISON_OK;
}

static enum liaison_err
read_secrets(struct lines *lines, enum keys_owner owner, struct workspace *work)
{
	enum liaison_err err = LIAISON_OK;
	uint8_t *at = work->secrets;

	for (size_t i = 0; err == LIAISON_OK && i < PARTS; at += parts[i].len, i++)
		if (owner >= parts[i].least)
			err = lines_take_base64(lines, parts[i].name, at, parts[i].len);
	return err;
}

static enum liaison_err
read_box(struct lines *lines, enum keys_owner owner, const struct passphrase_source *source, struct workspace *work)
{
	uint8_t salt[crypto_pwhash_SALTBYTES], nonce[crypto_secretbox_NONCEBYTES];
	unsigned long operations, memory;
	size_t len = secrets_len(owner) + crypto_secretbox_MACBYTES;
	char *value;
	enum liaison_err err = lines_take(lines, "kdf", &value);

	if (err == LIAISON_OK && strcmp(value, KDF_NAME) != 0)
		err = lines_fault(lines, "the key derivation is not argon2id13");
	if (err == LIAISON_OK)
		err = lines_take_number(lines, "operations", 1, KEYFILE_OPERATIONS_MAX, &operations);
	if (err == LIAISON_OK)
		err = lines_take_number(lines, "memory", crypto_pwhash_MEMLIMIT_MIN, KEYFILE_MEMORY_BYTES_MAX, &memory);
	if (err == LIAISON_OK)
		err = lines_take_base64(lines, "salt", salt, sizeof salt);
	if (err == LIAISON_OK)
		err = lines_take_base64(lines, "nonce", nonce, sizeof nonce);
	if (err == LIAISON_OK)
		err = lines_take_base64(lines, "box", work->box, len);
	if (err == LIAISON_OK && source == NULL)
		err = fault_set(lines->fault, LIAISON_BAD_CONFIG,
			"%s has a passphrase and nobody can be asked for it here", lines->path);
	if (err == LIAISON_OK)
		err = source->ask(source->arg, lines->path, work->passphrase, lines->fault);
	if (err == LIAISON_OK)
		err = box_key_derive(work, salt, operations, memory, lines->fault);
	if (err == LIAISON_OK && crypto_secretbox_open_easy(work->secrets, work->box, len, nonce, work->box_key) != 0)
		err = fault_set(
			lines->fault, LIAISON_BAD_CONFIG, "that is not the passphrase of %s; try again", lines->path);
	return err;
}

static enum liaison_err
keyfile_open(
	const char *path, struct workspace **work, struct lines *lines, struct keyfile_info *info, struct fault *fault)
{
	enum liaison_err err = workspace_new(work, fault);

	if (err != LIAISON_OK)
		return err;
	err = file_read_into(path, FILE_SECRET, (*work)->text, KEYFILE_BYTES_MAX, &(*work)->text_len, fault);
	if (err == LIAISON_TOO_LARGE)
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s is too large to be a file of secret keys", path);
	*lines = (struct lines){.path = path, .at = (*work)->text, .fault = fault};
	if (err == LIAISON_OK)
		err = read_head(lines, info);
	if (err != LIAISON_OK)
		sodium_free(*work);
	return err;
}

enum liaison_err
keyfile_look(const char *path, struct keyfile_info *info, struct fault *fault)
{
	struct keyfile_info found;
	struct workspace *work = NULL;
	struct lines lines;
	enum liaison_err err = keyfile_open(path, &work, &lines, &found, fault);

	if (err != LIAISON_OK)
		return err;
	sodium_free(work);
	*info = found;
	return LIAISON_OK;
}

enum liaison_err
keyfile_load(const char *path, const struct passphrase_source *source, struct secret_keys **keys,
	struct keyfile_info *info, struct fault *fault)
{
	struct keyfile_info found;
	struct workspace *work = NULL;
	struct lines lines;
	enum liaison_err err = keyfile_open(path, &work, &lines, &found, fault);

	if (err != LIAISON_OK)
		return err;
	if (found.has_passphrase)
		err = read_box(&lines, found.owner, source, work);
	else
		err = read_secrets(&lines, found.owner, work);
	if (err == LIAISON_OK && *lines.at != '\0') {
		lines.number++;
		err = lines_fault(&lines, "nothing should stand here");
	}
	if (err == LIAISON_OK) {
		err = keys_from_secrets(found.owner, work->secrets, keys);
		if (err == LIAISON_CORRUPT)
			err = fault_set(fault, LIAISON_BAD_CONFIG,
				"%s is damaged: a secret key does not fit its public half; restore the file from its "
				"copy",
				path);
		else if (err != LIAISON_OK)
			fault_set(fault, err, "out of memory that can be locked for secret keys");
	}
	if (err == LIAISON_OK && info != NULL)
		*info = found;
	sodium_free(work);
	return err;
}
