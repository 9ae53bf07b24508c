/*
 * Documents of trust that came by hand - root keys, charters, rosters, suspensions - taken into the home's trust/. Each is
 * verified by proto/trust; what does not hold is left out and told in a sentence. Two different ones under one version
 * are an alarm, and both are kept as evidence.
 */
#ifndef LIAISON_AGENTS_TRUST_IMPORT_H
#define LIAISON_AGENTS_TRUST_IMPORT_H

#include "agents/app.h"

#include <stddef.h>

/*
 * Files, or folders of them, in whatever order. Says what was taken; returns the exit code: 65 where anything does not
 * verify, is rolled back or forked, 78 where there are no root keys to begin with.
 */
int trust_import(const struct app *app, const char *const *paths, size_t path_count);

#endif
