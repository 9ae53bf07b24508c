#include "agents/original.h"

#include "agents/inbox.h"

#include <string.h>

struct search {
	struct original *original;
	const struct crossings *crossings;
};

static enum liaison_err
take_outbox(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct search *search = arg;
	struct original *original = search->original;

	original->state = row->state;
	if (row->body == NULL)
		return LIAISON_OK;
	enum liaison_err err =
		kept_from_body(original->text, row->body, row->body_len, search->crossings, &original->kept, fault);
	original->is_held = err == LIAISON_OK;
	return err;
}

static enum liaison_err
take_inbox(void *arg, const struct inbox_row *row, struct fault *fault)
{
	struct search *search = arg;
	struct original *original = search->original;

	if (row->envelope == NULL)
		return LIAISON_OK;
	enum liaison_err err = kept_from_envelope(
		original->text, row->envelope, row->envelope_len, search->crossings, &original->kept, fault);
	original->is_held = err == LIAISON_OK;
	return err;
}

static enum liaison_err
check_state(const struct original *original, struct fault *fault)
{
	switch (original->state) {
	case OUTBOX_QUEUED:
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"%s is not accepted yet: send it first by `liaison outbox retry`, or take it back by `liaison "
			"outbox drop %s`",
			original->text, original->text);
	case OUTBOX_REFUSED:
	case OUTBOX_DROPPED:
		return fault_set(fault, LIAISON_BAD_REFERENCE, "%s was %s; there is nothing to change", original->text,
			original->state == OUTBOX_REFUSED ? "refused" : "dropped before it was accepted");
	case OUTBOX_ACCEPTED: break;
	}
	return LIAISON_OK;
}

/* A number that this office has not come to yet; a lower one that is missing may be older than this home. */
static enum liaison_err
check_given(struct agent *agent, const struct original *original, struct fault *fault)
{
	uint64_t next = 0;

	enum liaison_err err = post_next_sequence(agent->post, &next, fault);
	if (err == LIAISON_OK && original->id.sequence >= next)
		return fault_set(
			fault, LIAISON_BAD_REFERENCE, "this office has published nothing called %s", original->text);
	return err;
}

enum liaison_err
original_find(struct agent *agent, const char *id, struct original *out, struct fault *fault)
{
	struct original original = {0};
	struct search search = {&original, agent->crossings};
	struct fault why;

	if (alert_id_parse(id, &original.id, &why) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_USAGE, "%s", why.message);
	alert_id_format(&original.id, original.text);
	bool is_own = office_id_equal(&original.id.office, &agent->home->office);
	enum liaison_err err = is_own ? outbox_find(agent->post, original.id.sequence, take_outbox, &search, fault)
				      : inbox_find(agent->post, original.text, take_inbox, &search, fault);
	if (err == LIAISON_NOT_FOUND)
		err = is_own ? check_given(agent, &original, fault) : LIAISON_OK;
	if (err == LIAISON_OK && original.state != 0)
		err = check_state(&original, fault);
	if (err != LIAISON_OK) {
		original_clear(&original);
		return err;
	}
	*out = original;
	return LIAISON_OK;
}

void
original_clear(struct original *original)
{
	if (original->is_held)
		kept_clear(&original->kept);
	*original = (struct original){0};
}

/* known_alert_fn: knows the original alone, and where it is not held, only that the broker must be asked. */
static struct known_alert
known_original(void *index, const struct alert_id *id)
{
	const struct original *original = index;
	struct known_alert known = {0};

	if (!alert_id_equal(id, &original->id))
		return known;
	known.is_known = true;
	known.message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT;
	known.kind = original->kind;
	if (!original->is_held)
		return known; /* the broker knows the rest */
	const struct facts *facts = original->kept.admitted.facts;
	known.body_hash = original->kept.admitted.body_hash;
	known.message = facts->message;
	known.kind = facts->kind;
	known.status = facts->status;
	return known;
}

enum liaison_err
original_admit(struct agent *agent, struct original *original, const struct admitted *message, struct fault *fault)
{
	original->kind = message->facts->kind;
	return admit_state(message, agent->trust, known_original, original, fault);
}

bool
original_drops_addressees(const struct agent *agent, const struct original *original, const struct facts *update)
{
	if (!original->is_held)
		return true; /* who it addressed is not known here: one notice too many harms nobody */
	const struct facts *before = original->kept.admitted.facts;
	for (size_t i = 0; i < trust_office_count(agent->trust); i++) {
		const char *office = trust_office_at(agent->trust, i)->id.text;
		if (facts_address(before, office) && !facts_address(update, office))
			return true;
	}
	return false;
}
