/* `liaison roster`: the menu, and the verbs that only look: show, diff, check. */
#include "agents/codes_arg.h"
#include "agents/commands.h"
#include "agents/line.h"
#include "agents/roster_work.h"
#include "agents/say.h"
#include "agents/signer.h"
#include "agents/table.h"
#include "proto/charter.h"
#include "proto/roster_report.h"
#include "proto/signature.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

struct look_options {
	const char *files[2];
	size_t file_count, least;
	const char *trust;
};

static error_t
read_look(int key, char *arg, struct argp_state *state)
{
	struct look_options *chosen = state->input;

	switch (key) {
	case 't': chosen->trust = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->file_count == 2)
			argp_error(state, "too many files");
		chosen->files[chosen->file_count++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->file_count < chosen->least)
			argp_error(state,
				chosen->least == 2 ? "name the old roster and the new one" : "name the roster's file");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option look_options[] = {
	{"trust", 't', "FOLDER", 0, "The charter and roster to measure it against (the home's trust/)", 0},
	{0},
};

/* --- show ------------------------------------------------------------------------------------------------------------ */

static const struct argp show_argp = {
	.options = look_options,
	.parser = read_look,
	.args_doc = "FILE",
	.doc = "Show what a roster says, and how many of its authority's keys have signed it.\vExample:\n"
	       "  liaison roster show kh.roster",
};

/* Good signatures by the authority's keys, where a charter is at hand; -1 where none is. */
static int
count_good(const struct document *document, const struct trust *trust, uint32_t *threshold)
{
	const struct member *member = trust != NULL ? trust_member(trust, document->roster->member) : NULL;
	struct public_key keys[CHARTER_KEYS_MAX];
	struct fault ignored;
	int good = 0;

	if (member == NULL)
		return -1;
	size_t count = charter_authority_keys(member->entry, keys);
	for (size_t i = 0; i < count; i++)
		if (signed_verify(document->signed_message, DOMAIN_ROSTER, document->roster->network, &keys[i], 1, 1,
			    &ignored) == LIAISON_OK)
			good++;
	*threshold = member->entry->threshold;
	return good;
}

static enum liaison_err
show_head(struct app *app, const struct document *document, const struct trust *trust, struct fault *fault)
{
	const Liaison__Roster *roster = document->roster;
	char issued[RFC3339_BYTES], expires[RFC3339_BYTES], peers[512];
	uint32_t threshold = 0;
	int good = count_good(document, trust, &threshold);
	struct line line;

	time_format(roster->issued, issued);
	time_format(roster->expires, expires);
	say_result(app, "roster of %s in %s, version %" PRIu64 " under charter %" PRIu64 ", issued %s, expires %s",
		roster->member, roster->network, roster->version, roster->since, issued, expires);
	say_result(app, "broker %s; peers %s", roster->broker != NULL ? roster->broker : "(none)",
		roster->n_peers > 0
			? text_list((const char *const *)roster->peers, roster->n_peers, peers, sizeof peers)
			: "none");
	if (good >= 0)
		say_result(app, "signed by %d authority keys; it needs %u", good, threshold);
	else
		say_result(app, "%zu signatures; no charter is at hand to tell whose",
			document->signed_message->n_signatures);
	line_begin(&line, app);
	line_text(&line, "network", roster->network);
	line_text(&line, "member", roster->member);
	line_number(&line, "since", roster->since);
	line_number(&line, "version", roster->version);
	line_text(&line, "issued", issued);
	line_text(&line, "expires", expires);
	line_text(&line, "broker", roster->broker);
	line_number(&line, "signatures", document->signed_message->n_signatures);
	if (good >= 0) {
		line_number(&line, "signed", (uint64_t)good);
		line_number(&line, "threshold", threshold);
	}
	line_message(&line, "roster", &roster->base);
	return line_end(&line, fault);
}

static int
roster_show(struct app *app, int argc, char **argv)
{
	static const char *const columns[] = {"OFFICE", "KIND", "STATE", "CLEARANCE", "RIGHTS", NULL};
	struct look_options chosen = {.least = 1};
	struct document *document = NULL;
	struct trust *trust = NULL;
	struct fault fault;

	command_parse(app, &show_argp, argc, argv, &chosen);
	enum liaison_err err = roster_trust(app, chosen.trust, &trust, &fault);
	if (err == LIAISON_OK)
		err = signer_open(chosen.files[0], DOCUMENT_ROSTER, &document, &fault);
	if (err == LIAISON_OK)
		err = show_head(app, document, trust, &fault);
	if (err == LIAISON_OK) {
		struct table *table = table_new(app, columns);
		for (size_t i = 0; i < document->roster->n_offices; i++) {
			const Liaison__Office *office = document->roster->offices[i];
			char rights[CODES_TEXT_BYTES];
			uint32_t bits = 0;
			for (size_t r = 0; r < office->n_rights; r++)
				bits |= UINT32_C(1) << office->rights[r];
			table_row(table, (const char *const[]){office->id,
						 code_text(&liaison__office_kind__descriptor, (int)office->kind),
						 code_text(&liaison__office_state__descriptor, (int)office->state),
						 code_text(&liaison__level__descriptor, (int)office->clearance),
						 code_list_text(&liaison__right__descriptor, bits, rights)});
		}
		table_end(table);
	}
	document_unref(document);
	if (trust != NULL)
		trust_unref(trust);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- diff ------------------------------------------------------------------------------------------------------------ */

static const struct argp diff_argp = {
	.parser = read_look,
	.args_doc = "OLD NEW",
	.doc = "Say in sentences what a new roster changes, and for whom.\vExample:\n"
	       "  liaison roster diff trust/kh.roster kh.roster",
};

static void
say_sentence(void *arg, const char *sentence)
{
	const struct app *app = arg;
	struct fault fault;
	struct line line;

	say_result(app, "%s", sentence);
	line_begin(&line, app);
	line_text(&line, "change", sentence);
	if (line_end(&line, &fault) != LIAISON_OK)
		say_error(app, "%s", fault.message);
}

static int
roster_diff_command(struct app *app, int argc, char **argv)
{
	struct look_options chosen = {.least = 2};
	struct document *before = NULL, *after = NULL;
	struct fault fault;

	command_parse(app, &diff_argp, argc, argv, &chosen);
	enum liaison_err err = signer_open(chosen.files[0], DOCUMENT_ROSTER, &before, &fault);
	if (err == LIAISON_OK)
		err = signer_open(chosen.files[1], DOCUMENT_ROSTER, &after, &fault);
	if (err == LIAISON_OK)
		err = roster_validate(before->roster, &fault);
	if (err == LIAISON_OK)
		err = roster_validate(after->roster, &fault);
	if (err == LIAISON_OK && roster_diff(before->roster, after->roster, say_sentence, app) == 0)
		say_note(app, "the two say the same");
	document_unref(before);
	document_unref(after);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- check ----------------------------------------------------------------------------------------------------------- */

static const struct argp check_argp = {
	.options = look_options,
	.parser = read_look,
	.args_doc = "FILE",
	.doc = "Say what speaks against signing a roster, and what it will change for whom. Exit 1 if brokers and "
	       "agents would "
	       "refuse it.\vExample:\n"
	       "  liaison roster check kh.roster",
};

static void
say_finding(void *arg, enum roster_finding finding, const char *sentence)
{
	const struct app *app = arg;
	struct fault fault;
	struct line line;

	say_result(app, "%s: %s", finding == ROSTER_REFUSED ? "REFUSED" : "warning", sentence);
	line_begin(&line, app);
	line_text(&line, "finding", finding == ROSTER_REFUSED ? "refused" : "warning");
	line_text(&line, "sentence", sentence);
	if (line_end(&line, &fault) != LIAISON_OK)
		say_error(app, "%s", fault.message);
}

static int
roster_check_command(struct app *app, int argc, char **argv)
{
	struct look_options chosen = {.least = 1};
	struct document *document = NULL;
	struct trust *trust = NULL;
	size_t refused = 0;
	struct fault fault;

	command_parse(app, &check_argp, argc, argv, &chosen);
	enum liaison_err err = roster_trust(app, chosen.trust, &trust, &fault);
	if (err == LIAISON_OK && trust == NULL)
		err = fault_set(&fault, LIAISON_BAD_CONFIG,
			"there is no charter in this home's trust/ to check it against; name its folder with --trust");
	if (err == LIAISON_OK)
		err = signer_open(chosen.files[0], DOCUMENT_ROSTER, &document, &fault);
	if (err == LIAISON_OK) {
		refused = roster_check(document->roster, trust, app_now(app), say_finding, app);
		const struct member *member =
			document->roster->member != NULL ? trust_member(trust, document->roster->member) : NULL;
		if (refused == 0)
			roster_diff(member != NULL ? member->roster : NULL, document->roster, say_sentence, app);
	}
	document_unref(document);
	if (trust != NULL)
		trust_unref(trust);
	if (err != LIAISON_OK)
		return say_fault(app, &fault);
	return refused > 0 ? 1 : EX_OK;
}

static const struct command menu[] = {
	{"new", "begin a country's first roster", command_roster_new},
	{"set", "enrol an office by its card; change an office or the roster", command_roster_set},
	{"suspend", "suspend an office, in the roster or by the duty key", command_roster_suspend},
	{"resume", "end a suspension", command_roster_resume},
	{"remove", "take an office out for good", command_roster_remove},
	{"check", "what speaks against signing it, and what it changes", roster_check_command},
	{"diff", "what a new roster changes, for whom", roster_diff_command},
	{"sign", "add an authority key's signature", command_roster_sign},
	{"show", "what a roster says, and who has signed it", roster_show},
	{"push", "hand signed rosters to the broker", command_roster_push},
	{NULL, NULL, NULL},
};

int
command_roster(struct app *app, int argc, char **argv)
{
	return command_choose(
		app, menu, "An authority's work, off line: its offices, their keys and rights.", argc, argv);
}
