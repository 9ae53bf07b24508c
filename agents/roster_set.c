/* `liaison roster new` and `set`: a roster, and what stands in it. */
#include "agents/codes_arg.h"
#include "agents/commands.h"
#include "agents/roster_work.h"
#include "agents/say.h"
#include "agents/signer.h"
#include "proto/card.h"
#include "proto/crossings.h"
#include "proto/edge/docfile.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define LIST_MAX 256

struct list {
	const char *items[LIST_MAX];
	size_t count;
};

struct set_options {
	const char *file, *trust, *network, *member, *broker, *days, *since;
	const char *card, *template_name, *office;
	const char *phone, *hours, *publishes, *receives, *clearance, *rights, *contributes, *revoked, *reason;
	struct list peers, names, langs, crossings;
	bool has_no_peers;
};

enum {
	OPTION_TRUST = 256,
	OPTION_NETWORK,
	OPTION_DAYS,
	OPTION_SINCE,
	OPTION_PHONE,
	OPTION_HOURS,
	OPTION_LANG,
	OPTION_CROSSING,
	OPTION_PUBLISHES,
	OPTION_RECEIVES,
	OPTION_CLEARANCE,
	OPTION_RIGHTS,
	OPTION_CONTRIBUTES,
	OPTION_REVOKE,
	OPTION_REASON,
	OPTION_NAME,
	OPTION_NO_PEERS,
};

static void
add_item(struct argp_state *state, struct list *list, const char *item)
{
	if (list->count == LIST_MAX)
		argp_error(state, "at most %d of one option", LIST_MAX);
	list->items[list->count++] = item;
}

