#include "broker/config_keys.h"

#include "proto/base/buf.h"
#include "proto/base/time.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

const char *const config_levels[CONFIG_LEVELS] = {"error", "warning", "info", "debug"};

#define AT(member) .name = #member, .offset = offsetof(struct config, member)

const struct key config_keys[CONFIG_KEYS] = {
	[CONFIG_ID] = {AT(id), .type = KEY_OFFICE_ID,
		.help = "This broker's office id, as its member's roster names it: \"kh.broker\"."},
	[CONFIG_LISTEN] = {AT(listen), .type = KEY_ENDPOINTS, .preset_text = "tcp://127.0.0.1:7400",
		.help = "Where agents and peers connect: one end point or a list of them."},
	[CONFIG_DATA_DIR] = {AT(data_dir), .type = KEY_PATH, .preset_text = "data",
		.help = "The folder of the log and of state.db; made if the folder above it exists."},
	[CONFIG_KEY_FILE] = {AT(key_file), .type = KEY_PATH, .preset_text = "broker.key",
		.help = "This broker's secret keys, for its owner alone (mode 0600)."},
	[CONFIG_TRUST_DIR] = {AT(trust_dir), .type = KEY_PATH, .preset_text = "trust",
		.help = "The folder of root.keys, charters, rosters and suspensions."},

	[CONFIG_SEGMENT_BYTES] = {AT(segment_bytes), .type = KEY_BYTES, .least = 256 * KIB, .most = 256 * MIB,
		.preset = 64 * MIB, .multiple = 4096, .help = "Length of a new file of the log."},
	[CONFIG_DISK_FLOOR_BYTES] = {AT(disk_floor_bytes), .type = KEY_BYTES, .least = 1 * MIB, .most = 64 * TIB,
		.preset = 256 * MIB, .zero = "no floor",
		.help = "With less than this free, new alerts are refused (storage-full); feeds go on."},
	[CONFIG_LIVE_CACHE_BYTES] = {AT(live_cache_bytes), .type = KEY_BYTES, .least = 1 * MIB, .most = 64 * GIB,
		.preset = 64 * MIB, .help = "Newest alerts kept in memory for readers that keep up."},

	[CONFIG_WORKERS] = {AT(workers), .type = KEY_COUNT, .least = 1, .most = 64, .preset = 0,
		.zero = "as many as cores", .help = "Threads that check signatures."},
	[CONFIG_IO_THREADS] = {AT(io_threads), .type = KEY_COUNT, .least = 1, .most = 16, .preset = 1,
		.help = "Threads of ZeroMQ that read and write sockets."},

	[CONFIG_CONNECTIONS_MAX] = {AT(connections_max), .type = KEY_COUNT, .least = 1, .most = 100000, .preset = 800,
		.help = "Connections in all; the limit of descriptors must be at least 200 above."},
	[CONFIG_CONNECTIONS_PER_OFFICE] = {AT(connections_per_office), .type = KEY_COUNT, .least = 1, .most = 10000,
		.preset = 8, .help = "Connections of one office."},
	[CONFIG_UNAUTHENTICATED_MAX] = {AT(unauthenticated_max), .type = KEY_COUNT, .least = 1, .most = 10000,
		.preset = 256, .help = "Connections that have not yet shown a key that is known."},
	[CONFIG_HANDSHAKE_MS] = {AT(handshake_ms), .type = KEY_TIME, .least = 1 * MS_PER_SECOND,
		.most = 2 * MS_PER_MINUTE, .preset = 15 * MS_PER_SECOND,
		.help = "Time for a handshake; a bad line needs four round trips."},
	[CONFIG_IDLE_MS] = {AT(idle_ms), .type = KEY_TIME, .least = 5 * MS_PER_SECOND, .most = MS_PER_DAY,
		.preset = 90 * MS_PER_SECOND,
		.help = "A session that says nothing, or takes nothing of what it is sent, for so long is shut."},

	[CONFIG_SIGNATURES_PER_SECOND] = {AT(signatures_per_second), .type = KEY_COUNT, .least = 1, .most = 1000000,
		.preset = 1000, .zero = "no limit",
		.help = "Signatures that one office may submit a second; a batch has one."},
	[CONFIG_BYTES_PER_SECOND] = {AT(bytes_per_second), .type = KEY_BYTES, .least = 1 * MIB, .most = 64 * GIB,
		.preset = 16 * MIB, .zero = "no limit", .help = "Bytes that one office may submit a second."},
	[CONFIG_SUBMITS_IN_FLIGHT] = {AT(submits_in_flight), .type = KEY_COUNT, .least = 1, .most = 1024, .preset = 16,
		.help = "Submissions of one session that may wait for their receipts."},
	[CONFIG_FEEDS_PER_OFFICE] = {AT(feeds_per_office), .type = KEY_COUNT, .least = 1, .most = 10000, .preset = 64,
		.help = "Feeds that one office may keep."},
	[CONFIG_MALFORMED_MAX] = {AT(malformed_max), .type = KEY_COUNT, .least = 1, .most = 10000, .preset = 10,
		.help = "Malformed frames in a minute before a session is shut."},

	[CONFIG_PROGRESS_MS] = {AT(progress_ms), .type = KEY_TIME, .least = 100, .most = 5 * MS_PER_MINUTE,
		.preset = 5 * MS_PER_SECOND, .help = "How often each reader is told how far the log was searched."},
	[CONFIG_TRUST_POLL_MS] = {AT(trust_poll_ms), .type = KEY_TIME, .least = 50, .most = MS_PER_MINUTE,
		.preset = 500, .help = "How often the trust folder is looked at."},
	[CONFIG_CURSOR_FLUSH_MS] = {AT(cursor_flush_ms), .type = KEY_TIME, .least = 10, .most = MS_PER_MINUTE,
		.preset = 1 * MS_PER_SECOND,
		.help = "How often cursors and the audit are written; a crash repeats that much to readers."},
	[CONFIG_LOG_LEVEL] = {AT(log_level), .type = KEY_LEVEL, .least = 0, .most = CONFIG_LEVELS - 1, .preset = 2,
		.help = "What is noted on standard error."},
};

