/* `liaison home init`: an office's home, or another broker for one. */
#include "agents/commands.h"
#include "agents/home.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/trust_import.h"
#include "proto/edge/file.h"
#include "proto/edge/keyfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define TRUST_PATHS_MAX 64

struct init_options {
	const char *office, *broker, *key, *broker_id, *network, *langs;
	const char *trust[TRUST_PATHS_MAX];
	size_t trust_count;
};

enum { OPTION_BROKER_KEY = 256, OPTION_BROKER_ID, OPTION_NETWORK, OPTION_LANG, OPTION_TRUST };

static const struct argp_option options[] = {
	{"office", 'o', "OFFICE", 0, "The office's id (default: whose office.key lies in the home)", 0},
	{"broker", 'b', "HOST:PORT", 0, "Where its broker listens", 0},
	{"broker-key", OPTION_BROKER_KEY, "KEY", 0, "The broker's transport key, as its operator tells it", 0},
	{"broker-id", OPTION_BROKER_ID, "ID", 0, "The broker's id, to be surer still", 0},
	{"network", OPTION_NETWORK, "ID", 0, "The network's id, if not to be taken from the root keys", 0},
	{"lang", OPTION_LANG, "TAG,...", 0, "The languages of its officers, best first (en)", 0},
	{"trust", OPTION_TRUST, "FILE|FOLDER", 0,
		"Root keys, charters and rosters, as `liaison trust import` takes them; repeat", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct init_options *chosen = state->input;

	switch (key) {
	case 'o':
	case ARGP_KEY_ARG: chosen->office = arg; return 0;
	case 'b': chosen->broker = arg; return 0;
	case OPTION_BROKER_KEY: chosen->key = arg; return 0;
	case OPTION_BROKER_ID: chosen->broker_id = arg; return 0;
	case OPTION_NETWORK: chosen->network = arg; return 0;
	case OPTION_LANG: chosen->langs = arg; return 0;
	case OPTION_TRUST:
		if (chosen->trust_count == TRUST_PATHS_MAX)
			argp_error(state, "at most %d of --trust", TRUST_PATHS_MAX);
		chosen->trust[chosen->trust_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->broker == NULL || chosen->key == NULL)
			argp_error(state,
				"--broker HOST:PORT and --broker-key KEY are needed; the broker's operator knows both");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "[OFFICE]",
	.doc = "Make an office's home with its configuration, or add a broker to the one that is there.\vExamples:\n"
	       "  liaison --home poipet home init --office kh.blo.poipet --broker broker.example:7400 \\\n"
	       "      --broker-key 3f0c...\n"
	       "  liaison --home poipet home init --office kh.blo.poipet --broker broker.example:7400 \\\n"
	       "      --broker-key 3f0c... --trust /media/usb/trust\n"
	       "  liaison home init --broker spare.example:7400 --broker-key 77a1...     # a second broker\n"
	       "The broker's operator tells the key: `liaisond --init` prints it, and `liaison keys show` of the "
	       "broker's card.",
};

/* The home that is there, or an empty one. */
static enum liaison_err
open_or_begin(const struct app *app, const struct init_options *chosen, struct home **out, struct fault *fault)
{
	struct keyfile_info info;
	struct home *home = NULL;
	enum liaison_err err = LIAISON_OK;
	struct fault why;

	char *conf = home_file(app->home, "office.conf");
	char *key = home_file(app->home, "office.key");
	struct buf old;
	buf_init(&old, 1 << 20);
	if (conf == NULL || key == NULL)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	else if (file_read(conf, FILE_ANY, &old, &why) != LIAISON_NOT_FOUND)
		err = home_open(app->home, out, fault);
	else if ((home = calloc(1, sizeof *home)) == NULL || (home->path = strdup(app->home)) == NULL)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	else if (chosen->office != NULL)
		err = office_id_parse(chosen->office, &home->office, fault);
	else if (keyfile_look(key, &info, &why) == LIAISON_OK)
		err = office_id_parse(info.name, &home->office, fault);
	else
		err = fault_set(fault, LIAISON_BAD_USAGE, "say whose home it will be: --office kh.blo.poipet");
	if (home != NULL && err == LIAISON_OK) {
		home->wait_seconds = 30;
		*out = home;
	} else {
		home_free(home);
	}
	buf_clear(&old);
	free(conf);
	free(key);
	return err;
}

static enum liaison_err
set_langs(struct home *home, const char *langs, struct fault *fault)
{
	for (size_t i = 0; i < home->lang_count; i++)
		free(home->langs[i]);
	home->lang_count = 0;
	while (*langs != '\0') {
		size_t len = strcspn(langs, ",");
		if (home->lang_count == HOME_LANGS_MAX || len == 0 || len > 35)
			return fault_set(fault, LIAISON_BAD_USAGE, "--lang takes up to %d language tags, like km,en",
				HOME_LANGS_MAX);
		home->langs[home->lang_count] = strndup(langs, len);
		if (home->langs[home->lang_count] == NULL)
			return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		home->lang_count++;
		langs += len + (langs[len] == ',' ? 1 : 0);
	}
	return LIAISON_OK;
}

static enum liaison_err
set_broker(struct home *home, const struct init_options *chosen, struct fault *fault)
{
	struct home_broker broker = {0};
	size_t at = 0;

	enum liaison_err err = endpoint_parse(chosen->broker, broker.endpoint, fault);
	if (err == LIAISON_OK)
		err = public_key_parse(chosen->key, &broker.key, fault);
	if (err == LIAISON_OK && chosen->broker_id != NULL)
		err = office_id_parse(chosen->broker_id, &broker.id, fault);
	if (err != LIAISON_OK) {
		fault->code = LIAISON_BAD_USAGE;
		return LIAISON_BAD_USAGE;
	}
	while (at < home->broker_count && strcmp(home->brokers[at].endpoint, broker.endpoint) != 0)
		at++;
	if (at == HOME_BROKERS_MAX)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"a home has at most %d brokers; take one out of %s/office.conf", HOME_BROKERS_MAX, home->path);
	home->brokers[at] = broker;
	if (at == home->broker_count)
		home->broker_count++;
	return LIAISON_OK;
}

static enum liaison_err
apply(struct home *home, const struct init_options *chosen, struct fault *fault)
{
	enum liaison_err err = set_broker(home, chosen, fault);

	if (err == LIAISON_OK && chosen->office != NULL && strcmp(chosen->office, home->office.text) != 0)
		err = fault_set(fault, LIAISON_BAD_CONFIG, "%s is the home of %s already; name another with --home",
			home->path, home->office.text);
	if (err == LIAISON_OK && chosen->network != NULL) {
		if (!network_id_is_valid(chosen->network))
			return fault_set(fault, LIAISON_BAD_USAGE, "--network is 1 to 64 of a-z, 0-9, dot and hyphen");
		memcpy(home->network, chosen->network, strlen(chosen->network) + 1);
	}
	if (err == LIAISON_OK && (chosen->langs != NULL || home->lang_count == 0))
		err = set_langs(home, chosen->langs != NULL ? chosen->langs : "en", fault);
	return err;
}

static enum liaison_err
write_home(const struct home *home, struct fault *fault)
{
	struct buf text;

	char *conf = home_file(home->path, "office.conf");
	if (conf == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	buf_init(&text, 1 << 20);
	home_write_conf(home, &text);
	enum liaison_err err = buf_check(&text);
	if (err != LIAISON_OK)
		fault_set(fault, err, "out of memory");
	else
		err = folder_make(home->path, 0700, fault);
	if (err == LIAISON_OK)
		err = file_replace(conf, text.data, text.len, 0644, fault);
	buf_clear(&text);
	free(conf);
	return err;
}

static bool
is_missing(const struct app *app, const char *name)
{
	char *path = home_file(app->home, name);
	bool is_there = path == NULL || access(path, F_OK) == 0;

	free(path);
	return !is_there;
}

/* What is still missing until this home can work. */
static void
say_next(const struct app *app)
{
	if (is_missing(app, "office.key"))
		say_note(app,
			"next: make its keys with `liaison --home %s keys new`, and bring office.card to the authority",
			app->home);
	if (is_missing(app, "trust/root.keys"))
		say_note(app, "next: take root.keys, charter and rosters with `liaison --home %s trust import FILE...`",
			app->home);
	say_note(app, "`liaison --home %s doctor` tells whether all is in order", app->home);
}

static int
home_init(struct app *app, int argc, char **argv)
{
	struct init_options chosen = {0};
	struct home *home = NULL;
	struct fault fault;
	struct line line;
	int exit_code = EX_OK;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = open_or_begin(app, &chosen, &home, &fault);
	if (err == LIAISON_OK)
		err = apply(home, &chosen, &fault);
	if (err == LIAISON_OK)
		err = write_home(home, &fault);
	if (err == LIAISON_OK) {
		say_result(app, "home of %s: %s", home->office.text, home->path);
		line_begin(&line, app);
		line_text(&line, "office", home->office.text);
		line_text(&line, "home", home->path);
		err = line_end(&line, &fault);
	}
	home_free(home);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	if (chosen.trust_count > 0)
		exit_code = trust_import(app, chosen.trust, chosen.trust_count);
	say_next(app);
	return exit_code;
}

static const struct command menu[] = {
	{"init", "make an office's home, or add a broker to it", home_init},
	{NULL, NULL, NULL},
};

int
command_home(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "The folder in which an office's agent works.", argc, argv);
}
