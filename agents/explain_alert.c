#include "agents/explain_alert.h"

#include "agents/agent.h"
#include "agents/inbox.h"
#include "agents/kept.h"
#include "agents/line.h"
#include "agents/outbox.h"
#include "agents/own_end.h"
#include "agents/say.h"
#include "proto/base/suggest.h"
#include "proto/release.h"

#include <string.h>
#include <sysexits.h>

#define EXIT_NEGATIVE 1

struct explaining {
	struct app *app;
	struct agent agent;
	const char *id;
	struct kept kept; /* the alert */
	bool has_kept;
	struct alert_state state;
	struct line line;
};

/* --- finding it ------------------------------------------------------------------------------------------------------ */

static enum liaison_err
take_received(void *arg, const struct inbox_row *row, struct fault *fault)
{
	struct explaining *explaining = arg;

	explaining->state = (struct alert_state){.is_cancelled = row->state == INBOX_CANCELLED,
		.is_restricted = row->state == INBOX_REDACTED,
		.is_erased = row->state == INBOX_ERASED};
	if (row->envelope == NULL)
		return fault_set(fault, LIAISON_NOT_FOUND, "%s was erased; nobody is given it any more", row->id);
	enum liaison_err err = kept_from_envelope(
		row->id, row->envelope, row->envelope_len, explaining->agent.crossings, &explaining->kept, fault);
	explaining->has_kept = err == LIAISON_OK;
	return err;
}

static enum liaison_err
take_own(void *arg, const struct outbox_row *row, struct fault *fault)
{
	struct explaining *explaining = arg;

	if (row->body == NULL)
		return fault_set(fault, LIAISON_NOT_FOUND, "%s was dropped from the outbox", explaining->id);
	enum liaison_err err = kept_from_body(
		explaining->id, row->body, row->body_len, explaining->agent.crossings, &explaining->kept, fault);
	explaining->has_kept = err == LIAISON_OK;
	return err;
}

/* What this office itself said of it since. */
static enum liaison_err
add_own_end(struct explaining *explaining, const struct alert_id *id, struct fault *fault)
{
	struct own_end end;

	enum liaison_err err = own_end_find(explaining->agent.post, id, &end, fault);
	if (err != LIAISON_OK)
		return err;
	explaining->state.is_cancelled = explaining->state.is_cancelled || end.state == INBOX_CANCELLED;
	explaining->state.is_restricted = explaining->state.is_restricted || end.state == INBOX_REDACTED;
	return LIAISON_OK;
}

static enum liaison_err
find(struct explaining *explaining, struct fault *fault)
{
	struct post *post = explaining->agent.post;
	struct alert_id id;

	if (alert_id_parse(explaining->id, &id, fault) != LIAISON_OK)
		return fault_set(
			fault, LIAISON_BAD_USAGE, "`%s` is no alert id such as kh.blo.poipet/42", explaining->id);
	bool is_own = !id.is_reply && office_id_equal(&id.office, &explaining->agent.home->office);
	enum liaison_err err = inbox_find(post, explaining->id, take_received, explaining, fault);
	if (err == LIAISON_NOT_FOUND && is_own)
		err = outbox_find(post, id.sequence, take_own, explaining, fault);
	if (err == LIAISON_NOT_FOUND)
		return fault_set(fault, LIAISON_NOT_FOUND,
			"%s is neither in the inbox nor in the outbox; only what this office has can be explained here",
			explaining->id);
	return err == LIAISON_OK && is_own ? add_own_end(explaining, &id, fault) : err;
}

/* --- the rules ------------------------------------------------------------------------------------------------------- */

static void
tell_rule(void *arg, enum release_reason rule, bool holds, const char *sentence)
{
	struct explaining *explaining = arg;
	const char *name = release_reason_name(rule);

	say_result(explaining->app, "  %-4s  %-17s %s", holds ? "yes" : "NO", name, sentence);
	line_open_object(&explaining->line, NULL);
	line_text(&explaining->line, "rule", name);
	line_bool(&explaining->line, "holds", holds);
	line_text(&explaining->line, "sentence", sentence);
	line_close_object(&explaining->line);
}

/* A notice has no rules of its own: it follows its alert. */
static enum release_reason
explain_notice(struct explaining *explaining, const struct office *office)
{
	const struct facts *facts = explaining->kept.admitted.facts;
	enum release_reason reason =
		may_release_notice(facts, NULL, true, office, explaining->agent.trust, app_now(explaining->app));

	say_result(explaining->app,
		"%s is a notice: it goes to every office that its alert addressed or that was given it, whatever its "
		"roster "
		"says now",
		explaining->id);
	return reason;
}

static enum release_reason
explain_release(struct explaining *explaining, const struct office *office)
{
	const struct facts *facts = explaining->kept.admitted.facts;
	struct trust *trust = explaining->agent.trust;
	int64_t now = app_now(explaining->app);

	if (facts_is_notice(facts))
		return explain_notice(explaining, office);
	release_explain(facts, &explaining->state, office, trust, now, tell_rule, explaining);
	return may_release(facts, &explaining->state, office, trust, now);
}

static const char *
nearest_office(const struct trust *trust, const char *name)
{
	struct suggest nearest;

	suggest_init(&nearest, name);
	for (size_t i = 0; i < trust_office_count(trust); i++)
		suggest_offer(&nearest, trust_office_at(trust, i)->id.text);
	return nearest.best;
}

static enum liaison_err
explain(struct explaining *explaining, const char *name, bool *may, struct fault *fault)
{
	struct app *app = explaining->app;
	const struct office *office = trust_office(explaining->agent.trust, name);
	const char *nearest = office == NULL ? nearest_office(explaining->agent.trust, name) : NULL;

	if (!office_id_is_valid(name))
		return fault_set(fault, LIAISON_BAD_USAGE, "`%s` is no office id such as kh.blo.poipet", name);
	if (nearest != NULL)
		say_warning(app, "no roster names %s; did you mean %s?", name, nearest);
	line_begin(&explaining->line, app);
	line_text(&explaining->line, "id", explaining->id);
	line_text(&explaining->line, "office", name);
	line_open_array(&explaining->line, "rules");
	enum release_reason reason = explain_release(explaining, office);
	line_close_array(&explaining->line);
	*may = reason == RELEASE_ALLOWED;
	if (*may)
		say_result(app, "%s may see %s", name, explaining->id);
	else
		say_result(app, "%s may not see %s: %s", name, explaining->id, release_reason_meaning(reason));
	line_bool(&explaining->line, "may", *may);
	line_text(&explaining->line, "reason", *may ? NULL : release_reason_name(reason));
	return line_end(&explaining->line, fault);
}

int
explain_alert(struct app *app, const char *id, const char *office)
{
	struct explaining explaining = {.app = app, .id = id};
	struct fault fault;
	bool may = false;

	enum liaison_err err = agent_open(app, AGENT_POST | AGENT_TRUST | AGENT_CROSSINGS, &explaining.agent, &fault);
	if (err == LIAISON_OK)
		err = find(&explaining, &fault);
	if (err == LIAISON_OK)
		err = explain(&explaining, office != NULL ? office : explaining.agent.home->office.text, &may, &fault);
	if (explaining.has_kept)
		kept_clear(&explaining.kept);
	agent_close(&explaining.agent);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	return may ? EX_OK : EXIT_NEGATIVE;
}
