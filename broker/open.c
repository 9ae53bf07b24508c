/*
 * Opening what a core holds, in the order in which each part needs the one before: keys, root keys, state, the log (which
 * says what was adopted and rebuilds the index), what the trust folder has that is newer, the broker's own identity,
 * feeds, workers. And closing it.
 */
#include "broker/core.h"

#include "broker/note.h"
#include "proto/edge/disk.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKETS_EXTRA 64

static enum liaison_err
open_keys(struct core *core, struct fault *fault)
{
	const char *path = core->config->key_file;
	enum liaison_err err = keyfile_load(path, NULL, &core->keys, NULL, fault);

	if (err == LIAISON_NOT_FOUND)
		err = fault_set(fault, LIAISON_BAD_CONFIG,
			"there is no file %s: make this broker's keys with liaisond --init, or say in key_file where "
			"they are",
			path);
	return err;
}

static enum liaison_err
open_trust(struct core *core, struct fault *fault)
{
	char *path = path_join(core->config->trust_dir, "root.keys");
	enum liaison_err err = path != NULL ? rootkeys_read(path, &core->trust, fault)
					    : fault_set(fault, LIAISON_NO_MEMORY, "no memory for a path");

	if (err == LIAISON_NOT_FOUND)
		err = fault_set(fault, LIAISON_BAD_CONFIG,
			"there is no file %s, on which all trust rests: bring it with liaison trust import root.keys "
			"charter",
			path);
	free(path);
	if (err != LIAISON_OK)
		return err;
	snprintf(core->network, sizeof core->network, "%s", trust_network(core->trust));
	return LIAISON_OK;
}

/* Keys that are not valid now, on a roster that is of tomorrow: it is the clock. */
static enum liaison_err
blame_clock(const struct core *core, const struct office *self, struct fault *fault)
{
	const Liaison__Roster *roster = self->member->roster;
	char now[RFC3339_BYTES], issued[RFC3339_BYTES];

	if (roster == NULL || roster->issued <= core_now(core))
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"the roster gives %s other keys than %s, or they are not valid now: have the new card enrolled",
			core->config->id, core->config->key_file);
	time_format(core_now(core), now);
	time_format(roster->issued, issued);
	return fault_set(fault, LIAISON_BAD_CONFIG,
		"this computer's clock says %s, but the roster of %s was issued at %s: set the clock", now,
		self->member->code, issued);
}

/* The keys in the file must be the ones that the roster gives this broker. */
static enum liaison_err
check_identity(struct core *core, struct fault *fault)
{
	const struct office *self = trust_office(core->trust, core->config->id);
	struct key_id checkpoint, transport;
	struct public_key found;

	if (self == NULL)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"no roster in %s names %s: have its card (made by --init) enrolled and put the signed roster "
			"there",
			core->config->trust_dir, core->config->id);
	if (core->keys->owner != KEYS_BROKER)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s has no checkpoint key: it is an office's, not a broker's", core->config->key_file);
	key_id_of(&core->keys->checkpoint_public, &checkpoint);
	key_id_of(&core->keys->transport_public, &transport);
	if (office_key(self, KEY_CHECKPOINT, &checkpoint, core_now(core), &found, NULL) != LIAISON_OK ||
		office_key(self, KEY_TRANSPORT, &transport, core_now(core), &found, NULL) != LIAISON_OK)
		return blame_clock(core, self, fault);
	return LIAISON_OK;
}

struct rebuild {
	struct core *core;
	struct fault *fault;
	uint64_t seen_size;       /* of the log, when the store last heard of cursors */
	struct trust *seen_trust; /* as it was then; owned */
};

static enum liaison_err
rebuild_alert(
	struct core *core, const struct stored_record *record, const struct log_location *location, struct fault *fault)
{
	struct facts *facts = NULL;
	enum liaison_err err = lookup_parse(core, record, &facts, fault);

	if (err != LIAISON_OK)
		return err;
	/* The header, which the leaf covers, names the body's hash. */
	Liaison__AlertHeader *header =
		liaison__alert_header__unpack(NULL, record->record.header_len, record->record.header);
	struct digest body_hash;
	if (header != NULL && header->body_hash.len == DIGEST_BYTES) {
		memcpy(body_hash.bytes, header->body_hash.data, DIGEST_BYTES);
		err = index_add(core->index, RECORD_ALERT, &record->leaf, location, facts, &body_hash);
	} else {
		err = fault_set(
			fault, LIAISON_CORRUPT, "record %llu has no body hash", (unsigned long long)record->index);
	}
	if (header != NULL)
		liaison__alert_header__free_unpacked(header, NULL);
	facts_free(facts);
	return err;
}

