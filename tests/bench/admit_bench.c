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

static void
run(const struct scene *scene)
{
	struct rig *rig = rig_new(20260101);
	size_t rounds = bench_is_quick() ? 3 : ROUNDS_MAX;
	size_t frames = bench_is_quick() ? scene->frames_quick : scene->frames;
	double rates[ROUNDS_MAX], limits[ROUNDS_MAX], own_us[ROUNDS_MAX], broker_us[ROUNDS_MAX];
	uint64_t next = 1;

	rig->config.submits_in_flight = 1024;
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, WORKLOAD_PUBLISHER);
	for (size_t i = 0; i < rounds; i++) {
		struct workload *workload = workload_new(rig, scene->kind, next, frames, scene->per_frame);
		next += workload->alert_count;
		limits[i] = limit_verifications_per_s(bench_cores());
		double start = bench_seconds(), own_cpu = bench_cpu_seconds(0),
		       broker_cpu = bench_cpu_seconds(rig->pid);
		struct bench_threads before, after;
		bench_thread_seconds(rig->pid, &before);
		workload_publish(rig, publisher, workload, scene->window);
		bench_thread_seconds(rig->pid, &after);
		for (size_t t = 0; t < after.count; t++)
			fprintf(stderr, " %s:%.1f", after.threads[t].name,
				(after.threads[t].seconds - before.threads[t].seconds) * 1e6 /
					(double)workload->alert_count);
		fprintf(stderr, " = %.0f alerts/s\n", (double)workload->alert_count / (bench_seconds() - start));
		rates[i] = (double)workload->alert_count / (bench_seconds() - start);
		own_us[i] = (bench_cpu_seconds(0) - own_cpu) * 1e6 / (double)workload->alert_count;
		broker_us[i] = (bench_cpu_seconds(rig->pid) - broker_cpu) * 1e6 / (double)workload->alert_count;
		workload_free(workload);
	}
	fprintf(stderr, "# %s: processor time an alert: broker %.1f us, publisher %.1f us\n", scene->name,
		samples_median(broker_us, rounds), samples_median(own_us, rounds));
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
