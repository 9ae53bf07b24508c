#include "broker/admit.h"

#include "proto/alert_leaf.h"
#include "proto/frame.h"
#include "proto/log_leaf.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Inside at once, beside their number: enough for the workers while the core is at something else. */
#define JOBS_BYTES_MAX (64u << 20)
#define SHARE_MAX 16 /* jobs that a worker takes at once; the first waits for the last */
#define ARENA_BYTES (16 * 1024)
#define CACHED_BATCHES 4096
#define ENVELOPE_BYTES_MAX (128 * 1024)

static void
admit_item_clear(struct admit_item *item)
{
	free(item->message);
	if (item->is_parsed)
		admitted_clear(&item->admitted);
	blob_unref(item->envelope);
	blob_unref(item->header);
}

void
admit_job_free(struct admit_job *job)
{
	if (job == NULL)
		return;
	net_message_close(&job->message);
	trust_unref(job->trust);
	for (size_t i = 0; i < job->count; i++)
		admit_item_clear(&job->items[i]);
	free(job->items);
	free(job);
}

/* What never stands on the wire is a want of memory here, and the alert is not lost by it. */
static void
refuse(struct admit_item *item, enum liaison_err err, const char *message)
{
	item->err = err_is_refusal(err) ? err : LIAISON_RATE_LIMITED;
	item->message = strdup(err_is_refusal(err) ? message : "the broker is out of memory; send again later");
}

bool
admit_context_init(struct admit_context *context, const char *network, const struct crossings *crossings)
{
	*context = (struct admit_context){
		.network = network, .crossings = crossings, .cache = batch_cache_new(CACHED_BATCHES)};
	admission_limits_default(&context->limits);
	arena_init(&context->arena, ARENA_BYTES);
	buf_init(&context->scratch, ENVELOPE_BYTES_MAX);
	return context->cache != NULL;
}

void
admit_context_clear(struct admit_context *context)
{
	batch_cache_free(context->cache);
	arena_clear(&context->arena);
	buf_clear(&context->scratch);
}

/* --- one item ----------------------------------------------------------------------------------------------------- */

/* The envelope that stays: the item's body with what proves it. */
static enum liaison_err
item_envelope(const Liaison__Submit *submit, const Liaison__SubmitItem *wire, const struct merkle_path *path,
	struct envelope *out)
{
	if (submit->key.len != KEY_ID_BYTES || submit->signature.len != SIGNATURE_BYTES || !wire->has_body)
		return LIAISON_MALFORMED;
	*out = (struct envelope){.body = wire->body.data,
		.body_len = wire->body.len,
		.leaf_count = submit->leaf_count,
		.leaf = wire->leaf};
	if (out->leaf_count < 1 || out->leaf_count > BATCH_LEAVES_MAX || out->leaf >= out->leaf_count)
		return LIAISON_MALFORMED;
	memcpy(out->key.bytes, submit->key.data, KEY_ID_BYTES);
	memcpy(out->signature, submit->signature.data, SIGNATURE_BYTES);
	if (path != NULL) {
		if (path->len > BATCH_PATH_MAX)
			return LIAISON_MALFORMED;
		out->path_len = path->len;
		memcpy(out->path, path->nodes, path->len * sizeof path->nodes[0]);
		return LIAISON_OK;
	}
	if (wire->n_path > BATCH_PATH_MAX)
		return LIAISON_MALFORMED;
	out->path_len = wire->n_path;
	for (size_t i = 0; i < wire->n_path; i++) {
		if (wire->path[i].len != DIGEST_BYTES)
			return LIAISON_MALFORMED;
		memcpy(out->path[i].bytes, wire->path[i].data, DIGEST_BYTES);
	}
	return LIAISON_OK;
}

static enum liaison_err
encode_envelope(const struct envelope *envelope, struct buf *scratch, struct blob **out)
{
	buf_reset(scratch);
	envelope_encode(envelope, scratch);
	enum liaison_err err = buf_check(scratch);
	if (err != LIAISON_OK)
		return err;
	*out = blob_new(scratch->data, scratch->len);
	return *out != NULL ? LIAISON_OK : LIAISON_NO_MEMORY;
}

