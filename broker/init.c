#include "broker/init.h"

#include "broker/config.h"
#include "proto/address.h"
#include "proto/base/buf.h"
#include "proto/card.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"
#include "proto/signing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CONFIG_TEXT_BYTES_MAX 8192
#define DEFAULT_LISTEN "tcp://127.0.0.1:7400"

struct home {
	const struct init_options *options;
	struct office_id id;
	char *config_path, *key_path, *card_path, *trust_path;
	const char *listen[CONFIG_LISTEN_MAX];
	size_t listen_count;
	const char *endpoints[CARD_ENDPOINTS_MAX];
	size_t endpoint_count;
	struct secret_keys *keys;
	Liaison__Signed *card;
};

/* --- what was asked for ------------------------------------------------------------------------------------------------- */

/* Whether an end point to listen at says nothing of where it can be reached: all addresses, or any free port. */
static bool
is_unreachable(const char *listen)
{
	const char *host = listen + strlen("tcp://"), *port = strrchr(listen, ':') + 1;

	return host[0] == '*' || strncmp(host, "0.0.0.0:", 8) == 0 || strncmp(host, "[::]:", 5) == 0 ||
	       strspn(port, "0") == strlen(port);
}

static enum liaison_err
take_endpoints(struct home *home, struct fault *fault)
{
	const struct init_options *options = home->options;

	if (options->listen_count > CONFIG_LISTEN_MAX || options->endpoint_count > CARD_ENDPOINTS_MAX)
		return fault_set(fault, LIAISON_BAD_USAGE, "at most %d of --listen and %d of --endpoint",
			CONFIG_LISTEN_MAX, CARD_ENDPOINTS_MAX);
	for (size_t i = 0; i < options->listen_count; i++) {
		const char *problem = broker_config_listen_problem(options->listen[i]);
		if (problem != NULL)
			return fault_set(fault, LIAISON_BAD_USAGE,
				"--listen: \"%.80s\" %s; allowed: end points such as " DEFAULT_LISTEN,
				options->listen[i], problem);
		home->listen[home->listen_count++] = options->listen[i];
	}
	if (home->listen_count == 0)
		home->listen[home->listen_count++] = DEFAULT_LISTEN;
	for (size_t i = 0; i < options->endpoint_count; i++)
		home->endpoints[home->endpoint_count++] = options->endpoints[i];
	if (home->endpoint_count > 0)
		return LIAISON_OK;
	for (size_t i = 0; i < home->listen_count; i++) {
		if (is_unreachable(home->listen[i]))
			return fault_set(fault, LIAISON_BAD_USAGE,
				"nobody can connect to %s: say with --endpoint tcp://HOST:PORT where agents find this "
				"broker",
				home->listen[i]);
		home->endpoints[home->endpoint_count++] = home->listen[i];
	}
	return LIAISON_OK;
}

static enum liaison_err
name_files(struct home *home, struct fault *fault)
{
	char card_name[OFFICE_ID_BYTES + sizeof ".card"];
	const char *dir = home->options->dir;
	struct stat st;

	snprintf(card_name, sizeof card_name, "%s.card", home->id.text);
	home->config_path = path_join(dir, "liaisond.conf");
	home->key_path = path_join(dir, "broker.key");
	home->card_path = path_join(dir, card_name);
	home->trust_path = path_join(dir, "trust");
	const char *const made[] = {home->config_path, home->key_path, home->card_path};
	for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
		if (made[i] == NULL || home->trust_path == NULL)
			return fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", dir);
		if (lstat(made[i], &st) == 0)
			return fault_set(fault, LIAISON_EXISTS,
				"%s is there already, and nothing was changed; give --init another folder, or move "
				"away what is in this one",
				made[i]);
	}
	return LIAISON_OK;
}

/* --- what is made ------------------------------------------------------------------------------------------------------- */

