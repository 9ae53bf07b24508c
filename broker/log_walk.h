/*
 * The walk over a log's folder that opening and verifying share. Not for others: log.h is.
 *
 * It reads, reports and never writes. Segments whose header is not whole, is of another epoch, or is not where its name
 * says, are reported and left out; so is one that does not continue the tree of those before it.
 */
#ifndef LIAISON_BROKER_LOG_WALK_H
#define LIAISON_BROKER_LOG_WALK_H

#include "broker/log.h"

struct log_walk_result {
	struct log_report report;
	struct segment_header last_header;   /* of the last segment that was walked */
	struct segment_summary last_summary; /* and what it held */
	struct merkle_frontier frontier;     /* over all records, if report.damages == 0 */
};

/* `thorough`: also every leaf against its header and the root of every group. Errors as log_verify's, but BUSY. */
enum liaison_err log_walk(const struct disk *disk, const char *dir, bool thorough, const struct log_visitor *visitor,
	struct log_walk_result *result, struct fault *fault) LIAISON_MUST_CHECK;

#endif
