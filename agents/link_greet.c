/* The beginning of a session: hello, what trust the broker hands over, welcome, and what they must agree on. */
#include "agents/link_internal.h"

#include "agents/say.h"
#include "proto/edge/docfile.h"
#include "proto/frame.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRUST_WAIT_MS 5000
#define CLOCK_SKEW_MAX_MS (2 * MS_PER_MINUTE)
#define CLOCK_SKEW_STOP_MS MS_PER_DAY /* beyond, what is valid and what has expired is guesswork */

/* --- hello ----------------------------------------------------------------------------------------------------------- */

/* Who the broker should be: office.conf's word, else the office whose transport key the pinned one is. */
static void
guess_broker(struct link *link)
{
	link->id = link->broker->id;
	if (link->id.text[0] != '\0')
		return;
	const struct office *office =
		trust_office_by_transport_key(link->trust, &link->broker->key, app_now(link->setup.app));
	if (office != NULL)
		link->id = office->id;
}

static enum liaison_err
load_checkpoint(struct link *link, struct fault *fault)
{
	if (link->id.text[0] == '\0')
		return LIAISON_OK;
	enum liaison_err err = post_checkpoint(link->setup.post, link->id.text, &link->checkpoint, fault);
	return err == LIAISON_NOT_FOUND ? LIAISON_OK : err;
}

static enum liaison_err
send_hello(struct link *link, struct fault *fault)
{
	static char software[] = "liaison " LIAISON_VERSION;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	Liaison__Hello hello = LIAISON__HELLO__INIT;
	size_t members = trust_member_count(link->trust);

	Liaison__RosterVersion *versions = calloc(members + 1, sizeof *versions);
	Liaison__RosterVersion **list = calloc(members + 1, sizeof *list);
	if (versions == NULL || list == NULL) {
		free(versions);
		free(list);
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	}
	for (size_t i = 0; i < members; i++) {
		const struct member *member = trust_member_at(link->trust, i);
		if (member->roster == NULL)
			continue;
		Liaison__RosterVersion *version = &versions[hello.n_rosters];
		liaison__roster_version__init(version);
		version->member = (char *)(uintptr_t)member->code;
		version->has_since = version->has_version = 1;
		version->since = member->roster->since;
		version->version = member->roster->version;
		list[hello.n_rosters++] = version;
	}
	hello.rosters = list;
	hello.has_least_version = hello.has_greatest_version = hello.has_charter_version = 1;
	hello.least_version = hello.greatest_version = PROTOCOL_VERSION;
	hello.charter_version = trust_charter_version(link->trust);
	hello.checkpoint = link->checkpoint;
	hello.software = software;
	frame.frame_case = LIAISON__FRAME__FRAME_HELLO;
	frame.hello = &hello;
	enum liaison_err err = link_send(link, &frame, fault);
	free(versions);
	free(list);
	return err;
}

/* --- trust that comes along ------------------------------------------------------------------------------------------ */

typedef enum liaison_err add_fn(struct trust *trust, const Liaison__Signed *document, int64_t now,
	enum trust_change *change, struct trust **out, struct fault *fault);

static bool
adopt(struct link *link, const char *what, add_fn *add, size_t count, Liaison__Signed *const *documents)
{
	const struct app *app = link->setup.app;
	bool has_changed = false;

	for (size_t i = 0; i < count; i++) {
		enum trust_change change = TRUST_UNCHANGED;
		struct trust *next = NULL;
		struct fault why;
		enum liaison_err err = add(link->trust, documents[i], app_now(app), &change, &next, &why);
		if (err == LIAISON_EQUIVOCATION)
			say_error(app,
				"ALARM: %s sent a second %s under one version: %s; tell the authority and keep this "
				"message",
				link->broker->endpoint, what, why.message);
		else if (err == LIAISON_STALE || err == LIAISON_EXPIRED)
			say_detail(app, "the broker's %s is over or older than the one held: %s", what, why.message);
		else if (err != LIAISON_OK)
			say_warning(app, "the broker's %s was not adopted: %s", what, why.message);
		if (err != LIAISON_OK)
			continue;
		trust_unref(link->trust);
		link->trust = next;
		has_changed = has_changed || change == TRUST_CHANGED;
	}
	return has_changed;
}

void
link_adopt_trust(struct link *link, const Liaison__Trust *message)
{
	const struct app *app = link->setup.app;
	struct fault why;

	bool has_changed = adopt(link, "charter", trust_add_charter, message->n_charters, message->charters);
	has_changed |= adopt(link, "roster", trust_add_roster, message->n_rosters, message->rosters);
	has_changed |= adopt(link, "suspension", trust_add_suspension, message->n_suspensions, message->suspensions);
	if (!has_changed)
		return;
	say_detail(app, "newer trust was adopted from %s", link->broker->endpoint);
	char *folder = home_file(link->setup.home->path, "trust");
	if (folder == NULL || trust_save_dir(folder, link->trust, app_now(app), &why) != LIAISON_OK)
		say_warning(app, "the newer charter and rosters could not be saved: %s",
			folder != NULL ? why.message : "out of memory");
	free(folder);
}