static error_t
read_set(int key, char *arg, struct argp_state *state)
{
	struct set_options *chosen = state->input;

	switch (key) {
	case OPTION_TRUST: chosen->trust = arg; return 0;
	case OPTION_NETWORK: chosen->network = arg; return 0;
	case 'm': chosen->member = arg; return 0;
	case 'b': chosen->broker = arg; return 0;
	case 'p': add_item(state, &chosen->peers, arg); return 0;
	case OPTION_NO_PEERS: chosen->has_no_peers = true; return 0;
	case OPTION_DAYS: chosen->days = arg; return 0;
	case OPTION_SINCE: chosen->since = arg; return 0;
	case 'c': chosen->card = arg; return 0;
	case 't': chosen->template_name = arg; return 0;
	case 'o': chosen->office = arg; return 0;
	case OPTION_NAME: add_item(state, &chosen->names, arg); return 0;
	case OPTION_PHONE: chosen->phone = arg; return 0;
	case OPTION_HOURS: chosen->hours = arg; return 0;
	case OPTION_LANG: add_item(state, &chosen->langs, arg); return 0;
	case OPTION_CROSSING: add_item(state, &chosen->crossings, arg); return 0;
	case OPTION_PUBLISHES: chosen->publishes = arg; return 0;
	case OPTION_RECEIVES: chosen->receives = arg; return 0;
	case OPTION_CLEARANCE: chosen->clearance = arg; return 0;
	case OPTION_RIGHTS: chosen->rights = arg; return 0;
	case OPTION_CONTRIBUTES: chosen->contributes = arg; return 0;
	case OPTION_REVOKE: chosen->revoked = arg; return 0;
	case OPTION_REASON: chosen->reason = arg; return 0;
	case ARGP_KEY_ARG:
		if (chosen->file != NULL)
			argp_error(state, "one roster at a time");
		chosen->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (chosen->file == NULL)
			argp_error(state, "name the roster's file");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

/* --- the roster ------------------------------------------------------------------------------------------------------ */

static enum liaison_err
set_head(struct roster_work *work, const struct set_options *chosen, struct fault *fault)
{
	uint32_t kinds = 0;
	int64_t lasts = 0;
	enum liaison_err err = LIAISON_OK;

	if (chosen->days != NULL) {
		err = days_parse(chosen->days, &lasts, fault);
		if (err != LIAISON_OK)
			return err;
		work->roster->issued = app_now(work->app);
		work->roster->expires = work->roster->issued + lasts;
	}
	if (chosen->contributes != NULL)
		err = code_list_parse(&liaison__kind__descriptor, "kind", chosen->contributes, &kinds, fault);
	if (err != LIAISON_OK)
		return err;
	if (chosen->broker != NULL)
		err = roster_set_broker(work->roster, chosen->broker);
	if (err == LIAISON_OK && (chosen->peers.count > 0 || chosen->has_no_peers))
		err = roster_set_peers(work->roster, chosen->peers.items, chosen->peers.count);
	if (err == LIAISON_OK && chosen->contributes != NULL)
		err = roster_set_contributes(work->roster, kinds);
	return err == LIAISON_OK ? err : fault_set(fault, err, "the roster could not be changed: %s", err_meaning(err));
}

static const struct argp_option new_options[] = {
	{"member", 'm', "CC", 0, "Whose roster it is: the country's code", 0},
	{"broker", 'b', "ID", 0, "The broker that serves it", 0},
	{"peer", 'p', "ID", 0, "A broker abroad that its broker talks with; repeat", 0},
	{"contributes", OPTION_CONTRIBUTES, "KINDS", 0, "What the country contributes (all)", 0},
	{"days", OPTION_DAYS, "DAYS", 0, "How long it holds (90)", 0},
	{"trust", OPTION_TRUST, "FOLDER", 0, "The charter to go by (the home's trust/)", 0},
	{"network", OPTION_NETWORK, "ID", 0, "The network's id, where no charter is at hand", 0},
	{"since", OPTION_SINCE, "N", 0,
		"The charter version that brought its authority keys, where no charter is at hand", 0},
	{0},
};

static const struct argp new_argp = {
	.options = new_options,
	.parser = read_set,
	.args_doc = "--member CC --broker ID FILE",
	.doc = "Begin a country's first roster.\vExample:\n"
	       "  liaison roster new --member kh --broker kh.broker --trust trust kh.roster",
};

static enum liaison_err
find_place(const struct set_options *chosen, const struct trust *trust, const char **network, uint64_t *since,
	struct fault *fault)
{
	const struct member *member = trust != NULL ? trust_member(trust, chosen->member) : NULL;
	char *end = NULL;

	if (trust != NULL && member == NULL)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"the charter does not name %s; members are listed by `liaison trust show`", chosen->member);
	*network = trust != NULL ? trust_network(trust) : chosen->network;
	*since = member != NULL ? member->entry->since : 1;
	if (chosen->since != NULL) {
		*since = strtoull(chosen->since, &end, 10);
		if (*end != '\0' || *since == 0)
			return fault_set(fault, LIAISON_BAD_USAGE, "--since is a charter's version");
	}
	if (*network == NULL)
		return fault_set(fault, LIAISON_BAD_USAGE,
			"there is no charter in this home's trust/; name its folder with --trust, or say --network");
	return LIAISON_OK;
}

int
command_roster_new(struct app *app, int argc, char **argv)
{
	struct set_options chosen = {0};
	struct roster_work work = {.app = app};
	const char *network = NULL;
	uint64_t since = 0;
	struct fault fault;

	command_parse(app, &new_argp, argc, argv, &chosen);
	enum liaison_err err = LIAISON_OK;
	if (chosen.member == NULL || chosen.broker == NULL)
		err = fault_set(&fault, LIAISON_BAD_USAGE, "a roster needs --member and --broker");
	else if (access(chosen.file, F_OK) == 0)
		err = fault_set(&fault, LIAISON_EXISTS, "%s exists; `liaison roster set` changes it", chosen.file);
	else
		err = roster_trust(app, chosen.trust, &work.trust, &fault);
	if (err == LIAISON_OK)
		err = find_place(&chosen, work.trust, &network, &since, &fault);
	if (err == LIAISON_OK) {
		work.path = chosen.file;
		work.roster = roster_new(network, chosen.member, since, app_now(app), app_now(app) + 90 * MS_PER_DAY);
		err = work.roster == NULL
			      ? fault_set(&fault, LIAISON_NO_MEMORY, "out of memory")
			      : roster_set_contributes(work.roster, ~UINT32_C(1) & ((UINT32_C(1) << 13) - 1));
	}
	if (err == LIAISON_OK)
		err = set_head(&work, &chosen, &fault);
	if (err == LIAISON_OK)
		err = roster_work_save(&work, &fault);
	roster_work_clear(&work);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}

/* --- an office ------------------------------------------------------------------------------------------------------- */

static const struct argp_option set_options[] = {
	{"card", 'c', "FILE", 0, "Enrol the office of this card, or take its new keys", 0},
	{"template", 't', "NAME", 0,
		"What it may do: blo, atu, piu, ncc, nrm, police, customs, immigration, broker, organisation", 0},
	{"office", 'o', "ID", 0, "Change this office without a card", 0},
	{"name", OPTION_NAME, "LANG=TEXT", 0, "Its name in a language: en=Poipet liaison office; repeat", 1},
	{"phone", OPTION_PHONE, "NUMBER", 0, "Its telephone", 1},
	{"hours", OPTION_HOURS, "TEXT", 0, "When somebody is there", 1},
	{"lang", OPTION_LANG, "TAG", 0, "A language that is spoken there; repeat", 1},
	{"crossing", OPTION_CROSSING, "ID", 0, "A crossing that it works at; repeat", 1},
	{"publishes", OPTION_PUBLISHES, "KINDS", 0, "Kinds of alert that it may publish, with commas; all; none", 1},
	{"receives", OPTION_RECEIVES, "KINDS", 0, "Kinds that it may receive", 1},
	{"clearance", OPTION_CLEARANCE, "LEVEL", 0,
		"The highest handling that it may receive: CLEAR, GREEN, AMBER, RED", 1},
	{"rights", OPTION_RIGHTS, "RIGHTS", 0, "PUBLISH, SUBSCRIBE, PEER, OPERATE, RECALL", 1},
	{"revoke", OPTION_REVOKE, "KEY", 0, "Revoke this key of the office (stolen or lost)", 1},
	{"reason", OPTION_REASON, "TEXT", 0, "Why", 1},
	{"broker", 'b', "ID", 0, "The broker that serves the country", 2},
	{"peer", 'p', "ID", 0, "A broker abroad; replaces the list; repeat", 2},
	{"no-peers", OPTION_NO_PEERS, NULL, 0, "No broker abroad", 2},
	{"contributes", OPTION_CONTRIBUTES, "KINDS", 0, "What the country contributes", 2},
	{"days", OPTION_DAYS, "DAYS", 0, "Issue it now, for so long", 2},
	{"trust", OPTION_TRUST, "FOLDER", 0, "The charter to go by (the home's trust/)", 2},
	{0},
};

static const struct argp set_argp = {
	.options = set_options,
	.parser = read_set,
	.args_doc = "FILE",
	.doc = "Enrol an office, or change an office or the roster itself. A signed roster becomes the next "
	       "version.\vExamples:\n"
	       "  liaison roster set --card poipet.card --template blo --name 'en=Poipet BLO' --crossing kh-poipet "
	       "kh.roster\n"
	       "  liaison roster set --office kh.blo.poipet --clearance RED kh.roster\n"
	       "  liaison roster set --peer th.broker --peer vn.broker --days 90 kh.roster",
};

static enum liaison_err
take_card(struct roster_work *work, const struct set_options *chosen, Liaison__Office **office, struct fault *fault)
{
	const struct office_template *office_template = NULL;
	Liaison__Signed *signed_card = NULL;
	struct document *card = NULL;
	char fingerprint[SPOKEN_FINGERPRINT_BYTES];

	if (chosen->template_name != NULL) {
		office_template = template_find(chosen->template_name);
		if (office_template == NULL)
			return fault_set(fault, LIAISON_BAD_USAGE,
				"there is no template `%s`; there are blo, atu, piu, ncc, nrm, police, customs, "
				"immigration, broker, "
				"organisation",
				chosen->template_name);
	}
	enum liaison_err err = docfile_read(chosen->card, DOCUMENT_CARD, &signed_card, fault);
	if (err == LIAISON_OK)
		err = card_open(signed_card, &card, fault);
	if (err == LIAISON_OK && chosen->office != NULL && strcmp(chosen->office, card->card->office) != 0)
		err = fault_set(fault, LIAISON_BAD_USAGE, "%s is the card of %s, not of %s", chosen->card,
			card->card->office, chosen->office);
	if (err == LIAISON_OK) {
		card_fingerprint(signed_card, fingerprint);
		say_note(work->app, "card of %s: compare with what the office reads aloud: %s", card->card->office,
			fingerprint);
		err = roster_set_office(work->roster, card->card, office_template, app_now(work->app), office, fault);
	}
	document_unref(card);
	if (signed_card != NULL)
		liaison__signed__free_unpacked(signed_card, NULL);
	return err;
}

static enum liaison_err
set_names(Liaison__Office *office, const struct list *names, struct fault *fault)
{
	for (size_t i = 0; i < names->count; i++) {
		const char *equals = strchr(names->items[i], '=');
		char lang[36] = "";
		if (equals == NULL || equals == names->items[i] || (size_t)(equals - names->items[i]) >= sizeof lang)
			return fault_set(fault, LIAISON_BAD_USAGE,
				"--name is LANG=TEXT, like en=Poipet liaison office, not `%.60s`", names->items[i]);
		memcpy(lang, names->items[i], (size_t)(equals - names->items[i]));
		if (office_set_name(office, lang, equals + 1) != LIAISON_OK)
			return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	return LIAISON_OK;
}

static enum liaison_err
check_crossings(const struct list *ids, struct fault *fault)
{
	struct crossings *crossings = NULL;

	enum liaison_err err = ids->count > 0 ? crossings_builtin(&crossings, fault) : LIAISON_OK;
	for (size_t i = 0; i < ids->count && err == LIAISON_OK; i++) {
		if (crossings_find(crossings, ids->items[i]) != NULL)
			continue;
		const struct crossing *nearest = crossings_nearest_name(crossings, ids->items[i]);
		err = fault_set(fault, LIAISON_BAD_USAGE, "no crossing is called `%.60s`%s%s%s", ids->items[i],
			nearest != NULL ? "; did you mean `" : "", nearest != NULL ? nearest->id : "",
			nearest != NULL ? "`?" : "");
	}
	crossings_free(crossings);
	return err;
}

static enum liaison_err
set_rights(Liaison__Office *office, const struct set_options *chosen, struct fault *fault)
{
	uint32_t bits = 0;
	int level = 0;
	enum liaison_err err = LIAISON_OK;

	if (chosen->publishes != NULL) {
		err = code_list_parse(&liaison__kind__descriptor, "kind", chosen->publishes, &bits, fault);
		if (err == LIAISON_OK && office_set_publishes(office, bits) != LIAISON_OK)
			err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	if (err == LIAISON_OK && chosen->receives != NULL) {
		err = code_list_parse(&liaison__kind__descriptor, "kind", chosen->receives, &bits, fault);
		if (err == LIAISON_OK && office_set_receives(office, bits) != LIAISON_OK)
			err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	if (err == LIAISON_OK && chosen->rights != NULL) {
		err = code_list_parse(&liaison__right__descriptor, "right", chosen->rights, &bits, fault);
		if (err == LIAISON_OK && office_set_rights(office, bits) != LIAISON_OK)
			err = fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	if (err == LIAISON_OK && chosen->clearance != NULL) {
		err = code_parse(&liaison__level__descriptor, "level", chosen->clearance, &level, fault);
		if (err == LIAISON_OK)
			office_set_clearance(office, (Liaison__Level)level);
	}
	return err;
}

static enum liaison_err
revoke_key(
	struct roster_work *work, const Liaison__Office *office, const struct set_options *chosen, struct fault *fault)
{
	struct public_key key;
	struct key_id id;

	if (chosen->revoked == NULL)
		return LIAISON_OK;
	if (chosen->reason == NULL)
		return fault_set(fault, LIAISON_BAD_USAGE, "say why the key is revoked: --reason TEXT");
	enum liaison_err err = signer_public_key(chosen->revoked, &key, fault);
	if (err != LIAISON_OK)
		return err;
	key_id_of(&key, &id);
	return roster_revoke_key(work->roster, office->id, &id, chosen->reason, NULL, fault);
}

static enum liaison_err
set_office(struct roster_work *work, const struct set_options *chosen, struct fault *fault)
{
	Liaison__Office *office = NULL;
	enum liaison_err err = LIAISON_OK;

	if (chosen->card == NULL && chosen->office == NULL)
		return LIAISON_OK;
	if (chosen->card != NULL) {
		err = take_card(work, chosen, &office, fault);
	} else {
		office = roster_office(work->roster, chosen->office);
		if (office == NULL)
			err = fault_set(fault, LIAISON_NOT_FOUND, "%s is not on this roster; enrol it with --card",
				chosen->office);
	}
	if (err == LIAISON_OK)
		err = set_names(office, &chosen->names, fault);
	if (err == LIAISON_OK)
		err = check_crossings(&chosen->crossings, fault);
	if (err == LIAISON_OK)
		err = set_rights(office, chosen, fault);
	if (err == LIAISON_OK)
		err = revoke_key(work, office, chosen, fault);
	if (err != LIAISON_OK)
		return err;
	if (chosen->phone != NULL || chosen->hours != NULL || chosen->langs.count > 0)
		err = office_set_contact(office, chosen->phone, chosen->hours,
			chosen->langs.count > 0 ? chosen->langs.items : NULL, chosen->langs.count);
	if (err == LIAISON_OK && chosen->crossings.count > 0)
		err = office_set_crossings(office, chosen->crossings.items, chosen->crossings.count);
	return err == LIAISON_OK ? err : fault_set(fault, err, "the office could not be changed: %s", err_meaning(err));
}

int
command_roster_set(struct app *app, int argc, char **argv)
{
	struct set_options chosen = {0};
	struct roster_work work = {0};
	struct fault fault;

	command_parse(app, &set_argp, argc, argv, &chosen);
	enum liaison_err err = roster_work_open(&work, app, chosen.file, chosen.trust, &fault);
	if (err == LIAISON_OK)
		err = set_head(&work, &chosen, &fault);
	if (err == LIAISON_OK)
		err = set_office(&work, &chosen, &fault);
	if (err == LIAISON_OK)
		err = roster_work_save(&work, &fault);
	roster_work_clear(&work);
	return err == LIAISON_OK ? EX_OK : say_fault(app, &fault);
}
