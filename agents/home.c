#include "agents/home.h"

#include "proto/base/suggest.h"

#include <errno.h>
#include <fcntl.h>
#include <libconfig.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_NAME "office.conf"
#define CONF_BYTES_MAX (256 * 1024)
#define LOCK_TRIES_MAX 100

/* --- the keys of office.conf ---------------------------------------------------------------------------------------- */

struct home_key {
	const char *name;
	int type; /* libconfig's */
	int least, most, preset;
	const char *help;
};

enum { KEY_OFFICE, KEY_NETWORK, KEY_LANGUAGES, KEY_WAIT, KEY_BROKER, KEY_COUNT };

static const struct home_key home_keys[KEY_COUNT] = {
	[KEY_OFFICE] = {"office", CONFIG_TYPE_STRING, 0, 0, 0, "this office's id, as the roster has it"},
	[KEY_NETWORK] = {"network", CONFIG_TYPE_STRING, 0, 0, 0, "the network's id; leave it out to take trust/'s"},
	[KEY_LANGUAGES] = {"languages", CONFIG_TYPE_LIST, 0, HOME_LANGS_MAX, 0,
		"what its officers read, best first (BCP 47)"},
	[KEY_WAIT] = {"wait_seconds", CONFIG_TYPE_INT, 0, 3600, 30, "how long publish waits for the receipt"},
	[KEY_BROKER] = {"broker", CONFIG_TYPE_LIST, 0, HOME_BROKERS_MAX, 0,
		"its brokers, the preferred first: end point, transport key, id"},
};

static const char *const broker_keys[] = {"id", "endpoint", "key"};

static const char *
type_name(int type)
{
	switch (type) {
	case CONFIG_TYPE_STRING: return "text in quotes";
	case CONFIG_TYPE_INT: return "a whole number";
	case CONFIG_TYPE_LIST: return "a list in parentheses";
	case CONFIG_TYPE_GROUP: return "a group in braces";
	default: return "another type";
	}
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

struct conf_at {
	const char *path;
	struct fault *fault;
};

#define conf_wrong(at, setting, ...) conf_wrong(at, setting, __VA_ARGS__)

LIAISON_PRINTF(3, 4)
static enum liaison_err
conf_wrong(const struct conf_at *at, const config_setting_t *setting, const char *format, ...)
{
	char text[LIAISON_FAULT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (setting != NULL && config_setting_source_line(setting) > 0)
		return fault_set(at->fault, LIAISON_BAD_CONFIG, "%s/" CONF_NAME ", line %u: %s", at->path,
			config_setting_source_line(setting), text);
	return fault_set(at->fault, LIAISON_BAD_CONFIG, "%s/" CONF_NAME ": %s", at->path, text);
}

static enum liaison_err
check_names(const struct conf_at *at, const config_setting_t *group, const char *const *names, size_t count)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(setting);
		bool is_known = false;
		for (size_t k = 0; k < count; k++)
			is_known = is_known || strcmp(name, names[k]) == 0;
		if (is_known)
			continue;
		const char *nearest = suggest_nearest(name, names, count);
		return conf_wrong(at, setting, "there is no key `%s`%s%s%s", name, nearest ? "; did you mean `" : "",
			nearest ? nearest : "", nearest ? "`?" : "");
	}
	return LIAISON_OK;
}

static enum liaison_err
check_types(const struct conf_at *at, const config_setting_t *root)
{
	for (size_t k = 0; k < KEY_COUNT; k++) {
		const struct home_key *key = &home_keys[k];
		const config_setting_t *setting = config_setting_get_member(root, key->name);
		if (setting == NULL)
			continue;
		bool is_array = key->type == CONFIG_TYPE_LIST && config_setting_type(setting) == CONFIG_TYPE_ARRAY;
		if (config_setting_type(setting) != key->type && !is_array)
			return conf_wrong(
				at, setting, "`%s` must be %s: %s", key->name, type_name(key->type), key->help);
		int size = key->type == CONFIG_TYPE_INT    ? config_setting_get_int(setting)
			   : key->type == CONFIG_TYPE_LIST ? config_setting_length(setting)
							   : 0;
		if (size < key->least || size > key->most)
			return conf_wrong(at, setting, "`%s` must be from %d to %d, not %d", key->name, key->least,
				key->most, size);
	}
	return LIAISON_OK;
}

