#include "tests/support/rig.h"

#include "broker/broker.h"
#include "broker/note.h"
#include "proto/edge/docfile.h"
#include "proto/edge/keyfile.h"
#include "proto/envelope.h"
#include "proto/scan.h"
#include "proto/signing.h"
#include "tests/support/alerts.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXPECT_MS 10000
#define START_MS 30000
#define RECEIVE_HIGH_WATER 8192 /* as agents have it */
#define SEND_HIGH_WATER 2048

static void
fail(const char *what, const char *detail)
{
	fprintf(stderr, "rig: %s: %s\n", what, detail);
	abort();
}

static char *
in_dir(const struct rig *rig, const char *name)
{
	size_t len = strlen(rig->dir) + strlen(name) + 2;
	char *path = malloc(len);

	assert(path != NULL);
	snprintf(path, len, "%s/%s", rig->dir, name);
	return path;
}

struct rig *
rig_new(uint64_t seed)
{
	struct rig *rig = calloc(1, sizeof *rig);
	const char *tmp = getenv("TMPDIR");
	struct fault fault = {.message = ""};

	assert(rig != NULL && sodium_init() >= 0);
	rig->pid = -1;
	rig->clock_offset_ms = WORLD_NOW - clock_system()->now_ms(clock_system()->arg);
	snprintf(rig->dir, sizeof rig->dir, "%s/liaison-rig-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(rig->dir) == NULL)
		fail("mkdtemp", strerror(errno));
	snprintf(rig->broker, sizeof rig->broker, "kh.broker");
	rig->world = world_new(seed);
	world_set_broker(rig->world, "th", rig->broker);
	world_set_broker(rig->world, "vn", rig->broker);
	bool ready = broker_config_init(&rig->config);
	assert(ready);
	char *defaults[] = {rig->config.data_dir, rig->config.trust_dir, rig->config.key_file};
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
		free(defaults[i]);
	for (size_t i = 0; i < rig->config.listen_count; i++)
		free(rig->config.listen[i]);
	free(rig->config.listen);
	rig->config.id = strdup(rig->broker);
	rig->config.data_dir = in_dir(rig, "data");
	rig->config.trust_dir = in_dir(rig, "trust");
	rig->config.key_file = in_dir(rig, "broker.key");
	rig->config.listen = calloc(1, sizeof *rig->config.listen);
	assert(rig->config.listen != NULL);
	rig->config.listen[0] = strdup("tcp://127.0.0.1:*");
	rig->config.listen_count = 1;
	rig->config.signatures_per_second = rig->config.bytes_per_second = 0;
	rig->config.disk_floor_bytes = 0;
	rig->config.log_level = getenv("RIG_VERBOSE") != NULL ? NOTE_DEBUG : NOTE_ERROR;
	if (keyfile_create(rig->config.key_file, world_keys(rig->world, rig->broker), rig->broker, NULL, &fault) !=
		LIAISON_OK)
		fail("keys", fault.message);
	rig_publish_trust(rig);
	return rig;
}

void
rig_publish_trust(struct rig *rig)
{
	struct fault fault = {.message = ""};

	if (trust_save_dir(rig->config.trust_dir, world_trust(rig->world), WORLD_NOW, &fault) != LIAISON_OK)
		fail("trust", fault.message);
}

int64_t
rig_now(const struct rig *rig)
{
	return clock_system()->now_ms(clock_system()->arg) + rig->clock_offset_ms;
}

/* --- the broker's process ----------------------------------------------------------------------------------------- */

static void
tell_ready(void *arg, const char *endpoint)
{
	int fd = *(int *)arg;

	if (write(fd, endpoint, strlen(endpoint) + 1) < 0)
		_exit(70);
	close(fd);
}

static void
run_broker(struct rig *rig, int ready_fd)
{
	struct broker_events events = {.on_ready = tell_ready, .arg = &ready_fd};
	struct broker *broker;
	struct fault fault = {.message = ""};

	/* A test that fails leaves no broker behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The clock of the child alone is moved: the parent has used its own already. */
	clock_shift_for_tests(rig->clock_offset_ms);
	note_set_level((enum note_level)rig->config.log_level);
	enum liaison_err err = broker_new(&rig->config, &broker, &fault);
	if (err == LIAISON_OK)
		err = broker_run(broker, &events, &fault);
	if (err != LIAISON_OK) {
		fprintf(stderr, "rig: broker: %s\n", fault.message);
		_exit(err_exit_code(err));
	}
	broker_free(broker);
	_exit(0);
}

/* Starts the broker; false if it ended before it was ready. */
static bool
try_start(struct rig *rig)
{
	int pipe_fds[2];
	size_t got = 0;

	assert(rig->pid == -1 && rig->net == NULL);
	if (pipe(pipe_fds) != 0)
		fail("pipe", strerror(errno));
	fflush(NULL);
	rig->pid = fork();
	if (rig->pid < 0)
		fail("fork", strerror(errno));
	if (rig->pid == 0) {
		close(pipe_fds[0]);
		run_broker(rig, pipe_fds[1]);
	}
	close(pipe_fds[1]);
	while (got < sizeof rig->endpoint) {
		struct pollfd poll_fd = {.fd = pipe_fds[0], .events = POLLIN};
		if (poll(&poll_fd, 1, START_MS) <= 0)
			fail("broker", "did not become ready");
		ssize_t n = read(pipe_fds[0], rig->endpoint + got, sizeof rig->endpoint - got);
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(pipe_fds[0]);
	return got > 0;
}

void
rig_start(struct rig *rig)
{
	if (!try_start(rig))
		fail("broker", "ended at its start");
}

int
rig_start_fails(struct rig *rig)
{
	if (try_start(rig))
		fail("broker", "started where it must not");
	int status = rig_stop(rig, SIGTERM);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int
rig_stop(struct rig *rig, int signal)
{
	int status = 0;

	net_free(rig->net);
	rig->net = NULL;
	if (rig->pid > 0) {
		kill(rig->pid, signal);
		while (waitpid(rig->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	rig->pid = -1;
	return status;
}

static void
remove_dir(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", dir, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void
rig_free(struct rig *rig)
{
	rig_stop(rig, SIGTERM);
	remove_dir(rig->dir);
	broker_config_clear(&rig->config);
	world_free(rig->world);
	free(rig);
}

/* --- clients ------------------------------------------------------------------------------------------------------ */

const Liaison__Frame *
rig_receive(struct rig_client *client, int timeout_ms)
{
	struct net_message message;
	struct fault fault = {.message = ""};

	for (;;) {
		switch (client_wait(client->client, timeout_ms, -1, &message)) {
		case CLIENT_MESSAGE: break;
		case CLIENT_CONNECTED:
		case CLIENT_WOKEN: continue;
		default: return NULL;
		}
		frame_free(client->frame);
		client->frame = NULL;
		client->bytes = net_message_size(&message);
		if (frame_decode(net_message_data(&message), client->bytes, &client->frame, &fault) != LIAISON_OK)
			fail("frame", fault.message);
		net_message_close(&message);
		return client->frame;
	}
}

const Liaison__Frame *
rig_expect(struct rig_client *client, Liaison__Frame__FrameCase frame_case)
{
	const Liaison__Frame *frame;

	do
		frame = rig_receive(client, EXPECT_MS);
	while (frame != NULL && frame->frame_case != frame_case);
	if (frame == NULL)
		fail("expected frame", liaison__frame__descriptor.fields[frame_case - 1].name);
	return frame;
}

void
rig_send_bytes(struct rig_client *client, const void *bytes, size_t len)
{
	for (int tries = 0; client_send(client->client, bytes, len) != LIAISON_OK; tries++) {
		struct pollfd none = {.fd = -1};
		if (tries > EXPECT_MS)
			fail("send", "the broker does not read");
		poll(&none, 1, 1);
	}
}

void
rig_send(struct rig_client *client, const Liaison__Frame *frame)
{
	size_t len;
	uint8_t *bytes = frame_encode(frame, &len);

	assert(bytes != NULL);
	rig_send_bytes(client, bytes, len);
	free(bytes);
}

struct rig_client *
rig_connect_raw(struct rig *rig, const char *office)
{
	const struct secret_keys *keys = world_keys(rig->world, office);
	const struct secret_keys *broker = world_keys(rig->world, rig->broker);
	struct client_options options = {.server_key = broker->transport_public,
		.public_key = keys->transport_public,
		.secret = keys->transport,
		.max_message_bytes = FRAME_BYTES_MAX,
		.receive_high_water = RECEIVE_HIGH_WATER,
		.send_high_water = SEND_HIGH_WATER};
	struct rig_client *client = calloc(1, sizeof *client);
	struct fault fault = {.message = ""};

	assert(client != NULL);
	if (rig->net == NULL)
		rig->net = net_new(1, 1024, &fault);
	client->client = rig->net != NULL ? client_new(rig->net, rig->endpoint, &options, &fault) : NULL;
	if (client->client == NULL)
		fail("connect", fault.message);
	return client;
}

void
rig_hello(struct rig_client *client)
{
	Liaison__Hello hello = LIAISON__HELLO__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	hello.has_least_version = hello.has_greatest_version = 1;
	hello.least_version = hello.greatest_version = PROTOCOL_VERSION;
	frame.frame_case = LIAISON__FRAME__FRAME_HELLO;
	frame.hello = &hello;
	rig_send(client, &frame);
	rig_expect(client, LIAISON__FRAME__FRAME_WELCOME);
}

struct rig_client *
rig_connect(struct rig *rig, const char *office)
{
	struct rig_client *client = rig_connect_raw(rig, office);

	rig_hello(client);
	return client;
}

void
rig_disconnect(struct rig_client *client)
{
	if (client == NULL)
		return;
	client_free(client->client);
	frame_free(client->frame);
	free(client);
}

void
rig_subscribe(struct rig_client *client, const char *feed, uint32_t channel, const Liaison__Filter *filter)
{
	Liaison__Subscribe subscribe = LIAISON__SUBSCRIBE__INIT;
	Liaison__Credit credit = LIAISON__CREDIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	subscribe.has_request = subscribe.has_channel = 1;
	subscribe.request = ++client->next_request;
	subscribe.channel = channel;
	subscribe.feed = (char *)(uintptr_t)feed;
	subscribe.filter = (Liaison__Filter *)(uintptr_t)filter;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBSCRIBE;
	frame.subscribe = &subscribe;
	rig_send(client, &frame);
	rig_expect(client, LIAISON__FRAME__FRAME_SUBSCRIBED);
	credit.has_channel = credit.has_messages = credit.has_bytes = 1;
	credit.channel = channel;
	credit.messages = credit.bytes = UINT64_C(1) << 40;
	frame.frame_case = LIAISON__FRAME__FRAME_CREDIT;
	frame.credit = &credit;
	rig_send(client, &frame);
}

/* --- submissions -------------------------------------------------------------------------------------------------- */

uint8_t *
rig_submit_frame(struct rig *rig, const char *office, uint32_t request, const uint8_t *const *bodies,
	const size_t *lens, size_t count, size_t *len)
{
	const struct secret_keys *keys = world_keys(rig->world, office);
	struct digest *leaves = malloc(count * sizeof *leaves), root;
	Liaison__SubmitItem *rooms = calloc(count, sizeof *rooms), **items = calloc(count, sizeof *items);
	uint8_t payload[4 + DIGEST_BYTES], signature[SIGNATURE_BYTES];
	struct key_id key_id;
	Liaison__Submit submit = LIAISON__SUBMIT__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;

	assert(leaves != NULL && rooms != NULL && items != NULL);
	for (size_t i = 0; i < count; i++) {
		envelope_body_hash(bodies[i], lens[i], &leaves[i]);
		liaison__submit_item__init(&rooms[i]);
		rooms[i].has_leaf = rooms[i].has_body = 1;
		rooms[i].leaf = (uint32_t)i;
		rooms[i].body = (ProtobufCBinaryData){lens[i], (uint8_t *)(uintptr_t)bodies[i]};
		items[i] = &rooms[i];
	}
	merkle_root_of(leaves, count, &root);
	batch_payload((uint32_t)count, &root, payload);
	enum liaison_err err = sign_bytes(
		DOMAIN_ALERT, WORLD_NETWORK, payload, sizeof payload, keys->signing, &keys->signing_public, signature);
	assert(err == LIAISON_OK);
	key_id_of(&keys->signing_public, &key_id);
	submit.has_request = submit.has_key = submit.has_leaf_count = submit.has_signature = 1;
	submit.request = request;
	submit.key = (ProtobufCBinaryData){KEY_ID_BYTES, key_id.bytes};
	submit.leaf_count = (uint32_t)count;
	submit.signature = (ProtobufCBinaryData){SIGNATURE_BYTES, signature};
	submit.n_items = count;
	submit.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBMIT;
	frame.submit = &submit;
	uint8_t *bytes = frame_encode(&frame, len);
	assert(bytes != NULL);
	free(leaves);
	free(rooms);
	free(items);
	return bytes;
}

uint8_t *
rig_body(struct rig *rig, Liaison__Alert *alert, const char *office, uint64_t sequence, size_t *len)
{
	char id[ALERT_ID_BYTES];

	snprintf(id, sizeof id, "%s/%llu", office, (unsigned long long)sequence);
	free(alert->id);
	alert->id = strdup(id);
	assert(alert->id != NULL && alert->salt.len == 16);
	randombytes_buf(alert->salt.data, alert->salt.len);
	alert->sent = rig_now(rig);
	return alert_bytes(alert, len);
}
