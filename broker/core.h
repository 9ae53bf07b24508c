/*
 * What the core thread owns: the parts of the broker that its event loop wires together, and one entry for each step of
 * an alert's path. Only broker.c makes one; the files named below each implement the functions under their heading.
 */
#ifndef LIAISON_BROKER_CORE_H
#define LIAISON_BROKER_CORE_H

#include "broker/accept.h"
#include "broker/admit.h"
#include "broker/config.h"
#include "broker/feed.h"
#include "broker/index.h"
#include "broker/log_reader.h"
#include "broker/log_writer.h"
#include "broker/match.h"
#include "broker/rate.h"
#include "broker/store.h"
#include "proto/frame.h"
#include "proto/scan.h"
#include "proto/signature.h"

#include <event2/event.h>

#define CHECKPOINT_BYTES_MAX 256

/* The newest signed checkpoint, and the last consistency proof that was asked for. Owned by receipt.c's functions. */
struct checkpoint_state {
	Liaison__Checkpoint message;
	uint8_t root[DIGEST_BYTES], key[KEY_ID_BYTES], signature[SIGNATURE_BYTES];
	uint64_t proof_from, proof_to;
	struct merkle_path proof;
};

struct answer_state;
struct submit_state;
struct deliver_state;

struct core {
	const struct config *config;
	const struct clock *clock;
	struct event_base *base;
	struct net *net;
	struct accept *accept;
	struct trust *trust;     /* the present view */
	int64_t trust_folder_ns; /* when its folder changed last, as far as it was read */
	struct secret_keys *keys;
	char *log_dir;
	char network[NETWORK_ID_BYTES_MAX + 1];
	struct crossings *crossings;
	struct epoch epoch;
	struct index *index;
	struct log_writer *writer;
	struct log_reader *reader;
	struct log_reader *lookups; /* what is looked up while a record of `reader` is still borrowed */
	struct store *store;
	struct admit *admit;
	struct rate *rate;
	struct feeds *feeds;
	struct match *match;
	struct checkpoint_state checkpoint;
	struct submit_state *submits;
	struct answer_state *answers;
	struct deliver_state *delivery;
	uint64_t log_seen; /* the size that the store was told last */
	bool is_read_only; /* damage, a failed disk, or a log that others have seen further on */
	bool is_tree_lost; /* damage took leaves: no checkpoint and no proof can be made that agrees with earlier ones */
	bool is_storage_full;
	bool is_stopping; /* no new submissions; what is inside goes through */
};

/* --- open.c: `config`, `clock` are set before; a core that failed to open is closed all the same ------------------ */
enum liaison_err core_open(struct core *core, struct fault *fault) LIAISON_MUST_CHECK;
void core_close(struct core *core);

/* --- core.c ------------------------------------------------------------------------------------------------------- */
int64_t core_now(const struct core *core);
int64_t core_monotonic(const struct core *core);
/* This broker takes no more alerts until restarted; says why, once. */
void core_set_read_only(struct core *core, const char *why);

/*
 * What a frame costs beyond its reading counts against its office's rate of signatures, as the work of so many of them:
 * LIAISON_RATE_LIMITED and a sentence, or LIAISON_OK.
 */
#define COST_WRITE 20     /* a durable write of state.db */
#define COST_VERIFY 10    /* a signed document of trust */
#define PROOFS_PER_COST 4 /* a proof of inclusion is read from the disk */
enum liaison_err core_spend(
	struct core *core, const struct session *session, uint32_t cost, struct fault *fault) LIAISON_MUST_CHECK;

/* Answers any frame but a submit with a code and a sentence. */
void core_refuse(
	struct core *core, struct session *session, uint32_t request, enum liaison_err code, const char *sentence);
/* Every refusal goes here: the audit and a log line. `alert_id` and `body_hash` may be NULL. */
void audit_refusal(struct core *core, const char *office, enum liaison_err code, const char *alert_id,
	const struct digest *body_hash, const char *reason);

/* --- dispatch.c: each message to its handler ---------------------------------------------------------------------- */
void dispatch_message(struct core *core, struct session *session, struct net_message *message);
/* --- hello.c ------------------------------------------------------------------------------------------------------ */
void hello_handle(struct core *core, struct session *session, const Liaison__Hello *hello);

/* --- answer.c: receipts and refusals ------------------------------------------------------------------------------ */
enum liaison_err answer_init(struct core *core) LIAISON_MUST_CHECK;
void answer_clear(struct core *core);
/* The session that the job came from, if it is still there and still the same office's. */
struct session *answer_session(const struct core *core, const struct admit_job *job);
/* Takes a job of which every item is settled; answer_flush() tells, once the checkpoint covers what was put. */
void answer_put(struct core *core, struct admit_job *job);
void answer_flush(struct core *core);

