/* Checkpoints of the log, signed with the broker's checkpoint key, and the proofs that go with them. */
#include "broker/core.h"

#include "broker/note.h"
#include "proto/signing.h"

#include <stdlib.h>
#include <string.h>

#define PROOF_INDEXES_MAX 1024
/* Frames are at most FRAME_BYTES_MAX; what does not fit is asked for in pieces. */
#define PROOF_BYTES_MAX (FRAME_BYTES_MAX - 4096)

enum liaison_err
checkpoint_renew(struct core *core)
{
	struct checkpoint_state *state = &core->checkpoint;
	Liaison__Checkpoint *message = &state->message;
	struct digest root;
	uint64_t size = index_size(core->index);

	if (core->is_tree_lost)
		return LIAISON_OK;
	merkle_tree_root(index_tree(core->index), size, &root);
	memcpy(state->root, root.bytes, sizeof state->root);
	int64_t before = message->time;
	liaison__checkpoint__init(message);
	message->origin = core->config->id;
	message->has_epoch = message->has_size = message->has_root = message->has_time = 1;
	message->epoch = (ProtobufCBinaryData){sizeof core->epoch.bytes, core->epoch.bytes};
	message->size = size;
	message->root = (ProtobufCBinaryData){sizeof state->root, state->root};
	/* A clock that jumps back must not make a later checkpoint look older. */
	message->time = core_now(core) > before ? core_now(core) : before;
	message->key = (ProtobufCBinaryData){sizeof state->key, state->key};
	message->signature = (ProtobufCBinaryData){sizeof state->signature, state->signature};
	return checkpoint_sign(message, core->network, core->keys);
}

Liaison__Checkpoint *
checkpoint_newest(struct core *core)
{
	return core->is_tree_lost ? NULL : &core->checkpoint.message;
}

const struct merkle_path *
checkpoint_consistency(struct core *core, uint64_t from)
{
	struct checkpoint_state *state = &core->checkpoint;
	uint64_t to = state->message.size;

	if (from == 0 || from >= to) {
		state->proof.len = 0;
		state->proof_from = state->proof_to = 0;
	} else if (from != state->proof_from || to != state->proof_to) {
		/* Readers that keep up all ask for the same proof. */
		merkle_tree_consistency(index_tree(core->index), from, to, &state->proof);
		state->proof_from = from;
		state->proof_to = to;
	}
	return &state->proof;
}

size_t
path_fields(const struct merkle_path *path, ProtobufCBinaryData out[MERKLE_PATH_MAX])
{
	for (size_t i = 0; i < path->len; i++)
		out[i] = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)path->nodes[i].bytes};
	return path->len;
}

/* --- proofs on request -------------------------------------------------------------------------------------------- */

struct inclusion_room {
	Liaison__Inclusion message;
	struct merkle_path path;
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
};

/* Alerts to everyone, and notices, whose addresses are those of the alert that they are about. */
static bool
may_prove_by_facts(struct core *core, struct session *session, const struct stored_record *record)
{
	struct facts *facts, *original = NULL;

	if (lookup_parse(core, record, &facts, NULL) != LIAISON_OK)
		return false;
	if (facts_is_notice(facts) && lookup_original(core, facts, &original) != LIAISON_OK) {
		facts_free(facts);
		return false;
	}
	const struct facts *addressed = original != NULL ? original : facts;
	bool may = addressed->everyone || facts_address(addressed, session->office.text) ||
		   office_id_equal(&addressed->id.office, &session->office);
	facts_free(original);
	facts_free(facts);
	return may;
}

/* An office may ask about records whose header it could have from a delivery: alerts addressed to it, its own, and trust. */
static bool
may_prove(struct core *core, struct session *session, const struct stored_record *record)
{
	if (record->record.type != RECORD_ALERT)
		return record->record.type == RECORD_TRUST || record->record.type == RECORD_EPOCH;
	Liaison__AlertHeader *header =
		liaison__alert_header__unpack(NULL, record->record.header_len, record->record.header);
	if (header == NULL)
		return false;
	struct alert_id id;
	bool may = header->id != NULL && alert_id_parse(header->id, &id, NULL) == LIAISON_OK &&
		   strcmp(id.office.text, session->office.text) == 0;
	for (size_t i = 0; !may && i < header->n_addresses; i++)
		may = address_covers(header->addresses[i], session->office.text);
	liaison__alert_header__free_unpacked(header, NULL);
	return may || may_prove_by_facts(core, session, record);
}

