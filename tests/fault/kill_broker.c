/* kill -9 of the broker at random moments, while offices publish and read. */
#include "tests/fault/net.h"

#include <stdlib.h>

#define KILLS_PER_NET 50
#define TEXT_BYTES 3000
#define PUBLISH_MS 60000
#define WORK_US 1500000 /* at most, before a kill */

struct story {
	struct experiment *experiment;
	struct net net;
	struct ledger ledger;
	struct process publishers[PUBLISHERS];
	struct process reader, visitor;
	struct sight reader_sight, visitor_sight;
	uint64_t accepted;
};

/* The next batch of an office whose last one is over. */
static void
publish_on(struct story *story, size_t which)
{
	char path[FAULT_PATH_BYTES];
	uint32_t count = 1 + experiment_below(story->experiment, experiment_below(story->experiment, 4) == 0 ? 40 : 4);

	fault_path(path, "%s.batch-%zu.jsonl", story->net.dir, which);
	FILE *file = fault_need(fopen(path, "we"));
	for (uint32_t i = 0; i < count; i++)
		ledger_write_alert(&story->ledger, TEXT_BYTES, file);
	fclose(file);
	net_agent_start(&story->net, &story->publishers[which], net_publishers[which], ledger_on_answer, &story->ledger,
		"publish", "--restart", "--wait", PUBLISHER_WAIT, path, NULL);
}

static void
check_publisher_end(struct story *story, size_t which, int code)
{
	if (code != 0 && code != 75)
		experiment_broken(story->experiment, "`publish` of %s ended with %d; see %s", net_publishers[which],
			code, story->net.said);
}

static void
visit(struct story *story)
{
	net_agent_start(&story->net, &story->visitor, NET_VISITOR, sight_on_line, &story->visitor_sight, "feed",
		"--until-end", NULL);
}

/* Whoever has ended begins anew. */
static void
keep_going(struct story *story)
{
	int code;

	for (size_t i = 0; i < PUBLISHERS; i++) {
		if (process_has_ended(&story->publishers[i], &code))
			check_publisher_end(story, i, code);
		if (!process_is_there(&story->publishers[i]))
			publish_on(story, i);
	}
	if (process_has_ended(&story->visitor, &code) && code != 0 && code != 69)
		experiment_broken(
			story->experiment, "the visitor's `feed` ended with %d; see %s", code, story->net.said);
	if (!process_is_there(&story->visitor))
		visit(story);
}

/* Everybody goes on for so long, or until so many acknowledgements came: hears what they say. */
static void
let_work(struct story *story, unsigned microseconds, uint64_t acknowledgements)
{
	struct process *all[] = {&story->publishers[0], &story->publishers[1], &story->reader, &story->visitor};
	const long long until = monotonic_ms() + microseconds / 1000;
	const uint64_t enough = story->accepted + acknowledgements;

	for (;;) {
		keep_going(story);
		story->accepted = ledger_acknowledged(&story->ledger, 1);
		if (monotonic_ms() >= until || story->accepted >= enough)
			break;
		(void)processes_hear(all, sizeof all / sizeof all[0], 1);
	}
}

/* Nobody waits for a connection that broke to come back by itself, but for the reader. */
static void
begin_anew(struct story *story)
{
	for (size_t i = 0; i < PUBLISHERS; i++)
		if (experiment_below(story->experiment, 4) > 0)
			process_kill(&story->publishers[i]);
	if (experiment_below(story->experiment, 4) > 0)
		(void)process_stop(&story->visitor, PUBLISH_MS);
}

/* Readers that have been there before are given the rest, and nothing again. */
static void
check_reader(struct story *story, struct process *reader, const char *office, struct sight *sight)
{
	int code = process_stop(reader, PUBLISH_MS);

	if (code != 0 && code != 69)
		experiment_broken(
			story->experiment, "`feed` of %s ended with %d; see %s", office, code, story->net.said);
	code = net_agent(&story->net, office, sight_on_line, sight, "feed", "--until-end", NULL);
	if (code != 0)
		experiment_broken(
			story->experiment, "`feed` of %s ended with %d; see %s", office, code, story->net.said);
	sight_check(sight, 1, true);
	net_check_verifies(&story->net, office);
}

static void
check_all(struct story *story)
{
	for (size_t i = 0; i < PUBLISHERS; i++) {
		check_publisher_end(story, i, process_await(&story->publishers[i], PUBLISH_MS));
		net_empty_outbox(&story->net, net_publishers[i], &story->ledger);
		net_check_verifies(&story->net, net_publishers[i]);
	}
	check_reader(story, &story->reader, NET_READER, &story->reader_sight);
	check_reader(story, &story->visitor, NET_VISITOR, &story->visitor_sight);
	net_check_all_there(&story->net, &story->ledger, 1, true);
	story->experiment->acknowledged += ledger_acknowledged(&story->ledger, 1);
}

/* One kill: mostly of a broker that works, one in five of one that starts. */
static bool
kill_once(struct story *story)
{
	struct experiment *experiment = story->experiment;

	begin_anew(story);
	let_work(story, WORK_US, 1 + experiment_below(experiment, 12));
	sleep_us(experiment_below(experiment, 6000));
	process_kill(&story->net.broker);
	experiment->done++;
	if (experiment_below(experiment, 4) == 0)
		let_work(story, experiment_below(experiment, 20000), UINT64_MAX / 2);
	if (experiment_below(experiment, 4) == 0 && experiment_goes_on(experiment)) {
		net_launch_broker(&story->net);
		let_work(story, experiment_below(experiment, 30000), UINT64_MAX / 2);
		process_kill(&story->net.broker);
		experiment->done++;
	}
	return net_start_broker(&story->net);
}

static void
live(struct experiment *experiment, const char *dir)
{
	struct story story = {.experiment = experiment};

	net_init(&story.net, experiment, dir);
	ledger_init(&story.ledger, experiment);
	sight_init(&story.reader_sight, &story.ledger, "the reader");
	sight_init(&story.visitor_sight, &story.ledger, "the visitor");
	bool is_up = net_start_broker(&story.net);
	net_agent_start(&story.net, &story.reader, NET_READER, sight_on_line, &story.reader_sight, "feed", NULL);
	for (unsigned kills = 0; is_up && kills < KILLS_PER_NET && experiment_goes_on(experiment); kills++)
		is_up = kill_once(&story);
	if (is_up)
		check_all(&story);
	for (size_t i = 0; i < PUBLISHERS; i++)
		process_kill(&story.publishers[i]);
	process_kill(&story.reader);
	process_kill(&story.visitor);
	net_clear(&story.net);
	sight_clear(&story.reader_sight);
	sight_clear(&story.visitor_sight);
	ledger_clear(&story.ledger);
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
