#include "agents/dispatch_internal.h"

#include "proto/alert_leaf.h"
#include "proto/frame.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_DEFAULT 4
#define RETRY_MS 500
#define RETRY_MAX_MS 8000

struct dispatch *
dispatch_new(struct agent *agent, struct link *link, settled_fn *settled, void *arg)
{
	struct dispatch *dispatch = calloc(1, sizeof *dispatch);
	const Liaison__Limits *limits = link_welcome(link)->limits;

	if (dispatch == NULL)
		return NULL;
	dispatch->agent = agent;
	dispatch->link = link;
	dispatch->settled = settled;
	dispatch->arg = arg;
	dispatch->window = limits != NULL && limits->submits_in_flight > 0 ? limits->submits_in_flight : WINDOW_DEFAULT;
	if (dispatch->window > DISPATCH_WINDOW_MAX)
		dispatch->window = DISPATCH_WINDOW_MAX;
	dispatch->retry_ms = RETRY_MS;
	dispatch->heard_ms = app_monotonic(agent->app);
	return dispatch;
}

void
dispatch_free(struct dispatch *dispatch)
{
	if (dispatch == NULL)
		return;
	for (size_t i = 0; i < dispatch->count; i++)
		flight_clear(&dispatch->flights[i]);
	if (dispatch->checkpoint != NULL)
		liaison__checkpoint__free_unpacked(dispatch->checkpoint, NULL);
	free(dispatch);
}

int64_t
dispatch_heard_ms(const struct dispatch *dispatch)
{
	return dispatch->heard_ms;
}

/* --- the broker's word ----------------------------------------------------------------------------------------------- */

/* The open alert of this leaf of a submit whose body the broker could not even read. */
static struct outbox_item *
find_leaf(struct dispatch *dispatch, uint32_t request, uint32_t leaf, struct flight **flight, size_t *at)
{
	for (size_t f = 0; f < dispatch->count; f++) {
		struct flight *one = &dispatch->flights[f];
		if (request < one->first_request || request > one->last_request)
			continue;
		for (size_t i = 0; i < one->batch.count; i++)
			if (one->is_open[i] && one->batch.items[i].sequence == one->batch.first + leaf) {
				*flight = one;
				*at = i;
				return &one->batch.items[i];
			}
	}
	return NULL;
}

/* The open alert of this id; NULL: none of ours, or settled already. */
static struct outbox_item *
find_item(struct dispatch *dispatch, const char *id, const ProtobufCBinaryData *body_hash, struct flight **flight,
	size_t *at)
{
	struct alert_id parsed;

	if (id == NULL || alert_id_parse(id, &parsed, NULL) != LIAISON_OK ||
		!office_id_equal(&parsed.office, &dispatch->agent->home->office) || parsed.is_reply)
		return NULL;
	for (size_t f = 0; f < dispatch->count; f++) {
		struct outbox_batch *batch = &dispatch->flights[f].batch;
		if (parsed.sequence < batch->first || parsed.sequence >= batch->first + batch->leaf_count)
			continue;
		/* Ascending, and few are missing: it stands where its leaf says, or a little before. */
		size_t i = (size_t)(parsed.sequence - batch->first);
		i = i < batch->count ? i : batch->count - 1;
		while (i > 0 && batch->items[i].sequence > parsed.sequence)
			i--;
		struct outbox_item *item = &batch->items[i];
		if (item->sequence != parsed.sequence || !dispatch->flights[f].is_open[i] ||
			body_hash->len != DIGEST_BYTES ||
			memcmp(body_hash->data, item->body_hash.bytes, DIGEST_BYTES) != 0)
			return NULL;
		*flight = &dispatch->flights[f];
		*at = i;
		return item;
	}
	return NULL;
}

static void
close_item(struct flight *flight, size_t at)
{
	flight->is_open[at] = false;
	flight->open--;
}

static void
drop_closed(struct dispatch *dispatch)
{
	size_t kept = 0;

	for (size_t i = 0; i < dispatch->count; i++) {
		if (dispatch->flights[i].open == 0)
			flight_clear(&dispatch->flights[i]);
		else
			dispatch->flights[kept++] = dispatch->flights[i];
	}
	dispatch->count = kept;
}

