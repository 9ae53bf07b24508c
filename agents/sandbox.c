/* `liaison sandbox`: a whole throw-away network on loopback. */
#include "agents/sandbox.h"

#include "agents/commands.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/table.h"
#include "proto/edge/file.h"
#include "proto/identifiers/country.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char *const office_kinds[SANDBOX_OFFICES] = {"blo", "atu", "piu", "ncc", "nrm"};

void
sandbox_office(const char *country, size_t number, struct office_id *office)
{
	snprintf(office->text, sizeof office->text, "%.2s.%s.demo", country, office_kinds[number]);
}

const char *
sandbox_template(size_t number)
{
	return office_kinds[number];
}

/* --- sandbox.json ---------------------------------------------------------------------------------------------------- */

static enum liaison_err
read_state(const char *path, const json_t *state, struct sandbox *out, struct fault *fault)
{
	const char *network = json_string_value(json_object_get(state, "network"));
	const char *broker = json_string_value(json_object_get(state, "broker"));
	const char *endpoint = json_string_value(json_object_get(state, "endpoint"));
	const json_t *countries = json_object_get(state, "countries");
	size_t count = json_array_size(countries);

	if (network == NULL || broker == NULL || endpoint == NULL || strlen(network) > NETWORK_ID_BYTES_MAX ||
		count == 0 || count > SANDBOX_COUNTRIES_MAX ||
		office_id_parse(broker, &out->broker, NULL) != LIAISON_OK ||
		endpoint_parse(endpoint, out->endpoint, NULL) != LIAISON_OK)
		return fault_set(
			fault, LIAISON_CORRUPT, "%s is damaged; remove the folder and make the sandbox anew", path);
	snprintf(out->network, sizeof out->network, "%s", network);
	for (size_t i = 0; i < count; i++) {
		const char *country = json_string_value(json_array_get(countries, i));
		snprintf(out->countries[i], MEMBER_BYTES, "%.2s", country != NULL ? country : "");
	}
	out->country_count = count;
	return LIAISON_OK;
}

