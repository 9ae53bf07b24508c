/*
 * Every call by which a program reads or writes its files fails once, one call after another, each in each way that fits:
 * EIO, ENOSPC, EINTR, a short read or write; SQLite's calls included. The program may go on, or end with a message and a
 * code that says so; it may not crash. Without faults everything goes on from there, and nothing that was acknowledged is
 * lost. A sync that failed has kept nothing: what it was to keep is taken away before the program is started again.
 */
#include "tests/fault/net.h"
#include "tests/fault/rebuild.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENV_BYTES (FAULT_PATH_BYTES + 32)
#define ENV_MAX 8
#define WAIT_SECONDS "2"
#define END_MS 30000

static const char kinds[] = {KIND_EIO, KIND_ENOSPC, KIND_EINTR, KIND_SHORT};

/* One of the stories that are told again and again, with another call failing each time. */
struct plot {
	const char *name;
	const char *machine; /* whose program has the faults */
	/* What happens; with the fault in `env` for that program alone. */
	void (*tell)(struct net *net, struct ledger *ledger, struct sight *seen, const char *const *env);
};

struct scene {
	struct experiment *experiment;
	const struct plot *plot;
	char dir[FAULT_PATH_BYTES];
	struct net net;
	struct ledger ledger;
	struct sight seen; /* by the reader, with or without faults */
	struct call_list *calls;
	struct trace trace;
	char base[FAULT_PATH_BYTES];
	char env_text[ENV_MAX][ENV_BYTES];
	const char *env[ENV_MAX + 1];
	size_t env_count;
};

/* --- the plots ------------------------------------------------------------------------------------------------------- */

/* An end that is allowed to a program with a fault: a code that says what the matter is, and no crash. */
static void
see_end(const struct net *net, const char *what, int code)
{
	static const int allowed[] = {0, 65, 69, 74, 75, 77, 78};

	for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
		if (code == allowed[i])
			return;
	experiment_broken(net->experiment, "%s ended with %d; see %s", what, code, net->said);
}

static void
publish(const struct net *net, struct ledger *ledger, unsigned count, const char *name)
{
	char path[FAULT_PATH_BYTES];

	fault_path(path, "%s.%s.jsonl", net->dir, name);
	FILE *file = fault_need(fopen(path, "we"));
	for (unsigned i = 0; i < count; i++)
		ledger_write_alert(ledger, 600, file);
	fclose(file);
	see_end(net, "`publish`",
		net_agent(net, net_publishers[0], ledger_on_answer, ledger, "publish", "--wait", WAIT_SECONDS, path,
			NULL));
}

static void
read_feed(const struct net *net, struct sight *seen)
{
	see_end(net, "`feed`", net_agent(net, NET_READER, sight_on_line, seen, "feed", "--until-end", NULL));
}

/* A broker makes its log, takes alerts, gives them out, ends, starts again on what is there, and the same. */
static void
tell_broker(struct net *net, struct ledger *ledger, struct sight *seen, const char *const *env)
{
	const char *const *none = net->env;

	for (int life = 0; life < 2; life++) {
		int code = 0;
		net->env = env;
		net_launch_broker(net);
		net->env = none;
		if (!net_wait_broker(net, &code)) {
			see_end(net, "the broker", code);
			continue;
		}
		publish(net, ledger, 3, life == 0 ? "one" : "three");
		read_feed(net, seen);
		publish(net, ledger, 2, life == 0 ? "two" : "four");
		see_end(net, "the broker", process_stop(&net->broker, END_MS));
	}
}

static void
tell_publisher(struct net *net, struct ledger *ledger, struct sight *seen, const char *const *env)
{
	const char *const *none = net->env;

	if (!net_start_broker(net))
		return;
	net->env = env;
	publish(net, ledger, 3, "one");
	see_end(net, "`outbox retry`",
		net_agent(net, net_publishers[0], ledger_on_answer, ledger, "outbox", "retry", "--wait", WAIT_SECONDS,
			NULL));
	publish(net, ledger, 2, "two");
	net->env = none;
	(void)seen;
	net_stop_broker(net);
}