/* The leaf of the log that the receipt must prove: from the header that came along, or from the body. */
static enum liaison_err
leaf_of(struct dispatch *dispatch, const struct flight *flight, const struct outbox_item *item,
	const Liaison__ReceiptItem *receipt, struct digest *leaf, struct fault *fault)
{
	struct facts *facts = NULL;
	const Liaison__AlertHeader *header = receipt->header;
	struct key_id key = flight->batch.key;

	if (header != NULL) {
		bool is_same = header->id != NULL && strcmp(header->id, receipt->id) == 0 &&
			       header->body_hash.len == DIGEST_BYTES && header->key.len == KEY_ID_BYTES &&
			       memcmp(header->body_hash.data, item->body_hash.bytes, DIGEST_BYTES) == 0;
		if (!is_same)
			return fault_set(fault, LIAISON_INCONSISTENT,
				"the receipt of %s comes with another alert's header", receipt->id);
		memcpy(key.bytes, header->key.data, KEY_ID_BYTES);
	}
	Liaison__Alert *alert = liaison__alert__unpack(NULL, item->body_len, item->body);
	if (alert == NULL)
		return fault_set(fault, LIAISON_CORRUPT, "the outbox's copy of %s is damaged", receipt->id);
	enum liaison_err err = facts_new(alert, dispatch->agent->crossings, &facts, fault);
	if (err == LIAISON_OK)
		err = alert_leaf(facts, &item->body_hash, &key, header != NULL ? header->origin : NULL, leaf);
	facts_free(facts);
	liaison__alert__free_unpacked(alert, NULL);
	return err;
}

static enum liaison_err
verify_receipt(struct dispatch *dispatch, const struct flight *flight, const struct outbox_item *item,
	const Liaison__ReceiptItem *receipt, const Liaison__Checkpoint *checkpoint, struct fault *fault)
{
	struct digest leaf, root;
	struct merkle_path path;

	enum liaison_err err = leaf_of(dispatch, flight, item, receipt, &leaf, fault);
	if (err == LIAISON_OK)
		err = path_from_wire(receipt->n_path, receipt->path, &path, fault);
	if (err != LIAISON_OK)
		return err;
	memcpy(root.bytes, checkpoint->root.data, DIGEST_BYTES);
	if (merkle_verify_inclusion(&leaf, receipt->index, checkpoint->size, path.nodes, path.len, &root) != LIAISON_OK)
		return fault_set(fault, LIAISON_INCONSISTENT,
			"the receipt of %s does not prove that it is in the log of %s; tell its operator and keep this "
			"message",
			receipt->id, link_broker(dispatch->link));
	return LIAISON_OK;
}

static void
tell(struct dispatch *dispatch, const struct outbox_item *item, const char *id, const struct settled *word)
{
	struct settled settled = *word;

	settled.sequence = item->sequence;
	settled.id = id;
	settled.job = item->job;
	settled.line = item->line;
	settled.broker = link_broker(dispatch->link);
	if (settled.is_final)
		dispatch->heard_ms = app_monotonic(dispatch->agent->app);
	dispatch->settled(dispatch->arg, &settled);
}

static void
remember_checkpoint(struct dispatch *dispatch, const Liaison__Checkpoint *checkpoint)
{
	if (dispatch->checkpoint != NULL && dispatch->checkpoint->size >= checkpoint->size)
		return;
	size_t len = liaison__checkpoint__get_packed_size(checkpoint);
	uint8_t *bytes = malloc(len);
	if (bytes == NULL)
		return; /* the next session proves from the one before */
	liaison__checkpoint__pack(checkpoint, bytes);
	Liaison__Checkpoint *copy = liaison__checkpoint__unpack(NULL, len, bytes);
	free(bytes);
	if (copy == NULL)
		return;
	if (dispatch->checkpoint != NULL)
		liaison__checkpoint__free_unpacked(dispatch->checkpoint, NULL);
	dispatch->checkpoint = copy;
}

