/* Making a sandbox: root, authorities, rosters, the broker's home and the offices'. */
#include "agents/sandbox.h"

#include "proto/card.h"
#include "proto/charter.h"
#include "proto/crossings.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"
#include "proto/roster_edit.h"
#include "proto/signing.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOTS 3
#define ROOT_THRESHOLD 2
#define CHARTER_DAYS 730
#define ROSTER_DAYS 365

struct making {
	const struct app *app;
	struct sandbox *sandbox;
	struct secret_keys *roots[ROOTS];
	struct secret_keys *authorities[SANDBOX_COUNTRIES_MAX];
	struct secret_keys *duties[SANDBOX_COUNTRIES_MAX];
	struct public_key broker_key; /* transport */
	struct crossings *crossings;
	struct trust *trust;
	int64_t now;
};

static enum liaison_err
no_memory(struct fault *fault)
{
	return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
}

/* `dir`/`folder`/`name` into `out`. */
static const char *
path_in(const struct making *making, const char *folder, const char *name, char out[4096])
{
	snprintf(out, 4096, "%s/%s/%s", making->sandbox->dir, folder, name);
	return out;
}

/* --- the folder ------------------------------------------------------------------------------------------------------ */

static bool
is_empty(const char *path)
{
	DIR *folder = opendir(path);
	bool has_entry = false;

	if (folder == NULL)
		return false;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
		has_entry = has_entry || (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0);
	closedir(folder);
	return !has_entry;
}

static enum liaison_err
make_folders(struct making *making, const char *dir, struct fault *fault)
{
	static const char *const names[] = {"root", "authority", "brokers"};
	char path[4096];

	enum liaison_err err = folder_make(dir, 0700, fault);
	if (err != LIAISON_OK)
		return err;
	if (!is_empty(dir))
		return fault_set(fault, LIAISON_EXISTS,
			"%s holds something that is no sandbox, or one that was left half made; name an empty or a new "
			"folder",
			dir);
	making->sandbox->dir = realpath(dir, NULL);
	if (making->sandbox->dir == NULL)
		return fault_errno(fault, LIAISON_IO, errno, "cannot find %s", dir);
	for (size_t i = 0; i < sizeof names / sizeof names[0] && err == LIAISON_OK; i++)
		err = folder_make(path_in(making, names[i], "", path), 0700, fault);
	return err;
}

/* A port of loopback that is free now. */
static enum liaison_err
find_endpoint(struct sandbox *sandbox, struct fault *fault)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		int saved = errno;
		if (fd >= 0)
			close(fd);
		return fault_errno(fault, LIAISON_IO, saved, "no port of 127.0.0.1 is free");
	}
	close(fd);
	snprintf(sandbox->endpoint, sizeof sandbox->endpoint, "tcp://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	return LIAISON_OK;
}

/* --- root and authorities -------------------------------------------------------------------------------------------- */

static enum liaison_err
new_signer(struct making *making, const char *folder, const char *name, struct secret_keys **out, struct fault *fault)
{
	char path[4096], file[80];

	*out = secret_keys_new(KEYS_SIGNER);
	if (*out == NULL)
		return no_memory(fault);
	snprintf(file, sizeof file, "%s.key", name);
	return keyfile_create(path_in(making, folder, file, path), *out, name, NULL, fault);
}

static enum liaison_err
make_signers(struct making *making, struct fault *fault)
{
	char name[32];
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; i < ROOTS && err == LIAISON_OK; i++) {
		snprintf(name, sizeof name, "root-%zu", i + 1);
		err = new_signer(making, "root", name, &making->roots[i], fault);
	}
	for (size_t i = 0; i < making->sandbox->country_count && err == LIAISON_OK; i++) {
		snprintf(name, sizeof name, "%s-authority", making->sandbox->countries[i]);
		err = new_signer(making, "authority", name, &making->authorities[i], fault);
		if (err != LIAISON_OK)
			break;
		snprintf(name, sizeof name, "%s-duty", making->sandbox->countries[i]);
		err = new_signer(making, "authority", name, &making->duties[i], fault);
	}
	return err;
}

static enum liaison_err
take(struct making *making,
	enum liaison_err (*add)(
		struct trust *, const Liaison__Signed *, int64_t, enum trust_change *, struct trust **, struct fault *),
	const Liaison__Signed *document, struct fault *fault)
{
	enum trust_change change;
	struct trust *next = NULL;

	enum liaison_err err = add(making->trust, document, making->now, &change, &next, fault);
	if (err != LIAISON_OK)
		return err;
	trust_unref(making->trust);
	making->trust = next;
	return LIAISON_OK;
}