const char *
broker_config_key_name(enum config_key key)
{
	return config_keys[key].name;
}

/* --- units ------------------------------------------------------------------------------------------------------------ */

struct unit {
	const char *name;
	int64_t size;
};

static const struct unit byte_units[] = {{"TiB", TIB}, {"GiB", GIB}, {"MiB", MIB}, {"KiB", KIB}, {"B", 1}, {0}};
static const struct unit time_units[] = {
	{"d", MS_PER_DAY}, {"h", MS_PER_HOUR}, {"min", MS_PER_MINUTE}, {"s", MS_PER_SECOND}, {"ms", 1}, {0}};

void
value_format(enum key_type type, int64_t value, char out[VALUE_BYTES])
{
	const struct unit *unit = type == KEY_BYTES ? byte_units : time_units;

	if (type == KEY_LEVEL) {
		snprintf(out, VALUE_BYTES, "%s", config_levels[value]);
	} else if (type == KEY_COUNT || value == 0) {
		snprintf(out, VALUE_BYTES, "%" PRId64, value);
	} else {
		while (value % unit->size != 0)
			unit++;
		snprintf(out, VALUE_BYTES, "%" PRId64 " %s", value / unit->size, unit->name);
	}
}

bool
value_parse(enum key_type type, const char *text, int64_t *value, const char **why)
{
	const struct unit *unit = type == KEY_BYTES ? byte_units : time_units;
	const char *at = text;
	int64_t number = 0;

	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number)) {
			*why = "is too great";
			return false;
		}
	if (at == text) {
		*why = "is no whole number";
		return false;
	}
	if (*at == '.' || *at == ',') {
		*why = "is no whole number (use a smaller unit)";
		return false;
	}
	if (*at == ' ')
		at++;
	while (*at != '\0' && unit->name != NULL && strcmp(unit->name, at) != 0)
		unit++;
	if (unit->name == NULL) {
		*why = type == KEY_BYTES ? "has no unit of B, KiB, MiB, GiB, TiB" : "has no unit of ms, s, min, h, d";
		return false;
	}
	if (*at != '\0' && __builtin_mul_overflow(number, unit->size, &number)) {
		*why = "is too great";
		return false;
	}
	*value = number;
	return true;
}

/* The end of a comment or string that begins at `at`; `at` if none does. */
static const char *
skip_opaque(const char *at)
{
	const char *end;

	if (at[0] == '#' || (at[0] == '/' && at[1] == '/'))
		return at + strcspn(at, "\n");
	if (at[0] == '/' && at[1] == '*') {
		end = strstr(at + 2, "*/");
		return end == NULL ? at + strlen(at) : end + 2;
	}
	if (at[0] != '"')
		return at;
	for (at++; *at != '\0' && *at != '"'; at++)
		if (at[0] == '\\' && at[1] != '\0')
			at++;
	return *at == '\0' ? at : at + 1;
}

char *
value_widen(const char *text)
{
	static const char word[] = "-_*.ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	struct buf out;

	buf_init(&out, 2 * CONFIG_FILE_BYTES_MAX);
	while (*text != '\0') {
		const char *end = skip_opaque(text);
		bool is_long = false;
		if (end == text && *text >= '0' && *text <= '9') {
			bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
			end += is_hex ? 2 + strspn(text + 2, "0123456789abcdefABCDEF") : strspn(text, "0123456789");
			is_long = end - text >= 10 && strspn(end, word) == 0;
			end += strspn(end, word); /* an L, a fraction, an exponent */
		} else if (end == text) {
			end += *text == '-' || *text == '.' ? 1 : strspn(text, word);
			end += end == text;
		}
		buf_put(&out, text, (size_t)(end - text));
		if (is_long)
			buf_put(&out, "L", 1);
		text = end;
	}
	buf_put(&out, "", 1);
	if (buf_check(&out) == LIAISON_OK)
		return (char *)out.data;
	buf_clear(&out);
	return NULL;
}

