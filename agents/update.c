/* `liaison update`: the whole new content of an alert; who no longer may see it hears that it was replaced. */
#include "agents/commands.h"
#include "agents/follow_up.h"
#include "agents/intake.h"
#include "proto/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

struct update_options {
	const char *id, *file;
	int wait_seconds;
};

static const struct argp_option options[] = {
	{"wait", 'w', "SECONDS", 0, "How long to wait for the receipts (30); 0: leave it to the outbox", 0},
	{0},
};

static error_t
read_option(int key, char *arg, struct argp_state *state)
{
	struct update_options *chosen = state->input;

	switch (key) {
	case 'w': chosen->wait_seconds = follow_up_wait(state, arg); return 0;
	case ARGP_KEY_ARG:
		if (chosen->id == NULL)
			chosen->id = arg;
		else if (chosen->file == NULL)
			chosen->file = arg;
		else
			argp_error(state, "one alert and one file");
		return 0;
	case ARGP_KEY_END:
		if (chosen->id == NULL)
			argp_error(state, "name the alert and the file with its new content");
		if (chosen->file == NULL)
			chosen->file = "-";
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = read_option,
	.args_doc = "ID [FILE|-]",
	.doc = "Replace an alert's content by what FILE says, whole, in the form that publish takes. It is released by "
	       "its own "
	       "handling alone; offices that the original addressed and this one does not get the notice "
	       "SUPERSEDED.\vExamples:\n"
	       "  liaison update kh.blo.poipet/42 route-corrected.json",
};

static enum liaison_err
set_reference(Liaison__Alert *alert, const char *id, struct fault *fault)
{
	if (alert->n_references != 0 || alert->id != NULL || alert->has_salt || alert->has_sent)
		return fault_set(
			fault, LIAISON_MALFORMED, "leave out id, salt, sent and references; the agent fills them");
	if (alert->has_message && alert->message != LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE)
		return fault_set(fault, LIAISON_MALFORMED, "message: leave it out; what update sends is an UPDATE");
	alert->references = calloc(1, sizeof *alert->references);
	if (alert->references == NULL || (alert->references[0] = strdup(id)) == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	alert->n_references = 1;
	alert->has_message = 1;
	alert->message = LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_UPDATE;
	return LIAISON_OK;
}

/* The file's one object as a message. *is_unread: exit 65, whatever the code. */
static enum liaison_err
read_file(const char *path, const char *id, Liaison__Alert **out, bool *is_unread, struct fault *fault)
{
	struct intake *intake = NULL;
	ProtobufCMessage *message = NULL;
	const char *text = NULL;
	size_t len = 0;
	uint64_t line = 0;
	struct fault why;

	enum liaison_err err = intake_open(path, &intake, fault);
	if (err != LIAISON_OK)
		return err;
	switch (intake_next(intake, &text, &len, &line, &why)) {
	case INTAKE_TEXT:
		*is_unread = true;
		err = json_to_message(&liaison__alert__descriptor, text, len, line, &message, &why);
		if (err == LIAISON_OK)
			err = set_reference((Liaison__Alert *)message, id, &why);
		if (err != LIAISON_OK)
			fault_set(fault, err, "%s:%s", intake_name(intake), why.message);
		else
			*is_unread = false;
		break;
	case INTAKE_END: err = fault_set(fault, LIAISON_MALFORMED, "%s holds no alert", intake_name(intake)); break;
	case INTAKE_BAD: *is_unread = true; /* fall through */
	case INTAKE_FAILED: err = fault_set(fault, why.code, "%s: %s", intake_name(intake), why.message); break;
	}
	if (err == LIAISON_OK && intake_next(intake, &text, &len, &line, &why) != INTAKE_END)
		err = fault_set(fault, LIAISON_BAD_USAGE, "%s holds more than one alert; an update takes one",
			intake_name(intake));
	if (err != LIAISON_OK && message != NULL)
		protobuf_c_message_free_unpacked(message, NULL);
	else
		*out = (Liaison__Alert *)message;
	intake_close(intake);
	return err;
}

/* The UPDATE, and the notice for those who drop out. */
static enum liaison_err
compose(struct follow_up *follow_up, Liaison__Alert *alert, struct draft drafts[2], size_t *count, struct fault *fault)
{
	char warning[LIAISON_FAULT_BYTES];

	assert(alert != NULL); /* read_file's, on success */
	if (!alert->has_status && follow_up->original.is_held) {
		alert->has_status = 1;
		alert->status = follow_up->original.kept.admitted.facts->status;
	}
	enum liaison_err err = compose_message(&follow_up->agent, alert, &drafts[0], warning, fault);
	if (err == LIAISON_OK) {
		*count = 1;
		if (warning[0] != '\0')
			say_warning(follow_up->report.app, "%s", warning);
		err = original_admit(&follow_up->agent, &follow_up->original, &drafts[0].admitted, fault);
	}
	if (err == LIAISON_OK &&
		original_drops_addressees(&follow_up->agent, &follow_up->original, drafts[0].admitted.facts)) {
		err = follow_up_notice(follow_up, LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_SUPERSEDED,
			LIAISON__NOTICE_REASON__NOTICE_REASON_REPLACED, &drafts[1], fault);
		*count += err == LIAISON_OK;
		if (err == LIAISON_OK)
			say_note(follow_up->report.app,
				"the offices that it no longer addresses get the notice SUPERSEDED");
	}
	return err;
}

int
command_update(struct app *app, int argc, char **argv)
{
	struct update_options chosen = {.wait_seconds = -1};
	struct follow_up follow_up = {0};
	struct draft drafts[2] = {0};
	Liaison__Alert *alert = NULL;
	size_t count = 0;
	bool is_unread = false;
	struct fault fault;

	command_parse(app, &argp, argc, argv, &chosen);
	enum liaison_err err = follow_up_open(&follow_up, app, chosen.id, chosen.wait_seconds, &fault);
	if (err == LIAISON_OK)
		err = read_file(chosen.file, follow_up.original.text, &alert, &is_unread, &fault);
	if (err == LIAISON_OK)
		err = compose(&follow_up, alert, drafts, &count, &fault);
	int exit_code = 0;
	if (err != LIAISON_OK) {
		(void)say_fault(app, &fault);
		exit_code = is_unread ? EX_DATAERR : err_refusal_exit(err);
		for (size_t i = 0; i < count; i++)
			draft_clear(&drafts[i]);
	} else {
		exit_code = follow_up_send(&follow_up, drafts, count);
	}
	follow_up_clear(&follow_up);
	return exit_code;
}
