/*
 * Who connects to do harm: strangers with keys of nobody, connections that say nothing, an office that takes more than its
 * share, messages that are no single frame. Others must not notice, and the broker must not pay for it.
 */
#include "proto/scan.h"
#include "tests/support/curve_peer.h"
#include "tests/support/talk.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#define STRANGERS 400
#define SILENT 400
#define SHUT_MS 20000
#define WELCOME_MS 30000
#define MIB ((size_t)1 << 20)

/* As an agent does it: who is refused or shut tries again. */
static struct rig_client *
connect_again(struct rig *rig, const char *office)
{
	struct net_message message;

	for (int tries = 0; tries < 50; tries++) {
		struct rig_client *client = rig_connect_raw(rig, office);
		if (client_wait(client->client, 2000, -1, &message) == CLIENT_CONNECTED &&
			client_send(client->client, "\x0a\x04\x08\x01\x10\x01", 6) == LIAISON_OK) {
			const Liaison__Frame *answer = rig_receive(client, 5000);
			while (answer != NULL && answer->frame_case == LIAISON__FRAME__FRAME_TRUST)
				answer = rig_receive(client, 5000);
			if (answer != NULL && answer->frame_case == LIAISON__FRAME__FRAME_WELCOME)
				return client;
		}
		rig_disconnect(client);
	}
	fail_msg("%s was never let in", office);
	return NULL;
}

/* An office that comes while the broker is under attack is served in `ms` at most. */
static void
expect_served_within(struct rig *rig, const char *office, uint64_t sequence, int64_t ms)
{
	int64_t began = clock_system()->monotonic_ms(NULL);
	struct rig_client *client = connect_again(rig, office);

	publish_route(rig, client, office, sequence);
	int64_t took = clock_system()->monotonic_ms(NULL) - began;
	rig_disconnect(client);
	print_message("%s was served in %lld ms\n", office, (long long)took);
	assert_true(took <= ms * SLOWER);
}

/* The processor time that the broker takes while nothing is asked of it, in thousandths of one core. */
static int64_t
idle_load(const struct rig *rig)
{
	struct pollfd none = {.fd = -1};
	int64_t cpu = broker_cpu_ms(rig), began = clock_system()->monotonic_ms(NULL);

	poll(&none, 1, 1000);
	return (broker_cpu_ms(rig) - cpu) * 1000 / (clock_system()->monotonic_ms(NULL) - began);
}

/* --- strangers -------------------------------------------------------------------------------------------------------- */

static void
four_hundred_unknown_keys_keep_nobody_out(void **state)
{
	struct rig *rig = started_rig();
	void *context = zmq_ctx_new();
	struct stranger strangers[STRANGERS];
	(void)state;

	for (size_t i = 0; i < STRANGERS; i++) {
		strangers[i] = stranger_new(context, rig, NULL);
		stranger_connect(&strangers[i], rig);
	}
	expect_served_within(rig, PUBLISHER, 1, 8000);
	for (size_t i = 0; i < STRANGERS; i++) {
		zmq_send(strangers[i].socket, "x", 1, ZMQ_DONTWAIT);
		stranger_free(&strangers[i]);
	}
	zmq_ctx_term(context);
	expect_served_within(rig, PUBLISHER, 2, 3000);
	assert_true(idle_load(rig) < 100 * SLOWER);
	end_rig(rig);
}

/*
 * Keeps SILENT connections open for ever, from the addresses 127.0.0.`first` and the `count` - 1 after it, and puts another
 * in the place of each that is shut, after `pause_ms`. Ends with its parent.
 */
static pid_t
start_silent_attacker(const struct rig *rig, unsigned first, unsigned count, int pause_ms)
{
	pid_t pid = fork();
	struct pollfd fds[SILENT], none = {.fd = -1};

	assert_true(pid >= 0);
	if (pid > 0) {
		poll(&none, 1, 500); /* until it has taken all that it can get */
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned i = 0; i < SILENT; i++)
		fds[i] = (struct pollfd){.fd = tcp_connect(rig, (uint8_t)(first + i % count)), .events = POLLIN};
	for (;;) {
		if (poll(fds, SILENT, 100) <= 0)
			continue;
		for (unsigned i = 0; i < SILENT; i++) {
			char byte[64];
			if (fds[i].revents == 0 || read(fds[i].fd, byte, sizeof byte) > 0)
				continue; /* the broker's greeting */
			close(fds[i].fd);
			fds[i].fd = tcp_connect(rig, (uint8_t)(first + i % count));
		}
		poll(&none, 1, pause_ms);
	}
}

static void
end_attacker(pid_t attacker)
{
	int status;

	kill(attacker, SIGKILL);
	waitpid(attacker, &status, 0);
}

static void
connections_that_say_nothing_keep_nobody_out(void **state)
{
	struct rig *rig = started_rig();
	(void)state;

	/* Of the same address, and as fast as it can, from four others. */
	pid_t attacker = start_silent_attacker(rig, 1, 1, 1000);
	expect_served_within(rig, PUBLISHER, 1, 8000);
	end_attacker(attacker);
	attacker = start_silent_attacker(rig, 2, 4, 0);
	expect_served_within(rig, PUBLISHER, 2, 8000);
	expect_served_within(rig, PUBLISHER, 3, 8000);
	end_attacker(attacker);
	expect_served_within(rig, PUBLISHER, 4, 3000);
	end_rig(rig);
}

