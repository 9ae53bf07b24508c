#include "agents/sandbox.h"

#include "proto/base/message.h"
#include "proto/card.h"
#include "proto/charter.h"
#include "proto/crossings.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"
#include "proto/identifiers/country.h"
#include "proto/roster_edit.h"
#include "proto/signing.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOTS 3
#define ROOTS_NEEDED 2
#define HOLDS_MS (365 * MS_PER_DAY)
#define PATH_BYTES 4096

/* What officers read; where nothing stands here, English alone. */
static const char *const country_langs[][2] = {{"BN", "ms"}, {"CN", "zh"}, {"ID", "id"}, {"KH", "km"}, {"LA", "lo"},
	{"MM", "my"}, {"MY", "ms"}, {"TH", "th"}, {"TL", "pt"}, {"VN", "vi"}};

/* What the making holds in its hands; all of it is on disk at the end. */
struct making {
	const struct app *app;
	struct sandbox *sandbox;
	int64_t now;
	int64_t issued; /* an hour ago, so that a clock that is a little behind finds its papers valid */
	struct secret_keys *roots[ROOTS];
	struct secret_keys *authorities[SANDBOX_COUNTRIES_MAX];
	struct public_key duties[SANDBOX_COUNTRIES_MAX];
	struct public_key broker_key; /* transport */
	struct crossings *crossings;
	struct trust *trust;
	struct fault *fault;
};

static enum liaison_err
out_of_memory(struct fault *fault)
{
	return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
}

/* `dir`/`name` formatted into `out`. LIAISON_BAD_USAGE where it is too long for any system call. */
LIAISON_PRINTF(3, 4)
static enum liaison_err
place(const struct making *making, char out[PATH_BYTES], const char *format, ...)
{
	va_list args;
	int used = snprintf(out, PATH_BYTES, "%s/", making->sandbox->dir);

	if (used < 0 || used >= PATH_BYTES)
		return fault_set(making->fault, LIAISON_BAD_USAGE, "the folder's path is too long");
	va_start(args, format);
	int more = vsnprintf(out + used, (size_t)(PATH_BYTES - used), format, args);
	va_end(args);
	return more >= 0 && more < PATH_BYTES - used
		       ? LIAISON_OK
		       : fault_set(making->fault, LIAISON_BAD_USAGE, "the folder's path is too long");
}

static void
member_code(const struct sandbox *sandbox, size_t country, char out[3])
{
	snprintf(out, 3, "%c%c", tolower(sandbox->countries[country][0]), tolower(sandbox->countries[country][1]));
}

/* --- keys ------------------------------------------------------------------------------------------------------------- */

LIAISON_PRINTF(4, 5)
static enum liaison_err
make_keys(struct making *making, enum keys_owner owner, struct secret_keys **out, const char *format, ...)
{
	char name[KEYFILE_NAME_BYTES], path[PATH_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof name, format, args);
	va_end(args);
	struct secret_keys *keys = secret_keys_new(owner);
	if (keys == NULL)
		return out_of_memory(making->fault);
	enum liaison_err err = owner == KEYS_SIGNER ? place(making, path, "authority/%s.key", name)
						    : place(making, path, "%s/office.key", name);
	if (err == LIAISON_OK)
		err = keyfile_create(path, keys, name, NULL, making->fault);
	if (err == LIAISON_OK)
		*out = keys;
	else
		secret_keys_free(keys);
	return err;
}

static enum liaison_err
make_signers(struct making *making)
{
	struct secret_keys *duty = NULL;
	char path[PATH_BYTES], code[3];

	enum liaison_err err = place(making, path, "authority");
	if (err == LIAISON_OK)
		err = folder_make(path, 0700, making->fault);
	for (int i = 0; err == LIAISON_OK && i < ROOTS; i++)
		err = make_keys(making, KEYS_SIGNER, &making->roots[i], "root-%d", i + 1);
	for (size_t i = 0; err == LIAISON_OK && i < making->sandbox->country_count; i++) {
		member_code(making->sandbox, i, code);
		err = make_keys(making, KEYS_SIGNER, &making->authorities[i], "%s-authority", code);
		if (err == LIAISON_OK)
			err = make_keys(making, KEYS_SIGNER, &duty, "%s-duty", code);
		if (err == LIAISON_OK) {
			making->duties[i] = duty->signing_public;
			secret_keys_free(duty);
		}
	}
	return err;
}

/* --- charter ---------------------------------------------------------------------------------------------------------- */

