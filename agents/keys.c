/* `liaison keys`: an office's secret keys and its card, and those of signers (root, authority, duty). */
#include "agents/commands.h"
#include "agents/home.h"
#include "agents/line.h"
#include "agents/passphrase.h"
#include "agents/say.h"
#include "proto/card.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"
#include "proto/signing.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define KEY_NAME "office.key"
#define NEXT_NAME "office.key.next"
#define CARD_NAME "office.card"

struct keys_options {
	const char *office, *signer, *file;
	bool has_passphrase, is_removed;
};

enum { OPTION_REMOVE = 256 };

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct keys_options *chosen = state->input;

	switch (key) {
	case 'o': chosen->office = arg; return 0;
	case 's': chosen->signer = arg; return 0;
	case 'p': chosen->has_passphrase = true; return 0;
	case OPTION_REMOVE: chosen->is_removed = true; return 0;
	case ARGP_KEY_ARG:
		if (chosen->file != NULL)
			argp_error(state, "one file at a time");
		chosen->file = arg;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- what all verbs need --------------------------------------------------------------------------------------------- */

/* The office of office.conf, where there is one. */
static enum liaison_err
find_office(const struct app *app, const char *given, struct office_id *office, struct fault *fault)
{
	struct home *home = NULL;
	struct fault why;

	enum liaison_err err = home_open(app->home, &home, &why);
	if (err == LIAISON_OK) {
		*office = home->office;
		home_free(home);
		if (given != NULL && strcmp(given, office->text) != 0)
			return fault_set(fault, LIAISON_BAD_CONFIG, "%s/office.conf is the home of %s, not of %s",
				app->home, office->text, given);
		return LIAISON_OK;
	}
	if (given == NULL)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"say for which office: `liaison keys new --office kh.blo.poipet`, or make its home first with "
			"`liaison home "
			"init`");
	return office_id_parse(given, office, fault);
}

static enum liaison_err
write_card(const struct app *app, const char *office, const struct secret_keys *keys, struct fault *fault)
{
	Liaison__Signed *signed_card = NULL;
	char fingerprint[SPOKEN_FINGERPRINT_BYTES];
	struct line line;

	char *path = home_file(app->home, CARD_NAME);
	Liaison__Card *card = card_new(office, keys, app_now(app), NULL, 0);
	enum liaison_err err = path == NULL || card == NULL
				       ? fault_set(fault, LIAISON_NO_MEMORY, "out of memory")
				       : document_sign(DOCUMENT_CARD, &card->base, "", keys, &signed_card, fault);
	if (err == LIAISON_OK)
		err = docfile_write(path, DOCUMENT_CARD, signed_card, fault);
	if (err != LIAISON_OK)
		goto out;
	card_fingerprint(signed_card, fingerprint);
	say_result(app, "card of %s: %s", office, path);
	say_result(app, "fingerprint, to read aloud to the authority's clerk: %s", fingerprint);
	line_begin(&line, app);
	line_text(&line, "office", office);
	line_text(&line, "card", path);
	line_text(&line, "fingerprint", fingerprint);
	err = line_end(&line, fault);
out:
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	card_free(card);
	free(path);
	return err;
}

/* Fresh keys into a new file, with a passphrase if one is wanted. */
static enum liaison_err
create_keys(const char *path, const char *name, enum keys_owner owner, bool has_passphrase, struct secret_keys **out,
	struct fault *fault)
{
	struct secret_keys *keys = secret_keys_new(owner);
	char *passphrase = has_passphrase ? sodium_malloc(PASSPHRASE_BYTES) : NULL;
	enum liaison_err err = LIAISON_OK;

	if (keys == NULL || (has_passphrase && passphrase == NULL))
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (err == LIAISON_OK && has_passphrase)
		err = passphrase_ask_new(path, passphrase, fault);
	if (err == LIAISON_OK)
		err = keyfile_create(path, keys, name, passphrase, fault);
	if (err == LIAISON_EXISTS)
		fault_set(fault, err, "%s exists and is not overwritten; for new keys there is `liaison keys rotate`",
			path);
	sodium_free(passphrase);
	if (err != LIAISON_OK) {
		secret_keys_free(keys);
		return err;
	}
	*out = keys;
	return LIAISON_OK;
}

/* --- new ------------------------------------------------------------------------------------------------------------- */

static const struct argp_option new_options[] = {
	{"office", 'o', "OFFICE", 0, "For this office, if the home does not say which", 0},
	{"signer", 's', "NAME", 0, "A key that only signs (root, authority, duty) into FILE, not an office's keys", 0},
	{"passphrase", 'p', NULL, 0, "Ask for a passphrase, without which the file is of no use", 0},
	{0},
};

