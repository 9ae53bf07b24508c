#include "agents/own_end.h"

#include "agents/kept.h"
#include "agents/outbox.h"

#include <stdio.h>
#include <string.h>

struct looking {
	char id[ALERT_ID_BYTES];
	struct office_id office;
	struct own_end end;
};

static enum inbox_state
state_by(Liaison__MessageType message)
{
	switch ((int)message) {
	case LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL: return INBOX_CANCELLED;
	case LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT: return INBOX_REDACTED;
	case LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE: return INBOX_SUPERSEDED;
	default: return INBOX_LIVE;
	}
}

static bool
refers_to(const Liaison__Alert *alert, const char *id)
{
	for (size_t i = 0; i < alert->n_references; i++)
		if (strcmp(alert->references[i], id) == 0)
			return true;
	return false;
}

static enum liaison_err
look_at(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct looking *looking = arg;
	const struct alert_id by = {.office = looking->office, .sequence = row->sequence};
	struct kept kept = {0};

	/* Nearly all rows end here: a body has the ids that it refers to as they are written. */
	if (row->body == NULL || memmem(row->body, row->body_len, looking->id, strlen(looking->id)) == NULL)
		return LIAISON_OK;
	enum liaison_err err = kept_from_body("an alert of the outbox", row->body, row->body_len, NULL, &kept, fault);
	if (err != LIAISON_OK)
		return err;
	enum inbox_state state = state_by(kept.admitted.alert->message);
	bool is_over = looking->end.state == INBOX_CANCELLED || looking->end.state == INBOX_REDACTED;
	if (state != INBOX_LIVE && !is_over && refers_to(kept.admitted.alert, looking->id)) {
		looking->end.state = state;
		looking->end.reason = state != INBOX_SUPERSEDED ? kept.admitted.alert->reason : 0;
		alert_id_format(&by, looking->end.by);
	}
	kept_clear(&kept);
	return LIAISON_OK;
}

enum liaison_err
own_end_find(struct post *post, const struct alert_id *id, struct own_end *out, struct fault *fault)
{
	struct looking looking = {.office = id->office, .end = {.state = INBOX_LIVE}};

	alert_id_format(id, looking.id);
	enum liaison_err err =
		outbox_each(post, id->sequence + 1, OUTBOX_BIT(OUTBOX_ACCEPTED), look_at, &looking, fault);
	if (err == LIAISON_OK)
		*out = looking.end;
	return err;
}
