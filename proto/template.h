/*
 * What an office of each usual kind may do where nobody decided otherwise: one table, for `liaison roster set --template`.
 * A template is a beginning; the roster that comes of it says each right by itself and an authority may change any.
 */
#ifndef LIAISON_PROTO_TEMPLATE_H
#define LIAISON_PROTO_TEMPLATE_H

#include "proto/trust.pb-c.h"

#include <stddef.h>
#include <stdint.h>

struct office_template {
	const char *name;    /* "blo" */
	const char *meaning; /* "border liaison office" */
	Liaison__OfficeKind kind;
	uint32_t publishes, receives; /* bit (1 << kind) */
	uint32_t rights;              /* bit (1 << right) */
	Liaison__Level clearance;
};

/* All of them, in the order of OfficeKind. */
const struct office_template *template_at(size_t position);    /* NULL past the last */
const struct office_template *template_find(const char *name); /* NULL: none of that name */

#endif