static void
tell_reader(struct net *net, struct ledger *ledger, struct sight *seen, const char *const *env)
{
	const char *const *none = net->env;

	if (!net_start_broker(net))
		return;
	publish(net, ledger, 3, "one");
	net->env = env;
	read_feed(net, seen);
	net->env = none;
	publish(net, ledger, 3, "two");
	net->env = env;
	read_feed(net, seen);
	net->env = none;
	net_stop_broker(net);
}

/* --- a scene --------------------------------------------------------------------------------------------------------- */

static void
add_env(struct scene *scene, const char *name, const char *value)
{
	if (scene->env_count == ENV_MAX)
		fault_give_up("too much for the environment");
	char *text = scene->env_text[scene->env_count];
	snprintf(text, ENV_BYTES, "%s=%s", name, value);
	scene->env[scene->env_count++] = text;
	scene->env[scene->env_count] = NULL;
}

static struct call_list *
calls_new(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct call_list)) != 0)
		fault_give_up("no list of calls: %s", strerror(errno));
	struct call_list *calls = mmap(NULL, sizeof *calls, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (calls == MAP_FAILED)
		fault_give_up("no list of calls: %s", strerror(errno));
	return calls;
}

/* `at` 0: no call fails. */
static void
scene_init(struct scene *scene, struct experiment *experiment, const struct plot *plot, uint64_t at, char kind)
{
	char path[FAULT_PATH_BYTES], live[FAULT_PATH_BYTES], shim[FAULT_PATH_BYTES], text[32];

	*scene = (struct scene){.experiment = experiment, .plot = plot};
	fault_path(
		scene->dir, "%s/%s-%llu-%c", experiment->dir, plot->name, (unsigned long long)at, at > 0 ? kind : '0');
	make_dir(scene->dir);
	fault_path(live, "%s/net", scene->dir);
	fault_path(scene->base, "%s/base", scene->dir);
	net_init(&scene->net, experiment, live);
	copy_tree(live, scene->base);
	ledger_init(&scene->ledger, experiment);
	sight_init(&scene->seen, &scene->ledger, "the reader");
	fault_shim_path(shim);
	add_env(scene, "LD_PRELOAD", shim);
	add_env(scene, FAULT_ROOT, live);
	fault_path(path, "%s/calls", scene->dir);
	scene->calls = calls_new(path);
	add_env(scene, FAULT_CALLS, path);
	fault_path(path, "%s/trace", scene->dir);
	trace_init(&scene->trace, path);
	add_env(scene, FAULT_TRACE, path);
	snprintf(text, sizeof text, "%llu", (unsigned long long)at);
	add_env(scene, FAULT_AT, text);
	snprintf(text, sizeof text, "%c", kind);
	add_env(scene, FAULT_KIND, text);
}

static void
scene_clear(struct scene *scene, bool is_kept)
{
	process_kill(&scene->net.broker);
	munmap(scene->calls, sizeof *scene->calls);
	trace_clear(&scene->trace);
	sight_clear(&scene->seen);
	ledger_clear(&scene->ledger);
	if (!is_kept || getenv("KEEP") == NULL)
		remove_tree(scene->dir);
}

static bool
is_faulty(void *arg, const char *machine)
{
	const struct scene *scene = arg;

	return strcmp(machine, scene->plot->machine) == 0;
}

/* The faulty machine's disk without what failed syncs have lost, as after the power was off; the others as they are. */
static void
lose_unsynced(struct scene *scene)
{
	char out[FAULT_PATH_BYTES], from[FAULT_PATH_BYTES], to[FAULT_PATH_BYTES];
	const struct rebuild what = {.trace = &scene->trace,
		.root = scene->net.dir,
		.base = scene->base,
		.position = scene->trace.head->count,
		.rng = &scene->experiment->rng,
		.sector = experiment_below(scene->experiment, 2) == 0 ? 512 : 4096,
		.is_cut = is_faulty,
		.arg = scene};

	fault_path(out, "%s/after", scene->dir);
	rebuild(&what, out);
	fault_path(from, "%s/%s", out, scene->plot->machine);
	fault_path(to, "%s/%s", scene->net.dir, scene->plot->machine);
	remove_tree(to);
	copy_tree(from, to);
}

