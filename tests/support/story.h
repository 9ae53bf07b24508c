/*
 * What tests over a running broker say often: publish, be refused, be given. Each fails the cmocka test that calls it where
 * the story goes another way.
 */
#ifndef LIAISON_TESTS_SUPPORT_STORY_H
#define LIAISON_TESTS_SUPPORT_STORY_H

#include "tests/support/rig.h"

#define PUBLISHER "kh.blo.poipet"
#define NEIGHBOUR "th.blo.aranyaprathet"

/* Sends the bodies as one batch of the office. */
void submit(struct rig *rig, struct rig_client *client, const char *office, const uint8_t *const *bodies,
	const size_t *lens, size_t count);
void submit_alert(
	struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence, Liaison__Alert *alert);
void submit_route(struct rig *rig, struct rig_client *client, uint64_t sequence);
/* The one refusal that the next answer holds. */
Liaison__Code refusal_of(struct rig_client *client);
uint64_t accepted_index(struct rig_client *client);
/* The next delivered alert's id, out of any number of frames. */
void expect_delivery(struct rig_client *reader, const char *id);
void acknowledge(
	struct rig_client *client, uint32_t channel, Liaison__Lane lane, const uint8_t epoch[16], uint64_t cursor);
/* Everything that was sent before this returns was handled. */
void sync_with(struct rig_client *client);
void expect_clean_stop(struct rig *rig);
struct rig *started_rig(void);

#endif
