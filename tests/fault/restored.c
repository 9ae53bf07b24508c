/*
 * An older copy of a disk is put back (TRUST 9). A broker's: agents that have seen more say so, the broker takes nothing
 * more and the agents keep the evidence; with the right disk back everything goes on. An office's: `welcome` tells how far
 * its numbers had come, and its feed gives it again what its inbox has lost.
 */
#include "tests/fault/net.h"

#include <string.h>

#define TEXT_BYTES 800
#define RUNS_PER_NET 10
#define BATCH_MAX 12

struct story {
	struct experiment *experiment;
	struct net net;
	struct ledger ledger;
	struct sight seen; /* by the reader */
	uint64_t batches;
};

static int
publish(struct story *story, const char *office, uint32_t count)
{
	char path[FAULT_PATH_BYTES];

	fault_path(path, "%s.batch-%llu.jsonl", story->net.dir, (unsigned long long)story->batches++);
	FILE *file = fault_need(fopen(path, "we"));
	for (uint32_t i = 0; i < count; i++)
		ledger_write_alert(&story->ledger, TEXT_BYTES, file);
	fclose(file);
	return net_agent(&story->net, office, ledger_on_answer, &story->ledger, "publish", "--wait", "2", path, NULL);
}

static void
publish_well(struct story *story, const char *office)
{
	int code = publish(story, office, 1 + experiment_below(story->experiment, BATCH_MAX));

	if (code != 0)
		experiment_broken(
			story->experiment, "`publish` of %s ended with %d; see %s", office, code, story->net.said);
}

static void
put_back(const char *copy, const char *dir)
{
	remove_tree(dir);
	copy_tree(copy, dir);
}

/* What holds whatever was put back: everything is there once, and the reader has it all. */
static void
check(struct story *story)
{
	struct sight kept, rest;

	for (size_t i = 0; i < PUBLISHERS; i++)
		net_empty_outbox(&story->net, net_publishers[i], &story->ledger);
	sight_init(&kept, &story->ledger, "the reader");
	sight_init(&rest, &story->ledger, "the reader");
	net_read_inbox(&story->net, NET_READER, &kept);
	net_feed_to_end(&story->net, NET_READER, &rest);
	sight_check_return(&story->seen, 0, &kept, &rest);
	sight_clear(&kept);
	sight_clear(&rest);
	net_check_all_there(&story->net, &story->ledger, UINT64_MAX, true);
	for (size_t i = 0; i < PUBLISHERS; i++)
		net_check_verifies(&story->net, net_publishers[i]);
	net_check_verifies(&story->net, NET_READER);
}

static void
tell(struct experiment *experiment, void (*restore)(struct story *story))
{
	char dir[FAULT_PATH_BYTES];

	for (unsigned n = 0; experiment_goes_on(experiment); n++) {
		struct story story = {.experiment = experiment};
		fault_path(dir, "%s/net-%u", experiment->dir, n);
		net_init(&story.net, experiment, dir);
		ledger_init(&story.ledger, experiment);
		sight_init(&story.seen, &story.ledger, "the reader");
		bool is_up = net_start_broker(&story.net);
		for (unsigned i = 0; is_up && i < RUNS_PER_NET && experiment_goes_on(experiment); i++) {
			restore(&story);
			experiment->done++;
			is_up = process_is_there(&story.net.broker);
		}
		if (is_up)
			check(&story);
		experiment->acknowledged += ledger_acknowledged(&story.ledger, UINT64_MAX);
		net_clear(&story.net);
		sight_clear(&story.seen);
		ledger_clear(&story.ledger);
	}
}

/* --- the broker's ---------------------------------------------------------------------------------------------------- */

/* Whoever has seen more is not served, and not taken from. */
static void
meet_old_disk(struct story *story)
{
	struct experiment *experiment = story->experiment;
	struct sight shown;
	uint64_t before = ledger_acknowledged(&story->ledger, UINT64_MAX);

	/* It holds receipts, or a checkpoint of what it read, that the old disk does not have. */
	bool publisher_is_first = experiment_below(experiment, 2) == 0;
	int code = publisher_is_first ? publish(story, net_publishers[0], 1) : 65;
	if (code != 65 && code != 75)
		experiment_broken(experiment, "`publish` to a broker with an old disk ended with %d; see %s", code,
			story->net.said);
	sight_init(&shown, &story->ledger, "the reader");
	code = net_agent(&story->net, NET_READER, sight_on_line, &shown, "feed", "--until-end", NULL);
	if (code != 65)
		experiment_broken(experiment, "`feed` from a broker with an old disk ended with %d; see %s", code,
			story->net.said);
	sight_clear(&shown);
	/* From now on it takes nothing from anybody. */
	code = publish(story, net_publishers[1], 1);
	if (code != 65 && code != 75)
		experiment_broken(
			experiment, "`publish` to a read-only broker ended with %d; see %s", code, story->net.said);
	if (ledger_acknowledged(&story->ledger, UINT64_MAX) != before)
		experiment_broken(experiment, "a broker with an old disk took an alert; see %s", story->net.said);
}

static void
restore_disk(struct story *story)
{
	struct net *net = &story->net;
	char data[FAULT_PATH_BYTES], old[FAULT_PATH_BYTES], right[FAULT_PATH_BYTES];

	fault_path(data, "%s/kh.broker/data", net->dir);
	fault_path(old, "%s.old", net->dir);
	fault_path(right, "%s.right", net->dir);
	publish_well(story, net_publishers[0]);
	net_stop_broker(net);
	copy_tree(data, old);
	if (!net_start_broker(net))
		return;
	publish_well(story, net_publishers[0]);
	net_feed_to_end(net, NET_READER, &story->seen);
	if (experiment_below(story->experiment, 2) == 0)
		net_stop_broker(net);
	else
		process_kill(&net->broker);
	copy_tree(data, right);
	put_back(old, data);
	if (net_start_broker(net)) {
		meet_old_disk(story);
		net_stop_broker(net);
		put_back(right, data);
		(void)net_start_broker(net);
	}
	remove_tree(old);
	remove_tree(right);
}

void
experiment_restored_disk(struct experiment *experiment)
{
	tell(experiment, restore_disk);
}

/* --- an office's ----------------------------------------------------------------------------------------------------- */

static void
restore_home(struct story *story)
{
	struct net *net = &story->net;
	const char *office = experiment_below(story->experiment, 2) == 0 ? net_publishers[0] : NET_READER;
	char home[FAULT_PATH_BYTES], old[FAULT_PATH_BYTES];

	net_home(net, office, home);
	fault_path(old, "%s.old", net->dir);
	publish_well(story, net_publishers[0]);
	if (experiment_below(story->experiment, 2) == 0)
		net_feed_to_end(net, NET_READER, &story->seen);
	copy_tree(home, old);
	publish_well(story, net_publishers[0]);
	net_feed_to_end(net, NET_READER, &story->seen);
	put_back(old, home);
	publish_well(story, net_publishers[0]);
	remove_tree(old);
}

void
experiment_restored_home(struct experiment *experiment)
{
	tell(experiment, restore_home);
}
