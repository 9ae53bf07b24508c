/* The broker as a whole, over loopback: what a reader of the wire would care for. */
#include "proto/envelope.h"
#include "tests/support/alerts.h"
#include "tests/support/rig.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#define PUBLISHER "kh.blo.poipet"
#define NEIGHBOUR "th.blo.aranyaprathet"

static void
publish_route(struct rig *rig, struct rig_client *client, uint64_t sequence)
{
	Liaison__Alert *alert = a_route_alert();
	size_t body_len, frame_len;
	uint8_t *body = rig_body(rig, alert, PUBLISHER, sequence, &body_len);
	const uint8_t *bodies[1] = {body};
	uint8_t *frame = rig_submit_frame(rig, PUBLISHER, (uint32_t)sequence, bodies, &body_len, 1, &frame_len);

	rig_send_bytes(client, frame, frame_len);
	free(frame);
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
}

static void
an_alert_reaches_a_neighbours_feed(void **state)
{
	struct rig *rig = rig_new(1);
	(void)state;

	rig_start(rig);
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *reader = rig_connect(rig, NEIGHBOUR);
	rig_subscribe(reader, "all", 1, NULL);
	publish_route(rig, publisher, 1);
	const Liaison__Receipt *receipt = rig_expect(publisher, LIAISON__FRAME__FRAME_RECEIPT)->receipt;
	assert_int_equal(receipt->n_items, 1);
	assert_string_equal(receipt->items[0]->id, PUBLISHER "/1");
	const Liaison__Delivery *delivery = rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery;
	assert_int_equal(delivery->n_items, 1);
	struct envelope envelope;
	assert_int_equal(envelope_from_message(delivery->items[0]->envelope, &envelope, NULL), LIAISON_OK);
	assert_int_equal(envelope_verify(NULL, WORLD_NETWORK, &world_keys(rig->world, PUBLISHER)->signing_public,
				 &envelope, NULL),
		LIAISON_OK);
	rig_disconnect(publisher);
	rig_disconnect(reader);
	int status = rig_stop(rig, SIGTERM);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	rig_free(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_alert_reaches_a_neighbours_feed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