static enum liaison_err
prove_one(struct core *core, struct session *session, uint64_t index, uint64_t size, struct inclusion_room *room,
	struct fault *fault)
{
	struct stored_record record;
	struct fault why = {.message = ""};
	char quoted[256];

	if (index >= size)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "the log has no record %llu", (unsigned long long)index);
	const struct index_entry *entry = index_entry(core->index, index);
	if (log_read(core->reader, index, &entry->location, &record, &why) != LIAISON_OK) {
		note(NOTE_ERROR, "record-not-read", "index=%llu message=%s", (unsigned long long)index,
			note_quote(why.message, quoted));
		return fault_set(fault, LIAISON_READ_ONLY, "the broker cannot read record %llu; its operator is told",
			(unsigned long long)index);
	}
	if (!may_prove(core, session, &record))
		return fault_set(
			fault, LIAISON_NOT_PERMITTED, "record %llu is not this office's", (unsigned long long)index);
	liaison__inclusion__init(&room->message);
	room->message.has_index = room->message.has_type = room->message.has_header = 1;
	room->message.index = index;
	room->message.type = (Liaison__RecordType)record.record.type;
	room->message.header.data = malloc(record.record.header_len);
	if (room->message.header.data == NULL)
		return fault_set(fault, LIAISON_RATE_LIMITED, "the broker is out of memory; ask again later");
	memcpy(room->message.header.data, record.record.header, record.record.header_len);
	room->message.header.len = record.record.header_len;
	merkle_tree_inclusion(index_tree(core->index), index, size, &room->path);
	room->message.n_path = path_fields(&room->path, room->fields);
	room->message.path = room->fields;
	return LIAISON_OK;
}

void
proof_handle(struct core *core, struct session *session, const Liaison__ProofRequest *request)
{
	Liaison__Proof proof = LIAISON__PROOF__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	struct merkle_path consistency = {.len = 0};
	ProtobufCBinaryData fields[MERKLE_PATH_MAX];
	struct fault fault = {.message = ""};
	uint64_t newest = core->checkpoint.message.size;
	uint64_t size = request->has_size ? request->size : newest;
	enum liaison_err err = LIAISON_OK;
	size_t count = request->n_indexes <= PROOF_INDEXES_MAX ? request->n_indexes : 0;
	struct inclusion_room *rooms = calloc(count + 1, sizeof *rooms);
	Liaison__Inclusion **inclusions = calloc(count + 1, sizeof *inclusions);

	if (rooms == NULL || inclusions == NULL)
		err = fault_set(&fault, LIAISON_RATE_LIMITED, "the broker is out of memory; ask again later");
	else if (request->n_indexes > PROOF_INDEXES_MAX)
		err = fault_set(&fault, LIAISON_TOO_LARGE, "at most %d indexes a request", PROOF_INDEXES_MAX);
	else if (core->is_tree_lost)
		err = fault_set(
			&fault, LIAISON_READ_ONLY, "the log is damaged, and its tree cannot be computed any more");
	else if (request->from > size || size > newest)
		err = fault_set(&fault, LIAISON_BAD_REFERENCE, "this log has %llu records", (unsigned long long)newest);
	if (err == LIAISON_OK)
		err = core_spend(core, session, 1 + (uint32_t)count / PROOFS_PER_COST, &fault);
	for (size_t i = 0; err == LIAISON_OK && i < count; i++) {
		err = prove_one(core, session, request->indexes[i], size, &rooms[i], &fault);
		inclusions[i] = &rooms[i].message;
	}
	if (err == LIAISON_OK) {
		proof.has_request = 1;
		proof.request = request->request;
		proof.checkpoint = &core->checkpoint.message;
		if (request->from > 0 && request->from < size)
			merkle_tree_consistency(index_tree(core->index), request->from, size, &consistency);
		proof.n_consistency = path_fields(&consistency, fields);
		proof.consistency = fields;
		proof.n_inclusions = count;
		proof.inclusions = inclusions;
		frame.frame_case = LIAISON__FRAME__FRAME_PROOF;
		frame.proof = &proof;
		if (liaison__proof__get_packed_size(&proof) > PROOF_BYTES_MAX)
			core_refuse(core, session, request->request, LIAISON_TOO_LARGE,
				"these proofs do not fit one frame; ask for fewer indexes at a time");
		else if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
			note(NOTE_DEBUG, "proof-not-sent", "office=%s", session->office.text);
	} else {
		core_refuse(core, session, request->request, err, fault.message);
	}
	for (size_t i = 0; rooms != NULL && i < count; i++)
		free(rooms[i].message.header.data);
	free(rooms);
	free(inclusions);
}