static enum liaison_err
read_langs(const struct conf_at *at, const config_setting_t *list, struct home *home)
{
	for (int i = 0; list != NULL && i < config_setting_length(list); i++) {
		const char *lang = config_setting_get_string_elem(list, i);
		if (lang == NULL || lang[0] == '\0' || strlen(lang) > 35)
			return conf_wrong(at, list, "each of `languages` is a language tag in quotes, like \"km\"");
		home->langs[home->lang_count] = strdup(lang);
		if (home->langs[home->lang_count] == NULL)
			return fault_set(at->fault, LIAISON_NO_MEMORY, "out of memory");
		home->lang_count++;
	}
	return LIAISON_OK;
}

static enum liaison_err
read_broker(const struct conf_at *at, const config_setting_t *group, struct home_broker *broker)
{
	const char *id = NULL, *endpoint = NULL, *key = NULL;
	struct fault why;

	if (config_setting_type(group) != CONFIG_TYPE_GROUP)
		return conf_wrong(
			at, group, "each of `broker` is a group: { endpoint = \"tcp://host:port\"; key = \"...\"; }");
	enum liaison_err err = check_names(at, group, broker_keys, sizeof broker_keys / sizeof broker_keys[0]);
	if (err != LIAISON_OK)
		return err;
	if (config_setting_lookup_string(group, "id", &id) == CONFIG_TRUE &&
		office_id_parse(id, &broker->id, &why) != LIAISON_OK)
		return conf_wrong(at, group, "the broker's `id`: %s", why.message);
	if (config_setting_lookup_string(group, "endpoint", &endpoint) != CONFIG_TRUE)
		return conf_wrong(at, group, "a broker needs `endpoint`, like \"tcp://host:7400\"");
	if (endpoint_parse(endpoint, broker->endpoint, &why) != LIAISON_OK)
		return conf_wrong(at, group, "%s", why.message);
	if (config_setting_lookup_string(group, "key", &key) != CONFIG_TRUE)
		return conf_wrong(at, group, "a broker needs `key`, its transport key, which its operator tells you");
	if (public_key_parse(key, &broker->key, &why) != LIAISON_OK)
		return conf_wrong(at, group, "the broker's `key`: %s", why.message);
	return LIAISON_OK;
}

static enum liaison_err
read_conf(const struct conf_at *at, const config_t *config, struct home *home)
{
	const config_setting_t *root = config_root_setting(config);
	const char *names[KEY_COUNT];
	const char *text = NULL;
	struct fault why;

	for (size_t k = 0; k < KEY_COUNT; k++)
		names[k] = home_keys[k].name;
	enum liaison_err err = check_names(at, root, names, KEY_COUNT);
	if (err == LIAISON_OK)
		err = check_types(at, root);
	if (err != LIAISON_OK)
		return err;

	if (config_lookup_string(config, "office", &text) != CONFIG_TRUE)
		return conf_wrong(at, NULL, "`office` is missing: %s", home_keys[KEY_OFFICE].help);
	if (office_id_parse(text, &home->office, &why) != LIAISON_OK)
		return conf_wrong(at, config_lookup(config, "office"), "`office`: %s", why.message);
	if (config_lookup_string(config, "network", &text) == CONFIG_TRUE) {
		if (!network_id_is_valid(text))
			return conf_wrong(at, config_lookup(config, "network"),
				"`network` is 1 to 64 of a-z, 0-9, dot and hyphen, not \"%s\"", text);
		snprintf(home->network, sizeof home->network, "%s", text);
	}
	home->wait_seconds = home_keys[KEY_WAIT].preset;
	(void)config_lookup_int(config, "wait_seconds", &home->wait_seconds);
	err = read_langs(at, config_lookup(config, "languages"), home);
	const config_setting_t *brokers = config_lookup(config, "broker");
	for (int i = 0; err == LIAISON_OK && brokers != NULL && i < config_setting_length(brokers); i++)
		err = read_broker(
			at, config_setting_get_elem(brokers, (unsigned)i), &home->brokers[home->broker_count++]);
	return err;
}

