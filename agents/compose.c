#include "agents/compose.h"

#include "proto/json.h"
#include "proto/signing.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
draft_clear(struct draft *draft)
{
	admitted_clear(&draft->admitted);
	*draft = (struct draft){0};
}

/* --- what is the agent's to fill ------------------------------------------------------------------------------------- */

/* What an author may not write, and why. */
static enum liaison_err
check_author(const Liaison__Alert *alert, uint64_t line, struct fault *fault)
{
	const char *name = alert->has_salt ? "salt" : alert->id != NULL ? "id" : alert->has_sent ? "sent" : NULL;

	if (name != NULL)
		return fault_set(
			fault, LIAISON_MALFORMED, "%" PRIu64 ": %s: leave it out, the agent fills it", line, name);
	if (alert->has_message && alert->message != LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT)
		return fault_set(fault, LIAISON_MALFORMED,
			"%" PRIu64
			": message: publish sends ALERT; for the rest of an alert's life there are `liaison update`, "
			"`liaison cancel` and others",
			line);
	return LIAISON_OK;
}

static enum liaison_err
set_id(const struct agent *agent, Liaison__Alert *alert, uint64_t sequence)
{
	struct alert_id id = {.office = agent->home->office, .sequence = sequence};
	char text[ALERT_ID_BYTES];

	alert_id_format(&id, text);
	char *copy = strdup(text);
	if (copy == NULL)
		return LIAISON_NO_MEMORY;
	free(alert->id);
	alert->id = copy;
	return LIAISON_OK;
}

static enum liaison_err
complete(const struct agent *agent, Liaison__Alert *alert)
{
	uint8_t *salt = malloc(SALT_BYTES);

	if (salt == NULL || set_id(agent, alert, SEQUENCE_MAX) != LIAISON_OK) {
		free(salt);
		return LIAISON_NO_MEMORY;
	}
	rng_fill(agent->app->rng, salt, SALT_BYTES);
	if (alert->has_salt)
		free(alert->salt.data);
	alert->has_salt = 1;
	alert->salt = (ProtobufCBinaryData){SALT_BYTES, salt};
	alert->has_sent = 1;
	alert->sent = app_now(agent->app);
	if (!alert->has_status) {
		alert->has_status = 1;
		alert->status = LIAISON__STATUS__STATUS_ACTUAL;
	}
	if (!alert->has_message) {
		alert->has_message = 1;
		alert->message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_ALERT;
	}
	if (!alert->has_expires && alert->has_kind) {
		alert->has_expires = 1;
		alert->expires = admission_expiry_limit(&agent->limits, alert, alert->sent);
	}
	return LIAISON_OK;
}

/* --- the broker's own questions -------------------------------------------------------------------------------------- */

/* By the rosters that are held here. */
static enum liaison_err
admit_once(struct agent *agent, const struct admitted *admitted, char warning[LIAISON_FAULT_BYTES], struct fault *fault)
{
	struct public_key key;
	struct key_id id;
	int64_t now = app_now(agent->app);

	key_id_of(&agent->keys->signing_public, &id);
	enum liaison_err err = admit_signer(admitted, &id, agent->home->office.text, agent->trust, now, &key, fault);
	if (err == LIAISON_ROSTER_EXPIRED)
		err = LIAISON_OK; /* for now: it may wait in the outbox for the roster that comes */
	if (err == LIAISON_OK)
		err = admit_content(admitted, agent->trust, agent->crossings, &agent->limits, now, fault, warning);
	return err;
}

/* What a newer roster may answer otherwise. */
static bool
depends_on_roster(enum liaison_err err)
{
	return err == LIAISON_UNKNOWN_OFFICE || err == LIAISON_NOT_PERMITTED || err == LIAISON_BAD_SIGNATURE ||
	       err == LIAISON_BAD_HANDLING;
}

static enum liaison_err
admit(struct agent *agent, const uint8_t *body, size_t len, struct admitted *out, char warning[LIAISON_FAULT_BYTES],
	struct fault *fault)
{
	struct admitted admitted = {0};

	enum liaison_err err = admit_body(body, len, agent->crossings, &admitted, fault);
	if (err != LIAISON_OK)
		return err;
	err = admit_once(agent, &admitted, warning, fault);
	if (depends_on_roster(err) && agent_refresh(agent))
		err = admit_once(agent, &admitted, warning, fault);
	if (err != LIAISON_OK) {
		admitted_clear(&admitted);
		return err;
	}
	*out = admitted;
	return LIAISON_OK;
}

