/* `liaisond`: parse, check, wire, run, tear down. */
#include "broker/broker.h"
#include "broker/init.h"
#include "broker/note.h"
#include "broker/verify.h"
#include "proto/base/time.h"
#include "proto/edge/file.h"

#include <argp.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#define DEFAULT_CONFIG "/etc/liaison/liaisond.conf"
#define ENDPOINTS_MAX 32

/* --- the command line --------------------------------------------------------------------------------------------- */

enum action { ACTION_RUN, ACTION_INIT, ACTION_CHECK_CONFIG, ACTION_PRINT_CONFIG, ACTION_VERIFY };

struct arguments {
	enum action action;
	const char *config, *ready_file;
	struct init_options init;
	const char *listen[ENDPOINTS_MAX], *endpoints[ENDPOINTS_MAX];
};

enum option_key {
	OPTION_INIT = 256,
	OPTION_ID,
	OPTION_LISTEN,
	OPTION_ENDPOINT,
	OPTION_CHECK,
	OPTION_PRINT,
	OPTION_VERIFY,
	OPTION_READY_FILE
};

const char *argp_program_version = "liaisond " LIAISON_VERSION;

static const struct argp_option options[] = {
	{"config", 'c', "FILE", 0, "The configuration (default: " DEFAULT_CONFIG ")", 0},
	{"ready-file", OPTION_READY_FILE, "FILE", 0, "Write the end point there once connections are taken", 0},
	{0, 0, NULL, 0, "Instead of serving:", 1},
	{"check-config", OPTION_CHECK, NULL, 0, "Tell every mistake in the configuration; reads, and opens no store",
		0},
	{"print-config", OPTION_PRINT, NULL, 0, "Print every key as it was read", 0},
	{"verify", OPTION_VERIFY, NULL, 0, "Check the whole log of a broker that is not running", 0},
	{"init", OPTION_INIT, "DIR", 0, "Make a new broker's home: configuration, keys, card for enrolment", 0},
	{0, 0, NULL, 0, "With --init:", 2},
	{"id", OPTION_ID, "ID", 0, "The broker's office id, such as kh.broker", 0},
	{"listen", OPTION_LISTEN, "ENDPOINT", 0, "Where it listens (default: tcp://127.0.0.1:7400)", 0},
	{"endpoint", OPTION_ENDPOINT, "ENDPOINT", 0, "Where agents find it, if that differs", 0},
	{0},
};

static const char about[] =
	"The broker of a country: takes signed alerts, makes them durable, and feeds them to the offices that may see "
	"them.\v"
	"Examples:\n"
	"  liaisond --init /var/lib/liaisond --id kh.broker --listen 'tcp://*:7400' \\\n"
	"           --endpoint tcp://192.0.2.10:7400\n"
	"  liaisond -c /var/lib/liaisond/liaisond.conf --check-config\n"
	"  liaisond -c /var/lib/liaisond/liaisond.conf\n"
	"\n"
	"SIGTERM and SIGINT stop it in order; SIGHUP reads the trust folder again. Exit codes: 0 done, 64 usage, "
	"65 the log is damaged, 69 another broker has the folder, 70 a fault of the program, 74 input or output (a "
	"port "
	"that is in use, too), 75 the disk is full, 78 configuration, keys or trust.";

static void
choose(struct arguments *arguments, enum action action, struct argp_state *state)
{
	if (arguments->action != ACTION_RUN && arguments->action != action)
		argp_error(
			state, "only one of --init, --check-config, --print-config and --verify can be done at once");
	arguments->action = action;
}