/* The log record's header: what stays for ever, and all that a leaf of the log says about an alert. */
static enum liaison_err
encode_header(struct admit_item *item, const struct key_id *key, struct buf *scratch)
{
	buf_reset(scratch);
	enum liaison_err err = alert_header_encode(item->admitted.facts, &item->admitted.body_hash, key, NULL, scratch);
	if (err != LIAISON_OK)
		return err;
	if (scratch->len > RECORD_HEADER_MAX)
		return LIAISON_TOO_LARGE;
	item->header = blob_new(scratch->data, scratch->len);
	if (item->header == NULL)
		return LIAISON_NO_MEMORY;
	log_leaf(RECORD_ALERT, item->header->data, item->header->len, &item->leaf_hash);
	return LIAISON_OK;
}

#define WRONG_ROOTS_MAX 8 /* README, "submit" */

/*
 * A frame has one signature, and that covers one root. So once it is found nothing more is verified, and a frame whose
 * thousand items all lead elsewhere costs a few verifications: it counts as one signature.
 */
struct frame_root {
	bool is_found;
	struct digest root;
	unsigned wrong; /* how often another one was tried */
};

static enum liaison_err
verify_root(const struct digest *root, const struct envelope *envelope, const struct public_key *key,
	struct frame_root *frame, struct admit_context *context)
{
	if (frame->is_found)
		return digest_equal(root, &frame->root) ? LIAISON_OK : LIAISON_BAD_SIGNATURE;
	if (frame->wrong == WRONG_ROOTS_MAX)
		return LIAISON_BAD_SIGNATURE;
	enum liaison_err err =
		batch_verify(context->cache, context->network, key, envelope->leaf_count, root, envelope->signature);
	if (err == LIAISON_OK)
		*frame = (struct frame_root){.is_found = true, .root = *root};
	else
		frame->wrong++;
	return err;
}

/* `batch_root`: of the tree from which the envelope's path was made, so that path and body are known to lead there; or NULL. */
static enum liaison_err
judge_item(struct admit_item *item, const struct envelope *envelope, const struct digest *batch_root,
	struct frame_root *frame, const struct admit_job *job, struct admit_context *context, struct fault *fault)
{
	struct public_key key;
	struct digest root;
	enum liaison_err err = admit_body_in(
		&context->arena, envelope->body, envelope->body_len, context->crossings, &item->admitted, fault);

	if (err != LIAISON_OK)
		return err;
	item->is_parsed = true;
	item->id = item->admitted.facts->id;
	item->key = envelope->key;
	err = admit_signer(&item->admitted, &envelope->key, job->office.text, job->trust, job->now, &key, fault);
	if (err != LIAISON_OK)
		return err;
	if (batch_root != NULL)
		root = *batch_root;
	else
		err = envelope_root(envelope, &item->admitted.body_hash, &root);
	if (err == LIAISON_OK)
		err = verify_root(&root, envelope, &key, frame, context);
	if (err != LIAISON_OK)
		return fault_set(
			fault, err, "the signature is not one over this body by the key that the envelope names");
	item->is_signed = true;
	err = encode_envelope(envelope, &context->scratch, &item->envelope);
	if (err == LIAISON_OK)
		err = encode_header(item, &envelope->key, &context->scratch);
	if (err != LIAISON_OK)
		return fault_set(fault, err, "the alert does not fit a record of the log");
	return admit_content(&item->admitted, job->trust, context->crossings, &context->limits, job->now, fault, NULL);
}

/* --- one frame ---------------------------------------------------------------------------------------------------- */

/*
 * Paths may be left out when every leaf of the batch is in the frame, in order: then they are made here, from one tree over
 * all bodies. *tree is NULL where the frame's own paths are to be taken. LIAISON_NO_MEMORY.
 */
