/*
 * An office's home, a folder:
 *
 *   office.conf   who the office is, its languages, its brokers in order of preference (libconfig; keys in home_keys[])
 *   office.key    its secret keys (proto/edge/keyfile), office.card its public ones for enrolment
 *   trust/        root keys, charters, rosters, suspensions (proto/edge/docfile)
 *   post.db       outbox, inbox, feeds, checkpoints (post.h)
 *   *.lock        held while one program does what two must not do at once
 *
 * This module reads office.conf and takes locks; every mistake is LIAISON_BAD_CONFIG with one sentence that names the
 * file, the line and what to do. It opens neither keys nor trust nor post.db: who needs them asks for them.
 */
#ifndef LIAISON_AGENTS_HOME_H
#define LIAISON_AGENTS_HOME_H

#include "proto/address.h"
#include "proto/base/buf.h"
#include "proto/keys.h"
#include "proto/signature.h"

#include <stddef.h>

#define HOME_BROKERS_MAX 8
#define HOME_LANGS_MAX 16
#define HOME_ENDPOINT_BYTES 300

struct home_broker {
	struct office_id id;                /* empty text: not said; the broker's own word must then be on a roster */
	char endpoint[HOME_ENDPOINT_BYTES]; /* "tcp://host:port" */
	struct public_key key;              /* Curve25519 */
};

struct home {
	char *path;
	struct office_id office;
	char network[NETWORK_ID_BYTES_MAX + 1]; /* empty: whatever trust/ says */
	char *langs[HOME_LANGS_MAX];            /* the reader's, best first */
	size_t lang_count;
	struct home_broker brokers[HOME_BROKERS_MAX];
	size_t broker_count;
	int wait_seconds; /* for a receipt, where the command line says nothing */
};

/* Reads `path`/office.conf. LIAISON_BAD_CONFIG if the folder or file is missing or anything in it is wrong. */
enum liaison_err home_open(const char *path, struct home **out, struct fault *fault) LIAISON_MUST_CHECK;
void home_free(struct home *home); /* takes NULL */

/* The same from text; `path` is only named in messages. */
enum liaison_err home_parse(
	const char *path, const char *conf, struct home **out, struct fault *fault) LIAISON_MUST_CHECK;

/* office.conf for a new home, with a comment for each key; check with buf_check. */
void home_write_conf(const struct home *home, struct buf *out);

/* `path`/`name`, from malloc; NULL without memory. */
char *home_file(const char *path, const char *name);

/* A transport key as people hand it over: 64 hexadecimal digits or base64 of 32 bytes. LIAISON_MALFORMED. */
enum liaison_err public_key_parse(const char *text, struct public_key *out, struct fault *fault) LIAISON_MUST_CHECK;
void public_key_format(const struct public_key *key, char out[2 * PUBLIC_KEY_BYTES + 1]);

/* "host:port" or "tcp://host:port" to the latter. LIAISON_MALFORMED says what an end point looks like. */
enum liaison_err endpoint_parse(
	const char *text, char out[HOME_ENDPOINT_BYTES], struct fault *fault) LIAISON_MUST_CHECK;

/* --- one program at a time ------------------------------------------------------------------------------------------ */

/*
 * Takes `path`/`name`.lock without waiting. LIAISON_BUSY names the process that holds it. The lock ends with the process
 * or with home_unlock.
 */
enum liaison_err home_lock(const char *path, const char *name, int *lock, struct fault *fault) LIAISON_MUST_CHECK;
void home_unlock(int lock);
/* The same, and the lock's file goes, too: for locks whose names are many. */
void home_unlock_and_remove(const char *path, const char *name, int lock);

#endif
