#include "tests/support/talk.h"

#include "broker/log.h"
#include "broker/store.h"
#include "proto/envelope.h"
#include "proto/signing.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#define END_MS 10000

static void
give_up(const char *what, const char *detail)
{
	fprintf(stderr, "talk: %s: %s\n", what, detail);
	abort();
}

void
end_rig(struct rig *rig)
{
	if (rig->pid > 0) {
		int status = rig_stop(rig, SIGTERM);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			give_up("the broker", "did not end cleanly");
	}
	rig_free(rig);
}

/* --- submissions ---------------------------------------------------------------------------------------------------- */

void
submission_sign(
	struct submission *submission, const struct secret_keys *keys, const char *network, const struct digest *root)
{
	struct digest leaf;
	uint8_t payload[4 + DIGEST_BYTES];
	struct key_id key;

	envelope_body_hash(submission->body, submission->len, &leaf);
	batch_payload(submission->leaf_count, root != NULL ? root : &leaf, payload);
	if (sign_bytes(DOMAIN_ALERT, network, payload, sizeof payload, keys->signing, &keys->signing_public,
		    submission->signature) != LIAISON_OK)
		give_up("sign", network);
	key_id_of(&keys->signing_public, &key);
	memcpy(submission->key, key.bytes, sizeof key.bytes);
}

void
submission_of(struct submission *submission, struct rig *rig, const char *office, uint8_t *body, size_t len)
{
	*submission = (struct submission){.body = body, .len = len, .leaf_count = 1};
	submission_sign(submission, world_keys(rig->world, office), WORLD_NETWORK, NULL);
}

void
submission_init(struct submission *submission, struct rig *rig, const char *office, uint64_t sequence)
{
	Liaison__Alert *alert = a_route_alert();
	size_t len;
	uint8_t *body = rig_body(rig, alert, office, sequence, &len);

	liaison__alert__free_unpacked(alert, NULL);
	submission_of(submission, rig, office, body, len);
}

void
submission_clear(struct submission *submission)
{
	free(submission->body);
	submission->body = NULL;
}

void
submission_send(const struct submission *submission, struct rig_client *client)
{
	struct submission parts = *submission; /* protobuf-c's structs want what they point to writable */
	Liaison__Submit submit = LIAISON__SUBMIT__INIT;
	Liaison__SubmitItem item = LIAISON__SUBMIT_ITEM__INIT, *items[1] = {&item};
	Liaison__Frame frame = LIAISON__FRAME__INIT;
	ProtobufCBinaryData path[16];

	for (size_t i = 0; i < parts.path_len; i++)
		path[i] = (ProtobufCBinaryData){DIGEST_BYTES, parts.path[i]};
	item.has_leaf = item.has_body = 1;
	item.leaf = parts.leaf;
	item.body = (ProtobufCBinaryData){parts.len, parts.body};
	item.n_path = parts.path_len;
	item.path = path;
	submit.has_request = submit.has_key = submit.has_leaf_count = submit.has_signature = 1;
	submit.request = ++client->next_request;
	submit.key = (ProtobufCBinaryData){sizeof parts.key, parts.key};
	submit.leaf_count = parts.leaf_count;
	submit.signature = (ProtobufCBinaryData){sizeof parts.signature, parts.signature};
	submit.n_items = 1;
	submit.items = items;
	frame.frame_case = LIAISON__FRAME__FRAME_SUBMIT;
	frame.submit = &submit;
	rig_send(client, &frame);
}

void
send_alert(struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence, Liaison__Alert *alert)
{
	struct submission submission;
	size_t len;
	uint8_t *body = rig_body(rig, alert, office, sequence, &len);

	liaison__alert__free_unpacked(alert, NULL);
	submission_of(&submission, rig, office, body, len);
	submission_send(&submission, client);
	submission_clear(&submission);
}

void
send_route(struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence)
{
	send_alert(rig, client, office, sequence, a_route_alert());
}

Liaison__Code
refusal_code(struct rig_client *client)
{
	const Liaison__Refusal *refusal = rig_expect(client, LIAISON__FRAME__FRAME_REFUSAL)->refusal;

	if (refusal->n_items > 1)
		give_up("refusal", "of several items");
	return refusal->n_items == 1 ? refusal->items[0]->code : refusal->code;
}

uint64_t
receipt_index(struct rig_client *client)
{
	const Liaison__Receipt *receipt = rig_expect(client, LIAISON__FRAME__FRAME_RECEIPT)->receipt;

	if (receipt->n_items != 1)
		give_up("receipt", "not of one item");
	return receipt->items[0]->index;
}

uint64_t
publish_route(struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence)
{
	send_route(rig, client, office, sequence);
	return receipt_index(client);
}

Liaison__Code
await_end(struct rig_client *client)
{
	const Liaison__Frame *frame;
	Liaison__Code code = LIAISON__CODE__CODE_OK;
	int64_t began = clock_system()->monotonic_ms(NULL);

	while ((frame = rig_receive(client, END_MS)) != NULL)
		if (frame->frame_case == LIAISON__FRAME__FRAME_GOODBYE)
			code = frame->goodbye->code;
	if (clock_system()->monotonic_ms(NULL) - began >= END_MS)
		give_up("connection", "did not end");
	return code;
}

/* --- what a stopped broker leaves ----------------------------------------------------------------------------------- */

struct audit_query {
	enum liaison_err code;
	const char *office;
	size_t count;
};

