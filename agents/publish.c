/* `liaison publish`: files of alerts, checked, signed, put into the outbox, sent. */
#include "agents/commands.h"
#include "agents/load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define SPOOL_BYTES_MAX (UINT64_C(4) << 30) /* of standard input, for --all-or-nothing */

struct publish_options {
	const char *files[LOAD_FILES_MAX];
	size_t file_count;
	int wait_seconds; /* -1: what office.conf says */
	bool is_dry_run;
	bool is_all_or_nothing;
	bool is_restart;
};

enum { OPTION_DRY_RUN = 256, OPTION_ALL_OR_NOTHING, OPTION_RESTART, OPTION_FORMAT, OPTION_ATTACH };

static const struct argp_option options[] = {
	{"wait", 'w', "SECONDS", 0, "How long to wait for the receipts (30); 0: leave it to the outbox", 0},
	{"dry-run", OPTION_DRY_RUN, NULL, 0, "Check, and say who would see it; send and store nothing", 0},
	{"all-or-nothing", OPTION_ALL_OR_NOTHING, NULL, 0, "Send nothing unless every alert is valid", 0},
	{"restart", OPTION_RESTART, NULL, 0,
		"Take a file in from its beginning, as new alerts, that was taken in before", 0},
	{"format", OPTION_FORMAT, "json|cap", 0, "What the files hold; this version takes json", 0},
	{"attach", OPTION_ATTACH, "FILE", 0, "Attach a file; not in this version yet", 0},
	{0},
};

static void
read_number(struct argp_state *state, const char *arg, int *out)
{
	char *end = NULL;
	long value = strtol(arg, &end, 10);

	if (end == arg || *end != '\0' || value < 0 || value > 86400)
		argp_error(state, "--wait takes seconds from 0 to 86400, not `%s`", arg);
	*out = (int)value;
}

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct publish_options *chosen = state->input;

	switch (key) {
	case 'w': read_number(state, arg, &chosen->wait_seconds); return 0;
	case OPTION_DRY_RUN: chosen->is_dry_run = true; return 0;
	case OPTION_ALL_OR_NOTHING: chosen->is_all_or_nothing = true; return 0;
	case OPTION_RESTART: chosen->is_restart = true; return 0;
	case OPTION_FORMAT:
		if (strcmp(arg, "cap") == 0)
			argp_failure(
				state, EX_NOPERM, 0, "this version does not read CAP yet; write the alert in JSON");
		else if (strcmp(arg, "json") != 0)
			argp_error(state, "--format is json or cap, not `%s`", arg);
		return 0;
	case OPTION_ATTACH: argp_failure(state, EX_NOPERM, 0, "this version does not send attachments yet"); return 0;
	case ARGP_KEY_ARG:
		if (chosen->file_count == LOAD_FILES_MAX)
			argp_error(state, "at most %d files at a time", LOAD_FILES_MAX);
		chosen->files[chosen->file_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->file_count == 0)
			chosen->files[chosen->file_count++] = "-";
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "[FILE...|-]",
	.doc = "Check, sign and send alerts, and wait for the broker's receipts. A file holds one JSON object, or one "
	       "on each "
	       "line; without a file, or with -, they come from standard input. What cannot be sent now stays in the "
	       "outbox."
	       "\vExamples:\n"
	       "  liaison publish route.json\n"
	       "  liaison publish --dry-run route.json        # who would see it?\n"
	       "  liaison publish documents.jsonl             # a million lines; again after a stop\n"
	       "  liaison convert --from csv --map legs.conf legs.csv | liaison publish -",
};

/*
 * Standard input can be read once; --all-or-nothing reads it twice. From here on it is a nameless file that holds what
 * came.
 */
static enum liaison_err
spool_input(const char *home, int stop_fd, struct fault *fault)
{
	struct pollfd items[] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = stop_fd, .events = POLLIN}};
	char bytes[65536];
	uint64_t total = 0;
	enum liaison_err err = LIAISON_OK;

	int fd = open(home, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault_errno(fault, LIAISON_IO, errno, "cannot keep standard input in %s", home);
	for (;;) {
		if (poll(items, 2, -1) > 0 && items[1].revents != 0)
			break;
		ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			err = got < 0 ? fault_errno(fault, LIAISON_IO, errno, "cannot read standard input")
				      : LIAISON_OK;
			break;
		}
		total += (uint64_t)got;
		if (total > SPOOL_BYTES_MAX || write(fd, bytes, (size_t)got) != got) {
			err = fault_errno(fault, LIAISON_IO, errno, "standard input could not be kept in %s", home);
			break;
		}
	}
	if (err == LIAISON_OK && (lseek(fd, 0, SEEK_SET) != 0 || dup2(fd, STDIN_FILENO) < 0))
		err = fault_errno(fault, LIAISON_IO, errno, "standard input could not be kept in %s", home);
	close(fd);
	return err;
}

