/*
 * What proves that an office signed two bodies under one id: both become one record of the log, once for each id, so that
 * anybody may check it.
 */
#ifndef LIAISON_BROKER_EVIDENCE_H
#define LIAISON_BROKER_EVIDENCE_H

#include "broker/core.h"
#include "broker/pending.h"

/*
 * `item` is signed and claims an id that another body has: in the log, or on its way there as `pending` (else NULL). That
 * the record could not be written is told in the log lines; the refusal stands in any case.
 */
void evidence_keep(struct core *core, const struct admit_item *item, struct pending *pending);

#endif