static const struct argp new_argp = {
	.options = new_options,
	.parser = read_option,
	.args_doc = "\n--signer NAME FILE",
	.doc = "Make an office's secret keys (office.key) and its card (office.card), or a signer's key.\vExamples:\n"
	       "  liaison keys new --office kh.blo.poipet\n"
	       "  liaison keys new --signer kh-authority-1 --passphrase authority-1.key",
};

static enum liaison_err
new_signer(const struct app *app, const struct keys_options *chosen, struct fault *fault)
{
	struct secret_keys *keys = NULL;
	char hex[2 * PUBLIC_KEY_BYTES + 1];
	struct line line;

	if (chosen->file == NULL)
		return fault_set(fault, LIAISON_BAD_USAGE, "say into which file: `liaison keys new --signer %s FILE`",
			chosen->signer);
	enum liaison_err err =
		create_keys(chosen->file, chosen->signer, KEYS_SIGNER, chosen->has_passphrase, &keys, fault);
	if (err != LIAISON_OK)
		return err;
	public_key_format(&keys->signing_public, hex);
	secret_keys_free(keys);
	say_result(app, "%s: key of %s, public half %s", chosen->file, chosen->signer, hex);
	line_begin(&line, app);
	line_text(&line, "name", chosen->signer);
	line_text(&line, "file", chosen->file);
	line_text(&line, "signingKey", hex);
	return line_end(&line, fault);
}

static enum liaison_err
new_office(const struct app *app, const struct keys_options *chosen, struct fault *fault)
{
	struct office_id office;
	struct secret_keys *keys = NULL;

	enum liaison_err err = find_office(app, chosen->office, &office, fault);
	if (err != LIAISON_OK)
		return err;
	err = folder_make(app->home, 0700, fault);
	if (err != LIAISON_OK)
		return err;
	char *path = home_file(app->home, KEY_NAME);
	err = path == NULL ? fault_set(fault, LIAISON_NO_MEMORY, "out of memory")
			   : create_keys(path, office.text, KEYS_OFFICE, chosen->has_passphrase, &keys, fault);
	if (err == LIAISON_OK) {
		say_note(app, "secret keys: %s (keep it to this computer; nobody else needs it)", path);
		err = write_card(app, office.text, keys, fault);
	}
	secret_keys_free(keys);
	free(path);
	return err;
}