static void
a_handshake_that_stops_half_way_is_ended(void **state)
{
	struct rig *rig = rig_new(1);
	struct curve_peer peers[CURVE_DONE + 1];
	char bytes[256];
	(void)state;

	rig->config.handshake_ms = 1000;
	rig_start(rig);
	for (int step = CURVE_NOTHING; step <= CURVE_DONE; step++)
		assert_true(curve_peer_connect(&peers[step], rig, NEIGHBOUR, (enum curve_step)step));
	for (int step = CURVE_NOTHING; step <= CURVE_DONE; step++) {
		ssize_t got;
		while ((got = recv(peers[step].fd, bytes, sizeof bytes, 0)) > 0)
			;
		if (got < 0 && errno != ECONNRESET)
			fail_msg("step %d: still open", step);
		curve_peer_close(&peers[step]);
	}
	expect_served_within(rig, NEIGHBOUR, 1, 3000);
	end_rig(rig);
}

/* Reads away the broker's greeting, without waiting. */
static bool
has_been_shut(int fd)
{
	char bytes[256];
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		;
	return got == 0 || errno != EAGAIN;
}

static void
more_connections_than_allowed_in_all_are_shut(void **state)
{
	struct rig *rig = rig_new(1);
	int fds[60];
	size_t open = 0;
	(void)state;

	rig->config.connections_max = 30;
	rig->config.unauthenticated_max = 100;
	rig_start(rig);
	struct rig_client *client = rig_connect(rig, PUBLISHER);
	for (size_t i = 0; i < 60; i++)
		fds[i] = tcp_connect(rig, 1);
	/* The broker shuts what is too many as it comes to see it. */
	bool is_shut[60] = {false};
	int64_t until = clock_system()->monotonic_ms(NULL) + SHUT_MS;
	do {
		sync_with(client);
		open = 0;
		for (size_t i = 0; i < 60; i++) {
			is_shut[i] = is_shut[i] || has_been_shut(fds[i]);
			open += !is_shut[i];
		}
	} while (open >= 30 && clock_system()->monotonic_ms(NULL) < until);
	for (size_t i = 0; i < 60; i++)
		close(fds[i]);
	print_message("%zu of 60 were let stand\n", open);
	assert_true(open < 30);
	sync_with(client); /* who was there before stays */
	rig_disconnect(client);
	end_rig(rig);
}

/* --- an office that takes more than its share --------------------------------------------------------------------------- */

/* How many of the clients are welcomed within wait_ms each that had not been before. */
static size_t
count_welcomes(struct rig_client **clients, bool *is_welcome, size_t count, int wait_ms)
{
	size_t welcomed = 0;

	for (size_t i = 0; i < count; i++) {
		if (is_welcome[i])
			continue;
		const Liaison__Frame *answer = rig_receive(clients[i], wait_ms);
		while (answer != NULL && answer->frame_case == LIAISON__FRAME__FRAME_TRUST)
			answer = rig_receive(clients[i], wait_ms);
		is_welcome[i] = answer != NULL && answer->frame_case == LIAISON__FRAME__FRAME_WELCOME;
		welcomed += is_welcome[i];
	}
	return welcomed;
}

static void
connections_of_one_office_are_capped_however_they_come(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *clients[40];
	Liaison__Hello hello = LIAISON__HELLO__INIT;
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	size_t welcomed = 0;
	(void)state;

	/* All are let in by ZAP before any of them says a word. */
	for (size_t i = 0; i < 40; i++) {
		clients[i] = rig_connect_raw(rig, NEIGHBOUR);
		rig_receive(clients[i], 50);
	}
	hello.has_least_version = hello.has_greatest_version = 1;
	hello.least_version = hello.greatest_version = PROTOCOL_VERSION;
	frame.frame_case = LIAISON__FRAME__FRAME_HELLO;
	frame.hello = &hello;
	for (size_t i = 0; i < 40; i++) {
		size_t len;
		uint8_t *bytes = frame_encode(&frame, &len);
		if (client_send(clients[i]->client, bytes, len) != LIAISON_OK)
			print_message("connection %zu was not let in\n", i);
		free(bytes);
	}
	/* As many as may are welcomed, however long it takes; then it is seen whether more are. */
	bool is_welcome[40] = {false};
	int64_t until = clock_system()->monotonic_ms(NULL) + WELCOME_MS;
	while (welcomed < (size_t)rig->config.connections_per_office && clock_system()->monotonic_ms(NULL) < until)
		welcomed += count_welcomes(clients, is_welcome, 40, 20);
	welcomed += count_welcomes(clients, is_welcome, 40, 100);
	print_message("%zu of 40 were welcomed\n", welcomed);
	assert_int_equal(welcomed, rig->config.connections_per_office);
	expect_served_within(rig, PUBLISHER, 1, 5000);
	for (size_t i = 0; i < 40; i++)
		rig_disconnect(clients[i]);
	expect_served_within(rig, NEIGHBOUR, 1, 5000);
	end_rig(rig);
}

