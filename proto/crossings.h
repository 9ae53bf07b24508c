/*
 * The register of crossings: places at a border that offices sit at and alerts point to, by ids of our own.
 *
 * Read once from config/crossings.conf, which the build embeds, so that every program of a version knows the same
 * crossings without a file. Immutable afterwards, safe to read from any thread. What the constructor lets pass is sound:
 * ids unique and of the form `kh-poipet`, positions on the globe, facing places known, abroad and mutual.
 */
#ifndef LIAISON_PROTO_CROSSINGS_H
#define LIAISON_PROTO_CROSSINGS_H

#include "proto/base/err.h"

#include <stddef.h>

#define CROSSING_ID_BYTES_MAX 48 /* with the NUL */

struct crossings;

struct crossing_name {
	const char *lang; /* BCP 47 */
	const char *text; /* UTF-8 */
};

struct crossing {
	const char *id;      /* "kh-poipet" */
	const char *name;    /* usual English spelling */
	char country[3];     /* ISO 3166-1 alpha-2, "KH" */
	double lat, lon;     /* WGS 84, degrees */
	double within_km;    /* how far from there the post may be */
	const char **facing; /* ids across the border, ascending */
	size_t facing_count;
	const char **listed_as; /* spellings of the list that it comes from */
	size_t listed_as_count;
	struct crossing_name *names; /* in local scripts */
	size_t name_count;
};

/* A place of the source list that could not be placed. */
struct crossing_unplaced {
	const char *listed_as;
	const char *reason;
};

/* From a register's text; the caller frees with crossings_free. LIAISON_BAD_CONFIG with the line. */
enum liaison_err crossings_new(const char *text, struct crossings **out, struct fault *fault) LIAISON_MUST_CHECK;
/* The register that this program was built with. Fails for want of memory only. */
enum liaison_err crossings_builtin(struct crossings **out, struct fault *fault) LIAISON_MUST_CHECK;
void crossings_free(struct crossings *crossings); /* takes NULL */

/* The crossing of exactly that id, or NULL. All results live as long as the register. */
const struct crossing *crossings_find(const struct crossings *crossings, const char *id);

/* All, ascending by id. */
size_t crossings_count(const struct crossings *crossings);
const struct crossing *crossings_at(const struct crossings *crossings, size_t number);

/* The crossing that was probably meant by a wrong id or by a name in any of its spellings; NULL if none is near. */
const struct crossing *crossings_nearest_name(const struct crossings *crossings, const char *text);

/* The name in the first of `langs` (primary language tags, NULL at the end) that it has, else the English one. */
const char *crossing_name_in(const struct crossing *crossing, const char *const *langs);

size_t crossings_unplaced_count(const struct crossings *crossings);
const struct crossing_unplaced *crossings_unplaced_at(const struct crossings *crossings, size_t number);

#endif
