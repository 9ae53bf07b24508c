/*
 * `liaison keys rotate`: the first call makes new keys beside the old ones and a new card; the old ones serve until a
 * roster names the new ones; the call after that puts them in place. The old file stays: its sealing key opens what was
 * sealed to it.
 */
#include "agents/agent.h"
#include "agents/commands.h"
#include "agents/passphrase.h"
#include "agents/say.h"
#include "proto/card.h"
#include "proto/edge/docfile.h"
#include "proto/edge/keyfile.h"
#include "proto/signing.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const struct argp rotate_argp = {
	.doc = "Replace this office's keys: the first time makes office.key.next and a new card for the authority; "
	       "once a "
	       "roster with the new keys is here, the second time puts them in place. The old keys are "
	       "kept.\vExamples:\n"
	       "  liaison keys rotate           # make the new keys; hand office.card to the authority\n"
	       "  liaison keys rotate           # when the new roster has come: begin to use them",
};

struct rotation {
	struct agent agent;
	char *key, *next, *card, *old;
	struct secret_keys *keys; /* the next ones */
};

/* The new keys' file; behind a passphrase where the old ones' is. */
static enum liaison_err
create_next(const struct rotation *rotation, const char *office, struct fault *fault)
{
	struct keyfile_info info;

	enum liaison_err err = keyfile_look(rotation->key, &info, fault);
	if (err != LIAISON_OK)
		return err == LIAISON_NOT_FOUND
			       ? fault_set(fault, LIAISON_BAD_CONFIG,
					 "there is no %s to replace; `liaison keys new` makes the first keys",
					 rotation->key)
			       : err;
	if (!info.has_passphrase)
		return keyfile_create(rotation->next, rotation->keys, office, NULL, fault);
	char *passphrase = sodium_malloc(PASSPHRASE_BYTES);
	if (passphrase == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	err = passphrase_ask_new(rotation->next, passphrase, fault);
	if (err == LIAISON_OK)
		err = keyfile_create(rotation->next, rotation->keys, office, passphrase, fault);
	sodium_free(passphrase);
	return err;
}

static enum liaison_err
begin(struct rotation *rotation, struct fault *fault)
{
	const struct app *app = rotation->agent.app;
	const char *office = rotation->agent.home->office.text;
	char fingerprint[SPOKEN_FINGERPRINT_BYTES];
	Liaison__Signed *signed_card = NULL;
	Liaison__Card *card = NULL;

	rotation->keys = secret_keys_new(KEYS_OFFICE);
	if (rotation->keys == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = create_next(rotation, office, fault);
	if (err != LIAISON_OK)
		return err;
	card = card_new(office, rotation->keys, app_now(app), NULL, 0);
	err = card == NULL ? fault_set(fault, LIAISON_NO_MEMORY, "out of memory")
			   : document_sign(DOCUMENT_CARD, &card->base, "", rotation->keys, &signed_card, fault);
	if (err == LIAISON_OK)
		err = docfile_write(rotation->card, DOCUMENT_CARD, signed_card, fault);
	if (err == LIAISON_OK) {
		card_fingerprint(signed_card, fingerprint);
		say_result(app, "new card of %s: %s", office, rotation->card);
		say_result(app, "fingerprint, to read aloud to the authority's clerk: %s", fingerprint);
		say_note(app, "the old keys serve until the roster names the new ones; then call `liaison keys rotate` "
			      "again");
	}
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	card_free(card);
	return err;
}

static enum liaison_err
finish(struct rotation *rotation, struct fault *fault)
{
	const struct agent *agent = &rotation->agent;
	const struct office *office = agent_office(agent);
	struct public_key found;
	struct key_id id;
	struct fault why;

	key_id_of(&rotation->keys->signing_public, &id);
	if (office == NULL || office_key(office, KEY_SIGNING, &id, app_now(agent->app), &found, &why) != LIAISON_OK)
		return fault_set(fault, LIAISON_DEFERRED,
			"no roster here names the new keys yet: hand %s to the authority, and call this again when the "
			"new roster has "
			"come (`liaison trust import`, or by the broker)",
			rotation->card);
	/* link() first: whatever happens in between, both key files are there under some name. */
	if (link(rotation->key, rotation->old) != 0 && errno != EEXIST)
		return fault_errno(fault, LIAISON_IO, errno, "cannot keep the old keys as %s", rotation->old);
	if (rename(rotation->next, rotation->key) != 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot put %s in place", rotation->next);
	say_result(agent->app, "the new keys of %s are in use; the old ones are kept in %s", agent->home->office.text,
		rotation->old);
	return LIAISON_OK;
}

int
command_keys_rotate(struct app *app, int argc, char **argv)
{
	const struct passphrase_source source = passphrase_source();
	struct rotation rotation = {0};
	char stamp[48];
	struct fault fault;

	command_parse(app, &rotate_argp, argc, argv, NULL);
	snprintf(stamp, sizeof stamp, "office.key.old-%lld", (long long)(app_now(app) / MS_PER_SECOND));
	rotation.key = home_file(app->home, "office.key");
	rotation.next = home_file(app->home, "office.key.next");
	rotation.card = home_file(app->home, "office.card");
	rotation.old = home_file(app->home, stamp);
	enum liaison_err err =
		rotation.key == NULL || rotation.next == NULL || rotation.card == NULL || rotation.old == NULL
			? fault_set(&fault, LIAISON_NO_MEMORY, "out of memory")
			: agent_open(app, AGENT_TRUST, &rotation.agent, &fault);
	if (err == LIAISON_OK) {
		err = keyfile_load(rotation.next, &source, &rotation.keys, NULL, &fault);
		if (err == LIAISON_NOT_FOUND)
			err = begin(&rotation, &fault);
		else if (err == LIAISON_OK)
			err = finish(&rotation, &fault);
	}
	secret_keys_free(rotation.keys);
	free(rotation.key);
	free(rotation.next);
	free(rotation.card);
	free(rotation.old);
	agent_close(&rotation.agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
