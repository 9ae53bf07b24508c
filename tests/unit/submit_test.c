/* Submissions that come in one breath: what refers to an alert may be on the wire before the alert has its receipt. */
#include "tests/support/alerts.h"
#include "tests/support/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BATCH 200
#define ROUNDS 5

/* An alert that takes a worker long: the last of many in one frame. */
static void
submit_batch(struct rig *rig, struct rig_client *client, uint64_t first)
{
	uint8_t *bodies[BATCH];
	size_t lens[BATCH];

	for (size_t i = 0; i < BATCH; i++) {
		Liaison__Alert *alert = a_route_alert();
		bodies[i] = rig_body(rig, alert, PUBLISHER, first + i, &lens[i]);
		liaison__alert__free_unpacked(alert, NULL);
	}
	submit(rig, client, PUBLISHER, (const uint8_t *const *)bodies, lens, BATCH);
	for (size_t i = 0; i < BATCH; i++)
		free(bodies[i]);
}

/* Item by item until so many were answered; returns how many of them were refused, all with `code`. */
static size_t
count_refused(struct rig_client *client, size_t answers, Liaison__Code code)
{
	size_t refused = 0;

	while (answers > 0) {
		const Liaison__Frame *frame = rig_receive(client, 10000);
		assert_non_null(frame);
		if (frame->frame_case == LIAISON__FRAME__FRAME_RECEIPT) {
			answers -= frame->receipt->n_items;
		} else if (frame->frame_case == LIAISON__FRAME__FRAME_REFUSAL) {
			answers -= frame->refusal->n_items;
			refused += frame->refusal->n_items;
			for (size_t i = 0; i < frame->refusal->n_items; i++)
				assert_int_equal(frame->refusal->items[i]->code, code);
		}
	}
	return refused;
}

static void
what_follows_an_alert_may_come_right_behind_it(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig->config.workers = 4;
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	for (uint64_t round = 0, sequence = 1; round < ROUNDS; round++, sequence += BATCH + 3) {
		char reference[64];
		snprintf(reference, sizeof reference, "[\"" PUBLISHER "/%llu\"]",
			(unsigned long long)(sequence + BATCH - 1));
		const struct change about[] = {{"references", reference}, {0}};
		const struct change update[] = {{"message", "\"UPDATE\""}, {"references", reference}, {0}};
		submit_batch(rig, publisher, sequence);
		submit_alert(rig, publisher, PUBLISHER, sequence + BATCH, an_alert(LIAISON__KIND__KIND_ROUTE, update));
		submit_alert(rig, publisher, PUBLISHER, sequence + BATCH + 1,
			a_notice(LIAISON__MESSAGE_TYPE__MESSAGE_TYPE_CANCEL, about));
		/* The cancellation is terminal, also while it is on its way into the log. */
		submit_alert(
			rig, publisher, PUBLISHER, sequence + BATCH + 2, an_alert(LIAISON__KIND__KIND_ROUTE, update));
		assert_int_equal(count_refused(publisher, BATCH + 3, LIAISON__CODE__CODE_BAD_REFERENCE), 1);
	}
	rig_disconnect(publisher);
	expect_clean_stop(rig);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_follows_an_alert_may_come_right_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
