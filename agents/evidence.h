/*
 * Evidence that a third party can check, kept in the home's folder evidence/: two signed statements that cannot both be
 * honest. Each file is one encoded Liaison__Evidence (log.proto), never overwritten.
 */
#ifndef LIAISON_AGENTS_EVIDENCE_H
#define LIAISON_AGENTS_EVIDENCE_H

#include "proto/base/err.h"

#include "proto/log.pb-c.h"

#include <stddef.h>
#include <stdint.h>

/*
 * `about` is the alert id, member or broker that it is about; the same evidence again is the same file. *path (may be
 * NULL) is where it is, for the caller to free. LIAISON_IO, LIAISON_NO_MEMORY.
 */
enum liaison_err evidence_keep(const char *home, Liaison__EvidenceType type, const char *about, const uint8_t *first,
	size_t first_len, const uint8_t *second, size_t second_len, char **path,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Two checkpoints of one broker. */
enum liaison_err evidence_keep_fork(const char *home, const Liaison__Checkpoint *first,
	const Liaison__Checkpoint *second, char **path, struct fault *fault) LIAISON_MUST_CHECK;

#endif
