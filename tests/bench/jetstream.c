#include "tests/bench/jetstream.h"

#include "tests/bench/bench.h"

#include <errno.h>
#include <nats/nats.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SUBJECT "alerts"
#define STREAM "ALERTS"
#define PULL_BATCH 1000
#define PUBLISH_WINDOW 8000
#define WAIT_MS 30000
#define START_TRIES 200

struct jetstream {
	pid_t pid;
	char url[64];
	natsConnection *connection; /* of the publisher */
	jsCtx *context;
	unsigned consumers; /* made so far, for names */
};

static void
must(natsStatus status, const char *what)
{
	if (status == NATS_OK)
		return;
	fprintf(stderr, "bench: JetStream: %s: %s\n", what, natsStatus_GetText(status));
	exit(EXIT_FAILURE);
}

/* --- the server ---------------------------------------------------------------------------------------------------- */

/* The port that the server wrote into its ports file; 0 while it has not. */
static int
read_port(const char *dir, pid_t pid)
{
	char path[512], text[1024];
	int port = 0;

	snprintf(path, sizeof path, "%s/nats-server_%d.ports", dir, (int)pid);
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return 0;
	size_t len = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[len] = '\0';
	const char *at = strstr(text, "nats://127.0.0.1:");
	if (at != NULL)
		port = atoi(at + strlen("nats://127.0.0.1:"));
	return port;
}

struct jetstream *
jetstream_start(const char *dir)
{
	struct jetstream *jetstream = calloc(1, sizeof *jetstream);
	struct timespec pause = {.tv_nsec = 20000000};
	int port = 0;

	if (jetstream == NULL)
		must(NATS_NO_MEMORY, "start");
	fflush(NULL);
	jetstream->pid = fork();
	if (jetstream->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("nats-server", "nats-server", "--jetstream", "--addr", "127.0.0.1", "--port", "-1",
			"--store_dir", dir, "--ports_file_dir", dir, "--log", "/dev/null", (char *)NULL);
		_exit(127);
	}
	for (int tries = 0; port == 0 && tries < START_TRIES; tries++) {
		nanosleep(&pause, NULL);
		port = read_port(dir, jetstream->pid);
	}
	if (port == 0)
		must(NATS_NO_SERVER, "nats-server does not start");
	snprintf(jetstream->url, sizeof jetstream->url, "nats://127.0.0.1:%d", port);
	must(natsConnection_ConnectTo(&jetstream->connection, jetstream->url), "connect");
	jsOptions options;
	jsOptions_Init(&options);
	options.PublishAsync.MaxPending = PUBLISH_WINDOW;
	options.PublishAsync.StallWait = WAIT_MS;
	must(natsConnection_JetStream(&jetstream->context, jetstream->connection, &options), "context");
	return jetstream;
}

