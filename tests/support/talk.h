/*
 * Short words for tests that speak frames to a running broker (rig.h): submit and hear the answer, read the audit and the
 * log that a stopped broker leaves, and connections that are no clients at all. What goes wrong in here fails the test.
 */
#ifndef LIAISON_TESTS_SUPPORT_TALK_H
#define LIAISON_TESTS_SUPPORT_TALK_H

#include "tests/support/alerts.h"
#include "tests/support/story.h"

/* What a bound on time is to be multiplied with. */
#ifdef __SANITIZE_ADDRESS__
#define SLOWER 8
#else
#define SLOWER 1
#endif

/* Ends it by SIGTERM, which must be clean, and frees it. */
void end_rig(struct rig *rig);

/* --- submissions ------------------------------------------------------------------------------------------------------ */

/* A body signed by itself, and the parts of its submit, for a test to spoil before it is sent. */
struct submission {
	uint8_t *body;
	size_t len;
	uint8_t key[KEY_ID_BYTES], signature[SIGNATURE_BYTES];
	uint32_t leaf_count, leaf;
	uint8_t path[16][DIGEST_BYTES];
	size_t path_len;
};

/* A route of the office, signed by its key. submission_clear frees the body. */
void submission_init(struct submission *submission, struct rig *rig, const char *office, uint64_t sequence);
/* The same with these bytes for a body, which it takes. */
void submission_of(struct submission *submission, struct rig *rig, const char *office, uint8_t *body, size_t len);
void submission_clear(struct submission *submission);
/* Signs what stands there: leaf count and root (a batch of one: the body's hash). */
void submission_sign(
	struct submission *submission, const struct secret_keys *keys, const char *network, const struct digest *root);
/* Sends it as a submit of one item. */
void submission_send(const struct submission *submission, struct rig_client *client);

/* Sends alerts, each as a batch of one; the alert is freed. */
void send_alert(
	struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence, Liaison__Alert *alert);
void send_route(struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence);

/* The code of the next refusal, of its one item or of the whole frame. */
Liaison__Code refusal_code(struct rig_client *client);
/* The index in the next receipt, which has one item. */
uint64_t receipt_index(struct rig_client *client);
/* Publishes a route and returns its index: the broker lives, and so much stands in its log. */
uint64_t publish_route(struct rig *rig, struct rig_client *client, const char *office, uint64_t sequence);

/* The next frame that is neither trust nor progress. */
const Liaison__Frame *next_answer(struct rig_client *client);
/* Until the connection ends; the code of the goodbye that came before it, or CODE_OK without one. */
Liaison__Code await_end(struct rig_client *client);

/* --- what a stopped broker leaves ------------------------------------------------------------------------------------- */

/* Rows of the audit with that code (and office, unless NULL). */
size_t audit_count(const struct rig *rig, enum liaison_err code, const char *office);
/* Records of the log of that type (enum record_type), and the last one's payload, from malloc, unless `payload` is NULL. */
size_t log_count(const struct rig *rig, int type, uint8_t **payload, size_t *len);

/* --- strangers -------------------------------------------------------------------------------------------------------- */

/* A TCP connection to the broker that says nothing, from the loopback address 127.0.0.`from`; -1 if it is refused. */
int tcp_connect(const struct rig *rig, uint8_t from);
/* A plain libzmq DEALER with the office's keys (NULL: keys of nobody), not connected yet. */
struct stranger {
	void *context; /* NULL: the caller's */
	void *socket;
};
/* In the context, or in one of its own where that is NULL. */
struct stranger stranger_new(void *context, struct rig *rig, const char *office);
void stranger_connect(struct stranger *stranger, const struct rig *rig);
void stranger_free(struct stranger *stranger);

/*
 * Resident memory of the broker (0 under the address sanitizer, whose own would be all that is seen), and the processor time
 * that it has used, from /proc.
 */
size_t broker_rss_bytes(const struct rig *rig);
int64_t broker_cpu_ms(const struct rig *rig);

#endif
