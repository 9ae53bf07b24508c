#include "agents/report.h"

#include "agents/line.h"
#include "agents/outbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum liaison_err
report_init(struct report *report, const struct app *app, struct trust *trust)
{
	*report = (struct report){.app = app, .first = SEQUENCE_MAX};
	return audience_init(&report->audience, trust);
}

void
report_clear(struct report *report)
{
	audience_clear(&report->audience);
	free(report->source);
	free(report->marks);
	free(report->jobs);
	*report = (struct report){0};
}

enum liaison_err
report_source(struct report *report, const char *name)
{
	char *copy = strdup(name);

	if (copy == NULL)
		return LIAISON_NO_MEMORY;
	free(report->source);
	report->source = copy;
	return LIAISON_OK;
}

enum liaison_err
report_job(struct report *report, int64_t job)
{
	if (job == 0)
		return LIAISON_OK;
	int64_t *more = realloc(report->jobs, (report->job_count + 1) * sizeof *more);
	if (more == NULL)
		return LIAISON_NO_MEMORY;
	report->jobs = more;
	report->jobs[report->job_count++] = job;
	return LIAISON_OK;
}

static bool
has_job(const struct report *report, int64_t job)
{
	for (size_t i = 0; i < report->job_count && job != 0; i++)
		if (report->jobs[i] == job)
			return true;
	return false;
}

static void
print_line(struct line *line, const struct report *report)
{
	struct fault fault;

	if (line_end(line, &fault) != LIAISON_OK)
		say_error(report->app, "%s", fault.message);
}

static void
line_refusal(struct line *line, enum liaison_err code, const char *message)
{
	line_open_object(line, "refusal");
	line_text(line, "code", err_name(code));
	line_text(line, "message", message);
	line_close_object(line);
}

/* --- what cannot be sent --------------------------------------------------------------------------------------------- */

int
report_bad(struct report *report, uint64_t number, bool is_unread, const struct fault *fault)
{
	const char *source = report->source != NULL ? report->source : "";
	struct line line;

	int exit_code = is_unread ? EX_DATAERR : err_refusal_exit(fault->code);
	report->bad++;
	report->exit_code = err_worse_exit(report->exit_code, exit_code);
	if (is_unread)
		say_error(report->app, "%s:%s", source, fault->message);
	else
		say_error(report->app, "%s:%" PRIu64 ": %s: %s", source, number, err_name(fault->code), fault->message);
	line_begin(&line, report->app);
	line_bool(&line, "accepted", false);
	line_text(&line, "file", source);
	line_number(&line, "line", number);
	line_refusal(&line, fault->code, fault->message);
	print_line(&line, report);
	return exit_code;
}

/* --- what was queued ------------------------------------------------------------------------------------------------- */

/* What is known of one alert of this run. Other programs of this home take numbers in between. */
enum { MARK_OURS = 1, MARK_TOLD = 2 };

enum liaison_err
report_queued(struct report *report, uint64_t sequence, size_t count)
{
	if (report->first == SEQUENCE_MAX)
		report->first = sequence;
	size_t needed = (size_t)(sequence - report->first) + count;
	if (needed > report->mark_count) {
		unsigned char *more = realloc(report->marks, needed * 2);
		if (more == NULL)
			return LIAISON_NO_MEMORY;
		memset(more + report->mark_count, 0, needed * 2 - report->mark_count);
		report->marks = more;
		report->mark_count = needed * 2;
	}
	memset(report->marks + (sequence - report->first), MARK_OURS, count);
	report->open += count;
	return LIAISON_OK;
}

/* NULL: a number that this run never had. */
static unsigned char *
mark_of(const struct report *report, uint64_t sequence)
{
	if (report->first == SEQUENCE_MAX || sequence < report->first || sequence - report->first >= report->mark_count)
		return NULL;
	return &report->marks[sequence - report->first];
}

static bool
is_ours(const struct report *report, uint64_t sequence, int64_t job)
{
	const unsigned char *mark = mark_of(report, sequence);
	return (mark != NULL && *mark != 0) || has_job(report, job);
}

/* Told for the first time; marks it. Those of an earlier run of the same file have no mark, and settle once. */
static bool
is_first_word(struct report *report, uint64_t sequence)
{
	unsigned char *mark = mark_of(report, sequence);

	if (mark == NULL || *mark == 0)
		return true;
	if ((*mark & MARK_TOLD) != 0)
		return false;
	*mark |= MARK_TOLD;
	return true;
}

/* "documents.jsonl:17: " where the alert came from a line of it. */
static const char *
place_text(const struct report *report, int64_t line, char out[512])
{
	out[0] = '\0';
	if (line > 0 && report->source != NULL)
		snprintf(out, 512, "%s:%" PRId64 ": ", report->source, line);
	return out;
}

static void
tell_accepted(struct report *report, const struct settled *settled)
{
	const Liaison__Checkpoint *checkpoint = settled->checkpoint;
	char who[AUDIENCE_TEXT_BYTES];
	struct line line;

	report->accepted++;
	if (report->accepted == 1 && report->open == 0 && report->bad == 0 && report->has_audience)
		say_result(report->app, "%s accepted by %s at index %" PRIu64 "; seen by %s", settled->id,
			settled->broker, settled->index, audience_text(&report->audience, who));
	else if (report->accepted <= REPORT_LINES_MAX)
		say_result(report->app, "%s accepted by %s at index %" PRIu64, settled->id, settled->broker,
			settled->index);
	line_begin(&line, report->app);
	line_text(&line, "id", settled->id);
	line_bool(&line, "accepted", true);
	line_text(&line, "broker", settled->broker);
	if (checkpoint != NULL)
		line_bytes(&line, "epoch", checkpoint->epoch.data, checkpoint->epoch.len);
	line_number(&line, "index", settled->index);
	if (checkpoint != NULL) {
		line_number(&line, "treeSize", checkpoint->size);
		line_bytes(&line, "rootHash", checkpoint->root.data, checkpoint->root.len);
	}
	print_line(&line, report);
}