static enum liaison_err
make_charter(struct making *making, struct fault *fault)
{
	const struct sandbox *sandbox = making->sandbox;
	struct public_key roots[ROOTS];
	Liaison__Signed *document = NULL;
	char path[4096];

	for (size_t i = 0; i < ROOTS; i++)
		roots[i] = making->roots[i]->signing_public;
	Liaison__Charter *charter = charter_new(
		sandbox->network, roots, ROOTS, ROOT_THRESHOLD, making->now, making->now + CHARTER_DAYS * MS_PER_DAY);
	if (charter == NULL)
		return no_memory(fault);
	enum liaison_err err = LIAISON_OK;
	for (size_t i = 0; i < sandbox->country_count && err == LIAISON_OK; i++) {
		const struct charter_member_keys member = {
			.code = sandbox->countries[i],
			.authority_keys = &making->authorities[i]->signing_public,
			.authority_key_count = 1,
			.threshold = 1,
			.duty_key = &making->duties[i]->signing_public,
		};
		err = charter_set_member(charter, NULL, &member);
	}
	if (err == LIAISON_OK)
		err = document_sign(
			DOCUMENT_CHARTER, &charter->base, sandbox->network, making->roots[0], &document, fault);
	if (err == LIAISON_OK)
		err = signed_add(document, DOMAIN_CHARTER, sandbox->network, making->roots[1]);
	if (err == LIAISON_OK)
		err = docfile_write(path_in(making, "root", "charter", path), DOCUMENT_CHARTER, document, fault);
	if (err == LIAISON_OK)
		err = trust_new(sandbox->network, roots, ROOTS, ROOT_THRESHOLD, &making->trust, fault);
	if (err == LIAISON_OK)
		err = rootkeys_create(path_in(making, "root", "root.keys", path), making->trust, fault);
	if (err == LIAISON_OK)
		err = take(making, trust_add_charter, document, fault);
	if (document != NULL)
		liaison__signed__free_unpacked(document, NULL);
	charter_free(charter);
	return err;
}

/* --- the broker's home ----------------------------------------------------------------------------------------------- */

static enum liaison_err
make_broker(struct making *making, struct fault *fault)
{
	struct sandbox *sandbox = making->sandbox;
	char name[] = "liaisond", init[] = "--init", id[] = "--id", listen[] = "--listen";
	char home[4096], log[4096], path[4096], card_name[80];
	Liaison__Signed *signed_card = NULL;
	struct document *card = NULL;

	path_in(making, "brokers", sandbox->broker.text, home);
	path_in(making, "brokers", "init.log", log);
	char *const arguments[] = {name, init, home, id, sandbox->broker.text, listen, sandbox->endpoint, NULL};
	enum liaison_err err = sandbox_run_broker(arguments, log, fault);
	if (err != LIAISON_OK)
		return err;
	snprintf(card_name, sizeof card_name, "%s.card", sandbox->broker.text);
	snprintf(path, sizeof path, "%.2000s/%s", home, card_name);
	err = docfile_read(path, DOCUMENT_CARD, &signed_card, fault);
	if (err == LIAISON_OK)
		err = card_open(signed_card, &card, fault);
	if (err == LIAISON_OK)
		memcpy(making->broker_key.bytes, card->card->transport_key.data, PUBLIC_KEY_BYTES);
	document_unref(card);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	return err;
}

/* --- offices and rosters --------------------------------------------------------------------------------------------- */

static enum liaison_err
enrol(struct making *making, Liaison__Roster *roster, const char *card_path, const char *template_name,
	Liaison__Office **office, struct fault *fault)
{
	Liaison__Signed *signed_card = NULL;
	struct document *card = NULL;

	enum liaison_err err = docfile_read(card_path, DOCUMENT_CARD, &signed_card, fault);
	if (err == LIAISON_OK)
		err = card_open(signed_card, &card, fault);
	if (err == LIAISON_OK)
		err = roster_set_office(roster, card->card, template_find(template_name), making->now, office, fault);
	document_unref(card);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	return err;
}