void
key_allowed(const struct key *key, char out[ALLOWED_BYTES])
{
	char least[VALUE_BYTES], most[VALUE_BYTES], zero[64] = "", multiple[64] = "";

	switch (key->type) {
	case KEY_OFFICE_ID: snprintf(out, ALLOWED_BYTES, "an office id such as \"kh.broker\""); return;
	case KEY_PATH: snprintf(out, ALLOWED_BYTES, "a path; a relative one begins at this file's folder"); return;
	case KEY_ENDPOINTS:
		snprintf(out, ALLOWED_BYTES, "end points such as \"tcp://0.0.0.0:7400\", 1 to %d of them",
			CONFIG_LISTEN_MAX);
		return;
	case KEY_LEVEL: snprintf(out, ALLOWED_BYTES, "\"error\", \"warning\", \"info\" or \"debug\""); return;
	case KEY_COUNT:
	case KEY_BYTES:
	case KEY_TIME: break;
	}
	value_format(key->type, key->least, least);
	value_format(key->type, key->most, most);
	if (key->zero != NULL)
		snprintf(zero, sizeof zero, ", or 0: %s", key->zero);
	if (key->multiple != 0)
		snprintf(multiple, sizeof multiple, ", a multiple of %" PRId64, key->multiple);
	snprintf(out, ALLOWED_BYTES, "%s from %s to %s%s%s",
		key->type == KEY_BYTES  ? "bytes such as \"64 MiB\","
		: key->type == KEY_TIME ? "a time such as \"5 s\","
					: "a number",
		least, most, multiple, zero);
}

/* --- a configuration as a whole ---------------------------------------------------------------------------------------- */

bool
broker_config_init(struct config *config)
{
	*config = (struct config){0};
	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct key *key = &config_keys[i];
		switch (key->type) {
		case KEY_OFFICE_ID: break;
		case KEY_PATH:
			*key_text(config, key) = strdup(key->preset_text);
			if (*key_text(config, key) == NULL)
				goto fail;
			break;
		case KEY_ENDPOINTS:
			config->listen = calloc(1, sizeof *config->listen);
			if (config->listen == NULL || (config->listen[0] = strdup(key->preset_text)) == NULL)
				goto fail;
			config->listen_count = 1;
			break;
		case KEY_COUNT:
		case KEY_BYTES:
		case KEY_TIME:
		case KEY_LEVEL: *key_number(config, key) = key->preset; break;
		}
	}
	return true;
fail:
	broker_config_clear(config);
	return false;
}

void
broker_config_clear(struct config *config)
{
	for (size_t i = 0; config->listen != NULL && i < config->listen_count; i++)
		free(config->listen[i]);
	free(config->listen);
	free(config->id);
	free(config->data_dir);
	free(config->key_file);
	free(config->trust_dir);
	*config = (struct config){0};
}

/* What libconfig needs escaped; control characters are not read in the first place. */
static void
print_text(const char *text, FILE *out)
{
	fputc('"', out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

void
broker_config_print(const struct config *config, FILE *out)
{
	struct config view = *config; /* key_text() and key_number() are for writing, too */
	char value[VALUE_BYTES];

	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct key *key = &config_keys[i];
		fprintf(out, "%s = ", key->name);
		switch (key->type) {
		case KEY_OFFICE_ID:
		case KEY_PATH: print_text(*key_text(&view, key) ? *key_text(&view, key) : "", out); break;
		case KEY_ENDPOINTS:
			for (size_t j = 0; j < config->listen_count; j++) {
				fputs(j == 0 ? "[ " : ", ", out);
				print_text(config->listen[j], out);
			}
			fputs(" ]", out);
			break;
		case KEY_COUNT: fprintf(out, "%" PRId64, *key_number(&view, key)); break;
		case KEY_BYTES:
		case KEY_TIME:
		case KEY_LEVEL:
			value_format(key->type, *key_number(&view, key), value);
			fprintf(out, value[0] == '0' ? "%s" : "\"%s\"", value);
			break;
		}
		fputs(";\n", out);
	}
}

void
broker_config_print_help(FILE *out)
{
	char allowed[ALLOWED_BYTES], preset[VALUE_BYTES];

	for (int i = 0; i < CONFIG_KEYS; i++) {
		const struct key *key = &config_keys[i];
		key_allowed(key, allowed);
		fprintf(out, "%s: %s; ", key->name, allowed);
		if (key->type == KEY_OFFICE_ID) {
			fputs("must be given", out);
		} else if (key->preset_text != NULL) {
			fprintf(out, "default \"%s\"", key->preset_text);
		} else {
			value_format(key->type, key->preset, preset);
			fprintf(out, "default %s", preset);
		}
		fprintf(out, ". %s\n", key->help);
	}
}