/* Of two bodies under one id one record is kept, also when they come again after a restart. */
static void
note_evidence(struct core *core, const struct stored_record *record)
{
	Liaison__EvidenceHeader *header =
		liaison__evidence_header__unpack(NULL, record->record.header_len, record->record.header);
	struct alert_id id;
	uint64_t at;

	if (header != NULL && header->type == LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_EQUIVOCATION &&
		header->about != NULL && alert_id_parse(header->about, &id, NULL) == LIAISON_OK &&
		index_find(core->index, &id, &at))
		index_set_evidence(core->index, at);
	if (header != NULL)
		liaison__evidence_header__free_unpacked(header, NULL);
}

/* Each record of the log, at start. Damaged ones keep their place, so that indexes stay what they are. */
static enum liaison_err
on_record(void *arg, const struct stored_record *record, const struct log_location *location)
{
	struct rebuild *rebuild = arg;
	struct core *core = rebuild->core;

	if (record->index == rebuild->seen_size)
		rebuild->seen_trust = trust_ref(core->trust);
	if (record->damage == 0 && record->record.type == RECORD_ALERT)
		return rebuild_alert(core, record, location, rebuild->fault);
	static const struct log_location nowhere = {0};
	bool is_lost = (record->damage & RECORD_LOST) != 0;
	enum liaison_err err = index_add(
		core->index, (uint8_t)record->record.type, &record->leaf, is_lost ? &nowhere : location, NULL, NULL);
	if (err == LIAISON_OK && record->damage != 0) {
		index_set_damaged(core->index, record->index);
	} else if (err == LIAISON_OK &&
		   (record->record.type == RECORD_TRUST || record->record.type == RECORD_SUSPENSION)) {
		err = adopt_record(core, record, rebuild->fault);
	} else if (err == LIAISON_OK && record->record.type == RECORD_EVIDENCE) {
		note_evidence(core, record);
	}
	return err;
}

static void
on_finding(void *arg, const struct log_finding *finding)
{
	char text[512], quoted[256];

	(void)arg;
	log_finding_text(finding, text, sizeof text);
	note(NOTE_WARNING, "log-finding", "message=%s", note_quote(text, quoted));
}

static enum liaison_err
make_log(const struct log_options *options, struct fault *fault)
{
	struct epoch epoch;

	rng_fill(options->rng, epoch.bytes, sizeof epoch.bytes);
	return log_create(options, &epoch, fault);
}

/* A log that lost its end can look like one that a crash left: what was seen of it before says which. */
static void
check_log_seen(struct core *core, const struct stored_log *seen)
{
	struct digest root;
	char why[256];

	if (core->is_tree_lost)
		return;
	if (memcmp(seen->epoch, core->epoch.bytes, sizeof seen->epoch) != 0) {
		core_set_read_only(core, "the log is of another epoch than the one that state.db belongs to");
		return;
	}
	if (seen->size <= index_size(core->index)) {
		merkle_tree_root(index_tree(core->index), seen->size, &root);
		if (digest_equal(&root, &seen->root))
			return;
	}
	snprintf(why, sizeof why,
		"this broker had a log of %llu records, and what lies there (%llu records) does not continue it",
		(unsigned long long)seen->size, (unsigned long long)index_size(core->index));
	core_set_read_only(core, why);
}

