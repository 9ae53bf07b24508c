/*
 * The broker's configuration: one table of keys (type, least, most, default, unit, help), read by libconfig. The table is
 * what --check-config checks against, what --help and the man page list, and what the sample file is tested with.
 */
#ifndef LIAISON_BROKER_CONFIG_H
#define LIAISON_BROKER_CONFIG_H

#include "proto/base/err.h"

#include <stdint.h>
#include <stdio.h>

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
	int64_t idle_ms;               /* a session that says nothing for so long is shut */
	int64_t signatures_per_second; /* per office; 0: no limit */
	int64_t bytes_per_second;      /* per office; 0: no limit */
	int64_t submits_in_flight;     /* per session */
	int64_t feeds_per_office;
	int64_t malformed_max; /* malformed frames in a minute before a session is shut */
	int64_t progress_ms;
	int64_t trust_poll_ms; /* how often the trust folder is looked at */
	int64_t cursor_flush_ms;
	int64_t log_level; /* 0 error, 1 warning, 2 info, 3 debug */
};

/* Defaults everywhere a key has one. */
void config_init(struct config *config);
void config_clear(struct config *config);

/*
 * Reads `path`. Relative paths inside are taken from the file's own folder. On LIAISON_BAD_CONFIG every mistake was told
 * to `report` (may be NULL): "FILE:LINE: key: what is wrong; what is allowed; did you mean ...". LIAISON_IO: not readable.
 */
typedef void config_report_fn(void *arg, const char *sentence);
enum liaison_err config_read(const char *path, struct config *config, config_report_fn *report, void *arg,
	struct fault *fault) LIAISON_MUST_CHECK;

/* Prints what was read, every key, in the file's own syntax: reading that again gives the same. */
void config_print(const struct config *config, FILE *out);

/* One line a key: name, type, bounds, default, unit, help. */
void config_print_help(FILE *out);

#endif
