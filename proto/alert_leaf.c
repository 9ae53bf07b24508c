#include "proto/alert_leaf.h"

#include "proto/log_leaf.h"

enum liaison_err
alert_header_encode(const struct facts *facts, const struct digest *body_hash, const struct key_id *key,
	const Liaison__Origin *origin, struct buf *out)
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
	uint8_t *bytes = buf_extend(out, liaison__alert_header__get_packed_size(&header));
	if (bytes != NULL)
		liaison__alert_header__pack(&header, bytes);
	return buf_check(out);
}

enum liaison_err
alert_leaf(const struct facts *facts, const struct digest *body_hash, const struct key_id *key,
	const Liaison__Origin *origin, struct digest *leaf)
{
	struct buf header;

	buf_init(&header, RECORD_HEADER_MAX);
	enum liaison_err err = alert_header_encode(facts, body_hash, key, origin, &header);
	if (err == LIAISON_OK)
		log_leaf(RECORD_ALERT, header.data, header.len, leaf);
	buf_clear(&header);
	return err;
}
