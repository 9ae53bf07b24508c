/*
 * A running broker for tests and benches: a world of trust (world.h), a folder of its own under $TMPDIR, the broker in a
 * child process on a loopback port, and clients that speak frames. The broker's clock stands at the world's time. Ends by
 * itself; the folder goes with it.
 */
#ifndef LIAISON_TESTS_SUPPORT_RIG_H
#define LIAISON_TESTS_SUPPORT_RIG_H

#include "broker/config.h"
#include "proto/edge/zmq.h"
#include "proto/frame.h"
#include "tests/support/world.h"

#include <sys/types.h>

struct rig {
	struct world *world;
	struct config config; /* changed before rig_start: limits, sizes */
	char dir[256];
	char endpoint[128];
	char broker[OFFICE_ID_BYTES];
	pid_t pid; /* of the broker; -1: not running */
	int64_t clock_offset_ms;
	struct net *net; /* of the clients; made with the first of them, after rig_start */
};

/* A world, its folder, and a configuration without rate limits; `broker` ("kh.broker") serves kh, th and vn. */
struct rig *rig_new(uint64_t seed);
void rig_start(struct rig *rig);
/* Expects that the broker refuses to start; returns its exit code. */
int rig_start_fails(struct rig *rig);
/* Ends the broker with the signal and waits; returns its exit status as waitpid gives it. */
int rig_stop(struct rig *rig, int signal);
void rig_free(struct rig *rig);

/* Writes the world's present trust into the broker's folder, where it is taken up by itself. */
void rig_publish_trust(struct rig *rig);

/* The time at the broker. */
int64_t rig_now(const struct rig *rig);

/* --- clients ---------------------------------------------------------------------------------------------------------- */

struct rig_client {
	struct client *client;
	Liaison__Frame *frame; /* the last received; owned */
	size_t bytes;          /* of it */
	uint32_t next_request;
};

/* Connects as that office and says hello; fails the test unless a welcome comes. */
struct rig_client *rig_connect(struct rig *rig, const char *office);
/* The same without the hello. */
struct rig_client *rig_connect_raw(struct rig *rig, const char *office);
/* Says hello over it; fails the test unless a welcome comes. */
void rig_hello(struct rig_client *client);
void rig_disconnect(struct rig_client *client);

void rig_send(struct rig_client *client, const Liaison__Frame *frame);
void rig_send_bytes(struct rig_client *client, const void *bytes, size_t len);

/* The next frame, borrowed until the next call; NULL when none came in time or the connection ended. */
const Liaison__Frame *rig_receive(struct rig_client *client, int timeout_ms);
/* The next frame of that kind; others are passed over. Fails the test after 10 s. */
const Liaison__Frame *rig_expect(struct rig_client *client, Liaison__Frame__FrameCase frame_case);

/* Subscribes to everything under `feed` on `channel` with great credit. `filter` may be NULL. */
void rig_subscribe(struct rig_client *client, const char *feed, uint32_t channel, const Liaison__Filter *filter);

/* --- submissions ------------------------------------------------------------------------------------------------------ */

/*
 * A submit frame, encoded: `count` bodies signed by the office as one batch (count 1: a single alert). From malloc.
 * `bodies` are canonical bytes.
 */
uint8_t *rig_submit_frame(struct rig *rig, const char *office, uint32_t request, const uint8_t *const *bodies,
	const size_t *lens, size_t count, size_t *len);

/* The canonical bytes of `alert` with id <office>/<sequence>, a fresh salt, and sent now. From malloc. */
uint8_t *rig_body(struct rig *rig, Liaison__Alert *alert, const char *office, uint64_t sequence, size_t *len);

#endif
