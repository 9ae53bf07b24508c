/*
 * The vocabularies: for every code that an alert or a roster can carry, one plain sentence on what it means and when to
 * use it. Groups are named as the schema's enums in snake_case ("kind", "document_state"), codes as they stand in JSON
 * ("ROUTE"). Read once from config/codes.conf, which the build embeds; immutable afterwards, safe from any thread.
 * Refusal codes and reasons of the release rule are not here: err_meaning and release_reason_meaning have those.
 */
#ifndef LIAISON_PROTO_CODES_H
#define LIAISON_PROTO_CODES_H

#include "proto/base/err.h"

#include <stddef.h>

struct codes;

struct code {
	const char *group;   /* "kind" */
	const char *code;    /* "ROUTE" */
	const char *meaning; /* one sentence */
};

/* From a register's text; the caller frees with codes_free. LIAISON_BAD_CONFIG with the line. */
enum liaison_err codes_new(const char *text, struct codes **out, struct fault *fault) LIAISON_MUST_CHECK;
/* The vocabularies that this program was built with. Fails for want of memory only. */
enum liaison_err codes_builtin(struct codes **out, struct fault *fault) LIAISON_MUST_CHECK;
void codes_free(struct codes *codes); /* takes NULL */

/* The sentence for a code, or for a whole group; NULL if there is no such. Results live as long as the vocabularies. */
const char *codes_meaning(const struct codes *codes, const char *group, const char *code);
const char *codes_group_meaning(const struct codes *codes, const char *group);

/*
 * All codes in the vocabularies' order, groups together. For `explain --code ARMED` a caller walks them and compares,
 * since a code such as UNKNOWN stands in several groups.
 */
size_t codes_count(const struct codes *codes);
const struct code *codes_at(const struct codes *codes, size_t number);

/* The code of any group, or of `group` unless that is NULL, that was probably meant; NULL if none is near. */
const struct code *codes_nearest(const struct codes *codes, const char *group, const char *code);

#endif
