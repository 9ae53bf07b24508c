#include "agents/sandbox.h"

#include "proto/edge/file.h"
#include "proto/identifiers/country.h"
#include "proto/register.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_BYTES_MAX 65536
#define MAKING_MARK "sandbox.making"
#define WIPE_DESCRIPTORS 16

static const char *const kinds[] = {"blo", "atu", "piu", "ncc", "nrm"};
#define KINDS (sizeof kinds / sizeof kinds[0])

_Static_assert(SANDBOX_COUNTRIES_MAX *KINDS <= SANDBOX_OFFICES_MAX, "every office has its place");

const char *
sandbox_kind(size_t position)
{
	return position < SANDBOX_KINDS ? kinds[position] : NULL;
}

void
sandbox_clear(struct sandbox *sandbox)
{
	free(sandbox->dir);
	*sandbox = (struct sandbox){0};
}

/* --- countries -------------------------------------------------------------------------------------------------------- */

static enum liaison_err
add_country(struct sandbox *sandbox, const char *text, size_t len, struct fault *fault)
{
	char code[3] = "";

	if (len == 2)
		snprintf(code, sizeof code, "%c%c", toupper((unsigned char)text[0]), toupper((unsigned char)text[1]));
	if (!country_is_known(code))
		return fault_set(fault, LIAISON_BAD_USAGE,
			"`%.*s` is no country; --countries takes ISO 3166-1 codes of two letters, such as KH,TH,VN",
			(int)(len < 40 ? len : 40), text);
	for (size_t i = 0; i < sandbox->country_count; i++)
		if (strcmp(sandbox->countries[i], code) == 0)
			return LIAISON_OK;
	if (sandbox->country_count == SANDBOX_COUNTRIES_MAX)
		return fault_set(fault, LIAISON_BAD_USAGE, "a sandbox has at most %d countries", SANDBOX_COUNTRIES_MAX);
	memcpy(sandbox->countries[sandbox->country_count++], code, sizeof code);
	return LIAISON_OK;
}

static void
list_offices(struct sandbox *sandbox)
{
	const char *first = sandbox->countries[0];

	snprintf(
		sandbox->broker.text, sizeof sandbox->broker.text, "%c%c.broker", tolower(first[0]), tolower(first[1]));
	sandbox->office_count = 0;
	for (size_t i = 0; i < sandbox->country_count; i++)
		for (size_t k = 0; k < SANDBOX_KINDS; k++)
			snprintf(sandbox->offices[sandbox->office_count++].text, OFFICE_ID_BYTES, "%c%c.%s.demo",
				tolower(sandbox->countries[i][0]), tolower(sandbox->countries[i][1]), kinds[k]);
}

enum liaison_err
sandbox_set_countries(struct sandbox *sandbox, const char *countries, struct fault *fault)
{
	sandbox->country_count = 0;
	for (;;) {
		size_t len = strcspn(countries, ",");
		enum liaison_err err = add_country(sandbox, countries, len, fault);
		if (err != LIAISON_OK)
			return err;
		if (countries[len] == '\0')
			break;
		countries += len + 1;
	}
	list_offices(sandbox);
	return LIAISON_OK;
}

