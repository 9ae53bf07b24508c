#include "broker/config.h"

#include "broker/config_keys.h"
#include "broker/note.h"
#include "proto/address.h"
#include "proto/base/suggest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <libconfig.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define QUOTED_BYTES 256

void
config_mistake(struct reading *reading, unsigned line, const char *format, ...)
{
	char sentence[2 * LIAISON_FAULT_BYTES];
	va_list args;
	int used = line > 0 ? snprintf(sentence, sizeof sentence / 2, "%s:%u: ", reading->path, line)
			    : snprintf(sentence, sizeof sentence / 2, "%s: ", reading->path);

	if ((size_t)used >= sizeof sentence / 2)
		used = sizeof sentence / 2 - 1;
	va_start(args, format);
	(void)vsnprintf(sentence + used, sizeof sentence - (size_t)used, format, args);
	va_end(args);
	if (reading->mistakes++ == 0)
		snprintf(reading->first, sizeof reading->first, "%.*s", (int)sizeof reading->first - 1, sentence);
	if (reading->report != NULL && reading->mistakes <= CONFIG_MISTAKES_MAX)
		reading->report(reading->arg, sentence);
}

enum liaison_err
config_conclude(const struct reading *reading, struct fault *fault)
{
	if (reading->no_memory)
		return fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", reading->path);
	if (reading->mistakes == 0)
		return LIAISON_OK;
	if (reading->mistakes == 1)
		return fault_set(fault, LIAISON_BAD_CONFIG, "%s", reading->first);
	return fault_set(fault, LIAISON_BAD_CONFIG, "%zu mistakes, the first: %s", reading->mistakes, reading->first);
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static const char *
setting_sort(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP: return "a group";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64: return "a number";
	case CONFIG_TYPE_FLOAT: return "a number with a fraction";
	case CONFIG_TYPE_STRING: return "text";
	case CONFIG_TYPE_BOOL: return "true or false";
	case CONFIG_TYPE_ARRAY: return "an array";
	case CONFIG_TYPE_LIST: return "a list";
	default: return "nothing";
	}
}

static void
wrong_sort(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	char allowed[ALLOWED_BYTES];

	key_allowed(key, allowed);
	config_mistake(reading, config_setting_source_line(setting), "%s: is %s; allowed: %s", key->name,
		setting_sort(setting), allowed);
}

/* A text without control characters that is not empty; NULL after a mistake. */
static const char *
read_text(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	const char *text = config_setting_get_string(setting);
	char allowed[ALLOWED_BYTES];

	if (text == NULL) {
		wrong_sort(reading, key, setting);
		return NULL;
	}
	if (text[0] == '\0' || has_control(text)) {
		key_allowed(key, allowed);
		config_mistake(reading, config_setting_source_line(setting), "%s: %s; allowed: %s", key->name,
			text[0] == '\0' ? "is empty" : "has a control character", allowed);
		return NULL;
	}
	return text;
}

/* Takes `text`, which may be NULL for want of memory. */
static void
replace_text(struct reading *reading, char **member, char *text)
{
	if (text == NULL) {
		reading->no_memory = true;
		return;
	}
	free(*member);
	*member = text;
}

static char *
join_path(const char *folder, const char *path)
{
	char *joined = NULL;

	if (path[0] == '/')
		return strdup(path);
	return asprintf(&joined, "%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", path) < 0 ? NULL : joined;
}

static void
read_office_id(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	const char *text = read_text(reading, key, setting);
	struct office_id office;
	struct fault fault;

	if (text == NULL)
		return;
	if (office_id_parse(text, &office, &fault) != LIAISON_OK)
		config_mistake(reading, config_setting_source_line(setting), "%s: %s", key->name, fault.message);
	else
		replace_text(reading, key_text(reading->config, key), strdup(text));
}

static void
read_path(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	const char *text = read_text(reading, key, setting);

	if (text != NULL)
		replace_text(reading, key_text(reading->config, key), join_path(reading->folder, text));
}

