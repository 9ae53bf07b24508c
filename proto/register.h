/*
 * Reading a register: a text in libconfig's form that the project ships and embeds (crossings, codes). Every mistake is
 * LIAISON_BAD_CONFIG and a sentence with the register's name, the line and what is allowed. Strings that come back are
 * the configuration's own and live as long as it does. Nothing is read but the text: `@include` finds no file, since
 * it is looked for in a folder that cannot exist.
 */
#ifndef LIAISON_PROTO_REGISTER_H
#define LIAISON_PROTO_REGISTER_H

#include "proto/base/err.h"

#include <libconfig.h>
#include <stddef.h>

/* Initialises and fills `config`; the caller ends it with config_destroy, after a failure too. */
enum liaison_err register_read(
	config_t *config, const char *what, const char *text, struct fault *fault) LIAISON_MUST_CHECK;

/* The list `name` at the top; LIAISON_BAD_CONFIG if it is missing or no list. */
enum liaison_err register_list(const config_t *config, const char *what, const char *name, config_setting_t **list,
	struct fault *fault) LIAISON_MUST_CHECK;

/* `entry` is a group and each of its keys one of `keys` (NULL at the end); the nearest valid one is suggested. */
enum liaison_err register_check_keys(const config_setting_t *entry, const char *what, const char *const *keys,
	struct fault *fault) LIAISON_MUST_CHECK;

/* The member `key` of the group `entry`: a text that is not empty, or a number (whole ones too). */
enum liaison_err register_text(const config_setting_t *entry, const char *what, const char *key, const char **text,
	struct fault *fault) LIAISON_MUST_CHECK;
enum liaison_err register_number(const config_setting_t *entry, const char *what, const char *key, double least,
	double most, double *number, struct fault *fault) LIAISON_MUST_CHECK;

/* The texts of the array `key`, in memory for the caller to free; none and NULL where it is absent. */
enum liaison_err register_texts(const config_setting_t *entry, const char *what, const char *key, const char ***texts,
	size_t *count, struct fault *fault) LIAISON_MUST_CHECK;

/* Fills `fault` with "<what>, line <line>: ..." and returns LIAISON_BAD_CONFIG. */
enum liaison_err register_fault(const config_setting_t *at, const char *what, struct fault *fault, const char *format,
	...) LIAISON_PRINTF(4, 5);

#endif
