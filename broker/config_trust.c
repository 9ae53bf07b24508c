#include "broker/config_keys.h"
#include "proto/edge/docfile.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"

#include <stdlib.h>
#include <unistd.h>

/* Where the broker goes on without the file, as it does for a roster that does not verify. */
static void
tell_trouble(void *arg, const char *path, enum liaison_err code, const char *sentence)
{
	struct reading *reading = arg;
	char *line = NULL;

	(void)path;
	(void)code;
	if (reading->report == NULL)
		return;
	if (asprintf(&line, "warning: %s: trust_dir: %s", reading->path, sentence) < 0)
		reading->no_memory = true;
	else
		reading->report(reading->arg, line);
	free(line);
}

static bool
has_log(const struct config *config)
{
	char *log = path_join(config->data_dir, "log");
	bool is_there = log != NULL && access(log, F_OK) == 0;

	free(log);
	return is_there;
}

static void
check_identity(struct reading *reading, const struct secret_keys *keys, const struct trust *trust, int64_t now)
{
	const struct config *config = reading->config;
	const struct office *self = trust_office(trust, config->id);
	struct key_id checkpoint, transport;
	struct public_key found;

	/* What a broker has adopted stands in its log, too, whatever the folder has. */
	if (self == NULL && has_log(config))
		return;
	if (self == NULL) {
		config_mistake(reading, config->lines[CONFIG_TRUST_DIR],
			"trust_dir: no roster in %s names %s: have its card (made by --init) enrolled and put the "
			"signed roster there",
			config->trust_dir, config->id);
		return;
	}
	key_id_of(&keys->checkpoint_public, &checkpoint);
	key_id_of(&keys->transport_public, &transport);
	if (!has_log(config) && (office_key(self, KEY_CHECKPOINT, &checkpoint, now, &found, NULL) != LIAISON_OK ||
					office_key(self, KEY_TRANSPORT, &transport, now, &found, NULL) != LIAISON_OK))
		config_mistake(reading, config->lines[CONFIG_KEY_FILE],
			"key_file: the roster gives %s other keys than %s, or they are not valid now: have the card of "
			"these keys enrolled, or set the clock",
			config->id, config->key_file);
}

enum liaison_err
broker_config_check_trust(const char *path, const struct config *config, int64_t now, config_report_fn *report,
	void *arg, struct fault *fault)
{
	struct config view = *config;
	struct reading reading = {.path = path, .config = &view, .report = report, .arg = arg};
	struct secret_keys *keys = NULL;
	struct trust *trust = NULL;
	struct fault why;

	enum liaison_err key_err = keyfile_load(config->key_file, NULL, &keys, NULL, &why);
	if (key_err != LIAISON_OK) {
		config_mistake(&reading, config->lines[CONFIG_KEY_FILE], "key_file: %s", why.message);
	} else if (keys->owner != KEYS_BROKER) {
		config_mistake(&reading, config->lines[CONFIG_KEY_FILE],
			"key_file: %s has no checkpoint key: it is an office's, not a broker's", config->key_file);
		key_err = LIAISON_BAD_CONFIG;
	}
	if (trust_load_dir(config->trust_dir, now, tell_trouble, &reading, &trust, &why) == LIAISON_OK) {
		if (key_err == LIAISON_OK)
			check_identity(&reading, keys, trust, now);
	} else if (has_log(config)) {
		tell_trouble(&reading, config->trust_dir, why.code, why.message);
	} else {
		config_mistake(&reading, config->lines[CONFIG_TRUST_DIR], "trust_dir: %s", why.message);
	}
	trust_unref(trust);
	secret_keys_free(keys);
	return config_conclude(&reading, fault);
}
