/* What a reader was not to have and may have now is due to it: rights that were widened, a roster that is in force again. */
#include "proto/base/time.h"
#include "tests/support/alerts.h"
#include "tests/support/story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The neighbour reads "all" over an alert that it may not have, and acknowledges what it was given: nothing. */
static struct rig_client *
read_past_an_alert(struct rig *rig)
{
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	uint8_t epoch[16];

	rig_subscribe(reader, "all", 1, NULL);
	submit_route(rig, publisher, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	memcpy(epoch, receipt->checkpoint->epoch.data, sizeof epoch);
	acknowledge(reader, 1, LIAISON__LANE__LANE_ORDINARY, epoch, receipt->items[0]->index + 1);
	sync_with(reader);
	rig_disconnect(publisher);
	return reader;
}

static void
a_right_that_came_while_the_broker_was_down_brings_older_alerts(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	world_set_clearance(rig->world, NEIGHBOUR, LIAISON__LEVEL__LEVEL_CLEAR);
	rig_publish_trust(rig);
	rig_start(rig);
	rig_disconnect(read_past_an_alert(rig));
	expect_clean_stop(rig);
	world_set_clearance(rig->world, NEIGHBOUR, LIAISON__LEVEL__LEVEL_RED);
	rig_publish_trust(rig);
	rig_start(rig);
	struct rig_client *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	expect_delivery(reader, PUBLISHER "/1");
	rig_disconnect(reader);
	expect_clean_stop(rig);
	rig_free(rig);
}

static void
a_start_that_brings_no_right_repeats_nothing(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig_start(rig);
	rig_disconnect(read_past_an_alert(rig));
	expect_clean_stop(rig);
	world_suspend(rig->world, "th.piu.port");
	rig_publish_trust(rig);
	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	submit_route(rig, publisher, 2);
	expect_delivery(reader, PUBLISHER "/2");
	rig_disconnect(publisher);
	rig_disconnect(reader);
	expect_clean_stop(rig);
	rig_free(rig);
}

static void
a_roster_that_is_in_force_again_brings_what_was_withheld(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	Liaison__Roster *roster = world_roster_edit(rig->world, "th");
	roster->expires = WORLD_NOW + MS_PER_DAY;
	world_roster_publish(rig->world, roster);
	rig_publish_trust(rig);
	rig->clock_offset_ms += MS_PER_DAY + ROSTER_GRACE_MS + MS_PER_HOUR;
	rig_start(rig);
	struct rig_client *reader = read_past_an_alert(rig);
	world_roster_publish(rig->world, world_roster_edit(rig->world, "th"));
	rig_publish_trust(rig);
	rig_expect(reader, LIAISON__FRAME__FRAME_UNSUBSCRIBE);
	rig_subscribe(reader, "all", 2, NULL);
	expect_delivery(reader, PUBLISHER "/1");
	rig_disconnect(reader);
	expect_clean_stop(rig);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_right_that_came_while_the_broker_was_down_brings_older_alerts),
		cmocka_unit_test(a_start_that_brings_no_right_repeats_nothing),
		cmocka_unit_test(a_roster_that_is_in_force_again_brings_what_was_withheld),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
