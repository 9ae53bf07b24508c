#include "tests/fault/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BROKER "kh.broker"
#define START_MS 30000
#define AGENT_MS 90000
#define RETRIES_MAX 3
#define RETRY_WAIT "10"

const char *const net_publishers[PUBLISHERS] = {"kh.blo.demo", "kh.atu.demo"};

static void
must_run(const char *const *argv, const char *said)
{
	const struct launch launch = {.said = said};
	int code = process_run(argv, &launch, AGENT_MS);

	if (code != 0)
		fault_give_up("%s %s ended with %d", argv[0], argv[1], code);
}

void
copy_tree(const char *from, const char *to)
{
	must_run((const char *[]){"cp", "-a", from, to, NULL}, NULL);
}

void
remove_tree(const char *dir)
{
	must_run((const char *[]){"rm", "-rf", dir, NULL}, NULL);
}

void
net_make_template(const char *dir)
{
	char path[FAULT_PATH_BYTES];

	fault_path(path, "%s.said", dir);
	must_run((const char *[]){"liaison", "sandbox", "up", dir, "--countries", "KH,TH", "-q", NULL}, path);
	must_run((const char *[]){"liaison", "sandbox", "down", dir, "-q", NULL}, path);
	fault_path(path, "%s/" BROKER "/data", dir);
	remove_tree(path);
	fault_path(path, "%s/" BROKER "/liaisond.conf", dir);
	FILE *conf = fault_need(fopen(path, "ae"));
	fprintf(conf, "segment_bytes = \"256 KiB\";\ndisk_floor_bytes = 0;\n");
	fclose(conf);
}

void
net_init(struct net *net, struct experiment *experiment, const char *dir)
{
	*net = (struct net){.experiment = experiment};
	fault_path(net->dir, "%s", dir);
	fault_path(net->said, "%s.said", dir);
	copy_tree(experiment->template, dir);
}

void
net_clear(struct net *net)
{
	process_kill(&net->broker);
	remove_tree(net->dir);
}

void
net_home(const struct net *net, const char *office, char *out)
{
	fault_path(out, "%s/%s", net->dir, office);
}

/* --- the broker ------------------------------------------------------------------------------------------------------ */

static void
ready_path(const struct net *net, char *out)
{
	if (net->ready_dir != NULL)
		fault_path(out, "%s/ready", net->ready_dir);
	else
		fault_path(out, "%s.ready", net->dir);
}

void
net_launch_broker(struct net *net)
{
	char conf[FAULT_PATH_BYTES], ready[FAULT_PATH_BYTES];
	const struct launch launch = {.env = net->env, .said = net->said};

	fault_path(conf, "%s/" BROKER "/liaisond.conf", net->dir);
	ready_path(net, ready);
	if (unlink(ready) != 0 && errno != ENOENT)
		fault_give_up("cannot remove %s", ready);
	process_start(&net->broker, (const char *[]){"liaisond", "-c", conf, "--ready-file", ready, NULL}, &launch);
}

bool
net_wait_broker(struct net *net, int *code)
{
	const long long deadline = monotonic_ms() + START_MS;
	char ready[FAULT_PATH_BYTES];

	ready_path(net, ready);
	while (access(ready, F_OK) != 0) {
		if (process_has_ended(&net->broker, code))
			return false;
		if (monotonic_ms() >= deadline) {
			process_kill(&net->broker);
			*code = -1;
			return false;
		}
		sleep_us(1000);
	}
	return true;
}

bool
net_await_broker(struct net *net)
{
	int code = 0;

	if (net_wait_broker(net, &code))
		return true;
	experiment_broken(net->experiment, "the broker did not start, and ended with %d; see %s", code, net->said);
	return false;
}

bool
net_start_broker(struct net *net)
{
	net_launch_broker(net);
	return net_await_broker(net);
}

void
net_stop_broker(struct net *net)
{
	int code = process_stop(&net->broker, START_MS);

	if (code != 0)
		experiment_broken(net->experiment, "the broker was asked to end and ended with %d", code);
}

/* --- offices --------------------------------------------------------------------------------------------------------- */

static void
agent_start(const struct net *net, struct process *process, const char *office,
	void (*on_line)(void *arg, const char *line), void *arg, va_list more)
{
	const struct launch launch = {.env = net->env, .said = net->said, .on_line = on_line, .arg = arg};
	const char *argv[ARGV_MAX] = {"liaison", "--home", NULL, "--json"};
	char home[FAULT_PATH_BYTES];
	size_t count = 4;

	net_home(net, office, home);
	argv[2] = home;
	while (count < ARGV_MAX && (argv[count] = va_arg(more, const char *)) != NULL)
		count++;
	process_start(process, argv, &launch);
}

void
net_agent_start(const struct net *net, struct process *process, const char *office,
	void (*on_line)(void *arg, const char *line), void *arg, ...)
{
	va_list more;

	va_start(more, arg);
	agent_start(net, process, office, on_line, arg, more);
	va_end(more);
}

int
net_agent(const struct net *net, const char *office, void (*on_line)(void *arg, const char *line), void *arg, ...)
{
	struct process process;
	va_list more;

	va_start(more, arg);
	agent_start(net, &process, office, on_line, arg, more);
	va_end(more);
	return process_await(&process, AGENT_MS);
}

static void
count_line(void *count, const char *line)
{
	(void)line;
	++*(uint64_t *)count;
}

void
net_empty_outbox(const struct net *net, const char *office, struct ledger *ledger)
{
	uint64_t left = 0;
	int code = net_agent(net, office, ledger_on_answer, ledger, "outbox", "retry", "--wait", RETRY_WAIT, NULL);

	for (int i = 0; code == 75 && i < RETRIES_MAX; i++) {
		sleep_us(100000);
		code = net_agent(net, office, ledger_on_answer, ledger, "outbox", "retry", "--wait", RETRY_WAIT, NULL);
	}
	if (code != 0) {
		experiment_broken(
			net->experiment, "`outbox retry` of %s ended with %d; see %s", office, code, net->said);
		return;
	}
	code = net_agent(net, office, count_line, &left, "outbox", "ls", NULL);
	if (code != 0 || left != 0)
		experiment_broken(net->experiment, "`outbox ls` of %s ended with %d and %llu lines", office, code,
			(unsigned long long)left);
}

void
net_feed_to_end(const struct net *net, const char *office, struct sight *sight)
{
	int code = net_agent(net, office, sight_on_line, sight, "feed", "--until-end", NULL);

	if (code != 0)
		experiment_broken(net->experiment, "`feed` of %s ended with %d; see %s", office, code, net->said);
}

void
net_read_inbox(const struct net *net, const char *office, struct sight *sight)
{
	int code = net_agent(net, office, sight_on_line, sight, "inbox", NULL);

	if (code != 0)
		experiment_broken(net->experiment, "`inbox` of %s ended with %d; see %s", office, code, net->said);
}

void
net_check_all_there(const struct net *net, struct ledger *ledger, uint64_t until, bool with_queued)
{
	struct sight sight;

	sight_init(&sight, ledger, "a newcomer");
	net_feed_to_end(net, NET_NEWCOMER, &sight);
	sight_check(&sight, until, with_queued);
	sight_clear(&sight);
}

void
net_check_verifies(const struct net *net, const char *office)
{
	int code = net_agent(net, office, NULL, NULL, "verify", NULL);

	if (code != 0)
		experiment_broken(net->experiment, "`verify` of %s ended with %d; see %s", office, code, net->said);
}
