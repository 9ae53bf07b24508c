#include "proto/admit_rules.h"

#include <string.h>

bool
admit_again(const struct admitted *admitted, known_alert_fn *known, void *index)
{
	struct known_alert there = known(index, &admitted->facts->id);

	return there.is_known && digest_equal(&there.body_hash, &admitted->body_hash);
}

enum liaison_err
admit_owner(const struct facts *facts, const struct trust *trust, struct fault *fault)
{
	const char *owner = facts->reference.office.text, *id = facts->id.office.text;
	const struct office *office = trust_office(trust, id);
	char owner_member[MEMBER_BYTES], own_member[MEMBER_BYTES];

	if (strcmp(owner, id) == 0)
		return LIAISON_OK;
	address_member(owner, owner_member);
	address_member(id, own_member);
	if (strcmp(owner_member, own_member) != 0)
		return fault_set(fault, LIAISON_NOT_PERMITTED, "references[0]: is %s's, of another country", owner);
	if (office == NULL || !office_has_right(office, LIAISON__RIGHT__RIGHT_RECALL))
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"references[0]: is %s's; without the right recall %s changes only its own", owner, id);
	return LIAISON_OK;
}

/* Whether an alert of that sort can be changed by a message of this one. */
static enum liaison_err
check_target(const struct facts *facts, const struct known_alert *target, const char *id, struct fault *fault)
{
	bool is_update = facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE;

	if (message_is_notice(target->message) || message_is_reply(target->message))
		return fault_set(fault, LIAISON_BAD_REFERENCE, "references[0]: %s is itself a %s", id,
			message_text(target->message));
	if (is_update && target->message != LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT)
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"references[0]: %s is itself an UPDATE; name the ALERT that both belong to", id);
	if (is_update && target->kind != facts->kind)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "kind: %s is a %s alert; an UPDATE stays one", id,
			kind_text(target->kind));
	if (target->status != 0 && target->status != facts->status)
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"status: is not that of %s; exercises and actual alerts are never mixed", id);
	if (target->is_terminal)
		return fault_set(
			fault, LIAISON_BAD_REFERENCE, "references[0]: %s is cancelled or redacted already", id);
	return LIAISON_OK;
}

enum liaison_err
admit_state(const struct admitted *admitted, const struct trust *trust, known_alert_fn *known, void *index,
	struct fault *fault)
{
	const struct facts *facts = admitted->facts;
	struct known_alert there = known(index, &facts->id);
	char id[ALERT_ID_BYTES];

	if (!there.is_known && facts->reference.sequence == 0)
		return LIAISON_OK;
	alert_id_format(&facts->id, id);
	if (there.is_known && digest_equal(&there.body_hash, &admitted->body_hash))
		return fault_set(fault, LIAISON_EXISTS, "id: %s is there already", id);
	if (there.is_known)
		return fault_set(fault, LIAISON_EQUIVOCATION, "id: another body was accepted as %s before", id);
	if (alert_id_equal(&facts->reference, &facts->id))
		return fault_set(fault, LIAISON_BAD_REFERENCE, "references[0]: %s is this one itself", id);
	alert_id_format(&facts->reference, id);
	struct known_alert target = known(index, &facts->reference);
	if (!target.is_known)
		return fault_set(fault, LIAISON_BAD_REFERENCE, "references[0]: the broker does not hold %s", id);
	enum liaison_err err = admit_owner(facts, trust, fault);
	return err == LIAISON_OK ? check_target(facts, &target, id, fault) : err;
}
