/* kill -9 of the agents at random moments: of one that publishes files, small and large, and of one that reads. */
#include "tests/fault/net.h"

#include <stdlib.h>

#define KILLS_PER_NET 50
#define TEXT_BYTES 1500
#define BATCH_MAX 400
#define SMALL_BATCH_MAX 12

/* A file of new alerts, mostly a small one; their number. */
static uint32_t
write_batch(const struct net *net, struct ledger *ledger, const char *path)
{
	struct experiment *experiment = net->experiment;
	uint32_t most = experiment_below(experiment, 8) == 0 ? BATCH_MAX : SMALL_BATCH_MAX;
	uint32_t count = 1 + experiment_below(experiment, most);
	FILE *file = fault_need(fopen(path, "we"));

	for (uint32_t i = 0; i < count; i++)
		ledger_write_alert(ledger, TEXT_BYTES, file);
	fclose(file);
	return count;
}

/* Hears a process until it ends by itself, has said so many lines, or for so long; then kills it. */
static void
kill_after(struct process *process, const volatile uint64_t *said, uint64_t lines, unsigned microseconds)
{
	const long long until = monotonic_ms() + 500;
	const uint64_t enough = *said + lines;

	while (process->out >= 0 && *said < enough && monotonic_ms() < until)
		(void)processes_hear(&process, 1, 1);
	sleep_us(microseconds);
	process_kill(process);
}

/* --- the one that publishes ------------------------------------------------------------------------------------------ */

struct publishing {
	struct experiment *experiment;
	struct net net;
	struct ledger ledger;
	uint64_t lines; /* said so far */
	bool *is_whole; /* by number of the alert: its file was taken in to its end */
};

static void
on_answer(void *arg, const char *line)
{
	struct publishing *publishing = arg;

	publishing->lines++;
	ledger_take_answer(&publishing->ledger, line);
}

static void
publish_and_kill(struct publishing *publishing, const char *path)
{
	struct experiment *experiment = publishing->experiment;
	struct process process;

	net_agent_start(&publishing->net, &process, net_publishers[0], on_answer, publishing, "publish", path, NULL);
	/* Before the first word, or after some. */
	if (experiment_below(experiment, 2) == 0) {
		sleep_us(experiment_below(experiment, 25000));
		process_kill(&process);
	} else {
		kill_after(&process, &publishing->lines, 1 + experiment_below(experiment, 40),
			experiment_below(experiment, 3000));
	}
	experiment->done++;
}

/*
 * Kills it once or more on one file; then the same command again, or what waits is sent and the rest forgotten. A file of a
 * single alert is sent as often as it is published (agents/load.h), so that one is not published again.
 */
static void
publish_once(struct publishing *publishing, uint64_t number)
{
	struct experiment *experiment = publishing->experiment;
	char path[FAULT_PATH_BYTES];

	fault_path(path, "%s.batch-%llu.jsonl", publishing->net.dir, (unsigned long long)number);
	uint64_t first = publishing->ledger.count;
	uint32_t count = write_batch(&publishing->net, &publishing->ledger, path);
	publishing->is_whole = fault_need(realloc(publishing->is_whole, (first + count) * sizeof(bool)));
	do {
		publish_and_kill(publishing, path);
	} while (count > 1 && experiment_below(experiment, 3) == 0 && experiment_goes_on(experiment));
	bool goes_on = count > 1 && experiment_below(experiment, 3) > 0;
	for (uint64_t i = first; i < first + count; i++)
		publishing->is_whole[i] = goes_on;
	int code =
		goes_on ? net_agent(&publishing->net, net_publishers[0], on_answer, publishing, "publish", path, NULL)
			: 0;
	if (code != 0)
		experiment_broken(experiment, "`publish` of the same file again ended with %d; see %s", code,
			publishing->net.said);
	if (!goes_on)
		net_empty_outbox(&publishing->net, net_publishers[0], &publishing->ledger);
}

static void
check_published(struct publishing *publishing)
{
	struct experiment *experiment = publishing->experiment;
	struct sight sight;

	net_empty_outbox(&publishing->net, net_publishers[0], &publishing->ledger);
	sight_init(&sight, &publishing->ledger, "a newcomer");
	net_feed_to_end(&publishing->net, NET_NEWCOMER, &sight);
	sight_check(&sight, UINT64_MAX, true);
	for (uint64_t i = 0; i < publishing->ledger.count; i++)
		if (publishing->is_whole[i] && !sight_has_number(&sight, i))
			experiment_found(experiment, &experiment->lost,
				"alert %llu stood in a file that was taken in, and nobody is given it",
				(unsigned long long)i);
	sight_clear(&sight);
	net_check_verifies(&publishing->net, net_publishers[0]);
	experiment->acknowledged += ledger_acknowledged(&publishing->ledger, UINT64_MAX);
}