void
jetstream_stop(struct jetstream *jetstream)
{
	if (jetstream == NULL)
		return;
	jsCtx_Destroy(jetstream->context);
	natsConnection_Destroy(jetstream->connection);
	kill(jetstream->pid, SIGTERM);
	while (waitpid(jetstream->pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(jetstream);
}

static void
make_stream(struct jetstream *jetstream)
{
	const char *subjects[] = {SUBJECT};
	jsStreamConfig config;

	jsStreamConfig_Init(&config);
	config.Name = STREAM;
	config.Subjects = subjects;
	config.SubjectsLen = 1;
	config.Storage = js_FileStorage;
	must(js_AddStream(NULL, jetstream->context, &config, NULL, NULL), "stream");
}

static void
drop_stream(struct jetstream *jetstream)
{
	must(js_DeleteStream(jetstream->context, STREAM, NULL, NULL), "drop stream");
}

/* --- readers ------------------------------------------------------------------------------------------------------- */

/* The first two were the fastest in every run: a quick one tries no others. */
#define QUICK_WAYS 2
static const struct way {
	const char *name;
	bool is_pull, is_acked;
} WAYS[] = {
	{"push, ack none", false, false},
	{"pull, ack none", true, false},
	{"push, ack all", false, true},
	{"pull, ack all", true, true},
};

struct reader {
	natsConnection *connection;
	jsCtx *context;
	natsSubscription *subscription;
	const struct way *way;
	size_t expected;
	atomic_size_t received;
	double done_at;
	pthread_t thread; /* of a pull */
};

/* Called by one thread of the reader at a time. */
static void
count(struct reader *reader, natsMsg *message)
{
	size_t received = atomic_load(&reader->received) + 1;

	/* Acknowledging all up to this one: what a cursor does. */
	if (reader->way->is_acked && (received % PULL_BATCH == 0 || received == reader->expected))
		must(natsMsg_Ack(message, NULL), "ack");
	natsMsg_Destroy(message);
	if (received == reader->expected)
		reader->done_at = bench_seconds();
	atomic_store(&reader->received, received);
}

static void
on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure)
{
	(void)connection;
	(void)subscription;
	count(closure, message);
}

/* Owns its subscription; pulls until it has all. */
static void *
pull_run(void *arg)
{
	struct reader *reader = arg;

	while (atomic_load(&reader->received) < reader->expected) {
		natsMsgList list = {0};
		size_t left = reader->expected - atomic_load(&reader->received);
		natsStatus status = natsSubscription_Fetch(
			&list, reader->subscription, left < PULL_BATCH ? (int)left : PULL_BATCH, WAIT_MS, NULL);
		must(status, "fetch");
		for (int i = 0; i < list.Count; i++) {
			count(reader, list.Msgs[i]);
			list.Msgs[i] = NULL;
		}
		natsMsgList_Destroy(&list);
	}
	return NULL;
}

static void
reader_open(struct jetstream *jetstream, struct reader *reader, const struct way *way, size_t expected)
{
	jsSubOptions options;
	char name[32];

	*reader = (struct reader){.way = way, .expected = expected};
	must(natsConnection_ConnectTo(&reader->connection, jetstream->url), "connect a reader");
	must(natsConnection_JetStream(&reader->context, reader->connection, NULL), "context");
	jsSubOptions_Init(&options);
	options.Stream = STREAM;
	options.ManualAck = true;
	options.Config.AckPolicy = way->is_acked ? js_AckAll : js_AckNone;
	options.Config.MaxAckPending = way->is_acked ? 10 * PULL_BATCH : 0;
	snprintf(name, sizeof name, "reader-%u", ++jetstream->consumers);
	if (way->is_pull) {
		must(js_PullSubscribe(&reader->subscription, reader->context, SUBJECT, name, NULL, &options, NULL),
			"pull");
		return;
	}
	options.Config.Durable = name;
	must(js_Subscribe(&reader->subscription, reader->context, SUBJECT, on_message, reader, NULL, &options, NULL),
		"push");
	must(natsSubscription_SetPendingLimits(reader->subscription, -1, -1), "limits");
}

static void
reader_close(struct reader *reader)
{
	natsSubscription_Destroy(reader->subscription);
	jsCtx_Destroy(reader->context);
	natsConnection_Destroy(reader->connection);
}

/* --- measuring ----------------------------------------------------------------------------------------------------- */

static void
publish(struct jetstream *jetstream, size_t messages, size_t bytes)
{
	uint8_t *payload = malloc(bytes);
	jsPubOptions options;

	if (payload == NULL)
		must(NATS_NO_MEMORY, "publish");
	memset(payload, 'x', bytes);
	for (size_t i = 0; i < messages; i++)
		must(js_PublishAsync(jetstream->context, SUBJECT, payload, (int)bytes, NULL), "publish");
	jsPubOptions_Init(&options);
	options.MaxWait = WAIT_MS;
	must(js_PublishAsyncComplete(jetstream->context, &options), "publish");
	free(payload);
}

static void
await(const struct reader *reader)
{
	struct timespec pause = {.tv_nsec = 1000000};

	for (int waited = 0; atomic_load(&reader->received) < reader->expected; waited++) {
		if (waited > WAIT_MS)
			must(NATS_TIMEOUT, "a reader did not get everything");
		nanosleep(&pause, NULL);
	}
}

static double
run_way(struct jetstream *jetstream, const struct way *way, size_t count, size_t messages, size_t bytes)
{
	struct reader *readers = calloc(count, sizeof *readers);
	double end = 0;

	if (readers == NULL)
		must(NATS_NO_MEMORY, "readers");
	make_stream(jetstream);
	for (size_t i = 0; i < count; i++)
		reader_open(jetstream, &readers[i], way, messages);
	double start = bench_seconds();
	for (size_t i = 0; way->is_pull && i < count; i++)
		if (pthread_create(&readers[i].thread, NULL, pull_run, &readers[i]) != 0)
			must(NATS_NO_MEMORY, "threads");
	publish(jetstream, messages, bytes);
	for (size_t i = 0; i < count; i++) {
		if (way->is_pull)
			pthread_join(readers[i].thread, NULL);
		else
			await(&readers[i]);
		if (readers[i].done_at > end)
			end = readers[i].done_at;
	}
	for (size_t i = 0; i < count; i++)
		reader_close(&readers[i]);
	drop_stream(jetstream);
	free(readers);
	return (double)(count * messages) / (end - start);
}

double
jetstream_deliveries_per_s(struct jetstream *jetstream, size_t readers, size_t messages, size_t bytes, const char **way)
{
	size_t ways = bench_is_quick() ? QUICK_WAYS : sizeof WAYS / sizeof *WAYS;
	double best = 0;

	for (size_t i = 0; i < ways; i++) {
		double rate = run_way(jetstream, &WAYS[i], readers, messages, bytes);
		fprintf(stderr, "# JetStream, %zu readers, %zu bytes, %s: %.0f deliveries/s\n", readers, bytes,
			WAYS[i].name, rate);
		if (rate > best) {
			best = rate;
			*way = WAYS[i].name;
		}
	}
	return best;
}

double
jetstream_bytes_per_consumer(struct jetstream *jetstream, size_t consumers)
{
	make_stream(jetstream);
	double before = bench_resident_bytes(jetstream->pid);
	for (size_t i = 0; i < consumers; i++) {
		jsConsumerConfig config;
		char name[32];
		snprintf(name, sizeof name, "feed-%zu", i);
		jsConsumerConfig_Init(&config);
		config.Durable = name;
		config.AckPolicy = js_AckAll;
		config.FilterSubject = SUBJECT;
		must(js_AddConsumer(NULL, jetstream->context, STREAM, &config, NULL, NULL), "consumer");
	}
	double after = bench_resident_bytes(jetstream->pid);
	drop_stream(jetstream);
	return (after - before) / (double)consumers;
}
