#include "agents/roster_work.h"

#include "agents/home.h"
#include "agents/line.h"
#include "agents/say.h"
#include "agents/signer.h"
#include "proto/base/message.h"
#include "proto/edge/docfile.h"

#include <inttypes.h>
#include <stdlib.h>

enum liaison_err
roster_trust(const struct app *app, const char *folder, struct trust **out, struct fault *fault)
{
	char *own = folder == NULL ? home_file(app->home, "trust") : NULL;

	if (folder == NULL && own == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	*out = NULL;
	enum liaison_err err = trust_load_dir(folder != NULL ? folder : own, app_now(app), NULL, NULL, out, fault);
	free(own);
	return err == LIAISON_NOT_FOUND && folder == NULL ? LIAISON_OK : err;
}

/* What the charter at hand says of the member, else what the roster said before. */
static uint64_t
present_since(const struct trust *trust, const Liaison__Roster *roster)
{
	const struct member *member = trust != NULL ? trust_member(trust, roster->member) : NULL;
	return member != NULL ? member->entry->since : roster->since;
}

enum liaison_err
roster_work_open(struct roster_work *work, const struct app *app, const char *path, const char *trust_folder,
	struct fault *fault)
{
	struct document *document = NULL;

	work->app = app;
	work->path = path;
	enum liaison_err err = roster_trust(app, trust_folder, &work->trust, fault);
	if (err == LIAISON_OK)
		err = signer_open(path, DOCUMENT_ROSTER, &document, fault);
	if (err != LIAISON_OK)
		goto out;
	const Liaison__Roster *before = document->roster;
	work->is_next = document->signed_message->n_signatures > 0;
	work->roster = work->is_next ? roster_next(before, present_since(work->trust, before), app_now(app),
					       app_now(app) + (before->expires - before->issued))
				     : (Liaison__Roster *)message_copy(&before->base);
	if (work->roster == NULL)
		err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
out:
	document_unref(document);
	return err;
}

enum liaison_err
roster_work_save(struct roster_work *work, struct fault *fault)
{
	struct line line;
	char offices[64];

	struct fault lacks;

	/* A roster on the desk may lack something still, its broker for one; signing asks that it does not. */
	bool is_whole = roster_validate(work->roster, &lacks) == LIAISON_OK;
	enum liaison_err err = signer_write(work->path, DOCUMENT_ROSTER, &work->roster->base, fault);
	if (err != LIAISON_OK)
		return err;
	say_result(work->app, "%s: roster of %s, version %" PRIu64 "%s, %s, not signed yet", work->path,
		work->roster->member, work->roster->version, work->is_next ? " (begun from the signed one)" : "",
		text_count(work->roster->n_offices, "office", "offices", offices));
	if (!is_whole)
		say_note(work->app, "before it can be signed: %s", lacks.message);
	line_begin(&line, work->app);
	line_text(&line, "file", work->path);
	line_text(&line, "member", work->roster->member);
	line_number(&line, "since", work->roster->since);
	line_number(&line, "version", work->roster->version);
	line_number(&line, "offices", work->roster->n_offices);
	return line_end(&line, fault);
}

void
roster_work_clear(struct roster_work *work)
{
	roster_free(work->roster);
	if (work->trust != NULL)
		trust_unref(work->trust);
	*work = (struct roster_work){0};
}