static void
read_number(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	char quoted[QUOTED_BYTES], allowed[ALLOWED_BYTES], shown[VALUE_BYTES];
	unsigned line = config_setting_source_line(setting);
	const char *text = config_setting_get_string(setting), *why = NULL;
	int64_t value = 0;

	key_allowed(key, allowed);
	if (config_setting_type(setting) == CONFIG_TYPE_INT || config_setting_type(setting) == CONFIG_TYPE_INT64) {
		value = config_setting_get_int64(setting);
		if (config_setting_type(setting) == CONFIG_TYPE_INT)
			value = config_setting_get_int(setting);
		snprintf(shown, sizeof shown, "%" PRId64, value);
		text = shown;
	} else if (text == NULL || key->type == KEY_COUNT) {
		wrong_sort(reading, key, setting);
		return;
	} else if (!value_parse(key->type, text, &value, &why)) {
		config_mistake(
			reading, line, "%s: %s %s; allowed: %s", key->name, note_quote(text, quoted), why, allowed);
		return;
	}
	if (key->zero != NULL && value == 0)
		;
	else if (value < key->least || value > key->most)
		config_mistake(reading, line, "%s: is %s; allowed: %s", key->name, text, allowed);
	else if (key->multiple != 0 && value % key->multiple != 0)
		config_mistake(reading, line, "%s: is %s, which is no multiple of %" PRId64 "; allowed: %s", key->name,
			text, key->multiple, allowed);
	*key_number(reading->config, key) = value;
}

static void
read_level(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	const char *text = config_setting_get_string(setting), *near;
	char quoted[QUOTED_BYTES], allowed[ALLOWED_BYTES];

	if (text == NULL) {
		wrong_sort(reading, key, setting);
		return;
	}
	for (int i = 0; i < CONFIG_LEVELS; i++)
		if (strcmp(text, config_levels[i]) == 0) {
			*key_number(reading->config, key) = i;
			return;
		}
	key_allowed(key, allowed);
	near = suggest_nearest(text, config_levels, CONFIG_LEVELS);
	config_mistake(reading, config_setting_source_line(setting), "%s: is %s; allowed: %s%s%s%s", key->name,
		note_quote(text, quoted), allowed, near ? "; did you mean \"" : "", near ? near : "",
		near ? "\"?" : "");
}

/* --- end points --------------------------------------------------------------------------------------------------------- */

/* libzmq resolves no names when it binds, and an interface's name, which it does, would hide a slip. */
const char *
broker_config_listen_problem(const char *text)
{
	char host[64];
	struct in6_addr address;
	const char *colon = strrchr(text, ':'), *at;
	size_t len;
	long port = 0;

	if (strncmp(text, "tcp://", 6) != 0)
		return "does not begin with tcp://";
	text += 6;
	if (colon == NULL || colon < text)
		return "has no port";
	for (at = colon + 1; *at >= '0' && *at <= '9' && port <= 65535; at++)
		port = port * 10 + (*at - '0');
	if (at == colon + 1 || *at != '\0' || port > 65535)
		return "has no port from 0 (any free one) to 65535";
	len = (size_t)(colon - text);
	if (len >= sizeof host)
		return "has no IP address";
	memcpy(host, text, len);
	host[len] = '\0';
	if (strcmp(host, "*") == 0 || inet_pton(AF_INET, host, &address) == 1)
		return NULL;
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		return inet_pton(AF_INET6, host + 1, &address) == 1 ? NULL : "has no IP address in its brackets";
	}
	return strchr(host, ':') ? "has an IPv6 address without brackets"
				 : "has no IP address (names are not looked up)";
}

static void
read_endpoint(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	struct config *config = reading->config;
	const char *text = read_text(reading, key, setting), *problem;
	char quoted[QUOTED_BYTES], allowed[ALLOWED_BYTES];
	unsigned line = config_setting_source_line(setting);

	if (text == NULL)
		return;
	problem = broker_config_listen_problem(text);
	for (size_t i = 0; problem == NULL && i < config->listen_count; i++)
		if (strcmp(config->listen[i], text) == 0)
			problem = "is there twice";
	if (problem != NULL) {
		key_allowed(key, allowed);
		config_mistake(
			reading, line, "%s: %s %s; allowed: %s", key->name, note_quote(text, quoted), problem, allowed);
		return;
	}
	replace_text(reading, &config->listen[config->listen_count], strdup(text));
	config->listen_count += !reading->no_memory;
}

