/*
 * Power cuts. A network at work is recorded, all of it by one trace: what the broker and the agents wrote, synced and
 * named, in the order in which it happened. Then its machines are made anew as they were at some moment of it: those that
 * lost power in a state that their disks may have been left in, the others as they stood. What had been acknowledged by
 * then is there, and everybody goes on.
 */
#include "tests/fault/crowd.h"
#include "tests/fault/rebuild.h"

#include <string.h>
#include <unistd.h>

#define STATES_PER_RECORDING 50
#define ENV_BYTES (FAULT_PATH_BYTES + 32)

struct recording {
	struct crowd crowd;
	struct trace trace;
	char base[FAULT_PATH_BYTES];
	char preload[ENV_BYTES], root[ENV_BYTES], file[ENV_BYTES];
	const char *env[4];
};

/* --- recording ------------------------------------------------------------------------------------------------------- */

static void
recording_init(struct recording *recording, struct experiment *experiment, const char *dir)
{
	char live[FAULT_PATH_BYTES], path[FAULT_PATH_BYTES], shim[FAULT_PATH_BYTES];

	*recording = (struct recording){.trace = {.fd = -1}};
	fault_path(live, "%s/live", dir);
	crowd_init(&recording->crowd, experiment, live);
	fault_path(recording->base, "%s/base", dir);
	copy_tree(live, recording->base);
	fault_path(path, "%s/trace", dir);
	trace_init(&recording->trace, path);
	fault_shim_path(shim);
	snprintf(recording->preload, ENV_BYTES, "LD_PRELOAD=%s", shim);
	snprintf(recording->root, ENV_BYTES, FAULT_ROOT "=%s", live);
	snprintf(recording->file, ENV_BYTES, FAULT_TRACE "=%s", path);
	recording->env[0] = recording->preload;
	recording->env[1] = recording->root;
	recording->env[2] = recording->file;
	recording->crowd.net.env = recording->env;
	recording->crowd.ledger.position = &recording->trace.head->count;
	recording->crowd.trace = &recording->trace;
	recording->crowd.some_do_not_wait = true;
}

static void
recording_clear(struct recording *recording)
{
	crowd_clear(&recording->crowd);
	remove_tree(recording->base);
	trace_clear(&recording->trace);
}

/* A broker makes its log, works, is killed or stopped, and works on. */
static bool
record(struct recording *recording)
{
	struct crowd *crowd = &recording->crowd;
	struct experiment *experiment = crowd->experiment;

	for (int life = 0; life < 2; life++) {
		if (!net_start_broker(&crowd->net))
			return false;
		if (life == 0)
			crowd_start_reader(crowd);
		crowd_work(crowd, 4000000, 40 + experiment_below(experiment, 60));
		if (life == 0 && experiment_below(experiment, 2) == 0)
			trace_kill(&recording->trace, &crowd->net.broker);
		else if (life == 0)
			net_stop_broker(&crowd->net);
		crowd_begin_anew(crowd);
	}
	crowd_end(crowd);
	net_stop_broker(&crowd->net);
	return true;
}

/* --- a state --------------------------------------------------------------------------------------------------------- */

static bool
is_broker(void *arg, const char *machine)
{
	(void)arg;
	return strcmp(machine, "kh.broker") == 0;
}

static bool
is_agent(void *arg, const char *machine)
{
	return !is_broker(arg, machine);
}

/* Any moment, or right after something was acknowledged, when there is least time to have made it so. */
static uint64_t
some_position(const struct recording *recording)
{
	const struct ledger *ledger = &recording->crowd.ledger;
	struct experiment *experiment = recording->crowd.experiment;

	if (experiment_below(experiment, 2) == 0 && ledger->answer_count > 0) {
		const struct answer *answer =
			&ledger->answers[experiment_below(experiment, (uint32_t)ledger->answer_count)];
		if (answer->accepted_at != 0)
			return answer->accepted_at - 1;
		if (answer->queued_at != 0)
			return answer->queued_at - 1;
	}
	return experiment_below(experiment, (uint32_t)recording->trace.head->count + 1);
}

static void
check_reader(
	const struct net *net, const char *office, const struct sight *before, struct ledger *ledger, uint64_t until)
{
	struct sight kept, after;

	sight_init(&kept, ledger, before->who);
	sight_init(&after, ledger, before->who);
	net_read_inbox(net, office, &kept);
	net_feed_to_end(net, office, &after);
	sight_check_return(before, until, &kept, &after);
	sight_clear(&kept);
	sight_clear(&after);
	net_check_verifies(net, office);
}

static void
check_state(const struct recording *recording, const struct net *net, uint64_t until)
{
	const struct crowd *crowd = &recording->crowd;
	struct ledger ledger;

	ledger_at(&ledger, &crowd->ledger, until);
	crowd->experiment->acknowledged += ledger_acknowledged(&ledger, UINT64_MAX);
	for (size_t i = 0; i < PUBLISHERS; i++)
		net_empty_outbox(net, net_publishers[i], &ledger);
	check_reader(net, NET_READER, &crowd->reader_sight, &ledger, until);
	check_reader(net, NET_VISITOR, &crowd->visitor_sight, &ledger, until);
	net_check_all_there(net, &ledger, UINT64_MAX, true);
	for (size_t i = 0; i < PUBLISHERS; i++)
		net_check_verifies(net, net_publishers[i]);
	ledger_clear(&ledger);
}

static void
cut_once(struct recording *recording, const char *dir, bool (*is_cut)(void *arg, const char *machine))
{
	struct experiment *experiment = recording->crowd.experiment;
	uint64_t position = some_position(recording);
	const struct rebuild what = {.trace = &recording->trace,
		.root = recording->crowd.net.dir,
		.base = recording->base,
		.position = position,
		.rng = &experiment->rng,
		.sector = experiment_below(experiment, 2) == 0 ? 512 : 4096,
		.is_cut = is_cut};
	char root[ENV_BYTES];
	const char *const env[] = {recording->preload, root, FAULT_NO_SYNC "=1", NULL};
	struct net net = {.experiment = experiment, .env = env};

	fault_path(net.dir, "%s/state-%llu", dir, (unsigned long long)experiment->done);
	fault_path(net.said, "%s.said", net.dir);
	snprintf(root, sizeof root, FAULT_ROOT "=%s", net.dir);
	uint64_t wrong = experiment_wrong(experiment);
	rebuild(&what, net.dir);
	if (net_start_broker(&net))
		check_state(recording, &net, position + 1);
	experiment->done++;
	if (experiment_wrong(experiment) > wrong)
		experiment_tell(experiment, "that was the state after %llu of %llu records, torn at %zu bytes",
			(unsigned long long)position, (unsigned long long)recording->trace.head->count, what.sector);
	net_clear(&net);
}

static void
cut(struct experiment *experiment, bool (*is_cut)(void *arg, const char *machine))
{
	char dir[FAULT_PATH_BYTES];
	struct recording recording;

	for (unsigned n = 0; experiment_goes_on(experiment); n++) {
		fault_path(dir, "%s/%u", experiment->dir, n);
		make_dir(dir);
		recording_init(&recording, experiment, dir);
		if (record(&recording))
			for (int i = 0; i < STATES_PER_RECORDING && experiment_goes_on(experiment); i++)
				cut_once(&recording, dir, is_cut);
		recording_clear(&recording);
	}
}

void
experiment_power_cut_broker(struct experiment *experiment)
{
	cut(experiment, is_broker);
}

void
experiment_power_cut_agent(struct experiment *experiment)
{
	cut(experiment, is_agent);
}