/* What the demonstration shows of an office beyond its template. */
static enum liaison_err
describe(struct making *making, Liaison__Office *office, size_t country, size_t number)
{
	const char *code = making->sandbox->countries[country];
	const char *const langs[] = {"en"};
	char name[128], upper[3] = {(char)(code[0] - 32), (char)(code[1] - 32), '\0'};

	snprintf(name, sizeof name, "Demo %s, %s", template_find(sandbox_template(number))->meaning, upper);
	enum liaison_err err = office_set_name(office, "en", name);
	if (err == LIAISON_OK)
		err = office_set_contact(office, NULL, "24 hours", langs, 1);
	for (size_t i = 0; i < crossings_count(making->crossings) && err == LIAISON_OK && number == 0; i++) {
		const struct crossing *crossing = crossings_at(making->crossings, i);
		if (strcmp(crossing->country, upper) == 0)
			return office_set_crossings(office, &crossing->id, 1);
	}
	/* The committee hands new rosters to the broker, and may recall its country's alerts. */
	if (err == LIAISON_OK && strcmp(sandbox_template(number), "ncc") == 0)
		err = office_set_rights(office, template_find("ncc")->rights |
							UINT32_C(1) << LIAISON__RIGHT__RIGHT_OPERATE |
							UINT32_C(1) << LIAISON__RIGHT__RIGHT_RECALL);
	return err;
}

static enum liaison_err
make_office(struct making *making, Liaison__Roster *roster, size_t country, size_t number, struct fault *fault)
{
	struct office_id id;
	struct secret_keys *keys = NULL;
	Liaison__Card *card = NULL;
	Liaison__Signed *signed_card = NULL;
	Liaison__Office *office = NULL;
	char path[4096];

	sandbox_office(making->sandbox->countries[country], number, &id);
	enum liaison_err err = folder_make(path_in(making, id.text, "", path), 0700, fault);
	keys = secret_keys_new(KEYS_OFFICE);
	card = keys != NULL ? card_new(id.text, keys, making->now, NULL, 0) : NULL;
	if (err == LIAISON_OK && card == NULL)
		err = no_memory(fault);
	if (err == LIAISON_OK)
		err = keyfile_create(path_in(making, id.text, "office.key", path), keys, id.text, NULL, fault);
	if (err == LIAISON_OK)
		err = document_sign(DOCUMENT_CARD, &card->base, "", keys, &signed_card, fault);
	if (err == LIAISON_OK)
		err = docfile_write(path_in(making, id.text, "office.card", path), DOCUMENT_CARD, signed_card, fault);
	if (err == LIAISON_OK)
		err = enrol(making, roster, path, sandbox_template(number), &office, fault);
	if (err == LIAISON_OK && describe(making, office, country, number) != LIAISON_OK)
		err = no_memory(fault);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	card_free(card);
	secret_keys_free(keys);
	return err;
}

static enum liaison_err
sign_roster(struct making *making, const Liaison__Roster *roster, size_t country, struct fault *fault)
{
	Liaison__Signed *document = NULL;
	char path[4096], name[32];

	snprintf(name, sizeof name, "%s.roster", roster->member);
	enum liaison_err err = document_sign(DOCUMENT_ROSTER, &roster->base, making->sandbox->network,
		making->authorities[country], &document, fault);
	if (err == LIAISON_OK)
		err = docfile_write(path_in(making, "authority", name, path), DOCUMENT_ROSTER, document, fault);
	if (err == LIAISON_OK)
		err = take(making, trust_add_roster, document, fault);
	if (document != NULL)
		liaison__signed__free_unpacked(document, NULL);
	return err;
}

static enum liaison_err
make_country(struct making *making, size_t country, struct fault *fault)
{
	const struct sandbox *sandbox = making->sandbox;
	char path[4096], card_name[160];

	Liaison__Roster *roster = roster_new(
		sandbox->network, sandbox->countries[country], 1, making->now, making->now + ROSTER_DAYS * MS_PER_DAY);
	if (roster == NULL || roster_set_broker(roster, sandbox->broker.text) != LIAISON_OK ||
		roster_set_contributes(roster, template_find("blo")->publishes) != LIAISON_OK) {
		roster_free(roster);
		return no_memory(fault);
	}
	enum liaison_err err = LIAISON_OK;
	if (country == 0) {
		snprintf(card_name, sizeof card_name, "%s/%s.card", sandbox->broker.text, sandbox->broker.text);
		err = enrol(making, roster, path_in(making, "brokers", card_name, path), "broker", NULL, fault);
	}
	for (size_t i = 0; i < SANDBOX_OFFICES && err == LIAISON_OK; i++)
		err = make_office(making, roster, country, i, fault);
	if (err == LIAISON_OK)
		err = sign_roster(making, roster, country, fault);
	roster_free(roster);
	return err;
}