static void
count_row(void *arg, const struct audit_row *row)
{
	struct audit_query *query = arg;

	query->count += row->code == query->code &&
			(query->office == NULL || (row->office != NULL && strcmp(row->office, query->office) == 0));
}

size_t
audit_count(const struct rig *rig, enum liaison_err code, const char *office)
{
	struct audit_query query = {.code = code, .office = office};
	struct store *store = NULL;
	struct fault fault = {.message = ""};
	char path[512];

	assert(rig->pid == -1);
	snprintf(path, sizeof path, "%s/state.db", rig->config.data_dir);
	if (store_open(path, &store, &fault) != LIAISON_OK ||
		store_each_audit(store, 0, count_row, &query, &fault) != LIAISON_OK)
		give_up(path, fault.message);
	store_close(store);
	return query.count;
}

struct log_query {
	int type;
	size_t count, len;
	uint8_t *payload;
};

static enum liaison_err
count_record(void *arg, const struct stored_record *record, const struct log_location *location)
{
	struct log_query *query = arg;

	(void)location;
	if ((int)record->record.type != query->type)
		return LIAISON_OK;
	query->count++;
	free(query->payload);
	query->len = record->record.payload_len;
	query->payload = malloc(query->len + 1);
	assert(query->payload != NULL);
	memcpy(query->payload, record->record.payload, query->len);
	return LIAISON_OK;
}

size_t
log_count(const struct rig *rig, int type, uint8_t **payload, size_t *len)
{
	struct log_query query = {.type = type};
	struct log_visitor visitor = {.on_record = count_record, .arg = &query};
	struct log_report report;
	struct fault fault = {.message = ""};
	char path[512];

	assert(rig->pid == -1);
	snprintf(path, sizeof path, "%s/log", rig->config.data_dir);
	if (log_verify(disk_system(), path, &visitor, &report, &fault) != LIAISON_OK || report.damages > 0)
		give_up(path, fault.message);
	if (payload == NULL) {
		free(query.payload);
	} else {
		*payload = query.payload;
		*len = query.len;
	}
	return query.count;
}

/* --- strangers ------------------------------------------------------------------------------------------------------ */

int
tcp_connect(const struct rig *rig, uint8_t from)
{
	const char *colon = strrchr(rig->endpoint, ':');
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u | from)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert(colon != NULL && fd >= 0);
	if (bind(fd, (struct sockaddr *)&source, sizeof source) != 0)
		give_up("bind", strerror(errno));
	address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct stranger
stranger_new(void *context, struct rig *rig, const char *office)
{
	const struct secret_keys *broker = world_keys(rig->world, rig->broker);
	struct stranger stranger = {.context = context == NULL ? zmq_ctx_new() : NULL};
	uint8_t public_key[32], secret[32];
	int none = 0;

	stranger.socket = zmq_socket(context != NULL ? context : stranger.context, ZMQ_DEALER);
	assert(stranger.socket != NULL);
	if (office != NULL) {
		memcpy(public_key, world_keys(rig->world, office)->transport_public.bytes, 32);
		memcpy(secret, world_keys(rig->world, office)->transport, 32);
	} else {
		randombytes_buf(secret, sizeof secret);
		crypto_scalarmult_base(public_key, secret);
	}
	zmq_setsockopt(stranger.socket, ZMQ_CURVE_SERVERKEY, broker->transport_public.bytes, 32);
	zmq_setsockopt(stranger.socket, ZMQ_CURVE_PUBLICKEY, public_key, 32);
	zmq_setsockopt(stranger.socket, ZMQ_CURVE_SECRETKEY, secret, 32);
	zmq_setsockopt(stranger.socket, ZMQ_LINGER, &none, sizeof none);
	return stranger;
}

void
stranger_connect(struct stranger *stranger, const struct rig *rig)
{
	if (zmq_connect(stranger->socket, rig->endpoint) != 0)
		give_up("connect", zmq_strerror(errno));
}

void
stranger_free(struct stranger *stranger)
{
	zmq_close(stranger->socket);
	if (stranger->context != NULL)
		zmq_ctx_term(stranger->context);
	*stranger = (struct stranger){NULL, NULL};
}

size_t
broker_rss_bytes(const struct rig *rig)
{
#ifdef __SANITIZE_ADDRESS__
	(void)rig;
	return 0;
#else
	char path[64];
	unsigned long long total = 0, resident = 0;

	snprintf(path, sizeof path, "/proc/%d/statm", (int)rig->pid);
	FILE *file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%llu %llu", &total, &resident) != 2)
		give_up(path, "cannot be read");
	fclose(file);
	return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
#endif
}

int64_t
broker_cpu_ms(const struct rig *rig)
{
	char path[64], line[1024];
	unsigned long long user = 0, kernel = 0;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)rig->pid);
	FILE *file = fopen(path, "re");
	size_t got = file != NULL ? fread(line, 1, sizeof line - 1, file) : 0;
	line[got] = '\0';
	const char *after = strrchr(line, ')');
	if (after == NULL ||
		sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &kernel) != 2)
		give_up(path, "cannot be read");
	fclose(file);
	return (int64_t)((user + kernel) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

const Liaison__Frame *
next_answer(struct rig_client *client)
{
	const Liaison__Frame *frame;

	do
		frame = rig_receive(client, 10000);
	while (frame != NULL && (frame->frame_case == LIAISON__FRAME__FRAME_TRUST ||
					frame->frame_case == LIAISON__FRAME__FRAME_PROGRESS));
	if (frame == NULL)
		give_up("answer", "none came");
	return frame;
}
