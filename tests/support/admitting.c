#include "tests/support/admitting.h"

#include "proto/signing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(1)

void
admitting_init(struct admitting *admitting)
{
	*admitting = (struct admitting){.world = world_new(SEED), .now = ALERT_NOW};
	admission_limits_default(&admitting->limits);
}

void
admitting_clear(struct admitting *admitting)
{
	world_free(admitting->world);
}

static struct known_alert
find_known(void *index, const struct alert_id *id)
{
	const struct admitting *admitting = index;

	for (size_t i = 0; i < admitting->known_count; i++)
		if (alert_id_equal(&admitting->known[i].id, id))
			return admitting->known[i].alert;
	return (struct known_alert){0};
}

static void
remember(struct admitting *admitting, const struct admitted *admitted)
{
	const struct facts *facts = admitted->facts;

	assert(admitting->known_count < ADMITTING_KNOWN_MAX);
	if (facts->message == LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL)
		for (size_t i = 0; i < admitting->known_count; i++)
			if (alert_id_equal(&admitting->known[i].id, &facts->reference))
				admitting->known[i].alert.is_terminal = true;
	admitting->known[admitting->known_count].id = facts->id;
	admitting->known[admitting->known_count++].alert = (struct known_alert){
		.is_known = true,
		.body_hash = admitted->body_hash,
		.message = facts->message,
		.kind = facts->kind,
		.status = facts->status,
	};
}

enum liaison_err
admitting_try_envelope(struct admitting *admitting, const struct envelope *envelope)
{
	const struct trust *trust = world_trust(admitting->world);
	const struct crossings *crossings = test_crossings();
	struct fault *fault = &admitting->fault;
	struct admitted admitted;
	struct public_key key;

	*fault = (struct fault){.message = ""};
	admitting->warning[0] = '\0';
	enum liaison_err err = admit_body(envelope->body, envelope->body_len, crossings, &admitted, fault);
	if (err != LIAISON_OK)
		return err;
	const char *connected = admitting->connected ? admitting->connected : admitted.facts->id.office.text;
	if (admit_again(&admitted, find_known, admitting))
		err = LIAISON_EXISTS;
	if (err == LIAISON_OK)
		err = admit_signer(&admitted, &envelope->key, connected, trust, admitting->now, &key, fault);
	if (err == LIAISON_OK)
		err = envelope_verify(NULL, WORLD_NETWORK, &key, envelope, NULL);
	if (err == LIAISON_OK)
		err = admit_content(
			&admitted, trust, crossings, &admitting->limits, admitting->now, fault, admitting->warning);
	if (err == LIAISON_OK)
		err = admit_state(&admitted, trust, find_known, admitting, fault);
	if (err == LIAISON_OK)
		remember(admitting, &admitted);
	admitted_clear(&admitted);
	return err;
}

enum liaison_err
admitting_try(struct admitting *admitting, Liaison__Alert *alert)
{
	char office[OFFICE_ID_BYTES];
	struct envelope envelope;
	size_t len;
	uint8_t *body = alert_bytes(alert, &len);

	const char *id = alert->id != NULL ? alert->id : ALERT_OFFICE;
	snprintf(office, sizeof office, "%.*s", (int)strcspn(id, "/"), id);
	enum liaison_err err = envelope_sign(WORLD_NETWORK, world_keys(admitting->world, office), body, len, &envelope);
	assert(err == LIAISON_OK);
	err = admitting_try_envelope(admitting, &envelope);
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
	return err;
}
