/* Inside of load: what load.c (reading and sending) and load_job.c (how far a file was taken in) share. */
#ifndef LIAISON_AGENTS_LOAD_INTERNAL_H
#define LIAISON_AGENTS_LOAD_INTERNAL_H

#include "agents/load.h"

/*
 * The next of load->jobs becomes that of the file `path`, an absolute one, which `intake` has open: gone on with where it
 * stood, or begun. What load_file says.
 */
enum liaison_err load_job_begin(
	struct load *load, struct intake *intake, const char *path, struct fault *fault) LIAISON_MUST_CHECK;

/* The next run of the same file is another load, if all of this one is settled. */
enum liaison_err load_job_end(struct load *load, const struct job *job, struct fault *fault) LIAISON_MUST_CHECK;

#endif
