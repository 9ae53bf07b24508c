/*
 * The broker's configuration: one table of keys (type, least, most, default, unit, help), read by libconfig. The table is
 * what --check-config checks against, what --help and the man page list, and what the sample file is tested with.
 *
 * Two checks: broker_config_read() judges the text alone and is the same on every machine; broker_config_check_place() asks
 * whether this machine, with this user and these limits, can do what the text says.
 */
#ifndef LIAISON_BROKER_CONFIG_H
#define LIAISON_BROKER_CONFIG_H

#include "proto/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_LISTEN_MAX 16
#define CONFIG_FILE_BYTES_MAX (256 * 1024)
#define CONFIG_MISTAKES_MAX 100 /* more are counted, not told */
/* Descriptors that are not connections: log, indexes, threads, the operator page, libzmq's own. */
#define CONFIG_DESCRIPTORS_RESERVED 200

enum config_key {
	CONFIG_ID,
	CONFIG_LISTEN,
	CONFIG_DATA_DIR,
	CONFIG_KEY_FILE,
	CONFIG_TRUST_DIR,
	CONFIG_SEGMENT_BYTES,
	CONFIG_DISK_FLOOR_BYTES,
	CONFIG_LIVE_CACHE_BYTES,
	CONFIG_WORKERS,
	CONFIG_IO_THREADS,
	CONFIG_CONNECTIONS_MAX,
	CONFIG_CONNECTIONS_PER_OFFICE,
	CONFIG_UNAUTHENTICATED_MAX,
	CONFIG_HANDSHAKE_MS,
	CONFIG_IDLE_MS,
	CONFIG_SIGNATURES_PER_SECOND,
	CONFIG_BYTES_PER_SECOND,
	CONFIG_SUBMITS_IN_FLIGHT,
	CONFIG_FEEDS_PER_OFFICE,
	CONFIG_MALFORMED_MAX,
	CONFIG_PROGRESS_MS,
	CONFIG_TRUST_POLL_MS,
	CONFIG_CURSOR_FLUSH_MS,
	CONFIG_LOG_LEVEL,
	CONFIG_KEYS,
};

struct config {
	char *id;       /* this broker's office id, "kh.broker" */
	char *data_dir; /* log/, state.db; made if its parent exists */
	char *key_file;
	char *trust_dir; /* root.keys, charters, rosters: read at start and on SIGHUP */
	char **listen;   /* "tcp://0.0.0.0:7400" */
	size_t listen_count;

	int64_t segment_bytes;
	int64_t disk_floor_bytes;
	int64_t live_cache_bytes; /* envelopes kept in memory for readers that keep up */
	int64_t workers;          /* threads that check signatures; 0: as many as cores */
	int64_t io_threads;
	int64_t connections_max; /* in all, kept far below the descriptor limit */
	int64_t connections_per_office;
	int64_t unauthenticated_max; /* accepted, but no handshake yet */
	int64_t handshake_ms;
	int64_t idle_ms;               /* a session that says or takes nothing for so long is shut */
	int64_t signatures_per_second; /* per office; 0: no limit */
	int64_t bytes_per_second;      /* per office; 0: no limit */
	int64_t submits_in_flight;     /* per session */
	int64_t feeds_per_office;
	int64_t malformed_max; /* malformed frames in a minute before a session is shut */
	int64_t progress_ms;
	int64_t trust_poll_ms; /* how often the trust folder is looked at */
	int64_t cursor_flush_ms;
	int64_t log_level; /* 0 error, 1 warning, 2 info, 3 debug */

	unsigned lines
		[CONFIG_KEYS]; /* where each key stands in its file, for messages; 0: it does not, and has its default */
};

/* Defaults everywhere a key has one; `id` is NULL. False: no memory, and nothing to clear. */
bool broker_config_init(struct config *config) LIAISON_MUST_CHECK;
void broker_config_clear(struct config *config);

typedef void config_report_fn(void *arg, const char *sentence);

/*
 * Reads `path` into `config`, which it initialises. Relative paths inside are taken from the file's own folder. On
 * LIAISON_BAD_CONFIG every mistake was told to `report` (may be NULL): "FILE:LINE: key: what is wrong; what is allowed; did
 * you mean ...", and the fault has their number and the first; a file that cannot be opened is one. LIAISON_IO,
 * LIAISON_NO_MEMORY.
 * On failure there is nothing to clear.
 */
enum liaison_err broker_config_read(const char *path, struct config *config, config_report_fn *report, void *arg,
	struct fault *fault) LIAISON_MUST_CHECK;

/*
 * What on this machine stands against `config`, which was read from `path`: folders that are missing, a descriptor limit
 * that is too low. Looks, and changes nothing. Reports as broker_config_read does; LIAISON_OK or LIAISON_BAD_CONFIG.
 */
enum liaison_err broker_config_check_place(const char *path, const struct config *config, config_report_fn *report,
	void *arg, struct fault *fault) LIAISON_MUST_CHECK;

/*
 * Whether the key file and the trust folder are this broker's own, as its start would find them at `now`: keys of a broker
 * that a roster gives to `id`, a folder that nobody else may change. Of a broker that has a log only what is certain, since
 * the log holds papers of trust, too. A file that the start would leave out is told with "warning:" before it, and is no
 * mistake. Reports and returns as broker_config_check_place does, which goes before it.
 */
enum liaison_err broker_config_check_trust(const char *path, const struct config *config, int64_t now,
	config_report_fn *report, void *arg, struct fault *fault) LIAISON_MUST_CHECK;

/* Prints what was read, every key, in the file's own syntax: reading that again gives the same. */
void broker_config_print(const struct config *config, FILE *out);

/* One line a key: name, type, bounds, default, help. */
void broker_config_print_help(FILE *out);

/* NULL if `text` is an end point that liaisond can listen at, else a clause: "has no port". */
const char *broker_config_listen_problem(const char *text);

/* "segment_bytes" */
const char *broker_config_key_name(enum config_key key);

#endif
