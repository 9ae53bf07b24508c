#include "proto/alert_leaf.h"

#include "proto/log_leaf.h"

#include <stdlib.h>

enum liaison_err
alert_leaf(const struct facts *facts, const struct digest *body_hash, const struct key_id *key,
	const Liaison__Origin *origin, struct digest *leaf)
{
	Liaison__AlertHeader header = LIAISON__ALERT_HEADER__INIT;
	char id[ALERT_ID_BYTES];

	alert_id_format(&facts->id, id);
	header.id = id;
	header.has_body_hash = header.has_key = 1;
	header.body_hash = (ProtobufCBinaryData){DIGEST_BYTES, (uint8_t *)(uintptr_t)body_hash->bytes};
	header.key = (ProtobufCBinaryData){KEY_ID_BYTES, (uint8_t *)(uintptr_t)key->bytes};
	header.n_addresses = facts->address_count;
	header.addresses = facts->addresses;
	header.origin = (Liaison__Origin *)(uintptr_t)origin;
	size_t len = liaison__alert_header__get_packed_size(&header);
	uint8_t *bytes = malloc(len);
	if (bytes == NULL)
		return LIAISON_NO_MEMORY;
	liaison__alert_header__pack(&header, bytes);
	log_leaf(RECORD_ALERT, bytes, len, leaf);
	free(bytes);
	return LIAISON_OK;
}