/* Without faults from here on. */
static void
check_scene(struct scene *scene)
{
	struct net *net = &scene->net;
	struct sight kept, rest;

	if (!net_start_broker(net))
		return;
	sight_init(&kept, &scene->ledger, "the reader");
	sight_init(&rest, &scene->ledger, "the reader");
	net_empty_outbox(net, net_publishers[0], &scene->ledger);
	net_read_inbox(net, NET_READER, &kept);
	net_feed_to_end(net, NET_READER, &rest);
	sight_check_return(&scene->seen, UINT64_MAX, &kept, &rest);
	net_check_all_there(net, &scene->ledger, UINT64_MAX, true);
	net_check_verifies(net, NET_READER);
	net_check_verifies(net, net_publishers[0]);
	sight_clear(&kept);
	sight_clear(&rest);
}

static void
fail_once(struct experiment *experiment, const struct plot *plot, uint64_t at, char kind, char class)
{
	struct scene scene;
	uint64_t wrong = experiment_wrong(experiment);

	scene_init(&scene, experiment, plot, at, kind);
	plot->tell(&scene.net, &scene.ledger, &scene.seen, scene.env);
	process_kill(&scene.net.broker);
	if (experiment_below(experiment, 2) == 0)
		lose_unsynced(&scene);
	check_scene(&scene);
	experiment->done++;
	experiment->acknowledged += ledger_acknowledged(&scene.ledger, UINT64_MAX);
	if (experiment_wrong(experiment) > wrong)
		experiment_tell(experiment, "that was %s: call %llu (%c) failed by %c%s", plot->name,
			(unsigned long long)at, class, kind, scene.calls->hit == 0 ? ", or rather did not" : "");
	scene_clear(&scene, experiment_wrong(experiment) > wrong);
}

/* How many calls there are, and of what sorts. */
static uint64_t
count_calls(struct experiment *experiment, const struct plot *plot, char classes[CALLS_MAX])
{
	struct scene scene;

	scene_init(&scene, experiment, plot, 0, KIND_EIO);
	plot->tell(&scene.net, &scene.ledger, &scene.seen, scene.env);
	uint64_t count = scene.calls->count < CALLS_MAX ? scene.calls->count : CALLS_MAX;
	memcpy(classes, scene.calls->classes, count);
	scene_clear(&scene, false);
	return count;
}

void
experiment_io_errors(struct experiment *experiment)
{
	static const struct plot plots[] = {
		{"broker", "kh.broker", tell_broker},
		{"publisher", "kh.blo.demo", tell_publisher},
		{"reader", NET_READER, tell_reader},
	};
	const size_t plot_count = sizeof plots / sizeof plots[0];
	static char classes[sizeof plots / sizeof plots[0]][CALLS_MAX];
	uint64_t counts[sizeof plots / sizeof plots[0]], all = 0;

	for (size_t p = 0; p < plot_count; p++) {
		counts[p] = count_calls(experiment, &plots[p], classes[p]);
		for (uint64_t i = 0; i < counts[p]; i++)
			for (size_t k = 0; k < sizeof kinds; k++)
				all += kind_fits(kinds[k], classes[p][i]) != 0;
		experiment_tell(experiment, "%s makes %llu calls", plots[p].name, (unsigned long long)counts[p]);
	}
	/* All of them, or as many as are wanted, evenly chosen. */
	uint64_t wanted = experiment->runs < all ? experiment->runs : all, seen = 0;
	experiment->runs = wanted;
	for (size_t p = 0; p < plot_count; p++)
		for (uint64_t i = 0; i < counts[p]; i++)
			for (size_t k = 0; k < sizeof kinds; k++) {
				if (!kind_fits(kinds[k], classes[p][i]))
					continue;
				seen++;
				if (experiment_goes_on(experiment) && seen * wanted / all > (seen - 1) * wanted / all)
					fail_once(experiment, &plots[p], i + 1, kinds[k], classes[p][i]);
			}
}
