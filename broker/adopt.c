/*
 * New charters, rosters and suspensions, from wherever they come: each is checked by proto/trust, adopted at once for
 * everything that is decided from then on, put on record in the log, and handed on to all who are connected. At start the
 * log's records are adopted again, so the log alone says what this broker knew and since when.
 */
#include "broker/core.h"

#include "broker/note.h"
#include "proto/document.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static enum liaison_err
trust_add(struct core *core, enum document_type type, const Liaison__Signed *document, enum trust_change *change,
	struct trust **out, struct fault *fault)
{
	switch (type) {
	case DOCUMENT_CHARTER: return trust_add_charter(core->trust, document, core_now(core), change, out, fault);
	case DOCUMENT_ROSTER: return trust_add_roster(core->trust, document, core_now(core), change, out, fault);
	case DOCUMENT_SUSPENSION:
		return trust_add_suspension(core->trust, document, core_now(core), change, out, fault);
	case DOCUMENT_CARD: break;
	}
	return fault_set(fault, LIAISON_NOT_SUPPORTED, "a card is for a roster, not for a broker");
}

/* --- on record ---------------------------------------------------------------------------------------------------- */

static struct blob *
pack(const ProtobufCMessage *message)
{
	struct blob *blob = blob_new(NULL, protobuf_c_message_get_packed_size(message));

	if (blob != NULL)
		protobuf_c_message_pack(message, blob->data);
	return blob;
}

static struct blob *
trust_header(const struct document *document)
{
	Liaison__TrustHeader header = LIAISON__TRUST_HEADER__INIT;

	if (document->type == DOCUMENT_ROSTER) {
		header.member = document->roster->member;
		header.has_since = 1;
		header.since = document->roster->since;
		header.version = document->roster->version;
	} else {
		header.version = document->charter->version;
	}
	header.has_version = header.has_body_hash = 1;
	header.body_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)document->hash.bytes};
	return pack(&header.base);
}

static struct blob *
suspension_header(const struct document *document)
{
	Liaison__SuspensionHeader header = LIAISON__SUSPENSION_HEADER__INIT;

	header.office = document->suspension->office;
	header.has_key = document->suspension->has_key;
	header.key = document->suspension->key;
	header.has_until = header.has_body_hash = 1;
	header.until = document->suspension->until;
	header.body_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)document->hash.bytes};
	return pack(&header.base);
}

/*
 * A document greater than a record's payload is kept by its hash alone: the trust folder has its bytes. False: nothing
 * could be handed to the writer.
 */
static bool
put_on_record(struct core *core, const struct document *document)
{
	bool is_suspension = document->type == DOCUMENT_SUSPENSION;
	struct blob *header = is_suspension ? suspension_header(document) : trust_header(document);
	struct blob *payload = pack(&document->signed_message->base);
	bool fits = payload != NULL && payload->len <= RECORD_PAYLOAD_MAX;
	bool written =
		header != NULL && payload != NULL &&
		submit_record(core, is_suspension ? RECORD_SUSPENSION : RECORD_TRUST, header, fits ? payload : NULL);

	blob_unref(header);
	blob_unref(payload);
	return written;
}