/* --- opening ---------------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_conf(const char *path, struct sandbox *sandbox, struct fault *fault)
{
	static const char *const keys[] = {"network", "countries", "endpoint", NULL};
	const char *network = NULL, *endpoint = NULL, **countries = NULL;
	size_t count = 0;
	struct buf text;
	config_t config;

	buf_init(&text, CONF_BYTES_MAX);
	enum liaison_err err = file_read(path, FILE_SAFE, &text, fault);
	buf_put_u8(&text, 0);
	if (err == LIAISON_OK && buf_check(&text) != LIAISON_OK)
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s is no sandbox's, it is too large", path);
	if (err != LIAISON_OK) {
		buf_clear(&text);
		return err;
	}
	err = register_read(&config, path, (const char *)text.data, fault);
	const config_setting_t *root = config_root_setting(&config);
	if (err == LIAISON_OK)
		err = register_check_keys(root, path, keys, fault);
	if (err == LIAISON_OK)
		err = register_text(root, path, "network", &network, fault);
	if (err == LIAISON_OK)
		err = register_text(root, path, "endpoint", &endpoint, fault);
	if (err == LIAISON_OK)
		err = register_texts(root, path, "countries", &countries, &count, fault);
	if (err == LIAISON_OK && (!network_id_is_valid(network) || count == 0))
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s needs a network and a country at least", path);
	if (err == LIAISON_OK)
		err = endpoint_parse(endpoint, sandbox->endpoint, fault);
	for (size_t i = 0; err == LIAISON_OK && i < count; i++)
		err = add_country(sandbox, countries[i], strlen(countries[i]), fault);
	if (err == LIAISON_OK) {
		snprintf(sandbox->network, sizeof sandbox->network, "%s", network);
		list_offices(sandbox);
	}
	free(countries);
	config_destroy(&config);
	buf_clear(&text);
	if (err == LIAISON_OK || err == LIAISON_NO_MEMORY)
		return err;
	fault->code = LIAISON_BAD_CONFIG;
	return LIAISON_BAD_CONFIG;
}

/* Whether nothing lies in the folder but what an unfinished `up` has left. */
static bool
is_free(const char *dir)
{
	bool is_begun = false, is_empty = true;
	DIR *folder = opendir(dir);

	if (folder == NULL)
		return errno == ENOENT;
	for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		is_empty = false;
		is_begun = is_begun || strcmp(entry->d_name, MAKING_MARK) == 0;
	}
	closedir(folder);
	return is_empty || is_begun;
}

enum liaison_err
sandbox_open(const char *dir, struct sandbox *out, struct fault *fault)
{
	struct sandbox sandbox = {0};
	enum liaison_err err = LIAISON_OK;

	char *path = path_join(dir, SANDBOX_CONF);
	if (path == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (access(path, F_OK) != 0) {
		err = is_free(dir)
			      ? fault_set(fault, LIAISON_NOT_FOUND,
					"%s holds no sandbox; make one by `liaison sandbox up %s`", dir, dir)
			      : fault_set(fault, LIAISON_BAD_USAGE,
					"%s holds other things than a sandbox; name a new or an empty folder", dir);
	} else if ((sandbox.dir = realpath(dir, NULL)) == NULL) {
		err = fault_errno(fault, LIAISON_IO, errno, "cannot find %s", dir);
	} else {
		err = read_conf(path, &sandbox, fault);
	}
	free(path);
	if (err == LIAISON_OK)
		*out = sandbox;
	else
		sandbox_clear(&sandbox);
	return err;
}

/* --- beginning and ending --------------------------------------------------------------------------------------------- */

static int
wipe_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status;
	(void)type;
	(void)at;
	return remove(path);
}

enum liaison_err
sandbox_wipe(const char *dir, struct fault *fault)
{
	if (nftw(dir, wipe_one, WIPE_DESCRIPTORS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
		return fault_errno(fault, LIAISON_IO, errno, "cannot remove all of %s", dir);
	return LIAISON_OK;
}

enum liaison_err
sandbox_begin(struct sandbox *sandbox, const char *dir, struct fault *fault)
{
	char *mark = path_join(dir, MAKING_MARK);
	enum liaison_err err = LIAISON_OK;

	if (mark == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (access(mark, F_OK) == 0)
		err = sandbox_wipe(dir, fault);
	if (err == LIAISON_OK)
		err = folder_make(dir, 0700, fault);
	if (err == LIAISON_OK)
		err = file_create(mark, "", 0, 0600, fault);
	if (err == LIAISON_OK) {
		free(sandbox->dir);
		sandbox->dir = realpath(dir, NULL);
		if (sandbox->dir == NULL)
			err = fault_errno(fault, LIAISON_IO, errno, "cannot find %s", dir);
	}
	free(mark);
	return err;
}

void
sandbox_finish(const struct sandbox *sandbox)
{
	char *mark = path_join(sandbox->dir, MAKING_MARK);

	if (mark != NULL)
		(void)unlink(mark);
	free(mark);
}