static enum liaison_err
make_batch_tree(const Liaison__Submit *submit, struct merkle_tree **tree)
{
	size_t count = submit->n_items;
	enum liaison_err err = LIAISON_OK;

	*tree = NULL;
	if (submit->leaf_count != count || count < 2)
		return LIAISON_OK;
	for (size_t i = 0; i < count; i++)
		if (submit->items[i]->n_path != 0 || submit->items[i]->leaf != i)
			return LIAISON_OK;
	struct merkle_tree *made = merkle_tree_new();
	if (made == NULL)
		return LIAISON_NO_MEMORY;
	for (size_t i = 0; err == LIAISON_OK && i < count; i++) {
		struct digest leaf;
		envelope_body_hash(submit->items[i]->body.data, submit->items[i]->body.len, &leaf);
		err = merkle_tree_append(made, &leaf);
	}
	if (err == LIAISON_OK)
		*tree = made;
	else
		merkle_tree_free(made);
	return err;
}

static void
run_submit(struct admit_job *job, const Liaison__Submit *submit, const struct merkle_tree *tree,
	struct admit_context *context)
{
	struct frame_root frame = {.is_found = false};
	struct merkle_path path;
	struct digest root;

	if (tree != NULL)
		merkle_tree_root(tree, submit->n_items, &root);
	for (size_t i = 0; i < submit->n_items; i++) {
		struct admit_item *item = &job->items[i];
		struct envelope envelope;
		struct fault fault = {.code = LIAISON_OK, .message = ""};
		item->leaf = submit->items[i]->leaf;
		if (tree != NULL)
			merkle_tree_inclusion(tree, i, submit->n_items, &path);
		enum liaison_err err = item_envelope(submit, submit->items[i], tree != NULL ? &path : NULL, &envelope);
		if (err != LIAISON_OK)
			fault_set(
				&fault, err, "key, signature, leaf or path of the batch have wrong lengths or ranges");
		else
			err = judge_item(item, &envelope, tree != NULL ? &root : NULL, &frame, job, context, &fault);
		if (err != LIAISON_OK)
			refuse(item, err, fault.message);
		/* What follows needs the facts only. */
		item->admitted.alert = NULL;
		arena_reset(&context->arena);
	}
}

void
admit_run(struct admit_job *job, struct admit_context *context)
{
	Liaison__Frame *frame = NULL;
	struct merkle_tree *tree = NULL;

	job->err = frame_decode(net_message_data(&job->message), net_message_size(&job->message), &frame, &job->fault);
	if (job->err == LIAISON_NO_MEMORY)
		job->err = LIAISON_RATE_LIMITED;
	if (job->err != LIAISON_OK)
		return;
	if (frame->frame_case != LIAISON__FRAME__FRAME_SUBMIT || frame->submit->n_items == 0 ||
		frame->submit->n_items > BATCH_LEAVES_MAX) {
		job->err = fault_set(&job->fault, LIAISON_MALFORMED, "a submit holds 1 to %d alerts", BATCH_LEAVES_MAX);
		goto out;
	}
	job->request = frame->submit->request;
	job->items = calloc(frame->submit->n_items, sizeof *job->items);
	if (job->items == NULL || make_batch_tree(frame->submit, &tree) != LIAISON_OK) {
		job->err =
			fault_set(&job->fault, LIAISON_RATE_LIMITED, "the broker is out of memory; send again later");
		goto out;
	}
	job->count = frame->submit->n_items;
	run_submit(job, frame->submit, tree, context);
out:
	merkle_tree_free(tree);
	frame_free(frame);
	net_message_close(&job->message);
	net_message_init(&job->message);
}

/* --- the pool ----------------------------------------------------------------------------------------------------- */

struct admit_worker {
	pthread_t thread;
	struct admit *admit;
	struct admit_context context;
};

struct admit {
	struct queue *waiting, *finished;
	struct admit_worker *workers;
	size_t worker_count; /* started */
	size_t share_of;     /* to be started */
	/* The core's own: */
	uint64_t put, taken;                    /* numbers of the next job to be put, and to be taken */
	struct admit_job *done[ADMIT_JOBS_MAX]; /* finished, by number; their turn has not come */
	size_t inside_bytes;                    /* messages of the jobs put and not yet taken */
};