static void
add(const char **list, size_t *count, const char *text, struct argp_state *state)
{
	if (*count == ENDPOINTS_MAX)
		argp_error(state, "too many end points");
	list[(*count)++] = text;
}

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;
	struct init_options *init = &arguments->init;

	switch (key) {
	case 'c': arguments->config = arg; return 0;
	case OPTION_READY_FILE: arguments->ready_file = arg; return 0;
	case OPTION_CHECK: choose(arguments, ACTION_CHECK_CONFIG, state); return 0;
	case OPTION_PRINT: choose(arguments, ACTION_PRINT_CONFIG, state); return 0;
	case OPTION_VERIFY: choose(arguments, ACTION_VERIFY, state); return 0;
	case OPTION_INIT:
		choose(arguments, ACTION_INIT, state);
		init->dir = arg;
		return 0;
	case OPTION_ID: init->id = arg; return 0;
	case OPTION_LISTEN: add(arguments->listen, &init->listen_count, arg, state); return 0;
	case OPTION_ENDPOINT: add(arguments->endpoints, &init->endpoint_count, arg, state); return 0;
	case ARGP_KEY_ARG: argp_error(state, "\"%s\": liaisond takes options only", arg); return 0;
	case ARGP_KEY_END:
		if (arguments->action == ACTION_INIT && init->id == NULL)
			argp_error(state, "--init needs --id, as in --id kh.broker");
		if (arguments->action != ACTION_INIT &&
			(init->id != NULL || init->listen_count > 0 || init->endpoint_count > 0))
			argp_error(state, "--id, --listen and --endpoint go with --init");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- actions ------------------------------------------------------------------------------------------------------ */

static void
report_mistake(void *arg, const char *sentence)
{
	(void)arg;
	fprintf(stderr, "%s\n", sentence);
}

static int
fail(const struct fault *fault)
{
	fprintf(stderr, "liaisond: %s\n", fault->message);
	return err_exit_code(fault->code);
}

/* What config.h's two checks say; every mistake was told when this fails. */
static enum liaison_err
read_config(const struct arguments *arguments, bool check_place, struct config *config, struct fault *fault)
{
	const char *path = arguments->config;
	enum liaison_err err = broker_config_read(path, config, report_mistake, NULL, fault);

	if (err == LIAISON_OK && check_place) {
		err = broker_config_check_place(path, config, report_mistake, NULL, fault);
		if (err != LIAISON_OK)
			broker_config_clear(config);
	}
	return err;
}

static int
check_config(const struct arguments *arguments)
{
	const struct clock *clock = clock_system();
	struct config config;
	struct fault fault;

	enum liaison_err err = read_config(arguments, true, &config, &fault);
	if (err == LIAISON_OK) {
		err = broker_config_check_trust(
			arguments->config, &config, clock->now_ms(clock->arg), report_mistake, NULL, &fault);
		broker_config_clear(&config);
	}
	if (err == LIAISON_BAD_CONFIG) /* all was told */
		return EX_CONFIG;
	if (err != LIAISON_OK)
		return fail(&fault);
	printf("%s: in order\n", arguments->config);
	return EX_OK;
}

static int
print_config(const struct arguments *arguments)
{
	struct config config;
	struct fault fault;

	if (read_config(arguments, false, &config, &fault) != LIAISON_OK)
		return fail(&fault);
	broker_config_print(&config, stdout);
	broker_config_clear(&config);
	return EX_OK;
}

static int
verify(const struct arguments *arguments)
{
	struct config config;
	struct fault fault;

	if (read_config(arguments, false, &config, &fault) != LIAISON_OK)
		return fail(&fault);
	char *dir = path_join(config.data_dir, "log");
	enum liaison_err err = dir == NULL ? fault_set(&fault, LIAISON_NO_MEMORY, "out of memory")
					   : verify_log(disk_system(), dir, stdout, &fault);
	free(dir);
	broker_config_clear(&config);
	return err == LIAISON_OK ? EX_OK : fail(&fault);
}

static int
init(struct arguments *arguments)
{
	struct fault fault;
	const struct clock *clock = clock_system();

	arguments->init.listen = arguments->listen;
	arguments->init.endpoints = arguments->endpoints;
	arguments->init.now = clock->now_ms(clock->arg);
	return init_home(&arguments->init, stdout, &fault) == LIAISON_OK ? EX_OK : fail(&fault);
}

/* --- serving ------------------------------------------------------------------------------------------------------ */

struct serving {
	const struct config *config;
	const char *ready_file;
};

static void
on_ready(void *arg, const char *endpoint)
{
	const struct serving *serving = arg;
	char line[256], quoted[256];
	struct fault fault;

	(void)sd_notifyf(0, "READY=1\nSTATUS=%s at %s", serving->config->id, endpoint);
	snprintf(line, sizeof line, "%s\n", endpoint);
	if (serving->ready_file != NULL &&
		file_replace(serving->ready_file, line, strlen(line), 0600, &fault) != LIAISON_OK)
		note(NOTE_ERROR, "ready-file-failed", "message=%s", note_quote(fault.message, quoted));
}

static void
on_stopping(void *arg)
{
	(void)arg;
	(void)sd_notify(0, "STOPPING=1");
}

/* As many descriptors as the configuration needs; that the hard limit allows them was checked. */
static void
raise_descriptor_limit(const struct config *config)
{
	rlim_t wanted = (rlim_t)config->connections_max + CONFIG_DESCRIPTORS_RESERVED;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int
serve(const struct arguments *arguments)
{
	struct config config;
	struct fault fault;
	struct broker *broker = NULL;
	struct serving serving = {.config = &config, .ready_file = arguments->ready_file};
	struct broker_events events = {.on_ready = on_ready, .on_stopping = on_stopping, .arg = &serving};

	if (read_config(arguments, true, &config, &fault) != LIAISON_OK)
		return fail(&fault);
	note_set_level((enum note_level)config.log_level);
	raise_descriptor_limit(&config);
	enum liaison_err err = broker_new(&config, &broker, &fault);
	if (err == LIAISON_OK)
		err = broker_run(broker, &events, &fault);
	broker_free(broker);
	broker_config_clear(&config);
	return err == LIAISON_OK ? EX_OK : fail(&fault);
}

/* Secrets are in this process's memory: no core file, no other process that looks in, no file that others may read. */
static void
close_up(void)
{
	const struct rlimit none = {0, 0};

	umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__ /* its search for leaks looks in */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

int
main(int argc, char **argv)
{
	static const struct argp argp = {.options = options, .parser = read_option, .doc = about};
	struct arguments arguments = {.config = DEFAULT_CONFIG};
	int exit_code = EX_SOFTWARE;

	close_up();
	setenv("ARGP_HELP_FMT", "rmargin=100,no-dup-args-note", 0);
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	if (sodium_init() < 0) {
		fputs("liaisond: libsodium does not start\n", stderr);
		return EX_OSERR;
	}
	switch (arguments.action) {
	case ACTION_RUN: exit_code = serve(&arguments); break;
	case ACTION_INIT: exit_code = init(&arguments); break;
	case ACTION_CHECK_CONFIG: exit_code = check_config(&arguments); break;
	case ACTION_PRINT_CONFIG: exit_code = print_config(&arguments); break;
	case ACTION_VERIFY: exit_code = verify(&arguments); break;
	}
	if (fflush(stdout) != 0 && exit_code == EX_OK)
		exit_code = EX_IOERR;
	return exit_code;
}
