/*
 * A new broker's home: a folder with its configuration, its secret keys, its card for enrolment and an empty folder for
 * trust. Nothing that is there already is ever overwritten.
 */
#ifndef LIAISON_BROKER_INIT_H
#define LIAISON_BROKER_INIT_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct init_options {
	const char *dir;           /* made if the folder above it exists */
	const char *id;            /* office id */
	const char *const *listen; /* where it listens; none: the configuration's default */
	size_t listen_count;
	const char *const *endpoints; /* where agents find it, for the card; none: as `listen` */
	size_t endpoint_count;
	int64_t now;
};

/*
 * Makes the home and prints to `out` the card's fingerprint and what to do next. LIAISON_BAD_USAGE (id or end points),
 * LIAISON_EXISTS (a home is there), LIAISON_BAD_CONFIG (others may write the folder), LIAISON_IO, LIAISON_NO_MEMORY. What was
 * made before a failure stays, and is named by the next call.
 */
enum liaison_err init_home(const struct init_options *options, FILE *out, struct fault *fault) LIAISON_MUST_CHECK;

#endif
