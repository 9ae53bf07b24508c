#include "proto/base/suggest.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Letters and separators that a hurried writer does not tell apart. Not tolower(): the locale must not matter. */
static char
fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	return c == '-' || c == ' ' ? '_' : c;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
suggest_distance(const char *a, const char *b)
{
	size_t a_len = strnlen(a, SUGGEST_NAME_BYTES + 1), b_len = strnlen(b, SUGGEST_NAME_BYTES + 1);
	size_t rows[3][SUGGEST_NAME_BYTES + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];

	if (a_len > SUGGEST_NAME_BYTES || b_len > SUGGEST_NAME_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = fold(a[i - 1]) == fold(b[j - 1]);
			row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (same ? 0 : 1));
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
		size_t *recycled = before;
		before = above;
		above = row;
		row = recycled;
	}
	return above[b_len];
}

static size_t
edits_allowed(size_t len)
{
	if (len <= 3)
		return 1;
	return len / 3 > 2 ? len / 3 : 2;
}

static bool
begins_with(const char *candidate, const char *given, size_t given_len)
{
	for (size_t i = 0; i < given_len; i++)
		if (fold(candidate[i]) != fold(given[i])) /* differs at the NUL at the latest */
			return false;
	return true;
}

void
suggest_init(struct suggest *suggest, const char *given)
{
	*suggest = (struct suggest){.given = given, .best_distance = SIZE_MAX};
}

void
suggest_offer(struct suggest *suggest, const char *candidate)
{
	size_t given_len = strnlen(suggest->given, SUGGEST_NAME_BYTES + 1);
	size_t distance = suggest_distance(suggest->given, candidate);

	if (distance == SIZE_MAX || distance >= suggest->best_distance)
		return;
	if (distance <= edits_allowed(given_len) ||
		(given_len >= 3 && begins_with(candidate, suggest->given, given_len))) {
		suggest->best = candidate;
		suggest->best_distance = distance;
	}
}

const char *
suggest_nearest(const char *given, const char *const *candidates, size_t count)
{
	struct suggest suggest;

	suggest_init(&suggest, given);
	for (size_t i = 0; i < count; i++)
		suggest_offer(&suggest, candidates[i]);
	return suggest.best;
}