/* *seen_trust: the view that the cursors in the store belong to; the caller's. */
static enum liaison_err
open_log(struct core *core, struct trust **seen_trust, struct fault *fault)
{
	struct log_options options = {.disk = disk_system(),
		.dir = core->log_dir,
		.rng = rng_system(),
		.segment_bytes = (uint64_t)core->config->segment_bytes,
		.floor_bytes = (uint64_t)core->config->disk_floor_bytes};
	struct stored_log seen = {.size = 0};
	enum liaison_err seen_err = store_get_log(core->store, &seen, fault);
	if (seen_err != LIAISON_OK && seen_err != LIAISON_NOT_FOUND)
		return seen_err;
	struct rebuild rebuild = {.core = core, .fault = fault, .seen_size = seen.size};
	struct log_visitor visitor = {.on_record = on_record, .on_finding = on_finding, .arg = &rebuild};
	struct log_report report;
	struct log *log;
	char text[512];

	enum liaison_err err = log_open(&options, &visitor, &log, &report, fault);
	if (err == LIAISON_NOT_FOUND && seen_err == LIAISON_OK)
		return fault_set(fault, LIAISON_CORRUPT,
			"%s holds no log, but this broker had one of %llu records: restore the folder, or, if it is "
			"lost, start "
			"with an empty data folder and tell every office that the log began anew",
			core->log_dir, (unsigned long long)seen.size);
	if (err == LIAISON_NOT_FOUND) {
		err = make_log(&options, fault);
		if (err == LIAISON_OK)
			err = log_open(&options, &visitor, &log, &report, fault);
	}
	*seen_trust = rebuild.seen_trust != NULL || err != LIAISON_OK ? rebuild.seen_trust : trust_ref(core->trust);
	if (err != LIAISON_OK)
		return err;
	core->epoch = log_epoch(log);
	core->is_tree_lost = report.leaves_lost > 0;
	if (log_is_read_only(log) || report.damages > 0) {
		log_finding_text(&report.damage, text, sizeof text);
		core_set_read_only(core, text);
	}
	if (seen_err == LIAISON_OK)
		check_log_seen(core, &seen);
	core->reader = log_reader_new(disk_system(), core->log_dir, &core->epoch);
	core->lookups = log_reader_new(disk_system(), core->log_dir, &core->epoch);
	if (core->reader == NULL || core->lookups == NULL) {
		log_close(log);
		return fault_set(fault, LIAISON_NO_MEMORY, "no memory for the log's reader");
	}
	note(NOTE_INFO, "log-open", "records=%llu lost=%llu segments=%llu", (unsigned long long)report.records,
		(unsigned long long)report.lost, (unsigned long long)report.segments);
	return log_writer_new(log, core->clock, &core->writer, fault);
}

static void
load_feed(void *arg, const struct stored_feed *row)
{
	struct core *core = arg;
	struct filter *filter = NULL;
	struct feed *feed;
	Liaison__Filter *message = liaison__filter__unpack(NULL, row->filter_len, row->filter);
	enum liaison_err err = message != NULL ? filter_new(message, &filter, NULL) : LIAISON_CORRUPT;

	if (err == LIAISON_OK)
		err = feeds_add(core->feeds, &row->office, row->name, filter, row->filter, row->filter_len, &feed);
	if (err == LIAISON_OK && (err = match_add(core->match, feed->filter, feed->number)) != LIAISON_OK)
		feeds_remove(core->feeds, feed); /* its reader makes it anew, from the log's first record */
	if (err == LIAISON_OK) {
		/* Cursors of another epoch mean nothing in this log. */
		bool same = memcmp(row->epoch, core->epoch.bytes, EPOCH_BYTES) == 0;
		uint64_t size = index_size(core->index);
		feed->lanes[FEED_URGENT].cursor = same && row->urgent_cursor <= size ? row->urgent_cursor : 0;
		feed->lanes[FEED_ORDINARY].cursor = same && row->ordinary_cursor <= size ? row->ordinary_cursor : 0;
	} else {
		note(NOTE_ERROR, "feed-not-loaded", "office=%s feed=%s code=%s", row->office.text, row->name,
			err_name(err));
	}
	if (message != NULL)
		liaison__filter__free_unpacked(message, NULL);
}

static enum liaison_err
open_store(struct core *core, struct fault *fault)
{
	char *path = path_join(core->config->data_dir, "state.db");
	enum liaison_err err = path != NULL ? store_open(path, &core->store, fault)
					    : fault_set(fault, LIAISON_NO_MEMORY, "no memory for a path");

	free(path);
	return err;
}

static enum liaison_err
load_feeds(struct core *core, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	core->feeds = feeds_new();
	if (core->feeds == NULL || match_new(rng_system(), &core->match) != LIAISON_OK)
		err = fault_set(fault, LIAISON_NO_MEMORY, "no memory for feeds");
	if (err == LIAISON_OK)
		err = store_each_feed(core->store, load_feed, core, fault);
	return err;
}

