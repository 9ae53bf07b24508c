/*
 * Deliveries a second, in all, from the first submit to the last delivery at the last reader: to 10 and to 100 readers of which
 * one verifies, beside JetStream with as many readers and messages of the same size; and to 10 that all verify, beside
 * what verification allows. Publisher, broker (or its peer) and readers share the machine's cores.
 *
 * JetStream's messages carry no signature. So that deliveries are compared, and not what a signature costs, ours are signed
 * in batches of a hundred, as a desk sends what has piled up; the same with each alert signed by itself, which is then made
 * and verified for ten readers alone, stands beside it as deliver_10_single. deliver_verified_10 is of single ones.
 */
#include "tests/bench/bench.h"
#include "tests/bench/follower.h"
#include "tests/bench/jetstream.h"
#include "tests/bench/workload.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 7
#define READERS_MAX 100

struct scene {
	const char *name;
	size_t readers, verifying;
	Liaison__Kind kind;
	size_t per_frame;
	size_t frames, frames_quick, window;
};

static const struct scene SCENES[] = {
	{.name = "deliver_10",
		.readers = 10,
		.verifying = 1,
		.kind = LIAISON__KIND__KIND_ROUTE,
		.per_frame = 100,
		.frames = 600,
		.frames_quick = 200,
		.window = 64},
	{.name = "deliver_100",
		.readers = 100,
		.verifying = 1,
		.kind = LIAISON__KIND__KIND_ROUTE,
		.per_frame = 100,
		.frames = 200,
		.frames_quick = 40,
		.window = 64},
	{.name = "deliver_10_single",
		.readers = 10,
		.verifying = 1,
		.kind = LIAISON__KIND__KIND_ROUTE,
		.per_frame = 1,
		.frames = 30000,
		.frames_quick = 4000,
		.window = 512},
	{.name = "deliver_verified_10",
		.readers = 10,
		.verifying = 10,
		.kind = LIAISON__KIND__KIND_ROUTE,
		.per_frame = 1,
		.frames = 20000,
		.frames_quick = 3000,
		.window = 512},
};

struct stage {
	struct rig *rig;
	struct rig_client *publisher;
	struct follower *readers[READERS_MAX];
	char names[READERS_MAX][16];
	uint64_t next; /* sequence */
};

static void
open_stage(struct stage *stage, const struct scene *scene)
{
	*stage = (struct stage){.rig = rig_new(20260102), .next = 1};
	stage->rig->config.submits_in_flight = 1024;
	stage->rig->config.connections_per_office = READERS_MAX;
	rig_start(stage->rig);
	stage->publisher = rig_connect(stage->rig, WORKLOAD_PUBLISHER);
	for (size_t i = 0; i < scene->readers; i++) {
		snprintf(stage->names[i], sizeof stage->names[i], "reader-%zu", i);
		struct follower_options options = {.feed = stage->names[i], .verifies = i < scene->verifying};
		stage->readers[i] = follower_new(stage->rig, follower_office(i), &options);
	}
}

static void
close_stage(struct stage *stage, const struct scene *scene)
{
	for (size_t i = 0; i < scene->readers; i++)
		follower_free(stage->readers[i]);
	rig_disconnect(stage->publisher);
	rig_stop(stage->rig, SIGTERM);
	rig_free(stage->rig);
}

static double
run_round(struct stage *stage, const struct scene *scene, const struct workload *workload)
{
	double end = 0, start = bench_seconds();
	double own_cpu = bench_cpu_seconds(0), broker_cpu = bench_cpu_seconds(stage->rig->pid);

	for (size_t i = 0; i < scene->readers; i++)
		follower_start(stage->readers[i], workload->alert_count);
	workload_publish(stage->rig, stage->publisher, workload, scene->window);
	for (size_t i = 0; i < scene->readers; i++) {
		double done_at = follower_join(stage->readers[i]);
		end = done_at > end ? done_at : end;
	}
	double deliveries = (double)(scene->readers * workload->alert_count);
	fprintf(stderr, "# %s: processor time a delivery: broker %.2f us, publisher and readers %.2f us\n", scene->name,
		(bench_cpu_seconds(stage->rig->pid) - broker_cpu) * 1e6 / deliveries,
		(bench_cpu_seconds(0) - own_cpu) * 1e6 / deliveries);
	return deliveries / (end - start);
}

static void
run(const struct scene *scene)
{
	struct stage stage;
	size_t rounds = bench_is_quick() ? 2 : ROUNDS_MAX, bytes = 0;
	size_t frames = bench_is_quick() ? scene->frames_quick : scene->frames;
	bool has_peer = scene->verifying < scene->readers;
	double rates[ROUNDS_MAX], limits[ROUNDS_MAX];
	const char *way = NULL;
	char limit_name[128] = "Ed25519 verifications/s on as many cores";

	open_stage(&stage, scene);
	struct jetstream *peer = has_peer ? jetstream_start(stage.rig->dir) : NULL;
	for (size_t i = 0; i < rounds; i++) {
		struct workload *workload = workload_new(stage.rig, scene->kind, stage.next, frames, scene->per_frame);
		stage.next += workload->alert_count;
		bytes = workload_envelope_bytes(workload);
		rates[i] = run_round(&stage, scene, workload);
		limits[i] =
			has_peer ? jetstream_deliveries_per_s(peer, scene->readers, workload->alert_count, bytes, &way)
				 : limit_verifications_per_s(bench_cores());
		workload_free(workload);
	}
	if (has_peer)
		snprintf(limit_name, sizeof limit_name, "deliveries/s of NATS JetStream (%s)", way);
	figure_report(&(struct figure){
		.name = scene->name,
		.value = samples_median(rates, rounds),
		.unit = "deliveries/s",
		.limit = samples_median(limits, rounds),
		.limit_name = limit_name,
	});
	jetstream_stop(peer);
	close_stage(&stage, scene);
}

int
main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof SCENES / sizeof *SCENES; i++)
		if (argc < 2 || strcmp(argv[1], SCENES[i].name) == 0)
			run(&SCENES[i]);
	return EXIT_SUCCESS;
}
