#include "agents/evidence.h"

#include "agents/home.h"
#include "proto/base/digest.h"
#include "proto/edge/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
type_name(Liaison__EvidenceType type)
{
	switch (type) {
	case LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_EQUIVOCATION: return "equivocation";
	case LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_ROSTER_FORK: return "roster-fork";
	case LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_CHARTER_FORK: return "charter-fork";
	case LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_LOG_FORK: return "log-fork";
	default: return "evidence";
	}
}

/* "log-fork-kh.broker-0123456789abcdef": what it is about, and its own hash. */
static char *
file_path(const char *folder, Liaison__EvidenceType type, const char *about, const void *bytes, size_t len)
{
	char name[160], hex[DIGEST_HEX_BYTES], subject[80];
	struct digest digest;

	digest_sha256(bytes, len, &digest);
	digest_hex(&digest, hex);
	snprintf(subject, sizeof subject, "%s", about);
	for (char *at = subject; *at != '\0'; at++)
		if (*at == '/')
			*at = '_';
	snprintf(name, sizeof name, "%s-%s-%.16s", type_name(type), subject, hex);
	return home_file(folder, name);
}

static enum liaison_err
write_once(const char *folder, const char *path, const void *bytes, size_t len, struct fault *fault)
{
	enum liaison_err err = folder_make(folder, 0700, fault);

	if (err == LIAISON_OK)
		err = file_create(path, bytes, len, 0600, fault);
	return err == LIAISON_EXISTS ? LIAISON_OK : err;
}

enum liaison_err
evidence_keep(const char *home, Liaison__EvidenceType type, const char *about, const uint8_t *first, size_t first_len,
	const uint8_t *second, size_t second_len, char **path, struct fault *fault)
{
	Liaison__Evidence evidence = LIAISON__EVIDENCE__INIT;
	enum liaison_err err = LIAISON_NO_MEMORY;

	evidence.has_type = evidence.has_first = evidence.has_second = 1;
	evidence.type = type;
	evidence.first = (ProtobufCBinaryData){first_len, (uint8_t *)(uintptr_t)first};
	evidence.second = (ProtobufCBinaryData){second_len, (uint8_t *)(uintptr_t)second};
	size_t len = liaison__evidence__get_packed_size(&evidence);
	uint8_t *bytes = malloc(len);
	char *folder = home_file(home, "evidence"), *file = NULL;
	if (bytes != NULL && folder != NULL) {
		liaison__evidence__pack(&evidence, bytes);
		file = file_path(folder, type, about, bytes, len);
	}
	if (file != NULL)
		err = write_once(folder, file, bytes, len, fault);
	else
		fault_set(fault, err, "out of memory");
	free(bytes);
	free(folder);
	if (err == LIAISON_OK && path != NULL)
		*path = file;
	else
		free(file);
	return err;
}

enum liaison_err
evidence_keep_fork(const char *home, const Liaison__Checkpoint *first, const Liaison__Checkpoint *second, char **path,
	struct fault *fault)
{
	size_t first_len = liaison__checkpoint__get_packed_size(first);
	size_t second_len = liaison__checkpoint__get_packed_size(second);
	uint8_t *bytes = malloc(first_len + second_len);

	if (bytes == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	liaison__checkpoint__pack(first, bytes);
	liaison__checkpoint__pack(second, bytes + first_len);
	enum liaison_err err = evidence_keep(home, LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_LOG_FORK, first->origin, bytes,
		first_len, bytes + first_len, second_len, path, fault);
	free(bytes);
	return err;
}