/* Commits first, tells afterwards. */
static enum liaison_err
take_receipt(struct dispatch *dispatch, const Liaison__Receipt *receipt, struct fault *fault)
{
	struct post *post = dispatch->agent->post;
	const Liaison__Checkpoint *checkpoint = receipt->checkpoint;
	int64_t now = app_now(dispatch->agent->app);
	struct flight *flight = NULL;
	size_t at = 0;

	if (checkpoint == NULL)
		return fault_set(
			fault, LIAISON_INCONSISTENT, "a receipt of %s has no checkpoint", link_broker(dispatch->link));
	enum liaison_err err = link_check_checkpoint(dispatch->link, checkpoint, fault);
	if (err == LIAISON_OK)
		err = post_begin(post, fault);
	for (size_t i = 0; err == LIAISON_OK && i < receipt->n_items; i++) {
		const Liaison__ReceiptItem *word = receipt->items[i];
		struct outbox_item *item = find_item(dispatch, word->id, &word->body_hash, &flight, &at);
		if (item == NULL)
			continue;
		err = verify_receipt(dispatch, flight, item, word, checkpoint, fault);
		if (err == LIAISON_OK)
			err = outbox_accept(post, item->sequence, link_broker(dispatch->link), checkpoint->epoch.data,
				word->index, now, fault);
	}
	if (err == LIAISON_OK)
		err = post_commit(post, fault);
	if (err != LIAISON_OK) {
		post_rollback(post);
		return err;
	}
	remember_checkpoint(dispatch, checkpoint);
	for (size_t i = 0; i < receipt->n_items; i++) {
		const Liaison__ReceiptItem *word = receipt->items[i];
		struct outbox_item *item = find_item(dispatch, word->id, &word->body_hash, &flight, &at);
		if (item == NULL)
			continue;
		tell(dispatch, item, word->id,
			&(struct settled){
				.is_accepted = true, .is_final = true, .index = word->index, .checkpoint = checkpoint});
		close_item(flight, at);
	}
	dispatch->retry_ms = RETRY_MS;
	return LIAISON_OK;
}

static enum liaison_err
refuse_one(struct dispatch *dispatch, const struct outbox_item *item, enum liaison_err code, const char *message,
	struct fault *fault)
{
	if (err_is_for_now(code)) {
		dispatch->has_deferred = true;
		dispatch->retry_at_ms = app_monotonic(dispatch->agent->app) + dispatch->retry_ms;
	}
	return outbox_refuse(
		dispatch->agent->post, item->sequence, code, message, app_now(dispatch->agent->app), fault);
}

static void
tell_refusal(struct dispatch *dispatch, struct flight *flight, size_t at, enum liaison_err code, const char *message)
{
	const struct outbox_item *item = &flight->batch.items[at];
	struct alert_id id = {.office = dispatch->agent->home->office, .sequence = item->sequence};
	char text[ALERT_ID_BYTES];

	alert_id_format(&id, text);
	close_item(flight, at);
	tell(dispatch, item, text,
		&(struct settled){.is_final = !err_is_for_now(code), .code = code, .message = message});
}

/* What the broker says that no version of ours knows counts as refused for good: sending it again is no cure. */
static enum liaison_err
code_of(protobuf_c_boolean has_code, Liaison__Code code)
{
	enum liaison_err err = (enum liaison_err)code;
	return has_code && err_is_refusal(err) ? err : LIAISON_NOT_PERMITTED;
}

/* The whole submit was refused: every alert of that request that is still open. */
static enum liaison_err
take_whole_refusal(struct dispatch *dispatch, const Liaison__Refusal *refusal, struct fault *fault)
{
	enum liaison_err code = code_of(refusal->has_code, refusal->code);
	const char *message = refusal->message != NULL ? refusal->message : err_meaning(code);
	enum liaison_err err = post_begin(dispatch->agent->post, fault);

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t f = 0; f < dispatch->count; f++) {
			struct flight *flight = &dispatch->flights[f];
			if (refusal->request < flight->first_request || refusal->request > flight->last_request)
				continue;
			for (size_t i = 0; i < flight->batch.count && err == LIAISON_OK; i++) {
				if (!flight->is_open[i])
					continue;
				if (pass == 0)
					err = refuse_one(dispatch, &flight->batch.items[i], code, message, fault);
				else
					tell_refusal(dispatch, flight, i, code, message);
			}
		}
		if (pass == 0 && err == LIAISON_OK)
			err = post_commit(dispatch->agent->post, fault);
		if (err != LIAISON_OK) {
			post_rollback(dispatch->agent->post);
			return err;
		}
	}
	return LIAISON_OK;
}

static struct outbox_item *
find_refused(struct dispatch *dispatch, const Liaison__Refusal *refusal, const Liaison__RefusalItem *word,
	struct flight **flight, size_t *at)
{
	return word->id != NULL ? find_item(dispatch, word->id, &word->body_hash, flight, at)
				: find_leaf(dispatch, refusal->request, word->leaf, flight, at);
}