enum liaison_err
compose_message(struct agent *agent, Liaison__Alert *alert, struct draft *out, char warning[LIAISON_FAULT_BYTES],
	struct fault *fault)
{
	struct draft draft = {0};
	uint8_t *body = NULL;

	warning[0] = '\0';
	enum liaison_err err = complete(agent, alert);
	if (err != LIAISON_OK) {
		fault_set(fault, err, "out of memory");
		goto out;
	}
	draft.body_len = liaison__alert__get_packed_size(alert);
	body = malloc(draft.body_len);
	if (body == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		goto out;
	}
	liaison__alert__pack(alert, body);
	err = admit(agent, body, draft.body_len, &draft.admitted, warning, fault);
	if (err == LIAISON_OK)
		*out = draft;
out:
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
	return err;
}

enum liaison_err
compose_text(struct agent *agent, const char *text, size_t len, uint64_t line, struct draft *out, bool *is_unread,
	char warning[LIAISON_FAULT_BYTES], struct fault *fault)
{
	ProtobufCMessage *message = NULL;

	warning[0] = '\0';
	*is_unread = true;
	enum liaison_err err = json_to_message(&liaison__alert__descriptor, text, len, line, &message, fault);
	if (err != LIAISON_OK)
		return err;
	err = check_author((Liaison__Alert *)message, line, fault);
	if (err != LIAISON_OK) {
		protobuf_c_message_free_unpacked(message, NULL);
		return err;
	}
	*is_unread = false;
	err = compose_message(agent, (Liaison__Alert *)message, out, warning, fault);
	if (err == LIAISON_OK)
		out->line = (int64_t)line;
	return err;
}

/* --- numbering and signing ------------------------------------------------------------------------------------------- */

struct bodies {
	uint8_t *bytes[BATCH_LEAVES_MAX];
	size_t len[BATCH_LEAVES_MAX];
	struct digest leaves[BATCH_LEAVES_MAX];
};

static enum liaison_err
pack_bodies(const struct agent *agent, struct draft *drafts, size_t count, uint64_t first, struct bodies *bodies)
{
	for (size_t i = 0; i < count; i++) {
		Liaison__Alert *alert = drafts[i].admitted.alert;
		drafts[i].sequence = first + i;
		if (set_id(agent, alert, first + i) != LIAISON_OK)
			return LIAISON_NO_MEMORY;
		drafts[i].admitted.facts->id.sequence = first + i;
		bodies->len[i] = liaison__alert__get_packed_size(alert);
		bodies->bytes[i] = malloc(bodies->len[i]);
		if (bodies->bytes[i] == NULL)
			return LIAISON_NO_MEMORY;
		liaison__alert__pack(alert, bodies->bytes[i]);
		envelope_body_hash(bodies->bytes[i], bodies->len[i], &bodies->leaves[i]);
		drafts[i].admitted.body_hash = bodies->leaves[i];
	}
	return LIAISON_OK;
}

static enum liaison_err
sign_and_put(struct agent *agent, struct draft *drafts, size_t count, int64_t job, const struct bodies *bodies,
	struct fault *fault)
{
	uint8_t signature[SIGNATURE_BYTES];
	struct key_id key;
	uint64_t first = drafts[0].sequence;

	enum liaison_err err =
		batch_sign(trust_network(agent->trust), agent->keys, bodies->leaves, (uint32_t)count, &key, signature);
	if (err != LIAISON_OK)
		return fault_set(fault, err,
			"the signature that was just made does not verify: office.key or this computer's memory is "
			"damaged");
	err = outbox_put_batch(agent->post, first, (uint32_t)count, &key, signature, fault);
	for (size_t i = 0; err == LIAISON_OK && i < count; i++)
		err = outbox_put(agent->post, first, first + i, bodies->bytes[i], bodies->len[i], &bodies->leaves[i],
			job, drafts[i].line, app_now(agent->app), fault);
	return err;
}

enum liaison_err
compose_queue(struct agent *agent, struct draft *drafts, size_t count, int64_t job, struct fault *fault)
{
	uint64_t first = 0;

	assert(count >= 1 && count <= BATCH_LEAVES_MAX);
	struct bodies *bodies = calloc(1, sizeof *bodies);
	if (bodies == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = post_take_sequences(agent->post, count, &first, fault);
	if (err == LIAISON_OK && pack_bodies(agent, drafts, count, first, bodies) != LIAISON_OK)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (err == LIAISON_OK)
		err = sign_and_put(agent, drafts, count, job, bodies, fault);
	for (size_t i = 0; i < count; i++)
		free(bodies->bytes[i]);
	free(bodies);
	return err;
}
