#include "broker/config_keys.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned
line_of(const struct reading *reading, enum config_key key)
{
	return reading->config->lines[key];
}

/* A folder that is there, and that this user may use as `mode` (of access) says. */
static void
check_folder(struct reading *reading, enum config_key key, const char *path, int mode, const char *advice)
{
	struct stat st;

	if (stat(path, &st) != 0)
		config_mistake(reading, line_of(reading, key), "%s: %s: %s; %s", config_keys[key].name, path,
			strerror(errno), advice);
	else if (!S_ISDIR(st.st_mode))
		config_mistake(reading, line_of(reading, key), "%s: %s is not a folder", config_keys[key].name, path);
	else if (access(path, mode) != 0)
		config_mistake(reading, line_of(reading, key), "%s: this user may not %s the folder %s",
			config_keys[key].name, mode & W_OK ? "write to" : "read", path);
}

static void
check_data_dir(struct reading *reading)
{
	const char *path = reading->config->data_dir;
	struct stat st;

	if (stat(path, &st) == 0 || errno != ENOENT) {
		check_folder(reading, CONFIG_DATA_DIR, path, R_OK | W_OK | X_OK, "make it, or name another");
		return;
	}
	char *copy = strdup(path);
	if (copy == NULL)
		reading->no_memory = true;
	else
		check_folder(reading, CONFIG_DATA_DIR, dirname(copy), W_OK | X_OK,
			"the folder above data_dir must be there; make it, or name another");
	free(copy);
}

static void
check_trust_dir(struct reading *reading)
{
	const char *path = reading->config->trust_dir;
	size_t before = reading->mistakes;
	char *keys = NULL;

	check_folder(reading, CONFIG_TRUST_DIR, path, R_OK | X_OK,
		"make it and put root.keys, charters and rosters there, or name another");
	if (reading->mistakes > before)
		return;
	if (asprintf(&keys, "%s/root.keys", path) < 0)
		reading->no_memory = true;
	else if (access(keys, R_OK) != 0)
		config_mistake(reading, line_of(reading, CONFIG_TRUST_DIR),
			"trust_dir: %s: %s; copy root.keys, charters and rosters there from a trust folder of the "
			"network",
			keys, strerror(errno));
	if (!reading->no_memory)
		free(keys);
}

static void
check_key_file(struct reading *reading)
{
	const char *path = reading->config->key_file;
	unsigned line = line_of(reading, CONFIG_KEY_FILE);
	struct stat st;

	if (stat(path, &st) != 0)
		config_mistake(
			reading, line, "key_file: %s: %s; `liaisond --init DIR` makes one", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		config_mistake(reading, line, "key_file: %s is not a regular file", path);
	else if (st.st_uid != geteuid())
		config_mistake(reading, line,
			"key_file: %s belongs to user %u, but the broker runs as %u; change its owner", path,
			(unsigned)st.st_uid, (unsigned)geteuid());
	else if ((st.st_mode & 077) != 0)
		config_mistake(reading, line, "key_file: others may read or write %s (mode %04o); chmod 600 it", path,
			(unsigned)st.st_mode & 07777);
}

static void
check_descriptors(struct reading *reading)
{
	int64_t connections = reading->config->connections_max;
	struct rlimit limit;

	/* The hard limit: the broker raises its soft one by itself. */
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY ||
		limit.rlim_max >= (rlim_t)connections + CONFIG_DESCRIPTORS_RESERVED)
		return;
	int64_t most = (int64_t)limit.rlim_max - CONFIG_DESCRIPTORS_RESERVED;
	config_mistake(reading, line_of(reading, CONFIG_CONNECTIONS_MAX),
		"connections_max: is %" PRId64
		" and %d more descriptors are needed, but this process may open %llu in all; "
		"raise its limit (LimitNOFILE= of the service, ulimit -Hn), or allowed: %" PRId64 " at most",
		connections, CONFIG_DESCRIPTORS_RESERVED, (unsigned long long)limit.rlim_max, most > 0 ? most : 0);
}

enum liaison_err
broker_config_check_place(
	const char *path, const struct config *config, config_report_fn *report, void *arg, struct fault *fault)
{
	struct config view = *config;
	struct reading reading = {.path = path, .config = &view, .report = report, .arg = arg};

	check_data_dir(&reading);
	check_key_file(&reading);
	check_trust_dir(&reading);
	check_descriptors(&reading);
	return config_conclude(&reading, fault);
}
