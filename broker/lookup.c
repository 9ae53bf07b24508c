/* What a record of the log holds, for those who have an index or a reference only. */
#include "broker/core.h"

enum liaison_err
lookup_parse(struct core *core, const struct stored_record *record, struct facts **facts, struct fault *fault)
{
	Liaison__Envelope *envelope =
		liaison__envelope__unpack(NULL, record->record.payload_len, record->record.payload);
	Liaison__Alert *alert =
		envelope != NULL ? liaison__alert__unpack(NULL, envelope->body.len, envelope->body.data) : NULL;
	enum liaison_err err = alert != NULL ? facts_new(alert, core->crossings, facts, fault)
					     : fault_set(fault, LIAISON_CORRUPT, "record %llu holds no alert",
						       (unsigned long long)record->index);

	if (alert != NULL)
		liaison__alert__free_unpacked(alert, NULL);
	if (envelope != NULL)
		liaison__envelope__free_unpacked(envelope, NULL);
	return err;
}

struct facts *
lookup_original(struct core *core, const struct facts *facts)
{
	struct stored_record record;
	struct facts *original;
	uint64_t at;

	if (facts->reference.sequence == 0 || !index_find(core->index, &facts->reference, &at))
		return NULL;
	if (log_read(core->lookups, at, &index_entry(core->index, at)->location, &record, NULL) != LIAISON_OK ||
		lookup_parse(core, &record, &original, NULL) != LIAISON_OK)
		return NULL;
	return original;
}