static int
keys_new(struct app *app, int argc, char **argv)
{
	struct keys_options chosen = {0};
	struct fault fault;

	command_parse(app, &new_argp, argc, argv, &chosen);
	enum liaison_err err =
		chosen.signer != NULL ? new_signer(app, &chosen, &fault) : new_office(app, &chosen, &fault);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- show ------------------------------------------------------------------------------------------------------------ */

static const struct argp show_argp = {
	.parser = read_option,
	.args_doc = "[FILE]",
	.doc = "Show the public halves of a key file (office.key of the home), or what a card says.\vExamples:\n"
	       "  liaison keys show\n"
	       "  liaison keys show office.card",
};

static void
show_key(const struct app *app, struct line *line, const char *label, const char *field, const void *key, size_t len)
{
	char hex[2 * PUBLIC_KEY_BYTES + 1];

	if (len != PUBLIC_KEY_BYTES || sodium_is_zero(key, len))
		return;
	sodium_bin2hex(hex, sizeof hex, key, len);
	say_result(app, "%-12s%s", label, hex);
	line_text(line, field, hex);
}

static enum liaison_err
show_card(const struct app *app, const char *path, struct fault *fault)
{
	Liaison__Signed *signed_card = NULL;
	struct document *document = NULL;
	char fingerprint[SPOKEN_FINGERPRINT_BYTES];
	struct line line;

	enum liaison_err err = docfile_read(path, DOCUMENT_CARD, &signed_card, fault);
	if (err == LIAISON_OK)
		err = card_open(signed_card, &document, fault);
	if (err == LIAISON_OK) {
		const Liaison__Card *card = document->card;
		card_fingerprint(signed_card, fingerprint);
		line_begin(&line, app);
		say_result(app, "card of %s", card->office);
		line_text(&line, "office", card->office);
		show_key(app, &line, "signing", "signingKey", card->signing_key.data, card->signing_key.len);
		show_key(app, &line, "transport", "transportKey", card->transport_key.data, card->transport_key.len);
		show_key(app, &line, "sealing", "sealingKey", card->sealing_key.data, card->sealing_key.len);
		show_key(
			app, &line, "checkpoint", "checkpointKey", card->checkpoint_key.data, card->checkpoint_key.len);
		say_result(app, "%-12s%s", "fingerprint", fingerprint);
		line_text(&line, "fingerprint", fingerprint);
		err = line_end(&line, fault);
	}
	document_unref(document);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	return err;
}

static enum liaison_err
show_keys(const struct app *app, const char *path, struct fault *fault)
{
	const struct passphrase_source source = passphrase_source();
	struct keyfile_info info;
	struct secret_keys *keys = NULL;
	struct line line;

	enum liaison_err err = keyfile_load(path, &source, &keys, &info, fault);
	if (err != LIAISON_OK)
		return err;
	line_begin(&line, app);
	say_result(app, "keys of %s (%s)", info.name, info.has_passphrase ? "with passphrase" : "no passphrase");
	line_text(&line, "name", info.name);
	line_bool(&line, "passphrase", info.has_passphrase);
	show_key(app, &line, "signing", "signingKey", keys->signing_public.bytes, PUBLIC_KEY_BYTES);
	show_key(app, &line, "transport", "transportKey", keys->transport_public.bytes, PUBLIC_KEY_BYTES);
	show_key(app, &line, "sealing", "sealingKey", keys->sealing_public.bytes, PUBLIC_KEY_BYTES);
	show_key(app, &line, "checkpoint", "checkpointKey", keys->checkpoint_public.bytes, PUBLIC_KEY_BYTES);
	secret_keys_free(keys);
	return line_end(&line, fault);
}

static int
keys_show(struct app *app, int argc, char **argv)
{
	struct keys_options chosen = {0};
	enum docfile_type type;
	struct fault fault, ignored;

	command_parse(app, &show_argp, argc, argv, &chosen);
	char *path = chosen.file != NULL ? strdup(chosen.file) : home_file(app->home, KEY_NAME);
	if (path == NULL)
		return EX_OSERR;
	bool is_paper = docfile_look(path, &type, &ignored) == LIAISON_OK;
	enum liaison_err err;
	if (is_paper && type != DOCFILE_CARD)
		err = fault_set(&fault, LIAISON_BAD_USAGE,
			"%s is neither a key file nor a card; for charters and rosters there are `liaison charter "
			"show` "
			"and `liaison roster show`",
			path);
	else
		err = is_paper ? show_card(app, path, &fault) : show_keys(app, path, &fault);
	free(path);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- passphrase ------------------------------------------------------------------------------------------------------ */

static const struct argp_option passphrase_options[] = {
	{"remove", OPTION_REMOVE, NULL, 0, "Take the passphrase away: whoever gets the file has the keys", 0},
	{0},
};

static const struct argp passphrase_argp = {
	.options = passphrase_options,
	.parser = read_option,
	.args_doc = "[FILE]",
	.doc = "Set, change or take away the passphrase of a key file (office.key of the home).\vExamples:\n"
	       "  liaison keys passphrase\n"
	       "  liaison keys passphrase --remove authority-1.key",
};

static int
keys_passphrase(struct app *app, int argc, char **argv)
{
	const struct passphrase_source source = passphrase_source();
	struct keys_options chosen = {0};
	struct keyfile_info info;
	struct secret_keys *keys = NULL;
	struct fault fault;

	command_parse(app, &passphrase_argp, argc, argv, &chosen);
	char *path = chosen.file != NULL ? strdup(chosen.file) : home_file(app->home, KEY_NAME);
	char *passphrase = sodium_malloc(PASSPHRASE_BYTES);
	if (path == NULL || passphrase == NULL) {
		free(path);
		sodium_free(passphrase);
		return EX_OSERR;
	}
	enum liaison_err err = keyfile_load(path, &source, &keys, &info, &fault);
	if (err == LIAISON_OK && !chosen.is_removed)
		err = passphrase_ask_new(path, passphrase, &fault);
	if (err == LIAISON_OK)
		err = keyfile_replace(path, keys, info.name, chosen.is_removed ? NULL : passphrase, &fault);
	if (err == LIAISON_OK)
		say_note(app, "%s %s", path,
			chosen.is_removed ? "has no passphrase any more" : "has the new passphrase");
	secret_keys_free(keys);
	sodium_free(passphrase);
	free(path);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"new", "make an office's keys and card, or a signer's key", keys_new},
	{"show", "public halves of a key file; what a card says", keys_show},
	{"passphrase", "set, change or take away a passphrase", keys_passphrase},
	{"rotate", "new keys beside the old ones, then in their place", command_keys_rotate},
	{NULL, NULL, NULL},
};

int
command_keys(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "Secret keys, and cards for enrolment.", argc, argv);
}