/* Owns a few jobs at a time, its batch cache and arena. Receives jobs from the core, sends them back finished. */
static void *
worker_main(void *arg)
{
	struct admit_worker *worker = arg;
	struct admit *admit = worker->admit;
	void *jobs[SHARE_MAX];
	size_t count;

	pthread_setname_np(pthread_self(), "admit");
	while ((count = queue_take_share(admit->waiting, jobs, SHARE_MAX, admit->share_of)) > 0) {
		for (size_t i = 0; i < count; i++)
			admit_run(jobs[i], &worker->context);
		/* The queue holds as many as may be inside: what it does not take, it does not take any more. */
		for (size_t sent = queue_put_many(admit->finished, jobs, count); sent < count; sent++)
			admit_job_free(jobs[sent]);
	}
	return NULL;
}

enum liaison_err
admit_new(
	size_t workers, const char *network, const struct crossings *crossings, struct admit **out, struct fault *fault)
{
	struct admit *admit = calloc(1, sizeof *admit);

	assert(workers > 0);
	if (admit == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the workers");
	admit->share_of = workers;
	admit->waiting = queue_new(ADMIT_JOBS_MAX, false);
	admit->finished = queue_new(ADMIT_JOBS_MAX, true);
	admit->workers = calloc(workers, sizeof *admit->workers);
	if (admit->waiting == NULL || admit->finished == NULL || admit->workers == NULL) {
		admit_free(admit);
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory or descriptors for the workers");
	}
	for (size_t i = 0; i < workers; i++) {
		struct admit_worker *worker = &admit->workers[i];
		worker->admit = admit;
		if (!admit_context_init(&worker->context, network, crossings) ||
			pthread_create(&worker->thread, NULL, worker_main, worker) != 0) {
			admit_context_clear(&worker->context);
			admit_free(admit);
			return fault_set(
				fault, LIAISON_NO_MEMORY, "cannot start worker thread %zu of %zu", i + 1, workers);
		}
		admit->worker_count++;
	}
	*out = admit;
	return LIAISON_OK;
}

static void
drain(struct queue *queue)
{
	void *job;

	while (queue != NULL && queue_take(queue, &job, 1) == 1)
		admit_job_free(job);
}

void
admit_free(struct admit *admit)
{
	if (admit == NULL)
		return;
	if (admit->waiting != NULL && admit->finished != NULL) {
		drain(admit->waiting);
		queue_close(admit->waiting);
		queue_close(admit->finished);
	}
	for (size_t i = 0; i < admit->worker_count; i++) {
		pthread_join(admit->workers[i].thread, NULL);
		admit_context_clear(&admit->workers[i].context);
	}
	drain(admit->waiting);
	drain(admit->finished);
	for (size_t i = 0; i < ADMIT_JOBS_MAX; i++)
		admit_job_free(admit->done[i]);
	queue_free(admit->waiting);
	queue_free(admit->finished);
	free(admit->workers);
	free(admit);
}

bool
admit_put(struct admit *admit, struct admit_job *job)
{
	/* Not more inside than either queue holds: so a worker never waits to hand back. */
	job->bytes = net_message_size(&job->message);
	job->number = admit->put;
	if (admit->put - admit->taken >= ADMIT_JOBS_MAX || admit->inside_bytes + job->bytes > JOBS_BYTES_MAX ||
		!queue_put(admit->waiting, job))
		return false;
	admit->put++;
	admit->inside_bytes += job->bytes;
	return true;
}

size_t
admit_take(struct admit *admit, struct admit_job *jobs[ADMIT_JOBS_MAX])
{
	size_t got = queue_take(admit->finished, (void **)jobs, ADMIT_JOBS_MAX), count = 0;

	for (size_t i = 0; i < got; i++)
		admit->done[jobs[i]->number % ADMIT_JOBS_MAX] = jobs[i];
	for (struct admit_job **next; *(next = &admit->done[admit->taken % ADMIT_JOBS_MAX]) != NULL; admit->taken++) {
		admit->inside_bytes -= (*next)->bytes;
		jobs[count++] = *next;
		*next = NULL;
	}
	return count;
}

int
admit_fd(const struct admit *admit)
{
	return queue_fd(admit->finished);
}
