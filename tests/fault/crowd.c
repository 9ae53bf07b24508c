#include "tests/fault/crowd.h"

#include <signal.h>
#include <stdio.h>

void
crowd_init(struct crowd *crowd, struct experiment *experiment, const char *dir)
{
	*crowd = (struct crowd){.experiment = experiment, .text_bytes = 3000};
	net_init(&crowd->net, experiment, dir);
	ledger_init(&crowd->ledger, experiment);
	sight_init(&crowd->reader_sight, &crowd->ledger, "the reader");
	sight_init(&crowd->visitor_sight, &crowd->ledger, "the visitor");
}

void
crowd_clear(struct crowd *crowd)
{
	for (size_t i = 0; i < PUBLISHERS; i++)
		process_kill(&crowd->publishers[i]);
	process_kill(&crowd->reader);
	process_kill(&crowd->visitor);
	net_clear(&crowd->net);
	sight_clear(&crowd->reader_sight);
	sight_clear(&crowd->visitor_sight);
	ledger_clear(&crowd->ledger);
}

void
crowd_start_reader(struct crowd *crowd)
{
	net_agent_start(&crowd->net, &crowd->reader, NET_READER, sight_on_line, &crowd->reader_sight, "feed", NULL);
}

/* --- at work --------------------------------------------------------------------------------------------------------- */

/* The next batch of an office whose last one is over. */
static void
publish_on(struct crowd *crowd, size_t which)
{
	struct experiment *experiment = crowd->experiment;
	char path[FAULT_PATH_BYTES];
	uint32_t count = 1 + experiment_below(experiment, experiment_below(experiment, 4) == 0 ? 40 : 4);
	bool waits = !crowd->some_do_not_wait || experiment_below(experiment, 4) > 0;

	fault_path(path, "%s.batch-%llu.jsonl", crowd->net.dir, (unsigned long long)crowd->batches++);
	FILE *file = fault_need(fopen(path, "we"));
	for (uint32_t i = 0; i < count; i++)
		ledger_write_alert(&crowd->ledger, crowd->text_bytes, file);
	fclose(file);
	net_agent_start(&crowd->net, &crowd->publishers[which], net_publishers[which], ledger_on_answer, &crowd->ledger,
		"publish", "--wait", waits ? PUBLISHER_WAIT : "0", path, NULL);
}

static void
see_publisher_end(struct crowd *crowd, size_t which, int code)
{
	if (code != 0 && code != 75)
		experiment_broken(crowd->experiment, "`publish` of %s ended with %d; see %s", net_publishers[which],
			code, crowd->net.said);
}

static void
see_reader_end(struct crowd *crowd, const char *office, int code)
{
	if (code != 0 && code != 69 && code != 128 + SIGTERM) /* before it listens to that */
		experiment_broken(
			crowd->experiment, "`feed` of %s ended with %d; see %s", office, code, crowd->net.said);
}

static void
keep_going(struct crowd *crowd)
{
	int code;

	for (size_t i = 0; i < PUBLISHERS; i++) {
		if (process_has_ended(&crowd->publishers[i], &code))
			see_publisher_end(crowd, i, code);
		if (!process_is_there(&crowd->publishers[i]))
			publish_on(crowd, i);
	}
	if (process_has_ended(&crowd->visitor, &code))
		see_reader_end(crowd, NET_VISITOR, code);
	if (!process_is_there(&crowd->visitor))
		net_agent_start(&crowd->net, &crowd->visitor, NET_VISITOR, sight_on_line, &crowd->visitor_sight, "feed",
			"--until-end", NULL);
}

void
crowd_work(struct crowd *crowd, unsigned microseconds, uint64_t acknowledgements)
{
	struct process *all[] = {&crowd->publishers[0], &crowd->publishers[1], &crowd->reader, &crowd->visitor};
	const long long until = monotonic_ms() + microseconds / 1000;
	const uint64_t enough = crowd->accepted + acknowledgements;

	for (;;) {
		keep_going(crowd);
		crowd->accepted = ledger_acknowledged(&crowd->ledger, UINT64_MAX);
		if (monotonic_ms() >= until || crowd->accepted >= enough)
			break;
		(void)processes_hear(all, sizeof all / sizeof all[0], 1);
	}
}

void
crowd_begin_anew(struct crowd *crowd)
{
	for (size_t i = 0; i < PUBLISHERS; i++)
		if (experiment_below(crowd->experiment, 4) > 0)
			trace_kill(crowd->trace, &crowd->publishers[i]);
	if (experiment_below(crowd->experiment, 4) == 0)
		return;
	/* A reader that is killed may be shown again what it had not kept: only where that is looked at. */
	if (crowd->trace != NULL)
		trace_kill(crowd->trace, &crowd->visitor);
	else
		see_reader_end(crowd, NET_VISITOR, process_stop(&crowd->visitor, CROWD_END_MS));
}

/* --- the end --------------------------------------------------------------------------------------------------------- */

void
crowd_end(struct crowd *crowd)
{
	for (size_t i = 0; i < PUBLISHERS; i++)
		see_publisher_end(crowd, i, process_await(&crowd->publishers[i], CROWD_END_MS));
	see_reader_end(crowd, NET_READER, process_stop(&crowd->reader, CROWD_END_MS));
	see_reader_end(crowd, NET_VISITOR, process_await(&crowd->visitor, CROWD_END_MS));
}

static void
check_reader(struct crowd *crowd, const char *office, struct sight *sight)
{
	net_feed_to_end(&crowd->net, office, sight);
	sight_check(sight, UINT64_MAX, true);
	net_check_verifies(&crowd->net, office);
}

void
crowd_check(struct crowd *crowd)
{
	for (size_t i = 0; i < PUBLISHERS; i++) {
		net_empty_outbox(&crowd->net, net_publishers[i], &crowd->ledger);
		net_check_verifies(&crowd->net, net_publishers[i]);
	}
	check_reader(crowd, NET_READER, &crowd->reader_sight);
	check_reader(crowd, NET_VISITOR, &crowd->visitor_sight);
	net_check_all_there(&crowd->net, &crowd->ledger, UINT64_MAX, true);
}
