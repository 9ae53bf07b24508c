/*
 * How long an alert takes from a publisher's hand to a reader's: signed, sent, verified and made durable by the broker,
 * delivered, verified by the reader. Two hundred a second, for as long as the sample needs. Held against what the disk
 * allows: two syncs are on the way (records, trailer), a third may be under way when an alert comes.
 */
#include "proto/address.h"
#include "tests/bench/bench.h"
#include "tests/bench/follower.h"
#include "tests/bench/workload.h"
#include "tests/support/alerts.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PER_SECOND 200
#define ALERTS_MAX 12000
#define WARM_UP 100 /* not counted */
#define SYNCS 400

struct stage {
	struct rig *rig;
	struct rig_client *publisher;
	size_t alerts;
	double published[ALERTS_MAX + 1]; /* by sequence; written before the alert is sent, read when it came */
	double latency_ms[ALERTS_MAX];
	size_t arrived;
};

static void
on_alert(void *arg, const Liaison__DeliveryItem *item)
{
	struct stage *stage = arg;
	double now = bench_seconds();
	Liaison__Alert *alert = liaison__alert__unpack(NULL, item->envelope->body.len, item->envelope->body.data);
	struct alert_id id;

	if (alert == NULL || alert_id_parse(alert->id, &id, NULL) != LIAISON_OK)
		abort();
	if (id.sequence > WARM_UP)
		stage->latency_ms[stage->arrived++] = (now - stage->published[id.sequence]) * 1e3;
	liaison__alert__free_unpacked(alert, NULL);
}

static void
sleep_until(double at)
{
	double left = at - bench_seconds();

	if (left <= 0)
		return;
	struct timespec pause = {.tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
	nanosleep(&pause, NULL);
}

static void
publish(struct stage *stage)
{
	Liaison__Alert *alert = a_route_alert();
	double start = bench_seconds();

	for (size_t i = 1; i <= stage->alerts; i++) {
		size_t body_len, frame_len;
		sleep_until(start + (double)i / PER_SECOND);
		stage->published[i] = bench_seconds();
		uint8_t *body = rig_body(stage->rig, alert, WORKLOAD_PUBLISHER, i, &body_len);
		const uint8_t *bodies[1] = {body};
		uint8_t *frame =
			rig_submit_frame(stage->rig, WORKLOAD_PUBLISHER, (uint32_t)i, bodies, &body_len, 1, &frame_len);
		rig_send_bytes(stage->publisher, frame, frame_len);
		free(frame);
		free(body);
		/* Receipts that are there are taken, so that none pile up. */
		while (rig_receive(stage->publisher, 0) != NULL)
			;
	}
	liaison__alert__free_unpacked(alert, NULL);
}

int
main(void)
{
	static struct stage stage;
	struct follower_options options = {.feed = "latency", .verifies = true, .each = on_alert, .arg = &stage};

	stage.rig = rig_new(20260103);
	stage.rig->config.submits_in_flight = 1024;
	stage.alerts = bench_is_quick() ? 600 : ALERTS_MAX;
	rig_start(stage.rig);
	stage.publisher = rig_connect(stage.rig, WORKLOAD_PUBLISHER);
	struct follower *follower = follower_new(stage.rig, follower_office(0), &options);
	struct limit_sync before = limit_fdatasync(stage.rig->dir, SYNCS);
	follower_start(follower, stage.alerts);
	publish(&stage);
	follower_join(follower);
	struct limit_sync after = limit_fdatasync(stage.rig->dir, SYNCS);
	double sync_p99_ms = (before.p99_ms + after.p99_ms) / 2;
	double p50_ms = samples_median(stage.latency_ms, stage.arrived);
	double p99_ms = samples_percentile(stage.latency_ms, stage.arrived, 0.99);

	fprintf(stderr, "# fdatasync: p50 %.2f ms, p99 %.2f ms before; %.2f and %.2f after\n", before.p50_ms,
		before.p99_ms, after.p50_ms, after.p99_ms);
	figure_report(&(struct figure){.name = "latency_p50",
		.value = p50_ms,
		.unit = "ms",
		.limit = 4 * sync_p99_ms + 5,
		.limit_name = "ms: 4 x p99 of fdatasync + 5"});
	figure_report(&(struct figure){.name = "latency_p99",
		.value = p99_ms,
		.unit = "ms",
		.limit = 4 * sync_p99_ms + 5,
		.limit_name = "ms: 4 x p99 of fdatasync + 5"});
	follower_free(follower);
	rig_disconnect(stage.publisher);
	rig_stop(stage.rig, SIGTERM);
	rig_free(stage.rig);
	return EXIT_SUCCESS;
}