static void
read_endpoints(struct reading *reading, const struct key *key, const config_setting_t *setting)
{
	bool is_one = config_setting_type(setting) == CONFIG_TYPE_STRING;
	int count = is_one ? 1 : config_setting_length(setting);
	char allowed[ALLOWED_BYTES];

	if (!is_one && !config_setting_is_array(setting) && !config_setting_is_list(setting)) {
		wrong_sort(reading, key, setting);
		return;
	}
	if (count < 1 || count > CONFIG_LISTEN_MAX) {
		key_allowed(key, allowed);
		config_mistake(reading, config_setting_source_line(setting), "%s: has %d; allowed: %s", key->name,
			count, allowed);
		return;
	}
	char **listen = calloc((size_t)count, sizeof *listen);
	if (listen == NULL) {
		reading->no_memory = true;
		return;
	}
	for (size_t i = 0; i < reading->config->listen_count; i++)
		free(reading->config->listen[i]);
	free(reading->config->listen);
	reading->config->listen = listen;
	reading->config->listen_count = 0;
	for (int i = 0; i < count && !reading->no_memory; i++)
		read_endpoint(reading, key, is_one ? setting : config_setting_get_elem(setting, (unsigned)i));
}

/* --- the file ----------------------------------------------------------------------------------------------------------- */

static void
unknown_key(struct reading *reading, const config_setting_t *setting)
{
	const char *names[CONFIG_KEYS];
	char quoted[QUOTED_BYTES];

	for (int i = 0; i < CONFIG_KEYS; i++)
		names[i] = config_keys[i].name;
	const char *near = suggest_nearest(config_setting_name(setting), names, CONFIG_KEYS);
	config_mistake(reading, config_setting_source_line(setting), "%s: no such key; %s%s%s",
		note_quote(config_setting_name(setting), quoted), near ? "did you mean `" : "", near ? near : "",
		near ? "`?" : "liaisond(8) lists them all");
}

static void
read_key(struct reading *reading, const config_setting_t *setting)
{
	int at = 0;

	while (at < CONFIG_KEYS && strcmp(config_keys[at].name, config_setting_name(setting)) != 0)
		at++;
	if (at == CONFIG_KEYS) {
		unknown_key(reading, setting);
		return;
	}
	reading->config->lines[at] = config_setting_source_line(setting);
	switch (config_keys[at].type) {
	case KEY_OFFICE_ID: read_office_id(reading, &config_keys[at], setting); break;
	case KEY_PATH: read_path(reading, &config_keys[at], setting); break;
	case KEY_ENDPOINTS: read_endpoints(reading, &config_keys[at], setting); break;
	case KEY_COUNT:
	case KEY_BYTES:
	case KEY_TIME: read_number(reading, &config_keys[at], setting); break;
	case KEY_LEVEL: read_level(reading, &config_keys[at], setting); break;
	}
}

/* `smaller` must not pass `greater`; as a default, it follows. */
static void
check_order(struct reading *reading, enum config_key smaller, enum config_key greater)
{
	int64_t *a = key_number(reading->config, &config_keys[smaller]);
	int64_t b = *key_number(reading->config, &config_keys[greater]);
	char a_text[VALUE_BYTES], b_text[VALUE_BYTES];

	if (*a <= b)
		return;
	if (reading->config->lines[smaller] == 0) {
		*a = b;
		return;
	}
	value_format(config_keys[smaller].type, *a, a_text);
	value_format(config_keys[greater].type, b, b_text);
	config_mistake(reading, reading->config->lines[smaller], "%s: is %s, more than %s, which is %s%s",
		config_keys[smaller].name, a_text, config_keys[greater].name, b_text,
		reading->config->lines[greater] ? "" : " by default");
}