enum liaison_err
sandbox_load(const char *dir, struct sandbox *out, struct fault *fault)
{
	struct sandbox sandbox = {0};
	json_error_t error;
	enum liaison_err err = LIAISON_OK;

	char *path = home_file(dir, "sandbox.json");
	if (path == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	json_t *state = access(path, F_OK) == 0 ? json_load_file(path, 0, &error) : NULL;
	if (access(path, F_OK) != 0)
		err = fault_set(
			fault, LIAISON_NOT_FOUND, "%s is no sandbox; make one by `liaison sandbox up %s`", dir, dir);
	else if (state == NULL)
		err = fault_set(
			fault, LIAISON_CORRUPT, "%s is damaged; remove the folder and make the sandbox anew", path);
	else
		err = read_state(path, state, &sandbox, fault);
	if (err == LIAISON_OK && (sandbox.dir = realpath(dir, NULL)) == NULL)
		err = fault_set(fault, LIAISON_IO, "%s cannot be found", dir);
	json_decref(state);
	free(path);
	if (err == LIAISON_OK)
		*out = sandbox;
	return err;
}

void
sandbox_clear(struct sandbox *sandbox)
{
	free(sandbox->dir);
	*sandbox = (struct sandbox){0};
}

char *
sandbox_broker_file(const struct sandbox *sandbox, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/brokers/%s/%s", sandbox->dir, sandbox->broker.text, name) < 0 ? NULL : path;
}

/* --- options --------------------------------------------------------------------------------------------------------- */

struct sandbox_options {
	const char *dir, *countries;
};

enum { OPTION_BROKERS = 256 };

static const struct argp_option up_options[] = {
	{"countries", 'c', "CC,CC,...", 0, "Which countries take part (KH,TH,VN)", 0},
	{"brokers", OPTION_BROKERS, "one", 0,
		"One broker for all, the first country's: what this version does in any case", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct sandbox_options *chosen = state->input;

	switch (key) {
	case 'c': chosen->countries = arg; return 0;
	case OPTION_BROKERS:
		if (strcmp(arg, "one") != 0)
			argp_error(state, "--brokers takes `one`, not `%s`", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (chosen->dir != NULL)
			argp_error(state, "one folder at a time");
		chosen->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->dir == NULL)
			argp_error(state, "name the sandbox's folder");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static enum liaison_err
read_countries(const char *text, char (*out)[MEMBER_BYTES], size_t *count, struct fault *fault)
{
	*count = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char code[MEMBER_BYTES] = "";
		for (size_t i = 0; i < len && len == 2; i++)
			code[i] = (char)toupper((unsigned char)text[i]);
		if (len != 2 || !country_is_known(code))
			return fault_set(fault, LIAISON_BAD_USAGE,
				"`%.*s` is no country's code; write --countries KH,TH,VN", (int)(len < 32 ? len : 32),
				text);
		for (size_t i = 0; i < 2; i++)
			code[i] = (char)tolower((unsigned char)code[i]);
		for (size_t i = 0; i < *count; i++)
			if (strcmp(out[i], code) == 0)
				return fault_set(fault, LIAISON_BAD_USAGE, "%.2s is named twice in --countries", text);
		if (*count == SANDBOX_COUNTRIES_MAX)
			return fault_set(fault, LIAISON_BAD_USAGE, "at most %d countries", SANDBOX_COUNTRIES_MAX);
		memcpy(out[(*count)++], code, MEMBER_BYTES);
		text += len + (text[len] == ',' ? 1 : 0);
	}
	return *count > 0 ? LIAISON_OK : fault_set(fault, LIAISON_BAD_USAGE, "--countries names none");
}

/* --- up -------------------------------------------------------------------------------------------------------------- */

static const struct argp up_argp = {
	.options = up_options,
	.parser = read_option,
	.args_doc = "DIR",
	.doc = "Make a whole throw-away network on loopback in DIR and start its broker, or start what is down of one "
	       "that is "
	       "there.\vExamples:\n"
	       "  liaison sandbox up /tmp/net\n"
	       "  liaison --home /tmp/net/kh.blo.demo publish route.json\n"
	       "  liaison --home /tmp/net/th.blo.demo feed",
};

static bool
same_countries(const struct sandbox *sandbox, const char (*countries)[MEMBER_BYTES], size_t count)
{
	if (sandbox->country_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(sandbox->countries[i], countries[i]) != 0)
			return false;
	return true;
}

static enum liaison_err
find_or_make(const struct app *app, const struct sandbox_options *chosen, struct sandbox *out, struct fault *fault)
{
	char countries[SANDBOX_COUNTRIES_MAX][MEMBER_BYTES];
	size_t count = 0;

	enum liaison_err err =
		read_countries(chosen->countries != NULL ? chosen->countries : "KH,TH,VN", countries, &count, fault);
	if (err != LIAISON_OK)
		return err;
	err = sandbox_load(chosen->dir, out, fault);
	if (err == LIAISON_NOT_FOUND)
		return sandbox_make(app, chosen->dir, (const char(*)[MEMBER_BYTES])countries, count, out, fault);
	if (err == LIAISON_OK && chosen->countries != NULL &&
		!same_countries(out, (const char(*)[MEMBER_BYTES])countries, count)) {
		sandbox_clear(out);
		return fault_set(fault, LIAISON_BAD_USAGE,
			"%s is a sandbox of other countries already; leave --countries out, or use another folder",
			chosen->dir);
	}
	return err;
}

static enum liaison_err
say_sandbox(const struct app *app, const struct sandbox *sandbox, struct fault *fault)
{
	pid_t pid = sandbox_pid(sandbox);
	struct office_id office;
	struct line line;
	char home[4096];

	line_begin(&line, app);
	line_text(&line, "network", sandbox->network);
	line_open_array(&line, "brokers");
	line_open_object(&line, NULL);
	line_text(&line, "id", sandbox->broker.text);
	line_text(&line, "endpoint", sandbox->endpoint);
	line_bool(&line, "running", pid != 0);
	if (pid != 0)
		line_number(&line, "pid", (uint64_t)pid);
	line_close_object(&line);
	line_close_array(&line);
	line_open_array(&line, "offices");
	for (size_t c = 0; c < sandbox->country_count; c++)
		for (size_t i = 0; i < SANDBOX_OFFICES; i++) {
			sandbox_office(sandbox->countries[c], i, &office);
			snprintf(home, sizeof home, "%s/%s", sandbox->dir, office.text);
			line_open_object(&line, NULL);
			line_text(&line, "id", office.text);
			line_text(&line, "home", home);
			line_close_object(&line);
		}
	line_close_array(&line);
	return line_end(&line, fault);
}

static int
sandbox_up(struct app *app, int argc, char **argv)
{
	struct sandbox_options chosen = {0};
	struct sandbox sandbox = {0};
	struct office_id first;
	struct fault fault;

	command_parse(app, &up_argp, argc, argv, &chosen);
	enum liaison_err err = find_or_make(app, &chosen, &sandbox, &fault);
	if (err == LIAISON_OK && sandbox_pid(&sandbox) == 0)
		err = sandbox_start(app, &sandbox, &fault);
	if (err == LIAISON_OK) {
		sandbox_office(sandbox.countries[0], 0, &first);
		say_result(app, "network %s is ready: %zu countries, %zu offices, broker %s at %s", sandbox.network,
			sandbox.country_count, sandbox.country_count * SANDBOX_OFFICES, sandbox.broker.text,
			sandbox.endpoint);
		say_note(app, "try: liaison --home %s/%s publish FILE", sandbox.dir, first.text);
		err = say_sandbox(app, &sandbox, &fault);
	}
	sandbox_clear(&sandbox);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- status and down ------------------------------------------------------------------------------------------------- */

static const struct argp status_argp = {
	.parser = read_option,
	.args_doc = "DIR",
	.doc = "Show a sandbox: its broker, whether it runs, its offices' homes. Exit 1 if the broker is "
	       "down.\vExample:\n"
	       "  liaison sandbox status /tmp/net --json",
};

static int
sandbox_status(struct app *app, int argc, char **argv)
{
	static const char *const columns[] = {"OFFICE", "HOME", NULL};
	struct sandbox_options chosen = {0};
	struct sandbox sandbox = {0};
	struct office_id office;
	struct fault fault;
	char home[4096];

	command_parse(app, &status_argp, argc, argv, &chosen);
	enum liaison_err err = sandbox_load(chosen.dir, &sandbox, &fault);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	pid_t pid = sandbox_pid(&sandbox);
	if (pid != 0)
		say_result(app, "network %s: broker %s at %s, process %ld", sandbox.network, sandbox.broker.text,
			sandbox.endpoint, (long)pid);
	else
		say_result(app, "network %s: broker %s is down; `liaison sandbox up %s` starts it", sandbox.network,
			sandbox.broker.text, chosen.dir);
	struct table *table = table_new(app, columns);
	for (size_t c = 0; c < sandbox.country_count; c++)
		for (size_t i = 0; i < SANDBOX_OFFICES; i++) {
			sandbox_office(sandbox.countries[c], i, &office);
			snprintf(home, sizeof home, "%s/%s", sandbox.dir, office.text);
			table_row(table, (const char *const[]){office.text, home});
		}
	table_end(table);
	err = say_sandbox(app, &sandbox, &fault);
	sandbox_clear(&sandbox);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	return pid != 0 ? EX_OK : 1;
}

static const struct argp down_argp = {
	.parser = read_option,
	.args_doc = "DIR",
	.doc = "Stop a sandbox's broker in order. What is in the folder stays; remove it by hand.\vExample:\n"
	       "  liaison sandbox down /tmp/net",
};

static int
sandbox_down(struct app *app, int argc, char **argv)
{
	struct sandbox_options chosen = {0};
	struct sandbox sandbox = {0};
	struct fault fault;

	command_parse(app, &down_argp, argc, argv, &chosen);
	enum liaison_err err = sandbox_load(chosen.dir, &sandbox, &fault);
	if (err == LIAISON_OK)
		err = sandbox_stop(app, &sandbox, &fault);
	if (err == LIAISON_OK)
		say_result(app, "network %s is down", sandbox.network);
	if (err == LIAISON_OK)
		err = say_sandbox(app, &sandbox, &fault);
	sandbox_clear(&sandbox);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"up", "make a sandbox, or start what is down of one", sandbox_up},
	{"status", "its broker and its offices' homes", sandbox_status},
	{"down", "stop it", sandbox_down},
	{NULL, NULL, NULL},
};

int
command_sandbox(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "A whole throw-away network on loopback, to try things in.", argc, argv);
}
