/*
 * Files of secret keys (TRUST 11): an office's, a broker's, or a signer's (root, authority, duty). Text, mode 0600:
 *
 *   liaison secret keys v1
 *   owner: office                       signer, office or broker
 *   name: kh.blo.poipet                 whose they are; an office id, or what the signer is called
 *   signing: BASE64                     without passphrase: the secrets themselves (64, 32, 32, 64 bytes),
 *   transport: BASE64                   those that the owner has, in this order
 *   sealing: BASE64
 *   checkpoint: BASE64
 *
 * or with a passphrase, in place of the secrets:
 *
 *   kdf: argon2id13
 *   operations: 3                       libsodium's opslimit and memlimit, within KEYFILE_*_MAX
 *   memory: 134217728
 *   salt: BASE64                        16 bytes
 *   nonce: BASE64                       24 bytes
 *   box: BASE64                         XSalsa20-Poly1305 (secretbox) of the secrets one after the other
 *
 * Secrets pass through sodium_malloc memory only. A key file is never overwritten by keyfile_create. Trouble with the
 * file, its owner, mode or passphrase is LIAISON_BAD_CONFIG (or LIAISON_NOT_FOUND) and one sentence that says what to do.
 */
#ifndef LIAISON_PROTO_EDGE_KEYFILE_H
#define LIAISON_PROTO_EDGE_KEYFILE_H

#include "proto/base/err.h"
#include "proto/keys.h"

#include <stddef.h>

#define KEYFILE_NAME_BYTES 65
#define KEYFILE_BYTES_MAX 4096
#define PASSPHRASE_BYTES 1024
#define PASSPHRASE_LEAST_BYTES 12
#define KEYFILE_OPERATIONS 3
#define KEYFILE_MEMORY_BYTES (128 * 1024 * 1024)
/* A file may ask for more than we write, but not for the whole machine. */
#define KEYFILE_OPERATIONS_MAX 16
#define KEYFILE_MEMORY_BYTES_MAX (1024L * 1024 * 1024)

/*
 * Where a passphrase comes from: fills `out` (guarded memory of PASSPHRASE_BYTES) with NUL-terminated text. Asked only
 * when the file has one. `path` is for the question.
 */
struct passphrase_source {
	enum liaison_err (*ask)(void *arg, const char *path, char *out, struct fault *fault);
	void *arg;
};

/* What can be said of a key file without its secrets. */
struct keyfile_info {
	enum keys_owner owner;
	char name[KEYFILE_NAME_BYTES];
	bool has_passphrase;
};

/*
 * `name` is 1 to 64 printable bytes without blanks; `passphrase` NULL for none, else PASSPHRASE_LEAST_BYTES or more
 * (LIAISON_BAD_USAGE). LIAISON_EXISTS: there is a file already.
 */
enum liaison_err keyfile_create(const char *path, const struct secret_keys *keys, const char *name,
	const char *passphrase, struct fault *fault) LIAISON_MUST_CHECK;

/* The same over an existing file: to set, change or take away a passphrase. */
enum liaison_err keyfile_replace(const char *path, const struct secret_keys *keys, const char *name,
	const char *passphrase, struct fault *fault) LIAISON_MUST_CHECK;

/* `source` may be NULL where nobody can be asked: a file with a passphrase is then LIAISON_BAD_CONFIG. `info` may be NULL. */
enum liaison_err keyfile_load(const char *path, const struct passphrase_source *source, struct secret_keys **keys,
	struct keyfile_info *info, struct fault *fault) LIAISON_MUST_CHECK;

enum liaison_err keyfile_look(const char *path, struct keyfile_info *info, struct fault *fault) LIAISON_MUST_CHECK;

#endif
