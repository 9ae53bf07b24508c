#include "agents/item.h"

#include "proto/release.h"

#include <stdio.h>
#include <string.h>

/* --- who signed ------------------------------------------------------------------------------------------------------ */

/*
 * The key's life against `sent`, as far as a reader can tell: it was valid when the alert was accepted, and that was
 * between SENT_AHEAD_MAX_MS before `sent` and SENT_AGE_MAX_MS after it.
 */
static enum liaison_err
check_key_life(const Liaison__RosterKey *entry, int64_t sent, struct fault *fault)
{
	if (entry->has_not_before && entry->not_before > sent + SENT_AGE_MAX_MS)
		return fault_set(
			fault, LIAISON_BAD_SIGNATURE, "the key that signed it was not valid yet when it was sent");
	if (entry->has_not_after && entry->not_after < sent - SENT_AHEAD_MAX_MS)
		return fault_set(
			fault, LIAISON_BAD_SIGNATURE, "the key that signed it was no longer valid when it was sent");
	return LIAISON_OK;
}

/* From the position on that the roster gives; in another life of the log only the broker's word is left. */
static bool
is_after_theft(const Liaison__RosterKey *entry, const struct inbox_place *place)
{
	const Liaison__LogPosition *from = entry->disputed_from;

	return entry->state == LIAISON__KEY_STATE__KEY_STATE_REVOKED && from != NULL &&
	       from->epoch.len == sizeof place->epoch &&
	       memcmp(from->epoch.data, place->epoch, sizeof place->epoch) == 0 && place->index >= from->index;
}

static enum liaison_err
check_signer(const struct item_context *context, struct item *item, struct fault *fault)
{
	const struct facts *facts = item->admitted.facts;
	const struct office *author = trust_office(context->trust, facts->id.office.text);
	const Liaison__RosterKey *entry = NULL;
	struct public_key key;

	if (author == NULL)
		return fault_set(fault, LIAISON_UNKNOWN_OFFICE, "no roster that is held here names the office %s",
			facts->id.office.text);
	if (office_key_ever(author, KEY_SIGNING, &item->envelope.key, &key, &entry) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_SIGNATURE,
			"the key that signed it is none that the roster gives %s", facts->id.office.text);
	enum liaison_err err = check_key_life(entry, facts->sent, fault);
	if (err != LIAISON_OK)
		return err;
	if (envelope_verify(context->cache, trust_network(context->trust), &key, &item->envelope, NULL) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_SIGNATURE, "the signature of %s does not cover these bytes",
			facts->id.office.text);
	item->is_disputed = item->is_disputed || is_after_theft(entry, &item->place);
	return LIAISON_OK;
}

/* --- what it may do here --------------------------------------------------------------------------------------------- */

/*
 * A notice may come to whoever had the original, which only the broker knows for sure; an alert that has expired on the
 * way, or that a feed asked for all the same, is no fault of the broker's.
 */
static enum liaison_err
check_release(const struct item_context *context, struct item *item, struct fault *fault)
{
	const struct facts *facts = item->admitted.facts;
	const struct office *reader = trust_office(context->trust, context->office);
	enum release_reason reason =
		facts_is_notice(facts) ? may_release_notice(facts, NULL, true, reader, context->trust, context->now)
				       : may_release(facts, NULL, reader, context->trust, context->now);

	if (reason == RELEASE_ALLOWED || reason == RELEASE_EXPIRED)
		return LIAISON_OK;
	item->is_withheld = true;
	return fault_set(fault, LIAISON_NOT_PERMITTED, "this office may not see it (%s): %s",
		release_reason_name(reason), release_reason_meaning(reason));
}

static void
take_notice(struct item *item)
{
	const struct facts *facts = item->admitted.facts;

	item->type = ITEM_NOTICE;
	alert_id_format(&facts->reference, item->id);
	item->reason = item->admitted.alert->reason;
	switch (facts->message) {
	case LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_REDACT: item->ends = INBOX_REDACTED; break;
	case LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_SUPERSEDED: item->ends = INBOX_SUPERSEDED; break;
	default: item->ends = INBOX_CANCELLED; break;
	}
}

static enum liaison_err
judge_body(const struct item_context *context, struct item *item, struct fault *fault)
{
	enum liaison_err err =
		admit_body(item->envelope.body, item->envelope.body_len, context->crossings, &item->admitted, fault);

	if (err != LIAISON_OK)
		return err;
	item->has_body = true;
	const struct facts *facts = item->admitted.facts;
	alert_id_format(&facts->id, item->id);
	if (facts_is_reply(facts))
		return fault_set(fault, LIAISON_NOT_SUPPORTED, "this version does not read replies");
	err = check_signer(context, item, fault);
	if (err == LIAISON_OK && facts->reference.sequence != 0)
		err = admit_owner(facts, context->trust, fault);
	if (err == LIAISON_OK && !context->was_released)
		err = check_release(context, item, fault);
	if (err != LIAISON_OK)
		return err;
	item->type = ITEM_DELIVERY;
	if (facts_is_notice(facts))
		take_notice(item);
	return LIAISON_OK;
}

static enum liaison_err
judge_envelope(const struct item_context *context, const Liaison__Envelope *envelope, struct item *item)
{
	enum liaison_err err = envelope_from_message(envelope, &item->envelope, &item->why);

	if (err == LIAISON_OK)
		err = judge_body(context, item, &item->why);
	if (err == LIAISON_NO_MEMORY) {
		item_clear(item);
		return err;
	}
	if (err != LIAISON_OK)
		item->why.code = err;
	return LIAISON_OK;
}

static void
judge_erased(const Liaison__Erased *erased, struct item *item)
{
	struct alert_id id;

	if (erased->id == NULL || alert_id_parse(erased->id, &id, NULL) != LIAISON_OK ||
		erased->leaf_hash.len != DIGEST_BYTES) {
		fault_set(&item->why, LIAISON_MALFORMED, "an erasure without the alert's id or the hash that stays");
		return;
	}
	item->type = ITEM_ERASED;
	alert_id_format(&id, item->id);
	memcpy(item->leaf_hash.bytes, erased->leaf_hash.data, DIGEST_BYTES);
	item->reason = erased->has_reason ? erased->reason : 0;
}

enum liaison_err
item_judge(const struct item_context *context, const struct inbox_place *place, const Liaison__DeliveryItem *wire,
	struct item *out)
{
	*out = (struct item){
		.type = ITEM_UNVERIFIED, .place = *place, .origin = wire->origin, .is_disputed = wire->disputed};
	if (wire->envelope != NULL)
		return judge_envelope(context, wire->envelope, out);
	if (wire->erased != NULL)
		judge_erased(wire->erased, out);
	else
		fault_set(&out->why, LIAISON_MALFORMED, "neither an envelope nor an erasure");
	return LIAISON_OK;
}

void
item_clear(struct item *item)
{
	if (item->has_body)
		admitted_clear(&item->admitted);
	item->has_body = false;
}

void
item_reject(struct item *item, enum liaison_err code, const char *sentence)
{
	item->type = ITEM_UNVERIFIED;
	fault_set(&item->why, code, "%s", sentence);
}