static enum liaison_err
fill_charter(const struct making *making, Liaison__Charter *charter)
{
	enum liaison_err err = LIAISON_OK;
	char code[3];

	for (size_t i = 0; err == LIAISON_OK && i < making->sandbox->country_count; i++) {
		member_code(making->sandbox, i, code);
		err = charter_set_member(charter, NULL,
			&(struct charter_member_keys){.code = code,
				.authority_keys = &making->authorities[i]->signing_public,
				.authority_key_count = 1,
				.threshold = 1,
				.duty_key = &making->duties[i]});
	}
	return err == LIAISON_OK ? err : out_of_memory(making->fault);
}

static enum liaison_err
make_charter(struct making *making)
{
	struct public_key keys[ROOTS];
	Liaison__Signed *signed_charter = NULL;
	enum trust_change change;
	struct trust *next = NULL;

	for (int i = 0; i < ROOTS; i++)
		keys[i] = making->roots[i]->signing_public;
	const char *network = making->sandbox->network;
	Liaison__Charter *charter =
		charter_new(network, keys, ROOTS, ROOTS_NEEDED, making->issued, making->now + 2 * HOLDS_MS);
	enum liaison_err err = charter == NULL ? out_of_memory(making->fault) : fill_charter(making, charter);
	if (err == LIAISON_OK)
		err = document_sign(
			DOCUMENT_CHARTER, &charter->base, network, making->roots[0], &signed_charter, making->fault);
	for (int i = 1; err == LIAISON_OK && i < ROOTS_NEEDED; i++)
		err = signed_add(signed_charter, DOMAIN_CHARTER, network, making->roots[i]);
	if (err == LIAISON_OK)
		err = trust_new(network, keys, ROOTS, ROOTS_NEEDED, &making->trust, making->fault);
	if (err == LIAISON_OK)
		err = trust_add_charter(making->trust, signed_charter, making->now, &change, &next, making->fault);
	if (err == LIAISON_OK) {
		trust_unref(making->trust);
		making->trust = next;
	}
	if (signed_charter != NULL)
		liaison__signed__free_unpacked(signed_charter, NULL);
	charter_free(charter);
	return err;
}

/* --- rosters ---------------------------------------------------------------------------------------------------------- */

static const char *
country_lang(const char *country)
{
	for (size_t i = 0; i < sizeof country_langs / sizeof country_langs[0]; i++)
		if (strcmp(country_langs[i][0], country) == 0)
			return country_langs[i][1];
	return NULL;
}

/* Where its border liaison office sits: the first of the register; NULL where it has none of that country. */
static const char *
first_crossing(const struct making *making, const char *country)
{
	for (size_t i = 0; i < crossings_count(making->crossings); i++) {
		const struct crossing *crossing = crossings_at(making->crossings, i);
		if (strcmp(crossing->country, country) == 0)
			return crossing->id;
	}
	return NULL;
}

/* What the directory says of an office. 00 after the country's zero is no number that anybody has. */
static enum liaison_err
describe(const struct making *making, Liaison__Office *office, const struct office_template *kind, const char *country)
{
	const char *langs[] = {"en", country_lang(country)};
	const char *crossing =
		kind->kind == LIAISON__OFFICE_KIND__OFFICE_KIND_BLO ? first_crossing(making, country) : NULL;
	char name[128];

	snprintf(name, sizeof name, "%c%s of %s (demo)", toupper(kind->meaning[0]), kind->meaning + 1, country);
	enum liaison_err err = office_set_name(office, "en", name);
	if (err == LIAISON_OK)
		err = office_set_contact(office, "000 0000", "24 hours", langs, langs[1] != NULL ? 2 : 1);
	if (err == LIAISON_OK && crossing != NULL)
		err = office_set_crossings(office, &crossing, 1);
	return err == LIAISON_OK ? err : out_of_memory(making->fault);
}

