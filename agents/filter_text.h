/* A filter in a few words, as it would stand on the command line: "--kind ROUTE --country KH". */
#ifndef LIAISON_AGENTS_FILTER_TEXT_H
#define LIAISON_AGENTS_FILTER_TEXT_H

#include "proto/base/buf.h"

#include "proto/frame.pb-c.h"

/* "everything" for one that asks for nothing (or NULL). Check with buf_check. */
void filter_text(const Liaison__Filter *filter, struct buf *out);

#endif