/* --- messages that are no frame ------------------------------------------------------------------------------------------ */

static void
a_message_of_several_frames_ends_the_connection(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	struct stranger stranger = stranger_new(NULL, rig, NEIGHBOUR);
	(void)state;

	stranger_connect(&stranger, rig);
	for (int i = 0; i < 20; i++) {
		zmq_send(stranger.socket, "", 0, ZMQ_SNDMORE);
		zmq_send(stranger.socket, "\xf2\x01\x00", 3, 0);
		publish_route(rig, publisher, PUBLISHER, (uint64_t)i + 1);
	}
	stranger_free(&stranger);
	rig_disconnect(publisher);
	end_rig(rig);
}

/* ZeroMQ hands a message on when its last frame has come; one without an end stays inside, where no high-water mark counts. */
static void
a_message_without_an_end_does_not_fill_memory(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	struct curve_peer peer;
	uint8_t *part = calloc(1, MIB / 2);
	size_t before = broker_rss_bytes(rig), most = 0;
	uint64_t parts = 0;
	(void)state;

	assert_non_null(part);
	assert_true(curve_peer_connect(&peer, rig, NEIGHBOUR, CURVE_DONE));
	while (parts < 600 && curve_peer_send(&peer, CURVE_MORE, part, MIB / 2)) {
		if (parts++ % 20 == 0)
			publish_route(rig, publisher, PUBLISHER, parts);
		size_t now = broker_rss_bytes(rig);
		if (now > before && now - before > most)
			most = now - before;
	}
	print_message("ended after %llu parts, ", (unsigned long long)parts);
	print_message("at most %zu MiB more\n", most / MIB);
	assert_true(most < 96 * MIB);
	assert_true(parts > 1);
	free(part);
	curve_peer_close(&peer);
	rig_disconnect(publisher);
	end_rig(rig);
}

static void
a_frame_that_is_too_great_is_not_taken(void **state)
{
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER), *big = rig_connect(rig, NEIGHBOUR);
	uint8_t *bytes = calloc(1, 64 * MIB);
	(void)state;

	assert_non_null(bytes);
	memcpy(bytes, "\xf2\x01\xfb\xff\x3f", 5); /* a ping of exactly FRAME_BYTES_MAX, with an unknown field inside */
	memcpy(bytes + 5, "\x7a\xf7\xff\x3f", 4);
	rig_send_bytes(big, bytes, FRAME_BYTES_MAX);
	rig_expect(big, LIAISON__FRAME__FRAME_PONG);
	rig_send_bytes(big, bytes, FRAME_BYTES_MAX + 1);
	await_end(big);
	rig_disconnect(big);
	big = rig_connect(rig, NEIGHBOUR);
	size_t before = broker_rss_bytes(rig);
	rig_send_bytes(big, bytes, 64 * MIB);
	await_end(big);
	assert_true(broker_rss_bytes(rig) <= before + 8 * MIB);
	publish_route(rig, publisher, PUBLISHER, 1);
	free(bytes);
	rig_disconnect(big);
	rig_disconnect(publisher);
	end_rig(rig);
}

static void
a_chosen_routing_id_is_shut(void **state)
{
	static const struct {
		const char *id;
		size_t len;
	} ids[] = {{"stolen", 6}, {"a", 1}, {"\0\0\0\0\1", 5}, {"\0\x12\x34\x56\x78", 5}};
	struct rig *rig = started_rig();
	struct rig_client *publisher = rig_connect(rig, PUBLISHER);
	(void)state;

	for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		struct stranger stranger = stranger_new(NULL, rig, NEIGHBOUR);
		zmq_setsockopt(stranger.socket, ZMQ_ROUTING_ID, ids[i].id, ids[i].len);
		stranger_connect(&stranger, rig);
		for (int n = 0; n < 5; n++) {
			zmq_send(stranger.socket, "\x0a\x04\x08\x01\x10\x01", 6, 0); /* hello */
			publish_route(rig, publisher, PUBLISHER, i * 10 + (size_t)n + 1);
		}
		stranger_free(&stranger);
	}
	rig_disconnect(publisher);
	end_rig(rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(four_hundred_unknown_keys_keep_nobody_out),
		cmocka_unit_test(connections_that_say_nothing_keep_nobody_out),
		cmocka_unit_test(a_handshake_that_stops_half_way_is_ended),
		cmocka_unit_test(more_connections_than_allowed_in_all_are_shut),
		cmocka_unit_test(connections_of_one_office_are_capped_however_they_come),
		cmocka_unit_test(a_message_of_several_frames_ends_the_connection),
		cmocka_unit_test(a_message_without_an_end_does_not_fill_memory),
		cmocka_unit_test(a_frame_that_is_too_great_is_not_taken),
		cmocka_unit_test(a_chosen_routing_id_is_shut),
	};
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
