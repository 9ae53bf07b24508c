/* `liaison verify`: that the broker's log still is the one that was seen before and holds what this office knows of. */
#include "agents/agent.h"
#include "agents/commands.h"
#include "agents/inbox.h"
#include "agents/item.h"
#include "agents/line.h"
#include "agents/outbox.h"
#include "agents/proving.h"
#include "agents/say.h"
#include "proto/alert_leaf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define CONNECT_MS 10000
#define PAGE PROVING_CHUNK
#define CACHED_BATCHES 4096

static const struct argp argp = {
	.doc = "Prove what can be proven: that the broker's log continues the one that this office saw before, that "
	       "every "
	       "alert in the inbox is signed by its office, and that every one received or published stands in that "
	       "log at "
	       "its place. Says what is not proven, too.\v"
	       "Examples:\n"
	       "  liaison verify\n"
	       "  liaison verify --json\n"
	       "Exit code 65: something does not hold.",
};

/* What was counted of one side. */
struct tally_of {
	uint64_t seen;      /* alerts, of any log */
	uint64_t signed_ok; /* of the inbox */
	uint64_t of_log;    /* of this broker's present log */
	uint64_t proven;
};

struct verifying {
	struct app *app;
	struct agent agent;
	struct batch_cache *cache;
	struct link *link;
	struct proving proving;
	struct progress progress;
	Liaison__Checkpoint *before; /* held before connecting; NULL: none */
	struct tally_of received, published;
	uint64_t failed;
	struct claim *page; /* PAGE of them */
	size_t page_count;
	struct inbox_place next;
	uint64_t next_sequence;
};

/* --- what does not hold ---------------------------------------------------------------------------------------------- */

static void
fail(struct verifying *verifying, const char *id, uint64_t index, enum liaison_err code, const char *sentence)
{
	struct line line;
	struct fault fault;

	verifying->failed++;
	progress_end(&verifying->progress);
	say_error(verifying->app, "%s (record %" PRIu64 ") does not hold: %s: %s", id, index, err_name(code), sentence);
	line_begin(&line, verifying->app);
	line_text(&line, "type", "failed");
	line_text(&line, "id", id);
	line_number(&line, "index", index);
	line_text(&line, "code", err_name(code));
	line_text(&line, "message", sentence);
	if (line_end(&line, &fault) != LIAISON_OK)
		say_fault(verifying->app, &fault);
}

static void
on_failed_claim(void *arg, const struct claim *claim, enum liaison_err code, const char *sentence)
{
	fail(arg, claim->id, claim->index, code, sentence);
}

/* --- the inbox: signatures, and leaves to be proven ------------------------------------------------------------------ */

static void
claim_of(const struct inbox_row *row, struct claim *claim)
{
	*claim = (struct claim){.index = row->place.index, .body_hash = row->body_hash};
	snprintf(claim->id, sizeof claim->id, "%s", row->id);
}

static enum liaison_err
leaf_of(const struct inbox_row *row, const struct item *item, struct claim *claim, struct fault *fault)
{
	Liaison__Origin *origin =
		row->origin != NULL ? liaison__origin__unpack(NULL, row->origin_len, row->origin) : NULL;
	enum liaison_err err =
		alert_leaf(item->admitted.facts, &item->admitted.body_hash, &item->envelope.key, origin, &claim->leaf);

	if (origin != NULL)
		liaison__origin__free_unpacked(origin, NULL);
	claim->has_leaf = true;
	return err == LIAISON_OK ? LIAISON_OK : fault_set(fault, err, "out of memory");
}

/* Verified as on its first day, but for release, which is not a question of proof. *is_good: it may be claimed. */
static enum liaison_err
verify_row(struct verifying *verifying, const struct inbox_row *row, struct claim *claim, bool *is_good,
	struct fault *fault)
{
	const struct item_context context = {.trust = verifying->agent.trust,
		.office = verifying->agent.home->office.text,
		.cache = verifying->cache,
		.now = app_now(verifying->app),
		.was_released = true};
	Liaison__DeliveryItem wire = LIAISON__DELIVERY_ITEM__INIT;
	struct item item;

