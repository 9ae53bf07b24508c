#include "proto/suspension.h"

#include "proto/address.h"
#include "proto/base/message.h"
#include "proto/signature.h"
#include "proto/trust.h"

#include <string.h>

enum liaison_err
suspension_validate(const Liaison__Suspension *suspension, struct fault *fault)
{
	if (suspension->network == NULL || !network_id_is_valid(suspension->network) || suspension->member == NULL ||
		!address_is_valid(suspension->member) || suspension->office == NULL ||
		!office_id_is_valid(suspension->office))
		return fault_set(fault, LIAISON_MALFORMED, "the suspension lacks network, member or office");
	if (!address_covers(suspension->member, suspension->office))
		return fault_set(fault, LIAISON_BAD_REFERENCE,
			"the suspension is %s's and names %s, which is not its office", suspension->member,
			suspension->office);
	if (suspension->has_key && suspension->key.len != PUBLIC_KEY_BYTES)
		return fault_set(fault, LIAISON_MALFORMED, "the suspension of %s names a key of %zu bytes",
			suspension->office, suspension->key.len);
	if (suspension->reason == NULL || suspension->reason[0] == '\0' ||
		strlen(suspension->reason) > SUSPENSION_REASON_BYTES_MAX)
		return fault_set(fault, LIAISON_MALFORMED, "the suspension of %s has no reason of 1 to %d bytes",
			suspension->office, SUSPENSION_REASON_BYTES_MAX);
	if (!suspension->has_from || !suspension->has_until || suspension->until <= suspension->from ||
		!time_is_valid(suspension->from) || !time_is_valid(suspension->until))
		return fault_set(fault, LIAISON_MALFORMED,
			"the suspension of %s does not end after it begins, or not in the years 1 to 9999",
			suspension->office);
	if (suspension->until - suspension->from > SUSPENSION_MAX_MS)
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"the suspension of %s lasts longer than the 7 days that a duty key may give; change the roster "
			"for more",
			suspension->office);
	return LIAISON_OK;
}

Liaison__Suspension *
suspension_new(const char *network, const char *office, const struct public_key *key, int64_t from, int64_t until,
	const char *reason)
{
	Liaison__Suspension *suspension = (Liaison__Suspension *)message_new(&liaison__suspension__descriptor);
	char member[MEMBER_BYTES];

	if (suspension == NULL)
		return NULL;
	address_member(office, member);
	suspension->has_from = suspension->has_until = 1;
	suspension->from = from;
	suspension->until = until;
	if (message_set_text(&suspension->network, network) == LIAISON_OK &&
		message_set_text(&suspension->member, member) == LIAISON_OK &&
		message_set_text(&suspension->office, office) == LIAISON_OK &&
		message_set_text(&suspension->reason, reason) == LIAISON_OK &&
		(key == NULL || message_set_bytes(&suspension->key, &suspension->has_key, key->bytes,
					PUBLIC_KEY_BYTES) == LIAISON_OK))
		return suspension;
	suspension_free(suspension);
	return NULL;
}

void
suspension_free(Liaison__Suspension *suspension)
{
	message_free((ProtobufCMessage *)suspension);
}