/* The home's folder with keys and card, and the roster's entry for it. */
static enum liaison_err
enrol_office(struct making *making, Liaison__Roster *roster, size_t country, const char *kind)
{
	const struct office_template *template = template_find(kind);
	struct office_id made = {""}, *id = &made;
	struct secret_keys *keys = NULL;
	Liaison__Signed *signed_card = NULL;
	Liaison__Office *office = NULL;
	Liaison__Card *card = NULL;
	char path[PATH_BYTES];

	snprintf(id->text, sizeof id->text, "%s.%s.demo", roster->member, kind);
	enum liaison_err err = place(making, path, "%s", id->text);
	if (err == LIAISON_OK)
		err = folder_make(path, 0700, making->fault);
	if (err == LIAISON_OK)
		err = make_keys(making, KEYS_OFFICE, &keys, "%s", id->text);
	if (err != LIAISON_OK)
		return err;
	card = card_new(id->text, keys, making->issued, NULL, 0);
	err = card == NULL ? out_of_memory(making->fault)
			   : document_sign(DOCUMENT_CARD, &card->base, "", keys, &signed_card, making->fault);
	if (err == LIAISON_OK)
		err = place(making, path, "%s/office.card", id->text);
	if (err == LIAISON_OK)
		err = docfile_write(path, DOCUMENT_CARD, signed_card, making->fault);
	if (err == LIAISON_OK)
		err = roster_set_office(roster, card, template, making->issued, &office, making->fault);
	if (err == LIAISON_OK)
		err = describe(making, office, template, making->sandbox->countries[country]);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	card_free(card);
	secret_keys_free(keys);
	return err;
}

static enum liaison_err
enrol_broker(struct making *making, Liaison__Roster *roster)
{
	const char *id = making->sandbox->broker.text;
	Liaison__Signed *signed_card = NULL;
	struct document *card = NULL;
	Liaison__Office *office = NULL;
	char path[PATH_BYTES];

	enum liaison_err err = place(making, path, "%s/%s.card", id, id);
	if (err == LIAISON_OK)
		err = docfile_read(path, DOCUMENT_CARD, &signed_card, making->fault);
	if (err == LIAISON_OK)
		err = card_open(signed_card, &card, making->fault);
	if (err == LIAISON_OK)
		err = roster_set_office(
			roster, card->card, template_find("broker"), making->issued, &office, making->fault);
	if (err == LIAISON_OK)
		memcpy(making->broker_key.bytes, card->card->transport_key.data, PUBLIC_KEY_BYTES);
	document_unref(card);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	return err;
}

static enum liaison_err
fill_roster(struct making *making, Liaison__Roster *roster, size_t country)
{
	uint32_t all_kinds = 0;

	for (unsigned i = 0; i < liaison__kind__descriptor.n_values; i++)
		all_kinds |= UINT32_C(1) << liaison__kind__descriptor.values[i].value;
	if (roster_set_broker(roster, making->sandbox->broker.text) != LIAISON_OK ||
		roster_set_contributes(roster, all_kinds) != LIAISON_OK)
		return out_of_memory(making->fault);
	enum liaison_err err = country == 0 ? enrol_broker(making, roster) : LIAISON_OK;
	for (size_t i = 0; err == LIAISON_OK && sandbox_kind(i) != NULL; i++)
		err = enrol_office(making, roster, country, sandbox_kind(i));
	return err;
}

static enum liaison_err
make_roster(struct making *making, size_t country)
{
	const char *network = making->sandbox->network;
	Liaison__Signed *signed_roster = NULL;
	enum trust_change change;
	struct trust *next = NULL;
	char code[3];

	member_code(making->sandbox, country, code);
	Liaison__Roster *roster = roster_new(network, code, 1, making->issued, making->now + HOLDS_MS);
	enum liaison_err err = roster == NULL ? out_of_memory(making->fault) : fill_roster(making, roster, country);
	if (err == LIAISON_OK)
		err = document_sign(DOCUMENT_ROSTER, &roster->base, network, making->authorities[country],
			&signed_roster, making->fault);
	if (err == LIAISON_OK)
		err = trust_add_roster(making->trust, signed_roster, making->now, &change, &next, making->fault);
	if (err == LIAISON_OK) {
		trust_unref(making->trust);
		making->trust = next;
	}
	if (signed_roster != NULL)
		liaison__signed__free_unpacked(signed_roster, NULL);
	roster_free(roster);
	return err;
}

/* --- homes ------------------------------------------------------------------------------------------------------------ */

static enum liaison_err
save_trust(const struct making *making, const char *home)
{
	char path[PATH_BYTES];

	enum liaison_err err = place(making, path, "%s%strust", home, home[0] != '\0' ? "/" : "");
	return err == LIAISON_OK ? trust_save_dir(path, making->trust, making->now, making->fault) : err;
}

