#include "broker/evidence.h"

#include "broker/note.h"

_Static_assert(
	RECORD_PAYLOAD_MAX >= 2 * (BODY_BYTES_MAX + 1024), "two greatest bodies with their envelopes fit a record");

/* The envelope under an id that another body now claims: from the log, or on its way there. */
static struct blob *
first_envelope(struct core *core, const struct alert_id *id, const struct pending *pending)
{
	struct stored_record record;
	struct fault fault = {.message = ""};
	uint64_t at;

	if (pending != NULL)
		return blob_ref(pending_item(pending)->envelope);
	if (!index_find(core->index, id, &at) ||
		log_read(core->reader, at, &index_entry(core->index, at)->location, &record, &fault) != LIAISON_OK)
		return NULL;
	return blob_new(record.record.payload, record.record.payload_len);
}

/* *header is the caller's in any case, and may be NULL. */
static struct blob *
encode_evidence(
	const struct admit_item *item, struct blob *first, const struct digest *first_hash, struct blob **header)
{
	Liaison__EvidenceHeader head = LIAISON__EVIDENCE_HEADER__INIT;
	Liaison__Evidence evidence = LIAISON__EVIDENCE__INIT;
	char id[ALERT_ID_BYTES];

	alert_id_format(&item->id, id);
	head.has_type = evidence.has_type = 1;
	head.type = evidence.type = LIAISON__EVIDENCE_TYPE__EVIDENCE_TYPE_EQUIVOCATION;
	head.about = id;
	head.has_first_hash = head.has_second_hash = evidence.has_first = evidence.has_second = 1;
	head.first_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)first_hash->bytes};
	head.second_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)item->admitted.body_hash.bytes};
	evidence.first = (ProtobufCBinaryData){first->len, first->data};
	evidence.second = (ProtobufCBinaryData){item->envelope->len, item->envelope->data};
	*header = blob_new(NULL, liaison__evidence_header__get_packed_size(&head));
	struct blob *payload = blob_new(NULL, liaison__evidence__get_packed_size(&evidence));
	if (*header == NULL || payload == NULL) {
		blob_unref(payload);
		return NULL;
	}
	liaison__evidence_header__pack(&head, (*header)->data);
	liaison__evidence__pack(&evidence, payload->data);
	return payload;
}

void
evidence_keep(struct core *core, const struct admit_item *item, struct pending *pending)
{
	uint64_t at = 0;

	if (pending != NULL ? pending->has_evidence
			    : !index_find(core->index, &item->id, &at) || index_entry(core->index, at)->has_evidence)
		return;
	const struct digest first_hash = pending != NULL ? pending_item(pending)->admitted.body_hash
							 : index_known(core->index, &item->id).body_hash;
	struct blob *first = first_envelope(core, &item->id, pending);
	struct blob *header = NULL;
	struct blob *payload = first != NULL ? encode_evidence(item, first, &first_hash, &header) : NULL;
	bool written = payload != NULL && payload->len <= RECORD_PAYLOAD_MAX &&
		       submit_record(core, RECORD_EVIDENCE, header, payload);
	if (written && pending != NULL)
		pending->has_evidence = true;
	else if (written)
		index_set_evidence(core->index, at);
	note(written ? NOTE_WARNING : NOTE_ERROR, written ? "equivocation" : "evidence-not-kept",
		"office=%s sequence=%llu", item->id.office.text, (unsigned long long)item->id.sequence);
	blob_unref(first);
	blob_unref(header);
	blob_unref(payload);
}