/* Whether what the broker says it holds is no newer than what this link holds. */
static bool
has_all_trust(const struct link *link, const Liaison__Welcome *welcome)
{
	if (welcome->charter_version > trust_charter_version(link->trust))
		return false;
	for (size_t i = 0; i < welcome->n_rosters; i++) {
		const Liaison__RosterVersion *theirs = welcome->rosters[i];
		const struct member *member = theirs->member != NULL ? trust_member(link->trust, theirs->member) : NULL;
		if (member == NULL)
			continue;
		const Liaison__Roster *ours = member->roster;
		if (ours == NULL || theirs->since > ours->since ||
			(theirs->since == ours->since && theirs->version > ours->version))
			return false;
	}
	return true;
}

/* --- welcome --------------------------------------------------------------------------------------------------------- */

static enum liaison_err
await_welcome(struct link *link, int64_t deadline_ms, struct fault *fault)
{
	const struct app *app = link->setup.app;
	Liaison__Frame *frame = NULL;
	bool is_silent = false;

	while (link->welcome == NULL) {
		int64_t left = deadline_ms - app_monotonic(app);
		if (left <= 0)
			return fault_set(fault, LIAISON_UNREACHABLE,
				"the broker at %s took the connection but says nothing", link->broker->endpoint);
		enum link_event event = link_step(link, (int)left, -1, &frame, &is_silent, fault);
		if (event == LINK_LOST)
			return fault->code;
		if (event != LINK_FRAME || is_silent)
			continue;
		if (frame->frame_case == LIAISON__FRAME__FRAME_WELCOME) {
			link->welcome = frame;
			continue;
		}
		enum liaison_err err = LIAISON_MALFORMED;
		if (frame->frame_case == LIAISON__FRAME__FRAME_REFUSAL &&
			frame->refusal->code != LIAISON__CODE__CODE_OK)
			err = fault_set(fault, (enum liaison_err)frame->refusal->code,
				"the broker at %s does not welcome us: %s", link->broker->endpoint,
				frame->refusal->message != NULL ? frame->refusal->message : "");
		else
			fault_set(fault, err, "the broker at %s begins with another frame than welcome",
				link->broker->endpoint);
		frame_free(frame);
		return err;
	}
	return LIAISON_OK;
}

static void
await_trust(struct link *link)
{
	const struct app *app = link->setup.app;
	int64_t until = app_monotonic(app) + TRUST_WAIT_MS;
	Liaison__Frame *frame = NULL;
	bool is_silent = false;
	struct fault ignored; /* a loss is found again by whoever waits next */

	while (!has_all_trust(link, link->welcome->welcome)) {
		int64_t left = until - app_monotonic(app);
		if (left <= 0 || link_step(link, (int)left, -1, &frame, &is_silent, &ignored) == LINK_LOST)
			break;
		if (frame != NULL && !is_silent)
			frame_free(frame); /* nothing was asked for yet */
		frame = NULL;
	}
}

static enum liaison_err
check_names(struct link *link, const Liaison__Welcome *welcome, struct fault *fault)
{
	const char *at = link->broker->endpoint;
	const char *office = link->setup.home->office.text;

	if (welcome->version != PROTOCOL_VERSION)
		return fault_set(fault, LIAISON_UNSUPPORTED_VERSION,
			"the broker at %s speaks protocol version %u, this program %d; update the older one", at,
			welcome->version, PROTOCOL_VERSION);
	if (welcome->network == NULL || strcmp(welcome->network, trust_network(link->trust)) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG, "the broker at %s belongs to network %s, this office to %s",
			at, welcome->network != NULL ? welcome->network : "(none)", trust_network(link->trust));
	if (welcome->office == NULL || strcmp(welcome->office, office) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"the broker at %s knows this office's key as %s, but office.conf says %s; correct office.conf "
			"or the roster",
			at, welcome->office != NULL ? welcome->office : "(nobody)", office);
	if (welcome->broker == NULL || !office_id_is_valid(welcome->broker) ||
		(link->id.text[0] != '\0' && strcmp(welcome->broker, link->id.text) != 0))
		return fault_set(fault, LIAISON_BAD_CONFIG, "the broker at %s calls itself %s, expected was %s", at,
			welcome->broker != NULL ? welcome->broker : "(nothing)", link->id.text);
	return LIAISON_OK;
}