static void
tell_refused(struct report *report, const struct settled *settled)
{
	char place[512];
	struct line line;

	report->refused++;
	report->exit_code = err_worse_exit(report->exit_code, err_refusal_exit(settled->code));
	say_error(report->app, "%s%s refused: %s: %s", place_text(report, settled->line, place), settled->id,
		err_name(settled->code), settled->message);
	line_begin(&line, report->app);
	line_text(&line, "id", settled->id);
	line_bool(&line, "accepted", false);
	if (settled->line > 0)
		line_number(&line, "line", (uint64_t)settled->line);
	line_refusal(&line, settled->code, settled->message);
	print_line(&line, report);
}

void
report_settled(void *arg, const struct settled *settled)
{
	struct report *report = arg;

	if (!settled->is_final) {
		report->deferred++;
		snprintf(report->last_reason, sizeof report->last_reason, "%s: %s%s", err_name(settled->code),
			settled->message,
			settled->code == LIAISON_CLOCK_AHEAD
				? "; then take the alert back by `liaison outbox drop` and publish it again"
				: "");
		say_detail(report->app, "%s: not now: %s", settled->id, report->last_reason);
		return;
	}
	if (!is_ours(report, settled->sequence, settled->job)) {
		report->others++;
		say_detail(report->app, "%s, which waited in the outbox, was %s%s", settled->id,
			settled->is_accepted ? "accepted" : "refused: ", settled->is_accepted ? "" : settled->message);
		return;
	}
	if (!is_first_word(report, settled->sequence))
		return;
	if (report->open > 0)
		report->open--;
	if (settled->is_accepted)
		tell_accepted(report, settled);
	else
		tell_refused(report, settled);
}

/* --- what waits ------------------------------------------------------------------------------------------------------ */

struct rest {
	struct report *report;
	const struct office_id *office;
	bool is_over;
};

static void
tell_waiting(struct report *report, const char *id)
{
	struct line line;

	line_begin(&line, report->app);
	line_text(&line, "id", id);
	line_bool(&line, "queued", true);
	print_line(&line, report);
	if (report->open <= REPORT_LINES_MAX)
		say_result(report->app, "%s waits in the outbox", id);
}

static enum liaison_err
look_at_row(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct rest *rest = arg;
	struct report *report = rest->report;
	struct settled settled = {.sequence = row->sequence, .job = row->job, .line = row->line, .is_final = true};
	char text[ALERT_ID_BYTES];

	(void)fault;
	if (!is_ours(report, row->sequence, row->job))
		return LIAISON_OK;
	alert_id_format(&(struct alert_id){.office = *rest->office, .sequence = row->sequence}, text);
	settled.id = text;
	switch (row->state) {
	case OUTBOX_QUEUED:
		if (rest->is_over)
			tell_waiting(report, text);
		return LIAISON_OK;
	case OUTBOX_ACCEPTED:
		settled.is_accepted = true;
		settled.broker = row->broker;
		settled.index = row->index;
		break;
	case OUTBOX_REFUSED:
		settled.code = row->code;
		settled.message = row->message;
		break;
	case OUTBOX_DROPPED:
		settled.code = LIAISON_NOT_FOUND;
		settled.message = "it was taken out of the outbox by `liaison outbox drop`";
		break;
	}
	if (mark_of(report, row->sequence) != NULL) /* what an earlier run of the file settled, that one told */
		report_settled(report, &settled);
	return LIAISON_OK;
}

enum liaison_err
report_rest(struct report *report, struct post *post, const struct office_id *office, bool is_over, struct fault *fault)
{
	struct rest rest = {report, office, is_over};

	if (report->open == 0)
		return LIAISON_OK;
	return outbox_each(post, report->job_count != 0 ? 0 : report->first, ~0U, look_at_row, &rest, fault);
}

int
report_end(struct report *report, const struct fault *why)
{
	char who[AUDIENCE_TEXT_BYTES], waiting[64];

	if (report->accepted + report->refused + report->bad + report->open > 1)
		say_result(report->app,
			"%" PRIu64 " accepted, %" PRIu64 " refused, %" PRIu64 " waiting in the outbox%s%s",
			report->accepted, report->refused + report->bad, report->open,
			report->has_audience ? "; seen by " : "",
			report->has_audience ? audience_text(&report->audience, who) : "");
	if (report->others > 0)
		say_note(report->app, "%s of other runs, which waited in the outbox, %s settled, too",
			text_count((size_t)report->others, "alert", "alerts", waiting),
			report->others == 1 ? "was" : "were");
	if (report->open > 0) {
		report->exit_code = err_worse_exit(report->exit_code, EX_TEMPFAIL);
		say_note(report->app,
			"%s in the outbox, to be sent by the next `liaison publish` or `liaison outbox retry`: %s",
			text_count((size_t)report->open, "alert waits", "alerts wait", waiting),
			report->last_reason[0] != '\0' ? report->last_reason : why->message);
	}
	return report->exit_code;
}
