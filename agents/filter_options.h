/* The options that make a feed's filter, for every command that has one: a child of its argp. */
#ifndef LIAISON_AGENTS_FILTER_OPTIONS_H
#define LIAISON_AGENTS_FILTER_OPTIONS_H

#include "proto/base/err.h"

#include "proto/frame.pb-c.h"

#include <argp.h>

struct filter_options {
	Liaison__Filter *message; /* owned; NULL until an option asked for something */
};

/* Its input is a struct filter_options, all zero at first. Mistakes end the program as argp's do. */
extern const struct argp filter_argp;

/* Checks all together and brings the filter into its normal form. LIAISON_BAD_CODE and the like, as filter_new. */
enum liaison_err filter_options_finish(struct filter_options *options, struct fault *fault) LIAISON_MUST_CHECK;
void filter_options_clear(struct filter_options *options);

#endif