	*is_good = false;
	wire.envelope = liaison__envelope__unpack(NULL, row->envelope_len, row->envelope);
	enum liaison_err err = item_judge(&context, &row->place, &wire, &item);
	if (err != LIAISON_OK) {
		err = fault_set(fault, err, "out of memory");
	} else if (item.type == ITEM_UNVERIFIED) {
		fail(verifying, row->id, row->place.index, item.why.code, item.why.message);
	} else if (!digest_equal(&item.admitted.body_hash, &row->body_hash)) {
		fail(verifying, row->id, row->place.index, LIAISON_CORRUPT,
			"post.db holds another body than was received");
	} else {
		verifying->received.signed_ok++;
		*is_good = true;
		err = leaf_of(row, &item, claim, fault);
	}
	if (err != LIAISON_NO_MEMORY)
		item_clear(&item);
	if (wire.envelope != NULL)
		liaison__envelope__free_unpacked(wire.envelope, NULL);
	return err;
}

static bool
is_of_log(const struct verifying *verifying, const char *broker, const uint8_t *epoch)
{
	const Liaison__Checkpoint *checkpoint = link_checkpoint(verifying->link);

	return checkpoint != NULL && broker != NULL && strcmp(broker, link_broker(verifying->link)) == 0 &&
	       checkpoint->epoch.len == EPOCH_BYTES && memcmp(checkpoint->epoch.data, epoch, EPOCH_BYTES) == 0;
}

static enum liaison_err
take_row(void *arg, const struct inbox_row *row, struct fault *fault)
{
	struct verifying *verifying = arg;
	struct claim *claim = &verifying->page[verifying->page_count];
	bool is_good = true;

	verifying->next.index = row->place.index + 1;
	verifying->received.seen++;
	claim_of(row, claim);
	if (row->envelope == NULL)
		claim->leaf = row->leaf_hash; /* erased: the hash that stays */
	claim->has_leaf = row->envelope == NULL;
	enum liaison_err err = row->envelope != NULL ? verify_row(verifying, row, claim, &is_good, fault) : LIAISON_OK;
	if (err == LIAISON_OK && is_good && is_of_log(verifying, row->place.broker, row->place.epoch))
		verifying->page_count++;
	progress_set(&verifying->progress, verifying->received.seen + verifying->published.seen, NULL);
	return err;
}

/* Asked for outside of the walk, which holds a lock on post.db. */
static enum liaison_err
prove_page(struct verifying *verifying, struct tally_of *tally, struct fault *fault)
{
	uint64_t before = verifying->proving.proven;
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; err == LIAISON_OK && i < verifying->page_count; i++)
		err = proving_add(&verifying->proving, &verifying->page[i], fault);
	if (err == LIAISON_OK)
		err = proving_finish(&verifying->proving, fault);
	tally->of_log += verifying->page_count;
	tally->proven += verifying->proving.proven - before;
	verifying->page_count = 0;
	return err;
}

struct log_list {
	struct inbox_place *logs;
	size_t count;
};

