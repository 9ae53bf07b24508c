/*
 * What was probably meant: the nearest of the valid names to one that is not valid, for messages that end in
 * "did you mean ...?". Pure and bounded: names longer than SUGGEST_NAME_BYTES are never suggested nor compared, and a
 * name that is too far from all candidates gets no suggestion rather than a silly one.
 */
#ifndef LIAISON_PROTO_BASE_SUGGEST_H
#define LIAISON_PROTO_BASE_SUGGEST_H

#include <stddef.h>

#define SUGGEST_NAME_BYTES 64

/*
 * Edits (insertion, deletion, substitution, transposition of neighbours) from `a` to `b`, ASCII case ignored and '-',
 * '_' and ' ' taken as one: the optimal string alignment distance, which is Damerau-Levenshtein where no part is edited
 * twice. SIZE_MAX if either is longer than SUGGEST_NAME_BYTES. Counts bytes, which is right for codes and keys.
 */
size_t suggest_distance(const char *a, const char *b);

/*
 * Candidates are offered one by one to a `struct suggest`; `best` is then the nearest, the first of equals, or NULL when
 * none is near enough to be meant: more than a third of the given name's length away (at least 1 edit is always allowed,
 * and for names of more than 3 bytes 2), unless the given name is the beginning of the candidate and has at least 3
 * bytes. Borrows all strings.
 */
struct suggest {
	const char *given;
	const char *best;
	size_t best_distance;
};

void suggest_init(struct suggest *suggest, const char *given);
void suggest_offer(struct suggest *suggest, const char *candidate);

/* The same over an array. NULL if nothing is near. */
const char *suggest_nearest(const char *given, const char *const *candidates, size_t count);

#endif