/* Two documents under one version, both with good signatures: what was held stays, and both are on record. */
static void
keep_fork(struct core *core, enum document_type type, const Liaison__Signed *second)
{
	Liaison__EvidenceHeader header = LIAISON__EVIDENCE_HEADER__INIT;
	Liaison__Evidence evidence = LIAISON__EVIDENCE__INIT;
	struct document *document = NULL;
	const Liaison__Signed *first = NULL;
	struct digest first_hash, second_hash;

	if (document_new(type, second, &document, NULL) != LIAISON_OK)
		return;
	if (type == DOCUMENT_ROSTER) {
		header.about = document->roster->member;
		first = trust_signed_roster(core->trust, document->roster->member);
	} else if (document->charter->version >= 1 && document->charter->version <= trust_charter_count(core->trust)) {
		header.about = document->charter->network;
		first = trust_signed_charter(core->trust, document->charter->version - 1);
	}
	if (first != NULL) {
		document_hash(first, &first_hash);
		document_hash(second, &second_hash);
		header.has_type = evidence.has_type = header.has_first_hash = header.has_second_hash = 1;
		header.type = evidence.type = type == DOCUMENT_ROSTER
						      ? LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_ROSTER_FORK
						      : LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_CHARTER_FORK;
		header.first_hash = (ProtobufCBinaryData){DIGEST_BYTES, first_hash.bytes};
		header.second_hash = (ProtobufCBinaryData){DIGEST_BYTES, second_hash.bytes};
		struct blob *first_bytes = pack(&first->base), *second_bytes = pack(&second->base), *payload = NULL;
		if (first_bytes != NULL && second_bytes != NULL) {
			evidence.has_first = evidence.has_second = 1;
			evidence.first = (ProtobufCBinaryData){first_bytes->len, first_bytes->data};
			evidence.second = (ProtobufCBinaryData){second_bytes->len, second_bytes->data};
			payload = pack(&evidence.base);
		}
		struct blob *head = pack(&header.base);
		bool fits = payload != NULL && payload->len <= RECORD_PAYLOAD_MAX;
		if (head == NULL || !submit_record(core, RECORD_EVIDENCE, head, fits ? payload : NULL))
			note(NOTE_ERROR, "evidence-not-kept", "about=%s", header.about);
		blob_unref(head);
		blob_unref(payload);
		blob_unref(first_bytes);
		blob_unref(second_bytes);
	}
	note(NOTE_ERROR, "trust-fork", "document=%s about=%s", document_type_name(type),
		header.about != NULL ? header.about : "-");
	document_unref(document);
}

/* --- adopting ----------------------------------------------------------------------------------------------------- */

static void
use_trust(struct core *core, struct trust *trust)
{
	struct trust *before = core->trust;

	core->trust = trust;
	if (core->accept != NULL) { /* at start there is nobody to tell yet */
		accept_set_trust(core->accept, trust);
		subscribe_trust_changed(core, before);
	}
	trust_unref(before);
}

struct broadcast {
	struct core *core;
	Liaison__Frame frame;
};

static void
send_to(void *arg, struct session *session)
{
	struct broadcast *broadcast = arg;

	if (session->state == SESSION_READY &&
		accept_send_frame(broadcast->core->accept, session, &broadcast->frame) != LIAISON_OK)
		note(NOTE_DEBUG, "trust-not-sent", "office=%s", session->office.text);
}

static void
hand_on(struct core *core, enum document_type type, const Liaison__Signed *document)
{
	Liaison__Trust trust = LIAISON__TRUST__INIT;
	Liaison__Signed *list[1] = {(Liaison__Signed *)(uintptr_t)document};
	struct broadcast broadcast = {.core = core, .frame = LIAISON__FRAME__INIT};

	if (core->accept == NULL)
		return;
	if (type == DOCUMENT_CHARTER) {
		trust.n_charters = 1;
		trust.charters = list;
	} else if (type == DOCUMENT_ROSTER) {
		trust.n_rosters = 1;
		trust.rosters = list;
	} else {
		trust.n_suspensions = 1;
		trust.suspensions = list;
	}
	broadcast.frame.frame_case = LIAISON__FRAME__FRAME_TRUST;
	broadcast.frame.trust = &trust;
	sessions_each(accept_sessions(core->accept), send_to, &broadcast);
}

/*
 * The folder keeps what was pushed as well: it holds documents that are too large for a record, and is what an operator
 * looks at. The log's records count all the same where the folder cannot be written.
 */
static void
save_to_folder(struct core *core)
{
	struct fault fault = {.message = ""};
	char quoted[256];

	if (trust_save_dir(core->config->trust_dir, core->trust, core_now(core), &fault) != LIAISON_OK)
		note(NOTE_WARNING, "trust-folder-not-written", "message=%s", note_quote(fault.message, quoted));
}