static enum liaison_err
take_log(void *arg, const struct inbox_place *log, struct fault *fault)
{
	struct log_list *list = arg;
	struct inbox_place *grown = realloc(list->logs, (list->count + 1) * sizeof *grown);

	if (grown == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	list->logs = grown;
	grown[list->count] = *log;
	grown[list->count].broker = strdup(log->broker);
	list->count++;
	return LIAISON_OK;
}

static enum liaison_err
verify_log_of_inbox(struct verifying *verifying, struct fault *fault)
{
	for (;;) {
		uint64_t seen = verifying->received.seen;
		enum liaison_err err =
			inbox_each_of_log(verifying->agent.post, &verifying->next, PAGE, take_row, verifying, fault);
		if (err == LIAISON_OK)
			err = prove_page(verifying, &verifying->received, fault);
		if (err != LIAISON_OK || verifying->received.seen == seen)
			return err;
	}
}

static enum liaison_err
verify_inbox(struct verifying *verifying, struct fault *fault)
{
	struct log_list list = {0};
	enum liaison_err err = inbox_each_log(verifying->agent.post, take_log, &list, fault);

	for (size_t i = 0; err == LIAISON_OK && i < list.count; i++) {
		verifying->next = list.logs[i];
		verifying->next.index = 0;
		err = list.logs[i].broker != NULL ? verify_log_of_inbox(verifying, fault)
						  : fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	for (size_t i = 0; i < list.count; i++)
		free((void *)(uintptr_t)list.logs[i].broker);
	free(list.logs);
	return err;
}

static enum liaison_err
take_conflict(void *arg, const char *id, struct fault *fault)
{
	(void)fault;
	fail(arg, id, 0, LIAISON_EQUIVOCATION,
		"its office signed two different bodies under this id; the inbox has both");
	return LIAISON_OK;
}

/* --- the outbox ------------------------------------------------------------------------------------------------------ */

static enum liaison_err
take_own(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct verifying *verifying = arg;
	struct claim *claim = &verifying->page[verifying->page_count];
	const struct alert_id id = {.office = verifying->agent.home->office, .sequence = row->sequence};

	verifying->next_sequence = row->sequence + 1;
	verifying->published.seen++;
	*claim = (struct claim){.index = row->index, .body_hash = row->body_hash};
	alert_id_format(&id, claim->id);
	if (is_of_log(verifying, row->broker, row->epoch))
		verifying->page_count++;
	progress_set(&verifying->progress, verifying->received.seen + verifying->published.seen, NULL);
	/* A full page ends the walk; it goes on after the proofs. */
	return verifying->page_count < PAGE ? LIAISON_OK : fault_set(fault, LIAISON_DEFERRED, "a page is full");
}

static enum liaison_err
verify_outbox(struct verifying *verifying, struct fault *fault)
{
	enum liaison_err err = LIAISON_DEFERRED;

	while (err == LIAISON_DEFERRED) {
		err = outbox_each(verifying->agent.post, verifying->next_sequence, OUTBOX_BIT(OUTBOX_ACCEPTED),
			take_own, verifying, fault);
		if (err != LIAISON_OK && err != LIAISON_DEFERRED)
			return err;
		enum liaison_err proved = prove_page(verifying, &verifying->published, fault);
		if (proved != LIAISON_OK)
			return proved;
	}
	return err;
}

/* --- report ---------------------------------------------------------------------------------------------------------- */

static void
report_tally(const struct verifying *verifying, const char *what, const struct tally_of *tally)
{
	say_result(verifying->app,
		"%" PRIu64 " of %" PRIu64 " alerts that this office %s stand in that log, each at its place",
		tally->proven, tally->of_log, what);
	if (tally->seen > tally->of_log)
		say_result(verifying->app,
			"not checked: %" PRIu64
			" that this office %s belong to another broker's log or to an earlier one, or "
			"did not verify",
			tally->seen - tally->of_log, what);
}

static void
report_text(const struct verifying *verifying, const Liaison__Checkpoint *now)
{
	const struct app *app = verifying->app;
	const char *broker = link_broker(verifying->link);
	char at[RFC3339_BYTES];

	if (verifying->before != NULL) {
		time_format(verifying->before->time, at);
		say_result(app,
			"the log of %s at %" PRIu64 " records continues the one that this office saw at %" PRIu64
			" (%s): nothing "
			"before that was changed, reordered or removed",
			broker, now->size, verifying->before->size, at);
	} else {
		say_result(app, "the log of %s was seen for the first time, at %" PRIu64 " records", broker, now->size);
	}
	say_result(app, "%" PRIu64 " of %" PRIu64 " alerts in the inbox are signed by the office that their id names",
		verifying->received.signed_ok, verifying->received.seen);
	report_tally(verifying, "received", &verifying->received);
	report_tally(verifying, "published", &verifying->published);
	say_result(app,
		"not proven: that %s gave this office everything it should have (for that there are acknowledgements "
		"and "
		"tallies), and that it shows others the same log (for that, its neighbours' witness); this version has "
		"neither yet",
		broker);
}

static enum liaison_err
report(const struct verifying *verifying, struct fault *fault)
{
	const Liaison__Checkpoint *now = link_checkpoint(verifying->link);
	struct line line;

	report_text(verifying, now);
	line_begin(&line, verifying->app);
	line_text(&line, "type", "verified");
	line_text(&line, "broker", link_broker(verifying->link));
	line_bytes(&line, "epoch", now->epoch.data, now->epoch.len);
	if (verifying->before != NULL)
		line_number(&line, "fromSize", verifying->before->size);
	line_number(&line, "size", now->size);
	line_bytes(&line, "rootHash", now->root.data, now->root.len);
	line_number(&line, "inbox", verifying->received.seen);
	line_number(&line, "inboxSigned", verifying->received.signed_ok);
	line_number(&line, "inboxOfLog", verifying->received.of_log);
	line_number(&line, "inboxProven", verifying->received.proven);
	line_number(&line, "published", verifying->published.seen);
	line_number(&line, "publishedOfLog", verifying->published.of_log);
	line_number(&line, "publishedProven", verifying->published.proven);
	line_number(&line, "failed", verifying->failed);
	return line_end(&line, fault);
}

/* --- all of it ------------------------------------------------------------------------------------------------------- */

/* What is held of the brokers of office.conf before one of them is asked: link_open replaces it. */
static void
remember(struct verifying *verifying, Liaison__Checkpoint **held)
{
	const struct home *home = verifying->agent.home;
	struct fault ignored; /* none held, or damaged: link_open looks again and says so */

	for (size_t i = 0; i < home->broker_count; i++)
		if (home->brokers[i].id.text[0] == '\0' ||
			post_checkpoint(verifying->agent.post, home->brokers[i].id.text, &held[i], &ignored) !=
				LIAISON_OK)
			held[i] = NULL;
}

static enum liaison_err
connect_to_broker(struct verifying *verifying, struct fault *fault)
{
	const struct home *home = verifying->agent.home;
	Liaison__Checkpoint *held[HOME_BROKERS_MAX] = {NULL};

	remember(verifying, held);
	enum liaison_err err =
		agent_connect(&verifying->agent, app_monotonic(verifying->app) + CONNECT_MS, &verifying->link, fault);
	for (size_t i = 0; i < home->broker_count; i++) {
		bool is_asked =
			err == LIAISON_OK && strcmp(home->brokers[i].id.text, link_broker(verifying->link)) == 0;
		if (is_asked && verifying->before == NULL)
			verifying->before = held[i];
		else if (held[i] != NULL)
			liaison__checkpoint__free_unpacked(held[i], NULL);
	}
	if (err == LIAISON_OK && link_checkpoint(verifying->link) == NULL)
		err = fault_set(fault, LIAISON_NOT_FOUND, "%s has no log yet", link_broker(verifying->link));
	return err;
}

static enum liaison_err
verify_all(struct verifying *verifying, struct fault *fault)
{
	uint64_t inbox = 0, outbox = 0;

	enum liaison_err err = connect_to_broker(verifying, fault);
	if (err == LIAISON_OK)
		err = inbox_count(verifying->agent.post, &inbox, fault);
	if (err == LIAISON_OK)
		err = outbox_count(verifying->agent.post, OUTBOX_BIT(OUTBOX_ACCEPTED), &outbox, fault);
	if (err != LIAISON_OK)
		return err;
	proving_init(&verifying->proving, verifying->link, on_failed_claim, verifying);
	progress_begin(&verifying->progress, verifying->app, "verified", inbox + outbox);
	err = verify_inbox(verifying, fault);
	if (err == LIAISON_OK)
		err = inbox_each_conflict(verifying->agent.post, take_conflict, verifying, fault);
	if (err == LIAISON_OK)
		err = verify_outbox(verifying, fault);
	progress_end(&verifying->progress);
	if (err == LIAISON_OK)
		err = link_keep_checkpoint(verifying->link, fault);
	return err == LIAISON_OK ? report(verifying, fault) : err;
}

int
command_verify(struct app *app, int argc, char **argv)
{
	struct fault fault;

	command_parse(app, &argp, argc, argv, NULL);
	struct verifying *verifying = calloc(1, sizeof *verifying);
	struct claim *page = calloc(PAGE, sizeof *page);
	enum liaison_err err = LIAISON_NO_MEMORY;
	if (verifying == NULL || page == NULL) {
		fault_set(&fault, err, "out of memory");
		free(verifying);
		free(page);
		return say_fault(app, &fault);
	}
	verifying->app = app;
	verifying->page = page;
	verifying->next_sequence = 1;
	verifying->cache = batch_cache_new(CACHED_BATCHES);
	err = agent_open(app, AGENT_ALL, &verifying->agent, &fault);
	if (err == LIAISON_OK)
		err = verify_all(verifying, &fault);
	int exit_code = err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
	if (verifying->failed > 0)
		exit_code = err_worse_exit(exit_code, EX_DATAERR);
	link_close(verifying->link);
	agent_close(&verifying->agent);
	if (verifying->before != NULL)
		liaison__checkpoint__free_unpacked(verifying->before, NULL);
	batch_cache_free(verifying->cache);
	free(page);
	free(verifying);
	return exit_code;
}
