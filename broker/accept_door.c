/* Who may come in, and who may stay when trust or the time changes. */
#include "broker/accept_internal.h"

#include "broker/note.h"

#include <stdio.h>
#include <string.h>

#define SELF_TEST_MS 5000

/* The office behind a key, if this broker serves it. */
static const struct office *
served_office(const struct accept *accept, const struct public_key *key)
{
	const char *self = accept->options.config->id;
	const struct office *office = trust_office_at_broker(accept->trust, self, key, accept_now(accept));

	/* Peers are known to the trust, and not served yet. */
	return office != NULL && trust_serves(accept->trust, self, office->member) ? office : NULL;
}

bool
door_admit(void *arg, const struct public_key *key, const char *address, struct net_user *user)
{
	struct accept *accept = arg;
	const struct office *office = served_office(accept, key);
	char quoted[256], key_hex[2 * KEY_ID_BYTES + 1];

	if (office == NULL) {
		note(NOTE_WARNING, "connection-refused", "reason=unknown-key address=%s", note_quote(address, quoted));
		return false;
	}
	if (sessions_count_office(accept->sessions, office->id.text) >=
		(size_t)accept->options.config->connections_per_office) {
		note(NOTE_WARNING, "connection-refused", "reason=too-many office=%s", office->id.text);
		return false;
	}
	struct key_id key_id;
	key_id_of(key, &key_id);
	sodium_bin2hex(key_hex, sizeof key_hex, key_id.bytes, sizeof key_id.bytes);
	snprintf(user->text, sizeof user->text, "%s/%s", office->id.text, key_hex);
	return true;
}

bool
door_parse_user(const struct net_user *user, struct office_id *office, struct key_id *key)
{
	const char *slash = strchr(user->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - user->text) : sizeof office->text;

	if (len >= sizeof office->text)
		return false;
	memcpy(office->text, user->text, len);
	office->text[len] = '\0';
	return sodium_hex2bin(key->bytes, sizeof key->bytes, slash + 1, strlen(slash + 1), NULL, NULL, NULL) == 0;
}

bool
door_may_stay(const struct accept *accept, const struct session *session)
{
	const struct office *office = trust_office(accept->trust, session->office.text);
	struct public_key unused;

	return office != NULL && !office_is_suspended(office, accept_now(accept)) &&
	       trust_serves(accept->trust, accept->options.config->id, office->member) &&
	       office_key(office, KEY_TRANSPORT, &session->transport_key, accept_now(accept), &unused, NULL) ==
		       LIAISON_OK;
}

static void
recheck_session(void *arg, struct session *session)
{
	struct accept *accept = arg;

	if (session->state != SESSION_CLOSING && !door_may_stay(accept, session))
		accept_shut(accept, session, LIAISON_NOT_PERMITTED, "this office or key was withdrawn");
}

void
accept_set_trust(struct accept *accept, struct trust *trust)
{
	struct trust *old = accept->trust;

	accept->trust = trust_ref(trust);
	trust_unref(old);
	sessions_each(accept->sessions, recheck_session, accept);
}

enum liaison_err
accept_self_test(struct accept *accept, struct net *net, const char *endpoint, const struct public_key *server_key,
	struct fault *fault)
{
	uint8_t secret[32];
	struct client_options options = {
		.server_key = *server_key, .secret = secret, .max_message_bytes = 1024, .receive_high_water = 1};
	int64_t until = accept_monotonic(accept) + SELF_TEST_MS;
	enum client_event event = CLIENT_TIMEOUT;
	struct net_message message;

	randombytes_buf(secret, sizeof secret);
	crypto_scalarmult_base(options.public_key.bytes, secret);
	struct client *client = client_new(net, endpoint, &options, fault);
	if (client == NULL)
		return LIAISON_IO;
	while (event == CLIENT_TIMEOUT && accept_monotonic(accept) < until) {
		zap_answer(accept->zap);
		event = client_wait(client, 5, -1, &message);
	}
	client_free(client);
	if (event == CLIENT_REFUSED)
		return LIAISON_OK;
	return fault_set(fault, LIAISON_INTERNAL,
		"%s did not refuse an unknown key: the broker will not run with an open door", endpoint);
}
