/* `liaisond --verify`: walks the whole log off line and says, segment by segment, whether what was acknowledged is there. */
#ifndef LIAISON_BROKER_VERIFY_H
#define LIAISON_BROKER_VERIFY_H

#include "broker/log.h"

#include <stdio.h>

/*
 * Prints to `out` a line a segment, a line for each thing found, and the log's size and root. LIAISON_OK: all is whole, up to
 * what a crash leaves. LIAISON_CORRUPT: something acknowledged is not. The other errors are those of log_verify.
 */
enum liaison_err verify_log(
	const struct disk *disk, const char *log_dir, FILE *out, struct fault *fault) LIAISON_MUST_CHECK;

#endif