enum liaison_err
home_parse(const char *path, const char *conf, struct home **out, struct fault *fault)
{
	struct conf_at at = {path, fault};
	config_t config;

	struct home *home = calloc(1, sizeof *home);
	if (home == NULL || (home->path = strdup(path)) == NULL) {
		home_free(home);
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	config_init(&config);
	enum liaison_err err = LIAISON_OK;
	if (config_read_string(&config, conf) != CONFIG_TRUE)
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s/" CONF_NAME ", line %d: %s", path,
			config_error_line(&config), config_error_text(&config));
	else
		err = read_conf(&at, &config, home);
	config_destroy(&config);
	if (err != LIAISON_OK) {
		home_free(home);
		return err;
	}
	*out = home;
	return LIAISON_OK;
}

/* The whole file as text; missing files get the sentence that helps. */
static enum liaison_err
read_file(const char *path, const char *home, char **out, struct fault *fault)
{
	FILE *file = fopen(path, "re");

	if (file == NULL && errno == ENOENT)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s is no office's home: it has no " CONF_NAME
			"; make one with `liaison home init`, or name another "
			"with --home or $LIAISON_HOME",
			home);
	if (file == NULL)
		return fault_errno(fault, LIAISON_BAD_CONFIG, errno, "cannot read %s", path);
	char *text = malloc(CONF_BYTES_MAX + 1);
	size_t len = text != NULL ? fread(text, 1, CONF_BYTES_MAX + 1, file) : 0;
	bool has_failed = ferror(file) != 0;
	fclose(file);
	if (text == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	if (has_failed || len > CONF_BYTES_MAX) {
		free(text);
		return fault_set(
			fault, LIAISON_BAD_CONFIG, "%s cannot be read, or is no configuration (over 256 KiB)", path);
	}
	text[len] = '\0';
	*out = text;
	return LIAISON_OK;
}