static enum liaison_err
adopt_document(struct core *core, enum document_type type, const Liaison__Signed *document, const char *from,
	struct fault *fault)
{
	enum trust_change change;
	struct trust *trust;
	struct document *parsed = NULL;
	enum liaison_err err = trust_add(core, type, document, &change, &trust, fault);

	if (err == LIAISON_EQUIVOCATION)
		keep_fork(core, type, document);
	if (err != LIAISON_OK)
		return err;
	if (change == TRUST_UNCHANGED) {
		trust_unref(trust);
		return LIAISON_OK;
	}
	err = document_new(type, document, &parsed, fault);
	if (err == LIAISON_OK && !put_on_record(core, parsed))
		err = fault_set(fault, LIAISON_BUSY, "the log has no room at this moment; send it again");
	document_unref(parsed);
	if (err != LIAISON_OK) {
		trust_unref(trust);
		return err;
	}
	use_trust(core, trust);
	save_to_folder(core);
	hand_on(core, type, document);
	note(NOTE_INFO, "trust-adopted", "document=%s from=%s charter=%llu", document_type_name(type), from,
		(unsigned long long)trust_charter_version(core->trust));
	return LIAISON_OK;
}

static enum document_type
record_document(const struct stored_record *record)
{
	if (record->record.type != RECORD_TRUST)
		return DOCUMENT_SUSPENSION;
	Liaison__TrustHeader *header =
		liaison__trust_header__unpack(NULL, record->record.header_len, record->record.header);
	enum document_type type = header == NULL           ? DOCUMENT_CARD
				  : header->member != NULL ? DOCUMENT_ROSTER
							   : DOCUMENT_CHARTER;
	if (header != NULL)
		liaison__trust_header__free_unpacked(header, NULL);
	return type;
}

enum liaison_err
adopt_record(struct core *core, const struct stored_record *record, struct fault *fault)
{
	enum document_type type = record_document(record);
	enum trust_change change;
	struct trust *trust;
	struct fault why = {.message = ""};
	char quoted[256];

	if (record->record.payload_len == 0)
		return LIAISON_OK;
	Liaison__Signed *document = liaison__signed__unpack(NULL, record->record.payload_len, record->record.payload);
	enum liaison_err err = document != NULL && type != DOCUMENT_CARD
				       ? trust_add(core, type, document, &change, &trust, &why)
				       : LIAISON_NO_MEMORY; /* these bytes were parsed before they were stored */
	if (document != NULL)
		liaison__signed__free_unpacked(document, NULL);
	/* To go on without it could be to go on without a revocation. */
	if (err == LIAISON_NO_MEMORY)
		return fault_set(fault, err, "no memory for the document of trust in record %llu of the log",
			(unsigned long long)record->index);
	if (err == LIAISON_OK) {
		trust_unref(core->trust);
		core->trust = trust;
	} else if (err != LIAISON_EXPIRED && err != LIAISON_STALE) {
		/* An ended suspension, or a roster that the trust folder has in a newer version already, is nothing to say. */
		note(NOTE_WARNING, "trust-record-refused", "index=%llu message=%s", (unsigned long long)record->index,
			note_quote(why.message, quoted));
	}
	return LIAISON_OK;
}

/* --- the trust folder --------------------------------------------------------------------------------------------- */

/* What cannot be taken at this moment is tried again at the next look. */
static void
adopt_and_say(struct core *core, enum document_type type, const Liaison__Signed *document)
{
	struct fault fault = {.message = ""};
	char quoted[256];
	enum liaison_err err = adopt_document(core, type, document, "folder", &fault);

	if (err == LIAISON_NO_MEMORY || err == LIAISON_BUSY)
		core->trust_folder_ns = 0;
	if (err != LIAISON_OK && err != LIAISON_STALE)
		note(NOTE_ERROR, "trust-refused", "document=%s code=%s message=%s", document_type_name(type),
			err_name(err), note_quote(fault.message, quoted));
}