static enum liaison_err
make_card(struct home *home, struct fault *fault)
{
	Liaison__Card *card =
		card_new(home->id.text, home->keys, home->options->now, home->endpoints, home->endpoint_count);
	struct fault why = {.message = ""};
	enum liaison_err err;

	if (card == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory while making the card");
	err = card_validate(card, &why);
	if (err != LIAISON_OK)
		err = fault_set(fault, LIAISON_BAD_USAGE, "no card can be made of this: %s", why.message);
	if (err == LIAISON_OK)
		err = document_sign(DOCUMENT_CARD, &card->base, "", home->keys, &home->card, fault);
	card_free(card);
	return err;
}

static enum liaison_err
write_config(const struct home *home, struct fault *fault)
{
	struct buf text;

	buf_init(&text, CONFIG_TEXT_BYTES_MAX);
	buf_put_format(&text,
		"# The broker %s. liaisond(8) lists all keys; what is not here has its default\n"
		"# (`liaisond -c FILE --print-config` shows it). Relative paths begin at this file's folder.\n"
		"id = \"%s\";\nlisten = [ ",
		home->id.text, home->id.text);
	for (size_t i = 0; i < home->listen_count; i++)
		buf_put_format(&text, "%s\"%s\"", i > 0 ? ", " : "", home->listen[i]);
	buf_put_text(&text, " ];\ndata_dir = \"data\";\nkey_file = \"broker.key\";\ntrust_dir = \"trust\";\nlog_level "
			    "= \"info\";\n");
	enum liaison_err err = buf_check(&text);
	if (err == LIAISON_OK)
		err = file_create(home->config_path, text.data, text.len, 0600, fault);
	else
		err = fault_set(fault, err, "%s: out of memory", home->config_path);
	buf_clear(&text);
	return err;
}

static void
print_next_steps(const struct home *home, FILE *out)
{
	char fingerprint[SPOKEN_FINGERPRINT_BYTES], member[MEMBER_BYTES];
	const char *id = home->id.text;

	card_fingerprint(home->card, fingerprint);
	address_member(id, member);
	fprintf(out, "Made the broker %s in %s: liaisond.conf, broker.key (keep it secret), %s.card.\n\n", id,
		home->options->dir, id);
	fprintf(out, "The card's fingerprint, to read aloud:  %s\n", fingerprint);
	fputs("Its transport key, for `liaison home init`: ", out);
	for (size_t i = 0; i < PUBLIC_KEY_BYTES; i++)
		fprintf(out, "%02x", home->keys->transport_public.bytes[i]);
	fprintf(out,
		"\n\nWhat to do next:\n"
		"  1. Bring %s to the authority of %s, who compares the fingerprint and enrols it:\n"
		"       liaison roster set --card %s.card --template broker %s.roster\n"
		"  2. Take in the network's root keys, charter and signed rosters:\n"
		"       liaison --home %s trust import root.keys charter %s.roster\n"
		"     or copy the files of any trust folder of the network into %s.\n"
		"  3. liaisond -c %s --check-config\n"
		"     liaisond -c %s\n",
		home->card_path, member, id, member, home->options->dir, member, home->trust_path, home->config_path,
		home->config_path);
}

static enum liaison_err
make_home(struct home *home, FILE *out, struct fault *fault)
{
	struct fault why = {.message = ""};

	if (office_id_parse(home->options->id, &home->id, &why) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_USAGE, "--id: %s", why.message);
	enum liaison_err err = take_endpoints(home, fault);
	if (err == LIAISON_OK)
		err = name_files(home, fault);
	if (err != LIAISON_OK)
		return err;
	home->keys = secret_keys_new(KEYS_BROKER);
	if (home->keys == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "no guarded memory for the keys");
	/* All that can be refused is made in memory first. */
	err = make_card(home, fault);
	if (err == LIAISON_OK)
		err = folder_make(home->options->dir, 0700, fault);
	if (err == LIAISON_OK)
		err = folder_check(home->options->dir, fault);
	if (err == LIAISON_OK)
		err = folder_make(home->trust_path, 0700, fault);
	if (err == LIAISON_OK)
		err = keyfile_create(home->key_path, home->keys, home->id.text, NULL, fault);
	if (err == LIAISON_OK)
		err = docfile_write(home->card_path, DOCUMENT_CARD, home->card, fault);
	if (err == LIAISON_OK)
		err = write_config(home, fault);
	if (err == LIAISON_OK)
		print_next_steps(home, out);
	return err;
}

enum liaison_err
init_home(const struct init_options *options, FILE *out, struct fault *fault)
{
	struct home home = {.options = options};
	enum liaison_err err = make_home(&home, out, fault);

	if (home.card != NULL)
		liaison__signed__free_unpacked(home.card, NULL);
	secret_keys_free(home.keys);
	free(home.config_path);
	free(home.key_path);
	free(home.card_path);
	free(home.trust_path);
	return err;
}