enum liaison_err
home_open(const char *path, struct home **out, struct fault *fault)
{
	char *conf = NULL;
	char *file = home_file(path, CONF_NAME);

	if (file == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = read_file(file, path, &conf, fault);
	if (err == LIAISON_OK)
		err = home_parse(path, conf, out, fault);
	free(conf);
	free(file);
	return err;
}

void
home_free(struct home *home)
{
	if (home == NULL)
		return;
	for (size_t i = 0; i < home->lang_count; i++)
		free(home->langs[i]);
	free(home->path);
	free(home);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

void
home_write_conf(const struct home *home, struct buf *out)
{
	char key[2 * PUBLIC_KEY_BYTES + 1];

	buf_put_format(out, "# %s.\noffice = \"%s\";\n\n", home_keys[KEY_OFFICE].help, home->office.text);
	if (home->network[0] != '\0')
		buf_put_format(out, "# %s.\nnetwork = \"%s\";\n\n", home_keys[KEY_NETWORK].help, home->network);
	buf_put_format(out, "# %s.\nlanguages = (", home_keys[KEY_LANGUAGES].help);
	for (size_t i = 0; i < home->lang_count; i++)
		buf_put_format(out, "%s \"%s\"", i > 0 ? "," : "", home->langs[i]);
	buf_put_format(out, " );\n\n# %s.\nwait_seconds = %d;\n\n", home_keys[KEY_WAIT].help, home->wait_seconds);
	buf_put_format(out, "# %s.\nbroker = (\n", home_keys[KEY_BROKER].help);
	for (size_t i = 0; i < home->broker_count; i++) {
		const struct home_broker *broker = &home->brokers[i];
		public_key_format(&broker->key, key);
		buf_put_text(out, "\t{ ");
		if (broker->id.text[0] != '\0')
			buf_put_format(out, "id = \"%s\"; ", broker->id.text);
		buf_put_format(out, "endpoint = \"%s\"; key = \"%s\"; }%s\n", broker->endpoint, key,
			i + 1 < home->broker_count ? "," : "");
	}
	buf_put_text(out, ");\n");
}

/* --- small parsers --------------------------------------------------------------------------------------------------- */

char *
home_file(const char *path, const char *name)
{
	char *file = NULL;

	return asprintf(&file, "%s/%s", path, name) < 0 ? NULL : file;
}

enum liaison_err
public_key_parse(const char *text, struct public_key *out, struct fault *fault)
{
	struct public_key key;
	size_t len = 0;

	if (strlen(text) == sizeof key.bytes * 2 &&
		sodium_hex2bin(key.bytes, sizeof key.bytes, text, strlen(text), NULL, &len, NULL) == 0 &&
		len == sizeof key.bytes) {
		*out = key;
		return LIAISON_OK;
	}
	if (sodium_base642bin(key.bytes, sizeof key.bytes, text, strlen(text), NULL, &len, NULL,
		    sodium_base64_VARIANT_ORIGINAL) == 0 &&
		len == sizeof key.bytes) {
		*out = key;
		return LIAISON_OK;
	}
	return fault_set(fault, LIAISON_MALFORMED,
		"a key is 64 hexadecimal digits, or 44 characters of base64; this is neither: \"%.80s\"", text);
}

void
public_key_format(const struct public_key *key, char out[2 * PUBLIC_KEY_BYTES + 1])
{
	sodium_bin2hex(out, 2 * PUBLIC_KEY_BYTES + 1, key->bytes, sizeof key->bytes);
}

enum liaison_err
endpoint_parse(const char *text, char out[HOME_ENDPOINT_BYTES], struct fault *fault)
{
	const char *host = strncmp(text, "tcp://", 6) == 0 ? text + 6 : text;
	const char *colon = strrchr(host, ':');
	char *end = NULL;
	long port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;

	if (colon == NULL || colon == host || end == colon + 1 || *end != '\0' || port < 1 || port > 65535 ||
		strlen(host) > 290 || strpbrk(host, " \t\"\\;/") != NULL)
		return fault_set(fault, LIAISON_MALFORMED,
			"an end point is HOST:PORT with a port from 1 to 65535, like broker.example:7400; this is not: "
			"\"%.80s\"",
			text);
	snprintf(out, HOME_ENDPOINT_BYTES, "tcp://%s", host);
	return LIAISON_OK;
}

/* --- locks ----------------------------------------------------------------------------------------------------------- */

/* Whether the file that was locked is still the one of that name: its last holder may have removed it. */
static bool
is_current(int fd, const char *file)
{
	struct stat held, named;

	return fstat(fd, &held) == 0 && stat(file, &named) == 0 && held.st_dev == named.st_dev &&
	       held.st_ino == named.st_ino;
}

enum liaison_err
home_lock(const char *path, const char *name, int *lock, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	char *file = NULL;
	char holder[32] = "";
	int fd = -1;

	if (asprintf(&file, "%s/%s.lock", path, name) < 0)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	for (int tries = 0; tries < LOCK_TRIES_MAX; tries++) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 || is_current(fd, file))
			break;
		close(fd);
	}
	if (fd < 0) {
		err = fault_errno(fault, LIAISON_IO, errno, "cannot open %s", file);
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t got = read(fd, holder, sizeof holder - 1);
		holder[got > 0 ? strcspn(holder, "\n") : 0] = '\0';
		err = fault_set(fault, LIAISON_BUSY,
			"another liaison%s%s works with %s (%s); wait for it to end, or stop it",
			holder[0] != '\0' ? ", process " : "", holder, path, name);
		close(fd);
	} else {
		if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
			errno = 0; /* the number is for messages only; the lock holds without it */
		*lock = fd;
	}
	free(file);
	return err;
}

void
home_unlock(int lock)
{
	close(lock);
}

void
home_unlock_and_remove(const char *path, const char *name, int lock)
{
	char *file = NULL;

	if (asprintf(&file, "%s/%s.lock", path, name) >= 0)
		(void)unlink(file);
	free(file);
	close(lock);
}