/* All sources, without sending. LIAISON_MALFORMED: some alert is not valid; it was told. */
static enum liaison_err
look_at_all(struct load *load, const struct publish_options *chosen, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	for (size_t i = 0; err == LIAISON_OK && i < chosen->file_count; i++) {
		bool is_stdin = strcmp(chosen->files[i], "-") == 0;
		if (is_stdin && !chosen->is_dry_run)
			err = spool_input(load->agent->home->path, load->signals->fd, fault);
		if (err == LIAISON_OK && !load_is_told_to_end(load))
			err = load_look(load, chosen->files[i], fault);
		if (err == LIAISON_OK && is_stdin && !chosen->is_dry_run && lseek(STDIN_FILENO, 0, SEEK_SET) != 0)
			err = fault_errno(fault, LIAISON_IO, errno, "standard input cannot be read twice");
	}
	return err;
}

static enum liaison_err
run(struct load *load, const struct publish_options *chosen, struct fault *fault)
{
	struct report *report = load->report;
	enum liaison_err err = LIAISON_OK;

	if (chosen->is_dry_run || chosen->is_all_or_nothing)
		err = look_at_all(load, chosen, fault);
	if (err == LIAISON_OK && load_is_told_to_end(load)) {
		report->exit_code = err_worse_exit(report->exit_code, EX_TEMPFAIL);
		say_error(load->agent->app, "told to end; nothing was sent");
		return LIAISON_OK;
	}
	if (err != LIAISON_OK || chosen->is_dry_run)
		return err;
	if (report->bad > 0) {
		say_error(load->agent->app,
			"nothing was sent: %" PRIu64 " of the alerts are not valid (--all-or-nothing)", report->bad);
		return LIAISON_OK;
	}
	for (size_t i = 0; i < chosen->file_count && !load_is_told_to_end(load); i++) {
		/* A file that cannot be read does not keep the others back. */
		if (load_file(load, chosen->files[i], fault) != LIAISON_OK)
			report->exit_code = err_worse_exit(report->exit_code, say_fault(report->app, fault));
	}
	return load_send(load, fault);
}

int
command_publish(struct app *app, int argc, char **argv)
{
	struct publish_options chosen = {.wait_seconds = -1};
	struct agent agent = {0};
	struct report report = {0};
	struct signals signals = {.fd = -1};
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	struct load *load = calloc(1, sizeof *load);
	enum liaison_err err = load == NULL ? fault_set(&fault, LIAISON_NO_MEMORY, "out of memory")
					    : agent_open(app, AGENT_ALL, &agent, &fault);
	if (err != LIAISON_OK) {
		free(load);
		return say_fault(app, &fault);
	}
	load->agent = &agent;
	load->report = &report;
	load->signals = &signals;
	load->is_restart = chosen.is_restart;
	load->is_told = chosen.is_dry_run;
	load->wait_ms = (chosen.wait_seconds >= 0 ? chosen.wait_seconds : agent.home->wait_seconds) * MS_PER_SECOND;
	agent.refresh_ms = chosen.is_dry_run ? 0 : load->wait_ms < AGENT_REFRESH_MS ? load->wait_ms : AGENT_REFRESH_MS;
	err = report_init(&report, app, agent.trust);
	if (err != LIAISON_OK)
		fault_set(&fault, err, "out of memory");
	else
		err = load_init(load, &fault);
	if (err == LIAISON_OK)
		err = signals_open(&signals, &fault);
	agent.stop_fd = signals.fd;
	signal(SIGPIPE, SIG_DFL); /* who reads the results no further ends this, as with any filter */
	if (err == LIAISON_OK)
		err = run(load, &chosen, &fault);
	int exit_code = err == LIAISON_OK ? 0 : say_fault(app, &fault);
	exit_code = err_worse_exit(exit_code, chosen.is_dry_run ? report.exit_code : report_end(&report, &load->away));
	load_clear(load);
	free(load);
	report_clear(&report);
	agent_close(&agent);
	signals_close(&signals);
	return exit_code;
}
