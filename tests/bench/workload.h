/*
 * What benches of a running broker share: alerts that were put together and signed beforehand, and a publisher that
 * keeps a window of them under way.
 */
#ifndef LIAISON_TESTS_BENCH_WORKLOAD_H
#define LIAISON_TESTS_BENCH_WORKLOAD_H

#include "tests/support/rig.h"

#define WORKLOAD_PUBLISHER "kh.blo.poipet"

/* Submit frames, encoded. */
struct workload {
	uint8_t **frames;
	size_t *lens;
	size_t frame_count;
	size_t alert_count;
	size_t body_bytes; /* of all alerts */
};

/*
 * `frames` submits of `per_frame` alerts each, of the publisher, with sequences from `first` on. One alert a frame is signed by
 * itself, more share a signature.
 */
struct workload *workload_new(struct rig *rig, Liaison__Kind kind, uint64_t first, size_t frames, size_t per_frame);
/* Of one alert as it is delivered, on average: its body and what proves it. */
size_t workload_envelope_bytes(const struct workload *workload);
void workload_free(struct workload *workload); /* takes NULL */

/*
 * Sends all with at most `window` frames unanswered, and returns when every alert has its receipt. The last receipt's
 * checkpoint and inclusion are verified; a refusal ends the program.
 */
void workload_publish(struct rig *rig, struct rig_client *publisher, const struct workload *workload, size_t window);

#endif
