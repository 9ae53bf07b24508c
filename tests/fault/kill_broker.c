/* kill -9 of the broker at random moments, while offices publish and read. */
#include "tests/fault/crowd.h"

#define KILLS_PER_NET 50
#define WORK_US 1500000 /* at most, before a kill */

/* One kill: mostly of a broker that works, one in five of one that starts. */
static bool
kill_once(struct crowd *crowd)
{
	struct experiment *experiment = crowd->experiment;

	crowd_begin_anew(crowd);
	crowd_work(crowd, WORK_US, 1 + experiment_below(experiment, 12));
	sleep_us(experiment_below(experiment, 6000));
	process_kill(&crowd->net.broker);
	experiment->done++;
	if (experiment_below(experiment, 4) == 0)
		crowd_work(crowd, experiment_below(experiment, 20000), UINT64_MAX / 2);
	if (experiment_below(experiment, 4) == 0 && experiment_goes_on(experiment)) {
		net_launch_broker(&crowd->net);
		crowd_work(crowd, experiment_below(experiment, 30000), UINT64_MAX / 2);
		process_kill(&crowd->net.broker);
		experiment->done++;
	}
	return net_start_broker(&crowd->net);
}

static void
live(struct experiment *experiment, const char *dir)
{
	struct crowd crowd;

	crowd_init(&crowd, experiment, dir);
	bool is_up = net_start_broker(&crowd.net);
	crowd_start_reader(&crowd);
	for (unsigned kills = 0; is_up && kills < KILLS_PER_NET && experiment_goes_on(experiment); kills++)
		is_up = kill_once(&crowd);
	if (is_up) {
		crowd_end(&crowd);
		crowd_check(&crowd);
	}
	experiment->acknowledged += ledger_acknowledged(&crowd.ledger, UINT64_MAX);
	crowd_clear(&crowd);
}

void
experiment_kill_broker(struct experiment *experiment)
{
	char dir[FAULT_PATH_BYTES];

	for (unsigned n = 0; experiment_goes_on(experiment); n++) {
		fault_path(dir, "%s/net-%u", experiment->dir, n);
		live(experiment, dir);
	}
}