static void
say_trouble(void *arg, const char *path, enum liaison_err code, const char *sentence)
{
	char quoted[256], quoted_path[256];

	(void)arg;
	note(NOTE_ERROR, "trust-file", "path=%s code=%s message=%s", note_quote(path, quoted_path), err_name(code),
		note_quote(sentence, quoted));
}

void
adopt_folder(struct core *core)
{
	struct trust *folder;
	struct fault fault = {.message = ""};
	char quoted[256];

	enum liaison_err err =
		trust_load_dir(core->config->trust_dir, core_now(core), say_trouble, NULL, &folder, &fault);
	if (err != LIAISON_OK) {
		note(NOTE_ERROR, "trust-folder", "message=%s", note_quote(fault.message, quoted));
		if (err == LIAISON_NO_MEMORY || err == LIAISON_IO)
			core->trust_folder_ns = 0;
		return;
	}
	for (size_t i = 0; i < trust_charter_count(folder); i++)
		adopt_and_say(core, DOCUMENT_CHARTER, trust_signed_charter(folder, i));
	for (size_t i = 0; i < trust_member_count(folder); i++) {
		const Liaison__Signed *roster = trust_signed_roster(folder, trust_member_at(folder, i)->code);
		if (roster != NULL)
			adopt_and_say(core, DOCUMENT_ROSTER, roster);
	}
	for (size_t i = 0; i < trust_suspension_count(folder); i++)
		adopt_and_say(core, DOCUMENT_SUSPENSION, trust_signed_suspension(folder, i));
	trust_unref(folder);
}

static int64_t
changed_ns(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
}

/* Documents come in by rename, so that the folder's own time changes with each. */
void
adopt_folder_if_changed(struct core *core)
{
	char *suspensions = path_join(core->config->trust_dir, "suspensions");
	int64_t at_ns = changed_ns(core->config->trust_dir) + (suspensions != NULL ? changed_ns(suspensions) : 0);

	free(suspensions);
	if (at_ns == core->trust_folder_ns)
		return;
	core->trust_folder_ns = at_ns;
	adopt_folder(core);
}

/* --- frames ------------------------------------------------------------------------------------------------------- */

size_t
adopt_versions(const struct core *core, Liaison__RosterVersion ***out)
{
	size_t members = trust_member_count(core->trust), count = 0;
	/* Pointers first, then what they point to. */
	Liaison__RosterVersion **list = calloc(members + 1, sizeof(*list) + sizeof(**list));

	*out = list;
	if (list == NULL)
		return 0;
	Liaison__RosterVersion *rooms = (Liaison__RosterVersion *)(void *)(list + members + 1);
	for (size_t i = 0; i < members; i++) {
		const struct member *member = trust_member_at(core->trust, i);
		if (member->roster == NULL)
			continue;
		Liaison__RosterVersion *room = &rooms[count];
		liaison__roster_version__init(room);
		room->member = (char *)(uintptr_t)member->code;
		room->has_since = room->has_version = 1;
		room->since = member->roster->since;
		room->version = member->roster->version;
		list[count++] = room;
	}
	return count;
}

static bool
holds_roster(const Liaison__Hello *hello, const struct member *member)
{
	for (size_t i = 0; i < hello->n_rosters; i++) {
		const Liaison__RosterVersion *held = hello->rosters[i];
		if (held->member != NULL && strcmp(held->member, member->code) == 0)
			return held->since == member->roster->since && held->version == member->roster->version;
	}
	return false;
}

/* One frame for each document: a whole network's would not fit one. */
static void
send_one(struct core *core, struct session *session, enum document_type type, const Liaison__Signed *document)
{
	Liaison__Trust trust = LIAISON__TRUST__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Signed *list[1] = {(Liaison__Signed *)(uintptr_t)document};

	trust.charters = trust.rosters = trust.suspensions = list;
	trust.n_charters = type == DOCUMENT_CHARTER;
	trust.n_rosters = type == DOCUMENT_ROSTER;
	trust.n_suspensions = type == DOCUMENT_SUSPENSION;
	frame.frame_case = LIAISON__FRAME__FRAME_TRUST;
	frame.trust = &trust;
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "trust-not-sent", "office=%s", session->office.text);
}

