/*
 * Admission's stateless part, on worker threads: a submit frame comes in as raw bytes, and goes out as items that are
 * parsed, verified and judged by everything that needs no index. The core does the rest (submit.h).
 */
#ifndef LIAISON_BROKER_ADMIT_H
#define LIAISON_BROKER_ADMIT_H

#include "broker/queue.h"
#include "proto/admission.h"
#include "proto/base/buf.h"
#include "proto/crossings.h"
#include "proto/edge/zmq.h"

struct admit_item {
	enum liaison_err err; /* LIAISON_OK: may enter, as far as can be said without an index */
	char *message;        /* why not; owned; NULL when OK */
	uint32_t leaf;
	bool is_parsed; /* id and body hash below are good, whatever err says */
	bool is_signed; /* the signature is one of the id's own office, which is who submits */
	struct alert_id id;
	struct key_id key; /* that the envelope names */
	struct admitted admitted;
	struct blob *envelope;   /* encoded Liaison__Envelope */
	struct blob *header;     /* encoded AlertHeader, canonical */
	struct digest leaf_hash; /* of the log record */
	/* for the core: what became of it */
	uint64_t index; /* where err is LIAISON_OK */
	bool is_again;  /* it was in the log before */
};

struct admit_job {
	/* in */
	uint32_t route;
	struct office_id office;    /* who submits, as ZAP said */
	struct net_message message; /* owned; empty once it was parsed */
	struct trust *trust;        /* owned reference: the view at the time of arrival */
	int64_t now;
	size_t bytes;    /* of the message, while the job is inside */
	uint64_t number; /* of all that were put */
	/* out */
	enum liaison_err err; /* of the frame as a whole; then there are no items */
	struct fault fault;
	uint32_t request;
	struct admit_item *items;
	size_t count;
	/* for the core */
	size_t decided; /* items before this one were refused or handed to the log */
	size_t open;    /* items that wait for the log */
	struct admit_job *next;
};

void admit_job_free(struct admit_job *job); /* takes NULL; closes the message */

/* What a worker judges with. One per thread. */
struct admit_context {
	const char *network;
	const struct crossings *crossings;
	struct admission_limits limits;
	struct batch_cache *cache;
	struct arena arena; /* for the alert in hand */
	struct buf scratch; /* for its envelope */
};

/* Borrows both. False: no memory, and nothing to clear but by admit_context_clear. */
bool admit_context_init(struct admit_context *context, const char *network, const struct crossings *crossings);
void admit_context_clear(struct admit_context *context);

/* Does the job in place. Pure but for memory. */
void admit_run(struct admit_job *job, struct admit_context *context);

/* --- the pool ---------------------------------------------------------------------------------------------------------- */

struct admit;

/* `network` and `crossings` are borrowed for the pool's life. */
enum liaison_err admit_new(size_t workers, const char *network, const struct crossings *crossings, struct admit **out,
	struct fault *fault) LIAISON_MUST_CHECK;
void admit_free(struct admit *admit); /* waits for the workers; drops what is unfinished */

#define ADMIT_JOBS_MAX 2048 /* inside at once */

/* False: as many jobs as it may hold are inside already; the caller keeps the job. */
bool admit_put(struct admit *admit, struct admit_job *job);
/*
 * Jobs in the order in which they were put, as far as they are finished; then the caller's. An alert and its cancellation
 * may come in one breath, in two frames. admit_fd() is readable while there may be some.
 */
size_t admit_take(struct admit *admit, struct admit_job *jobs[ADMIT_JOBS_MAX]);
int admit_fd(const struct admit *admit);

#endif
