/*
 * What comes from the log: how long a broker with many records takes to be ready, how fast it serves a feed that begins at
 * the log's beginning, and what a feed costs in memory.
 */
#include "tests/bench/bench.h"
#include "tests/bench/follower.h"
#include "tests/bench/jetstream.h"
#include "tests/bench/workload.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS_MAX 5

/* --- start --------------------------------------------------------------------------------------------------------- */

/* Seconds to read the log's files and hash every byte once: what no start can do without. */
static double
read_and_hash(const struct rig *rig)
{
	char path[1024];
	size_t room = (size_t)rig->config.segment_bytes;
	uint8_t *bytes = malloc(room), sum[32];
	double start = bench_seconds();

	snprintf(path, sizeof path, "%s/data/log", rig->dir);
	DIR *dir = opendir(path);
	if (dir == NULL || bytes == NULL)
		abort();
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
		if (strncmp(entry->d_name, "segment-", strlen("segment-")) != 0)
			continue;
		snprintf(path, sizeof path, "%s/data/log/%s", rig->dir, entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t len = fd >= 0 ? read(fd, bytes, room) : -1;
		if (len < 0)
			abort();
		crypto_generichash(sum, sizeof sum, bytes, (size_t)len, NULL, 0);
		close(fd);
	}
	closedir(dir);
	free(bytes);
	return bench_seconds() - start;
}

static void
fill_log(struct rig *rig, Liaison__Kind kind, uint64_t first, size_t alerts, size_t per_frame)
{
	struct rig_client *publisher = rig_connect(rig, WORKLOAD_PUBLISHER);
	size_t step = per_frame == 1 ? 10000 : 100 * per_frame;

	for (size_t done = 0; done < alerts; done += step) {
		size_t frames = (alerts - done < step ? alerts - done : step) / per_frame;
		struct workload *workload = workload_new(rig, kind, first + done, frames, per_frame);
		workload_publish(rig, publisher, workload, per_frame == 1 ? 1024 : 16);
		workload_free(workload);
	}
	rig_disconnect(publisher);
}

static void
measure_start(void)
{
	size_t records = bench_is_quick() ? 50000 : 1000000, rounds = bench_is_quick() ? 1 : 3;
	double seconds[ROUNDS_MAX], limits[ROUNDS_MAX];
	struct rig *rig = rig_new(20260104);
	char limit_name[96];

	rig_start(rig);
	fill_log(rig, LIAISON__KIND__KIND_DOCUMENT, 1, records, 1000);
	for (size_t i = 0; i < rounds; i++) {
		rig_stop(rig, SIGTERM);
		limits[i] = read_and_hash(rig);
		double start = bench_seconds();
		rig_start(rig);
		seconds[i] = bench_seconds() - start;
	}
	snprintf(limit_name, sizeof limit_name, "s to read and hash the log's bytes once; %zu records", records);
	figure_report(&(struct figure){.name = "start",
		.value = samples_median(seconds, rounds),
		.unit = "s",
		.limit = samples_median(limits, rounds),
		.limit_name = limit_name});
	rig_stop(rig, SIGTERM);
	rig_free(rig);
}

/* --- replay -------------------------------------------------------------------------------------------------------- */

static double
replay(struct rig *rig, size_t alerts, bool verifies, size_t round)
{
	char feed[32];

	snprintf(feed, sizeof feed, "replay-%zu-%d", round, verifies);
	struct follower_options options = {.feed = feed, .verifies = verifies};
	struct follower *follower = follower_new(rig, follower_office(0), &options);
	double start = bench_seconds();
	follower_start(follower, alerts);
	double end = follower_join(follower);
	follower_free(follower);
	return (double)alerts / (end - start);
}