static size_t
worker_count(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	return config->workers > 0 ? (size_t)config->workers : cores > 0 ? (size_t)cores : 1;
}

/* The first record of a log says whose it is and which epoch. */
static enum liaison_err
begin_log(struct core *core, struct fault *fault)
{
	Liaison__EpochHeader header = LIAISON__EPOCH_HEADER__INIT;

	if (index_size(core->index) > 0 || core->is_read_only)
		return LIAISON_OK;
	header.origin = core->config->id;
	header.has_epoch = 1;
	header.epoch = (ProtobufCBinaryData){EPOCH_BYTES, core->epoch.bytes};
	struct blob *bytes = blob_new(NULL, liaison__epoch_header__get_packed_size(&header));
	if (bytes != NULL)
		liaison__epoch_header__pack(&header, bytes->data);
	bool written = bytes != NULL && submit_record(core, RECORD_EPOCH, bytes, NULL);
	blob_unref(bytes);
	return written ? LIAISON_OK : fault_set(fault, LIAISON_NO_MEMORY, "no memory for the log's first record");
}

enum liaison_err
core_open(struct core *core, struct fault *fault)
{
	const struct config *config = core->config;
	struct trust *seen_trust = NULL;
	enum liaison_err err = open_keys(core, fault);

	if (err == LIAISON_OK)
		err = crossings_builtin(&core->crossings, fault);
	if (err == LIAISON_OK)
		err = open_trust(core, fault);
	if (err == LIAISON_OK && mkdir(config->data_dir, 0700) != 0 && access(config->data_dir, W_OK) != 0)
		err = fault_set(fault, LIAISON_IO, "%s cannot be made or written", config->data_dir);
	core->log_dir = path_join(config->data_dir, "log");
	core->index = index_new();
	core->rate = rate_new(config->signatures_per_second, config->bytes_per_second);
	core->base = event_base_new();
	core->net = net_new((int)config->io_threads, (int)config->connections_max + SOCKETS_EXTRA, fault);
	if (err == LIAISON_OK && (core->log_dir == NULL || core->index == NULL || core->rate == NULL ||
					 core->base == NULL || core->net == NULL))
		err = fault_set(fault, LIAISON_NO_MEMORY, "no memory for the broker");
	if (err == LIAISON_OK)
		err = open_store(core, fault);
	if (err == LIAISON_OK)
		err = open_log(core, &seen_trust, fault);
	if (err == LIAISON_OK)
		err = begin_log(core, fault);
	/* The log's records of trust first, then what the folder has that is newer; the identity is asked of both. */
	if (err == LIAISON_OK) {
		adopt_folder_if_changed(core);
		err = check_identity(core, fault);
	}
	if (err == LIAISON_OK)
		err = load_feeds(core, fault);
	if (err == LIAISON_OK)
		subscribe_trust_changed(core, seen_trust);
	trust_unref(seen_trust);
	if (err == LIAISON_OK)
		err = admit_new(worker_count(config), core->network, core->crossings, &core->admit, fault);
	if (err == LIAISON_OK && (submit_init(core) != LIAISON_OK || answer_init(core) != LIAISON_OK))
		err = fault_set(fault, LIAISON_NO_MEMORY, "no memory for submissions");
	if (err == LIAISON_OK)
		err = deliver_init(core, fault);
	if (err == LIAISON_OK && (err = checkpoint_renew(core)) != LIAISON_OK)
		fault_set(fault, err, "the log's checkpoint cannot be signed: %s", err_meaning(err));
	return err;
}

void
core_close(struct core *core)
{
	admit_free(core->admit);
	log_writer_free(core->writer);
	submit_clear(core);
	answer_clear(core);
	deliver_clear(core);
	feeds_free(core->feeds);
	match_free(core->match);
	accept_free(core->accept);
	net_free(core->net);
	if (core->base != NULL)
		event_base_free(core->base);
	log_reader_free(core->reader);
	log_reader_free(core->lookups);
	store_close(core->store);
	index_free(core->index);
	rate_free(core->rate);
	crossings_free(core->crossings);
	trust_unref(core->trust);
	secret_keys_free(core->keys);
	free(core->log_dir);
}
