/*
 * Where a passphrase comes from: the file that $LIAISON_PASSPHRASE_FILE names (owned by the caller, readable by nobody
 * else), else the terminal, without echo. Never the command line.
 */
#ifndef LIAISON_AGENTS_PASSPHRASE_H
#define LIAISON_AGENTS_PASSPHRASE_H

#include "proto/edge/keyfile.h"

/* For keyfile_load. */
struct passphrase_source passphrase_source(void);

/* A new one, asked twice. `out` has PASSPHRASE_BYTES. LIAISON_BAD_USAGE: the two differ. */
enum liaison_err passphrase_ask_new(const char *path, char *out, struct fault *fault) LIAISON_MUST_CHECK;

#endif
