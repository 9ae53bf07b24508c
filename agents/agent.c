#include "agents/agent.h"

#include "agents/passphrase.h"
#include "agents/say.h"
#include "proto/edge/docfile.h"
#include "proto/edge/keyfile.h"

#include <stdlib.h>
#include <string.h>

static void
say_trouble(void *arg, const char *path, enum liaison_err code, const char *sentence)
{
	const struct app *app = arg;

	/* What is merely over or older is nothing that an officer could mend. */
	if (code == LIAISON_STALE || code == LIAISON_EXPIRED)
		say_detail(app, "%s: %s", path, sentence);
	else
		say_warning(app, "%s: %s", path, sentence);
}

static enum liaison_err
load_trust(struct agent *agent, struct fault *fault)
{
	const struct app *app = agent->app;
	const struct home *home = agent->home;

	char *folder = home_file(home->path, "trust");
	if (folder == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err =
		trust_load_dir(folder, app_now(app), say_trouble, (void *)(uintptr_t)app, &agent->trust, fault);
	free(folder);
	if (err == LIAISON_NOT_FOUND)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s has no root keys yet; hand over root.keys, charters and rosters by `liaison trust import "
			"FILE...`",
			home->path);
	if (err == LIAISON_OK && home->network[0] != '\0' && strcmp(home->network, trust_network(agent->trust)) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s/office.conf says network %s, but its root keys are of network %s; correct `network`, or "
			"take it out",
			home->path, home->network, trust_network(agent->trust));
	return err;
}

static enum liaison_err
load_keys(struct agent *agent, struct fault *fault)
{
	const struct passphrase_source source = passphrase_source();
	const struct home *home = agent->home;
	struct keyfile_info info;

	char *file = home_file(home->path, "office.key");
	if (file == NULL)
		return fault_set(fault, LIAISON_NO_MEMORY, "out of memory");
	enum liaison_err err = keyfile_load(file, &source, &agent->keys, &info, fault);
	free(file);
	if (err == LIAISON_NOT_FOUND)
		return fault_set(
			fault, LIAISON_BAD_CONFIG, "%s has no office.key; make one by `liaison keys new`", home->path);
	if (err != LIAISON_OK)
		return err;
	if (info.owner == KEYS_SIGNER)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s/office.key holds keys of a root or authority, not of an office", home->path);
	if (strcmp(info.name, home->office.text) != 0)
		return fault_set(fault, LIAISON_BAD_CONFIG,
			"%s/office.key is the key of %s, but office.conf says %s; correct `office`, or put the right "
			"key there",
			home->path, info.name, home->office.text);
	return LIAISON_OK;
}

/* Keys that are not valid now, on a roster that is of tomorrow: it is the clock. */
static enum liaison_err
check_clock(const struct agent *agent, struct fault *fault)
{
	const struct office *office = agent_office(agent);
	const Liaison__Roster *roster = office != NULL ? office->member->roster : NULL;
	int64_t now = app_now(agent->app);
	char says[RFC3339_BYTES], issued[RFC3339_BYTES];
	struct public_key found;
	struct key_id id;

	key_id_of(&agent->keys->signing_public, &id);
	if (roster == NULL || roster->issued <= now ||
		office_key(office, KEY_SIGNING, &id, now, &found, NULL) == LIAISON_OK)
		return LIAISON_OK;
	time_format(now, says);
	time_format(roster->issued, issued);
	return fault_set(fault, LIAISON_BAD_CONFIG,
		"this computer's clock says %s, but the roster of %s was issued at %s: set the clock", says,
		office->member->code, issued);
}

enum liaison_err
agent_open(const struct app *app, unsigned needs, struct agent *out, struct fault *fault)
{
	struct agent agent = {.app = app};

	admission_limits_default(&agent.limits);
	enum liaison_err err = home_open(app->home, &agent.home, fault);
	if (err == LIAISON_OK && (needs & AGENT_TRUST) != 0)
		err = load_trust(&agent, fault);
	if (err == LIAISON_OK && (needs & AGENT_KEYS) != 0)
		err = load_keys(&agent, fault);
	if (err == LIAISON_OK && agent.keys != NULL && agent.trust != NULL)
		err = check_clock(&agent, fault);
	if (err == LIAISON_OK && (needs & AGENT_CROSSINGS) != 0)
		err = crossings_builtin(&agent.crossings, fault);
	if (err == LIAISON_OK && (needs & AGENT_POST) != 0)
		err = post_open(agent.home->path, &agent.post, fault);
	if (err != LIAISON_OK) {
		agent_close(&agent);
		return err;
	}
	*out = agent;
	return LIAISON_OK;
}

void
agent_close(struct agent *agent)
{
	post_close(agent->post);
	crossings_free(agent->crossings);
	secret_keys_free(agent->keys);
	trust_unref(agent->trust);
	home_free(agent->home);
	*agent = (struct agent){0};
}

const struct office *
agent_office(const struct agent *agent)
{
	return trust_office(agent->trust, agent->home->office.text);
}

enum liaison_err
agent_connect(struct agent *agent, int64_t deadline_ms, struct link **out, struct fault *fault)
{
	const struct link_setup setup = {.app = agent->app,
		.home = agent->home,
		.keys = agent->keys,
		.trust = agent->trust,
		.post = agent->post,
		.stop_fd = agent->stop_fd};

	enum liaison_err err = link_open(&setup, deadline_ms, out, fault);
	if (err == LIAISON_OK)
		agent_follow(agent, *out);
	return err;
}

void
agent_follow(struct agent *agent, const struct link *link)
{
	struct trust *newest = trust_ref(link_trust(link));

	trust_unref(agent->trust);
	agent->trust = newest;
}

bool
agent_refresh(struct agent *agent)
{
	const struct trust *before = agent->trust;
	int64_t deadline = app_monotonic(agent->app) + agent->refresh_ms;
	struct link *link = NULL;
	struct fault ignored; /* who has no line works with what is here; sending says why there is none */

	if (agent->refresh_ms == 0 || agent->home->broker_count == 0)
		return false;
	agent->refresh_ms = 0;
	if (agent_connect(agent, deadline, &link, &ignored) != LIAISON_OK)
		return false;
	link_close(link);
	return agent->trust != before;
}
