/*
 * From first submit to last receipt: alerts signed one by one, and travel documents signed in batches of a thousand. Each
 * was signed beforehand; each is accepted and durable when it counts. Publisher and broker share the machine's cores.
 */
#include "tests/bench/bench.h"
#include "tests/bench/workload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 9

struct scene {
	const char *name;
	Liaison__Kind kind;
	size_t per_frame;
	size_t frames, frames_quick;
	size_t window; /* frames */
};

static const struct scene SCENES[] = {
	{.name = "admit",
		.kind = LIAISON__KIND__KIND_ROUTE,
		.per_frame = 1,
		.frames = 60000,
		.frames_quick = 12000,
		.window = 1024},
	{.name = "admit_bulk",
		.kind = LIAISON__KIND__KIND_DOCUMENT,
		.per_frame = 1000,
		.frames = 200,
		.frames_quick = 40,
		.window = 16},
};

/* One round, alerts/s; says where the processor time of each alert went. */
static double
publish(struct rig *rig, struct rig_client *publisher, const struct scene *scene, const struct workload *workload)
{
	struct bench_threads before, after;
	double us = 1e6 / (double)workload->alert_count;
	double start = bench_seconds(), own_cpu = bench_cpu_seconds(0), broker_cpu = bench_cpu_seconds(rig->pid);

	bench_threads_now(rig->pid, &before);
	workload_publish(rig, publisher, workload, scene->window);
	double seconds = bench_seconds() - start;
	bench_threads_now(rig->pid, &after);
	fprintf(stderr,
		"# %s: processor time an alert: broker %.1f us (workers %.1f, log %.1f, sockets %.1f), publisher %.1f "
		"us\n",
		scene->name, (bench_cpu_seconds(rig->pid) - broker_cpu) * us,
		bench_threads_used(&before, &after, "admit") * us, bench_threads_used(&before, &after, "log") * us,
		bench_threads_used(&before, &after, "ZMQbg/IO/0") * us, (bench_cpu_seconds(0) - own_cpu) * us);
	return (double)workload->alert_count / seconds;
}

static void
run(const struct scene *scene)
{
	struct rig *rig = rig_new(20260101);
	size_t rounds = bench_is_quick() ? 3 : ROUNDS_MAX;
	size_t frames = bench_is_quick() ? scene->frames_quick : scene->frames;
	double rates[ROUNDS_MAX], limits[ROUNDS_MAX];
	uint64_t next = 1;

	rig->config.submits_in_flight = 1024;
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, WORKLOAD_PUBLISHER);
	for (size_t i = 0; i < rounds; i++) {
		struct workload *workload = workload_new(rig, scene->kind, next, frames, scene->per_frame);
		next += workload->alert_count;
		limits[i] = limit_verifications_per_s(bench_cores());
		rates[i] = publish(rig, publisher, scene, workload);
		workload_free(workload);
	}
	figure_report(&(struct figure){
		.name = scene->name,
		.value = samples_median(rates, rounds),
		.unit = "alerts/s",
		.limit = samples_median(limits, rounds),
		.limit_name = "Ed25519 verifications/s on as many cores",
	});
	rig_disconnect(publisher);
	rig_stop(rig, SIGTERM);
	rig_free(rig);
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof SCENES / sizeof *SCENES; i++)
		if (argc < 2 || strcmp(argv[1], SCENES[i].name) == 0)
			run(&SCENES[i]);
	return EXIT_SUCCESS;
}