static enum liaison_err
take_refusal(struct dispatch *dispatch, const Liaison__Refusal *refusal, struct fault *fault)
{
	struct flight *flight = NULL;
	size_t at = 0;

	if (refusal->n_items == 0)
		return take_whole_refusal(dispatch, refusal, fault);
	enum liaison_err err = post_begin(dispatch->agent->post, fault);
	for (size_t i = 0; err == LIAISON_OK && i < refusal->n_items; i++) {
		const Liaison__RefusalItem *word = refusal->items[i];
		struct outbox_item *item = find_refused(dispatch, refusal, word, &flight, &at);
		if (item != NULL)
			err = refuse_one(dispatch, item, code_of(word->has_code, word->code), word->message, fault);
	}
	if (err == LIAISON_OK)
		err = post_commit(dispatch->agent->post, fault);
	if (err != LIAISON_OK) {
		post_rollback(dispatch->agent->post);
		return err;
	}
	for (size_t i = 0; i < refusal->n_items; i++) {
		const Liaison__RefusalItem *word = refusal->items[i];
		if (find_refused(dispatch, refusal, word, &flight, &at) != NULL)
			tell_refusal(dispatch, flight, at, code_of(word->has_code, word->code),
				word->message != NULL ? word->message : "");
	}
	return LIAISON_OK;
}

/* --- one step -------------------------------------------------------------------------------------------------------- */

static enum liaison_err
send_all(struct dispatch *dispatch, struct fault *fault)
{
	bool is_sent = true;
	enum liaison_err err = LIAISON_OK;

	if (dispatch->has_deferred && dispatch->count == 0 &&
		app_monotonic(dispatch->agent->app) >= dispatch->retry_at_ms) {
		dispatch->has_deferred = false;
		dispatch->after = 0;
		dispatch->retry_ms = dispatch->retry_ms * 2 < RETRY_MAX_MS ? dispatch->retry_ms * 2 : RETRY_MAX_MS;
	}
	while (err == LIAISON_OK && is_sent && dispatch->count < dispatch->window)
		err = dispatch_send_next(dispatch, &is_sent, fault);
	return err;
}

static enum liaison_err
take_frame(struct dispatch *dispatch, const Liaison__Frame *frame, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (frame->frame_case == LIAISON__FRAME__FRAME_RECEIPT)
		err = take_receipt(dispatch, frame->receipt, fault);
	else if (frame->frame_case == LIAISON__FRAME__FRAME_REFUSAL)
		err = take_refusal(dispatch, frame->refusal, fault);
	else
		return LIAISON_OK;
	drop_closed(dispatch);
	return err;
}

static enum dispatch_state
state_of(const struct dispatch *dispatch)
{
	if (dispatch->count == 0 && !dispatch->has_deferred)
		return DISPATCH_DONE;
	return dispatch->count < dispatch->window ? DISPATCH_ROOM : DISPATCH_FULL;
}

enum dispatch_state
dispatch_step(struct dispatch *dispatch, int timeout_ms, struct fault *fault)
{
	Liaison__Frame *frame = NULL;

	if (send_all(dispatch, fault) != LIAISON_OK)
		return DISPATCH_LOST;
	if (state_of(dispatch) == DISPATCH_DONE)
		return DISPATCH_DONE;
	int64_t retry_in = dispatch->has_deferred && dispatch->count == 0
				   ? dispatch->retry_at_ms - app_monotonic(dispatch->agent->app)
				   : timeout_ms;
	if (retry_in < timeout_ms)
		timeout_ms = retry_in > 0 ? (int)retry_in : 0;
	int stop_fd = dispatch->agent->stop_fd > 0 ? dispatch->agent->stop_fd : -1;
	enum link_event event = link_wait(dispatch->link, timeout_ms, stop_fd, &frame, fault);
	if (event == LINK_LOST)
		return DISPATCH_LOST;
	if (event == LINK_FRAME) {
		enum liaison_err err = take_frame(dispatch, frame, fault);
		frame_free(frame);
		if (err != LIAISON_OK)
			return DISPATCH_LOST;
	}
	return state_of(dispatch);
}

enum liaison_err
dispatch_finish(struct dispatch *dispatch, struct fault *fault)
{
	const Liaison__Checkpoint *held = link_checkpoint(dispatch->link);

	if (dispatch->checkpoint == NULL || (held != NULL && held->size >= dispatch->checkpoint->size))
		return LIAISON_OK;
	enum liaison_err err = link_prove_checkpoint(dispatch->link, dispatch->checkpoint, fault);
	return err == LIAISON_OK ? link_keep_checkpoint(dispatch->link, fault) : err;
}
