#include "agents/follow_up.h"

#include <argp.h>
#include <stdlib.h>
#include <string.h>

enum liaison_err
follow_up_open(
	struct follow_up *follow_up, const struct app *app, const char *id, int wait_seconds, struct fault *fault)
{
	struct agent *agent = &follow_up->agent;

	enum liaison_err err = agent_open(app, AGENT_ALL, agent, fault);
	if (err != LIAISON_OK)
		return err;
	follow_up->load = calloc(1, sizeof *follow_up->load);
	if (follow_up->load == NULL || report_init(&follow_up->report, app, agent->trust) != LIAISON_OK)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	follow_up->load->agent = agent;
	follow_up->load->report = &follow_up->report;
	follow_up->load->wait_ms = (wait_seconds >= 0 ? wait_seconds : agent->home->wait_seconds) * MS_PER_SECOND;
	agent->refresh_ms = follow_up->load->wait_ms < AGENT_REFRESH_MS ? follow_up->load->wait_ms : AGENT_REFRESH_MS;
	err = load_init(follow_up->load, fault);
	return err == LIAISON_OK && id != NULL ? original_find(agent, id, &follow_up->original, fault) : err;
}

void
follow_up_clear(struct follow_up *follow_up)
{
	if (follow_up->load != NULL)
		load_clear(follow_up->load);
	free(follow_up->load);
	original_clear(&follow_up->original);
	report_clear(&follow_up->report);
	agent_close(&follow_up->agent);
}

/* A message with the reference set and the original's status; NULL without memory. */
static Liaison__Alert *
new_message(const struct original *original, Liaison__MessageType message)
{
	Liaison__Alert *alert = malloc(sizeof *alert);

	if (alert == NULL)
		return NULL;
	liaison__alert__init(alert);
	alert->references = calloc(1, sizeof *alert->references);
	if (alert->references == NULL || (alert->references[0] = strdup(original->text)) == NULL) {
		liaison__alert__free_unpacked(alert, NULL);
		return NULL;
	}
	alert->n_references = 1;
	alert->has_message = 1;
	alert->message = message;
	if (original->is_held) {
		alert->has_status = 1;
		alert->status = original->kept.admitted.facts->status;
	}
	return alert;
}

enum liaison_err
follow_up_notice(struct follow_up *follow_up, Liaison__MessageType message, Liaison__NoticeReason reason,
	struct draft *out, struct fault *fault)
{
	char warning[LIAISON_FAULT_BYTES];

	Liaison__Alert *alert = new_message(&follow_up->original, message);
	if (alert == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	alert->has_reason = 1;
	alert->reason = reason;
	enum liaison_err err = compose_message(&follow_up->agent, alert, out, warning, fault);
	if (err != LIAISON_OK)
		return err;
	err = original_admit(&follow_up->agent, &follow_up->original, &out->admitted, fault);
	if (err != LIAISON_OK)
		draft_clear(out);
	return err;
}

int
follow_up_send(struct follow_up *follow_up, struct draft *drafts, size_t count)
{
	struct report *report = &follow_up->report;
	struct fault fault;

	enum liaison_err err = load_drafts(follow_up->load, drafts, count, &fault);
	if (err == LIAISON_OK)
		err = load_send(follow_up->load, &fault);
	int exit_code = err == LIAISON_OK ? 0 : say_fault(report->app, &fault);
	return err_worse_exit(exit_code, report_end(report, &follow_up->load->away));
}

int
follow_up_wait(struct argp_state *state, const char *arg)
{
	char *end = NULL;
	long value = strtol(arg, &end, 10);

	if (end == arg || *end != '\0' || value < 0 || value > 86400)
		argp_error(state, "--wait takes seconds from 0 to 86400, not `%s`", arg);
	return (int)value;
}