static enum liaison_err
make_home(const struct making *making, const struct office_id *office)
{
	const struct sandbox *sandbox = making->sandbox;
	struct home home = {.office = *office, .wait_seconds = 30, .broker_count = 1};
	char country[3] = {(char)toupper(office->text[0]), (char)toupper(office->text[1]), '\0'};
	char *langs[] = {(char *)(uintptr_t)country_lang(country), (char[]){"en"}};
	char path[PATH_BYTES];
	struct buf text;

	memcpy(home.network, sandbox->network, sizeof home.network);
	for (size_t i = 0; i < 2; i++)
		if (langs[i] != NULL)
			home.langs[home.lang_count++] = langs[i];
	home.brokers[0].id = sandbox->broker;
	home.brokers[0].key = making->broker_key;
	memcpy(home.brokers[0].endpoint, sandbox->endpoint, sizeof sandbox->endpoint);
	buf_init(&text, 1 << 16);
	home_write_conf(&home, &text);
	enum liaison_err err = buf_check(&text) == LIAISON_OK ? LIAISON_OK : out_of_memory(making->fault);
	if (err == LIAISON_OK)
		err = place(making, path, "%s/office.conf", office->text);
	if (err == LIAISON_OK)
		err = file_replace(path, text.data, text.len, 0644, making->fault);
	buf_clear(&text);
	return err == LIAISON_OK ? save_trust(making, office->text) : err;
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

/* A port that the system has free now; it stays the sandbox's. */
static enum liaison_err
choose_endpoint(struct making *making)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
		getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
		int saved = errno;
		if (fd >= 0)
			close(fd);
		return fault_errno(making->fault, LIAISON_IO, saved, "no free port on 127.0.0.1");
	}
	close(fd);
	snprintf(making->sandbox->endpoint, sizeof making->sandbox->endpoint, "tcp://127.0.0.1:%u",
		(unsigned)ntohs(address.sin_port));
	return LIAISON_OK;
}

static enum liaison_err
write_conf(const struct making *making)
{
	const struct sandbox *sandbox = making->sandbox;
	char path[PATH_BYTES];
	struct buf text;

	buf_init(&text, 1 << 16);
	buf_put_format(&text,
		"# A throw-away network (`liaison sandbox`): its keys lie side by side and without passphrases.\n"
		"network = \"%s\";\ncountries = [",
		sandbox->network);
	for (size_t i = 0; i < sandbox->country_count; i++)
		buf_put_format(&text, "%s\"%s\"", i > 0 ? ", " : "", sandbox->countries[i]);
	buf_put_format(&text, "];\nendpoint = \"%s\";\n", sandbox->endpoint);
	enum liaison_err err = buf_check(&text) == LIAISON_OK ? LIAISON_OK : out_of_memory(making->fault);
	if (err == LIAISON_OK)
		err = place(making, path, SANDBOX_CONF);
	if (err == LIAISON_OK)
		err = file_create(path, text.data, text.len, 0644, making->fault);
	buf_clear(&text);
	return err;
}

static enum liaison_err
make_all(struct making *making)
{
	struct sandbox *sandbox = making->sandbox;
	uint8_t random[4];

	rng_fill(making->app->rng, random, sizeof random);
	snprintf(sandbox->network, sizeof sandbox->network, "sandbox-%02x%02x%02x%02x", random[0], random[1], random[2],
		random[3]);
	enum liaison_err err = crossings_builtin(&making->crossings, making->fault);
	if (err == LIAISON_OK)
		err = choose_endpoint(making);
	if (err == LIAISON_OK)
		err = sandbox_broker_init(sandbox, making->fault);
	if (err == LIAISON_OK)
		err = make_signers(making);
	if (err == LIAISON_OK)
		err = make_charter(making);
	for (size_t i = 0; err == LIAISON_OK && i < sandbox->country_count; i++)
		err = make_roster(making, i);
	for (size_t i = 0; err == LIAISON_OK && i < sandbox->office_count; i++)
		err = make_home(making, &sandbox->offices[i]);
	if (err == LIAISON_OK)
		err = save_trust(making, sandbox->broker.text);
	if (err == LIAISON_OK)
		err = save_trust(making, "");
	return err == LIAISON_OK ? write_conf(making) : err;
}

enum liaison_err
sandbox_make(const struct app *app, struct sandbox *sandbox, struct fault *fault)
{
	struct making making = {.app = app, .sandbox = sandbox, .now = app_now(app), .fault = fault};
	making.issued = making.now - MS_PER_HOUR;

	enum liaison_err err = make_all(&making);
	for (int i = 0; i < ROOTS; i++)
		secret_keys_free(making.roots[i]);
	for (size_t i = 0; i < sandbox->country_count; i++)
		secret_keys_free(making.authorities[i]);
	crossings_free(making.crossings);
	trust_unref(making.trust);
	return err;
}
