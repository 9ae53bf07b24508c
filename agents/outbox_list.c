/* `liaison outbox`: what has not been accepted yet, and why; sending it again; taking it back. */
#include "agents/codes_arg.h"
#include "agents/commands.h"
#include "agents/follow_up.h"
#include "agents/line.h"
#include "agents/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define IDS_MAX 1024

struct outbox_options {
	const char *ids[IDS_MAX];
	size_t id_count;
	bool is_all;
	int wait_seconds;
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct outbox_options *chosen = state->input;

	switch (key) {
	case 'a': chosen->is_all = true; return 0;
	case 'w': chosen->wait_seconds = follow_up_wait(state, arg); return 0;
	case ARGP_KEY_ARG:
		if (chosen->id_count == IDS_MAX)
			argp_error(state, "at most %d alerts at a time", IDS_MAX);
		chosen->ids[chosen->id_count++] = arg;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* "kh.blo.poipet/42", or the number alone. LIAISON_BAD_USAGE. */
static enum liaison_err
own_sequence(const struct agent *agent, const char *text, uint64_t *sequence, struct fault *fault)
{
	struct alert_id id;
	char full[OFFICE_ID_BYTES + 32];
	struct fault why;

	snprintf(full, sizeof full, "%s/%.24s", agent->home->office.text, text);
	if (alert_id_parse(strchr(text, '/') != NULL ? text : full, &id, &why) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_USAGE, "%s", why.message);
	if (!office_id_equal(&id.office, &agent->home->office))
		return fault_set(fault, LIAISON_BAD_USAGE, "%s is not an alert of this office, %s", text,
			agent->home->office.text);
	*sequence = id.sequence;
	return LIAISON_OK;
}

/* --- ls -------------------------------------------------------------------------------------------------------------- */

static const struct argp_option ls_options[] = {
	{"all", 'a', NULL, 0, "Those that were accepted or dropped, too", 0},
	{0},
};

static const struct argp ls_argp = {
	.options = ls_options,
	.parser = read_option,
	.doc = "List what has not been accepted yet, and why.\vExamples:\n"
	       "  liaison outbox ls\n"
	       "  liaison outbox ls --json",
};

struct listing {
	struct agent *agent;
	struct table *table;
	size_t rows;
};

static const char *
state_text(enum outbox_state state)
{
	switch (state) {
	case OUTBOX_QUEUED: return "queued";
	case OUTBOX_REFUSED: return "refused";
	case OUTBOX_ACCEPTED: return "accepted";
	case OUTBOX_DROPPED: return "dropped";
	}
	return "?";
}

static enum liaison_err
list_row(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct listing *listing = arg;
	char id[ALERT_ID_BYTES], queued[RFC3339_BYTES], why[LIAISON_FAULT_BYTES + 40] = "";
	struct line line;

	listing->rows++;
	alert_id_format(&(struct alert_id){.office = listing->agent->home->office, .sequence = row->sequence}, id);
	time_format(row->queued_at, queued);
	if (row->code != LIAISON_OK)
		snprintf(why, sizeof why, "%s: %s", err_name(row->code), row->message);
	else if (row->state == OUTBOX_QUEUED)
		snprintf(why, sizeof why, "not answered yet");
	else if (row->state == OUTBOX_ACCEPTED)
		snprintf(why, sizeof why, "by %s at index %" PRIu64, row->broker, row->index);
	table_row(listing->table, (const char *const[]){id, state_text(row->state), queued, why});
	line_begin(&line, listing->agent->app);
	line_text(&line, "id", id);
	line_text(&line, "state", state_text(row->state));
	line_text(&line, "queuedAt", queued);
	if (row->code != LIAISON_OK) {
		line_open_object(&line, "refusal");
		line_text(&line, "code", err_name(row->code));
		line_text(&line, "message", row->message);
		line_close_object(&line);
	}
	if (row->state == OUTBOX_ACCEPTED) {
		line_text(&line, "broker", row->broker);
		line_bytes(&line, "epoch", row->epoch, sizeof row->epoch);
		line_number(&line, "index", row->index);
	}
	if (row->line > 0)
		line_number(&line, "line", (uint64_t)row->line);
	return line_end(&line, fault);
}

static int
outbox_ls(struct app *app, int argc, char **argv)
{
	static const char *const columns[] = {"ALERT", "STATE", "SINCE", "WHY", NULL};
	struct outbox_options chosen = {0};
	struct agent agent = {0};
	struct fault fault;

	command_parse(app, &ls_argp, argc, argv, &chosen);
	enum liaison_err err = agent_open(app, AGENT_POST, &agent, &fault);
	if (err == LIAISON_OK) {
		struct listing listing = {.agent = &agent, .table = table_new(app, columns)};
		unsigned states = chosen.is_all ? ~0U : OUTBOX_BIT(OUTBOX_QUEUED) | OUTBOX_BIT(OUTBOX_REFUSED);
		err = outbox_each(agent.post, 0, states, list_row, &listing, &fault);
		table_end(listing.table);
		if (err == LIAISON_OK && listing.rows == 0)
			say_note(app,
				chosen.is_all ? "nothing was published yet" : "nothing waits, nothing was refused");
	}
	agent_close(&agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- retry ----------------------------------------------------------------------------------------------------------- */

static const struct argp_option retry_options[] = {
	{"wait", 'w', "SECONDS", 0, "How long to wait for the receipts (30)", 0},
	{0},
};

static const struct argp retry_argp = {
	.options = retry_options,
	.parser = read_option,
	.args_doc = "[ID...]",
	.doc = "Send everything that waits. An alert that was refused for good is sent once more only if it is "
	       "named.\vExamples:\n"
	       "  liaison outbox retry\n"
	       "  liaison outbox retry kh.blo.poipet/42     # after the roster was changed",
};

static enum liaison_err
requeue_all(struct agent *agent, const struct outbox_options *chosen, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;
	uint64_t sequence = 0;

	for (size_t i = 0; i < chosen->id_count && err == LIAISON_OK; i++) {
		err = own_sequence(agent, chosen->ids[i], &sequence, fault);
		if (err == LIAISON_OK)
			err = outbox_requeue(agent->post, sequence, fault);
	}
	return err;
}

/* All that waits counts as this run's. */
static enum liaison_err
count_row(void *arg, const struct outbox_row *row, struct fault *fault)
{
	if (report_queued(arg, row->sequence, 1) != LIAISON_OK)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	return LIAISON_OK;
}

static enum liaison_err
retry(struct follow_up *run, const struct outbox_options *chosen, struct fault *fault)
{
	enum liaison_err err = requeue_all(&run->agent, chosen, fault);

	if (err == LIAISON_OK)
		err = outbox_each(run->agent.post, 0, OUTBOX_BIT(OUTBOX_QUEUED), count_row, &run->report, fault);
	if (err == LIAISON_OK && run->report.open == 0)
		say_note(run->report.app, "nothing waits in the outbox");
	return err == LIAISON_OK ? load_send(run->load, fault) : err;
}

static int
outbox_retry(struct app *app, int argc, char **argv)
{
	struct outbox_options chosen = {.wait_seconds = -1};
	struct follow_up run = {0};
	struct fault fault;

	command_parse(app, &retry_argp, argc, argv, &chosen);
	enum liaison_err err = follow_up_open(&run, app, NULL, chosen.wait_seconds, &fault);
	if (err == LIAISON_OK)
		err = retry(&run, &chosen, &fault);
	int exit_code = err == LIAISON_OK ? 0 : say_fault(app, &fault);
	if (run.load != NULL)
		exit_code = err_worse_exit(exit_code, report_end(&run.report, &run.load->away));
	follow_up_clear(&run);
	return exit_code;
}

/* --- drop ------------------------------------------------------------------------------------------------------------ */

static const struct argp_option drop_options[] = {
	{"all", 'a', NULL, 0, "Everything that waits or was refused", 0},
	{0},
};

static const struct argp drop_argp = {
	.options = drop_options,
	.parser = read_option,
	.args_doc = "ID...",
	.doc = "Take alerts out of the outbox that wait or were refused. If one was sent and only its receipt is "
	       "missing, the "
	       "broker has it all the same: `liaison cancel` is for that.\vExamples:\n"
	       "  liaison outbox drop kh.blo.poipet/42\n"
	       "  liaison outbox drop --all",
};

struct numbers {
	uint64_t *list;
	size_t count;
};

static enum liaison_err
note_number(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct numbers *numbers = arg;

	if ((numbers->count & (numbers->count - 1)) == 0) {
		size_t room = numbers->count > 0 ? 2 * numbers->count : 1;
		uint64_t *more = realloc(numbers->list, room * sizeof *more);
		if (more == NULL)
			return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
		numbers->list = more;
	}
	numbers->list[numbers->count++] = row->sequence;
	return LIAISON_OK;
}

static enum liaison_err
find_dropped(struct agent *agent, const struct outbox_options *chosen, struct numbers *numbers, struct fault *fault)
{
	enum liaison_err err = LIAISON_OK;

	if (chosen->is_all)
		return outbox_each(agent->post, 0, OUTBOX_BIT(OUTBOX_QUEUED) | OUTBOX_BIT(OUTBOX_REFUSED), note_number,
			numbers, fault);
	for (size_t i = 0; i < chosen->id_count && err == LIAISON_OK; i++) {
		struct outbox_row row = {0};
		err = own_sequence(agent, chosen->ids[i], &row.sequence, fault);
		if (err == LIAISON_OK)
			err = note_number(numbers, &row, fault);
	}
	return err;
}

static enum liaison_err
drop(struct agent *agent, const struct numbers *numbers, struct fault *fault)
{
	char text[64];

	enum liaison_err err = post_begin(agent->post, fault);
	for (size_t i = 0; i < numbers->count && err == LIAISON_OK; i++)
		err = outbox_drop(agent->post, numbers->list[i], app_now(agent->app), fault);
	if (err == LIAISON_OK)
		err = post_commit(agent->post, fault);
	if (err != LIAISON_OK) {
		post_rollback(agent->post);
		return err;
	}
	say_result(agent->app, "%s taken out of the outbox", text_count(numbers->count, "alert", "alerts", text));
	return LIAISON_OK;
}

static int
outbox_drop_command(struct app *app, int argc, char **argv)
{
	struct outbox_options chosen = {0};
	struct numbers numbers = {0};
	struct agent agent = {0};
	struct fault fault;

	command_parse(app, &drop_argp, argc, argv, &chosen);
	enum liaison_err err = chosen.id_count == 0 && !chosen.is_all
				       ? fault_set(&fault, LIAISON_BAD_USAGE, "name the alerts, or say --all")
				       : agent_open(app, AGENT_POST, &agent, &fault);
	if (err == LIAISON_OK)
		err = find_dropped(&agent, &chosen, &numbers, &fault);
	if (err == LIAISON_OK)
		err = drop(&agent, &numbers, &fault);
	free(numbers.list);
	agent_close(&agent);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

static const struct command menu[] = {
	{"ls", "what has not been accepted yet, and why", outbox_ls},
	{"retry", "send it again", outbox_retry},
	{"drop", "take it back", outbox_drop_command},
	{NULL, NULL, NULL},
};

int
command_outbox(struct app *app, int argc, char **argv)
{
	return command_choose(app, menu, "What has not been accepted yet.", argc, argv);
}