static void
read_settings(struct reading *reading, const config_setting_t *root)
{
	struct config *config = reading->config;

	for (int i = 0; i < config_setting_length(root); i++)
		read_key(reading, config_setting_get_elem(root, (unsigned)i));
	if (config->lines[CONFIG_ID] == 0)
		config_mistake(reading, 0, "id: is missing; give this broker's office id, as in: id = \"kh.broker\";");
	/* Defaults are paths beside the file, too. */
	for (int i = 0; i < CONFIG_KEYS; i++)
		if (config_keys[i].type == KEY_PATH && config->lines[i] == 0) {
			char **member = key_text(config, &config_keys[i]);
			replace_text(reading, member, join_path(reading->folder, *member));
		}
	if (reading->mistakes == 0) {
		check_order(reading, CONFIG_CONNECTIONS_PER_OFFICE, CONFIG_CONNECTIONS_MAX);
		check_order(reading, CONFIG_UNAUTHENTICATED_MAX, CONFIG_CONNECTIONS_MAX);
		check_order(reading, CONFIG_HANDSHAKE_MS, CONFIG_IDLE_MS);
	}
}

static enum liaison_err
read_file(const char *path, char **text, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	char *bytes = malloc(CONFIG_FILE_BYTES_MAX + 1);
	FILE *file = fopen(path, "re");
	size_t len = 0;

	if (file == NULL) {
		err = fault_errno(fault, LIAISON_BAD_CONFIG, errno,
			"%s: cannot be read (-c FILE names another, --init DIR makes one)", path);
	} else if (bytes == NULL) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", path);
	} else {
		len = fread(bytes, 1, CONFIG_FILE_BYTES_MAX + 1, file);
		if (ferror(file))
			err = fault_errno(fault, LIAISON_IO, errno, "%s: cannot be read", path);
		else if (len > CONFIG_FILE_BYTES_MAX)
			err = fault_set(fault, LIAISON_BAD_CONFIG, "%s: longer than %d KiB, so not a configuration",
				path, CONFIG_FILE_BYTES_MAX / 1024);
		else if (memchr(bytes, 0, len) != NULL)
			err = fault_set(fault, LIAISON_BAD_CONFIG, "%s: has a NUL byte, so not a text", path);
	}
	if (file != NULL)
		(void)fclose(file);
	if (err != LIAISON_OK) {
		free(bytes);
		return err;
	}
	bytes[len] = '\0';
	*text = bytes;
	return LIAISON_OK;
}

/* The absolute folder of an existing file; NULL with errno. */
static char *
folder_of(const char *path)
{
	char *copy = strdup(path);
	char *folder = copy == NULL ? NULL : realpath(dirname(copy), NULL);

	free(copy);
	return folder;
}

enum liaison_err
broker_config_read(const char *path, struct config *config, config_report_fn *report, void *arg, struct fault *fault)
{
	struct reading reading = {.path = path, .config = config, .report = report, .arg = arg};
	char *text = NULL, *wide = NULL;
	config_t parsed;
	struct fault local;
	enum liaison_err err = read_file(path, &text, &local);

	if (err != LIAISON_OK) {
		if (err == LIAISON_BAD_CONFIG && report != NULL)
			report(arg, local.message);
		return fault_set(fault, err, "%s", local.message);
	}
	config_init(&parsed);
	config_set_include_dir(&parsed, "/dev/null/no-includes");
	wide = value_widen(text);
	if (wide == NULL || !broker_config_init(config)) {
		err = fault_set(fault, LIAISON_NO_MEMORY, "%s: out of memory", path);
		goto out;
	}
	reading.folder = folder_of(path);
	if (reading.folder == NULL) {
		err = fault_errno(fault, LIAISON_IO, errno, "%s: its folder", path);
	} else {
		if (config_read_string(&parsed, wide) != CONFIG_TRUE)
			config_mistake(&reading, (unsigned)config_error_line(&parsed),
				"%s; nothing after this was read", config_error_text(&parsed));
		else
			read_settings(&reading, config_root_setting(&parsed));
		err = config_conclude(&reading, fault);
	}
	if (err != LIAISON_OK)
		broker_config_clear(config);
out:
	free(reading.folder);
	config_destroy(&parsed);
	free(wide);
	free(text);
	return err;
}