/* --- submit.c: from frame to log ---------------------------------------------------------------------------------- */
enum liaison_err submit_init(struct core *core) LIAISON_MUST_CHECK;
void submit_clear(struct core *core);
/* Takes the message. */
void submit_handle(struct core *core, struct session *session, struct net_message *message);
void submit_admitted(struct core *core); /* workers have finished jobs */
void submit_logged(struct core *core);   /* the writer has handed back records */
/* A record that is not an alert (trust, suspension, evidence): references taken. False: the log's queue is full. */
bool submit_record(struct core *core, enum record_type type, struct blob *header, struct blob *payload);
bool submit_is_idle(const struct core *core);

/* --- receipt.c: checkpoints, receipts, proofs --------------------------------------------------------------------- */
/* Signs a checkpoint over the index as it stands. */
enum liaison_err checkpoint_renew(struct core *core) LIAISON_MUST_CHECK;
/* The newest checkpoint, or NULL where the tree is lost. */
Liaison__Checkpoint *checkpoint_newest(struct core *core);
/* Points into core->checkpoint; good until the next call. `from` == 0: none. */
const struct merkle_path *checkpoint_consistency(struct core *core, uint64_t from);
/* Points the fields at the path's nodes; returns how many. */
size_t path_fields(const struct merkle_path *path, ProtobufCBinaryData out[MERKLE_PATH_MAX]);
void proof_handle(struct core *core, struct session *session, const Liaison__ProofRequest *request);

/* --- lookup.c: what a record holds ------------------------------------------------------------------------------------- */
/* The alert in a stored record; the caller's to free. LIAISON_NO_MEMORY. */
enum liaison_err lookup_parse(struct core *core, const struct stored_record *record, struct facts **facts,
	struct fault *fault) LIAISON_MUST_CHECK;
/*
 * The alert that a notice or update refers to, read from the log; *original is NULL if it is not held or not whole. The
 * caller's. LIAISON_NO_MEMORY: ask again later, for nobody may be told now that there is none.
 */
enum liaison_err lookup_original(
	struct core *core, const struct facts *facts, struct facts **original) LIAISON_MUST_CHECK;

/* --- deliver.c and subscribe.c: feeds ----------------------------------------------------------------------------- */
enum liaison_err deliver_init(struct core *core, struct fault *fault) LIAISON_MUST_CHECK;
void deliver_clear(struct core *core);
/*
 * An alert that just became durable, in the order of the log; takes `facts`, references `envelope`. deliver_flush() sends
 * what the calls since the last one put together.
 */
void deliver_alert(struct core *core, uint64_t index, struct facts *facts, struct blob *envelope);
void deliver_flush(struct core *core);
void deliver_wake(struct core *core, struct feed *feed);   /* credit came, or a search is due */
void deliver_forget(struct core *core, struct feed *feed); /* it is about to be detached or freed */
void deliver_session_closed(struct core *core, struct session *session);
void deliver_progress(struct core *core);     /* the fixed tick */
void deliver_save_cursors(struct core *core); /* those that moved */

/* Tells the reader that its channel is over, and detaches the feed, which has a session. */
void subscribe_end(struct core *core, struct feed *feed, enum liaison_err code, const char *why);
/*
 * The present view differs from `before`: feeds whose office may see more begin again from the log's first record. At start
 * too, with the view that the cursors in the store belong to.
 */
void subscribe_trust_changed(struct core *core, const struct trust *before);
void subscribe_handle(struct core *core, struct session *session, const Liaison__Subscribe *subscribe);
void unsubscribe_handle(struct core *core, struct session *session, const Liaison__Unsubscribe *unsubscribe);
void credit_handle(struct core *core, struct session *session, const Liaison__Credit *credit);
void acknowledge_handle(struct core *core, struct session *session, const Liaison__Acknowledge *acknowledge);
void feeds_handle(struct core *core, struct session *session, const Liaison__FeedsRequest *request);

/* --- expiry.c: charter and rosters that come to their end -------------------------------------------------------------- */
/* A log line for each that ends within 30 days, or has. */
void expiry_note(struct core *core);

/* --- adopt.c: new charters, rosters, suspensions ------------------------------------------------------------------ */
/* From a session with right operate. */
void adopt_handle(struct core *core, struct session *session, const Liaison__Trust *trust);
void adopt_suspension_handle(struct core *core, struct session *session, const Liaison__Signed *suspension);
/* From the trust folder; says what was taken. */
void adopt_folder(struct core *core);
/* The same if anything came into it since the last time. */
void adopt_folder_if_changed(struct core *core);
/* From the log, at start: what was adopted in this broker's life. LIAISON_NO_MEMORY. */
enum liaison_err adopt_record(
	struct core *core, const struct stored_record *record, struct fault *fault) LIAISON_MUST_CHECK;
/* Sends what this session's hello says that it lacks. */
void adopt_bring_up_to_date(struct core *core, struct session *session, const Liaison__Hello *hello);
/* The versions that are held, as welcome and trust-state frames want them; one block for the caller to free. */
size_t adopt_versions(const struct core *core, Liaison__RosterVersion ***out);

#endif
