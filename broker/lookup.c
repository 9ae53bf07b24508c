/* What a record of the log holds, for those who have an index or a reference only. */
#include "broker/core.h"

#include "broker/note.h"

enum liaison_err
lookup_parse(struct core *core, const struct stored_record *record, struct facts **facts, struct fault *fault)
{
	Liaison__Envelope *envelope =
		liaison__envelope__unpack(NULL, record->record.payload_len, record->record.payload);
	Liaison__Alert *alert =
		envelope != NULL ? liaison__alert__unpack(NULL, envelope->body.len, envelope->body.data) : NULL;
	/* These bytes were parsed before they were stored, and are whole. */
	enum liaison_err err = alert != NULL ? facts_new(alert, core->crossings, facts, fault)
					     : fault_set(fault, LIAISON_NO_MEMORY, "no memory to read record %llu",
						       (unsigned long long)record->index);

	if (alert != NULL)
		liaison__alert__free_unpacked(alert, NULL);
	if (envelope != NULL)
		liaison__envelope__free_unpacked(envelope, NULL);
	return err;
}

enum liaison_err
lookup_original(struct core *core, const struct facts *facts, struct facts **original)
{
	struct stored_record record;
	struct fault fault = {.message = ""};
	char quoted[256];
	uint64_t at;

	*original = NULL;
	if (facts->reference.sequence == 0 || !index_find(core->index, &facts->reference, &at))
		return LIAISON_OK;
	enum liaison_err err = log_read(core->lookups, at, &index_entry(core->index, at)->location, &record, &fault);
	if (err == LIAISON_OK)
		err = lookup_parse(core, &record, original, &fault);
	if (err == LIAISON_OK || err == LIAISON_NO_MEMORY)
		return err;
	note(NOTE_ERROR, "original-not-read", "index=%llu message=%s", (unsigned long long)at,
		note_quote(fault.message, quoted));
	return LIAISON_OK;
}
