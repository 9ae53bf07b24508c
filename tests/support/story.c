#include "tests/support/story.h"

#include "tests/support/alerts.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cmocka.h>

/* Sends the bodies as one batch of the office. */
void
submit(struct rig *rig, struct rig_client *client, const char *office, const uint8_t *const *bodies, const size_t *lens,
	size_t count)
{
	size_t len;
	uint8_t *frame = rig_submit_frame(rig, office, ++client->next_request, bodies, lens, count, &len);

	rig_send_bytes(client, frame, len);
	free(frame);
}

void
submit_alert(struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence, Liaison__Alert *alert)
{
	size_t len;
	uint8_t *body = rig_body(rig, alert, office, sequence, &len);
	const uint8_t *bodies[1] = {body};

	submit(rig, client, office, bodies, &len, 1);
	free(body);
	liaison__alert__free_unpacked(alert, NULL);
}

void
submit_route(struct rig *rig, struct rig_client *client, uint64_t sequence)
{
	submit_alert(rig, client, PUBLISHER, sequence, a_route_alert());
}

/* The one refusal that the next answer holds. */
Liaison__Code
refusal_of(struct rig_client *client)
{
	const Liaison__Refusal *refusal = rig_expect(client, LIAISON__FRAME__FRAME_REFUSAL)->refusal;

	assert_int_equal(refusal->n_items, 1);
	return refusal->items[0]->code;
}

uint64_t
accepted_index(struct rig_client *client)
{
	const Liaison__Receipt *receipt = rig_expect(client, LIAISON__FRAME__FRAME_RECEIPT)->receipt;

	assert_int_equal(receipt->n_items, 1);
	return receipt->items[0]->index;
}

/* The next delivered alert's id, out of any number of frames. */
void
expect_delivery(struct rig_client *reader, const char *id)
{
	const Liaison__Delivery *delivery = rig_expect(reader, LIAISON__FRAME__FRAME_DELIVERY)->delivery;

	assert_int_equal(delivery->n_items, 1);
	const Liaison__Envelope *envelope = delivery->items[0]->envelope;
	Liaison__Alert *alert = liaison__alert__unpack(NULL, envelope->body.len, envelope->body.data);
	assert_non_null(alert);
	assert_string_equal(alert->id, id);
	liaison__alert__free_unpacked(alert, NULL);
}

void
acknowledge(struct rig_client *client, uint32_t channel, Liaison__Lane lane, const uint8_t epoch[16], uint64_t cursor)
{
	Liaison__Acknowledge acknowledge = LIAISON__ACKNOWLEDGE__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	acknowledge.has_channel = acknowledge.has_lane = acknowledge.has_epoch = acknowledge.has_cursor = 1;
	acknowledge.channel = channel;
	acknowledge.lane = lane;
	acknowledge.epoch = (ProtobufCBinaryData){16, (uint8_t *)(uintptr_t)epoch};
	acknowledge.cursor = cursor;
	frame.frame_case = LIAISON__FRAME__FRAME_ACKNOWLEDGE;
	frame.acknowledge = &acknowledge;
	rig_send(client, &frame);
}

/* Everything that was sent before this returns was handled. */
void
sync_with(struct rig_client *client)
{
	Liaison__Ping ping = LIAISON__PING__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	frame.frame_case = LIAISON__FRAME__FRAME_PING;
	frame.ping = &ping;
	rig_send(client, &frame);
	rig_expect(client, LIAISON__FRAME__FRAME_PONG);
}

void
expect_clean_stop(struct rig *rig)
{
	int status = rig_stop(rig, SIGTERM);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

struct rig *
started_rig(void)
{
	struct rig *rig = rig_new(1);

	rig_start(rig);
	return rig;
}