/* --- handing over ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
write_home(struct making *making, const struct office_id *office, struct fault *fault)
{
	struct home home = {.office = *office, .broker_count = 1, .wait_seconds = 30, .lang_count = 1};
	char english[] = "en", path[4096];
	struct buf text;

	home.langs[0] = english;
	home.brokers[0].id = making->sandbox->broker;
	home.brokers[0].key = making->broker_key;
	memcpy(home.brokers[0].endpoint, making->sandbox->endpoint, sizeof home.brokers[0].endpoint);
	buf_init(&text, 65536);
	home_write_conf(&home, &text);
	enum liaison_err err = buf_check(&text) == LIAISON_OK ? LIAISON_OK : no_memory(fault);
	if (err == LIAISON_OK)
		err = file_create(path_in(making, office->text, "office.conf", path), text.data, text.len, 0644, fault);
	if (err == LIAISON_OK)
		err = trust_save_dir(path_in(making, office->text, "trust", path), making->trust, making->now, fault);
	buf_clear(&text);
	return err;
}

static enum liaison_err
hand_over(struct making *making, struct fault *fault)
{
	const struct sandbox *sandbox = making->sandbox;
	struct office_id office;
	char path[4096], name[160];

	snprintf(name, sizeof name, "%s/trust", sandbox->broker.text);
	enum liaison_err err =
		trust_save_dir(path_in(making, "brokers", name, path), making->trust, making->now, fault);
	for (size_t c = 0; c < sandbox->country_count; c++)
		for (size_t i = 0; i < SANDBOX_OFFICES && err == LIAISON_OK; i++) {
			sandbox_office(sandbox->countries[c], i, &office);
			err = write_home(making, &office, fault);
		}
	return err;
}

static enum liaison_err
write_state(const struct making *making, struct fault *fault)
{
	const struct sandbox *sandbox = making->sandbox;
	char path[4096];

	json_t *countries = json_array();
	for (size_t i = 0; i < sandbox->country_count; i++)
		json_array_append_new(countries, json_string(sandbox->countries[i]));
	json_t *state = json_pack("{s:s, s:o, s:s, s:s}", "network", sandbox->network, "countries", countries, "broker",
		sandbox->broker.text, "endpoint", sandbox->endpoint);
	char *text = state != NULL ? json_dumps(state, JSON_INDENT(1)) : NULL;
	snprintf(path, sizeof path, "%s/sandbox.json", sandbox->dir);
	enum liaison_err err = text == NULL ? no_memory(fault) : file_create(path, text, strlen(text), 0644, fault);
	free(text);
	json_decref(state);
	return err;
}

static void
making_clear(struct making *making)
{
	for (size_t i = 0; i < ROOTS; i++)
		secret_keys_free(making->roots[i]);
	for (size_t i = 0; i < SANDBOX_COUNTRIES_MAX; i++) {
		secret_keys_free(making->authorities[i]);
		secret_keys_free(making->duties[i]);
	}
	crossings_free(making->crossings);
	if (making->trust != NULL)
		trust_unref(making->trust);
}

enum liaison_err
sandbox_make(const struct app *app, const char *dir, const char (*countries)[MEMBER_BYTES], size_t country_count,
	struct sandbox *out, struct fault *fault)
{
	struct sandbox sandbox = {.country_count = country_count};
	struct making making = {.app = app, .sandbox = &sandbox, .now = app_now(app)};
	uint32_t number = 0;

	for (size_t i = 0; i < country_count; i++)
		memcpy(sandbox.countries[i], countries[i], MEMBER_BYTES);
	rng_fill(app->rng, &number, sizeof number);
	snprintf(sandbox.network, sizeof sandbox.network, "sandbox.%08x", (unsigned)number);
	snprintf(sandbox.broker.text, sizeof sandbox.broker.text, "%s.broker", countries[0]);
	enum liaison_err err = make_folders(&making, dir, fault);
	if (err == LIAISON_OK)
		err = find_endpoint(&sandbox, fault);
	if (err == LIAISON_OK)
		err = crossings_builtin(&making.crossings, fault);
	if (err == LIAISON_OK)
		err = make_signers(&making, fault);
	if (err == LIAISON_OK)
		err = make_charter(&making, fault);
	if (err == LIAISON_OK)
		err = make_broker(&making, fault);
	for (size_t i = 0; i < country_count && err == LIAISON_OK; i++)
		err = make_country(&making, i, fault);
	if (err == LIAISON_OK)
		err = hand_over(&making, fault);
	if (err == LIAISON_OK)
		err = write_state(&making, fault);
	making_clear(&making);
	if (err != LIAISON_OK) {
		sandbox_clear(&sandbox);
		return err;
	}
	*out = sandbox;
	return LIAISON_OK;
}
