/* The table of the broker's keys, the notation of their values, and how mistakes are told; for config*.c only. */
#ifndef LIAISON_BROKER_CONFIG_KEYS_H
#define LIAISON_BROKER_CONFIG_KEYS_H

#include "broker/config.h"

enum key_type {
	KEY_OFFICE_ID,
	KEY_PATH,
	KEY_ENDPOINTS,
	KEY_COUNT, /* a plain number */
	KEY_BYTES, /* a number, or text with a unit: "64 MiB" */
	KEY_TIME,  /* milliseconds, or text with a unit: "5 s" */
	KEY_LEVEL, /* a word of note_levels */
};

struct key {
	const char *name;
	const char *help;
	enum key_type type;
	size_t offset; /* of the member of struct config */
	/* Of numbers: */
	int64_t least, most, preset;
	int64_t multiple; /* 0: any */
	const char *zero; /* what 0 means, where it is allowed besides least..most; NULL: it is not */
	/* Of the others: */
	const char *preset_text; /* NULL: there is none, the key must be given */
};

extern const struct key config_keys[CONFIG_KEYS];

#define CONFIG_LEVELS 4
extern const char *const config_levels[CONFIG_LEVELS];

static inline int64_t *
key_number(struct config *config, const struct key *key)
{
	return (int64_t *)(void *)((char *)config + key->offset);
}

static inline char **
key_text(struct config *config, const struct key *key)
{
	return (char **)(void *)((char *)config + key->offset);
}

/* The value with the greatest unit that leaves a whole number: "64 MiB", "5 s", "12". */
#define VALUE_BYTES 32
void value_format(enum key_type type, int64_t value, char out[VALUE_BYTES]);

/*
 * "64 MiB", "64MiB", "67108864"; of KEY_BYTES and KEY_TIME. On failure `why` is a clause, what is wrong with the text.
 */
bool value_parse(enum key_type type, const char *text, int64_t *value, const char **why);

/*
 * libconfig 1.5 cuts a whole number to 32 bits unless an L stands behind it. This puts one behind every number that may
 * need it, outside of comments and strings; lines stay where they are. NULL: no memory. The caller frees.
 */
char *value_widen(const char *text);

/* "a time such as \"5 s\", from 1 s to 2 min" */
#define ALLOWED_BYTES 320
void key_allowed(const struct key *key, char out[ALLOWED_BYTES]);

/* One reading or check of one file. */
struct reading {
	const char *path;
	char *folder; /* of the file, absolute */
	struct config *config;
	config_report_fn *report;
	void *arg;
	size_t mistakes;
	bool no_memory;
	char first[LIAISON_FAULT_BYTES];
};

/* Counts and reports "FILE:LINE: ..."; without the line if it is 0. */
void config_mistake(struct reading *reading, unsigned line, const char *format, ...) LIAISON_PRINTF(3, 4);

/* LIAISON_OK if there was none, LIAISON_BAD_CONFIG with their number and the first, LIAISON_NO_MEMORY. */
enum liaison_err config_conclude(const struct reading *reading, struct fault *fault) LIAISON_MUST_CHECK;

#endif