void
experiment_kill_publisher(struct experiment *experiment)
{
	char dir[FAULT_PATH_BYTES];

	for (unsigned n = 0; experiment_goes_on(experiment); n++) {
		struct publishing publishing = {.experiment = experiment};
		fault_path(dir, "%s/net-%u", experiment->dir, n);
		net_init(&publishing.net, experiment, dir);
		ledger_init(&publishing.ledger, experiment);
		if (net_start_broker(&publishing.net)) {
			for (unsigned i = 0; i < KILLS_PER_NET && experiment_goes_on(experiment); i++)
				publish_once(&publishing, i);
			check_published(&publishing);
		}
		net_clear(&publishing.net);
		ledger_clear(&publishing.ledger);
		free(publishing.is_whole);
	}
}

/* --- the one that reads ---------------------------------------------------------------------------------------------- */

struct reading_life {
	struct sight shown;
	uint64_t lines;
};

static void
on_delivery(void *arg, const char *line)
{
	struct reading_life *life = arg;

	life->lines++;
	sight_take_line(&life->shown, line);
}

/* One life of the reader, which ends in a kill; `kept` is what its inbox held before, and then what it holds after. */
static void
read_and_kill(const struct net *net, struct ledger *ledger, struct sight *kept)
{
	struct experiment *experiment = net->experiment;
	struct reading_life life = {.lines = 0};
	struct process process;
	struct sight now;

	sight_init(&life.shown, ledger, "the reader");
	sight_init(&now, ledger, "the reader");
	net_agent_start(net, &process, NET_READER, on_delivery, &life, "feed", NULL);
	if (experiment_below(experiment, 4) == 0) {
		sleep_us(experiment_below(experiment, 25000));
		process_kill(&process);
	} else {
		kill_after(&process, &life.lines, 1 + experiment_below(experiment, 20),
			experiment_below(experiment, 6000));
	}
	experiment->done++;
	net_read_inbox(net, NET_READER, &now);
	sight_check_life(kept, &life.shown, &now);
	sight_clear(&life.shown);
	sight_clear(kept);
	*kept = now;
}

static void
read_on(struct experiment *experiment, const struct net *net, struct ledger *ledger)
{
	struct sight kept, rest;
	char path[FAULT_PATH_BYTES];

	sight_init(&kept, ledger, "the reader");
	for (unsigned i = 0; i < KILLS_PER_NET && experiment_goes_on(experiment); i++) {
		struct process publisher;
		fault_path(path, "%s.batch-%u.jsonl", net->dir, i);
		write_batch(net, ledger, path);
		net_agent_start(net, &publisher, net_publishers[0], ledger_on_answer, ledger, "publish", path, NULL);
		/* It reads while that comes in, or what lies there already. */
		bool is_first = experiment_below(experiment, 2) == 0;
		int code = is_first ? process_await(&publisher, 60000) : 0;
		do {
			read_and_kill(net, ledger, &kept);
		} while (experiment_below(experiment, 3) == 0 && experiment_goes_on(experiment));
		if (!is_first)
			code = process_await(&publisher, 60000);
		if (code != 0)
			experiment_broken(experiment, "`publish` ended with %d; see %s", code, net->said);
	}
	sight_init(&rest, ledger, "the reader");
	net_feed_to_end(net, NET_READER, &rest);
	sight_check_return(&rest, 0, &kept, &rest);
	net_check_verifies(net, NET_READER);
	sight_clear(&kept);
	sight_clear(&rest);
	experiment->acknowledged += ledger_acknowledged(ledger, UINT64_MAX);
}

void
experiment_kill_reader(struct experiment *experiment)
{
	char dir[FAULT_PATH_BYTES];

	for (unsigned n = 0; experiment_goes_on(experiment); n++) {
		struct net net;
		struct ledger ledger;
		fault_path(dir, "%s/net-%u", experiment->dir, n);
		net_init(&net, experiment, dir);
		ledger_init(&ledger, experiment);
		if (net_start_broker(&net))
			read_on(experiment, &net, &ledger);
		net_clear(&net);
		ledger_clear(&ledger);
	}
}