void
adopt_bring_up_to_date(struct core *core, struct session *session, const Liaison__Hello *hello)
{
	for (size_t i = hello->charter_version; i < trust_charter_count(core->trust); i++)
		send_one(core, session, DOCUMENT_CHARTER, trust_signed_charter(core->trust, i));
	for (size_t i = 0; i < trust_member_count(core->trust); i++) {
		const struct member *member = trust_member_at(core->trust, i);
		if (member->roster != NULL && !holds_roster(hello, member))
			send_one(core, session, DOCUMENT_ROSTER, trust_signed_roster(core->trust, member->code));
	}
	for (size_t i = 0; i < trust_suspension_count(core->trust); i++)
		send_one(core, session, DOCUMENT_SUSPENSION, trust_signed_suspension(core->trust, i));
}

static void
send_trust_state(struct core *core, struct session *session, uint32_t request)
{
	Liaison__TrustState state = LIAISON__TRUST_STATE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__RosterVersion **versions;

	state.has_request = state.has_charter_version = 1;
	state.request = request;
	state.charter_version = trust_charter_version(core->trust);
	state.n_rosters = adopt_versions(core, &versions);
	state.rosters = versions;
	frame.frame_case = LIAISON__FRAME__FRAME_TRUST_STATE;
	frame.trust_state = &state;
	if (accept_send_frame(core->accept, session, &frame) != LIAISON_OK)
		note(NOTE_DEBUG, "trust-state-not-sent", "office=%s", session->office.text);
	free(versions);
}

static enum liaison_err
adopt_list(struct core *core, enum document_type type, Liaison__Signed *const *list, size_t count, const char *from,
	struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; err == LIAISON_OK && i < count; i++)
		err = adopt_document(core, type, list[i], from, fault);
	return err;
}

void
adopt_handle(struct core *core, struct session *session, const Liaison__Trust *trust)
{
	const struct office *office = trust_office(core->trust, session->office.text);
	struct fault fault = {.message = ""};
	/* The session may be shut by what it pushes. */
	struct office_id from = session->office;
	enum liaison_err err = LIAISON_OK;

	if (office == NULL || !office_has_right(office, LIAISON__RIGHT__RIGHT_OPERATE))
		err = fault_set(
			&fault, LIAISON_NOT_PERMITTED, "the roster does not give %s the right operate", from.text);
	if (err == LIAISON_OK)
		err = core_spend(core, session,
			1 + COST_VERIFY * (uint32_t)(trust->n_charters + trust->n_rosters + trust->n_suspensions),
			&fault);
	if (err == LIAISON_OK)
		err = adopt_list(core, DOCUMENT_CHARTER, trust->charters, trust->n_charters, from.text, &fault);
	if (err == LIAISON_OK)
		err = adopt_list(core, DOCUMENT_ROSTER, trust->rosters, trust->n_rosters, from.text, &fault);
	if (err == LIAISON_OK)
		err = adopt_list(
			core, DOCUMENT_SUSPENSION, trust->suspensions, trust->n_suspensions, from.text, &fault);
	if (err == LIAISON_OK)
		send_trust_state(core, session, trust->request);
	else
		core_refuse(
			core, session, trust->request, err_is_refusal(err) ? err : LIAISON_RATE_LIMITED, fault.message);
}

/* A suspension carries the duty key's signature: whoever brings it, it counts. */
void
adopt_suspension_handle(struct core *core, struct session *session, const Liaison__Signed *suspension)
{
	struct fault fault = {.message = ""};
	enum liaison_err err = core_spend(core, session, COST_VERIFY, &fault);

	if (err == LIAISON_OK)
		err = adopt_document(core, DOCUMENT_SUSPENSION, suspension, session->office.text, &fault);
	if (err == LIAISON_OK)
		send_trust_state(core, session, 0);
	else
		core_refuse(core, session, 0, err_is_refusal(err) ? err : LIAISON_RATE_LIMITED, fault.message);
}