/* What the rosters say of this broker: its transport key, and that it serves this office's member. */
static enum liaison_err
check_standing(struct link *link, struct fault *fault)
{
	const char *id = link->id.text;
	char code[MEMBER_BYTES];
	struct key_id key;
	struct public_key found;
	struct fault why;

	const struct office *broker = trust_office(link->trust, id);
	if (broker == NULL)
		return fault_set(fault, LIAISON_UNKNOWN_OFFICE,
			"no roster here names the broker %s; import its country's roster with `liaison trust import`",
			id);
	key_id_of(&link->broker->key, &key);
	if (office_key(broker, KEY_TRANSPORT, &key, app_now(link->setup.app), &found, &why) != LIAISON_OK)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"the key that office.conf has for %s is not one that its roster gives it now: %s", id,
			why.message);
	address_member(link->setup.home->office.text, code);
	const struct member *member = trust_member(link->trust, code);
	if (member == NULL || !trust_serves(link->trust, id, member))
		return fault_set(fault, LIAISON_NOT_PERMITTED,
			"the roster of %s does not say that %s serves it; name the right broker in office.conf", code,
			id);
	return LIAISON_OK;
}

static enum liaison_err
check_checkpoint(struct link *link, const Liaison__Welcome *welcome, bool was_sent, struct fault *fault)
{
	if (welcome->checkpoint == NULL)
		return link->checkpoint == NULL ? LIAISON_OK
						: fault_set(fault, LIAISON_INCONSISTENT,
							  "the broker %s shows no log, but this home holds a "
							  "checkpoint of its log at size "
							  "%" PRIu64 "; tell its operator and keep this message",
							  link->id.text, link->checkpoint->size);
	enum liaison_err err = was_sent ? link_take_checkpoint(link, welcome->checkpoint, welcome->n_consistency,
						  welcome->consistency, fault)
					: link_prove_checkpoint(link, welcome->checkpoint, fault);
	return err == LIAISON_OK ? link_keep_checkpoint(link, fault) : err;
}

/*
 * Before anything is judged by this computer's clock. Where it is years off, alerts that are live would be parked as
 * expired and new ones signed for another year: LIAISON_BAD_CONFIG then, and nothing is taken or sent.
 */
static enum liaison_err
check_clock(const struct app *app, const Liaison__Welcome *welcome, struct fault *fault)
{
	int64_t skew = welcome->has_time ? welcome->time - app_now(app) : 0;
	int64_t by = skew > 0 ? skew : -skew;
	const char *unit = by < 2 * MS_PER_HOUR ? "minutes" : by < 2 * MS_PER_DAY ? "hours" : "days";
	int64_t unit_ms = by < 2 * MS_PER_HOUR ? MS_PER_MINUTE : by < 2 * MS_PER_DAY ? MS_PER_HOUR : MS_PER_DAY;

	if (by > CLOCK_SKEW_STOP_MS)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"this computer's clock is %" PRId64 " %s %s the broker's, so nothing is sent or taken; set it, "
			"or, if it is right, tell the broker's "
			"operator",
			by / unit_ms, unit, skew > 0 ? "behind" : "ahead of");
	if (by > CLOCK_SKEW_MAX_MS)
		say_warning(app, "this computer's clock is %" PRId64 " %s %s the broker's; set it", by / unit_ms, unit,
			skew > 0 ? "behind" : "ahead of");
	return LIAISON_OK;
}

enum liaison_err
link_greet(struct link *link, int64_t deadline_ms, struct fault *fault)
{
	const struct app *app = link->setup.app;

	guess_broker(link);
	enum liaison_err err = load_checkpoint(link, fault);
	bool was_sent = link->checkpoint != NULL || link->id.text[0] != '\0';
	if (err == LIAISON_OK)
		err = send_hello(link, fault);
	if (err == LIAISON_OK)
		err = await_welcome(link, deadline_ms, fault);
	if (err != LIAISON_OK)
		return err;
	const Liaison__Welcome *welcome = link->welcome->welcome;
	err = check_names(link, welcome, fault);
	if (err == LIAISON_OK)
		err = check_clock(app, welcome, fault);
	if (err != LIAISON_OK)
		return err;
	if (link->id.text[0] == '\0') {
		snprintf(link->id.text, sizeof link->id.text, "%s", welcome->broker);
		err = load_checkpoint(link, fault);
	}
	await_trust(link);
	if (err == LIAISON_OK)
		err = check_standing(link, fault);
	if (err == LIAISON_OK)
		err = check_checkpoint(link, welcome, was_sent, fault);
	if (err == LIAISON_OK)
		err = post_raise_sequence(link->setup.post, welcome->highest_sequence, fault);
	if (err != LIAISON_OK)
		return err;
	return LIAISON_OK;
}