static void
measure_replay(void)
{
	size_t alerts = bench_is_quick() ? 10000 : 200000, rounds = bench_is_quick() ? 3 : ROUNDS_MAX;
	double verified[ROUNDS_MAX], plain[ROUNDS_MAX], limits[ROUNDS_MAX];
	struct rig *rig = rig_new(20260105);

	rig->config.submits_in_flight = 1024;
	rig_start(rig);
	fill_log(rig, LIAISON__KIND__KIND_ROUTE, 1, alerts, 1);
	for (size_t i = 0; i < rounds; i++) {
		/* A new process holds nothing in memory but the index. */
		rig_stop(rig, SIGTERM);
		rig_start(rig);
		plain[i] = replay(rig, alerts, false, i);
		verified[i] = replay(rig, alerts, true, i);
		limits[i] = limit_verifications_per_s(1); /* a reader verifies on one thread */
	}
	figure_report(&(struct figure){.name = "replay",
		.value = samples_median(verified, rounds),
		.unit = "alerts/s",
		.limit = samples_median(limits, rounds),
		.limit_name = "Ed25519 verifications/s on the reader's one core"});
	figure_report(&(struct figure){.name = "replay_unverified",
		.value = samples_median(plain, rounds),
		.unit = "alerts/s",
		.limit = samples_median(limits, rounds),
		.limit_name = "Ed25519 verifications/s on the reader's one core"});
	rig_stop(rig, SIGTERM);
	rig_free(rig);
}

/* --- memory -------------------------------------------------------------------------------------------------------- */

static void
make_feeds(struct rig *rig, const char *office, size_t count)
{
	struct rig_client *client = rig_connect(rig, office);
	Liaison__Filter filter = LIAISON__FILTER__INIT;
	Liaison__Kind kinds[] = {LIAISON__KIND__KIND_ROUTE, LIAISON__KIND__KIND_VEHICLE};
	char kh[] = "KH", vn[] = "VN", *countries[] = {kh, vn};

	filter.n_kinds = filter.n_countries = 2;
	filter.kinds = kinds;
	filter.countries = countries;
	for (size_t i = 0; i < count; i++) {
		char name[32];
		Liaison__Unsubscribe unsubscribe = LIAISON__UNSUBSCRIBE__INIT;
		Liaison__Frame frame = LIAISON__FRAME__INIT;
		snprintf(name, sizeof name, "feed-%zu", i);
		rig_subscribe(client, name, 1, &filter);
		unsubscribe.has_channel = 1;
		unsubscribe.channel = 1;
		frame.frame_case = LIAISON__FRAME__FRAME_UNSUBSCRIBE;
		frame.unsubscribe = &unsubscribe;
		rig_send(client, &frame);
	}
	rig_disconnect(client);
}

static void
measure_memory(void)
{
	size_t offices = bench_is_quick() ? 1 : 10, per_office = bench_is_quick() ? 500 : 1000;
	size_t feeds = offices * per_office;
	struct rig *rig = rig_new(20260106);

	rig->config.feeds_per_office = (int64_t)per_office;
	rig_start(rig);
	double before = bench_resident_bytes(rig->pid);
	for (size_t i = 0; i < offices; i++)
		make_feeds(rig, follower_office(i), per_office);
	double bytes = (bench_resident_bytes(rig->pid) - before) / (double)feeds;
	struct jetstream *peer = jetstream_start(rig->dir);
	double peer_bytes = jetstream_bytes_per_consumer(peer, feeds);
	jetstream_stop(peer);
	figure_report(&(struct figure){.name = "memory_per_feed",
		.value = bytes,
		.unit = "bytes",
		.limit = peer_bytes,
		.limit_name = "bytes that NATS JetStream takes for a durable consumer"});
	rig_stop(rig, SIGTERM);
	rig_free(rig);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*measure)(void);
	} parts[] = {{"start", measure_start}, {"replay", measure_replay}, {"memory_per_feed", measure_memory}};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (argc < 2 || strcmp(argv[1], parts[i].name) == 0)
			parts[i].measure();
	return EXIT_SUCCESS;
}
